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
            const ENCAPSULATION_KEY_LENGTH: usize = $key_length;
            const CIPHERTEXT_LENGTH: usize = $ciphertext_length;

            fn is_valid(encapsulation_key: &[u8]) -> bool {
                let key = encapsulation_key.try_into();
                key.is_ok_and(|key| EncapsulationKey::<ml_kem::$set>::new(key).is_ok())
            }

            fn encapsulation_key(seed: &Secret<64>) -> Box<[u8]> {
                wiping_used_stack::<USED_STACK, _>(|| {
                    let key =
                        DecapsulationKey::<ml_kem::$set>::from_seed((*seed.as_bytes()).into());
                    key.encapsulation_key().to_bytes().as_slice().into()
                })
            }

            // It does not panic: the caller has seen to the key or the ciphertext.
            fn encapsulate(
                encapsulation_key: &[u8],
                randomness: &Secret<32>,
            ) -> (Box<[u8]>, Secret<32>) {
                wiping_used_stack::<USED_STACK, _>(|| {
                    let key = encapsulation_key.try_into().expect("it is of the right length");
                    let key = EncapsulationKey::<ml_kem::$set>::new(key).expect("it is valid");
                    let (ciphertext, shared) =
                        key.encapsulate_deterministic(&(*randomness.as_bytes()).into());
                    (
                        ciphertext.as_slice().into(),
                        Secret::filled_by(|out| out.copy_from_slice(&shared)),
                    )
                })
            }

            // It does not panic: the caller has seen to the key or the ciphertext.
            fn decapsulate(seed: &Secret<64>, ciphertext: &[u8]) -> Secret<32> {
                wiping_used_stack::<USED_STACK, _>(|| {
                    let ciphertext = ciphertext.try_into().expect("it is of the right length");
                    let key =
                        DecapsulationKey::<ml_kem::$set>::from_seed((*seed.as_bytes()).into());
                    let shared = key.decapsulate(ciphertext);
                    Secret::filled_by(|out| out.copy_from_slice(&shared))
                })
            }
        }
    };
}

implement!(MlKem768, 1_184, 1_088);
implement!(MlKem1024, 1_568, 1_568);
