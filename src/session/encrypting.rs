//! Sealing one message.

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::commitment::{Commitment, CommitmentOpening};
use crate::crypto::aead::TAG_LENGTH;
use crate::ratchet::CannotSend;
use crate::ratchet::message_key::{MessageContext, MessageKey, Role, Sealed};
use crate::report::evidence::{Evidence, Front};
use crate::wire::content_parts::ContentParts;
use crate::wire::control::Room;
use crate::wire::header::SEALED_HEADER_LENGTH;
use crate::wire::message::COMMITMENT_LENGTH;
use crate::wire::padding::{pad, padded_length};
use crate::wire::payload::Payload;
use crate::wire::suite::Suite;

/// Why a message cannot be sent. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncryptError {
    /// The chain carries its 10,000 messages and nothing has come back: start a new session, or wait
    /// for an answer.
    ChainFull,
    /// Stamp and body, in suite 2 and one byte more, and with lists of devices that travel before them, are above 16 MiB once
    /// padded.
    TooLarge,
    /// The responder of an [`ExternalHandshake`](crate::session::ExternalHandshake) speaks second: wait for the first
    /// message.
    Waiting,
    /// The peer's ratchet key is of small order. No handshake and no message brings one in, so the stored
    /// state was damaged: start a new session.
    WeakKey,
}

impl fmt::Display for EncryptError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ChainFull => "the sending chain is full",
            Self::TooLarge => "the message is too large",
            Self::Waiting => "the responder has not received a message yet",
            Self::WeakKey => "the peer's ratchet key is weak",
        })
    }
}

impl core::error::Error for EncryptError {}

/// A message to send, and what proves it to a moderator. `Debug` shows how long it is, and nothing of its bytes.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct SentMessage {
    /// The message's bytes.
    #[cfg_attr(feature = "serde", serde(with = "crate::byte_string"))]
    pub message: Vec<u8>,
    /// What proves it, for one's own side of a report: as secret as the payload, and deleted with it. `None` of a message
    /// whose proof would show more than what it says; no message of a session is such a one.
    ///
    /// serde leaves it out, as this value goes into outboxes and to who sends it: store [`Evidence`] with the payload.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub evidence: Option<Evidence>,
}

impl fmt::Debug for SentMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, evidence: _ } = self;
        let mut shown = formatter.debug_struct("SentMessage");
        shown.field("message_length", &message.len()).finish_non_exhaustive()
    }
}

/// A payload whose size is known to be allowed.
pub(crate) struct Content<'payload> {
    parts: &'payload ContentParts,
    payload: &'payload Payload,
    /// What the control has room in, in suite 2.
    room: Option<Room>,
    /// None in suite 1: an empty buffer would be wiped too, which is not for nothing.
    control: Option<Zeroizing<Vec<u8>>>,
    padded_length: usize,
}

fn control_bytes(control: &Option<Zeroizing<Vec<u8>>>) -> &[u8] {
    control.as_ref().map_or(&[], |control| control.as_slice())
}

/// A message that is complete, and what is left of it to prove it by.
pub(crate) struct SealedMessage {
    pub(crate) message: Vec<u8>,
    opening: CommitmentOpening,
    commitment: Commitment,
    /// The bytes of parts and stamp.
    behind_control: Front,
}

impl<'payload> Content<'payload> {
    pub(crate) fn measure(
        parts: &'payload ContentParts,
        payload: &'payload Payload,
        suite: Suite,
    ) -> Result<Self, EncryptError> {
        let Payload { stamp, body } = payload;
        let before_body = parts.encoded_length().checked_add(stamp.encoded_length());
        let length = before_body.and_then(|length| length.checked_add(body.len()));
        // Whether it is too large does not hang on what the control will carry.
        let room = length.filter(|_| suite == Suite::Hybrid).and_then(Room::before);
        let padded_length = match suite {
            Suite::Classical => length.and_then(padded_length),
            Suite::Hybrid => room.map(|room| room.unused().padded_length),
        };
        let padded_length = padded_length.ok_or(EncryptError::TooLarge)?;
        Ok(Self { parts, payload, room, control: None, padded_length })
    }

