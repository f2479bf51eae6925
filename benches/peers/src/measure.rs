//! The rounds. In each of them everybody does a batch of each row, one after the other, so that whatever
//! slows the machine down for a while slows all of them down.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::clock::{Clock, nanoseconds};
use crate::contender::{Contender, Entry, Remark, Sizes};
use crate::row::{MANY, Row};
use crate::work::Work;

/// How long a batch takes at least: so long that the clock is exact enough.
const BATCH: Duration = Duration::from_micros(1_500);

/// How long a batch may take with all that is made ready for it.
const BATCH_WITH_PREPARATION: Duration = Duration::from_millis(10);

/// The C library learns from a block of this size, when it is freed, to keep what is given back to it.
const MEMORY_TO_KEEP: usize = 16 << 20;

/// All that was measured.
pub struct Results {
    /// Of the contenders, in the order of the cells.
    pub names: Vec<&'static str>,
    pub rows: Vec<RowResults>,
    pub sizes: Vec<Option<Sizes>>,
    pub rounds: usize,
}

pub struct RowResults {
    pub row: Row,
    /// One for each contender.
    pub cells: Vec<Cell>,
}

/// What a contender did in a row.
pub enum Cell {
    Timed {
        /// For one operation, in each round.
        nanoseconds: Vec<f64>,
        remark: Remark,
    },
    Refuses(&'static str),
    Absent,
}

impl Results {
    /// The figures of a contender in a row, if the row was run and the contender took part in it.
    pub fn figures(&self, row: Row, contender: usize) -> Option<&[f64]> {
        self.rows.iter().find(|results| results.row == row)?.cells.get(contender)?.figures()
    }

    /// Bytes that a held key adds to a stored state.
    pub fn held_key(&self, contender: usize) -> Option<f64> {
        let states = self.sizes.get(contender)?.as_ref()?.states?;
        let added = states.holding?.checked_sub(states.receiving)?;
        Some(f64::from(u32::try_from(added).ok()?) / f64::from(u32::try_from(MANY).ok()?))
    }
}

impl Cell {
    pub fn figures(&self) -> Option<&[f64]> {
        match self {
            Self::Timed { nanoseconds, .. } => Some(nanoseconds),
            Self::Refuses(_) | Self::Absent => None,
        }
    }
}

/// Work, and how often it is done in a batch.
struct Batch {
    work: Box<dyn Work>,
    count: usize,
}

/// Measures each of the rows in so many rounds.
pub fn measure(rows: &[Row], contenders: &[Box<dyn Contender>], rounds: usize) -> Results {
    keep_memory();
    let clock = Clock::calibrated();
    let mut results = Vec::new();
    let mut batches: Vec<Vec<Option<Batch>>> = Vec::new();
    for row in rows {
        let entries = contenders.iter().map(|contender| enter(contender.as_ref(), *row, &clock));
        let (cells, row_batches) = entries.unzip();
        results.push(RowResults { row: *row, cells });
        batches.push(row_batches);
    }
    for round in 0..rounds {
        for (row, batches) in results.iter_mut().zip(&mut batches) {
            for place in 0..contenders.len() {
                // Everybody comes after everybody else in some round.
                let contender = (place + round) % contenders.len();
                if let (Cell::Timed { nanoseconds, .. }, Some(batch)) =
                    (&mut row.cells[contender], &mut batches[contender])
                {
                    nanoseconds.push(batch.time(&clock));
                }
            }
        }
    }
    let names = contenders.iter().map(|contender| contender.name()).collect();
    let sizes = contenders.iter().map(|contender| contender.sizes()).collect();
    Results { names, rows: results, sizes, rounds }
}

/// Otherwise each 64 KiB go back to the system and come again, at whoever happens to be at the end of the
/// heap, and what is measured is that.
fn keep_memory() {
    drop(black_box(vec![0_u8; MEMORY_TO_KEEP]));
}

fn enter(contender: &dyn Contender, row: Row, clock: &Clock) -> (Cell, Option<Batch>) {
    match contender.enter(row) {
        Entry::Runs { work, remark } => {
            let cell = Cell::Timed { nanoseconds: Vec::new(), remark };
            (cell, Some(Batch::calibrated(work, clock)))
        }
        Entry::Refuses(reason) => (Cell::Refuses(reason), None),
        Entry::Absent => (Cell::Absent, None),
    }
}

impl Batch {
    fn calibrated(mut work: Box<dyn Work>, clock: &Clock) -> Self {
        let mut count = 1;
        loop {
            let start = Instant::now();
            let elapsed = work.time(count, clock);
            if elapsed >= BATCH || start.elapsed() >= BATCH_WITH_PREPARATION {
                return Self { work, count };
            }
            count *= 2;
        }
    }

    /// Nanoseconds of one operation.
    fn time(&mut self, clock: &Clock) -> f64 {
        let count = u32::try_from(self.count).expect("a batch has few operations");
        nanoseconds(self.work.time(self.count, clock)) / f64::from(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contenders;
    use crate::row::SMALL;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// Notes that it was called, and how often.
    struct Noted {
        name: &'static str,
        calls: Rc<RefCell<Vec<(&'static str, usize)>>>,
    }

    impl Work for Noted {
        fn time(&mut self, count: usize, _clock: &Clock) -> Duration {
            self.calls.borrow_mut().push((self.name, count));
            Duration::from_micros(100) * u32::try_from(count).unwrap()
        }
    }

    #[test]
    fn a_batch_is_as_long_as_it_has_to_be() {
        let calls = Rc::default();
        let noted = Noted { name: "one", calls: Rc::clone(&calls) };
        let clock = Clock::calibrated();
        let mut batch = Batch::calibrated(Box::new(noted), &clock);
        assert_eq!(batch.count, 16);
        assert!((batch.time(&clock) - 100_000.0).abs() < 1e-6);
        assert_eq!(calls.borrow().last(), Some(&("one", 16)));
    }

    #[test]
    fn everybody_is_measured_in_each_round() {
        let contenders = contenders::all();
        let row = Row::Encrypt { size: SMALL };
        let results = measure(&[row], &contenders, 3);
        for contender in 0..contenders.len() {
            assert_eq!(results.figures(row, contender).unwrap().len(), 3);
        }
        assert!(results.figures(Row::PingPong, 0).is_none());
    }
}
