//! A message that the scheduler hears of for the first time.

use crate::expiry::content_key::ContentKey;
use crate::expiry::effects::Effects;
use crate::expiry::message_id::{ConversationId, MessageId};
use crate::expiry::parts::Parts;
use crate::wire::stamp::MemberTag;

/// A message, as the application stores it.
///
/// ```
/// # use evanesce::expiry::{ConversationId, MemberTag, MessageId, NewMessage, Parts};
/// # let alice = MemberTag([1; 8]);
/// let message = NewMessage::new(MessageId::from(17), ConversationId::named(b"alice"), alice)
///     .with_parts(Parts::FILE | Parts::NOTIFICATION)
///     .awaiting_media();
/// ```
#[derive(Debug)]
pub struct NewMessage {
    pub(crate) id: MessageId,
    pub(crate) conversation: ConversationId,
    pub(crate) author: MemberTag,
    pub(crate) parts: Parts,
    pub(crate) media: Media,
    pub(crate) authority: Authority,
    pub(crate) quoted: Option<MessageId>,
    pub(crate) content_key: Option<ContentKey>,
}

/// Whether all of a message is there to be read.
#[derive(Debug)]
pub(crate) enum Media {
    Here,
    Awaited,
}

/// Whether the author may change the setting of the conversation.
#[derive(Debug)]
pub(crate) enum Authority {
    MaySet,
    MayNotSet,
}

/// What comes of a message that was given to the scheduler.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the verdict says whether the message is to be kept at all"]
#[non_exhaustive]
pub struct Arrival {
    /// Whether to keep it.
    pub verdict: Verdict,
    /// What is to be stored, whatever the verdict.
    pub effects: Effects,
}

/// Whether to keep a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Verdict {
    /// Store it. Whether it may be shown, [`ExpiryScheduler::visibility`](crate::expiry::ExpiryScheduler::visibility)
    /// says.
    Keep,
    /// It is held already: nothing more is to be stored of it, above all no content under another key. The
    /// application tells by their ids those that are not held, since they have no end. If its row is missing (stopped
    /// between two writes without a transaction), delete it and have it sent again.
    Known,
    /// It had ended when it came: show nothing and store nothing of it.
    Late,
    /// Another author's message, or one of another conversation, has this id: give it another one. See
    /// [`MessageId::by`].
    IdTaken,
}

impl NewMessage {
    /// A text that is all here, of an author who may change the setting. The author is the **authenticated**
    /// one: [`IdentityKey::member_tag`](crate::IdentityKey::member_tag) of who encrypted it, or of one and the
    /// same device for all devices of a person. Only they can take it back or edit it.
    #[must_use]
    pub fn new(id: MessageId, conversation: ConversationId, author: MemberTag) -> Self {
        Self {
            id,
            conversation,
            author,
            parts: Parts::BODY,
            media: Media::Here,
            authority: Authority::MaySet,
            quoted: None,
            content_key: None,
        }
    }

    /// More of it is stored than its body.
    #[must_use]
    pub fn with_parts(self, parts: Parts) -> Self {
        Self { parts: self.parts | parts, ..self }
    }

    /// Its media is still to be fetched: reading starts no clock until
    /// [`ExpiryScheduler::ready`](crate::expiry::ExpiryScheduler::ready).
    #[must_use]
    pub fn awaiting_media(self) -> Self {
        Self { media: Media::Awaited, ..self }
    }

    /// It repeats something of another message: that goes when the other ends, here or later.
    #[must_use]
    pub fn quoting(self, message: MessageId) -> Self {
        Self { quoted: Some(message), parts: self.parts | Parts::QUOTE, ..self }
    }

    /// Its parts are stored sealed under this key, which stands in its record alone. For what is received; our own
    /// copy of what others may open once is not for us to open. Of a message that is to
    /// be opened once or twice, [`ExpiryScheduler::open`](crate::expiry::ExpiryScheduler::open) gives it so often.
    #[must_use]
    pub fn sealed_under(self, content_key: ContentKey) -> Self {
        Self { content_key: Some(content_key), ..self }
    }

    /// Its author may not change the setting: in a group, the application knows.
    #[must_use]
    pub fn by_one_who_may_not_set(self) -> Self {
        Self { authority: Authority::MayNotSet, ..self }
    }
}
