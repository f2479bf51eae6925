//! Opening by ranges: every byte that comes out is final.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use zeroize::Zeroize;

use crate::attachment::attachment_keys::{AttachmentKeys, Place};
use crate::attachment::hash_tree::{HashList, Root, chunk_hash, page_hash};
use crate::attachment::reference::AttachmentReference;
use crate::wire::blob_layout::{BlobLayout, CHUNK_LENGTH, SEALED_CHUNK_LENGTH, page_of};

/// Why a part of a blob is refused. Nothing has changed: what is good stays good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RangeError {
    /// The store's doing: it has another length than it must, or does not hash to what stands above it. Fetch it again.
    Altered,
    /// The sender's doing: a chunk is what the sender listed, and does not open. The rest of the file may.
    Undecryptable,
    /// The sender's doing: other bytes than zeros follow on the end of the file.
    Malformed,
    /// The caller's doing: the file has no chunk of this number.
    NoSuchChunk,
    /// The caller's doing: the chunk's page was not added, or there is no page of this number.
    NoPage,
}

impl fmt::Display for RangeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Altered => "a part of the blob was altered",
            Self::Undecryptable => "a chunk cannot be decrypted",
            Self::Malformed => "the file's padding is malformed",
            Self::NoSuchChunk => "the file has no such chunk",
            Self::NoPage => "the chunk's page is not there",
        })
    }
}

impl core::error::Error for RangeError {}

/// Opens parts of a file in any order, in parallel, after a restart: what [`AttachmentReference::opener`] makes of the
/// top of its blob.
///
/// What opens is final. It is the sender's, at this place of the file, whatever becomes of the rest; of the rest it says
/// nothing, not even that it is there. Who has opened all chunks ([`BlobLayout::whole`]) has the whole file.
pub struct AttachmentOpener {
    keys: Box<AttachmentKeys>,
    layout: BlobLayout,
    top: VerifiedTop,
    pages: BTreeMap<u64, VerifiedPage>,
}

/// Bytes of a file that are final: the sender's at their place, whatever becomes of the rest.
///
/// [`AttachmentOpener::open`] makes them, and nothing else does: what asks for them is never shown what is provisional.
#[derive(Clone, PartialEq, Eq)]
pub struct FinalBytes(Vec<u8>);

/// The hashes of the pages, found to be those of the root.
struct VerifiedTop(HashList);

/// The hashes of chunks, found to be those of the top.
struct VerifiedPage(HashList);

/// A sealed chunk, found to be what its page lists. Only such a one is decrypted.
struct ListedChunk<'sealed> {
    place: Place,
    sealed: &'sealed [u8; SEALED_CHUNK_LENGTH],
}

impl AttachmentReference {
    /// Begins to open an attachment, with its top: the bytes of the blob at [`BlobLayout::top`].
    ///
    /// # Errors
    ///
    /// [`RangeError::Altered`].
    pub fn opener(&self, top: &[u8]) -> Result<AttachmentOpener, RangeError> {
        let Self { keys, root, layout } = self;
        let top = VerifiedTop::verify(top, keys, layout, root).ok_or(RangeError::Altered)?;
        let keys = keys.duplicate();
        Ok(AttachmentOpener { keys, layout: *layout, top, pages: BTreeMap::new() })
    }
}

impl AttachmentOpener {
    /// Where everything stands in the blob: what to fetch for a part of the file, [`BlobLayout::covering`] says.
    #[must_use]
    pub fn layout(&self) -> BlobLayout {
        self.layout
    }

    /// Adds a page: the bytes of the blob at [`BlobLayout::page`]. It is kept, up to 64 KiB, until it is
    /// [removed](AttachmentOpener::remove_page).
    ///
    /// # Errors
    ///
    /// [`RangeError::NoPage`] if there is none of this number; [`RangeError::Altered`], and one that was added before
    /// stays.
    pub fn add_page(&mut self, number: u64, page: &[u8]) -> Result<(), RangeError> {
        if number >= self.layout.pages() {
            return Err(RangeError::NoPage);
        }
        let page = self.top.verify_page(number, page, &self.layout).ok_or(RangeError::Altered)?;
        self.pages.insert(number, page);
        Ok(())
    }

