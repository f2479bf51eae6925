//! Two sessions of suite 2, in which epochs come one after the other, and beside them two of suite 1, to which the same
//! happens. Messages are lost, late and repeated; a side is put back to an older state, and nobody notices.
//!
//! A message that has been sent may arrive at any later time, or never. One that has opened is offered again in every
//! state; and to a side that was put back behind it, it may come again.

mod chains;

mod going_on;

use std::sync::Arc;

use evanesce::limits::SessionLimits;
use evanesce::session::{DecryptError, ExternalHandshake, RatchetKeyPair, Session, SharedSecret};
use evanesce::{Device, Payload, Suite};
use stateright::{Model, Property};

use crate::device::{AD, NOW, acquainted};
use crate::draws::Draws;
use crate::trial::Tried;
use chains::Chains;
use going_on::Tally;

/// How many writes a side may be put back.
const DEPTH: usize = 3;

/// The text of a message, how many keys were dropped, whether the peer went back; or why it was refused.
type Outcome = Result<(Vec<u8>, u32, bool), DecryptError>;

/// What the models do that they should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    AsDocumented,
    /// FLAW: nobody asks for an epoch.
    AsksForNone,
    /// FLAW: of a side that is put back, the session of suite 1 stays.
    PutsBackOne,
    /// FLAW: the model takes no session for dead, whatever was lost.
    TakesNoneForDead,
}

