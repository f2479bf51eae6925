//! What is stored of messages, on the way and in conversations.

use std::path::PathBuf;
use std::time::Duration;

use evanesce::attachment::BlobLayout;
use evanesce::expiry::{MemberTag, MessageId, Stamp};
use evanesce::person::OwnEvent;
use serde::{Deserialize, Serialize};

use crate::content::AttachedFile;
use crate::file_name::FileName;
use crate::media_type::MediaType;
use crate::name::Name;
use crate::request::{BlobId, Mark, Token};
use crate::view::{Author, Progress};
use crate::words::Words;

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub id: MessageId,
    /// Its place in the conversation.
    pub number: u64,
    pub with: Name,
    pub author: Author,
    /// Who encrypted it: nobody else takes it back.
    pub tag: MemberTag,
    pub body: Body,
    pub progress: Progress,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    Text(String),
    /// Theirs, to be opened once: sealed under a key that the scheduler holds.
    Sealed(Vec<u8>),
    /// Ours, for them to open once: nothing of it is kept here.
    TheirsToOpen,
    /// Theirs, as far as it is here.
    File(HeldFile),
    /// Ours: its bytes are where they were. Nothing here opens what the relay has; the token deletes it.
    OurFile {
        name: FileName,
        media_type: MediaType,
        size: u64,
        blob: BlobId,
        token: Token,
    },
}

/// A file of somebody else. Its chunks are rows of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldFile {
    pub file: AttachedFile,
    /// How many chunks are here, from the first one on. They are final.
    pub opened: u64,
    pub state: FetchState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FetchState {
    /// It is fetched, or will be once its sender is accepted.
    Going,
    Whole,
    /// It is not fetched any more unless the user says so.
    Stopped(Stopped),
}

/// Why a file does not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stopped {
    /// The relay has other bytes than its sender made, each time.
    Altered,
    /// Its sender made it so that it does not open.
    Broken,
    /// The relay does not have it any more.
    Gone,
    /// It is larger than what is fetched.
    TooLarge,
    /// So many of theirs are here that there is no room for it.
    Full,
}

impl Stopped {
    pub fn told(self) -> &'static str {
        match self {
            Self::Altered => "the relay has altered it",
            Self::Broken => "its sender made it so that it does not open",
            Self::Gone => "the relay does not have it any more",
            Self::TooLarge => "it is too large to be fetched",
            Self::Full => "there is no room for more files of theirs: /delete some, then /fetch it",
        }
    }
}

impl HeldFile {
    /// Where everything stands in its blob.
    pub fn layout(&self) -> Option<BlobLayout> {
        self.file.reference().map(|reference| reference.layout())
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.layout().map_or(0, |layout| layout.size())
    }

    /// Bytes of the disk that it takes, or will take.
    pub fn room(&self) -> u64 {
        let pieces = match self.state {
            FetchState::Going | FetchState::Whole => self.pieces(),
            FetchState::Stopped(_) => self.opened.min(self.pieces()),
        };
        pieces.saturating_mul(CHUNK)
    }

    /// How many chunks have bytes of the file, and are rows therefore: behind them is nothing but padding.
    pub fn pieces(&self) -> u64 {
        self.size().div_ceil(CHUNK)
    }
}

/// Bytes of the file in a chunk.
pub const CHUNK: u64 = 65_536;

impl Body {
    /// What it is found by. What can be opened once is not to be found.
    pub fn words(&self) -> Words {
        match self {
            Self::Text(text) => Words::of(text),
            Self::File(held) => Words::of(held.file.name.as_str()),
            Self::OurFile { name, .. } => Words::of(name.as_str()),
            Self::Sealed(_) | Self::TheirsToOpen => Words::default(),
        }
    }
}

/// What is to be encrypted once there is a session. Its clock and its stamp are those of the moment when it was
/// written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    pub to: Name,
    pub message: Option<MessageId>,
    pub body: Vec<u8>,
    pub stamp: Stamp,
    /// Of all devices that it is for the ones that do not have it, once others do.
    pub only: Option<Vec<Name>>,
    /// When it was made, in seconds: a device that is gone is not waited for without end.
    pub unix_seconds: u64,
}

/// A file on its way to the relay. It goes with its message; when all of it is there, a draft follows that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    pub to: Name,
    pub message: MessageId,
    /// Makes the message's id, with our tag.
    pub chosen: [u8; 16],
    pub path: PathBuf,
    /// Bytes of the file when it was sent, and when it had been changed last. If either is another one, it is not the file
    /// that was begun with, and no more of it goes under the same key.
    pub size: u64,
    pub changed: Option<Duration>,
    pub blob: BlobId,
    pub token: Token,
    /// The library's [`AttachmentCheckpoint`](evanesce::attachment::AttachmentCheckpoint), with the key. It is here
    /// before anything leaves, so that what goes on after a crash comes to the same bytes.
    pub checkpoint: Vec<u8>,
    /// Bytes of the blob that the relay has.
    pub sent: u64,
    pub stamp: Stamp,
}

impl Upload {
    /// Bytes of the whole blob.
    pub fn blob_length(&self) -> u64 {
        BlobLayout::of_size(self.size).map_or(0, |layout| layout.blob_length())
    }
}

/// What it takes to report a message of theirs. It is as secret as the message, and goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reportable {
    /// As it came.
    pub body: Vec<u8>,
    /// An [`Evidence`](evanesce::report::Evidence).
    pub evidence: Vec<u8>,
    pub mark: Mark,
}

/// A report that the relay is to get. It is the user's word, and no longer the message's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueReport {
    pub with: Name,
    pub message: MessageId,
    /// By which the relay knows it again.
    pub id: [u8; 16],
    pub report: Vec<u8>,
    /// When it was made, in seconds: what nobody takes is not kept for ever.
    pub unix_seconds: u64,
}

/// What own other devices are to be told, of those that have not been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telling {
    pub devices: Vec<Name>,
    pub events: Vec<OwnEvent>,
    /// When it happened, in seconds.
    pub unix_seconds: u64,
}

/// A blob that nobody is to have any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disposal {
    pub blob: BlobId,
    pub token: Token,
}

/// What is to be handed to the relay, under an id by which the relay knows it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// The device.
    pub to: Name,
    /// Whose it is: somebody, or we ourselves.
    pub with: Name,
    pub message: Option<MessageId>,
    pub id: [u8; 16],
    pub bytes: Vec<u8>,
}

/// What came under another identity, to be offered again when the user agrees to that, or a list of devices says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    pub from: Name,
    pub bytes: Vec<u8>,
}

/// How much of it is there, in whole percent.
pub fn percent(there: u64, all: u64) -> u8 {
    let percent = there.saturating_mul(100).checked_div(all).unwrap_or(0).min(100);
    u8::try_from(percent).unwrap_or(100)
}
