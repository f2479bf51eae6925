//! A message to a peer, and why there is none.

use alloc::vec::Vec;
use core::fmt;

use crate::changes::Changes;
use crate::report::evidence::Evidence;
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
    /// What proves the message to a moderator, for one's own side of a report: as secret as the payload, and deleted with
    /// it. Its postmark comes with the carrier's answer. `None` of a message whose proof would show more than what it
    /// says; no message to a peer is such a one.
    ///
    /// serde leaves it out, as this value goes into outboxes and to who sends it: store [`Evidence`] with the payload.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub evidence: Option<Evidence>,
}

/// Why a session is to be begun: fetch a bundle of the peer, and [`Peer::initiate`](crate::Peer::initiate). If no good
/// bundle is to be had, the present session serves on, until [`PeerEncryptError::NeedsSession`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum SessionNeed {
    /// One side has lost its sessions, or so it seems: after [`Peer::note_refusal`](crate::Peer::note_refusal),
    /// [`Peer::drop_sessions`](crate::Peer::drop_sessions), [`Peer::accept_request`](crate::Peer::accept_request)
    /// of one that was refused, or [`Peer::own_address_changed`](crate::Peer::own_address_changed). Begin one now,
    /// before anything else is sent, and send something in it; an empty payload will do. Only by what is sent in it
    /// does the other side hear of it.
    ///
    /// Where the server is not to know who writes to whom, do both when there is something to send to this peer anyway:
    /// a bundle fetched at once shows it whose message was refused.
    Lost,
    /// There is none. Begin one when there is something to send.
    NoSession,
    /// The peer has not answered what we sent. It may be away, or it cannot open it and cannot say so. Begin one when
    /// there is more to send.
    ///
    /// Asked for after a day without an answer, and again after 2, 4 and each further 8 days
    /// ([`PeerLimits::silence`](crate::limits::PeerLimits::silence)); in any case before a session of ours that was
    /// never answered sends no more
    /// ([`PeerLimits::unanswered_lifetime`](crate::limits::PeerLimits::unanswered_lifetime)), or if one was begun by a
    /// clock that ran more than a day ahead. After [`SessionNeed::Lost`] it is asked for as soon as there is more to
    /// send: a peer that waits for an answer itself follows only the second session.
    Unanswered,
    /// We have sent 9,000 messages since the peer last answered, and 10,000 are all that can be. Begin one.
    ChainNearlyFull,
}

/// Why nothing is sent. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerEncryptError {
    /// The peer wrote first and its request has not been accepted, or it was refused:
    /// [`Peer::accept_request`](crate::Peer::accept_request), if the user agrees.
    Request,
    /// Another identity than the pinned one came, and the user has not decided
    /// ([`Peer::undecided_identity`](crate::Peer::undecided_identity)). Ask them, with the safety number of
    /// [`Peer::undecided_device`](crate::Peer::undecided_device):
    /// [`Peer::accept_identity`](crate::Peer::accept_identity),
    /// [`Peer::reject_identity`](crate::Peer::reject_identity), or [`Peer::keep_identity`](crate::Peer::keep_identity) to go on for now.
    IdentityUndecided,
    /// There is no session that can send (any more): fetch a bundle, [`Peer::initiate`](crate::Peer::initiate),
    /// and encrypt again.
    NeedsSession,
    /// Stamp and body, in suite 2 and one byte more, are above 16 MiB once padded: send it in parts, or as an
    /// [`attachment`](crate::attachment).
    TooLarge,
}

impl fmt::Display for PeerEncryptError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Request => "the peer's request has not been accepted",
            Self::IdentityUndecided => {
                "the peer's identity key has changed, and nobody has decided"
            }
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
        let Self { message, changes, session_need, evidence: _ } = self;
        let mut shown = formatter.debug_struct("Encrypted");
        shown.field("message_length", &message.len()).field("changes", changes);
        shown.field("session_need", session_need).finish()
    }
}
