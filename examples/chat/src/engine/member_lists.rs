//! Lists of devices of people in groups: fetched by who they are, since nobody here need know them otherwise.

use std::time::Duration;

use evanesce::IdentityKey;
use evanesce::expiry::Now;
use evanesce::person::{DeviceList, Person as KnownPerson, VerifiedList};
use evanesce::rand_core::CryptoRng;

use crate::clock;
use crate::engine::outcome::Outcome;
use crate::engine::state::Engine;
use crate::news::News;

/// How long after a list was asked for it is asked for again.
const BETWEEN_LISTS: Duration = Duration::from_secs(3_600);

impl Engine {
    /// Lists of members that are missing or grow old.
    pub(super) fn want_member_lists(&mut self, now: Now) {
        let (own, contacts, time) = (&self.own, &self.contacts, now.timestamp());
        let groups = || self.groups.all.iter().filter(|group| group.is_member(own));
        let missing = groups().flat_map(|group| group.lists_needed(own, contacts));
        let is_old = |it: &&KnownPerson| it.list().is_some() && it.list_need(time);
        let is_member =
            |it: &&KnownPerson| groups().any(|group| group.member(it.owner()).is_some());
        let old = contacts.people.iter().filter(is_old).filter(is_member);
        let asked = &self.pending.group_lists_asked;
        let may_ask = |owner: &[u8; 64]| {
            let asked = asked.get(owner);
            asked.is_none_or(|it| clock::steady(now).saturating_sub(*it) >= BETWEEN_LISTS)
        };
        let wanted = missing.chain(old.map(|person| person.owner().encode()));
        // A roster may have anything in an owner's place.
        let wanted = wanted.filter(|owner| may_ask(owner) && IdentityKey::decode(owner).is_ok());
        let wanted: Vec<[u8; 64]> = wanted.collect();
        self.pending.group_lists.extend(wanted);
    }

    pub(super) fn member_list_was_asked(&mut self, owner: &IdentityKey, now: Now) {
        self.pending.group_lists.remove(&owner.encode());
        self.pending.group_lists_asked.insert(owner.encode(), clock::steady(now));
        self.name_newcomers();
    }

    /// What the relay has of it, which proves itself or is nothing.
    pub fn list_of_member_came(
        &mut self,
        owner: &IdentityKey,
        list: Option<&[u8]>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Outcome {
        let list = list.and_then(|list| DeviceList::decode(list).ok());
        let list = list.and_then(|list| list.verify(now.timestamp()).ok());
        if let Some(list) = list.filter(|list| list.owner() == owner && self.shares_group(owner)) {
            self.take_member_list(list, now);
        }
        self.member_list_was_asked(owner, now);
        self.settle(now, rng);
        self.finish()
    }

    fn take_member_list(&mut self, list: VerifiedList, now: Now) {
        let owner = *list.owner();
        if self.contacts.person(&owner).is_none() {
            self.contacts.people.push(KnownPerson::new(owner));
            self.person_changed(&owner);
        }
        self.adopt(list, now);
    }

    /// Tells who came into groups, once it is known what they are called, or that nobody knows.
    fn name_newcomers(&mut self) {
        for (group, owner) in std::mem::take(&mut self.pending.newcomers) {
            self.tell_newcomer(&group, owner);
        }
    }

    pub(super) fn tell_newcomer(&mut self, id: &evanesce::group::GroupId, owner: [u8; 64]) {
        let is_known = IdentityKey::decode(&owner).map(|it| {
            let has_list = self.contacts.person(&it).is_some_and(|person| person.list().is_some());
            has_list || self.name_of(&it).is_some() || it == *self.own.person().owner()
        });
        let was_asked = self.pending.group_lists_asked.contains_key(&owner);
        if is_known == Ok(false) && !was_asked {
            self.pending.newcomers.push((*id, owner));
        } else {
            let who = self.who(&owner);
            self.tell_group(id, News::Came(who));
        }
    }
}
