//! The cases of the library's private parts: what each key does, on secrets.

use crate::attachment::attachment_keys::{AttachmentKeys, Place};
use crate::commitment::CommitmentOpening;
use crate::crypto::aead::{GcmKey, SivKey};
use crate::crypto::dh::{DhKeyPair, DhPublicKey};
use crate::crypto::kdf::{HmacKey, hkdf};
use crate::crypto::kem::{MlKem768, MlKem1024};
use crate::crypto::secret::Secret;
use crate::crypto::signature::SignatureKeyPair;
use crate::draws::Draws;
use crate::encapsulation::{KemKeyPair, KeySet, encapsulate};
use crate::handshake::x3dh::{EphemeralAgreements, SessionSecrets};
use crate::identity::{Address, Device, IdentityKeyPair};
use crate::limits::SessionLimits;
use crate::measure::Output::{StillSecret, Verdict};
use crate::measure::{Case, Conceal, Output};
use crate::memcheck;
use crate::ratchet::header_key::HeaderKey;
use crate::ratchet::message_key::{MessageContext, MessageKey, Role, Sealed};
use crate::ratchet::{DoubleRatchet, Mixing, RatchetSecrets};
use crate::report::postmark::ServerKey;
use crate::safety_number::SafetyNumber;
use crate::snapshot::sealed::StorageKey;
use crate::time::Timestamp;
use crate::wire::blob_layout::CHUNK_LENGTH;
use crate::wire::header::Header;
use crate::wire::suite::Suite;

/// No multiple of the blocks and strides of any cipher.
const TEXT_LENGTH: usize = 190;

const AD: &[u8] = b"associated data";

const TRANSCRIPT: [u8; 32] = [4; 32];

/// What stored state is, in terms of the application.
const KIND: u8 = 64;

/// Version, kind and salt, which stand before stored state in the clear.
const STORED_PREFIX: usize = 34;

pub const CASES: &[Case] = &[
    Case { name: "secrets, equal", run: |conceal| equality([3; 32], [3; 32], conceal) },
    Case { name: "secrets, different", run: |conceal| equality([3; 32], [4; 32], conceal) },
    Case { name: "HKDF", run: derive_with_hkdf },
    Case { name: "HMAC", run: derive_with_hmac },
    Case { name: "X25519, public key", run: public_key },
    Case { name: "X25519, agreement", run: |conceal| agreement(their_key(), conceal) },
    Case { name: "X25519, key of the twist", run: |conceal| agreement(twist_key(), conceal) },
    Case { name: "X25519, key of small order", run: |conceal| agreement(weak_key(), conceal) },
    Case { name: "Ed25519, public key and signature", run: signature },
    Case { name: "identity from its seed", run: identity },
    Case { name: "ML-KEM-768, public key", run: kem_public_key::<MlKem768> },
    Case { name: "ML-KEM-768, encapsulate", run: kem_encapsulate::<MlKem768> },
    Case {
        name: "ML-KEM-768, decapsulate",
        run: |conceal| kem_decapsulate::<MlKem768>(0, conceal),
    },
    Case { name: "ML-KEM-768, reject", run: |conceal| kem_decapsulate::<MlKem768>(1, conceal) },
    Case { name: "ML-KEM-1024, public key", run: kem_public_key::<MlKem1024> },
    Case { name: "ML-KEM-1024, encapsulate", run: kem_encapsulate::<MlKem1024> },
    Case {
        name: "ML-KEM-1024, decapsulate",
        run: |conceal| kem_decapsulate::<MlKem1024>(0, conceal),
    },
    Case { name: "ML-KEM-1024, reject", run: |conceal| kem_decapsulate::<MlKem1024>(1, conceal) },
    Case { name: "GCM, seal", run: gcm_seal },
    Case { name: "GCM, open", run: |conceal| gcm_open(0, conceal) },
    Case { name: "GCM, refuse", run: |conceal| gcm_open(1, conceal) },
    Case { name: "GCM-SIV, seal", run: siv_seal },
    Case { name: "GCM-SIV, open", run: |conceal| siv_open(0, conceal) },
    Case { name: "GCM-SIV, refuse", run: |conceal| siv_open(1, conceal) },
    Case { name: "message key, seal", run: message_seal },
    Case { name: "message key, open", run: |conceal| message_open(0, conceal) },
    Case { name: "message key, refuse", run: |conceal| message_open(1, conceal) },
    Case { name: "attachment chunk, seal", run: chunk_seal },
    Case { name: "attachment chunk, open", run: |conceal| chunk_open(0, conceal) },
    Case { name: "attachment chunk, refuse", run: |conceal| chunk_open(1, conceal) },
    Case { name: "whole attachment chunk, seal", run: whole_chunk_seal },
    Case { name: "whole attachment chunk, open", run: |conceal| whole_chunk_open(0, conceal) },
    Case { name: "whole attachment chunk, refuse", run: |conceal| whole_chunk_open(1, conceal) },
    Case { name: "commitment and postmark", run: postmark },
    Case { name: "header key, seal", run: header_seal },
    Case { name: "header key, open", run: |conceal| header_open(0, conceal) },
    Case { name: "header key, refuse", run: |conceal| header_open(1, conceal) },
    Case { name: "storage key, seal", run: storage_seal },
    Case { name: "storage key, open", run: |conceal| storage_open(0, conceal) },
    Case { name: "storage key, refuse", run: |conceal| storage_open(1, conceal) },
    Case { name: "handshake, seal the sender", run: seal_sender },
    Case { name: "handshake, open the sender", run: |conceal| open_sender(0, conceal) },
    Case { name: "handshake, refuse the sender", run: |conceal| open_sender(1, conceal) },
    Case { name: "handshake, session secrets", run: session_secrets },
    Case { name: "ratchet, a sending step and two messages", run: sending_step },
    Case { name: "ratchet, a receiving step", run: |conceal| receiving_step(0, conceal) },
    Case {
        name: "ratchet, a receiving step past two messages",
        run: |conceal| receiving_step(2, conceal),
    },
    Case { name: "safety number, scanned", run: |conceal| scanned(0, conceal) },
    Case { name: "safety number, another scanned", run: |conceal| scanned(1, conceal) },
    Case { name: "safety number, typed", run: |conceal| typed(0, conceal) },
    Case { name: "safety number, another typed", run: |conceal| typed(1, conceal) },
];

