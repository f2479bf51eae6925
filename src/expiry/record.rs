//! What the scheduler has stored: a row for each message, setting and memory.

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::expiry::message_id::{ConversationId, MessageId};
use crate::shown_bytes::Hex;
use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::stamp::MemberTag;

/// The only form so far of what a record holds.
const FORM: u8 = 1;

/// Bytes of the longest key.
const MAX_KEY: usize = 25;

/// Room for most records.
const RECORD_CAPACITY: usize = 128;

/// The primary key of a record: 1, 17 or 25 bytes, of which the first says what it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    bytes: [u8; MAX_KEY],
    length: usize,
}

/// One row to be written, or to be deleted. Its value may hold a key, and is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordWrite {
    /// Which row.
    pub key: RecordKey,
    /// What it holds from now on; `None` if it goes.
    pub value: Option<Zeroizing<Vec<u8>>>,
}

/// What a record is of.
///
/// ```text
/// | kind: 1 | id: 0 or 16 | author: 0 or 8 |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordName {
    /// Clock, limits and secret.
    Head,
    Conversation(ConversationId),
    Message(MessageId),
    /// By a keyed hash of the message's id.
    Tombstone([u8; 16]),
    /// What own devices said of a message that has not come.
    Waiting(MessageId),
    /// Who said that a message that has not come is to go.
    Unsend(MessageId, MemberTag),
    /// What an own device has read that has no end.
    Seen(MessageId),
}

/// Why records cannot be taken back. **This is no reason to begin with a new scheduler** while messages with an end
/// are stored: what is not held counts as having none, and would be shown for ever. Show nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordError {
    /// The head is missing: the records of another store, or of none.
    NoHead,
    /// This record breaks the encoding. If it is a message's ([`RecordKey::message`]), the message must go:
    /// without its record nothing ends it. Then take the others back without this one.
    Malformed(RecordKey),
    /// A newer release wrote this record.
    Unsupported(RecordKey),
}

impl RecordKey {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The message whose record this is, if it is one's.
    #[must_use]
    pub fn message(&self) -> Option<MessageId> {
        match RecordName::decode(self.as_bytes()) {
            Ok(RecordName::Message(id)) => Some(id),
            Ok(_) | Err(_) => None,
        }
    }

    /// One part after the other; what goes on beyond our longest key is cut off.
    fn of_parts(parts: [&[u8]; 3]) -> Self {
        let length = parts.iter().map(|part| part.len()).sum::<usize>().min(MAX_KEY);
        let mut key = Self { bytes: [0; MAX_KEY], length };
        key.bytes.iter_mut().zip(parts.into_iter().flatten()).for_each(|(out, byte)| *out = *byte);
        key
    }
}

impl AsRef<[u8]> for RecordKey {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RecordKey({})", Hex(self.as_bytes()))
    }
}

impl fmt::Debug for RecordWrite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value } = self;
        let length = value.as_ref().map(|value| value.len());
        let mut shown = formatter.debug_struct("RecordWrite");
        shown.field("key", key).field("value_length", &length).finish()
    }
}

impl RecordName {
    pub(crate) fn key(self) -> RecordKey {
        match self {
            Self::Head => RecordKey::of_parts([&[0], &[], &[]]),
            Self::Conversation(id) => RecordKey::of_parts([&[1], &id.0, &[]]),
            Self::Message(id) => RecordKey::of_parts([&[2], &id.0, &[]]),
            Self::Tombstone(hash) => RecordKey::of_parts([&[3], &hash, &[]]),
            Self::Waiting(id) => RecordKey::of_parts([&[4], &id.0, &[]]),
            Self::Unsend(id, by) => RecordKey::of_parts([&[5], &id.0, &by.0]),
            Self::Seen(id) => RecordKey::of_parts([&[6], &id.0, &[]]),
        }
    }

    pub(crate) fn decode(key: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(key);
        let name = match reader.u8()? {
            0 => Self::Head,
            1 => Self::Conversation(Stored::read(&mut reader)?),
            2 => Self::Message(Stored::read(&mut reader)?),
            3 => Self::Tombstone(*reader.array()?),
            4 => Self::Waiting(Stored::read(&mut reader)?),
            5 => Self::Unsend(Stored::read(&mut reader)?, Stored::read(&mut reader)?),
            6 => Self::Seen(Stored::read(&mut reader)?),
            _ => return Err(DecodeError::Unsupported),
        };
        reader.finish()?;
        Ok(name)
    }

    pub(crate) fn write(self, value: &impl Stored) -> RecordWrite {
        let mut out = StateWriter::with_capacity(RECORD_CAPACITY);
        out.put(&[FORM]);
        value.write(&mut out);
        RecordWrite { key: self.key(), value: Some(out.into_bytes()) }
    }

    pub(crate) fn delete(self) -> RecordWrite {
        RecordWrite { key: self.key(), value: None }
    }
}

/// Takes the value of a record apart.
pub(crate) fn read_value<Value: Stored>(bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut reader = Reader::new(bytes);
    if reader.u8()? != FORM {
        return Err(DecodeError::Unsupported);
    }
    let value = Value::read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

impl RecordError {
    pub(crate) fn of(key: &[u8], error: DecodeError) -> Self {
        let key = RecordKey::of_parts([key, &[], &[]]);
        match error {
            DecodeError::Malformed => Self::Malformed(key),
            DecodeError::Unsupported => Self::Unsupported(key),
        }
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoHead => "the head of the records is missing",
            Self::Malformed(_) => "a record is malformed",
            Self::Unsupported(_) => "a record is of an unsupported version",
        })
    }
}

impl core::error::Error for RecordError {}
