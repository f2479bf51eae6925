//! What came lately, as far as one must know to tell a message that comes again from one that uses its number a second
//! time.

use alloc::collections::VecDeque;

use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::message::RatchetMessage;

/// How many messages that have opened are remembered. With one more, the first is forgotten.
pub(crate) const MOST: usize = 100;

/// The marks of messages, the last one last.
pub(crate) struct RecentlyOpened {
    marks: VecDeque<Mark>,
}

/// What stands for one message: bytes that its sender's ciphers made, so nothing is hashed for it.
///
/// Three bytes are enough, since nobody asks before everything else has refused a message: what has not been
/// received yet opens, whatever its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    /// Of the sealed header, which is the same for the same chain and number.
    header: u8,
    /// Of the commitment, which two texts do not share.
    text: [u8; 2],
}

/// What is remembered of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recall {
    /// It has opened.
    Opened,
    /// One of its chain and number has opened, but it was not this one.
    OtherOfItsNumber,
    /// Nothing, or no more.
    Nothing,
}

impl RecentlyOpened {
    pub(crate) fn new() -> Self {
        Self { marks: VecDeque::new() }
    }

    /// Notes that a message has opened.
    pub(crate) fn note(&mut self, message: &RatchetMessage<'_>) {
        self.note_among(MOST, message);
    }

    /// Notes a message among as many as are remembered then.
    pub(crate) fn note_among(&mut self, most: usize, message: &RatchetMessage<'_>) {
        self.add(Mark::of(message), most);
    }

    /// Takes over what another one remembers, as later than its own.
    pub(crate) fn append(&mut self, later: Self) {
        later.marks.into_iter().for_each(|mark| self.add(mark, MOST));
    }

    pub(crate) fn recall(&self, message: &RatchetMessage<'_>) -> Recall {
        let asked = Mark::of(message);
        if self.marks.contains(&asked) {
            Recall::Opened
        } else if self.marks.iter().any(|mark| mark.header == asked.header) {
            Recall::OtherOfItsNumber
        } else {
            Recall::Nothing
        }
    }

    fn add(&mut self, mark: Mark, most: usize) {
        while self.marks.len() >= most {
            self.marks.pop_front();
        }
        self.marks.push_back(mark);
    }
}

impl Mark {
    fn of(message: &RatchetMessage<'_>) -> Self {
        let RatchetMessage { sealed_header, commitment, .. } = message;
        let [header, ..] = **sealed_header;
        let [first, second, ..] = **commitment;
        Self { header, text: [first, second] }
    }
}

stored!(RecentlyOpened { marks } if |opened| opened.marks.len() <= MOST);

impl Stored for Mark {
    fn write(&self, out: &mut StateWriter) {
        let Self { header, text: [first, second] } = self;
        out.put(&[*header, *first, *second]);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [header, first, second] = *reader.array()?;
        Ok(Self { header, text: [first, second] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::header::SEALED_HEADER_LENGTH;
    use crate::wire::message::COMMITMENT_LENGTH;

    fn recall(opened: &RecentlyOpened, header: u8, text: u16) -> Recall {
        with(header, text, |message| opened.recall(message))
    }

    fn with<T>(header: u8, text: u16, ask: impl FnOnce(&RatchetMessage<'_>) -> T) -> T {
        let mut commitment = [0; COMMITMENT_LENGTH];
        commitment[..2].copy_from_slice(&text.to_be_bytes());
        let sealed_header = [header; SEALED_HEADER_LENGTH];
        let (sealed_header, commitment) = (&sealed_header, &commitment);
        ask(&RatchetMessage { before_commitment: &[], sealed_header, commitment, ciphertext: &[] })
    }

    fn opened(texts: core::ops::Range<u16>) -> RecentlyOpened {
        let mut opened = RecentlyOpened::new();
        texts.for_each(|text| with(7, text, |message| opened.note(message)));
        opened
    }

    #[test]
    fn the_last_hundred_are_remembered_and_no_more() {
        let opened = opened(0..101);
        assert_eq!(recall(&opened, 7, 0), Recall::OtherOfItsNumber);
        for text in 1..101 {
            assert_eq!(recall(&opened, 7, text), Recall::Opened);
        }
        assert_eq!(recall(&opened, 8, 1), Recall::Nothing);
        let mut out = StateWriter::new();
        opened.write(&mut out);
        assert_eq!(out.as_bytes().len(), 301);
    }

    #[test]
    fn what_another_remembers_counts_as_later() {
        let mut both = opened(0..60);
        both.append(opened(60..130));
        assert_eq!(recall(&both, 7, 29), Recall::OtherOfItsNumber);
        assert_eq!(recall(&both, 7, 30), Recall::Opened);
        assert_eq!(recall(&both, 7, 129), Recall::Opened);
    }
}
