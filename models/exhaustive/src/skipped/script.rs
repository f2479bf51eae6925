//! What one side sends in each of its chains, and a receiver that has heard nothing of it yet.

use std::time::Duration;

use evanesce::limits::{Limits, SessionLimits};
use evanesce::server::PublishedPreKeys;
use evanesce::session::Session;
use evanesce::{Account, Address, Payload, PreKeyBundle, Suite};

use super::definition::{Bounds, Header};
use crate::device::{AD, NOW};
use crate::draws::Draws;

pub struct Script {
    pub messages: Vec<Letter>,
    /// Bob's session after the first message and an answer.
    pub bob: Vec<u8>,
    /// Bob's answers; each lets a chain follow.
    pub answers: Vec<Vec<u8>>,
}

pub struct Letter {
    pub header: Header,
    pub bytes: Vec<u8>,
}

impl Script {
    /// Chains of these lengths, each sent whole before the answer that ends it comes. Before them stands a chain
    /// of one message.
    pub fn new(lengths: &[u32], bounds: Bounds) -> Self {
        let (mut alice, mut bob, first) = start(bounds);
        let header = Header { chain: 0, number: 0, previous_length: 0 };
        let mut messages = vec![Letter { header, bytes: first }];
        let mut previous_length = 1;
        let at_rest = bob.snapshot().to_vec();
        let mut answers = Vec::new();
        let mut draws = Draws::of(10);
        for (place, length) in lengths.iter().enumerate() {
            let chain = place + 1;
            for number in 0..*length {
                let header = Header { chain, number, previous_length };
                let payload = Payload::new(text(header));
                let sent = alice.encrypt(&payload, AD, &mut draws.next());
                let bytes = sent.expect("a session that sends");
                messages.push(Letter { header, bytes });
            }
            previous_length = *length;
            // The answer is the same, whichever message of the chain has opened.
            let last = messages.last().expect("no chain is empty");
            bob.decrypt(&last.bytes, AD, NOW).expect("it is new");
            let answer = answer(&mut bob, chain);
            alice.decrypt(&answer, AD, NOW).expect("it is new");
            answers.push(answer);
        }
        Self { messages, bob: at_rest, answers }
    }
}

/// What a message says.
pub fn text(header: Header) -> String {
    format!("{} of chain {}", header.number, header.chain)
}

/// What is sent once a message of this chain has opened.
pub fn answer(bob: &mut Session, chain: usize) -> Vec<u8> {
    let mut draws = Draws::of(u8::try_from(20 + chain).expect("few chains"));
    let sent = bob.encrypt(&Payload::new("answer"), AD, &mut draws.next());
    sent.expect("a session that sends")
}

/// Alice and Bob after a first message, which is given too, and an answer.
fn start(bounds: Bounds) -> (Session, Session, Vec<u8>) {
    let mut draws = Draws::of(1);
    let mut limits = Limits::default();
    limits.prekeys.one_time_prekeys = 1;
    limits.session = session_limits(bounds);
    let mut account = |name| {
        let address = Address::new(name).expect("a short name");
        Account::generate_of_suite(
            Suite::Classical,
            address,
            limits.clone(),
            NOW,
            &mut draws.next(),
        )
    };
    let (alice, mut bob) = (account("alice"), account("bob"));
    let upload = bob.maintain(None, NOW, &mut draws.next()).upload.expect("it is new");
    let _ = bob.mark_published(&upload);
    let bundle = PreKeyBundle::decode(&PublishedPreKeys::new(upload).hand_out());
    let bundle = bundle.expect("it was encoded").verify(NOW).expect("it was signed");
    let mut alice = alice.initiate(&bundle, &mut draws.next()).expect("another device");
    let sent = alice.encrypt(&Payload::new("0 of chain 0"), AD, &mut draws.next());
    let first = sent.expect("a session that sends");
    let mut bob = bob.accept(&first, AD, NOW).expect("it is new").session;
    let answer = answer(&mut bob, 0);
    alice.decrypt(&answer, AD, NOW).expect("it is new");
    (alice, bob, first)
}

fn session_limits(bounds: Bounds) -> SessionLimits {
    let Bounds { max_skip, max_held_keys, max_older_chains, lifetime } = bounds;
    let mut limits = SessionLimits::default();
    limits.max_skip = max_skip;
    limits.max_held_keys = max_held_keys;
    limits.max_older_chains = max_older_chains;
    limits.held_key_lifetime = Duration::from_secs(lifetime);
    limits
}
