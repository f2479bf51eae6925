//! What a message is later proven by, without showing any key of the session.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

#[cfg(feature = "serde")]
use crate::byte_string;
use crate::commitment::{Commitment, CommitmentOpening};
use crate::crypto::secret::Secret;
use crate::report::entry::{EntryError, ReportEntry};
use crate::report::postmark::{MAX_CONTEXT, Postmark};
use crate::wire::codec::{DecodeError, Reader, VERSION};
use crate::wire::message::COMMITMENT_LENGTH;
use crate::wire::padding::{MAX_PADDED, pad};
use crate::wire::plaintext::Plaintext;
use crate::wire::suite::Suite;

/// Bytes of evidence before the front.
const HEAD_LENGTH: usize = 2 + 32 + 32 + COMMITMENT_LENGTH + 4;

/// Fronts up to here take no memory of their own: a stamp, and a control that says nothing.
const SHORT: usize = 27;

/// What a message is proven by: all of it but its body, which the application has anyway.
///
/// It comes with each message that is received or sent, and is **as secret as its body**: whoever has it can test guesses
/// of the body. It belongs to the body, is sealed, stored and purged with it; outliving its message, it would make timers
/// a lie. Who keeps no evidence drops it, and can report nothing.
///
/// ```text
/// | version: 1 | suite: 1 | key (K_f): 32 | context (h): 32 | commitment (c2): 32 | zeros (z): 4 | front |
/// ```
///
/// 104 bytes in suite 1 where no setting was ever made; 105 in suite 2 where besides nothing travelled with it. Lists of
/// devices that travelled with it are a part of it, until both sides hold the same.
pub struct Evidence {
    suite: Suite,
    opening: CommitmentOpening,
    commitment: Commitment,
    /// How many zeros the padding has (z).
    zeros: u32,
    front: Front,
}

/// All of a plaintext before the body: control, parts, stamp.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Front {
    Short { bytes: [u8; SHORT], length: usize },
    Long(Zeroizing<Vec<u8>>),
}

impl Front {
    pub(crate) fn of(front: &[u8]) -> Self {
        Self::joined(front, &[])
    }

    /// Of two parts, one after the other.
    pub(crate) fn joined(first: &[u8], second: &[u8]) -> Self {
        let length = first.len().saturating_add(second.len());
        if length > SHORT {
            return Self::Long(Zeroizing::new([first, second].concat()));
        }
        let mut bytes = [0; SHORT];
        bytes.iter_mut().zip(first.iter().chain(second)).for_each(|(out, byte)| *out = *byte);
        Self::Short { bytes, length }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { bytes, length } => bytes.get(..*length).unwrap_or_default(),
            Self::Long(bytes) => bytes,
        }
    }
}

impl Evidence {
    /// The evidence of a plaintext that was taken apart.
    pub(crate) fn of(
        suite: Suite,
        opening: CommitmentOpening,
        commitment: Commitment,
        plaintext: &Plaintext<'_>,
    ) -> Self {
        let Plaintext { front, parts: _, stamp: _, body: _, zeros } = plaintext;
        Self::new(suite, opening, commitment, Front::of(front), *zeros)
    }

    /// The same of one that was put together. There are at most 16 MiB of zeros.
    pub(crate) fn new(
        suite: Suite,
        opening: CommitmentOpening,
        commitment: Commitment,
        front: Front,
        zeros: usize,
    ) -> Self {
        let zeros = u32::try_from(zeros).unwrap_or(u32::MAX);
        Self { suite, opening, commitment, zeros, front }
    }

