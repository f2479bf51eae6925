//! What somebody may do in a group.

use crate::group::signed_roster::Roster;
use crate::wire::roster::{MEMBERS_SET_TIMER, MemberFields};

/// What somebody is in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Role {
    /// Writes and reads.
    Member,
    /// Signs rosters too.
    Admin,
}

/// Who may change a group's timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SetsTimer {
    /// Admins alone.
    Admins,
    /// All members.
    Members,
}

impl SetsTimer {
    pub(crate) fn of(roster: &Roster) -> Self {
        let may_members = roster.fields.rights & MEMBERS_SET_TIMER != 0;
        if may_members { Self::Members } else { Self::Admins }
    }

    /// The bits of rights.
    pub(crate) fn bits(self) -> u8 {
        match self {
            Self::Admins => 0,
            Self::Members => MEMBERS_SET_TIMER,
        }
    }
}

impl Role {
    pub(crate) fn of(fields: &MemberFields) -> Self {
        if fields.is_admin { Self::Admin } else { Self::Member }
    }
}
