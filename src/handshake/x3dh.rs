//! X3DH (revision 1, 2016), with the transcript in the key derivation and the initiator sealed; in suite 2 with one
//! encapsulation beside the agreements.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::crypto::aead::{SivKey, TAG_LENGTH};
use crate::crypto::dh::{DhOutput, DhPublicKey};
use crate::crypto::hash::sha256;
use crate::crypto::kdf::hkdf;
use crate::crypto::secret::Secret;
use crate::identity::{Address, Device, IdentityKey};
use crate::wire::codec::Reader;
use crate::wire::message::SEALED_SENDER_LENGTH;
use crate::wire::prekey_bundle::IDENTITY_LENGTH;
use crate::wire::prekey_public::PreKeyPublic;

/// Separates what is known before the initiator is (th0).
const HANDSHAKE_LABEL: &[u8] = b"evanesce/v1 handshake";

/// Derives the key that seals the initiator's identity (k_id).
const INITIATOR_LABEL: &[u8] = b"evanesce/v1 initiator";

/// Separates the whole transcript (th).
const TRANSCRIPT_LABEL: &[u8] = b"evanesce/v1 transcript";

/// Derives a session's secrets.
const SESSION_LABEL: &[u8] = b"evanesce/v1 session";

/// F in X3DH §2.2: keeps the input apart from any encoded curve point.
const F: [u8; 32] = [0xff; 32];

/// Bytes of the sender's identity and address, padded.
const SENDER_LENGTH: usize = SEALED_SENDER_LENGTH - TAG_LENGTH;

/// What both share without knowing who the initiator is: DH2, DH3, DH4 if there is a one-time prekey, and in suite 2
/// the secret that was encapsulated (SS).
pub(crate) struct EphemeralAgreements {
    pub(crate) dh2: DhOutput,
    pub(crate) dh3: DhOutput,
    pub(crate) dh4: Option<DhOutput>,
    pub(crate) shared_secret: Option<Box<Secret<32>>>,
}

/// What the responder published and the initiator used, with her ephemeral key and her ciphertext.
pub(crate) struct Offer<'keys> {
    pub(crate) responder: &'keys Device,
    pub(crate) signed_prekey_id: u32,
    pub(crate) signed_prekey: &'keys PreKeyPublic,
    pub(crate) one_time_prekey: Option<(u32, &'keys PreKeyPublic)>,
    pub(crate) ephemeral_key: &'keys DhPublicKey,
    /// CT; empty in suite 1.
    pub(crate) ciphertext: &'keys [u8],
}

/// What a handshake ends in, on both sides.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SessionSecrets {
    /// The first root key (RK).
    pub(crate) root_key: Secret<32>,
    /// The initiator's first header key (HK_A).
    pub(crate) initiator_header_key: Secret<32>,
    /// The responder's first header key (NHK_B).
    pub(crate) responder_header_key: Secret<32>,
    /// Names the session. Not secret: it says nothing of the other three.
    pub(crate) session_id: [u8; 32],
}

impl Offer<'_> {
    // docs/protocol.md §4:
    //   opk = 0x00 | 0x01 ‖ opk_id ‖ OPK_B [‖ KOPK_B]
    //   th0 = SHA-256(label ‖ suite ‖ IDENT_B ‖ LP8(address_B) ‖ spk_id ‖ SPK_B [‖ KSPK_B] ‖ opk ‖ EK [‖ CT])
    /// The transcript without the initiator (th0).
    pub(crate) fn transcript(&self) -> [u8; 32] {
        let Self {
            responder,
            signed_prekey_id,
            signed_prekey,
            one_time_prekey,
            ephemeral_key,
            ciphertext,
        } = self;
        let mut one_time = Vec::from([u8::from(one_time_prekey.is_some())]);
        if let Some((id, prekey)) = one_time_prekey {
            one_time.extend_from_slice(&id.to_be_bytes());
            prekey.write(&mut one_time);
        }
        sha256(&[
            HANDSHAKE_LABEL,
            &[signed_prekey.suite().byte()],
            &responder.encode(),
            &signed_prekey_id.to_be_bytes(),
            signed_prekey.agreement.as_bytes(),
            signed_prekey.encapsulation_bytes(),
            &one_time,
            ephemeral_key.as_bytes(),
            ciphertext,
        ])
    }
}

