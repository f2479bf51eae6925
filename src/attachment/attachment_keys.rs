//! The key of one attachment, and what it seals: chunks, each for its place.

use alloc::boxed::Box;

use rand_core::CryptoRng;

use crate::crypto::aead::{NONCE_LENGTH, SivKey, TAG_LENGTH};
use crate::crypto::kdf::hkdf;
use crate::crypto::secret::Secret;
use crate::wire::blob_layout::{BlobLayout, CHUNK_LENGTH, SEALED_CHUNK_LENGTH};

/// Derives the key of the chunks (K_e).
const ENCRYPTION_LABEL: &[u8] = b"evanesce/v1 attachment encryption";

/// Derives what binds the root to the key (K_c).
const COMMITMENT_LABEL: &[u8] = b"evanesce/v1 attachment commitment";

/// The key of one upload, and what is derived from it.
pub(crate) struct AttachmentKeys {
    pub(crate) key: Secret<32>,
    /// K_e
    encryption: Secret<32>,
    /// K_c
    pub(crate) commitment: Secret<32>,
}

/// A chunk's place, which its nonce names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// i
    pub(crate) index: u64,
    /// Whether it is the last of the file.
    pub(crate) end: End,
}

/// Whether a chunk is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Others follow.
    No,
    /// i = n − 1
    Yes,
}

impl Place {
    /// The place of a chunk in a file of this layout.
    pub(crate) fn of(index: u64, layout: &BlobLayout) -> Self {
        let is_last = index.saturating_add(1) == layout.chunks();
        Self { index, end: if is_last { End::Yes } else { End::No } }
    }

    /// The place of a chunk on which others follow.
    pub(crate) fn before_others(index: u64) -> Self {
        Self { index, end: End::No }
    }

    // docs/protocol.md §15.1: nonce = 0^3 ‖ i u64 ‖ last u8
    fn nonce(self) -> [u8; NONCE_LENGTH] {
        let mut nonce = [0; NONCE_LENGTH];
        let parts = [0; 3].into_iter().chain(self.index.to_be_bytes()).chain([match self.end {
            End::No => 0,
            End::Yes => 1,
        }]);
        nonce.iter_mut().zip(parts).for_each(|(out, byte)| *out = byte);
        nonce
    }
}

impl AttachmentKeys {
    /// One draw.
    pub(crate) fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Box<Self> {
        Self::of(Secret::filled_by(|out| rng.fill_bytes(out)))
    }

    // docs/protocol.md §15.1:
    //   K_e, K_c = HKDF(salt = empty, ikm = key, info = label, 32)
    /// On the heap, where they stay however often their owner moves.
    pub(crate) fn of(key: Secret<32>) -> Box<Self> {
        let [encryption] = hkdf(&[], &[key.as_bytes()], &[ENCRYPTION_LABEL]);
        let [commitment] = hkdf(&[], &[key.as_bytes()], &[COMMITMENT_LABEL]);
        Box::new(Self { key, encryption, commitment })
    }

    /// See [`Secret::duplicate`]: a reference outlives the sealer that made it, and an opener the reference.
    pub(crate) fn duplicate(&self) -> Box<Self> {
        Box::new(Self {
            key: self.key.duplicate(),
            encryption: self.encryption.duplicate(),
            commitment: self.commitment.duplicate(),
        })
    }

    /// Encrypts a chunk where it stands (s_i).
    pub(crate) fn seal(&self, place: Place, chunk: &mut [u8]) -> [u8; TAG_LENGTH] {
        SivKey::new(&self.encryption).seal_at(&place.nonce(), chunk)
    }

    /// Encrypts a chunk from where it stays.
    pub(crate) fn seal_into(
        &self,
        place: Place,
        chunk: &[u8; CHUNK_LENGTH],
        sealed: &mut [u8; CHUNK_LENGTH],
    ) -> [u8; TAG_LENGTH] {
        SivKey::new(&self.encryption).seal_at_into(&place.nonce(), chunk, sealed)
    }

    /// Decrypts a chunk where it stands; on failure the caller wipes what stands there.
    #[must_use]
    pub(crate) fn open(
        &self,
        place: Place,
        chunk: &mut [u8],
        tag: &[u8; TAG_LENGTH],
    ) -> Option<()> {
        SivKey::new(&self.encryption).open_at(&place.nonce(), chunk, tag)
    }

    /// Decrypts a chunk from where it stays; on failure the caller wipes what stands in `chunk`.
    #[must_use]
    pub(crate) fn open_into(
        &self,
        place: Place,
        sealed: &[u8; SEALED_CHUNK_LENGTH],
        chunk: &mut [u8; CHUNK_LENGTH],
    ) -> Option<()> {
        let (text, tag) = sealed.split_last_chunk()?;
        let text = text.first_chunk()?;
        SivKey::new(&self.encryption).open_at_into(&place.nonce(), text, tag, chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attachment::hash_tree::chunk_hash;
    use crate::known_answers::{self, Fields};
    use alloc::vec::Vec;

    #[test]
    fn vectors_attachment_keys() {
        for case in known_answers::attachment_section("keys") {
            known_answers::assert_fields(&case, &["comment", "key", "encryption", "commitment"]);
            let keys = AttachmentKeys::of(case.secret("key"));
            assert_eq!(keys.encryption, case.secret("encryption"));
            assert_eq!(keys.commitment, case.secret("commitment"));
        }
    }

    #[test]
    fn vectors_attachment_chunk() {
        let known = ["comment", "key", "i", "last", "plaintext", "sealed", "tag", "hash"];
        for case in known_answers::attachment_section("chunk") {
            known_answers::assert_fields(&case, &known);
            let keys = AttachmentKeys::of(case.secret("key"));
            let index = case.number("i");
            let [end, other_end] =
                if case.boolean("last") { [End::Yes, End::No] } else { [End::No, End::Yes] };
            let place = Place { index, end };
            let plaintext = known_answers::long_bytes(case.field("plaintext"));
            let mut chunk = plaintext.clone();
            let tag = keys.seal(place, &mut chunk);
            assert_eq!(tag, case.array("tag"));
            let sealed: Vec<u8> = [chunk.as_slice(), &tag].concat();
            assert!(known_answers::is_result(&sealed, case.field("sealed")), "{case}");
            assert_eq!(chunk_hash(&sealed), case.array("hash"));
            let others = [
                Place { index, end: other_end },
                Place { index: index + 1, end },
                Place { index: index.wrapping_sub(1), end },
            ];
            for other in others {
                assert_eq!(keys.open(other, &mut chunk.clone(), &tag), None, "{other:?}");
            }
            keys.open(place, &mut chunk, &tag).unwrap();
            assert_eq!(chunk, plaintext);
        }
    }
}
