//! Chains that were given too early: their group or its roster is not held yet.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::group::fair_share::{Share, first_out};
use crate::identity::Device;
use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::distribution::{DISTRIBUTION_LENGTH, DistributionFields};

/// How many wait. With one more, who belongs to the group stays before all others, to whom a fourth is left, and of people whoever
/// has least: roster and person cannot be judged before the roster has come, and a chain that is lost meanwhile opens nothing of
/// what it was for.
const MOST: usize = 64;

/// How many of one device: the present chain and those before it. With one more, the first come goes.
const MOST_OF_DEVICE: usize = 4;

/// In the order in which they came.
pub(crate) struct Waiting(Vec<WaitingChain>);

pub(crate) struct WaitingChain {
    pub(crate) from: Device,
    /// A distribution.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

impl Waiting {
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// It waits, unless it does already.
    pub(crate) fn wait(
        &mut self,
        from: &Device,
        bytes: &[u8],
        shares: impl FnOnce(&[&Device]) -> Vec<Share>,
    ) {
        let is_it = |it: &WaitingChain| it.from == *from && it.bytes.as_slice() == bytes;
        if self.0.iter().any(is_it) {
            return;
        }
        if self.0.iter().filter(|it| it.from == *from).count() >= MOST_OF_DEVICE {
            let first = self.0.iter().position(|it| it.from == *from);
            first.into_iter().for_each(|place| _ = self.0.remove(place));
        }
        self.0.push(WaitingChain { from: from.clone(), bytes: Zeroizing::new(bytes.to_vec()) });
        if self.0.len() > MOST {
            let devices: Vec<&Device> = self.0.iter().map(|it| &it.from).collect();
            let out = first_out(&shares(&devices)).unwrap_or(0);
            self.0.remove(out);
        }
    }

    /// These came first.
    pub(crate) fn wait_for_all(&mut self, mut earlier: Vec<WaitingChain>) {
        earlier.append(&mut self.0);
        self.0 = earlier;
    }

    /// Takes out those of a roster, or of all for which this says so.
    pub(crate) fn take(
        &mut self,
        is_due: impl Fn(&DistributionFields<'_>) -> bool,
    ) -> Vec<WaitingChain> {
        let all = core::mem::take(&mut self.0);
        let (due, rest) = all.into_iter().partition(|it| it.fields().is_ok_and(|it| is_due(&it)));
        self.0 = rest;
        due
    }

    /// Whether a chain of a device waits for a roster.
    pub(crate) fn has(&self, from: &Device, roster: &[u8; 32]) -> bool {
        let mut of_device = self.0.iter().filter(|it| it.from == *from);
        of_device.any(|it| it.fields().is_ok_and(|fields| fields.roster == roster))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &WaitingChain> {
        self.0.iter()
    }
}

impl WaitingChain {
    pub(crate) fn fields(&self) -> Result<DistributionFields<'_>, DecodeError> {
        DistributionFields::decode(&self.bytes)
    }
}

impl Stored for Waiting {
    fn write(&self, out: &mut StateWriter) {
        self.0.write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let all = Vec::<WaitingChain>::read(reader)?;
        let of = |from: &Device| all.iter().filter(|it| it.from == *from).count();
        let are_few = all.len() <= MOST && all.iter().all(|it| of(&it.from) <= MOST_OF_DEVICE);
        if are_few { Ok(Self(all)) } else { Err(DecodeError::Malformed) }
    }
}

impl Stored for WaitingChain {
    fn write(&self, out: &mut StateWriter) {
        let Self { from, bytes } = self;
        from.write(out);
        out.put(bytes);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let from = Stored::read(reader)?;
        let bytes = reader.bytes(DISTRIBUTION_LENGTH)?;
        Ok(Self { from, bytes: Zeroizing::new(bytes.to_vec()) })
    }
}
