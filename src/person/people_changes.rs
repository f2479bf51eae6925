//! What a call changed that concerns people.

use alloc::vec::Vec;
use core::fmt;

use crate::identity::{Address, IdentityKey};
use crate::person::own_event::OwnEvent;

/// What a call changed, to be stored in **one transaction** with what it gave: before a message is sent, and before an
/// arrival is acknowledged. If the transaction fails, drop all of this from memory and restore it.
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "what has changed is to be stored"]
#[non_exhaustive]
pub struct PeopleChanges {
    /// The account.
    pub account: bool,
    /// The own devices.
    pub own: bool,
    /// The people, by their owners.
    pub people: Vec<IdentityKey>,
    /// The peers, by their addresses.
    pub peers: Vec<Address>,
    /// What own other devices are to be told, in the same transaction:
    /// [`Recipients::tell_events`](crate::person::Recipients::tell_events). Who has none needs nothing of it.
    pub tell: Vec<OwnEvent>,
}

impl PeopleChanges {
    /// Nothing.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// A peer alone.
    pub(crate) fn of_peer(address: &Address) -> Self {
        Self { peers: Vec::from([address.clone()]), ..Self::none() }
    }

    /// Adds a person, once.
    pub(crate) fn add_person(&mut self, owner: &IdentityKey) {
        if !self.people.contains(owner) {
            self.people.push(*owner);
        }
    }

    /// Adds a peer, once.
    pub(crate) fn add_peer(&mut self, address: &Address) {
        if !self.peers.contains(address) {
            self.peers.push(address.clone());
        }
    }

    /// Adds peers that come in order of their addresses.
    pub(crate) fn add_peers(&mut self, mut in_order: Vec<Address>) {
        // As a rule nothing is here yet, and then nobody is looked up.
        if self.peers.is_empty() {
            in_order.dedup();
            self.peers = in_order;
        } else {
            in_order.iter().for_each(|address| self.add_peer(address));
        }
    }

    /// This and what a later call changed, to be stored at once.
    pub fn and(mut self, later: Self) -> Self {
        // As a rule nothing is here yet, and then nobody is looked up.
        if self == Self::none() {
            return later;
        }
        let Self { account, own, people, peers, tell } = later;
        self.account |= account;
        self.own |= own;
        people.iter().for_each(|owner| self.add_person(owner));
        peers.iter().for_each(|address| self.add_peer(address));
        self.tell.extend(tell);
        self
    }

    /// Whether anything is to be stored.
    #[must_use]
    pub fn any(&self) -> bool {
        let Self { account, own, people, peers, tell: _ } = self;
        *account || *own || !people.is_empty() || !peers.is_empty()
    }
}

/// What, and of people and peers how many.
impl fmt::Debug for PeopleChanges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, own, people, peers, tell } = self;
        let mut shown = formatter.debug_struct("PeopleChanges");
        shown.field("account", account).field("own", own);
        shown.field("people", &people.len()).field("peers", &peers.len());
        shown.field("tell", &tell.len()).finish()
    }
}
