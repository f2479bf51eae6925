//! People with several devices in groups, and a carrier that does what it is told.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::{BTreeMap, BTreeSet};

use evanesce::group::{
    Change, Group, GroupChangeError, GroupDecryptError, GroupDelivered, GroupEncryptError,
    GroupEvent, GroupId, GroupOutgoing, Groups, GroupsHeard, HeldMessages, Invitations, Unblocked,
};
use evanesce::person::{Contacts, Obstacle, Person, VerifiedList};
use evanesce::{Address, IdentityKey, Payload, Peer, PreKeyBundle, Timestamp};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::household::{Letter, Party, Rows, START, link};

/// A device with its groups, and what waits in its store.
pub struct Attendee {
    pub party: Party,
    pub groups: Groups,
    pub held: HeldMessages,
    pub kept: BTreeMap<u64, Vec<u8>>,
    /// What came to be shown, in order: whose, and what.
    pub shown: Vec<(IdentityKey, Vec<u8>)>,
    pub events: Vec<GroupEvent>,
    /// Refusals that are not waited for.
    pub refused: Vec<GroupDecryptError>,
    /// The epoch of the roster by which it joined last.
    pub joined: u32,
}

/// What is under way.
#[derive(Clone)]
pub struct UnderWay {
    pub from: Address,
    pub to: usize,
    pub bytes: Vec<u8>,
    pub is_broadcast: bool,
}

/// All rows of a device that its groups are in, too.
pub struct AttendeeRows {
    rows: Rows,
    groups: Vec<Vec<u8>>,
    invitations: Vec<u8>,
    held: Vec<u8>,
    kept: BTreeMap<u64, Vec<u8>>,
}

pub struct Crowd {
    pub rng: ChaCha20Rng,
    pub now: Timestamp,
    pub all: Vec<Attendee>,
    pub under_way: Vec<UnderWay>,
    /// Sessions are not begun with these, so that they are not reached.
    pub cut_off: BTreeSet<usize>,
}

impl Crowd {
    /// People with so many devices each, in order: the first of a person is the owner's. All know all lists.
    pub fn new(devices: &[usize], seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (mut parties, mut owners) = (Vec::new(), Vec::new());
        for (person, count) in devices.iter().enumerate() {
            owners.push(parties.len());
            for device in 0..*count {
                parties.push(Party::new(format!("person-{person}/{device}"), &mut rng));
            }
        }
        for (owner, count) in owners.iter().zip(devices) {
            for device in owner + 1..owner + count {
                link(&mut parties, *owner, device, START, &mut rng);
            }
            let Party { account, own, .. } = &mut parties[*owner];
            let _ = own.refresh(account, START).unwrap();
            let list = own.person().list().unwrap().clone();
            for party in &mut parties[owner + 1..owner + count] {
                let _ = party.own.adopt(list.clone(), START).unwrap();
            }
        }
        let all = parties.into_iter().map(|party| Attendee {
            party,
            groups: Groups::new(),
            held: HeldMessages::new(),
            kept: BTreeMap::new(),
            shown: Vec::new(),
            events: Vec::new(),
            refused: Vec::new(),
            joined: 0,
        });
        let mut crowd = Self {
            rng,
            now: START,
            all: all.collect(),
            under_way: Vec::new(),
            cut_off: BTreeSet::new(),
        };
        for owner in owners {
            let list = crowd.all[owner].party.own.person().list().unwrap().clone();
            crowd.publish(&list);
        }
        crowd
    }

    /// All others adopt a list, as from a server.
    pub fn publish(&mut self, list: &VerifiedList) {
        for place in 0..self.all.len() {
            self.give_list(place, list);
        }
    }

    pub fn give_list(&mut self, place: usize, list: &VerifiedList) {
        let Attendee { party, .. } = &mut self.all[place];
        let events = if party.own.person().owner() == list.owner() {
            party.own.adopt(list.clone(), self.now).map(Vec::from_iter)
        } else {
            party.place_of(list.owner());
            party.adopt(list.clone(), self.now).map(|(events, _)| events)
        };
        // One who holds a newer one refuses.
        let unblocks = Unblocked::of_people(&events.unwrap_or_default());
        self.offer_again(place, &unblocks);
    }

    pub fn identity(&self, device: usize) -> IdentityKey {
        self.all[device].party.identity()
    }

