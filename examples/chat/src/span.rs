//! Spans of time as people write them: `90s`, `5m`, `1h`, `2d`, `1w`.

use std::num::NonZeroU32;

const UNITS: [(char, u32); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Seconds of a span; `None` of anything else, of nothing, and of more than the protocol can say.
pub fn parse(text: &str) -> Option<NonZeroU32> {
    let unit = text.chars().last()?;
    let count: u32 = text.strip_suffix(unit)?.parse().ok()?;
    let (_, seconds) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    NonZeroU32::new(count.checked_mul(seconds)?)
}

/// The span in the largest unit that divides it.
pub fn show(seconds: NonZeroU32) -> String {
    let fits = |(_, unit): &(char, u32)| seconds.get().is_multiple_of(*unit);
    let (name, unit) = UNITS.into_iter().find(fits).unwrap_or(('s', 1));
    format!("{}{name}", seconds.get() / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_come_back_in_their_largest_unit() {
        for (text, shown) in [("60s", "1m"), ("90s", "90s"), ("24h", "1d"), ("7d", "1w")] {
            assert_eq!(show(parse(text).unwrap()), shown);
        }
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for wrong in ["", "s", "5", "0s", "-1s", "1y", "1 h", "99999999w", "5ß"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
