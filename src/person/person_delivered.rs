//! A message from a device of a person, and what came with it.

use alloc::vec::Vec;
use core::fmt;

use crate::expiry::age::Age;
use crate::expiry::effects::{DeviceEvent, Effects};
use crate::expiry::scheduler::ExpiryScheduler;
use crate::identity::{Device, IdentityKey};
use crate::peer::delivery::Delivered;
use crate::person::group_part::GroupPart;
use crate::person::people_changes::PeopleChanges;
use crate::person::person_event::PersonEvent;
use crate::person::standing::Standing;
use crate::time::Now;
use crate::wire::stamp::MemberTag;

/// A message that has opened, from whom it is, and what came with it. Store what changed and what it says in one
/// transaction, then acknowledge it.
#[derive(Clone, PartialEq, Eq)]
#[must_use = "what has changed is to be stored"]
#[non_exhaustive]
pub struct PersonDelivered {
    /// The message itself: deliver its body whatever the rest is.
    pub delivered: Delivered,
    /// The device that it is from.
    pub device: Device,
    /// What that device is, after all that came with it: show it beside the message, unless it is *listed* or *alone*.
    pub standing: Standing,
    /// The owner of the person that it is of, if it is of one; of a device that was removed lately, whose it was. Look at
    /// the standing before anything is shown as theirs, and name authors by [`PersonDelivered::author`], not by what
    /// `delivered` says, which is the device alone.
    pub person: Option<IdentityKey>,
    /// Whether it stands in our own person's list, but the user has not said that it is theirs
    /// ([`OwnDevices::unconfirmed`](crate::person::OwnDevices::unconfirmed)): show nothing of it as one's own.
    pub is_unconfirmed: bool,
    /// Whether its person, or those of their devices of which anything was decided, were
    /// [refused](crate::person::Contacts::refuse), and this device was not known to be of them before: show nothing of it.
    pub is_refused: bool,
    /// What became known of people's devices, and what was decided of people on own ones.
    pub events: Vec<PersonEvent>,
    /// What own devices tell of messages and timers, each with how long before this message it happened:
    /// [`PersonDelivered::note_in`] takes it to the scheduler.
    pub told: Vec<(DeviceEvent, Age)>,
    /// The owner of whom the message was sent to, if it is a copy from an own device, in 64 bytes as that device says
    /// it ([`IdentityKey::encode`]): show it in that conversation, as one's own.
    pub copy_of: Option<[u8; 64]>,
    /// Whether there is nothing to show: the body is empty, and only parts came.
    pub is_control: bool,
    /// What came with it of groups: [`Groups::hear`](crate::group::Groups::hear) acts on it.
    pub group_parts: Vec<GroupPart>,
    /// The types of parts that this release does not know, and skipped.
    pub skipped_parts: Vec<u8>,
    /// What it changed.
    pub changes: PeopleChanges,
}

impl PersonDelivered {
    /// Tells the scheduler what own devices told: call it for each message, before anything is shown of it. `age` is that
    /// of the message, since it was handed to the carrier. Store what it gives in the same transaction.
    pub fn note_in(&self, expiry: &mut ExpiryScheduler, age: Age, now: Now) -> Effects {
        self.told.iter().fold(Effects::default(), |effects, (event, ago)| {
            let age = Age::trusted(age.duration().saturating_add(ago.duration()));
            effects.and(expiry.told_by_own_device(*event, age, now))
        })
    }

    /// Who wrote it, as stamps and a scheduler name authors: the tag of the person's owner, so that whatever one device of
    /// theirs has written another may edit and take back. A device that does not count as the person, or is
    /// unconfirmed, has its own tag.
    #[must_use]
    pub fn author(&self) -> MemberTag {
        let person = self.person.filter(|_| self.standing.counts() && !self.is_unconfirmed);
        person.unwrap_or(self.device.identity).member_tag()
    }
}

/// How long the body is, and nothing of what it says.
impl fmt::Debug for PersonDelivered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { delivered, device, standing, events, .. } = self;
        let mut shown = formatter.debug_struct("PersonDelivered");
        shown.field("body_length", &delivered.received.body.len()).field("device", device);
        shown.field("standing", standing).field("events", &events.len()).finish_non_exhaustive()
    }
}
