//! What the user orders of groups.

use evanesce::group::{Role, SetsTimer};

use crate::command::line_words::{Unclear, name, word, wrong};
use crate::name::Name;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupCommand {
    /// Makes a group of us and these people.
    Make {
        members: Vec<Name>,
        title: String,
    },
    /// Lists groups, and where we are invited.
    List,
    /// What an invitation is answered.
    Join(Name),
    Decline(Name),
    /// Shows who is in a group.
    Members(Name),
    Leave(Name),
    /// What an admin changes.
    Change(Name, GroupOrder),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupOrder {
    Invite(Name),
    Kick(Name),
    Role(Name, Role),
    Title(String),
    SetsTimer(SetsTimer),
}

impl GroupCommand {
    /// Takes a line of this verb, if it is one of these.
    pub fn parse(verb: &str, rest: &str) -> Option<Result<Self, Unclear>> {
        let of_group = |make: fn(Name) -> Self| group(rest, &format!("{verb} GROUP")).map(make);
        Some(match verb {
            "/group" => make(rest, &format!("{verb} NAME,NAME,... TITLE")),
            "/groups" if rest.trim().is_empty() => Ok(Self::List),
            "/groups" => Err(wrong(verb, "nothing can follow it")),
            "/join" => of_group(Self::Join),
            "/decline" => of_group(Self::Decline),
            "/members" => of_group(Self::Members),
            "/leave" => of_group(Self::Leave),
            "/invite" | "/kick" | "/admin" | "/title" | "/timer-by" => change(verb, rest),
            _ => return None,
        })
    }
}

fn group(text: &str, usage: &str) -> Result<Name, Unclear> {
    let name = name(text.trim(), usage)?;
    if name.is_group() {
        Ok(name)
    } else {
        Err(wrong(usage, &format!("the name of a group begins with #: #{name}, if it is one")))
    }
}

fn make(rest: &str, usage: &str) -> Result<GroupCommand, Unclear> {
    let (names, title) = word(rest);
    let members = names.split(',').filter(|it| !it.is_empty()).map(|it| name(it, usage));
    let members = members.collect::<Result<Vec<_>, _>>()?;
    match (members.iter().find(|it| it.is_group()), title.trim()) {
        (Some(group), _) => Err(wrong(usage, &format!("{group} is nobody who could be in it"))),
        (None, "") => Err(wrong(usage, "say who is in it, and what it is about")),
        (None, title) => Ok(GroupCommand::Make { members, title: title.into() }),
    }
}

fn change(verb: &str, rest: &str) -> Result<GroupCommand, Unclear> {
    let arguments = match verb {
        "/admin" => "GROUP NAME [off]",
        "/title" => "GROUP TITLE",
        "/timer-by" => "GROUP admins|members",
        _ => "GROUP NAME",
    };
    let usage = format!("{verb} {arguments}");
    let (called, rest) = word(rest);
    let (of, rest) = (group(called, &usage)?, rest.trim());
    let order = match (verb, rest) {
        ("/title", "") => return Err(wrong(&usage, "the title is missing")),
        ("/title", title) => GroupOrder::Title(title.into()),
        ("/timer-by", "admins") => GroupOrder::SetsTimer(SetsTimer::Admins),
        ("/timer-by", "members") => GroupOrder::SetsTimer(SetsTimer::Members),
        ("/timer-by", _) => return Err(wrong(&usage, "say who may set the timer")),
        ("/admin", rest) => match rest.split_once(' ') {
            Some((who, "off")) => GroupOrder::Role(name(who, &usage)?, Role::Member),
            _ => GroupOrder::Role(name(rest, &usage)?, Role::Admin),
        },
        ("/kick", who) => GroupOrder::Kick(name(who, &usage)?),
        (_, who) => GroupOrder::Invite(name(who, &usage)?),
    };
    Ok(GroupCommand::Change(of, order))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<GroupCommand, Unclear> {
        let (verb, rest) = word(line);
        GroupCommand::parse(verb, rest).unwrap()
    }

    #[test]
    fn names_come_first_and_a_title_is_all_that_is_left() {
        let name = |text: &str| Name::new(text).unwrap();
        let members = vec![name("bob"), name("carla")];
        let title = "Hiking, on Sunday".into();
        let made = parse("/group bob,carla Hiking, on Sunday");
        assert_eq!(made, Ok(GroupCommand::Make { members, title }));
        let order = |order| Ok(GroupCommand::Change(name("#x"), order));
        for (line, command) in [
            ("/invite #x bob", order(GroupOrder::Invite(name("bob")))),
            ("/kick #x bob", order(GroupOrder::Kick(name("bob")))),
            ("/admin #x bob", order(GroupOrder::Role(name("bob"), Role::Admin))),
            ("/admin #x bob off", order(GroupOrder::Role(name("bob"), Role::Member))),
            ("/title #x A b", order(GroupOrder::Title("A b".into()))),
            ("/timer-by #x members", order(GroupOrder::SetsTimer(SetsTimer::Members))),
            ("/leave #x", Ok(GroupCommand::Leave(name("#x")))),
            ("/groups", Ok(GroupCommand::List)),
        ] {
            assert_eq!(parse(line), command, "{line}");
        }
        for line in ["/group bob", "/group #x y", "/join bob", "/title #x", "/kick #x", "/groups x"]
        {
            assert!(matches!(parse(line), Err(Unclear::Wrong(_))), "{line}");
        }
    }
}
