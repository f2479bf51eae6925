//! The order in which a conversation is drawn: its messages, and between them what happened to it.

use std::collections::{BTreeMap, BTreeSet};

use evanesce::expiry::MessageId;
use evanesce::group::Role;

use crate::name::Name;
use crate::news::{News, Who};
use crate::notice::{DeviceChange, Notice, SetBy};
use crate::shown::timer;
use crate::view::{LineView, MemberView};

/// How much of what happened is kept for one conversation: the other side causes some of it.
const MOST_NOTES: usize = 100;

/// It is in memory alone: after a restart the messages are there, and not what happened between them.
#[derive(Debug, Default)]
pub struct Timeline {
    marks: Vec<Mark>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Message(LineView),
    Note(Note),
}

/// Something that happened to the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub text: String,
    pub tone: Tone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Calm,
    Warning,
}

#[derive(Debug)]
enum Mark {
    Message(MessageId),
    Note(Note),
}

impl Timeline {
    /// Something happened after all of these lines.
    pub fn note(&mut self, note: Note, lines: Vec<LineView>) {
        self.arrange(lines);
        self.marks.push(Mark::Note(note));
        let is_note = |mark: &Mark| matches!(mark, Mark::Note(_));
        if self.marks.iter().filter(|mark| is_note(mark)).count() > MOST_NOTES
            && let Some(oldest) = self.marks.iter().position(is_note)
        {
            self.marks.remove(oldest);
        }
    }

    /// The lines, with what happened between them. A line that is not there any more is forgotten.
    pub fn arrange(&mut self, lines: Vec<LineView>) -> Vec<Entry> {
        let known: BTreeSet<MessageId> = self
            .marks
            .iter()
            .filter_map(|mark| match mark {
                Mark::Message(id) => Some(*id),
                Mark::Note(_) => None,
            })
            .collect();
        let new = lines.iter().map(|line| line.id).filter(|id| !known.contains(id));
        self.marks.extend(new.map(Mark::Message));
        let mut lines: BTreeMap<MessageId, LineView> =
            lines.into_iter().map(|line| (line.id, line)).collect();
        let mut entries = Vec::new();
        self.marks.retain(|mark| {
            let entry = match mark {
                Mark::Message(id) => lines.remove(id).map(Entry::Message),
                Mark::Note(note) => Some(Entry::Note(note.clone())),
            };
            let stays = entry.is_some();
            entries.extend(entry);
            stays
        });
        entries
    }
}

