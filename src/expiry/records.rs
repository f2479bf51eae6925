//! ExpiryScheduler: to records and back, row by row or all in one.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::expiry::conversation::Conversation;
use crate::expiry::memory::Memory;
use crate::expiry::message_id::ConversationId;
use crate::expiry::messages::{Messages, Place};
use crate::expiry::record::{RecordError, RecordName, RecordWrite, read_value};
use crate::expiry::scheduler::{ExpiryScheduler, Head};
use crate::expiry::tracked::Tracked;
use crate::stored::{StateWriter, Stored, read_count};
use crate::wire::codec::{DecodeError, Reader};

impl ExpiryScheduler {
    /// All that it holds, as rows: to store a new one, or to store everything anew. After that, what
    /// [`Effects::writes`](crate::expiry::Effects::writes) says is enough.
    pub fn records(&self) -> impl Iterator<Item = RecordWrite> {
        let Self { head, stored_clock: _, conversations, messages, memory } = self;
        // That a conversation was deleted stands in its own row.
        let Memory { tombstones, waiting, seen, unsends, deleted: _ } = memory;
        let conversations = conversations
            .iter()
            .map(|(id, conversation)| RecordName::Conversation(*id).write(conversation));
        let messages = messages.iter().map(|(id, held)| RecordName::Message(id).write(held));
        let tombstones =
            tombstones.iter().map(|(hash, since, ())| RecordName::Tombstone(*hash).write(&since));
        let waiting = waiting
            .iter()
            .map(|(id, since, facts)| RecordName::Waiting(*id).write(&(since, facts.clone())));
        let unsends =
            unsends.iter().map(|((id, by), since, ())| RecordName::Unsend(*id, *by).write(&since));
        let seen = seen.iter().map(|(id, since, at)| RecordName::Seen(*id).write(&(since, *at)));
        core::iter::once(RecordName::Head.write(head))
            .chain(conversations)
            .chain(messages)
            .chain(tombstones)
            .chain(waiting)
            .chain(unsends)
            .chain(seen)
    }

    /// Takes everything back from rows, keys and values, in any order; in the order of their keys it is fastest.
    /// That this happens is a restart: what ends on closing and was read is due.
    ///
    /// # Errors
    ///
    /// A [`RecordError`], which names the row.
    pub fn from_records<Key: AsRef<[u8]>, Value: AsRef<[u8]>>(
        records: impl IntoIterator<Item = (Key, Value)>,
    ) -> Result<Self, RecordError> {
        let (mut rows, records) = (Rows::default(), records.into_iter());
        rows.messages.reserve(records.size_hint().0);
        for (key, value) in records {
            let (key, value) = (key.as_ref(), value.as_ref());
            rows.add(key, value).map_err(|error| RecordError::of(key, error))?;
        }
        rows.restored().ok_or(RecordError::NoHead)
    }
}

/// Rows that have been read so far.
#[derive(Default)]
struct Rows {
    head: Option<Head>,
    conversations: BTreeMap<ConversationId, Conversation>,
    messages: Vec<Option<Place>>,
    memory: Memory,
}

impl Rows {
    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), DecodeError> {
        match RecordName::decode(key)? {
            RecordName::Head => self.head = Some(read_value(value)?),
            RecordName::Conversation(id) => {
                let conversation: Conversation = read_value(value)?;
                match conversation.deleted {
                    Some(since) => self.memory.deleted.restore(id, (), since),
                    None => _ = self.memory.deleted.remove(&id),
                }
                self.conversations.insert(id, conversation);
            }
            RecordName::Message(id) => {
                let mut held: Tracked = read_value(value)?;
                held.life.restarted();
                self.messages.push(Some(Place::new(id, held)));
            }
            RecordName::Tombstone(hash) => {
                self.memory.tombstones.restore(hash, (), read_value(value)?)
            }
            RecordName::Waiting(id) => {
                let (since, facts) = read_value(value)?;
                self.memory.waiting.restore(id, facts, since);
            }
            RecordName::Unsend(id, by) => {
                self.memory.unsends.restore((id, by), (), read_value(value)?);
            }
            RecordName::Seen(id) => {
                let (since, at) = read_value(value)?;
                self.memory.seen.restore(id, at, since);
            }
        }
        Ok(())
    }

    fn restored(self) -> Option<ExpiryScheduler> {
        let Self { head, conversations, messages, memory } = self;
        let head = head?;
        let messages = Messages::restored(messages, &head.limits);
        let stored_clock = head.clock.clone();
        Some(ExpiryScheduler { head, stored_clock, conversations, messages, memory })
    }
}

/// How many rows, then of each `LP8(key)`, four bytes of length, and the value.
impl Stored for ExpiryScheduler {
    fn write(&self, out: &mut StateWriter) {
        let rows: Vec<RecordWrite> = self.records().collect();
        out.put_count(rows.len());
        for RecordWrite { key, value } in &rows {
            let key = key.as_bytes();
            // Keys have 25 bytes at most.
            out.put(&[u8::try_from(key.len()).unwrap_or(u8::MAX)]);
            out.put(key);
            out.put_measured(|out| value.iter().for_each(|value| out.put(value)));
        }
    }

    /// Malformed if a row stands where it would not be written.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mut rows, mut before) = (Rows::default(), None);
        for _ in 0..read_count(reader)? {
            let key = reader.length_prefixed()?;
            if before.is_some_and(|before| key <= before) {
                return Err(DecodeError::Malformed);
            }
            before = Some(key);
            let length = usize::try_from(reader.u32()?).map_err(|_| DecodeError::Malformed)?;
            rows.add(key, reader.bytes(length)?)?;
        }
        rows.restored().ok_or(DecodeError::Malformed)
    }
}
