//! ExpiryScheduler: what became of the messages that are held.

use crate::expiry::effects::Effects;
use crate::expiry::life::Life;
use crate::expiry::message_id::MessageId;
use crate::expiry::scheduler::ExpiryScheduler;
use crate::time::EngineTime;

impl ExpiryScheduler {
    /// Adds what became of a message to its life and stores it. Says whether anything changed: what has ended
    /// stays so, and nothing is learnt of it any more.
    pub(crate) fn learn(
        &mut self,
        id: MessageId,
        time: EngineTime,
        effects: &mut Effects,
        learn: impl FnOnce(&mut Life),
    ) -> bool {
        let (limits, conversations) = (&self.head.limits, &self.conversations);
        let changed = self.messages.get(id).is_some_and(|tracked| !tracked.is_over(limits, time))
            && self.messages.change(id, limits, |tracked| {
                let before = tracked.life.clone();
                learn(&mut tracked.life);
                if let Some(state) = conversations.get(&tracked.conversation) {
                    state.tell(&mut tracked.life);
                }
                tracked.drop_useless_key();
                tracked.life != before
            }) == Some(true);
        if changed {
            self.write_message(id, effects);
        }
        changed
    }

    /// One of ours was sent. What had ended before does not live again by that.
    pub(crate) fn learn_sent(
        &mut self,
        id: MessageId,
        at: EngineTime,
        time: EngineTime,
        effects: &mut Effects,
    ) -> bool {
        let ours = self.messages.get(id).filter(|tracked| tracked.life.is_ours());
        let has_ended = match ours {
            None => return false,
            Some(ours) => ours.is_over(&self.head.limits, time),
        };
        if !has_ended {
            return self.learn(id, time, effects, |life| life.sent(at));
        }
        let is_news = self.messages.change(id, &self.head.limits, |tracked| {
            let is_news = tracked.life.is_unsent();
            if is_news {
                tracked.life.deleted();
                tracked.life.sent(at);
                tracked.drop_useless_key();
            }
            is_news
        });
        if is_news == Some(true) {
            self.write_message(id, effects);
        }
        is_news == Some(true)
    }

    /// Whether it is held and its life is over.
    pub(crate) fn is_over(&self, id: MessageId, time: EngineTime) -> bool {
        let held = self.messages.get(id);
        held.is_some_and(|tracked| tracked.is_over(&self.head.limits, time))
    }
}
