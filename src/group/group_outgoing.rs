//! What is to be sent for a group.

use alloc::vec::Vec;
use core::fmt;

#[cfg(feature = "serde")]
use crate::byte_string;
use crate::group::group_changes::GroupChanges;
use crate::group::group_event::GroupEvent;
use crate::identity::Address;
use crate::person::fan_out::{AddressedMessage, Unreached};
use crate::report::evidence::Evidence;

/// The same bytes for all devices of a group. The evidence is as secret as the payload: keep it with that, or drop it.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Broadcast {
    /// The devices that it is for, in order of their addresses; those among them that were not reached with a chain ask for it.
    pub to: Vec<Address>,
    /// Its bytes.
    #[cfg_attr(feature = "serde", serde(with = "byte_string"))]
    pub message: Vec<u8>,
    /// What proves it to a moderator, for one's own side of a report; `None` of what has nothing to show.
    ///
    /// serde leaves it out, as this value goes into outboxes: store [`Evidence`] with the payload.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub evidence: Option<Evidence>,
}

/// What came of a call: what is to be sent, and what is to be shown. Store what changed and all messages in one transaction,
/// then send the messages to single devices before the broadcasts, so that nobody has to wait for a chain; any other order
/// comes to the same.
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "what has changed is to be stored"]
#[non_exhaustive]
pub struct GroupOutgoing {
    /// What became known by it, in the order in which it happened: show it before what the call itself says, as with the
    /// events of what comes. On the owner's device of an admin nearly every call may sign what is due for others, so that
    /// members change by a message that only says hello. What the user changed is among it too.
    pub events: Vec<GroupEvent>,
    /// To single devices: rosters, chains, what they asked for. They come like any other message, and have nothing to show.
    pub pairwise: Vec<AddressedMessage>,
    /// To all: of [`InGroup::encrypt`](crate::group::InGroup::encrypt) the message is the last; before it may stand what the user
    /// signed as an admin.
    pub broadcasts: Vec<Broadcast>,
    /// To whom something is due that did not get through, in order of address. It stays due: mend the reason, and
    /// [`InGroup::catch_up`](crate::group::InGroup::catch_up), or it goes with the next message.
    pub unreached: Vec<Unreached>,
    /// What it changed.
    pub changes: GroupChanges,
}

impl GroupOutgoing {
    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairwise.is_empty() && self.broadcasts.is_empty()
    }

    /// This and what a later call gave, to be shown and sent in this order.
    pub fn and(mut self, later: Self) -> Self {
        if self == Self::default() {
            return later;
        }
        let Self { events, pairwise, broadcasts, unreached, changes } = later;
        self.events.extend(events);
        self.pairwise.extend(pairwise);
        self.broadcasts.extend(broadcasts);
        // The later call says how it stands.
        self.unreached.retain(|it| !unreached.iter().any(|later| later.to == it.to));
        self.unreached.extend(unreached);
        self.unreached.sort_by(|one, other| one.to.cmp(&other.to));
        self.changes = core::mem::take(&mut self.changes).and(changes);
        self
    }
}

/// To how many, how long, and nothing of its bytes.
impl fmt::Debug for Broadcast {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { to, message, evidence: _ } = self;
        let mut shown = formatter.debug_struct("Broadcast");
        shown.field("to", &to.len()).field("message_length", &message.len());
        shown.finish_non_exhaustive()
    }
}

/// How much of each.
impl fmt::Debug for GroupOutgoing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, pairwise, broadcasts, unreached, changes } = self;
        let mut shown = formatter.debug_struct("GroupOutgoing");
        shown.field("events", &events.len());
        shown.field("pairwise", &pairwise.len()).field("broadcasts", &broadcasts.len());
        shown.field("unreached", &unreached.len()).field("changes", changes).finish()
    }
}
