//! Many timers at once, spread over bunches of which each is later than the one before.

use alloc::vec;
use alloc::vec::Vec;

use crate::expiry::queue::timer::{Timer, index};
use crate::time::EngineTime;

/// Adds bunches of at most so many timers each, the earliest first, each by its first one. `numbers` ascend.
///
/// The deadlines' range is cut into even pieces, and each timer put into its piece: two steps for each of them, where
/// sorting takes twenty. What has come to lie together all the same is cut once more; each time the range is a
/// fourth at most.
pub(crate) fn spread(
    numbers: &[u32],
    deadlines: &[EngineTime],
    most: usize,
    bunches: &mut Vec<(Timer, Vec<u32>)>,
) {
    let millis = |number: &u32| Timer::of(*number, deadlines).deadline.millis();
    let bounds = numbers
        .iter()
        .map(millis)
        .fold((u64::MAX, 0), |(least, greatest), millis| (millis.min(least), millis.max(greatest)));
    let (least, greatest) = bounds;
    if numbers.len() <= most || least == greatest {
        // Those of one deadline come in the order of their numbers, in which they are.
        bunches.extend(numbers.chunks(most).filter_map(|bunch| {
            let first =
                bunch.iter().map(|number| Timer::of(*number, deadlines)).min_by_key(|it| it.rank());
            Some((first?, bunch.to_vec()))
        }));
        return;
    }
    let bunches_of_a_fourth = numbers.len().checked_div(most.wrapping_div(4));
    let pieces = bunches_of_a_fourth.unwrap_or(numbers.len()).next_power_of_two();
    let range = greatest.saturating_sub(least);
    // As many bits less as leave a number below that of pieces.
    let kept = pieces.trailing_zeros();
    let shift = u64::BITS.saturating_sub(range.leading_zeros()).saturating_sub(kept);
    let piece = |number: &u32| {
        let piece = millis(number).saturating_sub(least) >> shift;
        usize::try_from(piece).unwrap_or(usize::MAX)
    };
    // Where the next one of each piece goes; at last where each ends.
    let mut places = vec![0_u32; pieces];
    for number in numbers {
        if let Some(count) = places.get_mut(piece(number)) {
            *count = count.saturating_add(1);
        }
    }
    let mut start = 0_u32;
    for place in &mut places {
        let next = start.saturating_add(*place);
        *place = start;
        start = next;
    }
    let mut sorted = vec![0_u32; numbers.len()];
    for number in numbers {
        let Some(place) = places.get_mut(piece(number)) else { continue };
        if let Some(free) = sorted.get_mut(index(*place)) {
            *free = *number;
        }
        *place = place.saturating_add(1);
    }
    let mut start = 0;
    for end in places.into_iter().map(index) {
        spread(sorted.get(start..end).unwrap_or_default(), deadlines, most, bunches);
        start = end;
    }
}