fn secret(byte: u8, conceal: Conceal) -> Secret<32> {
    secret_of([byte; 32], conceal)
}

fn secret_of(bytes: [u8; 32], conceal: Conceal) -> Secret<32> {
    Secret::filled_by(|out| {
        out.copy_from_slice(&bytes);
        conceal(out);
    })
}

fn known(byte: u8) -> Secret<32> {
    secret(byte, |_| ())
}

fn text(conceal: Conceal) -> [u8; TEXT_LENGTH] {
    let mut text = [b'm'; TEXT_LENGTH];
    conceal(&mut text);
    text
}

fn equality(ours: [u8; 32], theirs: [u8; 32], conceal: Conceal) -> Output {
    let same = secret_of(ours, conceal) == secret_of(theirs, conceal);
    StillSecret(vec![u8::from(same)])
}

fn derive_with_hkdf(conceal: Conceal) -> Output {
    let (salt, ikm) = (secret(1, conceal), secret(2, conceal));
    let derived: [_; 3] = hkdf(salt.as_bytes(), &[AD, ikm.as_bytes()], &[AD, AD]);
    StillSecret(derived.each_ref().map(|part| *part.as_bytes()).concat())
}

fn derive_with_hmac(conceal: Conceal) -> Output {
    let keyed = HmacKey::new(&secret(1, conceal));
    StillSecret([*keyed.derive(&[AD]).as_bytes(), keyed.tag(&[AD, &text(conceal)])].concat())
}

fn their_key() -> DhPublicKey {
    *DhKeyPair::from_secret(known(5)).public()
}

/// No point of the curve has it: the ladder multiplies it.
fn twist_key() -> DhPublicKey {
    let mut key = [0; 32];
    key[0] = 2;
    DhPublicKey::decode(&key).expect("it is canonical")
}

/// The point of order two.
fn weak_key() -> DhPublicKey {
    DhPublicKey::decode(&[0; 32]).expect("it is canonical")
}

fn public_key(conceal: Conceal) -> Output {
    let pair = DhKeyPair::from_secret(secret(1, conceal));
    StillSecret(pair.public().as_bytes().to_vec())
}

fn agreement(their_key: DhPublicKey, conceal: Conceal) -> Output {
    let output = DhKeyPair::from_secret(secret(1, conceal)).agree(&their_key);
    output.map_or(Verdict(Vec::new()), |output| StillSecret(output.as_bytes().to_vec()))
}

fn signature(conceal: Conceal) -> Output {
    let pair = SignatureKeyPair::from_seed(&secret(1, conceal));
    let public = *pair.public().as_bytes();
    StillSecret([public.as_slice(), &pair.sign(AD)].concat())
}

fn identity(conceal: Conceal) -> Output {
    StillSecret(IdentityKeyPair::from_seed(secret(1, conceal)).public().encode().to_vec())
}

