//! Two devices begin to write at the same time, and the network loses, repeats and reorders.
//!
//! A message that has been sent may arrive at any later time, or never: that is loss and reordering. One that has
//! been opened is offered again in every state, and must then be refused and change nothing: that is repetition,
//! as often as one likes.

mod settling;

use std::sync::atomic::{AtomicUsize, Ordering};

use evanesce::Suite;
use stateright::{Model, Property};

use crate::device::{Bundles, Device, acquainted};
use crate::trial::Tried;

/// How a side decides where to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Following {
    /// As its peer decides.
    Peer,
    /// FLAW: it never follows, but begins a session whenever it would send in one that the other began.
    Nobody,
}

pub struct Starting {
    devices: [Device; 2],
    bundles: [Bundles; 2],
    /// How many messages each side sends.
    messages: usize,
    /// How many sessions are begun besides those that are needed.
    begun_anew: usize,
    /// In how many exchanges they must come to one session.
    exchanges: usize,
    following: Following,
    slowest: AtomicUsize,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct State {
    sides: [Device; 2],
    /// What each side has sent.
    letters: [Vec<Letter>; 2],
    begun_anew: usize,
    fault: Option<Fault>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Letter {
    bytes: Vec<u8>,
    opened: bool,
}

/// What a step showed to be wrong.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Fault {
    Refused,
    AnotherText,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Send { side: usize },
    BeginAnew { side: usize },
    Deliver { from: usize, place: usize },
}

impl Starting {
    /// Each side sends so many messages, and no session is begun that is not needed. If both begin one, that of
    /// this side has the smaller id.
    pub fn new(suite: Suite, one_time_prekeys: u32, messages: usize, smaller: usize) -> Self {
        let tried = (0..u8::MAX).step_by(2).map(|actor| acquainted(suite, one_time_prekeys, actor));
        let (devices, bundles) = tried
            .into_iter()
            .find(|(devices, bundles)| smaller_id(devices, bundles) == smaller)
            .expect("one of two is enough, mostly");
        let (following, slowest) = (Following::Peer, AtomicUsize::new(0));
        Self { devices, bundles, messages, begun_anew: 0, exchanges: 3, following, slowest }
    }

    /// So many sessions are begun besides those that are needed, by either side.
    pub fn beginning_anew(self, begun_anew: usize, exchanges: usize) -> Self {
        Self { begun_anew, exchanges, ..self }
    }

    pub fn following(self, following: Following) -> Self {
        Self { following, ..self }
    }

    /// Whether what has been opened is refused when it comes again, with nothing changed.
    fn refuses_repeats(&self, state: &State) -> bool {
        (0..2).all(|from| {
            let receiver = &state.sides[1 - from];
            state.letters[from].iter().filter(|letter| letter.opened).all(|letter| {
                let mut awake = receiver.wake();
                awake.receive(&letter.bytes).is_err() && awake.rest() == *receiver
            })
        })
    }
}

/// Which of two sides begins the session with the smaller id.
fn smaller_id(devices: &[Device; 2], bundles: &[Bundles; 2]) -> usize {
    let begun = [0, 1].map(|side| {
        let mut awake = devices[side].wake();
        awake.begin(&bundles[1 - side]);
        awake.active()
    });
    usize::from(begun[1] < begun[0])
}

fn text(side: usize, place: usize) -> String {
    format!("{place} of {side}")
}

impl Model for Starting {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let letters = [Vec::new(), Vec::new()];
        vec![State { sides: self.devices.clone(), letters, begun_anew: 0, fault: None }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.fault.is_some() {
            return;
        }
        for side in 0..2 {
            if state.letters[side].len() < self.messages {
                actions.push(Action::Send { side });
            }
            if state.begun_anew < self.begun_anew {
                actions.push(Action::BeginAnew { side });
            }
            for (place, letter) in state.letters[side].iter().enumerate() {
                if !letter.opened {
                    actions.push(Action::Deliver { from: side, place });
                }
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut state = state.clone();
        match action {
            Action::Send { side } => {
                let mut awake = state.sides[side].wake();
                let body = text(side, state.letters[side].len());
                let bytes = self.send(&mut awake, side, &body);
                state.letters[side].push(Letter { bytes, opened: false });
                state.sides[side] = awake.rest();
            }
            Action::BeginAnew { side } => {
                let mut awake = state.sides[side].wake();
                awake.begin(&self.bundles[1 - side]);
                state.sides[side] = awake.rest();
                state.begun_anew += 1;
            }
            Action::Deliver { from, place } => {
                let mut awake = state.sides[1 - from].wake();
                let letter = &mut state.letters[from][place];
                letter.opened = true;
                match awake.receive(&letter.bytes) {
                    Ok(body) if body == text(from, place).as_bytes() => {}
                    Ok(_) => state.fault = Some(Fault::AnotherText),
                    Err(_) => state.fault = Some(Fault::Refused),
                }
                state.sides[1 - from] = awake.rest();
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("what opens is what was sent", |_, state: &State| {
                state.fault != Some(Fault::AnotherText)
            }),
            Property::always("a message opens whenever it comes", |_, state: &State| {
                state.fault != Some(Fault::Refused)
            }),
            Property::always("nothing is delivered twice", |model: &Self, state: &State| {
                model.refuses_repeats(state)
            }),
            Property::always("both come to send in one session", |model: &Self, state: &State| {
                state.fault.is_some() || model.settles(state)
            }),
            Property::sometimes("both have begun a session", |_, state: &State| {
                state.sides.iter().all(|side| side.fetched > 0)
            }),
            Property::sometimes("all has been opened", |model: &Self, state: &State| {
                let sent = state.letters.iter().flatten();
                sent.filter(|letter| letter.opened).count() == 2 * model.messages
            }),
        ]
    }
}

impl Tried for Starting {
    fn remark(&self) -> String {
        format!(", in one session after {} exchanges at most", self.slowest.load(Ordering::Relaxed))
    }
}
