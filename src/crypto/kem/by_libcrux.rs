//! ML-KEM by the crate libcrux-ml-kem: formally verified in large part, and fast.
//!
//! It asks the processor which of its implementations to run. It wipes nothing, and encapsulates to any key.

use alloc::boxed::Box;

use libcrux_ml_kem::{mlkem768, mlkem1024};

use crate::crypto::kem::parameter_set::ParameterSet;
use crate::crypto::kem::used_stack::wiping_used_stack;
use crate::crypto::secret::Secret;

/// As much stack as it uses, with room to spare.
const USED_STACK: usize = 65_536;

/// ML-KEM-768, for epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MlKem768;

/// ML-KEM-1024, for handshakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MlKem1024;

macro_rules! implement {
    ($set:ident, $functions:ident, $key_length:literal, $ciphertext_length:literal) => {
        impl ParameterSet for $set {
            const ENCAPSULATION_KEY_LENGTH: usize = $key_length;
            const CIPHERTEXT_LENGTH: usize = $ciphertext_length;

            fn is_valid(encapsulation_key: &[u8]) -> bool {
                let key = encapsulation_key.try_into();
                key.is_ok_and(|key| $functions::validate_public_key(&key))
            }

            fn encapsulation_key(seed: &Secret<64>) -> Box<[u8]> {
                wiping_used_stack::<USED_STACK, _>(|| {
                    let pair = $functions::generate_key_pair(*seed.as_bytes());
                    pair.pk().as_slice().into()
                })
            }

            // It does not panic: the caller has seen to the key or the ciphertext.
            fn encapsulate(
                encapsulation_key: &[u8],
                randomness: &Secret<32>,
            ) -> (Box<[u8]>, Secret<32>) {
                wiping_used_stack::<USED_STACK, _>(|| {
                    let key = encapsulation_key.try_into().expect("it is of the right length");
                    let (ciphertext, shared) =
                        $functions::encapsulate(&key, *randomness.as_bytes());
                    (
                        ciphertext.as_slice().as_slice().into(),
                        Secret::filled_by(|out| out.copy_from_slice(&shared)),
                    )
                })
            }

            // It does not panic: the caller has seen to the key or the ciphertext.
            fn decapsulate(seed: &Secret<64>, ciphertext: &[u8]) -> Secret<32> {
                wiping_used_stack::<USED_STACK, _>(|| {
                    let ciphertext = ciphertext.try_into().expect("it is of the right length");
                    let pair = $functions::generate_key_pair(*seed.as_bytes());
                    let shared = $functions::decapsulate(pair.private_key(), &ciphertext);
                    Secret::filled_by(|out| out.copy_from_slice(&shared))
                })
            }
        }
    };
}

implement!(MlKem768, mlkem768, 1_184, 1_088);
implement!(MlKem1024, mlkem1024, 1_568, 1_568);
