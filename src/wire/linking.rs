//! What a new device shows to be linked, and what it is offered (docs/protocol.md §17.6).

use alloc::vec::Vec;

use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader, write_length_prefixed};
use crate::wire::prekey_bundle::{IDENTITY_LENGTH, MAX_ADDRESS};

/// The only form of a code so far.
const FORM: u8 = 1;

/// A code as it is shown.
///
/// ```text
/// | form: 1 | secret: 32 | identity key: 64 | address length: 1 | address: 1 to 64 |
/// ```
pub(crate) struct CodeFields<'bytes> {
    pub(crate) secret: &'bytes [u8; 32],
    pub(crate) identity: &'bytes [u8; IDENTITY_LENGTH],
    pub(crate) address: &'bytes [u8],
}

impl<'bytes> CodeFields<'bytes> {
    pub(crate) fn decode(bytes: &'bytes [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORM {
            return Err(DecodeError::Unsupported);
        }
        let (secret, identity) = (reader.array()?, reader.array()?);
        let address = reader.length_prefixed()?;
        reader.finish()?;
        if address.is_empty() || address.len() > MAX_ADDRESS {
            return Err(DecodeError::Malformed);
        }
        Ok(Self { secret, identity, address })
    }

    /// How many bytes [`CodeFields::encode_into`] writes.
    pub(crate) fn encoded_length(&self) -> usize {
        self.address.len().saturating_add(1 + 32 + IDENTITY_LENGTH + 1)
    }

    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        let Self { secret, identity, address } = self;
        out.push(FORM);
        out.extend_from_slice(*secret);
        out.extend_from_slice(*identity);
        write_length_prefixed(out, address);
    }
}

/// What an owner offers.
///
/// ```text
/// | owner: 64 | added: 8 |
/// ```
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OfferFields {
    pub(crate) owner: [u8; IDENTITY_LENGTH],
    /// Since when the device is to be listed.
    pub(crate) added: Timestamp,
}

impl OfferFields {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let owner = *reader.array()?;
        let added = Timestamp::from_unix_seconds(reader.u64()?);
        reader.finish()?;
        Ok(Self { owner, added })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let Self { owner, added } = self;
        let mut bytes = owner.to_vec();
        bytes.extend_from_slice(&added.unix_seconds().to_be_bytes());
        bytes
    }
}
