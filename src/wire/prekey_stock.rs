//! What a server says that it has of a device's prekeys.

use alloc::vec::Vec;

#[cfg(feature = "serde")]
use crate::byte_string;
use crate::crypto::dh::DhPublicKey;
use crate::crypto::hash::sha256;
use crate::shown_bytes::ShortHex;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::prekey_bundle::IDENTITY_LENGTH;

/// Says that a stock's bytes are one, in this form.
const STOCK_VERSION: u8 = 1;

/// Separates digests of what is on offer from every other hash.
const OFFER_LABEL: &[u8] = b"evanesce/v1 prekeys on offer";

/// Separates digests of devices from every other hash.
const DEVICE_LABEL: &[u8] = b"evanesce/v1 device that published";

/// Which device has published, in few bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub(crate) struct DeviceDigest(
    #[cfg_attr(feature = "serde", serde(with = "crate::byte_string"))] pub(crate) [u8; 16],
);

/// Bytes of the longest encoding.
#[cfg(feature = "serde")]
const MAX_STOCK: usize = 50;

impl DeviceDigest {
    pub(crate) fn of(identity: &[u8; IDENTITY_LENGTH], address: &[u8]) -> Self {
        Self(first_half(&sha256(&[DEVICE_LABEL, identity, address])))
    }
}

fn first_half(hash: &[u8; 32]) -> [u8; 16] {
    let (half, _) = hash.split_first_chunk().unwrap_or((&[0; 16], &[]));
    *half
}

/// What a server has left of a device's prekeys, as the device asks it and gives it to
/// [`Account::maintain`](crate::Account::maintain). [`PublishedPreKeys::stock`](crate::server::PublishedPreKeys::stock)
/// makes it; other servers count the same (docs/protocol.md §14.2). It is the server's word: nothing proves it.
///
/// ```text
/// | version: 1 | device: 16 | signed prekey id: 4 | digest: 16 | one-time prekeys: 4 |
/// | 0, or 1 and the highest id: 4 | the lowest id: 4, if any is left |
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PreKeyStock {
    /// Whose prekeys they are: the first 16 bytes of a SHA-256 of identity and address.
    pub device: [u8; 16],
    /// The id of the signed prekey in its bundles; 0 if it has none.
    pub signed_prekey_id: u32,
    /// How many one-time prekeys are left.
    pub one_time_prekeys: u32,
    /// The lowest id of those that are left, if any is.
    pub lowest_id: Option<u32>,
    /// The highest id that it has had since it began, or began anew; `None` if it has had none.
    pub highest_id: Option<u32>,
    /// The first 16 bytes of a SHA-256 of what is on offer, so that other keys under the same ids are told.
    pub digest: [u8; 16],
}

impl PreKeyStock {
    /// What a server has that knows nothing of the device: it never did, or has lost everything.
    pub const NOTHING: Self = Self {
        device: [0; 16],
        signed_prekey_id: 0,
        one_time_prekeys: 0,
        lowest_id: None,
        highest_id: None,
        digest: [0; 16],
    };

    /// What is on offer: a signed prekey, and one-time prekeys in ascending order of id. Of each the X25519 half
    /// stands for both, since they are drawn together.
    pub(crate) fn of<'prekeys>(
        device: DeviceDigest,
        signed_prekey_id: u32,
        signed_prekey: &DhPublicKey,
        one_time_prekeys: impl Iterator<Item = (u32, &'prekeys DhPublicKey)>,
        highest_id: Option<u32>,
    ) -> Self {
        let (mut count, mut lowest_id, mut listed) = (0_u32, None, Vec::new());
        for (id, key) in one_time_prekeys {
            count = count.saturating_add(1);
            lowest_id = lowest_id.or(Some(id));
            listed.extend_from_slice(&id.to_be_bytes());
            listed.extend_from_slice(key.as_bytes());
        }
        let id = signed_prekey_id.to_be_bytes();
        let hash = sha256(&[OFFER_LABEL, &id, signed_prekey.as_bytes(), &listed]);
        Self {
            device: device.0,
            signed_prekey_id,
            one_time_prekeys: count,
            lowest_id,
            highest_id,
            digest: first_half(&hash),
        }
    }

    /// Takes a stock from its bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Malformed`] if they break the encoding, or more are left than there are ids from the lowest
    /// to the highest; [`DecodeError::Unsupported`] for another version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != STOCK_VERSION {
            return Err(DecodeError::Unsupported);
        }
        let device = *reader.array()?;
        let signed_prekey_id = reader.u32()?;
        let digest = *reader.array()?;
        let one_time_prekeys = reader.u32()?;
        let highest_id = if reader.flag()? { Some(reader.u32()?) } else { None };
        let lowest_id = if one_time_prekeys == 0 { None } else { Some(reader.u32()?) };
        reader.finish()?;
        let stock =
            Self { device, signed_prekey_id, one_time_prekeys, lowest_id, highest_id, digest };
        if stock.is_possible() { Ok(stock) } else { Err(DecodeError::Malformed) }
    }

    /// The stock's bytes: 42 to 50. One that cannot be does not decode again.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Self { device, signed_prekey_id, one_time_prekeys, lowest_id, highest_id, digest } =
            self;
        let mut bytes = Vec::from([STOCK_VERSION]);
        bytes.extend_from_slice(device);
        bytes.extend_from_slice(&signed_prekey_id.to_be_bytes());
        bytes.extend_from_slice(digest);
        bytes.extend_from_slice(&one_time_prekeys.to_be_bytes());
        bytes.push(u8::from(highest_id.is_some()));
        for id in highest_id.iter().chain(lowest_id) {
            bytes.extend_from_slice(&id.to_be_bytes());
        }
        bytes
    }

    /// Whether a server can have this: no more left than there are ids between the lowest and the highest.
    pub(crate) fn is_possible(&self) -> bool {
        match (self.one_time_prekeys, self.lowest_id, self.highest_id) {
            (0, None, _) => true,
            (count, Some(lowest), Some(highest)) => {
                count > 0
                    && highest
                        .checked_sub(lowest)
                        .is_some_and(|passed| passed >= count.saturating_sub(1))
            }
            (_, _, None) | (_, None, Some(_)) => false,
        }
    }
}

/// The digests in short.
impl core::fmt::Debug for PreKeyStock {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { device, signed_prekey_id, one_time_prekeys, lowest_id, highest_id, digest } =
            self;
        let mut shown = formatter.debug_struct("PreKeyStock");
        shown.field("device", &ShortHex::of(device)).field("signed_prekey_id", signed_prekey_id);
        shown.field("one_time_prekeys", one_time_prekeys).field("lowest_id", lowest_id);
        shown.field("highest_id", highest_id).field("digest", &ShortHex::of(digest)).finish()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for PreKeyStock {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        byte_string::serialize(&self.encode(), serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for PreKeyStock {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = byte_string::read(deserializer, MAX_STOCK)?;
        Self::decode(&bytes).map_err(serde::de::Error::custom)
    }
}
