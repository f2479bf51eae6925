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
