//! The Double Ratchet's header, before it is sealed.

use crate::crypto::aead::TAG_LENGTH;
use crate::crypto::dh::DhPublicKey;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::suite::Suite;

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
/// | ratchet key: 32 | previous length: 4 | number: 4 |             suite 1
/// | ratchet key: 32 | previous length: 2 | number: 2 | mixed: 4 |  suite 2
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The sender's ratchet public key (DHs).
    pub(crate) ratchet_key: DhPublicKey,
    /// How many messages the sender's previous chain has (PN): at most [`MAX_CHAIN`].
    pub(crate) previous_length: u32,
    /// Which message of its chain this is, from 0 (N): below [`MAX_CHAIN`].
    pub(crate) number: u32,
    /// How many epochs' secrets the sender's root has since the start of the chain (pq); in suite 1 there are none.
    pub(crate) mixed: Option<u32>,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_LENGTH] {
        let Self { ratchet_key, previous_length, number, mixed } = self;
        let mut bytes = [0; HEADER_LENGTH];
        let (key, counters) = bytes.split_at_mut(32);
        let (first, last) = counters.split_at_mut(4);
        key.copy_from_slice(ratchet_key.as_bytes());
        match mixed {
            None => {
                first.copy_from_slice(&previous_length.to_be_bytes());
                last.copy_from_slice(&number.to_be_bytes());
            }
            Some(mixed) => {
                // Both are below 2^16.
                let [_, _, a, b] = previous_length.to_be_bytes();
                let [_, _, c, d] = number.to_be_bytes();
                first.copy_from_slice(&[a, b, c, d]);
                last.copy_from_slice(&mixed.to_be_bytes());
            }
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8; HEADER_LENGTH], suite: Suite) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let ratchet_key = reader.dh_public_key()?;
        let (first, last) = (reader.u32()?, reader.u32()?);
        reader.finish()?;
        let (previous_length, number, mixed) = match suite {
            Suite::Classical => (first, last, None),
            Suite::Hybrid => (first >> 16, first & 0xffff, Some(last)),
        };
        if previous_length > MAX_CHAIN || number >= MAX_CHAIN {
            return Err(DecodeError::Malformed);
        }
        Ok(Self { ratchet_key, previous_length, number, mixed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(previous_length: u32, number: u32, mixed: Option<u32>) -> Header {
        let ratchet_key = DhPublicKey::decode(&[9; 32]).unwrap();
        Header { ratchet_key, previous_length, number, mixed }
    }

    fn suite(header: &Header) -> Suite {
        Suite::with(&header.mixed)
    }

    #[test]
    fn a_header_within_bounds_comes_back() {
        for mixed in [None, Some(0), Some(u32::MAX)] {
            for (previous_length, number) in [(0, 0), (7, 9), (MAX_CHAIN, MAX_CHAIN - 1)] {
                let header = header(previous_length, number, mixed);
                assert_eq!(Header::decode(&header.encode(), suite(&header)), Ok(header));
            }
        }
    }

    #[test]
    fn a_header_out_of_bounds_is_malformed() {
        let outside = [(MAX_CHAIN + 1, 0, None), (0, MAX_CHAIN, None), (0, u32::MAX, None)];
        let hybrid = [(MAX_CHAIN + 1, 0, Some(1)), (0, MAX_CHAIN, Some(1)), (0, 0xffff, Some(1))];
        for (previous_length, number, mixed) in outside.into_iter().chain(hybrid) {
            let header = header(previous_length, number, mixed);
            assert_eq!(
                Header::decode(&header.encode(), suite(&header)),
                Err(DecodeError::Malformed)
            );
        }
    }
}
