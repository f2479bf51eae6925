//! What a message says: the bytes inside of the library's payload.
//!
//! ```text
//! | version: 1 | postcard |
//! ```
//!
//! A payload without a body says nothing but its stamp: a change of the timer, or an echo of it.

use evanesce::attachment::AttachmentReference;
use evanesce::expiry::{MemberTag, MessageId};
use serde::{Deserialize, Serialize};

use crate::file_name::FileName;
use crate::media_type::MediaType;
use crate::request::{BlobId, Token};

/// The format's version. Another one is shown as such, and not guessed at.
const VERSION: u8 = 1;

/// Bytes of a text, so that a message with its padding is one that the relay carries.
pub const LONGEST_TEXT: usize = 16 * 1_024;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// A text. Its author chose these bytes; with the author's tag they make its id.
    Text { chosen: [u8; 16], text: String },
    /// Takes a message back.
    Unsend { message: MessageId },
    /// A file. Its blob is with the relay; the rest is here.
    File { chosen: [u8; 16], file: AttachedFile },
    /// In a group, an admin takes back what somebody else wrote. It may come before that, so it says who wrote it.
    TakeBack { message: MessageId, author: MemberTag },
}

/// What a group is called, in the bytes that its roster proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub title: String,
}

/// Bytes of a title.
pub const LONGEST_TITLE: usize = 120;

impl About {
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION]).unwrap_or_default()
    }

    /// What an admin signed may be of a newer release, or of another application.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (&VERSION, rest) = bytes.split_first()? else { return None };
        match postcard::take_from_bytes::<Self>(rest) {
            Ok((about, [])) if about.title.len() <= LONGEST_TITLE => Some(about),
            Ok(_) | Err(_) => None,
        }
    }
}

/// What a message says of a file. How large it is, its reference says, and nothing else does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedFile {
    /// An [`AttachmentReference`]: 73 bytes, with the key.
    pub reference: Vec<u8>,
    pub blob: BlobId,
    /// What the relay deletes the blob for: it goes with the message at whichever end that ends.
    pub token: Token,
    pub name: FileName,
    pub media_type: MediaType,
}

impl AttachedFile {
    /// What opens it. One that came has been found to decode.
    pub fn reference(&self) -> Option<AttachmentReference> {
        AttachmentReference::decode(&self.reference).ok()
    }
}

/// What came is none of this release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotReadable;

impl Content {
    pub fn encode(&self) -> Vec<u8> {
        // A vector takes whatever is written, so this fails for no content there is.
        postcard::to_extend(self, vec![VERSION]).unwrap_or_default()
    }

    /// All or nothing: bytes left over are an error.
    pub fn decode(body: &[u8]) -> Result<Self, NotReadable> {
        let Some((&VERSION, rest)) = body.split_first() else { return Err(NotReadable) };
        match postcard::take_from_bytes(rest) {
            Ok((Self::Text { text, .. }, [])) if text.len() > LONGEST_TEXT => Err(NotReadable),
            Ok((Self::File { file, .. }, [])) if file.reference().is_none() => Err(NotReadable),
            Ok((content, [])) => Ok(content),
            Ok(_) | Err(_) => Err(NotReadable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(size: u64) -> AttachedFile {
        AttachedFile {
            reference: [&[1][..], &[7; 64], &size.to_be_bytes()].concat(),
            blob: BlobId([4; 16]),
            token: Token([5; 32]),
            name: FileName::cleaned("picture.png"),
            media_type: MediaType::by_name("picture.png"),
        }
    }

    #[test]
    fn a_file_whose_reference_is_none_is_not_readable() {
        for wrong in [file(u64::MAX), AttachedFile { reference: vec![1; 72], ..file(1) }] {
            let content = Content::File { chosen: [3; 16], file: wrong };
            assert_eq!(Content::decode(&content.encode()), Err(NotReadable));
        }
    }

    #[test]
    fn contents_come_back_and_anything_else_is_not_readable() {
        let text = Content::Text { chosen: [1; 16], text: "Hällo".into() };
        let file = Content::File { chosen: [3; 16], file: file(100) };
        for content in [text, Content::Unsend { message: MessageId([2; 16]) }, file] {
            let bytes = content.encode();
            assert_eq!(Content::decode(&bytes), Ok(content));
            for length in 0..bytes.len() {
                assert_eq!(Content::decode(&bytes[..length]), Err(NotReadable));
            }
            assert_eq!(Content::decode(&[&bytes[..], &[0]].concat()), Err(NotReadable));
        }
        assert_eq!(Content::decode(&[2, 0]), Err(NotReadable));
        let by = Content::TakeBack { message: MessageId([2; 16]), author: MemberTag([3; 8]) };
        assert_eq!(Content::decode(&by.encode()), Ok(by));
        let giant = Content::Text { chosen: [1; 16], text: "x".repeat(LONGEST_TEXT + 1) };
        assert_eq!(Content::decode(&giant.encode()), Err(NotReadable));
    }
    #[test]
    fn titles_come_back_and_long_ones_are_none() {
        let about = |length| About { title: "x".repeat(length) };
        assert_eq!(About::decode(&about(LONGEST_TITLE).encode()), Some(about(LONGEST_TITLE)));
        assert_eq!(About::decode(&about(LONGEST_TITLE + 1).encode()), None);
        assert_eq!(About::decode(&[&about(1).encode()[..], &[0]].concat()), None);
    }
}
