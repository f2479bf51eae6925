//! Lists of devices: published, fetched, adopted; and what the user is told of them.

use std::time::Duration;

use evanesce::expiry::Now;
use evanesce::person::{
    Person as KnownPerson, PersonEvent, Standing as DeviceStanding, VerifiedList, Whose,
};
use evanesce::rand_core::CryptoRng;
use evanesce::{Address, Device, IdentityKey};

use crate::clock;
use crate::engine::meeting::owners_name;
use crate::engine::message::{Draft, Telling};
use crate::engine::outcome::Outcome;
use crate::engine::sending::NO_AD;
use crate::engine::state::{Engine, Place, keys_where};
use crate::name::Name;
use crate::notice::{DeviceChange, Notice};
use crate::request::Refusal;
use crate::view::Standing;

/// How long after a list was asked for it is asked for again, if nothing else says that there is another one.
const BETWEEN_LISTS: Duration = Duration::from_secs(3_600);

/// How long a message waits for a device that is not to be reached, while others of the same person have it.
const LONGEST_FOR_A_DEVICE: Duration = Duration::from_secs(30 * 86_400);

impl Engine {
    pub(super) fn may_ask_for_list(&self, with: &Name, now: Now) -> bool {
        let asked = self.pending.lists_asked.get(with);
        asked.is_none_or(|asked| clock::steady(now).saturating_sub(*asked) >= BETWEEN_LISTS)
    }

    /// The list that the relay is to have of us, if it has another one.
    pub fn list_publication(&self) -> Option<Vec<u8>> {
        let is_ours = self.own.is_listed() && !self.own.is_put_back();
        let list = self.own.person().list().filter(|_| is_ours)?;
        (self.profile.published_list != Some(list.digest())).then(|| list.encode())
    }

    pub fn list_published(&mut self, list: &[u8]) -> Outcome {
        let held = self.own.person().list().filter(|held| held.encode() == list);
        if let Some(digest) = held.map(VerifiedList::digest) {
            self.profile.published_list = Some(digest);
            self.save_profile();
        }
        self.finish()
    }

