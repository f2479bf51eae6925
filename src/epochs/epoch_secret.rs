//! From an encapsulation to what an epoch mixes into the root.

use crate::crypto::hash::sha256;
use crate::crypto::kdf::hkdf;
use crate::crypto::secret::Secret;
use crate::epochs::named_key::NamedKey;

/// Derives an epoch's secret and what confirms it (s_e, confirm).
const EPOCH_LABEL: &[u8] = b"evanesce/v1 epoch";

/// Of which epoch of which session.
#[derive(Clone, Copy)]
pub(crate) struct EpochContext<'session> {
    pub(crate) session_id: &'session [u8; 32],
    /// Epochs count from 1 (e).
    pub(crate) number: u32,
}

/// What both sides have once they have agreed.
#[derive(Debug)]
pub(crate) struct EpochSecrets {
    /// What is mixed into the root (s_e).
    pub(crate) secret: Secret<32>,
    /// What shows the generator that its peer has the same (confirm).
    pub(crate) confirmation: Secret<32>,
}

impl EpochContext<'_> {
    // docs/protocol.md §5.9:
    //   s_e ‖ confirm = HKDF(salt = empty, ikm = ss,
    //                        info = label ‖ session_id ‖ e u32 ‖ SHA-256(ek) ‖ SHA-256(ct), 64)
    pub(crate) fn derive(
        &self,
        shared: &Secret<32>,
        key: &NamedKey,
        ciphertext: &[u8],
    ) -> EpochSecrets {
        let Self { session_id, number } = self;
        let hashes = [*key.hash(), sha256(&[ciphertext])];
        let info = [EPOCH_LABEL, &session_id[..], &number.to_be_bytes(), hashes.as_flattened()];
        let [secret, confirmation] = hkdf(&[], &[shared.as_bytes()], &info);
        EpochSecrets { secret, confirmation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::kem::MlKem768;
    use crate::encapsulation::{KemKeyPair, encapsulate};
    use crate::known_answers::{self, Fields};
    use crate::wire::control::KeyId;

    #[test]
    fn vectors_epoch() {
        for case in known_answers::hybrid_section("epoch") {
            let pair = KemKeyPair::<MlKem768>::from_seed(case.secret("seed"));
            let key = NamedKey::new(pair.public());
            assert_eq!(key.hash(), &case.array("ek_sha256"));
            assert_eq!(key.id(), KeyId(case.array("id")));
            let (ciphertext, shared) = encapsulate(key.key(), &case.secret("draw"));
            assert_eq!(sha256(&[&ciphertext]), case.array("ct_sha256"));
            assert_eq!(*shared, case.secret("ss"));
            assert_eq!(*pair.decapsulate(&ciphertext).unwrap(), case.secret("ss"));
            let session_id = case.array("session_id");
            let number = u32::try_from(case.number("epoch")).unwrap();
            let context = EpochContext { session_id: &session_id, number };
            let secrets = context.derive(&shared, &key, &ciphertext);
            assert_eq!(secrets.secret, case.secret("s"));
            assert_eq!(secrets.confirmation, case.secret("confirm"));
        }
    }
}
