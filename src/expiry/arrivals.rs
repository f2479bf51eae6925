//! ExpiryScheduler: messages that are sent and that come in, and what becomes of them in the store.

use core::fmt;

use crate::expiry::age::Age;
use crate::expiry::effects::{DeviceEvent, Effects};
use crate::expiry::life::{Life, Terms};
use crate::expiry::message_id::{ConversationId, MessageId};
use crate::expiry::new_message::{Arrival, Authority, Media, NewMessage, Verdict};
use crate::expiry::parts::Parts;
use crate::expiry::record::RecordName;
use crate::expiry::scheduler::ExpiryScheduler;
use crate::expiry::tracked::{Quote, Tracked};
use crate::time::{EngineTime, Now};
use crate::wire::payload::MalformedStamp;
use crate::wire::stamp::{MemberTag, Opens, Policy, Stamp};

/// What comes of a message that its author takes back.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "what has changed is to be stored"]
#[non_exhaustive]
pub enum Unsent {
    /// It is due now.
    Due(Effects),
    /// It is another author's: nothing has changed.
    NotAuthor,
    /// It is not held. If it comes, it is [`Verdict::Late`]. If it is here and has no end, compare the
    /// author yourself; then delete it, and call [`ExpiryScheduler::deleted`], so that what quotes it goes too.
    Unknown(Effects),
    /// It has ended already.
    Gone,
}

/// What comes of more that is stored of a message.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "what belongs to a message that has ended is to be deleted at once"]
#[non_exhaustive]
pub enum PartsAdded {
    /// It will be due with the message; at once, if that has ended.
    Noted(Effects),
    /// The message is not held: it has no end. What is kept to send it again the application deletes
    /// itself, unless it was named when the message was [`queued`](ExpiryScheduler::queued).
    NotHeld,
    /// The message has ended and all of it was deleted: delete this too, at once.
    Gone,
}

/// Why an edit is refused. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EditError {
    /// It is another author's.
    NotAuthor,
    /// It is not held: it has no end, or has not come. Compare the author yourself. If it is here and the
    /// edit gives it an end, give it to [`ExpiryScheduler::received`] or
    /// [`ExpiryScheduler::sent_elsewhere`] again, with a stamp of that policy.
    Unknown,
    /// It has ended: show nothing of the edit.
    Gone,
}

impl fmt::Display for EditError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotAuthor => "the message is another author's",
            Self::Unknown => "the message is not held",
            Self::Gone => "the message has ended",
        })
    }
}

impl core::error::Error for EditError {}

impl ExpiryScheduler {
    /// A message that is about to be sent, with the stamp that it will have. No clock runs until it is
    /// [`ExpiryScheduler::sent`]; unsent, it ends after a day, or after its own life if that is longer: when it is
    /// due, delete it from the outbox too. What cannot be encrypted yet, because there is no session, is
    /// queued all the same, once: store its body with this stamp, and encrypt with it later.
    pub fn queued(&mut self, message: NewMessage, stamp: &Stamp, now: Now) -> Arrival {
        let (time, mut effects) = self.begin(now);
        let life = Life::queued(stamped_terms(stamp), stamp.opens, time);
        let verdict = self.admit(message, life, time, &mut effects);
        Arrival { verdict, effects: self.ending(effects) }
    }

    /// A message of ours has left, or has come to the server, so long ago. One that could not be sent has not.
    pub fn sent(&mut self, id: MessageId, age: Age, now: Now) -> Effects {
        let (time, mut effects) = self.begin(now);
        let at = time.minus(age.duration());
        let is_ours = self.messages.get(id).is_some_and(|tracked| tracked.life.is_ours());
        if is_ours && self.learn(id, time, &mut effects, |life| life.sent(at)) {
            effects.tell.push(DeviceEvent::Sent(id));
        }
        self.ending(effects)
    }

    /// A message of ours that another own device sent, so long ago. Its setting counts here.
    pub fn sent_elsewhere(
        &mut self,
        message: NewMessage,
        stamp: &Stamp,
        age: Age,
        now: Now,
    ) -> Arrival {
        let (time, mut effects) = self.begin(now);
        if let Some(stamped) = &stamp.setting {
            self.adopt(message.conversation, stamped.setting, &mut effects);
        }
        let mut terms = stamped_terms(stamp);
        if stamp.setting.is_none() {
            // A device that knows no setting has not switched it off.
            let ours = self.setting(message.conversation).and_then(|setting| setting.policy);
            terms = ours.into_iter().fold(terms, Terms::and);
        }
        let mut life = Life::queued(terms, stamp.opens, time);
        life.sent(time.minus(age.duration()));
        let verdict = self.admit(message, life, time, &mut effects);
        Arrival { verdict, effects: self.ending(effects) }
    }

