//! Two people, the server of one of them and a clock set by hand, for the tests of the public interface.
//!
//! What refuses here also checks that the refusal changed nothing.

#![allow(dead_code, reason = "each test file uses a part")]

pub mod layout;
pub mod pair;
pub mod phases;
pub mod stored_form;

use std::convert::Infallible;
use std::time::Duration;

use evanesce::expiry::{ExpiryScheduler, Now};
use evanesce::group::{Group, HeldMessages, Invitations};
use evanesce::limits::Limits;
use evanesce::person::{OwnDevices, Person};
use evanesce::server::{PreKeyUpload, PublishedPreKeys};
use evanesce::session::{
    AcceptError, Accepted, DecryptError, EncryptError, RatchetKeyPair, Session,
};
use evanesce::snapshot::SnapshotError;
use evanesce::{Account, Address, Payload, Peer, PreKeyBundle, Received, Suite, Timestamp};
use proptest::test_runner::{Config, RngSeed};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{SeedableRng, TryCryptoRng, TryRng};

use stored_form::Kind;

pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);
pub const DAY: Duration = Duration::from_secs(86_400);
pub const SECOND: Duration = Duration::from_secs(1);

/// What all messages are bound to, unless a test says otherwise.
pub const AD: &[u8] = b"associated data";

pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Proptest, the same cases each time.
pub fn repeatable(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..Config::default() }
}

/// All suites.
pub const SUITES: [Suite; 2] = [Suite::Classical, Suite::Hybrid];

pub fn other_suite(suite: Suite) -> Suite {
    match suite {
        Suite::Classical => Suite::Hybrid,
        Suite::Hybrid => Suite::Classical,
    }
}

/// Runs a test in each suite.
pub fn in_each_suite(test: impl Fn(Suite)) {
    for suite in SUITES {
        let _told = ToldOnFailure(format!("in the suite {suite:?}"));
        test(suite);
    }
}

/// Says where a test failed that goes through several cases.
struct ToldOnFailure(String);

impl Drop for ToldOnFailure {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed {}", self.0);
        }
    }
}

/// Fails when anything is drawn.
pub struct NoDraws;

impl TryRng for NoDraws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("nothing may be drawn")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("nothing may be drawn")
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
        panic!("nothing may be drawn")
    }
}

impl TryCryptoRng for NoDraws {}

/// Remembers every draw, each of 32 bytes.
pub struct Draws {
    source: ChaCha20Rng,
    pub made: Vec<[u8; 32]>,
}

impl Draws {
    pub fn new(seed: u64) -> Self {
        Self { source: rng(seed), made: Vec::new() }
    }
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("only whole draws are made")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("only whole draws are made")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.source.try_fill_bytes(out)?;
        self.made.push((&*out).try_into().expect("a draw is of 32 bytes"));
        Ok(())
    }
}

impl TryCryptoRng for Draws {}

/// What has snapshots.
pub trait Stateful: Sized {
    fn snapshot_bytes(&self) -> Vec<u8>;
    fn try_restore(snapshot: &[u8]) -> Result<Self, SnapshotError>;
}

macro_rules! stateful {
    ($($state:ident)+) => { $(
        impl Stateful for $state {
            fn snapshot_bytes(&self) -> Vec<u8> {
                self.snapshot().to_vec()
            }

            fn try_restore(snapshot: &[u8]) -> Result<Self, SnapshotError> {
                Self::restore(snapshot)
            }
        }
    )+ };
}

stateful! { Account Session Peer Person OwnDevices RatchetKeyPair ExpiryScheduler Group Invitations HeldMessages }

/// The clocks of a device that has the right time and nothing else.
pub fn clock(time: Timestamp) -> Now {
    Now::from_wall(Duration::from_secs(time.unix_seconds()))
}

/// All of a state, to compare.
pub fn state(of: &impl Stateful) -> Vec<u8> {
    of.snapshot_bytes()
}

/// A state as it comes back from the store: also the way to a copy.
pub fn restored<State: Stateful>(from: &State) -> State {
    State::try_restore(&state(from)).unwrap()
}

