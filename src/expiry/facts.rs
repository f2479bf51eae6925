//! What became of a message, told in any order and any number of times.

use crate::stored::{StateWriter, Stored, stored};
use crate::time::EngineTime;
use crate::wire::codec::{DecodeError, Reader};

/// What became of a message. Facts join: in any order, any number of times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub(crate) struct Facts {
    /// Ours alone: of theirs, the origin says it.
    pub(crate) sent: Earliest,
    pub(crate) ready: Earliest,
    pub(crate) read: Earliest,
    /// When its clock started on an own other device: there it was read, and its media was there.
    pub(crate) started: Earliest,
    /// When its conversation was closed last.
    pub(crate) closed: Latest,
    pub(crate) opened: u8,
    pub(crate) deleted: bool,
}

/// The earliest of the moments that were told; before the first the last one that there is, which nothing
/// happens at. So it takes half of what an option would, of which there are millions.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Earliest(EngineTime);

/// The latest of the moments that were told. One more than its milliseconds, so that zero is before the first one;
/// the last moment that there is counts as the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Latest(u64);

impl Facts {
    pub(crate) fn was_closed_since(&self, moment: EngineTime) -> bool {
        self.closed.told().is_some_and(|closed| moment <= closed)
    }

    pub(crate) fn join(&mut self, other: &Self) {
        let Self { sent, ready, read, started, closed, opened, deleted } = other;
        self.sent.note(sent.0);
        self.ready.note(ready.0);
        self.read.note(read.0);
        self.started.note(started.0);
        self.closed.join(*closed);
        self.opened = self.opened.max(*opened);
        self.deleted |= deleted;
    }
}

impl Earliest {
    const NEVER: Self = Self(EngineTime::from_millis(u64::MAX));

    pub(crate) fn note(&mut self, at: EngineTime) {
        self.0 = self.0.min(at);
    }

    pub(crate) fn told(self) -> Option<EngineTime> {
        (self != Self::NEVER).then_some(self.0)
    }
}

impl Latest {
    pub(crate) fn note(&mut self, at: EngineTime) {
        self.join(Self(at.millis().saturating_add(1)));
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.0 = self.0.max(other.0);
    }

    pub(crate) fn told(self) -> Option<EngineTime> {
        self.0.checked_sub(1).map(EngineTime::from_millis)
    }
}

impl Default for Earliest {
    fn default() -> Self {
        Self::NEVER
    }
}

/// As an option.
impl Stored for Earliest {
    fn write(&self, out: &mut StateWriter) {
        self.told().write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match Stored::read(reader)? {
            Some(at) if Self(at) == Self::NEVER => Err(DecodeError::Malformed),
            Some(at) => Ok(Self(at)),
            None => Ok(Self::NEVER),
        }
    }
}

/// As an option.
impl Stored for Latest {
    fn write(&self, out: &mut StateWriter) {
        self.told().write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let told: Option<EngineTime> = Stored::read(reader)?;
        let mut latest = Self::default();
        told.into_iter().for_each(|at| latest.note(at));
        if latest.told() == told { Ok(latest) } else { Err(DecodeError::Malformed) }
    }
}

stored!(Facts { sent, ready, read, started, closed, opened, deleted });

/// The moment, or that there is none.
impl core::fmt::Debug for Earliest {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.told() {
            Some(at) => at.fmt(formatter),
            None => formatter.write_str("never"),
        }
    }
}
