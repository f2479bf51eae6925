//! What travels inside a message before stamp and body: fragments of what an epoch needs (suite 2, docs/protocol.md §5.10).

use alloc::vec::Vec;

use crate::wire::codec::{DecodeError, Reader};
use crate::wire::padding::padded_length;

/// Fragments of an encapsulation key, ek (k).
pub(crate) const KEY_FRAGMENTS: u8 = 37;

/// Fragments of a ciphertext and what confirms it, ct ‖ confirm (k).
pub(crate) const CIPHERTEXT_FRAGMENTS: u8 = 35;

/// Bytes of them all.
pub(crate) const CIPHERTEXT_STRING_LENGTH: usize = 1_120;

/// Bytes of a fragment.
pub(crate) const FRAGMENT_LENGTH: usize = 32;

/// The first byte, by kind. Bit 7 is in no stamp, so contents of the two suites cannot be taken for each other.
const NOTHING: u8 = 0x80;
const ENCAPSULATION_KEY: u8 = 0xa0;
const CIPHERTEXT: u8 = 0xc0;

/// Bytes of a run before its fragments: count, first, id.
const RUN_HEAD_LENGTH: usize = 6;

/// How many fragments a message makes room for (want): as long as the peer answers, and afterwards.
const WANTED: u8 = 7;
const WANTED_UNHEARD: u8 = 1;

/// How many fragments more than the whole string go out at the full rate while the peer is silent.
const UNHEARD_EXCESS: u8 = 4;

/// What stands at the front of a content.
///
/// ```text
/// | kind: 1 |
/// | kind: 1 | count: 1 | first: 1 | id: 4 | fragments: count * 32 |
/// ```
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Control<'bytes> {
    /// Nothing.
    Nothing,
    /// Fragments of an encapsulation key (ek).
    EncapsulationKey(Run<'bytes, KEY_FRAGMENTS>),
    /// Fragments of a ciphertext and what confirms it (ct ‖ confirm).
    Ciphertext(Run<'bytes, CIPHERTEXT_FRAGMENTS>),
}

/// Names an encapsulation key: the first bytes of its hash (id).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyId(pub(crate) [u8; 4]);

/// Fragments of a string of `COUNT` (k), one after the other; the first follows on the last.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run<'bytes, const COUNT: u8> {
    /// Of the key that is sent or answered.
    pub(crate) id: KeyId,
    /// The number of the first.
    first: u8,
    /// From the first up to the string's end, at most.
    from_first: &'bytes [u8],
    /// Those that are left, from the string's start.
    from_start: &'bytes [u8],
}

impl<'bytes> Control<'bytes> {
    /// Takes a control from the front of a content, and leaves what follows.
    pub(crate) fn read(reader: &mut Reader<'bytes>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            NOTHING => Ok(Self::Nothing),
            ENCAPSULATION_KEY => Run::read(reader).map(Self::EncapsulationKey),
            CIPHERTEXT => Run::read(reader).map(Self::Ciphertext),
            _ => Err(DecodeError::Malformed),
        }
    }

    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nothing => out.push(NOTHING),
            Self::EncapsulationKey(run) => {
                out.push(ENCAPSULATION_KEY);
                run.encode_into(out);
            }
            Self::Ciphertext(run) => {
                out.push(CIPHERTEXT);
                run.encode_into(out);
            }
        }
    }
}

impl<'bytes, const COUNT: u8> Run<'bytes, COUNT> {
    /// `count` fragments of a string, which is `COUNT` of them, from `first` on and round.
    pub(crate) fn cut(string: &'bytes [u8], id: KeyId, first: u8, count: u8) -> Self {
        let wanted = bytes_of(count);
        let (before, rest) = string.split_at_checked(bytes_of(first)).unwrap_or_default();
        let from_first = rest.get(..wanted).unwrap_or(rest);
        let left = wanted.saturating_sub(from_first.len());
        let from_start = before.get(..left).unwrap_or(before);
        Self { id, first, from_first, from_start }
    }