fn kem_pair<Set: KeySet>(conceal: Conceal) -> KemKeyPair<Set> {
    KemKeyPair::generate(&mut Draws::new(conceal))
}

fn kem_public_key<Set: KeySet>(conceal: Conceal) -> Output {
    let public = kem_pair::<Set>(conceal).public();
    // Its last 32 bytes, too: that the matrix which they give is public is in the list of exemptions.
    StillSecret(public.as_bytes().to_vec())
}

fn kem_encapsulate<Set: KeySet>(conceal: Conceal) -> Output {
    let (ciphertext, shared) = encapsulate(&kem_pair::<Set>(|_| ()).public(), &secret(2, conceal));
    StillSecret([&*ciphertext, shared.as_bytes()].concat())
}

/// `flaw` is added to a byte of the ciphertext. Whether there is one, nothing may tell.
fn kem_decapsulate<Set: KeySet>(flaw: u8, conceal: Conceal) -> Output {
    let (mut ciphertext, sent) = encapsulate(&kem_pair::<Set>(|_| ()).public(), &known(2));
    ciphertext[0] ^= flaw;
    let shared = kem_pair::<Set>(conceal).decapsulate(&ciphertext).expect("it is of the length");
    let mut same = [u8::from(shared == sent)];
    memcheck::reveal(&mut same);
    assert_eq!(same, [u8::from(flaw == 0)]);
    StillSecret(shared.as_bytes().to_vec())
}

fn gcm_seal(conceal: Conceal) -> Output {
    let mut text = text(conceal);
    let tag = GcmKey::new(secret(1, conceal)).seal(&mut text, AD);
    StillSecret([text.as_slice(), &tag].concat())
}

/// `flaw` is added to a byte of the tag.
fn gcm_open(flaw: u8, conceal: Conceal) -> Output {
    let mut text = text(|_| ());
    let mut tag = GcmKey::new(known(1)).seal(&mut text, AD);
    tag[0] ^= flaw;
    let verdict = GcmKey::new(secret(1, conceal)).open(&mut text, &tag, AD);
    opened(memcheck::ask(verdict.is_some()).then(|| text.to_vec()), flaw)
}

/// What has no flaw must open, and nothing else.
fn opened(text: Option<Vec<u8>>, flaw: u8) -> Output {
    assert_eq!(text.is_some(), flaw == 0, "the wrong one was refused");
    text.map_or(Verdict(Vec::new()), StillSecret)
}

fn siv_seal(conceal: Conceal) -> Output {
    let mut text = text(conceal);
    let tag = SivKey::new(&secret(1, conceal)).seal(&mut text, AD);
    StillSecret([text.as_slice(), &tag].concat())
}

fn siv_open(flaw: u8, conceal: Conceal) -> Output {
    let mut text = text(|_| ());
    let mut tag = SivKey::new(&known(1)).seal(&mut text, AD);
    tag[0] ^= flaw;
    let verdict = SivKey::new(&secret(1, conceal)).open(&mut text, &tag, AD);
    opened(memcheck::ask(verdict.is_some()).then(|| text.to_vec()), flaw)
}

fn context() -> MessageContext {
    MessageContext::new(b"what stands before", AD, Role::Initiator, &[2; 32])
}

fn message_seal(conceal: Conceal) -> Output {
    let mut padded = text(conceal);
    let key = MessageKey::new(secret(1, conceal));
    let (Sealed { commitment, tag }, opening) = key.seal(&mut padded, context());
    StillSecret([padded.as_slice(), commitment.as_bytes(), &tag, opening.key()].concat())
}

fn message_open(flaw: u8, conceal: Conceal) -> Output {
    let mut padded = text(|_| ());
    let (mut sealed, _) = MessageKey::new(known(1)).seal(&mut padded, context());
    sealed.tag[0] ^= flaw;
    let key = MessageKey::new(secret(1, conceal));
    let verdict = key.open(&mut padded, &sealed, context());
    opened(memcheck::ask(verdict.is_some()).then(|| padded.to_vec()), flaw)
}

fn chunk_seal(conceal: Conceal) -> Output {
    let mut chunk = text(conceal);
    let tag = AttachmentKeys::of(secret(1, conceal)).seal(Place::before_others(3), &mut chunk);
    StillSecret([chunk.as_slice(), &tag].concat())
}

