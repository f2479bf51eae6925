//! Which encodings of the field of curve25519 are canonical.

/// 2^255 − 19, in the byte order of an encoded key.
const MODULUS: [u8; 32] = {
    let mut modulus = [0xff; 32];
    modulus[0] = 0xed;
    modulus[31] = 0x7f;
    modulus
};

/// Whether the bytes, read little-endian, are below 2^255 − 19. For public keys only: its time tells
/// where they differ from the modulus.
pub(crate) fn is_canonical(bytes: &[u8; 32]) -> bool {
    bytes.iter().rev().lt(MODULUS.iter().rev())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_below_the_modulus_are_canonical() {
        let mut largest = MODULUS;
        largest[0] -= 1;
        assert!(is_canonical(&largest));
        assert!(is_canonical(&[0; 32]));
        assert!(!is_canonical(&MODULUS));
        let mut high_bit = [0; 32];
        high_bit[31] = 0x80;
        assert!(!is_canonical(&high_bit));
        assert!(!is_canonical(&[0xff; 32]));
    }
}
