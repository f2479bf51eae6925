//! Sealing a file front to back, with a chunk and a page in memory.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroize;

use crate::attachment::attachment_keys::{AttachmentKeys, End, Place};
use crate::attachment::checkpoint::{AttachmentCheckpoint, OpenPageHash};
use crate::attachment::hash_tree::{HashList, Root, chunk_hash, page_hash};
use crate::attachment::reference::AttachmentReference;
use crate::wire::blob_layout::{
    BlobLayout, CHUNK_LENGTH, CHUNKS_PER_PAGE, FULL_PAGE_LENGTH, MAX_CHUNKS, SEALED_CHUNK_LENGTH,
    bytes_in_chunks,
};

/// Why a file is not sealed any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// It has more than 2^42 bytes.
    TooLarge,
    /// A sealer that was resumed is fed another file than the one before, or one that ends before what was given out:
    /// begin anew, with a new key, and delete what the store has.
    Changed,
}

impl fmt::Display for SealError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TooLarge => "the file is too large",
            Self::Changed => "the file is not the one that the upload began with",
        })
    }
}

impl core::error::Error for SealError {}

/// Seals a file front to back, fed in pieces of any size. Of it there are in memory a chunk and a page, 128 KiB, and 32
/// bytes for each 128 MiB.
///
/// Key and file determine every byte, so what was given out and is not known to have been stored can be made again:
/// see [`AttachmentSealer::checkpoint`].
pub struct AttachmentSealer {
    keys: Box<AttachmentKeys>,
    /// A chunk: what has come of its plaintext, or, sealed, what was given out last. Behind it the hashes of the open
    /// page, so that a page is given out in one piece with its last chunk.
    buffer: Vec<u8>,
    /// How many bytes of plaintext the buffer has.
    filled: usize,
    /// How many chunks were sealed.
    sealed: u64,
    /// p_0 to p_(g − 1)
    top: HashList,
    progress: Progress,
}

/// Whether what is sealed is given out.
enum Progress {
    GivingOut,
    /// These many chunks (c) were given out before: they are sealed again in silence, and must come to the same.
    CatchingUp {
        chunks: u64,
        open_page: OpenPageHash,
    },
    /// Nothing comes out any more.
    Refused(SealError),
}