    /// A message that came in, with its stamp as the session gives it
    /// ([`Received::stamp`](crate::Received::stamp)), sent so long ago.
    ///
    /// It lives by what its stamp says, whatever the setting has become meanwhile. Where the stamp says nothing of
    /// a setting, is malformed, or brings a setting that is refused, our own counts as well: none of these is
    /// a way to send something that stays.
    pub fn received(
        &mut self,
        message: NewMessage,
        stamp: &Result<Stamp, MalformedStamp>,
        age: Age,
        now: Now,
    ) -> Arrival {
        let (time, mut effects) = self.begin(now);
        let NewMessage { conversation, authority, .. } = &message;
        let terms = self.hear(*conversation, authority, stamp, time, &mut effects);
        let opens = stamp.as_ref().map_or(Opens::Unlimited, |stamp| stamp.opens);
        let life = match message.media {
            Media::Here => Life::received(terms, opens, age, time),
            Media::Awaited => Life::received_without_media(terms, opens, age, time),
        };
        let verdict = self.admit(message, life, time, &mut effects);
        Arrival { verdict, effects: self.ending(effects) }
    }

    /// A message that carries nothing of its own to be kept, and its stamp: a change of the setting, an echo
    /// of it, a request to take something back. In a group, only of those who may change the setting.
    pub fn heard(
        &mut self,
        conversation: ConversationId,
        stamp: &Result<Stamp, MalformedStamp>,
        now: Now,
    ) -> Effects {
        let (time, mut effects) = self.begin(now);
        self.hear(conversation, &Authority::MaySet, stamp, time, &mut effects);
        self.ending(effects)
    }

    /// More of a message is stored than was: a thumbnail that was made, a notification that is shown.
    pub fn parts_added(&mut self, id: MessageId, parts: Parts, now: Now) -> PartsAdded {
        match self.messages.get(id).map(|tracked| tracked.parts) {
            None if self.is_buried(id) => return PartsAdded::Gone,
            None => return PartsAdded::NotHeld,
            Some(before) if before.contains(parts) => {
                return PartsAdded::Noted(Effects::default());
            }
            Some(_) => {}
        }
        let (time, mut effects) = self.begin(now);
        self.messages.change(id, &self.head.limits, |tracked| {
            tracked.parts = tracked.parts | parts;
        });
        self.write_message(id, &mut effects);
        if self.is_over(id, time) {
            self.messages.wake(id, &self.head.limits);
        }
        PartsAdded::Noted(self.ending(effects))
    }

    /// The user deletes a message here. It is due, and no late copy of it is shown. If it is not held, delete it.
    pub fn deleted(&mut self, id: MessageId, now: Now) -> Effects {
        let (time, mut effects) = self.begin(now);
        if self.messages.get(id).is_some() {
            self.learn(id, time, &mut effects, Life::deleted);
        } else if !self.is_buried(id) {
            self.bury(id, time, &mut effects);
        }
        effects.tell.push(DeviceEvent::Deleted(id));
        self.ending(effects)
    }

    /// The user deletes a conversation: all its messages that are held are due. Its setting stays, since it
    /// belongs to the people.
    pub fn conversation_deleted(&mut self, conversation: ConversationId, now: Now) -> Effects {
        let (time, mut effects) = self.begin(now);
        let all = self.messages.iter();
        let its = all.filter(|(_, tracked)| tracked.conversation == conversation);
        let ids: alloc::vec::Vec<_> = its.map(|(id, _)| id).collect();
        for id in ids {
            if self.learn(id, time, &mut effects, Life::deleted) {
                effects.tell.push(DeviceEvent::Deleted(id));
            }
        }
        self.ending(effects)
    }

    /// A message is taken back by `by`, the **authenticated** sender of that request. The request's own stamp
    /// goes to [`ExpiryScheduler::heard`], as of an edit.
    pub fn unsent(&mut self, id: MessageId, by: MemberTag, now: Now) -> Unsent {
        match self.messages.get(id) {
            Some(tracked) if tracked.author != by => return Unsent::NotAuthor,
            None if self.is_buried(id) => return Unsent::Gone,
            Some(_) | None => {}
        }
        let (time, mut effects) = self.begin(now);
        if self.messages.get(id).is_some() {
            self.learn(id, time, &mut effects, Life::deleted);
            return Unsent::Due(self.ending(effects));
        }
        let since = self.memory.unsends.since(&(id, by)).unwrap_or(time);
        effects.writes.push(RecordName::Unsend(id, by).write(&since));
        let forgotten = self.memory.unsends.insert((id, by), (), time);
        let forgotten = forgotten.map(|(id, by)| RecordName::Unsend(id, by).delete());
        effects.writes.extend(forgotten);
        Unsent::Unknown(self.ending(effects))
    }

