//! Alice's side: from Bob's verified bundle to a session's secrets.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::crypto::dh::DhKeyPair;
use crate::crypto::secret::Secret;
use crate::encapsulation::encapsulate;
use crate::handshake::x3dh::{EphemeralAgreements, Offer, SessionSecrets};
use crate::identity::{Device, IdentityKeyPair};
use crate::prekeys::verified_bundle::VerifiedBundle;
use crate::wire::message::SEALED_SENDER_LENGTH;

/// What Alice holds when her side is done.
pub(crate) struct Initiated {
    /// The handshake fields of all her initial messages (docs/protocol.md §6).
    pub(crate) handshake_fields: Vec<u8>,
    pub(crate) secrets: SessionSecrets,
}

/// X3DH as initiator, with one draw for EK and in suite 2 one for the encapsulation; `None` if an agreement with one of
/// Bob's keys is zero, or his keys are of different suites.
///
/// ```text
/// DH1 = DH(IK_A, SPK_B)   DH2 = DH(EK, IK_B)   DH3 = DH(EK, SPK_B)   DH4 = DH(EK, OPK_B)
/// (SS, CT) = Encaps(KOPK_B, m), or Encaps(KSPK_B, m) if there is no one-time prekey
/// ```
pub(crate) fn initiate(
    our_identity: &IdentityKeyPair,
    our_device: &Device,
    bundle: &VerifiedBundle,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Option<Initiated> {
    let VerifiedBundle { device, signed_prekey_id, signed_prekey, one_time_prekey } = bundle;
    let ephemeral = DhKeyPair::generate(rng);
    let one_time = one_time_prekey.as_ref().map(|prekey| (prekey.id, &prekey.key));
    let (_, named_last) = one_time.unwrap_or((*signed_prekey_id, signed_prekey));
    // A verified bundle is of one suite. Whatever else may come here one day, nothing goes on without its secret.
    if named_last.suite() != signed_prekey.suite() {
        return None;
    }
    let (ciphertext, shared_secret) = match &named_last.encapsulation {
        None => (Box::default(), None),
        Some(key) => {
            let draw = Secret::filled_by(|out| rng.fill_bytes(out));
            let (ciphertext, shared_secret) = encapsulate(key, &draw);
            (ciphertext, Some(shared_secret))
        }
    };
    let offer = Offer {
        responder: device,
        signed_prekey_id: *signed_prekey_id,
        signed_prekey,
        one_time_prekey: one_time,
        ephemeral_key: ephemeral.public(),
        ciphertext: &ciphertext,
    };
    let their_signed_prekey = signed_prekey.agreement.unpack();
    let dh1 = our_identity.agreement().agree_unpacked(&their_signed_prekey)?;
    let agreements = EphemeralAgreements {
        dh2: ephemeral.agree(device.identity.agreement())?,
        dh3: ephemeral.agree_unpacked(&their_signed_prekey)?,
        dh4: match one_time {
            None => None,
            Some((_, prekey)) => Some(ephemeral.agree(&prekey.agreement)?),
        },
        shared_secret,
    };
    let transcript = offer.transcript();
    let sealed_sender = agreements.seal_sender(our_device, &transcript);
    let secrets = agreements.session_secrets(&dh1, our_device, &transcript);
    Some(Initiated { handshake_fields: encode_fields(&offer, &sealed_sender), secrets })
}

/// The handshake fields, as [`HandshakeFields`](crate::wire::message::HandshakeFields) draws them.
fn encode_fields(offer: &Offer<'_>, sealed_sender: &[u8; SEALED_SENDER_LENGTH]) -> Vec<u8> {
    let mut fields = Vec::from([offer.signed_prekey.suite().byte()]);
    fields.extend_from_slice(&offer.signed_prekey_id.to_be_bytes());
    match &offer.one_time_prekey {
        None => fields.push(0),
        Some((id, _)) => {
            fields.push(1);
            fields.extend_from_slice(&id.to_be_bytes());
        }
    }
    fields.extend_from_slice(offer.ephemeral_key.as_bytes());
    fields.extend_from_slice(offer.ciphertext);
    fields.extend_from_slice(sealed_sender);
    fields
}
