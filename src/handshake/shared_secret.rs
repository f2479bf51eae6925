//! For applications with a handshake of their own: from its secret to a session's secrets.

use core::fmt;

use crate::crypto::dh::DhPublicKey;
use crate::crypto::hash::sha256;
use crate::crypto::secret::Secret;
use crate::handshake::x3dh::SessionSecrets;
use crate::identity::Device;
use crate::wire::suite::Suite;

/// Separates sessions from a handshake of the application's from those of X3DH.
const SHARED_SECRET_LABEL: &[u8] = b"evanesce/v1 shared secret";

/// The same for sessions of suite 2.
const HYBRID_SHARED_SECRET_LABEL: &[u8] = b"evanesce/v1 hybrid shared secret";

/// 32 secret bytes that a handshake of the application's gave to both sides, for one session.
///
/// They must come from a handshake that authenticated both identities, and must never start a second
/// session. The secret is as safe from a quantum computer as that handshake was; with [`Suite::Hybrid`] the session heals
/// from one as it goes on.
pub struct SharedSecret {
    secret: Secret<32>,
    suite: Suite,
}

impl SharedSecret {
    /// Takes the secret, for a session of the [default suite](Suite::default); wipe your own copy.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self::of_suite(Suite::default(), bytes)
    }

    /// Takes the secret, for a session of this suite. Both sides must name the same.
    #[must_use]
    pub fn of_suite(suite: Suite, bytes: &[u8; 32]) -> Self {
        Self { secret: Secret::filled_by(|out| out.copy_from_slice(bytes)), suite }
    }

    /// The suite of its session.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
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
        let label = match self.suite {
            Suite::Classical => SHARED_SECRET_LABEL,
            Suite::Hybrid => HYBRID_SHARED_SECRET_LABEL,
        };
        let transcript = sha256(&[
            label,
            &initiator.encode(),
            &responder.encode(),
            responder_ratchet_key.as_bytes(),
        ]);
        SessionSecrets::derive(&[self.secret.as_bytes()], &transcript)
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SharedSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Address, IdentityKey};
    use crate::known_answers::{self, Fields};
    use serde_json::Value;

    fn device(case: &Value, [identity, address]: [&str; 2]) -> Device {
        let identity = IdentityKey::decode(&case.array(identity)).unwrap();
        Device { identity, address: Address::new(case.bytes(address)).unwrap() }
    }

    #[test]
    fn vectors_external() {
        for case in known_answers::hybrid_section("external") {
            let [a, b] = [["ident_a", "address_a"], ["ident_b", "address_b"]];
            let (a, b) = (device(&case, a), device(&case, b));
            let ratchet_key: [u8; 32] = case.array("ratchet_public");
            let th = sha256(&[HYBRID_SHARED_SECRET_LABEL, &a.encode(), &b.encode(), &ratchet_key]);
            assert_eq!(th, case.array("th"));
            let secret = SharedSecret::of_suite(Suite::Hybrid, &case.array("secret"));
            let ratchet_key = DhPublicKey::decode(&ratchet_key).unwrap();
            let expected = SessionSecrets {
                root_key: case.secret("rk"),
                initiator_header_key: case.secret("hk_a"),
                responder_header_key: case.secret("nhk_b"),
                session_id: case.array("session_id"),
            };
            assert_eq!(secret.session_secrets(&a, &b, &ratchet_key), expected);
        }
    }
}
