//! Signal-grade private messaging as a pure state machine: X3DH session setup, the Double Ratchet with
//! encrypted headers, and messages that say how long they live.
//!
//! Bytes, keys and the caller's clock go in; bytes and keys come out. There is no I/O, no clock and no
//! randomness of its own: `rng` is any [`rand_core::CryptoRng`] (the operating system's, for keys that
//! people trust), `now` is a [`Timestamp`]. What every byte means is in `docs/protocol.md`.
//!
//! # A conversation
//!
//! ```
//! use evanesce::{Account, Address, Payload, PreKeyBundle, PublishedPreKeys, Timestamp};
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let rng = &mut ChaCha20Rng::seed_from_u64(1);
//! # let now = Timestamp::from_unix_seconds(1_800_000_000);
//!
//! // An account is one device. Bob publishes prekeys; his server hands each one-time prekey out once.
//! let alice = Account::generate(Address::new("alice/laptop")?, now, rng);
//! let mut bob = Account::generate(Address::new("bob/phone")?, now, rng);
//! let upload = bob.maintain(now, rng).upload.expect("a new account has something to publish");
//! bob.mark_published(&upload);
//! let mut server = PublishedPreKeys::new(upload);
//!
//! // Only a verified bundle starts a session. The first messages carry the handshake.
//! let bundle = PreKeyBundle::decode(&server.hand_out())?.verify(now)?;
//! let mut alices = alice.initiate(&bundle, rng)?;
//! let message = alices.encrypt(&Payload::new("Hello Bob"), b"", rng)?;
//!
//! // A session is made by a message that opens. Who it is from is a claim until safety numbers have
//! // been compared, so compare it at least with the identity known for the address.
//! let accepted = bob.accept(&message, b"", now)?;
//! let mut bobs = accepted.session;
//! assert_eq!(bobs.peer(), &alice.device());
//! assert_eq!(accepted.received.body, b"Hello Bob");
//!
//! let answer = bobs.encrypt(&Payload::new("Hello Alice"), b"", rng)?;
//! assert_eq!(alices.decrypt(&answer, b"", now)?.body, b"Hello Alice");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What comes in
//!
//! Offer the bytes to the sessions with their sender, newest first, with [`Session::decrypt`]; go on to
//! the next at [`DecryptError::OtherSession`] and [`DecryptError::Undecryptable`]. (Who the sender is, the
//! transport or an outer layer says; a session that it is not of costs a few microseconds.) If all say
//! `OtherSession`, or there is none, offer them to [`Account::accept`]. A refusal changes nothing.
//!
//! # Who it is
//!
//! Before a bundle is used, compare [`VerifiedBundle::device`] with the address that you asked for and
//! with the identity known for it; after a message made a session, compare [`Session::peer`] likewise.
//! What is known for an address at first contact is a claim, and becomes knowledge when two people
//! compare their [`SafetyNumber`].
//!
//! # What to store, and when
//!
//! A session changes with every message, both ways. Store it after [`Session::encrypt`] and before the
//! bytes leave; after [`Session::decrypt`] or [`Account::accept`] (then the account too) and before
//! you acknowledge, in one transaction with the message. The feature `serde`, on by default, makes
//! [`Account`] and [`Session`] serializable, secrets included; [`StorageKey`] seals the result.
//!
//! Never go on from an older state. After a restore from a backup, delete all sessions, publish new
//! prekeys ([`Account::rotate_signed_prekey`], [`Account::add_one_time_prekeys`]), and start new sessions.
//!
//! # When a session is lost
//!
//! The side that lost it initiates again, with a fresh bundle and after comparing the identity, and
//! sends something. The other side's session says [`DecryptError::OtherSession`] to that, so it
//! accepts it as new, and writes in the new session. What was under way must be sent again. Keep the
//! replaced session for late messages, and use the newest that has opened something to send.
//!
//! # Features
//!
//! `serde` adds implementations of serde's traits. No feature changes a byte on the wire.

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

mod prekeys;
mod safety_number;

mod handshake;
mod ratchet;

mod session;

mod changes;

mod account;

mod peer;

mod snapshot;

pub use rand_core;
pub use zeroize;

pub use account::{AcceptError, Accepted, Account, Maintained};
pub use changes::{Changes, SpentPreKey};
pub use crypto::dh::{DhPublicKey, NotCanonical};
pub use handshake::shared_secret::SharedSecret;
pub use identity::{Address, AddressLength, Device, IdentityKey, IdentityKeyError};
pub use limits::{Limits, PeerLimits, PreKeyLimits, SessionLimits};
pub use peer::delivery::{Delivered, PeerDecryptError};
pub use peer::dispatch::{Encrypted, PeerEncryptError, SessionNeed};
pub use peer::{Contact, Peer, PeerInitiateError};
pub use prekeys::published::PublishedPreKeys;
pub use prekeys::verified_bundle::{VerifiedBundle, VerifyError};
pub use ratchet::message_key::Role;
pub use safety_number::{SafetyNumber, ScanError};
pub use session::decrypting::{DecryptError, Received};
pub use session::encrypting::EncryptError;
pub use session::external::{ExternalHandshake, RatchetKeyPair};
pub use session::{InitiateError, Session, SessionId};
pub use snapshot::sealed::{SnapshotError, StorageKey};
pub use time::Timestamp;
pub use wire::codec::DecodeError;
pub use wire::message::{Envelope, InitialMessage, RatchetMessage};
pub use wire::payload::{MalformedStamp, Payload};
pub use wire::prekey_bundle::{OneTimePreKeyPublic, PreKeyBundle};
pub use wire::prekey_upload::PreKeyUpload;
pub use wire::stamp::{
    MemberTag, Opens, Policy, SettingVersion, Stamp, StampedSetting, VersionOutOfRange,
};
