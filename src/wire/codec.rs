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
    pub(crate) fn leb128(&mut self) -> Result<u64, DecodeError> {
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
