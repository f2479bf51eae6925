//! Contacts: what the user decides of a person, which holds for all of their devices, on all own ones.

use alloc::vec::Vec;

use crate::changes::Changes;
use crate::identity::IdentityKey;
use crate::peer::contact::Contact;
use crate::peer::other_device::Peer;
use crate::person::contacts::Contacts;
use crate::person::decisions::{Comparison, ContactDecision, Decided, Decisions, VersionJump};
use crate::person::other_person::Person;
use crate::person::own_event::OwnEvent;
use crate::person::people_changes::PeopleChanges;
use crate::person::person_event::PersonEvent;
use crate::person::standing::Standing;
use crate::time::Timestamp;

impl Contacts {
    /// Accepts a person who wrote first, or unblocks one: all of their devices, those that become known later included.
    pub fn accept(&mut self, owner: &IdentityKey, now: Timestamp) -> PeopleChanges {
        self.decide(owner, ContactDecision::Accepted, now)
    }

    /// Refuses a person, or blocks them: all of their devices, those too that were removed at most 30 days ago, and those
    /// that become known later. The first message of such a one still opens, and says
    /// [`PersonDelivered::is_refused`](crate::person::PersonDelivered): show nothing of it. After that nothing of it opens.
    pub fn refuse(&mut self, owner: &IdentityKey, now: Timestamp) -> PeopleChanges {
        self.decide(owner, ContactDecision::Refused, now)
    }

    /// Makes a request of a person again, as when they are deleted from the contacts.
    pub fn set_back_to_request(&mut self, owner: &IdentityKey, now: Timestamp) -> PeopleChanges {
        self.decide(owner, ContactDecision::Request, now)
    }

