//! Where epochs and ratchet meet. In suite 1 there are none, and nothing here does anything.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::epochs::{Carrier, Epochs};
use crate::ratchet::message_key::Role;
use crate::ratchet::receiving::{ChainOfMessage, ChainPlace};
use crate::ratchet::{DoubleRatchet, Mixing};
use crate::session::encrypting::Content;
use crate::session::session_id::SessionId;
use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::control::Control;
use crate::wire::suite::Suite;

/// How far a session of suite 2 is with healing: each epoch mixes a secret of ML-KEM into it that nobody knows who stole
/// a state before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct EpochStatus {
    /// How many epochs are complete.
    pub completed: u32,
    /// How many messages were sent and opened since the last, the one that completed it included; while there was none, since
    /// the session began.
    pub messages_since: u32,
    /// Whether something of ours is under way that goes on only by what the peer does: then a silent peer prevents healing. In
    /// an ordinary epoch both sides say so most of the time, so it is no alarm. Where the peer is the one to begin, or has
    /// never answered, it is false: that it is silent then shows in `completed` and `messages_since` alone.
    pub waits_for_peer: bool,
}

/// The epochs of a session.
pub(crate) struct Healing(Option<Box<Epochs>>);

impl Healing {
    pub(crate) fn new(suite: Suite, role: Role) -> Self {
        let epochs = match (suite, role) {
            (Suite::Classical, _) => return Self(None),
            (Suite::Hybrid, Role::Initiator) => Epochs::initiator(),
            (Suite::Hybrid, Role::Responder) => Epochs::responder(),
        };
        Self(Some(Box::new(epochs)))
    }

    /// What our next chain mixes.
    pub(crate) fn to_send(&self) -> Mixing<'_> {
        self.0.as_ref().map_or(Mixing::NOTHING, |epochs| Mixing {
            mixed: Some(epochs.mixed()),
            secret: epochs.secret_of_next_sending_step(),
        })
    }

    /// What the peer's next chain may mix.
    pub(crate) fn to_receive(&self) -> Mixing<'_> {
        self.0.as_ref().map_or(Mixing::NOTHING, |epochs| Mixing {
            mixed: Some(epochs.mixed()),
            secret: epochs.secret_of_next_receiving_step(),
        })
    }

    /// Our chain has begun. Draws where the epoch goes on by it.
    pub(crate) fn sending_step(
        &mut self,
        session_id: SessionId,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        if let Some(epochs) = &mut self.0 {
            epochs.sending_step(session_id.as_bytes(), rng);
        }
    }

    /// A message is sent. Puts before its content what travels with it.
    pub(crate) fn send<'payload>(&mut self, content: Content<'payload>) -> Content<'payload> {
        match (&mut self.0, content.room()) {
            (Some(epochs), Some(room)) => {
                let load = epochs.plan_sending(room);
                let padded_length = load.padded_length;
                let mut control = Zeroizing::new(Vec::with_capacity(load.control_length()));
                epochs.send(load, &mut control);
                content.carrying(control, padded_length)
            }
            (None, _) | (_, None) => content,
        }
    }

    /// A message has opened, with this control, and the step that it brought is made.
    pub(crate) fn opened(
        &mut self,
        control: Option<&Control<'_>>,
        chain: ChainOfMessage,
        session_id: SessionId,
    ) {
        let ChainOfMessage { place, mixed } = chain;
        if let (Some(epochs), Some(control), Some(mixed)) = (&mut self.0, control, mixed) {
            if place == ChainPlace::Next {
                epochs.chain_opened(mixed);
            }
            let carrier = Carrier { mixed, is_older: place == ChainPlace::Older };
            epochs.opened(control, carrier, session_id.as_bytes());
        }
    }

    /// Says whether that changed anything.
    pub(crate) fn request(&mut self) -> bool {
        self.0.as_mut().is_some_and(|epochs| epochs.request())
    }

    pub(crate) fn status(&self, ratchet: &DoubleRatchet) -> Option<EpochStatus> {
        let epochs = self.0.as_ref()?;
        Some(EpochStatus {
            completed: epochs.mixed(),
            messages_since: epochs.since(),
            waits_for_peer: epochs.waits_for_peer(ratchet.sending_is_due()),
        })
    }

    /// Writes what suite 2 stores of a session beside the rest.
    pub(crate) fn write(&self, ratchet: &DoubleRatchet, out: &mut StateWriter) {
        if let Some(epochs) = &self.0 {
            epochs.write(out);
            ratchet.write_mixed(epochs.mixed(), out);
        }
    }

    /// Reads the same.
    pub(crate) fn read(
        suite: Suite,
        role: Role,
        ratchet: &mut DoubleRatchet,
        reader: &mut Reader<'_>,
    ) -> Result<Self, DecodeError> {
        match suite {
            Suite::Classical => Ok(Self(None)),
            Suite::Hybrid => {
                let epochs: Box<Epochs> = Stored::read(reader)?;
                if epochs.is_initiator() != (role == Role::Initiator) {
                    return Err(DecodeError::Malformed);
                }
                ratchet.read_mixed(epochs.mixed(), reader)?;
                Ok(Self(Some(epochs)))
            }
        }
    }
}
