//! What is stored of messages, on the way and in conversations.

use evanesce::expiry::{MemberTag, MessageId, Stamp};
use serde::{Deserialize, Serialize};

use crate::name::Name;
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
}

impl Body {
    /// What it is found by. What can be opened once is not to be found.
    pub fn words(&self) -> Words {
        match self {
            Self::Text(text) => Words::of(text),
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
}

/// What is to be handed to the relay, under an id by which the relay knows it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    pub to: Name,
    pub message: Option<MessageId>,
    pub id: [u8; 16],
    pub bytes: Vec<u8>,
}

/// What came under another identity, to be offered again when the user agrees to that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    pub from: Name,
    pub bytes: Vec<u8>,
}