    fn read(reader: &mut Reader<'bytes>) -> Result<Self, DecodeError> {
        let count = reader.u8()?;
        let first = reader.u8()?;
        if !(1..=COUNT).contains(&count) || first >= COUNT {
            return Err(DecodeError::Malformed);
        }
        let id = KeyId(*reader.array()?);
        let up_to_end = count.min(COUNT.saturating_sub(first));
        let from_first = reader.bytes(bytes_of(up_to_end))?;
        let from_start = reader.bytes(bytes_of(count.saturating_sub(up_to_end)))?;
        Ok(Self { id, first, from_first, from_start })
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        let Self { id: KeyId(id), first, from_first, from_start } = self;
        let count = self.fragments().fold(0_u8, |count, _| count.saturating_add(1));
        out.extend_from_slice(&[count, *first]);
        out.extend_from_slice(id);
        out.extend_from_slice(from_first);
        out.extend_from_slice(from_start);
    }

    /// Each with its number in the string.
    pub(crate) fn fragments(&self) -> impl Iterator<Item = (u8, &'bytes [u8; FRAGMENT_LENGTH])> {
        let from_first = (self.first..).zip(self.from_first.chunks_exact(FRAGMENT_LENGTH));
        let from_start = (0..).zip(self.from_start.chunks_exact(FRAGMENT_LENGTH));
        let numbered = from_first.chain(from_start);
        numbered.filter_map(|(number, fragment)| Some((number, fragment.first_chunk()?)))
    }
}

/// A content whose size is known to be allowed, with nothing in its control. Whether it is does not hang on what the
/// control will carry: fragments are never too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes of the content, the control's one byte among them (L − 1).
    content_length: usize,
    /// size(L)
    padded_length: usize,
}

/// What a message is going to carry, and how long that makes it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Load {
    /// How many fragments (c); with none the control says nothing.
    pub(crate) count: u8,
    /// How long the content is once padded (S).
    pub(crate) padded_length: usize,
}

impl Room {
    /// `length` is that of all behind the control; `None` if it is too large.
    pub(crate) fn before(length: usize) -> Option<Self> {
        let content_length = length.checked_add(1)?;
        Some(Self { content_length, padded_length: padded_length(content_length)? })
    }

    /// Carries nothing.
    pub(crate) fn unused(self) -> Load {
        Load { count: 0, padded_length: self.padded_length }
    }

    // docs/protocol.md §5.10, how many:
    //   want = 7 if unheard < k + 4, else 1
    //   S    = size(L + 6 + 32·want), or size(L) if that is above 16 MiB
    //   c    = min(k, floor((S − L − 6) / 32))
    /// Carries fragments of a string of `count` (k), of which `unheard` went out since the peer last began a chain. Some
    /// decide how large the message gets, and as many as fit then go with them.
    pub(crate) fn filled(self, count: u8, unheard: u32) -> Load {
        let Self { content_length, .. } = self;
        let want = if unheard < u32::from(unheard_limit(count)) { WANTED } else { WANTED_UNHEARD };
        let run_length = RUN_HEAD_LENGTH.saturating_add(bytes_of(want));
        let padded_length =
            padded_length(content_length.saturating_add(run_length)).unwrap_or(self.padded_length);
        // The end mark belongs to L.
        let taken = content_length.saturating_add(1).saturating_add(RUN_HEAD_LENGTH);
        let fitting = padded_length.saturating_sub(taken).checked_div(FRAGMENT_LENGTH).unwrap_or(0);
        Load {
            count: u8::try_from(fitting).map_or(count, |fitting| fitting.min(count)),
            padded_length,
        }
    }
}

impl Load {
    /// Bytes of the control.
    pub(crate) fn control_length(&self) -> usize {
        match self.count {
            0 => 1,
            count => bytes_of(count).saturating_add(RUN_HEAD_LENGTH).saturating_add(1),
        }
    }
}

/// From so many unheard fragments on a string of `count` goes slowly. More need not be counted.
pub(crate) const fn unheard_limit(count: u8) -> u8 {
    count.saturating_add(UNHEARD_EXCESS)
}

