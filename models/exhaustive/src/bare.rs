//! FLAW: two sides that keep bare sessions, and send in the newest one that has opened something, with no rule for
//! two that begin at the same time. It shows what the rules of docs/protocol.md §14.5 are there for.

use evanesce::session::{DecryptError, Session, SessionId};
use evanesce::{Account, Payload, Suite};
use stateright::{Model, Property};

use crate::device::{AD, Bundles, Device, NOW, acquainted};
use crate::draws::Draws;
use crate::trial::Tried;

/// In how many exchanges they would have to come to one session.
const EXCHANGES: usize = 6;

pub struct Bare {
    devices: [Device; 2],
    bundles: [Bundles; 2],
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct State {
    sides: [Side; 2],
    /// What each side has sent, and has not been delivered.
    letters: [Vec<Vec<u8>>; 2],
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Side {
    account: Vec<u8>,
    /// In the order in which they began.
    sessions: Vec<Known>,
    draws: Draws,
    sent: usize,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Known {
    session: Vec<u8>,
    has_opened: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Send { side: usize },
    Deliver { from: usize, place: usize },
}

impl Bare {
    pub fn new() -> Self {
        let (devices, bundles) = acquainted(Suite::Classical, 2, 0);
        Self { devices, bundles }
    }

    fn settles(&self, state: &State) -> bool {
        let mut sides = state.sides.clone();
        (0..EXCHANGES).any(|_| {
            let used = self.exchange(&mut sides);
            used[0] == used[1]
        })
    }

    /// Both send before they hear each other; says in which sessions.
    fn exchange(&self, sides: &mut [Side; 2]) -> [SessionId; 2] {
        let [(hers, to_bob), (his, to_alice)] =
            [0, 1].map(|side| sides[side].send(&self.bundles[1 - side]));
        sides[1].receive(&to_bob);
        sides[0].receive(&to_alice);
        [hers, his]
    }
}

impl Side {
    fn send(&mut self, theirs: &Bundles) -> (SessionId, Vec<u8>) {
        if self.sessions.is_empty() {
            let account = Account::restore(&self.account).expect("what was stored");
            let begun = account.initiate(theirs.first(), &mut self.draws.next());
            let session = begun.expect("another device").snapshot().to_vec();
            self.sessions.push(Known { session, has_opened: false });
        }
        let newest = self.sessions.iter().rposition(|known| known.has_opened).unwrap_or_default();
        let known = &mut self.sessions[newest];
        let mut session = Session::restore(&known.session).expect("what was stored");
        let sent = session.encrypt(&Payload::new("text"), AD, &mut self.draws.next());
        known.session = session.snapshot().to_vec();
        (session.id(), sent.expect("a session that sends"))
    }

    /// Offers a message to the sessions, newest first, and then to the account.
    fn receive(&mut self, message: &[u8]) {
        for known in self.sessions.iter_mut().rev() {
            let mut session = Session::restore(&known.session).expect("what was stored");
            match session.decrypt(message, AD, NOW) {
                Ok(_) => {
                    *known = Known { session: session.snapshot().to_vec(), has_opened: true };
                    return;
                }
                Err(DecryptError::OtherSession | DecryptError::Undecryptable) => {}
                Err(error) => panic!("{error}"),
            }
        }
        let mut account = Account::restore(&self.account).expect("what was stored");
        let accepted = account.accept(message, AD, NOW).expect("the first of a session");
        self.account = account.snapshot().to_vec();
        let session = accepted.session.snapshot().to_vec();
        self.sessions.push(Known { session, has_opened: true });
    }
}

impl Model for Bare {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let side = |Device { account, draws, .. }: Device| {
            let sessions = Vec::new();
            Side { account, sessions, draws, sent: 0 }
        };
        vec![State { sides: self.devices.clone().map(side), letters: [Vec::new(), Vec::new()] }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for side in 0..2 {
            if state.sides[side].sent == 0 {
                actions.push(Action::Send { side });
            }
            let places = 0..state.letters[side].len();
            actions.extend(places.map(|place| Action::Deliver { from: side, place }));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut state = state.clone();
        match action {
            Action::Send { side } => {
                let (_, message) = state.sides[side].send(&self.bundles[1 - side]);
                state.sides[side].sent += 1;
                state.letters[side].push(message);
            }
            Action::Deliver { from, place } => {
                let message = state.letters[from].remove(place);
                state.sides[1 - from].receive(&message);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("who has begun comes to send in one session", {
            |model: &Self, state: &State| {
                let has_begun = |side: &Side| !side.sessions.is_empty();
                !state.sides.iter().all(has_begun) || model.settles(state)
            }
        })]
    }
}

impl Tried for Bare {}
