//! Somebody else, as the engine holds them.

use std::collections::BTreeMap;

use evanesce::IdentityKey;
use evanesce::expiry::ConversationId;
use serde::{Deserialize, Serialize};

use crate::engine::message::Message;
use crate::name::Name;
use crate::view::Window;

pub struct Person {
    pub notes: Notes,
    /// By their place in the conversation.
    pub messages: BTreeMap<u64, Message>,
    pub window: Window,
}

/// What the application stores beside the library's person, and the peers of their devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// Who it is: the identity of their first device, which is their owner. Nothing while nothing but the name is known.
    pub owner: Option<IdentityKey>,
    /// What the conversation was called as long as somebody else had this name: what was written then may still be here.
    pub former: Vec<ConversationId>,
    /// The last other one that the user did not take for theirs, until they take one. The peer remembers more of them,
    /// but `/accept-identity` twice by mistake is not to go back to one that was turned down long ago.
    pub kept_from: Option<IdentityKey>,
}

impl Person {
    pub fn new(notes: Notes) -> Self {
        Self { notes, messages: BTreeMap::new(), window: Window::Closed }
    }
}

/// The conversation with somebody, on all own devices. The timer belongs to it, whatever becomes of what is shown.
pub fn conversation(with: &IdentityKey) -> ConversationId {
    ConversationId::named(&with.encode())
}

/// The same as long as nothing but a name is known.
pub fn conversation_by_name(with: &Name) -> ConversationId {
    ConversationId::named(with.as_str().as_bytes())
}
