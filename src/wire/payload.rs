//! The plaintext: a stamp, then the application's bytes.

use alloc::vec::Vec;

use crate::wire::stamp::Stamp;

/// What is sent: the application's bytes, and what they say about their own life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Payload {
    /// What the message says about its own life. The default says nothing.
    pub stamp: Stamp,
    /// The application's bytes, possibly none. With the stamp and padding at most 16 MiB.
    pub body: Vec<u8>,
}

impl Payload {
    /// A payload that says nothing about its own life.
    #[must_use]
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { stamp: Stamp::default(), body: body.into() }
    }

    /// The same bytes under another stamp.
    #[must_use]
    pub fn with_stamp(self, stamp: Stamp) -> Self {
        Self { stamp, ..self }
    }
}

/// The stamp of a received message does not decode: the conversation's own setting applies to it, so
/// that a broken stamp is no way to send something that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MalformedStamp;

impl core::fmt::Display for MalformedStamp {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("the message's stamp is malformed")
    }
}

impl core::error::Error for MalformedStamp {}
