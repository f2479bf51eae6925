//! One person's device in a group: what it has stored, and what it does and hears.

use std::collections::{BTreeMap, BTreeSet};

use evanesce::group::{
    Change, Group, GroupDecryptError, GroupDelivered, GroupOutgoing, Groups, GroupsHeard,
    HeardWant, HeldMessages, Invitations, Role, Unblocked,
};
use evanesce::person::{Contacts, OwnDevices, Person};
use evanesce::{Account, Address, IdentityKey, Payload, Peer, Timestamp};

use super::{Habit, NAMES};
use crate::draws::Draws;
use crate::shared::Shared;

/// What all messages are bound to: those that the library sends by itself are bound to nothing.
pub const AD: &[u8] = b"";

/// What somebody does once, at any time.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub enum Deed {
    Says,
    Adds(usize),
    Removes(usize),
    /// Gives the group another title.
    Entitles,
    /// Is no admin any more.
    StepsDown,
    Leaves,
}

/// The how manyth text of whom.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text {
    pub author: usize,
    pub number: usize,
}

/// A message under way to one device.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct Posted {
    pub from: usize,
    pub to: usize,
    pub bytes: Vec<u8>,
    pub is_broadcast: bool,
}

/// A message to the group.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct Sent {
    pub to: BTreeSet<usize>,
    /// Who was in the sender's head and not withheld; of a message with a text alone.
    pub text: Option<(Text, BTreeSet<usize>)>,
    pub bytes: Vec<u8>,
}

/// How a device sees the group.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct View {
    pub roster: [u8; 32],
    pub members: BTreeSet<usize>,
    /// Whether its user is one of them, has not left, and is not withheld.
    pub is_member: bool,
}

/// A device at rest, as the bytes that its store has, and what came of it.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct Attendee {
    place: usize,
    account: Vec<u8>,
    own: Vec<u8>,
    people: Vec<Vec<u8>>,
    peers: Vec<Vec<u8>>,
    group: Option<Vec<u8>>,
    invitations: Vec<u8>,
    held: Vec<u8>,
    /// The messages that wait.
    kept: BTreeMap<u64, Vec<u8>>,
    draws: Draws,
    written: usize,
    pub view: Option<View>,
    /// The first bytes of the hashes of the rosters that it holds.
    pub rosters: BTreeSet<[u8; 8]>,
    pub shown: BTreeSet<Text>,
    /// What was refused for good, as its sender is no member.
    pub turned_away: BTreeSet<Vec<u8>>,
    /// Something opened twice.
    pub has_shown_twice: bool,
}

/// A device in memory.
pub struct Awake {
    pub place: usize,
    pub account: Account,
    pub own: OwnDevices,
    pub contacts: Contacts,
    pub groups: Groups,
    held: HeldMessages,
    kept: BTreeMap<u64, Vec<u8>>,
    pub draws: Draws,
    written: usize,
    pub rosters: BTreeSet<[u8; 8]>,
    pub shown: BTreeSet<Text>,
    pub turned_away: BTreeSet<Vec<u8>>,
    has_shown_twice: bool,
    pub owners: Vec<IdentityKey>,
    habit: Habit,
    pub posted: Vec<Posted>,
    pub sent: Vec<Sent>,
}

impl Text {
    fn body(self) -> Vec<u8> {
        [self.author, self.number].iter().map(|it| u8::try_from(*it).expect("few")).collect()
    }

    fn of(body: &[u8]) -> Self {
        let [author, number] = body.try_into().expect("a text of this model");
        Self { author: usize::from(author), number: usize::from(number) }
    }
}

impl Attendee {
    pub fn wake(&self, owners: &[IdentityKey], habit: Habit) -> Awake {
        let mut contacts = Contacts::new();
        let person = |row: &Vec<u8>| Person::restore(row).expect("what was stored");
        contacts.people.extend(self.people.iter().map(person));
        let peer = |row: &Vec<u8>| Peer::restore(row).expect("what was stored");
        contacts.peers.extend(self.peers.iter().map(peer));
        let mut groups = Groups::new();
        let group = |row: &Vec<u8>| Group::restore(row).expect("what was stored");
        groups.all.extend(self.group.iter().map(group));
        groups.invitations = Invitations::restore(&self.invitations).expect("what was stored");
        Awake {
            place: self.place,
            account: Account::restore(&self.account).expect("what was stored"),
            own: OwnDevices::restore(&self.own).expect("what was stored"),
            contacts,
            groups,
            held: HeldMessages::restore(&self.held).expect("what was stored"),
            kept: self.kept.clone(),
            draws: self.draws.clone(),
            written: self.written,
            rosters: self.rosters.clone(),
            shown: self.shown.clone(),
            turned_away: self.turned_away.clone(),
            has_shown_twice: self.has_shown_twice,
            owners: owners.to_vec(),
            habit,
            posted: Vec::new(),
            sent: Vec::new(),
        }
    }

    pub fn is_waiting(&self) -> bool {
        !self.kept.is_empty()
    }

