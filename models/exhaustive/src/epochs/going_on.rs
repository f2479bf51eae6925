//! From any state on, with a network that is good again, both sides come to complete an epoch, if suite 1 goes on.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Awake, Epochs, Letter, State, is_alike};
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

impl Epochs {
    pub(super) fn completes(&self, state: &State) -> bool {
        let rests = [Rest::Lost, Rest::First];
        Manner::ALL
            .iter()
            .all(|manner| rests.iter().all(|rest| self.completes_so(state, *manner, *rest)))
    }

    fn completes_so(&self, state: &State, manner: Manner, rest: Rest) -> bool {
        let mut sides = [state.sides[0].wake(), state.sides[1].wake()];
        if matches!(rest, Rest::First) {
            for (from, place) in under_way(state) {
                let letter: &Arc<Letter> = &state.letters[from][place];
                let [classical, hybrid] = sides[1 - from].receive(letter);
                if !is_alike(&classical, &hybrid) {
                    return false;
                }
            }
        }
        let completed = sides.iter().map(Awake::completed).max().unwrap_or_default();
        for exchange in 1..=self.exchanges {
            let Some(is_whole) = self.exchange(&mut sides, manner) else {
                return false;
            };
            if exchange > RECOVERY && !is_whole {
                // Suite 1 has died of it, and suite 2 as well.
                return true;
            }
            if sides.iter().all(|side| side.completed() > completed) {
                self.slowest.fetch_max(exchange, Ordering::Relaxed);
                return true;
            }
        }
        false
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

fn under_way(state: &State) -> impl Iterator<Item = (usize, usize)> + '_ {
    let places = |from: usize| (0..state.letters[from].len()).map(move |place| (from, place));
    let all = places(0).chain(places(1));
    all.filter(|(from, place)| !state.sides[1 - from].has_had(*place))
}

/// Whether a message opens; nothing if the suites differ in it.
fn alike(side: &mut Awake, letter: &Letter) -> Option<bool> {
    let [classical, hybrid] = side.receive(letter);
    is_alike(&classical, &hybrid).then(|| hybrid.is_ok())
}
