//! Where a session stands in its epoch.

use alloc::boxed::Box;

use crate::crypto::kem::{EncapsulationKey, MlKem768, ParameterSet};
use crate::crypto::secret::Secret;
use crate::epochs::named_key::NamedKey;
use crate::epochs::offer::Offer;
use crate::epochs::partial_key::PartialKey;
use crate::epochs::reply::Reply;
use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};

/// How the states are told apart in a store.
const BEGUN: u8 = 0;
const REST: u8 = 1;
const SEND_EK: u8 = 2;
const MIX: u8 = 3;
const WAIT: u8 = 4;
const WAIT_PARTIAL: u8 = 5;
const READY: u8 = 6;
const SEND_CT: u8 = 7;

/// All that is kept of the epoch in progress. Entering a state drops, and wipes, what the former one kept. All of it is
/// boxed: a secret that moved by itself would stay where it stood, and in room for what is not kept secrets would stand
/// that happen to be on the stack.
///
/// In the first four we generate: make the key. In the others the peer does, and we encapsulate to it.
pub(crate) enum EpochState {
    /// Rest of an initiator who has not heard the peer yet.
    Begun,
    /// Nothing is under way.
    Rest,
    /// We send the key.
    SendEk(Box<Offer>),
    /// We have the epoch's secret (s_e), and our next chain begins with it.
    Mix(Box<Secret<32>>),
    /// Some of the peer's key has come, or nothing.
    Wait(Option<Box<PartialKey>>),
    /// We have the peer's key, and our next chain begins to answer it.
    Ready(Box<NamedKey>),
    /// We have the epoch's secret, and send what gives it to the peer.
    SendCt(Box<Reply>),
}

impl EpochState {
    /// Whether we make this epoch's key.
    pub(crate) fn is_generating(&self) -> bool {
        match self {
            Self::Begun | Self::Rest | Self::SendEk(_) | Self::Mix(_) => true,
            Self::Wait(_) | Self::Ready(_) | Self::SendCt(_) => false,
        }
    }

    /// Its name, for a log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Begun => "Begun",
            Self::Rest => "Rest",
            Self::SendEk(_) => "SendEk",
            Self::Mix(_) => "Mix",
            Self::Wait(_) => "Wait",
            Self::Ready(_) => "Ready",
            Self::SendCt(_) => "SendCt",
        }
    }

    /// How many messages were encrypted and opened on the shortest way here from the last secret that was mixed, which
    /// came in one of them.
    pub(crate) fn least_since(&self) -> u32 {
        match self {
            Self::Begun => 0,
            Self::Rest | Self::Wait(None) => 1,
            Self::SendEk(_) | Self::Wait(Some(_)) | Self::Ready(_) => 2,
            Self::Mix(_) | Self::SendCt(_) => 3,
        }
    }

    /// What tells it apart in a store: below 8.
    pub(crate) fn number(&self) -> u8 {
        match self {
            Self::Begun => BEGUN,
            Self::Rest => REST,
            Self::SendEk(_) => SEND_EK,
            Self::Mix(_) => MIX,
            Self::Wait(None) => WAIT,
            Self::Wait(Some(_)) => WAIT_PARTIAL,
            Self::Ready(_) => READY,
            Self::SendCt(_) => SEND_CT,
        }
    }

    /// Writes what it keeps.
    pub(crate) fn write_kept(&self, out: &mut StateWriter) {
        match self {
            Self::Begun | Self::Rest | Self::Wait(None) => {}
            Self::SendEk(offer) => offer.write(out),
            Self::Mix(secret) => secret.write(out),
            Self::Wait(Some(partial)) => partial.write(out),
            Self::Ready(key) => out.put(key.as_bytes()),
            Self::SendCt(reply) => reply.write(out),
        }
    }

    /// Reads what the state of that number keeps.
    pub(crate) fn read_kept(number: u8, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match number {
            BEGUN => Ok(Self::Begun),
            REST => Ok(Self::Rest),
            SEND_EK => Stored::read(reader).map(Self::SendEk),
            MIX => Stored::read(reader).map(Self::Mix),
            WAIT => Ok(Self::Wait(None)),
            WAIT_PARTIAL => Stored::read(reader).map(Some).map(Self::Wait),
            READY => {
                let bytes = reader.bytes(MlKem768::ENCAPSULATION_KEY_LENGTH)?;
                let key = EncapsulationKey::decode(bytes).ok_or(DecodeError::Malformed)?;
                Ok(Self::Ready(Box::new(NamedKey::new(key))))
            }
            SEND_CT => Stored::read(reader).map(Self::SendCt),
            _ => Err(DecodeError::Malformed),
        }
    }
}
