//! What a line means that was typed on the screen: the commands of the line mode, with the open conversation for
//! the name that is left out.

use evanesce::expiry::MessageId;

use crate::command::{Command, OwnLife, Unclear, WHERE_IDS_ARE};
use crate::name::Name;
use crate::shown::Id;
use crate::span;
use crate::view::{Author, ContactView, LineText, LineView, Progress};

#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    Command(Command),
    /// Goes to a conversation.
    Enter(Name),
    /// Writes to somebody, and goes to that conversation, where the same is typed so.
    Begin {
        to: Name,
        command: Command,
        there: String,
    },
    Leave,
    Safety,
    Help,
}

/// Why a line is not done. It stays in the input line.
#[derive(Debug, PartialEq, Eq)]
pub enum Undone {
    /// What is wrong, and what to do.
    Wrong(String),
    /// It may be meant for somebody else than the open conversation. Entered once more it goes there.
    Doubtful(String),
}

/// Where a line is typed.
#[derive(Clone, Copy, Debug)]
pub struct Place<'focus> {
    pub open: Option<&'focus Name>,
    pub latest: Latest,
    pub contacts: &'focus [ContactView],
}

/// Whether the user has been asked for whom the line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubts {
    Raised,
    Settled,
}

/// The messages that are meant when no id is typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latest {
    /// Can be opened once, by us.
    pub to_open: Option<MessageId>,
    /// Ours.
    pub to_unsend: Option<MessageId>,
    pub to_delete: Option<MessageId>,
    /// A file of theirs.
    pub file: Option<MessageId>,
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
            file: last(|line| {
                line.author == Author::Them && matches!(line.text, LineText::File(_))
            }),
        }
    }
}

impl Typed {
    /// Takes a line. In an open conversation a line without a slash is a text for it; but not one for somebody by name.
    pub fn parse(line: &str, place: Place, doubts: Doubts) -> Result<Self, Undone> {
        let Some(open) = place.open else {
            return anywhere(line, place);
        };
        match line.strip_prefix('/') {
            None => for_somebody(line, place)
                .filter(|_| doubts == Doubts::Raised)
                .unwrap_or_else(|| send(open, line, OwnLife::AsConversation)),
            Some(text) if text.starts_with('/') => send(open, text, OwnLife::AsConversation),
            Some(_) => within(line, open, place, doubts),
        }
    }
}

/// What to do with `to NAME TEXT`, if it is that: for somebody who is here, it goes to them.
fn for_somebody(line: &str, place: Place) -> Option<Result<Typed, Undone>> {
    let (name, text) = line.strip_prefix("to ")?.split_once(' ')?;
    let to = Name::new(name).ok().filter(|_| !text.trim().is_empty())?;
    if place.knows(&to) {
        return Some(anywhere(line, place));
    }
    let open = place.open?;
    Some(Err(Undone::Doubtful(format!(
        "Nobody here is called {to}. /to {to} TEXT writes to somebody new; Enter once more sends this line to {open}."
    ))))
}

