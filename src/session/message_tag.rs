//! What a message is found by, where nobody says who sent it.

use crate::session::own_handshake::record;
use crate::shown_bytes::{Hex, shown_in_hex};
use crate::wire::header::SEALED_HEADER_LENGTH;
use crate::wire::message::{Envelope, InitialMessage, RatchetMessage};

/// Bytes of a tag.
const LENGTH: usize = 16;

/// Sixteen bytes by which a message can be looked up, without a secret: an ordinary message's are the first of its
/// sealed header, an initial one's the first of its handshake's record (docs/protocol.md §14.5). No two messages of
/// honest senders share one, but for initial messages of one handshake; whoever sees a message can make others of
/// its tag, so it finds where to look and proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageTag([u8; LENGTH]);

impl MessageTag {
    /// The tag of a message; `None` if its bytes are none.
    #[must_use]
    pub fn of(message: &[u8]) -> Option<Self> {
        match Envelope::decode(message).ok()? {
            Envelope::Initial(InitialMessage { handshake, .. }) => {
                Some(Self::of_record(&record(handshake.bytes)))
            }
            Envelope::Ratchet(RatchetMessage { sealed_header, .. }) => {
                Some(Self::of_header(sealed_header))
            }
        }
    }

    /// The 16 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    pub(crate) fn of_header(sealed: &[u8; SEALED_HEADER_LENGTH]) -> Self {
        Self::first_of(sealed)
    }

    pub(crate) fn of_record(record: &[u8; 32]) -> Self {
        Self::first_of(record)
    }

    fn first_of(bytes: &[u8]) -> Self {
        let mut tag = [0; LENGTH];
        tag.iter_mut().zip(bytes).for_each(|(out, byte)| *out = *byte);
        Self(tag)
    }
}

shown_in_hex! { MessageTag }
