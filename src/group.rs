//! Groups of up to a thousand people, whose server can add nobody.

pub(crate) mod asking_fields;
pub(crate) mod roster;
pub(crate) mod roster_secret;
pub(crate) mod sender_chain;
pub(crate) mod wanted;

pub(crate) mod directory;
pub(crate) mod heard_chain;
pub(crate) mod held_secrets;
pub(crate) mod missing;
pub(crate) mod own_chain;
pub(crate) mod rosters;
pub(crate) mod sealing;
pub(crate) mod waiting;

pub(crate) mod group_device;
pub(crate) mod part_heard;

pub(crate) mod one_group;

mod hearing;
pub(crate) mod opening;
mod steps;

mod asking;
pub(crate) mod invitations;
pub(crate) mod sending;

pub(crate) mod changing;

#[cfg(test)]
mod known_conversations;

pub use crate::group::changing::GroupChangeError;
pub use crate::group::invitations::Invitations;
pub use crate::group::missing::{Missing, MissingKind, Unblocked};
pub use crate::group::one_group::Group;
pub use crate::group::opening::GroupDecryptError;
pub use crate::group::part_heard::{PartError, PartHeard, PartOutcome};
pub use crate::group::sending::GroupEncryptError;
