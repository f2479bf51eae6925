//! What own devices tell: copies of what they sent, and what happened there.

use crate::expiry::age::Age;
use crate::identity::{Device, IdentityKey};
use crate::peer::other_device::Peer;
use crate::person::arrival::Arrival;
use crate::person::decisions::{Comparison, ContactDecision, Decided, Decisions, VersionJump};
use crate::person::other_person::Person;
use crate::person::own_event::{OwnEvent, decode_events};
use crate::person::person_event::{PartRefusal, PersonEvent};

impl Arrival<'_> {
    /// Whom an own device writes to is a contact.
    pub(crate) fn take_copy(&mut self, bytes: &[u8]) -> Result<(), PartRefusal> {
        self.check_own()?;
        self.copy_of = bytes.first_chunk().copied();
        let owner = self.copy_of.and_then(|owner| IdentityKey::decode(&owner).ok());
        let decision = |owner: &IdentityKey| self.contacts.person(owner).and_then(Person::decision);
        match owner.filter(|owner| decision(owner).is_none()) {
            Some(owner) if owner != *self.own.person.owner() => {
                let contact = Some(Decided::first(ContactDecision::Accepted));
                let first = Decisions { contact, ..Decisions::NONE };
                // The copy itself says it: there is no event.
                let heard = self.contacts.hear_decisions(&owner, &first, self.now);
                let (_, changes) = heard.map_err(|VersionJump| PartRefusal::VersionJump)?;
                self.change(changes);
            }
            Some(_) | None => {}
        }
        Ok(())
    }

    /// What an own device tells: of contacts it holds at once, the rest is for the scheduler.
    pub(crate) fn take_events(&mut self, bytes: &[u8]) -> Result<(), PartRefusal> {
        self.check_own()?;
        let events = decode_events(bytes).map_err(|_| PartRefusal::Malformed)?;
        self.events_left =
            self.events_left.checked_sub(events.len()).ok_or(PartRefusal::Malformed)?;
        let mut refused = Ok(());
        for (event, age) in events {
            refused = refused.and(self.take_event(event, age));
        }
        refused
    }

    fn take_event(&mut self, event: OwnEvent, age: Age) -> Result<(), PartRefusal> {
        match event {
            OwnEvent::Expiry(event) => self.told.push((event, age)),
            OwnEvent::Contact { owner, version, decision } => {
                let contact = Some(Decided { version, decision });
                return self.hear(&owner, &Decisions { contact, ..Decisions::NONE });
            }
            OwnEvent::Verification { owner, version, verified } => {
                let comparison = Some(Decided { version, decision: Comparison::of(verified) });
                return self.hear(&owner, &Decisions { comparison, ..Decisions::NONE });
            }
            OwnEvent::Device(device) => self.pin(device),
            OwnEvent::Removal => {
                self.events.push(PersonEvent::RemovalAsked { device: self.device.clone() });
            }
        }
        Ok(())
    }

    fn hear(&mut self, owner: &IdentityKey, heard: &Decisions) -> Result<(), PartRefusal> {
        if owner == self.own.person.owner() {
            return Ok(());
        }
        let heard = self.contacts.hear_decisions(owner, heard, self.now);
        let (event, changes) = heard.map_err(|VersionJump| PartRefusal::VersionJump)?;
        self.events.extend(event);
        self.change(changes);
        Ok(())
    }

    /// Knows a contact's device as the other own device does, unless something else is known of that address or identity.
    fn pin(&mut self, device: Device) {
        let is_known = |peer: &Peer| {
            peer.is_at(&device.address, self.now)
                || peer.contact().identity() == Some(device.identity)
        };
        let is_us = |us: &Device| us.address == device.address || us.identity == device.identity;
        if !is_us(&self.own.us) && !self.contacts.peers.iter().any(is_known) {
            self.changes.add_peer(&device.address);
            self.contacts.peers.push(Peer::pinned(device));
        }
    }
}
