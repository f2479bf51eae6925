//! Which lists of devices a device has said that it holds, and what it is owed (docs/protocol.md §17.4).

use alloc::boxed::Box;

use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::content_parts::NOTICE_LENGTH;
use crate::wire::notice::Notice;

/// What is known of how a device sees our lists. Nothing, of one that has never sent or got parts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Notices {
    /// Its last notice. Boxed: most peers have none, and in its room would stand what happened to be on the stack.
    last: Option<Box<Notice>>,
    /// Whether it asked for one since we sent it something.
    owed: bool,
    /// Whether it has once sent parts, and so knows them.
    pub(crate) sends_parts: bool,
}

impl Notices {
    pub(crate) fn none() -> Self {
        Self { last: None, owed: false, sends_parts: false }
    }

    pub(crate) fn are_none(&self) -> bool {
        *self == Self::none()
    }

    pub(crate) fn last(&self) -> Option<&Notice> {
        self.last.as_deref()
    }

    pub(crate) fn is_owed(&self) -> bool {
        self.owed
    }

    /// It says what it holds, and perhaps asks what we do.
    pub(crate) fn came(&mut self, notice: Notice) {
        self.last = Some(Box::new(notice));
    }

    pub(crate) fn asked(&mut self) {
        self.owed = true;
    }

    /// Something was sent to it, with all that was due.
    pub(crate) fn sent(&mut self) {
        self.owed = false;
    }

    /// It began a session, or ours were dropped: one side may have been put back, so nothing is agreed. Says whether there
    /// was anything.
    pub(crate) fn forget(&mut self) -> bool {
        let Self { last, owed, sends_parts: _ } = self;
        (last.take().is_some(), core::mem::take(owed)) != (false, false)
    }
}

stored!(Notices { last, owed, sends_parts } if |notices| !notices.are_none());

/// The bytes that travel.
impl Stored for Notice {
    fn write(&self, out: &mut StateWriter) {
        out.put(&self.encode());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::decode(reader.bytes(NOTICE_LENGTH)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever has neither sessions nor an identity may still have notices: that they are gone is to be stored.
    #[test]
    fn forgetting_says_whether_there_was_anything() {
        let mut notices = Notices::none();
        assert!(!notices.forget());
        notices.asked();
        assert!(notices.forget() && !notices.forget());
        assert!(notices.are_none());
    }
}
