//! Commands: what the user orders, as a line of text or by a key of a screen.

mod line_words;

mod group_commands;

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;

use crate::command::line_words::{name, seconds, word, wrong};
use crate::name::Name;
use crate::words::Words;

pub use crate::command::group_commands::{GroupCommand, GroupOrder};
pub use crate::command::line_words::Unclear;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Sends a text.
    Send {
        to: Name,
        text: String,
        life: OwnLife,
    },
    /// Sends a file. The caller looks for it, and gives what it found to
    /// [`Engine::send_file`](crate::engine::Engine::send_file).
    SendFile {
        to: Name,
        path: PathBuf,
    },
    /// Saves a file of theirs, in this place or under its name. The caller does, as
    /// [`Engine::whole_file`](crate::engine::Engine::whole_file) lets it.
    Save(MessagePrefix, Option<PathBuf>),
    /// Shows a picture of theirs; the same.
    Show(MessagePrefix),
    /// Reports a message of theirs. Only the store has what proves it: the caller asks it, and gives that to
    /// [`Engine::report`](crate::engine::Engine::report).
    Report(MessagePrefix),
    /// Fetches a file of theirs again.
    Fetch(MessagePrefix),
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
    /// Looks for messages in all conversations. Only the store can: the caller asks it, and gives what it found to
    /// [`Engine::found`](crate::engine::Engine::found).
    Find(Words),
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
    /// Shows somebody's devices, or our own.
    Devices(Option<Name>),
    /// Shows the code by which this device, a new one, is linked.
    Link,
    /// Links the device that shows this code. The caller reads it, pasted or out of a picture, and gives it to
    /// [`Engine::link_code_read`](crate::engine::Engine::link_code_read).
    LinkWith(String),
    /// The digits are the same on both devices.
    LinkConfirm,
    LinkCancel,
    /// Asks the owner's device to remove this one.
    Unlink,
    /// Removes one of our own devices.
    Remove(Name),
    /// A device of ours that nobody knew here is the user's, or all of them are.
    Confirm(Option<Name>),
    Group(GroupCommand),
    /// The store is an older one, put back from a backup.
    Restored,
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

const ALL: &str = "to NAME TEXT | /send | /save | /show | /fetch | /for | /once | /timer | /vanish | /open | /unsend | \
    /delete | /report | /read | /close | /history | /find | /list | /requests | /accept | /refuse | /block | \
    /accept-identity | /keep-identity | /verify | /verified | /devices | /link | /link-confirm | /link-cancel | \
    /unlink | /remove | /confirm | /group | /groups | /join | /decline | /members | /invite | /kick | /admin | \
    /title | /timer-by | /leave | /restored | /quit";

/// Where the ids of messages are to be seen.
pub const WHERE_IDS_ARE: &str = "/history NAME shows them";

impl Command {
    /// Takes a line; the error says what is wrong with it.
    pub fn parse(line: &str) -> Result<Self, Unclear> {
        let (verb, rest) = word(line);
        let usage = |arguments: &str| format!("{verb} {arguments}");
        let named = |make: fn(Name) -> Self| name(rest.trim(), &usage("NAME")).map(make);
        let prefix = |digits: &str, arguments: &str| {
            MessagePrefix::new(digits).ok_or_else(|| {
                let what = "an ID is the first digits of a message's, four or more of 0-9 a-f";
                wrong(&usage(arguments), &format!("{what}: {WHERE_IDS_ARE}"))
            })
        };
        let message = |make: fn(MessagePrefix) -> Self| prefix(rest.trim(), "ID").map(make);
        let alone = |command: Self| match rest.trim() {
            "" => Ok(command),
            _ => Err(wrong(verb, "nothing can follow it")),
        };
        match verb {
            "to" => send(rest, OwnLife::AsConversation, &usage("NAME TEXT")),
            "/once" => send(rest, OwnLife::Once, &usage("NAME TEXT")),
            "/for" => {
                let usage = usage("SPAN NAME TEXT");
                let (span, rest) = word(rest);
                send(rest, OwnLife::For(seconds(span, &usage)?), &usage)
            }
            "/send" => {
                let (usage, (to, path)) = (usage("NAME FILE"), word(rest));
                let to = name(to, &usage)?;
                match path.trim() {
                    "" => Err(wrong(&usage, "the file is missing")),
                    path => Ok(Self::SendFile { to, path: path.into() }),
                }
            }
            "/save" => {
                let (digits, path) = word(rest.trim());
                let path = Some(path.trim()).filter(|path| !path.is_empty()).map(PathBuf::from);
                Ok(Self::Save(prefix(digits, "ID [PATH]")?, path))
            }
            "/report" => message(Self::Report),
            "/show" => message(Self::Show),
            "/fetch" => message(Self::Fetch),
            "/timer" => {
                let (usage, (with, timer)) = (usage("NAME SPAN|off"), word(rest));
                let with = name(with, &usage)?;
                let timer = match timer.trim() {
                    "off" => Timer::Off,
                    span => Timer::After(seconds(span, &usage)?),
                };
                Ok(Self::Timer { with, timer })
            }
            "/vanish" => {
                let (usage, (with, state)) = (usage("NAME on|off"), word(rest));
                let with = name(with, &usage)?;
                let timer = match state.trim() {
                    "on" => Timer::Vanish,
                    "off" => Timer::Off,
                    _ => return Err(wrong(&usage, "say on or off")),
                };
                Ok(Self::Timer { with, timer })
            }
            "/find" => match Words::of(rest) {
                words if words.is_empty() => {
                    Err(wrong(&usage("WORDS"), "say one word at least, of letters or digits"))
                }
                words => Ok(Self::Find(words)),
            },
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
            "/devices" => match rest.trim() {
                "" => Ok(Self::Devices(None)),
                _ => named(|name| Self::Devices(Some(name))),
            },
            "/link" => Ok(match rest.trim() {
                "" => Self::Link,
                code => Self::LinkWith(code.into()),
            }),
            "/link-confirm" => alone(Self::LinkConfirm),
            "/link-cancel" => alone(Self::LinkCancel),
            "/unlink" => alone(Self::Unlink),
            "/remove" => named(Self::Remove),
            "/confirm" => match rest.trim() {
                "" => Ok(Self::Confirm(None)),
                _ => named(|name| Self::Confirm(Some(name))),
            },
            "/list" => alone(Self::List),
            "/requests" => alone(Self::Requests),
            "/restored" => alone(Self::Restored),
            "/quit" => alone(Self::Quit),
            _ => match GroupCommand::parse(verb, rest) {
                Some(parsed) => parsed.map(Self::Group),
                None => Err(Unclear::NoCommand),
            },
        }
    }
}

