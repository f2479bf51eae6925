//! The life of one message: its terms, what has become of it, and the deadline that follows.

use core::num::NonZeroU32;
use core::time::Duration;

use crate::expiry::age::Age;
use crate::expiry::facts::Facts;
use crate::expiry::origin::Origin;
#[cfg(feature = "serde")]
use crate::expiry::origin::read_origin;
#[cfg(feature = "serde")]
use crate::expiry::setting::read_ttl;
use crate::expiry::setting::stricter;
use crate::limits::ExpiryLimits;
use crate::stored::{StateWriter, Stored, stored};
use crate::time::EngineTime;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::stamp::{Opens, Policy};

/// When a message ends: any number of policies at once, of which whatever comes first ends it. More of them can
/// only shorten it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Terms {
    #[cfg_attr(feature = "serde", serde(deserialize_with = "read_ttl"))]
    after_send: Option<NonZeroU32>,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "read_ttl"))]
    after_read: Option<NonZeroU32>,
    on_close: bool,
}

/// The life of one message. A pure value: an application that keeps deadlines in a table of its own needs
/// nothing else of this module.
///
/// What became of the message may be told in any order and any number of times, and always comes to the same:
/// the earliest reading counts, the most openings, and a deletion for ever. Tell nothing more of one whose deadline
/// has passed: reading and sending would bring it back. [`ExpiryScheduler`](crate::expiry::ExpiryScheduler) sees to
/// that.
///
/// ```
/// use evanesce::expiry::{Age, EngineTime, Life, Opens, Policy, Terms};
/// use evanesce::limits::ExpiryLimits;
/// use std::time::Duration;
///
/// let hour = Duration::from_secs(3_600);
/// let received = EngineTime::from_millis(1_000);
/// let terms = Terms::NONE.and(Policy::after_read(hour));
/// let mut life = Life::received(terms, Opens::Unlimited, Age::NONE, received);
///
/// // Unread, it ends after 30 days; read, an hour later.
/// let limits = ExpiryLimits::default();
/// assert_eq!(life.deadline(&limits), Some(received.plus(limits.unread)));
/// let read = EngineTime::from_millis(5_000);
/// life.read(read);
/// assert_eq!(life.deadline(&limits), Some(read.plus(hour)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Life {
    #[cfg_attr(feature = "serde", serde(deserialize_with = "read_origin"))]
    origin: Origin,
    terms: Terms,
    opens: Opens,
    facts: Facts,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
    own_setting: Option<OwnSetting>,
}

/// The setting of one's own that counts beside what a message says of itself, because it says nothing of one that
/// holds. It is the setting of the time at which the message was sent, as far as is known; another one may turn out to
/// have held then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
struct OwnSetting {
    /// `None` if it was *off*, or there was none.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
    policy: Option<Policy>,
}

impl Terms {
    /// No end.
    pub const NONE: Self = Self { after_send: None, after_read: None, on_close: false };

    /// With one policy more. A life above 366 days counts as 366.
    #[must_use]
    pub fn and(self, policy: Policy) -> Self {
        match policy.clamped() {
            Policy::AfterSend { ttl } => {
                Self { after_send: Some(shorter(self.after_send, ttl)), ..self }
            }
            Policy::AfterRead { ttl } => {
                Self { after_read: Some(shorter(self.after_read, ttl)), ..self }
            }
            Policy::OnClose => Self { on_close: true, ..self },
        }
    }

    /// With another's policies as well.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let Self { after_send, after_read, on_close } = other;
        let timed = [
            after_send.map(|ttl| Policy::AfterSend { ttl }),
            after_read.map(|ttl| Policy::AfterRead { ttl }),
            on_close.then_some(Policy::OnClose),
        ];
        timed.into_iter().flatten().fold(self, Self::and)
    }

    /// Whether there is no end.
    #[must_use]
    pub fn is_endless(&self) -> bool {
        *self == Self::NONE
    }

    /// Whether a message ends when its conversation is closed.
    pub(crate) fn is_on_close(&self) -> bool {
        self.on_close
    }

    /// The shortest life in them.
    fn shortest(&self) -> Option<Duration> {
        self.after_send.into_iter().chain(self.after_read).min().map(seconds)
    }
}

