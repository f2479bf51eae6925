//! Where a message came from, and when.

use crate::stored::{StateWriter, Stored};
use crate::time::EngineTime;
use crate::wire::codec::{DecodeError, Reader};

/// Where a message came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub(crate) enum Origin {
    /// We wrote it.
    Ours { queued: EngineTime },
    /// A peer did, some time before it came.
    Theirs { received: EngineTime, sent: EngineTime },
}

/// Who wrote it in one byte, then the moments.
impl Stored for Origin {
    fn write(&self, out: &mut StateWriter) {
        match self {
            Self::Ours { queued } => {
                out.put(&[0]);
                queued.write(out);
            }
            Self::Theirs { received, sent } => {
                out.put(&[1]);
                received.write(out);
                out.put_number(received.millis().saturating_sub(sent.millis()));
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8()? {
            0 => Self::Ours { queued: Stored::read(reader)? },
            1 => {
                let received: EngineTime = Stored::read(reader)?;
                let age = Stored::read(reader)?;
                let sent = received.millis().checked_sub(age).ok_or(DecodeError::Malformed)?;
                Self::Theirs { received, sent: EngineTime::from_millis(sent) }
            }
            _ => return Err(DecodeError::Malformed),
        })
    }
}

/// As it was sent before it came, so in serde's formats too.
#[cfg(feature = "serde")]
pub(crate) fn read_origin<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Origin, D::Error> {
    match serde::Deserialize::deserialize(deserializer)? {
        Origin::Theirs { received, sent } if sent > received => {
            Err(serde::de::Error::custom(DecodeError::Malformed))
        }
        origin @ (Origin::Ours { .. } | Origin::Theirs { .. }) => Ok(origin),
    }
}
