//! What is left of a chain of the peer's after its next one began.

use crate::crypto::dh::DhPublicKey;
use crate::ratchet::header_key::HeaderKey;
use crate::ratchet::message_key::MessageKey;
use crate::ratchet::refusal::Refusal;
use crate::ratchet::skipped::{Lookup, SkippedKeys};
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::header::{Header, MAX_CHAIN};

/// Kept while it holds a key.
#[derive(Debug)]
pub(crate) struct OlderChain {
    pub(crate) their_ratchet_key: DhPublicKey,
    pub(crate) header_key: HeaderKey,
    /// How many messages it has, as far as we know.
    pub(crate) length: u32,
    /// How many messages of later chains have opened in order.
    pub(crate) followed: u32,
    /// How many secrets of epochs the peer says that are mixed in (pq); `None` in suite 1.
    pub(crate) mixed: Option<u32>,
    pub(crate) skipped: SkippedKeys,
}

impl OlderChain {
    /// Notes that a message of a later chain has opened in order.
    pub(crate) fn follow(&mut self) {
        self.followed = self.followed.saturating_add(1);
    }

    /// The key of a message of it, which is held.
    pub(crate) fn find(&self, header: &Header, horizon: Timestamp) -> Result<MessageKey, Refusal> {
        let number = header.number;
        if (header.ratchet_key, header.mixed) != (self.their_ratchet_key, self.mixed) {
            return Err(Refusal::Forked);
        }
        match self.skipped.find(number, horizon) {
            Lookup::Held(key) => Ok(key),
            Lookup::Dropped | Lookup::Used if number >= self.length => Err(Refusal::Forked),
            Lookup::Dropped => Err(Refusal::Expired),
            Lookup::Used => {
                let passed = self.length.saturating_sub(number).saturating_add(self.followed);
                Err(Refusal::Used { passed })
            }
        }
    }
}

stored!(OlderChain {
    their_ratchet_key,
    header_key,
    length,
    followed,
    skipped;
    mixed: None
} if |chain| {
    chain.length <= MAX_CHAIN
        && chain.skipped.are_below(chain.length)
        && chain.skipped.held() != 0
});
