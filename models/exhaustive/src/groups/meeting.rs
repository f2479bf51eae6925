//! The four in memory, with a carrier that keeps the order: how a group begins, and what comes of it in the end.

use std::collections::VecDeque;

use evanesce::group::{Change, Role};
use evanesce::limits::Limits;
use evanesce::person::{OwnDevices, Person};
use evanesce::server::PublishedPreKeys;
use evanesce::{Account, Address, IdentityKey, Payload, Peer, PreKeyBundle, Suite, Timestamp};

use super::attendee::AD;
use super::attendee::{Attendee, Awake, Deed, Posted};
use super::{Habit, NAMES, PEOPLE};
use crate::device::NOW;
use crate::draws::Draws;

pub struct Meeting {
    pub all: Vec<Awake>,
    under_way: VecDeque<Posted>,
    pub now: Timestamp,
}

impl Meeting {
    pub fn of<'a>(
        all: impl Iterator<Item = &'a Attendee>,
        owners: &[IdentityKey],
        habit: Habit,
    ) -> Self {
        let all = all.map(|attendee| attendee.wake(owners, habit)).collect();
        Self { all, under_way: VecDeque::new(), now: NOW }
    }

    /// Who knows the others, and has sessions with them. Nobody is in a group.
    fn of_acquainted() -> Self {
        let mut bundles = Vec::new();
        let mut all: Vec<Awake> = (0..PEOPLE)
            .map(|place| {
                let mut draws = Draws::of(70 + u8::try_from(place).expect("few"));
                let mut limits = Limits::default();
                limits.prekeys.one_time_prekeys = 4;
                let address = Address::new(NAMES[place]).expect("a short name");
                let (suite, rng) = (Suite::Classical, &mut draws.next());
                let mut account = Account::generate_of_suite(suite, address, limits, NOW, rng);
                let upload =
                    account.maintain(None, NOW, &mut draws.next()).upload.expect("it is new");
                let _ = account.mark_published(&upload);
                let mut server = PublishedPreKeys::new(upload);
                let hand_out = || {
                    let bundle = PreKeyBundle::decode(&server.hand_out()).expect("it was encoded");
                    bundle.verify(NOW).expect("it was signed")
                };
                bundles.push(std::iter::repeat_with(hand_out).take(PEOPLE).collect::<Vec<_>>());
                let mut own = OwnDevices::new(&account);
                let _ = own.refresh(&account, NOW).expect("it is the owner's");
                Awake::new(place, account, own, draws)
            })
            .collect();
        let owners: Vec<IdentityKey> = all.iter().map(|it| *it.own.person().owner()).collect();
        let list = |it: &Awake| it.own.person().list().expect("it was signed").clone();
        let lists: Vec<_> = all.iter().map(list).collect();
        for (place, awake) in all.iter_mut().enumerate() {
            awake.owners.clone_from(&owners);
            for list in lists.iter().filter(|list| *list.owner() != owners[place]) {
                awake.contacts.people.push(Person::new(*list.owner()));
                let adopted = awake.contacts.adopt(&awake.own, list.clone(), NOW);
                let _ = adopted.expect("its owner is known");
                let _ = awake.contacts.accept(&awake.own, list.owner(), NOW);
            }
        }
        for from in 0..PEOPLE {
            for (to, of_other) in bundles.iter_mut().enumerate().skip(from + 1) {
                let bundle = of_other.remove(0);
                let mut peer = Peer::pinned(bundle.device().clone());
                let Awake { account, contacts, draws, .. } = &mut all[from];
                let _ = peer.initiate(account, bundle, NOW, &mut draws.next()).expect("a bundle");
                contacts.peers.push(peer);
                for (from, to) in [(from, to), (to, from)] {
                    greet(&mut all, from, to);
                }
            }
        }
        Self { all, under_way: VecDeque::new(), now: NOW }
    }

    /// Anna has made a group with Ben, who is an admin too, and Carla. Each of them has written, so that all have all chains.
    pub fn of_three() -> Self {
        let mut meeting = Self::of_acquainted();
        let Awake { account, own, contacts, groups, draws, owners, .. } = &mut meeting.all[0];
        let (members, rng) = (owners[1..3].to_vec(), &mut draws.next());
        let made = own.create_group(account, contacts, &members, b"", NOW, rng);
        let (group, outgoing) = made.expect("she is an owner");
        groups.all.push(group);
        meeting.all[0].posts(outgoing, None);
        meeting.settle();
        let Awake { account, own, contacts, groups, draws, owners, .. } = &mut meeting.all[0];
        let ben = groups.all[0].member(&owners[1]).expect("he is in it");
        let (change, rng) = (Change::role(&ben, Role::Admin), &mut draws.next());
        let in_group = &mut own.in_group(account, &mut groups.all[0]);
        let signed = in_group.change(contacts, &change, NOW, rng).expect("she is an admin");
        meeting.all[0].posts(signed, None);
        meeting.settle();
        for place in 0..3 {
            meeting.all[place].does(Deed::Says, NOW);
            meeting.settle();
        }
        meeting.all.iter_mut().for_each(Awake::forgets_what_was);
        meeting
    }

    pub fn owners(&self) -> Vec<IdentityKey> {
        self.all[0].owners.clone()
    }

    /// All that is sent comes, in its order, and what comes of that.
    pub fn settle(&mut self) {
        for _ in 0..1_000 {
            for awake in &mut self.all {
                self.under_way.extend(awake.posted.drain(..));
            }
            let Some(next) = self.under_way.pop_front() else { return };
            self.all[next.to].hears(&next, self.now);
        }
        panic!("it goes on for ever");
    }

    pub fn does(&mut self, place: usize, deed: Deed) {
        self.all[place].does(deed, self.now);
    }
}

fn greet(all: &mut [Awake], from: usize, to: usize) {
    let address = Address::new(NAMES[to]).expect("a short name");
    let Awake { contacts, draws, .. } = &mut all[from];
    let peer = contacts.peers.iter_mut().find(|peer| *peer.address() == address);
    let peer = peer.expect("there is a session");
    let _ = peer.accept_request();
    let greeting = peer.encrypt(&Payload::new("hello"), AD, NOW, &mut draws.next());
    let greeting = greeting.expect("there is a session").message;
    let address = Address::new(NAMES[from]).expect("a short name");
    let Awake { account, own, contacts, .. } = &mut all[to];
    let _ = own.decrypt(account, contacts, &address, &greeting, AD, NOW).expect("it is new");
}
