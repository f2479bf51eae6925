//! What a call changed that concerns groups.

use alloc::vec::Vec;
use core::fmt;

use crate::group::group_id::GroupId;
use crate::person::people_changes::PeopleChanges;

/// What a call changed, to be stored in **one transaction** with what it gave: before a message is sent, and before an arrival
/// is acknowledged. If the transaction fails, drop all of this from memory and restore it.
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "what has changed is to be stored"]
#[non_exhaustive]
pub struct GroupChanges {
    /// The groups.
    pub groups: Vec<GroupId>,
    /// The invitations.
    pub invitations: bool,
    /// What concerns people and their devices.
    pub people: PeopleChanges,
}

impl GroupChanges {
    /// Nothing.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// One group alone.
    pub(crate) fn of_group(group: GroupId) -> Self {
        Self { groups: Vec::from([group]), ..Self::none() }
    }

    /// Adds a group, once.
    pub(crate) fn add_group(&mut self, group: GroupId) {
        if !self.groups.contains(&group) {
            self.groups.push(group);
        }
    }

    /// Adds what changed of people.
    pub(crate) fn add_people(&mut self, later: PeopleChanges) {
        self.people = core::mem::take(&mut self.people).and(later);
    }

    /// This and what a later call changed, to be stored at once.
    pub fn and(mut self, later: Self) -> Self {
        let Self { groups, invitations, people } = later;
        groups.into_iter().for_each(|group| self.add_group(group));
        self.invitations |= invitations;
        self.add_people(people);
        self
    }

    /// Whether anything is to be stored.
    #[must_use]
    pub fn any(&self) -> bool {
        let Self { groups, invitations, people } = self;
        !groups.is_empty() || *invitations || people.any()
    }
}

/// Of groups how many.
impl fmt::Debug for GroupChanges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { groups, invitations, people } = self;
        let mut shown = formatter.debug_struct("GroupChanges");
        shown.field("groups", &groups.len()).field("invitations", invitations);
        shown.field("people", people).finish()
    }
}
