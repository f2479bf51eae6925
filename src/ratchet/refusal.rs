//! Why a message is not for this ratchet.

use crate::wire::codec::DecodeError;

/// Why a message is not for this ratchet, as far as its header tells.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The header opens and breaks its encoding.
    Malformed,
    /// No header key opens the header, or the new ratchet key is of small order.
    Undecryptable,
    /// Its key was used, and fewer than so many messages have opened in order since.
    Used { passed: u32 },
    /// Its key was dropped.
    Expired,
    /// The header is the peer's, from a branch that we have not followed.
    Forked,
}

impl From<DecodeError> for Refusal {
    fn from(_: DecodeError) -> Self {
        Self::Malformed
    }
}
