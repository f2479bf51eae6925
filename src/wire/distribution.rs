//! What members' devices give each other, and ask each other for (docs/protocol.md §18.3, §18.5).

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::wire::codec::{DecodeError, Reader};
use crate::wire::group_message::Tag;

/// Bytes of a distribution.
pub(crate) const DISTRIBUTION_LENGTH: usize = 32 + 32 + 32 + 32 + 1 + 32;

/// Bytes of a want.
pub(crate) const WANT_LENGTH: usize = 32 + 1 + 8 + 8;

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
    fn byte(self) -> u8 {
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
        let kinds = [WantKind::Chain, WantKind::Roster, WantKind::Renew];
        let kind = kinds.into_iter().find(|it| it.byte() == kind).ok_or(DecodeError::Malformed)?;
        let (tag, have) = (*reader.array()?, *reader.array()?);
        reader.finish()?;
        Ok(Self { group, kind, tag, have })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let Self { group, kind, tag, have } = self;
        [&group[..], &[kind.byte()], tag, have].concat()
    }
}
