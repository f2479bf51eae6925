//! Bob's side: from Alice's first message to a session's secrets.

use crate::handshake::x3dh::{EphemeralAgreements, Offer, SessionSecrets};
use crate::identity::{Device, IdentityKeyPair};
use crate::prekeys::found_prekeys::FoundPreKeys;
use crate::prekeys::prekey_pair::PreKeyPair;
use crate::wire::message::HandshakeFields;

/// What Bob holds when his side is done. Nothing is proved before a message has opened with it.
pub(crate) struct Responded {
    /// Who the initiator says she is. She has proved to hold the X25519 half of that identity.
    pub(crate) initiator: Device,
    pub(crate) secrets: SessionSecrets,
}

/// X3DH as responder; `None` if an agreement is zero or the sealed sender does not open or decode. The prekeys are of the
/// suite of the fields. A wrong ciphertext gives another secret, with which the sender does not open.
pub(crate) fn respond(
    our_identity: &IdentityKeyPair,
    our_device: &Device,
    prekeys: &FoundPreKeys<'_>,
    fields: &HandshakeFields<'_>,
) -> Option<Responded> {
    let FoundPreKeys { signed, one_time, former_address: _ } = prekeys;
    let their_key = fields.ephemeral_key.unpack();
    let signed_public = signed.pair.public();
    let one_time_public = one_time.map(PreKeyPair::public);
    let transcript = Offer {
        responder: our_device,
        signed_prekey_id: signed.id,
        signed_prekey: &signed_public,
        one_time_prekey: fields.one_time_prekey_id.zip(one_time_public.as_ref()),
        ephemeral_key: &fields.ephemeral_key,
        ciphertext: fields.ciphertext.unwrap_or_default(),
    }
    .transcript();
    let dh2 = our_identity.agreement().agree_unpacked(&their_key)?;
    let dh3 = signed.pair.agreement.agree_unpacked(&their_key)?;
    let dh4 = match one_time {
        None => None,
        Some(pair) => Some(pair.agreement.agree_unpacked(&their_key)?),
    };
    let named_last = one_time.unwrap_or(&signed.pair);
    let shared_secret = match (&named_last.encapsulation, fields.ciphertext) {
        (Some(pair), Some(ciphertext)) => Some(pair.decapsulate(ciphertext)?),
        (None, None) => None,
        (None, Some(_)) | (Some(_), None) => return None,
    };
    let agreements = EphemeralAgreements { dh2, dh3, dh4, shared_secret };
    let initiator = agreements.open_sender(fields.sealed_sender, &transcript)?;
    let dh1 = signed.pair.agreement.agree(initiator.identity.agreement())?;
    let secrets = agreements.session_secrets(&dh1, &initiator, &transcript);
    Some(Responded { initiator, secrets })
}
