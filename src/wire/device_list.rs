//! A person's signed list of devices, as it is sent (docs/protocol.md §17.2).

use alloc::vec::Vec;

#[cfg(feature = "serde")]
use crate::byte_string;
use crate::crypto::signature::SIGNATURE_LENGTH;
use crate::shown_bytes::ShortHex;
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader, write_length_prefixed};
use crate::wire::prekey_bundle::{IDENTITY_LENGTH, MAX_ADDRESS, MAX_LIFETIME};

/// The only form so far.
const FORM: u8 = 1;

/// How many devices a person has at most. It bounds what a list costs to verify, and how many messages one becomes.
pub(crate) const MAX_DEVICES: usize = 16;

/// Bytes before the entries: form, owner, version, lifetime, count.
const HEAD_LENGTH: usize = 1 + IDENTITY_LENGTH + 4 + 8 + 8 + 1;

/// Bytes of the longest list.
#[cfg(feature = "serde")]
const MAX_LENGTH: usize = HEAD_LENGTH
    + MAX_DEVICES * (1 + MAX_ADDRESS + IDENTITY_LENGTH + 8 + SIGNATURE_LENGTH)
    + SIGNATURE_LENGTH;

/// A list of devices as it was received: well formed, and otherwise a claim of whoever sent it.
/// [`DeviceList::verify`] makes a [`VerifiedList`](crate::person::VerifiedList) of it.
///
/// ```text
/// | form: 1 | owner: 64 | version: 4 | created: 8 | expires: 8 | count: 1 | entry | entry .. | signature: 64 |
/// entry: | address length: 1 | address: 1 to 64 | identity key: 64 | added: 8 | consent: 64 |
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceList {
    pub(crate) fields: ListFields,
    pub(crate) signature: [u8; SIGNATURE_LENGTH],
    /// As received, signature included: what is verified is what was sent, never a re-encoding.
    bytes: Vec<u8>,
}

/// What a list says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListFields {
    pub(crate) owner: [u8; IDENTITY_LENGTH],
    pub(crate) version: u32,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) entries: Vec<EntryFields>,
}

/// One device of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntryFields {
    pub(crate) address: Vec<u8>,
    pub(crate) identity: [u8; IDENTITY_LENGTH],
    pub(crate) added: Timestamp,
    pub(crate) consent: [u8; SIGNATURE_LENGTH],
}

impl DeviceList {
    /// Takes a list from its bytes: at most 3,366, and 456 of two devices with addresses of 16.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Unsupported`] for another form; [`DecodeError::Malformed`] if the bytes break the encoding, the
    /// order of the devices, their number, the version or the lifetime (docs/protocol.md §17.2).
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORM {
            return Err(DecodeError::Unsupported);
        }
        let owner = *reader.array()?;
        let version = reader.u32()?;
        let created = Timestamp::from_unix_seconds(reader.u64()?);
        let expires = Timestamp::from_unix_seconds(reader.u64()?);
        let count = usize::from(reader.u8()?);
        if !(1..=MAX_DEVICES).contains(&count) {
            return Err(DecodeError::Malformed);
        }
        let entries: Result<Vec<_>, _> =
            (0..count).map(|_| EntryFields::read(&mut reader)).collect();
        let signature = *reader.array()?;
        reader.finish()?;
        let fields = ListFields { owner, version, created, expires, entries: entries? };
        if !fields.are_sound() {
            return Err(DecodeError::Malformed);
        }
        Ok(Self { fields, signature, bytes: bytes.to_vec() })
    }

    /// The list's bytes, the same that were decoded.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    /// The bytes that the signature and the digest are of, without their labels.
    pub(crate) fn signed_bytes(&self) -> &[u8] {
        self.bytes.split_last_chunk::<SIGNATURE_LENGTH>().map_or(&[], |(signed, _)| signed)
    }

    /// What it says, and its bytes.
    pub(crate) fn into_parts(self) -> (ListFields, Vec<u8>) {
        let Self { fields, signature: _, bytes } = self;
        (fields, bytes)
    }
}

