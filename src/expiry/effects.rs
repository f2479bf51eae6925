//! What an event brings about: what is to be stored, shown and passed on.

use alloc::vec::Vec;

use crate::expiry::message_id::{ConversationId, MessageId};
use crate::expiry::parts::Parts;
use crate::expiry::record::RecordWrite;
use crate::wire::stamp::Setting;

/// What an event brings about. **Store the writes in one transaction with your own rows**, and only then show,
/// send or acknowledge; if the transaction fails, drop the scheduler and restore it from what is stored.
#[derive(Default, PartialEq, Eq)]
#[must_use = "what has changed is to be stored"]
#[non_exhaustive]
pub struct Effects {
    /// Rows to be written or deleted, in this order. An application that stores the scheduler whole
    /// ([`ExpiryScheduler::snapshot`](crate::expiry::ExpiryScheduler::snapshot)) does so whenever there are any.
    pub writes: Vec<RecordWrite>,
    /// What the screen or the user is to be told.
    pub events: Vec<ExpiryEvent>,
    /// What own other devices are to be told: [`Recipients::tell_events`](crate::person::Recipients::tell_events), or
    /// messages of the application's own.
    pub tell: Vec<DeviceEvent>,
}

/// What the screen or the user is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub enum ExpiryEvent {
    /// A conversation's setting is another now.
    SettingChanged {
        /// Of which conversation.
        conversation: ConversationId,
        /// What it superseded. If that was made here and nobody had seen it, tell the user.
        #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
        previous: Option<Setting>,
        /// What holds now.
        setting: Setting,
    },
    /// A setting that came was not adopted. The message that brought it lives by that and by ours, whichever ends
    /// it first.
    SettingRefused {
        /// Of which conversation.
        conversation: ConversationId,
        /// What was not adopted.
        setting: Setting,
        /// Why.
        refusal: SettingRefusal,
    },
    /// An own device deleted a message that is not held here: it has no end, or has not come. If it is here,
    /// delete it; if it comes, it is [`Verdict::Late`](crate::expiry::Verdict::Late).
    DeletedElsewhere {
        /// Which message.
        id: MessageId,
    },
    /// An own device has read a message, whether it has an end or not: it is unread here no more, and its notification
    /// goes. Of one that is not here yet it is said once, and again when it comes.
    ReadElsewhere {
        /// Which message.
        id: MessageId,
    },
    /// Who wrote does not know the setting that holds. The next message tells; if none is about to be sent, send
    /// an empty one; but none to a peer whose request has not been accepted. Said once an hour at most.
    EchoDue {
        /// Of which conversation.
        conversation: ConversationId,
    },
}

/// Why a setting was not adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum SettingRefusal {
    /// Its version is more than 2^20 above ours: no honest peer comes there, and it could never be changed again.
    VersionJump,
    /// The application says that its author may not change the setting.
    MayNotSet,
}

/// What happened to a message on one of several own devices, for the others: give it to
/// [`ExpiryScheduler::told_by_own_device`](crate::expiry::ExpiryScheduler::told_by_own_device) there, with how long
/// ago it was told here. Messages and conversations must have the same ids on all own devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum DeviceEvent {
    /// It was read, and its media was there: its clock runs.
    Read(MessageId),
    /// It was read and has no end: no clock runs.
    Seen(MessageId),
    /// It was opened, so often in all.
    Opened(MessageId, u8),
    /// It was deleted.
    Deleted(MessageId),
    /// It has been sent.
    Sent(MessageId),
    /// A conversation with messages that end then was closed.
    Closed(ConversationId),
    /// A conversation's setting was changed.
    Setting(ConversationId, Setting),
}

/// A message of which something is to be deleted: all that is kept of it, or a part without which it lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Due {
    /// Which message.
    pub id: MessageId,
    /// Of which conversation.
    pub conversation: ConversationId,
    /// What of it: delete these and nothing else. Then confirm with
    /// [`ExpiryScheduler::done`](crate::expiry::ExpiryScheduler::done), in the transaction that deletes.
    pub parts: Parts,
    /// Whether the message itself has ended. If not, it lives on without these: a log for sending it again
    /// that has grown old, a quote of a message that has ended.
    pub ended: bool,
    /// Whether it is ours and was never sent, as far as this device knows: if it has ended so, tell the user.
    pub unsent: bool,
}

/// What has come due.
#[derive(Default, PartialEq, Eq)]
#[must_use = "what is due is to be deleted"]
#[non_exhaustive]
pub struct Poll {
    /// What is to be deleted, the earliest first.
    pub due: Vec<Due>,
    /// What is to be stored, with the deletions or before them.
    pub effects: Effects,
}

impl Effects {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { writes, events, tell } = self;
        writes.is_empty() && events.is_empty() && tell.is_empty()
    }

    /// These and those of a later call, to be stored at once.
    pub fn and(mut self, later: Self) -> Self {
        let Self { writes, events, tell } = later;
        self.writes.extend(writes);
        self.events.extend(events);
        self.tell.extend(tell);
        self
    }
}

/// How many there are of each, whatever came about.
impl core::fmt::Debug for Effects {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { writes, events, tell } = self;
        let mut shown = formatter.debug_struct("Effects");
        shown.field("writes", &writes.len()).field("events", &events.len());
        shown.field("tell", &tell.len()).finish()
    }
}

/// How much is due.
impl core::fmt::Debug for Poll {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { due, effects } = self;
        let mut shown = formatter.debug_struct("Poll");
        shown.field("due", &due.len()).field("effects", effects).finish()
    }
}
