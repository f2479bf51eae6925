//! From any state on, with a network that is good again, both sides come to send in one session.

use std::sync::atomic::Ordering;

use evanesce::session::Role;

use super::{Following, Starting, State};
use crate::device::Awake;
use crate::manner::Manner;

/// Exchanges after which they must still be where they came to.
const STAY: usize = 2;

/// What becomes of messages that are still under way.
#[derive(Clone, Copy)]
enum Rest {
    Lost,
    /// They come, in order, before anything new.
    First,
    /// They come, in order, when both send in one session again.
    Late,
}

struct Settling<'model> {
    model: &'model Starting,
    sides: [Awake; 2],
    exchanges: usize,
}

impl Starting {
    pub(super) fn settles(&self, state: &State) -> bool {
        let rests = [Rest::Lost, Rest::First, Rest::Late];
        Manner::ALL
            .iter()
            .all(|manner| rests.iter().all(|rest| self.settles_so(state, *manner, *rest)))
    }

    fn settles_so(&self, state: &State, manner: Manner, rest: Rest) -> bool {
        let is_under_way = state.letters.iter().flatten().any(|letter| !letter.opened);
        if !is_under_way && !matches!(rest, Rest::Lost) {
            return true;
        }
        let sides = [state.sides[0].wake(), state.sides[1].wake()];
        let mut settling = Settling { model: self, sides, exchanges: 0 };
        match rest {
            Rest::Lost => settling.comes_together(manner),
            Rest::First => settling.takes(state) && settling.comes_together(manner),
            Rest::Late => {
                settling.comes_together(manner)
                    && settling.takes(state)
                    && settling.comes_together(manner)
            }
        }
    }

    /// Sends as a side of this model does.
    pub(super) fn send(&self, awake: &mut Awake, side: usize, body: &str) -> Vec<u8> {
        let theirs = &self.bundles[1 - side];
        match self.following {
            Following::Peer => {}
            Following::Nobody => {
                let active = awake.peer.sessions().next();
                if active.is_some_and(|session| session.role() == Role::Responder) {
                    awake.begin(theirs);
                }
            }
        }
        awake.send(body, theirs)
    }
}

impl Settling<'_> {
    /// Exchanges messages until both send in one session, and finds that they stay there.
    fn comes_together(&mut self, manner: Manner) -> bool {
        let mut needed = 0;
        while !self.agree() {
            if needed == self.model.exchanges || !self.exchange(manner) {
                return false;
            }
            needed += 1;
        }
        self.model.slowest.fetch_max(needed, Ordering::Relaxed);
        let agreed = self.sides[0].active();
        (0..STAY).all(|_| self.exchange(manner) && self.agree() && self.sides[0].active() == agreed)
    }

    fn agree(&self) -> bool {
        let [ours, theirs] = &self.sides;
        ours.active().is_some() && ours.active() == theirs.active()
    }

    /// Whether both messages open.
    fn exchange(&mut self, manner: Manner) -> bool {
        self.exchanges += 1;
        match manner {
            Manner::AtOnce => {
                let sent = [self.sent_by(0), self.sent_by(1)];
                (0..2).all(|side| self.opens(side, &sent[side]))
            }
            Manner::First(first) => [first, 1 - first].into_iter().all(|side| {
                let message = self.sent_by(side);
                self.opens(side, &message)
            }),
        }
    }

    fn sent_by(&mut self, side: usize) -> Vec<u8> {
        let body = format!("{side} settles, {}", self.exchanges);
        self.model.send(&mut self.sides[side], side, &body)
    }

    fn opens(&mut self, from: usize, message: &[u8]) -> bool {
        let body = format!("{from} settles, {}", self.exchanges);
        self.sides[1 - from].receive(message).is_ok_and(|opened| opened == body.as_bytes())
    }

    /// What was under way comes, and opens.
    fn takes(&mut self, state: &State) -> bool {
        let [to_bob, to_alice] = &state.letters;
        let late = to_bob.iter().map(|letter| (1, letter)).chain(to_alice.iter().map(|it| (0, it)));
        let late = late.filter(|(_, letter)| !letter.opened);
        late.fold(true, |all, (to, letter)| self.sides[to].receive(&letter.bytes).is_ok() && all)
    }
}
