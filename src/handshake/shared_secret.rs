//! For applications with a handshake of their own: from its secret to a session's secrets.

use core::fmt;

use crate::crypto::dh::DhPublicKey;
use crate::crypto::hash::sha256;
use crate::crypto::secret::Secret;
use crate::handshake::x3dh::SessionSecrets;
use crate::identity::Device;

/// Separates sessions from a handshake of the application's from those of X3DH.
const SHARED_SECRET_LABEL: &[u8] = b"evanesce/v1 shared secret";

/// 32 secret bytes that a handshake of the application's gave to both sides, for one session.
///
/// They must come from a handshake that authenticated both identities, and must never start a second
/// session.
pub struct SharedSecret(Secret<32>);

impl SharedSecret {
    /// Takes the secret; wipe your own copy.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(Secret::filled_by(|out| out.copy_from_slice(bytes)))
    }

    // docs/protocol.md §4:
    //   th = SHA-256(label ‖ IDENT_A ‖ LP8(address_A) ‖ IDENT_B ‖ LP8(address_B) ‖ ratchet key of B)
    //   RK ‖ HK_A ‖ NHK_B ‖ session_id = HKDF(salt = th, ikm = secret, ..)
    /// The session's secrets, bound to both devices and the responder's first ratchet key.
    pub(crate) fn session_secrets(
        self,
        initiator: &Device,
        responder: &Device,
        responder_ratchet_key: &DhPublicKey,
    ) -> SessionSecrets {
        let transcript = sha256(&[
            SHARED_SECRET_LABEL,
            &initiator.encode(),
            &responder.encode(),
            responder_ratchet_key.as_bytes(),
        ]);
        SessionSecrets::derive(&[self.0.as_bytes()], &transcript)
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SharedSecret(..)")
    }
}
