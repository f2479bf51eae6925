//! What became known of a group.

use alloc::vec::Vec;
use core::fmt;

use crate::group::group_id::GroupId;
use crate::group::part_heard::PartError;
use crate::group::role::{Role, SetsTimer};
use crate::identity::Device;
use crate::shown_bytes::ShortHex;

/// What became known of a group, to be shown. People are named by their owners, in 64 bytes.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupEvent {
    /// The user is invited: "Anna invites you to Hiking", and to a group that is held: "invites you again", after they were
    /// away longer than rosters are kept, or came in by one that lost. That is told when the user is to be asked, which may be
    /// days after it came, by whatever call makes it so. [`Groups::join`](crate::group::Groups::join) accepts.
    Invited {
        /// The group.
        group: GroupId,
        /// Who invites.
        by: Device,
        /// Whether the group is held.
        again: bool,
    },
    /// Another roster counts: it came, or was signed here, for the user or for what was due for others.
    Changed {
        /// The group.
        group: GroupId,
        /// What is different.
        change: GroupChange,
    },
    /// Somebody left: they get nothing any more, and the next roster drops them. Of the user: by their call, or on another own
    /// device.
    Left {
        /// The group.
        group: GroupId,
        /// Who.
        owner: [u8; 64],
    },
    /// A part was refused alone; nothing to show.
    Refused {
        /// Its type.
        part: u8,
        /// Why.
        reason: PartError,
    },
}

/// What is different since another roster counts. It compares two rosters, and does not tell a story: where two admins acted at
/// the same time, what one of them did is taken back by the roster of the other, who may have changed the title alone. It may be
/// empty, where both came to the same.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupChange {
    /// The epoch of the roster that counts now.
    pub epoch: u32,
    /// Who signed the roster that counts: of what it takes back they may know nothing.
    pub by: [u8; 64],
    /// Who is in it and was not before; but nobody who had left, whom a roster has again that was signed without knowing of it.
    pub came: Vec<[u8; 64]>,
    /// Who is not in it any more: removed, or dropped after they left.
    pub went: Vec<[u8; 64]>,
    /// Who of these had left, as was heard here before ([`GroupEvent::Left`]): that they went is no news then, and whoever signed
    /// it did not remove them. All others were removed, or their leaving has not come: who signed it may have removed nobody.
    pub left: Vec<[u8; 64]>,
    /// Who has another role.
    pub roles: Vec<([u8; 64], Role)>,
    /// Whether title or picture are others.
    pub about: bool,
    /// Who may change the timer, if that is different.
    pub sets_timer: Option<SetsTimer>,
}

/// People by the first bytes of their owners.
impl fmt::Debug for GroupEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invited { group, by, again } => {
                let mut shown = formatter.debug_struct("Invited");
                shown.field("group", group).field("by", by).field("again", again).finish()
            }
            Self::Changed { group, change } => {
                let mut shown = formatter.debug_struct("Changed");
                shown.field("group", group).field("change", change).finish()
            }
            Self::Left { group, owner } => {
                let mut shown = formatter.debug_struct("Left");
                shown.field("group", group).field("owner", &ShortHex::of(owner)).finish()
            }
            Self::Refused { part, reason } => {
                let mut shown = formatter.debug_struct("Refused");
                shown.field("part", part).field("reason", reason).finish()
            }
        }
    }
}

/// Who signed it, and of people how many.
impl fmt::Debug for GroupChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, by, came, went, left, roles, about, sets_timer } = self;
        let mut shown = formatter.debug_struct("GroupChange");
        shown.field("epoch", epoch).field("by", &ShortHex::of(by));
        shown.field("came", &came.len()).field("went", &went.len()).field("left", &left.len());
        shown
            .field("roles", &roles.len())
            .field("about", about)
            .field("sets_timer", sets_timer)
            .finish()
    }
}
