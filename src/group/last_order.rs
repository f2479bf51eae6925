//! Sorting again what was sorted a moment ago.

use alloc::vec::Vec;
use core::cmp::Ordering;

/// The order in which as many were the last time: from one message to the next it is the same, so that to sort them is one
/// walk. It is a hint alone, and not stored.
#[derive(Default)]
pub(crate) struct LastOrder(Vec<usize>);

/// How recipients were in order the last time.
#[derive(Default)]
pub(crate) struct RecipientOrders {
    pub(crate) by_address: LastOrder,
    pub(crate) by_identity: LastOrder,
}

impl LastOrder {
    /// All in order; of those that are equal the first stays first.
    pub(crate) fn sorted<'all, Value>(
        &mut self,
        all: &'all [Value],
        compare: impl Fn(&Value, &Value) -> Ordering,
    ) -> Vec<&'all Value> {
        let Self(order) = self;
        if order.len() != all.len() {
            *order = (0..all.len()).collect();
        }
        order.sort_by(|one, other| match (all.get(*one), all.get(*other)) {
            (Some(first), Some(second)) => compare(first, second).then_with(|| one.cmp(other)),
            // Each is a place of one of them.
            _ => Ordering::Equal,
        });
        order.iter().filter_map(|place| all.get(*place)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever was sorted before.
        #[test]
        fn it_sorts_like_a_stable_sort(all in proptest::collection::vec(proptest::collection::vec(0..4_u8, 0..6), 0..6)) {
            let mut last = LastOrder::default();
            for some in all {
                let numbered: Vec<(u8, usize)> = some.into_iter().zip(0..).collect();
                let mut expected = numbered.clone();
                expected.sort_by_key(|(value, _)| *value);
                let sorted = last.sorted(&numbered, |(one, _), (other, _)| one.cmp(other));
                prop_assert_eq!(sorted, expected.iter().collect::<Vec<_>>());
            }
        }
    }
}
