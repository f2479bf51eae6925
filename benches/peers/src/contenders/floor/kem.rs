//! ML-KEM (docs/protocol.md §2.1), by the crate that evanesce has: key pairs are expanded from seeds, d ‖ z.

/// The calls of one parameter set.
macro_rules! parameter_set {
    ($name:ident, $set:ident, $functions:ident, $key_length:literal, $ciphertext_length:literal) => {
        pub mod $name {
            pub const KEY: usize = $key_length;
            pub const CIPHERTEXT: usize = $ciphertext_length;

            #[cfg(not(feature = "libcrux"))]
            use ml_kem::kem::{Decapsulate, KeyExport};
            #[cfg(not(feature = "libcrux"))]
            use ml_kem::{DecapsulationKey, EncapsulationKey, $set};

            #[cfg(feature = "libcrux")]
            use libcrux_ml_kem::$functions;

            #[cfg(not(feature = "libcrux"))]
            pub fn generate(seed: &[u8; 64]) -> [u8; KEY] {
                let pair = DecapsulationKey::<$set>::from_seed((*seed).into());
                pair.encapsulation_key().to_bytes().into()
            }

            /// The key is checked, since there is no other way to have one.
            #[cfg(not(feature = "libcrux"))]
            pub fn encapsulate(
                key: &[u8; KEY],
                randomness: &[u8; 32],
            ) -> ([u8; CIPHERTEXT], [u8; 32]) {
                let key = EncapsulationKey::<$set>::new(key.into()).expect("generated");
                let (ciphertext, shared) = key.encapsulate_deterministic(&(*randomness).into());
                (ciphertext.into(), shared.into())
            }

            #[cfg(not(feature = "libcrux"))]
            pub fn decapsulate(seed: &[u8; 64], ciphertext: &[u8; CIPHERTEXT]) -> [u8; 32] {
                let pair = DecapsulationKey::<$set>::from_seed((*seed).into());
                pair.decapsulate(ciphertext.into()).into()
            }

            #[cfg(feature = "libcrux")]
            pub fn generate(seed: &[u8; 64]) -> [u8; KEY] {
                *$functions::generate_key_pair(*seed).pk()
            }

            #[cfg(feature = "libcrux")]
            pub fn encapsulate(
                key: &[u8; KEY],
                randomness: &[u8; 32],
            ) -> ([u8; CIPHERTEXT], [u8; 32]) {
                let (ciphertext, shared) = $functions::encapsulate(&key.into(), *randomness);
                (*ciphertext.as_slice(), shared)
            }

            #[cfg(feature = "libcrux")]
            pub fn decapsulate(seed: &[u8; 64], ciphertext: &[u8; CIPHERTEXT]) -> [u8; 32] {
                let pair = $functions::generate_key_pair(*seed);
                $functions::decapsulate(pair.private_key(), &ciphertext.into())
            }
        }
    };
}

parameter_set!(ml_kem_768, MlKem768, mlkem768, 1_184, 1_088);
parameter_set!(ml_kem_1024, MlKem1024, mlkem1024, 1_568, 1_568);
