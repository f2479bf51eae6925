//! A conversation of suite 2 in each phase of its first two epochs: the first one's key the initiator makes, the second
//! one's the responder.

use evanesce::Suite;
use evanesce::session::{Role, Session};

use super::{Talk, World, receive, send, state, stored_form};

/// What a side keeps of an epoch (docs/protocol.md §5.11), as its stored form says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Rest,
    /// Our seed, and nothing of an answer.
    SendEk,
    /// Our seed, and fragments of an answer.
    SendEkAnswered,
    Mix,
    /// Nothing.
    Wait,
    /// Fragments of a key.
    WaitPartial,
    Ready,
    SendCt,
}

impl Kept {
    pub fn by(session: &Session) -> Self {
        let snapshot = state(session);
        let byte = |name| snapshot[stored_form::place(&snapshot, name).start];
        let has_fragments = || {
            let which = stored_form::place(&snapshot, "epochs.which");
            snapshot[which].iter().any(|byte| *byte != 0)
        };
        match byte("epochs.where") & 0x7f {
            0 | 1 => Self::Rest,
            2 if has_fragments() => Self::SendEkAnswered,
            2 => Self::SendEk,
            3 => Self::Mix,
            4 => Self::Wait,
            5 => Self::WaitPartial,
            6 => Self::Ready,
            7 => Self::SendCt,
            other => panic!("a state of an epoch that is {other}"),
        }
    }
}

/// How far an epoch is, in the order in which it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is under way.
    AtRest,
    /// Some of the key has come.
    KeyUnderWay,
    KeyThere,
    /// Some of the answer has come.
    AnswerUnderWay,
    /// The next chain of who made the key is the next epoch's first.
    AnswerThere,
}

impl Phase {
    pub const ALL: [Self; 5] =
        [Self::AtRest, Self::KeyUnderWay, Self::KeyThere, Self::AnswerUnderWay, Self::AnswerThere];

    /// What who makes the key keeps, and who answers it.
    pub fn kept(self) -> [Kept; 2] {
        match self {
            Self::AtRest => [Kept::Rest, Kept::Wait],
            Self::KeyUnderWay => [Kept::SendEk, Kept::WaitPartial],
            Self::KeyThere => [Kept::SendEk, Kept::Ready],
            Self::AnswerUnderWay => [Kept::SendEkAnswered, Kept::SendCt],
            Self::AnswerThere => [Kept::Mix, Kept::SendCt],
        }
    }
}

/// A conversation in a phase. Each side holds a key for a message from before the first epoch.
pub struct Moment {
    /// Epochs count from 1.
    pub epoch: u32,
    pub phase: Phase,
    pub talk: Talk,
    /// Who sends next if they go on to write by turns.
    pub next: Role,
    /// What comes late.
    pub late_to_alice: Vec<u8>,
    pub late_to_bob: Vec<u8>,
}

impl Moment {
    pub fn copy(&self) -> Self {
        let Self { epoch, phase, talk, next, late_to_alice, late_to_bob } = self;
        Self {
            epoch: *epoch,
            phase: *phase,
            talk: talk.copy(),
            next: *next,
            late_to_alice: late_to_alice.clone(),
            late_to_bob: late_to_bob.clone(),
        }
    }

    /// The next message, which is delivered, and gives the word to the other.
    pub fn goes_on(&mut self) -> Vec<u8> {
        let Self { talk, next, .. } = self;
        let message = match next {
            Role::Initiator => talk.alice_sends("on"),
            Role::Responder => talk.bob_sends("on"),
        };
        let (receiver, then) = match next {
            Role::Initiator => (&mut talk.bob, Role::Responder),
            Role::Responder => (&mut talk.alice, Role::Initiator),
        };
        assert_eq!(receive(receiver, &message).body, b"on");
        *next = then;
        message
    }

    /// What each side keeps: first who makes the key of the epoch in progress.
    pub fn kept(&self) -> [Kept; 2] {
        let [alices, bobs] = [&self.talk.alice, &self.talk.bob].map(Kept::by);
        if self.epoch % 2 == 1 { [alices, bobs] } else { [bobs, alices] }
    }
}

/// One for each phase of the first two epochs, in their order.
pub fn moments(seed: u64) -> Vec<Moment> {
    let mut world = World::of(Suite::Hybrid, seed);
    let mut alice = world.initiate();
    let late_to_bob = send(&mut alice, "late", &mut world.rng);
    let first = send(&mut alice, "first", &mut world.rng);
    let mut bob = world.accept(&first).session;
    let late_to_alice = send(&mut bob, "late", &mut world.rng);
    let reply = send(&mut bob, "reply", &mut world.rng);
    receive(&mut alice, &reply);
    let talk = Talk { alice, bob, rng: world.rng };
    let (epoch, phase, next) = (1, Phase::AtRest, Role::Initiator);
    let mut now = Moment { epoch, phase, talk, next, late_to_alice, late_to_bob };
    let mut moments = Vec::new();
    for (epoch, phase) in [1, 2].into_iter().flat_map(|epoch| Phase::ALL.map(|it| (epoch, it))) {
        (now.epoch, now.phase) = (epoch, phase);
        for turn in 0.. {
            assert!(turn < 20, "epoch {epoch} does not come to {phase:?}");
            if now.kept() == phase.kept() {
                break;
            }
            now.goes_on();
        }
        moments.push(now.copy());
        // The key of the second one is Bob's. Alice's request is for the third.
        if (epoch, phase) == (2, Phase::AtRest) {
            assert!(now.talk.bob.request_epoch() && now.talk.alice.request_epoch());
        }
    }
    moments
}
