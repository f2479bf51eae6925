//! One message of a group (docs/protocol.md §18.4), strictly verified.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::contenders::floor::message::{chain_step, open_under, seal_under};
use crate::contenders::floor::primitives::{TAG, sha256, siv_open, siv_seal};

const HEADER: usize = 25;
const SIGNATURE: usize = 64;

/// Version and kind, and the sealed header.
const BEFORE: usize = 1 + HEADER + TAG;

const HEADER_KEY: [u8; 32] = [2; 32];
const CHAIN_KEY: [u8; 32] = [1; 32];
const CHAIN: [u8; 32] = [5; 32];
const ROSTER: [u8; 32] = [6; 32];

/// Both sides, with their keys ready.
pub struct Member {
    signing: SigningKey,
    verifying: VerifyingKey,
}

impl Member {
    pub fn new() -> Self {
        let signing = SigningKey::from_bytes(&[4; 32]);
        Self { verifying: signing.verifying_key(), signing }
    }

    pub fn encrypt(&self, plaintext: &[u8]) -> Vec<u8> {
        let (_, message_key) = chain_step(&CHAIN_KEY);
        let length = BEFORE + 32 + plaintext.len() + TAG + SIGNATURE;
        let mut message = Vec::with_capacity(length);
        let mut header = [0; HEADER];
        let tag = siv_seal(&HEADER_KEY, &mut header, &[]);
        message.push(0x13);
        message.extend_from_slice(&header);
        message.extend_from_slice(&tag);
        let h = context(&message);
        let mut message = seal_under(&message_key, &h, message, plaintext);
        let signature = self.signing.sign(&signed(&h, &message[BEFORE..]));
        message.extend_from_slice(&signature.to_bytes());
        message
    }

    pub fn decrypt(&self, message: &[u8]) -> Vec<u8> {
        let (message, signature) = message.split_last_chunk().expect("long enough");
        let (before, rest) = message.split_at(BEFORE);
        let (sealed, tag) = before[1..].split_last_chunk().expect("long enough");
        let mut header = [0; HEADER];
        header.copy_from_slice(sealed);
        siv_open(&HEADER_KEY, &mut header, tag, &[]).expect("its key");
        let h = context(before);
        let signature = Signature::from_bytes(signature);
        self.verifying.verify_strict(&signed(&h, rest), &signature).expect("signed");
        let (_, message_key) = chain_step(&CHAIN_KEY);
        open_under(&message_key, &h, rest)
    }
}

fn context(before: &[u8]) -> [u8; 32] {
    sha256(&[b"evanesce/v1 group message", &CHAIN, &ROSTER, before])
}

/// What is signed, of c2 and c1.
fn signed(h: &[u8; 32], rest: &[u8]) -> Vec<u8> {
    let (commitment, ciphertext) = rest.split_at(32);
    [b"evanesce/v1 group signature", &h[..], commitment, &sha256(&[ciphertext])].concat()
}
