//! What binds a message to its content (c2), and what opens that to somebody else.

use subtle::ConstantTimeEq;

use crate::crypto::kdf::HmacKey;
use crate::crypto::secret::Secret;
use crate::shown_bytes::{Hex, shown_in_hex};
use crate::wire::message::COMMITMENT_LENGTH;

/// What a message is committed to (c2): it travels in the clear, and tells nothing to who has not the key of it.
/// Compared in constant time.
#[derive(Clone, Copy)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Commitment(
    #[cfg_attr(feature = "serde", serde(with = "crate::byte_string"))] [u8; COMMITMENT_LENGTH],
);

impl Commitment {
    pub(crate) fn new(bytes: [u8; COMMITMENT_LENGTH]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; COMMITMENT_LENGTH] {
        &self.0
    }
}

impl PartialEq for Commitment {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Commitment {}

shown_in_hex! { Commitment }

/// What opens a commitment: with the content beside it, anybody can recompute it. It tells neither the message key nor
/// anything else of the session, since an HMAC hides the one and a hash the other; but content can be guessed by it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CommitmentOpening {
    /// K_f
    key: Secret<32>,
    /// h
    context: [u8; 32],
}

impl CommitmentOpening {
    pub(crate) fn new(key: Secret<32>, context: [u8; 32]) -> Self {
        Self { key, context }
    }

    /// See [`Secret::duplicate`]: evidence is cloned with the message that it is of.
    pub(crate) fn duplicate(&self) -> Self {
        Self { key: self.key.duplicate(), context: self.context }
    }

    // docs/protocol.md §6: c2 = HMAC(K_f, h ‖ M)
    pub(crate) fn commitment(&self, padded: &[u8]) -> Commitment {
        Commitment(HmacKey::new(&self.key).tag(&[&self.context, padded]))
    }

    pub(crate) fn key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    pub(crate) fn context(&self) -> &[u8; 32] {
        &self.context
    }
}