impl EphemeralAgreements {
    // docs/protocol.md §4:
    //   k_id = HKDF(salt = th0, ikm = F ‖ DH2 ‖ DH3 [‖ DH4] [‖ SS], info = label, 32)
    /// Seals who the initiator is, so that the carrier cannot see it.
    pub(crate) fn seal_sender(
        &self,
        initiator: &Device,
        offer_transcript: &[u8; 32],
    ) -> [u8; SEALED_SENDER_LENGTH] {
        let mut sealed = [0; SEALED_SENDER_LENGTH];
        let (sender, tag) = sealed.split_at_mut(SENDER_LENGTH);
        sender.iter_mut().zip(initiator.encode()).for_each(|(out, byte)| *out = byte);
        let key = self.sender_key(offer_transcript);
        tag.copy_from_slice(&SivKey::new(&key).seal(sender, offer_transcript));
        sealed
    }

    /// Opens who the initiator says she is; `None` whatever is wrong with it.
    pub(crate) fn open_sender(
        &self,
        sealed: &[u8; SEALED_SENDER_LENGTH],
        offer_transcript: &[u8; 32],
    ) -> Option<Device> {
        let (sender, tag) = sealed.split_last_chunk::<TAG_LENGTH>()?;
        let mut sender = sender.to_vec();
        let key = self.sender_key(offer_transcript);
        SivKey::new(&key).open(&mut sender, tag, offer_transcript)?;
        let mut reader = Reader::new(&sender);
        let identity = reader.array::<IDENTITY_LENGTH>().ok()?;
        let address = reader.length_prefixed().ok()?;
        if reader.rest().iter().any(|byte| *byte != 0) {
            return None;
        }
        let identity = IdentityKey::decode(identity).ok()?;
        Some(Device { identity, address: Address::new(address).ok()? })
    }

    // docs/protocol.md §4:
    //   th = SHA-256(label ‖ th0 ‖ IDENT_A ‖ LP8(address_A))
    //   RK ‖ HK_A ‖ NHK_B ‖ session_id = HKDF(salt = th, ikm = F ‖ DH1 ‖ DH2 ‖ DH3 [‖ DH4] [‖ SS], ..)
    /// The session's secrets, once the initiator is known and DH1 with her.
    pub(crate) fn session_secrets(
        &self,
        dh1: &DhOutput,
        initiator: &Device,
        offer_transcript: &[u8; 32],
    ) -> SessionSecrets {
        let transcript = sha256(&[TRANSCRIPT_LABEL, offer_transcript, &initiator.encode()]);
        let [dh2, dh3, dh4, shared_secret] = self.parts();
        SessionSecrets::derive(&[&F, dh1.as_bytes(), dh2, dh3, dh4, shared_secret], &transcript)
    }

    fn sender_key(&self, offer_transcript: &[u8; 32]) -> Secret<32> {
        let [dh2, dh3, dh4, shared_secret] = self.parts();
        let ikm: [&[u8]; 5] = [&F, dh2, dh3, dh4, shared_secret];
        let [key] = hkdf(offer_transcript, &ikm, &[INITIATOR_LABEL]);
        key
    }

    /// In the order of the derivations; what there is none of is empty.
    fn parts(&self) -> [&[u8]; 4] {
        let Self { dh2, dh3, dh4, shared_secret } = self;
        let dh4: &[u8] = dh4.as_ref().map_or(&[], |dh4| dh4.as_bytes());
        let shared_secret: &[u8] = shared_secret.as_ref().map_or(&[], |secret| secret.as_bytes());
        [dh2.as_bytes(), dh3.as_bytes(), dh4, shared_secret]
    }
}

