//! ExpiryScheduler: what it holds, how its time goes on, and what it writes.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use rand_core::CryptoRng;

use crate::crypto::kdf::HmacKey;
use crate::crypto::secret::Secret;
use crate::expiry::conversation::Conversation;
use crate::expiry::effects::Effects;
use crate::expiry::engine_clock::EngineClock;
use crate::expiry::memory::Memory;
use crate::expiry::message_id::{ConversationId, MessageId, first_half};
use crate::expiry::messages::Messages;
use crate::expiry::record::RecordName;
use crate::expiry::tracked::Tracked;
use crate::limits::ExpiryLimits;
use crate::stored::{StateWriter, Stored, stored};
use crate::time::{EngineTime, Now};
use crate::wire::codec::{DecodeError, Reader};

/// How far the engine's time may go on before that is worth storing by itself. It is what is lost if the wall
/// clock is set back while the device is off.
const UNSTORED: Duration = Duration::from_secs(3_600);

/// The same where other rows are written anyway.
const UNSTORED_BESIDE_OTHERS: Duration = Duration::from_secs(1);

/// How many messages are held for no other reason than that an own device may still tell a setting that counts for
/// them, and how long. Of more the oldest is settled, and held no longer.
pub(crate) const MAX_UNSETTLED: usize = 10_000;
pub(crate) const UNSETTLED: Duration = Duration::from_secs(45 * 86_400);

/// Separates the hashes that stand for ended messages from all others.
const TOMBSTONE_LABEL: &[u8] = b"evanesce/v1 expiry tombstone";

/// Disappearing messages: one for each account. Events and the time go in; what to store, what to delete and
/// when to wake come out. The settings of all conversations are here, and every message that has an end.
///
/// A message whose setting gives it no end is not held, and nothing need be told of it. If it is deleted or unsent,
/// delete it: [`ExpiryScheduler::deleted`] and [`ExpiryScheduler::unsent`] say when that is so. One that says nothing
/// of a setting is held for 45 days: an own device may tell later of a setting that held when it was sent.
///
/// # The time
///
/// Every call that needs the time takes [`Now`]. Ask [`ExpiryScheduler::next_wakeup`] after each call, sleep that
/// long, and [`ExpiryScheduler::poll`]. Whether something may be shown does not depend on that: ask
/// [`ExpiryScheduler::visibility`] before each render, and what has ended never flashes on the screen.
///
/// # What to store, and in which order
///
/// | event | order | stopped in between |
/// |---|---|---|
/// | a message comes in | store session, message and [`Effects::writes`]; then acknowledge | it is delivered again |
/// | a message is sent | [`queued`](Self::queued), store with the outbox; send; [`sent`](Self::sent) | it is sent again |
/// | read | store, then show. If it lives for more than a minute, at once is enough | the clock runs and nobody saw it, or starts when it is read again |
/// | opened once or twice | store, then [`Opening::release`](crate::expiry::Opening::release) | that opening is lost: never one too many |
/// | due | delete, [`done`](Self::done), store both | it is due again: deleted at least once |
/// | setting changed | store, then send | the next message tells |
///
/// Without transactions: first the application's row, then the writes in their order.
///
/// # When to call what
///
/// | moment | calls |
/// |---|---|
/// | the application starts | [`from_records`](Self::from_records); after a backup was put back [`restored_from_backup`](Self::restored_from_backup), before anything else; [`trust_time`](Self::trust_time) if a clock can be asked, before anything is shown; [`poll`](Self::poll); set a timer for [`next_wakeup`](Self::next_wakeup) |
/// | the timer fires, the device wakes, the wall clock was set | [`poll`](Self::poll) and [`done`](Self::done) until nothing is due; the timer again |
/// | it goes to the background | [`closed`](Self::closed) for the conversation that is open |
/// | the server's clock is known | [`trust_time`](Self::trust_time) |
/// | own devices have news | [`catching_up`](Self::catching_up), what they tell, [`caught_up`](Self::caught_up) |
///
/// A hidden timer of the operating system may fire late: nothing is shown meanwhile that has ended.
///
/// # Own other devices
///
/// They need the same [`MessageId`]s and [`ConversationId`]s, and one
/// [`MemberTag`](crate::expiry::MemberTag) for each person: that of one and the same of their devices. Send what is in
/// [`Effects::tell`], with the moment, to each of them; there it goes into
/// [`told_by_own_device`](Self::told_by_own_device), with its age. A message that this device sent goes to them as a
/// copy, and into [`sent_elsewhere`](Self::sent_elsewhere). With true ages all come to the same, in whatever order.
///
/// # Bounds
///
/// What is held grows with the messages that the application takes in and with its conversations. Besides, it
/// remembers for 45 days at most 100,000 messages that ended, so that no late copy is shown, and at most 10,000
/// messages that have not come, of which own devices have told something, 10,000 without an end that own devices have
/// read, 1,000 that peers took back, and 10,000 that say nothing of a setting and have no end. Of more than so many the
/// oldest go; a peer that sends 100,000 messages which have ended makes the first forgotten. A conversation that was deleted, and in which no own device ever wrote or set anything, is forgotten after 45 days,
/// and of more than 10,000 of them the one that was deleted first.
///
/// One call of [`poll`](Self::poll) looks at so many messages as it is told to, and at all that quote them.
/// [`conversation_deleted`](Self::conversation_deleted) looks at the messages of that conversation that are held,
/// [`closed`](Self::closed) at those of them that end then, a change of the setting at all of them if some say nothing
/// of one, [`caught_up`](Self::caught_up) at those that were held for it alone,
/// [`restored_from_backup`](Self::restored_from_backup) at those that may be opened once or twice, and
/// [`set_limits`](Self::set_limits) at all.
pub struct ExpiryScheduler {
    pub(crate) head: Head,
    /// The clock as the stored head has it.
    pub(crate) stored_clock: EngineClock,
    pub(crate) conversations: BTreeMap<ConversationId, Conversation>,
    pub(crate) messages: Messages,
    pub(crate) memory: Memory,
}

