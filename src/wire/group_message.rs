//! A message to a group, taken apart as far as that needs no key (docs/protocol.md §18.4).

use crate::crypto::aead::TAG_LENGTH;
use crate::crypto::signature::SIGNATURE_LENGTH;
use crate::wire::codec::{DecodeError, Reader, VERSION};
use crate::wire::message::COMMITMENT_LENGTH;
use crate::wire::padding::MAX_PADDED;

/// Version in the high nibble, kind in the low one.
pub(crate) const GROUP: u8 = VERSION << 4 | 3;

/// Bytes of what a header says.
pub(crate) const GROUP_HEADER_LENGTH: usize = 8 + 8 + 8 + 1;

/// Bytes of a header, sealed.
pub(crate) const SEALED_GROUP_HEADER_LENGTH: usize = GROUP_HEADER_LENGTH + TAG_LENGTH;

/// The highest number of a message in its chain.
pub(crate) const LAST_NUMBER: u8 = 99;

/// Says which of several things is meant, and proves nothing.
pub(crate) type Tag = [u8; 8];

/// The first eight of 32 bytes.
pub(crate) fn tag_of(hash: &[u8; 32]) -> Tag {
    let mut tag = [0; 8];
    tag.iter_mut().zip(hash).for_each(|(out, byte)| *out = *byte);
    tag
}

/// Where a message stands.
///
/// ```text
/// | sender: 8 | chain: 8 | roster: 8 | number: 1 |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupHeader {
    /// The member tag of the sending device.
    pub(crate) sender: Tag,
    pub(crate) chain: Tag,
    /// The sender's head.
    pub(crate) roster: Tag,
    pub(crate) number: u8,
}

impl GroupHeader {
    pub(crate) fn encode(&self) -> [u8; GROUP_HEADER_LENGTH] {
        let Self { sender, chain, roster, number } = self;
        let fields = sender.iter().chain(chain).chain(roster).chain([number]);
        let mut bytes = [0; GROUP_HEADER_LENGTH];
        bytes.iter_mut().zip(fields).for_each(|(out, byte)| *out = *byte);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8; GROUP_HEADER_LENGTH]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let (sender, chain, roster) = (*reader.array()?, *reader.array()?, *reader.array()?);
        let number = reader.u8()?;
        if number > LAST_NUMBER {
            return Err(DecodeError::Malformed);
        }
        Ok(Self { sender, chain, roster, number })
    }
}

/// ```text
/// | 0x13 | sealed header: 41 | commitment (c2): 32 | ciphertext (c1): 16 bytes to 16 MiB + 16 | signature: 64 |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupMessage<'bytes> {
    /// Every byte before the commitment.
    pub(crate) before_commitment: &'bytes [u8],
    pub(crate) sealed_header: &'bytes [u8; SEALED_GROUP_HEADER_LENGTH],
    pub(crate) commitment: &'bytes [u8; COMMITMENT_LENGTH],
    pub(crate) ciphertext: &'bytes [u8],
    pub(crate) signature: &'bytes [u8; SIGNATURE_LENGTH],
}

impl<'bytes> GroupMessage<'bytes> {
    pub(crate) fn decode(bytes: &'bytes [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let first = reader.u8()?;
        if first >> 4 != VERSION {
            return Err(DecodeError::Unsupported);
        }
        if first != GROUP {
            return Err(DecodeError::Malformed);
        }
        let sealed_header = reader.array()?;
        let length = bytes.len().saturating_sub(reader.rest().len());
        let before_commitment = bytes.get(..length).ok_or(DecodeError::Malformed)?;
        let commitment = reader.array()?;
        let (ciphertext, signature) =
            reader.rest().split_last_chunk().ok_or(DecodeError::Malformed)?;
        let padded = ciphertext.len().checked_sub(TAG_LENGTH).ok_or(DecodeError::Malformed)?;
        if padded > MAX_PADDED {
            return Err(DecodeError::Malformed);
        }
        Ok(Self { before_commitment, sealed_header, commitment, ciphertext, signature })
    }
}
