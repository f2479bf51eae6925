//! A message to all devices of a person, and whom it does not reach.

use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;

#[cfg(feature = "serde")]
use crate::byte_string;
use crate::identity::Address;
use crate::peer::dispatch::{Encrypted, SessionNeed};
use crate::peer::other_device::Peer;
use crate::person::people_changes::PeopleChanges;
use crate::report::evidence::Evidence;
use crate::time::Timestamp;
use crate::wire::content_parts::ContentParts;
use crate::wire::payload::Payload;

/// One message of a fan-out. The evidence is as secret as the payload: keep it with that, or drop it.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct AddressedMessage {
    /// The device that it is for.
    pub to: Address,
    /// Its bytes.
    #[cfg_attr(feature = "serde", serde(with = "byte_string"))]
    pub message: Vec<u8>,
    /// Whether a session with that device is to be begun for those after it: see
    /// [`Peer::session_need`](crate::Peer::session_need).
    #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
    pub session_need: Option<SessionNeed>,
    /// What proves it to a moderator: see [`SentMessage::evidence`](crate::session::SentMessage::evidence). Each message
    /// of a fan-out has its own, since each device gets other bytes; for one's own side of a report that of one will do.
    ///
    /// serde leaves it out, as this value goes into outboxes and to who sends it: store [`Evidence`] with the payload.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub evidence: Option<Evidence>,
}

/// What is to be sent to a person's devices and to own ones. Store what changed and all messages in one transaction, then
/// send them: stopped at any moment, no device misses what the others got.
#[derive(Clone, PartialEq, Eq)]
#[must_use = "what has changed is to be stored"]
#[non_exhaustive]
pub struct FanOut {
    /// In order of address, the person's before own ones.
    pub messages: Vec<AddressedMessage>,
    /// Whom it does not reach, in the same order, of those that the lists name. When a list has expired that is the owner's
    /// device alone: the others of its person are not written to and not named, and when our own person's has expired and
    /// has no owner's device, no own one is. Mend the reason, then send the same payload to these
    /// [alone](crate::person::Recipients::only).
    pub unreached: Vec<Unreached>,
    /// What encrypting it changed: peers.
    pub changes: PeopleChanges,
}

/// A device that a fan-out does not reach.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Unreached {
    /// The device.
    pub to: Address,
    /// Why.
    pub reason: Obstacle,
}

/// Why a device is not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Obstacle {
    /// There is no session that can send, or the peer there has another identity than the list says: fetch a bundle, and
    /// begin one ([`Peer::initiate`](crate::Peer::initiate)). Also an own device that shows no sign of knowing what lists are, of
    /// which none is held here: it is reached when it has written, or stands in a list.
    NeedsSession,
    /// The chain carries its 10,000 messages: the same.
    ChainFull,
    /// It wrote first and has not been accepted, or was refused; or its person is a
    /// [request, or refused](crate::person::Person::decision).
    Request,
    /// Another identity came under its address, and the user has not decided.
    IdentityUndecided,
    /// An own device of which the user has not said that it is theirs:
    /// [`OwnDevices::unconfirmed`](crate::person::OwnDevices::unconfirmed).
    Unconfirmed,
    /// An own device of a list that may be an older one, after a restore: it may have been removed since.
    /// [`OwnDevices::is_put_back`](crate::person::OwnDevices::is_put_back).
    PutBack,
    /// An own device that is told nothing since our own person's list has expired, of those that are not the owner's.
    ListExpired,
}

/// Why nothing is sent to anybody. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FanOutError {
    /// This device is missing in its own person's list, and sends nothing any more.
    Removed,
    /// The person's list has expired and names no device of the owner's: fetch another.
    ListExpired,
    /// One message would be more than 16 MiB once padded: send it in parts.
    TooLarge,
    /// No device of the person can be reached; of own ones, where only these were asked for. Begin sessions first.
    NobodyReached,
}

impl fmt::Display for FanOutError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Removed => "this device was removed from its person's list",
            Self::ListExpired => "the person's device list has expired",
            Self::NobodyReached => "no device of the person can be reached",
            Self::TooLarge => "the message is too large",
        })
    }
}

impl core::error::Error for FanOutError {}

/// A fan-out under way. What changed is named when it is over, by what was encrypted: so no peer can be left out.
pub(crate) struct Sending {
    messages: Vec<AddressedMessage>,
    unreached: Vec<Unreached>,
}

impl Sending {
    /// To so many devices, beside those that it will not reach.
    pub(crate) fn to(devices: usize, unreached: Vec<Unreached>) -> Self {
        Self { messages: Vec::with_capacity(devices), unreached }
    }

    /// Encrypts behind parts, with which goes what was owed; says whether it could.
    pub(crate) fn encrypt(
        &mut self,
        peer: &mut Peer,
        parts: &ContentParts,
        payload: &Payload,
        ad: &[u8],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> bool {
        let to = peer.address().clone();
        match peer.encrypt_behind(parts, payload, ad, now, rng) {
            Ok(Encrypted { message, changes: _, session_need, evidence }) => {
                peer.notices.sent();
                self.messages.push(AddressedMessage { to, message, session_need, evidence });
                true
            }
            // Its stored state was damaged: all else was looked at before.
            Err(_) => {
                self.miss(to, Obstacle::NeedsSession);
                false
            }
        }
    }

    /// It does not reach this one.
    pub(crate) fn miss(&mut self, to: Address, reason: Obstacle) {
        self.unreached.push(Unreached { to, reason });
    }

    pub(crate) fn finish(self) -> FanOut {
        let Self { messages, unreached } = self;
        let mut written_to: Vec<_> = messages.iter().map(|message| message.to.clone()).collect();
        // They come in one order or two. A device that stands in both lists, or got several messages, is named once.
        written_to.sort();
        let mut changes = PeopleChanges::none();
        changes.add_peers(written_to);
        FanOut { messages, unreached, changes }
    }
}

/// To whom, how long, and nothing of its bytes.
impl fmt::Debug for AddressedMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { to, message, session_need, evidence: _ } = self;
        let mut shown = formatter.debug_struct("AddressedMessage");
        shown.field("to", to).field("message_length", &message.len());
        shown.field("session_need", session_need).finish_non_exhaustive()
    }
}

/// How many messages, and how many devices it does not reach.
impl fmt::Debug for FanOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, unreached, changes } = self;
        let mut shown = formatter.debug_struct("FanOut");
        shown.field("messages", &messages.len()).field("unreached", &unreached.len());
        shown.field("changes", changes).finish()
    }
}