/// A device of the default suite, its prekeys not published yet.
pub fn account(address: impl AsRef<[u8]>, limits: Limits, seed: u64) -> Account {
    account_of(Suite::default(), address, limits, seed)
}

/// The same, of any suite.
pub fn account_of(suite: Suite, address: impl AsRef<[u8]>, limits: Limits, seed: u64) -> Account {
    let address = Address::new(address).unwrap();
    Account::generate_of_suite(suite, address, limits, NOW, &mut rng(seed))
}

/// Limits of an account that publishes so many one-time prekeys.
pub fn publishing(count: u32) -> Limits {
    let mut limits = Limits::default();
    limits.prekeys.one_time_prekeys = count;
    limits
}

/// Alice, Bob, and the server that has Bob's prekeys.
pub struct World {
    pub alice: Account,
    pub bob: Account,
    /// Bob's first upload.
    pub upload: PreKeyUpload,
    pub server: PublishedPreKeys,
    pub rng: ChaCha20Rng,
}

impl World {
    /// Both are of the default suite.
    pub fn new(seed: u64) -> Self {
        Self::of(Suite::default(), seed)
    }

    /// Both are of this suite.
    pub fn of(suite: Suite, seed: u64) -> Self {
        Self::of_limited(suite, Limits::default(), seed)
    }

    /// Both are of this suite, and Bob has these limits.
    pub fn of_limited(suite: Suite, limits: Limits, seed: u64) -> Self {
        let alice = account_of(suite, "alice@example/phone", Limits::default(), seed);
        let mut bob = account_of(suite, "bob@example/laptop", limits, seed ^ u64::MAX);
        let mut rng = rng(seed.rotate_left(32));
        let upload = bob.maintain(None, NOW, &mut rng).upload.unwrap();
        let _ = bob.mark_published(&upload);
        Self { alice, bob, server: PublishedPreKeys::new(upload.clone()), upload, rng }
    }

    /// Bob has so many one-time prekeys.
    pub fn with_one_time_prekeys(count: u32, seed: u64) -> Self {
        Self::of_limited(Suite::default(), publishing(count), seed)
    }

    /// Alice starts a session with a bundle of the server's.
    pub fn initiate(&mut self) -> Session {
        let bundle = self.server.hand_out();
        self.initiate_with(&bundle)
    }

    pub fn initiate_with(&mut self, bundle: &[u8]) -> Session {
        let bundle = PreKeyBundle::decode(bundle).unwrap().verify(NOW).unwrap();
        self.alice.initiate(&bundle, &mut self.rng).unwrap()
    }

    /// Bob takes the message as the first of a session.
    pub fn accept(&mut self, message: &[u8]) -> Accepted {
        self.bob.accept(message, AD, NOW).unwrap()
    }

    /// Publishes what Bob has made.
    pub fn publish(&mut self, upload: PreKeyUpload) {
        let _ = self.bob.mark_published(&upload);
        self.server.publish(upload);
    }

    /// A session of each, after a first message and a reply.
    pub fn start(&mut self) -> Talk {
        let mut alice = self.initiate();
        let first = send(&mut alice, "first", &mut self.rng);
        let mut bob = self.accept(&first).session;
        let reply = send(&mut bob, "reply", &mut self.rng);
        receive(&mut alice, &reply);
        Talk { alice, bob, rng: ChaCha20Rng::from_rng(&mut self.rng) }
    }
}

/// Both ends of one conversation.
pub struct Talk {
    pub alice: Session,
    pub bob: Session,
    pub rng: ChaCha20Rng,
}

/// A conversation after a first message and a reply: Alice's turn, in a new chain.
pub fn started(seed: u64) -> Talk {
    World::new(seed).start()
}

/// The same, in a suite.
pub fn started_in(suite: Suite, seed: u64) -> Talk {
    World::of_limited(suite, publishing(1), seed).start()
}

impl Talk {
    pub fn alice_sends(&mut self, body: &str) -> Vec<u8> {
        send(&mut self.alice, body, &mut self.rng)
    }

    pub fn bob_sends(&mut self, body: &str) -> Vec<u8> {
        send(&mut self.bob, body, &mut self.rng)
    }

