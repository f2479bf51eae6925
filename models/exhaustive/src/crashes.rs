//! Two processes with a store each, and a carrier. A process may be stopped after any single step; what it then
//! has is what it stored.

mod person;

use std::collections::BTreeSet;

use evanesce::Suite;
use stateright::{Model, Property};

use crate::device::{Bundles, Device, acquainted};
use crate::sealed_header::sealed_header;
use crate::trial::Tried;
use person::{Asked, Doing, Letter, Person};

/// In which order a process stores, sends and acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// As `src/lib.rs` asks.
    AsDocumented,
    /// FLAW: a message leaves, and is stored after that.
    SendsBeforeStoring,
    /// FLAW: what a message says is stored in one transaction, the state that opened it in the next.
    StoresTextAlone,
    /// FLAW: the carrier forgets a message before what it says is stored.
    AcknowledgesBeforeStoring,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    KeepsOrder,
    Shuffles,
}

pub struct Crashes {
    devices: [Device; 2],
    bundles: [Bundles; 2],
    /// How many messages each side sends.
    messages: [usize; 2],
    /// How often a process is stopped.
    stops: usize,
    carrier: Carrier,
    habit: Habit,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct State {
    people: [Person; 2],
    /// What the carrier has for each.
    mail: [Vec<Letter>; 2],
    /// All that the carrier ever took.
    seen: BTreeSet<Vec<u8>>,
    stops: usize,
    /// The last message that was opened was not taken as it must be.
    is_amiss: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Begins a session if there is none, else encrypts.
    Write {
        side: usize,
    },
    HandOver {
        side: usize,
    },
    Open {
        side: usize,
        place: usize,
    },
    /// The next step of what was begun.
    GoOn {
        side: usize,
    },
    Stop {
        side: usize,
    },
}

impl Crashes {
    pub fn new(suite: Suite, messages: [usize; 2], stops: usize, carrier: Carrier) -> Self {
        let (devices, bundles) = acquainted(suite, 4, 10);
        Self { devices, bundles, messages, stops, carrier, habit: Habit::AsDocumented }
    }

    pub fn with(self, habit: Habit) -> Self {
        Self { habit, ..self }
    }
}

impl Model for Crashes {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let people = self.devices.clone().map(Person::new);
        let mail = [Vec::new(), Vec::new()];
        vec![State { people, mail, seen: BTreeSet::new(), stops: 0, is_amiss: false }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.is_amiss {
            return;
        }
        for (side, person) in state.people.iter().enumerate() {
            if person.doing != Doing::Nothing {
                actions.push(Action::GoOn { side });
                if state.stops < self.stops {
                    actions.push(Action::Stop { side });
                }
                continue;
            }
            if person.store.sent.len() < self.messages[side] {
                actions.push(Action::Write { side });
            }
            if !person.store.outbox.is_empty() {
                actions.push(Action::HandOver { side });
            }
            let waiting = state.mail[side].len();
            let choices = match self.carrier {
                Carrier::KeepsOrder => waiting.min(1),
                Carrier::Shuffles => waiting,
            };
            actions.extend((0..choices).map(|place| Action::Open { side, place }));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut state = state.clone();
        let State { people, mail, seen, stops, is_amiss } = &mut state;
        let (side, asked) = match action {
            Action::Write { side } => {
                people[side].write(number(side), &self.bundles[1 - side]);
                (side, Asked::Nothing)
            }
            Action::HandOver { side } => (side, people[side].hand_over()),
            Action::Open { side, place } => {
                *is_amiss = !people[side].open(place, &mail[side][place], self.carrier);
                (side, Asked::Nothing)
            }
            Action::GoOn { side } => (side, people[side].go_on(self.habit)),
            Action::Stop { side } => {
                people[side].stop();
                *stops += 1;
                (side, Asked::Nothing)
            }
        };
        match asked {
            Asked::Nothing => {}
            Asked::Carry(letter) => {
                seen.insert(letter.bytes.clone());
                mail[1 - side].push(letter);
            }
            Asked::Forget { place } => _ = mail[side].remove(place),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no number is used for two messages", |_, state: &State| {
                let headers: BTreeSet<_> = state.seen.iter().map(|it| sealed_header(it)).collect();
                headers.len() == state.seen.len()
            }),
            Property::always("nothing is shown twice", |_, state: &State| {
                state.people.iter().all(|person| person.store.shows_each_once())
            }),
            Property::always("what is shown was sent, in order if the carrier keeps it", {
                |model: &Self, state: &State| {
                    (0..2).all(|side| model.shows_what_was_sent(state, side))
                }
            }),
            Property::always(
                "when all is quiet, nothing is lost",
                |model: &Self, state: &State| {
                    !state.is_quiet() || (0..2).all(|side| model.has_shown_all(state, side))
                },
            ),
            Property::always(
                "what has not been shown opens, what has is refused",
                |_, state: &State| !state.is_amiss,
            ),
            Property::sometimes("all is done after every stop", |model: &Self, state: &State| {
                let sent = state.people.each_ref().map(|person| person.store.sent.len());
                state.is_quiet() && sent == model.messages && state.stops == model.stops
            }),
            Property::sometimes("a duplicate comes", |_, state: &State| {
                let is_duplicate =
                    |it: &Person| matches!(it.doing, Doing::Opened { text: None, .. });
                state.people.iter().any(is_duplicate)
            }),
        ]
    }
}

impl Crashes {
    fn shows_what_was_sent(&self, state: &State, side: usize) -> bool {
        let (shown, sent) = (&state.people[side].store.shown, &state.people[1 - side].store.sent);
        match self.carrier {
            Carrier::KeepsOrder => sent.starts_with(shown),
            Carrier::Shuffles => shown.iter().all(|text| sent.contains(text)),
        }
    }

    fn has_shown_all(&self, state: &State, side: usize) -> bool {
        let (shown, sent) = (&state.people[side].store.shown, &state.people[1 - side].store.sent);
        sent.iter().all(|text| shown.contains(text))
    }
}

impl State {
    /// Whether nobody has anything left to do with what was written.
    fn is_quiet(&self) -> bool {
        let rest = |it: &Person| it.doing == Doing::Nothing && it.store.outbox.is_empty();
        self.people.iter().all(rest) && self.mail.iter().all(Vec::is_empty)
    }
}

fn number(side: usize) -> u8 {
    u8::from(side == 1)
}

impl Tried for Crashes {}
