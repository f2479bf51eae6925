//! Groups of up to a thousand people, whose server can add nobody.

pub(crate) mod asking_fields;
pub(crate) mod group_id;
pub(crate) mod missing;
pub(crate) mod roster_secret;
pub(crate) mod sender_chain;
pub(crate) mod signed_roster;
pub(crate) mod wanted;

pub(crate) mod directory;
pub(crate) mod group_changes;
pub(crate) mod heard_chain;
pub(crate) mod held_secrets;
pub(crate) mod message_sealing;
pub(crate) mod own_chain;
pub(crate) mod part_heard;
pub(crate) mod role;
pub(crate) mod rosters;
pub(crate) mod waiting;

pub(crate) mod group_device;
pub(crate) mod group_outgoing;
pub(crate) mod moment;

pub(crate) mod one_group;

mod hearing;
pub(crate) mod members;
pub(crate) mod message_opening;
mod steps;

mod asking;
pub(crate) mod group_event;
pub(crate) mod held_messages;
pub(crate) mod invitations;
pub(crate) mod message_sending;

pub(crate) mod changing;
pub(crate) mod group_delivered;
mod reach;

pub(crate) mod change;
mod group_arriving;

pub(crate) mod in_group;

pub(crate) mod all_groups;

mod groups_restored;

mod hostile_members;
mod known_conversations;

pub use crate::group::all_groups::{Groups, GroupsHeard};
pub use crate::group::change::Change;
pub use crate::group::changing::GroupChangeError;
pub use crate::group::group_changes::GroupChanges;
pub use crate::group::group_delivered::GroupDelivered;
pub use crate::group::group_event::{GroupChange, GroupEvent};
pub use crate::group::group_id::GroupId;
pub use crate::group::group_outgoing::{Broadcast, GroupOutgoing};
pub use crate::group::held_messages::{HeldMessages, Kept};
pub use crate::group::in_group::{HeardWant, InGroup, Signed};
pub use crate::group::invitations::Invitations;
pub use crate::group::members::{InvitationName, InvitationTo, Member};
pub use crate::group::message_opening::GroupDecryptError;
pub use crate::group::message_sending::GroupEncryptError;
pub use crate::group::missing::{Missing, MissingKind, Unblocked};
pub use crate::group::one_group::Group;
pub use crate::group::part_heard::PartError;
pub use crate::group::role::{Role, SetsTimer};
