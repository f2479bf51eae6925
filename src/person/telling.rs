//! Recipients: which lists are held, told to one device; and what happened on this one, told to the other own ones.

use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::expiry::age::Age;
use crate::expiry::scheduler::ExpiryScheduler;
use crate::identity::{Address, Device};
use crate::peer::other_device::Peer;
use crate::person::contacts::Contacts;
use crate::person::decisions::{ContactDecision, Decided};
use crate::person::due_parts::Side;
use crate::person::fan_out::{FanOut, FanOutError, Obstacle, Sending};
use crate::person::other_person::Person;
use crate::person::our_devices::OwnDevices;
use crate::person::own_event::{MAX_EVENTS, OwnEvent};
use crate::person::people_changes::PeopleChanges;
use crate::person::recipients::{Addition, Hindrance, Prepared, Recipient, Recipients, obstacle};
use crate::person::standing::Standing;
use crate::person::verified_list::VerifiedList;
use crate::time::{Now, Timestamp};
use crate::wire::content_parts::{ContentParts, PartKind};
use crate::wire::payload::Payload;
use crate::wire::stamp::Stamp;

/// How many lists of contacts go in one message to a device that was just linked. With our own person's there are eight,
/// and no more of one message are verified.
const LISTS: usize = 7;

impl<'a> Recipients<'a> {
    /// Tells the device at this address which lists are held, by a control message, if anything is due to it. After a
    /// list was signed or adopted, tell own devices and contacts; else it goes along with the next message. Nothing
    /// is told of a person whose device it is not. A device that was removed is told our list like any other that is
    /// known: it learns so that it was.
    ///
    /// Draws what a message draws, if there is one.
    ///
    /// # Errors
    ///
    /// [`FanOutError::Removed`], or [`FanOutError::TooLarge`] if the lists do not fit a message, which theirs do; nothing has
    /// changed then.
    pub fn tell(
        self,
        peers: &mut [Peer],
        address: &Address,
        ad: &[u8],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<FanOut, FanOutError> {
        if self.own().is_removed() {
            return Err(FanOutError::Removed);
        }
        let mut sending = Sending::to(0, Vec::new());
        let told = peers.iter_mut().find(|peer| peer.address() == address);
        let Some((peer, device)) = told.and_then(|peer| peer.device().map(|device| (peer, device)))
        else {
            return Ok(sending.finish());
        };
        let is_ours = self.own().person.list().is_some_and(|list| list.lists(&device))
            || device.identity == *self.own().person.owner();
        // Of a person who has nothing to do with the device it hears nothing.
        let is_theirs = !self.is_note()
            && (self.person().standing(&device, now) != Standing::Alone
                || device.identity == *self.person().owner());
        let side =
            if is_ours { Side::Ours } else { Side::Theirs(is_theirs.then_some(self.person())) };
        let parts = self.due_to(peer, &device, side);
        let payload = Payload { stamp: Stamp::NONE, body: Vec::new() };
        if parts.is_empty() {
            return Ok(sending.finish());
        }
        match obstacle(peer, &parts, &payload, now) {
            Err(Hindrance::Of(reason)) => {
                sending.miss(address.clone(), reason);
            }
            Err(Hindrance::TooLarge) => return Err(FanOutError::TooLarge),
            Ok(()) => _ = sending.encrypt(peer, &parts, &payload, ad, now, rng),
        }
        Ok(sending.finish())
    }

    /// Tells the other own devices what happened on this one, so long ago: a control message to each, in which it is a
    /// part. Give it [`Effects::tell`](crate::expiry::Effects::tell) and
    /// [`PeopleChanges::tell`](crate::person::PeopleChanges::tell), of one call or of several. There
    /// [`OwnDevices::decrypt`] acts on what was decided of people, and
    /// [`PersonDelivered::note_in`](crate::person::PersonDelivered::note_in) takes the rest to the scheduler; in any order
    /// and any number of times it comes to the same.
    ///
    /// Those whom it does not reach are named, also when our own list has expired and they are not the owner's: tell [them
    /// alone](Recipients::only) the same when the reason is mended, with the age that it has then. Nothing is sent, and that is no error, where there is nothing to tell, or no other device.
    /// Of more than 1,000 events there are several messages for each device.
    ///
    /// Draws what each message draws, in the order of the messages.
    ///
    /// # Errors
    ///
    /// [`FanOutError::Removed`], or [`FanOutError::ListExpired`] if our own list has and has no owner's device; nothing has
    /// changed then.
    pub fn tell_events(
        self,
        peers: &mut [Peer],
        events: &[OwnEvent],
        age: Age,
        ad: &[u8],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<FanOut, FanOutError> {
        let of_chunk =
            |events: &[OwnEvent]| Addition::of_events(events.iter().map(|event| (event, age)));
        let additions: Vec<_> = events.chunks(MAX_EVENTS).map(of_chunk).collect();
        self.tell_additions(peers, &additions, |_| true, ad, now, rng)
    }

    /// Asks the owner's device to remove this one from the list: on a device that is given away. There
    /// [`PersonEvent::RemovalAsked`](crate::person::PersonEvent::RemovalAsked) says so. Keep the message until the carrier has
    /// it; this device goes on until a list without it has come ([`OwnDevices::is_removed`]).
    ///
    /// Draws what a message draws.
    ///
    /// # Errors
    ///
    /// [`FanOutError::NobodyReached`] on the owner's own device, which removes itself by [`OwnDevices::remove`], and where
    /// the owner's is not listed; else as [`Recipients::tell_events`].
    pub fn ask_removal(
        self,
        peers: &mut [Peer],
        ad: &[u8],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<FanOut, FanOutError> {
        let own = self.own();
        let is_owners = |device: &Device| device.identity == *own.person().owner();
        self.check_telling(peers, is_owners, now)?;
        let additions = [Addition::of_events([(&OwnEvent::Removal, Age::NONE)].into_iter())];
        self.tell_additions(peers, &additions, is_owners, ad, now, rng)
    }

    /// Whether there is an own device that is meant, and this one may tell it.
    fn check_telling(
        &self,
        peers: &[Peer],
        is_meant: impl Fn(&Device) -> bool,
        now: Timestamp,
    ) -> Result<(), FanOutError> {
        if self.own().is_removed() {
            return Err(FanOutError::Removed);
        }
        let note = self.note();
        let is_there = note.other_own(peers, now)?.iter().any(is_meant);
        if is_there { Ok(()) } else { Err(FanOutError::NobodyReached) }
    }

    /// Own devices that are not told anything since the list has expired.
    fn expired(&self, now: Timestamp) -> impl Iterator<Item = &'a Device> {
        let (person, us) = (self.own().person(), self.own().device());
        let list = person.list().filter(|list| list.has_expired(now));
        let devices = list.into_iter().flat_map(VerifiedList::devices).map(|it| &it.device);
        devices.filter(move |device| *device != us && device.identity != *person.owner())
    }

    /// Sends a control message for each of these to the own devices that are meant, beside what is due to them.
    fn tell_additions(
        self,
        peers: &mut [Peer],
        additions: &[Addition],
        is_meant: impl Fn(&Device) -> bool,
        ad: &[u8],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<FanOut, FanOutError> {
        if self.own().is_removed() {
            return Err(FanOutError::Removed);
        }
        let note = self.note();
        let payload = Payload { stamp: Stamp::NONE, body: Vec::new() };
        let mut sending = Sending::to(0, Vec::new());
        let others = note.other_own(peers, now)?;
        if additions.is_empty() {
            return Ok(sending.finish());
        }
        let is_asked = |device: &Device| is_meant(device) && self.are_asked(device);
        let reason = Obstacle::ListExpired;
        let expired = self.expired(now).filter(|device| is_asked(device));
        expired.for_each(|it| sending.miss(it.address.clone(), reason));
        for device in others.iter().filter(|device| is_meant(device)) {
            for addition in additions {
                let recipient = Recipient::ours(device);
                match note.prepare(recipient, peers, 0, &payload, Some(addition), now) {
                    Err(Hindrance::TooLarge) => return Err(FanOutError::TooLarge),
                    Err(Hindrance::Of(reason)) => {
                        sending.miss(device.address.clone(), reason);
                        break;
                    }
                    Ok(Prepared { place, parts }) => {
                        let is_sent = peers.get_mut(place).is_some_and(|peer| {
                            sending.encrypt(peer, &parts, &payload, ad, now, rng)
                        });
                        if !is_sent {
                            break;
                        }
                    }
                }
            }
        }
        Ok(sending.finish())
    }
}

impl OwnDevices {
    /// What a device that was just linked needs to know, in messages to it alone: the contacts, what the user decided of
    /// them, their lists, and the timers of all conversations; also for one that was put back. Call it once the device is in
    /// the list. What was said before is the application's to send. There [lists](crate::person::PersonEvent::Given) and
    /// [devices](crate::person::PersonEvent::Known) are given out: [`Contacts::adopt`] and [`Contacts::pin`] take them.
    ///
    /// What it does not reach is to be called for again. Draws what each message draws.
    ///
    /// # Errors
    ///
    /// [`FanOutError::NobodyReached`] if no other own device has this address; else as [`Recipients::tell_events`]. Nothing has
    /// changed then.
    pub fn introduce(
        &self,
        contacts: &mut Contacts,
        expiry: &ExpiryScheduler,
        device: &Address,
        ad: &[u8],
        now: Now,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<FanOut, FanOutError> {
        let (time, to) = (now.timestamp(), self.to(self.person()));
        let is_it = |other: &Device| other.address == *device;
        to.check_telling(&contacts.peers, is_it, time)?;
        let mut changes = PeopleChanges::none();
        for place in 0..contacts.people.len() {
            changes = changes.and(contacts.decide_what_devices_say(self, place, time));
        }
        let Contacts { people, peers } = contacts;
        let additions = introduction(people, peers, expiry, now);
        let mut sent = to.tell_additions(peers, &additions, is_it, ad, time, rng)?;
        sent.changes = changes.and(core::mem::take(&mut sent.changes));
        Ok(sent)
    }
}

impl Contacts {
    /// Where nobody has decided of a person, what was decided of their devices counts as the first decision: so a contact of
    /// before becomes one.
    fn decide_what_devices_say(
        &mut self,
        own: &OwnDevices,
        place: usize,
        now: Timestamp,
    ) -> PeopleChanges {
        let undecided = self.people.get(place).filter(|it| it.decisions.contact.is_none());
        let first = undecided.and_then(|person| {
            let owner = *person.owner();
            Some((owner, self.decision_of_devices(own, &owner, now)?))
        });
        let mut changes = PeopleChanges::none();
        if let (Some((owner, first)), Some(person)) = (first, self.people.get_mut(place)) {
            person.decisions.contact = Some(Decided::first(first));
            changes.add_person(&owner);
        }
        changes
    }
}

/// Each list goes with what was decided of its owner, so that it is no stranger's if another message is late.
fn introduction(
    people: &[Person],
    peers: &[Peer],
    expiry: &ExpiryScheduler,
    now: Now,
) -> Vec<Addition> {
    let decided = || people.iter().filter(|person| person.decisions.contact.is_some());
    let (with_list, without): (Vec<_>, Vec<_>) = decided().partition(|it| it.list().is_some());
    let timers = expiry.events_for_new_device(now);
    let timers = timers.map(|(event, age)| (OwnEvent::from(event), age));
    let without = without.into_iter().flat_map(|person| known_of(person, peers));
    let rest: Vec<_> = without.map(|event| (event, Age::NONE)).chain(timers).collect();
    // Of each person with a list two things may be decided.
    let (mut lists, mut rest) = (with_list.chunks(LISTS), rest.chunks(MAX_EVENTS - 2 * LISTS));
    let next = || {
        let (people, rest) = (lists.next(), rest.next());
        let is_any = people.is_some() || rest.is_some();
        let people = people.unwrap_or_default();
        let known = people.iter().flat_map(|person| known_of(person, peers));
        let events: Vec<_> = known.map(|event| (event, Age::NONE)).collect();
        let events = events.iter().chain(rest.unwrap_or_default());
        let mut addition = Addition::of_events(events.map(|(event, age)| (event, *age)));
        let lists = people.iter().filter_map(|person| person.list());
        lists.for_each(|list| addition.lists.push(PartKind::List, list.as_bytes()));
        is_any.then_some(addition)
    };
    core::iter::from_fn(next).collect()
}

/// What is decided of a person; and the owner's device while there is no list, or it could not be written to.
fn known_of(person: &Person, peers: &[Peer]) -> Vec<OwnEvent> {
    let owner = person.owner();
    let contact = person.decisions.contact.map(|decided| OwnEvent::contact(owner, decided));
    let comparison = person.decisions.comparison;
    let comparison = comparison.map(|decided| OwnEvent::verification(owner, decided));
    let is_contact = person.decision() == Some(ContactDecision::Accepted);
    let devices = peers.iter().filter_map(Peer::device);
    let device =
        devices.filter(|it| is_contact && person.list().is_none() && it.identity == *owner);
    contact.into_iter().chain(comparison).chain(device.map(OwnEvent::Device)).collect()
}

impl Addition {
    fn of_events<'event>(events: impl Iterator<Item = (&'event OwnEvent, Age)>) -> Self {
        let mut part = Vec::new();
        events.for_each(|(event, age)| event.encode_into(age, &mut part));
        let mut own = ContentParts::none();
        if !part.is_empty() {
            own.push(PartKind::Events, &part);
        }
        Self { lists: ContentParts::none(), own }
    }
}
