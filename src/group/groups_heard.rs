//! What came of a message's parts that are of groups.

use alloc::vec::Vec;
use core::fmt;

use crate::group::group_changes::GroupChanges;
use crate::group::group_event::GroupEvent;
use crate::group::heard_want::HeardWant;
use crate::group::invitation::InvitingBack;
use crate::group::missing::Unblocked;
use crate::group::part_heard::PartError;
use crate::person::person_event::PersonEvent;
use crate::wire::content_parts::GroupPartKind;

/// What came of the parts of a message that are of groups. Store what changed in one transaction with the message, then
/// acknowledge it.
#[derive(Default)]
#[must_use = "what has changed is to be stored"]
#[non_exhaustive]
pub struct GroupsHeard {
    /// What is to be shown.
    pub events: Vec<GroupEvent>,
    /// What became known of members' devices.
    pub people: Vec<PersonEvent>,
    /// What is newly held: offer again what [waits](crate::group::HeldMessages) for it.
    pub unblocks: Vec<Unblocked>,
    /// What is asked for: [`Groups::respond`](crate::group::Groups::respond) answers.
    pub wants: Vec<HeardWant>,
    /// What it changed.
    pub changes: GroupChanges,
    /// The rosters of the message that invite back.
    pub(crate) inviting: InvitingBack,
}

impl GroupsHeard {
    pub(crate) fn refuse(&mut self, kind: GroupPartKind, reason: PartError) {
        self.events.push(GroupEvent::Refused { part: kind.byte(), reason });
    }
}

/// How much of each came of it.
impl fmt::Debug for GroupsHeard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, people, unblocks, wants, changes, inviting: _ } = self;
        let mut shown = formatter.debug_struct("GroupsHeard");
        shown.field("events", &events.len()).field("people", &people.len());
        shown.field("unblocks", &unblocks.len()).field("wants", &wants.len());
        shown.field("changes", changes).finish()
    }
}
