//! A line word by word, and what is wrong with it.

use std::num::NonZeroU32;

use crate::name::Name;
use crate::span;

/// Why a line is no command, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unclear {
    /// No command begins so.
    NoCommand,
    /// The command, what it should look like, and what is wrong with it.
    Wrong(String),
}

pub fn name(text: &str, usage: &str) -> Result<Name, Unclear> {
    match text {
        "" => Err(wrong(usage, "the name is missing")),
        text => {
            Name::new(text).map_err(|rule| wrong(usage, &format!("\"{text}\" is no name: {rule}")))
        }
    }
}

pub fn seconds(text: &str, usage: &str) -> Result<NonZeroU32, Unclear> {
    let what = match text {
        "" => "the span of time is missing".into(),
        text => format!("\"{text}\" is no span of time"),
    };
    span::parse(text).ok_or_else(|| wrong(usage, &format!("{what}; 30s, 5m, 1h, 2d, 1w are")))
}

pub fn wrong(usage: &str, what: &str) -> Unclear {
    Unclear::Wrong(format!("{usage}: {what}"))
}

/// The first word, and what follows the space after it.
pub fn word(line: &str) -> (&str, &str) {
    line.split_once(' ').unwrap_or((line, ""))
}
