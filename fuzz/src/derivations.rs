//! Derivations and ciphers as docs/protocol.md states them, made a second time without the library's code.

use aes_gcm::{Aes256Gcm, aead::AeadInOut, aead::KeyInit};
use aes_gcm_siv::Aes256GcmSiv;
use evanesce::session::Role;
use evanesce::{Device, Suite};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use ml_kem::kem::{Decapsulate, KeyExport};
use ml_kem::{DecapsulationKey, EncapsulationKey, MlKem768};
use sha2::{Digest, Sha256};

/// A secret, a public key of X25519 or a hash.
pub type Key = [u8; 32];

/// Bytes of an encapsulation key of an epoch (ek), and of a ciphertext (ct).
pub const ENCAPSULATION_KEY: usize = 1_184;
pub const CIPHERTEXT: usize = 1_088;

const NONCE: [u8; 12] = [0; 12];

/// What a handshake of an application's own gives to the ratchet (§4.6).
#[derive(Clone, Debug)]
pub struct SessionSecrets {
    pub root: Key,
    pub initiators_header_key: Key,
    pub responders_header_key: Key,
    pub session_id: Key,
}

/// What a root step gives (§5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootStep {
    pub root: Key,
    pub chain_key: Key,
    pub next_header_key: Key,
}

/// Of which session and epoch a secret is (§5.9).
#[derive(Clone, Copy, Debug)]
pub struct EpochContext<'session> {
    pub session_id: &'session Key,
    pub number: u32,
}

