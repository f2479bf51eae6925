//! Where a device is reached, and where it was until lately.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::identity::Address;
use crate::prekeys::verified_bundle::MAX_CLOCK_AHEAD;
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};

/// How long a former address still counts, for what was under way under it: 30 days, as long as the prekeys that
/// it was written with are held.
const FORMER_LIFETIME: Duration = Duration::from_secs(30 * 86_400);

/// How many former addresses are remembered. With one more, the first left goes.
const MOST_FORMER: usize = 4;

/// The address of a device, and those that it left not long ago.
pub(crate) struct Addresses {
    current: Address,
    /// In the order in which they were left.
    former: Vec<FormerAddress>,
}

#[derive(Debug)]
struct FormerAddress {
    address: Address,
    left: Timestamp,
}

impl Addresses {
    pub(crate) fn new(current: Address) -> Self {
        Self { current, former: Vec::new() }
    }

    pub(crate) fn current(&self) -> &Address {
        &self.current
    }

    /// Whether this is the address, or one that was left at most 30 days before `now`.
    pub(crate) fn include(&self, address: &Address, now: Timestamp) -> bool {
        let is_former = |former: &FormerAddress| former.address == *address && former.counts(now);
        self.current == *address || self.former.iter().any(is_former)
    }

    /// Says whether that changed anything.
    pub(crate) fn move_to(&mut self, address: Address, now: Timestamp) -> bool {
        if self.current == address {
            return false;
        }
        self.former.retain(|former| former.address != address && former.address != self.current);
        let left = core::mem::replace(&mut self.current, address);
        self.former.push(FormerAddress { address: left, left: now });
        self.forget_first_of_too_many();
        true
    }

    /// Forgets former addresses that count no more at `now`; says whether there were any.
    pub(crate) fn maintain(&mut self, now: Timestamp) -> bool {
        let before = self.former.len();
        self.former.retain(|former| former.counts(now));
        self.former.len() != before
    }

    fn forget_first_of_too_many(&mut self) {
        let excess = self.former.len().saturating_sub(MOST_FORMER);
        self.former.drain(..excess);
    }
}

impl FormerAddress {
    /// Not for longer because a clock ran ahead when it was left.
    fn counts(&self, now: Timestamp) -> bool {
        now <= self.left.plus(FORMER_LIFETIME) && self.left <= now.plus(MAX_CLOCK_AHEAD)
    }
}

stored!(Addresses { current, former } if |addresses| {
    let Addresses { current, former } = addresses;
    former.len() <= MOST_FORMER && former.iter().all(|former| former.address != *current)
});
stored!(FormerAddress { address, left });

/// Where it is, and how many it has left.
impl fmt::Debug for Addresses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} and {} former", self.current, self.former.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn address(name: &str) -> Address {
        Address::new(name).unwrap()
    }

    #[test]
    fn a_former_address_counts_for_thirty_days() {
        let mut addresses = Addresses::new(address("old"));
        assert!(addresses.move_to(address("new"), NOW) && !addresses.move_to(address("new"), NOW));
        let last = NOW.plus(FORMER_LIFETIME);
        let after = last.plus(Duration::from_secs(1));
        assert!(addresses.include(&address("old"), last));
        assert!(!addresses.include(&address("old"), after));
        assert!(addresses.include(&address("new"), after));
        assert!(!addresses.include(&address("other"), NOW));
        let before = NOW.minus(MAX_CLOCK_AHEAD).minus(Duration::from_secs(1));
        assert!(!addresses.include(&address("old"), before), "a clock ran ahead");
        assert!(!addresses.maintain(last) && addresses.maintain(after));
    }

    #[test]
    fn who_moves_back_has_one_former_address_for_each_that_was_left() {
        let mut addresses = Addresses::new(address("0"));
        for name in ["1", "0", "1", "0"] {
            assert!(addresses.move_to(address(name), NOW));
            assert_eq!(addresses.former.len(), 1);
        }
        for name in ["2", "3", "4", "5", "6"] {
            addresses.move_to(address(name), NOW);
        }
        assert!(!addresses.include(&address("1"), NOW) && addresses.include(&address("2"), NOW));
    }
}
