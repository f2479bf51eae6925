//! What members' devices give each other, and ask each other for (docs/protocol.md §18.3, §18.5).

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::wire::codec::{DecodeError, Reader};
use crate::wire::group_message::Tag;

/// Bytes of a distribution.
pub(crate) const DISTRIBUTION_LENGTH: usize = 32 + 32 + 32 + 32 + 1 + 32;

/// A sender chain from one of its messages on, with the secret of the roster that is the head.
///
/// ```text
/// | group: 32 | roster: 32 | roster secret: 32 | chain's public key: 32 | number: 1 | chain key: 32 |
/// ```
#[derive(Clone, Copy)]
pub(crate) struct DistributionFields<'bytes> {
    pub(crate) group: &'bytes [u8; 32],
    pub(crate) roster: &'bytes [u8; 32],
    pub(crate) roster_secret: &'bytes [u8; 32],
    pub(crate) verifying_key: &'bytes [u8; 32],
    pub(crate) number: u8,
    pub(crate) chain_key: &'bytes [u8; 32],
}

impl<'bytes> DistributionFields<'bytes> {
    pub(crate) fn decode(bytes: &'bytes [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let (group, roster, roster_secret) = (reader.array()?, reader.array()?, reader.array()?);
        let (verifying_key, number, chain_key) = (reader.array()?, reader.u8()?, reader.array()?);
        reader.finish()?;
        Ok(Self { group, roster, roster_secret, verifying_key, number, chain_key })
    }

    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let Self { group, roster, roster_secret, verifying_key, number, chain_key } = self;
        let mut bytes = Zeroizing::new(Vec::with_capacity(DISTRIBUTION_LENGTH));
        for field in [group, roster, roster_secret, verifying_key] {
            bytes.extend_from_slice(*field);
        }
        bytes.push(*number);
        bytes.extend_from_slice(*chain_key);
        bytes
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WantKind {
    /// A chain, or the present one where no name is given.
    Chain,
    Roster,
    /// Another chain than this, which has forked.
    Renew,
}

/// ```text
/// | group: 32 | kind: 1 | tag: 8 | have: 8 |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WantFields {
    pub(crate) group: [u8; 32],
    pub(crate) kind: WantKind,
    /// Zeros: the present chain.
    pub(crate) tag: Tag,
    /// The asker's head; zeros if none is held.
    pub(crate) have: Tag,
}

impl WantKind {
    pub(crate) fn of_byte(byte: u8) -> Option<Self> {
        [Self::Chain, Self::Roster, Self::Renew].into_iter().find(|kind| kind.byte() == byte)
    }

    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Chain => 1,
            Self::Roster => 2,
            Self::Renew => 3,
        }
    }
}

impl WantFields {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let (group, kind) = (*reader.array()?, reader.u8()?);
        let kind = WantKind::of_byte(kind).ok_or(DecodeError::Malformed)?;
        let (tag, have) = (*reader.array()?, *reader.array()?);
        reader.finish()?;
        Ok(Self { group, kind, tag, have })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let Self { group, kind, tag, have } = self;
        [&group[..], &[kind.byte()], tag, have].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::aead::TAG_LENGTH;
    use crate::known_answers::{self, Fields};
    use crate::wire::content_parts::{ContentParts, PartKind};
    use crate::wire::header::SEALED_HEADER_LENGTH;
    use crate::wire::message::COMMITMENT_LENGTH;
    use crate::wire::padding::padded_length;
    use crate::wire::stamp::Stamp;

    #[test]
    fn vectors_distribution() {
        for case in known_answers::groups_section("distribution") {
            let (group, roster, verifying_key) =
                (case.array("group"), case.array("roster"), case.array("vk"));
            let (roster_secret, chain_key) = (case.array("rs"), case.array("ck"));
            let fields = DistributionFields {
                group: &group,
                roster: &roster,
                roster_secret: &roster_secret,
                verifying_key: &verifying_key,
                number: u8::try_from(case.number("n")).unwrap(),
                chain_key: &chain_key,
            };
            let bytes = case.bytes("distribution");
            assert_eq!((fields.encode().as_slice(), bytes.len()), (&*bytes, DISTRIBUTION_LENGTH));
            assert_eq!(DistributionFields::decode(&bytes).unwrap().encode().as_slice(), bytes);
            let mut parts = ContentParts::none();
            parts.push(PartKind::DISTRIBUTION, &bytes);
            let mut content = Vec::new();
            parts.encode_into(&mut content);
            Stamp::NONE.encode_into(&mut content);
            assert_eq!(content, case.bytes("content"));
            let beside = 1 + SEALED_HEADER_LENGTH + COMMITMENT_LENGTH + TAG_LENGTH;
            let length = padded_length(content.len()).unwrap() + beside;
            assert_eq!(length, usize::try_from(case.number("message_length")).unwrap());
        }
    }

    #[test]
    fn vectors_want() {
        for case in known_answers::groups_section("want") {
            let kind = WantKind::of_byte(u8::try_from(case.number("kind")).unwrap()).unwrap();
            let (group, tag, have) = (case.array("group"), case.array("tag"), case.array("have"));
            let want = WantFields { group, kind, tag, have };
            assert_eq!(want.encode(), case.bytes("want"));
            assert_eq!(WantFields::decode(&case.bytes("want")), Ok(want));
        }
    }
}
