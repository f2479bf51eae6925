//! Accounts, sessions and messages to measure with.

use std::iter::repeat_with;

use evanesce::limits::Limits;
use evanesce::server::{PreKeyUpload, PublishedPreKeys};
use evanesce::session::Session;
use evanesce::{Account, Address, Payload, PreKeyBundle, Suite, Timestamp, VerifiedBundle};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);

/// No associated data.
pub const AD: &[u8] = b"";

/// A padded plaintext, where the size does not matter.
pub const SMALL: u32 = 64;

/// How many messages carry the whole key of an epoch, 37 fragments at 7 a message, and how many the answer, 35.
pub const MESSAGES_OF_A_KEY: usize = 6;
pub const MESSAGES_OF_AN_ANSWER: usize = 5;

/// Where a session of suite 2 is in its epoch.
#[derive(Clone, Copy)]
pub enum Phase {
    /// Nothing travels.
    Rest,
    /// Messages carry the key.
    Key,
    /// Messages carry the answer.
    Answer,
}

/// Which prekeys a handshake goes by.
#[derive(Clone, Copy)]
pub enum PreKeys {
    /// The signed one and a one-time one.
    OneTime,
    /// The signed one alone.
    LastResort,
}

/// Alice and Bob after a message and its answer.
pub fn first_exchange(suite: Suite, rng: &mut ChaCha20Rng) -> (Session, Session) {
    let (mut bob, mut bundles) = bob(suite, PreKeys::OneTime, rng);
    let (mut alice, first) = first_message(suite, &bundles(), rng);
    let mut bob = bob.accept(&first, AD, NOW).unwrap().session;
    deliver(&mut bob, &mut alice, rng);
    (alice, bob)
}

/// Alice and Bob when Alice has begun a chain and Bob has its first message, in suite 1.
pub fn in_a_chain(rng: &mut ChaCha20Rng) -> (Session, Session) {
    let (mut alice, mut bob) = first_exchange(Suite::Classical, rng);
    deliver(&mut alice, &mut bob, rng);
    (alice, bob)
}

/// Who sends in a phase of an epoch, and who receives, once the first message has passed.
pub fn in_phase(phase: Phase, rng: &mut ChaCha20Rng) -> (Session, Session) {
    let (mut alice, mut bob) = first_exchange(Suite::Hybrid, rng);
    match phase {
        Phase::Rest => {
            run_epoch(&mut alice, &mut bob, rng);
            (alice, bob)
        }
        Phase::Key => {
            deliver(&mut alice, &mut bob, rng);
            (alice, bob)
        }
        Phase::Answer => {
            (0..MESSAGES_OF_A_KEY).for_each(|_| deliver(&mut alice, &mut bob, rng));
            deliver(&mut bob, &mut alice, rng);
            (bob, alice)
        }
    }
}

/// An epoch after a first exchange: the key, the answer, and a message of the chain that begins with the secret.
pub fn run_epoch(alice: &mut Session, bob: &mut Session, rng: &mut ChaCha20Rng) {
    (0..MESSAGES_OF_A_KEY).for_each(|_| deliver(alice, bob, rng));
    (0..MESSAGES_OF_AN_ANSWER).for_each(|_| deliver(bob, alice, rng));
    deliver(alice, bob, rng);
    let completed = [&*alice, &*bob].map(|side| side.epochs().map(|status| status.completed));
    assert_eq!(completed, [Some(1); 2]);
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
    from.encrypt(&payload(from.suite(), size), AD, rng).unwrap()
}

/// A payload of this size once padded: two bytes are the stamp's, one ends the content, and in suite 2 one says that
/// nothing travels with it.
pub fn payload(suite: Suite, size: u32) -> Payload {
    let around_body = match suite {
        Suite::Classical => 3,
        Suite::Hybrid => 4,
    };
    Payload::new(vec![b'x'; usize::try_from(size).unwrap() - around_body])
}

/// A new account, and what it publishes.
pub fn account(suite: Suite, name: &str, rng: &mut ChaCha20Rng) -> (Account, PreKeyUpload) {
    let (address, limits) = (Address::new(name).unwrap(), Limits::default());
    let mut account = Account::generate_of_suite(suite, address, limits, NOW, rng);
    let upload = account.maintain(None, NOW, rng).upload.unwrap();
    let _ = account.mark_published(&upload);
    (account, upload)
}

/// A new Bob, and bundles of his that have these prekeys.
pub fn bob(
    suite: Suite,
    prekeys: PreKeys,
    rng: &mut ChaCha20Rng,
) -> (Account, impl FnMut() -> Vec<u8> + 'static) {
    let (bob, upload) = account(suite, "bob", rng);
    let last_resort = upload.bundle().encode();
    let mut server = PublishedPreKeys::new(upload);
    let bundles = move || match prekeys {
        PreKeys::OneTime => server.hand_out(),
        PreKeys::LastResort => last_resort.clone(),
    };
    (bob, bundles)
}

/// The first message of a new Alice, who has this bundle.
pub fn first_message(suite: Suite, bundle: &[u8], rng: &mut ChaCha20Rng) -> (Session, Vec<u8>) {
    let (alice, _) = account(suite, "alice", rng);
    let mut alice = alice.initiate(&verified(bundle), rng).unwrap();
    let first = message(&mut alice, SMALL, rng);
    (alice, first)
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
