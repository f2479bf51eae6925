//! Messages of suite 2, in each phase of an epoch.
//!
//! Sessions stay in memory from one message to the next: what a session keeps there of an epoch and does not store has
//! been made by a message that is not timed.

use std::rc::Rc;

use evanesce::session::Session;
use evanesce::{Payload, Suite};

use crate::contenders::evanesce::{AD, Evanesce, NOW};
use crate::conversation::{Library, chain};
use crate::row::{CARRYING, Phase, SMALL};
use crate::work::{Stretches, Work};

/// How many messages carry a whole key, 37 fragments at 7 a message.
pub const MESSAGES_OF_A_KEY: usize = 6;

/// How many messages carry a whole answer, 35 fragments.
pub const MESSAGES_OF_AN_ANSWER: usize = 5;

/// What a message adds to its padded plaintext.
const MESSAGE_OVERHEAD: usize = 105;

/// How many sessions are made ready at a time that serve for a few messages each.
const SESSIONS: usize = 8;

/// Who sends in a phase, and who receives: the first message has passed.
struct Pair {
    sender: Session,
    receiver: Session,
}

impl Pair {
    fn in_phase(library: &Evanesce, phase: Phase) -> Self {
        let (mut alice, mut bob) = library.first_exchange();
        match phase {
            Phase::Rest => {
                run_epoch(library, &mut alice, &mut bob);
                Self { sender: alice, receiver: bob }
            }
            Phase::Key => {
                pass(library, &mut alice, &mut bob, 1);
                Self { sender: alice, receiver: bob }
            }
            Phase::Answer => {
                pass(library, &mut alice, &mut bob, MESSAGES_OF_A_KEY);
                pass(library, &mut bob, &mut alice, 1);
                Self { sender: bob, receiver: alice }
            }
        }
    }

    fn copy(&self) -> Self {
        let copied = |session| Evanesce::copy(session).expect("sessions can be stored");
        Self { sender: copied(&self.sender), receiver: copied(&self.receiver) }
    }
}

/// How many more messages the receiver of a phase opens in it, before the one that completes what they carry. The sender
/// sends one more before it slows down.
fn messages_left(phase: Phase) -> usize {
    match phase {
        Phase::Rest => chain(SMALL),
        Phase::Key => MESSAGES_OF_A_KEY - 2,
        Phase::Answer => MESSAGES_OF_AN_ANSWER - 2,
    }
}

/// How long messages of a phase are, once padded.
fn padded_length(phase: Phase) -> usize {
    match phase {
        Phase::Rest => SMALL,
        Phase::Key | Phase::Answer => CARRYING,
    }
}

pub fn encrypting(library: Rc<Evanesce>, phase: Phase) -> Box<dyn Work> {
    let pair = Pair::in_phase(&library, phase);
    let plaintext = library.plaintext(SMALL);
    let (checking, expected) = (Rc::clone(&library), plaintext.body.clone());
    let warming = (Rc::clone(&library), library.plaintext(SMALL));
    Box::new(Stretches {
        uses: messages_left(phase),
        at_once: SESSIONS,
        prepare: move || {
            let mut pair = pair.copy();
            let (library, plaintext) = &warming;
            library.encrypt(&mut pair.sender, plaintext);
            pair
        },
        operate: move |pair: &mut Pair, _| library.encrypt(&mut pair.sender, &plaintext),
        check: move |pair: &mut Pair, message: Vec<u8>| {
            assert_eq!(message.len(), padded_length(phase) + MESSAGE_OVERHEAD);
            let text = checking.decrypt(&mut pair.receiver, &message);
            assert_eq!(text.as_deref(), Some(expected.as_slice()));
        },
    })
}

pub fn decrypting(library: Rc<Evanesce>, phase: Phase) -> Box<dyn Work> {
    let mut pair = Pair::in_phase(&library, phase);
    let plaintext = library.plaintext(SMALL);
    let mut message = || library.encrypt(&mut pair.sender, &plaintext);
    let warming = message();
    let messages: Vec<_> = (1..messages_left(phase)).map(|_| message()).collect();
    let length = padded_length(phase) + MESSAGE_OVERHEAD;
    assert!(messages.iter().all(|message| message.len() == length));
    let expected = plaintext.body.clone();
    Box::new(Stretches {
        uses: messages.len(),
        at_once: SESSIONS,
        prepare: move || {
            let mut receiver = pair.copy().receiver;
            receiver.decrypt(&warming, AD, NOW).expect("it opens");
            receiver
        },
        operate: move |receiver: &mut Session, number: usize| {
            receiver.decrypt(&messages[number], AD, NOW).expect("it opens").body
        },
        check: move |_: &mut Session, body| assert_eq!(body, expected),
    })
}

/// An epoch from its first message to its last, both sides; in suite 1 as many messages that are as long.
pub fn epoch(library: Rc<Evanesce>) -> Box<dyn Work> {
    let (sender, receiver) = library.first_exchange();
    let pair = Pair { sender, receiver };
    Box::new(Stretches {
        uses: 1,
        at_once: SESSIONS,
        prepare: move || pair.copy(),
        operate: move |Pair { sender, receiver }: &mut Pair, _| {
            run_epoch(&library, sender, receiver);
        },
        check: |pair: &mut Pair, ()| {
            let sides = [&pair.sender, &pair.receiver];
            let completed = sides.map(|side| side.epochs().map(|status| status.completed));
            assert!([[Some(1); 2], [None; 2]].contains(&completed), "{completed:?}");
        },
    })
}

/// From a message and its answer on: the key, the answer to it, and a message of the chain that begins with the secret.
fn run_epoch(library: &Evanesce, alice: &mut Session, bob: &mut Session) {
    pass(library, alice, bob, MESSAGES_OF_A_KEY);
    pass(library, bob, alice, MESSAGES_OF_AN_ANSWER);
    let last = library.plaintext(SMALL);
    deliver(library, alice, bob, &last);
}

/// Messages that carry fragments in suite 2, and are as long in suite 1.
fn pass(library: &Evanesce, from: &mut Session, to: &mut Session, count: usize) {
    let plaintext = match library.suite {
        Suite::Classical => library.plaintext(CARRYING),
        Suite::Hybrid => library.plaintext(SMALL),
    };
    for _ in 0..count {
        deliver(library, from, to, &plaintext);
    }
}

fn deliver(library: &Evanesce, from: &mut Session, to: &mut Session, plaintext: &Payload) {
    let message = library.encrypt(from, plaintext);
    to.decrypt(&message, AD, NOW).expect("it opens");
}
