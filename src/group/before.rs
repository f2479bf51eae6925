//! What is different once another roster counts.

use alloc::vec::Vec;

use crate::group::group_event::GroupChange;
use crate::group::one_group::Group;
use crate::group::role::{Role, SetsTimer};
use crate::wire::roster::OwnerBytes;

/// What the roster that counts says: taken before something is done by which another one may.
pub(crate) struct Before {
    hash: [u8; 32],
    members: Vec<(OwnerBytes, bool)>,
    about: [u8; 32],
    sets_timer: SetsTimer,
}

impl Before {
    pub(crate) fn of(group: &Group) -> Self {
        let head = group.head();
        let members = head.fields.members.iter().map(|it| (it.owner, it.is_admin)).collect();
        let sets_timer = SetsTimer::of(head);
        Self { hash: *head.hash(), members, about: head.fields.about, sets_timer }
    }

    /// What is different; `None` if the same roster counts.
    pub(crate) fn change(&self, group: &Group) -> Option<GroupChange> {
        let head = group.head();
        if *head.hash() == self.hash {
            return None;
        }
        let find = |owner: &OwnerBytes| {
            let place = self.members.binary_search_by(|(member, _)| member.cmp(owner)).ok()?;
            self.members.get(place).map(|(_, is_admin)| *is_admin)
        };
        let members = head.fields.members.iter();
        let came = members.clone().filter(|it| find(&it.owner).is_none()).map(|it| it.owner);
        let went = self.members.iter().map(|(owner, _)| *owner).filter(|owner| !head.has(owner));
        let roles = members.filter(|it| find(&it.owner).is_some_and(|was| was != it.is_admin));
        let sets_timer = SetsTimer::of(head);
        Some(GroupChange {
            epoch: head.fields.epoch,
            by: head.fields.signer,
            came: came.collect(),
            went: went.collect(),
            roles: roles.map(|it| (it.owner, Role::of(it))).collect(),
            about: head.fields.about != self.about,
            sets_timer: Some(sets_timer).filter(|it| *it != self.sets_timer),
        })
    }
}
