//! Message keys kept for messages that are late.

use alloc::vec::Vec;

use crate::limits::SessionLimits;
use crate::ratchet::chain::ChainKey;
use crate::ratchet::message_key::MessageKey;
use crate::stored::{StateWriter, Stored, read_count};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};

/// Bytes of a stored key.
const KEY_LENGTH: usize = 32;

/// The keys kept of one chain (MKSKIPPED), by number. Bounded by what its owner drops: the first kept
/// go first.
///
/// Keys stay where they are until two thirds of the places are empty; then those left move to a new
/// vector and the old one is wiped. So keeping, finding and dropping cost no allocation for each key, and
/// nothing that a vector moves leaves a copy behind.
#[derive(Debug)]
pub(crate) struct SkippedKeys {
    /// In ascending order of number, which is also the order of keeping.
    slots: Vec<Slot>,
    /// Slots before this one are empty.
    first: usize,
    /// How many slots hold a key.
    held: usize,
    /// No key was kept before this: spares looking through all of them for old ones. The times need not
    /// ascend, since a clock may be set back.
    oldest: Timestamp,
    /// One above the highest number whose key was dropped unused.
    watermark: u32,
}

/// A place for one key; when the key is gone its bytes are zero.
#[derive(Debug)]
struct Slot {
    number: u32,
    kept: Timestamp,
    is_held: bool,
    key: MessageKey,
}

/// What is known of a number that has been passed.
pub(crate) enum Lookup {
    /// Its key is held: a copy, since the key goes only when the message has opened.
    Held(MessageKey),
    /// Its key was dropped, or may have been.
    Dropped,
    /// Its key was used.
    Used,
}

/// A stretch of a chain that is passed over, worked out but not yet kept.
#[derive(Debug)]
pub(crate) struct Gap {
    slots: Vec<Slot>,
    /// How many numbers at the front are not kept.
    dropped: u32,
    /// One above the highest of them.
    watermark: u32,
}

