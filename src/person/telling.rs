//! Recipients: what happened on this device, told to the other own ones.

use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::expiry::age::Age;
use crate::expiry::scheduler::ExpiryScheduler;
use crate::identity::{Address, Device};
use crate::peer::contact::Contact;
use crate::peer::other_device::Peer;
use crate::person::contacts::Contacts;
use crate::person::decisions::{ContactDecision, Decided};
use crate::person::fan_out::{FanOut, FanOutError};
use crate::person::other_person::Person;
use crate::person::our_devices::OwnDevices;
use crate::person::own_event::{MAX_EVENTS, OwnEvent};
use crate::person::people_changes::PeopleChanges;
use crate::person::recipients::{Addition, Recipients};
use crate::time::{Now, Timestamp};
use crate::wire::content_parts::{ContentParts, PartKind};

/// How many lists of contacts go in one message to a device that was just linked. With our own person's there are eight,
/// and no more of one message are verified.
const LISTS: usize = 7;

impl Recipients<'_> {
    /// Tells the other own devices what happened on this one, so long ago: a control message to each, in which it is a
    /// part. Give it [`Effects::tell`](crate::expiry::Effects::tell) and
    /// [`PeopleChanges::tell`](crate::person::PeopleChanges::tell), of one call or of several. There
    /// [`OwnDevices::decrypt`] acts on what was decided of people, and
    /// [`PersonDelivered::note_in`](crate::person::PersonDelivered::note_in) takes the rest to the scheduler; in any order
    /// and any number of times it comes to the same.
    ///
    /// Those whom it does not reach are named: tell [them alone](Recipients::only) the same when the reason is mended, with
    /// the age that it has then. Nothing is sent, and that is no error, where there is nothing to tell, or no other device.
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
        let additions = encoded(events.iter().map(|event| (event, age)), &[]);
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
        let additions = encoded([(&OwnEvent::Removal, Age::NONE)], &[]);
        let sent = self.tell_additions(peers, &additions, is_owners, ad, now, rng)?;
        if sent.messages.is_empty() && sent.unreached.is_empty() {
            return Err(FanOutError::NobodyReached);
        }
        Ok(sent)
    }
}

impl OwnDevices {
    /// What a device that was just linked needs to know, in messages to it alone: the contacts, what the user decided of
    /// them, their lists, and the timers of all conversations. Call it once the device is in the list. What was said before
    /// is the application's to send. There the lists are [given](crate::person::PersonEvent::Given) out:
    /// [`Contacts::adopt`] takes them.
    ///
    /// Draws what each message draws.
    ///
    /// # Errors
    ///
    /// As [`Recipients::tell_events`].
    pub fn introduce(
        &self,
        contacts: &mut Contacts,
        expiry: &ExpiryScheduler,
        device: &Address,
        ad: &[u8],
        now: Now,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<FanOut, FanOutError> {
        let time = now.timestamp();
        let mut changes = PeopleChanges::none();
        for place in 0..contacts.people.len() {
            changes = changes.and(contacts.decide_what_peers_say(place, time));
        }
        let Contacts { people, peers } = contacts;
        let timers = expiry.events_for_new_device(now);
        let timers: Vec<_> = timers.map(|(event, age)| (OwnEvent::from(event), age)).collect();
        let known: Vec<OwnEvent> =
            people.iter().flat_map(|person| known_of(person, peers)).collect();
        let known = known.iter().map(|event| (event, Age::NONE));
        let timers = timers.iter().map(|(event, age)| (event, *age));
        let is_known = |person: &&Person| person.decisions.contact.is_some();
        let lists = people.iter().filter(is_known).filter_map(Person::list);
        let lists: Vec<&[u8]> = lists.map(|list| list.as_bytes()).collect();
        let additions = encoded(known.chain(timers), &lists);
        let is_it = |other: &Device| other.address == *device;
        let to = self.to(self.person());
        let mut sent = to.tell_additions(peers, &additions, is_it, ad, time, rng)?;
        sent.changes = changes.and(core::mem::take(&mut sent.changes));
        // All of it is in the messages already.
        sent.changes.tell.clear();
        Ok(sent)
    }
}

impl Contacts {
    /// Where nobody has decided of a person, and a device of theirs is accepted, that counts as the first decision: so a
    /// contact of before becomes one.
    fn decide_what_peers_say(&mut self, place: usize, now: Timestamp) -> PeopleChanges {
        let undecided = self.people.get(place).filter(|it| it.decisions.contact.is_none());
        let Some(owner) = undecided.map(|person| *person.owner()) else {
            return PeopleChanges::none();
        };
        let mut theirs = self.peers.iter().filter(|peer| self.is_of(peer, &owner, now));
        let first = theirs.find_map(|peer| match peer.contact() {
            Contact::Accepted(_) => Some(ContactDecision::Accepted),
            Contact::Refused(_) => Some(ContactDecision::Refused),
            Contact::None | Contact::Request(_) => None,
        });
        let mut changes = PeopleChanges::none();
        if let (Some(first), Some(person)) = (first, self.people.get_mut(place)) {
            person.decisions.contact = Some(Decided::first(first));
            changes.add_person(&owner);
        }
        changes
    }
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

/// So many events, and so many lists, as one message carries; the rest in further ones.
fn encoded<'event>(
    events: impl IntoIterator<Item = (&'event OwnEvent, Age)>,
    lists: &[&[u8]],
) -> Vec<Addition> {
    let events: Vec<(&OwnEvent, Age)> = events.into_iter().collect();
    let (mut events, mut lists) = (events.chunks(MAX_EVENTS), lists.chunks(LISTS));
    let next = || {
        let (events, lists) = (events.next(), lists.next());
        let mut addition = Addition { lists: ContentParts::none(), own: ContentParts::none() };
        lists.into_iter().flatten().for_each(|list| addition.lists.push(PartKind::List, list));
        if let Some(events) = events {
            let mut part = Vec::new();
            events.iter().for_each(|(event, age)| event.encode_into(*age, &mut part));
            addition.own.push(PartKind::Events, &part);
        }
        (events.is_some() || lists.is_some()).then_some(addition)
    };
    core::iter::from_fn(next).collect()
}
