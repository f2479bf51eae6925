//! Timed work: what it needs is made ready before, and what came of it is looked at afterwards.

use std::hint::black_box;
use std::time::Duration;

use crate::clock::Clock;

/// An operation that can be timed again and again.
pub trait Work {
    /// Does the operation so many times, at least once, and says how long all of them took.
    fn time(&mut self, count: usize, clock: &Clock) -> Duration;
}

/// Operations on states, each of which serves for some.
pub struct Stretches<Prepare, Operate, Check> {
    /// How many operations one state serves for.
    pub uses: usize,
    /// How many states are made ready at a time. Few, so that each is still in the processor's cache.
    pub at_once: usize,
    /// Makes a state.
    pub prepare: Prepare,
    /// The operation; it is told how many times its state was used before.
    pub operate: Operate,
    /// Looks at what the first operation on a state gave.
    pub check: Check,
}

impl<State, Output, Prepare, Operate, Check> Work for Stretches<Prepare, Operate, Check>
where
    Prepare: FnMut() -> State,
    Operate: FnMut(&mut State, usize) -> Output,
    Check: FnMut(&mut State, Output),
{
    fn time(&mut self, count: usize, clock: &Clock) -> Duration {
        let Self { uses, at_once, prepare, operate, check } = self;
        let (mut elapsed, mut left) = (Duration::ZERO, count);
        while left != 0 {
            let wanted = left.div_ceil(*uses).min(*at_once);
            // Once untimed, after all that preparing has put into the processor's caches.
            let mut warming = prepare();
            let mut states: Vec<State> = (0..wanted).map(|_| prepare()).collect();
            black_box(operate(&mut warming, 0));
            let (first, took) = clock.time(|| {
                let mut first = None;
                for state in &mut states {
                    let uses = left.min(*uses);
                    left -= uses;
                    for number in 0..uses {
                        let output = black_box(operate(state, number));
                        if first.is_none() {
                            first = Some(output);
                        }
                    }
                }
                first
            });
            elapsed += took;
            if let (Some(state), Some(output)) = (states.first_mut(), first) {
                check(state, output);
            }
        }
        elapsed
    }
}

/// Work that needs no state; the operation is told its number within a stretch of so many.
pub fn repeated<Output: 'static>(
    uses: usize,
    mut operate: impl FnMut(usize) -> Output + 'static,
    mut check: impl FnMut(Output) + 'static,
) -> Box<dyn Work> {
    Box::new(Stretches {
        uses,
        at_once: 1,
        prepare: || (),
        operate: move |(): &mut (), number| operate(number),
        check: move |(): &mut (), output| check(output),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_done_and_the_first_of_each_stretch_is_checked() {
        let (mut prepared, mut operated, mut checked) = (0, Vec::new(), Vec::new());
        let mut stretches = Stretches {
            uses: 3,
            at_once: 2,
            prepare: || {
                prepared += 1;
                prepared
            },
            operate: |state: &mut i32, number| {
                operated.push((*state, number));
                *state * 10
            },
            check: |_: &mut i32, output| checked.push(output),
        };
        stretches.time(8, &Clock::calibrated());
        assert_eq!(prepared, 5);
        let first_stretch = [(1, 0), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2)];
        let second_stretch = [(4, 0), (5, 0), (5, 1)];
        assert_eq!(operated, [&first_stretch[..], &second_stretch].concat());
        assert_eq!(checked, [20, 50]);
    }
}
