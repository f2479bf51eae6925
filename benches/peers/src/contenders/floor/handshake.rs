//! The handshake (docs/protocol.md §3.4, §4.1, §4.3).

use std::hint::black_box;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::contenders::floor::kem::ml_kem_1024::{
    CIPHERTEXT, KEY, decapsulate, encapsulate, generate,
};
use crate::contenders::floor::primitives::{
    TAG, agree, expanded_seed, hkdf, public_key, sha256, siv_open, siv_seal,
};
use crate::contenders::floor::ratchet::{Pair, Turn};
use crate::row::PreKeys;

/// Bytes of an identity, and an address of three bytes with its length.
const DEVICE: usize = 64 + 4;

/// What the signature of a signed prekey covers besides its keys: its label, version, suite, the device, an id, two
/// times.
const SIGNED: usize = 25 + 1 + 1 + DEVICE + 4 + 8 + 8;

/// What the signature of a one-time prekey covers besides its keys: its label, suite, the device, an id.
const SIGNED_ONE_TIME: usize = 27 + 1 + DEVICE + 4;

const SENDER: usize = 129;
const SEALED_SENDER: usize = SENDER + TAG;

/// What stands before EK in a message: version and kind, suite, `spk_id`, flag, `opk_id`.
const BEFORE_EK: usize = 1 + 1 + 4 + 1 + 4;

/// The same with EK, CT and the sealed sender, where there is a ciphertext.
const LONGEST_PREFIX: usize = BEFORE_EK + 32 + CIPHERTEXT + SEALED_SENDER;

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
    signing_key: [u8; 32],
    /// What is verified of the bundle.
    signed: Vec<Signed>,
    signed_prekey: Pair,
    one_time_prekey: Option<Pair>,
    /// In suite 2.
    kem: Option<Kem>,
}

struct Signed {
    content: Vec<u8>,
    signature: [u8; 64],
}

/// The ML-KEM keys of a bundle.
struct Kem {
    /// What Alice draws for her encapsulation.
    draw: [u8; 32],
    /// Bob's secret, of the key that is encapsulated to.
    seed: [u8; 32],
    encapsulated_to: [u8; KEY],
    /// Those of the signed prekey and of the one-time prekey, as the transcript has them: one of the two is that above.
    in_transcript: [Vec<u8>; 2],
}

/// What both share without knowing who the initiator is: DH2, DH3, and DH4 and SS if there are any.
struct Shared {
    dh2: [u8; 32],
    dh3: [u8; 32],
    dh4: Option<[u8; 32]>,
    shared_secret: Option<[u8; 32]>,
}

impl Handshake {
    /// Suite 1, with a one-time prekey.
    pub fn classical() -> Self {
        Self::new(PreKeys::OneTime, None, &[SIGNED + 32])
    }

    /// Suite 2.
    pub fn hybrid(prekeys: PreKeys) -> Self {
        let seed = [22; 32];
        let encapsulated_to = generate(&expanded_key_seed(&seed));
        let own = encapsulated_to.to_vec();
        let (in_transcript, signed): (_, &[usize]) = match prekeys {
            PreKeys::OneTime => {
                ([vec![23; KEY], own], &[SIGNED + 32 + KEY, SIGNED_ONE_TIME + 32 + KEY])
            }
            PreKeys::LastResort => ([own, Vec::new()], &[SIGNED + 32 + KEY]),
        };
        let kem = Kem { draw: [21; 32], seed, encapsulated_to, in_transcript };
        Self::new(prekeys, Some(kem), signed)
    }

    /// `signed`: how many bytes each signature covers.
    fn new(prekeys: PreKeys, kem: Option<Kem>, signed: &[usize]) -> Self {
        let signing_key = SigningKey::from_bytes(&[10; 32]);
        let signed = signed.iter().map(|length| {
            let content = vec![11; *length];
            let signature = signing_key.sign(&content).to_bytes();
            Signed { content, signature }
        });
        Self {
            alice: Pair::new([12; 32]),
            alices_device: [13; DEVICE],
            ephemeral_secret: [14; 32],
            sender_secret: [15; 32],
            bob: Pair::new([16; 32]),
            bobs_device: [17; DEVICE],
            signing_key: signing_key.verifying_key().to_bytes(),
            signed: signed.collect(),
            signed_prekey: Pair::new([18; 32]),
            one_time_prekey: match prekeys {
                PreKeys::OneTime => Some(Pair::new([19; 32])),
                PreKeys::LastResort => None,
            },
            kem,
        }
    }

    /// Alice: §3.4 step 4, §4.1, §5.4 with its sending step, §6.4.
    pub fn initiate(&self, plaintext: &[u8]) -> Vec<u8> {
        let Self { alice, ephemeral_secret, bob, signed_prekey, one_time_prekey, kem, .. } =
            black_box(self);
        for Signed { content, signature } in &self.signed {
            VerifyingKey::from_bytes(&self.signing_key)
                .and_then(|key| key.verify_strict(content, &Signature::from_bytes(signature)))
                .expect("just signed");
        }

        let ephemeral_key = public_key(ephemeral_secret);
        let (ciphertext, shared_secret) = kem.as_ref().map(Kem::encapsulate).unzip();
        let dh1 = agree(&alice.secret, &signed_prekey.public);
        let shared = Shared {
            dh2: agree(ephemeral_secret, &bob.public),
            dh3: agree(ephemeral_secret, &signed_prekey.public),
            dh4: one_time_prekey.as_ref().map(|pair| agree(ephemeral_secret, &pair.public)),
            shared_secret,
        };
        let ciphertext = ciphertext.as_ref().map_or(&[][..], |ciphertext| ciphertext);
        let th0 = self.offer(&ephemeral_key, ciphertext);

        let mut sender = [0; SENDER];
        sender[..DEVICE].copy_from_slice(&self.alices_device);
        let tag = siv_seal(&shared.sender_key(&th0), &mut sender, &th0);
        let mut prefix = [0; LONGEST_PREFIX];
        let mut written = BEFORE_EK;
        for part in [&ephemeral_key[..], ciphertext, &sender, &tag] {
            prefix[written..][..part.len()].copy_from_slice(part);
            written += part.len();
        }

        self.first_turn(&shared, &dh1, &th0).encrypt(&prefix[..written], plaintext)
    }

