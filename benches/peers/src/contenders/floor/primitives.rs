//! The primitives (docs/protocol.md §1.2), called as directly as their crates allow.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm_siv::Aes256GcmSiv;
use hkdf::HkdfExtract;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};

/// Bytes of a tag.
pub const TAG: usize = 16;

const NONCE: [u8; 12] = [0; 12];

/// X25519.
pub fn agree(secret: &[u8; 32], public: &[u8; 32]) -> [u8; 32] {
    x25519_dalek::x25519(*secret, *public)
}

/// X25519 with the base point.
pub fn public_key(secret: &[u8; 32]) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(*secret)).to_bytes()
}

pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// `keyed` has its key hashed; clone it for a second output.
pub fn hmac(keyed: Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = keyed;
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

pub fn hmac_key(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of every length")
}

pub fn hkdf<const KEYS: usize>(salt: &[u8], ikm: &[&[u8]], info: &[&[u8]]) -> [[u8; 32]; KEYS] {
    let mut extract = HkdfExtract::<Sha256>::new(Some(salt));
    ikm.iter().for_each(|part| extract.input_ikm(part));
    let mut keys = [[0; 32]; KEYS];
    let (_, expand) = extract.finalize();
    expand.expand_multi_info(info, keys.as_flattened_mut()).expect("far below 255 hashes");
    keys
}

/// d ‖ z of an ML-KEM key pair.
pub fn expanded_seed(seed: &[u8; 32], label: &[u8]) -> [u8; 64] {
    let halves: [[u8; 32]; 2] = hkdf(&[], &[seed], &[label]);
    let mut expanded = [0; 64];
    expanded.copy_from_slice(halves.as_flattened());
    expanded
}

pub fn gcm_seal(key: &[u8; 32], text: &mut [u8], ad: &[u8]) -> [u8; TAG] {
    seal(&Aes256Gcm::new(key.into()), text, ad)
}

pub fn gcm_open(key: &[u8; 32], text: &mut [u8], tag: &[u8; TAG], ad: &[u8]) -> Option<()> {
    open(&Aes256Gcm::new(key.into()), text, tag, ad)
}

pub fn siv_seal(key: &[u8; 32], text: &mut [u8], ad: &[u8]) -> [u8; TAG] {
    seal(&Aes256GcmSiv::new(key.into()), text, ad)
}

pub fn siv_open(key: &[u8; 32], text: &mut [u8], tag: &[u8; TAG], ad: &[u8]) -> Option<()> {
    open(&Aes256GcmSiv::new(key.into()), text, tag, ad)
}

fn seal<Cipher>(cipher: &Cipher, text: &mut [u8], ad: &[u8]) -> [u8; TAG]
where
    Cipher: AeadInOut<NonceSize = U12, TagSize = U16>,
{
    cipher.encrypt_inout_detached(&NONCE.into(), ad, text.into()).expect("below 64 GiB").into()
}

fn open<Cipher>(cipher: &Cipher, text: &mut [u8], tag: &[u8; TAG], ad: &[u8]) -> Option<()>
where
    Cipher: AeadInOut<NonceSize = U12, TagSize = U16>,
{
    cipher.decrypt_inout_detached(&NONCE.into(), ad, text.into(), tag.into()).ok()
}
