//! How far an upload has come, so that it goes on after a crash.

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::attachment::hash_tree::{Hash, HashList};
use crate::crypto::hash::sha256;
use crate::crypto::secret::Secret;
use crate::wire::blob_layout::{MAX_CHUNKS, chunk_start, page_of, page_plaintext_start};
use crate::wire::codec::{DecodeError, Reader, VERSION};

/// Separates the hash that tells whether the plaintext is the one before.
const RESUME_LABEL: &[u8] = b"evanesce/v1 attachment resume";

/// Bytes of a checkpoint before the hashes of its pages.
const HEAD_LENGTH: usize = 1 + 32 + 8 + 32;

/// How far an upload has come. Local, and as secret as the file: it has the key. Store it sealed
/// ([`StorageKey::seal`](crate::snapshot::StorageKey::seal)), and delete it with the upload, or with the message.
///
/// ```text
/// | version: 1 | key: 32 | chunks given out (c): 8 | hash of the open page's hashes: 32 | hash of each page before: 32 |
/// ```
///
/// It has 73 bytes, and 32 for each 128 MiB.
pub struct AttachmentCheckpoint {
    pub(crate) key: Secret<32>,
    /// Chunks given out (c).
    pub(crate) chunks: u64,
    /// Of the hashes of the open page.
    pub(crate) open_page: OpenPageHash,
    /// p_0 to p_(g − 1)
    pub(crate) top: HashList,
}

/// What tells whether chunks that are sealed again are those that were given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenPageHash(Hash);

impl OpenPageHash {
    // docs/protocol.md §15.2: SHA-256(label ‖ h_i of the open page)
    pub(crate) fn of(page: &[u8]) -> Self {
        Self(sha256(&[RESUME_LABEL, page]))
    }
}

impl AttachmentCheckpoint {
    /// Takes a checkpoint back.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Unsupported`] for another version, whatever follows; [`DecodeError::Malformed`] for another
    /// length than its count of chunks asks for, or more chunks than there can be (docs/protocol.md §15.2).
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(DecodeError::Unsupported);
        }
        let key: &[u8; 32] = reader.array()?;
        let chunks = reader.u64()?;
        let open_page = OpenPageHash(*reader.array()?);
        if chunks > MAX_CHUNKS {
            return Err(DecodeError::Malformed);
        }
        let top =
            HashList::from_bytes(reader.rest(), page_of(chunks)).ok_or(DecodeError::Malformed)?;
        let key = Secret::filled_by(|out| out.copy_from_slice(key));
        Ok(Self { key, chunks, open_page, top })
    }

    /// Its only encoding, with the key in it.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let Self { key, chunks, open_page: OpenPageHash(open_page), top } = self;
        let length = HEAD_LENGTH.saturating_add(top.as_bytes().len());
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        bytes.push(VERSION);
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(&chunks.to_be_bytes());
        bytes.extend_from_slice(open_page);
        bytes.extend_from_slice(top.as_bytes());
        bytes
    }

    /// From which byte of the file on a sealer is to be fed that resumes from here: a multiple of 128 MiB.
    #[must_use]
    pub fn feed_from(&self) -> u64 {
        page_plaintext_start(page_of(self.chunks))
    }

    /// From which byte of the blob on its output stands. What the store has behind it is to be overwritten, or is the
    /// same.
    #[must_use]
    pub fn output_from(&self) -> u64 {
        chunk_start(self.chunks)
    }
}

/// How far it is, and nothing of its key.
impl fmt::Debug for AttachmentCheckpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("AttachmentCheckpoint");
        shown.field("chunks", &self.chunks).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_decodes_encodes_to_the_same_bytes(
            key in any::<[u8; 32]>(), chunks in 0_u64..10_000, pages in 0_usize..6, more in 0_usize..2,
        ) {
            let rest = vec![7; 32 + pages * 32 + more];
            let bytes = [&[1][..], &key, &chunks.to_be_bytes(), &rest].concat();
            let fits = more == 0 && u64::try_from(pages).unwrap() == chunks / 2_048;
            match AttachmentCheckpoint::decode(&bytes) {
                Ok(checkpoint) => {
                    prop_assert!(fits);
                    let encoded = checkpoint.encode();
                    prop_assert_eq!(encoded.as_slice(), bytes.as_slice());
                }
                Err(error) => prop_assert_eq!((error, fits), (DecodeError::Malformed, false)),
            }
        }
    }
}