    /// A message is edited by `by`, the **authenticated** sender of the edit. Its clock goes on; a policy of the
    /// edit's own can only shorten it.
    ///
    /// # Errors
    ///
    /// An [`EditError`].
    pub fn edited(
        &mut self,
        id: MessageId,
        by: MemberTag,
        own_policy: Option<Policy>,
        now: Now,
    ) -> Result<Effects, EditError> {
        let time = self.head.clock.time(now);
        let Some(tracked) = self.messages.get(id) else {
            return Err(if self.is_buried(id) { EditError::Gone } else { EditError::Unknown });
        };
        if tracked.author != by {
            return Err(EditError::NotAuthor);
        }
        if tracked.is_over(&self.head.limits, time) {
            return Err(EditError::Gone);
        }
        let (time, mut effects) = self.begin(now);
        let terms = own_policy.into_iter().fold(Terms::NONE, Terms::and);
        self.learn(id, time, &mut effects, |life| life.shorten(terms));
        Ok(self.ending(effects))
    }

    /// Adds what became of a message to its life and stores it. Says whether anything changed: what has ended
    /// stays so, and nothing is learnt of it any more.
    pub(crate) fn learn(
        &mut self,
        id: MessageId,
        time: EngineTime,
        effects: &mut Effects,
        learn: impl FnOnce(&mut Life),
    ) -> bool {
        let (limits, closed) = (&self.head.limits, self.closed_with(id));
        let changed = self.messages.get(id).is_some_and(|tracked| !tracked.is_over(limits, time))
            && self.messages.change(id, limits, |tracked| {
                let before = tracked.life.clone();
                learn(&mut tracked.life);
                // Closes are told to those that had been read, and to the others when they are.
                if tracked.life.started().is_some() {
                    tracked.life.closed(closed);
                }
                tracked.drop_useless_key();
                tracked.life != before
            }) == Some(true);
        if changed {
            self.write_message(id, effects);
        }
        changed
    }

    /// When the conversation of a message was closed last.
    pub(crate) fn closed_with(&self, id: MessageId) -> EngineTime {
        let tracked = self.messages.get(id);
        let state = tracked.and_then(|tracked| self.conversations.get(&tracked.conversation));
        state.map_or(EngineTime::START, |state| state.closed)
    }

    /// Takes in a message, if it has not ended yet and there is anything to hold it for.
    fn admit(
        &mut self,
        message: NewMessage,
        mut life: Life,
        time: EngineTime,
        effects: &mut Effects,
    ) -> Verdict {
        let NewMessage { id, conversation, author, parts, quoted, content_key, .. } = message;
        if let Some(held) = self.messages.get(id) {
            if (held.author, held.conversation) != (author, conversation) {
                return Verdict::IdTaken;
            }
            self.learn(id, time, effects, |held| held.join(&life));
            return if self.is_over(id, time) { Verdict::Late } else { Verdict::Known };
        }
        if self.is_buried(id) {
            return Verdict::Late;
        }
        if let Some(facts) = self.memory.waiting.get(&id) {
            life.learn(facts);
        }
        let state = self.conversations.get(&conversation);
        if let Some(state) = state.filter(|_| life.started().is_some()) {
            life.closed(state.closed);
        }
        if self.memory.unsends.get(&(id, author)).is_some() {
            life.deleted();
        }
        let verdict = if life.deadline(&self.head.limits).is_some_and(|end| end <= time) {
            self.bury(id, time, effects);
            Verdict::Late
        } else {
            // What repeats itself repeats nothing of another.
            let quote = quoted.filter(|parent| *parent != id).map(|parent| {
                let expired = self.is_buried(parent) || self.is_over(parent, time);
                Quote { parent, expired }
            });
            let tracked = Tracked { conversation, author, life, parts, quote, content_key };
            if self.head.holds(&tracked) {
                self.messages.insert(id, tracked, &self.head.limits);
                self.write_message(id, effects);
            }
            Verdict::Keep
        };
        // Last, since what was remembered is now part of what has been stored.
        if self.memory.waiting.remove(&id).is_some() {
            effects.writes.push(RecordName::Waiting(id).delete());
        }
        if self.memory.unsends.remove(&(id, author)).is_some() {
            effects.writes.push(RecordName::Unsend(id, author).delete());
        }
        verdict
    }

    /// Whether it is held and its life is over.
    pub(crate) fn is_over(&self, id: MessageId, time: EngineTime) -> bool {
        let held = self.messages.get(id);
        held.is_some_and(|tracked| tracked.is_over(&self.head.limits, time))
    }
}

fn stamped_terms(stamp: &Stamp) -> Terms {
    let setting = stamp.setting.as_ref().and_then(|stamped| stamped.setting.policy);
    setting.into_iter().chain(stamp.own_policy).fold(Terms::NONE, Terms::and)
}
