//! Reading front to back: what comes out is provisional until the end says that it is whole.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroize;

use crate::attachment::attachment_keys::{AttachmentKeys, Place};
use crate::attachment::hash_tree::{Hash, HashList, Root, chunk_hash, page_hash};
use crate::attachment::reference::AttachmentReference;
use crate::wire::blob_layout::{BlobLayout, CHUNK_LENGTH, SEALED_CHUNK_LENGTH, page_of};

/// Why a blob is refused. All that was read of it is worthless, and is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// The store's doing: a chunk does not open, a list is not that of the chunks, the root is another, or the blob has
    /// another length. Fetch it again. (A sender who listed what does not open is not told apart: open by ranges for
    /// that.)
    Altered,
    /// The sender's doing: all else is right, and other bytes than zeros follow on the end of the file.
    Malformed,
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Altered => "the blob was altered",
            Self::Malformed => "the file's padding is malformed",
        })
    }
}

impl core::error::Error for ReadError {}

/// Reads a blob front to back, fed in pieces of any size: what [`AttachmentReference::reader`] makes. Of the file there
/// is a chunk in memory, beside it a page, and 32 bytes for each 128 MiB.
///
/// What comes out is [`Provisional`]: somebody with the key sealed it for its place, which may be the sender in another
/// file, or another reader with the store's help. Put it where nobody sees it yet, and keep it only if
/// [`AttachmentReader::finish`] says that it is [`Complete`]. Where it is to be shown sooner, fetch the top and the
/// pages first and open by ranges.
pub struct AttachmentReader {
    keys: Box<AttachmentKeys>,
    root: Root,
    layout: BlobLayout,
    /// Of a chunk, what has come; opened, its plaintext.
    buffer: Vec<u8>,
    /// How many chunks have opened.
    opened: u64,
    /// The hashes of the chunks since the last page, and those of the pages.
    page: HashList,
    top: HashList,
    padding: Padding,
    state: State,
}

/// Which part of the blob comes next, and how much of it has come.
#[derive(Clone, Copy)]
enum State {
    Chunk {
        come: usize,
    },
    Page {
        come: usize,
    },
    Top {
        come: usize,
    },
    End,
    /// Nothing is taken any more.
    Altered,
}

/// What was found behind the file.
#[derive(Clone, Copy)]
enum Padding {
    Zeros,
    Other,
}

/// Bytes of a file that may be worthless: see [`AttachmentReader`]. They do not turn into
/// [`FinalBytes`](crate::attachment::FinalBytes), and are no slice by themselves, so that nothing shows them by mistake.
pub struct Provisional<'reader>(&'reader [u8]);

/// A blob was read to its end, and is the sender's, whole: all that came out before counts from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Complete {
    /// Bytes of the file.
    pub size: u64,
}

impl Provisional<'_> {
    /// The bytes, for where nobody sees them yet.
    #[must_use]
    pub fn as_provisional_bytes(&self) -> &[u8] {
        self.0
    }
}

impl AttachmentReference {
    /// Begins to read an attachment front to back.
    #[must_use]
    pub fn reader(&self) -> AttachmentReader {
        let Self { keys, root, layout } = self;
        AttachmentReader {
            keys: keys.duplicate(),
            root: *root,
            layout: *layout,
            buffer: vec![0; SEALED_CHUNK_LENGTH],
            opened: 0,
            page: HashList::default(),
            top: HashList::default(),
            padding: Padding::Zeros,
            state: State::Chunk { come: 0 },
        }
    }
}