impl MessagePrefix {
    fn new(digits: &str) -> Option<Self> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        ((4..=32).contains(&digits.len()) && digits.bytes().all(is_hex))
            .then(|| Self(digits.into()))
    }
}

impl fmt::Display for Unclear {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand => write!(formatter, "there is no such command, but: {ALL}"),
            Self::Wrong(text) => formatter.write_str(text),
        }
    }
}

fn send(rest: &str, life: OwnLife, usage: &str) -> Result<Command, Unclear> {
    let (to, text) = word(rest);
    let to = name(to, usage)?;
    match text {
        "" => Err(wrong(usage, "the text is missing")),
        text => Ok(Command::Send { to, text: text.into(), life }),
    }
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
        assert_eq!(Command::parse("/restored"), Ok(Command::Restored));
        assert_eq!(Command::parse("/quit"), Ok(Command::Quit));
    }

    #[test]
    fn files_are_sent_by_a_path_and_saved_by_an_id() {
        let path = |path: &str| PathBuf::from(path);
        let send = Command::SendFile { to: bob(), path: path("/tmp/a file.png") };
        assert_eq!(Command::parse("/send bob /tmp/a file.png"), Ok(send));
        let id = || MessagePrefix("12ab".into());
        assert_eq!(Command::parse("/save 12ab"), Ok(Command::Save(id(), None)));
        let save = Command::Save(id(), Some(path("a file.png")));
        assert_eq!(Command::parse("/save 12ab a file.png"), Ok(save));
        assert_eq!(Command::parse("/show 12ab"), Ok(Command::Show(id())));
        assert_eq!(Command::parse("/fetch 12ab"), Ok(Command::Fetch(id())));
    }

    #[test]
    fn words_are_looked_for_whatever_stands_between_them() {
        let find = Command::Find(Words::of("key stone"));
        assert_eq!(Command::parse("/find  the-KEY").unwrap(), Command::Find(Words::of("the key")));
        assert_eq!(Command::parse("/find \"stone\", key!"), Ok(find));
    }

    #[test]
    fn a_wrong_line_is_told_what_is_wrong_with_it_and_what_to_do() {
        for (line, start, what) in [
            ("to", "to NAME TEXT: ", "the name is missing"),
            ("to bob", "to NAME TEXT: ", "the text is missing"),
            ("to Bob hello", "to NAME TEXT: ", "\"Bob\" is no name: a name has 1 to 32 of a-z"),
            ("/for soon bob x", "/for SPAN NAME TEXT: ", "\"soon\" is no span of time; 30s,"),
            ("/timer bob", "/timer NAME SPAN|off: ", "the span of time is missing; 30s,"),
            ("/vanish bob", "/vanish NAME on|off: ", "say on or off"),
            ("/open xyz1", "/open ID: ", "four or more of 0-9 a-f: /history NAME shows them"),
            ("/open 12", "/open ID: ", "the first digits"),
            ("/send bob", "/send NAME FILE: ", "the file is missing"),
            ("/save", "/save ID [PATH]: ", "the first digits"),
            ("/find ?", "/find WORDS: ", "say one word at least"),
            ("/accept", "/accept NAME: ", "the name is missing"),
            ("/quit now", "/quit: ", "nothing can follow it"),
            ("/list x", "/list: ", "nothing can follow it"),
        ] {
            let error = Command::parse(line).unwrap_err().to_string();
            assert!(error.starts_with(start) && error.contains(what), "{line}: {error}");
        }
        for line in ["", " ", "hello", "/", "\u{0}"] {
            let error = Command::parse(line).unwrap_err();
            assert_eq!(error, Unclear::NoCommand, "{line:?}");
            assert!(error.to_string().contains("to NAME TEXT | /send"), "{line:?}");
        }
    }
}
