//! Alice's side: from Bob's verified bundle to a session's secrets.

use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::crypto::dh::DhKeyPair;
use crate::handshake::x3dh::{EphemeralAgreements, Offer, SessionSecrets};
use crate::identity::{Device, IdentityKeyPair};
use crate::prekeys::verified_bundle::VerifiedBundle;
use crate::wire::codec::SUITE;
use crate::wire::message::SEALED_SENDER_LENGTH;

/// What Alice holds when her side is done.
pub(crate) struct Initiated {
    /// The handshake fields of all her initial messages (docs/protocol.md §6).
    pub(crate) handshake_fields: Vec<u8>,
    pub(crate) secrets: SessionSecrets,
}

/// X3DH as initiator, with one draw for EK; `None` if an agreement with one of Bob's keys is zero.
///
/// ```text
/// DH1 = DH(IK_A, SPK_B)   DH2 = DH(EK, IK_B)   DH3 = DH(EK, SPK_B)   DH4 = DH(EK, OPK_B)
/// ```
pub(crate) fn initiate(
    our_identity: &IdentityKeyPair,
    our_device: &Device,
    bundle: &VerifiedBundle,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Option<Initiated> {
    let VerifiedBundle { device, signed_prekey_id, signed_prekey, one_time_prekey } = bundle;
    let ephemeral = DhKeyPair::generate(rng);
    let offer = Offer {
        responder: device,
        signed_prekey_id: *signed_prekey_id,
        signed_prekey,
        one_time_prekey: one_time_prekey.clone(),
        ephemeral_key: ephemeral.public(),
    };
    let dh1 = our_identity.agreement().agree(signed_prekey)?;
    let agreements = EphemeralAgreements {
        dh2: ephemeral.agree(device.identity.agreement())?,
        dh3: ephemeral.agree(signed_prekey)?,
        dh4: match one_time_prekey {
            None => None,
            Some(prekey) => Some(ephemeral.agree(&prekey.key)?),
        },
    };
    let transcript = offer.transcript();
    let sealed_sender = agreements.seal_sender(our_device, &transcript);
    let secrets = agreements.session_secrets(&dh1, our_device, &transcript);
    Some(Initiated { handshake_fields: encode_fields(&offer, &sealed_sender), secrets })
}

/// The handshake fields, as [`HandshakeFields`](crate::wire::message::HandshakeFields) draws them.
fn encode_fields(offer: &Offer<'_>, sealed_sender: &[u8; SEALED_SENDER_LENGTH]) -> Vec<u8> {
    let mut fields = Vec::from([SUITE]);
    fields.extend_from_slice(&offer.signed_prekey_id.to_be_bytes());
    match &offer.one_time_prekey {
        None => fields.push(0),
        Some(prekey) => {
            fields.push(1);
            fields.extend_from_slice(&prekey.id.to_be_bytes());
        }
    }
    fields.extend_from_slice(offer.ephemeral_key.as_bytes());
    fields.extend_from_slice(sealed_sender);
    fields
}