    /// Bob: §4.3, §5.5 in the first chain, §6.4.
    pub fn accept(&self, message: &[u8]) -> Vec<u8> {
        let Self { alice, bob, signed_prekey, one_time_prekey, kem, .. } = black_box(self);
        let ciphertext_length = if kem.is_some() { CIPHERTEXT } else { 0 };
        let prefix = LONGEST_PREFIX - CIPHERTEXT + ciphertext_length;
        let (ephemeral_key, rest) =
            message[BEFORE_EK..prefix].split_first_chunk().expect("long enough");
        let (ciphertext, sealed) = rest.split_at(ciphertext_length);
        let shared = Shared {
            dh2: agree(&bob.secret, ephemeral_key),
            dh3: agree(&signed_prekey.secret, ephemeral_key),
            dh4: one_time_prekey.as_ref().map(|pair| agree(&pair.secret, ephemeral_key)),
            shared_secret: kem.as_ref().map(|kem| kem.decapsulate(ciphertext)),
        };
        let th0 = self.offer(ephemeral_key, ciphertext);

        let (sender, tag) = sealed.split_last_chunk().expect("long enough");
        let mut sender: [u8; SENDER] = sender.try_into().expect("long enough");
        siv_open(&shared.sender_key(&th0), &mut sender, tag, &th0).expect("its key");

        let dh1 = agree(&signed_prekey.secret, &alice.public);
        self.first_turn(&shared, &dh1, &th0).decrypt(prefix, message)
    }

    /// th0.
    fn offer(&self, ephemeral_key: &[u8; 32], ciphertext: &[u8]) -> [u8; 32] {
        let Self { bobs_device, signed_prekey, one_time_prekey, kem, .. } = self;
        let (suite, id) = ([1], [0; 4]);
        let [signed_kem, one_time_kem] = kem.as_ref().map_or([&[][..]; 2], |kem| {
            let [signed, one_time] = &kem.in_transcript;
            [signed, one_time]
        });
        let one_time = [1; 1 + 4 + 32];
        let one_time = if one_time_prekey.is_some() { &one_time[..] } else { &one_time[..1] };
        sha256(&[
            b"evanesce/v1 handshake",
            &suite,
            bobs_device,
            &id,
            &signed_prekey.public,
            signed_kem,
            one_time,
            one_time_kem,
            ephemeral_key,
            ciphertext,
        ])
    }

    /// th, and the session's secrets.
    fn first_turn(&self, shared: &Shared, dh1: &[u8; 32], th0: &[u8; 32]) -> Turn {
        let [dh2, dh3, dh4, shared_secret] = shared.parts();
        let th = sha256(&[b"evanesce/v1 transcript", th0, &self.alices_device]);
        let ikm = [&F[..], dh1, dh2, dh3, dh4, shared_secret];
        let [root_key, header_key, next_header_key, session_id] =
            hkdf(&th, &ikm, &[b"evanesce/v1 session"]);
        black_box((next_header_key, session_id));
        let Pair { secret, public } = self.signed_prekey;
        let receiver = Pair { secret, public };
        Turn { root_key, header_key, sender_secret: self.sender_secret, receiver }
    }
}

/// §2.1.
impl Kem {
    fn encapsulate(&self) -> ([u8; CIPHERTEXT], [u8; 32]) {
        let [randomness] = hkdf(&[], &[&self.draw], &[b"evanesce/v1 encapsulation"]);
        encapsulate(&self.encapsulated_to, &randomness)
    }

    fn decapsulate(&self, ciphertext: &[u8]) -> [u8; 32] {
        let ciphertext = ciphertext.try_into().expect("of this length");
        decapsulate(&expanded_key_seed(&self.seed), ciphertext)
    }
}

fn expanded_key_seed(seed: &[u8; 32]) -> [u8; 64] {
    expanded_seed(seed, b"evanesce/v1 ML-KEM-1024 key")
}

impl Shared {
    /// `k_id`.
    fn sender_key(&self, th0: &[u8; 32]) -> [u8; 32] {
        let [dh2, dh3, dh4, shared_secret] = self.parts();
        let ikm = [&F[..], dh2, dh3, dh4, shared_secret];
        let [key] = hkdf(th0, &ikm, &[b"evanesce/v1 initiator"]);
        key
    }

    /// What there is none of is empty.
    fn parts(&self) -> [&[u8]; 4] {
        let Self { dh2, dh3, dh4, shared_secret } = self;
        [dh2, dh3, optional(dh4), optional(shared_secret)]
    }
}

fn optional(part: &Option<[u8; 32]>) -> &[u8] {
    part.as_ref().map_or(&[], |part| part)
}
