//! Where a device stands that wrote under another roster than the head.

use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::group_message::Tag;

/// A device that wrote under another roster than the head, and has not been given that since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// As one of the head's members, under this roster.
    Member(Tag),
    /// Its person was not in the head any more: under this roster.
    Gone(Tag),
}

impl Stored for Behind {
    fn write(&self, out: &mut StateWriter) {
        let (is_gone, tag) = match self {
            Self::Member(tag) => (false, tag),
            Self::Gone(tag) => (true, tag),
        };
        is_gone.write(out);
        tag.write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (is_gone, tag) = (bool::read(reader)?, Stored::read(reader)?);
        Ok(if is_gone { Self::Gone(tag) } else { Self::Member(tag) })
    }
}
