//! The messages that are held, each found by its id, in the order in which they come due.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::expiry::message_id::{ConversationId, MessageId};
use crate::expiry::queue::DeadlineQueue;
use crate::expiry::tracked::Tracked;
use crate::limits::ExpiryLimits;
use crate::time::EngineTime;

/// A table of messages whose places are the numbers of the queue.
#[derive(Default)]
pub(crate) struct Messages {
    places: Vec<Option<(MessageId, Tracked)>>,
    free: Vec<u32>,
    by_id: BTreeMap<MessageId, u32>,
    queue: DeadlineQueue,
    /// Who quotes a message.
    quoted: BTreeMap<MessageId, BTreeSet<MessageId>>,
    /// What ends when its conversation is closed.
    on_close: BTreeMap<ConversationId, BTreeSet<MessageId>>,
}

/// What else can end a message, or a part of it.
struct HangsOn {
    /// The message that it quotes.
    parent: Option<MessageId>,
    /// The conversation that is closed.
    conversation: Option<ConversationId>,
}

impl HangsOn {
    fn of(tracked: &Tracked) -> Self {
        let on_close = tracked.life.terms().is_on_close();
        Self {
            parent: tracked.quote.map(|quote| quote.parent),
            conversation: on_close.then_some(tracked.conversation),
        }
    }
}

impl Messages {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn get(&self, id: MessageId) -> Option<&Tracked> {
        let (_, tracked) = self.places.get(index(*self.by_id.get(&id)?))?.as_ref()?;
        Some(tracked)
    }

