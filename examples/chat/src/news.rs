//! What happens in groups, in words.

use std::fmt;

use evanesce::group::{Role, SetsTimer};

use crate::name::Name;
use crate::shown::OneLine;

/// Somebody in a group, as the user knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    You,
    Somebody(Name),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The user is asked to join; once more, if they were in it.
    Invites {
        by: Who,
        title: String,
        again: bool,
    },
    Made {
        by: Who,
        title: String,
    },
    /// The user has joined, here or on another device.
    Joined {
        title: String,
    },
    Came(Who),
    /// Somebody went of whom it was not heard that they left. Whoever signed it may only have merged what another one knew.
    Gone(Who),
    Left(Who),
    Title(String),
    Role(Who, Role),
    SetsTimer(SetsTimer),
    /// So many messages were held for what never came, or are not what their sender sent.
    Unreadable(usize),
    /// How a group is listed.
    Is {
        title: String,
        members: usize,
    },
}

impl Who {
    fn is(&self) -> &'static str {
        match self {
            Self::You => "are",
            Self::Somebody(_) => "is",
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::You => formatter.write_str("you"),
            Self::Somebody(name) => name.fmt(formatter),
        }
    }
}

impl fmt::Display for News {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invites { by, title, again } => {
                let verb = match by {
                    Who::You => "invite",
                    Who::Somebody(_) => "invites",
                };
                let again = if *again { " again" } else { "" };
                write!(formatter, "{by} {verb} you{again} to {}", OneLine(title))
            }
            Self::Made { by, title } => {
                write!(formatter, "{by} made the group {}", OneLine(title))
            }
            Self::Joined { title } => write!(formatter, "you joined {}", OneLine(title)),
            Self::Came(who) => write!(formatter, "{who} came"),
            Self::Gone(who) => write!(formatter, "{who} {} not in the group any more", who.is()),
            Self::Left(who) => write!(formatter, "{who} left"),
            Self::Title(title) => write!(formatter, "title is now {}", OneLine(title)),
            Self::Role(who, Role::Admin) => write!(formatter, "{who} {} an admin now", who.is()),
            Self::Role(who, Role::Member) => {
                write!(formatter, "{who} {} no admin any more", who.is())
            }
            Self::SetsTimer(SetsTimer::Admins) => formatter.write_str("admins alone set the timer"),
            Self::SetsTimer(SetsTimer::Members) => formatter.write_str("everybody sets the timer"),
            Self::Unreadable(1) => formatter.write_str("1 message cannot be read"),
            Self::Unreadable(count) => write!(formatter, "{count} messages cannot be read"),
            Self::Is { title, members } => {
                write!(formatter, "is {}, with {members} in it", OneLine(title))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_is_told_in_words() {
        let who = |name: &str| Who::Somebody(Name::new(name).unwrap());
        for (news, words) in [
            (
                News::Invites { by: who("anna"), title: "Hiking".into(), again: false },
                "anna invites you to Hiking",
            ),
            (News::Made { by: who("anna"), title: "Hiking".into() }, "anna made the group Hiking"),
            (News::Came(who("ben")), "ben came"),
            (News::Gone(who("carla")), "carla is not in the group any more"),
            (News::Gone(Who::You), "you are not in the group any more"),
            (News::Left(who("dora")), "dora left"),
            (News::Title("a\nb".into()), "title is now a\\nb"),
            (News::Role(Who::You, Role::Admin), "you are an admin now"),
            (News::Unreadable(1), "1 message cannot be read"),
            (News::Unreadable(2), "2 messages cannot be read"),
        ] {
            assert_eq!(news.to_string(), words);
        }
    }
}
