//! The key of one message's content, for what may be opened a few times only.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::crypto::aead::{SivKey, TAG_LENGTH};
use crate::crypto::kdf::hkdf;
use crate::crypto::secret::Secret;
use crate::expiry::message_id::MessageId;
use crate::expiry::parts::Parts;
use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};

/// Derives the key of one part.
const CONTENT_LABEL: &[u8] = b"evanesce/v1 expiry content";

/// Seals what an application stores of one message, each part by itself: the body, a file, a thumbnail. The key
/// stands in the message's record and nowhere else, so that what is sealed is gone when the record is, whatever
/// the free pages of a database still hold of it.
///
/// In a box, so that moving it moves a pointer and leaves no copy behind.
pub struct ContentKey(Box<Secret<32>>);

impl ContentKey {
    /// A new key, with one draw of 32 bytes.
    #[must_use]
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(Box::new(Secret::filled_by(|out| rng.fill_bytes(out))))
    }

    /// Seals one part of a message, 16 bytes longer then. Seal each part once: of two contents of one part, it
    /// would show whether they are equal.
    ///
    /// # Panics
    ///
    /// If `content` has more than 64 GiB, where GCM-SIV ends.
    #[must_use]
    pub fn seal(&self, id: MessageId, part: Parts, content: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(content.len().saturating_add(TAG_LENGTH));
        sealed.extend_from_slice(content);
        let tag = SivKey::new(&self.part_key(part)).seal(&mut sealed, &id.0);
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// Opens what was sealed as this part of this message; `None` if it was not, or was altered.
    #[must_use]
    pub fn open(&self, id: MessageId, part: Parts, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (text, tag) = sealed.split_last_chunk()?;
        let mut content = Zeroizing::new(text.to_vec());
        SivKey::new(&self.part_key(part)).open(&mut content, tag, &id.0)?;
        Some(content)
    }

    /// For the one who is handed the key, while the record keeps it.
    pub(crate) fn duplicate(&self) -> Self {
        Self(Box::new(self.0.duplicate()))
    }

    // docs/protocol.md §14.6: HKDF(empty, content key, label ‖ part, 32)
    fn part_key(&self, part: Parts) -> Secret<32> {
        let [key] = hkdf(&[], &[self.0.as_bytes()], &[CONTENT_LABEL, &[part.bits()]]);
        key
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ContentKey(..)")
    }
}

stored!(ContentKey(_));
