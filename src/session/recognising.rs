//! Session: which messages are of it, and which have been here.

use crate::ratchet::message_key::Role;
use crate::ratchet::refusal::Refusal;
use crate::session::message_tag::MessageTag;
use crate::session::one_conversation::Session;
use crate::time::Timestamp;
use crate::wire::message::{Envelope, RatchetMessage};

impl Session {
    /// Whether a message is of this session, as its handshake or its header tells. Either can stand before a forged
    /// rest: that they are of this session is all that they tell.
    pub(crate) fn knows(&self, message: &Envelope<'_>) -> bool {
        match message {
            Envelope::Initial(message) => self.is_of(message),
            Envelope::Ratchet(message) => self.ratchet.knows(message.sealed_header),
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
        let upcoming = self.ratchet.upcoming(count).map(|header| MessageTag::of_header(&header));
        initial.into_iter().chain(upcoming)
    }
}
