//! What conversations are called. That with a person has their address, the same at the relay and inside of the encryption;
//! a group has a name of this device's own, which begins with `#`, so that it is nobody's address.

use std::fmt;

use evanesce::Address;
use serde::{Deserialize, Serialize};

/// Letters, digits and `. _ -`: 1 to 32 of them, so that a name cannot look like anything else in a line; before those of a
/// group stands a `#`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// With this the name of a group begins.
const GROUP: char = '#';

/// A name has 1 to 32 of `a-z 0-9 . _ -`, that of a group behind a `#`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAName;

impl Name {
    const LONGEST: usize = 32;

    pub fn new(name: &str) -> Result<Self, NotAName> {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
        };
        let word = name.strip_prefix(GROUP).unwrap_or(name);
        if word.is_empty() || word.len() > Self::LONGEST || !word.bytes().all(allowed) {
            return Err(NotAName);
        }
        Ok(Self(name.into()))
    }

    /// What a person may be called.
    pub fn of_person(name: &str) -> Result<Self, NotAName> {
        Self::new(name).and_then(|name| if name.is_group() { Err(NotAName) } else { Ok(name) })
    }

    /// The name that an address is, if it is one.
    pub fn of(address: &Address) -> Option<Self> {
        std::str::from_utf8(address.as_bytes()).ok().and_then(|name| Self::of_person(name).ok())
    }

    /// What a group of this title may be called: the letters and digits of it, as far as a name can have them.
    pub fn of_title(title: &str) -> Self {
        let word = title.to_lowercase().chars().fold(String::new(), |mut word, character| {
            let is_in = character.is_ascii_alphanumeric();
            if is_in && word.len() < Self::LONGEST {
                word.push(character);
            } else if !word.is_empty() && !word.ends_with('-') && word.len() < Self::LONGEST {
                word.push('-');
            }
            word
        });
        let word = match word.trim_end_matches('-') {
            "" => "group",
            word => word,
        };
        Self(format!("{GROUP}{word}"))
    }

    /// The same, with a number behind it: where there is one of that name.
    pub fn numbered(&self, number: usize) -> Self {
        let end = format!("-{number}");
        let room = Self::LONGEST.saturating_add(GROUP.len_utf8()).saturating_sub(end.len());
        let start: String = self.0.chars().take(room).collect();
        Self(format!("{start}{end}"))
    }

    /// Whether it is a group's.
    pub fn is_group(&self) -> bool {
        self.0.starts_with(GROUP)
    }

    pub fn address(&self) -> Address {
        #[expect(
            clippy::expect_used,
            reason = "an address may have 64 bytes, a name has at most 33"
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
        formatter.write_str("a name has 1 to 32 of a-z 0-9 . _ -, that of a group behind a #")
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
        for wrong in ["", "a b", "Alice", "a\n", "ä", "#", "a#", "##a", &"a".repeat(33)] {
            assert_eq!(Name::new(wrong), Err(NotAName), "{wrong:?}");
        }
        let name = Name::new("alice-2.home_x").unwrap();
        assert_eq!(Name::of(&name.address()), Some(name));
        assert_eq!(Name::of(&Address::new([0xff]).unwrap()), None);
    }
    #[test]
    fn what_a_group_is_called_is_no_address() {
        let title = "Hiking, on Sunday! \u{1f97e}";
        for (title, called) in
            [(title, "#hiking-on-sunday"), ("\u{1f97e}", "#group"), ("", "#group")]
        {
            let name = Name::of_title(title);
            assert_eq!(name.as_str(), called);
            assert!(name.is_group() && Name::new(called) == Ok(name.clone()));
            assert_eq!((Name::of(&name.address()), Name::of_person(called)), (None, Err(NotAName)));
        }
        let long = Name::of_title(&"a".repeat(100));
        for name in [long.clone(), long.numbered(12), Name::of_title("b").numbered(2)] {
            assert_eq!(Name::new(name.as_str()), Ok(name));
        }
    }
}
