//! What own devices tell: copies of what they sent, and what happened there.

use crate::expiry::age::Age;
use crate::identity::{Device, IdentityKey};
use crate::person::arrival::Arrival;
use crate::person::decisions::{Comparison, ContactDecision, Decided, Decisions, HearError};
use crate::person::other_person::Person;
use crate::person::own_event::{OwnEvent, decode_events};
use crate::person::person_event::{PartRefusal, PersonEvent};
use crate::person::standing::Standing;

impl Arrival<'_> {
    pub(crate) fn take_copy(&mut self, bytes: &[u8]) -> Result<(), PartRefusal> {
        self.own_standing()?;
        self.copy_of = bytes.first_chunk().copied();
        Ok(())
    }

    /// Whom an own device writes to is a contact, unless something else was decided. One whose list has expired decides
    /// nothing so either.
    pub(crate) fn know_recipient(&mut self) {
        let copy_of = self.copy_of.filter(|_| self.own_standing() == Ok(Standing::Listed));
        let owner = copy_of.and_then(|owner| IdentityKey::decode(&owner).ok());
        let decision = |owner: &IdentityKey| self.contacts.person(owner).and_then(Person::decision);
        if let Some(owner) = owner.filter(|owner| decision(owner).is_none()) {
            let contact = Some(Decided::first(ContactDecision::Accepted));
            let first = Decisions { contact, ..Decisions::NONE };
            // The copy itself says it: there is no event; nor is one of somebody too many refused.
            let heard = self.contacts.hear_decisions(self.own, &owner, &first, self.now);
            heard.into_iter().for_each(|(_, changes)| self.change(changes));
        }
    }

    /// What an own device tells: of contacts it holds at once, the rest is for the scheduler.
    pub(crate) fn take_events(&mut self, bytes: &[u8]) -> Result<(), PartRefusal> {
        let standing = self.own_standing()?;
        let events = decode_events(bytes, &mut self.events_left);
        let events = events.map_err(|_| PartRefusal::Malformed)?;
        let mut refused = Ok(());
        for (event, age) in events {
            refused = refused.and(self.take_event(event, age, standing));
        }
        refused
    }

    fn take_event(
        &mut self,
        event: OwnEvent,
        age: Age,
        standing: Standing,
    ) -> Result<(), PartRefusal> {
        // Since the list expired, it may have been removed: who decides is not known.
        let may_decide =
            if standing == Standing::Listed { Ok(()) } else { Err(PartRefusal::NotOwn) };
        match event {
            OwnEvent::Expiry(event) => self.told.push((event, age)),
            OwnEvent::Removal => self.tell_removal_asked(),
            OwnEvent::Contact { owner, version, decision } => {
                may_decide?;
                let contact = Some(Decided { version, decision });
                return self.hear(&owner, &Decisions { contact, ..Decisions::NONE });
            }
            OwnEvent::Verification { owner, version, verified } => {
                may_decide?;
                let comparison = Some(Decided { version, decision: Comparison::of(verified) });
                return self.hear(&owner, &Decisions { comparison, ..Decisions::NONE });
            }
            OwnEvent::Device(device) => {
                may_decide?;
                self.tell_known(device);
            }
        }
        Ok(())
    }

    fn hear(&mut self, owner: &IdentityKey, heard: &Decisions) -> Result<(), PartRefusal> {
        let heard = self.contacts.hear_decisions(self.own, owner, heard, self.now);
        let (event, changes) = heard.map_err(|error| match error {
            HearError::VersionJump => PartRefusal::VersionJump,
            HearError::TooManyPeople => PartRefusal::TooManyPeople,
        })?;
        self.events.extend(event);
        self.change(changes);
        Ok(())
    }

    fn tell_known(&mut self, device: Device) {
        if self.contacts.may_be_pinned(self.own, &device, self.now) {
            self.events.push(PersonEvent::Known(device));
        }
    }

    /// Once for a message, where somebody can do it.
    fn tell_removal_asked(&mut self) {
        let asked = PersonEvent::RemovalAsked { device: self.device.clone() };
        if self.own.is_owner() && !self.events.contains(&asked) {
            self.events.push(asked);
        }
    }
}
