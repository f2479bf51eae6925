//! Opening one message, and what comes of it.

use alloc::vec::Vec;
use core::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::ratchet::message_key::{MessageContext, MessageKey, Role, Sealed};
use crate::ratchet::refusal::Refusal;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::control::Control;
use crate::wire::message::RatchetMessage;
use crate::wire::padding::content_length;
use crate::wire::payload::MalformedStamp;
use crate::wire::stamp::Stamp;
use crate::wire::suite::Suite;

/// A message that has opened. `Debug` shows how long the body is, and nothing of what it says.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Received {
    /// The application's bytes.
    #[cfg_attr(feature = "serde", serde(with = "crate::byte_string"))]
    pub body: Vec<u8>,
    /// What the message says about its own life. If that is malformed, the body is the whole content
    /// and the conversation's own setting applies.
    pub stamp: Result<Stamp, MalformedStamp>,
    /// How many keys of messages that have not come were dropped with this one: those messages can no
    /// longer be opened.
    pub dropped_keys: u32,
    /// The peer says that it sent fewer messages in its last chain than we received: it was restored from
    /// an older state, and does not know all that it sent. Both of you should look for what is missing.
    pub peer_went_back: bool,
}

impl fmt::Debug for Received {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { body, stamp, dropped_keys, peer_went_back } = self;
        let mut shown = formatter.debug_struct("Received");
        shown.field("body_length", &body.len()).field("stamp", stamp);
        shown.field("dropped_keys", dropped_keys).field("peer_went_back", peer_went_back).finish()
    }
}

/// Why a message is refused. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecryptError {
    /// The bytes break the encoding, or what the peer sealed does: discard the message.
    Malformed,
    /// It is of another version or suite: a newer release may read it.
    Unsupported,
    /// An initial message that did not make this session: try the peer's other sessions, then
    /// [`Account::accept`](crate::Account::accept).
    OtherSession,
    /// It is not of this session, or was altered, or repeats a message of a chain that is complete;
    /// deliberately says no more. Try the peer's other sessions; if none opens it, discard it. Anyone can
    /// bring this about, so let no single message of this kind reset anything. Where all that comes from a
    /// peer is so, one of the two sides was restored from an older state: start a new session.
    Undecryptable,
    /// A message of this number was received before: discard it. (A peer that was restored from a backup uses numbers
    /// again: until [`Received::peer_went_back`] tells, its new messages are lost. [`Peer`](crate::Peer) tells them
    /// apart.)
    Duplicate,
    /// It comes too late: its key was dropped. The message is lost.
    Expired,
    /// The peer was restored from a backup or cloned, and went on from a state that we never followed:
    /// start a new session.
    Forked,
}

impl fmt::Display for DecryptError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "the message is malformed",
            Self::Unsupported => "the message is of an unsupported version or suite",
            Self::OtherSession => "the message is of another session",
            Self::Undecryptable => "the message cannot be decrypted",
            Self::Duplicate => "the message was received before",
            Self::Expired => "the message's key was dropped",
            Self::Forked => "the peer went on from a state that was never followed",
        })
    }
}

impl core::error::Error for DecryptError {}

/// What a message says, once its tag and its commitment have been found right.
pub(crate) struct Opened {
    pub(crate) stamp: Result<Stamp, MalformedStamp>,
    pub(crate) body: Vec<u8>,
    /// In suite 2; its bytes.
    control: Zeroizing<Vec<u8>>,
}

impl Opened {
    /// Opens a message with its key, bound to all that is named here.
    pub(crate) fn open(
        message: &RatchetMessage<'_>,
        message_key: MessageKey,
        ad: &[u8],
        sender: Role,
        session_id: &[u8; 32],
        suite: Suite,
    ) -> Result<Self, DecryptError> {
        let RatchetMessage { before_commitment, sealed_header: _, commitment, ciphertext } =
            message;
        let context = MessageContext::new(before_commitment, ad, sender, session_id);
        let (text, tag) = ciphertext.split_last_chunk().ok_or(DecryptError::Malformed)?;
        let sealed = Sealed { commitment: **commitment, tag: *tag };
        // Wiped unless everything in it is right.
        let mut plaintext = Zeroizing::new(text.to_vec());
        message_key.open(&mut plaintext, &sealed, &context).ok_or(DecryptError::Undecryptable)?;
        Self::decode(plaintext, suite)
    }

    /// What travelled with it, in suite 2: it was read once when the message was taken apart.
    pub(crate) fn control(&self) -> Option<Control<'_>> {
        Control::read(&mut Reader::new(&self.control)).ok()
    }

    /// Takes control, stamp and body out of a padded plaintext: in place, unless its sender padded it far more than it
    /// had to.
    pub(crate) fn decode(
        mut padded: Zeroizing<Vec<u8>>,
        suite: Suite,
    ) -> Result<Self, DecryptError> {
        let content_length = content_length(&padded).ok_or(DecryptError::Malformed)?;
        let content = padded.get(..content_length).ok_or(DecryptError::Malformed)?;
        let mut reader = Reader::new(content);
        match suite {
            Suite::Classical => {}
            // Whether or not it is of use.
            Suite::Hybrid => _ = Control::read(&mut reader)?,
        }
        let behind = reader.rest();
        let control_length = content.len().saturating_sub(behind.len());
        let control = Zeroizing::new(content.get(..control_length).unwrap_or_default().to_vec());
        let (stamp, body) = match Stamp::decode(behind) {
            None => (Err(MalformedStamp), behind),
            Some((stamp, body)) => (Ok(stamp), body),
        };
        let body_length = body.len();
        if padded.capacity() > most_room(body_length) {
            // What else stands in `padded` is wiped with it.
            return Ok(Self { stamp, body: body.to_vec(), control });
        }
        let body_start = content_length.saturating_sub(body_length);
        let mut plaintext = core::mem::take(&mut *padded);
        plaintext.copy_within(body_start..content_length, 0);
        if let Some(left) = plaintext.get_mut(body_length..) {
            left.zeroize();
        }
        plaintext.truncate(body_length);
        Ok(Self { stamp, body: plaintext, control })
    }
}

/// How much memory a body of this length may hold, so that nobody who pads makes a receiver hold more: what stamp and
/// padding of section 7 come to is less.
fn most_room(body_length: usize) -> usize {
    body_length.saturating_mul(2).saturating_add(128)
}

impl From<DecodeError> for DecryptError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Malformed => Self::Malformed,
            DecodeError::Unsupported => Self::Unsupported,
        }
    }
}

impl From<Refusal> for DecryptError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed => Self::Malformed,
            Refusal::Undecryptable => Self::Undecryptable,
            Refusal::Used { .. } => Self::Duplicate,
            Refusal::Expired => Self::Expired,
            Refusal::Forked => Self::Forked,
        }
    }
}
