//! What a line means that was typed on the screen: the commands of the line mode, with the open conversation for
//! the name that is left out.

use evanesce::expiry::MessageId;

use crate::command::Command;
use crate::name::Name;
use crate::shown::Id;
use crate::view::{Author, LineText, LineView, Progress};

#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    Command(Command),
    /// Goes to a conversation.
    Enter(Name),
    /// Writes to somebody, and goes to that conversation.
    Begin(Name, Command),
    Leave,
    Safety,
    Help,
}

/// The messages that are meant when no id is typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latest {
    /// Can be opened once, by us.
    pub to_open: Option<MessageId>,
    /// Ours.
    pub to_unsend: Option<MessageId>,
    pub to_delete: Option<MessageId>,
}

impl Latest {
    pub fn of(lines: &[LineView]) -> Self {
        let last = |fits: fn(&LineView) -> bool| {
            lines.iter().rev().find(|line| fits(line)).map(|line| line.id)
        };
        Self {
            to_open: last(|line| line.author == Author::Them && line.text == LineText::Once),
            to_unsend: last(|line| line.author == Author::Us),
            to_delete: last(|line| line.progress != Progress::Unread),
        }
    }
}

impl Typed {
    /// Takes a line; the error says what is wrong with it. In an open conversation every line without a slash is a
    /// text for it, also one that begins like a command of the line mode.
    pub fn parse(line: &str, open: Option<&Name>, latest: Latest) -> Result<Self, String> {
        let Some(name) = open else {
            return Self::anywhere(line);
        };
        match line.strip_prefix('/') {
            None => command(&format!("to {name} {line}")),
            Some(text) if text.starts_with('/') => command(&format!("to {name} {text}")),
            Some(_) => Self::within(line, name, latest),
        }
    }

    fn within(line: &str, open: &Name, latest: Latest) -> Result<Self, String> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let by_id = |id: Option<MessageId>| match id {
            Some(id) if rest.trim().is_empty() => command(&format!("{verb} {}", Id(id))),
            Some(_) | None => Self::anywhere(line),
        };
        match verb {
            "/once" if rest.trim().is_empty() => Err("/once TEXT".into()),
            "/once" => command(&format!("/once {open} {rest}")),
            "/for" => match rest.split_once(' ') {
                Some((span, text)) if !text.is_empty() => {
                    command(&format!("/for {span} {open} {text}"))
                        .map_err(|_| "/for SPAN TEXT, with a span like 30s, 5m, 1h, 2d, 1w".into())
                }
                Some(_) | None => Err("/for SPAN TEXT".into()),
            },
            "/timer" | "/vanish" if !rest.trim().contains(' ') => {
                command(&format!("{verb} {open} {}", rest.trim())).map_err(|_| {
                    if verb == "/timer" { "/timer SPAN|off" } else { "/vanish on|off" }.into()
                })
            }
            "/accept" | "/refuse" | "/block" | "/accept-identity" | "/keep-identity"
            | "/verified"
                if rest.trim().is_empty() =>
            {
                command(&format!("{verb} {open}"))
            }
            "/close" if rest.trim().is_empty() => Ok(Self::Leave),
            "/verify" if rest.trim().is_empty() => Ok(Self::Safety),
            "/open" => by_id(latest.to_open),
            "/unsend" => by_id(latest.to_unsend),
            "/delete" => by_id(latest.to_delete),
            _ => Self::anywhere(line),
        }
    }

    fn anywhere(line: &str) -> Result<Self, String> {
        match line.trim() {
            "/help" => return Ok(Self::Help),
            "/list" | "/requests" => return Err("everybody is on the left: Up and Down".into()),
            _ => {}
        }
        let line = if line.starts_with("/to ") { line.trim_start_matches('/') } else { line };
        Ok(match command(line)? {
            Self::Command(Command::Read(name)) => Self::Enter(name),
            Self::Command(Command::Verify(_)) => {
                return Err("go to the conversation first: Up and Down".into());
            }
            Self::Command(Command::History(_)) => {
                return Err("all of it is in the conversation: PageUp".into());
            }
            Self::Command(Command::Send { to, text, life }) => {
                Self::Begin(to.clone(), Command::Send { to, text, life })
            }
            other => other,
        })
    }
}

