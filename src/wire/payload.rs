//! The plaintext: a stamp, then the application's bytes.

use alloc::vec::Vec;
use core::fmt;

use crate::wire::stamp::Stamp;

/// What is sent: the application's bytes, and what they say about their own life.
///
/// `Debug` shows how long the body is, and nothing of what it says.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Payload {
    /// What the message says about its own life. [`Stamp::NONE`] says nothing.
    pub stamp: Stamp,
    /// The application's bytes, possibly none. With the stamp, in suite 2 one byte more, and padding at most 16 MiB.
    #[cfg_attr(feature = "serde", serde(with = "crate::byte_string"))]
    pub body: Vec<u8>,
}

impl Payload {
    /// A payload that says nothing about its own life.
    #[must_use]
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { stamp: Stamp::NONE, body: body.into() }
    }

    /// The same bytes under another stamp.
    #[must_use]
    pub fn with_stamp(self, stamp: Stamp) -> Self {
        Self { stamp, ..self }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stamp, body } = self;
        let mut shown = formatter.debug_struct("Payload");
        shown.field("stamp", stamp).field("body_length", &body.len()).finish()
    }
}

/// The stamp of a received message does not decode: the conversation's own setting applies to it, so
/// that a broken stamp is no way to send something that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MalformedStamp;

impl fmt::Display for MalformedStamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the message's stamp is malformed")
    }
}

impl core::error::Error for MalformedStamp {}
