//! What is remembered of messages that are not held.

use crate::expiry::facts::Facts;
use crate::expiry::message_id::{ConversationId, MessageId};
use crate::expiry::remembered::Remembered;
use crate::time::EngineTime;
use crate::wire::stamp::MemberTag;

/// What is remembered of messages that are not held: each for 45 days. What own devices told and what peers took
/// back have a memory each, so that no peer displaces what an own device told. What has ended and what was deleted
/// share one: who sends as many messages that had ended as it holds pushes out the first.
#[derive(Default)]
pub(crate) struct Memory {
    /// Keyed hashes of the ids of messages that ended.
    pub(crate) tombstones: Remembered<[u8; 16], (), 100_000, 45>,
    /// What own devices said of messages that have not come.
    pub(crate) waiting: Remembered<MessageId, Facts, 10_000, 45>,
    /// Messages without an end that own devices have read, some of which have not come, and when they did.
    pub(crate) seen: Remembered<MessageId, EngineTime, 10_000, 45>,
    /// Which messages that have not come were taken back, and by whom.
    pub(crate) unsends: Remembered<(MessageId, MemberTag), (), 1_000, 45>,
    /// Strangers' conversations that were deleted, and whose settings are still known.
    pub(crate) deleted: Remembered<ConversationId, (), 10_000, 45>,
}