impl Life {
    /// Of a message that we are about to send. Until it is sent no clock runs, but after its own life, and a day
    /// at least, it ends unsent.
    #[must_use]
    pub fn queued(terms: Terms, opens: Opens, now: EngineTime) -> Self {
        Self::new(Origin::Ours { queued: now }, terms, opens)
    }

    /// Of a message that came in. Its clock runs since it was sent, that long ago; to be read, it is ready.
    #[must_use]
    pub fn received(terms: Terms, opens: Opens, age: Age, now: EngineTime) -> Self {
        let mut life = Self::received_without_media(terms, opens, age, now);
        life.ready(now);
        life
    }

    /// Of a message that came in while its media did not: until [`Life::ready`], reading starts no clock.
    #[must_use]
    pub fn received_without_media(terms: Terms, opens: Opens, age: Age, now: EngineTime) -> Self {
        let origin = Origin::Theirs { received: now, sent: now.minus(age.duration()) };
        Self::new(origin, terms, opens)
    }

    fn new(origin: Origin, terms: Terms, opens: Opens) -> Self {
        Self { origin, terms, opens, facts: Facts::default(), own_setting: None }
    }

    /// The same of a message that says nothing of a setting, or nothing that counts: one's own setting of the
    /// conversation counts as well, the one that held at [`Life::sent_at`]. Tell it by [`Life::fall_back_on`], and
    /// again whenever it turns out to be another.
    #[must_use]
    pub fn falling_back(self) -> Self {
        Self { own_setting: Some(OwnSetting { policy: None }), ..self }
    }

    /// The policy of the own setting that held when it was sent, if that counts for this message.
    pub fn fall_back_on(&mut self, policy: Option<Policy>) {
        if let Some(own) = &mut self.own_setting {
            own.policy = policy.map(Policy::clamped);
        }
    }

    /// Whether the own setting counts as well.
    #[must_use]
    pub fn falls_back(&self) -> bool {
        self.own_setting.is_some()
    }

    /// What has not turned out yet about the own setting will not matter any more.
    pub(crate) fn settle(&mut self) {
        self.terms = self.terms();
        self.own_setting = None;
    }

    /// When it was sent, as far as is known: by its author's side, or here; unsent, when it was queued.
    #[must_use]
    pub fn sent_at(&self) -> EngineTime {
        match self.origin {
            Origin::Theirs { sent, .. } => sent,
            Origin::Ours { queued } => self.facts.sent.told().unwrap_or(queued),
        }
    }

    /// When it ends, as far as is known; `None` is never. Only reading and sending move it back, each once, and
    /// no further than the limits of what is never read or sent; and an own setting that turns out to have held.
    ///
    /// ```text
    /// the least of
    ///   deleted, or all openings used          EngineTime::START
    ///   after send                             sent + ttl
    ///   after read                             first read + ttl       its author has read it when it was sent
    ///   on close                               EngineTime::START, once closed after it was read
    ///   never read: after read, on close       received + unread      until read; on close, always
    ///   to be opened once or twice             received + unopened    always
    ///   never sent                             queued + unsent, or the shortest ttl if that is longer
    ///                                          and nothing else ends it; until sent
    /// ```
    #[must_use]
    pub fn deadline(&self, limits: &ExpiryLimits) -> Option<EngineTime> {
        let Self { origin, facts, .. } = self;
        let terms = self.terms();
        if self.is_spent() {
            return Some(EngineTime::START);
        }
        let (sent, arrived) = match (origin, facts.sent.told()) {
            (Origin::Theirs { received, sent }, _) => (*sent, *received),
            (Origin::Ours { .. }, Some(sent)) => (sent, sent),
            (Origin::Ours { queued }, None) => {
                let untimed = terms.on_close || self.allowed_opens().is_some();
                let shortest = terms.shortest().filter(|_| !untimed);
                let unsent = shortest.unwrap_or_default().max(limits.unsent);
                return self.is_finite().then(|| queued.plus(unsent));
            }
        };
        let unread = arrived.plus(limits.unread);
        let read = self.started();
        let waits = terms.on_close || terms.after_read.is_some() && read.is_none();
        let ends = [
            terms.after_send.map(|ttl| sent.plus(seconds(ttl))),
            terms.after_read.and_then(|ttl| Some(read?.plus(seconds(ttl)))),
            (terms.on_close && read.is_some_and(|read| facts.was_closed_since(read)))
                .then_some(EngineTime::START),
            waits.then_some(unread),
            self.allowed_opens().map(|_| arrived.plus(limits.unopened)),
        ];
        ends.into_iter().flatten().min()
    }

