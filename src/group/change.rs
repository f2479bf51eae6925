//! What an admin changes.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

use crate::group::changing::RosterChange;
use crate::group::members::Member;
use crate::group::role::{Role, SetsTimer};
use crate::identity::IdentityKey;

/// What another roster is to change: [`InGroup::change`](crate::group::InGroup::change) signs it. Several are one with
/// [`Change::and`].
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "nothing changes before it is signed"]
pub struct Change(pub(crate) RosterChange);

impl Change {
    /// Somebody comes in, as a member. They read nothing from before.
    pub fn add(owner: &IdentityKey) -> Self {
        let add = BTreeMap::from([(owner.encode(), false)]);
        Self(RosterChange { add, ..RosterChange::default() })
    }

    /// Somebody goes. From the first message after it of each who knows, they read nothing.
    pub fn remove(member: &Member) -> Self {
        let remove = BTreeSet::from([member.owner]);
        Self(RosterChange { remove, ..RosterChange::default() })
    }

    /// Somebody has this role from now on. Of admins those who became it earlier are senior: nobody else can take it from
    /// them.
    pub fn role(member: &Member, role: Role) -> Self {
        let roles = BTreeMap::from([(member.owner, role == Role::Admin)]);
        Self(RosterChange { roles, ..RosterChange::default() })
    }

    /// Another title and picture, in at most 4,096 bytes of the application's own.
    pub fn about(about: impl Into<Vec<u8>>) -> Self {
        Self(RosterChange { about: Some(about.into()), ..RosterChange::default() })
    }

    /// Who may change the timer from now on.
    pub fn sets_timer(who: SetsTimer) -> Self {
        Self(RosterChange { sets_timer: Some(who), ..RosterChange::default() })
    }

    /// Both at once, by one roster. What the later one says of the same counts.
    pub fn and(self, later: Self) -> Self {
        let Self(mut change) = self;
        let Self(RosterChange { add, roles, remove, about, sets_timer }) = later;
        change.add.extend(add);
        change.roles.extend(roles);
        change.remove.extend(remove);
        change.about = about.or(change.about);
        change.sets_timer = sets_timer.or(change.sets_timer);
        Self(change)
    }
}

/// Of people how many.
impl fmt::Debug for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(RosterChange { add, roles, remove, about, sets_timer }) = self;
        let mut shown = formatter.debug_struct("Change");
        shown.field("add", &add.len()).field("roles", &roles.len()).field("remove", &remove.len());
        shown.field("about", &about.is_some()).field("sets_timer", sets_timer).finish()
    }
}
