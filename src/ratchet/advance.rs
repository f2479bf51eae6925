//! A chain of the peer's, moved to a message.

use crate::limits::SessionLimits;
use crate::ratchet::chain::ChainKey;
use crate::ratchet::message_key::MessageKey;
use crate::ratchet::skipped::Gap;
use crate::time::Timestamp;

/// Worked out but not yet made.
pub(crate) struct Advance {
    /// What is passed over on the way.
    pub(crate) gap: Gap,
    /// The chain key of the message after it.
    pub(crate) chain_key: ChainKey,
    /// How many messages have been passed then.
    pub(crate) received: u32,
}

impl Advance {
    /// Works out the way from message `received` to message `number`, which is not before it.
    pub(crate) fn plan(
        chain_key: &ChainKey,
        received: u32,
        number: u32,
        limits: &SessionLimits,
        now: Timestamp,
    ) -> (Self, MessageKey) {
        let (gap, walked) = Gap::walk(chain_key, received, number, limits, now);
        let (chain_key, message_key) = walked.as_ref().unwrap_or(chain_key).step();
        (Self { gap, chain_key, received: number.saturating_add(1) }, message_key)
    }
}
