//! What is stored of groups beside the library's.

use std::collections::BTreeMap;

use evanesce::group::{GroupId, HeldMessages};
use serde::{Deserialize, Serialize};

use crate::name::Name;
use crate::request::Mark;

/// What the application knows of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupNotes {
    /// What its conversation is called here. It stays, whatever the title becomes.
    pub name: Name,
}

/// The group of a message that waits; nothing, while it is not known which.
pub type HeldOf = Option<GroupId>;

/// A message that waits, as the relay gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLetter {
    pub bytes: Vec<u8>,
    pub mark: Option<Mark>,
}

/// What waits for something that is missing.
#[derive(Default)]
pub struct HeldLetters {
    pub messages: BTreeMap<HeldOf, HeldMessages>,
    pub letters: BTreeMap<(HeldOf, u64), HeldLetter>,
}
