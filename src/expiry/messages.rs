//! The messages that are held, each found by its id, in the order in which they come due.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::expiry::lists::{ListKey, Listed, Lists};
use crate::expiry::message_id::{ConversationId, MessageId};
use crate::expiry::queue::DeadlineQueue;
use crate::expiry::tracked::Tracked;
use crate::limits::ExpiryLimits;
use crate::time::EngineTime;

/// Stands for no place at all.
const NOWHERE: u32 = u32::MAX;

/// A table of messages whose places are the numbers of the queue.
#[derive(Default)]
pub(crate) struct Messages {
    places: Vec<Option<Place>>,
    free: Vec<u32>,
    by_id: BTreeMap<MessageId, u32>,
    queue: DeadlineQueue,
    conversations: BTreeMap<ConversationId, Chain>,
    lists: Lists,
}

/// A message in the table. All of one conversation hang together, so that they are found without looking at others;
/// a link of eight bytes costs a third of an ordered set. What was deleted, or opened as often as it may be, hangs
/// there no more: nothing that happens in its conversation matters to it.
pub(crate) struct Place {
    id: MessageId,
    tracked: Tracked,
    before: u32,
    after: u32,
}

/// The messages of one conversation.
struct Chain {
    first: u32,
    /// How many fall back on an own setting, those among them that hang here no more.
    falling_back: u32,
}

impl Place {
    pub(crate) fn new(id: MessageId, tracked: Tracked) -> Self {
        Self { id, tracked, before: NOWHERE, after: NOWHERE }
    }
}

impl Messages {
    /// Which of them hang on something, or are held for a reason of their own.
    pub(crate) fn lists(&self) -> &Lists {
        &self.lists
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn get(&self, id: MessageId) -> Option<&Tracked> {
        let place = self.places.get(index(*self.by_id.get(&id)?))?.as_ref()?;
        Some(&place.tracked)
    }

    /// All of them, in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (MessageId, &Tracked)> {
        self.by_id.keys().filter_map(|id| Some((*id, self.get(*id)?)))
    }

    pub(crate) fn insert(&mut self, id: MessageId, tracked: Tracked, limits: &ExpiryLimits) {
        let next = tracked.next_change(limits);
        let listed = Listed::of(&tracked);
        let key = ListKey::of(&tracked);
        let number = self.place(Place::new(id, tracked));
        self.by_id.insert(id, number);
        self.set(number, next);
        if listed.hangs {
            self.hang(number, key.conversation);
        }
        self.list(id, key, &Listed::NOWHERE, &listed);
    }

    /// All at once, which is much faster than one by one. Of two of one id the later counts. Each is looked at once and
    /// none copied to another place: there may be a million.
    pub(crate) fn restored(mut messages: Vec<Option<Place>>, limits: &ExpiryLimits) -> Self {
        let mut restored = Self::default();
        let mut ids = Vec::with_capacity(messages.len());
        let mut deadlines = Vec::with_capacity(messages.len());
        // As many messages as 32 bits count take more memory than there is.
        for number in 0..u32::try_from(messages.len()).unwrap_or(NOWHERE) {
            let Some(Some(place)) = messages.get_mut(index(number)) else { continue };
            let (id, tracked) = (place.id, &place.tracked);
            let (key, listed) = (ListKey::of(tracked), Listed::of(tracked));
            ids.push((id, number));
            deadlines.extend(tracked.next_change(limits).map(|next| (number, next)));
            if listed.hangs {
                let chain = restored.conversations.entry(key.conversation).or_insert(Chain::EMPTY);
                let next = core::mem::replace(&mut chain.first, number);
                place.after = next;
                if let Some(Some(next)) = messages.get_mut(index(next)) {
                    next.before = number;
                }
            }
            restored.list(id, key, &Listed::NOWHERE, &listed);
        }
        restored.by_id = ids.into_iter().collect();
        restored.queue = deadlines.into_iter().collect();
        restored.places = messages;
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
        let tracked = &mut self.places.get_mut(index(number))?.as_mut()?.tracked;
        let (listed_before, ends_before) = (Listed::of(tracked), tracked.ends(limits));
        let outcome = change(tracked);
        let (listed, ends, next) =
            (Listed::of(tracked), tracked.ends(limits), tracked.next_change(limits));
        if listed != listed_before {
            let key = ListKey::of(tracked);
            if listed.hangs && !listed_before.hangs {
                self.hang(number, key.conversation);
            }
            self.list(id, key, &listed_before, &listed);
            if listed_before.hangs && !listed.hangs {
                self.unhang(number, key.conversation);
            }
        }
        // What has been given out and is as due as before comes again in its time, not at once.
        if ends != ends_before {
            self.set(number, next);
        }
        Some(outcome)
    }

    pub(crate) fn remove(&mut self, id: MessageId) -> Option<Tracked> {
        let number = self.by_id.remove(&id)?;
        self.clear(number)
    }

    /// All of a conversation that something may still happen to, in the order of their ids.
    pub(crate) fn of(&self, conversation: ConversationId) -> Vec<MessageId> {
        let mut ids: Vec<_> = self.chain(conversation).map(|place| place.id).collect();
        ids.sort_unstable();
        ids
    }

    /// Those of a conversation that fall back on an own setting.
    pub(crate) fn falling_back(&self, conversation: ConversationId) -> Vec<MessageId> {
        if !self.any_falls_back(conversation) {
            return Vec::new();
        }
        let all = self.chain(conversation).filter(|place| place.tracked.life.falls_back());
        let mut ids: Vec<_> = all.map(|place| place.id).collect();
        ids.sort_unstable();
        ids
    }

