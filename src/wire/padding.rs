//! Size classes: how long a plaintext looks.

use alloc::vec::Vec;

/// The longest padded plaintext, in bytes: 16 MiB. It bounds what one message makes a receiver hold.
pub(crate) const MAX_PADDED: usize = 16 * 1024 * 1024;

/// Up to here sizes are multiples of [`SMALL_STEP`], above it Padmé.
const SMALL: usize = 1_024;
const SMALL_STEP: usize = 64;

/// Ends the content; zeros follow.
const END_MARK: u8 = 0x80;

/// How long `content_length` bytes are once padded; `None` above [`MAX_PADDED`].
pub(crate) fn padded_length(content_length: usize) -> Option<usize> {
    let length = content_length.checked_add(1)?;
    let padded = if length <= SMALL {
        length.checked_next_multiple_of(SMALL_STEP)?
    } else {
        usize::try_from(padme(u64::try_from(length).ok()?)?).ok()?
    };
    (padded <= MAX_PADDED).then_some(padded)
}

/// Padmé (Nikitin et al., 2019): of a length with exponent e, keep as many leading bits as e itself
/// has, so that a size tells O(log log n) bits and costs at most 12 %. `None` below 4, and where it does not fit.
pub(crate) fn padme(length: u64) -> Option<u64> {
    let exponent = length.checked_ilog2()?;
    let kept_bits = exponent.checked_ilog2()?.checked_add(1)?;
    let step = 1_u64.checked_shl(exponent.checked_sub(kept_bits)?)?;
    length.checked_next_multiple_of(step)
}

/// Ends the content that `buffer` ends with, and fills with zeros up to `end`.
pub(crate) fn pad(buffer: &mut Vec<u8>, end: usize) {
    buffer.push(END_MARK);
    buffer.resize(end, 0);
}

/// How long the content of a padded plaintext is; `None` without an end mark. Runs on what has been
/// authenticated, in a time that shows the content's length and nothing more of it.
pub(crate) fn content_length(padded: &[u8]) -> Option<usize> {
    let last = padded.iter().rposition(|byte| *byte != 0)?;
    (padded.get(last) == Some(&END_MARK)).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};
    use proptest::prelude::*;

    #[test]
    fn vectors_padding() {
        for case in known_answers::section("padding") {
            let length = usize::try_from(case.number("content_length")).unwrap();
            let padded = usize::try_from(case.number("m_length")).unwrap();
            assert_eq!(padded_length(length), Some(padded), "content of {length}");
        }
        for case in known_answers::section("padding_bytes") {
            let content = case.bytes("content");
            let mut buffer = content.clone();
            pad(&mut buffer, padded_length(content.len()).unwrap());
            assert_eq!(buffer, case.bytes("m"));
        }
        for case in known_answers::section("unpad") {
            let padded = case.bytes("m");
            let content = content_length(&padded).map(|length| padded[..length].to_vec());
            assert_eq!(content, case.optional_bytes("content"));
        }
    }

    #[test]
    fn more_than_sixteen_mebibytes_have_no_size() {
        assert_eq!(padded_length(MAX_PADDED - 1), Some(MAX_PADDED));
        assert_eq!(padded_length(MAX_PADDED), None);
        assert_eq!(padded_length(usize::MAX), None);
    }

    proptest! {
        #[test]
        fn content_comes_back_whatever_it_is(content in prop::collection::vec(any::<u8>(), 0..3_000)) {
            let mut buffer = content.clone();
            pad(&mut buffer, padded_length(content.len()).unwrap());
            prop_assert_eq!(content_length(&buffer), Some(content.len()));
        }

        #[test]
        fn sizes_grow_with_content_and_waste_little(length in 0_usize..MAX_PADDED) {
            let padded = padded_length(length).unwrap();
            prop_assert!(padded > length);
            prop_assert!(padded >= padded_length(length.saturating_sub(1)).unwrap());
            prop_assert!(padded <= (length + 1) * 112 / 100 + SMALL_STEP);
        }
    }
}