    /// All of them, in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (MessageId, &Tracked)> {
        self.by_id.keys().filter_map(|id| Some((*id, self.get(*id)?)))
    }

    pub(crate) fn insert(&mut self, id: MessageId, tracked: Tracked, limits: &ExpiryLimits) {
        let next = tracked.next_change(limits);
        let number = self.place(id, tracked);
        self.by_id.insert(id, number);
        self.set(number, next);
    }

    /// All at once, which is much faster than one by one. Of two of one id the later counts.
    pub(crate) fn restored(messages: Vec<(MessageId, Tracked)>, limits: &ExpiryLimits) -> Self {
        let mut restored = Self::default();
        let mut ids = Vec::with_capacity(messages.len());
        let mut deadlines = Vec::with_capacity(messages.len());
        // As many messages as 32 bits count take more memory than there is.
        for (number, (id, tracked)) in (0..).zip(&messages) {
            restored.file(*id, HangsOn::of(tracked));
            ids.push((*id, number));
            deadlines.extend(tracked.next_change(limits).map(|next| (number, next)));
        }
        restored.by_id = ids.into_iter().collect();
        restored.queue = deadlines.into_iter().collect();
        // None is copied to another place: there may be a million.
        restored.places = messages.into_iter().map(Some).collect();
        if restored.by_id.len() < restored.places.len() {
            restored.clear_doubles();
        }
        restored
    }

    /// Changes one, and its place in the queue if that becomes another; gives what `change` gives.
    pub(crate) fn change<Outcome>(
        &mut self,
        id: MessageId,
        limits: &ExpiryLimits,
        change: impl FnOnce(&mut Tracked) -> Outcome,
    ) -> Option<Outcome> {
        let number = *self.by_id.get(&id)?;
        let (_, tracked) = self.places.get_mut(index(number))?.as_mut()?;
        let (quoted_before, before) = (tracked.quote, tracked.ends(limits));
        let outcome = change(tracked);
        let (ends, next) = (tracked.ends(limits), tracked.next_change(limits));
        let hangs_on = HangsOn::of(tracked);
        if let (Some(before), None) = (quoted_before, hangs_on.parent) {
            unfile(&mut self.quoted, before.parent, id);
        }
        self.file(id, hangs_on);
        // What has been given out and is as due as before comes again in its time, not at once.
        if ends != before {
            self.set(number, next);
        }
        Some(outcome)
    }

    pub(crate) fn remove(&mut self, id: MessageId) -> Option<Tracked> {
        let number = self.by_id.remove(&id)?;
        let (_, tracked) = self.clear(number)?;
        let HangsOn { parent, conversation } = HangsOn::of(&tracked);
        if let Some(parent) = parent {
            unfile(&mut self.quoted, parent, id);
        }
        if let Some(conversation) = conversation {
            unfile(&mut self.on_close, conversation, id);
        }
        Some(tracked)
    }

    /// Who quotes this message.
    pub(crate) fn quoting(&self, parent: MessageId) -> Vec<MessageId> {
        self.quoted.get(&parent).into_iter().flatten().copied().collect()
    }

    /// What ends when this conversation is closed.
    pub(crate) fn on_close(&self, conversation: ConversationId) -> Vec<MessageId> {
        self.on_close.get(&conversation).into_iter().flatten().copied().collect()
    }

    /// When something is next to be done about any of them.
    pub(crate) fn next(&self) -> Option<EngineTime> {
        self.queue.first().map(|(deadline, _)| deadline)
    }

    /// Takes the next one that something is to be done about now out of the queue, until
    /// [`Self::look_at`].
    pub(crate) fn pop_due(&mut self, now: EngineTime) -> Option<MessageId> {
        let (_, number) = self.queue.pop_due(now)?;
        let (id, _) = self.places.get(index(number))?.as_ref()?;
        Some(*id)
    }

    /// Lets one come as soon as it is due, though it was given out a short time ago.
    pub(crate) fn wake(&mut self, id: MessageId, limits: &ExpiryLimits) {
        if let Some(next) = self.get(id).and_then(|tracked| tracked.next_change(limits)) {
            self.look_at(id, next);
        }
    }

    /// Something is to be done about this one at `time`, and not before, unless it changes.
    fn look_at(&mut self, id: MessageId, time: EngineTime) {
        if let Some(number) = self.by_id.get(&id) {
            self.queue.set(*number, time);
        }
    }

    /// The same of one that was taken out of the queue, unless it has changed since and come in again.
    pub(crate) fn look_again_at(&mut self, id: MessageId, time: EngineTime) {
        let number = self.by_id.get(&id);
        if number.is_some_and(|number| self.queue.deadline(*number).is_none()) {
            self.look_at(id, time);
        }
    }

    pub(crate) fn into_all(self) -> Vec<(MessageId, Tracked)> {
        self.places.into_iter().flatten().collect()
    }

    /// Puts a message into a place.
    fn place(&mut self, id: MessageId, tracked: Tracked) -> u32 {
        self.file(id, HangsOn::of(&tracked));
        if let Some(number) = self.free.pop() {
            if let Some(place) = self.places.get_mut(index(number)) {
                *place = Some((id, tracked));
            }
            return number;
        }
        // As many messages as 32 bits count take more memory than there is.
        let number = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.places.push(Some((id, tracked)));
        number
    }

    /// Empties the places that no id leads to.
    fn clear_doubles(&mut self) {
        let by_number = (0..).zip(self.places.iter().flatten());
        let doubles: Vec<u32> = by_number
            .filter(|(number, (id, _))| self.by_id.get(id) != Some(number))
            .map(|(number, _)| number)
            .collect();
        doubles.into_iter().for_each(|number| _ = self.clear(number));
    }

    /// Empties a place.
    fn clear(&mut self, number: u32) -> Option<(MessageId, Tracked)> {
        self.queue.cancel(number);
        self.free.push(number);
        self.places.get_mut(index(number))?.take()
    }

    fn file(&mut self, id: MessageId, hangs_on: HangsOn) {
        let HangsOn { parent, conversation } = hangs_on;
        if let Some(parent) = parent {
            self.quoted.entry(parent).or_default().insert(id);
        }
        if let Some(conversation) = conversation {
            self.on_close.entry(conversation).or_default().insert(id);
        }
    }

    fn set(&mut self, number: u32, next: Option<EngineTime>) {
        match next {
            Some(next) => self.queue.set(number, next),
            None => _ = self.queue.cancel(number),
        }
    }
}

/// Takes an id out of a list, and a list that is empty away.
fn unfile<Key: Ord>(lists: &mut BTreeMap<Key, BTreeSet<MessageId>>, key: Key, id: MessageId) {
    if let Some(list) = lists.get_mut(&key) {
        list.remove(&id);
        if list.is_empty() {
            lists.remove(&key);
        }
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
