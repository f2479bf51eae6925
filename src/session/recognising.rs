//! Session: which messages are of it, and which have been here.

use core::ops::Range;

use crate::ratchet::message_key::Role;
use crate::ratchet::refusal::Refusal;
use crate::session::message_tag::MessageTag;
use crate::session::one_conversation::Session;
use crate::session::own_handshake::record;
use crate::time::Timestamp;
use crate::wire::header::SEALED_HEADER_LENGTH;
use crate::wire::message::{Envelope, InitialMessage, RatchetMessage};

/// A message whose sender is looked for, taken apart and hashed once for all sessions that are asked.
pub(crate) enum Sought<'message> {
    Initial { fields: &'message [u8], record: [u8; 32] },
    Ratchet { sealed_header: &'message [u8; SEALED_HEADER_LENGTH] },
}

impl<'message> Sought<'message> {
    /// `None` if the bytes are no message.
    pub(crate) fn of(message: &'message [u8]) -> Option<Self> {
        Some(match Envelope::decode(message).ok()? {
            Envelope::Initial(InitialMessage { handshake, .. }) => {
                Self::Initial { fields: handshake.bytes, record: record(handshake.bytes) }
            }
            Envelope::Ratchet(RatchetMessage { sealed_header, .. }) => {
                Self::Ratchet { sealed_header }
            }
        })
    }
}

impl Session {
    /// Whether a message is of this session, as its handshake or its header tells. Either can stand before a forged
    /// rest: that they are of this session is all that they tell.
    pub(crate) fn knows(&self, sought: &Sought<'_>) -> bool {
        self.knows_next(sought) || self.knows_current(sought) || self.knows_older(sought)
    }

    /// Whether its handshake made the session, or it is of the peer's next chain.
    pub(crate) fn knows_next(&self, sought: &Sought<'_>) -> bool {
        match sought {
            Sought::Initial { fields, record } => self.handshake.is_recorded(fields, record),
            Sought::Ratchet { sealed_header } => self.ratchet.knows_next(sealed_header),
        }
    }

    /// Whether it is of the peer's current chain.
    pub(crate) fn knows_current(&self, sought: &Sought<'_>) -> bool {
        match sought {
            Sought::Initial { .. } => false,
            Sought::Ratchet { sealed_header } => self.ratchet.knows_current(sealed_header),
        }
    }

    /// Whether it is of an older one.
    pub(crate) fn knows_older(&self, sought: &Sought<'_>) -> bool {
        match sought {
            Sought::Initial { .. } => false,
            Sought::Ratchet { sealed_header } => self.ratchet.knows_older(sealed_header),
        }
    }

    /// Whether this very message opened here lately. Told by a few of its bytes: to be asked where nothing opens it.
    pub(crate) fn has_opened(&self, message: &RatchetMessage<'_>) -> bool {
        self.opened.has(message)
    }

    /// Whether the message's number was used lately by another message, as far as is remembered: what lies further
    /// back may have been forgotten.
    pub(crate) fn reuses_a_number(&self, message: &RatchetMessage<'_>, now: Timestamp) -> bool {
        let mixing = self.healing.to_receive();
        match self.ratchet.plan(message.sealed_header, mixing, &self.limits, now) {
            Err(Refusal::Used { passed }) => {
                self.opened.reach_back(passed) && !self.opened.has(message)
            }
            Ok(_)
            | Err(
                Refusal::Malformed | Refusal::Undecryptable | Refusal::Expired | Refusal::Forked,
            ) => false,
        }
    }

    /// The tags of the peer's next messages, as far as they are known in advance.
    pub(crate) fn expected(&self, count: u32) -> impl Iterator<Item = MessageTag> + '_ {
        let initial = match self.role {
            Role::Initiator => None,
            Role::Responder => self.handshake.record().map(|record| MessageTag::of_record(&record)),
        };
        initial.into_iter().chain(self.upcoming(0..count))
    }

    /// The tags of the next messages of the peer's current chain, from so many after the next one on.
    pub(crate) fn upcoming(&self, ahead: Range<u32>) -> impl Iterator<Item = MessageTag> + '_ {
        self.ratchet.upcoming(ahead).map(|header| MessageTag::of_header(&header))
    }
}
