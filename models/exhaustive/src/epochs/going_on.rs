//! From any state on, with a network that is good again, both sides come to complete an epoch, or the session dies in both
//! suites: just where it must.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};

use super::chains::Chains;
use super::{Awake, Epochs, Habit, Letter, State, is_alike};
use crate::manner::Manner;

/// After so many exchanges suite 1 has what it still can have: every message opens, or never again all.
const RECOVERY: usize = 3;

/// What becomes of messages that are still under way.
#[derive(Clone, Copy)]
enum Rest {
    Lost,
    /// They come, in order, before anything new.
    First,
}

/// What becomes of two sides that go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Both complete one more epoch, after so many exchanges.
    Completes(usize),
    /// The session dies in suite 1 and in suite 2, as it must: one side has followed what the other one has lost.
    Dies,
    /// It dies without that, or lives in spite of it, or no epoch completes, or the suites part.
    Fails,
}

/// What became of those that went on, each once: by a hash of what they went on from.
#[derive(Debug, Default)]
pub struct Tally(Mutex<HashMap<u64, [Ending; 3]>>);

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endings = self.0.lock().expect("nobody panics with it");
        let all = endings.values().flatten();
        let exchanges = all.filter_map(|ending| match ending {
            Ending::Completes(exchanges) => Some(*exchanges),
            Ending::Dies | Ending::Fails => None,
        });
        let (completed, slowest) = exchanges.fold((0, 0), |(completed, slowest), exchanges| {
            (completed + 1, exchanges.max(slowest))
        });
        let died = 3 * endings.len() - completed;
        write!(
            formatter,
            ", of {} that go on {completed} complete an epoch, after {slowest} exchanges at most, and {died} die with suite 1",
            3 * endings.len()
        )
    }
}

impl Epochs {
    /// Whether both complete an epoch, whatever is under way and however they go on, unless the session must die.
    pub(super) fn completes(&self, state: &State) -> bool {
        self.endings(state).all(|ending| ending != Ending::Fails)
    }

    /// Whether both complete an epoch, whatever is under way and however they go on.
    pub(super) fn lives_on(&self, state: &State) -> bool {
        self.endings(state).all(|ending| matches!(ending, Ending::Completes(_)))
    }

    fn endings(&self, state: &State) -> impl Iterator<Item = Ending> {
        [Rest::Lost, Rest::First].into_iter().flat_map(|rest| {
            let key = key(state, rest);
            let tally = || self.tally.0.lock().expect("nobody panics with it");
            let known = tally().get(&key).copied();
            known.unwrap_or_else(|| {
                let endings = Manner::ALL.map(|manner| self.ending(state, manner, rest));
                tally().insert(key, endings);
                endings
            })
        })
    }

    fn ending(&self, state: &State, manner: Manner, rest: Rest) -> Ending {
        let mut sides = [state.sides[0].wake(), state.sides[1].wake()];
        for (from, letter) in under_way(state, rest) {
            if alike(&mut sides[1 - from], letter).is_none() {
                return Ending::Fails;
            }
        }
        let lives_on = self.habit == Habit::TakesNoneForDead
            || Chains::live_on(sides.each_ref().map(|side| &side.chains));
        let completed = sides.iter().map(Awake::completed).max().unwrap_or_default();
        for exchange in 1..=self.exchanges {
            let Some(is_whole) = self.exchange(&mut sides, manner) else {
                return Ending::Fails;
            };
            if is_whole != lives_on && exchange > RECOVERY {
                return Ending::Fails;
            }
            if sides.iter().all(|side| side.completed() > completed) {
                return if lives_on { Ending::Completes(exchange) } else { Ending::Fails };
            }
        }
        if lives_on { Ending::Fails } else { Ending::Dies }
    }

    /// Whether both messages open; nothing if the suites differ in it.
    fn exchange(&self, sides: &mut [Awake; 2], manner: Manner) -> Option<bool> {
        let first = match manner {
            Manner::AtOnce | Manner::First(0) => 0,
            Manner::First(_) => 1,
        };
        let mut opened = [false; 2];
        let text = || self.text(2, 0);
        let earlier = self.send(&mut sides[first], text());
        if let Manner::AtOnce = manner {
            let later = self.send(&mut sides[1 - first], text());
            opened[0] = alike(&mut sides[1 - first], &earlier)?;
            opened[1] = alike(&mut sides[first], &later)?;
        } else {
            opened[0] = alike(&mut sides[1 - first], &earlier)?;
            let later = self.send(&mut sides[1 - first], text());
            opened[1] = alike(&mut sides[first], &later)?;
        }
        Some(opened == [true; 2])
    }
}

/// What is still under way, if it comes.
fn under_way(state: &State, rest: Rest) -> impl Iterator<Item = (usize, &Arc<Letter>)> {
    let comes = matches!(rest, Rest::First);
    let letters = (0..2).flat_map(|from| {
        state.letters[from].iter().enumerate().map(move |(place, letter)| (from, place, letter))
    });
    letters
        .filter(move |(from, place, _)| comes && !state.sides[1 - from].has_had(*place))
        .map(|(from, _, letter)| (from, letter))
}

/// All that an ending depends on but for the manner.
fn key(state: &State, rest: Rest) -> u64 {
    let mut hasher = DefaultHasher::new();
    for side in &state.sides {
        let stored = &side.stored;
        (&stored.classical, &stored.hybrid, &stored.chains, &side.draws).hash(&mut hasher);
    }
    under_way(state, rest).for_each(|letter| letter.hash(&mut hasher));
    hasher.finish()
}

/// Whether a message opens; nothing if the suites differ in it.
fn alike(side: &mut Awake, letter: &Letter) -> Option<bool> {
    let [classical, hybrid] = side.receive(letter);
    is_alike(&classical, &hybrid).then(|| hybrid.is_ok())
}
