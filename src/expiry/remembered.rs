//! What is remembered for a time, and of which there are never more than so many.

use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;

use crate::time::EngineTime;

/// Values by key, each with the moment since when it has been remembered. After `LIFETIME` days it is forgotten,
/// and of more than `CAPACITY` the oldest goes.
pub(crate) struct Remembered<Key, Value, const CAPACITY: usize, const DAYS: u64> {
    by_key: BTreeMap<Key, (EngineTime, Value)>,
    by_time: BTreeSet<(EngineTime, Key)>,
}

impl<Key: Ord + Copy, Value, const CAPACITY: usize, const DAYS: u64>
    Remembered<Key, Value, CAPACITY, DAYS>
{
    const LIFETIME: Duration = Duration::from_secs(DAYS * 86_400);

    pub(crate) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    pub(crate) fn since(&self, key: &Key) -> Option<EngineTime> {
        self.by_key.get(key).map(|(since, _)| *since)
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Value> {
        self.by_key.get(key).map(|(_, value)| value)
    }

    /// Remembers a value from now on, or changes one; it is not remembered longer for that. What must make
    /// room for it is given back.
    #[must_use]
    pub(crate) fn insert(&mut self, key: Key, value: Value, now: EngineTime) -> Option<Key> {
        let since = self.since(&key).unwrap_or(now);
        self.restore(key, value, since);
        let oldest = self.by_time.first().filter(|_| self.by_key.len() > CAPACITY)?.1;
        self.remove(&oldest);
        Some(oldest)
    }

    /// Takes it back from the store, or as [`Self::insert`].
    pub(crate) fn restore(&mut self, key: Key, value: Value, since: EngineTime) {
        self.remove(&key);
        self.by_key.insert(key, (since, value));
        self.by_time.insert((since, key));
    }

    pub(crate) fn remove(&mut self, key: &Key) -> Option<Value> {
        let (since, value) = self.by_key.remove(key)?;
        self.by_time.remove(&(since, *key));
        Some(value)
    }

    /// Forgets one whose time is over.
    pub(crate) fn pop_over(&mut self, now: EngineTime) -> Option<Key> {
        let (since, key) = *self.by_time.first()?;
        if now.since(since) < Self::LIFETIME {
            return None;
        }
        self.remove(&key);
        Some(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, EngineTime, &Value)> {
        self.by_key.iter().map(|(key, (since, value))| (key, *since, value))
    }
}

impl<Key, Value, const CAPACITY: usize, const DAYS: u64> Default
    for Remembered<Key, Value, CAPACITY, DAYS>
{
    fn default() -> Self {
        Self { by_key: BTreeMap::new(), by_time: BTreeSet::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn day(day: u64) -> EngineTime {
        EngineTime::from_millis(day * 86_400_000)
    }

    fn keys(remembered: &Remembered<u8, u8, 3, 45>) -> Vec<u8> {
        remembered.iter().map(|(key, _, _)| *key).collect()
    }

    #[test]
    fn of_more_than_the_capacity_the_oldest_goes() {
        let mut remembered = Remembered::<u8, u8, 3, 45>::default();
        for (key, expected) in [(9, None), (1, None), (5, None), (7, Some(9)), (2, Some(1))] {
            assert_eq!(remembered.insert(key, 0, day(u64::from(10 - key / 9))), expected);
        }
        assert_eq!(keys(&remembered), [2, 5, 7]);
    }

    #[test]
    fn what_is_told_again_is_not_remembered_longer() {
        let mut remembered = Remembered::<u8, u8, 3, 45>::default();
        assert_eq!(remembered.insert(1, 10, day(0)), None);
        assert_eq!(remembered.insert(1, 11, day(44)), None);
        assert_eq!((remembered.get(&1), remembered.since(&1)), (Some(&11), Some(day(0))));
        assert_eq!(remembered.pop_over(day(45).minus(Duration::from_millis(1))), None);
        assert_eq!(remembered.pop_over(day(45)), Some(1));
        assert!(remembered.is_empty() && remembered.pop_over(day(99)).is_none());
    }

    #[test]
    fn what_was_removed_leaves_nothing_behind() {
        let mut remembered = Remembered::<u8, u8, 3, 45>::default();
        assert_eq!(remembered.insert(1, 10, day(0)), None);
        assert_eq!((remembered.remove(&1), remembered.remove(&1)), (Some(10), None));
        assert_eq!(remembered.pop_over(day(99)), None);
        remembered.restore(2, 20, day(1));
        assert_eq!(keys(&remembered), [2]);
    }
}
