//! The devices that a person had until lately.

use alloc::vec::Vec;
use core::time::Duration;

use crate::identity::Device;
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};

/// How long a device counts as removed: 30 days, as long as what it wrote may be under way.
const LIFETIME: Duration = Duration::from_secs(30 * 86_400);

/// How many are remembered of a person. With one more, the first gone goes.
const MOST: usize = 16;

/// In the order in which they went, those of one version by their addresses.
#[derive(Debug)]
pub(crate) struct RemovedDevices {
    devices: Vec<RemovedDevice>,
}

#[derive(Debug)]
struct RemovedDevice {
    device: Device,
    gone: Timestamp,
}

impl RemovedDevices {
    pub(crate) fn new() -> Self {
        Self { devices: Vec::new() }
    }

    /// Whether it went at most 30 days before `now`.
    pub(crate) fn have(&self, device: &Device, now: Timestamp) -> bool {
        self.devices.iter().any(|removed| removed.device == *device && removed.counts(now))
    }

    /// All that count, each with when it went.
    pub(crate) fn iter(&self, now: Timestamp) -> impl Iterator<Item = (&Device, Timestamp)> {
        let counting = self.devices.iter().filter(move |removed| removed.counts(now));
        counting.map(|removed| (&removed.device, removed.gone))
    }

    /// These went, in order of their addresses; those that are listed now are no longer counted.
    pub(crate) fn note(
        &mut self,
        went: &[Device],
        is_listed: impl Fn(&Device) -> bool,
        now: Timestamp,
    ) {
        self.devices.retain(|removed| !is_listed(&removed.device));
        let gone = |device: &Device| RemovedDevice { device: device.clone(), gone: now };
        self.devices.extend(went.iter().map(gone));
        let excess = self.devices.len().saturating_sub(MOST);
        self.devices.drain(..excess);
    }

    /// Forgets those that count no more; says whether there were any.
    pub(crate) fn maintain(&mut self, now: Timestamp) -> bool {
        let before = self.devices.len();
        self.devices.retain(|removed| removed.counts(now));
        self.devices.len() != before
    }
}

impl RemovedDevice {
    fn counts(&self, now: Timestamp) -> bool {
        now <= self.gone.plus(LIFETIME)
    }
}

stored!(RemovedDevices { devices } if |removed| removed.devices.len() <= MOST);
stored!(RemovedDevice { device, gone });
