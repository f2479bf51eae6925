//! Lists of devices: fetched and adopted; and what the user is told of them.

use std::time::Duration;

use evanesce::expiry::Now;
use evanesce::group::Unblocked;
use evanesce::person::{
    Person as KnownPerson, PersonEvent, Standing as DeviceStanding, VerifiedList, Whose,
};
use evanesce::{Device, IdentityKey};

use crate::clock;
use crate::engine::meeting::owners_name;
use crate::engine::state::{Engine, Place, keys_where};
use crate::name::Name;
use crate::notice::{DeviceChange, Notice};
use crate::view::Standing;

/// How long after a list was asked for it is asked for again, if nothing else says that there is another one.
const BETWEEN_LISTS: Duration = Duration::from_secs(3_600);

impl Engine {
    pub(super) fn may_ask_for_list(&self, with: &Name, now: Now) -> bool {
        let asked = self.pending.lists_asked.get(with);
        asked.is_none_or(|asked| clock::steady(now).saturating_sub(*asked) >= BETWEEN_LISTS)
    }

    pub(super) fn list_was_asked(&mut self, with: &Name, now: Now) {
        self.pending.lists.remove(with);
        self.pending.lists_asked.insert(with.clone(), clock::steady(now));
    }

    /// Takes a list that has verified; says what the conversation is called then.
    pub(super) fn list_is_offered(&mut self, with: &Name, list: VerifiedList, now: Now) -> Name {
        let owner = *list.owner();
        if self.is_us(with) {
            if owner == *self.own.person().owner() {
                // A list that is held, or older, says nothing.
                if let Ok(Some(event)) = self.own.adopt(list, now.timestamp()) {
                    self.own_changed();
                    self.person_event(event, IsFirst::No, now);
                }
            }
            return with.clone();
        }
        match self.owner_of(with) {
            Some(known) if known == owner => self.adopt(list, now),
            // It was a device of somebody, as both have signed.
            Some(known) if list.lists(&Device { identity: known, address: with.address() }) => {
                let name = owners_name(&list).filter(|name| self.owner_of(name).is_none());
                let name = self.name_of(&owner).or(name).unwrap_or_else(|| with.clone());
                self.is_of(&name, owner, now);
                self.adopt(list, now);
                if name != *with {
                    self.merge(with, &name, now);
                }
                return name;
            }
            // The relay knows somebody else by this name: a bundle of theirs says so too, and the user is asked.
            Some(_) => {}
            // Somebody who is known from a group.
            None if self.shares_group(&owner) && !self.people.contains_key(with) => {
                self.adopt(list, now);
            }
            None => {
                let has_name = list.devices().iter().any(|it| it.device.address == with.address());
                if !has_name {
                    return with.clone();
                }
                self.is_of(with, owner, now);
                self.adopt(list, now);
                // They asked meanwhile: we wrote to them first, and they are who the relay says.
                let has_asked = self.standing(with) == Standing::Request;
                self.write_first_to(with, now);
                if has_asked {
                    self.notice(Notice::Accepted(with.clone()));
                    self.admit_files(with);
                }
            }
        }
        with.clone()
    }

    pub(super) fn adopt(&mut self, list: VerifiedList, now: Now) {
        let is_first = self.is_first_list(list.owner());
        // One of somebody who is not known, or that is held or older, says nothing.
        let Ok((events, changes)) = self.contacts.adopt(&self.own, list, now.timestamp()) else {
            return;
        };
        self.changed(&changes);
        events.into_iter().for_each(|event| self.person_event(event, is_first, now));
    }

    pub(super) fn is_first_list(&self, owner: &IdentityKey) -> IsFirst {
        let list = self.contacts.person(owner).and_then(KnownPerson::list);
        if list.is_none() { IsFirst::Yes } else { IsFirst::No }
    }

    /// Something became known of somebody's devices.
    pub(super) fn person_event(&mut self, event: PersonEvent, is_first: IsFirst, now: Now) {
        let own = *self.own.person().owner();
        self.pending.unblocked.extend(Unblocked::of_people(std::slice::from_ref(&event)));
        match event {
            PersonEvent::Adopted { owner, came, went, unknown_own, version: _ } => {
                self.pending.group_catch_up = true;
                self.devices_went(&went);
                self.devices_came(&owner, &came, now);
                if owner == own {
                    self.own_list_changed(&came, &went, unknown_own);
                    let us = self.profile.person.clone();
                    self.offer_parked(&us);
                    return;
                }
                self.know(&owner, now);
                self.name_by_list(&owner, now);
                let Some(with) = self.name_of(&owner) else { return };
                self.keep_keys_as_the_timer_says(&with);
                // Of their first device it is no news that they have it.
                let is_news =
                    |device: &&Device| is_first == IsFirst::No || device.identity != owner;
                self.tell_devices(&with, came.iter().filter(is_news), DeviceChange::Came);
                self.tell_devices(&with, went.iter(), DeviceChange::Went);
                self.offer_parked(&with);
            }
            PersonEvent::Joined { owner, device } => {
                let (alone, with) = (self.name_of(&device.identity), self.name_of(&owner));
                if let (Some(alone), Some(with)) = (alone, with)
                    && alone != with
                {
                    self.merge(&alone, &with, now);
                }
            }
            PersonEvent::ListedTwice { device, of, also } => {
                let name = |owner: &IdentityKey| {
                    self.name_of(owner).map_or("somebody".into(), |name| name.to_string())
                };
                let text = format!(
                    "{} says that {} is a device of theirs, which is one of {}: ask both",
                    name(&also),
                    device.address,
                    name(&of)
                );
                self.notice(Notice::Trouble(text));
            }
            PersonEvent::Equivocation { held, other } => {
                let names = |list: &VerifiedList| names(list.devices().iter().map(|it| &it.device));
                let whose = self.name_of(held.owner()).unwrap_or(self.profile.person.clone());
                let what = match *held.owner() == own {
                    true => "look at both, then /confirm, and /remove what is not yours",
                    false => "ask which is right",
                };
                let text = format!(
                    "there are two lists of the devices of {whose}: with {} and with {}: {what}",
                    names(&held),
                    names(&other)
                );
                self.notice(Notice::Trouble(text));
            }
            PersonEvent::ListBehind { of: Whose::Ours, .. } => {
                let us = self.profile.person.clone();
                self.want_list(us);
            }
            // Contacts of ours, of whom another device of ours tells.
            PersonEvent::Given(list) => self.adopt(*list, now),
            PersonEvent::Known(device) => {
                let owner = device.identity;
                let changes = self.contacts.pin(&self.own, device, now.timestamp());
                self.changed(&changes);
                self.know(&owner, now);
            }
            PersonEvent::RemovalAsked { device } => {
                if let Some(device) = Name::of(&device.address) {
                    self.notice(Notice::RemovalAsked(device));
                }
            }
            // A claim until the other list comes, or for a log.
            _ => {}
        }
    }

