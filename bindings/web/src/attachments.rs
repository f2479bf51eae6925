//! Files of any size, sealed for a store that nobody trusts.

use std::ops::Range;

use evanesce::attachment::{
    AttachmentCheckpoint, AttachmentOpener, AttachmentReader, AttachmentReference,
    AttachmentSealer, BlobLayout, BlobStretch, RangeError, ReadError, SealError, SealedRest,
};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::errors::codes::codes;
use crate::errors::{Coded, Refusal};
use crate::random::Random;
use crate::values::words::Word;
use crate::values::{Out, Shown, object, shown};

/// Seals a file front to back, then gives out what is left.
#[wasm_bindgen]
pub struct RawSealer(Sealing);

enum Sealing {
    Going(AttachmentSealer),
    Ending(SealedRest),
    /// The reference was given out, or a call refused.
    Over,
}

/// Reads a blob front to back.
#[wasm_bindgen]
pub struct RawReader(AttachmentReader);

/// Opens a blob by ranges.
#[wasm_bindgen]
pub struct RawOpener(AttachmentOpener);

/// Where everything stands in a blob.
#[wasm_bindgen]
pub struct RawLayout(BlobLayout);

codes! {
    SealError: TooLarge => too_large, Changed => changed;
    ReadError: Altered => altered, Malformed => malformed;
    RangeError: Altered => altered, Undecryptable => undecryptable, Malformed => malformed,
        NoSuchChunk => no_such_chunk, NoPage => no_page;
}

/// A sealer that has ended is asked for more.
fn over() -> Refusal {
    Refusal::new(Word::freed, "the sealer has ended")
}

#[wasm_bindgen]
impl RawSealer {
    pub fn generate() -> Self {
        Self(Sealing::Going(AttachmentSealer::generate(&mut Random)))
    }

    pub fn resume(checkpoint: &[u8]) -> Result<Self, Refusal> {
        let checkpoint = AttachmentCheckpoint::decode(checkpoint)?;
        Ok(Self(Sealing::Going(AttachmentSealer::resume(checkpoint))))
    }

    /// Takes all of the piece, and gives out all that is sealed by it.
    pub fn push(&mut self, mut piece: &[u8]) -> Result<Vec<u8>, Refusal> {
        let Sealing::Going(sealer) = &mut self.0 else {
            return Err(over());
        };
        let mut out = Vec::new();
        while let Some(sealed) = sealer.push(&mut piece)? {
            if out.capacity() == 0 {
                out.reserve_exact(piece.len().saturating_add(sealed.len().saturating_mul(2)));
            }
            out.extend_from_slice(sealed);
        }
        Ok(out)
    }

    pub fn checkpoint(&self) -> Result<Vec<u8>, Refusal> {
        let Sealing::Going(sealer) = &self.0 else {
            return Err(over());
        };
        Ok(sealer.checkpoint()?.encode().to_vec())
    }

    pub fn finish(&mut self) -> Result<(), Refusal> {
        let Sealing::Going(sealer) = std::mem::replace(&mut self.0, Sealing::Over) else {
            return Err(over());
        };
        self.0 = Sealing::Ending(sealer.finish()?);
        Ok(())
    }

    pub fn next_piece(&mut self) -> Option<Vec<u8>> {
        match &mut self.0 {
            Sealing::Ending(rest) => rest.next_piece().map(<[u8]>::to_vec),
            Sealing::Going(_) | Sealing::Over => None,
        }
    }

    pub fn reference(&mut self) -> Result<Vec<u8>, Refusal> {
        let Sealing::Ending(rest) = std::mem::replace(&mut self.0, Sealing::Over) else {
            return Err(over());
        };
        Ok(rest.reference().encode().to_vec())
    }
}

