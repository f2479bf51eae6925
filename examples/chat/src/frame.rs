//! Frames: how one value travels over a connection.
//!
//! ```text
//! | length of the body: 4 | first bytes of SHA-256 of the body: 8 | body |     the length is big-endian
//! ```
//!
//! The check stands for the transport encryption that a real deployment has: what was damaged on the way is sent
//! again, and not taken for a forgery by the recipient. It protects from nobody.

use std::fmt;
use std::io;

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The largest body: a batch of letters with some room. It bounds what a connection can make us hold.
pub const LARGEST_BODY: usize = 512 * 1_024;

const HEADER: usize = 12;

/// Why there is no frame.
#[derive(Debug)]
pub enum FrameError {
    /// The other side has closed, between two frames or within one.
    Closed,
    /// It announces more than is taken.
    TooLong,
    /// Its bytes were damaged.
    Damaged,
    /// Its body is not the encoding of anything.
    Malformed,
    /// The connection failed.
    Io(io::Error),
}

/// The bytes of a frame; `None` if the value is larger than a frame may be.
pub fn encode(value: &impl Serialize) -> Option<Vec<u8>> {
    let body = encode_body(value)?;
    let length = u32::try_from(body.len()).ok()?;
    Some([&length.to_be_bytes()[..], &check(&body), &body].concat())
}

/// What stands in a frame; `None` if the value is larger than that may be.
pub fn encode_body(value: &impl Serialize) -> Option<Vec<u8>> {
    postcard::to_allocvec(value).ok().filter(|body| body.len() <= LARGEST_BODY)
}

pub async fn write(
    connection: &mut (impl AsyncWrite + Unpin),
    value: &impl Serialize,
) -> Result<(), FrameError> {
    let frame = encode(value).ok_or(FrameError::TooLong)?;
    connection.write_all(&frame).await.map_err(FrameError::Io)?;
    connection.flush().await.map_err(FrameError::Io)
}

pub async fn read<T: DeserializeOwned>(
    connection: &mut (impl AsyncRead + Unpin),
) -> Result<T, FrameError> {
    let mut header = [0; HEADER];
    fill(connection, &mut header).await?;
    let (length, expected) = header.split_first_chunk::<4>().ok_or(FrameError::Malformed)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length > LARGEST_BODY {
        return Err(FrameError::TooLong);
    }
    // Memory grows with what has come, not with what was announced.
    let mut body = Vec::new();
    let limit = u64::try_from(length).map_err(|_| FrameError::TooLong)?;
    let came = connection.take(limit).read_to_end(&mut body).await.map_err(FrameError::Io)?;
    if came < length {
        return Err(FrameError::Closed);
    }
    if check(&body) != expected {
        return Err(FrameError::Damaged);
    }
    decode(&body)
}

/// All or nothing: bytes left over are an error.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        Ok(_) | Err(_) => Err(FrameError::Malformed),
    }
}

async fn fill(
    connection: &mut (impl AsyncRead + Unpin),
    bytes: &mut [u8],
) -> Result<(), FrameError> {
    match connection.read_exact(bytes).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(FrameError::Closed),
        Err(error) => Err(FrameError::Io(error)),
    }
}

fn check(body: &[u8]) -> [u8; HEADER - 4] {
    let hash = Sha256::digest(body);
    let mut check = [0; HEADER - 4];
    check.iter_mut().zip(hash).for_each(|(out, byte)| *out = byte);
    check
}

impl fmt::Display for FrameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => formatter.write_str("the connection was closed"),
            Self::TooLong => formatter.write_str("a frame is too long"),
            Self::Damaged => formatter.write_str("a frame was damaged"),
            Self::Malformed => formatter.write_str("a frame is malformed"),
            Self::Io(error) => write!(formatter, "the connection failed: {error}"),
        }
    }
}

impl std::error::Error for FrameError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Name;
    use crate::request::{Ask, Request};

    fn request() -> Request {
        Request { number: 7, ask: Ask::Bundle { address: Name::new("bob").unwrap() } }
    }

    fn read_all(mut bytes: &[u8]) -> Result<Request, FrameError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(read(&mut bytes))
    }

    #[test]
    fn a_frame_comes_back() {
        assert_eq!(read_all(&encode(&request()).unwrap()).unwrap(), request());
    }

    #[test]
    fn a_frame_cut_off_anywhere_is_none() {
        let frame = encode(&request()).unwrap();
        for length in 0..frame.len() {
            assert!(matches!(read_all(&frame[..length]), Err(FrameError::Closed)), "{length}");
        }
    }

    #[test]
    fn every_damaged_bit_is_noticed() {
        let frame = encode(&request()).unwrap();
        for bit in 0..frame.len() * 8 {
            let mut damaged = frame.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(read_all(&damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn an_announced_giant_is_refused_before_it_comes() {
        let mut frame = encode(&request()).unwrap();
        frame[..4].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(matches!(read_all(&frame), Err(FrameError::TooLong)));
        assert_eq!(encode(&vec![0_u8; LARGEST_BODY + 1]), None);
    }

    #[test]
    fn bytes_left_over_and_names_that_are_none_are_malformed() {
        let body = [&postcard::to_allocvec(&request()).unwrap()[..], &[0]].concat();
        assert!(matches!(decode::<Request>(&body), Err(FrameError::Malformed)));
        let body = postcard::to_allocvec(&(7_u64, 2_u32, "No Name")).unwrap();
        assert!(matches!(decode::<Request>(&body), Err(FrameError::Malformed)));
    }
}