impl AttachmentSealer {
    /// A sealer with a new key: one draw of 32 bytes. A key is for one upload of one file, so forward a file by sealing
    /// it anew.
    #[must_use]
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::new(AttachmentKeys::generate(rng), HashList::default(), Progress::GivingOut)
    }

    /// Goes on with an upload. Feed it the file from byte [`AttachmentCheckpoint::feed_from`] on; what it gives out
    /// stands in the blob from byte [`AttachmentCheckpoint::output_from`] on, the same bytes as without the crash.
    #[must_use]
    pub fn resume(checkpoint: AttachmentCheckpoint) -> Self {
        let AttachmentCheckpoint { key, chunks, open_page, top } = checkpoint;
        Self::new(AttachmentKeys::of(key), top, Progress::CatchingUp { chunks, open_page })
    }

    fn new(keys: Box<AttachmentKeys>, top: HashList, progress: Progress) -> Self {
        // It never grows, so that no plaintext is left behind in memory given back.
        let mut buffer = Vec::with_capacity(SEALED_CHUNK_LENGTH.saturating_add(FULL_PAGE_LENGTH));
        buffer.resize(SEALED_CHUNK_LENGTH, 0);
        let sealed = top.count().saturating_mul(CHUNKS_PER_PAGE);
        Self { keys, buffer, filled: 0, sealed, top, progress }
    }

    /// Takes from the front of `piece`, and gives out at most one chunk, with its page behind it where that is full:
    /// append it to the blob, and call again until there is none. By then all of the piece has been taken.
    ///
    /// **Called once for each piece it would leave the rest of that out of the file**, and nothing could notice: `piece` is
    /// empty when all was taken, and [`AttachmentReference::size`] of what comes of it is to be the file's length.
    ///
    /// A chunk is given out once a byte behind it has come: the last of the file is sealed as that.
    ///
    /// # Errors
    ///
    /// A [`SealError`], and the same from then on. Where a resumed upload has changed, nothing has come out before.
    pub fn push(&mut self, piece: &mut &[u8]) -> Result<Option<&[u8]>, SealError> {
        loop {
            if piece.is_empty() {
                return self.refusal().map_or(Ok(None), Err);
            }
            let has_caught_up = self.catch_up()?;
            let room = CHUNK_LENGTH.saturating_sub(self.filled);
            // A chunk that came in one piece, with more behind it, is sealed from where it stands.
            let whole = piece.split_first_chunk().filter(|(_, behind)| !behind.is_empty());
            let whole = whole.filter(|_| self.filled == 0);
            if whole.is_none() && room != 0 {
                self.take(piece, room);
                continue;
            }
            if self.sealed.saturating_add(1) >= MAX_CHUNKS {
                return Err(self.refuse(SealError::TooLarge));
            }
            let length = match whole {
                None => self.seal_chunk(None),
                Some((chunk, behind)) => {
                    *piece = behind;
                    self.seal_chunk_of(chunk)
                }
            };
            if has_caught_up {
                return Ok(self.buffer.get(..length));
            }
        }
    }

    /// How far the upload has come, to be stored once all that was given out is stored for good. While a resumed sealer
    /// has not caught up, it is the checkpoint that it came from.
    ///
    /// # Errors
    ///
    /// The [`SealError`] that [`AttachmentSealer::push`] gave.
    pub fn checkpoint(&self) -> Result<AttachmentCheckpoint, SealError> {
        let (chunks, open_page) = match &self.progress {
            Progress::GivingOut => (self.sealed, OpenPageHash::of(self.open_page())),
            Progress::CatchingUp { chunks, open_page } => (*chunks, *open_page),
            Progress::Refused(error) => return Err(*error),
        };
        let top = HashList::clone(&self.top);
        Ok(AttachmentCheckpoint { key: self.keys.key.duplicate(), chunks, open_page, top })
    }

    /// Ends the file.
    ///
    /// # Errors
    ///
    /// A [`SealError`], as [`AttachmentSealer::push`].
    pub fn finish(mut self) -> Result<SealedRest, SealError> {
        match self.progress {
            Progress::GivingOut => {}
            // Something was given out because more came.
            Progress::CatchingUp { chunks: 1.., .. } => return Err(SealError::Changed),
            Progress::CatchingUp { chunks: 0, .. } => _ = self.catch_up()?,
            Progress::Refused(error) => return Err(error),
        }
        let filled = u64::try_from(self.filled).unwrap_or(u64::MAX);
        let size = bytes_in_chunks(self.sealed).saturating_add(filled);
        let layout = BlobLayout::of_size(size).ok_or(SealError::TooLarge)?;
        Ok(SealedRest { sealer: self, layout, top: Top::Due })
    }

    /// Compares, at the first byte that was not given out before, what was sealed again. Says whether what is sealed
    /// from now on is to be given out.
    fn catch_up(&mut self) -> Result<bool, SealError> {
        match &self.progress {
            Progress::GivingOut => Ok(true),
            Progress::CatchingUp { chunks, .. } if self.sealed < *chunks => Ok(false),
            Progress::CatchingUp { open_page, .. } => {
                if *open_page != OpenPageHash::of(self.open_page()) {
                    return Err(self.refuse(SealError::Changed));
                }
                self.progress = Progress::GivingOut;
                Ok(true)
            }
            Progress::Refused(error) => Err(*error),
        }
    }

    fn refusal(&self) -> Option<SealError> {
        match &self.progress {
            Progress::GivingOut | Progress::CatchingUp { .. } => None,
            Progress::Refused(error) => Some(*error),
        }
    }

    fn refuse(&mut self, error: SealError) -> SealError {
        self.progress = Progress::Refused(error);
        error
    }

    /// Moves up to `room` bytes of a piece into the buffer.
    fn take(&mut self, piece: &mut &[u8], room: usize) {
        let (taken, rest) = piece.split_at_checked(room).unwrap_or((piece, &[]));
        let end = self.filled.saturating_add(taken.len());
        if let Some(place) = self.buffer.get_mut(self.filled..end) {
            place.copy_from_slice(taken);
        }
        self.filled = end;
        *piece = rest;
    }

    /// Seals what the buffer has, zeros behind it, and lists it; of the whole file when `layout` is known. Says how many
    /// bytes of the buffer are to be given out: the chunk, and its page where that is full or the file ends.
    fn seal_chunk(&mut self, layout: Option<&BlobLayout>) -> usize {
        let index = self.sealed;
        let place = layout.map_or(Place::before_others(index), |layout| Place::of(index, layout));
        let sealed = self.buffer.get_mut(..SEALED_CHUNK_LENGTH);
        if let Some((chunk, tag)) = sealed.and_then(|sealed| sealed.split_last_chunk_mut()) {
            if let Some(padding) = chunk.get_mut(self.filled..) {
                padding.fill(0);
            }
            *tag = self.keys.seal(place, chunk);
        }
        self.filled = 0;
        self.list_chunk(place)
    }

    /// The same of a chunk that stands elsewhere, on which others follow.
    fn seal_chunk_of(&mut self, chunk: &[u8; CHUNK_LENGTH]) -> usize {
        let place = Place::before_others(self.sealed);
        let sealed = self.buffer.first_chunk_mut::<SEALED_CHUNK_LENGTH>();
        if let Some((text, tag)) = sealed.and_then(|sealed| sealed.split_first_chunk_mut()) {
            tag.copy_from_slice(&self.keys.seal_into(place, chunk, text));
        }
        self.list_chunk(place)
    }

    /// Lists the chunk that stands sealed in the buffer.
    fn list_chunk(&mut self, place: Place) -> usize {
        if self.begins_page() {
            self.buffer.truncate(SEALED_CHUNK_LENGTH);
        }
        self.sealed = place.index.saturating_add(1);
        let hash = chunk_hash(self.buffer.get(..SEALED_CHUNK_LENGTH).unwrap_or_default());
        self.buffer.extend_from_slice(&hash);
        if !self.begins_page() && place.end == End::No {
            return SEALED_CHUNK_LENGTH;
        }
        let hash = page_hash(self.buffer.get(SEALED_CHUNK_LENGTH..).unwrap_or_default());
        self.top.push(&hash);
        self.buffer.len()
    }

    /// Whether the next chunk is the first of a page.
    fn begins_page(&self) -> bool {
        self.sealed % CHUNKS_PER_PAGE == 0
    }

    /// The hashes of the chunks of the open page. A page that was full may still stand in the buffer, and is none of it.
    fn open_page(&self) -> &[u8] {
        if self.begins_page() {
            return &[];
        }
        self.buffer.get(SEALED_CHUNK_LENGTH..).unwrap_or_default()
    }
}

