//! double-ratchet: a Double Ratchet whose user brings the cryptography. Here it has the primitives of
//! evanesce, used as the specification recommends: what encrypted headers, padding, commitments and a
//! state that can be stored cost is the difference to it.

use std::cell::RefCell;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use double_ratchet::{CryptoProvider, DecryptError, DoubleRatchet, Header, KeyPair};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rand_core_0_4::{CryptoRng, Error, RngCore};
use sha2::Sha256;
use x25519_dalek::{PublicKey, SharedSecret, StaticSecret};

use crate::contender::Remark;
use crate::conversation::{Library, exchanged};
use crate::row::Row;

const AD: &[u8] = b"";

/// What a handshake would have given.
const SHARED: [u8; 32] = [1; 32];

/// No key meets a second message.
const NONCE: [u8; 12] = [0; 12];

const CLEAR: &str = "headers in the clear, no commitment, no padding";

pub struct DoubleRatchetOverOurs(RefCell<OldRng>);

impl Default for DoubleRatchetOverOurs {
    fn default() -> Self {
        Self(RefCell::new(OldRng(ChaCha20Rng::seed_from_u64(7))))
    }
}

pub struct Message {
    header: Header<PublicKey>,
    ciphertext: Vec<u8>,
}

impl Library for DoubleRatchetOverOurs {
    type Session = DoubleRatchet<Ours>;
    type Plaintext = Vec<u8>;
    type Message = Message;

    const NAME: &'static str = "double-ratchet";
    const WIDEST_GAP: usize = 1_000;

    fn plaintext(&self, size: usize) -> Vec<u8> {
        vec![b'x'; size]
    }

    fn text(plaintext: &Vec<u8>) -> &[u8] {
        plaintext
    }

    fn first_exchange(&self) -> (Self::Session, Self::Session) {
        let bobs_pair = OurPair::new(&mut *self.0.borrow_mut());
        let key = *bobs_pair.public();
        let alice = DoubleRatchet::new_alice(&SHARED, key, None, &mut *self.0.borrow_mut());
        exchanged(self, alice, DoubleRatchet::new_bob(SHARED, bobs_pair, None))
    }

    /// Its state can be neither cloned nor written down.
    fn copy(_session: &Self::Session) -> Option<Self::Session> {
        None
    }

    fn encrypt(&self, session: &mut Self::Session, plaintext: &Vec<u8>) -> Message {
        let rng = &mut *self.0.borrow_mut();
        let (header, ciphertext) = session.ratchet_encrypt(plaintext, AD, rng);
        Message { header, ciphertext }
    }

    fn decrypt(&self, session: &mut Self::Session, message: &Message) -> Option<Vec<u8>> {
        let Message { header, ciphertext } = message;
        session.ratchet_decrypt(header, ciphertext, AD).ok()
    }

    fn length(Message { header, ciphertext }: &Message) -> usize {
        let Header { dh, n, pn } = header;
        dh.as_bytes().len() + size_of_val(n) + size_of_val(pn) + ciphertext.len()
    }

    fn remark(&self, row: Row) -> Remark {
        match row {
            Row::DecryptWithRatchetStep | Row::PingPong => Remark::same(CLEAR),
            Row::Encrypt { .. }
            | Row::Decrypt { .. }
            | Row::Initiate
            | Row::Accept
            | Row::DecryptAfterGap { .. }
            | Row::DecryptLate { .. }
            | Row::EncryptHolding { .. }
            | Row::DecryptFromSealedState
            | Row::DecryptFromPlainState
            | Row::Hybrid(_)
            | Row::EpochsMessages
            | Row::File(_)
            | Row::People(_)
            | Row::Group(_)
            | Row::Verifications { .. }
            | Row::Agreement
            | Row::Kem(_)
            | Row::ChainSteps { .. } => Remark::less(CLEAR),
        }
    }

    fn size_note(&self) -> Option<&'static str> {
        Some("its state cannot be stored; a message's parts without what joins them")
    }
}

/// The primitives of evanesce, as §7.2 of the Double Ratchet's specification recommends to use them, with
/// AES-256-GCM for the message.
pub struct Ours;

pub struct OurPair {
    secret: StaticSecret,
    public: PublicKey,
}

impl KeyPair for OurPair {
    type PublicKey = PublicKey;

    fn new<R: CryptoRng + RngCore>(rng: &mut R) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        let secret = StaticSecret::from(bytes);
        let public = PublicKey::from(&secret);
        Self { secret, public }
    }

    fn public(&self) -> &PublicKey {
        &self.public
    }
}

impl CryptoProvider for Ours {
    type PublicKey = PublicKey;
    type KeyPair = OurPair;
    type SharedSecret = SharedSecret;
    type RootKey = [u8; 32];
    type ChainKey = [u8; 32];
    type MessageKey = [u8; 32];

    fn diffie_hellman(ours: &OurPair, theirs: &PublicKey) -> SharedSecret {
        ours.secret.diffie_hellman(theirs)
    }

    fn kdf_rk(root_key: &[u8; 32], secret: &SharedSecret) -> ([u8; 32], [u8; 32]) {
        let mut output = [[0; 32]; 2];
        Hkdf::<Sha256>::new(Some(root_key), secret.as_bytes())
            .expand(b"root", output.as_flattened_mut())
            .expect("64 bytes are few");
        let [root_key, chain_key] = output;
        (root_key, chain_key)
    }

    fn kdf_ck(chain_key: &[u8; 32]) -> ([u8; 32], [u8; 32]) {
        let keyed = Hmac::<Sha256>::new_from_slice(chain_key).expect("any length");
        let message_key = keyed.clone().chain_update([1]).finalize().into_bytes();
        let next = keyed.chain_update([2]).finalize().into_bytes();
        (next.into(), message_key.into())
    }

    fn encrypt(key: &[u8; 32], plaintext: &[u8], ad: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(plaintext.len() + 16);
        text.extend_from_slice(plaintext);
        let tag = Aes256Gcm::new(key.into())
            .encrypt_inout_detached(&NONCE.into(), ad, text.as_mut_slice().into())
            .expect("short");
        text.extend_from_slice(&tag);
        text
    }

    fn decrypt(key: &[u8; 32], ciphertext: &[u8], ad: &[u8]) -> Result<Vec<u8>, DecryptError> {
        let (text, tag) = ciphertext.split_last_chunk().ok_or(DecryptError::DecryptFailure)?;
        let tag: &[u8; 16] = tag;
        let mut text = text.to_vec();
        Aes256Gcm::new(key.into())
            .decrypt_inout_detached(&NONCE.into(), ad, text.as_mut_slice().into(), tag.into())
            .map_err(|_| DecryptError::DecryptFailure)?;
        Ok(text)
    }
}

/// The same random numbers as for evanesce, behind the traits of 2018.
struct OldRng(ChaCha20Rng);

impl RngCore for OldRng {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.0.fill_bytes(out);
        Ok(())
    }
}

impl CryptoRng for OldRng {}
