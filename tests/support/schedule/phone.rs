//! What one device holds and stores, and its last writes, which it can lose.

use std::collections::{BTreeSet, VecDeque};

use evanesce::limits::Limits;
use evanesce::session::SessionId;
use evanesce::{Account, Address, Changes, Contact, Device, IdentityKey, Peer, Suite, Timestamp};
use rand_chacha::ChaCha20Rng;

use super::{DEVICES, EACH, KNOWN_AGAIN, Letter, address};

/// How many writes can be lost.
const MAX_LOST: usize = 9;

/// What a device holds and stores.
pub(super) struct Phone {
    pub(super) account: Account,
    /// The devices of the other person. One that is unknown is as good as a row that is not there.
    pub(super) peers: Vec<Peer>,
    /// The texts that have been shown.
    shown: BTreeSet<u32>,
    /// The last of them of each peer, as long as the peer remembers them.
    read: [Vec<Option<u32>>; EACH],
    /// What was kept until the user decides about another identity of a peer.
    pub(super) kept: [Vec<Letter>; EACH],
    /// What the last writes wrote over.
    past: VecDeque<Write>,
}

/// What one transaction wrote over.
struct Write {
    peer: usize,
    before: [Vec<u8>; 2],
    read: Vec<Option<u32>>,
    shown: Option<u32>,
}

/// All of it, stored.
#[derive(Clone)]
pub(super) struct Stored {
    account: Vec<u8>,
    peers: Vec<Vec<u8>>,
    shown: BTreeSet<u32>,
    read: [Vec<Option<u32>>; EACH],
    kept: [Vec<Letter>; EACH],
}

impl Phone {
    pub(super) fn new(
        device: usize,
        suite: Suite,
        moves: usize,
        now: Timestamp,
        rng: &mut ChaCha20Rng,
    ) -> Self {
        let mut others = if device < EACH { EACH..DEVICES } else { 0..EACH };
        let (address_now, limits) = (address(device, moves), limits(device));
        Self {
            account: Account::generate_of_suite(suite, address_now, limits, now, rng),
            peers: others.by_ref().map(|other| Peer::new(address(other, 0))).collect(),
            shown: BTreeSet::new(),
            read: Default::default(),
            kept: Default::default(),
            past: VecDeque::new(),
        }
    }

    pub(super) fn store(&self) -> Stored {
        Stored {
            account: self.account.snapshot().to_vec(),
            peers: self.peers.iter().map(|peer| peer.snapshot().to_vec()).collect(),
            shown: self.shown.clone(),
            read: self.read.clone(),
            kept: self.kept.clone(),
        }
    }

    pub(super) fn start(stored: &Stored) -> Self {
        let peers = stored.peers.iter().map(|peer| Peer::restore(peer).unwrap());
        Self {
            account: Account::restore(&stored.account).unwrap(),
            peers: peers.collect(),
            shown: stored.shown.clone(),
            read: stored.read.clone(),
            kept: stored.kept.clone(),
            past: VecDeque::new(),
        }
    }

    pub(super) fn keep_past(&mut self, former: Self) {
        self.past = former.past;
    }

    /// What a call for one peer can change.
    pub(super) fn state(&self, peer: usize) -> [Vec<u8>; 2] {
        [self.account.snapshot().to_vec(), self.peers[peer].snapshot().to_vec()]
    }

    /// Stores what a call has changed. What is reported as changed is what has changed.
    pub(super) fn wrote(&mut self, peer: usize, before: [Vec<u8>; 2], changes: Changes) {
        let after = self.state(peer);
        assert_eq!(changes.account, after[0] != before[0], "{changes:?}");
        assert_eq!(changes.peer, after[1] != before[1], "{changes:?}");
        assert!(changes.session.is_none() || changes.peer);
        assert!(changes.spent_prekey.is_none() || changes.account);
        if changes.any() {
            self.past.push_back(Write { peer, before, read: self.read[peer].clone(), shown: None });
        }
        if self.past.len() > MAX_LOST {
            self.past.pop_front();
        }
    }

    /// Goes back to what was stored before the last writes, without noticing.
    pub(super) fn forget_writes(&mut self, count: usize) {
        for _ in 0..count {
            let Some(Write { peer, before: [account, state], read, shown }) = self.past.pop_back()
            else {
                return;
            };
            self.account = Account::restore(&account).unwrap();
            self.peers[peer] = Peer::restore(&state).unwrap();
            self.read[peer] = read;
            shown.inspect(|text| _ = self.shown.remove(text));
        }
    }