fn command(line: &str) -> Result<Typed, String> {
    let of_all = |usage: &str| usage.contains(" | ");
    Command::parse(line).map(Typed::Command).map_err(|usage| match usage {
        usage if !of_all(usage) => usage.into(),
        _ if line.starts_with('/') => "there is no such command: F1 shows them".into(),
        _ => "open a conversation, or say to whom: to NAME TEXT".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{OwnLife, Timer};

    fn bob() -> Name {
        Name::new("bob").unwrap()
    }

    fn within(line: &str) -> Result<Typed, String> {
        let latest = Latest { to_open: Some(MessageId([7; 16])), ..Latest::default() };
        Typed::parse(line, Some(&bob()), latest)
    }

    fn same(line: &str) -> Result<Typed, String> {
        command(line)
    }

    #[test]
    fn in_a_conversation_a_text_goes_to_it_whatever_it_begins_with() {
        let send = |text: &str, life| {
            Ok(Typed::Command(Command::Send { to: bob(), text: text.into(), life }))
        };
        assert_eq!(within("to be or not"), send("to be or not", OwnLife::AsConversation));
        assert_eq!(within("//quit"), send("/quit", OwnLife::AsConversation));
        assert_eq!(within("/once see you"), send("see you", OwnLife::Once));
    }

    #[test]
    fn the_open_conversation_is_the_name_that_is_left_out() {
        assert_eq!(within("/timer 30s"), same("/timer bob 30s"));
        assert_eq!(within("/timer carol 30s"), same("/timer carol 30s"));
        assert_eq!(within("/vanish on"), same("/vanish bob on"));
        assert_eq!(within("/for 5m hi you"), same("/for 5m bob hi you"));
        assert_eq!(within("/block"), same("/block bob"));
        assert_eq!(within("/open"), same(&format!("/open {}", "07".repeat(16))));
        assert_eq!(within("/open 1234"), same("/open 1234"));
        assert_eq!(within("/verify"), Ok(Typed::Safety));
        assert_eq!(within("/close"), Ok(Typed::Leave));
        assert_eq!(within("/quit"), Ok(Typed::Command(Command::Quit)));
        let off = Command::Timer { with: bob(), timer: Timer::Off };
        assert_eq!(within("/timer off"), Ok(Typed::Command(off)));
    }

    #[test]
    fn without_one_a_name_is_asked_for() {
        let anywhere = |line: &str| Typed::parse(line, None, Latest::default());
        assert!(anywhere("hello").unwrap_err().starts_with("open a conversation"));
        assert!(anywhere("/timer 30s").is_err());
        assert!(anywhere("/verify bob").is_err());
        assert!(matches!(anywhere("to bob hi"), Ok(Typed::Begin(name, _)) if name == bob()));
        assert!(matches!(anywhere("/to bob hi"), Ok(Typed::Begin(name, _)) if name == bob()));
        assert_eq!(anywhere("/read bob"), Ok(Typed::Enter(bob())));
        assert_eq!(anywhere("/help"), Ok(Typed::Help));
    }

    #[test]
    fn what_is_incomplete_gets_its_usage() {
        for (line, usage) in [
            ("/once", "/once TEXT"),
            ("/for 5m", "/for SPAN TEXT"),
            ("/timer", "/timer SPAN|off"),
            ("/timer soon", "/timer SPAN|off"),
            ("/vanish x", "/vanish on|off"),
            ("/unsend", "/unsend ID"),
            ("/sing", "there is no such command: F1 shows them"),
        ] {
            assert_eq!(within(line), Err(usage.into()), "{line}");
        }
    }
}
