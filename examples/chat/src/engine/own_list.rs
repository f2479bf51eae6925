//! Our own list of devices: published, looked after and shown; and who is told of it.

use std::time::Duration;

use evanesce::expiry::Now;
use evanesce::person::{Person as KnownPerson, Standing as DeviceStanding, VerifiedList};
use evanesce::rand_core::CryptoRng;
use evanesce::{Address, Device};

use crate::engine::message::{Draft, Telling};
use crate::engine::outcome::Outcome;
use crate::engine::sending::NO_AD;
use crate::engine::state::{Engine, Place, keys_where};
use crate::name::Name;
use crate::notice::{DeviceChange, Notice};
use crate::request::Refusal;

/// How long a message waits for a device that is not to be reached, while others of the same person have it.
const LONGEST_FOR_A_DEVICE: Duration = Duration::from_secs(30 * 86_400);

impl Engine {
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
