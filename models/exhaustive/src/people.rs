//! A person with two devices writes to a person with two. Each process has a store and may be stopped after any single
//! step; the carrier keeps the order. What a device has read it tells its own other device.

mod process;

use std::collections::BTreeSet;

use evanesce::Suite;
use stateright::{Model, Property};

use crate::sealed_header::sealed_header;
use crate::trial::Tried;
use process::{Asked, Doing, Process, household};

/// The devices: two of hers, then two of his.
const DEVICES: usize = 4;

/// In which order a process stores and sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// As the documents say: what a call changed and all its messages in one transaction.
    AsDocumented,
    /// FLAW: a transaction for each message of a fan-out.
    StoresEachApart,
    /// FLAW: the messages leave, and are stored after that.
    SendsBeforeStoring,
    /// FLAW: what was read is stored, and what own devices are told of it in the next transaction.
    TellsApart,
}

pub struct People {
    processes: [Process; DEVICES],
    /// How many texts each device writes.
    texts: [usize; DEVICES],
    /// How often a process is stopped.
    stops: usize,
    habit: Habit,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct State {
    processes: [Process; DEVICES],
    /// What the carrier has for each, with who sent it.
    mail: [Vec<(usize, Vec<u8>)>; DEVICES],
    /// All that the carrier ever took.
    seen: BTreeSet<Vec<u8>>,
    stops: usize,
    /// The last message that was opened was not taken as it must be.
    is_amiss: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Write(usize),
    HandOver(usize),
    Open(usize),
    /// The next step of what was begun.
    GoOn(usize),
    Stop(usize),
}

impl People {
    pub fn new(suite: Suite, texts: [usize; DEVICES], stops: usize) -> Self {
        Self { processes: household(suite), texts, stops, habit: Habit::AsDocumented }
    }

    pub fn with(self, habit: Habit) -> Self {
        Self { habit, ..self }
    }
}

impl Model for People {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let (processes, mail) = (self.processes.clone(), [const { Vec::new() }; DEVICES]);
        vec![State { processes, mail, seen: BTreeSet::new(), stops: 0, is_amiss: false }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.is_amiss {
            return;
        }
        for (device, process) in state.processes.iter().enumerate() {
            if process.doing != Doing::Nothing {
                actions.push(Action::GoOn(device));
                if state.stops < self.stops {
                    actions.push(Action::Stop(device));
                }
                continue;
            }
            if process.store.written < self.texts[device] {
                actions.push(Action::Write(device));
            }
            if !process.store.outbox.is_empty() {
                actions.push(Action::HandOver(device));
            }
            if !state.mail[device].is_empty() {
                actions.push(Action::Open(device));
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut state = state.clone();
        let State { processes, mail, seen, stops, is_amiss } = &mut state;
        let (device, asked) = match action {
            Action::Write(device) => {
                processes[device].write(device);
                (device, Asked::Nothing)
            }
            Action::HandOver(device) => (device, processes[device].hand_over()),
            Action::Open(device) => {
                let (from, bytes) = &mail[device][0];
                *is_amiss = !processes[device].open(device, *from, bytes);
                (device, Asked::Nothing)
            }
            Action::GoOn(device) => (device, processes[device].go_on(self.habit)),
            Action::Stop(device) => {
                processes[device].stop();
                *stops += 1;
                (device, Asked::Nothing)
            }
        };
        match asked {
            Asked::Nothing => {}
            Asked::Carry(messages) => {
                for (to, bytes) in messages {
                    seen.insert(bytes.clone());
                    mail[to].push((device, bytes));
                }
            }
            Asked::Forget => _ = mail[device].remove(0),
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
                state.processes.iter().all(|process| process.store.shows_each_once())
            }),
            Property::always(
                "when all is quiet, each device has what the others have",
                |model: &Self, state: &State| !state.is_quiet() || model.all_have_all(state),
            ),
            Property::always(
                "when all is quiet, own devices know what was read",
                |_, state: &State| !state.is_quiet() || state.own_devices_know_what_was_read(),
            ),
            Property::always(
                "what has not been shown opens, what has is refused",
                |_, state: &State| !state.is_amiss,
            ),
            Property::sometimes("all is done after every stop", |model: &Self, state: &State| {
                let written = state.processes.each_ref().map(|process| process.store.written);
                state.is_quiet() && written == model.texts && state.stops == model.stops
            }),
            Property::sometimes("a duplicate comes", |_, state: &State| {
                state.processes.iter().any(Process::has_a_duplicate)
            }),
        ]
    }
}

impl People {
    /// Each text that a store has as written is shown on the three others.
    fn all_have_all(&self, state: &State) -> bool {
        let mut texts = (0..DEVICES).flat_map(|author| {
            (0..state.processes[author].store.written).map(move |number| (author, number))
        });
        texts.all(|(author, number)| {
            let others = (0..DEVICES).filter(|device| *device != author);
            others.into_iter().all(|device| {
                let shown = &state.processes[device].store.shown;
                shown.iter().any(|text| text.author == author && text.number == number)
            })
        })
    }
}

impl State {
    /// Whether nobody has anything left to do with what was written.
    fn is_quiet(&self) -> bool {
        let rest = |it: &Process| it.doing == Doing::Nothing && it.store.outbox.is_empty();
        self.processes.iter().all(rest) && self.mail.iter().all(Vec::is_empty)
    }

    fn own_devices_know_what_was_read(&self) -> bool {
        (0..DEVICES).all(|device| {
            let (store, other) = (&self.processes[device].store, &self.processes[device ^ 1].store);
            let mut read = store.shown.iter().filter(|text| text.author / 2 != device / 2);
            read.all(|text| other.read_elsewhere.contains(&text.id()))
        })
    }
}

impl Tried for People {}
