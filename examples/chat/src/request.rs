//! What clients ask of the relay, and what it answers. This is all that ever passes between them.

use std::fmt;

use evanesce::IdentityKey;
use evanesce::report::Postmark;
use evanesce::server::PreKeyStock;
use serde::{Deserialize, Serialize};

use crate::name::Name;

/// Bytes of a message that the relay carries: a text of 16 KiB with room for its padding.
pub const LARGEST_MESSAGE: usize = 64 * 1_024;

/// Bytes of the blob of a file that the relay keeps: a file of about 64 MiB.
pub const LARGEST_BLOB: u64 = 68 << 20;

/// Bytes of a blob that travel in one frame: a sealed chunk, with the page of hashes that may stand behind it.
pub const LARGEST_PIECE: usize = 132 * 1_024;

/// Bytes of a report: of one message of the largest, with what proves it.
pub const LARGEST_REPORT: usize = 128 * 1_024;

/// Bytes of a list of devices: what the library's form can have at most, and no more.
pub const LARGEST_LIST: usize = 3_366;

/// Proves that who asks is who claimed the address. Only its holder and, once, the relay have seen it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token(pub [u8; 32]);

/// What a blob is called: random, so who knows it was told, and it says of nobody whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobId(pub [u8; 16]);

/// A question. Its number comes back with the answer, so that a repeated or late answer is recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub number: u64,
    pub ask: Ask,
}

/// Some name their asker, some do not, and those about a blob name nothing but the blob. A connection is for one of these,
/// and for one blob: the relay refuses one that would tell it that they belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Publishes prekeys. The first one claims the address.
    Publish {
        address: Name,
        token: Token,
        upload: Vec<u8>,
    },
    /// Deletes all letters up to a number, and asks for those after it; waits a while if there is none.
    Fetch {
        address: Name,
        token: Token,
        acknowledged: u64,
        wait_seconds: u8,
    },
    /// A bundle of prekeys, to write to somebody.
    Bundle {
        address: Name,
    },
    /// A message for somebody. The same id again changes nothing.
    Deposit {
        recipient: Name,
        id: [u8; 16],
        message: Vec<u8>,
    },
    /// Makes room for a blob of so many bytes, to be written with this token; or asks how much of it is there.
    BeginBlob {
        id: BlobId,
        token: Token,
        length: u64,
    },
    /// Writes on from where a blob ends. What is there already stays as it is, so the same again changes nothing.
    PutBlob {
        id: BlobId,
        token: Token,
        offset: u64,
        bytes: Vec<u8>,
    },
    /// A part of a blob that is whole.
    GetBlob {
        id: BlobId,
        offset: u64,
        length: u32,
    },
    DeleteBlob {
        id: BlobId,
        token: Token,
    },
    /// As `Fetch`; each letter comes with what it takes to report it.
    FetchMarked {
        address: Name,
        token: Token,
        acknowledged: u64,
        wait_seconds: u8,
    },
    /// A report for the moderators. The same id again changes nothing.
    Report {
        address: Name,
        token: Token,
        id: [u8; 16],
        report: Vec<u8>,
    },
    /// Publishes the list of a person's devices, one of which has this address.
    PublishList {
        address: Name,
        token: Token,
        list: Vec<u8>,
    },
    /// The list of the person who has a device at this address.
    List {
        address: Name,
    },
    /// The newest list that this owner has signed: of somebody in a group, of whom no address is known.
    ListOf {
        owner: IdentityKey,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    pub number: u64,
    pub answer: Answer,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    Published,
    /// And what is left of the asker's prekeys.
    Mail {
        stock: PreKeyStock,
        letters: Vec<Letter>,
    },
    Bundle(Vec<u8>),
    Deposited,
    Refused(Refusal),
    /// So much of a blob is stored for good.
    BlobStored {
        length: u64,
    },
    /// A part of a blob, and how many bytes all of it has.
    BlobPart {
        length: u64,
        bytes: Vec<u8>,
    },
    BlobDeleted,
    MarkedMail {
        stock: PreKeyStock,
        letters: Vec<MarkedLetter>,
    },
    Reported,
    ListPublished,
    /// None, if none was published. Whatever it says, nobody believes the relay, but the signatures in it.
    List(Option<Vec<u8>>),
}

/// A message in the order in which it came. Its number is never used again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    pub number: u64,
    pub message: Vec<u8>,
}

/// A letter with its mark; without one, if it is no message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkedLetter {
    pub letter: Letter,
    pub mark: Option<Mark>,
}

/// What the relay says of a letter that it delivers, and what proves that it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// A [`Delivery`](crate::delivery::Delivery).
    pub context: Vec<u8>,
    pub postmark: Postmark,
}

/// Why the relay does not do it. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The frame breaks the format: the connection ends.
    Malformed,
    /// Too many connections, or one that was silent for too long: the connection ends.
    Busy,
    /// The connection is used for things that are to be kept apart: it ends.
    Mixed,
    /// Nobody has claimed the address.
    Unknown,
    /// Somebody else has claimed it.
    NotYours,
    /// What is published is not a device of that address.
    BadUpload,
    /// More bytes than are carried.
    TooLarge,
    /// The recipient has not fetched for too long.
    QueueFull,
    /// Bundles of this address were asked for too often: in so many seconds there is another one.
    TooOften { seconds: u32 },
    /// The relay has a fault of its own.
    Fault,
    /// There is no such blob, it is not whole, or its days are over.
    NoBlob,
    /// There is no room for a blob of this length at present.
    NoRoom,
    /// What is before these bytes of the blob is missing.
    Gap,
    /// The list has no device of this address, or its signatures do not hold.
    BadList,
    /// There is a newer list of the same person.
    OlderList,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "what was sent breaks the format",
            Self::Busy => "the relay is busy",
            Self::Mixed => "a connection is for mail, for sending or for one blob",
            Self::Unknown => "nobody has this address",
            Self::NotYours => "the address belongs to somebody else",
            Self::BadUpload => "the prekeys are not of this address",
            Self::TooLarge => "it is too large",
            Self::QueueFull => "the recipient's queue is full",
            Self::TooOften { seconds } => {
                return write!(formatter, "asked too often: again in {seconds} s");
            }
            Self::Fault => "the relay has a fault of its own",
            Self::NoBlob => "the relay does not have this file, or not any more",
            Self::NoRoom => "the relay has no room for a file of this size",
            Self::Gap => "the relay has lost a part of this file",
            Self::BadList => "the list of devices is not of this address",
            Self::OlderList => "there is a newer list of devices",
        })
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BlobId({self})")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(..)")
    }
}
