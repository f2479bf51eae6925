//! Contacts: what the user decides of a person, which holds for all of their devices, on all own ones.

use alloc::vec::Vec;

use crate::changes::Changes;
use crate::identity::{Device, IdentityKey};
use crate::peer::contact::Contact;
use crate::peer::other_device::Peer;
use crate::person::contacts::{Contacts, listed_twice};
use crate::person::decisions::{Comparison, ContactDecision, Decided, Decisions, HearError};
use crate::person::other_person::{AdoptError, Person};
use crate::person::our_devices::OwnDevices;
use crate::person::own_event::OwnEvent;
use crate::person::people_changes::PeopleChanges;
use crate::person::person_event::PersonEvent;
use crate::person::standing::Standing;
use crate::person::verified_list::VerifiedList;
use crate::time::Timestamp;

/// How many people may be known before own devices make no more known.
const MOST_PEOPLE: usize = 10_000;

impl Contacts {
    /// Accepts a person who wrote first, or unblocks one: all of their devices, those that become known later included.
    /// When their list has expired that is the owner's own device alone, until a newer one has come.
    ///
    /// Of one's own devices nothing is decided so, here and below, whoever else lists them: they are own ones.
    pub fn accept(
        &mut self,
        own: &OwnDevices,
        owner: &IdentityKey,
        now: Timestamp,
    ) -> PeopleChanges {
        self.decide(own, owner, ContactDecision::Accepted, now)
    }

    /// Refuses a person, or blocks them: all of their devices, those that become known later included, and whatever else
    /// has the owner's identity. The first message of a device that was not known still opens, and says
    /// [`PersonDelivered::is_refused`](crate::person::PersonDelivered): show nothing of it. After that nothing of it opens.
    pub fn refuse(
        &mut self,
        own: &OwnDevices,
        owner: &IdentityKey,
        now: Timestamp,
    ) -> PeopleChanges {
        self.decide(own, owner, ContactDecision::Refused, now)
    }

    /// Makes a request of a person again, as when they are deleted from the contacts. (What is decided of a single device,
    /// [`Peer::set_back_to_request`], is undone by the next message where the person is accepted.)
    pub fn set_back_to_request(
        &mut self,
        own: &OwnDevices,
        owner: &IdentityKey,
        now: Timestamp,
    ) -> PeopleChanges {
        self.decide(own, owner, ContactDecision::Request, now)
    }

    /// The user has compared the person's [number](Person::number) and it is equal, or takes that back. It is of their
    /// owner, so it holds as devices come and go.
    pub fn verify(
        &mut self,
        own: &OwnDevices,
        owner: &IdentityKey,
        is_equal: bool,
    ) -> PeopleChanges {
        let mut changes = PeopleChanges::none();
        if own.is_ours(owner) {
            return changes;
        }
        let place = self.place_of_owner(owner);
        let person = self.people.get_mut(place);
        let decided = person.and_then(|person| {
            Decided::decide(&mut person.decisions.comparison, Comparison::of(is_equal))
        });
        if let Some(decided) = decided {
            changes.add_person(owner);
            changes.tell.push(OwnEvent::verification(owner, decided));
        }
        changes
    }

    /// Takes a verified list that was fetched, or [given](PersonEvent::Given) out by an own device, for the person of its
    /// owner, if that is known here: as [`Person::adopt`], and gives what is to be shown, also of devices that stand in the
    /// lists of two people.
    ///
    /// # Errors
    ///
    /// An [`AdoptError`]: [`AdoptError::OtherOwner`] if nobody of that owner is known, [`AdoptError::Expired`] of a list that
    /// would be the person's first. Nothing has changed then.
    pub fn adopt(
        &mut self,
        own: &OwnDevices,
        list: VerifiedList,
        now: Timestamp,
    ) -> Result<(Vec<PersonEvent>, PeopleChanges), AdoptError> {
        let owner = *list.owner();
        let person = self.people.iter_mut().find(|person| *person.owner() == owner);
        let person = person.ok_or(AdoptError::OtherOwner)?;
        if person.list().is_none() && list.has_expired(now) {
            return Err(AdoptError::Expired);
        }
        let adopted = person.adopt(list, now)?;
        let (mut events, mut changes) = (Vec::new(), PeopleChanges::none());
        if let Some(event) = adopted {
            changes.add_person(&owner);
            events.push(event);
            let people = || core::iter::once(own.person()).chain(&self.people);
            events.extend(listed_twice(&owner, people));
            changes = changes.and(self.settle(own, &owner, now));
        }
        Ok((events, changes))
    }

    /// Has a contact's device known that [another own device knows](PersonEvent::Known): it is pinned, unless something else is
    /// known of its address or its identity by now, or a list of that person.
    pub fn pin(&mut self, own: &OwnDevices, device: Device, now: Timestamp) -> PeopleChanges {
        if !self.may_be_pinned(own, &device, now) {
            return PeopleChanges::none();
        }
        let changes = PeopleChanges::of_peer(&device.address);
        self.peers.push(Peer::pinned(device));
        changes
    }

