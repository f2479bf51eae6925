//! ExpiryScheduler: messages that are sent and that come in, and what becomes of them in the store.

use core::fmt;

use crate::expiry::age::Age;
use crate::expiry::conversation::Source;
use crate::expiry::effects::{DeviceEvent, Effects, ExpiryEvent};
use crate::expiry::life::{Life, Terms};
use crate::expiry::message_id::{ConversationId, MessageId};
use crate::expiry::new_message::{Arrival, Authority, Media, NewMessage, Verdict};
use crate::expiry::parts::Parts;
use crate::expiry::record::RecordName;
use crate::expiry::scheduler::{ExpiryScheduler, MAX_UNSETTLED};
use crate::expiry::setting_history::is_believable;
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
        self.note(message.conversation, Source::OwnDevice, None, time, &mut effects);
        let life = own_life(stamp, time);
        let verdict = self.admit(message, life, time, &mut effects);
        Arrival { verdict, effects: self.ending(effects) }
    }

    /// A message of ours has left, or has come to the server, so long ago. One that could not be sent has not. If it
    /// had ended before, it has ended all the same; but it is not due as one that was never sent.
    pub fn sent(&mut self, id: MessageId, age: Age, now: Now) -> Effects {
        let (time, mut effects) = self.begin(now);
        let at = time.minus(age.duration());
        if self.learn_sent(id, at, time, &mut effects) {
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
        let sent = time.minus(age.duration());
        let setting = stamp.setting.as_ref().map(|stamped| (stamped.setting, sent));
        self.note(message.conversation, Source::OwnDevice, setting, time, &mut effects);
        let mut life = own_life(stamp, time);
        life.sent(sent);
        let verdict = self.admit(message, life, time, &mut effects);
        Arrival { verdict, effects: self.ending(effects) }
    }

    /// A message that came in, with its stamp as the session gives it
    /// ([`Received::stamp`](crate::Received::stamp)), sent so long ago.
    ///
    /// It lives by what its stamp says, whatever the setting has become meanwhile. Where the stamp says nothing of
    /// a setting, is malformed, brings one of a version above 2^20, or comes from somebody who may not set, our own
    /// counts as well: none of these is a way to send something that stays. Our own is the one that held when the
    /// message was sent, also if an own device tells of it only afterwards; what was set later counts for no message
    /// that was sent before.
    pub fn received(
        &mut self,
        message: NewMessage,
        stamp: &Result<Stamp, MalformedStamp>,
        age: Age,
        now: Now,
    ) -> Arrival {
        let (time, mut effects) = self.begin(now);
        let NewMessage { conversation, authority, .. } = &message;
        let sent = time.minus(age.duration());
        self.hear(*conversation, authority, stamp, sent, time, &mut effects);
        let terms = stamp.as_ref().map_or(Terms::NONE, stamped_terms);
        let opens = stamp.as_ref().map_or(Opens::Unlimited, |stamp| stamp.opens);
        let mut life = match message.media {
            Media::Here => Life::received(terms, opens, age, time),
            Media::Awaited => Life::received_without_media(terms, opens, age, time),
        };
        if falls_back(stamp, authority) {
            life = life.falling_back();
        }
        let verdict = self.admit(message, life, time, &mut effects);
        Arrival { verdict, effects: self.ending(effects) }
    }

    /// A message that carries nothing of its own to be kept, and its stamp, sent so long ago: a change of the setting,
    /// an echo of it, a request to take something back. In a group, only of those who may change the setting.
    pub fn heard(
        &mut self,
        conversation: ConversationId,
        stamp: &Result<Stamp, MalformedStamp>,
        age: Age,
        now: Now,
    ) -> Effects {
        let (time, mut effects) = self.begin(now);
        let sent = time.minus(age.duration());
        self.hear(conversation, &Authority::MaySet, stamp, sent, time, &mut effects);
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
    /// belongs to the people; of a stranger's, in which no own device ever wrote or set anything, for 45 days after
    /// the last that was heard there.
    pub fn conversation_deleted(&mut self, conversation: ConversationId, now: Now) -> Effects {
        let (time, mut effects) = self.begin(now);
        for id in self.messages.of(conversation) {
            if self.learn(id, time, &mut effects, Life::deleted) {
                effects.tell.push(DeviceEvent::Deleted(id));
            }
        }
        if let Some(state) = self.conversations.get_mut(&conversation).filter(|it| !it.is_ours) {
            let since = state.deleted.unwrap_or(time);
            state.deleted = Some(since);
            effects.writes.push(RecordName::Conversation(conversation).write(state));
            if let Some(first) = self.memory.deleted.insert(conversation, (), since) {
                self.conversations.remove(&first);
                effects.writes.push(RecordName::Conversation(first).delete());
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
        let seen = self.memory.seen.get(&id).copied();
        if let Some(facts) = self.memory.waiting.get(&id) {
            life.learn(facts);
        }
        // Where it has an end after all, it has been read.
        seen.into_iter().for_each(|at| life.read_elsewhere(at));
        let was_read = seen.is_some() || (!life.is_ours() && life.started().is_some());
        if let Some(state) = self.conversations.get(&conversation) {
            state.tell(&mut life);
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
            if self.messages.lists().unsettled() > MAX_UNSETTLED {
                self.settle_first(effects);
            }
            if was_read {
                effects.events.push(ExpiryEvent::ReadElsewhere { id });
            }
            Verdict::Keep
        };
        // Last, since what was remembered is now part of what has been stored.
        if self.memory.waiting.remove(&id).is_some() {
            effects.writes.push(RecordName::Waiting(id).delete());
        }
        if self.memory.seen.remove(&id).is_some() {
            effects.writes.push(RecordName::Seen(id).delete());
        }
        if self.memory.unsends.remove(&(id, author)).is_some() {
            effects.writes.push(RecordName::Unsend(id, author).delete());
        }
        verdict
    }
}

/// The life of a message of ours, from here or an own other device. A device that knows no setting has not switched
/// it off: what the other ones know counts.
fn own_life(stamp: &Stamp, now: EngineTime) -> Life {
    let life = Life::queued(stamped_terms(stamp), stamp.opens, now);
    if stamp.setting.is_none() { life.falling_back() } else { life }
}

/// Whether our own setting counts for a message that came in. It depends on the message alone, so that it is
/// the same on all own devices, whatever they have heard before.
fn falls_back(stamp: &Result<Stamp, MalformedStamp>, authority: &Authority) -> bool {
    let stamped = stamp.as_ref().ok().and_then(|stamp| stamp.setting.as_ref());
    match (stamped, authority) {
        (Some(stamped), Authority::MaySet) => !is_believable(stamped.setting),
        (Some(_), Authority::MayNotSet) | (None, _) => true,
    }
}

fn stamped_terms(stamp: &Stamp) -> Terms {
    let setting = stamp.setting.as_ref().and_then(|stamped| stamped.setting.policy);
    setting.into_iter().chain(stamp.own_policy).fold(Terms::NONE, Terms::and)
}
