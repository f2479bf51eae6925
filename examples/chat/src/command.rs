//! Commands: what the user orders, as a line of text or by a key of a screen.

use std::num::NonZeroU32;

use crate::name::Name;
use crate::span;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Sends a text.
    Send {
        to: Name,
        text: String,
        life: OwnLife,
    },
    /// How long messages of a conversation live.
    Timer {
        with: Name,
        timer: Timer,
    },
    /// Opens a message that can be opened once.
    Open(MessagePrefix),
    Unsend(MessagePrefix),
    /// Deletes it here alone.
    Delete(MessagePrefix),
    /// Opens a conversation: what is in it counts as read.
    Read(Name),
    /// Leaves it.
    Close(Name),
    /// Shows all of it that may be shown.
    History(Name),
    List,
    Requests,
    Accept(Name),
    Refuse(Name),
    Block(Name),
    AcceptIdentity(Name),
    /// Stays with the former one.
    KeepIdentity(Name),
    /// Shows the safety number.
    Verify(Name),
    /// The user has compared it.
    Verified(Name),
    Quit,
}

/// What a message says about its own life, beside the timer of its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnLife {
    AsConversation,
    For(NonZeroU32),
    Once,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    Off,
    After(NonZeroU32),
    Vanish,
}

/// The first digits of a message's id; as many as tell it apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagePrefix(pub String);

/// What the lines look like. The first word finds the one to show when a line is wrong.
const USAGES: [(&str, &str); 19] = [
    ("to", "to NAME TEXT"),
    ("/for", "/for SPAN NAME TEXT"),
    ("/once", "/once NAME TEXT"),
    ("/timer", "/timer NAME SPAN|off"),
    ("/vanish", "/vanish NAME on|off"),
    ("/open", "/open ID"),
    ("/unsend", "/unsend ID"),
    ("/delete", "/delete ID"),
    ("/read", "/read NAME"),
    ("/close", "/close NAME"),
    ("/history", "/history NAME"),
    ("/accept", "/accept NAME"),
    ("/refuse", "/refuse NAME"),
    ("/block", "/block NAME"),
    ("/accept-identity", "/accept-identity NAME"),
    ("/keep-identity", "/keep-identity NAME"),
    ("/verify", "/verify NAME"),
    ("/verified", "/verified NAME"),
    (
        "",
        "to | /for | /once | /timer | /vanish | /open | /unsend | /delete | /read | /close | /history | /list | \
      /requests | /accept | /refuse | /block | /accept-identity | /keep-identity | /verify | /verified | /quit",
    ),
];

impl Command {
    /// Takes a line; the error says what it should look like.
    pub fn parse(line: &str) -> Result<Self, &'static str> {
        let (verb, rest) = word(line);
        Self::of(verb, rest).ok_or_else(|| usage(verb))
    }

    fn of(verb: &str, rest: &str) -> Option<Self> {
        let named = |make: fn(Name) -> Self| Name::new(rest.trim()).ok().map(make);
        let message = |make: fn(MessagePrefix) -> Self| MessagePrefix::new(rest.trim()).map(make);
        match verb {
            "to" => Self::send(rest, OwnLife::AsConversation),
            "/once" => Self::send(rest, OwnLife::Once),
            "/for" => {
                let (span, rest) = word(rest);
                Self::send(rest, OwnLife::For(span::parse(span)?))
            }
            "/timer" => {
                let (with, timer) = word(rest);
                let timer = match timer.trim() {
                    "off" => Timer::Off,
                    span => Timer::After(span::parse(span)?),
                };
                Some(Self::Timer { with: Name::new(with).ok()?, timer })
            }
            "/vanish" => {
                let (with, state) = word(rest);
                let timer = match state.trim() {
                    "on" => Timer::Vanish,
                    "off" => Timer::Off,
                    _ => return None,
                };
                Some(Self::Timer { with: Name::new(with).ok()?, timer })
            }
            "/open" => message(Self::Open),
            "/unsend" => message(Self::Unsend),
            "/delete" => message(Self::Delete),
            "/read" => named(Self::Read),
            "/close" => named(Self::Close),
            "/history" => named(Self::History),
            "/accept" => named(Self::Accept),
            "/refuse" => named(Self::Refuse),
            "/block" => named(Self::Block),
            "/accept-identity" => named(Self::AcceptIdentity),
            "/keep-identity" => named(Self::KeepIdentity),
            "/verify" => named(Self::Verify),
            "/verified" => named(Self::Verified),
            "/list" => rest.trim().is_empty().then_some(Self::List),
            "/requests" => rest.trim().is_empty().then_some(Self::Requests),
            "/quit" => rest.trim().is_empty().then_some(Self::Quit),
            _ => None,
        }
    }

    fn send(rest: &str, life: OwnLife) -> Option<Self> {
        let (to, text) = word(rest);
        let to = Name::new(to).ok()?;
        (!text.is_empty()).then(|| Self::Send { to, text: text.into(), life })
    }
}

impl MessagePrefix {
    fn new(digits: &str) -> Option<Self> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        ((4..=32).contains(&digits.len()) && digits.bytes().all(is_hex))
            .then(|| Self(digits.into()))
    }
}

/// The first word, and what follows the space after it.
fn word(line: &str) -> (&str, &str) {
    line.split_once(' ').unwrap_or((line, ""))
}

fn usage(verb: &str) -> &'static str {
    let fits = |(name, _): &&(&str, &str)| *name == verb || name.is_empty();
    USAGES.iter().find(fits).map_or("", |(_, usage)| usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bob() -> Name {
        Name::new("bob").unwrap()
    }

    fn seconds(seconds: u32) -> NonZeroU32 {
        NonZeroU32::new(seconds).unwrap()
    }

    #[test]
    fn a_text_is_everything_after_the_name() {
        let send = |text: &str, life| Command::Send { to: bob(), text: text.into(), life };
        let cases = [
            ("to bob  two  spaces ", send(" two  spaces ", OwnLife::AsConversation)),
            ("/once bob /quit", send("/quit", OwnLife::Once)),
            ("/for 5m bob x", send("x", OwnLife::For(seconds(300)))),
        ];
        for (line, command) in cases {
            assert_eq!(Command::parse(line), Ok(command), "{line}");
        }
    }

    #[test]
    fn timers_and_names_are_taken() {
        let timer = |timer| Ok(Command::Timer { with: bob(), timer });
        assert_eq!(Command::parse("/timer bob 1h"), timer(Timer::After(seconds(3_600))));
        assert_eq!(Command::parse("/timer bob off"), timer(Timer::Off));
        assert_eq!(Command::parse("/vanish bob on"), timer(Timer::Vanish));
        assert_eq!(Command::parse("/accept-identity bob"), Ok(Command::AcceptIdentity(bob())));
        assert_eq!(Command::parse("/quit"), Ok(Command::Quit));
    }

    #[test]
    fn a_wrong_line_gets_its_usage() {
        for (line, usage) in [
            ("to", "to NAME TEXT"),
            ("to bob", "to NAME TEXT"),
            ("to Bob hello", "to NAME TEXT"),
            ("/timer bob soon", "/timer NAME SPAN|off"),
            ("/vanish bob", "/vanish NAME on|off"),
            ("/open xyz1", "/open ID"),
            ("/open 12", "/open ID"),
        ] {
            assert_eq!(Command::parse(line), Err(usage), "{line}");
        }
        for line in ["", " ", "hello", "/", "/quit now", "/list x", "\u{0}"] {
            assert!(Command::parse(line).unwrap_err().starts_with("to | /for"), "{line:?}");
        }
    }
}
