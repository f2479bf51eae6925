//! Two devices that know each other as peers. What they report as changed is compared with what has.

use std::ops::Range;

use evanesce::limits::Limits;
use evanesce::server::PublishedPreKeys;
use evanesce::session::SessionId;
use evanesce::{
    Account, Address, Changes, Delivered, Payload, Peer, PeerDecryptError, PeerEncryptError,
    PreKeyBundle, Received, Suite, Timestamp,
};
use rand_chacha::ChaCha20Rng;

use super::{AD, NOW, ToldOnFailure, account_of, publishing, restored, rng, state};

/// The suites of Alice and of Bob, alike and crossed. A session has that of the one whose bundle it was begun with.
pub const SUITES_OF_TWO: [[Suite; 2]; 4] = [
    [Suite::Classical, Suite::Classical],
    [Suite::Hybrid, Suite::Hybrid],
    [Suite::Classical, Suite::Hybrid],
    [Suite::Hybrid, Suite::Classical],
];

/// Runs a test between accounts of all suites.
pub fn between_all_suites(test: impl Fn([Suite; 2])) {
    for suites in SUITES_OF_TWO {
        between(suites, &test);
    }
}

/// Runs a test with each seed, of which one after the other is for accounts of other suites.
pub fn between_suites_by_turns(seeds: Range<u64>, mut test: impl FnMut([Suite; 2], u64)) {
    for (seed, suites) in seeds.zip(SUITES_OF_TWO.into_iter().cycle()) {
        between(suites, |suites| test(suites, seed));
    }
}

fn between(suites: [Suite; 2], test: impl FnOnce([Suite; 2])) {
    let _told = ToldOnFailure(format!("between Alice and Bob of the suites {suites:?}"));
    test(suites);
}

/// One of the two, with the server that has its prekeys.
pub struct Side {
    pub account: Account,
    pub peer: Peer,
    pub server: PublishedPreKeys,
    pub rng: ChaCha20Rng,
}

pub struct Pair {
    pub alice: Side,
    pub bob: Side,
}

impl Pair {
    /// Neither has heard of the other's identity. Both are of the default suite.
    pub fn new(seed: u64) -> Self {
        Self::of_limited([Suite::default(); 2], &Limits::default(), seed)
    }

    /// Each has pinned the other's identity.
    pub fn acquainted(seed: u64) -> Self {
        Self::new(seed).introduced()
    }

    /// After a first message and a reply.
    pub fn talking(seed: u64) -> Self {
        Self::new(seed).introduced().started()
    }

    /// As [`Pair::new`], of these suites; with fewer one-time prekeys, for speed.
    pub fn of(suites: [Suite; 2], seed: u64) -> Self {
        Self::of_limited(suites, &publishing(FEW), seed)
    }

    pub fn of_limited([alice, bob]: [Suite; 2], limits: &Limits, seed: u64) -> Self {
        let alice = Side::of_limited(alice, "alice", "bob", limits.clone(), seed.wrapping_mul(2));
        let bob = Side::of_limited(bob, "bob", "alice", limits.clone(), seed.wrapping_mul(2) + 1);
        Self { alice, bob }
    }

    /// As [`Pair::acquainted`], of these suites.
    pub fn acquainted_of(suites: [Suite; 2], seed: u64) -> Self {
        Self::of(suites, seed).introduced()
    }

    /// As [`Pair::talking`], of these suites: the session has that of Bob.
    pub fn talking_of(suites: [Suite; 2], seed: u64) -> Self {
        Self::of(suites, seed).introduced().started()
    }

    pub fn introduced(mut self) -> Self {
        self.alice.peer = Peer::pinned(self.bob.account.device());
        self.bob.peer = Peer::pinned(self.alice.account.device());
        self
    }

    pub fn started(mut self) -> Self {
        let first = self.alice_sends("first");
        assert_eq!(self.bob.receives(&first).body, b"first");
        let reply = self.bob_sends("reply");
        assert_eq!(self.alice.receives(&reply).body, b"reply");
        self
    }

    /// Alice sends, with a new session if she needs one.
    pub fn alice_sends(&mut self, body: &str) -> Vec<u8> {
        self.alice.sends(body, &mut self.bob.server, NOW)
    }

    pub fn bob_sends(&mut self, body: &str) -> Vec<u8> {
        self.bob.sends(body, &mut self.alice.server, NOW)
    }

    /// Both send before they hear each other. Whether both messages open.
    pub fn exchange(&mut self) -> bool {
        let (hers, his) = (self.alice_sends("from alice"), self.bob_sends("from bob"));
        let to_bob =
            self.bob.tries(&hers, NOW).is_ok_and(|received| received.body == b"from alice");
        let to_alice =
            self.alice.tries(&his, NOW).is_ok_and(|received| received.body == b"from bob");
        to_bob && to_alice
    }

    /// Whether both send in the same session.
    pub fn agree(&self) -> bool {
        self.alice.active().is_some() && self.alice.active() == self.bob.active()
    }

