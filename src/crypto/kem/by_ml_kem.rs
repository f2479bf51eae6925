//! ML-KEM by the crate ml-kem: small, and portable.

use alloc::boxed::Box;

use ml_kem::kem::{Decapsulate, KeyExport};
use ml_kem::{DecapsulationKey, EncapsulationKey};

use crate::crypto::kem::parameter_set::ParameterSet;
use crate::crypto::kem::used_stack::wiping_used_stack;
use crate::crypto::secret::Secret;

/// As much stack as it uses, with room to spare.
const USED_STACK: usize = 98_304;

/// ML-KEM-768, for epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MlKem768;

/// ML-KEM-1024, for handshakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MlKem1024;

macro_rules! implement {
    ($set:ident, $key_length:literal, $ciphertext_length:literal) => {
        impl ParameterSet for $set {
            type KeyBytes = [u8; $key_length];
            const ENCAPSULATION_KEY_LENGTH: usize = $key_length;
            const CIPHERTEXT_LENGTH: usize = $ciphertext_length;

            fn checked(bytes: &[u8]) -> Option<Box<Self::KeyBytes>> {
                let key: &Self::KeyBytes = bytes.try_into().ok()?;
                EncapsulationKey::<ml_kem::$set>::new(key.into()).ok()?;
                Some(Box::new(*key))
            }

            fn encapsulation_key(seed: &Secret<64>) -> Box<Self::KeyBytes> {
                wiping_used_stack::<USED_STACK, _>(|| {
                    let key =
                        DecapsulationKey::<ml_kem::$set>::from_seed((*seed.as_bytes()).into());
                    Box::new(key.encapsulation_key().to_bytes().into())
                })
            }

            fn encapsulate(
                key: &Self::KeyBytes,
                randomness: &Secret<32>,
                shared: &mut [u8; 32],
            ) -> Box<[u8]> {
                wiping_used_stack::<USED_STACK, _>(|| {
                    // It does not panic: a key's bytes come from `checked`, which made the same call, or from
                    // `encapsulation_key`, which writes numbers below the modulus; `EncapsulationKey` of the parent has
                    // no other way in.
                    let key = EncapsulationKey::<ml_kem::$set>::new(key.into()).expect("checked");
                    let (ciphertext, secret) =
                        key.encapsulate_deterministic(&(*randomness.as_bytes()).into());
                    shared.copy_from_slice(&secret);
                    ciphertext.as_slice().into()
                })
            }

            fn decapsulate(
                seed: &Secret<64>,
                ciphertext: &[u8],
                shared: &mut [u8; 32],
            ) -> Option<Box<Self::KeyBytes>> {
                wiping_used_stack::<USED_STACK, _>(|| {
                    let ciphertext = ciphertext.try_into().ok()?;
                    let key =
                        DecapsulationKey::<ml_kem::$set>::from_seed((*seed.as_bytes()).into());
                    shared.copy_from_slice(&key.decapsulate(ciphertext));
                    Some(Box::new(key.encapsulation_key().to_bytes().into()))
                })
            }
        }
    };
}

implement!(MlKem768, 1_184, 1_088);
implement!(MlKem1024, 1_568, 1_568);
