//! Bob's side: from Alice's first message to a session's secrets.

use crate::handshake::x3dh::{EphemeralAgreements, Offer, SessionSecrets};
use crate::identity::{Device, IdentityKeyPair};
use crate::prekeys::found_prekeys::{FoundPreKeys, UsedPreKeys};
use crate::wire::message::HandshakeFields;
use crate::wire::prekey_public::PreKeyPublic;

/// What Bob holds when his side is done. Nothing is proved before a message has opened with it.
pub(crate) struct Responded {
    /// Who the initiator says she is. She has proved to hold the X25519 half of that identity.
    pub(crate) initiator: Device,
    pub(crate) secrets: SessionSecrets,
    pub(crate) used: UsedPreKeys,
}

/// X3DH as responder; `None` if an agreement is zero or the sealed sender does not open or decode. The prekeys are of the
/// suite of the fields. A wrong ciphertext gives another secret, with which the sender does not open.
///
/// The public half of the key that was encapsulated to comes out of the expansion that decapsulates.
pub(crate) fn respond(
    our_identity: &IdentityKeyPair,
    our_device: &Device,
    prekeys: &FoundPreKeys<'_>,
    fields: &HandshakeFields<'_>,
) -> Option<Responded> {
    let FoundPreKeys { signed, one_time, former_address: _ } = prekeys;
    let their_key = fields.ephemeral_key.unpack();
    let dh2 = our_identity.agreement().agree_unpacked(&their_key)?;
    let dh3 = signed.pair.agreement.agree_unpacked(&their_key)?;
    let dh4 = match one_time {
        None => None,
        Some(pair) => Some(pair.agreement.agree_unpacked(&their_key)?),
    };
    let named_last = one_time.unwrap_or(&signed.pair);
    let (shared_secret, encapsulation) = match (&named_last.encapsulation, fields.ciphertext) {
        (Some(pair), Some(ciphertext)) => Some(pair.decapsulate_and_expand(ciphertext)?).unzip(),
        (None, None) => (None, None),
        (None, Some(_)) | (Some(_), None) => return None,
    };
    let named_last = PreKeyPublic { agreement: *named_last.agreement.public(), encapsulation };
    let (signed_prekey, one_time_prekey) = match one_time {
        None => (named_last, None),
        Some(_) => (signed.public(), Some(named_last)),
    };
    let transcript = Offer {
        responder: our_device,
        signed_prekey_id: signed.id,
        signed_prekey: &signed_prekey,
        one_time_prekey: fields.one_time_prekey_id.zip(one_time_prekey.as_ref()),
        ephemeral_key: &fields.ephemeral_key,
        ciphertext: fields.ciphertext.unwrap_or_default(),
    }
    .transcript();
    let agreements = EphemeralAgreements { dh2, dh3, dh4, shared_secret };
    let initiator = agreements.open_sender(fields.sealed_sender, &transcript)?;
    let dh1 = signed.pair.agreement.agree(initiator.identity.agreement())?;
    let secrets = agreements.session_secrets(&dh1, &initiator, &transcript);
    let used =
        UsedPreKeys { signed_id: signed.id, signed_prekey, one_time_id: fields.one_time_prekey_id };
    Some(Responded { initiator, secrets, used })
}
