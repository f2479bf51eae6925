//! What a message or a part waits for, by its name.

use alloc::vec::Vec;
use core::fmt;

use crate::person::person_event::PersonEvent;
use crate::shown_bytes::Hex;

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum MissingKind {
    /// The list of the person whose device sent it. It comes with what that device writes, or is fetched.
    List,
    /// A roster of the group.
    Roster,
    /// A chain of the device that sent it.
    Chain,
}

/// What is missing to act on something: keep that, and offer it again when what is heard
/// [unblocks](crate::group::Unblocked) this.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Missing {
    /// What it is.
    pub kind: MissingKind,
    /// Its name, of 8 bytes.
    pub tag: [u8; 8],
    /// The sending device's member tag.
    pub device: [u8; 8],
}

/// What is newly held.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Unblocked {
    /// A list that names the device of this member tag.
    List([u8; 8]),
    /// The roster of this tag.
    Roster([u8; 8]),
    /// The chain of this tag.
    Chain([u8; 8]),
    /// The secret of the rosters whose seal begins so: what was [undecryptable](crate::group::GroupDecryptError::Undecryptable)
    /// is to be offered again.
    Secret([u8; 8]),
}

impl Unblocked {
    /// What lists unblock that were adopted: also those that were fetched, or came otherwise.
    #[must_use]
    pub fn of_people(events: &[PersonEvent]) -> Vec<Self> {
        let came = events.iter().filter_map(|event| {
            if let PersonEvent::Adopted { came, .. } = event { Some(came) } else { None }
        });
        came.flatten().map(|device| Self::List(device.identity.member_tag().0)).collect()
    }
}

impl Missing {
    /// Whether this is what it waits for.
    #[must_use]
    pub fn is_unblocked_by(&self, unblocked: &Unblocked) -> bool {
        let found = match unblocked {
            Unblocked::List(tag) => (MissingKind::List, tag),
            Unblocked::Roster(tag) => (MissingKind::Roster, tag),
            Unblocked::Chain(tag) => (MissingKind::Chain, tag),
            Unblocked::Secret(_) => return false,
        };
        found == (self.kind, &self.tag)
    }
}

impl fmt::Display for MissingKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::List => "the sender's device list",
            Self::Roster => "a roster of the group",
            Self::Chain => "a chain of the sender",
        })
    }
}

impl fmt::Debug for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, tag, device } = self;
        let mut shown = formatter.debug_struct("Missing");
        shown.field("kind", kind).field("tag", &format_args!("{}", Hex(tag)));
        shown.field("device", &format_args!("{}", Hex(device))).finish()
    }
}

impl fmt::Debug for Unblocked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, tag) = match self {
            Self::List(tag) => ("List", tag),
            Self::Roster(tag) => ("Roster", tag),
            Self::Chain(tag) => ("Chain", tag),
            Self::Secret(tag) => ("Secret", tag),
        };
        formatter.debug_tuple(name).field(&format_args!("{}", Hex(tag))).finish()
    }
}
