//! What of the library's own travels in a message before stamp and body (docs/protocol.md §17.1).

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::wire::codec::{Reader, leb128};

/// Says that parts follow. No stamp begins so: its opens would be malformed.
const PARTS_FOLLOW: u8 = 0x30;

/// How many parts a message carries at most. It bounds what one makes a receiver do.
const MAX_PARTS: usize = 64;

/// Lengths have at most four bytes of LEB128.
const MAX_LENGTH_BYTES: usize = 4;
const LENGTH_LIMIT: u64 = 1 << 28;

/// Bytes of a notice: two versions with their digests.
pub(crate) const NOTICE_LENGTH: usize = 72;

/// Bytes of a copy: the owner of whom it was sent to.
pub(crate) const COPY_LENGTH: usize = 64;

/// Bytes of an offer to link: the owner, and since when the device is to be listed.
pub(crate) const LINK_OFFER_LENGTH: usize = 72;

/// Bytes of a device's consent: a signature.
pub(crate) const LINK_CONSENT_LENGTH: usize = 64;

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartKind {
    /// A signed list of devices.
    List,
    /// A notice that asks for one.
    Asks,
    /// A notice that answers.
    Answers,
    /// Of a message that was sent to another person.
    Copy,
    LinkOffer,
    LinkConsent,
    /// What happened on an own device.
    Events,
    /// It is acted on by the group that it is of.
    OfGroups(GroupPartKind),
    /// Of a later release: it is skipped.
    Unknown(u8),
}

/// What a part is that is of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum GroupPartKind {
    Roster,
    /// Title and picture.
    About,
    /// A device's chain, and the roster's secret.
    Distribution,
    /// Asks for what is missing.
    Want,
    /// Somebody leaves.
    Leave,
}

impl GroupPartKind {
    fn of_byte(byte: u8) -> Option<Self> {
        let all = [Self::Roster, Self::About, Self::Distribution, Self::Want, Self::Leave];
        all.into_iter().find(|kind| kind.byte() == byte)
    }

    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Roster => 0x10,
            Self::About => 0x11,
            Self::Distribution => 0x12,
            Self::Want => 0x13,
            Self::Leave => 0x14,
        }
    }
}

impl PartKind {
    pub(crate) const ROSTER: Self = Self::OfGroups(GroupPartKind::Roster);
    pub(crate) const ABOUT: Self = Self::OfGroups(GroupPartKind::About);
    pub(crate) const DISTRIBUTION: Self = Self::OfGroups(GroupPartKind::Distribution);
    pub(crate) const WANT: Self = Self::OfGroups(GroupPartKind::Want);
    pub(crate) const LEAVE: Self = Self::OfGroups(GroupPartKind::Leave);

    pub(crate) fn of_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => return None,
            1 => Self::List,
            2 => Self::Asks,
            3 => Self::Answers,
            4 => Self::Copy,
            5 => Self::LinkOffer,
            6 => Self::LinkConsent,
            8 => Self::Events,
            _ => GroupPartKind::of_byte(byte).map_or(Self::Unknown(byte), Self::OfGroups),
        })
    }

    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::List => 1,
            Self::Asks => 2,
            Self::Answers => 3,
            Self::Copy => 4,
            Self::LinkOffer => 5,
            Self::LinkConsent => 6,
            Self::Events => 8,
            Self::OfGroups(kind) => kind.byte(),
            Self::Unknown(byte) => byte,
        }
    }

    /// How long it has to be; `None` if that is judged elsewhere.
    fn length(self) -> Option<usize> {
        match self {
            Self::Asks | Self::Answers => Some(NOTICE_LENGTH),
            Self::Copy => Some(COPY_LENGTH),
            Self::LinkOffer => Some(LINK_OFFER_LENGTH),
            Self::LinkConsent => Some(LINK_CONSENT_LENGTH),
            Self::List | Self::Events | Self::OfGroups(_) | Self::Unknown(_) => None,
        }
    }
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part<'bytes> {
    pub(crate) kind: PartKind,
    pub(crate) bytes: &'bytes [u8],
}

impl<'bytes> Part<'bytes> {
    fn read(reader: &mut Reader<'bytes>) -> Option<Self> {
        let kind = PartKind::of_byte(reader.u8().ok()?)?;
        let bytes = read_measured(reader)?;
        let fits = kind.length().is_none_or(|length| length == bytes.len());
        fits.then_some(Self { kind, bytes })
    }
}

