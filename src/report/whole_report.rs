//! Report: messages that somebody shows to a moderator.

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::report::entry::ReportEntry;
use crate::wire::codec::{DecodeError, Reader, VERSION};

/// The most entries. With [`MAX_LENGTH`] it bounds what a stranger can make a moderator read.
const MAX_ENTRIES: usize = 1_000;

/// The longest report, in bytes: 64 MiB.
const MAX_LENGTH: usize = 64 * 1024 * 1024;

/// Bytes before the entries.
const HEAD_LENGTH: usize = 1 + 2;

/// Messages that somebody shows to a moderator: never none.
///
/// It holds what its messages say, in the clear: encrypt it on its way, and make it at the user's word alone. It is no
/// longer the messages': it goes once the moderator has it, after 30 days at the latest.
///
/// ```text
/// | version: 1 | count: 2 | entries |
/// ```
pub struct Report {
    entries: Vec<ReportEntry>,
    length: usize,
}

/// A report takes no more: 1,000 messages and 64 MiB are the most. It is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportFull;

impl fmt::Display for ReportFull {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the report is too large for another message")
    }
}

impl core::error::Error for ReportFull {}

impl Report {
    /// A report of one message.
    #[must_use]
    pub fn new(entry: ReportEntry) -> Self {
        let length = HEAD_LENGTH.saturating_add(entry.encoded_length());
        Self { entries: Vec::from([entry]), length }
    }

    /// The messages by themselves, for who passes on some of them: [`Self::new`] makes a report of one.
    #[must_use]
    pub fn into_entries(self) -> Vec<ReportEntry> {
        self.entries
    }

    /// Adds a message. What went before makes the others understood, and a moderator sees gaps only where the carrier's
    /// context counts.
    ///
    /// # Errors
    ///
    /// [`ReportFull`] above 1,000 messages, or 64 MiB.
    pub fn push(&mut self, entry: ReportEntry) -> Result<(), ReportFull> {
        let length = self.length.saturating_add(entry.encoded_length());
        if self.entries.len() >= MAX_ENTRIES || length > MAX_LENGTH {
            return Err(ReportFull);
        }
        self.entries.push(entry);
        self.length = length;
        Ok(())
    }

    /// Its messages, each to be [verified](ReportEntry::verify) by itself.
    #[must_use]
    pub fn entries(&self) -> &[ReportEntry] {
        &self.entries
    }

    /// Its only encoding, with what the messages say.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let Self { entries, length } = self;
        let mut bytes = Zeroizing::new(Vec::with_capacity(*length));
        bytes.push(VERSION);
        // At most 1,000.
        bytes.extend_from_slice(&u16::try_from(entries.len()).unwrap_or(u16::MAX).to_be_bytes());
        entries.iter().for_each(|entry| entry.encode_into(&mut bytes));
        bytes
    }

    /// Reads a report. Nothing in it is proven yet.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Unsupported`] for another version, whatever follows; [`DecodeError::Malformed`] if it breaks the
    /// encoding, or is larger than a report can be (docs/protocol.md §16.3).
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(DecodeError::Unsupported);
        }
        let count = usize::from(u16::from_be_bytes(*reader.array()?));
        if !(1..=MAX_ENTRIES).contains(&count) || bytes.len() > MAX_LENGTH {
            return Err(DecodeError::Malformed);
        }
        let entries = (0..count).map(|_| ReportEntry::read(&mut reader));
        let entries = entries.collect::<Result<Vec<ReportEntry>, DecodeError>>()?;
        reader.finish()?;
        Ok(Self { entries, length: bytes.len() })
    }
}

/// How many messages it shows, and nothing of what they say.
impl fmt::Debug for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Report");
        shown.field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}
