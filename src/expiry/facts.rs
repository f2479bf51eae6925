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
    /// When its conversation was closed last.
    pub(crate) closed: EngineTime,
    pub(crate) opened: u8,
    pub(crate) deleted: bool,
}

/// The earliest of the moments that were told; `None` before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Earliest(pub(crate) Option<EngineTime>);

impl Facts {
    pub(crate) fn join(&mut self, other: &Self) {
        let Self { sent, ready, read, closed, opened, deleted } = other;
        for (ours, theirs) in
            [(&mut self.sent, sent), (&mut self.ready, ready), (&mut self.read, read)]
        {
            theirs.0.into_iter().for_each(|at| ours.note(at));
        }
        self.closed = self.closed.max(*closed);
        self.opened = self.opened.max(*opened);
        self.deleted |= deleted;
    }
}

impl Earliest {
    pub(crate) fn note(&mut self, at: EngineTime) {
        self.0 = Some(self.0.map_or(at, |before| before.min(at)));
    }
}

stored!(Facts { sent, ready, read, closed, opened, deleted });
stored!(Earliest(_));
