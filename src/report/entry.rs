//! One message in a report.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::commitment::{Commitment, CommitmentOpening};
use crate::crypto::secret::Secret;
use crate::report::postmark::{MAX_CONTEXT, Postmark, ServerKey};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::padding::MAX_PADDED;
use crate::wire::payload::MalformedStamp;
use crate::wire::plaintext::Plaintext;
use crate::wire::stamp::Stamp;
use crate::wire::suite::Suite;

/// Bytes of an entry beside the message and the context.
const FRAME_LENGTH: usize = 1 + 32 + 32 + 4 + 2 + 32;

/// Why a message cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryError {
    /// With this body the message would have more than 16 MiB.
    Malformed,
    /// It is not the body of the message that the evidence is of: it was edited, normalised or damaged, or is another's.
    OtherBody,
    /// The context has more than 1,024 bytes.
    TooLarge,
}

impl fmt::Display for EntryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "no message can have this body with this evidence",
            Self::OtherBody => "the body is not the one that the evidence is of",
            Self::TooLarge => "the context is too large",
        })
    }
}

impl core::error::Error for EntryError {}

/// Why a message of a report is not proven. It says nothing of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofError {
    /// It is of a suite that this release does not know.
    Unsupported,
    /// It is not what was delivered under this postmark and context, or the postmark is of another server key.
    Unproven,
    /// It was delivered, and no honest recipient was shown it: it does not say what its suite asks for.
    Malformed,
}

impl fmt::Display for ProofError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unsupported => "the message is of an unsupported suite",
            Self::Unproven => {
                "the message is not proven: it was altered, or its postmark is of another context or server key"
            }
            Self::Malformed => "the message that was delivered is malformed",
        })
    }
}

impl core::error::Error for ProofError {}

/// One message in a report: what was delivered, and what proves it.
///
/// ```text
/// | suite: 1 | key (K_f): 32 | context (h): 32 | length: 4 | plaintext (M) | length: 2 | context | postmark: 32 |
/// ```
pub struct ReportEntry {
    /// Possibly none that is known.
    suite: u8,
    /// Boxed, so that a list of entries that grows leaves no key behind.
    opening: Box<CommitmentOpening>,
    padded: Zeroizing<Vec<u8>>,
    context: Vec<u8>,
    postmark: Postmark,
}

/// A message that the carrier has delivered, with just this content. Who handed it in, for whom and when, is what the
/// carrier wrote into the context.
///
/// `Debug` shows how long its body is, and nothing of what it says.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProvenMessage<'entry> {
    /// The suite of its session. (Groups have suite 1.)
    pub suite: Suite,
    /// What it says about its own life; if that is malformed, the body is all of the content.
    pub stamp: Result<Stamp, MalformedStamp>,
    /// The application's bytes. Attachments that it refers to are proven with it: open their blobs as a receiver does.
    pub body: &'entry [u8],
    /// What the carrier knew when it delivered the message. **Compare the recipient that it names with who reports.**
    pub context: &'entry [u8],
    /// What was delivered.
    pub commitment: Commitment,
}

impl ReportEntry {
    pub(crate) fn new(
        suite: u8,
        opening: Box<CommitmentOpening>,
        padded: Zeroizing<Vec<u8>>,
        context: Vec<u8>,
        postmark: Postmark,
    ) -> Self {
        Self { suite, opening, padded, context, postmark }
    }

    /// What the entry says is the context: it says which server key to verify it with. Believe nothing else of it before
    /// [`ReportEntry::verify`] has.
    #[must_use]
    pub fn claimed_context(&self) -> &[u8] {
        &self.context
    }

