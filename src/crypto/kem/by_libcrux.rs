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
            type KeyBytes = [u8; $key_length];
            const ENCAPSULATION_KEY_LENGTH: usize = $key_length;
            const CIPHERTEXT_LENGTH: usize = $ciphertext_length;

            fn checked(bytes: &[u8]) -> Option<Box<Self::KeyBytes>> {
                let key: &Self::KeyBytes = bytes.try_into().ok()?;
                $functions::validate_public_key(&key.into()).then(|| Box::new(*key))
            }

            fn encapsulation_key(seed: &Secret<64>) -> Box<Self::KeyBytes> {
                wiping_used_stack::<USED_STACK, _>(|| {
                    let pair = $functions::generate_key_pair(*seed.as_bytes());
                    Box::new(*pair.pk())
                })
            }

            fn encapsulate(
                key: &Self::KeyBytes,
                randomness: &Secret<32>,
                shared: &mut [u8; 32],
            ) -> Box<[u8]> {
                wiping_used_stack::<USED_STACK, _>(|| {
                    let (ciphertext, secret) =
                        $functions::encapsulate(&key.into(), *randomness.as_bytes());
                    shared.copy_from_slice(&secret);
                    ciphertext.as_slice().as_slice().into()
                })
            }

            fn decapsulate(
                seed: &Secret<64>,
                ciphertext: &[u8],
                shared: &mut [u8; 32],
            ) -> Option<Box<Self::KeyBytes>> {
                wiping_used_stack::<USED_STACK, _>(|| {
                    let ciphertext = ciphertext.try_into().ok()?;
                    let pair = $functions::generate_key_pair(*seed.as_bytes());
                    let secret = $functions::decapsulate(pair.private_key(), &ciphertext);
                    shared.copy_from_slice(&secret);
                    Some(Box::new(*pair.pk()))
                })
            }
        }
    };
}

implement!(MlKem768, mlkem768, 1_184, 1_088);
implement!(MlKem1024, mlkem1024, 1_568, 1_568);
