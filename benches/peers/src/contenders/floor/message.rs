//! One message of a chain (docs/protocol.md §5.2 to §5.5, §6.4).

use std::hint::black_box;

use crate::contenders::floor::primitives::{
    TAG, gcm_open, gcm_seal, hmac, hmac_key, sha256, siv_open, siv_seal,
};

const HEADER: usize = 40;
const SEALED_HEADER: usize = HEADER + TAG;
const COMMITMENT: usize = 32;

const SESSION_ID: [u8; 32] = [5; 32];
const DIRECTION: u8 = 0;

const COMMITMENT_LABEL: &[u8] = b"evanesce/v1 commitment";
const ENCRYPTION_LABEL: &[u8] = b"evanesce/v1 encryption";

/// What an ordinary message begins with (§6.1): version and kind.
pub const PREFIX: &[u8] = &[0x12];

pub const CHAIN: Chain = Chain { ratchet_key: [3; 32], header_key: [2; 32], chain_key: [1; 32] };

/// What a chain's messages are made with.
pub struct Chain {
    /// Public, in each header.
    pub ratchet_key: [u8; 32],
    pub header_key: [u8; 32],
    pub chain_key: [u8; 32],
}

/// §5.2, KDF_CK: one HMAC key, two outputs. Gives the next chain key and the message key.
pub fn chain_step(chain_key: &[u8; 32]) -> ([u8; 32], [u8; 32]) {
    let keyed = hmac_key(chain_key);
    let message_key = hmac(keyed.clone(), &[&[1]]);
    (hmac(keyed, &[&[2]]), message_key)
}

/// §5.4 within a chain, and §6.4.
pub fn encrypt(chain: &Chain, prefix: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let (next, message_key) = chain_step(&chain.chain_key);
    black_box(next);
    let lengths = [prefix.len(), SEALED_HEADER, COMMITMENT, plaintext.len(), TAG];
    let mut message = Vec::with_capacity(lengths.iter().sum());
    message.extend_from_slice(prefix);
    // The two counters are zeros.
    let mut header = [0; HEADER];
    header[..32].copy_from_slice(&chain.ratchet_key);
    let tag = siv_seal(&chain.header_key, &mut header, &[]);
    message.extend_from_slice(&header);
    message.extend_from_slice(&tag);
    seal_body(&message_key, message, plaintext)
}

/// §5.5 in the current chain and in order, and §6.4.
pub fn decrypt(chain: &Chain, prefix: usize, message: &[u8]) -> Vec<u8> {
    black_box(open_header(&chain.header_key, &message[prefix..]).expect("its key"));
    let (next, message_key) = chain_step(&chain.chain_key);
    black_box(next);
    open_body(&message_key, prefix, message)
}

/// §5.3, of a message without its prefix. Nothing if it was sealed under another key.
pub fn open_header(header_key: &[u8; 32], message: &[u8]) -> Option<[u8; HEADER]> {
    let (header, rest) = message.split_first_chunk()?;
    let mut header = *header;
    siv_open(header_key, &mut header, rest.first_chunk()?, &[]).map(|()| header)
}

/// §6.4, after what stands before c2.
fn seal_body(message_key: &[u8; 32], message: Vec<u8>, plaintext: &[u8]) -> Vec<u8> {
    let h = context(&message);
    seal_under(message_key, &h, message, plaintext)
}

/// The same under another h.
pub fn seal_under(
    message_key: &[u8; 32],
    h: &[u8; 32],
    mut message: Vec<u8>,
    plaintext: &[u8],
) -> Vec<u8> {
    let start = message.len();
    message.extend_from_slice(&[0; COMMITMENT]);
    message.extend_from_slice(plaintext);
    let (before, text) = message.split_at_mut(start + COMMITMENT);
    let keyed = hmac_key(message_key);
    let commitment_key = hmac(keyed.clone(), &[COMMITMENT_LABEL]);
    let commitment = hmac(hmac_key(&commitment_key), &[h, text]);
    let key = hmac(keyed, &[ENCRYPTION_LABEL, &commitment]);
    let tag = gcm_seal(&key, text, h);
    before[start..].copy_from_slice(&commitment);
    message.extend_from_slice(&tag);
    message
}

/// §6.4, of a message whose header comes after so many bytes.
pub fn open_body(message_key: &[u8; 32], prefix: usize, message: &[u8]) -> Vec<u8> {
    let (before, rest) = message.split_at(prefix + SEALED_HEADER);
    open_under(message_key, &context(before), rest)
}

/// The same under another h, of what comes after the header.
pub fn open_under(message_key: &[u8; 32], h: &[u8; 32], rest: &[u8]) -> Vec<u8> {
    let (commitment, ciphertext) = rest.split_first_chunk::<COMMITMENT>().expect("long enough");
    let (text, tag) = ciphertext.split_last_chunk().expect("long enough");
    let keyed = hmac_key(message_key);
    let key = hmac(keyed.clone(), &[ENCRYPTION_LABEL, commitment]);
    let mut text = text.to_vec();
    gcm_open(&key, &mut text, tag, h).expect("its key");
    let commitment_key = hmac(keyed, &[COMMITMENT_LABEL]);
    assert_eq!(&hmac(hmac_key(&commitment_key), &[h, &text]), commitment);
    text
}

/// §6.4: h, without associated data.
fn context(before: &[u8]) -> [u8; 32] {
    sha256(&[b"evanesce/v1 message", &SESSION_ID, &[DIRECTION], before])
}
