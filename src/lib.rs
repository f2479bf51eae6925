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
//! use evanesce::server::PublishedPreKeys;
//! use evanesce::{Account, Address, Payload, Peer, PreKeyBundle, Timestamp};
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
//! # Where the rest is
//!
//! What every application touches is here. By topic:
//!
//! | | |
//! |---|---|
//! | [`expiry`] | messages that disappear: timers, views, own other devices |
//! | [`limits`] | bounds and lifetimes that can be set |
//! | [`server`] | what a directory of prekeys or a carrier handles |
//! | [`session`] | the layer below [`Peer`]: bare sessions, handshakes of your own |
//! | [`snapshot`] | state at rest: what to store and when, sealing it, after a restore from a backup |
//!
//! # Who it is
//!
//! A [`Peer`] pins the first identity that comes with its address, and refuses any other until the user
//! agrees ([`Peer::accept_identity`]). What is known at first contact is a claim, and becomes knowledge when
//! two people compare their [`SafetyNumber`].
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
//! bytes of their snapshots. Keys, ids, addresses, bodies, snapshots and all other byte strings are lower-case hex in formats
//! that people read, such as JSON, and bytes in others. No feature changes a byte on the wire or in the store.

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

#[cfg(feature = "serde")]
mod byte_string;
mod shown_bytes;

mod crypto;
mod time;

#[cfg(test)]
mod known_answers;
mod wire;

mod stored;

mod identity;
pub mod limits;

pub mod expiry;
mod prekeys;
mod safety_number;

mod handshake;
mod ratchet;

pub mod session;

mod changes;

mod account;

mod peer;

pub mod server;
pub mod snapshot;

#[cfg(fuzzing)]
pub mod fuzzing;

pub use rand_core;
pub use zeroize;

pub use account::{Account, Maintained};
pub use changes::{Changes, SpentPreKey};
pub use identity::{Address, AddressLength, Device, IdentityKey, IdentityKeyError};
pub use peer::contact::Contact;
pub use peer::delivery::{Delivered, PeerDecryptError};
pub use peer::dispatch::{Encrypted, PeerEncryptError, SessionNeed};
pub use peer::initiating::PeerInitiateError;
pub use peer::other_device::Peer;
pub use prekeys::publication::StockDisagreement;
pub use prekeys::verified_bundle::{VerifiedBundle, VerifyError};
pub use safety_number::{SafetyNumber, ScanError};
pub use session::decrypting::Received;
pub use session::message_tag::MessageTag;
pub use time::Timestamp;
pub use wire::codec::DecodeError;
pub use wire::payload::Payload;
pub use wire::prekey_bundle::PreKeyBundle;