    pub fn owner(&self, device: usize) -> IdentityKey {
        *self.all[device].party.own.person().owner()
    }

    pub fn group(&self, device: usize, id: &GroupId) -> &Group {
        self.all[device].groups.group(id).unwrap()
    }

    fn place(&self, address: &Address) -> Option<usize> {
        self.all.iter().position(|attendee| attendee.party.address() == *address)
    }

    /// Begins a session for a group, as an application does for whom it does not reach.
    pub fn begin(&mut self, from: usize, to: usize) {
        let bundle = self.all[to].party.server.hand_out();
        let bundle = PreKeyBundle::decode(&bundle).unwrap().verify(self.now).unwrap();
        let device = self.all[to].party.account.device();
        let Party { account, contacts, .. } = &mut self.all[from].party;
        let peers = &mut contacts.peers;
        let place = peers.iter().position(|peer| *peer.address() == device.address);
        let place = place.unwrap_or_else(|| {
            peers.push(Peer::new(device.address.clone()));
            peers.len() - 1
        });
        // One whose identity was refused is not reached.
        let _ = peers[place].initiate_for_group(account, bundle, self.now, &mut self.rng);
    }

    /// Puts on its way what a call gave; begins the sessions that were missing, and catches up.
    pub fn post(&mut self, from: usize, outgoing: GroupOutgoing, id: Option<&GroupId>) {
        let missed: Vec<usize> = outgoing
            .unreached
            .iter()
            .filter(|missed| missed.reason == Obstacle::NeedsSession)
            .filter_map(|missed| self.place(&missed.to))
            .filter(|to| !self.cut_off.contains(to))
            .collect();
        self.put_on_way(from, outgoing);
        if missed.is_empty() {
            return;
        }
        missed.into_iter().for_each(|to| self.begin(from, to));
        if let Some(id) = id {
            let Self { all, rng, now, .. } = self;
            let Attendee { party, groups, .. } = &mut all[from];
            let Party { account, own, contacts, .. } = party;
            if let Some(group) = groups.group_mut(id) {
                let caught = own.in_group(account, group).catch_up(contacts, *now, rng);
                self.put_on_way(from, caught);
            }
        }
    }

    fn put_on_way(&mut self, from: usize, outgoing: GroupOutgoing) {
        let address = self.all[from].party.address();
        let GroupOutgoing { events, pairwise, broadcasts, .. } = outgoing;
        self.all[from].events.extend(events);
        for message in pairwise {
            if let Some(to) = self.place(&message.to) {
                let (from, bytes) = (address.clone(), message.message);
                self.under_way.push(UnderWay { from, to, bytes, is_broadcast: false });
            }
        }
        for broadcast in broadcasts {
            for to in &broadcast.to {
                if let Some(to) = self.place(to) {
                    let (from, bytes) = (address.clone(), broadcast.message.clone());
                    self.under_way.push(UnderWay { from, to, bytes, is_broadcast: true });
                }
            }
        }
    }

    pub fn create(&mut self, by: usize, members: &[usize], about: &[u8]) -> GroupId {
        let members: Vec<_> = members.iter().map(|device| self.owner(*device)).collect();
        let Self { all, rng, now, .. } = self;
        let Attendee { party, groups, .. } = &mut all[by];
        let Party { account, own, contacts, .. } = party;
        let created = own.create_group(account, contacts, &members, about, *now, rng);
        let (group, outgoing) = created.unwrap();
        let id = group.id();
        groups.all.push(group);
        self.post(by, outgoing, Some(&id));
        id
    }

    pub fn try_say(
        &mut self,
        by: usize,
        id: &GroupId,
        payload: &Payload,
    ) -> Result<BTreeSet<usize>, GroupEncryptError> {
        let Self { all, rng, now, .. } = self;
        let Attendee { party, groups, .. } = &mut all[by];
        let Party { account, own, contacts, .. } = party;
        let group = groups.group_mut(id).unwrap();
        let outgoing = own.in_group(account, group).encrypt(contacts, payload, b"", *now, rng)?;
        let to = outgoing.broadcasts.last().map(|broadcast| broadcast.to.clone());
        let to = to.unwrap().iter().filter_map(|to| self.place(to)).collect();
        self.post(by, outgoing, Some(id));
        Ok(to)
    }

