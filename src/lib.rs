//! Signal-grade private messaging as a pure state machine: X3DH session setup, the Double Ratchet with
//! encrypted headers, and disappearing messages whose timers come to agree.
//!
//! Bytes, keys and the caller's clock go in; bytes, keys and deadlines come out. There is no I/O, no clock and no
//! randomness of its own: `rng` is any [`rand_core::CryptoRng`] (the operating system's, for keys that
//! people trust), `now` is a [`Timestamp`]. What every byte means is in `docs/protocol.md`; `docs/guide.md` leads
//! through an application in ten steps.
//!
//! # A conversation
//!
//! ```
//! use evanesce::{Account, Address, Payload, Peer, PreKeyBundle, PublishedPreKeys, Timestamp};
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let rng = &mut ChaCha20Rng::seed_from_u64(1);
//! # let now = Timestamp::from_unix_seconds(1_800_000_000);
//!
//! // An account is one device. Bob publishes prekeys; his server hands each one-time prekey out once.
//! let mut alice = Account::generate(Address::new("alice/laptop")?, now, rng);
//! let mut bob = Account::generate(Address::new("bob/phone")?, now, rng);
//! let upload = bob.maintain(None, now, rng).upload.expect("a new account has something to publish");
//! let changes = bob.mark_published(&upload);
//! let mut server = PublishedPreKeys::new(upload);
//!
//! // A peer is another device. Only a verified bundle begins a session with it, and only one that is of
//! // its address and of the identity that is pinned for it: the first to come, if none is.
//! let mut bobs_phone = Peer::new(Address::new("bob/phone")?);
//! let bundle = PreKeyBundle::decode(&server.hand_out())?.verify(now)?;
//! let changes = bobs_phone.initiate(&alice, bundle, now, rng)?; // store what changed, here as below
//! let sent = bobs_phone.encrypt(&Payload::new("Hello Bob"), b"", now, rng)?;
//!
//! // Who writes first is a request: it is read, and then accepted or refused. Who it is from is a claim
//! // until safety numbers have been compared.
//! let mut alices_laptop = Peer::new(Address::new("alice/laptop")?);
//! let delivered = alices_laptop.decrypt(&mut bob, &sent.message, b"", now)?;
//! assert_eq!(delivered.received.body, b"Hello Bob");
//! let changes = alices_laptop.accept_request();
//!
//! let sent = alices_laptop.encrypt(&Payload::new("Hello Alice"), b"", now, rng)?;
//! let delivered = bobs_phone.decrypt(&mut alice, &sent.message, b"", now)?;
//! assert_eq!(delivered.received.body, b"Hello Alice");
//! # let _ = changes;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Session`] is the layer below: one conversation, for applications that keep track of sessions,
//! addresses and identities themselves, or have a handshake of their own ([`ExternalHandshake`]).
//!
//! # Who it is
//!
//! A [`Peer`] pins the first identity that comes with its address, and refuses any other until the user
//! agrees ([`Peer::accept_identity`]). What is known at first contact is a claim, and becomes knowledge when
//! two people compare their [`SafetyNumber`]. With bare sessions, compare [`VerifiedBundle::device`] before you
//! initiate, and [`Session::peer`] after you accept, with what is known for the address.
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
//! | [`Account::maintain`], [`Account::rotate_signed_prekey`], [`Account::add_one_time_prekeys`], [`Account::replace_prekeys`], [`Account::republish_prekeys`] | account | publish the upload |
//! | [`Account::mark_published`], once the server has it | account | |
//! | [`Peer::initiate`], [`Peer::accept_request`], [`Peer::refuse`], [`Peer::accept_identity`], [`Peer::reject_identity`], [`Peer::note_refusal`], [`Peer::drop_sessions`], [`Peer::set_limits`], [`Peer::set_session_limits`], [`Peer::maintain`] | peer | |
//! | [`Peer::encrypt`] | peer, and the bytes in an outbox | send them; when the server has them, forget them |
//! | [`Peer::decrypt`] | account if it changed, peer, and what the message says | acknowledge to the server |
//! | refused as [`PeerDecryptError::IdentityChanged`] | the bytes as they came; within bounds, for anyone can send such | acknowledge; ask the user; after [`Peer::accept_identity`] offer them again |
//! | refused otherwise | nothing, or the bytes of [`PeerDecryptError::Unsupported`] | as the table of [`PeerDecryptError`] says |
//!
//! Stopped anywhere, a device starts from what it stored: it sends its outbox again, and the server delivers
//! again what was not acknowledged ([`PeerDecryptError::Duplicate`]: acknowledge; if it comes out of order, also
//! [`PeerDecryptError::Undecryptable`]). Nothing is lost, nothing is shown twice, and no key meets two texts.
//!
//! - Several calls may share a transaction ([`Changes::and`]), if nothing leaves or is acknowledged before it.
//! - **If a transaction fails**, what is in memory is ahead of the store: drop account and peer, and restore
//!   both, before anything else.
//! - **One process and one thread** at a time holds an account and its peers. Two that go on from one state are
//!   as bad as a restored backup.
//! - If it cannot be one transaction, write peer and message first and the account last, never the other way.
//! - With bare sessions it is the same: [`Session::encrypt`], [`Session::decrypt`] and [`Session::maintain`],
//!   if it dropped keys, change the session; [`Account::accept`] the account too.
//!
//! [`Account::snapshot`] gives plain bytes for stores that are encrypted as a whole, [`Account::seal`]
//! sealed ones; so do [`Peer`] and [`Session`]. [`StorageKey::row_name`] hides whose row it is. Later releases read
//! what this one writes.
//!
//! # After a restore from a backup
//!
//! Never go on from an older state. An application notices one by a number that it keeps beside the storage
//! key or at the server, outside of the backup, and changes at each start; [`Account::maintain`] tells what the server
//! shows of it ([`StockDisagreement::AccountWentBack`]). Then, before anything else: call
//! [`Peer::drop_sessions`] for all peers, [`ExpiryScheduler::restored_from_backup`], and empty the outbox; publish what
//! [`Account::replace_prekeys`] gives, which takes the place of all that the server has of this device;
//! and begin a session with each accepted peer, as [`SessionNeed::Lost`] says. What users
//! decided since is forgotten: ask again for requests, refusals and changed identities, and let safety numbers be compared.
//! The former prekeys are deleted, or what was opened since the backup would open once more; first messages that were
//! under way are lost by it, and their senders begin anew.
//!
//! # When a session is lost
//!
//! The side that lost it finds out by what does not open ([`Peer::note_refusal`]), unless nothing tells whom that is
//! from. It initiates again and sends something, and the other side's peer follows: at once, or, if
//! it waits for an answer itself, perhaps only the second time. What was under way must be sent again:
//! [`Delivered::began_session`]. The side that did not lose it cannot know before it hears; where it matters, let
//! messages be acknowledged inside the encryption.
//!
//! With bare sessions: offer what comes in to the sessions with its sender, newest first; go on to the next at
//! [`DecryptError::OtherSession`] and [`DecryptError::Undecryptable`]; if all say `OtherSession`, or there is
//! none, offer it to [`Account::accept`]; and send in the newest session that has opened something, but of two that
//! both sides began at the same time in the one with the smaller id, or they never meet in one. [`Peer`] does all
//! that, and more.
//!
//! # Messages that disappear
//!
//! An [`ExpiryScheduler`] holds the timers of an account. Its [`Stamp`] goes into each [`Payload`], the stamp of what
//! came in goes into the scheduler, and [`Now`] gives both sides the time: [`Now::timestamp`] is for sessions.
//!
//! ```
//! use evanesce::{
//!     Age, ConversationId, ExpiryScheduler, MemberTag, MessageId, NewMessage, Now, Payload, Policy, Stamp,
//!     Verdict, Visibility,
//! };
//! use std::time::Duration;
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let rng = &mut ChaCha20Rng::seed_from_u64(1);
//! # let (alice, bob) = (MemberTag([1; 8]), MemberTag([2; 8]));
//! # let at = |seconds: u64| Now::from_wall(Duration::from_secs(1_800_000_000 + seconds));
//! let (mut alices, mut bobs) = (ExpiryScheduler::new(at(0), rng), ExpiryScheduler::new(at(0), rng));
//!
//! // Alice sets a timer. Of each call she stores what it says in `writes`, with her own rows.
//! let with_bob = ConversationId::named(b"bob");
//! let effects = alices.set(with_bob, Some(Policy::after_read(Duration::from_secs(60))), alice, at(0));
//!
//! // Each message carries it, inside of the encryption.
//! let (id, stamp) = (MessageId::from(1), alices.stamp(with_bob));
//! let payload = Payload::new("Read me").with_stamp(stamp.clone());
//! let arrival = alices.queued(NewMessage::new(id, with_bob, alice), &stamp, at(1));
//! let effects = alices.sent(id, Age::NONE, at(2)); // `peer.encrypt(&payload, ..)`, and the server has it
//!
//! // Bob's `peer.decrypt(..)` gives the stamp, as a result that may be malformed. He needs nothing else.
//! let with_alice = ConversationId::named(b"alice");
//! let message = NewMessage::new(MessageId::from(77), with_alice, alice);
//! let arrival = bobs.received(message, &Ok(payload.stamp), Age::NONE, at(10));
//! assert_eq!(arrival.verdict, Verdict::Keep); // store it
//! let effects = bobs.read(MessageId::from(77), at(100));
//! assert_eq!(bobs.stamp(with_alice), stamp, "his messages live as long as hers");
//!
//! // Her copy ends a minute after she sent it, his a minute after he read it.
//! assert_eq!(alices.poll(10, at(62)).due[0].id, id); // delete the parts that it names, then: alices.done(..)
//! assert_eq!(bobs.next_wakeup(at(100)), Some(Duration::from_secs(60)));
//! assert_eq!(bobs.visibility(MessageId::from(77), at(159)), Visibility::Shown);
//! assert_eq!(bobs.visibility(MessageId::from(77), at(160)), Visibility::Gone);
//! # let _ = (effects, arrival);
//! ```
//!
//! - A payload with an empty body and a stamp is a change of the setting, or an echo of it: give it to
//!   [`ExpiryScheduler::heard`] and show nothing else of it.
//! - Keys that are held for late messages follow the timer if they are told:
//!   [`ExpiryScheduler::session_limits`] into [`Peer::set_session_limits`], whenever it changes and for each new peer.
//! - Views once, vanishing on close, quotes, edits, taking back, other own devices: methods of
//!   [`ExpiryScheduler`].
//! - An application that keeps deadlines in a column of its own table, with an index, needs only [`Setting::merge`],
//!   [`Life`] and, if it likes, [`EngineClock`].
//!
//! # People with several devices
//!
//! A peer is one device. What devices a person has, a server can claim and get wrong: show a new one before
//! you write to it, or it reads along. Let users accept, refuse and verify people, and do so for each of their
//! devices; own devices are [`Peer::pinned`].
//!
//! # Features
//!
//! `serde`, on by default, adds implementations of serde's traits: of public values, and of states as the
//! bytes of their snapshots. No feature changes a byte on the wire or in the store.

