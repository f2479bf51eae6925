//! Looking many up by their public keys.

use alloc::vec::Vec;

use crate::wire::roster::OwnerBytes;

/// In order of how their keys begin, which is all but always enough, and sorts them fast.
pub(crate) struct ByBeginning<Value>(Vec<(u64, Value)>);

/// What sorts them.
pub(crate) fn beginning(key: &OwnerBytes) -> u64 {
    key.first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default()
}

impl<Value> ByBeginning<Value> {
    /// Each by the [`beginning`] of its key. Of those that begin alike the first stays first.
    pub(crate) fn of(all: impl Iterator<Item = (u64, Value)>) -> Self {
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|(beginning, _)| *beginning);
        Self(all)
    }

    /// Those whose keys begin like this one: the caller compares the rest.
    pub(crate) fn like(&self, key: &OwnerBytes) -> impl Iterator<Item = &Value> {
        let beginning = beginning(key);
        let place = self.0.partition_point(|(other, _)| *other < beginning);
        let alike = self.0.iter().skip(place).take_while(move |(other, _)| *other == beginning);
        alike.map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_begin_alike_are_found_in_their_order() {
        let key = |first: u8, rest: u8| {
            let mut key = [rest; 64];
            key[..8].fill(first);
            key
        };
        let all = [key(2, 0), key(1, 0), key(2, 9), key(1, 3), key(2, 5)];
        let keys = all.iter().enumerate().map(|(place, key)| (beginning(key), place));
        let found = ByBeginning::of(keys);
        let like = |first| found.like(&key(first, 7)).copied().collect::<Vec<usize>>();
        assert_eq!(
            (like(0), like(1), like(2), like(3)),
            (Vec::new(), Vec::from([1, 3]), Vec::from([0, 2, 4]), Vec::new())
        );
    }
}
