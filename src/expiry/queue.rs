//! Deadlines in order: the first few sorted, the rest in bunches, each later than the one before.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::expiry::queue::spreading::spread;
use crate::expiry::queue::timer::{Timer, index};
use crate::time::EngineTime;

pub(crate) mod timer;

pub(crate) mod spreading;

/// How many timers stand together at most. More are searched through for one that moves, and fewer make more bunches
/// to find the right one of.
const MOST: usize = 128;

/// Stands for the bunch of a timer that is not set, and of one that is among the first.
const NOWHERE: u32 = u32::MAX;
const FRONT: u32 = u32::MAX - 1;

/// Deadlines in order, for timers that are numbered: the places of a table, from 0 on. Each number has one
/// deadline or none. The earliest is there at once; setting, moving and cancelling one takes steps that grow with
/// the logarithm of how many there are. Equal deadlines come in the order of their numbers.
///
/// It takes some 18 bytes for each timer and 12 for each number that is not set, so numbers are best used again.
/// Nothing of it is worth storing: it is rebuilt from the deadlines.
#[derive(Clone, Default)]
pub struct DeadlineQueue {
    /// By number, as far as it is set.
    deadlines: Vec<EngineTime>,
    /// By number, in which bunch it is.
    places: Vec<u32>,
    /// The first ones, the earliest last. It is empty only where there are no others.
    front: Vec<Timer>,
    /// The rest, in bunches without an order within. They are sorted when their turn comes, and most timers have moved
    /// until then.
    bunches: Vec<Vec<u32>>,
    /// The order of the bunches, by what none of a bunch is earlier than, and none of those before it later. None is
    /// empty.
    order: BTreeMap<Timer, u32>,
    /// Places of bunches that are to be used again.
    free: Vec<u32>,
    /// How many timers are set.
    count: usize,
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
        self.count
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Sets the timer of this number, or moves it. Memory is taken for all numbers up to the greatest.
    pub fn set(&mut self, number: u32, deadline: EngineTime) {
        self.cancel(number);
        self.make_room(number);
        if let Some(noted) = self.deadlines.get_mut(index(number)) {
            *noted = deadline;
        }
        self.count = self.count.saturating_add(1);
        self.put(Timer { deadline, number });
    }

    /// Takes the timer of this number away; gives its deadline, if it was set.
    pub fn cancel(&mut self, number: u32) -> Option<EngineTime> {
        let deadline = self.deadline(number)?;
        let timer = Timer { deadline, number };
        let place = self.places.get_mut(index(number))?;
        let bunch = core::mem::replace(place, NOWHERE);
        self.count = self.count.saturating_sub(1);
        if bunch == FRONT {
            let place = self.front_place(timer);
            if self.front.get(place) == Some(&timer) {
                self.front.remove(place);
                self.refill();
            }
        } else {
            self.leave(bunch, timer);
        }
        Some(deadline)
    }

    /// The deadline of this number, if it is set.
    #[must_use]
    pub fn deadline(&self, number: u32) -> Option<EngineTime> {
        let place = self.places.get(index(number)).filter(|place| **place != NOWHERE);
        place.and_then(|_| self.deadlines.get(index(number)).copied())
    }

    /// The earliest deadline, and whose it is.
    #[must_use]
    pub fn first(&self) -> Option<(EngineTime, u32)> {
        self.front.last().map(|timer| (timer.deadline, timer.number))
    }

    /// Takes the first timer away, if its deadline has come.
    pub fn pop_due(&mut self, now: EngineTime) -> Option<(EngineTime, u32)> {
        let first = self.first().filter(|(deadline, _)| *deadline <= now)?;
        self.front.pop();
        self.count = self.count.saturating_sub(1);
        self.move_to(first.1, NOWHERE);
        self.refill();
        Some(first)
    }

    /// Has room for this number.
    fn make_room(&mut self, number: u32) {
        let numbers = index(number).saturating_add(1);
        if self.places.len() < numbers {
            self.places.resize(numbers, NOWHERE);
            self.deadlines.resize(numbers, EngineTime::START);
        }
    }

    fn move_to(&mut self, number: u32, bunch: u32) {
        if let Some(place) = self.places.get_mut(index(number)) {
            *place = bunch;
        }
    }

    /// Where a timer stands among the first, or belongs.
    fn front_place(&self, timer: Timer) -> usize {
        self.front.partition_point(|it| it.rank() > timer.rank())
    }

    /// The bunch that a timer belongs into; `None` if it is one of the first.
    fn bunch_of(&self, timer: Timer) -> Option<u32> {
        self.order.range(..=timer).next_back().map(|(_, bunch)| *bunch)
    }

