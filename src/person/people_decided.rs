//! Contacts: what the user decides of a person, which holds for all of their devices.

use alloc::vec::Vec;

use crate::changes::Changes;
use crate::identity::IdentityKey;
use crate::peer::contact::Contact;
use crate::peer::other_device::Peer;
use crate::person::contacts::Contacts;
use crate::person::other_person::Person;
use crate::person::people_changes::PeopleChanges;
use crate::person::standing::Standing;
use crate::time::Timestamp;

impl Contacts {
    /// Accepts a person who wrote first, or unblocks one: all of their devices, those that become known later included.
    pub fn accept(&mut self, owner: &IdentityKey, now: Timestamp) -> PeopleChanges {
        self.decide(owner, now, Self::is_of, Peer::accept_request)
    }

    /// Refuses a person, or blocks them: all of their devices, those too that were removed at most 30 days ago. A device
    /// that becomes known later is refused by its first message, which is still delivered, as long as one of these is
    /// among the peers. **It is held by the peers, not by the person**: who has exchanged all of their devices and waited for
    /// 30 days comes as a request again. Whoever must not come back at all is to be asked for by owner, in the
    /// application: [`PersonDelivered::person`](crate::person::PersonDelivered::person).
    pub fn refuse(&mut self, owner: &IdentityKey, now: Timestamp) -> PeopleChanges {
        self.decide(owner, now, Self::is_or_was_of, Peer::refuse)
    }

    /// Makes a request of a person again, as when they are deleted from the contacts.
    pub fn set_back_to_request(&mut self, owner: &IdentityKey, now: Timestamp) -> PeopleChanges {
        self.decide(owner, now, Self::is_or_was_of, Peer::set_back_to_request)
    }

    /// A device is known as far as the person's others: refused if one of them is, or of those that they had, else accepted
    /// if one is. When the list has expired none is accepted by it.
    pub(crate) fn settle(&mut self, owner: &IdentityKey, now: Timestamp) -> PeopleChanges {
        let of_person = |peer: &&Peer| self.is_of(peer, owner, now);
        let contacts = || self.peers.iter().filter(of_person).map(Peer::contact);
        let list = || self.person(owner).and_then(Person::list);
        let is_current = || list().is_none_or(|list| !list.has_expired(now));
        let had = |peer: &&Peer| self.is_or_was_of(peer, owner, now);
        if self.peers.iter().filter(had).map(Peer::contact).any(Contact::is_refused) {
            self.refuse(owner, now)
        } else if is_current() && contacts().any(Contact::is_accepted) {
            self.accept(owner, now)
        } else {
            PeopleChanges::none()
        }
    }

    fn decide(
        &mut self,
        owner: &IdentityKey,
        now: Timestamp,
        is_meant: impl Fn(&Self, &Peer, &IdentityKey, Timestamp) -> bool,
        decide: impl Fn(&mut Peer) -> Changes,
    ) -> PeopleChanges {
        let mut changes = PeopleChanges::none();
        let places =
            self.peers.iter().enumerate().filter(|(_, peer)| is_meant(self, peer, owner, now));
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        for place in places {
            let changed = self.peers.get_mut(place);
            changes.peers.extend(
                changed.and_then(|peer| decide(peer).any().then(|| peer.address().clone())),
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
    fn is_of(&self, peer: &Peer, owner: &IdentityKey, now: Timestamp) -> bool {
        let Some(device) = peer.device() else { return false };
        let list = self.person(owner).and_then(Person::list);
        let may_be = list.map_or(device.identity == *owner, |list| list.lists(&device));
        may_be && self.person_of(&device, now).is_none_or(|(first, _)| first.owner() == owner)
    }
}