    pub fn copy(&self) -> Self {
        Self { alice: self.alice.copy(), bob: self.bob.copy() }
    }
}

/// How many one-time prekeys are enough for a test: a server that runs out hands out none. Restoring an account makes the
/// public halves of all.
const FEW: u32 = 4;

impl Side {
    pub fn of(suite: Suite, name: &str, other: &str, seed: u64) -> Self {
        Self::of_limited(suite, name, other, publishing(FEW), seed)
    }

    pub fn of_limited(suite: Suite, name: &str, other: &str, limits: Limits, seed: u64) -> Self {
        let mut account = account_of(suite, name, limits, seed);
        let mut rng = rng(!seed);
        let upload = account.maintain(None, NOW, &mut rng).upload.unwrap();
        let _ = account.mark_published(&upload);
        let peer = Peer::new(Address::new(other).unwrap());
        Self { account, peer, server: PublishedPreKeys::new(upload), rng }
    }

    pub fn copy(&self) -> Self {
        Self {
            account: restored(&self.account),
            peer: restored(&self.peer),
            server: self.server.clone(),
            rng: self.rng.clone(),
        }
    }

    /// The session that sends.
    pub fn active(&self) -> Option<SessionId> {
        self.peer.sessions().next().map(|session| session.id())
    }

    pub fn begins(&mut self, server: &mut PublishedPreKeys, now: Timestamp) {
        let bundle = PreKeyBundle::decode(&server.hand_out()).unwrap().verify(now).unwrap();
        let before = (state(&self.account), state(&self.peer));
        let changes = self.peer.initiate(&self.account, bundle, now, &mut self.rng).unwrap();
        self.check(&before, changes);
        assert_eq!(changes.session, self.active());
    }

    pub fn sends(&mut self, body: &str, server: &mut PublishedPreKeys, now: Timestamp) -> Vec<u8> {
        let _ = self.peer.accept_request();
        match self.try_send(body, now) {
            Err(PeerEncryptError::NeedsSession) => {
                self.begins(server, now);
                self.try_send(body, now).unwrap()
            }
            sent => sent.unwrap(),
        }
    }

    pub fn try_send(&mut self, body: &str, now: Timestamp) -> Result<Vec<u8>, PeerEncryptError> {
        let before = (state(&self.account), state(&self.peer));
        let sent = self.peer.encrypt(&Payload::new(body), AD, now, &mut self.rng);
        let Ok(sent) = sent else {
            assert!(
                before == (state(&self.account), state(&self.peer)),
                "a refusal changed something"
            );
            return sent.map(|sent| sent.message);
        };
        self.check(&before, sent.changes);
        assert_eq!(sent.changes.session, self.active());
        assert_eq!(sent.session_need, self.peer.session_need(now));
        Ok(sent.message)
    }

    pub fn receives(&mut self, message: &[u8]) -> Received {
        self.tries(message, NOW).unwrap()
    }

    pub fn tries(&mut self, message: &[u8], now: Timestamp) -> Result<Received, PeerDecryptError> {
        let before = (state(&self.account), state(&self.peer));
        let known = self.peer.knows(message);
        let delivered = self.peer.decrypt(&mut self.account, message, AD, now);
        check_known(known, &delivered);
        let Ok(delivered) = delivered else {
            assert!(
                before == (state(&self.account), state(&self.peer)),
                "a refusal changed something"
            );
            return delivered.map(|delivered| delivered.received);
        };
        self.check(&before, delivered.changes);
        let used = delivered.changes.session.unwrap();
        let limits = self.peer.limits();
        assert!(
            limits.max_older_sessions == 0
                || self.peer.sessions().any(|session| session.id() == used)
        );
        Ok(delivered.received)
    }

    /// What is reported as changed is what has changed.
    fn check(&self, before: &(Vec<u8>, Vec<u8>), changes: Changes) {
        let (account, peer) = before;
        assert_eq!(changes.account, state(&self.account) != *account, "{changes:?}");
        assert_eq!(changes.peer, state(&self.peer) != *peer, "{changes:?}");
        assert_eq!(changes.account, changes.spent_prekey.is_some());
        assert!(changes.any());
    }
}

/// A message is of a session that was here if it was known before, and only then.
pub fn check_known(known: bool, delivered: &Result<Delivered, PeerDecryptError>) {
    match delivered {
        Ok(delivered) => assert_eq!(known, !delivered.began_session),
        Err(
            PeerDecryptError::NumberReused | PeerDecryptError::Expired | PeerDecryptError::Forked,
        ) => {
            assert!(known, "{delivered:?}")
        }
        Err(
            PeerDecryptError::NoSession
            | PeerDecryptError::UnknownPreKey
            | PeerDecryptError::Replayed
            | PeerDecryptError::ReplayRecordFull
            | PeerDecryptError::Refused
            | PeerDecryptError::OtherAddress
            | PeerDecryptError::IdentityChanged(_),
        ) => assert!(!known, "{delivered:?}"),
        // A forged body under a true header is known, any other forgery is not.
        Err(_) => {}
    }
}
