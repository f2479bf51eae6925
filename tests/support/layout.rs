//! Where the parts of messages and bundles stand, in each suite, and how many bytes they take (docs/protocol.md §3, §4 and
//! §6). Written down here again, so that what the library counts is compared with something.

use std::ops::Range;

use evanesce::Suite;

/// What padding and encryption add to an ordinary message: one byte, the header, the commitment, the tag.
pub const ORDINARY_OVERHEAD: usize = 1 + HEADER + COMMITMENT + TAG;

/// Where the parts of an ordinary message begin.
pub const ORDINARY_COMMITMENT: usize = 1 + HEADER;
pub const ORDINARY_CIPHERTEXT: usize = ORDINARY_COMMITMENT + COMMITMENT;

/// Where the ephemeral key of a first message with a one-time prekey begins, after the ids.
pub const EPHEMERAL: usize = 11;

pub const SIGNATURE: usize = 64;

const HEADER: usize = 56;
const COMMITMENT: usize = 32;
const TAG: usize = 16;
const SEALED_SENDER: usize = 145;

/// An encapsulation key of ML-KEM-1024, or a ciphertext: in suite 1 there is none.
pub fn kem(suite: Suite) -> usize {
    match suite {
        Suite::Classical => 0,
        Suite::Hybrid => 1_568,
    }
}

/// Where the ephemeral key of a first message ends and, in suite 2, its ciphertext: it has an id fewer without a one-time
/// prekey.
pub fn ciphertext(initial: &[u8]) -> Range<usize> {
    let suite = if initial[1] == 1 { Suite::Classical } else { Suite::Hybrid };
    let start = EPHEMERAL - 4 + 4 * usize::from(initial[6]) + 32;
    start..start + kem(suite)
}

/// Where the sealed header of a first message begins, after the sealed sender.
pub fn initial_prefix(initial: &[u8]) -> usize {
    ciphertext(initial).end + SEALED_SENDER
}

/// What a first message adds to its padded content, with a one-time prekey and without.
pub fn initial_overheads(suite: Suite) -> [usize; 2] {
    let with = EPHEMERAL + 32 + kem(suite) + SEALED_SENDER + HEADER + COMMITMENT + TAG;
    [with, with - 4]
}

/// Version, suite and identity, before the address.
pub const BEFORE_ADDRESS: usize = 1 + 1 + 64;

/// Where the ML-KEM key of a signed part stands, which is at the front of a bundle.
pub fn signed_kem_key(suite: Suite, signed_part: &[u8]) -> Range<usize> {
    let after_address = BEFORE_ADDRESS + 1 + usize::from(signed_part[BEFORE_ADDRESS]);
    let start = after_address + 4 + 32;
    start..start + kem(suite)
}

/// Where the ML-KEM key of a one-time prekey stands that ends here.
pub fn one_time_kem_key(suite: Suite, end: usize) -> Range<usize> {
    let start = end - one_time_prekey(suite) + 4 + 32;
    start..start + kem(suite)
}

/// A one-time prekey in a bundle or an upload.
pub fn one_time_prekey(suite: Suite) -> usize {
    match suite {
        Suite::Classical => 4 + 32,
        Suite::Hybrid => 4 + 32 + kem(suite) + SIGNATURE,
    }
}

/// The id of the prekey in a signed part, which stands before that, two times and the signature.
pub fn signed_prekey_id(signed_part: &[u8]) -> u32 {
    let suite = if signed_part[1] == 1 { Suite::Classical } else { Suite::Hybrid };
    let start = signed_part.len() - SIGNATURE - 8 - 8 - kem(suite) - 32 - 4;
    u32::from_be_bytes(signed_part[start..][..4].try_into().unwrap())
}