#![no_std]
#![forbid(unsafe_code)]
#![warn(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    clippy::panic,
    clippy::string_slice,
    clippy::todo,
    clippy::unimplemented,
    clippy::unreachable,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm
)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

extern crate alloc;

/// The README's program is compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod crypto;
mod time;

#[cfg(test)]
mod known_answers;
mod wire;

mod stored;

mod identity;
mod limits;

mod expiry;
mod prekeys;
mod safety_number;

mod handshake;
mod ratchet;

mod session;

mod changes;

mod account;

mod peer;

mod snapshot;

#[cfg(fuzzing)]
pub mod fuzzing;

pub use rand_core;
pub use zeroize;

pub use account::accepting::{AcceptError, Accepted};
pub use account::{Account, Maintained};
pub use changes::{Changes, SpentPreKey};
pub use crypto::dh::{DhPublicKey, NotCanonical};
pub use expiry::age::Age;
pub use expiry::arrivals::{EditError, PartsAdded, Unsent};
pub use expiry::content_key::ContentKey;
pub use expiry::effects::{DeviceEvent, Due, Effects, ExpiryEvent, Poll, SettingRefusal};
pub use expiry::engine_clock::EngineClock;
pub use expiry::life::{Life, Terms};
pub use expiry::message_id::{ConversationId, MessageId};
pub use expiry::new_message::{Arrival, NewMessage, Verdict};
pub use expiry::parts::Parts;
pub use expiry::queue::DeadlineQueue;
pub use expiry::reading::{OpenError, Opening, Visibility};
pub use expiry::record::{RecordError, RecordKey, RecordWrite};
pub use expiry::scheduler::ExpiryScheduler;
pub use handshake::shared_secret::SharedSecret;
pub use identity::{Address, AddressLength, Device, IdentityKey, IdentityKeyError};
pub use limits::{ExpiryLimits, Limits, PeerLimits, PreKeyLimits, SessionLimits};
pub use peer::Peer;
pub use peer::contact::Contact;
pub use peer::delivery::{Delivered, PeerDecryptError};
pub use peer::dispatch::{Encrypted, PeerEncryptError, SessionNeed};
pub use peer::initiating::PeerInitiateError;
pub use prekeys::publication::StockDisagreement;
pub use prekeys::published::PublishedPreKeys;
pub use prekeys::verified_bundle::{VerifiedBundle, VerifyError};
pub use ratchet::message_key::Role;
pub use safety_number::{SafetyNumber, ScanError};
pub use session::decrypting::{DecryptError, Received};
pub use session::encrypting::EncryptError;
pub use session::external::{ExternalHandshake, RatchetKeyPair};
pub use session::{InitiateError, Session, SessionId};
pub use snapshot::sealed::{SnapshotError, StorageKey};
pub use time::{EngineTime, Monotonic, Now, Timestamp};
pub use wire::codec::DecodeError;
pub use wire::message::{Envelope, InitialMessage, RatchetMessage};
pub use wire::payload::{MalformedStamp, Payload};
pub use wire::prekey_bundle::{OneTimePreKeyPublic, PreKeyBundle};
pub use wire::prekey_stock::PreKeyStock;
pub use wire::prekey_upload::PreKeyUpload;
pub use wire::stamp::{
    MemberTag, Opens, Policy, Setting, SettingVersion, Stamp, StampedSetting, VersionOutOfRange,
};
