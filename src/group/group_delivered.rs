//! A message to a group that has opened, and what came of it.

use alloc::vec::Vec;
use core::fmt;

use crate::group::group_changes::GroupChanges;
use crate::group::group_event::GroupEvent;
use crate::group::group_id::GroupId;
use crate::group::missing::Unblocked;
use crate::identity::{Device, IdentityKey};
use crate::person::person_event::PersonEvent;
use crate::person::standing::Standing;
use crate::session::decrypting::Received;
use crate::wire::stamp::MemberTag;

/// A message to a group that has opened. Store what changed and what it says in one transaction, then acknowledge it.
#[derive(Clone, PartialEq, Eq)]
#[must_use = "what has changed is to be stored"]
#[non_exhaustive]
pub struct GroupDelivered {
    /// The message itself: deliver its body whatever the rest is.
    pub received: Received,
    /// The group.
    pub group: GroupId,
    /// The device that it is from.
    pub device: Device,
    /// What that device is to its person: show it beside the message, unless it is *listed*.
    pub standing: Standing,
    /// The owner of the person that it is from.
    pub person: IdentityKey,
    /// Whether it is from another device of the user's: show it as one's own.
    pub is_own: bool,
    /// Whether it is from a device in our own person's list of which the user has not said that it is theirs.
    pub is_unconfirmed: bool,
    /// Whether its author may change the timer now. If not, tell the scheduler:
    /// [`NewMessage::by_one_who_may_not_set`](crate::expiry::NewMessage::by_one_who_may_not_set).
    pub may_set_timer: bool,
    /// Whether its author may take back what others wrote: admins may. See the page of [`group`](crate::group).
    pub may_take_back: bool,
    /// The hash of the roster under which it was sent.
    pub roster: [u8; 32],
    /// What became known of the group.
    pub events: Vec<GroupEvent>,
    /// What became known of people's devices.
    pub people: Vec<PersonEvent>,
    /// What is newly held: offer again what [waits](crate::group::HeldMessages) for it.
    pub unblocks: Vec<Unblocked>,
    /// Whether it is of the library's own: the body is empty, and parts came. An empty body without parts is a stamp alone, as
    /// where somebody sets the timer: there is no text to show either.
    pub is_control: bool,
    /// The types of parts that have no place in a message to a group, or that this release does not know.
    pub skipped_parts: Vec<u8>,
    /// What it changed.
    pub changes: GroupChanges,
}

impl GroupDelivered {
    /// Who wrote it, as stamps and a scheduler name authors.
    #[must_use]
    pub fn author(&self) -> MemberTag {
        let person = if self.is_unconfirmed { self.device.identity } else { self.person };
        person.member_tag()
    }
}

/// How long the body is, and nothing of what it says.
impl fmt::Debug for GroupDelivered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { received, group, device, standing, events, .. } = self;
        let mut shown = formatter.debug_struct("GroupDelivered");
        shown.field("body_length", &received.body.len()).field("group", group);
        shown.field("device", device).field("standing", standing);
        shown.field("events", &events.len()).finish_non_exhaustive()
    }
}
