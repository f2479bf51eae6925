//! The handshake that made a session: repeated until it is answered, then only recognised.

use alloc::vec::Vec;

use crate::crypto::hash::sha256;
use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::message::{HandshakeFields, INITIAL, RATCHET};
use crate::wire::suite::Suite;

/// Separates the record of a handshake. It stays in the store and is seen by nobody else.
const RECORD_LABEL: &[u8] = b"evanesce/v1 recognised handshake";

/// The first byte of every message once the handshake has been answered.
const ANSWERED_PREFIX: &[u8] = &[RATCHET];

/// How the states are told apart in a store.
const PENDING: u8 = 0;
const SETTLED: u8 = 1;
const ELSEWHERE: u8 = 2;
const HYBRID_SETTLED: u8 = 3;
const HYBRID_ELSEWHERE: u8 = 4;

/// The handshake that made a session.
#[derive(Debug)]
pub(crate) enum OwnHandshake {
    /// The initiator repeats it in each message until the first reply: any of them may be lost.
    Pending {
        /// What each message begins with: the first byte, then the handshake fields.
        prefix: Vec<u8>,
    },
    /// It is known again by the hash of its fields, a fifth of their size, in suite 2 a fiftieth.
    Settled {
        /// SHA-256 of the handshake fields.
        record: [u8; 32],
        suite: Suite,
    },
    /// The application had a handshake of its own.
    Elsewhere { suite: Suite },
}

impl OwnHandshake {
    pub(crate) fn pending(fields: &[u8]) -> Self {
        Self::Pending { prefix: [&[INITIAL], fields].concat() }
    }

    pub(crate) fn settled(fields: &[u8]) -> Self {
        Self::Settled { record: record(fields), suite: suite(fields) }
    }

    /// Which suite the session has.
    pub(crate) fn suite(&self) -> Suite {
        match self {
            Self::Pending { prefix } => suite(prefix.get(1..).unwrap_or_default()),
            Self::Settled { suite, .. } | Self::Elsewhere { suite } => *suite,
        }
    }

    /// Whether these are its fields, byte for byte.
    pub(crate) fn is(&self, fields: &[u8]) -> bool {
        match self {
            Self::Pending { prefix } => prefix.get(1..) == Some(fields),
            Self::Settled { record: own, .. } => *own == record(fields),
            Self::Elsewhere { .. } => false,
        }
    }

    /// The same where their hash is known, because many sessions are asked.
    pub(crate) fn is_recorded(&self, fields: &[u8], record: &[u8; 32]) -> bool {
        match self {
            Self::Pending { prefix } => prefix.get(1..) == Some(fields),
            Self::Settled { record: own, .. } => own == record,
            Self::Elsewhere { .. } => false,
        }
    }

    /// The hash of its fields; `None` of one that has none.
    pub(crate) fn record(&self) -> Option<[u8; 32]> {
        match self {
            Self::Pending { prefix } => Some(record(prefix.get(1..).unwrap_or_default())),
            Self::Settled { record, .. } => Some(*record),
            Self::Elsewhere { .. } => None,
        }
    }

    /// What a message begins with.
    pub(crate) fn prefix(&self) -> &[u8] {
        match self {
            Self::Pending { prefix } => prefix,
            Self::Settled { .. } | Self::Elsewhere { .. } => ANSWERED_PREFIX,
        }
    }

    /// Notes that a message of the peer's has opened.
    pub(crate) fn settle(&mut self) {
        if let Self::Pending { prefix } = self {
            *self = Self::settled(prefix.get(1..).unwrap_or_default());
        }
    }
}

impl Stored for OwnHandshake {
    fn write(&self, out: &mut StateWriter) {
        match self {
            Self::Pending { prefix } => {
                out.put(&[PENDING]);
                // What it begins with says how long it is.
                out.put(prefix);
            }
            Self::Settled { record, suite } => {
                out.put(match suite {
                    Suite::Classical => &[SETTLED],
                    Suite::Hybrid => &[HYBRID_SETTLED],
                });
                record.write(out);
            }
            Self::Elsewhere { suite: Suite::Classical } => out.put(&[ELSEWHERE]),
            Self::Elsewhere { suite: Suite::Hybrid } => out.put(&[HYBRID_ELSEWHERE]),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            PENDING => {
                let [INITIAL] = *reader.array()? else {
                    return Err(DecodeError::Malformed);
                };
                Ok(Self::pending(HandshakeFields::read(reader)?.bytes))
            }
            SETTLED => Ok(Self::Settled { record: Stored::read(reader)?, suite: Suite::Classical }),
            HYBRID_SETTLED => {
                Ok(Self::Settled { record: Stored::read(reader)?, suite: Suite::Hybrid })
            }
            ELSEWHERE => Ok(Self::Elsewhere { suite: Suite::Classical }),
            HYBRID_ELSEWHERE => Ok(Self::Elsewhere { suite: Suite::Hybrid }),
            _ => Err(DecodeError::Malformed),
        }
    }
}

/// The suite of handshake fields, which stands first. They were decoded before.
fn suite(fields: &[u8]) -> Suite {
    fields.first().and_then(|byte| Suite::of_byte(*byte)).unwrap_or(Suite::Classical)
}

/// SHA-256 of handshake fields (docs/protocol.md §14.3).
pub(crate) fn record(fields: &[u8]) -> [u8; 32] {
    sha256(&[RECORD_LABEL, fields])
}
