//! Opening one message, and what comes of it.

use alloc::vec::Vec;
use core::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::ratchet::message_key::{MessageContext, MessageKey, Role, Sealed};
use crate::ratchet::receiving::Refusal;
use crate::session::recently_opened::{MOST, Recall, RecentlyOpened};
use crate::wire::codec::DecodeError;
use crate::wire::message::RatchetMessage;
use crate::wire::padding::content_length;
use crate::wire::payload::MalformedStamp;
use crate::wire::stamp::Stamp;

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
    /// It was received before: discard it. Of messages that came before the last hundred only the number is compared.
    Duplicate,
    /// One of its number was received before, and it is another one: the peer was restored from a backup or cloned
    /// and uses numbers again, or somebody altered a message that had been received. It is lost: start a new session
    /// if there are more.
    NumberReused,
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
            Self::NumberReused => "another message of the same number was received before",
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
}

impl Opened {
    /// Opens a message with its key, bound to all that is named here.
    pub(crate) fn open(
        message: &RatchetMessage<'_>,
        message_key: MessageKey,
        ad: &[u8],
        sender: Role,
        session_id: &[u8; 32],
    ) -> Result<Self, DecryptError> {
        let RatchetMessage { before_commitment, sealed_header: _, commitment, ciphertext } =
            message;
        let context = MessageContext::new(before_commitment, ad, sender, session_id);
        let (text, tag) = ciphertext.split_last_chunk().ok_or(DecryptError::Malformed)?;
        let sealed = Sealed { commitment: **commitment, tag: *tag };
        // Wiped unless everything in it is right.
        let mut plaintext = Zeroizing::new(text.to_vec());
        message_key.open(&mut plaintext, &sealed, &context).ok_or(DecryptError::Undecryptable)?;
        Self::decode(plaintext)
    }

    /// Takes stamp and body out of a padded plaintext: in place, unless its sender padded it far more than it had to.
    pub(crate) fn decode(mut padded: Zeroizing<Vec<u8>>) -> Result<Self, DecryptError> {
        let content_length = content_length(&padded).ok_or(DecryptError::Malformed)?;
        let content = padded.get(..content_length).ok_or(DecryptError::Malformed)?;
        let (stamp, body) = match Stamp::decode(content) {
            None => (Err(MalformedStamp), content),
            Some((stamp, body)) => (Ok(stamp), body),
        };
        let body_length = body.len();
        if padded.capacity() > most_room(body_length) {
            // What else stands in `padded` is wiped with it.
            return Ok(Self { stamp, body: body.to_vec() });
        }
        let body_start = content_length.saturating_sub(body_length);
        let mut plaintext = core::mem::take(&mut *padded);
        plaintext.copy_within(body_start..content_length, 0);
        if let Some(left) = plaintext.get_mut(body_length..) {
            left.zeroize();
        }
        plaintext.truncate(body_length);
        Ok(Self { stamp, body: plaintext })
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

/// Why the ratchet refuses a message, in view of what was opened lately.
pub(crate) fn named(
    refusal: &Refusal,
    message: &RatchetMessage<'_>,
    opened: &RecentlyOpened,
) -> DecryptError {
    match refusal {
        Refusal::Malformed => DecryptError::Malformed,
        Refusal::Undecryptable => DecryptError::Undecryptable,
        Refusal::Expired => DecryptError::Expired,
        Refusal::Forked => DecryptError::Forked,
        // What lies further back may have been forgotten.
        Refusal::Used { passed } if usize::try_from(*passed).is_ok_and(|passed| passed <= MOST) => {
            match opened.recall(message) {
                Recall::OtherOfItsNumber => DecryptError::NumberReused,
                Recall::Opened | Recall::Nothing => DecryptError::Duplicate,
            }
        }
        Refusal::Used { .. } => DecryptError::Duplicate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::padding::{MAX_PADDED, pad, padded_length};
    use crate::wire::stamp::{MemberTag, Opens, Policy, Setting, SettingVersion};
    use core::time::Duration;

    fn longest_stamp() -> Stamp {
        let policy = Policy::after_read(Duration::from_secs(86_400));
        let by = MemberTag([0xff; 8]);
        let setting = Setting { version: SettingVersion::MAX, policy: Some(policy), by };
        let stamp = Stamp::of(Some(setting)).with_policy(policy).with_opens(Opens::Once);
        assert_eq!(stamp.encode().len(), 26);
        stamp
    }

    fn opened(stamp: &Stamp, body: &[u8], length: usize) -> Opened {
        let mut padded = stamp.encode();
        padded.extend_from_slice(body);
        pad(&mut padded, length);
        // As `Opened::open` makes it.
        Opened::decode(Zeroizing::new(padded.to_vec())).unwrap()
    }

    #[test]
    fn a_body_holds_little_more_memory_than_its_length_however_it_was_padded() {
        for (body_length, padded) in [
            (0, MAX_PADDED),
            (1, MAX_PADDED),
            (1, 1_024),
            (0, 1_024),
            (1_000, MAX_PADDED),
            (100_000, MAX_PADDED),
            (8_000_000, MAX_PADDED),
            (500, 4_096),
        ] {
            for stamp in [Stamp::NONE, longest_stamp()] {
                let body = alloc::vec![7; body_length];
                let opened = opened(&stamp, &body, padded);
                assert_eq!((opened.body.as_slice(), opened.stamp), (body.as_slice(), Ok(stamp)));
                let room = opened.body.capacity();
                assert!(room <= 2 * body_length + 128, "{body_length} in {padded}: {room}");
            }
        }
    }

    /// Then the room is that of the padded plaintext.
    #[test]
    fn a_body_that_was_padded_as_it_must_be_is_not_copied() {
        for body_length in (0..3_000).chain([50_000, 1_000_000]) {
            for stamp in [Stamp::NONE, longest_stamp()] {
                let body = alloc::vec![7; body_length];
                let length = padded_length(stamp.encode().len() + body_length).unwrap();
                let opened = opened(&stamp, &body, length);
                assert_eq!(opened.body, body);
                assert_eq!(opened.body.capacity(), length);
            }
        }
    }

    #[test]
    fn a_malformed_stamp_leaves_the_content_as_the_body() {
        let content = [0xff; 40];
        let mut padded = Vec::from(content);
        pad(&mut padded, 64);
        let short = Opened::decode(Zeroizing::new(padded.clone())).unwrap();
        padded.resize(100_000, 0);
        let long = Opened::decode(Zeroizing::new(padded)).unwrap();
        for opened in [short, long] {
            assert_eq!(
                (opened.body.as_slice(), opened.stamp),
                (content.as_slice(), Err(MalformedStamp))
            );
            assert!(opened.body.capacity() <= 2 * 40 + 128);
        }
    }
}