    /// Puts a timer where it belongs.
    fn put(&mut self, timer: Timer) {
        if let Some(number) = self.bunch_of(timer) {
            self.move_to(timer.number, number);
            if let Some(bunch) = self.bunches.get_mut(index(number)) {
                bunch.push(timer.number);
                if bunch.len() > MOST {
                    self.halve(number);
                }
            }
            return;
        }
        self.move_to(timer.number, FRONT);
        self.front.insert(self.front_place(timer), timer);
        if self.front.len() > MOST {
            let first = self.front.split_off(MOST.wrapping_div(2));
            let rest = core::mem::replace(&mut self.front, first);
            if let Some(bound) = rest.last() {
                self.add_bunch(*bound, rest.iter().map(|it| it.number).collect());
            }
        }
    }

    /// Takes a timer out of its bunch.
    fn leave(&mut self, number: u32, timer: Timer) {
        let Some(bunch) = self.bunches.get_mut(index(number)) else { return };
        if let Some(place) = find(bunch, timer.number) {
            bunch.swap_remove(place);
        }
        if bunch.is_empty() {
            *bunch = Vec::new();
            self.free.push(number);
            let bound = self.order.range(..=timer).next_back().map(|(bound, _)| *bound);
            bound.into_iter().for_each(|bound| _ = self.order.remove(&bound));
        }
    }

    /// Puts the later half of a bunch into one of its own.
    fn halve(&mut self, number: u32) {
        let Some(full) = self.bunches.get_mut(index(number)) else { return };
        let (deadlines, half) = (&self.deadlines, full.len().wrapping_div(2));
        let rank = |number: &u32| Timer::of(*number, deadlines).rank();
        let (_, middle, _) = full.select_nth_unstable_by_key(half, rank);
        let bound = Timer::of(*middle, deadlines);
        let later = full.split_off(half);
        self.add_bunch(bound, later);
    }

    /// Adds a bunch, of which none is earlier than `bound`.
    fn add_bunch(&mut self, bound: Timer, numbers: Vec<u32>) {
        let reused = self.free.pop();
        // There are fewer bunches than timers, which are counted by 32 bits.
        let next = || u32::try_from(self.bunches.len()).unwrap_or(NOWHERE);
        let bunch = reused.unwrap_or_else(next);
        numbers.iter().for_each(|number| self.move_to(*number, bunch));
        match self.bunches.get_mut(index(bunch)) {
            Some(free) => *free = numbers,
            None => self.bunches.push(numbers),
        }
        self.order.insert(bound, bunch);
    }

    /// Sorts the next bunch, if it is its turn.
    fn refill(&mut self) {
        if !self.front.is_empty() {
            return;
        }
        let Some((_, bunch)) = self.order.pop_first() else { return };
        let numbers = self.bunches.get_mut(index(bunch)).map(core::mem::take).unwrap_or_default();
        self.free.push(bunch);
        for number in numbers {
            self.move_to(number, FRONT);
            self.front.push(Timer::of(number, &self.deadlines));
        }
        self.front.sort_unstable_by_key(|timer| Reverse(timer.rank()));
    }
}

/// All at once, in steps that grow with how many there are. Of two deadlines of one number the later one given
/// holds.
impl FromIterator<(u32, EngineTime)> for DeadlineQueue {
    fn from_iter<Timers: IntoIterator<Item = (u32, EngineTime)>>(timers: Timers) -> Self {
        let mut queue = Self::new();
        for (number, deadline) in timers {
            queue.make_room(number);
            queue.move_to(number, FRONT);
            if let Some(noted) = queue.deadlines.get_mut(index(number)) {
                *noted = deadline;
            }
        }
        let set = (0..).zip(&queue.places).filter(|(_, place)| **place != NOWHERE);
        let numbers: Vec<u32> = set.map(|(number, _)| number).collect();
        queue.count = numbers.len();
        let mut bunches = Vec::new();
        spread(&numbers, &queue.deadlines, MOST, &mut bunches);
        let mut bounds = Vec::with_capacity(bunches.len());
        for ((bound, numbers), bunch) in bunches.into_iter().zip(0..) {
            numbers.iter().for_each(|number| queue.move_to(*number, bunch));
            queue.bunches.push(numbers);
            bounds.push((bound, bunch));
        }
        queue.order = bounds.into_iter().collect();
        queue.refill();
        queue
    }
}

/// Where a number stands in a bunch. By sixteen at a time, which compilers make a few instructions of.
fn find(bunch: &[u32], number: u32) -> Option<usize> {
    const TOGETHER: usize = 16;
    let has = |some: &[u32]| some.iter().fold(false, |has, it| has | (*it == number));
    let pieces = bunch.chunks(TOGETHER).position(has)?;
    let start = pieces.saturating_mul(TOGETHER);
    let within = bunch.get(start..)?.iter().position(|it| *it == number)?;
    Some(start.saturating_add(within))
}

/// How many deadlines there are.
impl core::fmt::Debug for DeadlineQueue {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("DeadlineQueue").field("timers", &self.len()).finish_non_exhaustive()
    }
}
