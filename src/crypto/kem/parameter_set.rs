//! What an implementation of ML-KEM gives, for one of its parameter sets.

use alloc::boxed::Box;

use crate::crypto::secret::Secret;

/// A parameter set of FIPS 203 §8.
pub(crate) trait ParameterSet {
    /// Bytes of an encapsulation key.
    const ENCAPSULATION_KEY_LENGTH: usize;
    /// Bytes of a ciphertext.
    const CIPHERTEXT_LENGTH: usize;
    /// FIPS 203 §7.2, the check of an encapsulation key: of the right length, each number below the modulus.
    fn is_valid(encapsulation_key: &[u8]) -> bool;
    /// KeyGen_internal(d, z), of which only the public half is kept.
    fn encapsulation_key(seed: &Secret<64>) -> Box<[u8]>;
    /// Encaps_internal(ek, m): the ciphertext and the shared secret. The key is valid.
    fn encapsulate(encapsulation_key: &[u8], randomness: &Secret<32>) -> (Box<[u8]>, Secret<32>);
    /// KeyGen_internal(d, z), then Decaps(dk, c). The ciphertext is of the right length.
    fn decapsulate(seed: &Secret<64>, ciphertext: &[u8]) -> Secret<32>;
}
