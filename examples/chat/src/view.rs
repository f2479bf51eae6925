//! The view model: what a screen draws, without a key and without a handle on the engine.

use std::fmt;
use std::time::Duration;

use evanesce::expiry::{MessageId, Policy};
use evanesce::group::Role;

use crate::file_name::FileName;
use crate::media_type::MediaType;
use crate::name::Name;
use crate::news::Who;
use crate::shown::{Id, OneLine, timer};

/// One conversation in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactView {
    pub name: Name,
    pub standing: Standing,
    pub trust: Trust,
    pub timer: Option<Policy>,
    pub unread: usize,
    /// Its last line that may still be shown.
    pub last: Option<LineView>,
    pub window: Window,
}

/// A device of somebody, or of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceView {
    pub of: Name,
    pub name: Name,
    /// By the list that is held.
    pub standing: evanesce::person::Standing,
    /// Whether its identity is the person's.
    pub is_owner: bool,
    /// Whether it is this one.
    pub is_this: bool,
    /// Whether the user has not said that it is theirs.
    pub is_unconfirmed: bool,
}

/// How far somebody is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// We know the name alone.
    New,
    /// They wrote first, and wait.
    Request,
    Accepted,
    Blocked,
    /// A group that we are not in any more.
    Left,
}

/// What is known of the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It is a claim.
    Claimed,
    /// Safety numbers were compared, for the identity that is pinned.
    Verified,
    /// Another one has turned up. Nothing is sent until the user decides.
    Changed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    Open,
    Closed,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineView {
    pub id: MessageId,
    pub author: Author,
    /// In a group, who wrote what is theirs.
    pub writer: Writer,
    pub text: LineText,
    pub progress: Progress,
    /// How long it lives from now on, for a countdown; nothing if no clock runs.
    pub remaining: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Author {
    Us,
    Them,
}

/// Who of a group wrote something; nobody where there are but two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writer(pub Option<Name>);

/// Somebody in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    pub group: Name,
    pub who: Who,
    pub role: Role,
    /// Whether they get nothing any more, though nobody has signed yet that they went.
    pub is_withheld: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineText {
    Text(String),
    /// To be opened once, by its recipient.
    Once,
    File(FileLine),
}

/// A file. Its name and type are what its sender says, cleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLine {
    pub name: FileName,
    pub media_type: MediaType,
    /// Bytes.
    pub size: u64,
    pub state: FileState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// So many percent of it have been sent, or fetched.
    Going(u8),
    Whole,
    /// It is not fetched, and why.
    Stopped(&'static str),
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Progress {
    /// Ours, and the relay does not have it.
    Waiting,
    /// Ours, and the relay has it.
    Sent,
    /// Ours, and it will not be sent.
    Failed,
    /// Theirs, and it was not shown.
    Unread,
    /// Theirs, and it was.
    Read,
}

impl fmt::Display for ContactView {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, standing, trust, timer: policy, unread, last: _, window: _ } = self;
        let standing = match standing {
            Standing::New => "new",
            Standing::Request => "request",
            Standing::Accepted => "accepted",
            Standing::Blocked => "blocked",
            Standing::Left => "left",
        };
        let trust = match trust {
            Trust::Claimed => "unverified",
            Trust::Verified => "verified",
            Trust::Changed => "changed",
        };
        write!(
            formatter,
            "CONTACT {name} {standing} {trust} timer={} unread={unread}",
            timer(*policy)
        )
    }
}

/// The name, with a space behind it.
impl fmt::Display for Writer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name) = self;
        name.iter().try_for_each(|name| write!(formatter, "{name} "))
    }
}

impl fmt::Display for MemberView {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, who, role, is_withheld } = self;
        write!(formatter, "{group} {who}")?;
        let remarks = [(*role == Role::Admin, " admin"), (*is_withheld, " withheld")];
        let mut remarks = remarks.iter().filter(|(holds, _)| *holds);
        remarks.try_for_each(|(_, remark)| formatter.write_str(remark))
    }
}

impl fmt::Display for DeviceView {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, name, standing, is_owner, is_this, is_unconfirmed } = self;
        let standing = match standing {
            evanesce::person::Standing::Listed => "listed",
            evanesce::person::Standing::Stale => "stale",
            evanesce::person::Standing::Removed => "removed",
            _ => "alone",
        };
        write!(formatter, "{of} {name} {standing}")?;
        let remarks = [(is_owner, "owner"), (is_this, "this"), (is_unconfirmed, "unconfirmed")];
        let mut remarks = remarks.iter().filter(|(holds, _)| **holds);
        remarks.try_for_each(|(_, remark)| write!(formatter, " {remark}"))
    }
}

impl fmt::Display for LineView {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, author, writer, text, progress, remaining } = self;
        let author = match (author, writer) {
            (Author::Us, _) => "us",
            (Author::Them, Writer(None)) => "them",
            (Author::Them, Writer(Some(name))) => name.as_str(),
        };
        let progress = match progress {
            Progress::Waiting => "waiting",
            Progress::Sent => "sent",
            Progress::Failed => "failed",
            Progress::Unread => "unread",
            Progress::Read => "read",
        };
        write!(formatter, "{} {author} {progress} ", Id(*id))?;
        match remaining {
            Some(remaining) => write!(formatter, "{}s ", remaining.as_secs())?,
            None => formatter.write_str("- ")?,
        }
        match text {
            LineText::Text(text) => write!(formatter, "text {}", OneLine(text)),
            LineText::Once => formatter.write_str("once"),
            LineText::File(file) => write!(formatter, "file {file}"),
        }
    }
}

impl fmt::Display for FileLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, media_type, size, state } = self;
        write!(formatter, "{size} ")?;
        match state {
            FileState::Going(percent) => write!(formatter, "{percent}% ")?,
            FileState::Whole => formatter.write_str("whole ")?,
            FileState::Stopped(_) => formatter.write_str("stopped ")?,
        }
        write!(formatter, "{media_type} {}", OneLine(name.as_str()))
    }
}
