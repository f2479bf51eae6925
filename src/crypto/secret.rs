//! The one type that holds secret bytes.

use alloc::boxed::Box;
use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// `N` secret bytes: wiped when dropped, never copied or cloned by accident, compared in constant
/// time, and shown by `Debug` as nothing.
pub(crate) struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Makes the secret where it will live, so that no other copy has to be wiped.
    pub(crate) fn filled_by(fill: impl FnOnce(&mut [u8; N])) -> Self {
        let mut secret = Self([0; N]);
        fill(&mut secret.0);
        secret
    }

    /// Fills it anew, where it lives.
    pub(crate) fn fill(&mut self, fill: impl FnOnce(&mut [u8; N])) {
        fill(&mut self.0);
    }

    /// The same on the heap, where it stays however often its owner moves: on the stack each move would leave a copy.
    pub(crate) fn boxed_and_filled_by<Filled>(
        fill: impl FnOnce(&mut [u8; N]) -> Filled,
    ) -> (Box<Self>, Filled) {
        let mut secret = Box::new(Self([0; N]));
        let filled = fill(&mut secret.0);
        (secret, filled)
    }

    /// A second copy, for the few places where one secret must stand in two states for a moment.
    /// Not `Clone`, so that each of them is seen.
    pub(crate) fn duplicate(&self) -> Self {
        Self::filled_by(|out| out.copy_from_slice(&self.0))
    }

    /// Takes the secret out, leaving zeros where it was.
    pub(crate) fn take(&mut self) -> Self {
        let taken = self.duplicate();
        wipe(&mut self.0);
        taken
    }

    pub(crate) fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }
}

/// Wipes bytes at once. An array as such is wiped byte by byte, and a message makes and drops a dozen secrets.
pub(crate) fn wipe(bytes: &mut [u8]) {
    bytes.zeroize();
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn debug_shows_nothing_of_a_secret() {
        let secret = Secret::<4>::filled_by(|out| *out = [222, 173, 190, 239]);
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }

    #[test]
    fn secrets_are_equal_only_when_every_byte_is() {
        let secret = |bytes: [u8; 32]| Secret::<32>::filled_by(|out| *out = bytes);
        assert_eq!(secret([7; 32]), secret([7; 32]));
        for position in 0..32 {
            let mut other = [7; 32];
            other[position] ^= 0x80;
            assert_ne!(secret([7; 32]), secret(other));
        }
    }

    #[test]
    fn taking_a_secret_leaves_zeros() {
        let mut secret = Secret::<32>::filled_by(|out| *out = [9; 32]);
        assert_eq!(secret.take().as_bytes(), &[9; 32]);
        assert_eq!(secret.as_bytes(), &[0; 32]);
    }
}
