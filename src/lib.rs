//! Signal-grade private messaging as a pure state machine: X3DH session setup, the Double Ratchet with
//! encrypted headers, both post-quantum by ML-KEM beside X25519, and disappearing messages whose timers come to agree.
//!
//! Bytes, keys and the caller's clock go in; bytes, keys and deadlines come out. There is no I/O, no clock and no
//! randomness of its own: `rng` is any [`rand_core::CryptoRng`] (the operating system's, for keys that
//! people trust), `now` is a [`Timestamp`].
//!
//! **For** messengers, bots, bridges, phones, and servers that carry other people's conversations: whoever has a
//! transport and a store already. **Not for** those who want a network, a server or a database with it, nor for
//! talking with Signal or Matrix: the protocol is one of its own.
//!
//! **Status**: version 0.1, a pre-release. Complete for conversations between people with their devices, in twos and in
//! groups, and their state at rest. **No third party has audited it.**
//!
//! **Post-quantum** is secrecy; proof of who speaks is not. What passes in sessions of [`Suite::Hybrid`], the default of
//! new accounts, stays secret while X25519 or ML-KEM holds: who records it today and has a quantum computer later reads
//! none of it. After the theft of a session it heals from that too, in epochs, as the peer answers
//! ([`EpochStatus`](session::EpochStatus)). Who speaks is proved by X25519 and Ed25519 alone: whoever has such a computer
//! can begin sessions in anybody's name from then on. Sessions of [`Suite::Classical`] have none of this.
//!
//! # A conversation
//!
//! ```toml
//! [dependencies]
//! evanesce = "0.1"
//! getrandom = { version = "0.4", features = ["sys_rng"] }
//!
//! # Without optimisation, elliptic curves are fifty times slower.
//! [profile.dev.package."*"]
//! opt-level = 3
//!
//! # Compiled as one unit, short messages take a quarter less where there is AVX-512.
//! [profile.release.package.evanesce]
//! codegen-units = 1
//! ```
//!
//! ```rust
//! use std::time::{SystemTime, UNIX_EPOCH};
//!
//! use evanesce::rand_core::UnwrapErr;
//! use evanesce::server::PublishedPreKeys;
//! use evanesce::{Account, Address, Payload, Peer, PreKeyBundle, Timestamp};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let rng = &mut UnwrapErr(getrandom::SysRng);
//!     let now = Timestamp::from_unix_seconds(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs());
//!
//!     // Each device, once. Bob publishes; his server hands out each one-time prekey once.
//!     let mut alice = Account::generate(Address::new("user-17/device-1")?, now, rng);
//!     let mut bob = Account::generate(Address::new("user-23/device-1")?, now, rng);
//!     let upload = bob.maintain(None, now, rng).upload.expect("a new account has something to publish");
//!     let _changes = bob.mark_published(&upload);
//!     let mut server = PublishedPreKeys::new(upload);
//!
//!     // Alice writes, though Bob is away. The identity that comes with his address is pinned.
//!     let mut bobs_phone = Peer::new(Address::new("user-23/device-1")?);
//!     let bundle = PreKeyBundle::decode(&server.hand_out())?.verify(now)?;
//!     let changes = bobs_phone.initiate(&alice, bundle, now, rng)?; // what to store: here, the peer
//!     assert!(changes.peer && !changes.account);
//!     let sent = bobs_phone.encrypt(&Payload::new("Hello Bob"), b"", now, rng)?;
//!
//!     // Bob reads what came from that address, accepts the request, and answers.
//!     let mut alices_laptop = Peer::new(Address::new("user-17/device-1")?);
//!     let delivered = alices_laptop.decrypt(&mut bob, &sent.message, b"", now)?;
//!     assert_eq!(delivered.received.body, b"Hello Bob");
//!     assert!(delivered.changes.account && delivered.changes.peer); // store both, then acknowledge
//!     let _changes = alices_laptop.accept_request();
//!     let sent = alices_laptop.encrypt(&Payload::new("Hello Alice"), b"", now, rng)?;
//!     let delivered = bobs_phone.decrypt(&mut alice, &sent.message, b"", now)?;
//!     assert_eq!(delivered.received.body, b"Hello Alice");
//!     Ok(())
//! }
//! ```
//!
//! # Eight types to learn first
//!
//! | | |
//! |---|---|
//! | [`Account`] | one device of ours: its identity, and the prekeys that it publishes. It is stored |
//! | [`Address`] | how the application names a device: 1 to 64 bytes, best an id that never changes |
//! | [`PreKeyBundle`] | what is fetched from the other device's server. Only a verified one begins a session |
//! | [`Peer`] | one other device: its pinned identity, its sessions, and whether one is needed. It is stored |
//! | [`Payload`] | what is encrypted: the text, and how long it is to live |
//! | [`Delivered`] | what came of a message that opened: its text, and what is to be stored and shown |
//! | [`Changes`] | which of account and peer a call changed: to be stored before anything leaves |
//! | [`SafetyNumber`] | what two people compare, to know that nobody is between them |
//!
//! What is refused, and what to do about it, is the error enum of each call; [`PeerDecryptError`] and [`SessionNeed`]
//! are worth reading whole.
//!
//! A [`Peer`] pins the first identity that comes with its address, and refuses any other until the user
//! agrees ([`Peer::accept_identity`]). What is known at first contact is a claim, and becomes knowledge when
//! two people compare their [`SafetyNumber`]. A peer is one device. Which devices a person has they sign themselves
//! ([`person`]); where that is not used a server can claim it and get it wrong, so show a new one before you write to it,
//! or it reads along. Let users accept, refuse and verify people, and do so for each of their devices.
//!
//! # Where the rest is
//!
//! What every application touches is here, the rest by topic. Each of these pages tells its story with an example:
//!
//! | | |
//! |---|---|
//! | [`attachment`] | files of any size, sealed for a store that nobody trusts |
//! | [`expiry`] | messages that disappear: timers, views, own other devices |
//! | [`group`] | groups of people: who is in them, one message to all, what to show, store and call |
//! | [`limits`] | bounds and lifetimes that can be set |
//! | [`person`] | people with several devices: linking, lists, messages to all of them |
//! | [`report`] | what a recipient proves to a moderator, and what a carrier adds for that |
//! | [`server`] | what a directory of prekeys or a carrier handles |
//! | [`session`] | the layer below [`Peer`]: bare sessions, handshakes of your own; when a session is lost |
//! | [`snapshot`] | state at rest: what to store and when, sealing it, after a restore from a backup |
//!
//! And the documents:
//!
//! | | |
//! |---|---|
//! | [guide](crate::docs::guide) | an application in ten steps, with all of its code |
//! | [protocol](crate::docs::protocol) | every byte, and each rule that both sides follow |
//! | [claims](crate::docs::claims) | each property: against whom, what enforces it, what checks it, what is not claimed |
//! | [security](crate::docs::security) | how to report a vulnerability, the threat model, what the application must do |
//! | [changelog](crate::docs::changelog) | what is new |
//!
//! In the package, `examples/` has stories to copy from: `quickstart`, `late_messages`, `disappearing` and `report`. In
//! the repository there are also a file that goes through a bad store, a store whose processes are killed, and a messenger.
//!
//! # What is supported
//!
//! - Conversations between two devices, either of which may be away for long; lost, late, repeated and altered
//!   messages; sessions that are lost or begun twice; state that is stored plain or sealed; timers, views once, edits,
//!   unsending; files of any size; reports of abuse; people with several devices; groups of up to 1,000 of them.
//! - Not yet: proof of who speaks that a quantum computer cannot forge; in groups, noticing a member who tells each part
//!   of them another story.
//! - Never: sending, storing or deleting by itself; hiding when and with whom one talks; keeping a recipient from
//!   copying.
//! - `no_std` with `alloc`; no `unsafe` code of its own. Tested on Linux on x86-64, with the standard library and
//!   without.
//! - Rust 1.85 and later; with the feature `libcrux` 1.94. A higher minimum comes with a minor version, and the changelog
//!   says so.
//! - Only the latest release of 0.1 gets fixes. [Vulnerabilities](crate::docs::security) are reported privately.
//!
//! # Features
//!
//! No feature changes a byte on the wire or in the store.
//!
//! | | by default | |
//! |---|---|---|
//! | `serde` | yes | adds implementations of serde's traits: of public values, and of states as the bytes of their snapshots. Byte strings are lower-case hex in formats that people read, and bytes in all others |
//! | `ml-kem` | yes | ML-KEM by the crate `ml-kem`: pure Rust, adds 56 kB to a program, builds with Rust 1.85 |
//! | `libcrux` | no | ML-KEM by the crate `libcrux-ml-kem`: formally verified in large part, several times faster, adds 900 kB, needs Rust 1.94 |
//!
//! ML-KEM is needed, also where all accounts are of [`Suite::Classical`]: with neither of the two nothing compiles. With
//! both, `libcrux` is used. To have it alone:
//!
//! ```toml
//! evanesce = { version = "0.1", default-features = false, features = ["libcrux", "serde"] }
//! ```
//!
//! So it must be where the crate `age` 0.12.1 is in the same build: that pins another release of `ml-kem`, which cannot
//! stand beside this one.
//!
//! Both pass their secrets through the stack, so much of it is wiped after each use: threads that begin sessions, accept
//! them, make prekeys, encrypt or decrypt need some 100 kB of stack beside their own.
//!
//! # Versions
//!
//! - **The interface** follows Semantic Versioning. Until 1.0 a minor version may break it, and the
//!   [changelog](crate::docs::changelog) says how.
//! - **On the wire** this is version 1, suites 1 and 2. What is released keeps its bytes: what changes them gets another
//!   number, and a release that does not know it refuses the message as *unsupported*.
//! - **In the store**: later releases read what a released one wrote. An earlier one refuses what it does not know
//!   ([`SnapshotError::Unsupported`](snapshot::SnapshotError::Unsupported)), and reads nothing half.
//!
//! Licensed under MIT or Apache-2.0, as you like.

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

