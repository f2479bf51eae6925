//! The handshake (docs/protocol.md §3.4, §4.1, §4.3), with a one-time prekey.

use std::hint::black_box;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::contenders::floor::primitives::{
    TAG, agree, hkdf, public_key, sha256, siv_open, siv_seal,
};
use crate::contenders::floor::ratchet::{Pair, Turn};

/// Bytes of an identity, and an address of three bytes with its length.
const DEVICE: usize = 64 + 4;

/// What the signature covers besides: its label, version, suite, an id, a key, two times.
const REST_OF_SIGNED: usize = 25 + 1 + 1 + 4 + 32 + 8 + 8;

/// An id and the key it is of, with the flag that it is there.
const ONE_TIME: usize = 1 + 4 + 32;

const SENDER: usize = 129;
const SEALED_SENDER: usize = SENDER + TAG;

/// What stands before EK in a message: version and kind, suite, `spk_id`, flag, `opk_id`.
const BEFORE_EK: usize = 1 + 1 + 4 + 1 + 4;
const PREFIX: usize = BEFORE_EK + 32 + SEALED_SENDER;

/// F: keeps the input apart from any encoded curve point.
const F: [u8; 32] = [0xff; 32];

/// Both sides, with their fixed keys.
pub struct Handshake {
    alice: Pair,
    alices_device: [u8; DEVICE],
    /// Alice draws it; its public half is computed each time, as for a new pair.
    ephemeral_secret: [u8; 32],
    sender_secret: [u8; 32],
    bob: Pair,
    bobs_device: [u8; DEVICE],
    signed_prekey: Pair,
    one_time_prekey: Pair,
    signed: [u8; DEVICE + REST_OF_SIGNED],
    signing_key: [u8; 32],
    signature: [u8; 64],
}

/// The agreements with the ephemeral key.
struct Ephemeral {
    dh2: [u8; 32],
    dh3: [u8; 32],
    dh4: [u8; 32],
}

impl Handshake {
    pub fn new() -> Self {
        let signing_key = SigningKey::from_bytes(&[10; 32]);
        let signed = [11; DEVICE + REST_OF_SIGNED];
        Self {
            alice: Pair::new([12; 32]),
            alices_device: [13; DEVICE],
            ephemeral_secret: [14; 32],
            sender_secret: [15; 32],
            bob: Pair::new([16; 32]),
            bobs_device: [17; DEVICE],
            signed_prekey: Pair::new([18; 32]),
            one_time_prekey: Pair::new([19; 32]),
            signed,
            signing_key: signing_key.verifying_key().to_bytes(),
            signature: signing_key.sign(&signed).to_bytes(),
        }
    }

    /// Alice: §3.4 step 4, §4.1, §5.4 with its sending step, §6.4.
    pub fn initiate(&self, plaintext: &[u8]) -> Vec<u8> {
        let Self { alice, ephemeral_secret, bob, signed_prekey, one_time_prekey, .. } =
            black_box(self);
        VerifyingKey::from_bytes(&self.signing_key)
            .and_then(|key| {
                key.verify_strict(&self.signed, &Signature::from_bytes(&self.signature))
            })
            .expect("just signed");

        let ephemeral_key = public_key(ephemeral_secret);
        let dh1 = agree(&alice.secret, &signed_prekey.public);
        let agreements = Ephemeral {
            dh2: agree(ephemeral_secret, &bob.public),
            dh3: agree(ephemeral_secret, &signed_prekey.public),
            dh4: agree(ephemeral_secret, &one_time_prekey.public),
        };
        let th0 = self.offer(&ephemeral_key);

        let mut sender = [0; SENDER];
        sender[..DEVICE].copy_from_slice(&self.alices_device);
        let tag = siv_seal(&agreements.sender_key(&th0), &mut sender, &th0);
        let mut prefix = [0; PREFIX];
        prefix[BEFORE_EK..][..32].copy_from_slice(&ephemeral_key);
        prefix[BEFORE_EK + 32..][..SENDER].copy_from_slice(&sender);
        prefix[PREFIX - TAG..].copy_from_slice(&tag);

        self.first_turn(&agreements, &dh1, &th0).encrypt(&prefix, plaintext)
    }

    /// Bob: §4.3, §5.5 in the first chain, §6.4.
    pub fn accept(&self, message: &[u8]) -> Vec<u8> {
        let Self { alice, bob, signed_prekey, one_time_prekey, .. } = black_box(self);
        let (ephemeral_key, sealed) =
            message[BEFORE_EK..PREFIX].split_first_chunk().expect("long enough");
        let agreements = Ephemeral {
            dh2: agree(&bob.secret, ephemeral_key),
            dh3: agree(&signed_prekey.secret, ephemeral_key),
            dh4: agree(&one_time_prekey.secret, ephemeral_key),
        };
        let th0 = self.offer(ephemeral_key);

        let (sender, tag) = sealed.split_last_chunk().expect("long enough");
        let mut sender: [u8; SENDER] = sender.try_into().expect("long enough");
        siv_open(&agreements.sender_key(&th0), &mut sender, tag, &th0).expect("its key");

        let dh1 = agree(&signed_prekey.secret, &alice.public);
        self.first_turn(&agreements, &dh1, &th0).decrypt(PREFIX, message)
    }

    /// th0.
    fn offer(&self, ephemeral_key: &[u8; 32]) -> [u8; 32] {
        let Self { bobs_device, signed_prekey, .. } = self;
        let (suite, id, one_time) = ([1], [0; 4], [1; ONE_TIME]);
        let label = b"evanesce/v1 handshake";
        sha256(&[label, &suite, bobs_device, &id, &signed_prekey.public, &one_time, ephemeral_key])
    }

    /// th, and the session's secrets.
    fn first_turn(&self, agreements: &Ephemeral, dh1: &[u8; 32], th0: &[u8; 32]) -> Turn {
        let Ephemeral { dh2, dh3, dh4 } = agreements;
        let th = sha256(&[b"evanesce/v1 transcript", th0, &self.alices_device]);
        let [root_key, header_key, next_header_key, session_id] =
            hkdf(&th, &[&F, dh1, dh2, dh3, dh4], &[b"evanesce/v1 session"]);
        black_box((next_header_key, session_id));
        let Pair { secret, public } = self.signed_prekey;
        let receiver = Pair { secret, public };
        Turn { root_key, header_key, sender_secret: self.sender_secret, receiver }
    }
}

impl Ephemeral {
    /// `k_id`.
    fn sender_key(&self, th0: &[u8; 32]) -> [u8; 32] {
        let Self { dh2, dh3, dh4 } = self;
        let [key] = hkdf(th0, &[&F, dh2, dh3, dh4], &[b"evanesce/v1 initiator"]);
        key
    }
}
