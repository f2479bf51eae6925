//! A message from a peer, and why one is refused.

use core::fmt;

use crate::account::accepting::AcceptError;
use crate::changes::Changes;
use crate::identity::IdentityKey;
use crate::session::decrypting::{DecryptError, Received};
use crate::wire::codec::DecodeError;

/// A message that has opened, and what is to be stored with it before it is acknowledged.
#[derive(Clone, PartialEq, Eq)]
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
/// | `Forked`, `NumberReused`, `Undecryptable`, `NoSession`, `UnknownPreKey`, `Replayed`, `ReplayRecordFull` | yes | if [`Peer::session_need`](crate::Peer::session_need) then asks for one |
/// | `Unsupported` | keep it for a newer release, or yes | no |
/// | `IdentityChanged`, `AddressChanged` | yes, once its bytes are stored to be offered again | no |
/// | `NeedsAccount` | no: offer it to [`Peer::decrypt`](crate::Peer::decrypt) | no |
///
/// Give each refusal to [`Peer::note_refusal`](crate::Peer::note_refusal), which keeps to the last column. Anyone can
/// send what is refused as the second line says, and **to begin a session is to accept the peer**: so do it when
/// `session_need` asks, and at no other time.
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
    /// It names a prekey that is not held (any more): used, replaced long ago, or never ours, as is one of another suite
    /// than the account's.
    UnknownPreKey,
    /// No session opens it, or it was altered, or repeats a message of a chain that is complete and lies more than a
    /// hundred messages back; deliberately says no more. Where all that comes from a peer is so, one of the two sides
    /// lost its sessions or was restored from a backup.
    Undecryptable,
    /// It was received before. Of what came before the last hundred messages only the number is compared, and only
    /// while its chain is kept.
    Duplicate,
    /// One of its number was received before, and it is another one. The peer went on from an older state and uses
    /// numbers again, or somebody altered a message on its way. It is lost.
    NumberReused,
    /// It comes too late: its key was dropped. The message is lost.
    Expired,
    /// The peer was restored from a backup or cloned, and went on from a state that we never followed.
    Forked,
    /// Its handshake was accepted before, and the session that it made is gone.
    Replayed,
    /// Too many handshakes came without a one-time prekey, and this one will never be accepted. Run
    /// [`Account::maintain`](crate::Account::maintain) and publish what it gives, so that others are.
    ReplayRecordFull,
    /// It opens, and its sender is somebody else at another address than the one that it came from: distrust whoever
    /// carried it. Or it came from an address that this peer has left, and is of whoever has that now: offer it to a
    /// peer of their own.
    OtherAddress,
    /// It opens, and its sender is the identity that is pinned, at an address that is not known:
    /// [`Account::claimed_sender`](crate::Account::claimed_sender) says which. If it may be there,
    /// [`Peer::change_address`](crate::Peer::change_address), and offer the message again.
    AddressChanged,
    /// It begins a session, and for that the account is needed: offer it to
    /// [`Peer::decrypt`](crate::Peer::decrypt). Only [`Peer::decrypt_established`](crate::Peer::decrypt_established)
    /// says so.
    NeedsAccount,
    /// It opens, and its sender has this identity, while another one is pinned. It is a new installation, or
    /// somebody in between. Keep the message and tell the user. Once
    /// [`Peer::note_refusal`](crate::Peer::note_refusal) has it, [`Peer::encrypt`](crate::Peer::encrypt) refuses until
    /// they decide. If they agree call [`Peer::accept_identity`](crate::Peer::accept_identity) and offer the message
    /// again. If they do not, [`Peer::reject_identity`](crate::Peer::reject_identity), and go on: whoever knows both
    /// addresses can send such a message, so one is no proof of anything, and must not stop a conversation for good.
    IdentityChanged(IdentityKey),
}

impl PeerDecryptError {
    /// Whether a session that was lost can explain it, so that a new one may help: the lines of the table with a
    /// session to begin, under the conditions that stand there.
    #[must_use]
    pub fn may_mean_lost_session(&self) -> bool {
        match self {
            Self::Forked
            | Self::NumberReused
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
            | Self::AddressChanged
            | Self::NeedsAccount
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
            Self::NumberReused => "another message of the same number was received before",
            Self::Expired => "the message's key was dropped",
            Self::Forked => "the peer went on from a state that was never followed",
            Self::Replayed => "the handshake was accepted before",
            Self::ReplayRecordFull => "too many handshakes came without a one-time prekey",
            Self::OtherAddress => "the message gives another address than its sender's",
            Self::AddressChanged => "the message gives another address than the peer's",
            Self::NeedsAccount => "the message begins a session, for which the account is needed",
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
            // Anybody can begin a session that is forked, so it says nothing of those that are there.
            AcceptError::Undecryptable | AcceptError::Forked => Self::Undecryptable,
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
            // No session has taken it for its own.
            DecryptError::OtherSession => Self::NoSession,
            DecryptError::Undecryptable => Self::Undecryptable,
            DecryptError::Duplicate => Self::Duplicate,
            DecryptError::Expired => Self::Expired,
            DecryptError::Forked => Self::Forked,
        }
    }
}

/// How long the body is, and nothing of what it says.
impl fmt::Debug for Delivered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { received, author, began_session, changes } = self;
        let mut shown = formatter.debug_struct("Delivered");
        shown.field("body_length", &received.body.len()).field("author", &author.in_short());
        shown.field("began_session", began_session).field("changes", changes);
        shown.finish_non_exhaustive()
    }
}
