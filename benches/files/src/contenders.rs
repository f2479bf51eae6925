//! Whoever takes part. Each seals into a blob of its own and opens that.

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::iter;
use std::ops::Range;

use aes_gcm_siv::aead::{AeadInOut, KeyInit};
use aes_gcm_siv::{Aes256GcmSiv, Tag};
use evanesce::attachment::{AttachmentReference, AttachmentSealer, BlobLayout, ChunkSealer};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

pub const FLOOR: usize = 0;
pub const FRONT_TO_BACK: usize = 1;
pub const BY_CHUNKS: usize = 2;
pub const AGE: usize = 3;
pub const COUNT: usize = 4;

/// Bytes that are read or written at a time where there is a choice.
const PIECE: usize = BlobLayout::CHUNK_LENGTH;

pub trait Contender {
    fn name(&self) -> &'static str;
    fn seal(&mut self, file: &[u8]);
    /// Opens what was sealed, and gives it out in pieces.
    fn open(&mut self, look: &mut dyn FnMut(&[u8]));
}

pub fn all(file: &[u8]) -> [Box<dyn Contender>; COUNT] {
    [
        Box::new(Floor::new(file)),
        Box::new(FrontToBack(Sealed::new(file))),
        Box::new(ByChunks(Sealed::new(file))),
        Box::new(Age::new(file)),
    ]
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(7)
}

/// One AES-256-GCM-SIV and one SHA-256 of each chunk, in place.
struct Floor {
    cipher: Aes256GcmSiv,
    /// The file, or what came of it.
    bytes: Vec<u8>,
    tags: Vec<Tag>,
}

impl Floor {
    fn new(file: &[u8]) -> Self {
        Self { cipher: Aes256GcmSiv::new(&[7; 32].into()), bytes: file.to_vec(), tags: Vec::new() }
    }
}

fn seal_bare(cipher: &Aes256GcmSiv, chunk: &mut [u8]) -> Tag {
    let tag = cipher.encrypt_inout_detached(&[0; 12].into(), &[], (&mut *chunk).into());
    black_box(Sha256::digest(chunk));
    tag.expect("a chunk is short")
}

impl Contender for Floor {
    fn name(&self) -> &'static str {
        "floor"
    }

    fn seal(&mut self, _file: &[u8]) {
        self.tags.clear();
        for chunk in self.bytes.chunks_mut(BlobLayout::CHUNK_LENGTH) {
            self.tags.push(seal_bare(&self.cipher, chunk));
        }
    }

    fn open(&mut self, look: &mut dyn FnMut(&[u8])) {
        for (chunk, tag) in self.bytes.chunks_mut(BlobLayout::CHUNK_LENGTH).zip(&self.tags) {
            black_box(Sha256::digest(&*chunk));
            let text = (&mut *chunk).into();
            let opened = self.cipher.decrypt_inout_detached(&[0; 12].into(), &[], text, tag);
            opened.expect("its tag");
            look(chunk);
        }
    }
}

/// What a store and a message have of a file.
struct Sealed {
    blob: Vec<u8>,
    reference: AttachmentReference,
}

impl Sealed {
    fn new(file: &[u8]) -> Self {
        let mut blob = Vec::new();
        let reference = seal_front_to_back(file, |sealed| blob.extend_from_slice(sealed));
        Self { blob, reference }
    }

    fn part(&self, range: Range<u64>) -> &[u8] {
        &self.blob[in_memory(range)]
    }
}

fn in_memory(range: Range<u64>) -> Range<usize> {
    let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).expect("in memory"));
    start..end
}

fn seal_front_to_back(file: &[u8], mut look: impl FnMut(&[u8])) -> AttachmentReference {
    let mut sealer = AttachmentSealer::generate(&mut rng());
    let mut piece = file;
    while let Some(sealed) = sealer.push(&mut piece).expect("a short file") {
        look(sealed);
    }
    let mut rest = sealer.finish().expect("a short file");
    while let Some(sealed) = rest.next_piece() {
        look(sealed);
    }
    rest.reference()
}

/// `AttachmentSealer` and `AttachmentReader`.
struct FrontToBack(Sealed);

impl Contender for FrontToBack {
    fn name(&self) -> &'static str {
        "evanesce, front to back"
    }

    fn seal(&mut self, file: &[u8]) {
        seal_front_to_back(file, |sealed| _ = black_box(sealed));
    }

    fn open(&mut self, look: &mut dyn FnMut(&[u8])) {
        let Self(Sealed { blob, reference }) = self;
        let mut reader = reference.reader();
        let mut piece = blob.as_slice();
        while let Some(provisional) = reader.push(&mut piece).expect("unaltered") {
            look(provisional.as_provisional_bytes());
        }
        reader.finish().expect("unaltered");
    }
}

/// `ChunkSealer` and `AttachmentOpener`, on one thread.
struct ByChunks(Sealed);

