//! One conversation by itself: bare sessions, and handshakes of the application's own.
//!
//! For applications that keep track of sessions, addresses and identities themselves: a bot with one contact, a
//! bridge, another store of contacts. All others use [`Peer`], which does it for them.
//!
//! ```
//! use evanesce::server::PublishedPreKeys;
//! use evanesce::{Account, Address, Payload, PreKeyBundle, Timestamp};
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let rng = &mut ChaCha20Rng::seed_from_u64(1);
//! # let now = Timestamp::from_unix_seconds(1_800_000_000);
//! # let alice = Account::generate(Address::new("user-17/device-1")?, now, rng);
//! # let mut bob = Account::generate(Address::new("user-23/device-1")?, now, rng);
//! # let mut server = PublishedPreKeys::new(bob.pending_upload().expect("a new account has something to publish"));
//!
//! // Compare whose bundle it is with what is known for the address, before a session is initiated with it.
//! let bundle = PreKeyBundle::decode(&server.hand_out())?.verify(now)?;
//! assert_eq!(bundle.device(), &bob.device());
//! let mut alices = alice.initiate(&bundle, rng)?;
//! let hello = alices.encrypt(&Payload::new("Hello Bob"), b"alice and bob", rng)?;
//!
//! // A session is made by the message that opens. Compare whose it is, here too.
//! let accepted = bob.accept(&hello, b"alice and bob", now)?;
//! let mut bobs = accepted.session; // stored with the account, before the arrival is acknowledged
//! assert_eq!(bobs.peer(), &alice.device());
//! let answer = bobs.encrypt(&Payload::new("Hello Alice"), b"alice and bob", rng)?;
//! assert_eq!(alices.decrypt(&answer, b"alice and bob", now)?.body, b"Hello Alice");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing is pinned here: whose a session is, [`VerifiedBundle::device`] says before it is initiated, and
//! [`Session::peer`] after it was accepted.
//!
//! Whoever has agreed on a secret in another way (Noise, a code that is scanned, MLS) begins with that:
//! [`ExternalHandshake`], [`Session::initiate_external`] and [`Session::accept_external`].
//!
//! Which session, if there are several: offer what comes in to those with its sender, newest first; go on to the next
//! at [`DecryptError::OtherSession`] and [`DecryptError::Undecryptable`]; if all say `OtherSession`, or there is
//! none, offer it to [`Account::accept`]; and send in the newest session that has opened something, but of two that
//! both sides began at the same time in the one with the smaller id, or they never meet in one.
//!
//! # When a session is lost
//!
//! The side that lost it finds out by what does not open ([`Peer::note_refusal`]), unless nothing tells whom that is
//! from. It initiates again and sends something, and the other side's peer follows: at once, or, if
//! it waits for an answer itself, perhaps only the second time.
//!
//! The side that did not lose it cannot know before it hears. So after a day without an answer to what it sent
//! [`Peer::session_need`] asks for another session there too, with something to send, and again after growing pauses
//! ([`SessionNeed::Unanswered`]). It costs the other side a one-time prekey each time, also where a person only reads:
//! let devices confirm inside of the encryption what they have received.
//!
//! What was sent in the lost session must be sent again, as new messages under the ids that they had, by either side:
//! when a session was begun ([`Delivered::began_session`], [`Peer::initiate`]), all that nobody has confirmed. The
//! [guide](crate::docs::guide) does it in its fifth step.
//!
//! A message that is refused shows a loss only where its bytes are new: what was opened among the last hundred
//! messages of a peer is a [duplicate](crate::PeerDecryptError::Duplicate) whatever sessions have ended since, and
//! another message under a number that was used is [told apart](crate::PeerDecryptError::NumberReused).
//!
//! [`Account::accept`]: crate::Account::accept
//! [`Delivered::began_session`]: crate::Delivered::began_session
//! [`Peer::initiate`]: crate::Peer::initiate
//! [`Peer::note_refusal`]: crate::Peer::note_refusal
//! [`Peer::session_need`]: crate::Peer::session_need
//! [`Peer`]: crate::Peer
//! [`SessionNeed::Unanswered`]: crate::SessionNeed::Unanswered
//! [`VerifiedBundle::device`]: crate::VerifiedBundle::device

pub(crate) mod beginning;
pub(crate) mod recently_opened;
pub(crate) mod session_id;

pub(crate) mod decrypting;
pub(crate) mod encrypting;
pub(crate) mod external;
mod own_handshake;

pub(crate) mod healing;
pub(crate) mod message_tag;

pub(crate) mod one_conversation;

mod outgoing;
mod proving;
pub(crate) mod recognising;

pub use crate::account::accepting::{AcceptError, Accepted};
pub use crate::crypto::dh::{DhPublicKey, NotCanonical};
pub use crate::handshake::shared_secret::SharedSecret;
pub use crate::ratchet::message_key::Role;
pub use crate::session::beginning::InitiateError;
pub use crate::session::decrypting::DecryptError;
pub use crate::session::encrypting::{EncryptError, SentMessage};
pub use crate::session::external::{ExternalHandshake, RatchetKeyPair};
pub use crate::session::healing::EpochStatus;
pub use crate::session::one_conversation::Session;
pub use crate::session::session_id::SessionId;
