//! The carrier's side: all that whoever carries messages does so that they can be reported.
//!
//! A server in any language does the same. It parses the message that it is about to deliver (docs/protocol.md §6), and
//! refuses what is malformed. It takes the 32 bytes of the commitment (c2) out of these very bytes, never out of a field
//! that came beside them:
//!
//! ```text
//! first byte   suite   has a one-time prekey       c2 begins at byte
//! 0x12                                             57
//! 0x11         0x01    byte 6 is 0x00              240
//! 0x11         0x01    byte 6 is 0x01              244
//! 0x11         0x02    byte 6 is 0x00              1808
//! 0x11         0x02    byte 6 is 0x01              1812
//! ```
//!
//! Then it hands out, beside the message, the context and the postmark, and stores nothing:
//!
//! ```text
//! postmark = HMAC-SHA-256(server key, "evanesce/v1 postmark" ‖ c2 ‖ context)
//! ```

use core::fmt;

use subtle::ConstantTimeEq;

use crate::commitment::Commitment;
use crate::crypto::kdf::HmacKey;
use crate::crypto::secret::Secret;
use crate::shown_bytes::{Hex, shown_in_hex};
use crate::wire::codec::DecodeError;
use crate::wire::group_message::{GROUP, GroupMessage};
use crate::wire::message::Envelope;

/// Separates postmarks from all else that a server's key may be used for.
const POSTMARK_LABEL: &[u8] = b"evanesce/v1 postmark";

/// The longest context, in bytes. It bounds what a carrier can make a recipient keep, and a moderator read.
pub(crate) const MAX_CONTEXT: usize = 1_024;

/// The carrier's key: 32 bytes, drawn once, that only the carrier and its moderators have. Whoever else has it can
/// postmark what nobody sent.
pub struct ServerKey(Secret<32>);

/// What a carrier says of a message that it delivered: this commitment, under this context. Only who has the server key
/// can make or check it. It travels beside the message, and the recipient keeps it with the evidence. Compared in
/// constant time.
#[derive(Clone, Copy)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Postmark(#[cfg_attr(feature = "serde", serde(with = "crate::byte_string"))] [u8; 32]);

/// Why there is no postmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PostmarkError {
    /// The context has more than 1,024 bytes.
    TooLarge,
}

impl fmt::Display for PostmarkError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TooLarge => "the context is too large",
        })
    }
}

impl core::error::Error for PostmarkError {}

impl Commitment {
    /// The commitment of a message, out of the very bytes that are delivered.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`]: what is no message gets no postmark.
    pub fn of(message: &[u8]) -> Result<Self, DecodeError> {
        if message.first() == Some(&GROUP) {
            return Ok(Self::new(*GroupMessage::decode(message)?.commitment));
        }
        Ok(Self::new(*Envelope::decode(message)?.ratchet_message().commitment))
    }
}

impl ServerKey {
    /// Takes the key; wipe your own copy.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(Secret::filled_by(|out| out.copy_from_slice(bytes)))
    }

    // docs/protocol.md §16.2: postmark = HMAC(server key, label ‖ c2 ‖ context)
    /// The postmark of a message. The context is an encoding of the carrier's that reads one way: who handed the message
    /// in, authenticated; for which device; when; which server key; perhaps a counter for each pair of them.
    ///
    /// # Errors
    ///
    /// [`PostmarkError::TooLarge`] if the context has more than 1,024 bytes.
    pub fn postmark(
        &self,
        commitment: &Commitment,
        context: &[u8],
    ) -> Result<Postmark, PostmarkError> {
        if context.len() > MAX_CONTEXT {
            return Err(PostmarkError::TooLarge);
        }
        let Self(key) = self;
        Ok(Postmark(HmacKey::new(key).tag(&[POSTMARK_LABEL, commitment.as_bytes(), context])))
    }
}

impl Postmark {
    /// A postmark that came beside a message. Whether it is the carrier's, only the carrier can tell.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Postmark {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Postmark {}

shown_in_hex! { Postmark }

impl fmt::Debug for ServerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ServerKey(..)")
    }
}
