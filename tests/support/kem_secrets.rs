//! What suite 2 derives for ML-KEM and keeps nowhere, worked out beside the library (docs/protocol.md §2.1, §5.9).

#![expect(deprecated, reason = "expanded keys, to look for")]

use evanesce::session::SessionId;
use hkdf::Hkdf;
use ml_kem::kem::{Decapsulate, KeyExport};
use ml_kem::{DecapsulationKey, ExpandedKeyEncoding, MlKem768, MlKem1024};
use sha2::{Digest, Sha256};

const HANDSHAKE_KEY: &str = "evanesce/v1 ML-KEM-1024 key";
const EPOCH_KEY: &str = "evanesce/v1 ML-KEM-768 key";

fn derived<const LENGTH: usize>(ikm: &[u8], info: &[u8]) -> [u8; LENGTH] {
    let mut out = [0; LENGTH];
    Hkdf::<Sha256>::new(None, ikm).expand(info, &mut out).unwrap();
    out
}

/// The randomness of an encapsulation with this draw (m).
pub fn randomness(draw: &[u8; 32]) -> [u8; 32] {
    derived(draw, b"evanesce/v1 encapsulation")
}

/// What a prekey's seed expands to: d, z, and the secret part of dk.
pub fn of_prekey_seed(seed: &[u8; 32]) -> Vec<[u8; 32]> {
    let halves: [u8; 64] = derived(seed, HANDSHAKE_KEY.as_bytes());
    let expanded = DecapsulationKey::<MlKem1024>::from_seed(halves.into()).to_expanded_bytes();
    [pieces(&halves), key_pieces(&expanded[..4 * 384])].concat()
}

/// The same for the seed of an epoch.
pub fn of_epoch_seed(seed: &[u8; 32]) -> Vec<[u8; 32]> {
    let halves: [u8; 64] = derived(seed, EPOCH_KEY.as_bytes());
    let expanded = DecapsulationKey::<MlKem768>::from_seed(halves.into()).to_expanded_bytes();
    [pieces(&halves), key_pieces(&expanded[..3 * 384])].concat()
}

/// The secret (ss) that an initial message's ciphertext holds for the prekey of this seed. It was made with this draw.
pub fn of_handshake(seed: &[u8; 32], ciphertext: &[u8], draw: &[u8; 32]) -> [u8; 32] {
    let halves: [u8; 64] = derived(seed, HANDSHAKE_KEY.as_bytes());
    let key = DecapsulationKey::<MlKem1024>::from_seed(halves.into());
    let (same, shared) =
        key.encapsulation_key().encapsulate_deterministic(&randomness(draw).into());
    assert_eq!(&*same, ciphertext, "another prekey or another draw");
    shared.into()
}

/// The secret (ss) of an epoch's key and of its answer, of which `s_e` and what confirms it came.
pub fn of_epoch(
    seed: &[u8; 32],
    answer: &[u8],
    session: SessionId,
    epoch: u32,
    s_e: &[u8],
) -> [u8; 32] {
    let halves: [u8; 64] = derived(seed, EPOCH_KEY.as_bytes());
    let key = DecapsulationKey::<MlKem768>::from_seed(halves.into());
    let (ciphertext, confirmation) = answer.split_at(1_088);
    let shared: [u8; 32] = key.decapsulate(ciphertext.try_into().unwrap()).into();
    let hashes = [&*key.encapsulation_key().to_bytes(), ciphertext].map(Sha256::digest);
    let info = [
        &b"evanesce/v1 epoch"[..],
        session.as_bytes(),
        &epoch.to_be_bytes(),
        &hashes[0],
        &hashes[1],
    ];
    let both: [u8; 64] = derived(&shared, &info.concat());
    assert_eq!((&both[..32], &both[32..]), (s_e, confirmation), "another epoch");
    shared
}

fn pieces(bytes: &[u8]) -> Vec<[u8; 32]> {
    bytes.chunks_exact(32).map(|piece| piece.try_into().unwrap()).collect()
}

/// Numbers of 12 bits, as they are written, and in 16 bits each, as one computes with them.
fn key_pieces(numbers: &[u8]) -> Vec<[u8; 32]> {
    let unpacked = numbers.chunks_exact(3).flat_map(|three| {
        let [a, b, c] = three.try_into().unwrap();
        [a, b & 0x0f, b >> 4 | c << 4, c >> 4]
    });
    [pieces(numbers), pieces(&unpacked.collect::<Vec<_>>())].concat()
}
