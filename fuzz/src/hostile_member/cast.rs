//! Everybody's devices, and the two that keep to the protocol with all that they store.

use evanesce::group::{Group, Groups, HeldMessages, InvitationName, Invitations, Unblocked};
use evanesce::person::{Contacts, DeviceList, ListedDevice, OwnDevices, Person, VerifiedList};
use evanesce::session::Session;
use evanesce::{Account, Device, Payload, Peer, PreKeyBundle, Suite, Timestamp};
use rand_chacha::ChaCha20Rng;

use crate::hostile_device::household::begin;
use crate::people::{DAY, NOW, account, rng};

/// What all messages are bound to: those that the library sends by itself are bound to nothing.
pub const AD: &[u8] = b"";

/// Those who keep to nothing, by their places: Anna made the group, Mallory is in it, and Eve is known and is not.
pub const ANNA: usize = 0;
pub const MALLORY: usize = 1;
pub const EVE: usize = 2;
pub const HOSTILE: usize = 3;

/// Those who keep to the protocol, by their places among all.
pub const BEN: usize = 3;
pub const CARLA: usize = 4;
pub const HONEST: usize = 2;

pub const PEOPLE: usize = HOSTILE + HONEST;
const NAMES: [&str; PEOPLE] = ["anna", "mallory", "eve", "ben", "carla"];

/// A device that keeps to the protocol.
pub struct Honest {
    pub account: Account,
    pub own: OwnDevices,
    pub contacts: Contacts,
    pub groups: Groups,
    pub held: HeldMessages,
    /// Messages that wait, by their numbers.
    pub kept: Vec<(u64, Vec<u8>)>,
}

/// All that is stored of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Rows {
    pub account: Vec<u8>,
    pub own: Vec<u8>,
    pub people: Vec<Vec<u8>>,
    pub peers: Vec<Vec<u8>>,
    pub groups: Vec<Vec<u8>>,
    pub invitations: Vec<u8>,
}

/// Before a group is made: sessions of all with both who keep to the protocol.
pub struct Cast {
    pub hostile: Vec<Account>,
    pub devices: Vec<Device>,
    pub honest: Vec<Honest>,
    /// Of each who is hostile with each who is not.
    pub sessions: Vec<[Session; HONEST]>,
}

/// The account of one of them, the same each time.
#[must_use]
pub fn account_of(place: usize) -> Account {
    let seed = 400 + u64::try_from(place).expect("one of five");
    account(Suite::Classical, NAMES[place], seed)
}

fn list_of(account: &Account) -> VerifiedList {
    let identity = account.device().identity;
    let listed = [ListedDevice::consenting(account, &identity, NOW)];
    let list = DeviceList::sign_for(account, &listed, 1, DAY * 90, NOW);
    list.expect("a list as it has to be")
}

impl Cast {
    /// # Panics
    ///
    /// If they do not understand each other.
    #[must_use]
    pub fn new() -> Self {
        let mut rng = rng(410);
        let mut all: Vec<Account> = (0..PEOPLE).map(account_of).collect();
        let devices: Vec<Device> = all.iter().map(Account::device).collect();
        let lists: Vec<VerifiedList> = all.iter().map(list_of).collect();
        let mut bundles = Vec::new();
        for account in &mut all[HOSTILE..] {
            let upload = account.maintain(None, NOW, &mut rng).upload.expect("it publishes");
            let _ = account.mark_published(&upload);
            bundles.push(upload.bundle().encode());
        }
        let honest = all.split_off(HOSTILE).into_iter().map(|account| {
            let mut own = OwnDevices::new(&account);
            let mut contacts = Contacts::new();
            let us = account.device().identity;
            for list in &lists {
                if *list.owner() == us {
                    let _ = own.adopt(list.clone(), NOW).expect("it is ours");
                    continue;
                }
                contacts.people.push(Person::new(*list.owner()));
                let _ = contacts.adopt(&own, list.clone(), NOW).expect("it is theirs");
                let _ = contacts.accept(&own, list.owner(), NOW);
            }
            let (groups, held) = (Groups::new(), HeldMessages::new());
            Honest { account, own, contacts, groups, held, kept: Vec::new() }
        });
        let mut cast =
            Self { hostile: all, devices, honest: honest.collect(), sessions: Vec::new() };
        for place in 0..HOSTILE {
            let of_place: Vec<Session> = (0..HONEST)
                .map(|to| {
                    let mut session = begin(&cast.hostile[place], &bundles[to], &mut rng);
                    let first = session.encrypt(&Payload::new("hello"), AD, &mut rng);
                    let from = cast.devices[place].clone();
                    let honest = &mut cast.honest[to];
                    honest.hears(&from, &first.expect("it can send"));
                    let answer = honest.greets(&from, &mut rng);
                    session.decrypt(&answer, AD, NOW).expect("it opens");
                    session
                })
                .collect();
            let of_place = of_place.try_into().unwrap_or_else(|_| unreachable!("two"));
            cast.sessions.push(of_place);
        }
        cast.acquaint(&bundles[1], &mut rng);
        cast
    }

