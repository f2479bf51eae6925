//! What a server hands out to whoever wants to write to a device.

use alloc::vec::Vec;
use core::time::Duration;

#[cfg(feature = "serde")]
use crate::byte_string;
#[cfg(feature = "serde")]
use crate::crypto::kem::{MlKem1024, ParameterSet};
use crate::crypto::signature::SIGNATURE_LENGTH;
use crate::shown_bytes::{ShortHex, ShortText, shown_in_part};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader, VERSION, write_length_prefixed};
use crate::wire::prekey_public::PreKeyPublic;
use crate::wire::suite::Suite;

/// How long a signed prekey may be valid at most: 90 days, so that a server cannot hand out an old
/// one for years.
pub(crate) const MAX_LIFETIME: Duration = Duration::from_secs(90 * 86_400);

/// Bytes of an identity key: the Ed25519 half, then the X25519 half.
pub(crate) const IDENTITY_LENGTH: usize = 64;

/// Bytes of the longest address.
pub(crate) const MAX_ADDRESS: usize = 64;

/// Bytes of the longest signed part.
#[cfg(feature = "serde")]
const MAX_SIGNED_PART: usize = 2
    + IDENTITY_LENGTH
    + 1
    + MAX_ADDRESS
    + 4
    + 32
    + MlKem1024::ENCAPSULATION_KEY_LENGTH
    + 8
    + 8
    + SIGNATURE_LENGTH;

/// A prekey bundle as it was received: well formed, and otherwise a claim of whoever sent it.
/// [`PreKeyBundle::verify`] makes a [`VerifiedBundle`](crate::VerifiedBundle) of it.
///
/// ```text
/// | signed part | 0 |
/// | signed part | 1 | one-time prekey: 36, in suite 2 1668 |
/// ```
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Unchecked"))]
pub struct PreKeyBundle {
    pub(crate) signed_part: SignedPart,
    pub(crate) one_time_prekey: Option<OneTimePreKeyPublic>,
}

/// What serde reads of a bundle.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    signed_part: SignedPart,
    #[serde(deserialize_with = "Option::deserialize")]
    one_time_prekey: Option<OneTimePreKeyPublic>,
}

#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for PreKeyBundle {
    type Error = DecodeError;

    fn try_from(unchecked: Unchecked) -> Result<Self, DecodeError> {
        let Unchecked { signed_part, one_time_prekey } = unchecked;
        let bundle = Self { signed_part, one_time_prekey };
        if bundle.is_of_one_suite() { Ok(bundle) } else { Err(DecodeError::Malformed) }
    }
}

impl PreKeyBundle {
    /// Takes a bundle from its bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Malformed`] if they break the encoding (docs/protocol.md §3), the lifetime
    /// included; [`DecodeError::Unsupported`] for another version or suite.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let signed_part = SignedPart::read(&mut reader)?;
        let suite = signed_part.fields.key.suite();
        let one_time_prekey = if reader.flag()? {
            Some(OneTimePreKeyPublic::read(&mut reader, suite)?)
        } else {
            None
        };
        reader.finish()?;
        Ok(Self { signed_part, one_time_prekey })
    }

    /// Whether the one-time prekey is what the signed part's suite has. Were it of the other one, it would take the place
    /// of the key that is encapsulated to.
    pub(crate) fn is_of_one_suite(&self) -> bool {
        let suite = self.signed_part.fields.key.suite();
        self.one_time_prekey.as_ref().is_none_or(|prekey| {
            prekey.key.suite() == suite && prekey.signature.is_some() == (suite == Suite::Hybrid)
        })
    }

    /// The bundle's bytes, the same that were decoded.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Self { signed_part, one_time_prekey } = self;
        let mut bytes = signed_part.bytes.clone();
        match one_time_prekey {
            None => bytes.push(0),
            Some(prekey) => {
                bytes.push(1);
                prekey.write(&mut bytes);
            }
        }
        bytes
    }
}

/// The part of a bundle that the device signed.
///
/// ```text
/// | version: 1 | suite: 1 | identity key: 64 | address length: 1 | address: 1 to 64 |
/// | id: 4 | prekey: 32, in suite 2 1600 | created: 8 | expires: 8 | signature: 64 |
/// ```
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SignedPart {
    pub(crate) fields: SignedFields,
    pub(crate) signature: [u8; SIGNATURE_LENGTH],
    /// As received, signature included: what is verified is what was sent, never a re-encoding.
    bytes: Vec<u8>,
}

