//! What a call knows of the world.

use crate::group::directory::Directory;
use crate::identity::Device;
use crate::time::Timestamp;

/// Whom this device knows and can reach, and when it is.
#[derive(Clone, Copy)]
pub(crate) struct Moment<'a> {
    pub(crate) directory: Directory<'a>,
    /// Whether a control message can be encrypted for a device.
    pub(crate) can_reach: &'a dyn Fn(&Device) -> bool,
    pub(crate) now: Timestamp,
}
