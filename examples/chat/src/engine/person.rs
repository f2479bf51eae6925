//! Somebody else, as the engine holds them.

use std::collections::BTreeMap;

use evanesce::expiry::ConversationId;
use evanesce::{Contact, IdentityKey, Peer};
use serde::{Deserialize, Serialize};

use crate::engine::message::Message;
use crate::name::Name;
use crate::view::{Standing, Trust, Window};

pub struct Person {
    pub peer: Peer,
    pub notes: Notes,
    /// By their place in the conversation.
    pub messages: BTreeMap<u64, Message>,
    pub window: Window,
}

/// What the application stores beside the peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// The identity that the users compared: not a yes or no, which would go over to another identity.
    pub verified: Option<IdentityKey>,
    /// The last other one that the user did not take for theirs, until they take one. The peer remembers more of them,
    /// but `/accept-identity` twice by mistake is not to go back to one that was turned down long ago.
    pub kept_from: Option<IdentityKey>,
}

impl Person {
    pub fn new(peer: Peer, notes: Notes) -> Self {
        Self { peer, notes, messages: BTreeMap::new(), window: Window::Closed }
    }

    pub fn standing(&self) -> Standing {
        match self.peer.contact() {
            Contact::Request(_) => Standing::Request,
            Contact::Accepted(_) => Standing::Accepted,
            Contact::Refused(_) => Standing::Blocked,
            // Whatever a later release adds is nobody to write to as if they were known.
            _ => Standing::New,
        }
    }

    pub fn trust(&self) -> Trust {
        let pinned = self.peer.contact().identity();
        if self.peer.undecided_identity().is_some() {
            Trust::Changed
        } else if pinned.is_some() && self.notes.verified == pinned {
            Trust::Verified
        } else {
            Trust::Claimed
        }
    }

    /// Whether anything may leave for them: not before a request is accepted, not while the user has to decide
    /// about another identity. The peer refuses to encrypt then; this is also for what has been encrypted before.
    pub fn may_be_written_to(&self) -> bool {
        self.peer.contact().may_be_written_to() && self.peer.undecided_identity().is_none()
    }

    /// Whether they have asked, and what they wrote is still there. Of those who were refused the peer alone is kept.
    pub fn waits(&self) -> bool {
        self.standing() == Standing::Request && !self.messages.is_empty()
    }

    /// Whether there is nothing to list: they were refused, or all that they wrote has ended, and nobody looks.
    pub fn is_forgotten(&self) -> bool {
        self.standing() == Standing::Request
            && self.messages.is_empty()
            && self.window == Window::Closed
    }
}

/// The conversation with somebody. The timer belongs to it, whatever becomes of what is shown.
pub fn conversation(with: &Name) -> ConversationId {
    ConversationId::named(with.as_str().as_bytes())
}