/// The README's programs are compiled and run with the tests.
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

pub mod attachment;
mod commitment;
mod stored;

mod seldom;

mod encapsulation;
mod identity;
pub mod limits;
pub mod report;

pub mod expiry;
mod prekeys;
mod safety_number;

mod epochs;
mod handshake;
mod ratchet;

pub mod session;

mod changes;

mod account;

mod peer;

pub mod person;

pub mod group;

pub mod server;
pub mod snapshot;

#[cfg(all(doc, not(doctest)))]
pub mod docs;

#[cfg(fuzzing)]
pub mod fuzzing;

pub use rand_core;
pub use zeroize;

pub use account::Account;
pub use account::maintained::Maintained;
pub use changes::{Changes, SpentPreKey};
pub use identity::{Address, AddressLength, Device, IdentityKey, IdentityKeyError};
pub use peer::contact::Contact;
pub use peer::delivery::{Delivered, PeerDecryptError};
pub use peer::dispatch::{Encrypted, PeerEncryptError, SessionNeed};
pub use peer::initiating::PeerInitiateError;
pub use peer::other_device::Peer;
pub use peer::sender_index::SenderIndex;
pub use prekeys::publication::StockDisagreement;
pub use prekeys::verified_bundle::{VerifiedBundle, VerifyError};
pub use safety_number::{SafetyNumber, ScanError};
pub use session::decrypting::Received;
pub use session::message_tag::MessageTag;
pub use time::Timestamp;
pub use wire::codec::DecodeError;
pub use wire::payload::Payload;
pub use wire::prekey_bundle::PreKeyBundle;
pub use wire::suite::Suite;