    /// The user has compared the person's [number](Person::number) and it is equal, or takes that back. It is of their
    /// owner, so it holds as devices come and go.
    pub fn verify(&mut self, owner: &IdentityKey, is_equal: bool) -> PeopleChanges {
        let mut changes = PeopleChanges::none();
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

    /// Decides, and has it hold for the devices that are here.
    fn decide(
        &mut self,
        owner: &IdentityKey,
        decision: ContactDecision,
        now: Timestamp,
    ) -> PeopleChanges {
        let place = self.place_of_owner(owner);
        let person = self.people.get_mut(place);
        let decided =
            person.and_then(|person| Decided::decide(&mut person.decisions.contact, decision));
        let mut changes = self.carry_out(owner, decision, now);
        if let Some(decided) = decided {
            changes.add_person(owner);
            changes.tell.push(OwnEvent::contact(owner, decided));
        }
        changes
    }

    /// Takes in what another own device says was decided.
    pub(crate) fn hear_decisions(
        &mut self,
        owner: &IdentityKey,
        heard: &Decisions,
        now: Timestamp,
    ) -> Result<(Option<PersonEvent>, PeopleChanges), VersionJump> {
        let mut changes = PeopleChanges::none();
        let known = self.people.len();
        let place = self.place_of_owner(owner);
        let Some(person) = self.people.get_mut(place) else { return Ok((None, changes)) };
        let before = person.decisions;
        let mut decisions = before;
        if let Err(jump) = hear_both(&mut decisions, heard) {
            // Nobody is known by that.
            self.people.truncate(known);
            return Err(jump);
        }
        person.decisions = decisions;
        if decisions == before {
            return Ok((None, changes));
        }
        changes.add_person(owner);
        let (contact, verified) = (decisions.contact(), decisions.is_verified());
        if let Some(decision) = contact.filter(|_| contact != before.contact()) {
            changes = changes.and(self.carry_out(owner, decision, now));
        }
        let is_news = (contact, verified) != (before.contact(), before.is_verified());
        let event = PersonEvent::DecidedElsewhere { owner: *owner, contact, verified };
        Ok((is_news.then_some(event), changes))
    }

    fn carry_out(
        &mut self,
        owner: &IdentityKey,
        decision: ContactDecision,
        now: Timestamp,
    ) -> PeopleChanges {
        match decision {
            ContactDecision::Accepted => {
                self.change_devices(owner, now, Self::is_of, Peer::accept_request)
            }
            ContactDecision::Request => {
                self.change_devices(owner, now, Self::is_or_was_of, Peer::set_back_to_request)
            }
            ContactDecision::Refused => {
                self.change_devices(owner, now, Self::is_or_was_of, Peer::refuse)
            }
        }
    }

    /// Has a device that wrote known as far as its person is. Where nobody has decided of the person, as far as the others
    /// are: refused if one of them is, or of those that they had, else accepted if one is. When the list has expired none is
    /// accepted by it.
    pub(crate) fn settle(&mut self, owner: &IdentityKey, now: Timestamp) -> PeopleChanges {
        let person = self.person(owner);
        let is_current = person.and_then(Person::list).is_none_or(|list| !list.has_expired(now));
        match person.and_then(Person::decision) {
            // One that the user refused by itself stays so.
            Some(ContactDecision::Accepted) if is_current => {
                let accept = |peer: &mut Peer| match peer.contact() {
                    Contact::Request(_) => peer.accept_request(),
                    Contact::None | Contact::Accepted(_) | Contact::Refused(_) => Changes::NONE,
                };
                self.change_devices(owner, now, Self::is_of, accept)
            }
            Some(ContactDecision::Accepted) => PeopleChanges::none(),
            Some(decision) => self.carry_out(owner, decision, now),
            None => self.settle_by_devices(owner, is_current, now),
        }
    }

    fn settle_by_devices(
        &mut self,
        owner: &IdentityKey,
        is_current: bool,
        now: Timestamp,
    ) -> PeopleChanges {
        let of_person = |peer: &&Peer| self.is_of(peer, owner, now);
        let had = |peer: &&Peer| self.is_or_was_of(peer, owner, now);
        if self.peers.iter().filter(had).map(Peer::contact).any(Contact::is_refused) {
            self.carry_out(owner, ContactDecision::Refused, now)
        } else if is_current
            && self.peers.iter().filter(of_person).map(Peer::contact).any(Contact::is_accepted)
        {
            self.carry_out(owner, ContactDecision::Accepted, now)
        } else {
            PeopleChanges::none()
        }
    }

    fn change_devices(
        &mut self,
        owner: &IdentityKey,
        now: Timestamp,
        is_meant: impl Fn(&Self, &Peer, &IdentityKey, Timestamp) -> bool,
        change: impl Fn(&mut Peer) -> Changes,
    ) -> PeopleChanges {
        let mut changes = PeopleChanges::none();
        let places =
            self.peers.iter().enumerate().filter(|(_, peer)| is_meant(self, peer, owner, now));
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        for place in places {
            let changed = self.peers.get_mut(place);
            changes.peers.extend(
                changed.and_then(|peer| change(peer).any().then(|| peer.address().clone())),
            );
        }
        changes
    }

    /// The same, or one that was removed lately: a person does not come back by changing devices.
    fn is_or_was_of(&self, peer: &Peer, owner: &IdentityKey, now: Timestamp) -> bool {
        let device = peer.device();
        let person = device.as_ref().and_then(|device| self.person_of(device, now));
        let was = |(person, standing): (&Person, Standing)| {
            standing == Standing::Removed && person.owner() == owner
        };
        person.is_some_and(was) || self.is_of(peer, owner, now)
    }

    /// Whether it is a device of this person: a listed one, or without a list the owner's own. Of the few that may be, it
    /// is asked whether another person was known to have it before.
    pub(crate) fn is_of(&self, peer: &Peer, owner: &IdentityKey, now: Timestamp) -> bool {
        let Some(device) = peer.device() else { return false };
        let list = self.person(owner).and_then(Person::list);
        let may_be = list.map_or(device.identity == *owner, |list| list.lists(&device));
        may_be && self.person_of(&device, now).is_none_or(|(first, _)| first.owner() == owner)
    }
}

fn hear_both(held: &mut Decisions, heard: &Decisions) -> Result<(), VersionJump> {
    if let Some(contact) = heard.contact {
        Decided::hear(&mut held.contact, contact)?;
    }
    if let Some(comparison) = heard.comparison {
        Decided::hear(&mut held.comparison, comparison)?;
    }
    Ok(())
}
