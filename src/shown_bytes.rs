//! Bytes as people read them: lower-case hex, or text with all escaped that could play tricks.

use core::ascii::escape_default;
use core::fmt;

/// How many bytes of a longer name a line shows that tells one thing from another and proves nothing.
const SHORTENED: usize = 8;

/// Characters of a text in a line about the state that it is part of: what needs no escaping is shown whole.
const MAX_TEXT: usize = 64;

/// Shows bytes in lower-case hex, all of them.
pub(crate) struct Hex<'bytes>(pub(crate) &'bytes [u8]);

/// Shows the first eight bytes in lower-case hex, then two dots. Whoever makes keys can make one that looks like
/// another here, so this is for lines about a state, never for comparing.
pub(crate) struct ShortHex([u8; SHORTENED]);

/// Shows a text in quotes, what is not printable ASCII escaped, and as much of it as 64 characters hold; two dots
/// follow if that is not all.
pub(crate) struct ShortText<'bytes>(pub(crate) &'bytes [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl ShortHex {
    /// Of a name that has more than eight bytes.
    pub(crate) fn of<const N: usize>(bytes: &[u8; N]) -> Self {
        const { assert!(N > SHORTENED, "what is short is shown whole") };
        let mut shown = [0; SHORTENED];
        shown.iter_mut().zip(bytes).for_each(|(out, byte)| *out = *byte);
        Self(shown)
    }
}

impl fmt::Debug for ShortHex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}..", Hex(&self.0))
    }
}

impl fmt::Debug for ShortText<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths = self.0.iter().scan(0_usize, |length, byte| {
            *length = length.saturating_add(escape_default(*byte).len());
            Some(*length)
        });
        let count = lengths.take_while(|length| *length <= MAX_TEXT).count();
        let shown = self.0.get(..count).unwrap_or_default();
        let dots = if count < self.0.len() { ".." } else { "" };
        write!(formatter, "\"{}\"{dots}", shown.escape_ascii())
    }
}

/// A newtype around an array of bytes is shown by `Debug` as its name with the bytes in hex, on one line, and by
/// `Display` as the hex alone. In full: what is cut off is what an attacker would change.
macro_rules! shown_in_hex {
    ($($type:ident)+) => { $(
        impl core::fmt::Debug for $type {
            fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(formatter, concat!(stringify!($type), "({})"), self)
            }
        }

        impl core::fmt::Display for $type {
            fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(&Hex(&self.0), formatter)
            }
        }
    )+ };
}

/// `Debug` of a state is a line for a log: these of its fields, each of them short whatever the state and without a
/// secret, and that there are more.
macro_rules! shown_in_part {
    ($type:ident { $($field:ident),+ }) => {
        impl core::fmt::Debug for $type {
            fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let mut shown = formatter.debug_struct(stringify!($type));
                $(shown.field(stringify!($field), &self.$field);)+
                shown.finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use {shown_in_hex, shown_in_part};

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn hex_is_lower_case_with_two_digits_for_each_byte() {
        assert_eq!(format!("{}", Hex(&[0, 10, 0xbc, 0xff])), "000abcff");
        assert_eq!(format!("{}", Hex(&[])), "");
    }

    #[test]
    fn short_hex_shows_eight_bytes() {
        assert_eq!(format!("{:?}", ShortHex::of(&[0xab; 32])), "abababababababab..");
    }
}