/// What a signed part says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedFields {
    pub(crate) identity: [u8; IDENTITY_LENGTH],
    pub(crate) address: Vec<u8>,
    pub(crate) id: u32,
    pub(crate) key: PreKeyPublic,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
}

impl SignedFields {
    /// All bytes of the signed part before the signature.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let Self { identity, address, id, key, created, expires } = self;
        let mut bytes = Vec::from([VERSION, key.suite().byte()]);
        bytes.extend_from_slice(identity);
        write_length_prefixed(&mut bytes, address);
        bytes.extend_from_slice(&id.to_be_bytes());
        key.write(&mut bytes);
        bytes.extend_from_slice(&created.unix_seconds().to_be_bytes());
        bytes.extend_from_slice(&expires.unix_seconds().to_be_bytes());
        bytes
    }
}

impl SignedPart {
    pub(crate) fn new(fields: SignedFields, signature: [u8; SIGNATURE_LENGTH]) -> Self {
        let mut bytes = fields.encode();
        bytes.extend_from_slice(&signature);
        Self { fields, signature, bytes }
    }

    /// Reads a signed part from the front of a bundle or an upload.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = reader.rest();
        if reader.u8()? != VERSION {
            return Err(DecodeError::Unsupported);
        }
        let suite = reader.suite()?;
        let identity = *reader.array()?;
        let address = reader.length_prefixed()?;
        if address.is_empty() || address.len() > MAX_ADDRESS {
            return Err(DecodeError::Malformed);
        }
        let id = reader.u32()?;
        let key = PreKeyPublic::read(reader, suite)?;
        let created = Timestamp::from_unix_seconds(reader.u64()?);
        let expires = Timestamp::from_unix_seconds(reader.u64()?);
        let signature = *reader.array()?;
        if expires <= created || expires > created.plus(MAX_LIFETIME) {
            return Err(DecodeError::Malformed);
        }
        let length = start.len().saturating_sub(reader.rest().len());
        let bytes = start.get(..length).ok_or(DecodeError::Malformed)?.to_vec();
        let fields =
            SignedFields { identity, address: address.to_vec(), id, key, created, expires };
        Ok(Self { fields, signature, bytes })
    }

    /// The bytes, signature included.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes that the signature is of, without their label.
    pub(crate) fn signed_bytes(&self) -> &[u8] {
        self.bytes.split_last_chunk::<SIGNATURE_LENGTH>().map_or(&[], |(signed, _)| signed)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for SignedPart {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        byte_string::serialize(&self.bytes, serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for SignedPart {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = byte_string::read(deserializer, MAX_SIGNED_PART)?;
        let mut reader = Reader::new(&bytes);
        let signed_part = Self::read(&mut reader).map_err(serde::de::Error::custom)?;
        reader.finish().map_err(serde::de::Error::custom)?;
        Ok(signed_part)
    }
}

/// The public half of a one-time prekey (OPK, in suite 2 KOPK too). In suite 1 it is not signed, as in X3DH; in suite 2
/// it is, since initiators encapsulate to it alone.
///
/// ```text
/// | id: 4 | prekey: 32 |
/// | id: 4 | prekey: 1600 | signature: 64 |
/// ```
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(into = "Parts", try_from = "Parts"))]
pub struct OneTimePreKeyPublic {
    pub(crate) id: u32,
    pub(crate) key: PreKeyPublic,
    /// In suite 2.
    pub(crate) signature: Option<[u8; SIGNATURE_LENGTH]>,
}

impl OneTimePreKeyPublic {
    /// Its number, which its device never uses again.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Its bytes: 36, in suite 2 1,668.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let Self { id: _, key: _, signature } = self;
        self.write_unsigned(out);
        signature.iter().for_each(|signature| out.extend_from_slice(signature));
    }

    /// All bytes before the signature.
    pub(crate) fn write_unsigned(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.to_be_bytes());
        self.key.write(out);
    }

    pub(crate) fn read(reader: &mut Reader<'_>, suite: Suite) -> Result<Self, DecodeError> {
        let id = reader.u32()?;
        Self::read_behind_id(id, reader, suite)
    }

    fn read_behind_id(id: u32, reader: &mut Reader<'_>, suite: Suite) -> Result<Self, DecodeError> {
        let key = PreKeyPublic::read(reader, suite)?;
        let signature = match suite {
            Suite::Classical => None,
            Suite::Hybrid => Some(*reader.array()?),
        };
        Ok(Self { id, key, signature })
    }
}

// A signature is long, and tells nobody anything.
shown_in_part!(OneTimePreKeyPublic { id, key });

