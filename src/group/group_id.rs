//! What a group is called.

use crate::shown_bytes::{Hex, shown_in_hex};

/// A group's name: 32 bytes that its creator drew.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct GroupId(
    #[cfg_attr(feature = "serde", serde(with = "crate::byte_string"))] pub(crate) [u8; 32],
);

impl GroupId {
    /// The group of this name.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

shown_in_hex! { GroupId }
