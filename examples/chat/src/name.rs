//! What people are called: an address, the same at the relay and inside of the encryption.

use std::fmt;

use evanesce::Address;
use serde::{Deserialize, Serialize};

/// Letters, digits and `. _ -`: 1 to 32 of them, so that a name cannot look like anything else in a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// A name has 1 to 32 of `a-z 0-9 . _ -`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAName;

impl Name {
    const LONGEST: usize = 32;

    pub fn new(name: &str) -> Result<Self, NotAName> {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
        };
        if name.is_empty() || name.len() > Self::LONGEST || !name.bytes().all(allowed) {
            return Err(NotAName);
        }
        Ok(Self(name.into()))
    }

    /// The name that an address is, if it is one.
    pub fn of(address: &Address) -> Option<Self> {
        std::str::from_utf8(address.as_bytes()).ok().and_then(|name| Self::new(name).ok())
    }

    pub fn address(&self) -> Address {
        #[expect(
            clippy::expect_used,
            reason = "an address may have 64 bytes, a name has at most 32"
        )]
        Address::new(&self.0).expect("a name is an address")
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for NotAName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name has 1 to 32 of a-z 0-9 . _ -")
    }
}

impl std::error::Error for NotAName {}

impl TryFrom<String> for Name {
    type Error = NotAName;

    fn try_from(name: String) -> Result<Self, NotAName> {
        Self::new(&name)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_taken_for_something_else_is_no_name() {
        for wrong in ["", "a b", "Alice", "a\n", "ä", &"a".repeat(33)] {
            assert_eq!(Name::new(wrong), Err(NotAName), "{wrong:?}");
        }
        let name = Name::new("alice-2.home_x").unwrap();
        assert_eq!(Name::of(&name.address()), Some(name));
        assert_eq!(Name::of(&Address::new([0xff]).unwrap()), None);
    }
}