pub struct Epochs {
    sides: [Side; 2],
    /// From after how many messages, in turn, it goes on in any order.
    beginnings: usize,
    /// How long the texts are: it decides how many messages a key takes.
    length: usize,
    /// How many messages each side sends.
    messages: [usize; 2],
    /// How often a side is put back.
    lapses: usize,
    /// In how many exchanges an epoch must complete.
    exchanges: usize,
    habit: Habit,
    tally: Tally,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct State {
    sides: [Side; 2],
    /// What each side has sent, in any order from the beginning on.
    letters: [Vec<Arc<Letter>>; 2],
    lapses: usize,
    /// Something has opened since a side was put back.
    has_survived: bool,
    fault: Option<Fault>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Side {
    stored: Stored,
    /// Newest last.
    before: Vec<Stored>,
    draws: Draws,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Stored {
    classical: Vec<u8>,
    hybrid: Vec<u8>,
    chains: Chains,
    /// Which of the other's messages have opened.
    came: Vec<bool>,
}

#[derive(Debug, Hash, PartialEq, Eq)]
struct Letter {
    text: Vec<u8>,
    classical: Vec<u8>,
    hybrid: Vec<u8>,
    chain: u8,
}

/// A side in memory.
#[derive(Debug)]
struct Awake {
    classical: Session,
    hybrid: Session,
    chains: Chains,
    draws: Draws,
}

/// What a step showed to be wrong.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Fault {
    AnotherText,
    SuitesDiffer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Send { side: usize },
    Deliver { from: usize, place: usize },
    PutBack { side: usize, writes: usize },
}

impl Epochs {
    /// Texts are so long that a whole key, or a whole ciphertext, travels in one message.
    pub fn whole(messages: [usize; 2], lapses: usize) -> Self {
        Self::new(17_200, 7, 6, messages, lapses)
    }

    /// It travels in two.
    pub fn halved(messages: [usize; 2], lapses: usize) -> Self {
        Self::new(8_530, 11, 12, messages, lapses)
    }

    fn new(
        length: usize,
        beginnings: usize,
        exchanges: usize,
        messages: [usize; 2],
        lapses: usize,
    ) -> Self {
        let (devices, _) = acquainted(Suite::Hybrid, 0, 0);
        let [alice, bob] = devices.map(|device| device.wake().account.device().clone());
        let [classical, hybrid] =
            [Suite::Classical, Suite::Hybrid].map(|suite| begun(suite, &alice, &bob));
        let mut actor = 10;
        let sides = [0, 1].map(|side| {
            actor += 1;
            let [classical, hybrid] = [&classical, &hybrid].map(|pair| pair[side].clone());
            let chains = if side == 0 { Chains::initiator() } else { Chains::responder() };
            let stored = Stored { classical, hybrid, chains, came: Vec::new() };
            Side { stored, before: Vec::new(), draws: Draws::of(actor) }
        });
        let (habit, tally) = (Habit::AsDocumented, Tally::default());
        Self { sides, beginnings, length, messages, lapses, exchanges, habit, tally }
    }

    pub fn with(self, habit: Habit) -> Self {
        Self { habit, ..self }
    }

    fn text(&self, side: usize, place: usize) -> Vec<u8> {
        let mut text = format!("{place} of {side}").into_bytes();
        text.resize(self.length, b' ');
        text
    }

    fn send(&self, awake: &mut Awake, text: Vec<u8>) -> Letter {
        if self.habit != Habit::AsksForNone {
            awake.hybrid.request_epoch();
        }
        awake.send(text)
    }

    /// The state after so many messages in turn, each of which opens.
    fn after(&self, messages: usize) -> State {
        let mut awake = [0, 1].map(|side| self.sides[side].wake());
        let mut state = State {
            sides: self.sides.clone(),
            letters: [Vec::new(), Vec::new()],
            lapses: 0,
            has_survived: false,
            fault: None,
        };
        for place in 0..messages {
            let (from, to) = (place % 2, 1 - place % 2);
            let letter = self.send(&mut awake[from], self.text(from, usize::MAX - place));
            let opened = awake[to].receive(&letter);
            assert!(opened[0].is_ok() && opened[0] == opened[1], "nothing has gone wrong yet");
            state.sides[from].write(&awake[from], None);
            state.sides[to].write(&awake[to], None);
            if place == 0 {
                // Nobody is put back behind the beginning of the session.
                state.sides.iter_mut().for_each(|side| side.before.clear());
            }
        }
        state
    }

    /// Whether what has opened is refused when it comes again, alike in both suites.
    fn repeats_alike(state: &State) -> bool {
        (0..2).all(|from| {
            let receiver = &state.sides[1 - from];
            let letters = state.letters[from].iter().zip(&receiver.stored.came);
            letters.filter(|(_, came)| **came).all(|(letter, _)| {
                let [classical, hybrid] = receiver.wake().receive(letter);
                is_alike(&classical, &hybrid) && hybrid.is_err()
            })
        })
    }
}

/// Both sides of a session of an application's own handshake, stored.
fn begun(suite: Suite, alice: &Device, bob: &Device) -> [Vec<u8>; 2] {
    let handshake = || ExternalHandshake {
        secret: SharedSecret::of_suite(suite, &[7; 32]),
        initiator: alice.clone(),
        responder: bob.clone(),
    };
    let pair = RatchetKeyPair::from_secret(&[8; 32]);
    let limits = SessionLimits::default();
    let hers = Session::initiate_external(handshake(), pair.public_key(), limits.clone());
    let his = Session::accept_external(handshake(), pair, limits);
    [hers.expect("a key that is not weak"), his].map(|session| session.snapshot().to_vec())
}

/// Whether suite 2 does with a message what suite 1 does. What does not open in suite 1 it may know for a fork: it sees in
/// the header that other secrets are mixed in.
fn is_alike(classical: &Outcome, hybrid: &Outcome) -> bool {
    let is_told_apart = matches!(
        (classical, hybrid),
        (Err(DecryptError::Undecryptable), Err(DecryptError::Forked))
    );
    classical == hybrid || is_told_apart
}

impl Side {
    fn wake(&self) -> Awake {
        let [classical, hybrid] = [&self.stored.classical, &self.stored.hybrid]
            .map(|stored| Session::restore(stored).expect("what was stored"));
        let (chains, draws) = (self.stored.chains.clone(), self.draws.clone());
        Awake { classical, hybrid, chains, draws }
    }

    /// Stores what is in memory, and that a message has opened.
    fn write(&mut self, awake: &Awake, came: Option<usize>) {
        let mut came_before = self.stored.came.clone();
        if let Some(place) = came {
            came_before.resize(came_before.len().max(place + 1), false);
            came_before[place] = true;
        }
        let [classical, hybrid] =
            [&awake.classical, &awake.hybrid].map(|session| session.snapshot().to_vec());
        let chains = awake.chains.clone();
        let stored = Stored { classical, hybrid, chains, came: came_before };
        self.before.push(std::mem::replace(&mut self.stored, stored));
        if self.before.len() > DEPTH {
            self.before.remove(0);
        }
        self.draws = awake.draws.clone();
    }

    fn put_back(&mut self, writes: usize, habit: Habit) {
        let place = self.before.len() - writes;
        let mut older = self.before[place].clone();
        self.before.truncate(place);
        if habit == Habit::PutsBackOne {
            older.classical.clone_from(&self.stored.classical);
        }
        self.stored = older;
    }

    fn has_had(&self, place: usize) -> bool {
        self.stored.came.get(place).copied().unwrap_or_default()
    }
}

impl Awake {
    fn send(&mut self, text: Vec<u8>) -> Letter {
        let draws = self.draws.next();
        let chain = self.chains.speak(self.draws.made());
        // The text of suite 1 may be short: nothing of it hangs on its length.
        let short = text.iter().copied().take(8).collect::<Vec<u8>>();
        let classical = self.classical.encrypt(&Payload::new(short), AD, &mut draws.clone());
        let hybrid = self.hybrid.encrypt(&Payload::new(text.clone()), AD, &mut draws.clone());
        let classical = classical.expect("a session that sends");
        let hybrid = hybrid.expect("suite 1 sends too");
        Letter { text, classical, hybrid, chain }
    }

    /// In suite 1 and in suite 2, with the text of the letter if it is the beginning of it that opened.
    fn receive(&mut self, letter: &Letter) -> [Outcome; 2] {
        let opened = [
            self.classical.decrypt(&letter.classical, AD, NOW),
            self.hybrid.decrypt(&letter.hybrid, AD, NOW),
        ];
        if opened[0].is_ok() {
            self.chains.hear(letter.chain);
        }
        opened.map(|opened| {
            let opened = opened?;
            let is_short = opened.body.len() == 8 && letter.text.starts_with(&opened.body);
            let body = if is_short { letter.text.clone() } else { opened.body };
            Ok((body, opened.dropped_keys, opened.peer_went_back))
        })
    }

    fn completed(&self) -> u32 {
        self.hybrid.epochs().expect("suite 2").completed
    }
}

impl Model for Epochs {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        (2..2 + self.beginnings).map(|messages| self.after(messages)).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.fault.is_some() {
            return;
        }
        for side in 0..2 {
            if state.letters[side].len() < self.messages[side] {
                actions.push(Action::Send { side });
            }
            if state.lapses < self.lapses {
                let writes = 1..=state.sides[side].before.len();
                actions.extend(writes.map(|writes| Action::PutBack { side, writes }));
            }
            let places = 0..state.letters[side].len();
            let under_way = places.filter(|place| !state.sides[1 - side].has_had(*place));
            actions.extend(under_way.map(|place| Action::Deliver { from: side, place }));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut state = state.clone();
        match action {
            Action::Send { side } => {
                let mut awake = state.sides[side].wake();
                let text = self.text(side, state.letters[side].len());
                let letter = self.send(&mut awake, text);
                state.letters[side].push(Arc::new(letter));
                state.sides[side].write(&awake, None);
            }
            Action::Deliver { from, place } => {
                let letter = Arc::clone(&state.letters[from][place]);
                let mut awake = state.sides[1 - from].wake();
                let [classical, hybrid] = awake.receive(&letter);
                if hybrid.is_ok() {
                    state.sides[1 - from].write(&awake, Some(place));
                }
                state.fault = match &hybrid {
                    Ok((body, ..)) if *body != letter.text => Some(Fault::AnotherText),
                    _ if !is_alike(&classical, &hybrid) => Some(Fault::SuitesDiffer),
                    _ => None,
                };
                state.has_survived |= state.lapses > 0 && hybrid.is_ok();
            }
            Action::PutBack { side, writes } => {
                state.sides[side].put_back(writes, self.habit);
                state.lapses += 1;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("what opens is what was sent", |_, state: &State| {
                state.fault != Some(Fault::AnotherText)
            }),
            Property::always("suite 2 opens what suite 1 does", |_, state: &State| {
                state.fault != Some(Fault::SuitesDiffer)
            }),
            Property::always("repeats are refused in both", |_, state: &State| {
                state.fault.is_some() || Self::repeats_alike(state)
            }),
            Property::always("an epoch completes, or the session dies where it must", {
                |model: &Self, state: &State| state.fault.is_some() || model.completes(state)
            }),
            Property::sometimes("an epoch completes after every lapse, however they go on", {
                |model: &Self, state: &State| {
                    state.lapses == model.lapses && state.fault.is_none() && model.lives_on(state)
                }
            }),
            Property::sometimes("something opens after a side was put back", {
                |model: &Self, state: &State| model.lapses == 0 || state.has_survived
            }),
            Property::sometimes("all has come", |model: &Self, state: &State| {
                let came = |side: &Side| side.stored.came.iter().filter(|came| **came).count();
                [0, 1].iter().all(|&side| came(&state.sides[1 - side]) == model.messages[side])
            }),
        ]
    }
}

impl Tried for Epochs {
    fn remark(&self) -> String {
        self.tally.to_string()
    }
}
