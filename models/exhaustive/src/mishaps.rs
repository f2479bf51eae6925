//! Two devices that know each other's address write, and things go wrong in any order: a message comes again, last
//! writes are lost and nobody notices, a user refuses or accepts, a row is deleted. Then come three days of ordinary
//! use, as docs/guide.md has it.

mod ordinary;

use std::collections::BTreeSet;

use evanesce::{Contact, Peer, PeerDecryptError, SessionNeed, Suite};
use stateright::{Model, Property};

use crate::device::{Awake, Bundles, Device, strangers};
use crate::trial::Tried;

/// The text of a message, or why it was refused.
type Opened = Result<Vec<u8>, PeerDecryptError>;

/// Whether the carrier says who sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Senders {
    Named,
    Hidden,
}

/// Whether an application begins a session whenever it is asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    AsDocumented,
    /// FLAW: it begins one only if there is none.
    Deaf,
}

pub struct Mishaps {
    devices: [Device; 2],
    bundles: [Bundles; 2],
    senders: Senders,
    attention: Attention,
    /// How many messages each side sends.
    messages: [usize; 2],
    /// How much goes wrong.
    mishaps: usize,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct State {
    sides: [Side; 2],
    /// What each side has sent.
    letters: [Vec<Letter>; 2],
    mishaps: Vec<Mishap>,
    fault: Option<Fault>,
}

/// A device with what its store had before its last two writes.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Side {
    stored: Stored,
    before: Vec<Stored>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Stored {
    device: Device,
    /// The letters that were read, by their places, and those among them that the peer still remembers.
    read: BTreeSet<usize>,
    remembered: BTreeSet<usize>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Letter {
    bytes: Vec<u8>,
    has_come: bool,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Mishap {
    Repeated,
    Forgotten,
    Refused,
    Deleted,
}

/// What a step showed to be wrong.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Fault {
    ShownTwice,
    NewCalledDuplicate,
    ReadNotKnownAgain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Send {
        side: usize,
    },
    Deliver {
        from: usize,
        place: usize,
    },
    Accept {
        side: usize,
    },
    /// A message that has come comes again.
    Repeat {
        from: usize,
        place: usize,
    },
    /// So many of the last writes of a side are lost.
    Forget {
        side: usize,
        writes: usize,
    },
    Refuse {
        side: usize,
    },
    Delete {
        side: usize,
    },
}

impl Mishaps {
    pub fn new(suite: Suite, senders: Senders, messages: [usize; 2], mishaps: usize) -> Self {
        let (devices, bundles) = strangers(suite, 6, 20);
        let attention = Attention::AsDocumented;
        Self { devices, bundles, senders, attention, messages, mishaps }
    }

    pub fn with(self, attention: Attention) -> Self {
        Self { attention, ..self }
    }

    /// Begins a session if it is asked for, then encrypts. Nothing to one that is not accepted, or was refused.
    fn send(&self, awake: &mut Awake, side: usize, body: &str) -> Option<Vec<u8>> {
        let need = awake.peer.session_need(awake.now);
        let begins = match self.attention {
            Attention::AsDocumented => need.is_some(),
            Attention::Deaf => need == Some(SessionNeed::NoSession),
        };
        if begins {
            awake.begin(&self.bundles[1 - side]);
        }
        awake.try_send(body).ok()
    }

    /// Offers a message as the guide says. `None` if it is of nobody. What is sent because of it at once comes too.
    fn receive(
        &self,
        awake: &mut Awake,
        side: usize,
        message: &[u8],
    ) -> (Option<Opened>, Option<Vec<u8>>) {
        let is_found = self.senders == Senders::Named
            || awake.peer.knows(message)
            || awake.account.claimed_sender(message).is_ok();
        if !is_found {
            return (None, None);
        }
        let opened = awake.receive(message);
        let mut answer = None;
        if let Err(refusal) = &opened {
            let _ = awake.peer.note_refusal(message, refusal, awake.now);
            let is_lost = awake.peer.session_need(awake.now) == Some(SessionNeed::Lost);
            if is_lost
                && self.senders == Senders::Named
                && self.attention == Attention::AsDocumented
            {
                awake.begin(&self.bundles[1 - side]);
                answer = awake.try_send("").ok();
            }
        }
        (Some(opened), answer)
    }

    fn hand_over(&self, state: &mut State, from: usize, place: usize) {
        let to = 1 - from;
        let stored = &state.sides[to].stored;
        let mut awake = stored.device.wake();
        let letter = &mut state.letters[from][place];
        let (has_come, was_remembered) = (letter.has_come, stored.remembered.contains(&place));
        letter.has_come = true;
        let is_refused = matches!(awake.peer.contact(), Contact::Refused(_));
        let (opened, answer) = self.receive(&mut awake, to, &letter.bytes);
        let side = &mut state.sides[to];
        match opened {
            Some(Ok(_)) => {
                side.write(awake.rest());
                side.stored.remembered.insert(place);
                if !side.stored.read.insert(place) {
                    state.fault = Some(Fault::ShownTwice);
                }
            }
            Some(Err(refusal)) => {
                side.write(awake.rest());
                let is_duplicate = refusal == PeerDecryptError::Duplicate;
                if is_duplicate && !has_come {
                    state.fault = Some(Fault::NewCalledDuplicate);
                } else if !is_duplicate && !is_refused && was_remembered {
                    state.fault = Some(Fault::ReadNotKnownAgain);
                }
            }
            None => {}
        }
        if let Some(bytes) = answer {
            state.letters[to].push(Letter { bytes, has_come: false });
        }
    }
}

impl Side {
    /// Stores a device, if anything of it has changed.
    fn write(&mut self, device: Device) {
        if device == self.stored.device {
            return;
        }
        self.before.push(self.stored.clone());
        if self.before.len() > 2 {
            self.before.remove(0);
        }
        self.stored.device = device;
    }

    fn forget(&mut self, writes: usize) {
        for _ in 0..writes {
            if let Some(older) = self.before.pop() {
                let device = self.stored.device.back_at(&older.device);
                self.stored = Stored { device, ..older };
            }
        }
    }
}

impl Model for Mishaps {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let sides = self.devices.clone().map(|device| {
            let stored = Stored { device, read: BTreeSet::new(), remembered: BTreeSet::new() };
            Side { stored, before: Vec::new() }
        });
        vec![State { sides, letters: [vec![], vec![]], mishaps: vec![], fault: None }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.fault.is_some() {
            return;
        }
        let may_go_wrong = state.mishaps.len() < self.mishaps;
        for side in 0..2 {
            let Side { stored, before } = &state.sides[side];
            let peer = stored.device.peer();
            let may_write = matches!(peer.contact(), Contact::None | Contact::Accepted(_));
            if may_write && state.letters[side].len() < self.messages[side] {
                actions.push(Action::Send { side });
            }
            if matches!(peer.contact(), Contact::Request(_) | Contact::Refused(_)) {
                actions.push(Action::Accept { side });
            }
            for (place, letter) in state.letters[side].iter().enumerate() {
                if !letter.has_come {
                    actions.push(Action::Deliver { from: side, place });
                } else if may_go_wrong {
                    actions.push(Action::Repeat { from: side, place });
                }
            }
            if may_go_wrong {
                actions.extend((1..=before.len()).map(|writes| Action::Forget { side, writes }));
                if matches!(peer.contact(), Contact::Request(_) | Contact::Accepted(_)) {
                    actions.push(Action::Refuse { side });
                }
                if *peer.contact() != Contact::None {
                    actions.push(Action::Delete { side });
                }
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut state = state.clone();
        let wake = |state: &State, side: usize| state.sides[side].stored.device.wake();
        match action {
            Action::Send { side } => {
                let mut awake = wake(&state, side);
                let body = format!("{} of {side}", state.letters[side].len());
                let bytes = self.send(&mut awake, side, &body)?;
                state.letters[side].push(Letter { bytes, has_come: false });
                state.sides[side].write(awake.rest());
            }
            Action::Deliver { from, place } => self.hand_over(&mut state, from, place),
            Action::Repeat { from, place } => {
                state.mishaps.push(Mishap::Repeated);
                self.hand_over(&mut state, from, place);
            }
            Action::Accept { side } => {
                let mut awake = wake(&state, side);
                let _ = awake.peer.accept_request();
                state.sides[side].write(awake.rest());
            }
            Action::Forget { side, writes } => {
                state.mishaps.push(Mishap::Forgotten);
                state.sides[side].forget(writes);
            }
            Action::Refuse { side } => {
                state.mishaps.push(Mishap::Refused);
                let mut awake = wake(&state, side);
                let _ = awake.peer.refuse();
                state.sides[side].write(awake.rest());
                state.sides[side].stored.remembered.clear();
            }
            Action::Delete { side } => {
                state.mishaps.push(Mishap::Deleted);
                let mut awake = wake(&state, side);
                awake.peer = Peer::new(awake.peer.address().clone());
                state.sides[side].write(awake.rest());
                state.sides[side].stored.remembered.clear();
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing is shown twice", |_, state: &State| {
                state.fault != Some(Fault::ShownTwice)
            }),
            Property::always("what is new is no duplicate", |_, state: &State| {
                state.fault != Some(Fault::NewCalledDuplicate)
            }),
            Property::always("what was read is a duplicate", |_, state: &State| {
                state.fault != Some(Fault::ReadNotKnownAgain)
            }),
            Property::always(
                "after three days of use both hear each other in one session",
                |model: &Self, state: &State| state.fault.is_some() || model.mends(state),
            ),
            Property::sometimes("one that was refused is accepted", |_, state: &State| {
                let is_accepted = |side: &Side| {
                    matches!(side.stored.device.peer().contact(), Contact::Accepted(_))
                };
                state.mishaps.contains(&Mishap::Refused) && state.sides.iter().all(is_accepted)
            }),
            Property::sometimes(
                "writes are lost and a row is deleted",
                |model: &Self, state: &State| {
                    let wanted = [Mishap::Forgotten, Mishap::Deleted];
                    let count =
                        wanted.iter().filter(|wanted| state.mishaps.contains(wanted)).count();
                    count == model.mishaps.min(2)
                },
            ),
        ]
    }
}

impl Tried for Mishaps {}