fn chunk_open(flaw: u8, conceal: Conceal) -> Output {
    let mut chunk = text(|_| ());
    let place = Place::before_others(3);
    let mut tag = AttachmentKeys::of(known(1)).seal(place, &mut chunk);
    tag[0] ^= flaw;
    let verdict = AttachmentKeys::of(secret(1, conceal)).open(place, &mut chunk, &tag);
    opened(memcheck::ask(verdict.is_some()).then(|| chunk.to_vec()), flaw)
}

/// From one place to another, as chunks that come in one piece.
fn whole_chunk_seal(conceal: Conceal) -> Output {
    let (mut chunk, mut sealed) = ([b'm'; CHUNK_LENGTH], [0; CHUNK_LENGTH]);
    conceal(&mut chunk);
    let keys = AttachmentKeys::of(secret(1, conceal));
    let tag = keys.seal_into(Place::before_others(3), &chunk, &mut sealed);
    StillSecret([sealed.as_slice(), &tag].concat())
}

fn whole_chunk_open(flaw: u8, conceal: Conceal) -> Output {
    let (place, mut chunk) = (Place::before_others(3), [b'm'; CHUNK_LENGTH]);
    let tag = AttachmentKeys::of(known(1)).seal(place, &mut chunk);
    let mut sealed = [chunk.as_slice(), &tag].concat();
    sealed[CHUNK_LENGTH] ^= flaw;
    let sealed = sealed.first_chunk().expect("a chunk and its tag");
    let verdict = AttachmentKeys::of(secret(1, conceal)).open_into(place, sealed, &mut chunk);
    opened(memcheck::ask(verdict.is_some()).then(|| chunk.to_vec()), flaw)
}

fn postmark(conceal: Conceal) -> Output {
    let commitment = CommitmentOpening::new(secret(1, conceal), [2; 32]).commitment(&text(conceal));
    let server_key = ServerKey::new(secret(3, conceal).as_bytes());
    let postmark = server_key.postmark(&commitment, AD).expect("a short context");
    StillSecret(postmark.as_bytes().to_vec())
}

fn header_seal(conceal: Conceal) -> Output {
    StillSecret(HeaderKey::new(secret(1, conceal)).seal(&header()).to_vec())
}

fn header_open(flaw: u8, conceal: Conceal) -> Output {
    let mut sealed = HeaderKey::new(known(1)).seal(&header());
    sealed[0] ^= flaw;
    match HeaderKey::new(secret(1, conceal)).open(&sealed, Suite::Classical) {
        Some(header) => {
            let header = header.expect("it is well-formed");
            opened(Some(header.encode().to_vec()), flaw)
        }
        None => opened(None, flaw),
    }
}

fn header() -> Header {
    Header { ratchet_key: their_key(), previous_length: 3, number: 4, mixed: None }
}

fn storage_key(conceal: Conceal) -> StorageKey {
    StorageKey::new(secret(1, conceal).as_bytes())
}

fn storage_seal(conceal: Conceal) -> Output {
    let sealed = storage_key(conceal).seal(&text(conceal), KIND, AD, &mut Draws::new(|_| ()));
    StillSecret(sealed[STORED_PREFIX..].to_vec())
}

fn storage_open(flaw: u8, conceal: Conceal) -> Output {
    let mut sealed = storage_key(|_| ()).seal(&text(|_| ()), KIND, AD, &mut Draws::new(|_| ()));
    sealed[STORED_PREFIX] ^= flaw;
    let state = storage_key(conceal).open(&sealed, KIND, AD);
    opened(state.ok().map(|state| state.to_vec()), flaw)
}

fn agreements(conceal: Conceal) -> EphemeralAgreements {
    let agree = |byte| DhKeyPair::from_secret(secret(byte, conceal)).agree(&their_key());
    let [dh2, dh3, dh4] = [1, 2, 3].map(agree);
    let shared_secret = Some(Box::new(secret(4, conceal)));
    EphemeralAgreements { dh2: dh2.expect(STRONG), dh3: dh3.expect(STRONG), dh4, shared_secret }
}

const STRONG: &str = "the key is not of small order";

fn seal_sender(conceal: Conceal) -> Output {
    let sealed = agreements(conceal).seal_sender(&device(5, conceal), &TRANSCRIPT);
    StillSecret(sealed.to_vec())
}

fn open_sender(flaw: u8, conceal: Conceal) -> Output {
    let mut sealed = agreements(|_| ()).seal_sender(&device(5, |_| ()), &TRANSCRIPT);
    sealed[0] ^= flaw;
    let sender = agreements(conceal).open_sender(&sealed, &TRANSCRIPT);
    let identity = sender.map(|Device { identity, address: _ }| identity.encode().to_vec());
    opened(identity, flaw)
}