    /// Takes back what was stored.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Unsupported`] for another version or suite, whatever follows; [`DecodeError::Malformed`] if it is
    /// too short, or its message would have been too large (docs/protocol.md §16.1).
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(DecodeError::Unsupported);
        }
        let suite = reader.suite()?;
        let key: &[u8; 32] = reader.array()?;
        let key = Secret::filled_by(|out| out.copy_from_slice(key));
        let opening = CommitmentOpening::new(key, *reader.array()?);
        let commitment = Commitment::new(*reader.array()?);
        let zeros = reader.u32()?;
        let evidence = Self { suite, opening, commitment, zeros, front: Front::of(reader.rest()) };
        evidence.padded_length(0).ok_or(DecodeError::Malformed)?;
        Ok(evidence)
    }

    /// Its only encoding, to be stored sealed, beside the body.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let Self { suite, opening, commitment, zeros, front } = self;
        let front = front.as_bytes();
        let length = HEAD_LENGTH.saturating_add(front.len());
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        bytes.extend_from_slice(&[VERSION, suite.byte()]);
        bytes.extend_from_slice(opening.key());
        bytes.extend_from_slice(opening.context());
        bytes.extend_from_slice(commitment.as_bytes());
        bytes.extend_from_slice(&zeros.to_be_bytes());
        bytes.extend_from_slice(front);
        bytes
    }

    /// What the message was committed to: what its postmark is of.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        self.commitment
    }

    /// What a moderator is shown: the message with what proves it. `body` is that of the message, not edited and not
    /// normalised; `context` and `postmark` are what the carrier gave with it.
    ///
    /// Whether the postmark is right, only the carrier can tell: compare its context with what you know when the message
    /// comes.
    ///
    /// # Errors
    ///
    /// An [`EntryError`], the first that holds in the order of its variants.
    pub fn entry(
        &self,
        body: &[u8],
        context: &[u8],
        postmark: &Postmark,
    ) -> Result<ReportEntry, EntryError> {
        let padded = self.padded(body).ok_or(EntryError::Malformed)?;
        if self.opening.commitment(&padded) != self.commitment {
            return Err(EntryError::OtherBody);
        }
        if context.len() > MAX_CONTEXT {
            return Err(EntryError::TooLarge);
        }
        let opening = Box::new(self.opening.duplicate());
        Ok(ReportEntry::new(self.suite.byte(), opening, padded, context.to_vec(), *postmark))
    }

    /// What travelled before the body.
    pub(crate) fn front(&self) -> &[u8] {
        self.front.as_bytes()
    }

    pub(crate) fn suite(&self) -> Suite {
        self.suite
    }

    // docs/protocol.md §16.1: M = front ‖ body ‖ 0x80 ‖ 0^z
    /// The padded plaintext (M) with this body; `None` if that is too large.
    fn padded(&self, body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let length = self.padded_length(body.len())?;
        let mut padded = Zeroizing::new(Vec::with_capacity(length));
        padded.extend_from_slice(self.front.as_bytes());
        padded.extend_from_slice(body);
        pad(&mut padded, length);
        Some(padded)
    }

    fn padded_length(&self, body_length: usize) -> Option<usize> {
        let zeros = usize::try_from(self.zeros).ok()?;
        let content = self.front.as_bytes().len().checked_add(body_length)?;
        let length = content.checked_add(1)?.checked_add(zeros)?;
        (length <= MAX_PADDED).then_some(length)
    }
}

/// A message that was received is cloned with it; its body is as secret.
impl Clone for Evidence {
    fn clone(&self) -> Self {
        let Self { suite, opening, commitment, zeros, front } = self;
        Self {
            suite: *suite,
            opening: opening.duplicate(),
            commitment: *commitment,
            zeros: *zeros,
            front: front.clone(),
        }
    }
}

impl PartialEq for Evidence {
    fn eq(&self, other: &Self) -> bool {
        let Self { suite, opening, commitment, zeros, front } = self;
        let public = (suite, commitment, zeros, front)
            == (&other.suite, &other.commitment, &other.zeros, &other.front);
        public && opening == &other.opening
    }
}

impl Eq for Evidence {}

