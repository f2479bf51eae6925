//! Ratchet steps (docs/protocol.md §5.2, §5.4, §5.5).

use std::hint::black_box;

use crate::contenders::floor::message::{Chain, chain_step, encrypt, open_body, open_header};
use crate::contenders::floor::primitives::{agree, hkdf, public_key};

/// An X25519 pair. The public half is kept, as in evanesce.
pub struct Pair {
    pub secret: [u8; 32],
    pub public: [u8; 32],
}

impl Pair {
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret, public: public_key(&secret) }
    }
}

/// The beginning of a chain, as seen from both sides.
pub struct Turn {
    pub root_key: [u8; 32],
    /// Of the new chain.
    pub header_key: [u8; 32],
    /// Drawn by the sender; its public half is computed each time, as for a new pair.
    pub sender_secret: [u8; 32],
    pub receiver: Pair,
}

impl Turn {
    pub fn new() -> Self {
        Self {
            root_key: [1; 32],
            header_key: [2; 32],
            sender_secret: [3; 32],
            receiver: Pair::new([4; 32]),
        }
    }

    /// §5.4 with the sending step: key pair, agreement, root step, message.
    pub fn encrypt(&self, prefix: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let Self { root_key, header_key, sender_secret, receiver } = black_box(self);
        let ratchet_key = public_key(sender_secret);
        let dh = agree(sender_secret, &receiver.public);
        let chain_key = root_step(root_key, &dh, &ratchet_key, &receiver.public);
        encrypt(&Chain { ratchet_key, header_key: *header_key, chain_key }, prefix, plaintext)
    }

    /// §5.5 in the next chain: the key of the current one opens nothing, that of the next one does.
    pub fn decrypt_after_current(&self, prefix: usize, message: &[u8]) -> Vec<u8> {
        assert!(open_header(black_box(&[9; 32]), &message[prefix..]).is_none());
        self.decrypt(prefix, message)
    }

    /// §5.5 when there is no current chain.
    pub fn decrypt(&self, prefix: usize, message: &[u8]) -> Vec<u8> {
        let Self { root_key, header_key, sender_secret: _, receiver } = black_box(self);
        let header = open_header(header_key, &message[prefix..]).expect("its key");
        let ratchet_key = header.first_chunk().expect("a header begins with a key");
        let dh = agree(&receiver.secret, ratchet_key);
        let chain_key = root_step(root_key, &dh, ratchet_key, &receiver.public);
        let (next, message_key) = chain_step(&chain_key);
        black_box(next);
        open_body(&message_key, prefix, message)
    }
}

/// §5.2, KDF_RK. Gives the chain key.
fn root_step(root_key: &[u8; 32], dh: &[u8; 32], from: &[u8; 32], to: &[u8; 32]) -> [u8; 32] {
    let [root_key, chain_key, next_header_key] =
        hkdf(root_key, &[dh], &[b"evanesce/v1 root", from, to]);
    black_box((root_key, next_header_key));
    chain_key
}
