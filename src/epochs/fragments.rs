//! What has come of a string that travels in fragments.

use alloc::vec;
use alloc::vec::Vec;

use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::control::{FRAGMENT_LENGTH, Run};

/// Fragments of a string of `COUNT` (k), 40 at most, each in its place. They are no secrets.
pub(crate) struct Fragments<const COUNT: u8> {
    /// Which are kept: one bit each.
    kept: u64,
    /// The string, with zeros where nothing has come; empty until something has.
    string: Vec<u8>,
}

impl<const COUNT: u8> Fragments<COUNT> {
    pub(crate) fn new() -> Self {
        const { assert!(COUNT <= 40, "a store has five bytes to say which are kept") };
        Self { kept: 0, string: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept == 0
    }

    /// Keeps the first copy of each.
    pub(crate) fn keep(&mut self, run: &Run<'_, COUNT>) {
        run.fragments().for_each(|(number, fragment)| self.put(number, fragment));
    }

    /// The string, once all of it is there.
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        (self.kept == Self::all()).then_some(&self.string)
    }

    fn put(&mut self, number: u8, fragment: &[u8; FRAGMENT_LENGTH]) {
        if self.string.is_empty() {
            self.string = vec![0; usize::from(COUNT).saturating_mul(FRAGMENT_LENGTH)];
        }
        let is_new = self.kept & bit(number) == 0;
        let mut places = self.string.chunks_exact_mut(FRAGMENT_LENGTH);
        if let Some(place) = places.nth(usize::from(number)).filter(|_| is_new) {
            place.copy_from_slice(fragment);
            self.kept |= bit(number);
        }
    }

    /// All bits that say that a fragment is kept.
    fn all() -> u64 {
        (0..COUNT).fold(0, |all, number| all | bit(number))
    }
}

/// Which are kept, one bit each, then these. All of them are never kept: they are used when the last comes.
impl<const COUNT: u8> Stored for Fragments<COUNT> {
    fn write(&self, out: &mut StateWriter) {
        let Self { kept, string } = self;
        let [_, _, _, bits @ ..] = kept.to_be_bytes();
        out.put(&bits);
        let numbered = (0..COUNT).zip(string.chunks_exact(FRAGMENT_LENGTH));
        let those_kept = numbered.filter(|(number, _)| kept & bit(*number) != 0);
        those_kept.for_each(|(_, fragment)| out.put(fragment));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [a, b, c, d, e] = *reader.array()?;
        let kept = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
        let all = Self::all();
        if kept & !all != 0 || kept == all {
            return Err(DecodeError::Malformed);
        }
        let mut fragments = Self::new();
        for number in (0..COUNT).filter(|number| kept & bit(*number) != 0) {
            fragments.put(number, reader.array()?);
        }
        Ok(fragments)
    }
}

fn bit(number: u8) -> u64 {
    1_u64.checked_shl(u32::from(number)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::control::KeyId;

    const ID: KeyId = KeyId(*b"name");

    fn written(fragments: &Fragments<35>) -> Vec<u8> {
        let mut out = StateWriter::new();
        fragments.write(&mut out);
        out.into_bytes().to_vec()
    }

    fn read(bytes: &[u8]) -> Option<Fragments<35>> {
        let mut reader = Reader::new(bytes);
        let fragments = Fragments::read(&mut reader).ok()?;
        reader.finish().ok()?;
        Some(fragments)
    }

    fn string() -> Vec<u8> {
        (0..35).flat_map(|number| [number; 32]).collect()
    }

    #[test]
    fn a_string_is_whole_when_its_last_fragment_has_come_in_whatever_order() {
        let string = string();
        let mut fragments = Fragments::<35>::new();
        assert!(fragments.is_empty());
        for step in 0..34 {
            fragments.keep(&Run::cut(&string, ID, (step * 6) % 35, 1));
            assert_eq!(fragments.whole(), None);
        }
        fragments.keep(&Run::cut(&string, ID, 29, 1));
        assert_eq!(fragments.whole(), Some(&*string));
    }

    #[test]
    fn the_first_copy_of_each_fragment_is_kept() {
        let string = string();
        let mut fragments = Fragments::<35>::new();
        fragments.keep(&Run::cut(&string, ID, 33, 4));
        fragments.keep(&Run::cut(&[0xff; 35 * 32], ID, 32, 6));
        fragments.keep(&Run::cut(&string, ID, 0, 35));
        let mut expected = string;
        expected[32 * 32..][..32].fill(0xff);
        expected[2 * 32..][..32].fill(0xff);
        assert_eq!(fragments.whole(), Some(&*expected));
    }

    #[test]
    fn stored_fragments_come_back_and_are_never_all() {
        let string = string();
        let mut fragments = Fragments::<35>::new();
        assert_eq!(written(&fragments), [0; 5]);
        fragments.keep(&Run::cut(&string, ID, 33, 4));
        let bytes = written(&fragments);
        assert_eq!(bytes[..5], [0b110, 0, 0, 0, 0b11]);
        assert_eq!(bytes.len(), 5 + 4 * 32);
        assert_eq!(written(&read(&bytes).unwrap()), bytes);
        assert!(read(&bytes[..bytes.len() - 1]).is_none());
        // A thirty-sixth, and all thirty-five.
        assert!(read(&[&[0b1000, 0, 0, 0, 0][..], &[7; 32]].concat()).is_none());
        assert!(read(&[&[0b111, 0xff, 0xff, 0xff, 0xff][..], &string].concat()).is_none());
        assert!(read(&[&[0b111, 0xff, 0xff, 0xff, 0xfe][..], &string[32..]].concat()).is_some());
    }
}