/// What is left to give out once the file has ended, and the reference.
#[must_use = "without these bytes the blob cannot be opened"]
pub struct SealedRest {
    sealer: AttachmentSealer,
    layout: BlobLayout,
    top: Top,
}

/// The last piece of a blob.
enum Top {
    Due,
    GivenOut,
}

impl SealedRest {
    /// The next piece of the blob, to be appended to it; `None` when it is whole. Chunks with their pages, then the top,
    /// which has up to a mebibyte.
    pub fn next_piece(&mut self) -> Option<&[u8]> {
        if self.sealer.sealed < self.layout.chunks() {
            let length = self.sealer.seal_chunk(Some(&self.layout));
            return self.sealer.buffer.get(..length);
        }
        match self.top {
            Top::Due => {
                self.top = Top::GivenOut;
                Some(self.sealer.top.as_bytes())
            }
            Top::GivenOut => None,
        }
    }

    /// Bytes of the whole blob.
    #[must_use]
    pub fn blob_length(&self) -> u64 {
        self.layout.blob_length()
    }

    /// What the message says of the attachment. Pieces that were not taken are computed for it and given out no more,
    /// so take them first.
    #[must_use]
    pub fn reference(mut self) -> AttachmentReference {
        while self.next_piece().is_some() {}
        let Self { sealer, layout, top: _ } = self;
        let root = Root::of(&sealer.keys.commitment, &layout, sealer.top.as_bytes());
        AttachmentReference { keys: sealer.keys.duplicate(), root, layout }
    }
}

/// What was not sealed is wiped.
impl Drop for AttachmentSealer {
    fn drop(&mut self) {
        if let Some(plaintext) = self.buffer.get_mut(..self.filled) {
            plaintext.zeroize();
        }
    }
}

/// How many chunks were sealed, and nothing of what is in them.
impl fmt::Debug for AttachmentSealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("AttachmentSealer");
        shown.field("chunks", &self.sealed).finish_non_exhaustive()
    }
}

/// How many chunks were sealed of how many.
impl fmt::Debug for SealedRest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("SealedRest");
        shown.field("chunks", &self.sealer.sealed).field("of", &self.layout.chunks());
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secret::Secret;
    use crate::wire::blob_layout::page_of;
    use alloc::vec;

    /// Such a one is made up: the last chunk comes out at the end alone.
    #[test]
    fn from_a_checkpoint_after_the_last_chunk_nothing_comes_out() {
        let pages = usize::try_from(page_of(MAX_CHUNKS)).unwrap();
        for length in [1, CHUNK_LENGTH, CHUNK_LENGTH + 1, 3 * CHUNK_LENGTH + 7] {
            let checkpoint = AttachmentCheckpoint {
                key: Secret::filled_by(|out| *out = [7; 32]),
                chunks: MAX_CHUNKS,
                open_page: OpenPageHash::of(&[]),
                top: HashList::from_bytes(&vec![7; pages * 32], page_of(MAX_CHUNKS)).unwrap(),
            };
            assert!(AttachmentCheckpoint::decode(&checkpoint.encode()).is_ok());
            let mut sealer = AttachmentSealer::resume(checkpoint);
            let file = vec![0; length];
            let mut piece = &file[..];
            let pushed = sealer.push(&mut piece).map(|given_out| given_out.is_none());
            let too_large = Err(SealError::TooLarge);
            assert_eq!(pushed, if length > CHUNK_LENGTH { too_large } else { Ok(true) });
            assert_eq!(sealer.finish().map(drop), Err(SealError::TooLarge), "{length}");
        }
    }
}
