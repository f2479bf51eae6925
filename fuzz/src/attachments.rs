//! Sealed files that never change, what somebody does to their blobs, and uploads that stop.

use evanesce::attachment::{AttachmentReference, AttachmentSealer, SealError};
use rand_chacha::rand_core::Rng;

use crate::people::rng;

/// Bytes of the files: none, one chunk that is not full, a full one and a byte, several with one of padding.
const SIZES: [usize; 4] = [0, 1_000, 65_537, 180_000];

/// A file, its blob, and what a message says of it.
pub struct SealedFile {
    pub plaintext: Vec<u8>,
    pub blob: Vec<u8>,
    pub reference: AttachmentReference,
}

/// What is done to a blob, or to a file whose upload has stopped, and in which pieces it comes.
pub struct Script {
    /// Which of the files.
    pub file: usize,
    /// Places, and what is added there to what stands there.
    pub edits: Vec<(usize, u8)>,
    pub end: End,
    pub pieces: Vec<usize>,
}

/// What becomes of the end of a blob.
pub enum End {
    Stays,
    Cut(usize),
    Longer(usize),
}

pub fn sealed_files() -> Vec<SealedFile> {
    let sealed = |size| {
        let mut plaintext = vec![0; size];
        rng(50).fill_bytes(&mut plaintext);
        let lengths = [plaintext.len()];
        let (blob, reference) = seal(new_sealer(), &plaintext, &lengths).expect("a short file");
        SealedFile { plaintext, blob, reference }
    };
    SIZES.map(sealed).into()
}

/// The sealer that all these files were sealed by.
pub fn new_sealer() -> AttachmentSealer {
    AttachmentSealer::generate(&mut rng(51))
}

/// What comes out until the file ends. On a refusal there must have been nothing before.
pub fn seal(
    mut sealer: AttachmentSealer,
    plaintext: &[u8],
    lengths: &[usize],
) -> Result<(Vec<u8>, AttachmentReference), SealError> {
    let mut blob = Vec::new();
    let seal = || {
        feed(&mut sealer, plaintext, lengths, &mut blob)?;
        let mut rest = sealer.finish()?;
        while let Some(sealed) = rest.next_piece() {
            blob.extend_from_slice(sealed);
        }
        Ok(rest.reference())
    };
    let sealed = seal();
    assert!(sealed.is_ok() || blob.is_empty(), "something came out of another file");
    Ok((blob, sealed?))
}

/// Feeds bytes in pieces of these lengths, and the rest in one.
pub fn feed(
    sealer: &mut AttachmentSealer,
    plaintext: &[u8],
    lengths: &[usize],
    out: &mut Vec<u8>,
) -> Result<(), SealError> {
    let (mut rest, mut lengths) = (plaintext, lengths.iter());
    while !rest.is_empty() {
        let length = lengths.next().map_or(rest.len(), |length| (*length).min(rest.len()));
        let (mut piece, behind) = rest.split_at(length);
        rest = behind;
        while let Some(sealed) = sealer.push(&mut piece)? {
            out.extend_from_slice(sealed);
        }
        assert!(piece.is_empty());
    }
    Ok(())
}

impl Script {
    /// Any bytes are a script: the file, how many edits, each in four bytes, what becomes of the end in three, and
    /// lengths of pieces in two each.
    pub fn read(bytes: &[u8]) -> Self {
        let mut rest = bytes.iter().copied();
        let mut next = || usize::from(rest.next().unwrap_or(0));
        let file = next() % SIZES.len();
        let edits = (0..next() % 8)
            .map(|_| (next() << 16 | next() << 8 | next(), u8::try_from(next()).unwrap_or(0)))
            .collect();
        let (end, by) = (next() % 3, next() << 8 | next());
        let end = match end {
            0 => End::Stays,
            1 => End::Cut(by),
            _ => End::Longer(by % 100),
        };
        let lengths: Vec<u8> = rest.collect();
        let pieces = lengths.chunks_exact(2).take(1_000);
        let pieces = pieces.map(|two| usize::from(two[0]) << 8 | usize::from(two[1])).collect();
        Self { file, edits, end, pieces }
    }

    /// The blob, or the file, afterwards.
    pub fn applied_to(&self, blob: &[u8]) -> Vec<u8> {
        let mut blob = blob.to_vec();
        for (place, added) in &self.edits {
            // An empty file has no place.
            if let Some(place) = place.checked_rem(blob.len()) {
                blob[place] = blob[place].wrapping_add(*added);
            }
        }
        match self.end {
            End::Stays => {}
            End::Cut(by) => blob.truncate(blob.len().saturating_sub(by)),
            End::Longer(by) => blob.resize(blob.len() + by, 0),
        }
        blob
    }
}