    /// What a device holds of the group is what it was at the beginning, and nobody notices.
    pub fn with_group_of(&self, earlier: &Self) -> Self {
        let (group, rosters) = (earlier.group.clone(), earlier.rosters.clone());
        let (view, shown) = (earlier.view.clone(), earlier.shown.clone());
        Self { group, rosters, view, shown, ..self.clone() }
    }
}

impl Awake {
    pub fn new(place: usize, account: Account, own: OwnDevices, draws: Draws) -> Self {
        Self {
            place,
            account,
            own,
            contacts: Contacts::new(),
            groups: Groups::new(),
            held: HeldMessages::new(),
            kept: BTreeMap::new(),
            draws,
            written: 0,
            rosters: BTreeSet::new(),
            shown: BTreeSet::new(),
            turned_away: BTreeSet::new(),
            has_shown_twice: false,
            owners: Vec::new(),
            habit: Habit::AsDocumented,
            posted: Vec::new(),
            sent: Vec::new(),
        }
    }

    pub fn rest(&self) -> Attendee {
        let Contacts { people, peers } = &self.contacts;
        Attendee {
            place: self.place,
            account: self.account.snapshot().to_vec(),
            own: self.own.snapshot().to_vec(),
            people: people.iter().map(|person| person.snapshot().to_vec()).collect(),
            peers: peers.iter().map(|peer| peer.snapshot().to_vec()).collect(),
            group: self.groups.all.first().map(|group| group.snapshot().to_vec()),
            invitations: self.groups.invitations.snapshot().to_vec(),
            held: self.held.snapshot().to_vec(),
            kept: self.kept.clone(),
            draws: self.draws.clone(),
            written: self.written,
            view: self.view(),
            rosters: self.rosters.clone(),
            shown: self.shown.clone(),
            turned_away: self.turned_away.clone(),
            has_shown_twice: self.has_shown_twice,
        }
    }

    pub fn view(&self) -> Option<View> {
        let group = self.groups.all.first()?;
        let places = group.members().into_iter().map(|member| self.place_of(&member.owner));
        let us = group.member(self.own.person().owner());
        let is_member = group.is_member(&self.own) && us.is_some_and(|us| !us.is_withheld);
        Some(View { roster: group.roster(), members: places.collect(), is_member })
    }

    fn place_of(&self, owner: &[u8; 64]) -> usize {
        self.owners.iter().position(|it| it.encode() == *owner).expect("one of the four")
    }

    /// What may not be done, or needs not, is not.
    pub fn does(&mut self, deed: Deed, now: Timestamp) {
        let member = |group: &Group, place: usize| group.member(&self.owners[place]);
        let Some(group) = self.groups.all.first_mut() else { return };
        let change = match deed {
            Deed::Says => return self.says(now),
            Deed::Leaves => {
                let in_group = &mut self.own.in_group(&self.account, group);
                let left = in_group.leave(&mut self.contacts, now, &mut self.draws.next());
                self.posts(left.unwrap_or_default(), None);
                return;
            }
            Deed::Adds(place) => Some(Change::add(&self.owners[place])),
            Deed::Removes(place) => member(group, place).map(|it| Change::remove(&it)),
            Deed::Entitles => Some(Change::about(NAMES[self.place])),
            Deed::StepsDown => member(group, self.place).map(|it| Change::role(&it, Role::Member)),
        };
        let Some(change) = change else { return };
        let in_group = &mut self.own.in_group(&self.account, group);
        let signed = in_group.change(&mut self.contacts, &change, now, &mut self.draws.next());
        // Who has heard that another was first may not do it any more, or need not.
        if let Ok(signed) = signed {
            self.posts(signed, None);
        }
    }

    fn says(&mut self, now: Timestamp) {
        let text = Text { author: self.place, number: self.written };
        let Some(group) = self.groups.all.first_mut() else { return };
        let (payload, rng) = (Payload::new(text.body()), &mut self.draws.next());
        let in_group = &mut self.own.in_group(&self.account, group);
        let Ok(sent) = in_group.encrypt(&mut self.contacts, &payload, AD, now, rng) else { return };
        self.written += 1;
        self.posts(sent, Some(text));
    }

    /// What is due once a day.
    pub fn maintains(&mut self, now: Timestamp) {
        for number in self.held.maintain(now) {
            self.kept.remove(&number);
        }
        let rng = &mut self.draws.next();
        let Self { account, own, contacts, groups, .. } = self;
        let outgoing = groups.maintain(own, account, contacts, now, rng);
        self.posts(outgoing, None);
        self.joins(now);
        self.responds(&[], now);
    }

    pub fn hears(&mut self, posted: &Posted, now: Timestamp) {
        let Posted { from, to: _, bytes, is_broadcast } = posted;
        if *is_broadcast {
            self.offers(bytes, None, now);
            self.responds(&[], now);
            return;
        }
        let address = Address::new(NAMES[*from]).expect("a short name");
        let Self { account, own, contacts, groups, .. } = self;
        // One that comes after a later one opens too.
        let delivered = own.decrypt(account, contacts, &address, bytes, AD, now);
        let delivered = delivered.expect("it is new");
        let heard = groups.hear(own, contacts, &delivered, now);
        let GroupsHeard { unblocks, wants, .. } = heard;
        self.unblocked(&unblocks, now);
        self.joins(now);
        self.responds(&wants, now);
    }