impl SkippedKeys {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), first: 0, held: 0, oldest: Timestamp::default(), watermark: 0 }
    }

    /// Whether all numbers are below `end`: what a stored state is checked for.
    pub(crate) fn are_below(&self, end: u32) -> bool {
        self.watermark <= end && self.slots.last().is_none_or(|slot| slot.number < end)
    }

    /// How many keys are held, old ones included.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Whether there is a key that was kept at `horizon` or later.
    pub(crate) fn has_any_since(&self, horizon: Timestamp) -> bool {
        self.held != 0
            && (self.oldest >= horizon || self.all_held().any(|slot| slot.kept >= horizon))
    }

    /// Finds the key of a number; one kept before `horizon` counts as dropped.
    pub(crate) fn find(&self, number: u32, horizon: Timestamp) -> Lookup {
        match self.slot(number).and_then(|index| self.slots.get(index)) {
            Some(slot) if slot.kept >= horizon => Lookup::Held(slot.key.duplicate()),
            Some(_) => Lookup::Dropped,
            None if number < self.watermark_since(horizon) => Lookup::Dropped,
            None => Lookup::Used,
        }
    }

    /// Deletes the key of a number whose message has opened.
    pub(crate) fn spend(&mut self, number: u32) {
        if let Some(slot) = self.slot(number).and_then(|index| self.slots.get_mut(index)) {
            slot.empty();
            self.held = self.held.saturating_sub(1);
            self.tidy();
        }
    }

    /// Keeps a gap's keys. Says how many numbers were dropped with it.
    pub(crate) fn keep(&mut self, gap: Gap) -> u32 {
        let Gap { mut slots, dropped, watermark } = gap;
        self.watermark = self.watermark.max(watermark);
        if let Some(kept) = slots.first().map(|slot| slot.kept) {
            self.oldest = if self.held == 0 { kept } else { self.oldest.min(kept) };
        }
        self.held = self.held.saturating_add(slots.len());
        if self.slots.is_empty() {
            self.slots = slots;
        } else {
            if self.slots.capacity().saturating_sub(self.slots.len()) < slots.len() {
                self.rebuild(slots.len().max(self.held));
            }
            self.slots.extend(slots.iter_mut().map(Slot::take));
        }
        dropped
    }

    /// Drops the keys that were kept before `horizon`; says how many.
    pub(crate) fn drop_kept_before(&mut self, horizon: Timestamp) -> usize {
        if self.held == 0 || self.oldest >= horizon {
            return 0;
        }
        let before = self.held;
        let mut oldest: Option<Timestamp> = None;
        for slot in self.slots.iter_mut().filter(|slot| slot.is_held) {
            if slot.kept < horizon {
                self.watermark = self.watermark.max(slot.number.saturating_add(1));
                self.held = self.held.saturating_sub(1);
                slot.empty();
            } else {
                oldest = Some(oldest.map_or(slot.kept, |oldest| oldest.min(slot.kept)));
            }
        }
        self.oldest = oldest.unwrap_or_default();
        self.tidy();
        before.saturating_sub(self.held)
    }

    /// Drops up to `count` keys, the first kept first; says how many.
    pub(crate) fn drop_first(&mut self, count: usize) -> usize {
        let before = self.held;
        let least = before.saturating_sub(count);
        while self.held > least {
            let Some(slot) = self.slots.get_mut(self.first) else {
                break;
            };
            if slot.is_held {
                self.watermark = self.watermark.max(slot.number.saturating_add(1));
                self.held = self.held.saturating_sub(1);
                slot.empty();
            }
            self.first = self.first.saturating_add(1);
        }
        self.tidy();
        before.saturating_sub(self.held)
    }

    /// The watermark as it would be if keys kept before `horizon` had been dropped.
    fn watermark_since(&self, horizon: Timestamp) -> u32 {
        if self.oldest >= horizon {
            return self.watermark;
        }
        let mut old = self.all_held().filter(|slot| slot.kept < horizon);
        old.next_back()
            .map_or(self.watermark, |slot| self.watermark.max(slot.number.saturating_add(1)))
    }

    /// Where the key of a number is, if it is held.
    fn slot(&self, number: u32) -> Option<usize> {
        let index = self.slots.binary_search_by_key(&number, |slot| slot.number).ok()?;
        self.slots.get(index)?.is_held.then_some(index)
    }

    fn all_held(&self) -> impl DoubleEndedIterator<Item = &Slot> {
        self.slots.iter().skip(self.first).filter(|slot| slot.is_held)
    }

    /// Sees to it that the first and the last place looked at hold a key, and gives memory back when
    /// less than a third of it holds one.
    fn tidy(&mut self) {
        while self.slots.get(self.first).is_some_and(|slot| !slot.is_held) {
            self.first = self.first.saturating_add(1);
        }
        while self.slots.last().is_some_and(|slot| !slot.is_held) {
            self.slots.pop();
        }
        if self.held.saturating_mul(3) < self.slots.capacity() {
            self.rebuild(0);
        }
    }

    fn rebuild(&mut self, room: usize) {
        let mut slots = Vec::with_capacity(self.held.saturating_add(room));
        slots.extend(self.slots.iter_mut().filter(|slot| slot.is_held).map(Slot::take));
        self.slots = slots;
        self.first = 0;
    }
}

impl Slot {
    /// Moves the key to a new slot, leaving zeros.
    fn take(&mut self) -> Self {
        let Self { number, kept, is_held, key } = self;
        Self { number: *number, kept: *kept, is_held: *is_held, key: key.take() }
    }

    /// Wipes the key.
    fn empty(&mut self) {
        drop(self.key.take());
        self.is_held = false;
    }
}