fn within(line: &str, open: &Name, place: Place, doubts: Doubts) -> Result<Typed, Undone> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (is_alone, has_group) = (rest.trim().is_empty(), rest.starts_with('#'));
    let by_id = |id: Option<MessageId>, none: &str| match id {
        _ if !is_alone => anywhere(line, place),
        Some(id) => command(&format!("{verb} {}", Id(id))),
        None => Err(Undone::Wrong(none.into())),
    };
    let by_name = || command(&format!("{verb} {open} {}", rest.trim())).map_err(without_name);
    // Elsewhere these want a name: one here may be meant so.
    let text = |text: &str, life| {
        let named = text.split_once(' ').and_then(|(first, _)| Name::new(first).ok());
        match named.filter(|name| doubts == Doubts::Raised && place.knows(name)) {
            Some(name) if name == *open => Err(Undone::Doubtful(format!(
                "Here the name is left out: {verb} TEXT. Enter once more sends it to {open}, with the name in it."
            ))),
            Some(name) => Err(Undone::Doubtful(format!(
                "This goes to {open}, with \"{name}\" as its first word; /read {name} goes to {name}. \
                 Enter once more sends it to {open}."
            ))),
            None => send(open, text, life),
        }
    };
    match verb {
        "/once" if is_alone => Err(Undone::Wrong("/once TEXT: the text is missing".into())),
        "/once" => text(rest, OwnLife::Once),
        "/for" => {
            let (span, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            match span::parse(span) {
                Some(seconds) if !rest.is_empty() => text(rest, OwnLife::For(seconds)),
                _ => command(&format!("/for {span} {open} {rest}")).map_err(without_name),
            }
        }
        "/timer" | "/vanish" if !rest.trim().contains(' ') => by_name(),
        "/accept" | "/refuse" | "/block" | "/accept-identity" | "/keep-identity" | "/verified"
        | "/join" | "/decline" | "/members" | "/leave"
            if is_alone =>
        {
            command(&format!("{verb} {open}"))
        }
        "/close" if is_alone => Ok(Typed::Leave),
        "/verify" if is_alone => Ok(Typed::Safety),
        "/invite" | "/kick" | "/admin" | "/title" | "/timer-by" if !has_group => by_name(),
        "/send" => by_name(),
        "/save" | "/show" | "/fetch" => by_id(place.latest.file, "there is no file of theirs here"),
        "/open" => by_id(place.latest.to_open, "there is nothing here to be opened once"),
        "/unsend" => by_id(place.latest.to_unsend, "there is nothing of yours here to take back"),
        "/delete" => by_id(place.latest.to_delete, "there is nothing here to delete"),
        _ => anywhere(line, place),
    }
}

fn anywhere(line: &str, place: Place) -> Result<Typed, Undone> {
    let wrong = |text: &str| Err(Undone::Wrong(text.into()));
    match line.trim() {
        "/help" => return Ok(Typed::Help),
        "/list" | "/requests" | "/groups" => return wrong("everybody is on the left: Up and Down"),
        "/close" | "/save" | "/show" | "/fetch" | "/verify" | "/verified" | "/open" | "/unsend"
        | "/delete" | "/accept" | "/refuse" | "/block" | "/accept-identity" | "/keep-identity" => {
            return wrong("go to a conversation first: Up and Down");
        }
        _ => {}
    }
    let line = if line.starts_with("/to ") { line.trim_start_matches('/') } else { line };
    Ok(match command(line)? {
        Typed::Command(Command::Read(name)) if place.knows(&name) => Typed::Enter(name),
        Typed::Command(Command::Read(name)) => {
            return Err(Undone::Wrong(format!(
                "nobody here is called {name}: /to {name} TEXT writes to somebody new"
            )));
        }
        Typed::Command(Command::Verify(_)) => {
            return wrong("go to the conversation first, then F2: Up and Down");
        }
        Typed::Command(Command::History(_)) => {
            return wrong("all of it is in the conversation: PageUp");
        }
        Typed::Command(Command::Send { to, text, life }) => {
            let there = line_within(&text, life);
            Typed::Begin { to: to.clone(), command: Command::Send { to, text, life }, there }
        }
        other => other,
    })
}

fn send(to: &Name, text: &str, life: OwnLife) -> Result<Typed, Undone> {
    Ok(Typed::Command(Command::Send { to: to.clone(), text: text.into(), life }))
}

/// How a text is typed in the conversation that it is for.
fn line_within(text: &str, life: OwnLife) -> String {
    match life {
        OwnLife::AsConversation if text.starts_with('/') => format!("/{text}"),
        OwnLife::AsConversation => text.into(),
        OwnLife::Once => format!("/once {text}"),
        OwnLife::For(seconds) => format!("/for {} {text}", span::show(seconds)),
    }
}

