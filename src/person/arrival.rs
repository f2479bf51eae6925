//! A message whose parts are acted on: from whom it is, and what has come of it so far.

use alloc::vec::Vec;

use crate::expiry::age::Age;
use crate::expiry::effects::DeviceEvent;
use crate::identity::Device;
use crate::person::contacts::Contacts;
use crate::person::group_part::GroupPart;
use crate::person::other_person::Person;
use crate::person::our_devices::OwnDevices;
use crate::person::people_changes::PeopleChanges;
use crate::person::person_event::{PartRefusal, PersonEvent};
use crate::person::standing::Standing;
use crate::time::Timestamp;

/// Whom a sender's device is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    Ours,
    /// The person at this place.
    Of(usize),
    Alone,
}

/// A message whose parts are acted on.
pub(crate) struct Arrival<'a> {
    pub(crate) own: &'a mut OwnDevices,
    pub(crate) contacts: &'a mut Contacts,
    /// Where its peer is.
    pub(crate) place: usize,
    pub(crate) device: Device,
    pub(crate) now: Timestamp,
    /// How many lists may still be verified.
    pub(crate) lists_left: u32,
    /// How many of own devices' events may still be acted on.
    pub(crate) events_left: usize,
    pub(crate) events: Vec<PersonEvent>,
    /// What own devices tell the scheduler.
    pub(crate) told: Vec<(DeviceEvent, Age)>,
    pub(crate) copy_of: Option<[u8; 64]>,
    pub(crate) group_parts: Vec<GroupPart>,
    pub(crate) skipped_parts: Vec<u8>,
    pub(crate) changes: PeopleChanges,
}

impl Arrival<'_> {
    /// Of our own person first, then of the first who lists it or lately did.
    pub(crate) fn sender(&self) -> (Sender, Standing) {
        let own = self.own.person.standing(&self.device, self.now);
        if own.counts() {
            return (Sender::Ours, own);
        }
        match self.contacts.standing(&self.device, self.now) {
            Some((place, other)) if other.counts() || own == Standing::Alone => {
                (Sender::Of(place), other)
            }
            _ if own == Standing::Removed => (Sender::Ours, own),
            _ => (Sender::Alone, Standing::Alone),
        }
    }

    pub(crate) fn person(&self, sender: Sender) -> Option<&Person> {
        match sender {
            Sender::Ours => Some(&self.own.person),
            Sender::Of(place) => self.contacts.people.get(place),
            Sender::Alone => None,
        }
    }

    pub(crate) fn is_accepted(&self) -> bool {
        self.contacts.peers.get(self.place).is_some_and(|peer| peer.contact().is_accepted())
    }

    pub(crate) fn change(&mut self, later: PeopleChanges) {
        self.changes = core::mem::take(&mut self.changes).and(later);
    }

    /// The person of whom the sender is a device, or was one lately; of one that is alone the one that it owns. `None` of our
    /// own.
    pub(crate) fn other_person(&self, sender: Sender) -> Option<&Person> {
        match sender {
            Sender::Ours => None,
            Sender::Of(place) => self.contacts.people.get(place),
            Sender::Alone => self.contacts.person(&self.device.identity),
        }
    }

    /// Gives the standing of a sender that counts as our own person. After a restore none does, until it is known which
    /// list is the right one.
    pub(crate) fn own_standing(&self) -> Result<Standing, PartRefusal> {
        let standing = self.own.person.standing(&self.device, self.now);
        let is_in_question = self.own.put_back || self.own.unconfirmed.contains(&self.device);
        if standing.counts() && !is_in_question { Ok(standing) } else { Err(PartRefusal::NotOwn) }
    }
}
