//! The outermost shape of a message: the first thing that bytes meet.

use core::fmt;

use crate::crypto::aead::TAG_LENGTH;
use crate::crypto::dh::DhPublicKey;
use crate::crypto::kem::{MlKem1024, ParameterSet};
use crate::wire::codec::{DecodeError, Reader, VERSION};
use crate::wire::header::SEALED_HEADER_LENGTH;
use crate::wire::padding::MAX_PADDED;
use crate::wire::suite::Suite;

/// A first byte is the version (high nibble) and the kind (low nibble).
pub(crate) const INITIAL: u8 = VERSION << 4 | 1;
pub(crate) const RATCHET: u8 = VERSION << 4 | 2;

/// Bytes of an initiator's identity and address, padded and sealed.
pub(crate) const SEALED_SENDER_LENGTH: usize = 129 + TAG_LENGTH;

/// Bytes of a commitment (c2).
pub(crate) const COMMITMENT_LENGTH: usize = 32;

/// A message, taken apart as far as that needs no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Envelope<'bytes> {
    /// It carries a handshake: an initiator sends these until it has opened a reply. Offer it to the
    /// session that it belongs to if there is one, else to [`Account::accept`](crate::Account::accept).
    Initial(InitialMessage<'bytes>),
    /// It belongs to a session that exists.
    Ratchet(RatchetMessage<'bytes>),
}

/// A message with the handshake in front.
///
/// ```text
/// | 0x11 | handshake fields: 183 or 187, in suite 2 1568 more | ratchet message without its first byte |
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct InitialMessage<'bytes> {
    pub(crate) handshake: HandshakeFields<'bytes>,
    pub(crate) message: RatchetMessage<'bytes>,
}

/// What an initiator says about the handshake, the same in all its initial messages.
///
/// ```text
/// | suite: 1 | signed prekey id: 4 | 0, or 1 and one-time prekey id: 4 | ephemeral key: 32 |
/// | in suite 2 ciphertext: 1568 | sealed sender: 145 |
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HandshakeFields<'bytes> {
    pub(crate) signed_prekey_id: u32,
    pub(crate) one_time_prekey_id: Option<u32>,
    pub(crate) ephemeral_key: DhPublicKey,
    /// What was encapsulated to the one-time prekey, or else to the signed one (CT), in suite 2.
    pub(crate) ciphertext: Option<&'bytes [u8]>,
    pub(crate) sealed_sender: &'bytes [u8; SEALED_SENDER_LENGTH],
    /// All of them as received: a session knows its own initial messages by these bytes.
    pub(crate) bytes: &'bytes [u8],
}

/// A message of a session that both sides have.
///
/// ```text
/// | 0x12 | sealed header: 56 | commitment (c2): 32 | ciphertext (c1): 16 bytes to 16 MiB + 16 |
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RatchetMessage<'bytes> {
    /// Every byte of the message before the commitment, handshake fields included.
    pub(crate) before_commitment: &'bytes [u8],
    pub(crate) sealed_header: &'bytes [u8; SEALED_HEADER_LENGTH],
    pub(crate) commitment: &'bytes [u8; COMMITMENT_LENGTH],
    pub(crate) ciphertext: &'bytes [u8],
}

impl<'bytes> Envelope<'bytes> {
    /// Takes a message apart. Nothing in it has been authenticated.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Malformed`] if the bytes break the encoding (docs/protocol.md §6);
    /// [`DecodeError::Unsupported`] for another version or suite.
    pub fn decode(bytes: &'bytes [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let first = reader.u8()?;
        if first >> 4 != VERSION {
            return Err(DecodeError::Unsupported);
        }
        match first {
            INITIAL => {
                let handshake = HandshakeFields::read(&mut reader)?;
                let message = RatchetMessage::read(bytes, reader)?;
                Ok(Self::Initial(InitialMessage { handshake, message }))
            }
            RATCHET => RatchetMessage::read(bytes, reader).map(Self::Ratchet),
            _ => Err(DecodeError::Malformed),
        }
    }
}

impl<'bytes> Envelope<'bytes> {
    /// What both kinds share.
    pub(crate) fn ratchet_message(&self) -> &RatchetMessage<'bytes> {
        match self {
            Self::Initial(InitialMessage { message, .. }) | Self::Ratchet(message) => message,
        }
    }
}

