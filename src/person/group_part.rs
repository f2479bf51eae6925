//! A part of a message that is of a group.

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::wire::content_parts::GroupPartKind;

/// A part of a message that is of a group: it is given to that. It may hold keys, and is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupPart {
    kind: GroupPartKind,
    bytes: Zeroizing<Vec<u8>>,
}

impl GroupPart {
    pub(crate) fn new(kind: GroupPartKind, bytes: &[u8]) -> Self {
        Self { kind, bytes: Zeroizing::new(bytes.to_vec()) }
    }

    pub(crate) fn kind(&self) -> GroupPartKind {
        self.kind
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Its type and length, and nothing of its bytes.
impl fmt::Debug for GroupPart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, bytes } = self;
        let mut shown = formatter.debug_struct("GroupPart");
        shown.field("kind", kind).field("length", &bytes.len()).finish()
    }
}
