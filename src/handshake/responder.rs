//! Bob's side: from Alice's first message to a session's secrets.

use crate::crypto::dh::DhKeyPair;
use crate::handshake::x3dh::{EphemeralAgreements, Offer, SessionSecrets};
use crate::identity::{Device, IdentityKeyPair};
use crate::prekeys::prekey_store::FoundPreKeys;
use crate::wire::message::HandshakeFields;
use crate::wire::prekey_bundle::OneTimePreKeyPublic;

/// What Bob holds when his side is done. Nothing is proved before a message has opened with it.
pub(crate) struct Responded {
    /// Who the initiator says she is. She has proved to hold the X25519 half of that identity.
    pub(crate) initiator: Device,
    pub(crate) secrets: SessionSecrets,
}

/// X3DH as responder; `None` if an agreement is zero or the sealed sender does not open or decode.
pub(crate) fn respond(
    our_identity: &IdentityKeyPair,
    our_device: &Device,
    prekeys: &FoundPreKeys<'_>,
    fields: &HandshakeFields<'_>,
) -> Option<Responded> {
    let FoundPreKeys { signed, one_time, former_address: _ } = prekeys;
    let their_key = &fields.ephemeral_key;
    let one_time_public = fields
        .one_time_prekey_id
        .zip(one_time.map(DhKeyPair::public))
        .map(|(id, key)| OneTimePreKeyPublic { id, key: *key });
    let transcript = Offer {
        responder: our_device,
        signed_prekey_id: signed.id,
        signed_prekey: signed.pair.public(),
        one_time_prekey: one_time_public,
        ephemeral_key: their_key,
    }
    .transcript();
    let agreements = EphemeralAgreements {
        dh2: our_identity.agreement().agree(their_key)?,
        dh3: signed.pair.agree(their_key)?,
        dh4: match one_time {
            None => None,
            Some(pair) => Some(pair.agree(their_key)?),
        },
    };
    let initiator = agreements.open_sender(fields.sealed_sender, &transcript)?;
    let dh1 = signed.pair.agree(initiator.identity.agreement())?;
    let secrets = agreements.session_secrets(&dh1, &initiator, &transcript);
    Some(Responded { initiator, secrets })
}