impl<'bytes> HandshakeFields<'bytes> {
    pub(crate) fn read(reader: &mut Reader<'bytes>) -> Result<Self, DecodeError> {
        let start = reader.rest();
        let suite = reader.suite()?;
        let signed_prekey_id = reader.u32()?;
        let one_time_prekey_id = if reader.flag()? { Some(reader.u32()?) } else { None };
        let ephemeral_key = reader.dh_public_key()?;
        let ciphertext = match suite {
            Suite::Classical => None,
            Suite::Hybrid => Some(reader.bytes(MlKem1024::CIPHERTEXT_LENGTH)?),
        };
        let sealed_sender = reader.array()?;
        let length = start.len().saturating_sub(reader.rest().len());
        let bytes = start.get(..length).ok_or(DecodeError::Malformed)?;
        Ok(Self {
            signed_prekey_id,
            one_time_prekey_id,
            ephemeral_key,
            ciphertext,
            sealed_sender,
            bytes,
        })
    }

    pub(crate) fn suite(&self) -> Suite {
        Suite::with(&self.ciphertext)
    }
}

impl<'bytes> RatchetMessage<'bytes> {
    /// Reads the part that both kinds share, from a `reader` over `whole` that has come to it.
    fn read(whole: &'bytes [u8], mut reader: Reader<'bytes>) -> Result<Self, DecodeError> {
        let sealed_header = reader.array()?;
        let length = whole.len().saturating_sub(reader.rest().len());
        let before_commitment = whole.get(..length).ok_or(DecodeError::Malformed)?;
        let commitment = reader.array()?;
        let ciphertext = reader.rest();
        let padded = ciphertext.len().checked_sub(TAG_LENGTH).ok_or(DecodeError::Malformed)?;
        if padded > MAX_PADDED {
            return Err(DecodeError::Malformed);
        }
        Ok(Self { before_commitment, sealed_header, commitment, ciphertext })
    }
}

/// Which prekeys it names, and how long it is.
impl fmt::Debug for InitialMessage<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { handshake, message } = self;
        let mut shown = formatter.debug_struct("InitialMessage");
        shown.field("signed_prekey_id", &handshake.signed_prekey_id);
        shown.field("one_time_prekey_id", &handshake.one_time_prekey_id);
        shown.field("length", &message.length()).finish_non_exhaustive()
    }
}

/// How long it is: all else is sealed.
impl fmt::Debug for RatchetMessage<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("RatchetMessage");
        shown.field("length", &self.length()).finish_non_exhaustive()
    }
}

impl RatchetMessage<'_> {
    /// Bytes of the whole message.
    fn length(&self) -> usize {
        let Self { before_commitment, sealed_header: _, commitment, ciphertext } = self;
        [before_commitment.len(), commitment.len(), ciphertext.len()].iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// Fields that fit their places, so that a good part of what is made decodes.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let first = prop_oneof![Just(INITIAL), Just(RATCHET), any::<u8>()];
        let suite_and_id =
            prop_oneof![Just([1, 0, 0, 0, 1]), Just([2, 0, 0, 0, 1]), any::<[u8; 5]>()];
        let flag = prop_oneof![Just(0), Just(1), any::<u8>()];
        let rest = prop::collection::vec(any::<u8>(), 0..2_000);
        (first, suite_and_id, flag, rest).prop_map(|(first, suite_and_id, flag, rest)| {
            let mut bytes = Vec::from([first]);
            bytes.extend(suite_and_id);
            bytes.push(flag);
            bytes.extend(rest);
            bytes
        })
    }

    proptest! {
        #[test]
        fn the_parts_of_a_message_are_all_of_it(bytes in bytes()) {
            let (handshake, message) = match Envelope::decode(&bytes) {
                Ok(Envelope::Initial(initial)) => (initial.handshake.bytes, initial.message),
                Ok(Envelope::Ratchet(message)) => (&[][..], message),
                Err(_) => return Ok(()),
            };
            let parts: [&[u8]; 5] =
                [&bytes[..1], handshake, message.sealed_header, message.commitment, message.ciphertext];
            prop_assert_eq!(parts.concat(), bytes.as_slice());
            prop_assert_eq!(message.before_commitment, parts[..3].concat());
        }
    }
}