    fn joins(&mut self, now: Timestamp) {
        let invited = self.groups.invitations(&self.own, now);
        let invited: Vec<_> = invited.map(|it| it.name()).collect();
        for id in invited {
            let Self { own, contacts, groups, rosters, .. } = self;
            let joined = groups.join(own, contacts, &id, now).expect("it was invited");
            rosters.clear();
            self.unblocked(&joined.unblocks, now);
        }
    }

    /// Whether a message opens, of which nothing is kept.
    pub fn opens(mut self, bytes: &[u8], now: Timestamp) -> bool {
        let Self { own, contacts, groups, .. } = &mut self;
        groups.decrypt(own, contacts, bytes, AD, now).is_ok()
    }

    fn responds(&mut self, wants: &[HeardWant], now: Timestamp) {
        let Self { account, own, contacts, groups, draws, .. } = self;
        // Most of the time nothing is asked or answered, and then nothing is drawn.
        let mut next = draws.clone();
        let outgoing = groups.respond(own, account, contacts, wants, now, &mut next.next());
        if !outgoing.is_empty() || !wants.is_empty() {
            *draws = next;
        }
        self.posts(outgoing, None);
    }

    fn offers(&mut self, bytes: &[u8], number: Option<u64>, now: Timestamp) {
        let Self { own, contacts, groups, .. } = self;
        let error = match groups.decrypt(own, contacts, bytes, AD, now) {
            Ok(GroupDelivered { received, unblocks, .. }) => {
                if !received.body.is_empty() {
                    self.has_shown_twice |= !self.shown.insert(Text::of(&received.body));
                }
                if let Some(number) = number {
                    self.held.opened(number);
                    self.kept.remove(&number);
                }
                return self.unblocked(&unblocks, now);
            }
            Err(error) => error,
        };
        if matches!(error, GroupDecryptError::Former | GroupDecryptError::NotAMember) {
            self.turned_away.insert(bytes.to_vec());
        }
        match number {
            Some(number) => {
                if !self.held.refused_again(number, &error) {
                    self.kept.remove(&number);
                }
            }
            None if self.habit == Habit::DropsWhatMissesSomething => {}
            None => {
                let waits = self.held.refused(&error, now);
                self.kept.extend(waits.number.map(|number| (number, bytes.to_vec())));
            }
        }
    }

    fn unblocked(&mut self, unblocks: &[Unblocked], now: Timestamp) {
        self.rosters.extend(unblocks.iter().filter_map(|it| match it {
            Unblocked::Roster(tag) => Some(*tag),
            _ => None,
        }));
        for number in self.held.due(unblocks) {
            if let Some(bytes) = self.kept.get(&number).cloned() {
                self.offers(&bytes, Some(number), now);
            }
        }
    }

    /// What a call gave goes on its way; what it signed is held.
    pub fn posts(&mut self, outgoing: GroupOutgoing, text: Option<Text>) {
        let GroupOutgoing { pairwise, broadcasts, unreached, .. } = outgoing;
        assert!(unreached.is_empty(), "there are sessions with all");
        let place = |to: &Address| {
            NAMES.iter().position(|name| name.as_bytes() == to.as_bytes()).expect("one of the four")
        };
        let from = self.place;
        for message in pairwise {
            let (to, bytes) = (place(&message.to), message.message);
            self.posted.push(Posted { from, to, bytes, is_broadcast: false });
        }
        let group = self.groups.all.first();
        let last = broadcasts.len().saturating_sub(1);
        for (number, broadcast) in broadcasts.into_iter().enumerate() {
            let (to, bytes) = (broadcast.to.iter().map(place).collect(), broadcast.message);
            let text = text.filter(|_| number == last).map(|text| {
                let members = group.map(Group::members).unwrap_or_default();
                let members = members.into_iter().filter(|member| !member.is_withheld);
                (text, members.map(|member| self.place_of(&member.owner)).collect())
            });
            let sent = Sent { to, text, bytes };
            self.posted.extend(sent.to.iter().map(|to| {
                let bytes = sent.bytes.clone();
                Posted { from, to: *to, bytes, is_broadcast: true }
            }));
            self.sent.push(sent);
        }
        let head = group.map(|group| *group.roster().first_chunk().expect("of 32"));
        self.rosters.extend(head);
    }

    /// What was there before what the model is about.
    pub fn forgets_what_was(&mut self) {
        self.shown.clear();
        self.turned_away.clear();
        self.sent.clear();
        self.written = 0;
    }

    pub fn takes(&mut self) -> (Vec<Shared<Posted>>, Vec<Shared<Sent>>) {
        let posted = std::mem::take(&mut self.posted).into_iter().map(Shared::new);
        let sent = std::mem::take(&mut self.sent).into_iter().map(Shared::new);
        (posted.collect(), sent.collect())
    }
}
