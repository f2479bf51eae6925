//! Primitives with names and types; nothing of the protocol is known here.

mod field;
pub(crate) mod hash;
pub(crate) mod secret;

pub(crate) mod aead;
pub(crate) mod dh;
pub(crate) mod kdf;
pub(crate) mod kem;
pub(crate) mod signature;
