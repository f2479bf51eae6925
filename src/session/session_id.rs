//! SessionId: what a session is called.

use crate::shown_bytes::{Hex, ShortHex, shown_in_hex};
use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};

/// Names a session, the same on both sides. Unique, unguessable, not secret, and not on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct SessionId(#[cfg_attr(feature = "serde", serde(with = "crate::byte_string"))] [u8; 32]);

impl SessionId {
    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

shown_in_hex! { SessionId }

impl SessionId {
    /// How a line about a state names it.
    pub(crate) fn in_short(&self) -> ShortHex {
        ShortHex::of(&self.0)
    }
}

stored!(SessionId(_));
