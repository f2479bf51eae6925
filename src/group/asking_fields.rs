//! A want, on its way out.

use crate::identity::Device;
use crate::wire::content_parts::{ContentParts, PartKind};
use crate::wire::distribution::WantFields;

/// A want, and the device that it goes to.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) of: Device,
    pub(crate) want: WantFields,
    /// Whether it can be sent: if not, it is asked for later.
    pub(crate) is_reached: bool,
}

impl Asked {
    pub(crate) fn parts(&self) -> ContentParts {
        let mut parts = ContentParts::none();
        parts.push(PartKind::WANT, &self.want.encode());
        parts
    }
}
