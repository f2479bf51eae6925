//! Deadlines in order: an indexed heap with four children to each place.

use alloc::vec::Vec;

use crate::time::EngineTime;

/// Children of each place: fewer levels than two, on one cache line.
const CHILDREN: usize = 4;

/// Stands in `places` for a timer that is not set.
const NOWHERE: u32 = u32::MAX;

/// Deadlines in order, for timers that are numbered: the places of a table, from 0 on. Each number has one
/// deadline or none. The earliest is there at once; setting, moving and cancelling one takes steps that grow with
/// the logarithm of how many there are. Equal deadlines come in the order of their numbers.
///
/// It takes 16 bytes for each timer and 4 for each number that is not set, so numbers are best used again.
/// Nothing of it is worth storing: it is rebuilt from the deadlines.
#[derive(Clone, Default)]
pub struct DeadlineQueue {
    /// No place is later than its children, which are at `4 n + 1` to `4 n + 4`.
    heap: Vec<Timer>,
    /// Where in the heap each number stands.
    places: Vec<u32>,
}

/// Ordered by its rank.
#[derive(Clone, Copy, Debug)]
struct Timer {
    // Two halves, so that three words of four bytes are enough.
    deadline: [u32; 2],
    number: u32,
}

impl Timer {
    fn new(number: u32, deadline: EngineTime) -> Self {
        let [a, b, c, d, e, f, g, h] = deadline.millis().to_be_bytes();
        let deadline = [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])];
        Self { deadline, number }
    }

    fn deadline(&self) -> EngineTime {
        let [high, low] = self.deadline;
        EngineTime::from_millis(u64::from(high) << 32 | u64::from(low))
    }

    /// The deadline, then the number, as one number: comparing field by field takes branches that no processor
    /// foresees, and most of the time of a heap with them.
    fn rank(&self) -> u128 {
        u128::from(self.deadline().millis()) << 32 | u128::from(self.number)
    }
}

impl DeadlineQueue {
    /// Without any timer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many timers are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Sets the timer of this number, or moves it. Memory is taken for all numbers up to the greatest.
    pub fn set(&mut self, number: u32, deadline: EngineTime) {
        let timer = Timer::new(number, deadline);
        match self.place(number) {
            Some(place) => self.settle(place, timer),
            None => {
                let place = self.append(timer);
                self.settle(place, timer);
            }
        }
    }

    /// Takes the timer of this number away; gives its deadline, if it was set.
    pub fn cancel(&mut self, number: u32) -> Option<EngineTime> {
        let place = self.place(number)?;
        let cancelled = self.heap.get(place)?.deadline();
        self.remove(place);
        Some(cancelled)
    }

    /// The deadline of this number, if it is set.
    #[must_use]
    pub fn deadline(&self, number: u32) -> Option<EngineTime> {
        self.heap.get(self.place(number)?).map(Timer::deadline)
    }

    /// The earliest deadline, and whose it is.
    #[must_use]
    pub fn first(&self) -> Option<(EngineTime, u32)> {
        self.heap.first().map(|timer| (timer.deadline(), timer.number))
    }

    /// Takes the first timer away, if its deadline has come.
    pub fn pop_due(&mut self, now: EngineTime) -> Option<(EngineTime, u32)> {
        let first = self.first().filter(|(deadline, _)| *deadline <= now)?;
        self.remove(0);
        Some(first)
    }

    fn place(&self, number: u32) -> Option<usize> {
        let place = self.places.get(index(number)).filter(|place| **place != NOWHERE)?;
        Some(index(*place))
    }

    /// Puts a timer at the end, wherever it belongs.
    fn append(&mut self, timer: Timer) -> usize {
        let number = index(timer.number);
        if self.places.len() <= number {
            self.places.resize(number.saturating_add(1), NOWHERE);
        }
        let place = self.heap.len();
        self.heap.push(timer);
        self.put(place, timer);
        place
    }

    fn remove(&mut self, place: usize) {
        if let Some(gone) = self.heap.get(place) {
            let number = index(gone.number);
            if let Some(its_place) = self.places.get_mut(number) {
                *its_place = NOWHERE;
            }
        }
        if let Some(last) = self.heap.pop().filter(|_| place < self.heap.len()) {
            self.settle(place, last);
        }
    }

    /// Puts a timer where it belongs, beginning at a place that is free for it.
    fn settle(&mut self, place: usize, timer: Timer) {
        let risen = self.rise(place, timer);
        let place = if risen == place { self.sink(place, timer) } else { risen };
        self.put(place, timer);
    }

    /// Moves what is later and above down.
    fn rise(&mut self, mut place: usize, timer: Timer) -> usize {
        while let Some(above) = place.checked_sub(1).map(|before| before.wrapping_div(CHILDREN)) {
            match self.heap.get(above) {
                Some(parent) if timer.rank() < parent.rank() => {
                    let parent = *parent;
                    self.put(place, parent);
                    place = above;
                }
                Some(_) | None => break,
            }
        }
        place
    }

    /// Moves what is earlier and below up.
    fn sink(&mut self, mut place: usize, timer: Timer) -> usize {
        loop {
            let first = place.saturating_mul(CHILDREN).saturating_add(1);
            let end = first.saturating_add(CHILDREN).min(self.heap.len());
            let children = self.heap.get(first..end).unwrap_or_default();
            let earliest = (first..end).zip(children).min_by_key(|(_, child)| child.rank());
            match earliest {
                Some((below, child)) if child.rank() < timer.rank() => {
                    let child = *child;
                    self.put(place, child);
                    place = below;
                }
                Some(_) | None => return place,
            }
        }
    }

    fn put(&mut self, place: usize, timer: Timer) {
        if let Some(there) = self.heap.get_mut(place) {
            *there = timer;
        }
        if let Some(its_place) = self.places.get_mut(index(timer.number)) {
            // There are never more timers than numbers.
            *its_place = u32::try_from(place).unwrap_or(NOWHERE);
        }
    }
}

/// All at once, in steps that grow with how many there are. Of two deadlines of one number the later one given
/// holds.
impl FromIterator<(u32, EngineTime)> for DeadlineQueue {
    fn from_iter<Timers: IntoIterator<Item = (u32, EngineTime)>>(timers: Timers) -> Self {
        let mut queue = Self::new();
        for (number, deadline) in timers {
            let timer = Timer::new(number, deadline);
            match queue.place(number) {
                Some(place) => queue.put(place, timer),
                None => _ = queue.append(timer),
            }
        }
        for place in (0..queue.heap.len().div_ceil(CHILDREN)).rev() {
            if let Some(timer) = queue.heap.get(place).copied() {
                let place = queue.sink(place, timer);
                queue.put(place, timer);
            }
        }
        queue
    }
}

/// A number of 32 bits as an index; `usize` has as many at least, wherever this crate is of use.
fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// How many deadlines there are.
impl core::fmt::Debug for DeadlineQueue {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("DeadlineQueue")
            .field("timers", &self.heap.len())
            .finish_non_exhaustive()
    }
}
