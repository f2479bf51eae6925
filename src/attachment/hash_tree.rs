//! The hashes of a blob: of chunks in pages, of pages in the top, of the top in the root.

use alloc::vec::Vec;

use crate::crypto::hash::sha256;
use crate::crypto::secret::Secret;
use crate::wire::blob_layout::{BlobLayout, HASH_LENGTH};

/// Separates the hash of a chunk.
const CHUNK_LABEL: &[u8] = b"evanesce/v1 attachment chunk";

/// Separates the hash of a page.
const PAGE_LABEL: &[u8] = b"evanesce/v1 attachment page";

/// Separates the hash of the whole.
const ROOT_LABEL: &[u8] = b"evanesce/v1 attachment root";

/// A hash of the tree.
pub(crate) type Hash = [u8; HASH_LENGTH];

/// What stands for a whole attachment: equal roots mean equal key, size and chunks, so equal content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Root(pub(crate) Hash);

// docs/protocol.md §15.1:
//   h_i  = SHA-256(label ‖ s_i)
//   p_j  = SHA-256(label ‖ page_j)
//   root = SHA-256(label ‖ K_c ‖ size u64 ‖ top)
/// h_i
pub(crate) fn chunk_hash(sealed: &[u8]) -> Hash {
    sha256(&[CHUNK_LABEL, sealed])
}

/// p_j
pub(crate) fn page_hash(page: &[u8]) -> Hash {
    sha256(&[PAGE_LABEL, page])
}

impl Root {
    /// `commitment` (K_c) keeps one blob from being two files under two keys.
    pub(crate) fn of(commitment: &Secret<32>, layout: &BlobLayout, top: &[u8]) -> Self {
        let size = layout.size().to_be_bytes();
        Self(sha256(&[ROOT_LABEL, commitment.as_bytes(), &size, top]))
    }
}

/// Hashes one after the other, as pages and the top are.
#[derive(Clone, Default)]
pub(crate) struct HashList(Vec<u8>);

impl HashList {
    /// Takes just so many hashes, and copies nothing of other lengths.
    pub(crate) fn from_bytes(bytes: &[u8], count: u64) -> Option<Self> {
        let count = usize::try_from(count).ok()?;
        (Some(bytes.len()) == count.checked_mul(HASH_LENGTH)).then(|| Self(bytes.to_vec()))
    }

    pub(crate) fn push(&mut self, hash: &Hash) {
        self.0.extend_from_slice(hash);
    }

    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.0.len() / HASH_LENGTH).unwrap_or(u64::MAX)
    }

    pub(crate) fn get(&self, place: u64) -> Option<&Hash> {
        self.0.chunks_exact(HASH_LENGTH).nth(usize::try_from(place).ok()?)?.first_chunk()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
