//! Reading and writing in order: fixed widths, big-endian, nothing left over.

use alloc::vec::Vec;
use core::fmt;

use crate::crypto::dh::DhPublicKey;
use crate::wire::suite::Suite;

/// The protocol's version: the high nibble of a message's first byte, and a bundle's first byte.
pub(crate) const VERSION: u8 = 1;

/// A number in LEB128: seven bits in each byte, the eighth says that more follow.
const LEB128_BITS: u8 = 0x7f;
const LEB128_MORE: u8 = 0x80;

/// Bytes of the longest number in LEB128.
const MAX_LEB128: u32 = 10;

/// Why bytes are not the encoding of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// They break the encoding: too short, too long, a value that is not allowed.
    Malformed,
    /// They are of another version or suite: a newer release may read them.
    Unsupported,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "the bytes break the encoding",
            Self::Unsupported => "the bytes are of an unsupported version or suite",
        })
    }
}

impl core::error::Error for DecodeError {}

/// Takes values from the front of received bytes.
pub(crate) struct Reader<'bytes> {
    rest: &'bytes [u8],
}

impl<'bytes> Reader<'bytes> {
    pub(crate) fn new(bytes: &'bytes [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'bytes [u8; N], DecodeError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Malformed)?;
        self.rest = rest;
        Ok(array)
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'bytes [u8], DecodeError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Malformed)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(|[byte]| *byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(|bytes| u32::from_be_bytes(*bytes))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(|bytes| u64::from_be_bytes(*bytes))
    }

    /// A number in LEB128, refused unless it is in the shortest form.
    #[inline]
    pub(crate) fn leb128(&mut self) -> Result<u64, DecodeError> {
        // Most are below 128, or moments, of six bytes: eight at once, where there are so many.
        let is_last = |(byte, _): &(&u8, &[u8])| **byte & LEB128_MORE == 0;
        if let Some((byte, rest)) = self.rest.split_first().filter(is_last) {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        let Some(word) = self.rest.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)) else {
            return self.leb128_by_bytes();
        };
        let last_bits = !word & u64::from_le_bytes([LEB128_MORE; 8]);
        // Through the lowest byte that is the last one.
        let own = last_bits ^ last_bits.wrapping_sub(1);
        let length = own.count_ones().div_ceil(8);
        let last = (word & own) >> length.saturating_sub(1).saturating_mul(8);
        match self.rest.split_at_checked(usize::try_from(length).unwrap_or(usize::MAX)) {
            Some((_, rest)) if last_bits != 0 && last != 0 => self.rest = rest,
            _ => return self.leb128_by_bytes(),
        }
        // Seven bits of each byte, joined by twos, by fours and by eights.
        let bytes = word & own & u64::from_le_bytes([LEB128_BITS; 8]);
        let twos = bytes & 0x007f_007f_007f_007f | (bytes & 0x7f00_7f00_7f00_7f00) >> 1;
        let fours = twos & 0x0000_3fff_0000_3fff | (twos & 0x3fff_0000_3fff_0000) >> 2;
        Ok(fours & 0x0fff_ffff | (fours & 0x0fff_ffff_0000_0000) >> 4)
    }

    /// The same of any length, and at the end of what is read.
    fn leb128_by_bytes(&mut self) -> Result<u64, DecodeError> {
        let mut number = 0;
        for position in 0..MAX_LEB128 {
            let byte = self.u8()?;
            let shift = position.saturating_mul(7);
            let bits = u64::from(byte & LEB128_BITS);
            let placed = bits << shift;
            // The tenth byte has room for one bit, and a last byte of zero could have been left out.
            if placed >> shift != bits || (byte == 0 && position != 0) {
                break;
            }
            number |= placed;
            if byte & LEB128_MORE == 0 {
                return Ok(number);
            }
        }
        Err(DecodeError::Malformed)
    }

    /// LP8: a length in one byte, then that many bytes.
    pub(crate) fn length_prefixed(&mut self) -> Result<&'bytes [u8], DecodeError> {
        let length = self.u8()?;
        self.bytes(usize::from(length))
    }

    /// An X25519 public key, refused unless it is canonical.
    pub(crate) fn dh_public_key(&mut self) -> Result<DhPublicKey, DecodeError> {
        DhPublicKey::decode(self.array()?).ok_or(DecodeError::Malformed)
    }

    /// A suite byte, refused unless we know it.
    pub(crate) fn suite(&mut self) -> Result<Suite, DecodeError> {
        Suite::of_byte(self.u8()?).ok_or(DecodeError::Unsupported)
    }

    /// A byte that says whether something follows: 0 or 1.
    pub(crate) fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Malformed),
        }
    }

    /// All that has not been read.
    pub(crate) fn rest(&self) -> &'bytes [u8] {
        self.rest
    }

    /// Refuses bytes that nothing has read.
    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Malformed) }
    }
}

/// A number in LEB128, in the shortest form.
pub(crate) fn leb128(number: u64) -> impl Iterator<Item = u8> {
    let mut rest = Some(number);
    core::iter::from_fn(move || {
        let [low, ..] = rest?.to_le_bytes();
        rest = rest.map(|number| number >> 7).filter(|number| *number != 0);
        let more = if rest.is_some() { LEB128_MORE } else { 0 };
        Some(low & LEB128_BITS | more)
    })
}

/// LP8: a length in one byte, then the bytes. Callers hold at most 255: addresses of 1 to 64.
pub(crate) fn write_length_prefixed(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bytes that end numbers and such that do not, in any order, zeros among them.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![4 => 0x80..=0xff_u8, 1 => Just(0_u8), 1 => any::<u8>()];
        prop::collection::vec(byte, 0..14)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        #[test]
        fn eight_bytes_at_once_are_the_number_that_they_are_one_by_one(bytes in bytes()) {
            let [mut at_once, mut one_by_one] = [(); 2].map(|()| Reader::new(&bytes));
            let number = at_once.leb128();
            prop_assert_eq!(number, one_by_one.leb128_by_bytes());
            if number.is_ok() {
                prop_assert_eq!(at_once.rest(), one_by_one.rest());
            }
        }

        #[test]
        fn what_is_written_in_leb128_comes_back(number: u64, bits in 0..64_u32, behind: [u8; 9]) {
            let number = number >> bits;
            let written: Vec<u8> = leb128(number).chain(behind).collect();
            let mut reader = Reader::new(&written);
            prop_assert_eq!((reader.leb128(), reader.rest()), (Ok(number), &behind[..]));
        }
    }
}
