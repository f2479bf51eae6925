//! ExpiryScheduler: what happened on own other devices.

use crate::expiry::age::Age;
use crate::expiry::conversation::Source;
use crate::expiry::effects::{DeviceEvent, Effects, ExpiryEvent};
use crate::expiry::facts::Facts;
use crate::expiry::message_id::{ConversationId, MessageId};
use crate::expiry::record::RecordName;
use crate::expiry::scheduler::ExpiryScheduler;
use crate::time::{EngineTime, Now};

impl ExpiryScheduler {
    /// What happened on an own other device, so long ago: [`Effects::tell`] of its scheduler. In any order and any
    /// number of times it comes to the same. What concerns a message that has not come waits for it.
    pub fn told_by_own_device(&mut self, event: DeviceEvent, age: Age, now: Now) -> Effects {
        let (time, mut effects) = self.begin(now);
        let at = time.minus(age.duration());
        let mut facts = Facts::default();
        match event {
            DeviceEvent::Read(id) => {
                facts.started.note(at);
                self.learn_reading(id, facts, time, &mut effects);
            }
            DeviceEvent::Seen(id) if self.messages.get(id).is_some() => {
                facts.started.note(at);
                self.learn_reading(id, facts, time, &mut effects);
            }
            DeviceEvent::Seen(id) => self.remember_seen(id, at, time, &mut effects),
            DeviceEvent::Opened(id, times) => {
                facts.opened = times;
                facts.started.note(at);
                self.learn_reading(id, facts, time, &mut effects);
            }
            DeviceEvent::Deleted(id) if self.messages.get(id).is_some() => {
                facts.deleted = true;
                self.learn_or_wait(id, facts, time, &mut effects);
            }
            DeviceEvent::Deleted(id) => {
                if !self.is_buried(id) {
                    self.bury(id, time, &mut effects);
                    effects.events.push(ExpiryEvent::DeletedElsewhere { id });
                }
            }
            DeviceEvent::Sent(id) if self.messages.get(id).is_some() => {
                self.learn_sent(id, at, time, &mut effects);
            }
            DeviceEvent::Sent(id) => {
                facts.sent.note(at);
                self.learn_or_wait(id, facts, time, &mut effects);
            }
            DeviceEvent::Closed(conversation) => {
                self.remember_close(conversation, at, &mut effects);
                self.close(conversation, at, time, &mut effects);
            }
            DeviceEvent::Setting(conversation, setting) => {
                let setting = Some((setting, at));
                self.note(conversation, Source::OwnDevice, setting, time, &mut effects);
            }
        }
        self.ending(effects)
    }

    /// What an own device is to be told that was just linked, each with how long ago it was: the settings of all
    /// conversations in which an own device has written or set anything, former ones included, for messages that are late.
    pub fn events_for_new_device(&self, now: Now) -> impl Iterator<Item = (DeviceEvent, Age)> {
        let time = self.head.clock.time(now);
        let ours = self.conversations.iter().filter(|(_, state)| state.is_ours);
        ours.flat_map(move |(id, state)| {
            state.settings.held().map(move |(setting, since)| {
                (DeviceEvent::Setting(*id, setting), Age::trusted(time.since(since)))
            })
        })
    }

    /// Closes a conversation, for all its messages that end then. Says whether there were any.
    pub(crate) fn close(
        &mut self,
        conversation: ConversationId,
        at: EngineTime,
        time: EngineTime,
        effects: &mut Effects,
    ) -> bool {
        let ids = self.messages.lists().on_close(conversation);
        for id in &ids {
            self.learn(*id, time, effects, |life| {
                if life.started().is_some() {
                    life.closed(at);
                }
            });
        }
        !ids.is_empty()
    }

    /// Notes when a conversation was closed, for messages that come later.
    pub(crate) fn remember_close(
        &mut self,
        conversation: ConversationId,
        at: EngineTime,
        effects: &mut Effects,
    ) {
        let before = self.conversations.get(&conversation).map(|state| state.closed);
        let mut closed = before.unwrap_or_default();
        closed.note(at);
        if before.unwrap_or_default() != closed {
            let state = self.conversations.entry(conversation).or_default();
            state.closed = closed;
            effects.writes.push(RecordName::Conversation(conversation).write(state));
        }
    }

    /// The same of what was read there, which the screen is told if it is news.
    fn learn_reading(
        &mut self,
        id: MessageId,
        facts: Facts,
        time: EngineTime,
        effects: &mut Effects,
    ) {
        let is_unread = |scheduler: &Self| {
            let life = scheduler.messages.get(id).map(|tracked| &tracked.life);
            life.is_some_and(|life| !life.is_ours() && life.started().is_none())
        };
        let was_unread = is_unread(self);
        self.learn_or_wait(id, facts, time, effects);
        if was_unread && !is_unread(self) {
            effects.events.push(ExpiryEvent::ReadElsewhere { id });
        }
    }

    /// It has no end, or has not come: which of the two is not known here.
    fn remember_seen(
        &mut self,
        id: MessageId,
        at: EngineTime,
        time: EngineTime,
        effects: &mut Effects,
    ) {
        let before = self.memory.seen.get(&id).copied();
        if self.is_buried(id) || before.is_some_and(|before| before <= at) {
            return;
        }
        if before.is_none() {
            effects.events.push(ExpiryEvent::ReadElsewhere { id });
        }
        let since = self.memory.seen.since(&id).unwrap_or(time);
        effects.writes.push(RecordName::Seen(id).write(&(since, at)));
        let forgotten = self.memory.seen.insert(id, at, time);
        effects.writes.extend(forgotten.map(|id| RecordName::Seen(id).delete()));
    }

    /// Adds facts to a message, or keeps them until it comes.
    fn learn_or_wait(
        &mut self,
        id: MessageId,
        facts: Facts,
        time: EngineTime,
        effects: &mut Effects,
    ) {
        if self.messages.get(id).is_some() {
            self.learn(id, time, effects, |life| life.learn(&facts));
        } else if !self.is_buried(id) {
            let mut all = facts;
            if let Some(before) = self.memory.waiting.get(&id) {
                all.join(before);
            }
            let since = self.memory.waiting.since(&id).unwrap_or(time);
            effects.writes.push(RecordName::Waiting(id).write(&(since, all.clone())));
            let forgotten = self.memory.waiting.insert(id, all, time);
            effects.writes.extend(forgotten.map(|id| RecordName::Waiting(id).delete()));
        }
    }
}