impl Gap {
    /// Walks a chain from `from` up to `to`, which comes next. With the gap comes the chain key of
    /// `to`; `None` if there was nothing to walk.
    ///
    /// Of a wide gap only the last keys are kept; those before cost the chain step alone.
    pub(crate) fn walk(
        start: &ChainKey,
        from: u32,
        to: u32,
        limits: &SessionLimits,
        now: Timestamp,
    ) -> (Self, Option<ChainKey>) {
        let most = limits.max_skip.min(limits.max_held_keys);
        let width = to.saturating_sub(from);
        let first_kept = to.saturating_sub(width.min(most));
        let mut chain_key: Option<ChainKey> = None;
        for _ in from..first_kept {
            chain_key = Some(chain_key.as_ref().unwrap_or(start).skip());
        }
        let kept = usize::try_from(width.min(most)).unwrap_or_default();
        let mut slots = Vec::with_capacity(kept);
        for number in first_kept..to {
            let (next, key) = chain_key.as_ref().unwrap_or(start).step();
            slots.push(Slot { number, kept: now, is_held: true, key });
            chain_key = Some(next);
        }
        let dropped = width.saturating_sub(most);
        let watermark = if dropped == 0 { 0 } else { first_kept };
        (Self { slots, dropped, watermark }, chain_key)
    }
}