    pub(crate) fn may_be_pinned(&self, own: &OwnDevices, device: &Device, now: Timestamp) -> bool {
        let is_known = |peer: &Peer| {
            peer.is_at(&device.address, now) || peer.contact().identity() == Some(device.identity)
        };
        let person = self.person(&device.identity);
        let is_contact = person.is_some_and(|person| {
            person.decision() == Some(ContactDecision::Accepted) && person.list().is_none()
        });
        is_contact
            && !own.is_ours(&device.identity)
            && device.address != own.us.address
            && !self.peers.iter().any(is_known)
    }

    /// Decides, and has it hold for the devices that are here.
    fn decide(
        &mut self,
        own: &OwnDevices,
        owner: &IdentityKey,
        decision: ContactDecision,
        now: Timestamp,
    ) -> PeopleChanges {
        if own.is_ours(owner) {
            return PeopleChanges::none();
        }
        let place = self.place_of_owner(owner);
        let person = self.people.get_mut(place);
        let decided =
            person.and_then(|person| Decided::decide(&mut person.decisions.contact, decision));
        let mut changes = self.carry_out(own, owner, decision, now);
        if let Some(decided) = decided {
            changes.add_person(owner);
            changes.tell.push(OwnEvent::contact(owner, decided));
        }
        changes
    }

    /// Takes in what another own device says was decided. If what is held came later, that is to be told: the other one does
    /// not know it.
    pub(crate) fn hear_decisions(
        &mut self,
        own: &OwnDevices,
        owner: &IdentityKey,
        heard: &Decisions,
        now: Timestamp,
    ) -> Result<(Option<PersonEvent>, PeopleChanges), HearError> {
        let mut changes = PeopleChanges::none();
        if own.is_ours(owner) {
            return Ok((None, changes));
        }
        let before = self.person(owner).map_or(Decisions::NONE, |person| person.decisions);
        let mut decisions = before;
        if let Some(contact) = heard.contact {
            Decided::hear(&mut decisions.contact, contact)?;
            let held = decisions.contact.filter(|held| *held > contact);
            changes.tell.extend(held.map(|held| OwnEvent::contact(owner, held)));
        }
        if let Some(comparison) = heard.comparison {
            Decided::hear(&mut decisions.comparison, comparison)?;
            let held = decisions.comparison.filter(|held| *held > comparison);
            changes.tell.extend(held.map(|held| OwnEvent::verification(owner, held)));
        }
        if decisions == before {
            return Ok((None, changes));
        }
        if self.person(owner).is_none() && self.people.len() >= MOST_PEOPLE {
            return Err(HearError::TooManyPeople);
        }
        let place = self.place_of_owner(owner);
        self.people.get_mut(place).into_iter().for_each(|person| person.decisions = decisions);
        changes.add_person(owner);
        let (contact, verified) = (decisions.contact(), decisions.is_verified());
        if let Some(decision) = contact.filter(|_| contact != before.contact()) {
            let carried_out = match decision {
                // A device that the user refused by itself, here, stays so while nobody has decided of the person.
                ContactDecision::Accepted if before.contact().is_none() => {
                    self.accept_requests(own, owner, now)
                }
                ContactDecision::Accepted | ContactDecision::Request | ContactDecision::Refused => {
                    self.carry_out(own, owner, decision, now)
                }
            };
            changes = changes.and(carried_out);
        }
        let is_news = (contact, verified) != (before.contact(), before.is_verified());
        let event = PersonEvent::DecidedElsewhere { owner: *owner, contact, verified };
        Ok((is_news.then_some(event), changes))
    }