    /// Whom it goes to.
    pub fn say(&mut self, by: usize, id: &GroupId, body: &str) -> BTreeSet<usize> {
        self.try_say(by, id, &Payload::new(body)).unwrap()
    }

    pub fn try_change(
        &mut self,
        by: usize,
        id: &GroupId,
        change: &Change,
    ) -> Result<(), GroupChangeError> {
        let Self { all, rng, now, .. } = self;
        let Attendee { party, groups, .. } = &mut all[by];
        let Party { account, own, contacts, .. } = party;
        let group = groups.group_mut(id).unwrap();
        let signed = own.in_group(account, group).change(contacts, change, *now, rng)?;
        self.post(by, signed, Some(id));
        Ok(())
    }

    pub fn change(&mut self, by: usize, id: &GroupId, change: &Change) {
        self.try_change(by, id, change).unwrap();
    }

    pub fn remove(&mut self, by: usize, id: &GroupId, whom: usize) {
        let member = self.group(by, id).member(&self.owner(whom)).unwrap();
        self.change(by, id, &Change::remove(&member));
    }

    pub fn leave(&mut self, by: usize, id: &GroupId) -> Result<(), GroupChangeError> {
        let Self { all, rng, now, .. } = self;
        let Attendee { party, groups, .. } = &mut all[by];
        let Party { account, own, contacts, .. } = party;
        let group = groups.group_mut(id).unwrap();
        let outgoing = own.in_group(account, group).leave(contacts, *now, rng)?;
        self.post(by, outgoing, Some(id));
        Ok(())
    }

    pub fn catch_up(&mut self, by: usize, id: &GroupId) {
        let Self { all, rng, now, .. } = self;
        let Attendee { party, groups, .. } = &mut all[by];
        let Party { account, own, contacts, .. } = party;
        let group = groups.group_mut(id).unwrap();
        let outgoing = own.in_group(account, group).catch_up(contacts, *now, rng);
        self.post(by, outgoing, Some(id));
    }

    /// The user joins wherever they are invited.
    pub fn join_all(&mut self, device: usize) {
        let Attendee { party, groups, .. } = &self.all[device];
        let invited = groups.invitations(&party.own, self.now);
        let invited: Vec<_> = invited.map(|it| it.name()).collect();
        for id in invited {
            let Attendee { party, groups, .. } = &mut self.all[device];
            let heard = groups.join(&party.own, &party.contacts, &id, self.now).unwrap();
            self.all[device].joined = self.group(device, &id.group()).epoch();
            self.all[device].events.extend(heard.events);
            self.offer_again(device, &heard.unblocks);
        }
    }

    /// Delivers what is under way, and what comes of it, until there is nothing. Everybody joins.
    pub fn settle(&mut self) {
        for _ in 0..10_000 {
            if self.under_way.is_empty() {
                return;
            }
            self.deliver(0);
        }
        panic!("it goes on for ever");
    }

    pub fn deliver(&mut self, place: usize) {
        let next = self.under_way.remove(place);
        self.arrive(&next);
    }

    pub fn arrive(&mut self, next: &UnderWay) {
        let UnderWay { from, to, bytes, is_broadcast } = next;
        if *is_broadcast {
            self.offer(*to, bytes, None);
            self.respond(*to, &[]);
            return;
        }
        let Attendee { party, groups, .. } = &mut self.all[*to];
        let letter = Letter { from: from.clone(), bytes: bytes.clone() };
        let delivered = match party.decrypt(&letter, self.now) {
            Ok(delivered) => delivered,
            Err(refusal) => {
                let mut peers = party.contacts.peers.iter_mut();
                if let Some(peer) = peers.find(|peer| peer.address() == from) {
                    let _ = peer.note_refusal(bytes, &refusal, self.now);
                }
                return;
            }
        };
        let heard = groups.hear(&mut party.own, &mut party.contacts, &delivered, self.now);
        let GroupsHeard { events, unblocks, wants, .. } = heard;
        self.all[*to].events.extend(events);
        self.offer_again(*to, &unblocks);
        self.join_all(*to);
        self.respond(*to, &wants);
    }

