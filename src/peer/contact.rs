//! How far a device is known.

use crate::identity::{Device, IdentityKey};
use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};

/// How contacts are told apart in a store.
const NONE: u8 = 0;
const REQUEST: u8 = 1;
const ACCEPTED: u8 = 2;
const REFUSED: u8 = 3;

/// How far a device is known.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Contact {
    /// There was none: the first identity to come with its address is pinned.
    None,
    /// It wrote first, under this identity, which is pinned. Its messages open; nothing is sent before
    /// [`Peer::accept_request`](crate::Peer::accept_request). [`Peer::refuse`](crate::Peer::refuse) refuses it. One
    /// that was accepted is a request again after [`Peer::set_back_to_request`](crate::Peer::set_back_to_request).
    Request(IdentityKey),
    /// This identity is pinned. That it is the right one is known once people have compared their
    /// [`SafetyNumber`](crate::SafetyNumber): keep the identity that they compared, not a yes or no, and it is
    /// verified while it is the one that is pinned.
    Accepted(IdentityKey),
    /// It was refused under this identity: nothing opens and nothing is sent.
    Refused(IdentityKey),
}

/// Where a device is that may be the one that is known.
pub(crate) enum Place {
    /// Where that one is.
    Current,
    /// Where that one was until lately.
    Former,
    Elsewhere,
}

/// How a device differs from the one that is known.
pub(crate) enum Stranger {
    /// The identity that is pinned, under an address that is not known.
    Moved,
    Address,
    Identity(IdentityKey),
}

impl Contact {
    /// The identity that is pinned.
    #[must_use]
    pub fn identity(&self) -> Option<IdentityKey> {
        match self {
            Self::None => None,
            Self::Request(identity) | Self::Accepted(identity) | Self::Refused(identity) => {
                Some(*identity)
            }
        }
    }

    /// Whether this identity is pinned.
    pub(crate) fn is_of(&self, identity: &IdentityKey) -> bool {
        match self {
            Self::None => false,
            Self::Request(pinned) | Self::Accepted(pinned) | Self::Refused(pinned) => {
                pinned == identity
            }
        }
    }

    /// Whether this is the device that is known, as far as its address is. Its identity, if so.
    pub(crate) fn check(&self, device: &Device, place: Place) -> Result<IdentityKey, Stranger> {
        let identity = device.identity;
        match (self.identity(), place) {
            (Some(pinned), Place::Current | Place::Former) if pinned == identity => Ok(identity),
            (Some(pinned), Place::Elsewhere) if pinned == identity => Err(Stranger::Moved),
            (Some(_), Place::Current) => Err(Stranger::Identity(identity)),
            (None, Place::Current) => Ok(identity),
            // Who is at an address that it left is somebody else.
            (_, Place::Former | Place::Elsewhere) => Err(Stranger::Address),
        }
    }

    pub(crate) fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted(_))
    }

    pub(crate) fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// The same identity, a request again; `None` if it was not accepted.
    pub(crate) fn set_back(self) -> Option<Self> {
        match self {
            Self::Accepted(identity) => Some(Self::Request(identity)),
            Self::None | Self::Request(_) | Self::Refused(_) => None,
        }
    }

    /// The same identity, accepted; `None` if it is already, or there is none.
    pub(crate) fn accepted(self) -> Option<Self> {
        match self {
            Self::Request(identity) | Self::Refused(identity) => Some(Self::Accepted(identity)),
            Self::None | Self::Accepted(_) => None,
        }
    }

    /// The same identity, refused; `None` if it is already, or there is none.
    pub(crate) fn refused(self) -> Option<Self> {
        match self {
            Self::Request(identity) | Self::Accepted(identity) => Some(Self::Refused(identity)),
            Self::None | Self::Refused(_) => None,
        }
    }

    /// Another identity, known as far as the former one.
    pub(crate) fn with(self, identity: IdentityKey) -> Self {
        match self {
            Self::Request(_) => Self::Request(identity),
            Self::Refused(_) => Self::Refused(identity),
            Self::None | Self::Accepted(_) => Self::Accepted(identity),
        }
    }

    /// Whether something may be encrypted for it: not for a request, and not for one that was refused.
    #[must_use]
    pub fn may_be_written_to(&self) -> bool {
        match self {
            Self::None | Self::Accepted(_) => true,
            Self::Request(_) | Self::Refused(_) => false,
        }
    }
}

impl Stored for Contact {
    fn write(&self, out: &mut StateWriter) {
        match self {
            Self::None => out.put(&[NONE]),
            Self::Request(identity) => {
                out.put(&[REQUEST]);
                identity.write(out);
            }
            Self::Accepted(identity) => {
                out.put(&[ACCEPTED]);
                identity.write(out);
            }
            Self::Refused(identity) => {
                out.put(&[REFUSED]);
                identity.write(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            NONE => Ok(Self::None),
            REQUEST => Stored::read(reader).map(Self::Request),
            ACCEPTED => Stored::read(reader).map(Self::Accepted),
            REFUSED => Stored::read(reader).map(Self::Refused),
            _ => Err(DecodeError::Malformed),
        }
    }
}

/// Of the identity, the first bytes.
impl core::fmt::Debug for Contact {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (name, identity) = match self {
            Self::None => return formatter.write_str("None"),
            Self::Request(identity) => ("Request", identity),
            Self::Accepted(identity) => ("Accepted", identity),
            Self::Refused(identity) => ("Refused", identity),
        };
        write!(formatter, "{name}({:?})", identity.in_short())
    }
}
