//! How an application names messages and conversations to the scheduler.

use core::cmp::Ordering;

use crate::crypto::hash::sha256;
use crate::shown_bytes::{Hex, shown_in_hex};
use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::stamp::MemberTag;

/// Separates ids that are made of an author's own from all other hashes.
const MESSAGE_LABEL: &[u8] = b"evanesce/v1 expiry message";

/// Separates names of conversations from all other hashes.
const CONVERSATION_LABEL: &[u8] = b"evanesce/v1 expiry conversation";

/// Names a message: 16 bytes, unique among all messages that the account ever had: one that is used again within
/// 45 days is taken for the message that ended. The application chooses: a UUID of its own, the number of a row
/// that is never used again. Where others choose, use [`MessageId::by`], or a stranger could take the id of
/// somebody else's message. Who has several devices needs the same id on all of them, and so [`MessageId::by`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct MessageId(
    #[cfg_attr(feature = "serde", serde(with = "crate::byte_string"))] pub [u8; 16],
);

/// Names a conversation: 16 bytes, the same on all own devices. The timer belongs to the people, not to what is
/// shown of it, nor to one of their devices: a chat that was deleted and begun anew has the same id, and a person
/// with two devices is one conversation.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct ConversationId(
    #[cfg_attr(feature = "serde", serde(with = "crate::byte_string"))] pub [u8; 16],
);

impl MessageId {
    /// For ids that authors choose: the same for all who know the author and the bytes, and no other author's.
    #[must_use]
    pub fn by(author: MemberTag, id: &[u8]) -> Self {
        Self(first_half(sha256(&[MESSAGE_LABEL, &author.0, id])))
    }
}

/// The number of a row that is never used again, also when the row is gone. **SQLite uses numbers again** unless the
/// table says `AUTOINCREMENT`.
impl From<u64> for MessageId {
    fn from(row: u64) -> Self {
        Self(u128::from(row).to_be_bytes())
    }
}

impl ConversationId {
    /// For conversations that have a name of any length: that of a person, or of a group; not that of a device.
    #[must_use]
    pub fn named(name: &[u8]) -> Self {
        Self(first_half(sha256(&[CONVERSATION_LABEL, name])))
    }
}

/// The order of the bytes, found by two words: byte by byte, as it would be derived, it takes a hundred steps, and looking
/// for ids among a million is most of what the scheduler does.
macro_rules! in_order_of_bytes {
    ($($type:ident)+) => { $(
        impl Ord for $type {
            fn cmp(&self, other: &Self) -> Ordering {
                u128::from_be_bytes(self.0).cmp(&u128::from_be_bytes(other.0))
            }
        }

        impl PartialOrd for $type {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
    )+ };
}

in_order_of_bytes! { MessageId ConversationId }

/// The first 16 of 32 bytes.
pub(crate) fn first_half(hash: [u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(hash).for_each(|(out, byte)| *out = byte);
    half
}

impl Stored for MessageId {
    fn write(&self, out: &mut StateWriter) {
        out.put(&self.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.array().copied().map(Self)
    }
}

impl Stored for ConversationId {
    fn write(&self, out: &mut StateWriter) {
        out.put(&self.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.array().copied().map(Self)
    }
}

shown_in_hex! { MessageId ConversationId }

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_are_in_the_order_of_their_bytes(id: [u8; 16], place in 0..16_usize, byte: u8) {
            let mut other = id;
            other[place] = byte;
            prop_assert_eq!(MessageId(id).cmp(&MessageId(other)), id.cmp(&other));
            let conversations = (ConversationId(id), ConversationId(other));
            prop_assert_eq!(conversations.0.partial_cmp(&conversations.1), id.partial_cmp(&other));
        }
    }
}
