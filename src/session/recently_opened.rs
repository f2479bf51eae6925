//! What came lately, as far as one must know to tell a message that comes again from one that uses its number a second
//! time.

use alloc::collections::VecDeque;

use crate::stored::{StateWriter, Stored, read_count};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::message::RatchetMessage;

/// How many messages that have opened are remembered. With one more, the first is forgotten.
pub(crate) const MOST: usize = 100;

/// Bytes of a mark.
const MARK_LENGTH: usize = 3;

/// For how many more messages there is room in what was just read.
const SPARE: usize = 4;

/// The bit of a mark's first byte that says how its message came.
const LATE: u8 = 0x80;

/// The marks of messages, the last one last.
#[derive(PartialEq, Eq)]
pub(crate) struct RecentlyOpened {
    marks: VecDeque<Mark>,
}

/// What stands for one message: three bytes of its commitment (c2), which no other message shares, so that nothing is
/// hashed for it; in place of the first bit, how it came.
///
/// 23 bits are enough, since nobody asks before everything else has refused a message: what has not been received yet
/// opens, whatever its mark.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark([u8; MARK_LENGTH]);

/// How a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// As the first of a chain, or after all that had opened of it.
    InOrder,
    /// After a later one of its chain, by a key that was held for it.
    Late,
}

impl RecentlyOpened {
    pub(crate) const fn new() -> Self {
        Self { marks: VecDeque::new() }
    }

    /// Notes that a message has opened.
    pub(crate) fn note(&mut self, message: &RatchetMessage<'_>, came: Came) {
        self.add(Mark::of(message, came), MOST);
    }

    /// Notes a message among as many as are remembered then.
    pub(crate) fn note_among(&mut self, most: usize, message: &RatchetMessage<'_>) {
        self.add(Mark::of(message, Came::InOrder), most);
    }

    /// Takes over what another one remembers, as later than its own.
    pub(crate) fn append(&mut self, later: Self) {
        later.marks.into_iter().for_each(|mark| self.add(mark, MOST));
    }

    pub(crate) fn has(&self, message: &RatchetMessage<'_>) -> bool {
        let asked = Mark::of(message, Came::InOrder);
        self.marks.iter().any(|mark| mark.text() == asked.text())
    }

    /// Whether a message must still be among these, of its number or another one, after which at most `passed - 1`
    /// have opened in order.
    pub(crate) fn reach_back(&self, passed: u32) -> bool {
        let late = self.marks.iter().filter(|mark| mark.is_late()).count();
        usize::try_from(passed).is_ok_and(|passed| passed.saturating_add(late) <= MOST)
    }

    fn add(&mut self, mark: Mark, most: usize) {
        while self.marks.len() >= most {
            self.marks.pop_front();
        }
        self.marks.push_back(mark);
    }
}

impl Mark {
    fn of(message: &RatchetMessage<'_>, came: Came) -> Self {
        let [first, second, third, ..] = *message.commitment;
        let came = match came {
            Came::InOrder => 0,
            Came::Late => LATE,
        };
        Self([first & !LATE | came, second, third])
    }

    fn text(self) -> [u8; MARK_LENGTH] {
        let Self([first, second, third]) = self;
        [first & !LATE, second, third]
    }

    fn is_late(self) -> bool {
        let Self([first, ..]) = self;
        first & LATE != 0
    }
}

/// In one piece each way: it is read and written with every message of a state at rest.
impl Stored for RecentlyOpened {
    fn write(&self, out: &mut StateWriter) {
        let mut bytes = [0; MOST * MARK_LENGTH];
        let places = bytes.chunks_exact_mut(MARK_LENGTH);
        places.zip(&self.marks).for_each(|(place, Mark(mark))| place.copy_from_slice(mark));
        out.put_count(self.marks.len());
        let length = self.marks.len().saturating_mul(MARK_LENGTH);
        out.put(bytes.get(..length).unwrap_or_default());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = read_count(reader)?;
        if count > MOST {
            return Err(DecodeError::Malformed);
        }
        let mut marks = VecDeque::with_capacity(count.saturating_add(SPARE).min(MOST));
        for _ in 0..count {
            marks.push_back(Mark(*reader.array()?));
        }
        Ok(Self { marks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::header::SEALED_HEADER_LENGTH;
    use crate::wire::message::COMMITMENT_LENGTH;

    /// A message whose commitment begins with this number.
    fn with<T>(text: u16, ask: impl FnOnce(&RatchetMessage<'_>) -> T) -> T {
        let mut commitment = [0; COMMITMENT_LENGTH];
        commitment[1..3].copy_from_slice(&text.to_be_bytes());
        let sealed_header = [7; SEALED_HEADER_LENGTH];
        let (sealed_header, commitment) = (&sealed_header, &commitment);
        ask(&RatchetMessage { before_commitment: &[], sealed_header, commitment, ciphertext: &[] })
    }

    fn opened(texts: core::ops::Range<u16>, came: Came) -> RecentlyOpened {
        let mut opened = RecentlyOpened::new();
        texts.for_each(|text| with(text, |message| opened.note(message, came)));
        opened
    }

    fn has(opened: &RecentlyOpened, text: u16) -> bool {
        with(text, |message| opened.has(message))
    }

    #[test]
    fn the_last_hundred_are_remembered_in_three_bytes_each_and_no_more() {
        for came in [Came::InOrder, Came::Late] {
            let opened = opened(0..101, came);
            assert!(!has(&opened, 0) && (1..101).all(|text| has(&opened, text)));
            let mut out = StateWriter::new();
            opened.write(&mut out);
            assert_eq!(out.as_bytes().len(), 301);
        }
    }

    #[test]
    fn what_another_remembers_counts_as_later() {
        let mut both = opened(0..60, Came::InOrder);
        both.append(opened(60..130, Came::Late));
        assert!(!has(&both, 29) && (30..130).all(|text| has(&both, text)));
    }

    #[test]
    fn what_came_late_shortens_how_far_back_they_surely_reach() {
        let mut opened = opened(0..60, Came::InOrder);
        assert!(opened.reach_back(100) && !opened.reach_back(101));
        opened.append(super::tests::opened(60..70, Came::Late));
        assert!(opened.reach_back(90) && !opened.reach_back(91));
    }
}
