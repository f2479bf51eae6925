//! What a device sends to its server.

use alloc::vec::Vec;

use crate::wire::codec::{DecodeError, Reader};
use crate::wire::prekey_bundle::{OneTimePreKeyPublic, PreKeyBundle, SignedPart};

/// Says that an upload's bytes are one, in this form: it adds to what was published before.
const UPLOAD_VERSION: u8 = 1;

/// The same, in place of all that was published before.
const REPLACING_VERSION: u8 = 2;

/// What a device publishes: its signed prekey, and one-time prekeys that are new. Between a device
/// and its own server, so an application may carry the parts in a form of its own.
///
/// ```text
/// | 1, or 2 in place of all before: 1 | signed part | one-time prekeys: 36 each, in suite 2 1668 |
/// ```
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Unchecked"))]
pub struct PreKeyUpload {
    pub(crate) signed_part: SignedPart,
    pub(crate) one_time_prekeys: Vec<OneTimePreKeyPublic>,
    pub(crate) replaces_all: bool,
}

impl PreKeyUpload {
    /// Takes an upload from its bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Malformed`] if they break the encoding or the one-time prekeys' ids do not
    /// ascend; [`DecodeError::Unsupported`] for another version or suite.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let replaces_all = match reader.u8()? {
            UPLOAD_VERSION => false,
            REPLACING_VERSION => true,
            _ => return Err(DecodeError::Unsupported),
        };
        let signed_part = SignedPart::read(&mut reader)?;
        let suite = signed_part.fields.key.suite();
        let mut one_time_prekeys = Vec::new();
        while !reader.rest().is_empty() {
            one_time_prekeys.push(OneTimePreKeyPublic::read(&mut reader, suite)?);
        }
        Self { signed_part, one_time_prekeys, replaces_all }.checked()
    }

    /// The check of all ways in: ids ascend, and all are of one suite.
    fn checked(self) -> Result<Self, DecodeError> {
        let ascend = self.one_time_prekeys.is_sorted_by(|prekey, next| prekey.id < next.id);
        let suite = self.signed_part.fields.key.suite();
        let are_of_it = self.one_time_prekeys.iter().all(|prekey| prekey.key.suite() == suite);
        if ascend && are_of_it { Ok(self) } else { Err(DecodeError::Malformed) }
    }

    /// The upload's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Self { signed_part, one_time_prekeys, replaces_all } = self;
        let version = if *replaces_all { REPLACING_VERSION } else { UPLOAD_VERSION };
        let mut bytes = Vec::from([version]);
        bytes.extend_from_slice(signed_part.as_bytes());
        for prekey in one_time_prekeys {
            prekey.write(&mut bytes);
        }
        bytes
    }

    /// A bundle without a one-time prekey. Verified, it tells the server which device the upload is of.
    #[must_use]
    pub fn bundle(&self) -> PreKeyBundle {
        PreKeyBundle { signed_part: self.signed_part.clone(), one_time_prekey: None }
    }

    /// The signed part of every bundle: a server appends to it (docs/protocol.md §3).
    #[must_use]
    pub fn signed_part(&self) -> &[u8] {
        self.signed_part.as_bytes()
    }

    /// Whether the server is to forget the one-time prekeys that it has of this device: what this brings takes their
    /// place.
    #[must_use]
    pub fn replaces_all(&self) -> bool {
        self.replaces_all
    }

    /// The one-time prekeys that are new, in ascending order of id.
    #[must_use]
    pub fn one_time_prekeys(&self) -> &[OneTimePreKeyPublic] {
        &self.one_time_prekeys
    }
}

/// Whose it is, and how much it brings.
impl core::fmt::Debug for PreKeyUpload {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { signed_part, one_time_prekeys, replaces_all } = self;
        let mut shown = formatter.debug_struct("PreKeyUpload");
        shown.field("signed_part", signed_part).field("one_time_prekeys", &one_time_prekeys.len());
        shown.field("replaces_all", replaces_all).finish()
    }
}

/// What serde reads of an upload.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    signed_part: SignedPart,
    one_time_prekeys: Vec<OneTimePreKeyPublic>,
    replaces_all: bool,
}

#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for PreKeyUpload {
    type Error = DecodeError;

    fn try_from(unchecked: Unchecked) -> Result<Self, DecodeError> {
        let Unchecked { signed_part, one_time_prekeys, replaces_all } = unchecked;
        Self { signed_part, one_time_prekeys, replaces_all }.checked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};
    use alloc::vec;
    use proptest::prelude::*;
    use proptest::sample::Index;

    /// Uploads of both suites with as many one-time prekeys, from the known answers, and how long each of those is.
    fn uploads(one_time_prekeys: u32) -> [(Vec<u8>, usize); 2] {
        let hybrid = known_answers::hybrid_section("bundle");
        let one_time = hybrid.iter().find_map(|case| case.optional_bytes("one_time")).unwrap();
        [(known_answers::section("bundle").remove(0), vec![9; 36]), (hybrid[0].clone(), one_time)]
            .map(|(case, mut one_time)| {
                let mut bytes = Vec::from([UPLOAD_VERSION]);
                bytes.extend(case.bytes("signed_part"));
                for id in 1..=one_time_prekeys {
                    one_time[..4].copy_from_slice(&id.to_be_bytes());
                    bytes.extend_from_slice(&one_time);
                }
                (bytes, one_time.len())
            })
    }

    #[test]
    fn vectors_upload_prefixes_are_malformed_but_between_two_prekeys() {
        for (bytes, prekey_length) in uploads(2) {
            for length in 0..bytes.len() {
                let whole = [1, 2].map(|left| bytes.len() - left * prekey_length).contains(&length);
                assert_eq!(PreKeyUpload::decode(&bytes[..length]).is_ok(), whole, "{length} bytes");
            }
        }
    }

    #[test]
    fn vectors_upload_with_ids_that_do_not_ascend_is_malformed() {
        for (mut bytes, prekey_length) in uploads(2) {
            assert!(PreKeyUpload::decode(&bytes).is_ok());
            let last = bytes.len() - prekey_length;
            for id in [0_u32, 1] {
                bytes[last..last + 4].copy_from_slice(&id.to_be_bytes());
                assert_eq!(PreKeyUpload::decode(&bytes), Err(DecodeError::Malformed));
            }
        }
    }

    proptest! {
        #[test]
        fn vectors_what_decodes_as_an_upload_is_the_only_encoding(
            suite in 0_usize..2,
            changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..4),
        ) {
            let (mut bytes, _) = uploads(3)[suite].clone();
            for (place, byte) in changes {
                *place.get_mut(&mut bytes) = byte;
            }
            if let Ok(upload) = PreKeyUpload::decode(&bytes) {
                prop_assert_eq!(upload.encode(), bytes);
            }
        }
    }
}