    /// Verifies that the message was delivered with this content, under this context. Besides the server key no secret
    /// is needed.
    ///
    /// # Errors
    ///
    /// A [`ProofError`], the first that holds in the order of its variants.
    pub fn verify(&self, server_key: &ServerKey) -> Result<ProvenMessage<'_>, ProofError> {
        let Self { suite, opening, padded, context, postmark } = self;
        let suite = Suite::of_byte(*suite).ok_or(ProofError::Unsupported)?;
        let commitment = opening.commitment(padded);
        if server_key.postmark(&commitment, context) != Ok(*postmark) {
            return Err(ProofError::Unproven);
        }
        let Plaintext { front: _, parts: _, stamp, body, zeros: _ } =
            Plaintext::cut(padded, suite).map_err(|_| ProofError::Malformed)?;
        Ok(ProvenMessage { suite, stamp, body, context, commitment })
    }

    /// How many bytes [`Self::encode_into`] puts.
    pub(crate) fn encoded_length(&self) -> usize {
        FRAME_LENGTH.saturating_add(self.padded.len()).saturating_add(self.context.len())
    }

    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        let Self { suite, opening, padded, context, postmark } = self;
        out.push(*suite);
        out.extend_from_slice(opening.key());
        out.extend_from_slice(opening.context());
        // At most 16 MiB, and 1,024 bytes.
        out.extend_from_slice(&u32::try_from(padded.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(padded);
        out.extend_from_slice(&u16::try_from(context.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(context);
        out.extend_from_slice(postmark.as_bytes());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let suite = reader.u8()?;
        let key: &[u8; 32] = reader.array()?;
        let context_of_message = reader.array()?;
        let length = usize::try_from(reader.u32()?).map_err(|_| DecodeError::Malformed)?;
        if !(1..=MAX_PADDED).contains(&length) {
            return Err(DecodeError::Malformed);
        }
        let padded = reader.bytes(length)?;
        let length = usize::from(u16::from_be_bytes(*reader.array()?));
        if length > MAX_CONTEXT {
            return Err(DecodeError::Malformed);
        }
        let context = reader.bytes(length)?;
        let postmark = Postmark::new(*reader.array()?);
        let key = Secret::filled_by(|out| out.copy_from_slice(key));
        let opening = Box::new(CommitmentOpening::new(key, *context_of_message));
        let padded = Zeroizing::new(padded.to_vec());
        Ok(Self { suite, opening, padded, context: context.to_vec(), postmark })
    }
}

/// How long the message is, and nothing of what it says.
impl fmt::Debug for ReportEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ReportEntry");
        shown.field("suite", &self.suite).field("padded_length", &self.padded.len());
        shown.field("context_length", &self.context.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for ProvenMessage<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { suite, stamp, body, context, commitment } = self;
        let mut shown = formatter.debug_struct("ProvenMessage");
        shown.field("suite", suite).field("stamp", stamp).field("body_length", &body.len());
        shown.field("context_length", &context.len()).field("commitment", commitment).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};
    use crate::report::whole_report::Report;
    use serde_json::Value;

    fn assert_proven(entry: &ReportEntry, proven: &ProvenMessage<'_>, expected: &Value) {
        let known = [
            "times",
            "suite",
            "k_f",
            "h",
            "m",
            "c2",
            "context",
            "postmark",
            "body",
            "stamp",
            "malformed_stamp",
        ];
        known_answers::assert_fields(expected, &known);
        assert_eq!(u64::from(proven.suite.byte()), expected.number("suite"));
        assert_eq!(entry.opening.key(), &expected.array("k_f"));
        assert_eq!(entry.opening.context(), &expected.array("h"));
        assert!(known_answers::is_result(&entry.padded, expected.field("m")));
        assert_eq!(proven.commitment.as_bytes(), &expected.array("c2"));
        assert!(known_answers::is_result(proven.context, expected.field("context")));
        assert_eq!(entry.postmark.as_bytes(), &expected.array("postmark"));
        assert!(known_answers::is_result(proven.body, expected.field("body")));
        match &proven.stamp {
            Ok(stamp) => assert_eq!(stamp.encode(), expected.bytes("stamp")),
            Err(MalformedStamp) => assert!(expected.boolean("malformed_stamp")),
        }
    }

    /// docs/protocol.md §16.3, step 4 and what comes of the other suite's name.
    #[test]
    fn what_is_proven_is_read_as_its_suite_says() {
        let server_key = ServerKey::new(&[9; 32]);
        let stamp = Stamp::NONE.encode();
        let run = |first: u8, count: u8| [&[0xa0, count, first, 1, 2, 3, 4][..], &[7; 64]].concat();
        let content = |parts: &[&[u8]]| [&parts.concat()[..], &[0x80, 0, 0]].concat();
        for (suite, padded, expected) in [
            (Suite::Hybrid, content(&[&[0x80], &stamp, b"hi"]), Ok((true, &b"hi"[..]))),
            (Suite::Hybrid, content(&[&run(0, 2), &stamp, b"hi"]), Ok((true, b"hi"))),
            // A malformed stamp behind a control: what is behind the control is the body.
            (Suite::Hybrid, content(&[&[0x80], &[0x40, 0]]), Ok((false, &[0x40, 0]))),
            // Runs that nobody may send, no control, and no end mark.
            (Suite::Hybrid, content(&[&run(0, 0), &stamp, b"hi"]), Err(ProofError::Malformed)),
            (Suite::Hybrid, content(&[&run(37, 2), &stamp, b"hi"]), Err(ProofError::Malformed)),
            (Suite::Hybrid, content(&[&run(0, 2)[..40]]), Err(ProofError::Malformed)),
            (Suite::Hybrid, content(&[&stamp, b"hi"]), Err(ProofError::Malformed)),
            (Suite::Hybrid, [&[0x80][..], &stamp, &[0; 9]].concat(), Err(ProofError::Malformed)),
            // Of suite 2, under the name of suite 1: all of it is the body.
            (Suite::Classical, content(&[&[0x80], &stamp, b"hi"]), Ok((false, b"\x80\0\0hi"))),
        ] {
            let opening = CommitmentOpening::new(Secret::filled_by(|out| *out = [5; 32]), [6; 32]);
            let opening = Box::new(opening);
            let commitment = opening.commitment(&padded);
            let postmark = server_key.postmark(&commitment, b"noon").unwrap();
            let context = b"noon".to_vec();
            let shown = padded.clone();
            let padded = Zeroizing::new(padded);
            let entry = ReportEntry::new(suite.byte(), opening, padded, context, postmark);
            let proven = entry.verify(&server_key);
            let read = proven.as_ref().map(|proven| (proven.stamp.is_ok(), proven.body));
            assert_eq!(read, expected.as_ref().copied(), "{suite:?} {shown:?}");
        }
    }

    #[test]
    fn vectors_report_verify() {
        for case in known_answers::report_section("verify") {
            let known = ["server_key", "report", "entries", "heavy"];
            known_answers::assert_fields(&case, &known);
            let place = &case["comment"];
            let server_key = ServerKey::new(&case.array("server_key"));
            let report = known_answers::long_bytes(case.field("report"));
            let report = Report::decode(&report).unwrap();
            let mut entries = report.entries().iter();
            for expected in case.field("entries").as_array().unwrap() {
                for _ in 0..expected.number("times") {
                    let entry = entries.next().unwrap();
                    match entry.verify(&server_key) {
                        Ok(proven) => assert_proven(entry, &proven, expected),
                        Err(error) => {
                            known_answers::assert_fields(expected, &["times", "error"]);
                            let expected = expected.text("error");
                            let names: &[&str] = match error {
                                ProofError::Unsupported => &["unsupported", "rejected"],
                                ProofError::Unproven => &["unproven"],
                                ProofError::Malformed => &["malformed", "rejected"],
                            };
                            assert!(names.contains(&expected.as_str()), "{place}: {error:?}");
                        }
                    }
                }
            }
            assert!(entries.next().is_none(), "{place}: more entries");
        }
    }
}