/// Of which commitment it is, and nothing that opens that.
impl fmt::Debug for Evidence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Evidence");
        shown.field("suite", &self.suite).field("commitment", &self.commitment);
        shown.finish_non_exhaustive()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Evidence {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        byte_string::serialize(&*self.encode(), serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Evidence {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = byte_string::read(deserializer, HEAD_LENGTH.saturating_add(MAX_PADDED))?;
        Self::decode(&bytes).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};
    use alloc::format;
    use alloc::vec;
    use proptest::prelude::*;

    #[test]
    fn vectors_report_evidence() {
        let known = [
            "evidence", "body", "context", "postmark", "suite", "k_f", "h", "c2", "zeros", "front",
            "m", "entry",
        ];
        for case in known_answers::report_section("evidence") {
            known_answers::assert_fields(&case, &known);
            let evidence = Evidence::decode(&case.bytes("evidence")).unwrap();
            assert_eq!(u64::from(evidence.suite.byte()), case.number("suite"));
            assert_eq!(evidence.opening.key(), &case.array("k_f"));
            assert_eq!(evidence.opening.context(), &case.array("h"));
            assert_eq!(evidence.commitment().as_bytes(), &case.array("c2"));
            assert_eq!(u64::from(evidence.zeros), case.number("zeros"));
            assert_eq!(evidence.front(), case.bytes("front"));
            assert_eq!(*evidence.encode(), case.bytes("evidence"));

            let body = known_answers::long_bytes(case.field("body"));
            let padded = evidence.padded(&body).unwrap();
            assert!(known_answers::is_result(&padded, case.field("m")), "{}", case["comment"]);
            let opening = evidence.opening.duplicate();
            let plaintext = Plaintext::cut(&padded, evidence.suite).unwrap();
            assert!(plaintext.body == body, "{}", case["comment"]);
            let again = Evidence::of(evidence.suite, opening, evidence.commitment, &plaintext);
            assert_eq!(again, evidence, "{}", case["comment"]);

            let postmark = Postmark::new(case.array("postmark"));
            let context = known_answers::long_bytes(case.field("context"));
            let entry = evidence.entry(&body, &context, &postmark).unwrap();
            let mut encoded = Vec::new();
            entry.encode_into(&mut encoded);
            assert_eq!(encoded.len(), entry.encoded_length());
            assert!(known_answers::is_result(&encoded, case.field("entry")), "{}", case["comment"]);
        }
    }

    proptest! {
        #[test]
        fn what_decodes_encodes_to_the_same_bytes(
            version in 0_u8..3, suite in 0_u8..4, rest in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut bytes = vec![version, suite];
            bytes.extend(rest);
            // Else nearly all would have too many zeros.
            bytes.iter_mut().skip(98).take(1).for_each(|byte| *byte = 0);
            match Evidence::decode(&bytes) {
                Ok(evidence) => {
                    let encoded = evidence.encode();
                    prop_assert_eq!(encoded.as_slice(), bytes.as_slice());
                    prop_assert_eq!(evidence.clone(), evidence);
                }
                Err(DecodeError::Unsupported) => {
                    prop_assert!(version != VERSION || Suite::of_byte(suite).is_none());
                }
                Err(DecodeError::Malformed) => prop_assert!(bytes.len() < HEAD_LENGTH),
            }
        }
    }

    #[test]
    fn evidence_is_equal_only_when_all_is() {
        let one = [&[1, 1][..], &[7; 96], &[0; 4], &[0, 0]].concat();
        let evidence = Evidence::decode(&one).unwrap();
        for place in [1, 2, 40, 70, 101, 103] {
            let mut other = one.clone();
            other[place] += 1;
            assert_ne!(Evidence::decode(&other).unwrap(), evidence, "byte {place}");
        }
        let shown = format!("{evidence:?}");
        assert!(shown.ends_with("070707), .. }"), "{shown}");
        assert_eq!(shown.matches("0707").count(), 16, "of the commitment alone");
    }
}