    /// Whether there are any.
    pub(crate) fn any_falls_back(&self, conversation: ConversationId) -> bool {
        self.conversations.get(&conversation).is_some_and(|chain| chain.falling_back > 0)
    }

    /// When something is next to be done about any of them.
    pub(crate) fn next(&self) -> Option<EngineTime> {
        self.queue.first().map(|(deadline, _)| deadline)
    }

    /// Takes the next one that something is to be done about now out of the queue, until
    /// [`Self::look_at`].
    pub(crate) fn pop_due(&mut self, now: EngineTime) -> Option<MessageId> {
        let (_, number) = self.queue.pop_due(now)?;
        self.places.get(index(number))?.as_ref().map(|place| place.id)
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

    /// All of them, to be put in anew.
    pub(crate) fn into_places(self) -> Vec<Option<Place>> {
        let places = self.places.into_iter().flatten();
        places.map(|place| Some(Place { before: NOWHERE, after: NOWHERE, ..place })).collect()
    }

    /// The messages of a conversation.
    fn chain(&self, conversation: ConversationId) -> impl Iterator<Item = &Place> {
        let mut next = self.conversations.get(&conversation).map_or(NOWHERE, |chain| chain.first);
        core::iter::from_fn(move || {
            let place = self.places.get(index(next))?.as_ref()?;
            next = place.after;
            Some(place)
        })
    }

    /// Puts a message into a place.
    fn place(&mut self, place: Place) -> u32 {
        let reused = self.free.pop();
        // As many messages as 32 bits count take more memory than there is.
        let next = || u32::try_from(self.places.len()).unwrap_or(NOWHERE);
        let number = reused.unwrap_or_else(next);
        match self.places.get_mut(index(number)) {
            Some(free) => *free = Some(place),
            None => self.places.push(Some(place)),
        }
        number
    }

    /// Puts a message first in its conversation.
    fn hang(&mut self, number: u32, conversation: ConversationId) {
        let next =
            self.change_chain(conversation, |chain| core::mem::replace(&mut chain.first, number));
        if let Some(next) = self.place_mut(next) {
            next.before = number;
        }
        if let Some(place) = self.place_mut(number) {
            (place.before, place.after) = (NOWHERE, next);
        }
    }

    /// Takes a message out of its conversation.
    fn unhang(&mut self, number: u32, conversation: ConversationId) {
        let Some(place) = self.place_mut(number) else { return };
        let before = core::mem::replace(&mut place.before, NOWHERE);
        let after = core::mem::replace(&mut place.after, NOWHERE);
        if let Some(after) = self.place_mut(after) {
            after.before = before;
        }
        match self.place_mut(before) {
            Some(before) => before.after = after,
            None => self.change_chain(conversation, |chain| chain.first = after),
        }
    }

    fn place_mut(&mut self, number: u32) -> Option<&mut Place> {
        self.places.get_mut(index(number))?.as_mut()
    }

    /// Empties the places that no id leads to.
    fn clear_doubles(&mut self) {
        let by_number = (0..).zip(self.places.iter().flatten());
        let doubles: Vec<u32> = by_number
            .filter(|(number, place)| self.by_id.get(&place.id) != Some(number))
            .map(|(number, _)| number)
            .collect();
        doubles.into_iter().for_each(|number| _ = self.clear(number));
        // The lists know ids, not places: what the one of two took out is in the other's.
        let left = self.iter();
        let left: Vec<_> =
            left.map(|(id, held)| (id, ListKey::of(held), Listed::of(held))).collect();
        for (id, key, listed) in left {
            self.lists.file(id, key, &Listed::NOWHERE, &listed);
        }
    }

    /// Empties a place, and takes what was there out of all lists.
    fn clear(&mut self, number: u32) -> Option<Tracked> {
        self.queue.cancel(number);
        let place = self.places.get(index(number))?.as_ref()?;
        let (id, key, listed) = (place.id, ListKey::of(&place.tracked), Listed::of(&place.tracked));
        self.list(id, key, &listed, &Listed::NOWHERE);
        if listed.hangs {
            self.unhang(number, key.conversation);
        }
        let Place { tracked, .. } = self.places.get_mut(index(number))?.take()?;
        self.free.push(number);
        Some(tracked)
    }

    /// Takes a message out of the lists where it was and puts it into those where it is.
    fn list(&mut self, id: MessageId, key: ListKey, was: &Listed, is: &Listed) {
        self.lists.file(id, key, was, is);
        if was.falls_back != is.falls_back {
            self.change_chain(key.conversation, |chain| {
                let before = chain.falling_back;
                let one_more = is.falls_back.then(|| before.saturating_add(1));
                chain.falling_back = one_more.unwrap_or(before.saturating_sub(1));
            });
        }
    }

    /// Changes what is known of a conversation, which is forgotten where that is nothing.
    fn change_chain<Outcome>(
        &mut self,
        conversation: ConversationId,
        change: impl FnOnce(&mut Chain) -> Outcome,
    ) -> Outcome {
        let chain = self.conversations.entry(conversation).or_insert(Chain::EMPTY);
        let outcome = change(chain);
        if chain.first == NOWHERE && chain.falling_back == 0 {
            self.conversations.remove(&conversation);
        }
        outcome
    }

    fn set(&mut self, number: u32, next: Option<EngineTime>) {
        match next {
            Some(next) => self.queue.set(number, next),
            None => _ = self.queue.cancel(number),
        }
    }
}

impl Chain {
    const EMPTY: Self = Self { first: NOWHERE, falling_back: 0 };
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
