//! The Diffie-Hellman ratchet.

use crate::crypto::dh::{DhOutput, DhPublicKey};
use crate::crypto::kdf::hkdf;
use crate::crypto::secret::Secret;
use crate::ratchet::chain::ChainKey;
use crate::ratchet::header_key::HeaderKey;
use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};

/// Separates root steps from every other derivation.
const ROOT_LABEL: &[u8] = b"evanesce/v1 root";

/// Separates those that mix the secret of an epoch.
const HYBRID_ROOT_LABEL: &[u8] = b"evanesce/v1 hybrid root";

/// The key that ties all chains together (RK).
#[derive(Debug)]
pub(crate) struct RootKey(Secret<32>);

/// What a root step gives.
pub(crate) struct RootStep {
    pub(crate) root_key: RootKey,
    pub(crate) chain_key: ChainKey,
    /// The header key of the chain after the new one, in the same direction.
    pub(crate) next_header_key: HeaderKey,
}

impl RootKey {
    pub(crate) fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    // Double Ratchet §4.2, KDF_RK_HE(rk, dh_out), with both ratchet keys bound:
    //   RK ‖ CK ‖ NHK = HKDF(salt = rk, ikm = dh_out [‖ s], info = label ‖ from ‖ to, 96)
    /// One step, for a chain that `from` begins and `to` receives. With a secret to mix (s) it is KDF_RK2, under a
    /// label of its own.
    pub(crate) fn step(
        &self,
        dh: &DhOutput,
        mixed: Option<&Secret<32>>,
        from: &DhPublicKey,
        to: &DhPublicKey,
    ) -> RootStep {
        let (label, mixed): (_, &[u8]) = match mixed {
            None => (ROOT_LABEL, &[]),
            Some(secret) => (HYBRID_ROOT_LABEL, secret.as_bytes()),
        };
        let info: [&[u8]; 3] = [label, from.as_bytes(), to.as_bytes()];
        let [root_key, chain_key, next_header_key] =
            hkdf(self.0.as_bytes(), &[dh.as_bytes(), mixed], &info);
        RootStep {
            root_key: Self(root_key),
            chain_key: ChainKey::new(chain_key),
            next_header_key: HeaderKey::new(next_header_key),
        }
    }
}

stored!(RootKey(_));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};

    #[test]
    fn vectors_kdf_rk() {
        for case in known_answers::section("kdf_rk") {
            let from: [u8; 32] = case.array("from");
            let to: [u8; 32] = case.array("to");
            let dh: [u8; 32] = case.array("dh");
            let info: [&[u8]; 3] = [ROOT_LABEL, &from, &to];
            let derived: [Secret<32>; 3] = hkdf(case.secret("rk").as_bytes(), &[&dh], &info);
            assert_eq!(derived, [case.secret("next_rk"), case.secret("ck"), case.secret("nhk")]);
        }
    }

    #[test]
    fn vectors_kdf_rk2() {
        for case in known_answers::hybrid_section("kdf_rk2") {
            let [from, to, dh] = ["from", "to", "dh"].map(|name| case.array::<32>(name));
            let info: [&[u8]; 3] = [HYBRID_ROOT_LABEL, &from, &to];
            let ikm: [&[u8]; 2] = [&dh, &case.array::<32>("s")];
            let derived: [Secret<32>; 3] = hkdf(case.secret("rk").as_bytes(), &ikm, &info);
            assert_eq!(derived, [case.secret("next_rk"), case.secret("ck"), case.secret("nhk")]);
        }
    }
}
