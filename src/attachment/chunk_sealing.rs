//! Sealing a file of known size on all cores: chunks by themselves, in any order, and the list of their hashes.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;

use crate::attachment::attachment_keys::{AttachmentKeys, Place};
use crate::attachment::hash_tree::{Hash, HashList, Root, chunk_hash, page_hash};
use crate::attachment::reference::AttachmentReference;
use crate::shown_bytes::Hex;
use crate::wire::blob_layout::{BlobLayout, SEALED_CHUNK_LENGTH, page_of};

/// Why a chunk is not sealed or not listed: the caller's doing, or its file has changed. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChunkError {
    /// The file has no chunk of this number.
    NoSuchChunk,
    /// The plaintext has not the length of [`BlobLayout::plaintext`] at this place.
    WrongLength,
    /// Its turn has not come, or is over: hashes are listed in order, each once.
    OutOfOrder,
    /// Not all chunks are listed.
    Unfinished,
    /// The file is not the one of the reference.
    Changed,
}

impl fmt::Display for ChunkError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoSuchChunk => "the file has no such chunk",
            Self::WrongLength => "the chunk's plaintext has another length",
            Self::OutOfOrder => "the chunk is not the next one to be listed",
            Self::Unfinished => "not all chunks are listed",
            Self::Changed => "the file is not the one of the reference",
        })
    }
}

impl core::error::Error for ChunkError {}

/// Seals a file of known size chunk by chunk, as a pure function: `&self`, so on as many threads as there are.
///
/// ```
/// use evanesce::attachment::{BlobLayout, ChunkList, ChunkSealer};
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let rng = &mut ChaCha20Rng::seed_from_u64(1);
///
/// let file = vec![7; 200_000];
/// let layout = BlobLayout::of_size(200_000).expect("below 4 TiB");
/// let sealer = ChunkSealer::generate(layout, rng);
/// let mut blob = vec![0; usize::try_from(layout.blob_length())?];
/// let mut write = |at: std::ops::Range<u64>, bytes: &[u8]| {
///     let start = at.start as usize;
///     blob[start..start + bytes.len()].copy_from_slice(bytes);
/// };
///
/// // On all cores; here, two.
/// let seal = |index| {
///     let plaintext = layout.plaintext(index).expect("a chunk of this file");
///     sealer.seal(index, &file[plaintext.start as usize..plaintext.end as usize])
/// };
/// let (left, right) = std::thread::scope(|scope| {
///     let right = scope.spawn(|| [2, 3].map(seal));
///     ([0, 1].map(seal), right.join().expect("no panic"))
/// });
///
/// // In order, on one.
/// let mut list = ChunkList::new(layout);
/// for sealed in left.into_iter().chain(right) {
///     let sealed = sealed?;
///     write(layout.chunk(sealed.hash.index()).expect("of this file"), &sealed.bytes);
///     if let Some(page) = list.push(sealed.hash)? {
///         write(layout.page(page.number).expect("of this file"), &page.bytes);
///     }
/// }
/// let (top, reference) = sealer.finish(list)?;
/// write(layout.top(), &top);
/// # let opener = reference.opener(&top)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ChunkSealer {
    keys: Box<AttachmentKeys>,
    layout: BlobLayout,
    purpose: Purpose,
}

/// What a file is sealed for.
enum Purpose {
    Upload,
    /// The store has lost the blob: it is to come to the same root.
    Again(Root),
}

/// A chunk as it stands in the blob.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealedChunk {
    /// 65,552 bytes, at [`BlobLayout::chunk`].
    pub bytes: Vec<u8>,
    /// Its hash, for the list.
    pub hash: ChunkHash,
}

/// The hash of one sealed chunk, with its place.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkHash {
    index: u64,
    hash: Hash,
}

impl ChunkHash {
    /// The chunk's number.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }
}

/// A page that is full, or the last.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedPage {
    /// Its number.
    pub number: u64,
    /// Its bytes, at [`BlobLayout::page`]: 32 for each chunk that it lists.
    pub bytes: Vec<u8>,
}

/// Takes the hashes of the chunks in order, and makes pages of them. It holds one page, and 32 bytes for each before.
pub struct ChunkList {
    layout: BlobLayout,
    listed: u64,
    page: HashList,
    top: HashList,
}

impl ChunkSealer {
    /// A sealer with a new key: one draw of 32 bytes. A key is for one upload of one file.
    #[must_use]
    pub fn generate(layout: BlobLayout, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self { keys: AttachmentKeys::generate(rng), layout, purpose: Purpose::Upload }
    }

    /// Seals the same file again, where the store has lost its blob: to the same bytes, or it is *changed*. This is how
    /// a report shows a file that its sender has deleted from the store.
    #[must_use]
    pub fn again(reference: &AttachmentReference) -> Self {
        let AttachmentReference { keys, root, layout } = reference;
        Self { keys: keys.duplicate(), layout: *layout, purpose: Purpose::Again(*root) }
    }