    fn carry_out(
        &mut self,
        own: &OwnDevices,
        owner: &IdentityKey,
        decision: ContactDecision,
        now: Timestamp,
    ) -> PeopleChanges {
        let change: fn(&mut Peer) -> Changes = match decision {
            ContactDecision::Accepted => Peer::accept_request,
            ContactDecision::Request => Peer::set_back_to_request,
            ContactDecision::Refused => Peer::refuse,
        };
        let is_meant = |theirs: &Theirs<'_>, peer: &Peer| match decision {
            ContactDecision::Accepted => theirs.may_be_accepted(peer),
            ContactDecision::Request | ContactDecision::Refused => theirs.is_or_was_of(peer),
        };
        self.change_devices(own, owner, now, is_meant, change)
    }

    /// Has a device that wrote known as far as its person is. Where nobody has decided of the person, as far as the others
    /// are: accepted if one of them is, else refused if one is, or of those that they had.
    pub(crate) fn settle(
        &mut self,
        own: &OwnDevices,
        owner: &IdentityKey,
        now: Timestamp,
    ) -> PeopleChanges {
        match self.person(owner).and_then(Person::decision) {
            // One that the user refused by itself stays so.
            Some(ContactDecision::Accepted) => self.accept_requests(own, owner, now),
            Some(decision) => self.carry_out(own, owner, decision, now),
            None => match self.decision_of_devices(own, owner, now) {
                Some(ContactDecision::Accepted) => self.accept_requests(own, owner, now),
                Some(decision) => self.carry_out(own, owner, decision, now),
                None => PeopleChanges::none(),
            },
        }
    }

    fn accept_requests(
        &mut self,
        own: &OwnDevices,
        owner: &IdentityKey,
        now: Timestamp,
    ) -> PeopleChanges {
        let accept = |peer: &mut Peer| match peer.contact() {
            Contact::Request(_) => peer.accept_request(),
            Contact::None | Contact::Accepted(_) | Contact::Refused(_) => Changes::NONE,
        };
        self.change_devices(own, owner, now, |theirs, peer| theirs.may_be_accepted(peer), accept)
    }

    /// What the user decided of a person's devices, as far as it can stand for the person.
    pub(crate) fn decision_of_devices(
        &self,
        own: &OwnDevices,
        owner: &IdentityKey,
        now: Timestamp,
    ) -> Option<ContactDecision> {
        let theirs = Theirs::new(self, own, owner, now);
        let is_of = |peer: &&Peer| theirs.is_of(peer);
        let had = |peer: &&Peer| theirs.is_or_was_of(peer);
        if self.peers.iter().filter(is_of).map(Peer::contact).any(Contact::is_accepted) {
            Some(ContactDecision::Accepted)
        } else if self.peers.iter().filter(had).map(Peer::contact).any(Contact::is_refused) {
            Some(ContactDecision::Refused)
        } else {
            None
        }
    }

    fn change_devices(
        &mut self,
        own: &OwnDevices,
        owner: &IdentityKey,
        now: Timestamp,
        is_meant: impl Fn(&Theirs<'_>, &Peer) -> bool,
        change: impl Fn(&mut Peer) -> Changes,
    ) -> PeopleChanges {
        let mut changes = PeopleChanges::none();
        let theirs = Theirs::new(self, own, owner, now);
        let places = self.peers.iter().enumerate().filter(|(_, peer)| is_meant(&theirs, peer));
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        for place in places {
            let changed = self.peers.get_mut(place);
            changes.peers.extend(
                changed.and_then(|peer| change(peer).any().then(|| peer.address().clone())),
            );
        }
        changes
    }
}

/// Which peers are devices of one person, who is looked up once for all of them. Of our own devices none is.
struct Theirs<'a> {
    contacts: &'a Contacts,
    own: &'a OwnDevices,
    owner: &'a IdentityKey,
    person: Option<&'a Person>,
    now: Timestamp,
}

impl<'a> Theirs<'a> {
    fn new(
        contacts: &'a Contacts,
        own: &'a OwnDevices,
        owner: &'a IdentityKey,
        now: Timestamp,
    ) -> Self {
        Self { contacts, own, owner, person: contacts.person(owner), now }
    }

    /// A listed one, or without a list the owner's own. All people are asked about the few alone that may be.
    fn is_of(&self, peer: &Peer) -> bool {
        let list = self.person.and_then(Person::list);
        let may_be = |device: &Device| {
            list.map_or(device.identity == *self.owner, |list| list.lists(device))
        };
        peer.device().is_some_and(|device| {
            may_be(&device) && !self.own.is_ours(&device.identity) && self.is_firsts(&device)
        })
    }

    /// The same, or one that was removed lately, or has the owner's identity wherever it is: a person does not come back by
    /// changing devices or addresses.
    fn is_or_was_of(&self, peer: &Peer) -> bool {
        let Some(device) = peer.device() else { return false };
        if self.own.is_ours(&device.identity) {
            return false;
        }
        let had = |person: &Person| person.standing(&device, self.now) == Standing::Removed;
        device.identity == *self.owner
            || (self.person.is_some_and(had) && self.is_firsts(&device))
            || self.is_of(peer)
    }

    /// The same; once the list has expired the owner's own device alone, since others may have been removed.
    fn may_be_accepted(&self, peer: &Peer) -> bool {
        let list = self.person.and_then(Person::list);
        let is_current = list.is_none_or(|list| !list.has_expired(self.now));
        let is_owners = peer.contact().identity() == Some(*self.owner);
        (is_current || is_owners) && self.is_of(peer)
    }

    /// Whether nobody else was known to have it before.
    fn is_firsts(&self, device: &Device) -> bool {
        let first = self.contacts.person_of(device, self.now);
        first.is_none_or(|(first, _)| first.owner() == self.owner)
    }
}