    /// The two have a session.
    fn acquaint(&mut self, bundle: &[u8], rng: &mut ChaCha20Rng) {
        let bundle = PreKeyBundle::decode(bundle).expect("a bundle");
        let bundle = bundle.verify(NOW).expect("it is genuine");
        let [ben, carla] = &mut self.honest[..] else { unreachable!("two") };
        let mut peer = Peer::pinned(self.devices[CARLA].clone());
        let _ = peer.initiate(&ben.account, bundle, NOW, rng).expect("it is hers");
        ben.contacts.peers.push(peer);
        let first = ben.greets(&self.devices[CARLA], rng);
        carla.hears(&self.devices[BEN], &first);
        let answer = carla.greets(&self.devices[BEN], rng);
        ben.hears(&self.devices[CARLA], &answer);
    }
}

impl Default for Cast {
    fn default() -> Self {
        Self::new()
    }
}

impl Honest {
    fn hears(&mut self, from: &Device, bytes: &[u8]) {
        let Self { account, own, contacts, .. } = self;
        let got = own.decrypt(account, contacts, &from.address, bytes, AD, NOW);
        let _ = got.expect("it opens");
    }

    fn greets(&mut self, to: &Device, rng: &mut ChaCha20Rng) -> Vec<u8> {
        let mut peers = self.contacts.peers.iter_mut();
        let peer = peers.find(|peer| *peer.address() == to.address).expect("there is a session");
        let _ = peer.accept_request();
        peer.encrypt(&Payload::new("hello"), AD, NOW, rng).expect("there is a session").message
    }

    /// The user joins. What that unblocks.
    ///
    /// # Panics
    ///
    /// If they are not invited.
    #[must_use]
    pub fn joins(&mut self, invitation: &InvitationName, now: Timestamp) -> Vec<Unblocked> {
        let Self { own, contacts, groups, .. } = self;
        groups.join(own, contacts, invitation, now).expect("they are invited").unblocks
    }

    #[must_use]
    pub fn rows(&self) -> Rows {
        let Self { account, own, contacts: Contacts { people, peers }, groups, .. } = self;
        Rows {
            account: account.snapshot().to_vec(),
            own: own.snapshot().to_vec(),
            people: people.iter().map(|person| person.snapshot().to_vec()).collect(),
            peers: peers.iter().map(|peer| peer.snapshot().to_vec()).collect(),
            groups: groups.all.iter().map(|group| group.snapshot().to_vec()).collect(),
            invitations: groups.invitations.snapshot().to_vec(),
        }
    }

    /// The same out of the store; nothing waits.
    ///
    /// # Panics
    ///
    /// If something of it does not come back.
    #[must_use]
    pub fn restored(rows: &Rows) -> Self {
        let Rows { account, own, people, peers, groups, invitations } = rows;
        let person = |row: &Vec<u8>| Person::restore(row).expect("a person comes back");
        let peer = |row: &Vec<u8>| Peer::restore(row).expect("a peer comes back");
        let group = |row: &Vec<u8>| Group::restore(row).expect("a group comes back");
        let invitations = Invitations::restore(invitations).expect("invitations come back");
        Self {
            account: Account::restore(account).expect("an account comes back"),
            own: OwnDevices::restore(own).expect("own devices come back"),
            contacts: Contacts {
                people: people.iter().map(person).collect(),
                peers: peers.iter().map(peer).collect(),
            },
            groups: Groups { all: groups.iter().map(group).collect(), invitations },
            held: HeldMessages::new(),
            kept: Vec::new(),
        }
    }
}
