//! How ids, timers and texts of others look in a line.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use evanesce::expiry::{MessageId, Policy};
use evanesce::zeroize::Zeroizing;

use crate::span;

/// A timer as people write it.
pub fn timer(policy: Option<Policy>) -> String {
    match policy {
        None => "off".into(),
        Some(Policy::OnClose) => "vanish".into(),
        Some(Policy::AfterRead { ttl } | Policy::AfterSend { ttl }) => span::show(ttl),
    }
}

/// An id in hexadecimal digits.
pub struct Id(pub MessageId);

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// The code by which a device is linked. Whoever sees it can offer to link that.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkText(Zeroizing<Vec<u8>>);

impl LinkText {
    pub fn new(code: Zeroizing<Vec<u8>>) -> Self {
        Self(code)
    }

    /// What stands in a QR code.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes of a code that was pasted.
    pub fn read(text: &str) -> Option<Zeroizing<Vec<u8>>> {
        Base64UrlUnpadded::decode_vec(text).ok().map(Zeroizing::new)
    }
}

/// In base64url, to be pasted.
impl fmt::Display for LinkText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&Zeroizing::new(Base64UrlUnpadded::encode_string(&self.0)))
    }
}

impl fmt::Debug for LinkText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LinkText(..)")
    }
}

/// Digits that people compare, in groups of five.
pub fn grouped(digits: &str) -> String {
    let digits: Vec<char> = digits.chars().collect();
    digits.chunks(5).map(String::from_iter).collect::<Vec<_>>().join(" ")
}

/// A text in which nothing can end the line or order the terminal about: others wrote it.
pub struct OneLine<'text>(pub &'text str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| {
            if character.is_control() || is_direction(character) || character == '\\' {
                write!(formatter, "{}", character.escape_default())
            } else {
                write!(formatter, "{character}")
            }
        })
    }
}

/// Line separators, and what turns the direction of writing round: it can make a text look like another one.
pub fn is_direction(character: char) -> bool {
    matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// How large a file is.
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes) = *self;
        let tenths = |unit: u64| (bytes / unit, bytes % unit * 10 / unit);
        let ((whole, tenth), unit) = match bytes {
            0..1_000 => return write!(formatter, "{bytes} B"),
            1_000..1_000_000 => (tenths(1_000), "kB"),
            _ => (tenths(1_000_000), "MB"),
        };
        write!(formatter, "{whole}.{tenth} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_the_unit_that_people_use() {
        for (bytes, shown) in [(0, "0 B"), (999, "999 B"), (1_960, "1.9 kB"), (2_500_000, "2.5 MB")]
        {
            assert_eq!(Size(bytes).to_string(), shown);
        }
    }

    #[test]
    fn a_text_of_others_is_one_line_and_orders_nothing() {
        let shown = OneLine("one\ntwo\u{1b}[2J \u{202e}x\\ ä").to_string();
        assert_eq!(shown, "one\\ntwo\\u{1b}[2J \\u{202e}x\\\\ ä");
    }
}