fn session_secrets(conceal: Conceal) -> Output {
    let agreements = agreements(conceal);
    let dh1 = DhKeyPair::from_secret(secret(4, conceal)).agree(&their_key()).expect(STRONG);
    let secrets = agreements.session_secrets(&dh1, &device(5, conceal), &TRANSCRIPT);
    let SessionSecrets { root_key, initiator_header_key, responder_header_key, session_id } =
        secrets;
    let keys = [root_key, initiator_header_key, responder_header_key];
    StillSecret([keys.map(|key| *key.as_bytes()).concat(), session_id.to_vec()].concat())
}

fn ratchet_secrets(conceal: Conceal) -> RatchetSecrets {
    RatchetSecrets {
        root_key: secret(1, conceal),
        initiator_header_key: secret(2, conceal),
        responder_header_key: secret(3, conceal),
    }
}

/// The secret of the first epoch goes into the root, as in suite 2.
fn mixing(secret: &Secret<32>) -> Mixing<'_> {
    Mixing { mixed: Some(0), secret: Some(secret) }
}

/// A message that skips `skipped` others, under a new ratchet key.
fn receiving_step(skipped: u32, conceal: Conceal) -> Output {
    let prekey = |conceal| DhKeyPair::from_secret(secret(4, conceal));
    let mut alice = DoubleRatchet::initiator(ratchet_secrets(|_| ()), *prekey(|_| ()).public());
    let (rng, epoch_secret) = (&mut Draws::new(|_| ()), secret(5, |_| ()));
    for _ in 0..skipped {
        alice.send(mixing(&epoch_secret), rng).expect("a chain has room");
    }
    let (sealed_header, _) = alice.send(mixing(&epoch_secret), rng).expect("a chain has room");
    let bob = DoubleRatchet::responder(ratchet_secrets(conceal), prekey(conceal));
    let now = Timestamp::from_unix_seconds(1);
    let epoch_secret = secret(5, conceal);
    let limits = SessionLimits::default();
    let planned = bob.plan(&sealed_header, mixing(&epoch_secret), &limits, now);
    let Ok((step, key)) = planned else { panic!("a true message was refused") };
    // Memcheck takes the number of skipped keys for secret, and giving their memory back asks for it.
    core::mem::forget(step);
    let mut padded = text(|_| ());
    let (Sealed { commitment, tag }, opening) = key.seal(&mut padded, context());
    StillSecret([padded.as_slice(), commitment.as_bytes(), &tag, opening.key()].concat())
}

/// Root step, chain steps and header key, as a sender uses them.
fn sending_step(conceal: Conceal) -> Output {
    let mut ratchet = DoubleRatchet::initiator(ratchet_secrets(conceal), their_key());
    let (rng, epoch_secret) = (&mut Draws::new(conceal), secret(5, conceal));
    let mut output = Vec::new();
    for _ in 0..2 {
        let (sealed_header, key) =
            ratchet.send(mixing(&epoch_secret), rng).expect("a chain has room");
        let mut padded = text(conceal);
        let (Sealed { commitment, tag }, _) = key.seal(&mut padded, context());
        let parts: [&[u8]; 4] = [&sealed_header, &padded, commitment.as_bytes(), &tag];
        output.extend(parts.concat());
    }
    StillSecret(output)
}

fn device(seed: u8, conceal: Conceal) -> Device {
    let identity = *IdentityKeyPair::from_seed(secret(seed, conceal)).public();
    Device { identity, address: Address::new("device").expect("it has a few bytes") }
}

fn safety_number(conceal: Conceal) -> SafetyNumber {
    SafetyNumber::between(&device(1, conceal), &device(2, conceal))
}

/// `flaw` is added to the last byte of what the other device shows.
fn scanned(flaw: u8, conceal: Conceal) -> Output {
    let mut shown = SafetyNumber::between(&device(2, |_| ()), &device(1, |_| ())).scannable();
    shown[64] ^= flaw;
    // The version is public.
    conceal(&mut shown[1..]);
    Verdict(vec![u8::from(safety_number(conceal).verify_scanned(&shown).is_ok())])
}

/// What is typed is secret in its digits and public in that they are digits.
fn typed(flaw: u8, conceal: Conceal) -> Output {
    let ours = safety_number(|_| ());
    let mut values: Vec<u8> = ours.digits().bytes().map(|digit| digit & 0x0f).collect();
    values[59] ^= flaw;
    conceal(&mut values);
    let digits = values.iter().map(|value| b'0' | (value & 0x0f)).collect();
    let digits = String::from_utf8(digits).expect("digits are ASCII");
    Verdict(vec![u8::from(ours.matches(&digits))])
}