impl SessionSecrets {
    /// HKDF of a handshake's secrets with its transcript as salt.
    pub(crate) fn derive(ikm: &[&[u8]], transcript: &[u8; 32]) -> Self {
        let [root_key, initiator_header_key, responder_header_key, session_id] =
            hkdf(transcript, ikm, &[SESSION_LABEL]);
        let session_id = *session_id.as_bytes();
        Self { root_key, initiator_header_key, responder_header_key, session_id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::dh::DhKeyPair;
    use crate::crypto::kem::MlKem1024;
    use crate::encapsulation::{KemKeyPair, encapsulate};
    use crate::identity::IdentityKeyPair;
    use crate::known_answers::{self, Fields};
    use alloc::format;
    use serde_json::Value;

    fn party(case: &Value, who: &str) -> (IdentityKeyPair, Device) {
        let identity = IdentityKeyPair::from_seed(case.secret(&format!("{who}_seed")));
        let address = Address::new(case.bytes(&format!("{who}_address"))).unwrap();
        let device = Device { identity: *identity.public(), address };
        (identity, device)
    }

    /// A prekey's key pair to encapsulate to; suite 1 has none.
    fn kem_pair(case: &Value, seed: &str) -> Option<KemKeyPair<MlKem1024>> {
        case.get(seed)?;
        Some(KemKeyPair::from_seed(case.secret(seed)))
    }

    fn public(pair: &DhKeyPair, kem: Option<&KemKeyPair<MlKem1024>>) -> PreKeyPublic {
        PreKeyPublic { agreement: *pair.public(), encapsulation: kem.map(KemKeyPair::public) }
    }

    #[test]
    fn vectors_handshake_derivations() {
        known_answers::section("handshake").iter().for_each(derives);
        known_answers::hybrid_section("handshake").iter().for_each(derives);
    }

    fn derives(case: &Value) {
        let (alice, alice_device) = party(case, "initiator");
        let (bob, bob_device) = party(case, "responder");
        let signed = DhKeyPair::from_secret(case.secret("spk_secret"));
        let ephemeral = DhKeyPair::from_secret(case.secret("ek_secret"));
        let one_time = case.optional_number("opk_id").map(|id| {
            (u32::try_from(id).unwrap(), DhKeyPair::from_secret(case.secret("opk_secret")))
        });
        assert_eq!(ephemeral.public().as_bytes(), &case.array("ek_public"));

        let agree = |ours: &DhKeyPair, theirs: &DhPublicKey| ours.agree(theirs).unwrap();
        let dh1 = agree(alice.agreement(), signed.public());
        assert_eq!(dh1.as_bytes(), &case.array("dh1"));
        let mut agreements = EphemeralAgreements {
            dh2: agree(bob.agreement(), ephemeral.public()),
            dh3: agree(&signed, ephemeral.public()),
            dh4: one_time.as_ref().map(|(_, pair)| agree(pair, ephemeral.public())),
            shared_secret: None,
        };
        assert_eq!(agreements.dh2.as_bytes(), &case.array("dh2"));
        assert_eq!(agreements.dh3.as_bytes(), &case.array("dh3"));
        let dh4 = agreements.dh4.as_ref().map(|dh4| dh4.as_bytes().to_vec());
        assert_eq!(dh4, case.optional_bytes("dh4"));

        let signed_kem = kem_pair(case, "kspk_seed");
        let one_time_kem = one_time.as_ref().and_then(|_| kem_pair(case, "kopk_seed"));
        let named_last = one_time_kem.as_ref().or(signed_kem.as_ref());
        let mut ciphertext = Vec::new();
        if let Some(pair) = named_last {
            let (sent, shared) = encapsulate(&pair.public(), &case.secret("m_draw"));
            assert_eq!(sent.as_ref(), case.bytes("ct"));
            assert_eq!(*pair.decapsulate(&sent).unwrap(), case.secret("ss"));
            assert_eq!(*shared, case.secret("ss"));
            (ciphertext, agreements.shared_secret) = (sent.to_vec(), Some(shared));
        }
        let signed_public = public(&signed, signed_kem.as_ref());
        let one_time_public = one_time.map(|(id, pair)| (id, public(&pair, one_time_kem.as_ref())));
        let offer = |ciphertext: &[u8]| {
            let id = u32::try_from(case.number("spk_id")).unwrap();
            Offer {
                responder: &bob_device,
                signed_prekey_id: id,
                signed_prekey: &signed_public,
                one_time_prekey: one_time_public.as_ref().map(|(id, key)| (*id, key)),
                ephemeral_key: ephemeral.public(),
                ciphertext,
            }
            .transcript()
        };
        let th0 = offer(&ciphertext);
        assert_eq!(th0, case.array("th0"));
        assert_eq!(agreements.sender_key(&th0), case.secret("k_id"));
        let sealed = agreements.seal_sender(&alice_device, &th0);
        assert_eq!(sealed, case.array("sealed"));
        assert_eq!(agreements.open_sender(&sealed, &th0), Some(alice_device.clone()));
        let th = sha256(&[TRANSCRIPT_LABEL, &th0, &alice_device.encode()]);
        assert_eq!(th, case.array("th"));
        let secrets = agreements.session_secrets(&dh1, &alice_device, &th0);
        let expected = SessionSecrets {
            root_key: case.secret("rk"),
            initiator_header_key: case.secret("hk_a"),
            responder_header_key: case.secret("nhk_b"),
            session_id: case.array("session_id"),
        };
        assert_eq!(secrets, expected);

        // A ciphertext that was altered gives another secret, and nothing opens.
        if let Some(pair) = named_last {
            let bit = usize::try_from(case.number("ct_flipped")).unwrap();
            ciphertext[bit / 8] ^= 1 << (bit % 8);
            let rejected = pair.decapsulate(&ciphertext).unwrap();
            assert_eq!(*rejected, case.secret("ss_rejected"));
            agreements.shared_secret = Some(rejected);
            let th0 = offer(&ciphertext);
            assert_eq!(agreements.sender_key(&th0), case.secret("k_id_rejected"));
            assert_eq!(agreements.open_sender(&sealed, &th0), None);
        }
    }

    /// A sender's plaintext that breaks a rule, sealed as an honest one would be.
    fn seal_raw(agreements: &EphemeralAgreements, sender: &[u8], th0: &[u8; 32]) -> [u8; 145] {
        let mut sealed = [0; SEALED_SENDER_LENGTH];
        let (text, tag) = sealed.split_at_mut(SENDER_LENGTH);
        text.copy_from_slice(sender);
        let key = agreements.sender_key(th0);
        tag.copy_from_slice(&SivKey::new(&key).seal(text, th0));
        sealed
    }

    #[test]
    fn a_sender_with_anything_after_the_address_is_refused() {
        for case in known_answers::section("handshake") {
            let (bob, _) = party(&case, "responder");
            let signed = DhKeyPair::from_secret(case.secret("spk_secret"));
            let ephemeral = DhPublicKey::decode(&case.array("ek_public")).unwrap();
            let agreements = EphemeralAgreements {
                dh2: bob.agreement().agree(&ephemeral).unwrap(),
                dh3: signed.agree(&ephemeral).unwrap(),
                dh4: None,
                shared_secret: None,
            };
            let th0 = case.array("th0");
            let mut sender = case.bytes("sender");
            let honest = seal_raw(&agreements, &sender, &th0);
            assert!(agreements.open_sender(&honest, &th0).is_some());
            // An address of all 64 bytes leaves no room for padding.
            if sender[64] < 64 {
                sender[128] = 1;
                let padded = seal_raw(&agreements, &sender, &th0);
                assert_eq!(agreements.open_sender(&padded, &th0), None);
                sender[128] = 0;
            }
            for length in [0, 65, 255] {
                sender[64] = length;
                let misnamed = seal_raw(&agreements, &sender, &th0);
                assert_eq!(agreements.open_sender(&misnamed, &th0), None, "length {length}");
            }
        }
    }
}
