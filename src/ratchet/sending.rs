//! The chain that we send.

use alloc::boxed::Box;
use core::fmt;

use crate::crypto::dh::{DhKeyPair, DhPublicKey};
use crate::ratchet::chain::ChainKey;
use crate::ratchet::header_key::HeaderKey;
use crate::ratchet::message_key::MessageKey;
use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::header::{Header, MAX_CHAIN, SEALED_HEADER_LENGTH};

/// How the states are told apart in a store.
const WAITING: u8 = 0;
const DUE: u8 = 1;
const ACTIVE: u8 = 2;

/// Where we stand with sending. What is secret is boxed, and the room that a smaller variant does not use is of zeros:
/// left to itself it would be what happened to stand on the stack when it was moved, and nothing wipes it.
#[derive(Debug)]
pub(crate) enum Sending {
    /// The responder has not received anything: no key of the peer's to ratchet with.
    Waiting {
        /// Our ratchet key (DHs).
        ratchet_key: Box<DhKeyPair>,
        #[expect(dead_code, reason = "it is written, so that nothing else stands there")]
        room: Room,
    },
    /// A sending step is due: our next message begins a chain. Until then we hold no ratchet secret.
    Due {
        /// The peer's ratchet key (DHr).
        their_ratchet_key: DhPublicKey,
        /// How many messages our former chain has (Ns, that becomes PN).
        previous_length: u32,
    },
    /// We hold a sending chain.
    Active(
        Box<SendingChain>,
        #[expect(dead_code, reason = "it is written, so that nothing else stands there")] Room,
    ),
}

/// What [`Sending::Due`] has beside what the other states have: zeros there. The key would take a block of its own for
/// each turn if it were boxed.
#[derive(Default)]
pub(crate) struct Room([u8; 28]);

/// Our current sending chain.
#[derive(Debug)]
pub(crate) struct SendingChain {
    /// Our ratchet key (DHs).
    pub(crate) ratchet_key: DhKeyPair,
    /// HKs.
    pub(crate) header_key: HeaderKey,
    /// CKs, of message `sent`.
    pub(crate) chain_key: ChainKey,
    /// How many messages were sent (Ns).
    pub(crate) sent: u32,
    /// How many messages our former chain has (PN).
    pub(crate) previous_length: u32,
    /// How many secrets of epochs are mixed in (pq); `None` in suite 1.
    pub(crate) mixed: Option<u32>,
}

impl Sending {
    pub(crate) fn waiting(ratchet_key: Box<DhKeyPair>) -> Self {
        Self::Waiting { ratchet_key, room: Room::default() }
    }

    pub(crate) fn active(chain: Box<SendingChain>) -> Self {
        Self::Active(chain, Room::default())
    }

    /// Our ratchet key (DHs), absent while a sending step is due.
    pub(crate) fn ratchet_key(&self) -> Option<&DhKeyPair> {
        match self {
            Self::Waiting { ratchet_key, .. } => Some(ratchet_key),
            Self::Due { .. } => None,
            Self::Active(chain, _) => Some(&chain.ratchet_key),
        }
    }

    /// How many messages our latest chain has (Ns).
    pub(crate) fn sent(&self) -> u32 {
        match self {
            Self::Waiting { .. } => 0,
            Self::Due { previous_length, .. } => *previous_length,
            Self::Active(chain, _) => chain.sent,
        }
    }
}

impl SendingChain {
    pub(crate) fn is_full(&self) -> bool {
        self.sent >= MAX_CHAIN
    }

    // Double Ratchet §4.4, RatchetSendKeyHE(state)
    /// The next message's sealed header and key; `None` if the chain is full.
    pub(crate) fn next(&mut self) -> Option<([u8; SEALED_HEADER_LENGTH], MessageKey)> {
        if self.is_full() {
            return None;
        }
        let header = Header {
            ratchet_key: *self.ratchet_key.public(),
            previous_length: self.previous_length,
            number: self.sent,
            mixed: self.mixed,
        };
        let (chain_key, message_key) = self.chain_key.step();
        self.chain_key = chain_key;
        self.sent = self.sent.saturating_add(1);
        Some((self.header_key.seal(&header), message_key))
    }
}

stored!(SendingChain {
    ratchet_key,
    header_key,
    chain_key,
    sent,
    previous_length;
    mixed: None
} if |chain| {
    chain.sent <= MAX_CHAIN && chain.previous_length <= MAX_CHAIN
});

impl Stored for Sending {
    fn write(&self, out: &mut StateWriter) {
        match self {
            Self::Waiting { ratchet_key, room: _ } => {
                out.put(&[WAITING]);
                ratchet_key.write(out);
            }
            Self::Due { their_ratchet_key, previous_length } => {
                out.put(&[DUE]);
                their_ratchet_key.write(out);
                previous_length.write(out);
            }
            Self::Active(chain, _) => {
                out.put(&[ACTIVE]);
                chain.write(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            WAITING => Stored::read(reader).map(Self::waiting),
            DUE => {
                let their_ratchet_key = Stored::read(reader)?;
                let previous_length = Stored::read(reader)?;
                if previous_length > MAX_CHAIN {
                    return Err(DecodeError::Malformed);
                }
                Ok(Self::Due { their_ratchet_key, previous_length })
            }
            ACTIVE => Stored::read(reader).map(Self::active),
            _ => Err(DecodeError::Malformed),
        }
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(zeros) = self;
        write!(formatter, "{} zeros", zeros.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left over takes no 17 bytes of a key.
    #[test]
    fn no_state_has_much_room_that_is_not_its_own() {
        let tag = size_of::<u8>();
        let due = tag + size_of::<DhPublicKey>() + size_of::<u32>();
        let others = tag + size_of::<Box<SendingChain>>() + size_of::<Room>();
        assert!(size_of::<Sending>() - due < 8 && size_of::<Sending>() - others < 8);
    }
}