/// What concerns the whole.
pub(crate) struct Head {
    pub(crate) clock: EngineClock,
    pub(crate) limits: ExpiryLimits,
    /// So that what is kept of ended messages tells nobody which they were.
    pub(crate) tombstone_key: Secret<32>,
    /// Messages received since then are not shown: what own devices did with them is still to come.
    pub(crate) withheld_since: Option<EngineTime>,
}

impl ExpiryScheduler {
    /// A new one, with one draw of 32 bytes. Store it before anything else: see
    /// [`ExpiryScheduler::records`] and [`ExpiryScheduler::snapshot`].
    #[must_use]
    pub fn new(now: Now, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let clock = EngineClock::new(now);
        let tombstone_key = Secret::filled_by(|out| rng.fill_bytes(out));
        let limits = ExpiryLimits::default();
        Self {
            stored_clock: clock.clone(),
            head: Head { clock, limits, tombstone_key, withheld_since: None },
            conversations: BTreeMap::new(),
            messages: Messages::default(),
            memory: Memory::default(),
        }
    }

    /// Its limits.
    #[must_use]
    pub fn limits(&self) -> &ExpiryLimits {
        &self.head.limits
    }

    /// Sets limits, for the messages that are held too. What has ended stays so.
    pub fn set_limits(&mut self, limits: ExpiryLimits, now: Now) -> Effects {
        let (time, mut effects) = self.begin(now);
        let over = self.messages.iter().filter(|(_, it)| it.is_over(&self.head.limits, time));
        let ids: Vec<_> = over.map(|(id, _)| id).collect();
        for id in ids {
            self.messages.change(id, &self.head.limits, |tracked| {
                tracked.life.deleted();
                tracked.drop_useless_key();
            });
            self.write_message(id, &mut effects);
        }
        let messages = core::mem::take(&mut self.messages);
        self.messages = Messages::restored(messages.into_places(), &limits);
        self.head.limits = limits;
        self.write_head(&mut effects);
        effects
    }

    /// How many messages are held.
    #[must_use]
    pub fn held_messages(&self) -> usize {
        self.messages.len()
    }

    /// The engine's time, in which lives are counted.
    #[must_use]
    pub fn time(&self, now: Now) -> EngineTime {
        self.head.clock.time(now)
    }

    /// See [`EngineClock::trust_time`]. After a start, ask before anything else: what was shown to have ended, or was
    /// stored, stays so.
    pub fn trust_time(&mut self, wall: Duration, now: Now) -> Effects {
        self.head.clock.trust_time(wall, now);
        self.ending(Effects::default())
    }

