//! A message from a peer, and why one is refused.

use core::fmt;

use crate::account::accepting::AcceptError;
use crate::changes::Changes;
use crate::identity::IdentityKey;
use crate::session::decrypting::{DecryptError, Received};
use crate::wire::codec::DecodeError;

/// A message that has opened, and what is to be stored with it before it is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[must_use = "what has changed is to be stored"]
#[non_exhaustive]
pub struct Delivered {
    /// What it says.
    pub received: Received,
    /// Who wrote it: the identity that is pinned for the peer.
    pub author: IdentityKey,
    /// Whether it began a session: a first contact, or the peer has lost the former sessions or replaces
    /// them. What we sent last may then have to be sent again, as new messages: give each message an id of
    /// your own, and show it once.
    pub began_session: bool,
    /// What opening it changed.
    pub changes: Changes,
}

/// Why a message is refused. Nothing has changed.
///
/// | | acknowledge it | begin a session |
/// |---|---|---|
/// | `Malformed`, `Duplicate`, `Expired`, `Refused`, `OtherAddress` | yes | no |
/// | `Forked` | yes | if the peer is accepted, and once a day |
/// | `Undecryptable`, `NoSession`, `UnknownPreKey`, `Replayed`, `ReplayRecordFull` | yes | if the peer is accepted, and once a day at most |
/// | `Unsupported` | keep it for a newer release, or yes | no |
/// | `IdentityChanged` | yes, once its bytes are stored to be offered again | no |
///
/// Nothing shows that a message of the third line is genuine: anyone can send such. **To begin a session is to
/// accept the peer**, so never do it for one that is unknown, a request, or refused.
/// [`Peer::note_refusal`](crate::Peer::note_refusal) keeps to the last column, and to more: give it every refusal, and
/// begin a session when [`Peer::session_need`](crate::Peer::session_need) then asks for one. It may take a second
/// one to be followed: the first may look as if both sides had begun at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerDecryptError {
    /// The bytes break the encoding, or what the peer sealed does.
    Malformed,
    /// It is of another version or suite: a newer release may read it.
    Unsupported,
    /// The peer was refused, and the message has not been opened: [`Peer::refuse`](crate::Peer::refuse). Or its sender
    /// has an identity that was rejected: [`Peer::reject_identity`](crate::Peer::reject_identity).
    Refused,
    /// It carries no handshake, and there is no session: the peer has one that we lost, or it is nobody's.
    NoSession,
    /// It names a prekey that is not held (any more): used, replaced long ago, or never ours.
    UnknownPreKey,
    /// No session opens it, or it was altered, or repeats a message of a chain that is complete;
    /// deliberately says no more. Where all that comes from a peer is so, one of the two sides lost its
    /// sessions or was restored from a backup.
    Undecryptable,
    /// It was received before.
    Duplicate,
    /// It comes too late: its key was dropped. The message is lost.
    Expired,
    /// The peer was restored from a backup or cloned, and went on from a state that we never followed.
    Forked,
    /// Its handshake was accepted before, and the session that it made is gone.
    Replayed,
    /// Too many handshakes came without a one-time prekey, and this one will never be accepted. Run
    /// [`Account::maintain`](crate::Account::maintain) and publish what it gives, so that others are.
    ReplayRecordFull,
    /// It opens, and its sender gives another address than the one that it came from: distrust whoever
    /// carried it.
    OtherAddress,
    /// It opens, and its sender has this identity, while another one is pinned. It is a new installation, or
    /// somebody in between. Keep the message and tell the user. Until they decide, the former identity stays
    /// pinned and [`Peer::encrypt`](crate::Peer::encrypt) goes on to it, so send nothing. If they agree call
    /// [`Peer::accept_identity`](crate::Peer::accept_identity) and offer the message again. If they do not,
    /// [`Peer::reject_identity`](crate::Peer::reject_identity), and go on: whoever knows both addresses can send such a
    /// message, so one is no proof of anything, and must not stop a conversation for good.
    IdentityChanged(IdentityKey),
}

impl PeerDecryptError {
    /// Whether a session that was lost can explain it, so that a new one may help: the lines of the table with a session
    /// to begin, under the conditions that stand there.
    #[must_use]
    pub fn may_mean_lost_session(&self) -> bool {
        match self {
            Self::Forked
            | Self::Undecryptable
            | Self::NoSession
            | Self::UnknownPreKey
            | Self::Replayed
            | Self::ReplayRecordFull => true,
            Self::Malformed
            | Self::Duplicate
            | Self::Expired
            | Self::Refused
            | Self::OtherAddress
            | Self::Unsupported
            | Self::IdentityChanged(_) => false,
        }
    }
}

impl fmt::Display for PeerDecryptError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "the message is malformed",
            Self::Unsupported => "the message is of an unsupported version or suite",
            Self::Refused => "the peer was refused",
            Self::NoSession => "the message carries no handshake, and there is no session",
            Self::UnknownPreKey => "the message names a prekey that is not held",
            Self::Undecryptable => "the message cannot be decrypted",
            Self::Duplicate => "the message was received before",
            Self::Expired => "the message's key was dropped",
            Self::Forked => "the peer went on from a state that was never followed",
            Self::Replayed => "the handshake was accepted before",
            Self::ReplayRecordFull => "too many handshakes came without a one-time prekey",
            Self::OtherAddress => "the message gives another address than its sender's",
            Self::IdentityChanged(_) => "the peer's identity key has changed",
        })
    }
}

impl core::error::Error for PeerDecryptError {}

impl From<DecodeError> for PeerDecryptError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Malformed => Self::Malformed,
            DecodeError::Unsupported => Self::Unsupported,
        }
    }
}

impl From<AcceptError> for PeerDecryptError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Malformed => Self::Malformed,
            AcceptError::Unsupported => Self::Unsupported,
            AcceptError::NoSession => Self::NoSession,
            AcceptError::UnknownPreKey => Self::UnknownPreKey,
            AcceptError::Undecryptable => Self::Undecryptable,
            AcceptError::Replayed => Self::Replayed,
            AcceptError::ReplayRecordFull => Self::ReplayRecordFull,
        }
    }
}

impl From<DecryptError> for PeerDecryptError {
    fn from(error: DecryptError) -> Self {
        match error {
            DecryptError::Malformed => Self::Malformed,
            DecryptError::Unsupported => Self::Unsupported,
            // Said of an ordinary message where no session was there to try it.
            DecryptError::OtherSession => Self::NoSession,
            DecryptError::Undecryptable => Self::Undecryptable,
            DecryptError::Duplicate => Self::Duplicate,
            DecryptError::Expired => Self::Expired,
            DecryptError::Forked => Self::Forked,
        }
    }
}
