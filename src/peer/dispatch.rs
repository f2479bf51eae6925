//! A message to a peer, and why there is none.

use alloc::vec::Vec;
use core::fmt;

use crate::changes::Changes;
use crate::session::encrypting::EncryptError;

/// A message to send, and what is to be stored before it leaves.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[must_use = "what has changed is to be stored"]
#[non_exhaustive]
pub struct Encrypted {
    /// The message's bytes.
    #[cfg_attr(feature = "serde", serde(with = "crate::byte_string"))]
    pub message: Vec<u8>,
    /// What encrypting it changed.
    pub changes: Changes,
    /// Whether a session is to be begun for those after it: see [`Peer::session_need`](crate::Peer::session_need).
    #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
    pub session_need: Option<SessionNeed>,
}

/// Why a session is to be begun, with [`Peer::initiate`](crate::Peer::initiate). If no good bundle is to be
/// had, go on in the present one until [`PeerEncryptError::NeedsSession`]. That the other side has lost its
/// sessions, this side cannot see before it hears of it: where it matters, acknowledge messages inside the encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum SessionNeed {
    /// One side has lost its sessions, or so it seems: [`Peer::note_refusal`](crate::Peer::note_refusal),
    /// [`Peer::drop_sessions`](crate::Peer::drop_sessions). Begin one before anything else is sent, and send something in
    /// it (an empty payload will do), or the other side does not hear of it. Do it at once, unless the server is not to
    /// know who writes to whom: then when there is something to send, or it sees whose message was refused.
    Lost,
    /// There is none.
    NoSession,
    /// Ours has not been answered for three quarters of the time after which it is used no more
    /// ([`PeerLimits::unanswered_lifetime`](crate::PeerLimits::unanswered_lifetime)), or was begun by a clock
    /// that ran more than a day ahead. Or it was the first after a loss: whoever waits for an answer itself follows
    /// only a second one.
    Unanswered,
    /// We have sent 9,000 messages since the peer last answered, and 10,000 are all that can be.
    ChainNearlyFull,
}

/// Why nothing is sent. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerEncryptError {
    /// The peer wrote first and its request has not been accepted, or it was refused:
    /// [`Peer::accept_request`](crate::Peer::accept_request), if the user agrees.
    Request,
    /// There is no session that can send (any more): fetch a bundle, [`Peer::initiate`](crate::Peer::initiate),
    /// and encrypt again.
    NeedsSession,
    /// Stamp and body are more than 16 MiB once padded: send it in parts.
    TooLarge,
}

impl fmt::Display for PeerEncryptError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Request => "the peer's request has not been accepted",
            Self::NeedsSession => "there is no session that can send",
            Self::TooLarge => "the message is too large",
        })
    }
}

impl core::error::Error for PeerEncryptError {}

impl From<EncryptError> for PeerEncryptError {
    fn from(error: EncryptError) -> Self {
        match error {
            EncryptError::TooLarge => Self::TooLarge,
            // All three are mended by a new session; the last two no peer's session comes to.
            EncryptError::ChainFull | EncryptError::Waiting | EncryptError::WeakKey => {
                Self::NeedsSession
            }
        }
    }
}

/// How long the message is, and nothing of its bytes.
impl fmt::Debug for Encrypted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, changes, session_need } = self;
        let mut shown = formatter.debug_struct("Encrypted");
        shown.field("message_length", &message.len()).field("changes", changes);
        shown.field("session_need", session_need).finish()
    }
}