    /// Alice sends this many messages; the body of each is its place among them.
    pub fn alice_sends_many(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|number| self.alice_sends(&number.to_string())).collect()
    }

    /// Bob writes and Alice reads, so that Alice's next message begins a new chain.
    pub fn bob_answers(&mut self) {
        let answer = self.bob_sends("answer");
        assert_eq!(receive(&mut self.alice, &answer).body, b"answer");
    }

    pub fn copy(&self) -> Self {
        let Self { alice, bob, rng } = self;
        Self { alice: restored(alice), bob: restored(bob), rng: rng.clone() }
    }

    /// A message in each direction opens.
    pub fn goes_on(&mut self) {
        let question = self.alice_sends("still there?");
        assert_eq!(receive(&mut self.bob, &question).body, b"still there?");
        self.bob_answers();
    }
}

pub fn send(session: &mut Session, body: impl Into<Vec<u8>>, rng: &mut ChaCha20Rng) -> Vec<u8> {
    session.encrypt(&Payload::new(body), AD, rng).unwrap()
}

/// Both ask for an epoch and go on in turns until one more is complete on both sides: some 25 messages. In suite 1, which
/// has none, one opens each way.
pub fn heal(one: &mut Session, other: &mut Session, rng: &mut ChaCha20Rng) {
    let completed = |session: &Session| session.epochs().map(|epochs| epochs.completed);
    let (mut from, mut to) = (one, other);
    let mut before = [completed(from), completed(to)];
    let _asked = [from.request_epoch(), to.request_epoch()];
    for sent in 1..=28 {
        let message = send(from, "go on", rng);
        assert_eq!(receive(to, &message).body, b"go on");
        std::mem::swap(&mut from, &mut to);
        before.reverse();
        let is_complete = completed(from) > before[0] && completed(to) > before[1];
        if is_complete || before == [None; 2] && sent == 2 {
            return;
        }
    }
    panic!("no epoch was completed: {:?}, {:?}", from.epochs(), to.epochs());
}

pub fn receive(session: &mut Session, message: &[u8]) -> Received {
    session.decrypt(message, AD, NOW).unwrap()
}

/// Why a session refuses a message.
pub fn refusal(session: &mut Session, message: &[u8]) -> DecryptError {
    refusal_of(session, message, AD, NOW)
}

pub fn refusal_of(
    session: &mut Session,
    message: &[u8],
    ad: &[u8],
    now: Timestamp,
) -> DecryptError {
    let before = state(session);
    let error = session.decrypt(message, ad, now).expect_err("a refusal");
    assert!(state(session) == before, "the refusal as {error:?} changed the session");
    error
}

/// Why a device makes no session of a message.
pub fn accept_refusal(account: &mut Account, message: &[u8]) -> AcceptError {
    accept_refusal_of(account, message, AD, NOW)
}

pub fn accept_refusal_of(
    account: &mut Account,
    message: &[u8],
    ad: &[u8],
    now: Timestamp,
) -> AcceptError {
    let before = state(account);
    let error = account.accept(message, ad, now).expect_err("a refusal");
    assert!(state(account) == before, "the refusal as {error:?} changed the account");
    error
}

/// Why a session does not send. Nothing may be drawn.
pub fn sending_refusal(session: &mut Session, payload: &Payload) -> EncryptError {
    let before = state(session);
    let error = session.encrypt(payload, AD, &mut NoDraws).expect_err("a refusal");
    assert!(state(session) == before, "the refusal as {error:?} changed the session");
    error
}

/// All secrets of 32 bytes in a state, from its stored form.
pub fn secrets(state: &impl Stateful) -> Vec<[u8; 32]> {
    secrets_in(&state.snapshot_bytes())
}

/// The same of a snapshot.
pub fn secrets_in(snapshot: &[u8]) -> Vec<[u8; 32]> {
    let secret =
        stored_form::fields(snapshot).into_iter().filter(|field| field.kind == Kind::Secret);
    secret.map(|field| snapshot[field.place].try_into().unwrap()).collect()
}