impl Contender for ByChunks {
    fn name(&self) -> &'static str {
        "evanesce, by chunks"
    }

    fn seal(&mut self, file: &[u8]) {
        InParts::new(file).seal(0, 1);
    }

    fn open(&mut self, look: &mut dyn FnMut(&[u8])) {
        let Self(sealed) = self;
        let layout = sealed.reference.layout();
        let opener = sealed.reference.opener(sealed.part(layout.top()));
        let mut opener = opener.expect("unaltered");
        for stretch in layout.whole() {
            opener.add_page(stretch.page, sealed.part(stretch.page_bytes)).expect("unaltered");
            for index in stretch.chunks {
                let chunk = sealed.part(layout.chunk(index).expect("of this file"));
                look(&opener.open(index, chunk).expect("unaltered"));
            }
        }
    }
}

/// Chunks that are sealed by themselves, so that each of several threads takes a part of them.
pub struct InParts<'file> {
    file: &'file [u8],
    cipher: Aes256GcmSiv,
    sealer: ChunkSealer,
}

impl<'file> InParts<'file> {
    pub fn new(file: &'file [u8]) -> Self {
        let size = u64::try_from(file.len()).expect("in memory");
        let layout = BlobLayout::of_size(size).expect("a short file");
        let sealer = ChunkSealer::generate(layout, &mut rng());
        Self { file, cipher: Aes256GcmSiv::new(&[7; 32].into()), sealer }
    }

    /// The chunks of one of so many parts.
    fn part(&self, part: usize, of: usize) -> impl Iterator<Item = (u64, &'file [u8])> {
        let layout = self.sealer.layout();
        let file = self.file;
        let chunks = (0..layout.chunks()).map(move |index| {
            (index, &file[in_memory(layout.plaintext(index).expect("of this file"))])
        });
        chunks.skip(part).step_by(of)
    }

    pub fn seal(&self, part: usize, of: usize) {
        for (index, plaintext) in self.part(part, of) {
            black_box(self.sealer.seal(index, plaintext).expect("of this file"));
        }
    }

    pub fn floor(&self, part: usize, of: usize) {
        let mut buffer = [0; BlobLayout::CHUNK_LENGTH];
        for (_, plaintext) in self.part(part, of) {
            let chunk = &mut buffer[..plaintext.len()];
            chunk.copy_from_slice(plaintext);
            black_box(seal_bare(&self.cipher, chunk));
        }
    }
}

/// A file of age, to one X25519 key: ChaCha20-Poly1305 of chunks of 64 KiB.
struct Age {
    identity: age::x25519::Identity,
    encrypted: Vec<u8>,
}

impl Age {
    fn new(file: &[u8]) -> Self {
        let mut age = Self { identity: age::x25519::Identity::generate(), encrypted: Vec::new() };
        let mut encrypted = Vec::new();
        age.encrypt(file, &mut encrypted);
        age.encrypted = encrypted;
        age
    }

    fn encrypt(&self, file: &[u8], out: impl Write) {
        let recipient = self.identity.to_public();
        let encryptor = age::Encryptor::with_recipients(iter::once(&recipient as _));
        let mut writer = encryptor.expect("there is one").wrap_output(out).expect("memory");
        writer.write_all(file).expect("memory");
        writer.finish().expect("memory");
    }
}

/// Looks at what is written.
struct Looking;

impl Write for Looking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(black_box(bytes).len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Contender for Age {
    fn name(&self) -> &'static str {
        "age"
    }

    fn seal(&mut self, file: &[u8]) {
        self.encrypt(file, Looking);
    }

    fn open(&mut self, look: &mut dyn FnMut(&[u8])) {
        let decryptor = age::Decryptor::new_buffered(self.encrypted.as_slice());
        let identity = iter::once(&self.identity as _);
        let mut reader = decryptor.expect("a header").decrypt(identity).expect("its key");
        let mut buffer = [0; PIECE];
        loop {
            match reader.read(&mut buffer).expect("unaltered") {
                0 => break,
                length => look(&buffer[..length]),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_opens_is_the_file() {
        let file: Vec<u8> = (0..3_000_000_u32).map(|place| (place / 7).to_le_bytes()[0]).collect();
        for mut contender in all(&file) {
            contender.seal(&file);
            let mut opened = Vec::new();
            contender.open(&mut |bytes| opened.extend_from_slice(bytes));
            assert!(opened == file, "{}", contender.name());
        }
    }

    #[test]
    fn parts_are_all_chunks_each_once() {
        let file = vec![7; 1_000_000];
        let work = InParts::new(&file);
        let mut found: Vec<u64> = [0, 1]
            .into_iter()
            .flat_map(|part| work.part(part, 2))
            .map(|(index, _)| index)
            .collect();
        found.sort_unstable();
        assert_eq!(found, (0..16).collect::<Vec<_>>());
    }
}