    /// The same behind a control.
    pub(crate) fn carrying(self, control: Zeroizing<Vec<u8>>, padded_length: usize) -> Self {
        Self { control: Some(control), padded_length, ..self }
    }

    pub(crate) fn room(&self) -> Option<Room> {
        self.room
    }

    /// Completes a message that begins with `prefix` and `sealed_header`, bound to all that is named
    /// here. The plaintext is written where the ciphertext will stand, and nowhere else.
    pub(crate) fn seal(
        &self,
        prefix: &[u8],
        sealed_header: &[u8; SEALED_HEADER_LENGTH],
        message_key: MessageKey,
        ad: &[u8],
        sender: Role,
        session_id: &[u8; 32],
    ) -> SealedMessage {
        let Self { parts, payload, room: _, control, padded_length } = self;
        let Payload { stamp, body } = payload;
        let lengths =
            [prefix.len(), SEALED_HEADER_LENGTH, COMMITMENT_LENGTH, *padded_length, TAG_LENGTH];
        let mut message = Vec::with_capacity(lengths.iter().sum());
        message.extend_from_slice(prefix);
        message.extend_from_slice(sealed_header);
        let context = MessageContext::new(&message, ad, sender, session_id);
        message.extend_from_slice(&[0; COMMITMENT_LENGTH]);
        let before_content = message.len();
        message.extend_from_slice(control_bytes(control));
        let before_parts = message.len();
        parts.encode_into(&mut message);
        stamp.encode_into(&mut message);
        let behind_control = Front::of(message.get(before_parts..).unwrap_or_default());
        message.extend_from_slice(body);
        pad(&mut message, before_content.saturating_add(*padded_length));

        let (before, padded) = message.split_at_mut(before_content);
        let (Sealed { commitment, tag }, opening) = message_key.seal(padded, context);
        if let Some(place) = before.last_chunk_mut() {
            *place = *commitment.as_bytes();
        }
        message.extend_from_slice(&tag);
        SealedMessage { message, opening, commitment, behind_control }
    }

    /// What proves the message that this was sealed into, beside that.
    pub(crate) fn with_evidence(&self, sealed: SealedMessage) -> SentMessage {
        let Self { parts: _, payload, room, control, padded_length } = self;
        let SealedMessage { message, opening, commitment, behind_control } = sealed;
        let front = Front::joined(control_bytes(control), behind_control.as_bytes());
        let content_length = front.as_bytes().len().saturating_add(payload.body.len());
        let zeros = padded_length.saturating_sub(content_length).saturating_sub(1);
        let evidence = Evidence::new(Suite::with(room), opening, commitment, front, zeros);
        SentMessage { message, evidence: Some(evidence) }
    }
}

impl From<CannotSend> for EncryptError {
    fn from(cannot: CannotSend) -> Self {
        match cannot {
            CannotSend::ChainFull => Self::ChainFull,
            CannotSend::Waiting => Self::Waiting,
            CannotSend::WeakKey => Self::WeakKey,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::content_parts::PartKind;
    use crate::wire::padding::MAX_PADDED;
    use crate::wire::stamp::Stamp;
    use alloc::vec;

    #[test]
    fn the_size_counts_parts_in_both_suites() {
        let mut parts = ContentParts::none();
        parts.push(PartKind::List, &[7; 300]);
        let long = parts.encoded_length();
        let longer = Payload::new(vec![0; long + 10]);
        for suite in [Suite::Classical, Suite::Hybrid] {
            let (payload, none) = (Payload::new([0; 10]), ContentParts::none());
            let behind_parts = Content::measure(&parts, &payload, suite).unwrap();
            let as_body = Content::measure(&none, &longer, suite).unwrap();
            assert_eq!(behind_parts.padded_length, as_body.padded_length);
            assert_eq!(behind_parts.room, as_body.room);

            let before_body = Stamp::NONE.encoded_length() + usize::from(suite == Suite::Hybrid);
            let most = Payload::new(vec![0; MAX_PADDED - 1 - before_body - long]);
            assert!(Content::measure(&parts, &most, suite).is_ok());
            let more = Payload::new(vec![0; most.body.len() + 1]);
            let measured = Content::measure(&parts, &more, suite).map(|_| ());
            assert_eq!(measured, Err(EncryptError::TooLarge));
        }
    }
}
