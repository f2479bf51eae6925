//! Which of the messages that are held hang on something, or are held for a reason of their own.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::expiry::message_id::{ConversationId, MessageId};
use crate::expiry::tracked::Tracked;
use crate::time::EngineTime;

/// Lists of messages, so that each event looks only at those that it concerns. Most messages are in none of them.
#[derive(Default)]
pub(crate) struct Lists {
    /// Who quotes a message.
    quoted: BTreeMap<MessageId, BTreeSet<MessageId>>,
    /// What ends when its conversation is closed.
    on_close: BTreeMap<ConversationId, BTreeSet<MessageId>>,
    /// What is held for no other reason than that an own setting may turn out to have held, in the order in which it
    /// came.
    unsettled: BTreeSet<(EngineTime, MessageId)>,
    /// What may be opened a few times only.
    to_open: BTreeSet<MessageId>,
    /// What is held for no other reason than that it is withheld.
    unneeded: BTreeSet<MessageId>,
}

/// What a message is listed by.
#[derive(Clone, Copy)]
pub(crate) struct ListKey {
    pub(crate) conversation: ConversationId,
    noted: EngineTime,
}

/// Where a message is listed beside the queue, and what else can end it or a part of it.
#[derive(PartialEq, Eq)]
pub(crate) struct Listed {
    /// The message that it quotes.
    parent: Option<MessageId>,
    on_close: bool,
    pub(crate) falls_back: bool,
    unsettled: bool,
    to_open: bool,
    unneeded: bool,
    /// Whether it is among those of its conversation.
    pub(crate) hangs: bool,
}

impl ListKey {
    pub(crate) fn of(tracked: &Tracked) -> Self {
        Self { conversation: tracked.conversation, noted: tracked.life.noted() }
    }
}

impl Listed {
    pub(crate) const NOWHERE: Self = Self {
        parent: None,
        on_close: false,
        falls_back: false,
        unsettled: false,
        to_open: false,
        unneeded: false,
        hangs: false,
    };

    pub(crate) fn of(tracked: &Tracked) -> Self {
        Self {
            parent: tracked.quote.map(|quote| quote.parent),
            on_close: tracked.life.terms().is_on_close(),
            falls_back: tracked.life.falls_back(),
            unsettled: tracked.is_unsettled(),
            to_open: tracked.life.allowed_opens().is_some(),
            unneeded: !tracked.is_needed(),
            hangs: !tracked.life.is_spent(),
        }
    }
}

impl Lists {
    /// Who quotes this message.
    pub(crate) fn quoting(&self, parent: MessageId) -> Vec<MessageId> {
        self.quoted.get(&parent).into_iter().flatten().copied().collect()
    }

    /// What ends when this conversation is closed.
    pub(crate) fn on_close(&self, conversation: ConversationId) -> Vec<MessageId> {
        self.on_close.get(&conversation).into_iter().flatten().copied().collect()
    }

    /// What may be opened a few times only.
    pub(crate) fn to_open(&self) -> Vec<MessageId> {
        self.to_open.iter().copied().collect()
    }

    /// What is held for no other reason than that it is withheld.
    pub(crate) fn unneeded(&self) -> Vec<MessageId> {
        self.unneeded.iter().copied().collect()
    }

    /// How many are held for no other reason than that an own setting may turn out to have held.
    pub(crate) fn unsettled(&self) -> usize {
        self.unsettled.len()
    }

    /// Which of them came first, and when.
    pub(crate) fn first_unsettled(&self) -> Option<(EngineTime, MessageId)> {
        self.unsettled.first().copied()
    }

    /// Takes a message out of the lists where it was and puts it into those where it is.
    pub(crate) fn file(&mut self, id: MessageId, key: ListKey, was: &Listed, is: &Listed) {
        let ListKey { conversation, noted } = key;
        if was.parent != is.parent {
            was.parent.into_iter().for_each(|parent| unfile(&mut self.quoted, parent, id));
        }
        if let Some(parent) = is.parent {
            self.quoted.entry(parent).or_default().insert(id);
        }
        match (was.on_close, is.on_close) {
            (_, true) => _ = self.on_close.entry(conversation).or_default().insert(id),
            (true, false) => unfile(&mut self.on_close, conversation, id),
            (false, false) => {}
        }
        put(&mut self.unsettled, (noted, id), is.unsettled, was.unsettled);
        put(&mut self.to_open, id, is.to_open, was.to_open);
        put(&mut self.unneeded, id, is.unneeded, was.unneeded);
    }
}

/// Puts a key into a set where it belongs there, and takes it out where it does not any more.
fn put<Key: Ord>(set: &mut BTreeSet<Key>, key: Key, is: bool, was: bool) {
    if is {
        set.insert(key);
    } else if was {
        set.remove(&key);
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
