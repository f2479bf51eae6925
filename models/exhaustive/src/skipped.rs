//! Messages of several chains arrive in any order, more than once or never, while time passes; and each comes out
//! as the definition says.
//!
//! In every state every message that has been sent is offered, whether it has come before or not: so each may be
//! repeated and lost as often as one likes.

pub mod definition;
mod script;

use std::hash::{Hash, Hasher};
use std::time::Duration;

use evanesce::session::{DecryptError, Session};
use stateright::{Model, Property};

use crate::device::{AD, NOW};
use crate::trial::Tried;
use definition::{Bounds, Definition, Outcome, Reading};
use script::{Letter, Script, answer, text};

/// Bytes of a snapshot before its state, and behind it (docs/protocol.md §14.4).
const HEAD: usize = 10;
const CHECK: usize = 16;

pub struct Skipped {
    script: Script,
    definition: Definition,
    /// How many seconds pass at most.
    seconds: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    session: Vec<u8>,
    /// How many messages have opened, of which the session remembers three bytes each, at its end.
    opened: usize,
    definition: Definition,
    answers: usize,
    now: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A message arrives that opens: others change nothing.
    Deliver { chain: usize, number: u32 },
    /// The receiver answers, so that the sender's next chain can begin.
    Answer,
    /// A second passes.
    Pass,
    /// The clock is set back to the beginning.
    SetBack,
    /// The receiver drops what is too old.
    Maintain,
}

impl Skipped {
    /// Chains of these lengths.
    pub fn new(lengths: &[u32], bounds: Bounds, seconds: u64) -> Self {
        let definition = Definition::after_answer(bounds, Reading::AsWritten);
        Self { script: Script::new(lengths, bounds), definition, seconds }
    }

    pub fn misread(self, bounds: Bounds, reading: Reading) -> Self {
        Self { definition: Definition::after_answer(bounds, reading), ..self }
    }

    /// The messages that have been sent.
    fn sent(&self, state: &State) -> impl Iterator<Item = &Letter> {
        let last_chain = state.answers + 1;
        self.script.messages.iter().filter(move |letter| letter.header.chain <= last_chain)
    }

    /// Whether each message comes out as it must, and a refused one changes nothing.
    fn comes_out(&self, state: &State) -> bool {
        self.sent(state).all(|letter| {
            let mut session = state.wake();
            let outcome = state.offer(&mut session, letter);
            let as_defined = state.definition.clone().take(letter.header, state.now);
            let is_opened = matches!(outcome, Some(Outcome::Opened { .. }));
            let is_changed = *session.snapshot() != state.session;
            outcome == Some(as_defined) && is_opened == is_changed
        })
    }
}

/// Without what the session remembers of the order in which messages opened: nothing that a session does depends on
/// it, and each order would be a state of its own.
impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self { session, opened, definition, answers, now } = self;
        let end = session.len() - CHECK - 3 * opened;
        (&session[HEAD..end], opened, definition, answers, now).hash(hasher);
    }
}

impl State {
    fn wake(&self) -> Session {
        Session::restore(&self.session).expect("what was stored")
    }

    /// What becomes of a message; `None` if it is nothing that the definition knows.
    fn offer(&self, session: &mut Session, letter: &Letter) -> Option<Outcome> {
        let now = NOW.plus(Duration::from_secs(self.now));
        match session.decrypt(&letter.bytes, AD, now) {
            Ok(received) if received.peer_went_back => None,
            Ok(received) if received.body != text(letter.header).as_bytes() => None,
            Ok(received) => Some(Outcome::Opened { dropped: received.dropped_keys }),
            Err(DecryptError::Duplicate) => Some(Outcome::Duplicate),
            Err(DecryptError::Expired) => Some(Outcome::Expired),
            Err(DecryptError::Undecryptable) => Some(Outcome::Undecryptable),
            Err(_) => None,
        }
    }

    /// How many keys maintenance drops, and how many it must.
    fn maintain(&self, session: &mut Session, definition: &mut Definition) -> [u32; 2] {
        let now = NOW.plus(Duration::from_secs(self.now));
        [session.maintain(now), definition.maintain(self.now)]
    }
}

impl Model for Skipped {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let (session, definition) = (self.script.bob.clone(), self.definition.clone());
        vec![State { session, opened: 1, definition, answers: 0, now: 0 }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for letter in self.sent(state) {
            // What opens by the definition opens, or a property does not hold.
            let outcome = state.definition.clone().take(letter.header, state.now);
            if let Outcome::Opened { .. } = outcome {
                let (chain, number) = (letter.header.chain, letter.header.number);
                actions.push(Action::Deliver { chain, number });
            }
        }
        if state.answers < state.definition.current_chain() {
            actions.push(Action::Answer);
        }
        if state.now < self.seconds {
            actions.push(Action::Pass);
        }
        if state.now > 0 {
            actions.push(Action::SetBack);
            actions.push(Action::Maintain);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        let mut session = state.wake();
        match action {
            Action::Deliver { chain, number } => {
                let named = |letter: &&Letter| {
                    letter.header.chain == chain && letter.header.number == number
                };
                let letter = self.script.messages.iter().find(named)?;
                let Some(Outcome::Opened { .. }) = state.offer(&mut session, letter) else {
                    return None;
                };
                next.definition.take(letter.header, state.now);
                next.opened += 1;
            }
            Action::Answer => {
                let answer = answer(&mut session, state.definition.current_chain());
                let expected = &self.script.answers[state.answers];
                assert_eq!(&answer, expected, "it does not depend on what has opened");
                next.answers += 1;
                next.definition.answer();
            }
            Action::Pass => next.now += 1,
            Action::SetBack => next.now = 0,
            Action::Maintain => _ = state.maintain(&mut session, &mut next.definition),
        }
        next.session = session.snapshot().to_vec();
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("each message comes out as defined", |model: &Self, state: &State| {
                model.comes_out(state)
            }),
            Property::always("as many keys are held as defined", |_, state: &State| {
                state.wake().held_keys() == state.definition.held_keys()
            }),
            Property::always("maintenance drops as many keys as defined", |_, state: &State| {
                let mut definition = state.definition.clone();
                let [dropped, defined] = state.maintain(&mut state.wake(), &mut definition);
                dropped == defined
            }),
            Property::sometimes("a message has expired", |model: &Self, state: &State| {
                model.some_come_out(state, Outcome::Expired)
            }),
            Property::sometimes("a chain is forgotten", |model: &Self, state: &State| {
                model.some_come_out(state, Outcome::Undecryptable)
            }),
            Property::sometimes("a message opens that drops two keys", |model: &Self, state| {
                model.some_come_out(state, Outcome::Opened { dropped: 2 })
            }),
        ]
    }
}

impl Skipped {
    fn some_come_out(&self, state: &State, wanted: Outcome) -> bool {
        let outcome = |letter: &Letter| state.definition.clone().take(letter.header, state.now);
        self.sent(state).any(|letter| outcome(letter) == wanted)
    }
}

impl Tried for Skipped {}