/// The parts of a message, in ascending order of their types; those of groups are keys. Ordinary messages have none,
/// and no byte of them.
///
/// ```text
/// | 0x30 | length: 1 to 4 | part | part .. |
/// part: | type: 1 | length: 1 to 4 | bytes |
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct ContentParts {
    /// All behind the length of them all. An ordinary message has no buffer: to wipe an empty one takes longer, where the
    /// processor has masked stores, than much of encrypting does.
    bytes: Option<Zeroizing<Vec<u8>>>,
}

impl ContentParts {
    /// Of an ordinary message.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.as_ref().map_or(&[], |bytes| bytes.as_slice())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// Adds one behind the others. Whoever calls keeps to ascending types, to the length of each, and to the number.
    pub(crate) fn push(&mut self, kind: PartKind, bytes: &[u8]) {
        let held = self.with_room(bytes.len().saturating_add(1 + MAX_LENGTH_BYTES));
        held.push(kind.byte());
        held.extend(length_of(bytes));
        held.extend_from_slice(bytes);
    }

    /// These and those, none of which are of a lower type than the last of these.
    pub(crate) fn and(mut self, later: &Self) -> Self {
        if !later.is_empty() {
            let last = self.iter().last().map(|part| part.kind.byte());
            let next = later.iter().next().map(|part| part.kind.byte());
            debug_assert!(last <= next, "types do not descend");
            self.with_room(later.as_bytes().len()).extend_from_slice(later.as_bytes());
        }
        self
    }

    /// The buffer with room for so many bytes more. One that has to grow is copied and wiped, which a vector by itself
    /// would not do: parts of groups are keys.
    fn with_room(&mut self, more: usize) -> &mut Vec<u8> {
        let held = self.as_bytes();
        let length = held.len().saturating_add(more);
        let is_roomy = self.bytes.as_ref().is_some_and(|bytes| bytes.capacity() >= length);
        if !is_roomy {
            let mut grown = Vec::with_capacity(length);
            grown.extend_from_slice(held);
            self.bytes = Some(Zeroizing::new(grown));
        }
        self.bytes.get_or_insert_default()
    }

    /// In their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Part<'_>> {
        let mut reader = Reader::new(self.as_bytes());
        // They were read once when the message was taken apart, and end where nothing is left.
        core::iter::from_fn(move || Part::read(&mut reader))
    }

    /// Takes parts from the front of a content, and leaves what follows; `None` if they are malformed. None at all are
    /// no bytes.
    pub(crate) fn split(content: &[u8]) -> Option<(Self, &[u8])> {
        let Some((&PARTS_FOLLOW, behind)) = content.split_first() else {
            return Some((Self::none(), content));
        };
        let mut reader = Reader::new(behind);
        let bytes = read_measured(&mut reader)?;
        check(bytes)?;
        Some((Self { bytes: Some(Zeroizing::new(bytes.to_vec())) }, reader.rest()))
    }

    /// Bytes before the stamp.
    pub(crate) fn encoded_length(&self) -> usize {
        if self.is_empty() {
            return 0;
        }
        let bytes = self.as_bytes();
        length_of(bytes).count().saturating_add(bytes.len()).saturating_add(1)
    }

    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        if !self.is_empty() {
            out.push(PARTS_FOLLOW);
            out.extend(length_of(self.as_bytes()));
            out.extend_from_slice(self.as_bytes());
        }
    }
}

/// Whether these are 1 to 64 parts that never descend.
fn check(parts: &[u8]) -> Option<()> {
    let mut reader = Reader::new(parts);
    let mut last = 0;
    for _ in 0..MAX_PARTS {
        let part = Part::read(&mut reader)?;
        let byte = part.kind.byte();
        if byte < last {
            return None;
        }
        last = byte;
        if reader.rest().is_empty() {
            return Some(());
        }
    }
    None
}

fn read_measured<'bytes>(reader: &mut Reader<'bytes>) -> Option<&'bytes [u8]> {
    let length = reader.leb128().ok().filter(|length| *length < LENGTH_LIMIT)?;
    reader.bytes(usize::try_from(length).ok()?).ok()
}

