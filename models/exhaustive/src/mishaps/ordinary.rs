//! Three days in which nothing more goes wrong: every eight hours both sides write to whom they have accepted, and take
//! what has come. Then a day in which everything opens.

use std::time::Duration;

use evanesce::Contact;

use super::{Mishaps, State};
use crate::device::{Awake, NOW};
use crate::manner::Manner;

const BETWEEN: Duration = Duration::from_secs(8 * 3_600);
/// How often both write in three days, and on the day after.
const MENDING: usize = 9;
const AFTER: usize = 3;

struct Use<'model> {
    model: &'model Mishaps,
    sides: [Awake; 2],
    /// By receiver, with whether it must open.
    mail: [Vec<(Vec<u8>, bool)>; 2],
    opened: usize,
}

impl Mishaps {
    pub(super) fn mends(&self, state: &State) -> bool {
        Manner::ALL.iter().all(|manner| self.mends_so(state, *manner))
    }

    fn mends_so(&self, state: &State, manner: Manner) -> bool {
        let sides = [0, 1].map(|side| {
            let mut awake = state.sides[side].stored.device.wake();
            let _ = awake.peer.accept_request();
            awake
        });
        let is_known = sides.iter().any(|side| *side.peer.contact() != Contact::None);
        let mut ordinary = Use { model: self, sides, mail: [vec![], vec![]], opened: 0 };
        for _ in 0..MENDING {
            ordinary.pass(manner, false);
        }
        let begun = ordinary.sides[0].active();
        for _ in 0..AFTER {
            ordinary.pass(manner, true);
        }
        for side in 0..2 {
            ordinary.take(side);
        }
        let active = [0, 1].map(|side| ordinary.sides[side].active());
        let agree = active == [begun; 2] && begun.is_some();
        !is_known || ordinary.opened == 2 * AFTER && agree
    }
}

impl Use<'_> {
    fn pass(&mut self, manner: Manner, must_open: bool) {
        for side in &mut self.sides {
            side.now = side.now.plus(BETWEEN);
            let _ = side.peer.maintain(side.now);
        }
        let order = match manner {
            Manner::AtOnce => [0, 1],
            Manner::First(first) => [first, 1 - first],
        };
        for side in order {
            self.take(side);
            if let Manner::AtOnce = manner {
                continue;
            }
            self.write(side, must_open);
        }
        if let Manner::AtOnce = manner {
            order.iter().for_each(|side| self.write(*side, must_open));
        }
    }

    fn take(&mut self, side: usize) {
        for (message, must_open) in std::mem::take(&mut self.mail[side]) {
            let awake = &mut self.sides[side];
            let (opened, answer) = self.model.receive(awake, side, &message);
            if let Contact::Request(_) = awake.peer.contact() {
                let _ = awake.peer.accept_request();
            }
            self.opened += usize::from(must_open && matches!(opened, Some(Ok(_))));
            self.mail[1 - side].extend(answer.map(|answer| (answer, false)));
        }
    }

    /// One who has deleted the other waits to be written to.
    fn write(&mut self, side: usize, must_open: bool) {
        let awake = &mut self.sides[side];
        if let Contact::Accepted(_) = awake.peer.contact() {
            let hours = (awake.now.unix_seconds() - NOW.unix_seconds()) / 3_600;
            let sent = self.model.send(awake, side, &format!("{side} after {hours} hours"));
            self.mail[1 - side].extend(sent.map(|sent| (sent, must_open)));
        }
    }
}
