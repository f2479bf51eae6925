//! What somebody asks for.

use crate::identity::Device;
use crate::wire::distribution::WantFields;

/// What somebody asks for: [`InGroup::answer`](crate::group::InGroup::answer).
#[derive(Clone, Debug, PartialEq, Eq)]
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
