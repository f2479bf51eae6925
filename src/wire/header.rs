//! The Double Ratchet's header, before it is sealed.

use crate::crypto::aead::TAG_LENGTH;
use crate::crypto::dh::DhPublicKey;
use crate::wire::codec::{DecodeError, Reader};

/// How many messages a chain carries. It bounds a receiver's work for one message at twice as many
/// chain steps, and being the sender's, it cannot leave a direction dead without the sender knowing.
pub(crate) const MAX_CHAIN: u32 = 10_000;

/// Bytes of a header.
pub(crate) const HEADER_LENGTH: usize = 40;

/// Bytes of a sealed header.
pub(crate) const SEALED_HEADER_LENGTH: usize = HEADER_LENGTH + TAG_LENGTH;

/// What a message says about its place in the conversation (Double Ratchet §3.5, HEADER).
///
/// ```text
/// | ratchet key: 32 | previous length: 4 | number: 4 |
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The sender's ratchet public key (DHs).
    pub(crate) ratchet_key: DhPublicKey,
    /// How many messages the sender's previous chain has (PN): at most [`MAX_CHAIN`].
    pub(crate) previous_length: u32,
    /// Which message of its chain this is, from 0 (N): below [`MAX_CHAIN`].
    pub(crate) number: u32,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_LENGTH] {
        let Self { ratchet_key, previous_length, number } = self;
        let mut bytes = [0; HEADER_LENGTH];
        let (key, counters) = bytes.split_at_mut(32);
        let (previous, last) = counters.split_at_mut(4);
        key.copy_from_slice(ratchet_key.as_bytes());
        previous.copy_from_slice(&previous_length.to_be_bytes());
        last.copy_from_slice(&number.to_be_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8; HEADER_LENGTH]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let ratchet_key = reader.dh_public_key()?;
        let previous_length = reader.u32()?;
        let number = reader.u32()?;
        reader.finish()?;
        if previous_length > MAX_CHAIN || number >= MAX_CHAIN {
            return Err(DecodeError::Malformed);
        }
        Ok(Self { ratchet_key, previous_length, number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(previous_length: u32, number: u32) -> Header {
        let ratchet_key = DhPublicKey::decode(&[9; 32]).unwrap();
        Header { ratchet_key, previous_length, number }
    }

    #[test]
    fn a_header_within_bounds_comes_back() {
        for header in [header(0, 0), header(7, 9), header(MAX_CHAIN, MAX_CHAIN - 1)] {
            assert_eq!(Header::decode(&header.encode()), Ok(header));
        }
    }

    #[test]
    fn a_header_out_of_bounds_is_malformed() {
        for header in [header(MAX_CHAIN + 1, 0), header(0, MAX_CHAIN), header(0, u32::MAX)] {
            assert_eq!(Header::decode(&header.encode()), Err(DecodeError::Malformed));
        }
    }
}
