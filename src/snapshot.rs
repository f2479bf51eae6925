//! State at rest: what is stored and when, sealed under a [`StorageKey`] or plain, and what to do after a restore.
//!
//! ```
//! use evanesce::snapshot::StorageKey;
//! use evanesce::{Account, Address, Timestamp};
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let rng = &mut ChaCha20Rng::seed_from_u64(1);
//! # let now = Timestamp::from_unix_seconds(1_800_000_000);
//!
//! // 32 bytes from the operating system's key store, or made of a passphrase by a password hash.
//! let key = StorageKey::new(&[7; 32]);
//! let account = Account::generate(Address::new("user-17/device-1")?, now, rng);
//!
//! // Each row is sealed to its place: moved to another, it does not open.
//! let place = key.row_name(b"account");
//! let row = account.seal(&key, &place, rng);
//! let restored = Account::unseal(&row, &key, &place)?;
//! assert_eq!(restored.device(), account.device());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Account::snapshot`] gives plain bytes for stores that are encrypted as a whole, [`Account::seal`]
//! sealed ones; so do [`Peer`], [`Person`](crate::person::Person), [`OwnDevices`], [`Group`], [`Invitations`],
//! [`HeldMessages`], [`Session`] and, for those who store it whole, [`ExpiryScheduler`].
//! [`StorageKey::seal`] is for rows of the application's own. Later releases read what this one writes.
//!
//! # What to store, and when
//!
//! A call changes what is in memory only if it succeeds, and most say what changed: [`Changes`]. Write that in
//! one transaction, with the rows of your own that are named here, before the next step.
//!
//! | call | one transaction | then |
//! |---|---|---|
//! | [`Account::generate`], [`Account::set_limits`] | account | anything |
//! | [`Peer::pinned`] (a [`Peer::new`] may wait for its first change) | peer | |
//! | [`Account::maintain`], [`Account::rotate_signed_prekey`], [`Account::add_one_time_prekeys`], [`Account::republish_prekeys`], [`Account::replace_prekeys`], [`Account::change_address`] | account | publish the upload |
//! | [`Account::mark_published`], once the server has it | account | |
//! | [`Peer::initiate`], [`Peer::accept_request`], [`Peer::refuse`], [`Peer::set_back_to_request`] | peer | |
//! | [`Peer::note_refusal`], [`Peer::note_identity`], [`Peer::accept_identity`], [`Peer::reject_identity`], [`Peer::keep_identity`] | peer | |
//! | [`Peer::change_address`], [`Peer::follow_bundle`], [`Peer::own_address_changed`] | peer, in the row that it had | |
//! | [`Peer::drop_sessions`], [`Peer::set_limits`], [`Peer::set_session_limits`], [`Peer::maintain`], [`Peer::request_epoch`] | peer | |
//! | [`Peer::encrypt`] | peer, and the bytes in an outbox | send them; when the server has them, forget them |
//! | calls of [`OwnDevices`] and [`Recipients`](crate::person::Recipients), [`Person::adopt`] | what their [`PeopleChanges`](crate::person::PeopleChanges) name (of those without any the own devices, or the person), and all messages in an outbox | send them, or publish the list |
//! | [`OwnDevices::create_group`], calls of [`InGroup`], [`Groups::respond`], [`Groups::maintain`] | what their [`GroupChanges`] name, one's own text with its evidence, and all messages in an outbox | send them, those to single devices first |
//! | [`Groups::hear`] | what it and [`OwnDevices::decrypt`] changed, with the message | offer again what it unblocks; acknowledge |
//! | [`Groups::decrypt`], [`Group::decrypt`] | what it changed, and what the message says, with its evidence | the same |
//! | the same, refused as [`GroupDecryptError::Missing`] or [`GroupDecryptError::Undecryptable`] | the group, [`HeldMessages`], and the bytes under the number that [`HeldMessages::refused`] gives | acknowledge |
//! | the same, refused as [`GroupDecryptError::Forked`] | the group | acknowledge |
//! | [`Groups::join`], [`Groups::decline`] | what it changed | offer again what it unblocks |
//! | [`Peer::decrypt`], [`Peer::decrypt_established`] | account if it changed, peer, and what the message says, with its evidence, context and postmark if users can report | acknowledge to the server |
//! | refused as [`PeerDecryptError::IdentityChanged`] | the peer, as [`Peer::note_refusal`] says, and the bytes as they came; within bounds, for anyone can send such | acknowledge; ask the user; after [`Peer::accept_identity`] offer them again |
//! | refused as [`PeerDecryptError::AddressChanged`] | the bytes as they came, within bounds | acknowledge; after [`Peer::change_address`] offer them again |
//! | refused otherwise | the peer, as [`Peer::note_refusal`] says; or the bytes of [`PeerDecryptError::Unsupported`] | as the table of [`PeerDecryptError`] says |
//!
//! Stopped anywhere, a device starts from what it stored: it sends its outbox again, and the server delivers
//! again what was not acknowledged ([`PeerDecryptError::Duplicate`]: acknowledge; of more than a hundred messages
//! back also [`PeerDecryptError::Undecryptable`]). Nothing is lost, nothing is shown twice, and no key meets two texts.
//!
//! - Several calls may share a transaction ([`Changes::and`]), if nothing leaves or is acknowledged before it.
//! - **If a transaction fails**, what is in memory is ahead of the store: drop account and peer, and restore
//!   both, before anything else.
//! - **One process and one thread** at a time holds an account and its peers. Two that go on from one state are
//!   as bad as a restored backup.
//! - **The row of a peer that has a session is never deleted**, whatever the user deletes:
//!   [`Peer::set_back_to_request`].
//! - If it cannot be one transaction, write peer and message first and the account last, never the other way.
//! - With bare sessions it is the same: [`Session::encrypt`], [`Session::encrypt_with_evidence`], [`Session::decrypt`],
//!   [`Session::request_epoch`], [`Session::set_limits`] and [`Session::maintain`], if it dropped keys, change the session;
//!   [`Account::accept`] the account too.
//!
//! # After a restore from a backup
//!
//! Never go on from an older state. An application notices one by a number that it keeps beside the storage
//! key or at the server, outside of the backup, and changes at each start; [`Account::maintain`] notices it by what the
//! server has had, if that is honest ([`StockDisagreement::AccountWentBack`]). Then, before anything that comes is
//! taken in:
//!
//! 1. [`Peer::drop_sessions`] for all peers, and store them.
//! 2. [`ExpiryScheduler::restored_from_backup`], store its writes, and empty the outbox.
//! 3. [`Account::replace_prekeys`], store the account, and publish the upload: it takes the place of all that the
//!    server has of this device. The former prekeys are gone, so that nothing opens a second time that was opened since the backup.
//!    What is lost by it: first messages that were under way, or had not been fetched, and name a former prekey. Their
//!    senders begin anew when they hear of us, or when nobody answers them for a day.
//! 4. Begin a session with each accepted peer, as [`SessionNeed::Lost`] says, and send something in it.
//!
//! Where people have several devices one call does the first three: [`OwnDevices::restored_from_backup`], and with groups
//! [`OwnDevices::restored_with_groups`], which also ends this device's chains. Who keeps groups apart calls
//! [`Groups::restored_from_backup`] or [`Group::restored_from_backup`]; store the groups too, before anything is sent to them.
//!
//! What users decided since is forgotten: ask again for requests, refusals and changed identities, and let safety
//! numbers be compared.
//!
//! [`Account::accept`]: crate::Account::accept
//! [`Peer::request_epoch`]: crate::Peer::request_epoch
//! [`Session::encrypt_with_evidence`]: crate::session::Session::encrypt_with_evidence
//! [`Session::request_epoch`]: crate::session::Session::request_epoch
//! [`Session::set_limits`]: crate::session::Session::set_limits
//! [`Account::add_one_time_prekeys`]: crate::Account::add_one_time_prekeys
//! [`Account::change_address`]: crate::Account::change_address
//! [`Account::generate`]: crate::Account::generate
//! [`Account::maintain`]: crate::Account::maintain
//! [`Account::mark_published`]: crate::Account::mark_published
//! [`Account::replace_prekeys`]: crate::Account::replace_prekeys
//! [`Account::republish_prekeys`]: crate::Account::republish_prekeys
//! [`Account::rotate_signed_prekey`]: crate::Account::rotate_signed_prekey
//! [`Account::seal`]: crate::Account::seal
//! [`Account::set_limits`]: crate::Account::set_limits
//! [`Account::snapshot`]: crate::Account::snapshot
//! [`Group::decrypt`]: crate::group::Group::decrypt
//! [`Group::restored_from_backup`]: crate::group::Group::restored_from_backup
//! [`GroupChanges`]: crate::group::GroupChanges
//! [`GroupDecryptError::Forked`]: crate::group::GroupDecryptError::Forked
//! [`GroupDecryptError::Missing`]: crate::group::GroupDecryptError::Missing
//! [`GroupDecryptError::Undecryptable`]: crate::group::GroupDecryptError::Undecryptable
//! [`Group`]: crate::group::Group
//! [`Groups::decline`]: crate::group::Groups::decline
//! [`Groups::decrypt`]: crate::group::Groups::decrypt
//! [`Groups::hear`]: crate::group::Groups::hear
//! [`Groups::join`]: crate::group::Groups::join
//! [`Groups::maintain`]: crate::group::Groups::maintain
//! [`Groups::respond`]: crate::group::Groups::respond
//! [`Groups::restored_from_backup`]: crate::group::Groups::restored_from_backup
//! [`HeldMessages::refused`]: crate::group::HeldMessages::refused
//! [`HeldMessages`]: crate::group::HeldMessages
//! [`InGroup`]: crate::group::InGroup
//! [`Invitations`]: crate::group::Invitations
//! [`OwnDevices::create_group`]: crate::person::OwnDevices::create_group
//! [`OwnDevices::decrypt`]: crate::person::OwnDevices::decrypt
//! [`OwnDevices::restored_from_backup`]: crate::person::OwnDevices::restored_from_backup
//! [`OwnDevices::restored_with_groups`]: crate::person::OwnDevices::restored_with_groups
//! [`OwnDevices`]: crate::person::OwnDevices
//! [`Person::adopt`]: crate::person::Person::adopt
//! [`Changes::and`]: crate::Changes::and
//! [`Changes`]: crate::Changes
//! [`ExpiryScheduler::restored_from_backup`]: crate::expiry::ExpiryScheduler::restored_from_backup
//! [`ExpiryScheduler`]: crate::expiry::ExpiryScheduler
//! [`Peer::accept_identity`]: crate::Peer::accept_identity
//! [`Peer::accept_request`]: crate::Peer::accept_request
//! [`Peer::change_address`]: crate::Peer::change_address
//! [`Peer::own_address_changed`]: crate::Peer::own_address_changed
//! [`Peer::decrypt_established`]: crate::Peer::decrypt_established
//! [`Peer::decrypt`]: crate::Peer::decrypt
//! [`Peer::drop_sessions`]: crate::Peer::drop_sessions
//! [`Peer::encrypt`]: crate::Peer::encrypt
//! [`Peer::follow_bundle`]: crate::Peer::follow_bundle
//! [`Peer::initiate`]: crate::Peer::initiate
//! [`Peer::keep_identity`]: crate::Peer::keep_identity
//! [`Peer::maintain`]: crate::Peer::maintain
//! [`Peer::new`]: crate::Peer::new
//! [`Peer::note_identity`]: crate::Peer::note_identity
//! [`Peer::note_refusal`]: crate::Peer::note_refusal
//! [`Peer::pinned`]: crate::Peer::pinned
//! [`Peer::refuse`]: crate::Peer::refuse
//! [`Peer::reject_identity`]: crate::Peer::reject_identity
//! [`Peer::set_back_to_request`]: crate::Peer::set_back_to_request
//! [`Peer::set_limits`]: crate::Peer::set_limits
//! [`Peer::set_session_limits`]: crate::Peer::set_session_limits
//! [`PeerDecryptError::AddressChanged`]: crate::PeerDecryptError::AddressChanged
//! [`PeerDecryptError::Duplicate`]: crate::PeerDecryptError::Duplicate
//! [`PeerDecryptError::IdentityChanged`]: crate::PeerDecryptError::IdentityChanged
//! [`PeerDecryptError::Undecryptable`]: crate::PeerDecryptError::Undecryptable
//! [`PeerDecryptError::Unsupported`]: crate::PeerDecryptError::Unsupported
//! [`PeerDecryptError`]: crate::PeerDecryptError
//! [`Peer`]: crate::Peer
//! [`Session::decrypt`]: crate::session::Session::decrypt
//! [`Session::encrypt`]: crate::session::Session::encrypt
//! [`Session::maintain`]: crate::session::Session::maintain
//! [`SessionNeed::Lost`]: crate::SessionNeed::Lost
//! [`Session`]: crate::session::Session
//! [`StockDisagreement::AccountWentBack`]: crate::StockDisagreement::AccountWentBack

pub(crate) mod sealed;

mod format;
mod sealed_record;

pub use crate::snapshot::sealed::{SnapshotError, StorageKey};