    /// It was read. Before its media is there this starts no clock, but it will have been read then.
    pub fn read(&mut self, at: EngineTime) {
        self.facts.read.note(at);
    }

    /// It was read on an own other device, where its media was there: the clock has been running since.
    pub fn read_elsewhere(&mut self, at: EngineTime) {
        self.facts.started.note(at);
    }

    /// Its media is there.
    pub fn ready(&mut self, at: EngineTime) {
        self.facts.ready.note(at);
    }

    /// It has left, or has come to the server: for one that we wrote.
    pub fn sent(&mut self, at: EngineTime) {
        self.facts.sent.note(at);
    }

    /// It was opened so often, in all; whoever opens it reads it.
    pub fn opened(&mut self, times: u8, at: EngineTime) {
        self.facts.opened = self.facts.opened.max(times);
        self.read(at);
    }

    /// Somebody who may has deleted it.
    pub fn deleted(&mut self) {
        self.facts.deleted = true;
    }

    /// Its conversation was closed.
    pub fn closed(&mut self, at: EngineTime) {
        self.facts.closed.note(at);
    }

    /// It was edited under these terms too: it can only become shorter, and no clock starts again.
    pub fn shorten(&mut self, terms: Terms) {
        self.terms = self.terms.join(terms);
    }

    /// Its terms, with the own setting's if that counts.
    #[must_use]
    pub fn terms(&self) -> Terms {
        let own = self.own_setting.and_then(|own| own.policy);
        own.into_iter().fold(self.terms, Terms::and)
    }

    /// Whether it will end by itself.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        !self.terms().is_endless() || self.allowed_opens().is_some() || self.facts.deleted
    }

    /// Whether it is the author's own.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self.origin, Origin::Ours { .. })
    }

    /// How often it was opened.
    #[must_use]
    pub fn times_opened(&self) -> u8 {
        self.facts.opened
    }

    /// How often it may be opened in all; `None` is as often as one likes.
    #[must_use]
    pub fn allowed_opens(&self) -> Option<u8> {
        match self.opens {
            Opens::Unlimited => None,
            Opens::Once => Some(1),
            Opens::Twice => Some(2),
        }
    }

    /// Whether its media is there.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.is_ours() || self.facts.ready.told().is_some()
    }

    /// Whether we wrote it, and have not heard that it was sent.
    pub(crate) fn is_unsent(&self) -> bool {
        self.is_ours() && self.facts.sent.told().is_none()
    }

    /// When this device heard of it.
    pub(crate) fn noted(&self) -> EngineTime {
        match self.origin {
            Origin::Ours { queued } => queued,
            Origin::Theirs { received, .. } => received,
        }
    }

    /// What is known of it from before it came.
    pub(crate) fn learn(&mut self, facts: &Facts) {
        self.facts.join(facts);
    }

    /// The same message, heard of once more.
    pub(crate) fn join(&mut self, other: &Self) {
        let Self { origin, terms, opens, facts, own_setting } = other;
        self.shorten(*terms);
        self.own_setting = match (self.own_setting, *own_setting) {
            (Some(ours), Some(own)) => {
                Some(OwnSetting { policy: stricter(ours.policy, own.policy) })
            }
            (ours, own) => ours.or(own),
        };
        self.opens = match (self.opens, opens) {
            (Opens::Once, _) | (_, Opens::Once) => Opens::Once,
            (Opens::Twice, _) | (_, Opens::Twice) => Opens::Twice,
            (Opens::Unlimited, Opens::Unlimited) => Opens::Unlimited,
        };
        self.learn(facts);
        if let (Origin::Theirs { sent, .. }, Origin::Theirs { sent: other, .. }) =
            (&mut self.origin, origin)
        {
            *sent = (*sent).min(*other);
        }
    }

    /// A restart of the application closes what was being read.
    pub(crate) fn restarted(&mut self) {
        if let Some(read) = self.started().filter(|_| self.terms().on_close) {
            self.closed(read);
        }
    }

    /// Whether it was deleted, or opened as often as it may be: whatever the time is, it has ended.
    pub(crate) fn is_spent(&self) -> bool {
        let allowed = self.allowed_opens();
        self.facts.deleted || allowed.is_some_and(|allowed| self.facts.opened >= allowed)
    }

    /// When its reader's clock started: when it had been read and its media was there, on any own device.
    pub(crate) fn started(&self) -> Option<EngineTime> {
        let Facts { sent, ready, read, started, .. } = &self.facts;
        let here = read.told().zip(ready.told()).map(|(read, ready)| read.max(ready));
        match &self.origin {
            Origin::Ours { .. } => sent.told(),
            Origin::Theirs { .. } => here.into_iter().chain(started.told()).min(),
        }
    }
}

