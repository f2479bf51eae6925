//! Signal-grade private messaging as a pure state machine.

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
#![cfg_attr(
    test,
    allow(clippy::arithmetic_side_effects, reason = "a test may panic")
)]

extern crate alloc;

mod crypto;
mod time;

#[cfg(test)]
mod known_answers;
mod limits;
mod wire;

mod identity;

mod prekeys;
mod safety_number;

mod handshake;
mod ratchet;

mod session;

mod account;

mod snapshot;

pub use account::{AcceptError, Accepted, Account};
pub use crypto::dh::{DhPublicKey, NotCanonical};
pub use handshake::shared_secret::SharedSecret;
pub use identity::{Address, AddressLength, Device, IdentityKey, IdentityKeyError};
pub use limits::{Limits, PreKeyLimits, SessionLimits};
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