    /// Forgets a page: all of those of 100 GB take 47 MiB.
    pub fn remove_page(&mut self, number: u64) {
        self.pages.remove(&number);
    }

    /// Opens a chunk: the bytes of the blob at [`BlobLayout::chunk`]. It gives those of the file at
    /// [`BlobLayout::plaintext`], padding left out: none for a chunk that is nothing but padding.
    ///
    /// # Errors
    ///
    /// A [`RangeError`]: the caller's, then the first that holds in the order of its variants.
    pub fn open(&self, index: u64, sealed: &[u8]) -> Result<FinalBytes, RangeError> {
        let place = self.layout.plaintext(index).ok_or(RangeError::NoSuchChunk)?;
        let page = self.pages.get(&page_of(index)).ok_or(RangeError::NoPage)?;
        let chunk = page.find(index, sealed, &self.layout).ok_or(RangeError::Altered)?;
        let mut plaintext = chunk.decrypt(&self.keys).ok_or(RangeError::Undecryptable)?;
        let length = place.end.saturating_sub(place.start);
        let length =
            usize::try_from(length).map_or(CHUNK_LENGTH, |length| length.min(CHUNK_LENGTH));
        if plaintext.get(length..).is_some_and(|padding| padding.iter().any(|byte| *byte != 0)) {
            plaintext.zeroize();
            return Err(RangeError::Malformed);
        }
        plaintext.truncate(length);
        Ok(FinalBytes(plaintext))
    }
}

impl VerifiedTop {
    fn verify(top: &[u8], keys: &AttachmentKeys, layout: &BlobLayout, root: &Root) -> Option<Self> {
        let hashes = HashList::from_bytes(top, layout.pages())?;
        (Root::of(&keys.commitment, layout, top) == *root).then_some(Self(hashes))
    }

    fn verify_page(&self, number: u64, page: &[u8], layout: &BlobLayout) -> Option<VerifiedPage> {
        let Self(hashes) = self;
        let listed = layout.listed(number)?;
        let count = listed.end.saturating_sub(listed.start);
        let page = HashList::from_bytes(page, count)?;
        (hashes.get(number)? == &page_hash(page.as_bytes())).then_some(VerifiedPage(page))
    }
}

impl VerifiedPage {
    /// A chunk that this page lists under its number.
    fn find<'sealed>(
        &self,
        index: u64,
        sealed: &'sealed [u8],
        layout: &BlobLayout,
    ) -> Option<ListedChunk<'sealed>> {
        let Self(hashes) = self;
        let first = layout.listed(page_of(index))?.start;
        let hash = hashes.get(index.checked_sub(first)?)?;
        let sealed: &[u8; SEALED_CHUNK_LENGTH] = sealed.try_into().ok()?;
        (hash == &chunk_hash(sealed))
            .then(|| ListedChunk { place: Place::of(index, layout), sealed })
    }
}

impl ListedChunk<'_> {
    fn decrypt(self, keys: &AttachmentKeys) -> Option<Vec<u8>> {
        let Self { place, sealed } = self;
        let mut plaintext = vec![0; CHUNK_LENGTH];
        if keys.open_into(place, sealed, plaintext.first_chunk_mut()?).is_none() {
            plaintext.zeroize();
            return None;
        }
        Some(plaintext)
    }
}

impl FinalBytes {
    /// The bytes by themselves: what they are is no more to be seen then.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl Deref for FinalBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// How many they are.
impl fmt::Debug for FinalBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("FinalBytes");
        shown.field("length", &self.0.len()).finish_non_exhaustive()
    }
}

/// Of how large a file, and which pages are there.
impl fmt::Debug for AttachmentOpener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("AttachmentOpener");
        shown.field("size", &self.layout.size()).field("pages_added", &self.pages.len());
        shown.finish_non_exhaustive()
    }
}