    /// The relay does not take the list. If it has a newer one, that is fetched.
    pub fn list_refused(&mut self, list: &[u8], refusal: Refusal) -> Outcome {
        let us = self.profile.person.clone();
        if refusal == Refusal::OlderList {
            self.pending.lists_asked.remove(&us);
            self.pending.lists.insert(us);
        } else {
            self.notice(Notice::Trouble(format!("the list of your devices: {refusal}")));
        }
        self.list_published(list)
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

    fn adopt(&mut self, list: VerifiedList, now: Now) {
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
        match event {
            PersonEvent::Adopted { owner, came, went, unknown_own, version: _ } => {
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

    /// Tells all devices that are known which lists are held, as far as they do not: after a device came or went.
    pub(super) fn tell_everyone(&mut self, now: Now, rng: &mut dyn CryptoRng) {
        let addresses: Vec<Address> =
            self.contacts.peers.iter().map(|peer| peer.address().clone()).collect();
        for address in addresses {
            self.tell_device(&address, now, rng);
        }
    }

    fn tell_device(&mut self, address: &Address, now: Now, rng: &mut dyn CryptoRng) {
        let time = now.timestamp();
        let Some(device) = self.contacts.peer(address).and_then(evanesce::Peer::device) else {
            return;
        };
        let own = self.own.person().standing(&device, time);
        let others = || self.contacts.people.iter().find(|it| it.standing(&device, time).counts());
        let person = match own {
            DeviceStanding::Alone => others(),
            _ => None,
        };
        if person.is_none() && own == DeviceStanding::Alone {
            return;
        }
        let with = person.and_then(|person| self.name_of(person.owner()));
        let person = person.unwrap_or(self.own.person());
        let told = self.own.to(person).tell(&mut self.contacts.peers, address, NO_AD, time, rng);
        let Ok(told) = told else { return };
        self.changed(&told.changes);
        let with = with.unwrap_or(self.profile.person.clone());
        for message in told.messages {
            self.send_to_device(&with, None, message, rng);
        }
    }

    /// What is due of lists at each start and once a day.
    pub(super) fn maintain_lists(&mut self, now: Now) {
        let time = now.timestamp();
        if self.own.maintain(time) {
            self.own_changed();
        }
        match self.own.refresh(&self.account, time) {
            Ok(None) => {}
            Ok(Some(_)) => self.own_changed(),
            Err(error) => self.notice(Notice::Trouble(error.to_string())),
        }
        let mut changed = Vec::new();
        for person in &mut self.contacts.people {
            if person.maintain(time) {
                changed.push(*person.owner());
            }
        }
        changed.iter().for_each(|owner| self.person_changed(owner));
        // Who may have been removed, and who may have others, looks for the newest list.
        let list = self.own.person().list();
        let has_others = list.is_none_or(|list| list.devices().len() > 1);
        if (has_others || !self.own.is_owner()) && self.profile.place != Place::Removed {
            let us = self.profile.person.clone();
            self.want_list(us);
        }
        let oldest = time.minus(LONGEST_FOR_A_DEVICE).unix_seconds();
        let is_over = |draft: &Draft| draft.only.is_some() && draft.unix_seconds <= oldest;
        for number in keys_where(&self.drafts, is_over) {
            self.drop_draft(number);
        }
        let is_over = |telling: &Telling| telling.unix_seconds <= oldest;
        for number in keys_where(&self.tellings, is_over) {
            self.drop_telling(number);
        }
    }

    /// Says which devices somebody has, or we ourselves.
    pub(super) fn show_devices(&mut self, with: Option<&Name>, now: Now) -> Result<(), String> {
        let us = self.profile.person.clone();
        let with = with.unwrap_or(&us);
        let person = if self.is_us(with) { Some(self.own.person()) } else { self.known(with) };
        let list = person.and_then(KnownPerson::list);
        let (Some(person), Some(list)) = (person, list) else {
            return Err(format!("no list of devices of {with} is known"));
        };
        let is_this = |device: &Device| device == self.own.device();
        let view = |device: &Device| {
            Some(crate::view::DeviceView {
                of: with.clone(),
                name: Name::of(&device.address)?,
                standing: person.standing(device, now.timestamp()),
                is_owner: device.identity == *person.owner(),
                is_this: is_this(device),
                is_unconfirmed: self.own.unconfirmed().contains(device),
            })
        };
        let views: Vec<_> = list.devices().iter().filter_map(|it| view(&it.device)).collect();
        views.into_iter().for_each(|view| self.notice(Notice::DeviceLine(view)));
        Ok(())
    }

    /// Removes one of our own devices: it gets nothing more, and is told.
    pub(super) fn remove_device(
        &mut self,
        device: &Name,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), String> {
        if *device == self.profile.name {
            return Err("that is this device: remove others here".into());
        }
        let time = now.timestamp();
        let removed = self.own.remove(&self.account, &device.address(), time);
        removed.map_err(|error| error.to_string())?;
        self.own_changed();
        self.give_up_device(device);
        for number in keys_where(&self.parcels, |parcel| parcel.to == *device) {
            self.drop_parcel(number);
        }
        let us = self.profile.person.clone();
        self.notice(Notice::Device(us, device.clone(), DeviceChange::Went));
        self.tell_everyone(now, rng);
        Ok(())
    }

    /// After a backup was put back nothing is signed before a newer list has come, or the user has looked at this one: who
    /// was removed since may stand in it. Where there is no other device there is nothing to look at.
    pub(super) fn look_at_old_list(&mut self) {
        if !self.own.is_owner() || !self.own.is_put_back() {
            return;
        }
        let devices = self.own.person().list().map_or(0, |list| list.devices().len());
        if devices > 1 {
            let text = "the list of your devices may be an old one: look at /devices, then /confirm, and /remove at once \
                        what is not yours";
            self.notice(Notice::Trouble(text.into()));
        } else if self.own.confirm_all() {
            self.own_changed();
        }
    }

    /// The user has looked at all of them, and they are theirs.
    pub(super) fn confirm_devices(&mut self, now: Now) -> Result<(), String> {
        if !self.own.confirm_all() {
            return Err("nobody asks whose your devices are".into());
        }
        self.own_changed();
        self.show_devices(None, now)
    }

    /// The user says that a device is theirs which came with a list that was not signed here.
    pub(super) fn confirm_device(&mut self, device: &Name) -> Result<(), String> {
        let us = self.profile.person.clone();
        let listed = self.listed_device(&us, device);
        if !listed.is_some_and(|listed| self.own.confirm(&listed)) {
            return Err(format!("nobody asks whether {device} is yours"));
        }
        self.own_changed();
        self.notice(Notice::Device(us, device.clone(), DeviceChange::Came));
        Ok(())
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