    pub(super) fn active(&self, peer: usize) -> Option<SessionId> {
        self.peers[peer].sessions().next().map(|session| session.id())
    }

    /// Whom a message is to be offered to. Where the transport says from which address it came: the peer at that one. Else,
    /// or where nobody is: the peer that knows it, or whom it claims to be from, by address or identity.
    pub(super) fn sender(
        &self,
        from: Option<&Address>,
        message: &[u8],
        now: Timestamp,
    ) -> Option<usize> {
        let is_at = |address: &Address| self.peers.iter().position(|peer| peer.is_at(address, now));
        from.and_then(is_at)
            .or_else(|| self.peers.iter().position(|peer| peer.knows(message)))
            .or_else(|| {
                let Device { identity, address } = self.account.claimed_sender(message).ok()?;
                let is_known = |peer: &Peer| peer.contact().identity() == Some(identity);
                is_at(&address).or_else(|| self.peers.iter().position(is_known))
            })
    }

    /// A stranger is known by the address where they are now, and by none before.
    pub(super) fn meet(&mut self, peer: usize, address: &Address) {
        let known = &self.peers[peer];
        if *known.contact() == Contact::None && known.address() != address {
            self.peers[peer] = Peer::new(address.clone());
        }
    }

    /// A peer is at another address from now on.
    pub(super) fn follow(&mut self, peer: usize, address: Address, now: Timestamp) {
        let before = self.state(peer);
        let changes = self.peers[peer].change_address(address, now);
        self.wrote(peer, before, changes);
    }

    /// Shows a text, if there is one, with the write that took it in. False if it was shown before.
    pub(super) fn show(&mut self, peer: usize, text: Option<u32>) -> bool {
        self.read[peer].push(text);
        if self.read[peer].len() > KNOWN_AGAIN {
            self.read[peer].remove(0);
        }
        self.past.back_mut().expect("it was stored").shown = text;
        text.is_none_or(|text| self.shown.insert(text))
    }

    /// Whether a text is among the last that came from a peer, as far as this device knows.
    pub(super) fn knows_again(&self, peer: usize, text: Option<u32>) -> bool {
        text.is_some() && self.read[peer].contains(&text)
    }

    pub(super) fn is_undecided(&self, peer: usize) -> bool {
        self.peers[peer].undecided_identity().is_some()
    }

    pub(super) fn refuse(&mut self, peer: usize) {
        let before = self.state(peer);
        let changes = self.peers[peer].refuse();
        self.wrote(peer, before, changes);
        self.read[peer].clear();
    }

    pub(super) fn drop_sessions(&mut self, peer: usize) {
        let before = self.state(peer);
        let changes = self.peers[peer].drop_sessions();
        self.wrote(peer, before, changes);
        self.read[peer].clear();
        assert!(self.active(peer).is_none());
    }

    /// The user takes another identity for the right one, or stays with the one that is pinned.
    pub(super) fn decide(&mut self, peer: usize, other: IdentityKey, is_right: bool) {
        let before = self.state(peer);
        let changes = if is_right {
            self.peers[peer].accept_identity(other)
        } else {
            self.peers[peer].keep_identity()
        };
        self.wrote(peer, before, changes);
        assert!(changes.peer && !self.is_undecided(peer));
        if is_right {
            self.read[peer].clear();
            assert!(self.active(peer).is_none());
        }
    }

    /// Deletes the row of a peer, and all that was kept for it.
    pub(super) fn delete(&mut self, peer: usize, address: Address) {
        self.peers[peer] = Peer::new(address);
        self.read[peer].clear();
        self.kept[peer].clear();
        // What was stored for a row that is gone does not come back with the writes before.
        self.past.retain(|write| write.peer != peer);
    }
}

/// The first device of each person keeps all keys; the second has no one-time prekeys, so that its replay record
/// is needed; the third keeps hardly any keys.
fn limits(device: usize) -> Limits {
    let mut limits = Limits::default();
    limits.prekeys.one_time_prekeys = [3, 0, 1][device % EACH];
    limits.session.max_older_chains = 1_000;
    if keeps_few(device) {
        limits.session.max_skip = 2;
        limits.session.max_held_keys = 3;
        limits.session.max_older_chains = 1;
    }
    limits
}

pub(super) fn keeps_few(device: usize) -> bool {
    device % EACH == 2
}