/// Stored as the watermark, how many keys are held, and the keys by runs of numbers that were kept at the
/// same time.
///
/// ```text
/// | watermark | held | for each run: numbers passed since the last run, length - 1, kept, keys: 32 each |
/// ```
impl Stored for SkippedKeys {
    fn write(&self, out: &mut StateWriter) {
        self.watermark.write(out);
        out.put_count(self.held);
        let mut end = 0;
        let mut slots = self.all_held().peekable();
        while let Some(first) = slots.peek().map(|slot| (slot.number, slot.kept)) {
            let (number, kept) = first;
            let mut run = number;
            let keys: Vec<_> = core::iter::from_fn(|| {
                let slot = slots.next_if(|slot| slot.number == run && slot.kept == kept)?;
                run = run.saturating_add(1);
                Some(&slot.key)
            })
            .collect();
            number.saturating_sub(end).write(out);
            out.put_count(keys.len().saturating_sub(1));
            kept.write(out);
            keys.iter().for_each(|key| key.write(out));
            end = run;
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let watermark = u32::read(reader)?;
        let held = read_count(reader)?;
        // Made whole at once: a vector that grows leaves copies of keys behind.
        let mut slots = Vec::with_capacity(held.min(reader.rest().len() / KEY_LENGTH));
        let mut end: u32 = 0;
        let mut last_kept = None;
        while slots.len() < held {
            let passed = u32::read(reader)?;
            let number = end.checked_add(passed).ok_or(DecodeError::Malformed)?;
            let length = u32::read(reader)?.checked_add(1).ok_or(DecodeError::Malformed)?;
            let kept = Timestamp::read(reader)?;
            // Two runs that could have been one would be a second encoding.
            let could_be_one = passed == 0 && last_kept == Some(kept);
            end = number.checked_add(length).ok_or(DecodeError::Malformed)?;
            if could_be_one
                || usize::try_from(length)
                    .is_ok_and(|length| length > held.saturating_sub(slots.len()))
            {
                return Err(DecodeError::Malformed);
            }
            for number in number..end {
                slots.push(Slot { number, kept, is_held: true, key: Stored::read(reader)? });
            }
            last_kept = Some(kept);
        }
        let oldest = slots.iter().map(|slot| slot.kept).min().unwrap_or_default();
        Ok(Self { first: 0, held, oldest, watermark, slots })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secret::Secret;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    const ALWAYS: Timestamp = Timestamp::from_unix_seconds(0);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    fn gap(numbers: core::ops::Range<u32>, now: Timestamp) -> Gap {
        let chain = ChainKey::new(Secret::filled_by(|out| *out = [3; 32]));
        Gap::walk(&chain, numbers.start, numbers.end, &SessionLimits::default(), now).0
    }

    fn numbers(keys: &SkippedKeys) -> Vec<u32> {
        keys.all_held().map(|slot| slot.number).collect()
    }

    #[test]
    fn a_key_is_found_until_it_is_spent() {
        let mut keys = SkippedKeys::new();
        assert_eq!(keys.keep(gap(2..5, at(10))), 0);
        assert!(matches!(keys.find(3, ALWAYS), Lookup::Held(_)));
        keys.spend(3);
        assert!(matches!(keys.find(3, ALWAYS), Lookup::Used));
        assert!(matches!(keys.find(5, ALWAYS), Lookup::Used));
        assert_eq!(numbers(&keys), [2, 4]);
    }

    #[test]
    fn the_front_of_a_wide_gap_is_dropped() {
        let mut keys = SkippedKeys::new();
        assert_eq!(keys.keep(gap(0..1_500, at(10))), 500);
        assert_eq!(keys.held(), 1_000);
        assert!(matches!(keys.find(499, ALWAYS), Lookup::Dropped));
        assert!(matches!(keys.find(500, ALWAYS), Lookup::Held(_)));
    }

    #[test]
    fn the_first_kept_go_first_and_raise_the_watermark() {
        let mut keys = SkippedKeys::new();
        keys.keep(gap(0..10, at(10)));
        keys.keep(gap(20..30, at(11)));
        keys.spend(1);
        assert_eq!(keys.drop_first(3), 3);
        assert_eq!(numbers(&keys)[..3], [4, 5, 6]);
        assert!(matches!(keys.find(3, ALWAYS), Lookup::Dropped));
        assert_eq!(keys.drop_first(100), 16);
        assert_eq!(keys.held(), 0);
        assert!(matches!(keys.find(29, ALWAYS), Lookup::Dropped));
    }

    #[test]
    fn old_keys_count_as_dropped_before_they_are() {
        let mut keys = SkippedKeys::new();
        keys.keep(gap(0..2, at(10)));
        keys.keep(gap(4..6, at(20)));
        keys.spend(0);
        assert!(matches!(keys.find(1, at(11)), Lookup::Dropped));
        assert!(matches!(keys.find(0, at(11)), Lookup::Dropped));
        assert!(matches!(keys.find(0, at(10)), Lookup::Used));
        assert!(matches!(keys.find(4, at(11)), Lookup::Held(_)));
        assert!(keys.has_any_since(at(20)) && !keys.has_any_since(at(21)));
        assert_eq!(keys.drop_kept_before(at(11)), 1);
        assert_eq!(keys.drop_kept_before(at(11)), 0);
        assert_eq!(numbers(&keys), [4, 5]);
        assert_eq!(keys.drop_kept_before(at(21)), 2);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_key_older_or_younger() {
        let mut keys = SkippedKeys::new();
        keys.keep(gap(0..2, at(50)));
        keys.keep(gap(4..6, at(10)));
        keys.keep(gap(8..9, at(30)));
        assert!(matches!(keys.find(4, at(11)), Lookup::Dropped));
        assert!(matches!(keys.find(1, at(11)), Lookup::Held(_)));
        assert!(keys.has_any_since(at(50)) && !keys.has_any_since(at(51)));
        assert_eq!(keys.drop_kept_before(at(11)), 2);
        assert_eq!(numbers(&keys), [0, 1, 8]);
        assert_eq!(keys.drop_kept_before(at(31)), 1);
        assert_eq!(keys.drop_kept_before(at(51)), 2);
    }

    #[test]
    fn a_stored_chain_holds_nothing_at_or_beyond_its_end() {
        let mut keys = SkippedKeys::new();
        assert!(keys.are_below(0));
        keys.keep(gap(2..5, at(10)));
        assert!(keys.are_below(5) && !keys.are_below(4));
        // What was dropped counts as well as what is held.
        assert_eq!(keys.drop_first(3), 3);
        assert!(keys.are_below(5) && !keys.are_below(4));
        keys.keep(gap(7..8, at(10)));
        assert!(keys.are_below(8) && !keys.are_below(7));
    }

    #[test]
    fn memory_stays_within_three_times_what_is_held() {
        let mut keys = SkippedKeys::new();
        for start in (0..9_000).step_by(1_000) {
            keys.keep(gap(start..start + 1_000, at(10)));
            // All but one of the thousand, from both ends.
            let mut spent = numbers(&keys)[keys.held() - 1_000..].to_vec();
            spent.remove(500);
            spent.chunks(2).for_each(|pair| keys.spend(pair[0]));
            spent.chunks(2).rev().for_each(|pair| keys.spend(pair.last().copied().unwrap()));
            spent.iter().for_each(|number| keys.spend(*number));
            assert!(keys.slots.capacity() <= 3 * keys.held(), "{}", keys.slots.capacity());
        }
        assert_eq!(keys.held(), 9);
    }

    #[test]
    fn an_emptied_store_keeps_again() {
        for spend_in_order in [true, false] {
            let mut keys = SkippedKeys::new();
            keys.keep(gap(0..3, at(10)));
            for number in 0..3 {
                keys.spend(if spend_in_order { number } else { 2 - number });
            }
            assert_eq!((keys.held(), keys.slots.capacity()), (0, 0));
            keys.keep(gap(5..7, at(10)));
            assert_eq!(numbers(&keys), [5, 6]);
            assert_eq!(keys.drop_first(9), 2);
            keys.keep(gap(8..9, at(10)));
            assert!(keys.has_any_since(at(10)));
        }
    }

    /// What is done to a store, with numbers that are taken modulo what is there.
    #[derive(Clone, Debug)]
    enum Event {
        Keep { skip: u32, width: u32 },
        Spend { number: u32 },
        DropFirst { count: usize },
        Pass { seconds: i64, lifetime: u64 },
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let event = prop_oneof![
            (0_u32..3, 0_u32..9).prop_map(|(skip, width)| Event::Keep { skip, width }),
            (0_u32..200).prop_map(|number| Event::Spend { number }),
            (0_usize..5).prop_map(|count| Event::DropFirst { count }),
            (-3_i64..6, 0_u64..40)
                .prop_map(|(seconds, lifetime)| Event::Pass { seconds, lifetime }),
        ];
        prop::collection::vec(event, 0..80)
    }

    proptest! {
        #[test]
        fn the_store_does_what_a_plain_map_would(events in events()) {
            let (mut keys, mut model) = (SkippedKeys::new(), BTreeMap::new());
            let (mut next, mut now, mut watermark) = (0, 1_000_u64, 0);
            for event in events {
                let mut gone = Vec::new();
                match event {
                    Event::Keep { skip, width } => {
                        let first = next + skip;
                        next = first + width;
                        keys.keep(gap(first..next, at(now)));
                        model.extend((first..next).map(|number| (number, now)));
                    }
                    Event::Spend { number } => {
                        keys.spend(number);
                        model.remove(&number);
                    }
                    Event::DropFirst { count } => {
                        gone.extend(model.keys().take(count).copied());
                        prop_assert_eq!(keys.drop_first(count), gone.len());
                    }
                    Event::Pass { seconds, lifetime } => {
                        now = now.saturating_add_signed(seconds);
                        let horizon = now - lifetime;
                        let old = model.iter().filter(|(_, kept)| **kept < horizon);
                        gone.extend(old.map(|(number, _)| *number));
                        let fresh = model.values().any(|kept| *kept >= horizon);
                        prop_assert_eq!(keys.has_any_since(at(horizon)), fresh);
                        let dropped = gone.last().map_or(watermark, |last| watermark.max(last + 1));
                        prop_assert_eq!(keys.watermark_since(at(horizon)), dropped);
                        prop_assert_eq!(keys.drop_kept_before(at(horizon)), gone.len());
                    }
                }
                for number in gone {
                    model.remove(&number);
                    watermark = watermark.max(number + 1);
                }
                prop_assert_eq!(numbers(&keys), model.keys().copied().collect::<Vec<u32>>());
                prop_assert_eq!(keys.held(), model.len());
                for number in 0..next {
                    let expected = match model.contains_key(&number) {
                        true => "held",
                        false if number < watermark => "dropped",
                        false => "used",
                    };
                    let found = match keys.find(number, ALWAYS) {
                        Lookup::Held(_) => "held",
                        Lookup::Dropped => "dropped",
                        Lookup::Used => "used",
                    };
                    prop_assert_eq!(found, expected, "number {}", number);
                }
            }
        }
    }
}