impl ListFields {
    /// All bytes before the signature. There are at most 16 entries.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let Self { owner, version, created, expires, entries } = self;
        let mut bytes = Vec::with_capacity(HEAD_LENGTH);
        bytes.push(FORM);
        bytes.extend_from_slice(owner);
        bytes.extend_from_slice(&version.to_be_bytes());
        bytes.extend_from_slice(&created.unix_seconds().to_be_bytes());
        bytes.extend_from_slice(&expires.unix_seconds().to_be_bytes());
        bytes.push(u8::try_from(entries.len()).unwrap_or(u8::MAX));
        entries.iter().for_each(|entry| entry.write(&mut bytes));
        bytes
    }

    /// Whether order, version and lifetime are what they have to be, and no identity is there twice.
    fn are_sound(&self) -> bool {
        let Self { owner: _, version, created, expires, entries } = self;
        let ascending = entries.iter().zip(entries.iter().skip(1));
        let in_order = ascending.into_iter().all(|(first, next)| first.address < next.address);
        let mut identities: Vec<_> = entries.iter().map(|entry| entry.identity).collect();
        identities.sort_unstable();
        identities.dedup();
        *version != 0
            && created < expires
            && *expires <= created.plus(MAX_LIFETIME)
            && in_order
            && identities.len() == entries.len()
    }
}

impl EntryFields {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let address = reader.length_prefixed()?;
        if address.is_empty() || address.len() > MAX_ADDRESS {
            return Err(DecodeError::Malformed);
        }
        let identity = *reader.array()?;
        let added = Timestamp::from_unix_seconds(reader.u64()?);
        Ok(Self { address: address.to_vec(), identity, added, consent: *reader.array()? })
    }

    fn write(&self, out: &mut Vec<u8>) {
        let Self { address, identity, added, consent } = self;
        write_length_prefixed(out, address);
        out.extend_from_slice(identity);
        out.extend_from_slice(&added.unix_seconds().to_be_bytes());
        out.extend_from_slice(consent);
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for DeviceList {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        byte_string::serialize(&self.bytes, serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for DeviceList {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = byte_string::read(deserializer, MAX_LENGTH)?;
        Self::decode(&bytes).map_err(serde::de::Error::custom)
    }
}

/// Whose it says it is, which version, and of how many devices.
impl core::fmt::Debug for DeviceList {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let ListFields { owner, version, created, expires, entries } = &self.fields;
        let mut shown = formatter.debug_struct("DeviceList");
        shown.field("owner", &ShortHex::of(owner)).field("version", version);
        shown.field("created", created).field("expires", expires);
        shown.field("devices", &entries.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};
    use proptest::prelude::*;
    use proptest::sample::Index;

    #[test]
    fn vectors_list_codec_comes_back_and_no_cut_of_one_decodes() {
        for case in known_answers::devices_section("list") {
            let mut bytes = case.bytes("list");
            let list = DeviceList::decode(&bytes).unwrap();
            assert_eq!(list.encode(), bytes);
            assert_eq!(list.signed_bytes(), list.fields.encode());
            for length in 0..bytes.len() {
                let cut = DeviceList::decode(&bytes[..length]);
                assert_eq!(cut, Err(DecodeError::Malformed));
            }
            bytes.push(0);
            assert_eq!(DeviceList::decode(&bytes), Err(DecodeError::Malformed));
        }
    }

    proptest! {
        #[test]
        fn vectors_what_decodes_as_a_list_is_the_only_encoding(
            case in any::<Index>(),
            changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..4),
        ) {
            let mut bytes = case.get(&known_answers::devices_section("list")).bytes("list");
            for (place, byte) in changes {
                *place.get_mut(&mut bytes) = byte;
            }
            if let Ok(list) = DeviceList::decode(&bytes) {
                let again = [list.fields.encode().as_slice(), &list.signature].concat();
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
