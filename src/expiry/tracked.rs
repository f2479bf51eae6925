//! What the scheduler holds of one message.

use core::time::Duration;

use crate::expiry::content_key::ContentKey;
use crate::expiry::life::Life;
use crate::expiry::message_id::{ConversationId, MessageId};
use crate::expiry::parts::Parts;
use crate::limits::ExpiryLimits;
use crate::stored::{StateWriter, Stored, stored};
use crate::time::EngineTime;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::stamp::MemberTag;

const DAY: Duration = Duration::from_secs(86_400);

/// How long what is kept to send a message again may be kept, however long the message lives.
const RESEND_LOG: Duration = DAY.saturating_mul(14);

/// How long a message without an end is held because it quotes one that has not come.
const UNKNOWN_PARENT: Duration = DAY.saturating_mul(45);

/// After how long something is due again that was not confirmed to be gone.
const AGAIN: Duration = Duration::from_secs(60);

/// One message: its life, and what is to be deleted of it.
pub(crate) struct Tracked {
    pub(crate) conversation: ConversationId,
    pub(crate) author: MemberTag,
    pub(crate) life: Life,
    pub(crate) parts: Parts,
    pub(crate) quote: Option<Quote>,
    pub(crate) content_key: Option<ContentKey>,
}

/// That a message repeats something of another one.
#[derive(Clone, Copy)]
pub(crate) struct Quote {
    pub(crate) parent: MessageId,
    /// Whether that one has ended.
    pub(crate) expired: bool,
}

impl Tracked {
    /// Whether its life is over.
    pub(crate) fn is_over(&self, limits: &ExpiryLimits, now: EngineTime) -> bool {
        self.life.deadline(limits).is_some_and(|deadline| deadline <= now)
    }

    /// What is to be deleted of it.
    pub(crate) fn due_parts(&self, limits: &ExpiryLimits, now: EngineTime) -> Parts {
        if self.is_over(limits, now) {
            return self.parts;
        }
        let mut due = Parts::NONE;
        if self.resend_log_ends().is_some_and(|end| end <= now) {
            due = due | Parts::RESEND_LOG;
        }
        if self.quote.is_some_and(|quote| quote.expired) {
            due = due | Parts::QUOTE;
        }
        self.parts.both(due)
    }

    /// When something about it is to be done, if nothing happens before: when its life ends, what is kept to
    /// send it again, and what it quotes or the wait for that.
    pub(crate) fn ends(&self, limits: &ExpiryLimits) -> [Option<EngineTime>; 3] {
        let quote_ends = self.quote.map(|quote| match quote.expired {
            true => EngineTime::START,
            false => self.life.noted().plus(UNKNOWN_PARENT),
        });
        [self.life.deadline(limits), self.resend_log_ends(), quote_ends]
    }

    /// The first of these.
    pub(crate) fn next_change(&self, limits: &ExpiryLimits) -> Option<EngineTime> {
        self.ends(limits).into_iter().flatten().min()
    }

    /// When to look at it again that has been looked at now: in a minute if something was given out to be
    /// deleted, and when more of it ends in any case.
    pub(crate) fn next_look(
        &self,
        limits: &ExpiryLimits,
        given: Parts,
        now: EngineTime,
    ) -> Option<EngineTime> {
        let again = match self.quote {
            _ if !given.is_empty() => Some(now.plus(AGAIN)),
            Some(_) => Some(now.plus(UNKNOWN_PARENT)),
            None => None,
        };
        let later = self.ends(limits).into_iter().flatten().filter(|end| *end > now);
        later.chain(again).min()
    }

    /// Whether there is anything that it must be held for.
    pub(crate) fn is_needed(&self) -> bool {
        self.life.falls_back() || self.is_needed_settled()
    }

    /// The same whatever may turn out about an own setting.
    fn is_needed_settled(&self) -> bool {
        let Self { conversation: _, author: _, life, parts, quote, content_key } = self;
        life.is_finite()
            || parts.contains(Parts::RESEND_LOG)
            || quote.is_some()
            || content_key.is_some()
    }

    /// Whether it is held for this alone: that it has no end, and may turn out to have one by an own setting which is
    /// told yet.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.life.falls_back() && !self.is_needed_settled()
    }

    /// Whether its content is seen by opening alone, which only its reader does.
    pub(crate) fn is_to_be_opened(&self) -> bool {
        !self.life.is_ours() && self.life.allowed_opens().is_some()
    }

    /// What nobody may open any more, nobody can.
    pub(crate) fn drop_useless_key(&mut self) {
        if self.life.is_spent() {
            self.content_key = None;
        }
    }

    fn resend_log_ends(&self) -> Option<EngineTime> {
        let has_log = self.parts.contains(Parts::RESEND_LOG);
        has_log.then(|| self.life.noted().plus(RESEND_LOG))
    }
}

stored!(Tracked { conversation, author, life, parts, quote, content_key });
stored!(Quote { parent, expired });
