//! What comes of an event: first what is to be stored, and only then what is to be shown.

use std::collections::BTreeMap;

use evanesce::zeroize::Zeroizing;

use crate::notice::Notice;
use crate::row::{Row, Write};
use crate::store::{Store, StoreError};
use crate::words::Words;

/// The notices come out by [`Outcome::commit`] alone, so nothing is shown that is not stored. The same holds for what
/// is sent: parcels are asked for after the commit.
#[derive(Default)]
#[must_use = "what has changed is to be stored"]
pub struct Outcome {
    /// Of several writes of one row the last counts.
    writes: BTreeMap<Row, Write>,
    notices: Vec<Notice>,
}

impl Outcome {
    pub fn write(&mut self, row: Row, value: Option<Zeroizing<Vec<u8>>>) {
        self.write_with_words(row, value, Words::default());
    }

    /// Writes what can be found by its words.
    pub fn write_with_words(&mut self, row: Row, value: Option<Zeroizing<Vec<u8>>>, words: Words) {
        self.writes.insert(row.clone(), Write { row, value, words });
    }

    pub fn notice(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// Stores everything in one transaction, and gives what is to be shown. After an error the engine is ahead of its
    /// store: drop it, and load it again.
    pub fn commit(self, store: &mut Store) -> Result<Vec<Notice>, StoreError> {
        let writes: Vec<Write> = self.writes.into_values().collect();
        store.commit(&writes)?;
        Ok(self.notices)
    }
}
