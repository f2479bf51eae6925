//! What becomes of a message that is taken as the first of a new session, with its errors.

use core::fmt;

use crate::changes::Changes;
use crate::identity::Device;
use crate::prekeys::found_prekeys::UsedPreKeys;
use crate::prekeys::replay_record::ReplayError;
use crate::session::decrypting::{DecryptError, Received};
use crate::session::one_conversation::Session;
use crate::wire::codec::DecodeError;

/// A new session, with the message that made it.
#[non_exhaustive]
pub struct Accepted {
    /// The session.
    pub session: Session,
    /// The message.
    pub received: Received,
    /// What is to be stored: the account, and the session with it.
    pub changes: Changes,
}

/// A session worked out and proved, but not yet begun.
pub(crate) struct Acceptance {
    pub(crate) session: Session,
    pub(crate) received: Received,
    pub(crate) used: UsedPreKeys,
}

impl Acceptance {
    pub(crate) fn initiator(&self) -> &Device {
        self.session.peer()
    }
}

/// Why a message makes no session. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcceptError {
    /// The bytes break the encoding, or what the initiator sealed does: discard the message.
    Malformed,
    /// It is of another version or suite: a newer release may read it. Or it is of another suite than the account's,
    /// and was made for one that had this address before.
    Unsupported,
    /// It carries no handshake, and no session was tried: its sender has one that we lost, or it is
    /// nobody's. If we lost one, initiate a new session. Nothing shows that it is genuine, so do not let
    /// anyone make you do so often.
    NoSession,
    /// It names a prekey that is not held (any more): used, replaced long ago, or never ours. If its
    /// sender is real, initiate a new session; nothing shows that it is, so not often.
    UnknownPreKey,
    /// It is not for us, or was altered. Deliberately says no more.
    Undecryptable,
    /// It says that its session has epochs behind it, which no first message has: discard it. Whoever made it did not
    /// keep to the protocol.
    Forked,
    /// This very handshake was accepted before, and the message belongs to the session that it made
    /// then. If that session is lost, initiate a new one; else discard it.
    Replayed,
    /// Too many handshakes came without a one-time prekey, and this one will never be accepted. Run
    /// [`Account::maintain`](crate::Account::maintain) and publish what it gives, so that others are; if its sender is
    /// real, initiate a new session.
    ReplayRecordFull,
}

impl fmt::Display for AcceptError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "the message is malformed",
            Self::Unsupported => "the message is of an unsupported version or suite",
            Self::NoSession => "the message carries no handshake, and no session was tried",
            Self::UnknownPreKey => "the message names a prekey that is not held",
            Self::Undecryptable => "the message cannot be decrypted",
            Self::Forked => "the message is of a session that has gone on elsewhere",
            Self::Replayed => "the handshake was accepted before",
            Self::ReplayRecordFull => "too many handshakes came without a one-time prekey",
        })
    }
}

impl core::error::Error for AcceptError {}

impl From<DecodeError> for AcceptError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Malformed => Self::Malformed,
            DecodeError::Unsupported => Self::Unsupported,
        }
    }
}

impl From<ReplayError> for AcceptError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Replayed => Self::Replayed,
            ReplayError::Full => Self::ReplayRecordFull,
        }
    }
}

impl From<DecryptError> for AcceptError {
    fn from(error: DecryptError) -> Self {
        match error {
            DecryptError::Malformed => Self::Malformed,
            DecryptError::Unsupported => Self::Unsupported,
            DecryptError::Forked => Self::Forked,
            // A session that is only being made has received nothing, so no message of it can be late or
            // repeated.
            DecryptError::Undecryptable
            | DecryptError::OtherSession
            | DecryptError::Duplicate
            | DecryptError::Expired => Self::Undecryptable,
        }
    }
}

/// How long the body is, and nothing of what it says.
impl fmt::Debug for Accepted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session, received, changes } = self;
        let mut shown = formatter.debug_struct("Accepted");
        shown.field("session", session).field("body_length", &received.body.len());
        shown.field("changes", changes).finish_non_exhaustive()
    }
}