impl Note {
    /// What a notice says of a conversation, if it is not to be seen from its messages.
    pub fn of(notice: &Notice) -> Option<(&Name, Self)> {
        let calm = |text: String| Self { text, tone: Tone::Calm };
        let warning = |text: String| Self { text, tone: Tone::Warning };
        Some(match notice {
            Notice::Timer(name, policy, by) => {
                let who = match by {
                    SetBy::Us => "you".into(),
                    SetBy::Them => name.to_string(),
                    SetBy::Member(member) => member.to_string(),
                };
                let text = match (policy, timer(*policy)) {
                    (None, _) => format!("{who} turned the timer off"),
                    (Some(evanesce::expiry::Policy::OnClose), _) => {
                        format!("{who} let messages vanish when the conversation is closed")
                    }
                    (Some(_), span) => format!("{who} set messages to disappear after {span}"),
                };
                (name, calm(text))
            }
            Notice::TimerRefused(name) => (name, calm("a timer that came was not taken".into())),
            Notice::Failed(name, _, why) => (name, warning(format!("not sent: {why}"))),
            Notice::IdentityChanged(name) => (
                name,
                warning(format!("the identity of {name} has changed: nothing is sent any more")),
            ),
            Notice::MessagesMissing(name) => {
                (name, warning("some messages that were sent can never be read".into()))
            }
            Notice::Accepted(name) => (name, calm(format!("you accepted {name}"))),
            Notice::Blocked(name) => (name, warning(format!("you blocked {name}"))),
            Notice::IdentityAccepted(name) => {
                (name, warning("you went over to the new identity: compare it (F2)".into()))
            }
            Notice::IdentityKept(name) => {
                (name, calm("you stayed with the former identity".into()))
            }
            Notice::Verified(name) => (name, calm(format!("you verified {name}"))),
            Notice::Altered(name, _, part) => {
                (name, warning(format!("the relay altered a file, {part}")))
            }
            Notice::Stalled(name, _, why) => {
                (name, warning(format!("a file does not go on: {why}; it is tried again")))
            }
            Notice::Stopped(name, _, why) => {
                (name, warning(format!("a file does not come: {why}")))
            }
            Notice::Reported(name, _) => (name, calm("you reported a message".into())),
            Notice::Saved(name, _, path) => (name, calm(format!("saved as {path}"))),
            Notice::Device(name, device, DeviceChange::Came | DeviceChange::Unknown) => {
                (name, warning(format!("{name} has another device: {device}")))
            }
            Notice::Device(name, device, DeviceChange::Went) => {
                (name, calm(format!("{device} is no device of {name}'s any more")))
            }
            Notice::Joined(from, to) => {
                (to, calm(format!("what {from} said is here: {from} is {to}")))
            }
            Notice::Group(name, news) => match news {
                News::Unreadable(_) | News::Gone(Who::You) => (name, warning(news.to_string())),
                _ => (name, calm(news.to_string())),
            },
            Notice::Member(member) => {
                let MemberView { group, who, role, is_withheld: _ } = member;
                let role = if *role == Role::Admin { ", an admin" } else { "" };
                (group, calm(format!("in it: {who}{role}")))
            }
            Notice::Unsent(name, _) => (name, calm("a message was taken back".into())),
            Notice::Ready(_)
            | Notice::Online
            | Notice::Offline
            | Notice::Queued(..)
            | Notice::Sent(..)
            | Notice::Ours(..)
            | Notice::Unread(..)
            | Notice::Request(..)
            | Notice::Message(..)
            | Notice::Once(..)
            | Notice::Opened(..)
            | Notice::File(..)
            | Notice::Sending(..)
            | Notice::Fetching(..)
            | Notice::Fetched(..)
            | Notice::Expired(..)
            | Notice::Refused(_)
            | Notice::Closed(_)
            | Notice::Safety(..)
            | Notice::SafetyOfWaiting(..)
            | Notice::DeviceLine(_)
            | Notice::LinkCode(..)
            | Notice::LinkRead(..)
            | Notice::LinkOffered(..)
            | Notice::LinkOpened(..)
            | Notice::LinkAnswered(_)
            | Notice::LinkCancelled
            | Notice::Linked(_)
            | Notice::Removed(_)
            | Notice::RemovalAsked(_)
            | Notice::ReadElsewhere(..)
            | Notice::Restored
            | Notice::Contact(_)
            | Notice::Line(..)
            | Notice::Found(_)
            | Notice::FoundLine(..)
            | Notice::Trouble(_)
            | Notice::Error(_)
            | Notice::Usage(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{Author, LineText, Progress, Writer};

    fn line(number: u8) -> LineView {
        LineView {
            id: MessageId([number; 16]),
            author: Author::Us,
            writer: Writer(None),
            text: LineText::Text(String::new()),
            progress: Progress::Sent,
            remaining: None,
        }
    }

    #[test]
    fn what_happened_stays_between_the_messages_though_those_go() {
        let note = Note { text: "x".into(), tone: Tone::Calm };
        let mut timeline = Timeline::default();
        timeline.note(note.clone(), vec![line(1), line(2)]);
        let message = |number| Entry::Message(line(number));
        let all = timeline.arrange(vec![line(1), line(2), line(3)]);
        assert_eq!(all, [message(1), message(2), Entry::Note(note.clone()), message(3)]);
        assert_eq!(timeline.arrange(vec![line(3)]), [Entry::Note(note), message(3)]);
        assert_eq!(timeline.marks.len(), 2);
    }

    #[test]
    fn notes_have_a_bound() {
        let mut timeline = Timeline::default();
        for number in 0..1_000 {
            timeline.note(Note { text: number.to_string(), tone: Tone::Calm }, Vec::new());
        }
        assert_eq!(timeline.arrange(Vec::new()).len(), MOST_NOTES);
    }
}
