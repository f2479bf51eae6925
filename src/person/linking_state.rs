//! How far linking is, on either side.

use core::time::Duration;

use crate::identity::Device;
use crate::person::link_code::LinkSecret;
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};

/// How the steps of a code are told apart in a store.
const SHOWN: u8 = 0;
const SERVED: u8 = 1;
const ANSWERED: u8 = 2;

/// How long an offer waits for its answer: an hour, as its code serves ten minutes, and a user has both devices at hand.
pub(crate) const OFFER_LIFETIME: Duration = Duration::from_secs(3_600);

/// What waits for the other side, or for the user.
pub(crate) struct LinkingState {
    /// The code that this device shows to be linked.
    pub(crate) code: Option<CodeState>,
    /// What this owner's device has offered last.
    pub(crate) offered: Option<Offered>,
}

/// A code that is or was shown.
pub(crate) struct CodeState {
    pub(crate) made: Timestamp,
    pub(crate) step: CodeStep,
}

/// How far it is.
pub(crate) enum CodeStep {
    /// It serves one offer.
    Shown(LinkSecret),
    /// It has, and the user compares digits.
    Served(Served),
    /// The user has confirmed.
    Answered,
}

/// An offer that was opened.
pub(crate) struct Served {
    pub(crate) secret: LinkSecret,
    pub(crate) owner: Device,
    /// Since when this device is to be listed.
    pub(crate) added: Timestamp,
}

/// An offer that is out.
pub(crate) struct Offered {
    pub(crate) secret: LinkSecret,
    pub(crate) device: Device,
    pub(crate) added: Timestamp,
}

impl LinkingState {
    pub(crate) fn new() -> Self {
        Self { code: None, offered: None }
    }

    /// Gives up, and wipes, what is an hour old. Says whether there was any.
    pub(crate) fn maintain(&mut self, now: Timestamp) -> bool {
        let is_over = |made: Timestamp| now >= made.plus(OFFER_LIFETIME);
        let code = self.code.take_if(|code| is_over(code.made));
        let offered = self.offered.take_if(|offered| is_over(offered.added));
        code.is_some() || offered.is_some()
    }
}

stored!(LinkingState { code, offered });
stored!(CodeState { made, step });
stored!(Served { secret, owner, added });
stored!(Offered { secret, device, added });

impl Stored for CodeStep {
    fn write(&self, out: &mut StateWriter) {
        match self {
            Self::Shown(secret) => {
                out.put(&[SHOWN]);
                secret.write(out);
            }
            Self::Served(served) => {
                out.put(&[SERVED]);
                served.write(out);
            }
            Self::Answered => out.put(&[ANSWERED]),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            SHOWN => Stored::read(reader).map(Self::Shown),
            SERVED => Stored::read(reader).map(Self::Served),
            ANSWERED => Ok(Self::Answered),
            _ => Err(DecodeError::Malformed),
        }
    }
}
