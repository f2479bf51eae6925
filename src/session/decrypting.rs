//! Opening one message, and what comes of it.

use alloc::vec::Vec;
use core::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::commitment::{Commitment, CommitmentOpening};
use crate::ratchet::message_key::{MessageContext, MessageKey, Role, Sealed};
use crate::ratchet::refusal::Refusal;
use crate::report::evidence::Evidence;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::content_parts::ContentParts;
use crate::wire::control::Control;
use crate::wire::message::RatchetMessage;
use crate::wire::payload::MalformedStamp;
use crate::wire::plaintext::Plaintext;
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
    /// What proves the message to a moderator, should the user report it: as secret as the body, and deleted with it.
    /// Who lets nobody report drops it. `None` of a message whose proof would show more than what it says; no message of
    /// a session is such a one.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
    pub evidence: Option<Evidence>,
    /// What of the library's own came with it. serde leaves it out: it is acted on when the message opens.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) parts: ContentParts,
}

impl fmt::Debug for Received {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { body, stamp, dropped_keys, peer_went_back, evidence: _, parts } = self;
        let mut shown = formatter.debug_struct("Received");
        shown.field("body_length", &body.len()).field("stamp", stamp);
        shown.field("dropped_keys", dropped_keys).field("peer_went_back", peer_went_back);
        shown.field("parts", parts).finish_non_exhaustive()
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
    pub(crate) parts: ContentParts,
    pub(crate) evidence: Evidence,
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
        let sealed = Sealed { commitment: Commitment::new(**commitment), tag: *tag };
        // Wiped unless everything in it is right.
        let mut padded = Zeroizing::new(text.to_vec());
        let opening = message_key.open(&mut padded, &sealed, context);
        let opening = opening.ok_or(DecryptError::Undecryptable)?;
        Self::decode(padded, suite, opening, sealed.commitment)
    }

    /// What travelled with it, in suite 2: it was read once when the message was taken apart.
    pub(crate) fn control(&self) -> Option<Control<'_>> {
        match self.evidence.suite() {
            Suite::Classical => None,
            Suite::Hybrid => Control::read(&mut Reader::new(self.evidence.front())).ok(),
        }
    }

    /// Takes parts, stamp and body out of a padded plaintext, and keeps of the rest what the evidence needs: in place,
    /// unless its sender padded it far more than it had to.
    pub(crate) fn decode(
        mut padded: Zeroizing<Vec<u8>>,
        suite: Suite,
        opening: CommitmentOpening,
        commitment: Commitment,
    ) -> Result<Self, DecryptError> {
        let plaintext = Plaintext::cut(&padded, suite)?;
        let evidence = Evidence::of(suite, opening, commitment, &plaintext);
        let Plaintext { front, parts, stamp, body, zeros: _ } = plaintext;
        let body_length = body.len();
        if padded.capacity() > most_room(body_length) {
            // What else stands in `padded` is wiped with it.
            return Ok(Self { stamp, body: body.to_vec(), parts, evidence });
        }
        let body_start = front.len();
        let body_end = body_start.saturating_add(body_length);
        let mut plaintext = core::mem::take(&mut *padded);
        plaintext.copy_within(body_start..body_end, 0);
        if let Some(left) = plaintext.get_mut(body_length..) {
            left.zeroize();
        }
        plaintext.truncate(body_length);
        Ok(Self { stamp, body: plaintext, parts, evidence })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secret::Secret;
    use crate::known_answers::{self, Fields};
    use crate::wire::padding::{pad, padded_length};
    use alloc::vec;

    /// A control with one fragment of an encapsulation key.
    fn fragment() -> Vec<u8> {
        [&[0xa0, 1, 36][..], b"name", &[7; 32]].concat()
    }

    fn opened(content: &[&[u8]], suite: Suite) -> Result<Opened, DecryptError> {
        let mut padded = content.concat();
        let length = padded_length(padded.len()).unwrap();
        pad(&mut padded, length);
        let opening = CommitmentOpening::new(Secret::filled_by(|_| {}), [0; 32]);
        let commitment = opening.commitment(&padded);
        Opened::decode(Zeroizing::new(padded), suite, opening, commitment)
    }

    /// Opened in suite 1, and in suite 2 behind controls that say nothing and something. The evidence of each has all
    /// before the body.
    fn in_both_suites(content: &[u8]) -> [Opened; 3] {
        let fragment = fragment();
        let fronts =
            [(&[][..], Suite::Classical), (&[0x80], Suite::Hybrid), (&fragment, Suite::Hybrid)];
        fronts.map(|(control, suite)| {
            let opened = opened(&[control, content], suite).unwrap();
            let front = [control, &content[..content.len() - opened.body.len()]].concat();
            assert_eq!((opened.evidence.front(), opened.evidence.suite()), (&*front, suite));
            opened
        })
    }

    #[test]
    fn in_suite_2_a_control_stands_before_the_stamp_and_in_suite_1_nothing() {
        let stamp = Stamp::NONE.encode();
        for body in [&b""[..], b"a body", &[0x80; 70], &[0xa0; 2_000]] {
            let classical = opened(&[&stamp, body], Suite::Classical).unwrap();
            assert_eq!((classical.stamp, &*classical.body), (Ok(Stamp::NONE), body));
            for control in [vec![0x80], fragment()] {
                let hybrid = opened(&[&control, &stamp, body], Suite::Hybrid).unwrap();
                assert_eq!((&hybrid.stamp, &*hybrid.body), (&Ok(Stamp::NONE), body));
                assert_eq!(
                    hybrid.control().is_some_and(|it| it == Control::Nothing),
                    control.len() == 1
                );
            }
        }
    }

    #[test]
    fn vectors_parts_are_taken_from_before_the_stamp() {
        for case in known_answers::devices_section("parts") {
            known_answers::assert_fields(&case, &["content", "parts", "unknown", "stamp", "body"]);
            for opened in in_both_suites(&case.bytes("content")) {
                let parts: Vec<_> =
                    opened.parts.iter().map(|part| hex::encode(part.bytes)).collect();
                let expected = case["parts"].as_array().unwrap();
                let expected: Vec<_> = expected.iter().map(|part| part.text("bytes")).collect();
                assert_eq!(parts, expected);
                let stamp = opened.stamp.ok().map(|stamp| stamp.encode());
                assert_eq!(stamp, case.optional_bytes("stamp"), "{}", case["comment"]);
                assert_eq!(opened.body, case.bytes("body"));
            }
        }
    }

    #[test]
    fn vectors_parts_malformed_are_the_body_and_none_of_them_counts() {
        for case in known_answers::devices_section("parts_malformed") {
            let content = case.bytes("content");
            for opened in in_both_suites(&content) {
                assert_eq!(opened.stamp, Err(MalformedStamp), "{}", case["comment"]);
                assert_eq!(opened.body, content);
                assert!(opened.parts.is_empty());
            }
        }
    }

    #[test]
    fn a_malformed_stamp_leaves_all_behind_the_control_as_the_body() {
        for malformed in [&[0xff, 1, 2][..], &[0x80], b""] {
            let classical = opened(&[malformed, b"a body"], Suite::Classical).unwrap();
            let whole = [malformed, b"a body"].concat();
            assert_eq!((classical.stamp, classical.body), (Err(MalformedStamp), whole.clone()));
            for control in [vec![0x80], fragment()] {
                let hybrid = opened(&[&control, &whole], Suite::Hybrid).unwrap();
                assert_eq!((&hybrid.stamp, &hybrid.body), (&Err(MalformedStamp), &whole));
            }
        }
    }

    #[test]
    fn a_content_of_one_suite_is_not_taken_for_one_of_the_other() {
        let (stamp, fragment) = (Stamp::NONE.encode(), fragment());
        let of_suite_1 = opened(&[&stamp, b"a body"], Suite::Hybrid);
        assert_eq!(of_suite_1.map(|opened| opened.body), Err(DecryptError::Malformed));
        for control in [&[0x80][..], &fragment] {
            let of_suite_2 = opened(&[control, &stamp, b"a body"], Suite::Classical).unwrap();
            assert_eq!(of_suite_2.stamp, Err(MalformedStamp));
        }
        // Nor is one that ends in its control.
        for length in 0..fragment.len() {
            let cut = opened(&[&fragment[..length]], Suite::Hybrid);
            assert_eq!(cut.map(|opened| opened.body), Err(DecryptError::Malformed), "{length}");
        }
    }
}
