//! What the user is told. A screen shows it as it likes; plain mode prints it as [`fmt::Display`] has it, one line
//! each: a word or two in capitals, then names and ids, then text.

use std::fmt;

use evanesce::expiry::{MessageId, Policy};

use crate::name::Name;
use crate::news::News;
use crate::shown::{Id, LinkText, OneLine, timer};
use crate::view::{ContactView, DeviceView, FileLine, LineText, LineView, MemberView, Writer};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The store is open and the engine runs, with or without a relay.
    Ready(Name),
    Online,
    Offline,
    /// A message of ours is stored, and goes when it can.
    Queued(Name, MessageId),
    /// The relay has it.
    Sent(Name, MessageId),
    /// It will not be sent.
    Failed(Name, MessageId, &'static str),
    /// Another device of ours wrote this.
    Ours(Name, MessageId, LineText),
    /// Something came in a conversation that is not open.
    Unread(Name, MessageId),
    /// The same from a stranger.
    Request(Name, MessageId),
    /// A text, which counts as read now.
    Message(Name, MessageId, Writer, String),
    /// One that can be opened once.
    Once(Name, MessageId, Writer),
    /// What it said.
    Opened(Name, MessageId, Writer, String),
    /// A file, which counts as read now.
    File(Name, MessageId, Writer, FileLine),
    /// So many percent of a file of ours are with the relay.
    Sending(Name, MessageId, u8),
    /// So many percent of a file of theirs are here.
    Fetching(Name, MessageId, u8),
    /// All of it is.
    Fetched(Name, MessageId),
    /// The relay gave a part of it that is not its sender's: which, and what is done.
    Altered(Name, MessageId, String),
    /// The relay does not let a file go on, and why. It is asked again and again.
    Stalled(Name, MessageId, String),
    /// It is not fetched any more, and why.
    Stopped(Name, MessageId, &'static str),
    /// It was saved, and where.
    Saved(Name, MessageId, String),
    /// The moderators have the report of it.
    Reported(Name, MessageId),
    /// Its time came, and it is gone from the store.
    Expired(Name, MessageId),
    /// Its author took it back.
    Unsent(Name, MessageId),
    /// How long messages live from now on, and who says so.
    Timer(Name, Option<Policy>, SetBy),
    /// A timer that came was not adopted.
    TimerRefused(Name),
    /// Somebody with another identity uses this name.
    IdentityChanged(Name),
    /// The other one went on from an older state: some messages may be lost.
    MessagesMissing(Name),
    Accepted(Name),
    Refused(Name),
    Blocked(Name),
    IdentityAccepted(Name),
    /// The former identity stays, and the other one is not asked about again.
    IdentityKept(Name),
    Closed(Name),
    /// The digits to compare.
    Safety(Name, String),
    /// Those of the identity that waits until the user decides.
    SafetyOfWaiting(Name, String),
    Verified(Name),
    /// Somebody, or we ourselves, has a device more or less.
    Device(Name, Name, DeviceChange),
    /// A device that somebody has.
    DeviceLine(DeviceView),
    /// What was said under the first name is in the conversation of the second, who it was.
    Joined(Name, Name),
    /// On a new device: the code by which it is linked, and its digits.
    LinkCode(LinkText, String),
    /// On the owner's device: a code was read, and the digits that the new device must show too.
    LinkRead(Name, String),
    /// The new device has an offer; the digits that it must show too.
    LinkOffered(Name, String),
    /// On the new device: an offer came, and the digits that the owner's device must show too.
    LinkOpened(Name, String),
    /// The user has confirmed on the new device.
    LinkAnswered(Name),
    LinkCancelled,
    /// This device is linked, and whose it is.
    Linked(Name),
    /// A device asks to be removed, on the owner's; on that one itself: it has asked.
    RemovalAsked(Name),
    /// Another device of ours has shown it.
    ReadElsewhere(Name, MessageId),
    /// This device was removed from those of this person.
    Removed(Name),
    /// Something happened in a group.
    Group(Name, News),
    Member(MemberView),
    /// All sessions and prekeys of an older store are gone, and new ones are made.
    Restored,
    Contact(ContactView),
    Line(Name, LineView),
    /// So many lines were found; they follow.
    Found(usize),
    FoundLine(Name, LineView),
    /// Something does not work, and it is not the user's doing.
    Trouble(String),
    /// The command cannot be done.
    Error(String),
    /// The line is no command: why, and what to do.
    Usage(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChange {
    Came,
    Went,
    /// It came with a list of ours that was not signed here: the user says whether it is theirs.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetBy {
    Us,
    Them,
    /// Somebody in a group.
    Member(Name),
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(name) => write!(formatter, "READY {name}"),
            Self::Online => formatter.write_str("ONLINE"),
            Self::Offline => formatter.write_str("OFFLINE"),
            Self::Queued(name, id) => write!(formatter, "QUEUED {name} {}", Id(*id)),
            Self::Sent(name, id) => write!(formatter, "SENT {name} {}", Id(*id)),
            Self::Failed(name, id, why) => write!(formatter, "FAILED {name} {} {why}", Id(*id)),
            Self::Ours(name, id, LineText::Text(text)) => {
                write!(formatter, "OURS {name} {} {}", Id(*id), OneLine(text))
            }
            Self::Ours(name, id, LineText::Once) => {
                write!(formatter, "OURS ONCE {name} {}", Id(*id))
            }
            Self::Ours(name, id, LineText::File(file)) => {
                write!(formatter, "OURS FILE {name} {} {file}", Id(*id))
            }
            Self::Unread(name, id) => write!(formatter, "UNREAD {name} {}", Id(*id)),
            Self::Request(name, id) => write!(formatter, "REQUEST {name} {}", Id(*id)),
            Self::Message(name, id, writer, text) => {
                write!(formatter, "MESSAGE {name} {} {writer}{}", Id(*id), OneLine(text))
            }
            Self::Once(name, id, Writer(None)) => write!(formatter, "ONCE {name} {}", Id(*id)),
            Self::Once(name, id, Writer(Some(writer))) => {
                write!(formatter, "ONCE {name} {} {writer}", Id(*id))
            }
            Self::Opened(name, id, writer, text) => {
                write!(formatter, "OPENED {name} {} {writer}{}", Id(*id), OneLine(text))
            }
            Self::File(name, id, writer, file) => {
                write!(formatter, "FILE {name} {} {writer}{file}", Id(*id))
            }
            Self::Sending(name, id, percent) => {
                write!(formatter, "SENDING {name} {} {percent}%", Id(*id))
            }
            Self::Fetching(name, id, percent) => {
                write!(formatter, "FETCHING {name} {} {percent}%", Id(*id))
            }
            Self::Fetched(name, id) => write!(formatter, "FETCHED {name} {}", Id(*id)),
            Self::Altered(name, id, part) => write!(formatter, "ALTERED {name} {} {part}", Id(*id)),
            Self::Stalled(name, id, why) => {
                write!(formatter, "STALLED {name} {} {}", Id(*id), OneLine(why))
            }
            Self::Stopped(name, id, why) => write!(formatter, "STOPPED {name} {} {why}", Id(*id)),
            Self::Saved(name, id, path) => {
                write!(formatter, "SAVED {name} {} {}", Id(*id), OneLine(path))
            }
            Self::Reported(name, id) => write!(formatter, "REPORTED {name} {}", Id(*id)),
            Self::Expired(name, id) => write!(formatter, "EXPIRED {name} {}", Id(*id)),
            Self::Unsent(name, id) => write!(formatter, "UNSENT {name} {}", Id(*id)),
            Self::Timer(name, policy, by) => {
                let by = match by {
                    SetBy::Us => "us",
                    SetBy::Them => "them",
                    SetBy::Member(name) => name.as_str(),
                };
                write!(formatter, "TIMER {name} {} by {by}", timer(*policy))
            }
            Self::TimerRefused(name) => write!(formatter, "TIMER REFUSED {name}"),
            Self::IdentityChanged(name) => write!(formatter, "IDENTITY CHANGED {name}"),
            Self::MessagesMissing(name) => write!(formatter, "MESSAGES MISSING {name}"),
            Self::Accepted(name) => write!(formatter, "ACCEPTED {name}"),
            Self::Refused(name) => write!(formatter, "REFUSED {name}"),
            Self::Blocked(name) => write!(formatter, "BLOCKED {name}"),
            Self::IdentityAccepted(name) => write!(formatter, "IDENTITY ACCEPTED {name}"),
            Self::IdentityKept(name) => write!(formatter, "IDENTITY KEPT {name}"),
            Self::Closed(name) => write!(formatter, "CLOSED {name}"),
            Self::Safety(name, digits) => write!(formatter, "SAFETY {name} {digits}"),
            Self::SafetyOfWaiting(name, digits) => {
                write!(formatter, "SAFETY WAITING {name} {digits}")
            }
            Self::Verified(name) => write!(formatter, "VERIFIED {name}"),
            Self::Device(name, device, DeviceChange::Came) => {
                write!(formatter, "DEVICE CAME {name} {device}")
            }
            Self::Device(name, device, DeviceChange::Went) => {
                write!(formatter, "DEVICE WENT {name} {device}")
            }
            Self::Device(name, device, DeviceChange::Unknown) => {
                write!(formatter, "DEVICE UNKNOWN {name} {device}")
            }
            Self::DeviceLine(device) => write!(formatter, "DEVICE {device}"),
            Self::Joined(from, to) => write!(formatter, "JOINED {from} {to}"),
            Self::LinkCode(code, digits) => write!(formatter, "LINK CODE {code} {digits}"),
            Self::LinkRead(name, digits) => write!(formatter, "LINK READ {name} {digits}"),
            Self::LinkOffered(name, digits) => write!(formatter, "LINK OFFERED {name} {digits}"),
            Self::LinkOpened(name, digits) => write!(formatter, "LINK OPENED {name} {digits}"),
            Self::LinkAnswered(name) => write!(formatter, "LINK ANSWERED {name}"),
            Self::LinkCancelled => formatter.write_str("LINK CANCELLED"),
            Self::Linked(name) => write!(formatter, "LINKED {name}"),
            Self::RemovalAsked(device) => write!(formatter, "REMOVAL ASKED {device}"),
            Self::ReadElsewhere(name, id) => write!(formatter, "READ ELSEWHERE {name} {}", Id(*id)),
            Self::Removed(name) => write!(formatter, "REMOVED {name}"),
            Self::Group(name, news) => write!(formatter, "GROUP {name} {news}"),
            Self::Member(member) => write!(formatter, "MEMBER {member}"),
            Self::Restored => formatter.write_str("RESTORED"),
            Self::Contact(contact) => contact.fmt(formatter),
            Self::Line(name, line) => write!(formatter, "LINE {name} {line}"),
            Self::Found(count) => write!(formatter, "FOUND {count}"),
            Self::FoundLine(name, line) => write!(formatter, "LINE {name} {line}"),
            Self::Trouble(text) => write!(formatter, "TROUBLE {}", OneLine(text)),
            Self::Error(text) => write!(formatter, "ERROR {}", OneLine(text)),
            Self::Usage(text) => write!(formatter, "USAGE {}", OneLine(text)),
        }
    }
}
