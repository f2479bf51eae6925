//! What is different once another roster counts.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::group::group_event::GroupChange;
use crate::group::one_group::Group;
use crate::group::role::{Role, SetsTimer};
use crate::wire::roster::{MemberFields, OwnerBytes, side_by_side};

/// What the roster that counts says: taken before something is done by which another one may.
pub(crate) struct Before {
    hash: [u8; 32],
    members: Vec<MemberFields>,
    /// Who of them has left, and is to be dropped.
    left: BTreeSet<OwnerBytes>,
    about: [u8; 32],
    sets_timer: SetsTimer,
}

impl Before {
    pub(crate) fn of(group: &Group) -> Self {
        let head = group.head();
        let members = head.fields.members.clone();
        let left = group.left.keys().filter(|owner| group.has_left(owner)).copied().collect();
        let sets_timer = SetsTimer::of(head);
        Self { hash: *head.hash(), members, left, about: head.fields.about, sets_timer }
    }

    /// What is different; `None` if the same roster counts.
    pub(crate) fn change(&self, group: &Group) -> Option<GroupChange> {
        let head = group.head();
        if *head.hash() == self.hash {
            return None;
        }
        let (mut came, mut went, mut roles) = (Vec::new(), Vec::new(), Vec::new());
        for (was, is) in side_by_side(&self.members, &head.fields.members) {
            match (was, is) {
                // Who has left gets nothing though the roster has them: nobody came, and that they go again is no news either.
                (None, Some(is)) if group.has_left(&is.owner) => {}
                (None, Some(is)) => came.push(is.owner),
                (Some(was), None) => went.push(was.owner),
                (Some(was), Some(is)) if was.is_admin != is.is_admin => {
                    roles.push((is.owner, Role::of(is)));
                }
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        let left = went.iter().filter(|owner| self.left.contains(*owner)).copied().collect();
        let sets_timer = SetsTimer::of(head);
        Some(GroupChange {
            epoch: head.fields.epoch,
            by: head.fields.signer,
            came,
            went,
            left,
            roles,
            about: head.fields.about != self.about,
            sets_timer: Some(sets_timer).filter(|it| *it != self.sets_timer),
        })
    }
}
