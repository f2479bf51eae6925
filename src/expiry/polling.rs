//! ExpiryScheduler: what has come due, and what is done about it.

use alloc::collections::BTreeMap;
use core::time::Duration;

use crate::expiry::effects::{Due, Effects, Poll};
use crate::expiry::message_id::MessageId;
use crate::expiry::parts::Parts;
use crate::expiry::record::RecordName;
use crate::expiry::scheduler::{ExpiryScheduler, UNSETTLED};
use crate::time::{EngineTime, Now};

impl ExpiryScheduler {
    /// How long the device may sleep until [`ExpiryScheduler::poll`] has something to give: nothing if it has
    /// already, at most [`ExpiryLimits::longest_sleep`](crate::limits::ExpiryLimits::longest_sleep). `None` if nothing
    /// held has an end; an event may change that.
    #[must_use]
    pub fn next_wakeup(&self, now: Now) -> Option<Duration> {
        let next = self.messages.next()?.since(self.head.clock.time(now));
        Some(next.min(self.head.limits.longest_sleep))
    }

    /// What is to be deleted now, the earliest first. What is not confirmed by [`ExpiryScheduler::done`] comes
    /// again: after a minute, and after every restart. At most `limit` messages are looked at, so there may be
    /// more even if nothing is due of these: then [`ExpiryScheduler::next_wakeup`] is nothing.
    ///
    /// Poll at each start and once a day even without a wake-up: what is remembered is forgotten here.
    pub fn poll(&mut self, limit: usize, now: Now) -> Poll {
        let (time, mut poll) = (self.head.clock.advance(now), Poll::default());
        let mut given = BTreeMap::new();
        for _ in 0..limit {
            let Some(id) = self.messages.pop_due(time) else {
                break;
            };
            let Some(due) = self.come_due(id, time, &mut poll.effects) else {
                given.entry(id).or_insert(None);
                continue;
            };
            // More of one that was given already has come due with another one.
            let place = given.get(&id).copied().flatten().unwrap_or(poll.due.len());
            given.insert(id, Some(place));
            match poll.due.get_mut(place) {
                Some(before) => *before = due,
                None => poll.due.push(due),
            }
        }
        for (id, place) in given {
            let parts = place.and_then(|place| poll.due.get(place)).map(|due| due.parts);
            self.look_again(id, parts.unwrap_or_default(), time);
        }
        self.forget(limit, time, &mut poll.effects);
        if poll.due.is_empty() {
            poll.effects = self.ending(poll.effects);
        } else {
            // Whatever the clocks say after a restart, it has been as late as this. That is stored first.
            let mut head = Effects::default();
            self.write_head(&mut head);
            poll.effects = head.and(poll.effects);
        }
        poll
    }

    /// These parts of a message are gone: said in the transaction that deletes them, and never before. When all are
    /// whose message has ended, only a keyed hash of its id remains, for 45 days.
    pub fn done(&mut self, id: MessageId, parts: Parts, now: Now) -> Effects {
        let (time, mut effects) = self.begin(now);
        let limits = &self.head.limits;
        let is_over = self.messages.change(id, limits, |tracked| {
            tracked.parts = tracked.parts.without(parts);
            if parts.contains(Parts::QUOTE) {
                tracked.quote = None;
            }
            let is_over = tracked.is_over(limits, time);
            if is_over {
                tracked.content_key = None;
            }
            is_over
        });
        match is_over {
            Some(true) if self.messages.get(id).is_some_and(|left| left.parts.is_empty()) => {
                self.bury(id, time, &mut effects);
            }
            Some(_) => self.keep_or_drop(id, &mut effects),
            None => {}
        }
        self.ending(effects)
    }

    /// Works out what is due of a message whose time has come.
    fn come_due(&mut self, id: MessageId, time: EngineTime, effects: &mut Effects) -> Option<Due> {
        let limits = &self.head.limits;
        let tracked = self.messages.get(id)?;
        let (conversation, parts) = (tracked.conversation, tracked.due_parts(limits, time));
        let (ended, unsent) = (tracked.is_over(limits, time), tracked.life.is_unsent());
        if ended {
            let has_key = tracked.content_key.is_some();
            self.expire_quotes_of(id, time, effects);
            if parts.is_empty() {
                self.bury(id, time, effects);
            } else if has_key {
                // Whatever becomes of the parts, from here on nobody opens them.
                self.messages.change(id, &self.head.limits, |tracked| tracked.content_key = None);
                self.write_message(id, effects);
            }
        } else if parts.is_empty() {
            self.give_up_quote(id, effects);
        }
        (!parts.is_empty()).then_some(Due { id, conversation, parts, ended, unsent })
    }

    /// Stops waiting for the message that this one quotes, unless it has come.
    fn give_up_quote(&mut self, id: MessageId, effects: &mut Effects) {
        let parent = self.messages.get(id).and_then(|tracked| tracked.quote);
        if parent.is_none_or(|quote| self.messages.get(quote.parent).is_none()) {
            self.messages.change(id, &self.head.limits, |tracked| tracked.quote = None);
            self.keep_or_drop(id, effects);
        }
    }

    /// Puts one that was looked at back into the queue.
    fn look_again(&mut self, id: MessageId, given: Parts, time: EngineTime) {
        let limits = &self.head.limits;
        let left = self.messages.get(id);
        if let Some(next) = left.and_then(|tracked| tracked.next_look(limits, given, time)) {
            self.messages.look_again_at(id, next);
        }
    }

    /// Forgets what has been remembered long enough, of each kind so many at most.
    fn forget(&mut self, limit: usize, time: EngineTime, effects: &mut Effects) {
        for _ in 0..limit {
            let unsettled = self.messages.lists().first_unsettled();
            let is_settled = unsettled.is_some_and(|(noted, _)| time.since(noted) >= UNSETTLED);
            if is_settled {
                self.settle_first(effects);
            }
            let deleted = self.memory.deleted.pop_over(time);
            deleted.iter().for_each(|id| _ = self.conversations.remove(id));
            let over = [
                deleted.map(RecordName::Conversation),
                self.memory.tombstones.pop_over(time).map(RecordName::Tombstone),
                self.memory.waiting.pop_over(time).map(RecordName::Waiting),
                self.memory.seen.pop_over(time).map(RecordName::Seen),
                self.memory.unsends.pop_over(time).map(|(id, by)| RecordName::Unsend(id, by)),
            ];
            if !is_settled && over.iter().all(Option::is_none) {
                break;
            }
            effects.writes.extend(over.into_iter().flatten().map(RecordName::delete));
        }
    }
}