/// What serde has of it: its id, and all of its bytes behind that.
#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    id: u32,
    #[serde(with = "byte_string")]
    key: BehindId,
}

/// 32 bytes, in suite 2 1,664.
#[cfg(feature = "serde")]
struct BehindId(Vec<u8>);

#[cfg(feature = "serde")]
impl AsRef<[u8]> for BehindId {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(feature = "serde")]
impl byte_string::ByteString for BehindId {
    const LONGEST: usize = 32 + MlKem1024::ENCAPSULATION_KEY_LENGTH + SIGNATURE_LENGTH;

    fn from_bytes(bytes: zeroize::Zeroizing<Vec<u8>>) -> Option<Self> {
        Vec::from_bytes(bytes).map(Self)
    }
}

#[cfg(feature = "serde")]
impl From<OneTimePreKeyPublic> for Parts {
    fn from(prekey: OneTimePreKeyPublic) -> Self {
        let bytes = prekey.encode();
        Self { id: prekey.id, key: BehindId(bytes.get(4..).unwrap_or_default().to_vec()) }
    }
}

#[cfg(feature = "serde")]
impl TryFrom<Parts> for OneTimePreKeyPublic {
    type Error = DecodeError;

    fn try_from(parts: Parts) -> Result<Self, DecodeError> {
        let Parts { id, key: BehindId(bytes) } = parts;
        let suite = if bytes.len() == 32 { Suite::Classical } else { Suite::Hybrid };
        let mut reader = Reader::new(&bytes);
        let prekey = Self::read_behind_id(id, &mut reader, suite)?;
        reader.finish()?;
        Ok(prekey)
    }
}

/// Whose it is, and which prekeys it has.
impl core::fmt::Debug for PreKeyBundle {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { signed_part, one_time_prekey } = self;
        let one_time_id = one_time_prekey.as_ref().map(OneTimePreKeyPublic::id);
        let mut shown = formatter.debug_struct("PreKeyBundle");
        shown.field("signed_part", signed_part).field("one_time_id", &one_time_id).finish()
    }
}

/// What it says, of the identity the first bytes.
impl core::fmt::Debug for SignedPart {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let SignedFields { identity, address, id, key: _, created, expires } = &self.fields;
        let mut shown = formatter.debug_struct("SignedPart");
        shown.field("address", &ShortText(address)).field("identity", &ShortHex::of(identity));
        shown.field("signed_id", id).field("created", created).field("expires", expires).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};
    use alloc::vec;
    use proptest::prelude::*;
    use proptest::sample::Index;

    /// Signed parts of both suites, and whole bundles.
    fn bundles() -> Vec<(Vec<u8>, Vec<u8>)> {
        let classical = known_answers::section("bundle").into_iter();
        let classical = classical.map(|case| (case.bytes("signed_part"), case.bytes("bundle")));
        let hybrid = known_answers::hybrid_section("bundle").into_iter().map(|case| {
            let signed_part = case.bytes("signed_part");
            let one_time =
                case.optional_bytes("one_time").map_or(vec![0], |it| [&[1], &it[..]].concat());
            (signed_part.clone(), [signed_part, one_time].concat())
        });
        classical.chain(hybrid).collect()
    }

    #[test]
    fn vectors_bundle_codec_comes_back() {
        for (signed_part, bytes) in bundles() {
            let bundle = PreKeyBundle::decode(&bytes).unwrap();
            assert_eq!(bundle.encode(), bytes);
            assert_eq!(bundle.signed_part.as_bytes(), signed_part);
            let fields = bundle.signed_part.fields.encode();
            assert_eq!(bundle.signed_part.signed_bytes(), fields);
        }
    }

    #[test]
    fn vectors_bundle_prefixes_and_extensions_are_malformed() {
        for (_, mut bytes) in bundles() {
            for length in 0..bytes.len() {
                assert_eq!(PreKeyBundle::decode(&bytes[..length]), Err(DecodeError::Malformed));
            }
            bytes.push(0);
            assert_eq!(PreKeyBundle::decode(&bytes), Err(DecodeError::Malformed));
        }
    }

    proptest! {
        #[test]
        fn vectors_what_decodes_as_a_bundle_is_the_only_encoding(
            case in any::<Index>(),
            changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..4),
        ) {
            let (_, mut bytes) = case.get(&bundles()).clone();
            for (place, byte) in changes {
                *place.get_mut(&mut bytes) = byte;
            }
            if let Ok(bundle) = PreKeyBundle::decode(&bytes) {
                prop_assert_eq!(bundle.encode(), bytes);
            }
        }
    }
}