    /// What repeats something of a message that has ended is due as well.
    pub(crate) fn expire_quotes_of(
        &mut self,
        parent: MessageId,
        time: EngineTime,
        effects: &mut Effects,
    ) {
        let limits = &self.head.limits;
        for id in self.messages.lists().quoting(parent) {
            let is_new = self.messages.change(id, limits, |tracked| {
                // Of one that has ended itself all parts are due already.
                let lives = !tracked.is_over(limits, time);
                let quote = tracked.quote.as_mut().filter(|quote| quote.parent == parent);
                let quote = quote.filter(|quote| lives && !quote.expired);
                quote.map(|quote| quote.expired = true).is_some()
            });
            if is_new == Some(true) {
                self.write_message(id, effects);
            }
        }
    }

    /// The message has ended and nothing of it is left.
    pub(crate) fn bury(&mut self, id: MessageId, time: EngineTime, effects: &mut Effects) {
        self.expire_quotes_of(id, time, effects);
        let hash = self.tombstone(id);
        // First what remains, then what goes: stopped in between, nothing is missing.
        effects.writes.push(RecordName::Tombstone(hash).write(&time));
        let forgotten = self.memory.tombstones.insert(hash, (), time);
        effects.writes.extend(forgotten.map(|hash| RecordName::Tombstone(hash).delete()));
        if self.messages.remove(id).is_some() {
            effects.writes.push(RecordName::Message(id).delete());
        }
        if self.memory.waiting.remove(&id).is_some() {
            effects.writes.push(RecordName::Waiting(id).delete());
        }
        if self.memory.seen.remove(&id).is_some() {
            effects.writes.push(RecordName::Seen(id).delete());
        }
    }

    /// Whether it was held, and has ended.
    pub(crate) fn is_buried(&self, id: MessageId) -> bool {
        !self.memory.tombstones.is_empty()
            && self.memory.tombstones.get(&self.tombstone(id)).is_some()
    }

    fn tombstone(&self, id: MessageId) -> [u8; 16] {
        let key = HmacKey::new(&self.head.tombstone_key);
        first_half(key.tag(&[TOMBSTONE_LABEL, &id.0]))
    }

    /// Goes on to `now`.
    pub(crate) fn begin(&mut self, now: Now) -> (EngineTime, Effects) {
        (self.head.clock.advance(now), Effects::default())
    }

    /// Has the head stored too, if the clocks have done something that the stored one could not know, or much
    /// time has passed.
    pub(crate) fn ending(&mut self, mut effects: Effects) -> Effects {
        let unstored = self.head.clock.ahead_of(&self.stored_clock);
        let most = if effects.writes.is_empty() { UNSTORED } else { UNSTORED_BESIDE_OTHERS };
        if unstored >= most || self.stored_clock.differs(&self.head.clock) {
            self.write_head(&mut effects);
        }
        effects
    }

    pub(crate) fn write_head(&mut self, effects: &mut Effects) {
        self.stored_clock = self.head.clock.clone();
        effects.writes.push(RecordName::Head.write(&self.head));
    }

    pub(crate) fn write_message(&self, id: MessageId, effects: &mut Effects) {
        let tracked = self.messages.get(id);
        effects.writes.extend(tracked.map(|tracked| RecordName::Message(id).write(tracked)));
    }

    /// Stores a message as it is now, or ceases to hold it.
    pub(crate) fn keep_or_drop(&mut self, id: MessageId, effects: &mut Effects) {
        if self.messages.get(id).is_some_and(|tracked| self.head.holds(tracked)) {
            self.write_message(id, effects);
        } else if self.messages.remove(id).is_some() {
            effects.writes.push(RecordName::Message(id).delete());
        }
    }

    /// Holds the one that came first no longer for a setting that may be told yet.
    pub(crate) fn settle_first(&mut self, effects: &mut Effects) {
        if let Some((_, id)) = self.messages.lists().first_unsettled() {
            self.messages.change(id, &self.head.limits, |tracked| tracked.life.settle());
            self.keep_or_drop(id, effects);
        }
    }
}

impl Head {
    /// Whether there is anything to hold a message for.
    pub(crate) fn holds(&self, tracked: &Tracked) -> bool {
        tracked.is_needed() || self.withholds(tracked)
    }

    /// Whether a message came since the device is catching up.
    pub(crate) fn withholds(&self, tracked: &Tracked) -> bool {
        let received = (!tracked.life.is_ours()).then(|| tracked.life.noted());
        self.withheld_since.is_some_and(|since| received >= Some(since))
    }
}

impl fmt::Debug for ExpiryScheduler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ExpiryScheduler");
        shown.field("clock", &self.head.clock).field("held_messages", &self.messages.len());
        shown.finish_non_exhaustive()
    }
}

stored!(Head { clock, limits, tombstone_key, withheld_since });