fn command(line: &str) -> Result<Typed, Undone> {
    Command::parse(line).map(Typed::Command).map_err(|unclear| {
        Undone::Wrong(match unclear {
            Unclear::Wrong(text) => text.replace(WHERE_IDS_ARE, "F4 shows them"),
            Unclear::NoCommand if line.starts_with('/') => {
                "there is no such command: F1 shows them".into()
            }
            Unclear::NoCommand => "open a conversation, or say to whom: to NAME TEXT".into(),
        })
    })
}

/// In a conversation its name is left out.
fn without_name(undone: Undone) -> Undone {
    match undone {
        Undone::Wrong(text) => {
            Undone::Wrong(text.replacen("GROUP ", "", 1).replacen("NAME ", "", 1))
        }
        Undone::Doubtful(text) => Undone::Doubtful(text),
    }
}

impl Place<'_> {
    fn knows(&self, name: &Name) -> bool {
        self.contacts.iter().any(|contact| contact.name == *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Timer;
    use crate::view::{Standing, Trust, Window};
    use std::num::NonZeroU32;

    fn name(name: &str) -> Name {
        Name::new(name).unwrap()
    }

    fn bob() -> Name {
        name("bob")
    }

    fn contacts() -> Vec<ContactView> {
        let contact = |it: &str| ContactView {
            name: name(it),
            standing: Standing::Accepted,
            trust: Trust::Claimed,
            timer: None,
            unread: 0,
            last: None,
            window: Window::Closed,
        };
        vec![contact("bob"), contact("carol")]
    }

    fn parse(line: &str, open: Option<&Name>, doubts: Doubts) -> Result<Typed, Undone> {
        let latest = Latest { to_open: Some(MessageId([7; 16])), ..Latest::default() };
        Typed::parse(line, Place { open, latest, contacts: &contacts() }, doubts)
    }

    fn within(line: &str) -> Result<Typed, Undone> {
        parse(line, Some(&bob()), Doubts::Raised)
    }

    fn anywhere(line: &str) -> Result<Typed, Undone> {
        parse(line, None, Doubts::Raised)
    }

    fn wrong(result: Result<Typed, Undone>) -> String {
        match result {
            Err(Undone::Wrong(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn in_a_conversation_a_text_goes_to_it() {
        for (line, text, life) in [
            ("hello bob", "hello bob", OwnLife::AsConversation),
            ("to", "to", OwnLife::AsConversation),
            ("to be", "to be", OwnLife::AsConversation),
            ("to You and me", "to You and me", OwnLife::AsConversation),
            (" to carol", " to carol", OwnLife::AsConversation),
            ("//quit", "/quit", OwnLife::AsConversation),
            ("/once see you", "see you", OwnLife::Once),
        ] {
            assert_eq!(within(line), send(&bob(), text, life), "{line}");
        }
    }

    #[test]
    fn a_line_for_somebody_by_name_never_goes_to_who_is_open_unasked() {
        let to_carol = |text: &str| {
            let life = OwnLife::AsConversation;
            let command = Command::Send { to: name("carol"), text: text.into(), life };
            Ok(Typed::Begin { to: name("carol"), command, there: text.into() })
        };
        assert_eq!(within("to carol a secret"), to_carol("a secret"));
        assert_eq!(within("/to carol a secret"), to_carol("a secret"));
        let to_bob = Command::parse("to bob hi").unwrap();
        assert_eq!(
            within("to bob hi"),
            Ok(Typed::Begin { to: bob(), command: to_bob, there: "hi".into() })
        );
        // Somebody who is not here, or a sentence: the user says which.
        for (line, named) in [
            ("to dave a secret", "dave"),
            ("to be or not", "be"),
            ("/once carol a secret", "carol"),
            ("/for 5m carol a secret", "carol"),
            ("/once bob a secret", "bob"),
        ] {
            let Err(Undone::Doubtful(question)) = within(line) else { panic!("{line}") };
            assert!(question.contains(named) && question.contains("Enter once more"), "{question}");
            let settled = parse(line, Some(&bob()), Doubts::Settled);
            let Ok(Typed::Command(Command::Send { to, text, .. })) = settled else {
                panic!("{line}")
            };
            assert!(to == bob() && line.ends_with(&text) && text.contains(named), "{line}: {text}");
        }
    }

    #[test]
    fn the_open_conversation_is_the_name_that_is_left_out() {
        assert_eq!(within("/timer 30s"), command("/timer bob 30s"));
        assert_eq!(within("/timer carol 30s"), command("/timer carol 30s"));
        assert_eq!(within("/vanish on"), command("/vanish bob on"));
        assert_eq!(within("/for 5m hi you"), command("/for 5m bob hi you"));
        assert_eq!(within("/block"), command("/block bob"));
        assert_eq!(within("/open"), command(&format!("/open {}", "07".repeat(16))));
        assert_eq!(within("/open 1234"), command("/open 1234"));
        assert_eq!(within("/send /tmp/a b.png"), command("/send bob /tmp/a b.png"));
        assert_eq!(within("/save 1234 place"), command("/save 1234 place"));
        assert_eq!(wrong(within("/show")), "there is no file of theirs here");
        assert_eq!(within("/find the key"), command("/find the key"));
        assert_eq!(within("/verify"), Ok(Typed::Safety));
        assert_eq!(within("/close"), Ok(Typed::Leave));
        assert_eq!(within("/quit"), Ok(Typed::Command(Command::Quit)));
        let off = Command::Timer { with: bob(), timer: Timer::Off };
        assert_eq!(within("/timer off"), Ok(Typed::Command(off)));
    }

    #[test]
    fn without_one_a_name_is_asked_for() {
        assert!(wrong(anywhere("hello")).starts_with("open a conversation"));
        assert!(anywhere("/timer 30s").is_err());
        for line in ["/open", "/verify", "/accept"] {
            assert_eq!(wrong(anywhere(line)), "go to a conversation first: Up and Down");
        }
        assert!(wrong(anywhere("/verify bob")).starts_with("go to the conversation first"));
        assert!(matches!(anywhere("to bob hi"), Ok(Typed::Begin { to, .. }) if to == bob()));
        assert!(
            matches!(anywhere("/to dave hi"), Ok(Typed::Begin { to, .. }) if to == name("dave"))
        );
        assert_eq!(anywhere("/read bob"), Ok(Typed::Enter(bob())));
        assert!(wrong(anywhere("/read dave")).contains("/to dave TEXT"));
        assert_eq!(anywhere("/help"), Ok(Typed::Help));
    }

    #[test]
    fn what_was_typed_elsewhere_is_the_same_there() {
        let minute = OwnLife::For(NonZeroU32::new(60).unwrap());
        for (text, life) in [
            ("hi", OwnLife::AsConversation),
            ("/hi", OwnLife::AsConversation),
            ("hi", OwnLife::Once),
            ("hi", minute),
        ] {
            assert_eq!(within(&line_within(text, life)), send(&bob(), text, life));
        }
    }

    #[test]
    fn what_is_incomplete_is_told_what_to_do() {
        for (line, what) in [
            ("/once", "/once TEXT: the text is missing"),
            ("/for 5m", "/for SPAN TEXT: the text is missing"),
            ("/for soon x", "/for SPAN TEXT: \"soon\" is no span of time; 30s,"),
            ("/timer", "/timer SPAN|off: the span of time is missing; 30s,"),
            ("/timer soon", "/timer SPAN|off: \"soon\" is no span of time; 30s,"),
            ("/vanish x", "/vanish on|off: say on or off"),
            ("/unsend", "there is nothing of yours here to take back"),
            ("/unsend 12", "four or more of 0-9 a-f: F4 shows them"),
            ("/find", "/find WORDS: say one word at least"),
            ("/sing", "there is no such command: F1 shows them"),
        ] {
            let text = wrong(within(line));
            assert!(text.contains(what), "{line}: {text}");
        }
    }
}
