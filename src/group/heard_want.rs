//! What somebody asks for.

use core::fmt;

use crate::identity::Device;
use crate::wire::distribution::WantFields;

/// What somebody asks for: [`InGroup::answer`](crate::group::InGroup::answer).
#[derive(Clone, PartialEq, Eq)]
pub struct HeardWant {
    pub(crate) from: Device,
    pub(crate) want: WantFields,
}

impl HeardWant {
    /// Who asks.
    #[must_use]
    pub fn from(&self) -> &Device {
        &self.from
    }
}

/// Who asks, and for what kind of thing.
impl fmt::Debug for HeardWant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, want } = self;
        let mut shown = formatter.debug_struct("HeardWant");
        shown.field("from", from).field("kind", &want.kind).finish_non_exhaustive()
    }
}
