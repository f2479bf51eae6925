//! The two messages of linking: one part each, and nothing else.

use alloc::vec::Vec;

use crate::identity::Address;
use crate::peer::dispatch::Encrypted;
use crate::person::fan_out::AddressedMessage;
use crate::person::link_error::LinkError;
use crate::person::people_changes::PeopleChanges;
use crate::session::decrypting::Received;
use crate::session::session_id::SessionId;
use crate::wire::content_parts::PartKind;
use crate::wire::payload::Payload;
use crate::wire::stamp::Stamp;

/// A message of linking: store what changed and the message in one transaction, then send it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "what has changed is to be stored"]
#[non_exhaustive]
pub struct LinkMessage {
    /// The message.
    pub message: AddressedMessage,
    /// The session that it is of.
    pub session: Option<SessionId>,
    /// What making it changed: the own devices, and the peer.
    pub changes: PeopleChanges,
}

impl LinkMessage {
    pub(crate) fn new(to: &Address, encrypted: Encrypted) -> Self {
        let Encrypted { message, changes, session_need, evidence } = encrypted;
        let message = AddressedMessage { to: to.clone(), message, session_need, evidence };
        let session = changes.session;
        Self {
            message,
            session,
            changes: PeopleChanges { own: true, ..PeopleChanges::of_peer(to) },
        }
    }
}

/// Stamp and body of both.
pub(crate) fn nothing_more() -> Payload {
    Payload { stamp: Stamp::NONE, body: Vec::new() }
}

/// The one part of a message that has it and nothing else.
pub(crate) fn only_part(received: &Received, kind: PartKind) -> Result<&[u8], LinkError> {
    let mut parts = received.parts.iter();
    let part = parts.next().filter(|part| part.kind == kind).ok_or(LinkError::Malformed)?;
    let nothing_more = nothing_more();
    let is_all = parts.next().is_none()
        && received.stamp == Ok(nothing_more.stamp)
        && received.body == nothing_more.body;
    if is_all { Ok(part.bytes) } else { Err(LinkError::Malformed) }
}
