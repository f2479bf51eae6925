//! Reports of abuse: a recipient proves to a moderator what she was sent, and nothing else.

use evanesce::report::{
    Commitment, EntryError, Evidence, Postmark, PostmarkError, ProofError, ProvenMessage, Report,
    ReportEntry, ReportFull, ServerKey,
};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::errors::codes::codes;
use crate::errors::{Coded, Refusal};
use crate::shapes::array;
use crate::values::words::Word;
use crate::values::{Bytes, Out, Shown, object, shown};

/// A carrier's key.
#[wasm_bindgen]
pub struct RawServerKey(ServerKey);

/// Messages that are shown to a moderator.
#[wasm_bindgen]
pub struct RawReport(Report);

codes! {
    EntryError: Malformed => malformed, OtherBody => other_body, TooLarge => too_large;
    ProofError: Unsupported => unsupported, Unproven => unproven, Malformed => malformed;
    PostmarkError: TooLarge => too_large;
}

impl Coded for ReportFull {
    fn code(&self) -> Word {
        Word::too_large
    }
}

#[wasm_bindgen]
impl RawServerKey {
    pub fn take(bytes: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(ServerKey::new(&array(bytes)?)))
    }

    pub fn postmark(&self, message: &[u8], context: &[u8]) -> Result<Vec<u8>, Refusal> {
        let postmark = self.0.postmark(&Commitment::of(message)?, context)?;
        Ok(postmark.as_bytes().to_vec())
    }
}

fn entry(
    evidence: &[u8],
    body: &[u8],
    context: &[u8],
    postmark: &[u8],
) -> Result<ReportEntry, Refusal> {
    let evidence = Evidence::decode(evidence)?;
    Ok(evidence.entry(body, context, &Postmark::new(array(postmark)?))?)
}

#[wasm_bindgen]
impl RawReport {
    pub fn of(
        evidence: &[u8],
        body: &[u8],
        context: &[u8],
        postmark: &[u8],
    ) -> Result<Self, Refusal> {
        Ok(Self(Report::new(entry(evidence, body, context, postmark)?)))
    }

    pub fn push(
        &mut self,
        evidence: &[u8],
        body: &[u8],
        context: &[u8],
        postmark: &[u8],
    ) -> Result<(), Refusal> {
        Ok(self.0.push(entry(evidence, body, context, postmark)?)?)
    }

    pub fn encode(&self) -> Vec<u8> {
        self.0.encode().to_vec()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(Report::decode(bytes)?))
    }

    pub fn entries(&self) -> usize {
        self.0.entries().len()
    }

    pub fn claimed_context(&self, place: usize) -> Option<Vec<u8>> {
        self.0.entries().get(place).map(|entry| entry.claimed_context().to_vec())
    }

    pub fn verify(&self, place: usize, key: &RawServerKey) -> Result<Vec<u8>, Refusal> {
        let entry = self.0.entries().get(place);
        let entry =
            entry.ok_or_else(|| Refusal::new(Word::invalid_argument, "there is no such entry"))?;
        Ok(shown(&entry.verify(&key.0)?))
    }
}

/// What a message commits to.
#[wasm_bindgen]
pub fn commitment(message: &[u8]) -> Result<Vec<u8>, Refusal> {
    Ok(Commitment::of(message)?.as_bytes().to_vec())
}

/// The same, of evidence.
#[wasm_bindgen]
pub fn evidence_commitment(evidence: &[u8]) -> Result<Vec<u8>, Refusal> {
    Ok(Evidence::decode(evidence)?.commitment().as_bytes().to_vec())
}

impl Shown for ProvenMessage<'_> {
    fn show(&self, out: &mut Out) {
        object!(
            out,
            suite: self.suite,
            stamp: self.stamp.as_ref().ok(),
            body: Bytes(self.body),
            context: Bytes(self.context),
            commitment: Bytes(self.commitment.as_bytes()),
        );
    }
}