/// Nothing that is as long as four bytes can say is sent: a message ends at 16 MiB.
fn length_of(bytes: &[u8]) -> impl Iterator<Item = u8> {
    leb128(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
}

/// How many there are, and nothing of what they say.
impl core::fmt::Debug for ContentParts {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "{} parts", self.iter().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};
    use alloc::vec;
    use proptest::prelude::*;
    use serde_json::Value;

    fn kind(case: &Value) -> PartKind {
        PartKind::of_byte(u8::try_from(case.number("type")).unwrap()).unwrap()
    }

    fn written<'value>(parts: impl IntoIterator<Item = (PartKind, &'value [u8])>) -> ContentParts {
        let mut written = ContentParts::none();
        parts.into_iter().for_each(|(kind, bytes)| written.push(kind, bytes));
        written
    }

    fn encoded(parts: &ContentParts) -> Vec<u8> {
        let mut out = Vec::new();
        parts.encode_into(&mut out);
        assert_eq!(out.len(), parts.encoded_length());
        out
    }

    #[test]
    fn vectors_parts() {
        for case in known_answers::devices_section("parts") {
            known_answers::assert_fields(&case, &["content", "parts", "unknown", "stamp", "body"]);
            let content = case.bytes("content");
            let (parts, rest) = ContentParts::split(&content).unwrap();
            let expected: Vec<(PartKind, Vec<u8>)> = case["parts"]
                .as_array()
                .unwrap()
                .iter()
                .map(|part| (kind(part), part.bytes("bytes")))
                .collect();
            let read: Vec<_> = parts.iter().map(|part| (part.kind, part.bytes.to_vec())).collect();
            assert_eq!(read, expected, "{}", case["comment"]);
            let unknown: Vec<u8> = parts.iter().filter_map(unknown).collect();
            assert_eq!(serde_json::json!(unknown), case["unknown"]);
            let behind = [case.optional_bytes("stamp").unwrap_or_default(), case.bytes("body")];
            assert_eq!(rest, behind.concat());
            let again = written(expected.iter().map(|(kind, bytes)| (*kind, bytes.as_slice())));
            assert_eq!([encoded(&again).as_slice(), rest].concat(), content);
        }
    }

    fn unknown(part: Part<'_>) -> Option<u8> {
        matches!(part.kind, PartKind::Unknown(_)).then(|| part.kind.byte())
    }

    #[test]
    fn vectors_parts_malformed() {
        for case in known_answers::devices_section("parts_malformed") {
            known_answers::assert_fields(&case, &["content"]);
            assert_eq!(ContentParts::split(&case.bytes("content")), None, "{}", case["comment"]);
        }
    }

    #[test]
    fn vectors_parts_long() {
        for case in known_answers::devices_section("parts_long") {
            known_answers::assert_fields(
                &case,
                &["type", "bytes", "stamp", "body", "sha256", "length"],
            );
            let bytes = known_answers::long_bytes(&case["bytes"]);
            let mut content = encoded(&written([(kind(&case), bytes.as_slice())]));
            content.extend(case.bytes("stamp"));
            content.extend(case.bytes("body"));
            assert_eq!(content.len(), usize::try_from(case.number("length")).unwrap());
            let hash = crate::crypto::hash::sha256(&[&content]);
            assert_eq!(hash, case.array("sha256"));
            let (parts, rest) = ContentParts::split(&content).unwrap();
            assert_eq!(parts.iter().map(|part| part.bytes).collect::<Vec<_>>(), [bytes]);
            assert_eq!(rest, [case.bytes("stamp"), case.bytes("body")].concat());
        }
    }

    #[test]
    fn every_cut_of_parts_is_malformed() {
        let parts = written([(PartKind::List, &[7; 130][..]), (PartKind::Copy, &[8; 64])]);
        let whole = encoded(&parts);
        for length in 1..whole.len() {
            assert_eq!(ContentParts::split(&whole[..length]), None);
        }
        assert_eq!(ContentParts::split(&whole), Some((parts, &[][..])));
        assert_eq!(ContentParts::split(&[]), Some((ContentParts::none(), &[][..])));
    }

    proptest! {
        #[test]
        fn what_decodes_is_the_only_encoding(
            block in prop::collection::vec(0_u8..6, 0..40),
            rest in prop::collection::vec(any::<u8>(), 0..10),
        ) {
            let length = u8::try_from(block.len()).unwrap();
            let content = [&[PARTS_FOLLOW, length][..], &block, &rest].concat();
            if let Some((parts, behind)) = ContentParts::split(&content) {
                prop_assert_eq!([encoded(&parts).as_slice(), behind].concat(), content);
            }
        }

        #[test]
        fn what_is_written_comes_back(
            lists in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..4),
            body in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut parts = written(lists.iter().map(|list| (PartKind::List, list.as_slice())));
            parts.push(PartKind::Unknown(200), &[]);
            let content = [encoded(&parts), body.clone()].concat();
            prop_assert_eq!(ContentParts::split(&content), Some((parts.clone(), body.as_slice())));
            let read: Vec<Vec<u8>> = parts.iter().map(|part| part.bytes.to_vec()).collect();
            prop_assert_eq!(read, [lists, vec![Vec::new()]].concat());
        }
    }
}
