//! Why no session begins.

use core::fmt;

/// Why no session can be initiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InitiateError {
    /// One of the other's X25519 keys is of small order: nobody honest has it. Ask for another bundle.
    WeakKey,
}

impl fmt::Display for InitiateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WeakKey => formatter.write_str("a key of the other device is weak"),
        }
    }
}

impl core::error::Error for InitiateError {}