fn bytes_of(fragments: u8) -> usize {
    usize::from(fragments).saturating_mul(FRAGMENT_LENGTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::kem::{MlKem768, ParameterSet};
    use crate::known_answers::{self, Fields};
    use crate::wire::padding::MAX_PADDED;
    use proptest::prelude::*;

    fn encoded(control: &Control<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        control.encode_into(&mut out);
        out
    }

    fn read(content: &[u8]) -> Result<(Control<'_>, &[u8]), DecodeError> {
        let mut reader = Reader::new(content);
        let control = Control::read(&mut reader)?;
        Ok((control, reader.rest()))
    }

    fn numbered<const COUNT: u8>(run: &Run<'_, COUNT>) -> Vec<(u8, [u8; 32])> {
        run.fragments().map(|(number, fragment)| (number, *fragment)).collect()
    }

    fn small(case: &serde_json::Value, name: &str) -> u8 {
        u8::try_from(case.number(name)).unwrap()
    }

    fn fragments_of(kind: u8) -> u8 {
        match kind {
            1 => KEY_FRAGMENTS,
            2 => CIPHERTEXT_FRAGMENTS,
            _ => panic!("kind {kind}"),
        }
    }

    /// A control of any kind, cut out of a string.
    fn cut(kind: u8, string: &[u8], id: KeyId, first: u8, count: u8) -> Control<'_> {
        assert_eq!(string.len(), bytes_of(fragments_of(kind)));
        match kind {
            1 => Control::EncapsulationKey(Run::cut(string, id, first, count)),
            2 => Control::Ciphertext(Run::cut(string, id, first, count)),
            _ => panic!("kind {kind}"),
        }
    }

    #[test]
    fn vectors_control() {
        for case in known_answers::hybrid_section("control") {
            let string = case.optional_bytes("string").unwrap_or_default();
            let control = match small(&case, "kind") {
                0 => Control::Nothing,
                kind => {
                    let (first, count) = (small(&case, "first"), small(&case, "count"));
                    let control = cut(kind, &string, KeyId(case.array("id")), first, count);
                    let fragments = match &control {
                        Control::Nothing => Vec::new(),
                        Control::EncapsulationKey(run) => numbered(run),
                        Control::Ciphertext(run) => numbered(run),
                    };
                    let expected: Vec<(u8, [u8; 32])> = (0..count)
                        .map(|place| (first + place) % fragments_of(kind))
                        .map(|number| {
                            (number, string[bytes_of(number)..][..32].try_into().unwrap())
                        })
                        .collect();
                    assert_eq!(fragments, expected);
                    control
                }
            };
            let mut content = encoded(&control);
            assert_eq!(content, case.bytes("control"));
            content.extend_from_slice(b"what follows");
            assert_eq!(read(&content), Ok((control, b"what follows".as_slice())), "{case}");
        }
    }

    #[test]
    fn vectors_control_malformed() {
        for case in known_answers::hybrid_section("control_malformed") {
            assert_eq!(read(&case.bytes("content")), Err(DecodeError::Malformed), "{case}");
        }
    }

    #[test]
    fn vectors_run() {
        for case in known_answers::hybrid_section("run") {
            let length = usize::try_from(case.number("content_length")).unwrap();
            let unheard = u32::try_from(case.number("unheard")).unwrap();
            let load =
                Room::before(length).unwrap().filled(fragments_of(small(&case, "kind")), unheard);
            let padded_length = usize::try_from(case.number("m_length")).unwrap();
            assert_eq!(load, Load { count: small(&case, "count"), padded_length }, "{case}");
        }
    }

    #[test]
    fn strings_are_whole_numbers_of_fragments() {
        assert_eq!(bytes_of(CIPHERTEXT_FRAGMENTS), CIPHERTEXT_STRING_LENGTH);
        assert_eq!(bytes_of(CIPHERTEXT_FRAGMENTS), MlKem768::CIPHERTEXT_LENGTH + 32);
        assert_eq!(bytes_of(KEY_FRAGMENTS), MlKem768::ENCAPSULATION_KEY_LENGTH);
    }

    #[test]
    fn only_what_stands_behind_a_control_can_be_too_large() {
        let room = Room::before(MAX_PADDED - 2).unwrap();
        assert_eq!(room.unused(), Load { count: 0, padded_length: MAX_PADDED });
        assert_eq!(room.filled(KEY_FRAGMENTS, 0), room.unused());
        assert_eq!(Room::before(MAX_PADDED - 1), None);
        assert_eq!(Room::before(usize::MAX), None);
    }

    #[test]
    fn every_cut_of_a_control_is_malformed() {
        let string = [7; 37 * 32];
        let whole = encoded(&cut(1, &string, KeyId(*b"name"), 36, 3));
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length]), Err(DecodeError::Malformed));
        }
        assert!(read(&whole).is_ok());
    }

    fn any_run() -> impl Strategy<Value = (u8, Vec<u8>, u8, u8)> {
        (1_u8..=2).prop_flat_map(|kind| {
            let of = fragments_of(kind);
            (Just(kind), prop::collection::vec(any::<u8>(), bytes_of(of)), 0..of, 1..=of)
        })
    }

    proptest! {
        #[test]
        fn what_decodes_is_the_only_encoding(
            kind in prop::sample::select(&[0x80_u8, 0xa0, 0xc0, 0xe0, 0x00][..]),
            head in prop::collection::vec(0_u8..40, 6),
            rest in prop::collection::vec(any::<u8>(), 0..1_300),
        ) {
            let content = [&[kind][..], &head, &rest].concat();
            if let Ok((control, left)) = read(&content) {
                prop_assert_eq!([&encoded(&control), left].concat(), content);
            }
        }

        #[test]
        fn what_is_cut_comes_back_with_its_numbers((kind, string, first, count) in any_run()) {
            let control = cut(kind, &string, KeyId(*b"name"), first, count);
            let bytes = encoded(&control);
            let load = Load { count, padded_length: 0 };
            prop_assert_eq!(bytes.len(), load.control_length());
            prop_assert_eq!(read(&bytes), Ok((control, &[][..])));
        }

        #[test]
        fn a_run_fills_the_room_that_it_brings_about(
            length in prop_oneof![
                0_usize..3_000,
                0..MAX_PADDED - 1,
                MAX_PADDED - 1_000..MAX_PADDED - 1,
            ],
            kind in 1_u8..=2,
            unheard in 0_u32..50,
        ) {
            let of = fragments_of(kind);
            let room = Room::before(length).unwrap();
            let load = room.filled(of, unheard);
            prop_assert!(load.count <= of);
            // What is written fits, and is padded to just this length.
            let content_length = length + load.control_length();
            prop_assert_eq!(padded_length(content_length), Some(load.padded_length));
            if load.count < of {
                let run_head = if load.count == 0 { RUN_HEAD_LENGTH } else { 0 };
                let one_more = padded_length(content_length + run_head + FRAGMENT_LENGTH);
                prop_assert!(one_more.is_none_or(|length| length > load.padded_length));
            }
        }

        #[test]
        fn a_run_raises_a_message_no_more_than_it_may(
            length in 0_usize..MAX_PADDED - 1,
            short in 0_usize..1_022,
            kind in 1_u8..=2,
            unheard in 0_u32..50,
        ) {
            let of = fragments_of(kind);
            let is_slow = unheard >= u32::from(of) + 4;
            for length in [length, short] {
                let room = Room::before(length).unwrap();
                let raised = room.filled(of, unheard).padded_length;
                let wanted = if is_slow { 38 } else { 230 };
                let allowed = padded_length(length + 1 + wanted);
                prop_assert_eq!(raised, allowed.unwrap_or(room.unused().padded_length));
            }
            let room = Room::before(short).unwrap();
            let most = if is_slow { 64 } else { 256 };
            let raised = room.filled(of, unheard).padded_length;
            prop_assert!(raised <= room.unused().padded_length + most);
        }
    }
}
