//! Accounts, sessions and messages to measure with.

use std::iter::repeat_with;

use evanesce::limits::Limits;
use evanesce::server::PublishedPreKeys;
use evanesce::session::Session;
use evanesce::{Account, Address, Payload, PreKeyBundle, Suite, Timestamp, VerifiedBundle};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);

/// No associated data.
pub const AD: &[u8] = b"";

/// A padded plaintext, where the size does not matter.
pub const SMALL: u32 = 64;

/// Alice and Bob after a message and its answer.
pub fn first_exchange(rng: &mut ChaCha20Rng) -> (Session, Session) {
    let (mut bob, mut server) = account("bob", rng);
    let (alice, _) = account("alice", rng);
    let mut alice = alice.initiate(&verified(&server.hand_out()), rng).unwrap();
    let first = message(&mut alice, SMALL, rng);
    let mut bob = bob.accept(&first, AD, NOW).unwrap().session;
    deliver(&mut bob, &mut alice, rng);
    (alice, bob)
}

/// Alice and Bob when Alice has begun a chain and Bob has its first message.
pub fn in_a_chain(rng: &mut ChaCha20Rng) -> (Session, Session) {
    let (mut alice, mut bob) = first_exchange(rng);
    deliver(&mut alice, &mut bob, rng);
    (alice, bob)
}

/// Bob with this many held keys of a chain, and a message in the midst of them.
pub fn holding(held: usize, rng: &mut ChaCha20Rng) -> (Session, Vec<u8>) {
    let (mut alice, mut bob) = in_a_chain(rng);
    let mut late: Vec<_> = repeat_with(|| message(&mut alice, SMALL, rng)).take(held).collect();
    deliver(&mut alice, &mut bob, rng);
    assert_eq!(bob.held_keys(), held);
    (bob, late.swap_remove(held / 2))
}

pub fn deliver(from: &mut Session, to: &mut Session, rng: &mut ChaCha20Rng) {
    to.decrypt(&message(from, SMALL, rng), AD, NOW).unwrap();
}

pub fn message(from: &mut Session, size: u32, rng: &mut ChaCha20Rng) -> Vec<u8> {
    from.encrypt(&payload(size), AD, rng).unwrap()
}

/// A payload of this size once padded: two bytes are the stamp's, and one ends the content.
pub fn payload(size: u32) -> Payload {
    Payload::new(vec![b'x'; usize::try_from(size).unwrap() - 3])
}

/// A new account of suite 1, and its server.
pub fn account(name: &str, rng: &mut ChaCha20Rng) -> (Account, PublishedPreKeys) {
    let (address, limits) = (Address::new(name).unwrap(), Limits::default());
    let mut account = Account::generate_of_suite(Suite::Classical, address, limits, NOW, rng);
    let upload = account.maintain(None, NOW, rng).upload.unwrap();
    let _ = account.mark_published(&upload);
    (account, PublishedPreKeys::new(upload))
}

pub fn verified(bundle: &[u8]) -> VerifiedBundle {
    PreKeyBundle::decode(bundle).unwrap().verify(NOW).unwrap()
}

pub fn stored(session: &Session) -> Vec<u8> {
    session.snapshot().to_vec()
}

pub fn restored(snapshot: &[u8]) -> Session {
    Session::restore(snapshot).unwrap()
}

pub fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(7)
}