    fn respond(&mut self, device: usize, wants: &[evanesce::group::HeardWant]) {
        let Self { all, rng, now, .. } = self;
        let Attendee { party, groups, .. } = &mut all[device];
        let Party { account, own, contacts, .. } = party;
        let outgoing = groups.respond(own, account, contacts, wants, *now, rng);
        let is_all_reached = outgoing.unreached.is_empty();
        self.post(device, outgoing, None);
        if !is_all_reached {
            // Those whom a session was begun with are asked now.
            let Self { all, rng, now, .. } = self;
            let Attendee { party, groups, .. } = &mut all[device];
            let Party { account, own, contacts, .. } = party;
            let outgoing = groups.respond(own, account, contacts, &[], *now, rng);
            self.put_on_way(device, outgoing);
        }
    }

    /// Offers a message to the group that it is of; under a number if it waited.
    fn offer(&mut self, device: usize, bytes: &[u8], number: Option<u64>) {
        let Attendee { party, groups, held, kept, shown, events, refused, .. } =
            &mut self.all[device];
        let Party { own, contacts, .. } = party;
        let unblocks = match groups.decrypt(own, contacts, bytes, b"", self.now) {
            Ok(delivered) => {
                let GroupDelivered { received, person, events: told, unblocks, .. } = delivered;
                if !received.body.is_empty() {
                    shown.push((person, received.body));
                }
                events.extend(told);
                if let Some(number) = number {
                    held.opened(number);
                    kept.remove(&number);
                }
                unblocks
            }
            Err(error) => {
                match number {
                    Some(number) => {
                        if !held.refused_again(number, &error) {
                            kept.remove(&number);
                            refused.push(error);
                        }
                    }
                    None => {
                        let waits = held.refused(&error, self.now);
                        waits.dropped.iter().for_each(|number| _ = kept.remove(number));
                        match waits.number {
                            Some(number) => _ = kept.insert(number, bytes.to_vec()),
                            None => refused.push(error),
                        }
                    }
                }
                Vec::new()
            }
        };
        self.offer_again(device, &unblocks);
    }

    fn offer_again(&mut self, device: usize, unblocks: &[Unblocked]) {
        for number in self.all[device].held.due(unblocks) {
            if let Some(bytes) = self.all[device].kept.get(&number).cloned() {
                self.offer(device, &bytes, Some(number));
            }
        }
    }

    /// Daily maintenance of a device, and whatever it sends by it.
    pub fn maintain(&mut self, device: usize) {
        let Self { all, rng, now, .. } = self;
        let Attendee { party, groups, held, kept, .. } = &mut all[device];
        for number in held.maintain(*now) {
            kept.remove(&number);
        }
        let Party { account, own, contacts, .. } = party;
        let outgoing = groups.maintain(own, account, contacts, *now, rng);
        let id = groups.all.first().map(Group::id);
        self.post(device, outgoing, id.as_ref());
        self.join_all(device);
        self.respond(device, &[]);
    }

    /// What a device has shown.
    pub fn texts(&self, device: usize) -> Vec<String> {
        let shown = self.all[device].shown.iter();
        shown.map(|(_, body)| String::from_utf8(body.clone()).unwrap()).collect()
    }

    pub fn rows(&self, device: usize) -> AttendeeRows {
        let Attendee { party, groups, held, kept, .. } = &self.all[device];
        AttendeeRows {
            rows: party.rows(),
            groups: groups.all.iter().map(|group| group.snapshot().to_vec()).collect(),
            invitations: groups.invitations.snapshot().to_vec(),
            held: held.snapshot().to_vec(),
            kept: kept.clone(),
        }
    }

    /// Goes on from these rows.
    pub fn put_back(&mut self, device: usize, rows: &AttendeeRows) {
        let attendee = &mut self.all[device];
        attendee.party.put_back(&rows.rows);
        let groups = rows.groups.iter().map(|row| Group::restore(row).unwrap());
        attendee.groups.all = groups.collect();
        attendee.groups.invitations = Invitations::restore(&rows.invitations).unwrap();
        attendee.held = HeldMessages::restore(&rows.held).unwrap();
        attendee.kept = rows.kept.clone();
    }

    /// A restart: all of it comes out of its store.
    pub fn restart(&mut self, device: usize) {
        let rows = self.rows(device);
        self.put_back(device, &rows);
    }

    pub fn person(&self, device: usize, owner: &IdentityKey) -> Option<&Person> {
        let Contacts { people, .. } = &self.all[device].party.contacts;
        people.iter().find(|person| person.owner() == owner)
    }
}
