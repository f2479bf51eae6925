//! What a message says of an attachment: its key, its root, its size.

use alloc::boxed::Box;
use core::fmt;

use zeroize::Zeroizing;

use crate::attachment::attachment_keys::AttachmentKeys;
use crate::attachment::hash_tree::Root;
#[cfg(feature = "serde")]
use crate::byte_string;
use crate::crypto::secret::Secret;
use crate::wire::blob_layout::{BlobLayout, HASH_LENGTH};
use crate::wire::codec::{DecodeError, Reader, VERSION};

/// Bytes of a reference.
const LENGTH: usize = 1 + 32 + HASH_LENGTH + 8;

/// All that is needed to open an attachment: it goes into a message's body, and is as secret as that.
///
/// Under one reference all see the same bytes, or a refusal, whoever made key and blob. Name, type, thumbnail and where
/// the blob is are the application's, in the same body.
///
/// ```text
/// | version: 1 | key: 32 | root: 32 | size: 8 |
/// ```
pub struct AttachmentReference {
    pub(crate) keys: Box<AttachmentKeys>,
    pub(crate) root: Root,
    pub(crate) layout: BlobLayout,
}

impl AttachmentReference {
    /// Bytes of its encoding: 73.
    pub const LENGTH: usize = LENGTH;

    /// Takes a reference out of a body.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Unsupported`] for another version, whatever follows; [`DecodeError::Malformed`] for another
    /// length, or a size above [`BlobLayout::MAX_SIZE`] (docs/protocol.md §15.1).
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(DecodeError::Unsupported);
        }
        let key: &[u8; 32] = reader.array()?;
        let root = Root(*reader.array()?);
        let layout = BlobLayout::of_size(reader.u64()?).ok_or(DecodeError::Malformed)?;
        reader.finish()?;
        let keys = AttachmentKeys::of(Secret::filled_by(|out| out.copy_from_slice(key)));
        Ok(Self { keys, root, layout })
    }

    /// Its only encoding, with the key in it.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<[u8; LENGTH]> {
        let Self { keys, root: Root(root), layout } = self;
        let mut bytes = Zeroizing::new([0; LENGTH]);
        let size = layout.size().to_be_bytes();
        let parts: [&[u8]; 4] = [&[VERSION], keys.key.as_bytes(), root, &size];
        bytes.iter_mut().zip(parts.into_iter().flatten()).for_each(|(out, byte)| *out = *byte);
        bytes
    }

    /// Bytes of the file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.layout.size()
    }

    /// Where everything stands in the blob.
    #[must_use]
    pub fn layout(&self) -> BlobLayout {
        self.layout
    }
}

/// In constant time, as it has a key in it.
impl PartialEq for AttachmentReference {
    fn eq(&self, other: &Self) -> bool {
        let Self { keys, root, layout } = self;
        keys.key == other.keys.key && (root, layout) == (&other.root, &other.layout)
    }
}

impl Eq for AttachmentReference {}

/// How large the file is, and nothing of its key.
impl fmt::Debug for AttachmentReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("AttachmentReference");
        shown.field("size", &self.size()).finish_non_exhaustive()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for AttachmentReference {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        byte_string::serialize(&*self.encode(), serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for AttachmentReference {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = byte_string::read(deserializer, LENGTH)?;
        Self::decode(&bytes).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_decodes_encodes_to_the_same_bytes(
            key in any::<[u8; 32]>(), root in any::<[u8; 32]>(), size in 0_u64..=1 << 43, cut in 0_usize..80,
        ) {
            let whole = [&[1][..], &key, &root, &size.to_be_bytes()].concat();
            match AttachmentReference::decode(&whole) {
                Ok(reference) => {
                    prop_assert!(size <= BlobLayout::MAX_SIZE);
                    prop_assert_eq!(reference.size(), size);
                    let encoded = reference.encode();
                    prop_assert_eq!(encoded.as_slice(), whole.as_slice());
                }
                Err(error) => {
                    prop_assert_eq!((error, size > BlobLayout::MAX_SIZE), (DecodeError::Malformed, true));
                }
            }
            if let Some(cut) = whole.get(..cut).filter(|cut| cut.len() < whole.len()) {
                prop_assert_eq!(AttachmentReference::decode(cut), Err(DecodeError::Malformed));
            }
        }
    }

    #[test]
    fn references_are_equal_only_when_all_is() {
        let reference = |key, root, size: u64| {
            let bytes = [&[1][..], &[key; 32], &[root; 32], &size.to_be_bytes()].concat();
            AttachmentReference::decode(&bytes).unwrap()
        };
        assert_eq!(reference(1, 2, 3), reference(1, 2, 3));
        for other in [reference(9, 2, 3), reference(1, 9, 3), reference(1, 2, 9)] {
            assert_ne!(reference(1, 2, 3), other);
        }
        assert_eq!(format!("{:?}", reference(1, 2, 3)), "AttachmentReference { size: 3, .. }");
    }
}
