//! One timer of a queue: its deadline and its number.

use crate::time::EngineTime;

/// Ordered by its deadline, then its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timer {
    pub(crate) deadline: EngineTime,
    pub(crate) number: u32,
}

impl Timer {
    /// The timer of a number, by the deadlines of all.
    pub(crate) fn of(number: u32, deadlines: &[EngineTime]) -> Self {
        Self { deadline: deadlines.get(index(number)).copied().unwrap_or_default(), number }
    }

    /// Its order as one number: comparing field by field takes branches that no processor foresees.
    pub(crate) fn rank(self) -> u128 {
        u128::from(self.deadline.millis()) << 32 | u128::from(self.number)
    }
}

/// A number of 32 bits as an index; `usize` has as many at least, wherever this crate is of use.
pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
