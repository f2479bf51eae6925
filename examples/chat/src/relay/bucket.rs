//! How often bundles of one address are handed out: a bucket of tokens for each.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::name::Name;

/// So many at once: a person has not many more new contacts in a minute.
const CAPACITY: u32 = 10;

/// One more after this time. Each bundle takes a one-time prekey, and whoever empties a store of 100 needs a
/// quarter of an hour for it, in which its owner publishes more.
const REFILL: Duration = Duration::from_secs(10);

/// A full bucket is not kept, so there are never more than addresses that were asked for of late.
#[derive(Default)]
pub struct Buckets(BTreeMap<Name, Bucket>);

struct Bucket {
    tokens: u32,
    since: Duration,
}

impl Buckets {
    /// Takes a token, or says after how many seconds there is one. `now` is a clock that only goes on.
    pub fn take(&mut self, address: &Name, now: Duration) -> Result<(), u32> {
        self.0.retain(|_, bucket| {
            bucket.refill(now);
            bucket.tokens < CAPACITY
        });
        let full = Bucket { tokens: CAPACITY, since: now };
        let bucket = self.0.entry(address.clone()).or_insert(full);
        match bucket.tokens.checked_sub(1) {
            Some(left) => {
                bucket.tokens = left;
                Ok(())
            }
            None => {
                let wait = bucket.since.saturating_add(REFILL).saturating_sub(now);
                Err(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
            }
        }
    }
}

impl Bucket {
    fn refill(&mut self, now: Duration) {
        while self.tokens < CAPACITY && now.saturating_sub(self.since) >= REFILL {
            self.tokens += 1;
            self.since = self.since.saturating_add(REFILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    #[test]
    fn an_empty_bucket_says_when_there_is_more_and_keeps_its_word() {
        let (mut buckets, bob) = (Buckets::default(), Name::new("bob").unwrap());
        for _ in 0..CAPACITY {
            assert_eq!(buckets.take(&bob, second(100)), Ok(()));
        }
        assert_eq!(buckets.take(&bob, second(100)), Err(11));
        assert_eq!(buckets.take(&bob, second(109)), Err(2));
        assert_eq!(buckets.take(&bob, second(110)), Ok(()));
        assert_eq!(buckets.take(&bob, second(110)), Err(11));
    }

    #[test]
    fn what_is_asked_of_one_address_empties_no_other_bucket() {
        let mut buckets = Buckets::default();
        let (bob, carol) = (Name::new("bob").unwrap(), Name::new("carol").unwrap());
        while buckets.take(&bob, second(5)).is_ok() {}
        assert_eq!(buckets.take(&carol, second(5)), Ok(()));
    }

    #[test]
    fn full_buckets_are_forgotten_and_time_gives_no_more_than_the_capacity() {
        let (mut buckets, bob) = (Buckets::default(), Name::new("bob").unwrap());
        while buckets.take(&bob, second(0)).is_ok() {}
        assert_eq!(buckets.take(&bob, second(1_000_000)), Ok(()));
        let taken = (0..).find(|_| buckets.take(&bob, second(1_000_000)).is_err());
        assert_eq!(taken, Some(9));
        assert_eq!(buckets.take(&Name::new("eve").unwrap(), second(2_000_000)), Ok(()));
        assert_eq!(buckets.0.len(), 1);
    }
}