    /// A list is to be fetched, though it was lately.
    pub(super) fn want_list(&mut self, with: Name) {
        self.pending.lists_asked.remove(&with);
        self.pending.lists.insert(with);
    }

    fn own_list_changed(&mut self, came: &[Device], went: &[Device], unknown_own: bool) {
        let us = self.profile.person.clone();
        let is_other = |device: &&Device| *device != self.own.device();
        if self.own.is_removed() {
            if self.profile.place != Place::Removed {
                self.profile.place = Place::Removed;
                self.save_profile();
                self.notice(Notice::Removed(us));
                // Nor does anything leave that was written before.
                let names: Vec<Name> = self.people.keys().cloned().collect();
                for message in
                    names.iter().flat_map(|name| self.drop_unsent(name)).collect::<Vec<_>>()
                {
                    self.fail(Some(message), "this device was removed");
                }
            }
            return;
        }
        if self.profile.place == Place::Linking && self.own.is_listed() {
            self.profile.place = Place::Linked;
            self.save_profile();
            self.notice(Notice::Linked(us));
            return;
        }
        let came: Vec<Device> = came.iter().filter(is_other).cloned().collect();
        let change = if unknown_own { DeviceChange::Unknown } else { DeviceChange::Came };
        self.tell_devices(&us, came.iter(), change);
        self.tell_devices(&us, went.iter(), DeviceChange::Went);
    }

    pub(super) fn tell_devices<'a>(
        &mut self,
        with: &Name,
        devices: impl Iterator<Item = &'a Device>,
        change: DeviceChange,
    ) {
        for device in devices.filter_map(|device| Name::of(&device.address)) {
            self.notice(Notice::Device(with.clone(), device, change));
        }
    }

    /// Nothing more goes to devices that are gone.
    fn devices_went(&mut self, went: &[Device]) {
        for device in went.iter().filter_map(|device| Name::of(&device.address)) {
            self.give_up_device(&device);
            for number in keys_where(&self.parcels, |parcel| parcel.to == device) {
                self.drop_parcel(number);
            }
        }
    }

    /// One that has come where another one of the same person was, under its name, is that now: the owner says so. Of
    /// the first device of somebody, who they are, the user decides.
    fn devices_came(&mut self, owner: &IdentityKey, came: &[Device], now: Now) {
        for device in came.iter().filter(|device| device.identity != *owner) {
            let Some(name) = Name::of(&device.address) else { continue };
            let before = self.peer(&name).and_then(evanesce::Peer::device);
            let own = self.own.person();
            let person = if own.owner() == owner { Some(own) } else { self.contacts.person(owner) };
            let was_theirs = |before: &Device| {
                let standing = person.map(|person| person.standing(before, now.timestamp()));
                standing == Some(DeviceStanding::Removed)
            };
            if before.filter(|before| before != device).is_some_and(|before| was_theirs(&before))
                && let Some(peer) = self.peer_mut(&name)
            {
                let changes = peer.accept_identity(device.identity);
                self.peer_changed(&name, &changes);
            }
        }
    }

    /// What came from devices that were not known under their identity is offered again, as if it came now.
    fn offer_parked(&mut self, with: &Name) {
        if self.trust(with) == crate::view::Trust::Changed {
            return;
        }
        let parked = keys_where(&self.parked, |parked| parked.from == *with);
        let parked: Vec<_> =
            parked.into_iter().filter_map(|number| self.drop_parked(number)).collect();
        self.pending.offered_again.extend(parked.into_iter().map(|parked| parked.bytes));
    }

    /// Of devices that no list has named meanwhile nothing is kept.
    pub(super) fn drop_parked_devices(&mut self, with: &Name) {
        if self.trust(with) == crate::view::Trust::Changed {
            return;
        }
        for number in keys_where(&self.parked, |parked| parked.from == *with) {
            self.drop_parked(number);
        }
    }
}

/// Whether a list is the first of somebody that is held: then all in it are known for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsFirst {
    Yes,
    No,
}

fn names<'a>(devices: impl Iterator<Item = &'a Device>) -> String {
    devices.map(|device| device.address.to_string()).collect::<Vec<_>>().join(", ")
}