#[wasm_bindgen]
impl RawReader {
    pub fn of(reference: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(AttachmentReference::decode(reference)?.reader()))
    }

    /// Takes all of the piece, and gives out what opens by it: it counts only if the file ends well.
    pub fn push(&mut self, mut piece: &[u8]) -> Result<Vec<u8>, Refusal> {
        let mut out = Vec::new();
        while let Some(provisional) = self.0.push(&mut piece)? {
            let bytes = provisional.as_provisional_bytes();
            if out.capacity() == 0 {
                out.reserve_exact(piece.len().saturating_add(bytes.len()));
            }
            out.extend_from_slice(bytes);
        }
        Ok(out)
    }

    pub fn finish(self) -> Result<f64, Refusal> {
        Ok(number(self.0.finish()?.size))
    }
}

#[wasm_bindgen]
impl RawOpener {
    pub fn of(reference: &[u8], top: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(AttachmentReference::decode(reference)?.opener(top)?))
    }

    pub fn add_page(&mut self, page: f64, bytes: &[u8]) -> Result<(), Refusal> {
        Ok(self.0.add_page(whole(page), bytes)?)
    }

    pub fn remove_page(&mut self, page: f64) {
        self.0.remove_page(whole(page));
    }

    pub fn open(&self, index: f64, sealed: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(self.0.open(whole(index), sealed)?.into_vec())
    }
}

#[wasm_bindgen]
impl RawLayout {
    pub fn of_reference(reference: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(AttachmentReference::decode(reference)?.layout()))
    }

    pub fn of_size(size: f64) -> Result<Self, Refusal> {
        let layout = BlobLayout::of_size(whole(size));
        Ok(Self(layout.ok_or_else(|| Refusal::new(Word::too_large, "the file is too large"))?))
    }

    pub fn shown(&self) -> Vec<u8> {
        shown(&self.0)
    }

    pub fn chunk(&self, index: f64) -> Vec<u8> {
        shown(&self.0.chunk(whole(index)))
    }

    pub fn plaintext(&self, index: f64) -> Vec<u8> {
        shown(&self.0.plaintext(whole(index)))
    }

    pub fn page(&self, page: f64) -> Vec<u8> {
        shown(&self.0.page(whole(page)))
    }

    pub fn listed(&self, page: f64) -> Vec<u8> {
        shown(&self.0.listed(whole(page)))
    }

    /// Of at most a thousand pages at a time.
    pub fn covering(&self, start: f64, end: f64) -> Vec<u8> {
        shown(&self.0.covering(whole(start)..whole(end)).take(1_000).collect::<Vec<_>>())
    }
}

/// From where to go on with an upload.
#[wasm_bindgen]
pub fn read_checkpoint(checkpoint: &[u8]) -> Result<Vec<u8>, Refusal> {
    Ok(shown(&AttachmentCheckpoint::decode(checkpoint)?))
}

/// `ts/checks.ts` lets whole numbers up to 2^53 through.
#[expect(clippy::as_conversions, reason = "saturates, and is checked before")]
fn whole(number: f64) -> u64 {
    number as u64
}

/// No blob has more than 2^43 bytes.
#[expect(clippy::as_conversions, reason = "below 2^53 all are the same")]
fn number(whole: u64) -> f64 {
    whole as f64
}

struct Place(u64);

impl Shown for Place {
    fn show(&self, out: &mut Out) {
        number(self.0).show(out);
    }
}

impl Shown for Range<u64> {
    fn show(&self, out: &mut Out) {
        object!(out, start: Place(self.start), end: Place(self.end));
    }
}

impl Shown for BlobStretch {
    fn show(&self, out: &mut Out) {
        object!(
            out,
            page: Place(self.page),
            pageBytes: self.page_bytes,
            chunks: self.chunks,
            chunkBytes: self.chunk_bytes,
        );
    }
}

impl Shown for BlobLayout {
    fn show(&self, out: &mut Out) {
        object!(
            out,
            size: Place(self.size()),
            chunks: Place(self.chunks()),
            pages: Place(self.pages()),
            blobLength: Place(self.blob_length()),
            top: self.top(),
        );
    }
}

impl Shown for AttachmentCheckpoint {
    fn show(&self, out: &mut Out) {
        object!(out, feedFrom: Place(self.feed_from()), outputFrom: Place(self.output_from()));
    }
}
