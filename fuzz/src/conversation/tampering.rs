//! What somebody without keys makes of messages.

use crate::conversation::event::Tampering;
use crate::formats;

/// The sealed header that a head ends with.
const SEALED_HEADER: usize = 56;

/// The commitment behind the head.
const COMMITMENT: usize = 32;

/// Changes the bytes of a message. `other` says which other message is meant by a place.
#[must_use]
pub fn tamper<'bytes>(
    bytes: &[u8],
    how: Tampering,
    other: impl FnOnce(u8) -> &'bytes [u8],
) -> Vec<u8> {
    let at = |place: u8| bytes.len() * usize::from(place) / 256;
    match how {
        Tampering::FlipBit { place } => {
            let mut bytes = bytes.to_vec();
            bytes[at(place)] ^= 1 << (place % 8);
            bytes
        }
        Tampering::Truncate { place } => bytes[..at(place)].to_vec(),
        Tampering::Extend { by } => [bytes, &vec![by; by.into()]].concat(),
        Tampering::SpliceRest { other: place } => splice(bytes, other(place), 0),
        Tampering::SpliceCiphertext { other: place } => splice(bytes, other(place), COMMITMENT),
        Tampering::OtherKind { other: place } => with_other_kind(bytes, other(place)),
        Tampering::Reflect | Tampering::OtherAd | Tampering::ToAccount => bytes.to_vec(),
    }
}

/// The head of a message and so many bytes more, then what another message has there.
fn splice(head: &[u8], rest: &[u8], more: usize) -> Vec<u8> {
    [&head[..head_length(head) + more], &rest[head_length(rest) + more..]].concat()
}

/// An initial message without its handshake, or a message with what stands before another one's header.
fn with_other_kind(bytes: &[u8], other: &[u8]) -> Vec<u8> {
    let before = |bytes: &[u8]| head_length(bytes) - SEALED_HEADER;
    let front = if bytes[0] == 0x11 { &[0x12] } else { &other[..before(other)] };
    [front, &bytes[before(bytes)..]].concat()
}

fn head_length(message: &[u8]) -> usize {
    formats::message(message).expect("a message").head_length
}
