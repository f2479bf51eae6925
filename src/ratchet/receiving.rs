//! The chains that we receive: the current one, and what is left of older ones.

use crate::crypto::dh::DhPublicKey;
use crate::limits::SessionLimits;
use crate::ratchet::chain::ChainKey;
use crate::ratchet::header_key::HeaderKey;
use crate::ratchet::message_key::MessageKey;
use crate::ratchet::skipped::{Gap, SkippedKeys};
use crate::time::Timestamp;

/// The peer's current sending chain, as seen from here.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct ReceivingChain {
    /// The peer's ratchet key (DHr).
    pub(crate) their_ratchet_key: DhPublicKey,
    /// HKr.
    pub(crate) header_key: HeaderKey,
    /// CKr, of message `received`.
    pub(crate) chain_key: ChainKey,
    /// How many messages have been passed (Nr).
    pub(crate) received: u32,
    /// The keys of those that have not come.
    pub(crate) skipped: SkippedKeys,
}

/// What is left of a chain after the next one began; kept while it holds a key.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct OlderChain {
    pub(crate) their_ratchet_key: DhPublicKey,
    pub(crate) header_key: HeaderKey,
    /// How many messages it has, as far as we know.
    pub(crate) length: u32,
    pub(crate) skipped: SkippedKeys,
}

/// A chain moved to a message that has not been passed, worked out but not yet made.
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
        (
            Self {
                gap,
                chain_key,
                received: number.saturating_add(1),
            },
            message_key,
        )
    }
}

impl ReceivingChain {
    /// Moves the chain. Says how many keys the gap was too wide for.
    pub(crate) fn advance(&mut self, advance: Advance) -> u32 {
        let Advance {
            gap,
            chain_key,
            received,
        } = advance;
        self.chain_key = chain_key;
        self.received = received;
        self.skipped.keep(gap)
    }

    /// The rest of the chain, once its length is known.
    pub(crate) fn plan_rest(&self, length: u32, limits: &SessionLimits, now: Timestamp) -> Gap {
        Gap::walk(&self.chain_key, self.received, length, limits, now).0
    }

    /// Ends the chain. Its chain key is wiped: no further key of it will ever be derived.
    pub(crate) fn end(self, length: u32) -> OlderChain {
        let Self {
            their_ratchet_key,
            header_key,
            chain_key: _,
            received,
            skipped,
        } = self;
        OlderChain {
            their_ratchet_key,
            header_key,
            length: length.max(received),
            skipped,
        }
    }
}