fn shorter(ttl: Option<NonZeroU32>, other: NonZeroU32) -> NonZeroU32 {
    ttl.map_or(other, |ttl| ttl.min(other))
}

fn seconds(ttl: NonZeroU32) -> Duration {
    Duration::from_secs(u64::from(ttl.get()))
}

stored!(Life { origin, terms, opens, facts, own_setting });
stored!(OwnSetting { policy });
stored!(Terms { after_send, after_read, on_close });

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const LIMITS: fn() -> ExpiryLimits = ExpiryLimits::default;
    const DAY: Duration = Duration::from_secs(86_400);
    const HOUR: Duration = Duration::from_secs(3_600);
    const RECEIVED: EngineTime = EngineTime::from_millis(100 * 86_400_000);

    fn at(hours: u32) -> EngineTime {
        RECEIVED.plus(HOUR * hours)
    }

    fn terms<const N: usize>(policies: [Policy; N]) -> Terms {
        policies.into_iter().fold(Terms::NONE, Terms::and)
    }

    fn received<const N: usize>(policies: [Policy; N]) -> Life {
        Life::received(terms(policies), Opens::Unlimited, Age::NONE, RECEIVED)
    }

    fn ends(life: &Life) -> Option<EngineTime> {
        life.deadline(&LIMITS())
    }

    #[test]
    fn without_terms_nothing_ends() {
        let mut life = received([]);
        life.read(at(1));
        life.closed(at(2));
        assert_eq!((ends(&life), life.is_finite()), (None, false));
        let mut queued = Life::queued(Terms::NONE, Opens::Unlimited, RECEIVED);
        assert_eq!(ends(&queued), None);
        queued.sent(at(1));
        assert_eq!(ends(&queued), None);
        life.deleted();
        assert_eq!((ends(&life), life.is_finite()), (Some(EngineTime::START), true));
    }

    #[test]
    fn after_sending_it_ends_read_or_not() {
        let mut life = received([Policy::after_send(DAY * 60)]);
        assert_eq!(ends(&life), Some(RECEIVED.plus(DAY * 60)));
        life.read(at(1));
        assert_eq!(ends(&life), Some(RECEIVED.plus(DAY * 60)));
        let age = Age::trusted(HOUR * 5);
        let aged = Life::received(life.terms(), Opens::Unlimited, age, RECEIVED);
        assert_eq!(ends(&aged), Some(RECEIVED.minus(HOUR * 5).plus(DAY * 60)));
    }

    #[test]
    fn after_reading_it_ends_and_unread_after_the_cap() {
        let mut life = received([Policy::after_read(DAY * 60)]);
        assert_eq!(ends(&life), Some(RECEIVED.plus(DAY * 30)));
        life.read(at(2));
        assert_eq!(ends(&life), Some(at(2).plus(DAY * 60)));
        life.read(at(1));
        assert_eq!(ends(&life), Some(at(1).plus(DAY * 60)), "the first reading counts");
    }

    #[test]
    fn who_has_read_it_is_not_kept_to_the_time_for_reading() {
        let mut life = received([Policy::after_send(DAY * 300)]);
        life.read(RECEIVED.plus(DAY * 40));
        life.shorten(terms([Policy::after_read(DAY * 10)]));
        assert_eq!(ends(&life), Some(RECEIVED.plus(DAY * 50)));
        let mut hurried = LIMITS();
        hurried.unread = Duration::ZERO;
        assert_eq!(life.deadline(&hurried), Some(RECEIVED.plus(DAY * 50)));
    }

    #[test]
    fn what_was_never_closed_is_not_closed_since_the_beginning() {
        let mut life = Life::received(
            terms([Policy::OnClose]),
            Opens::Unlimited,
            Age::NONE,
            EngineTime::START,
        );
        life.read(EngineTime::START);
        assert_eq!(ends(&life), Some(EngineTime::START.plus(DAY * 30)));
    }

    #[test]
    fn what_was_closed_at_the_beginning_of_time_was_closed() {
        let mut life = Life::received(
            terms([Policy::OnClose]),
            Opens::Unlimited,
            Age::NONE,
            EngineTime::START,
        );
        life.closed(EngineTime::START);
        assert_eq!(ends(&life), Some(EngineTime::START.plus(DAY * 30)), "it is not read");
        life.read(EngineTime::START);
        assert_eq!(ends(&life), Some(EngineTime::START));
    }

    #[test]
    fn an_own_setting_counts_only_for_what_falls_back_on_it() {
        let mut honest = received([Policy::after_send(DAY)]);
        let mut silent = received([Policy::after_send(DAY)]).falling_back();
        assert_eq!((honest.falls_back(), silent.falls_back()), (false, true));
        for (policy, end) in [
            (Some(Policy::after_send(HOUR)), at(1)),
            (Some(Policy::after_send(DAY * 2)), at(24)),
            (Some(Policy::after_send(HOUR * 2)), at(2)),
            (None, at(24)),
        ] {
            honest.fall_back_on(policy);
            silent.fall_back_on(policy);
            assert_eq!((ends(&honest), ends(&silent)), (Some(at(24)), Some(end)));
        }
        let mut settled = silent.clone();
        settled.fall_back_on(Some(Policy::OnClose));
        settled.settle();
        assert!(settled.terms().is_on_close() && !settled.falls_back());
        // When it was sent, as far as is known.
        let age = Age::trusted(HOUR * 3);
        let aged = Life::received(Terms::NONE, Opens::Unlimited, age, RECEIVED);
        assert_eq!(aged.sent_at(), RECEIVED.minus(HOUR * 3));
        let mut queued = Life::queued(Terms::NONE, Opens::Unlimited, RECEIVED);
        assert_eq!((queued.sent_at(), queued.is_unsent()), (RECEIVED, true));
        queued.sent(at(2));
        assert_eq!((queued.sent_at(), queued.is_unsent(), aged.is_unsent()), (at(2), false, false));
    }

    #[test]
    fn reading_starts_no_clock_before_the_media_is_there() {
        let terms = terms([Policy::after_read(HOUR)]);
        let mut life = Life::received_without_media(terms, Opens::Unlimited, Age::NONE, RECEIVED);
        life.read(at(1));
        assert!(!life.is_ready());
        assert_eq!(ends(&life), Some(RECEIVED.plus(DAY * 30)));
        life.ready(at(5));
        assert!(life.is_ready());
        assert_eq!(ends(&life), Some(at(6)));
    }

    #[test]
    fn what_was_read_elsewhere_has_a_clock_that_runs_whatever_is_here() {
        let terms = terms([Policy::after_read(HOUR * 5)]);
        let mut life = Life::received_without_media(terms, Opens::Unlimited, Age::NONE, RECEIVED);
        // Before it came, and by more than the sender's word would allow.
        life.read_elsewhere(RECEIVED.minus(HOUR * 3));
        assert_eq!(ends(&life), Some(at(2)));
        life.ready(at(1));
        life.read(at(1));
        assert_eq!(ends(&life), Some(at(2)));
        let mut earlier_here = received([Policy::after_read(HOUR * 5)]);
        earlier_here.read_elsewhere(at(3));
        earlier_here.read(at(1));
        assert_eq!(ends(&earlier_here), Some(at(6)));
    }

    #[test]
    fn on_close_it_ends_when_closed_after_it_was_read() {
        let mut life = received([Policy::OnClose]);
        life.closed(at(1));
        life.read(at(2));
        assert_eq!(ends(&life), Some(RECEIVED.plus(DAY * 30)), "closed before it was read");
        life.closed(at(2));
        assert_eq!(ends(&life), Some(EngineTime::START));
        let mut never_closed = received([Policy::OnClose]);
        never_closed.read(at(1));
        assert_eq!(ends(&never_closed), Some(RECEIVED.plus(DAY * 30)));
    }

    #[test]
    fn a_restart_closes_what_was_being_read_and_nothing_else() {
        let (mut read, mut unread) = (received([Policy::OnClose]), received([Policy::OnClose]));
        read.read(at(1));
        let mut timed = received([Policy::after_read(HOUR)]);
        timed.read(at(1));
        let before = (unread.clone(), timed.clone());
        for life in [&mut read, &mut unread, &mut timed] {
            life.restarted();
        }
        assert_eq!(ends(&read), Some(EngineTime::START));
        assert_eq!((unread, timed), before);
    }

    #[test]
    fn what_is_to_be_opened_ends_when_it_was_or_after_two_weeks() {
        for (opens, allowed) in [(Opens::Once, 1), (Opens::Twice, 2)] {
            let mut life = Life::received(Terms::NONE, opens, Age::NONE, RECEIVED);
            assert_eq!((ends(&life), life.is_finite()), (Some(RECEIVED.plus(DAY * 14)), true));
            life.read(at(1));
            assert_eq!(ends(&life), Some(RECEIVED.plus(DAY * 14)), "a look is no opening");
            for times in 1..=allowed {
                assert!(!life.is_spent());
                life.opened(times, at(2));
                assert_eq!(life.times_opened(), times);
            }
            assert_eq!(ends(&life), Some(EngineTime::START));
        }
    }

    #[test]
    fn opening_is_reading() {
        let terms = terms([Policy::after_read(HOUR)]);
        let mut life = Life::received(terms, Opens::Twice, Age::NONE, RECEIVED);
        life.opened(1, at(2));
        assert_eq!(ends(&life), Some(at(3)));
    }

    #[test]
    fn what_is_never_sent_ends_after_its_life_and_a_day_at_least() {
        for (policy, end) in [
            (Policy::after_send(HOUR), DAY),
            (Policy::after_read(DAY * 7), DAY * 7),
            (Policy::OnClose, DAY),
        ] {
            let mut life = Life::queued(terms([policy]), Opens::Unlimited, RECEIVED);
            assert_eq!(ends(&life), Some(RECEIVED.plus(end)), "{policy:?}");
            life.sent(at(2));
            let sent_end = policy.ttl().map_or(DAY * 30, seconds);
            assert_eq!(ends(&life), Some(at(2).plus(sent_end)), "{policy:?}");
        }
        for (policies, opens) in [
            (terms([]), Opens::Once),
            (terms([Policy::after_send(DAY * 60)]), Opens::Twice),
            (terms([Policy::after_send(DAY * 60), Policy::OnClose]), Opens::Unlimited),
        ] {
            let life = Life::queued(policies, opens, RECEIVED);
            assert_eq!(ends(&life), Some(RECEIVED.plus(DAY)), "more terms only shorten it");
        }
    }

    #[test]
    fn our_own_is_read_when_it_is_sent() {
        let mut life = Life::queued(terms([Policy::OnClose]), Opens::Unlimited, RECEIVED);
        life.closed(at(1));
        life.sent(at(2));
        assert_eq!(ends(&life), Some(at(2).plus(DAY * 30)));
        life.closed(at(3));
        assert_eq!(ends(&life), Some(EngineTime::START));
        assert!(life.is_ready() && life.is_ours());
    }

    #[test]
    fn terms_only_ever_shorten() {
        let mut life = received([Policy::after_send(DAY), Policy::after_read(HOUR)]);
        assert_eq!(ends(&life), Some(RECEIVED.plus(DAY)));
        life.shorten(terms([Policy::after_send(DAY * 2), Policy::after_read(DAY)]));
        assert_eq!(ends(&life), Some(RECEIVED.plus(DAY)));
        life.shorten(terms([Policy::after_send(HOUR * 3)]));
        assert_eq!(ends(&life), Some(at(3)));
        life.read(at(1));
        assert_eq!(ends(&life), Some(at(2)));
        let long = Terms::NONE.and(Policy::AfterSend { ttl: NonZeroU32::MAX });
        assert_eq!(long, terms([Policy::after_send(DAY * 366)]));
        assert!(!terms([Policy::OnClose]).is_endless() && Terms::NONE.is_endless());
    }

    #[test]
    fn extreme_moments_do_not_overflow() {
        let last = EngineTime::from_millis(u64::MAX);
        let mut life = Life::received(
            terms([Policy::after_send(DAY * 366), Policy::after_read(DAY), Policy::OnClose]),
            Opens::Twice,
            Age::trusted(Duration::MAX),
            last,
        );
        life.read(last);
        life.closed(EngineTime::START);
        assert_eq!(ends(&life), Some(EngineTime::START.plus(DAY * 366)));
    }

    /// What can become of a message, told in any order.
    const EVENTS: [fn(&mut Life); 9] = [
        |life| life.read(at(3)),
        |life| life.read(at(2)),
        |life| life.read_elsewhere(at(6)),
        |life| life.ready(at(4)),
        |life| life.sent(at(1)),
        |life| life.opened(1, at(5)),
        |life| life.closed(at(4)),
        |life| life.shorten(Terms::NONE.and(Policy::OnClose)),
        |life| life.deleted(),
    ];

    #[test]
    fn facts_come_to_the_same_in_any_order_and_any_number_of_times() {
        let read = terms([Policy::after_read(HOUR)]);
        for opens in [Opens::Unlimited, Opens::Twice] {
            every_order_comes_to_the_same(&Life::queued(read, opens, RECEIVED));
            let life = Life::received_without_media(read, opens, Age::NONE, RECEIVED);
            every_order_comes_to_the_same(&life);
        }
    }

    /// All sequences of up to five events, against the same events once each and in order.
    fn every_order_comes_to_the_same(life: &Life) {
        let mut sequences = Vec::from([(life.clone(), 0_u16)]);
        for _ in 0..5 {
            let longer = sequences.iter().flat_map(|(life, told)| {
                EVENTS.iter().enumerate().map(move |(event, tell)| {
                    let mut life = life.clone();
                    tell(&mut life);
                    (life, told | 1 << event)
                })
            });
            sequences = longer.collect();
            for (came_to, told) in &sequences {
                let mut in_order = life.clone();
                let told = EVENTS.iter().enumerate().filter(|(event, _)| told & 1 << event != 0);
                told.for_each(|(_, tell)| tell(&mut in_order));
                assert_eq!(*came_to, in_order);
            }
        }
        assert_eq!(sequences.len(), 9_usize.pow(5));
    }
}
