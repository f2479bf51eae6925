//! Messages to all devices of a person, and what own devices are told.

use evanesce::person::{
    AddressedMessage, Contacts, FanOut, FanOutError, Obstacle, OwnDevices, OwnEvent, PeopleChanges,
    Person, Recipients, Unreached,
};
use evanesce::{Address, IdentityKey};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::errors::Refusal;
use crate::expiry::{RawScheduler, age};
use crate::people::contacts::RawContacts;
use crate::people::own_devices::RawOwnDevices;
use crate::people::{addresses, own_events, taken};
use crate::random::Random;
use crate::shapes::{address, identity, payload, time};
use crate::values::words::Word;
use crate::values::{Big, Bytes, Listed, Out, Shown, object, shown};

/// Whom a message is for, as `Recipients` of ts/own_devices.ts has it: the owner, and behind it a mark with the addresses if
/// it is for these alone.
struct Whom {
    owner: IdentityKey,
    only: Option<Vec<Address>>,
}

impl Whom {
    #[inline(never)]
    fn read(mut bytes: &[u8]) -> Result<Self, Refusal> {
        let owner = identity(&taken::<64>(&mut bytes)?)?;
        let only = bytes.split_first().map(|(_, joined)| addresses(joined)).transpose()?;
        Ok(Self { owner, only })
    }

    fn recipients<'a>(
        &'a self,
        own: &'a OwnDevices,
        people: &'a [Person],
    ) -> Result<Recipients<'a>, Refusal> {
        let mut all = people.iter().chain([own.person()]);
        let person = all.find(|person| *person.owner() == self.owner);
        let recipients = own.to(person.ok_or(FanOutError::NobodyReached)?);
        Ok(match &self.only {
            None => recipients,
            Some(only) => recipients.only(only),
        })
    }
}

#[wasm_bindgen]
impl RawOwnDevices {
    pub fn encrypt_to(
        &self,
        contacts: &RawContacts,
        whom: &[u8],
        body: Vec<u8>,
        stamp: &[u8],
        ad: &[u8],
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let (whom, payload) = (Whom::read(whom)?, payload(body, stamp)?);
        let Contacts { people, peers, .. } = &mut contacts.shelf()?.contacts;
        let recipients = whom.recipients(&self.0, people)?;
        Ok(shown(&recipients.encrypt(peers, &payload, ad, time(now), &mut Random)?))
    }

    pub fn obstacles(
        &self,
        contacts: &RawContacts,
        whom: &[u8],
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let whom = Whom::read(whom)?;
        let Contacts { people, peers, .. } = &mut contacts.shelf()?.contacts;
        let recipients = whom.recipients(&self.0, people)?;
        Ok(shown(&recipients.obstacles(peers, time(now))?))
    }

    pub fn tell(
        &self,
        contacts: &RawContacts,
        whom: &[u8],
        at: &[u8],
        ad: &[u8],
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let (whom, at) = (Whom::read(whom)?, address(at)?);
        let Contacts { people, peers, .. } = &mut contacts.shelf()?.contacts;
        let recipients = whom.recipients(&self.0, people)?;
        Ok(shown(&recipients.tell(peers, &at, ad, time(now), &mut Random)?))
    }

    pub fn tell_events(
        &self,
        contacts: &RawContacts,
        whom: &[u8],
        events: &[u8],
        its_age: f64,
        ad: &[u8],
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let (whom, events) = (Whom::read(whom)?, own_events(events)?);
        let Contacts { people, peers, .. } = &mut contacts.shelf()?.contacts;
        let recipients = whom.recipients(&self.0, people)?;
        let (age, now) = (age(its_age), time(now));
        Ok(shown(&recipients.tell_events(peers, &events, age, ad, now, &mut Random)?))
    }

    pub fn ask_removal(
        &self,
        contacts: &RawContacts,
        ad: &[u8],
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let peers = &mut contacts.shelf()?.contacts.peers;
        let recipients = self.0.to(self.0.person());
        Ok(shown(&recipients.ask_removal(peers, ad, time(now), &mut Random)?))
    }

    /// At the time of the scheduler's last call.
    pub fn introduce(
        &self,
        contacts: &RawContacts,
        expiry: &RawScheduler,
        at: &[u8],
        ad: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        let (at, contacts) = (address(at)?, &mut contacts.shelf()?.contacts);
        let RawScheduler(expiry, now) = expiry;
        Ok(shown(&self.0.introduce(contacts, expiry, &at, ad, *now, &mut Random)?))
    }

    /// How many messages an introduction is at most.
    pub fn most_introduced(
        &self,
        contacts: &RawContacts,
        expiry: &RawScheduler,
    ) -> Result<usize, Refusal> {
        let people = contacts.people()?;
        let RawScheduler(expiry, now) = expiry;
        let events = expiry.events_for_new_device(*now).count();
        // Seven lists in each, and of each person two decisions and a device; 986 events in each.
        let of_events = people.saturating_mul(3).saturating_add(events) / 986;
        Ok((people / 7).max(of_events).saturating_add(2))
    }
}

impl Shown for FanOut {
    fn show(&self, out: &mut Out) {
        let Self { messages, unreached, changes, .. } = self;
        object!(
            out,
            messages: Listed(messages.iter()),
            unreached: Listed(unreached.iter()),
            changes: changes,
        );
    }
}

impl Shown for AddressedMessage {
    fn show(&self, out: &mut Out) {
        let Self { to, message, session_need, evidence, .. } = self;
        object!(
            out,
            to: Bytes(to.as_bytes()),
            message: Bytes(message),
            sessionNeed: session_need,
            evidence: evidence,
        );
    }
}

impl Shown for Unreached {
    fn show(&self, out: &mut Out) {
        object!(out, to: Bytes(self.to.as_bytes()), reason: self.reason);
    }
}

impl Shown for Obstacle {
    fn show(&self, out: &mut Out) {
        match self {
            Self::NeedsSession => Word::needsSession,
            Self::ChainFull => Word::chainFull,
            Self::Request => Word::request,
            Self::IdentityUndecided => Word::identityUndecided,
            Self::Unconfirmed => Word::unconfirmed,
            Self::PutBack => Word::putBack,
            Self::ListExpired => Word::listExpired,
            _ => Word::other,
        }
        .show(out);
    }
}

impl Shown for PeopleChanges {
    fn show(&self, out: &mut Out) {
        let Self { account, own, people, peers, tell, .. } = self;
        object!(
            out,
            account: account,
            own: own,
            people: Listed(people.iter()),
            peers: Listed(peers.iter()),
            tell: Listed(tell.iter()),
        );
    }
}

impl Shown for OwnEvent {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Expiry(event) => event.show(out),
            Self::Contact { owner, version, decision } => object!(
                out,
                kind: Word::contact,
                owner: owner,
                version: Big(version.get()),
                decision: decision,
            ),
            Self::Verification { owner, version, verified } => object!(
                out,
                kind: Word::verification,
                owner: owner,
                version: Big(version.get()),
                verified: verified,
            ),
            Self::Device(device) => object!(out, kind: Word::device, device: device),
            Self::Removal => object!(out, kind: Word::removal),
            _ => object!(out, kind: Word::other),
        }
    }
}
