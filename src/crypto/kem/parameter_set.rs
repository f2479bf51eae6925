//! What an implementation of ML-KEM gives, for one of its parameter sets.

use alloc::boxed::Box;

use crate::crypto::secret::Secret;

/// A parameter set of FIPS 203 §8.
pub(crate) trait ParameterSet {
    /// As many bytes as an encapsulation key has.
    type KeyBytes: AsRef<[u8]> + Clone + PartialEq;
    /// Bytes of an encapsulation key.
    const ENCAPSULATION_KEY_LENGTH: usize;
    /// Bytes of a ciphertext.
    const CIPHERTEXT_LENGTH: usize;
    /// The check of an encapsulation key (FIPS 203 §7.2): `None` if it is of another length, or one of its numbers is
    /// not below the modulus.
    fn checked(bytes: &[u8]) -> Option<Box<Self::KeyBytes>>;
    /// KeyGen_internal(d, z), of which only the public half is kept.
    fn encapsulation_key(seed: &Secret<64>) -> Box<Self::KeyBytes>;
    /// Encaps_internal(ek, m): the ciphertext, and the secret where it will stay. The key has been checked, or generated.
    fn encapsulate(
        key: &Self::KeyBytes,
        randomness: &Secret<32>,
        shared: &mut [u8; 32],
    ) -> Box<[u8]>;
    /// KeyGen_internal(d, z), then Decaps(dk, c): the public half, and the secret where it will stay. `None` if the
    /// ciphertext is of another length.
    fn decapsulate(
        seed: &Secret<64>,
        ciphertext: &[u8],
        shared: &mut [u8; 32],
    ) -> Option<Box<Self::KeyBytes>>;
}
