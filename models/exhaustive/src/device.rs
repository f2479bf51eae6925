//! Two devices that know each other, as stored between the events of a model.

use evanesce::limits::Limits;
use evanesce::server::PublishedPreKeys;
use evanesce::session::SessionId;
use evanesce::{
    Account, Address, Payload, Peer, PeerDecryptError, PeerEncryptError, PreKeyBundle, Suite,
    Timestamp, VerifiedBundle,
};

use crate::draws::Draws;

pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

pub const AD: &[u8] = b"associated data";

/// More bundles than a path begins sessions.
const BUNDLES: usize = 32;

/// A device at rest, as the bytes that its store has.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct Device {
    pub account: Vec<u8>,
    pub peer: Vec<u8>,
    pub draws: Draws,
    /// How many bundles of the other device it has fetched.
    pub fetched: usize,
}

/// A device in memory.
pub struct Awake {
    pub account: Account,
    pub peer: Peer,
    draws: Draws,
    fetched: usize,
    /// What it takes for the time.
    pub now: Timestamp,
}

/// The bundles of one device in the order in which its server hands them out.
pub struct Bundles(Vec<VerifiedBundle>);

/// Two devices, each with the other's identity pinned; and the bundles of each.
pub fn acquainted(
    suite: Suite,
    one_time_prekeys: u32,
    first_actor: u8,
) -> ([Device; 2], [Bundles; 2]) {
    let (alice, of_alice) = publish(suite, "alice", one_time_prekeys, first_actor);
    let (bob, of_bob) = publish(suite, "bob", one_time_prekeys, first_actor + 1);
    let (for_alice, for_bob) = (Peer::pinned(bob.0.device()), Peer::pinned(alice.0.device()));
    let at_rest = |(account, draws): (Account, Draws), peer: Peer| {
        Awake { account, peer, draws, fetched: 0, now: NOW }.rest()
    };
    ([at_rest(alice, for_alice), at_rest(bob, for_bob)], [of_alice, of_bob])
}

/// The same two, each knowing no more of the other than the address.
pub fn strangers(
    suite: Suite,
    one_time_prekeys: u32,
    first_actor: u8,
) -> ([Device; 2], [Bundles; 2]) {
    let (mut devices, bundles) = acquainted(suite, one_time_prekeys, first_actor);
    for device in &mut devices {
        let address = device.peer().address().clone();
        device.peer = Peer::new(address).snapshot().to_vec();
    }
    (devices, bundles)
}

fn publish(
    suite: Suite,
    name: &str,
    one_time_prekeys: u32,
    actor: u8,
) -> ((Account, Draws), Bundles) {
    let mut draws = Draws::of(actor);
    let mut limits = Limits::default();
    limits.prekeys.one_time_prekeys = one_time_prekeys;
    let address = Address::new(name).expect("a short name");
    let mut account = Account::generate_of_suite(suite, address, limits, NOW, &mut draws.next());
    let upload = account.maintain(None, NOW, &mut draws.next()).upload.expect("it is new");
    let _ = account.mark_published(&upload);
    let mut server = PublishedPreKeys::new(upload);
    let hand_out = |_| {
        let bundle = PreKeyBundle::decode(&server.hand_out()).expect("it was encoded");
        bundle.verify(NOW).expect("it was signed")
    };
    let bundles = Bundles((0..BUNDLES).map(hand_out).collect());
    ((account, draws), bundles)
}

impl Bundles {
    pub fn first(&self) -> &VerifiedBundle {
        &self.0[0]
    }
}

impl Device {
    /// Its peer alone: an account takes longer.
    pub fn peer(&self) -> Peer {
        Peer::restore(&self.peer).expect("what was stored")
    }

    pub fn wake(&self) -> Awake {
        let Self { account, peer: _, draws, fetched } = self;
        Awake {
            account: Account::restore(account).expect("what was stored"),
            peer: self.peer(),
            draws: draws.clone(),
            fetched: *fetched,
            now: NOW,
        }
    }

    /// An older state of itself, with what is outside of it as it is now: no random number is drawn twice, and no
    /// bundle handed out twice.
    pub fn back_at(&self, older: &Self) -> Self {
        Self { draws: self.draws.clone(), fetched: self.fetched, ..older.clone() }
    }
}

impl Awake {
    pub fn rest(&self) -> Device {
        let Self { account, peer, draws, fetched, now: _ } = self;
        Device {
            account: account.snapshot().to_vec(),
            peer: peer.snapshot().to_vec(),
            draws: draws.clone(),
            fetched: *fetched,
        }
    }

    /// Begins a session, needed or not.
    pub fn begin(&mut self, theirs: &Bundles) {
        let bundle = theirs.0[self.fetched].clone();
        self.fetched += 1;
        let begun = self.peer.initiate(&self.account, bundle, self.now, &mut self.draws.next());
        let changes = begun.expect("a bundle of the device that is pinned");
        assert!(changes.peer, "all of a device is stored after each event");
    }

    /// Encrypts, in a new session if there is none.
    pub fn send(&mut self, body: &str, theirs: &Bundles) -> Vec<u8> {
        self.try_send(body).unwrap_or_else(|error| {
            assert_eq!(error, PeerEncryptError::NeedsSession);
            self.begin(theirs);
            self.try_send(body).expect("a session has just begun")
        })
    }

    pub fn try_send(&mut self, body: &str) -> Result<Vec<u8>, PeerEncryptError> {
        let sent = self.peer.encrypt(&Payload::new(body), AD, self.now, &mut self.draws.next());
        sent.map(|sent| sent.message)
    }

    /// The text of a message that opens.
    pub fn receive(&mut self, message: &[u8]) -> Result<Vec<u8>, PeerDecryptError> {
        let delivered = self.peer.decrypt(&mut self.account, message, AD, self.now)?;
        Ok(delivered.received.body)
    }

    /// The session that sends.
    pub fn active(&self) -> Option<SessionId> {
        self.peer.sessions().next().map(|session| session.id())
    }
}