pub fn sha256(parts: &[&[u8]]) -> Key {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

fn hkdf<const COUNT: usize>(salt: &[u8], ikm: &[&[u8]], info: &[&[u8]]) -> [Key; COUNT] {
    let mut out = [[0; 32]; COUNT];
    let extracted = Hkdf::<Sha256>::new(Some(salt), &ikm.concat());
    extracted.expand(&info.concat(), out.as_flattened_mut()).expect("a few hashes");
    out
}

fn hmac(key: &Key, parts: &[&[u8]]) -> Key {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// The secret that two X25519 keys agree on.
pub fn agree(secret: &Key, public: &Key) -> Key {
    x25519_dalek::x25519(*secret, *public)
}

/// The public half.
pub fn public(secret: &Key) -> Key {
    agree(secret, &x25519_dalek::X25519_BASEPOINT_BYTES)
}

/// `ratchet_key` is the responder's first.
pub fn session_secrets(
    suite: Suite,
    secret: &Key,
    devices: [&Device; 2],
    ratchet_key: &Key,
) -> SessionSecrets {
    let label: &[u8] = match suite {
        Suite::Classical => b"evanesce/v1 shared secret",
        Suite::Hybrid => b"evanesce/v1 hybrid shared secret",
    };
    let [initiator, responder] = devices.map(|device| {
        let address = device.address.as_bytes();
        let length = u8::try_from(address.len()).expect("64 bytes at most");
        [&device.identity.encode()[..], &[length], address].concat()
    });
    let transcript = sha256(&[label, &initiator, &responder, ratchet_key]);
    let [root, initiators_header_key, responders_header_key, session_id] =
        hkdf(&transcript, &[secret], &[b"evanesce/v1 session"]);
    SessionSecrets { root, initiators_header_key, responders_header_key, session_id }
}

/// KDF_RK, and KDF_RK2 if there is a secret to mix.
pub fn root_step(root: &Key, dh: &Key, mixed: Option<&Key>, from: &Key, to: &Key) -> RootStep {
    let [root, chain_key, next_header_key] = match mixed {
        None => hkdf(root, &[dh], &[b"evanesce/v1 root", from, to]),
        Some(secret) => hkdf(root, &[dh, secret], &[b"evanesce/v1 hybrid root", from, to]),
    };
    RootStep { root, chain_key, next_header_key }
}

/// The key of the message of this number in a chain (§5.2).
pub fn message_key(chain_key: &Key, number: u32) -> Key {
    let last = (0..number).fold(*chain_key, |chain_key, _| hmac(&chain_key, &[&[2]]));
    hmac(&last, &[&[1]])
}

/// The key of a chain at this number (§5.2).
pub fn chain_key(chain_key: &Key, number: u32) -> Key {
    (0..number).fold(*chain_key, |chain_key, _| hmac(&chain_key, &[&[2]]))
}

/// What the header of a message to a group is sealed under (§18.3).
pub fn group_header_key(group: &Key, roster_secret: &Key) -> Key {
    let [key] = hkdf(group, &[roster_secret], &[b"evanesce/v1 group header"]);
    key
}

/// The header of a message to a group (§18.4).
pub fn seal_group_header(key: &Key, header: &[u8; 25]) -> [u8; 41] {
    let mut sealed = [0; 41];
    let (text, tag) = sealed.split_at_mut(25);
    text.copy_from_slice(header);
    let cipher = Aes256GcmSiv::new(key.into());
    let made = cipher.encrypt_inout_detached(&NONCE.into(), &[], text.into()).expect("short");
    tag.copy_from_slice(&made);
    sealed
}

pub fn seal_header(key: &Key, header: &[u8; 40]) -> [u8; 56] {
    let mut sealed = [0; 56];
    let (text, tag) = sealed.split_at_mut(40);
    text.copy_from_slice(header);
    let cipher = Aes256GcmSiv::new(key.into());
    let made = cipher.encrypt_inout_detached(&NONCE.into(), &[], text.into()).expect("short");
    tag.copy_from_slice(&made);
    sealed
}

pub fn open_header(key: &Key, sealed: &[u8]) -> Option<[u8; 40]> {
    let (text, tag) = sealed.split_last_chunk::<16>()?;
    let mut header: [u8; 40] = text.try_into().ok()?;
    let cipher = Aes256GcmSiv::new(key.into());
    let text = header.as_mut_slice().into();
    cipher.decrypt_inout_detached(&NONCE.into(), &[], text, tag.into()).ok()?;
    Some(header)
}

/// What a message is bound to (h in §6.4).
pub fn message_context(session_id: &Key, sender: Role, before: &[u8], ad: &[u8]) -> Key {
    let direction = match sender {
        Role::Initiator => 0,
        Role::Responder => 1,
    };
    sha256(&[b"evanesce/v1 message", session_id, &[direction], before, ad])
}

/// Commitment and ciphertext of a padded plaintext.
pub fn seal_body(message_key: &Key, context: &Key, padded: &[u8]) -> Vec<u8> {
    let commitment = commitment(message_key, context, padded);
    let mut text = padded.to_vec();
    let cipher = Aes256Gcm::new(&encryption_key(message_key, &commitment).into());
    let text_in_place = text.as_mut_slice().into();
    let tag = cipher.encrypt_inout_detached(&NONCE.into(), context, text_in_place);
    [&commitment[..], &text, &tag.expect("short")].concat()
}

/// The padded plaintext, if commitment and tag are right.
pub fn open_body(message_key: &Key, context: &Key, sealed: &[u8]) -> Option<Vec<u8>> {
    let (given, ciphertext) = sealed.split_first_chunk::<32>()?;
    let (text, tag) = ciphertext.split_last_chunk::<16>()?;
    let mut padded = text.to_vec();
    let cipher = Aes256Gcm::new(&encryption_key(message_key, given).into());
    let in_place = padded.as_mut_slice().into();
    cipher.decrypt_inout_detached(&NONCE.into(), context, in_place, tag.into()).ok()?;
    (commitment(message_key, context, &padded) == *given).then_some(padded)
}

fn commitment(message_key: &Key, context: &Key, padded: &[u8]) -> Key {
    let key = hmac(message_key, &[b"evanesce/v1 commitment"]);
    hmac(&key, &[context, padded])
}

fn encryption_key(message_key: &Key, commitment: &Key) -> Key {
    hmac(message_key, &[b"evanesce/v1 encryption", commitment])
}

impl EpochContext<'_> {
    /// An epoch's secret and what confirms it (s_e, confirm).
    pub fn derive(&self, shared: &Key, encapsulation_key: &[u8], ciphertext: &[u8]) -> [Key; 2] {
        let hashes = [sha256(&[encapsulation_key]), sha256(&[ciphertext])];
        let number = self.number.to_be_bytes();
        let info = [&b"evanesce/v1 epoch"[..], self.session_id, &number, &hashes[0], &hashes[1]];
        hkdf(&[], &[shared], &info)
    }
}

/// The name of an encapsulation key (id).
pub fn key_id(encapsulation_key: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = sha256(&[encapsulation_key]);
    [a, b, c, d]
}

/// The encapsulation key of a key pair, of which d and z are given.
pub fn encapsulation_key(pair: &[u8; 64]) -> Vec<u8> {
    decapsulation_key(pair).encapsulation_key().to_bytes().to_vec()
}

/// Ciphertext and secret, by this randomness; `None` if it is no key.
pub fn encapsulate(encapsulation_key: &[u8], randomness: &Key) -> Option<(Vec<u8>, Key)> {
    let key = EncapsulationKey::<MlKem768>::new(encapsulation_key.try_into().ok()?).ok()?;
    let (ciphertext, shared) = key.encapsulate_deterministic(randomness.into());
    Some((ciphertext.to_vec(), shared.into()))
}

pub fn decapsulate(pair: &[u8; 64], ciphertext: &[u8]) -> Key {
    let ciphertext = ciphertext.try_into().expect("a whole ciphertext");
    decapsulation_key(pair).decapsulate(ciphertext).into()
}

fn decapsulation_key(pair: &[u8; 64]) -> DecapsulationKey<MlKem768> {
    DecapsulationKey::from_seed((*pair).into())
}
