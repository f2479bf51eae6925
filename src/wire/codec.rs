//! Reading and writing in order: fixed widths, big-endian, nothing left over.

use alloc::vec::Vec;
use core::fmt;

use crate::crypto::dh::DhPublicKey;

/// The protocol's version: the high nibble of a message's first byte, and a bundle's first byte.
pub(crate) const VERSION: u8 = 1;

/// The only suite: X25519, Ed25519, AES-256-GCM, AES-256-GCM-SIV, SHA-256.
pub(crate) const SUITE: u8 = 1;

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

    /// LP8: a length in one byte, then that many bytes.
    pub(crate) fn length_prefixed(&mut self) -> Result<&'bytes [u8], DecodeError> {
        let length = self.u8()?;
        self.bytes(usize::from(length))
    }

    /// An X25519 public key, refused unless it is canonical.
    pub(crate) fn dh_public_key(&mut self) -> Result<DhPublicKey, DecodeError> {
        DhPublicKey::decode(self.array()?).ok_or(DecodeError::Malformed)
    }

    /// A suite byte, refused unless it is the one that we know.
    pub(crate) fn suite(&mut self) -> Result<(), DecodeError> {
        if self.u8()? == SUITE { Ok(()) } else { Err(DecodeError::Unsupported) }
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

/// LP8: a length in one byte, then the bytes. Callers hold at most 255: addresses of 1 to 64.
pub(crate) fn write_length_prefixed(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(bytes);
}
