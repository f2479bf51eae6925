//! An epoch and its messages (docs/protocol.md §2.1, §5.9 to §5.11), as many and as long as evanesce has them where none
//! is lost: 6 with the key, 5 with the answer, and one behind the secret; each lot begins a chain.

use std::hint::black_box;

use crate::contenders::floor::kem::ml_kem_768::{KEY, decapsulate, encapsulate, generate};
use crate::contenders::floor::message::{CHAIN, PREFIX, decrypt, encrypt};
use crate::contenders::floor::primitives::{expanded_seed, hkdf, sha256};
use crate::contenders::floor::ratchet::Turn;
use crate::row::{CARRYING, SMALL};

const SESSION_ID: [u8; 32] = [5; 32];

/// Both sides, with what they draw.
pub struct Epoch {
    seed: [u8; 32],
    /// d ‖ z of another key pair.
    expanded_seed: [u8; 64],
    draw: [u8; 32],
    turn: Turn,
    carrying: Vec<u8>,
    last: Vec<u8>,
}

impl Epoch {
    pub fn new() -> Self {
        Self {
            seed: [20; 32],
            expanded_seed: [20; 64],
            draw: [21; 32],
            turn: Turn::new(),
            carrying: vec![b'x'; CARRYING],
            last: vec![b'x'; SMALL],
        }
    }

    /// All of it: `s_e` and `confirm` as each side has them.
    pub fn whole(&self) -> [[[u8; 32]; 2]; 2] {
        let Self { seed, draw, .. } = black_box(self);
        let label = b"evanesce/v1 ML-KEM-768 key";
        let key = generate(&expanded_seed(seed, label));
        let sent = sha256(&[&key]);
        self.messages_with_key();

        let received = sha256(&[&key]);
        let [randomness] = hkdf(&[], &[draw], &[b"evanesce/v1 encapsulation"]);
        let (ciphertext, shared) = encapsulate(black_box(&key), &randomness);
        let theirs = secrets(&shared, &received, &ciphertext);
        self.messages_with_answer();

        let shared = decapsulate(&expanded_seed(seed, label), &ciphertext);
        let ours = secrets(&shared, &sent, &ciphertext);
        self.last_message();
        [ours, theirs]
    }

    /// The messages, and the calls of ML-KEM where they fall due: the secret of each side.
    pub fn calls_and_messages(&self) -> [[u8; 32]; 2] {
        let Self { expanded_seed, draw, .. } = black_box(self);
        let key: [u8; KEY] = generate(expanded_seed);
        self.messages_with_key();
        let (ciphertext, theirs) = encapsulate(black_box(&key), draw);
        self.messages_with_answer();
        let ours = decapsulate(expanded_seed, &ciphertext);
        self.last_message();
        [ours, theirs]
    }

    /// The messages alone: what the last says.
    pub fn messages(&self) -> Vec<u8> {
        self.messages_with_key();
        self.messages_with_answer();
        self.last_message()
    }

    fn messages_with_key(&self) {
        self.chain_of_carrying(6);
    }

    fn messages_with_answer(&self) {
        self.chain_of_carrying(5);
    }

    /// §5.4 and §5.5, with a step.
    fn last_message(&self) -> Vec<u8> {
        self.first_of_chain(&self.last)
    }

    /// §5.4 and §5.5 for each, with a step for the first.
    fn chain_of_carrying(&self, count: usize) {
        black_box(self.first_of_chain(&self.carrying));
        for _ in 1..count {
            let message = encrypt(black_box(&CHAIN), PREFIX, &self.carrying);
            black_box(decrypt(black_box(&CHAIN), PREFIX.len(), &message));
        }
    }

    fn first_of_chain(&self, plaintext: &[u8]) -> Vec<u8> {
        let message = self.turn.encrypt(PREFIX, plaintext);
        self.turn.decrypt_after_current(PREFIX.len(), &message)
    }
}

/// §5.9: `s_e` and `confirm`.
fn secrets(shared: &[u8; 32], key_hash: &[u8; 32], ciphertext: &[u8]) -> [[u8; 32]; 2] {
    let ciphertext_hash = sha256(&[ciphertext]);
    let info: [&[u8]; 5] =
        [b"evanesce/v1 epoch", &SESSION_ID, &[0, 0, 0, 1], key_hash, &ciphertext_hash];
    hkdf(&[], &[shared], &info)
}