    /// Where everything stands in the blob.
    #[must_use]
    pub fn layout(&self) -> BlobLayout {
        self.layout
    }

    /// Seals one chunk. `plaintext` is the file's part at [`BlobLayout::plaintext`]: nothing for chunks that are nothing
    /// but padding, which are sealed too.
    ///
    /// # Errors
    ///
    /// [`ChunkError::NoSuchChunk`] or [`ChunkError::WrongLength`].
    pub fn seal(&self, index: u64, plaintext: &[u8]) -> Result<SealedChunk, ChunkError> {
        let of_file = self.layout.plaintext(index).ok_or(ChunkError::NoSuchChunk)?;
        let length = of_file.end.saturating_sub(of_file.start);
        if u64::try_from(plaintext.len()) != Ok(length) {
            return Err(ChunkError::WrongLength);
        }
        let place = Place::of(index, &self.layout);
        let mut bytes = vec![0; SEALED_CHUNK_LENGTH];
        if let Some((text, tag)) = bytes.split_first_chunk_mut() {
            tag.copy_from_slice(&match plaintext.try_into() {
                Ok(full) => self.keys.seal_into(place, full, text),
                Err(_) => {
                    text.iter_mut().zip(plaintext).for_each(|(out, byte)| *out = *byte);
                    self.keys.seal(place, text)
                }
            });
        }
        let hash = ChunkHash { index, hash: chunk_hash(&bytes) };
        Ok(SealedChunk { bytes, hash })
    }

    /// The end of the blob, at [`BlobLayout::top`], and what the message says of the attachment, once all chunks are
    /// listed.
    ///
    /// # Errors
    ///
    /// [`ChunkError::Unfinished`]; [`ChunkError::Changed`] of a file that is sealed [again](ChunkSealer::again). That may be
    /// its sender's doing, who broke a chunk that nobody has opened: with top and pages, which who shows a file by ranges
    /// keeps, the other chunks are proven all the same (docs/protocol.md §16.3).
    pub fn finish(self, list: ChunkList) -> Result<(Vec<u8>, AttachmentReference), ChunkError> {
        let Self { keys, layout, purpose } = self;
        if (list.layout, list.listed) != (layout, layout.chunks()) {
            return Err(ChunkError::Unfinished);
        }
        let top = list.top.into_bytes();
        let root = Root::of(&keys.commitment, &layout, &top);
        match purpose {
            Purpose::Again(expected) if expected != root => Err(ChunkError::Changed),
            Purpose::Again(_) | Purpose::Upload => {
                Ok((top, AttachmentReference { keys, root, layout }))
            }
        }
    }
}

impl ChunkList {
    /// A list for a file of this layout, with nothing in it.
    #[must_use]
    pub fn new(layout: BlobLayout) -> Self {
        Self { layout, listed: 0, page: HashList::default(), top: HashList::default() }
    }

    /// Lists the next chunk. Gives the page that ends with it.
    ///
    /// # Errors
    ///
    /// [`ChunkError::NoSuchChunk`] or [`ChunkError::OutOfOrder`].
    pub fn push(&mut self, chunk: ChunkHash) -> Result<Option<ListedPage>, ChunkError> {
        let ChunkHash { index, hash } = chunk;
        if index >= self.layout.chunks() {
            return Err(ChunkError::NoSuchChunk);
        }
        if index != self.listed {
            return Err(ChunkError::OutOfOrder);
        }
        self.page.push(&hash);
        self.listed = index.saturating_add(1);
        let number = page_of(index);
        if self.layout.listed(number).is_some_and(|listed| listed.end != self.listed) {
            return Ok(None);
        }
        let bytes = core::mem::take(&mut self.page).into_bytes();
        self.top.push(&page_hash(&bytes));
        Ok(Some(ListedPage { number, bytes }))
    }
}

/// Of how many bytes the file is.
impl fmt::Debug for ChunkSealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ChunkSealer");
        shown.field("size", &self.layout.size()).finish_non_exhaustive()
    }
}

/// Its hash, and not its bytes.
impl fmt::Debug for SealedChunk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes: _, hash } = self;
        formatter.debug_struct("SealedChunk").field("hash", hash).finish_non_exhaustive()
    }
}

impl fmt::Debug for ChunkHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, hash } = self;
        let mut shown = formatter.debug_struct("ChunkHash");
        shown.field("index", index).field("hash", &format_args!("{}", Hex(hash))).finish()
    }
}

/// Which it is, and not its bytes.
impl fmt::Debug for ListedPage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, bytes: _ } = self;
        formatter.debug_struct("ListedPage").field("number", number).finish_non_exhaustive()
    }
}

/// How many chunks are listed of how many.
impl fmt::Debug for ChunkList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ChunkList");
        shown.field("listed", &self.listed).field("of", &self.layout.chunks());
        shown.finish_non_exhaustive()
    }
}