impl AttachmentReader {
    /// Takes from the front of `piece`, and gives what opens: call it again until there is nothing more. By then all of
    /// the piece has been taken.
    ///
    /// # Errors
    ///
    /// [`ReadError::Altered`], and the same from then on.
    pub fn push(&mut self, piece: &mut &[u8]) -> Result<Option<Provisional<'_>>, ReadError> {
        while !piece.is_empty() {
            match self.state {
                State::Chunk { come: 0 } if piece.len() >= SEALED_CHUNK_LENGTH => {
                    let length = self.open_chunk_of(take(piece, SEALED_CHUNK_LENGTH))?;
                    if length != 0 {
                        return Ok(self.buffer.get(..length).map(Provisional));
                    }
                }
                State::Chunk { come } => {
                    let taken = take(piece, SEALED_CHUNK_LENGTH.saturating_sub(come));
                    let now_come = come.saturating_add(taken.len());
                    if let Some(place) = self.buffer.get_mut(come..now_come) {
                        place.copy_from_slice(taken);
                    }
                    if now_come < SEALED_CHUNK_LENGTH {
                        self.state = State::Chunk { come: now_come };
                        continue;
                    }
                    let length = self.open_chunk()?;
                    if length != 0 {
                        return Ok(self.buffer.get(..length).map(Provisional));
                    }
                }
                State::Page { come } => match compare(piece, self.page.as_bytes(), come) {
                    Compared::Same => self.end_page(),
                    Compared::SoFar { come } => self.state = State::Page { come },
                    Compared::Different => return Err(self.refuse()),
                },
                State::Top { come } => match compare(piece, self.top.as_bytes(), come) {
                    Compared::Same => self.state = State::End,
                    Compared::SoFar { come } => self.state = State::Top { come },
                    Compared::Different => return Err(self.refuse()),
                },
                State::End => return Err(self.refuse()),
                State::Altered => return Err(ReadError::Altered),
            }
        }
        match self.state {
            State::Altered => Err(ReadError::Altered),
            State::Chunk { .. } | State::Page { .. } | State::Top { .. } | State::End => Ok(None),
        }
    }

    /// Says whether all that came out counts.
    ///
    /// # Errors
    ///
    /// A [`ReadError`]: all that came out is worthless.
    pub fn finish(self) -> Result<Complete, ReadError> {
        match self.state {
            State::End => {}
            State::Chunk { .. } | State::Page { .. } | State::Top { .. } | State::Altered => {
                return Err(ReadError::Altered);
            }
        }
        if Root::of(&self.keys.commitment, &self.layout, self.top.as_bytes()) != self.root {
            return Err(ReadError::Altered);
        }
        match self.padding {
            Padding::Zeros => Ok(Complete { size: self.layout.size() }),
            Padding::Other => Err(ReadError::Malformed),
        }
    }

    /// Opens a chunk that came in one piece, without a copy of it. Says how many of its bytes are of the file.
    fn open_chunk_of(&mut self, piece: &[u8]) -> Result<usize, ReadError> {
        let hash = chunk_hash(piece);
        let place = Place::of(self.opened, &self.layout);
        let opened = piece.first_chunk().zip(self.buffer.first_chunk_mut());
        let opened = opened.and_then(|(sealed, text)| self.keys.open_into(place, sealed, text));
        self.chunk_opened(hash, opened)
    }

    /// Opens the chunk that has come into the buffer. Says how many of its bytes are of the file.
    fn open_chunk(&mut self) -> Result<usize, ReadError> {
        let hash = chunk_hash(&self.buffer);
        let place = Place::of(self.opened, &self.layout);
        let opened = self.buffer.split_last_chunk_mut();
        let opened = opened.and_then(|(text, tag)| self.keys.open(place, text, tag));
        self.chunk_opened(hash, opened)
    }

    /// Lists a chunk whose plaintext stands in the buffer, if it has opened.
    fn chunk_opened(&mut self, hash: Hash, opened: Option<()>) -> Result<usize, ReadError> {
        let of_file = self.layout.plaintext(self.opened);
        let (Some(of_file), Some(plaintext)) =
            (opened.and(of_file), self.buffer.get(..CHUNK_LENGTH))
        else {
            return Err(self.refuse());
        };
        let length = of_file.end.saturating_sub(of_file.start);
        let length =
            usize::try_from(length).map_or(CHUNK_LENGTH, |length| length.min(CHUNK_LENGTH));
        if plaintext.get(length..).is_some_and(|padding| padding.iter().any(|byte| *byte != 0)) {
            self.padding = Padding::Other;
        }
        self.page.push(&hash);
        let number = page_of(self.opened);
        self.opened = self.opened.saturating_add(1);
        let ends_page = self.layout.listed(number).is_some_and(|page| page.end == self.opened);
        self.state = if ends_page { State::Page { come: 0 } } else { State::Chunk { come: 0 } };
        Ok(length)
    }

    fn end_page(&mut self) {
        self.top.push(&page_hash(self.page.as_bytes()));
        self.page.clear();
        let is_last = self.opened == self.layout.chunks();
        self.state = if is_last { State::Top { come: 0 } } else { State::Chunk { come: 0 } };
    }

    fn refuse(&mut self) -> ReadError {
        self.buffer.zeroize();
        self.state = State::Altered;
        ReadError::Altered
    }
}

/// How a part of a blob that has come compares with what was computed.
enum Compared {
    Same,
    SoFar { come: usize },
    Different,
}

/// Compares the front of `piece` with what is `expected` from `come` on.
fn compare(piece: &mut &[u8], expected: &[u8], come: usize) -> Compared {
    let rest = expected.get(come..).unwrap_or_default();
    let taken = take(piece, rest.len());
    if !rest.starts_with(taken) {
        return Compared::Different;
    }
    let come = come.saturating_add(taken.len());
    if come == expected.len() { Compared::Same } else { Compared::SoFar { come } }
}

/// Takes up to so many bytes from the front.
fn take<'piece>(piece: &mut &'piece [u8], most: usize) -> &'piece [u8] {
    let (taken, rest) = piece.split_at_checked(most).unwrap_or((piece, &[]));
    *piece = rest;
    taken
}

/// What was read last is wiped.
impl Drop for AttachmentReader {
    fn drop(&mut self) {
        self.buffer.zeroize();
    }
}

/// How many there are.
impl fmt::Debug for Provisional<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Provisional");
        shown.field("length", &self.0.len()).finish_non_exhaustive()
    }
}

/// How many chunks have opened of how many.
impl fmt::Debug for AttachmentReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("AttachmentReader");
        shown.field("chunks", &self.opened).field("of", &self.layout.chunks());
        shown.finish_non_exhaustive()
    }
}
