//! A roster that was signed here.

use crate::group::group_event::GroupChange;
use crate::group::group_outgoing::GroupOutgoing;

/// Another roster was signed here: what was told, and what is different.
#[derive(Debug)]
#[must_use = "what has changed is to be stored"]
#[non_exhaustive]
pub struct Signed {
    /// What is to be sent.
    pub outgoing: GroupOutgoing,
    /// What is different by it, to be shown.
    pub change: Option<GroupChange>,
}
