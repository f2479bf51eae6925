//! Whether one side seems to have lost its sessions, as far as what does not open tells.

use core::time::Duration;

use crate::peer::delivery::PeerDecryptError;
use crate::peer::dispatch::SessionNeed;
use crate::seldom::Usual;
use crate::session::recently_opened::RecentlyOpened;
use crate::session::session_id::SessionId;
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::message::Envelope;

/// How the states are told apart in a store.
const NOTHING: u8 = 0;
const SUSPECTED: u8 = 1;
const CERTAIN: u8 = 2;
const BEGUN: u8 = 3;
const BEGUN_AGAIN: u8 = 4;

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;

/// How many seconds refusals bring about no other session after one that did, and after the next ones. Anyone can
/// bring such a refusal about, and each may cost the peer a one-time prekey.
const PAUSES: [u64; 8] =
    [0, 10 * MINUTE, HOUR, 6 * HOUR, DAY, 2 * DAY, 4 * DAY, STRIKE_LIFETIME.as_secs()];

/// How many are counted: after each later one the pause is as long as after this.
const MOST_STRIKES: u32 = 7;

/// How many may prove right before pauses grow nevertheless.
const MOST_PROOFS: u32 = 6;

/// After how long a refusal is forgotten that was noted, and one that proved right.
const STRIKE_LIFETIME: Duration = Duration::from_secs(8 * DAY);

/// How many messages are remembered whose refusal counted.
const MOST_COUNTED: usize = 8;

/// What was noted of refusals, and what is to be done because of it.
///
/// While nothing ever seemed lost there is nothing to hear, to send or to prove, so that these need not be told then.
///
/// Two sessions are begun after a loss, unless the first is answered: a peer that waits for an answer itself takes
/// the first to have been begun at the same time as its own, and follows the second (docs/protocol.md §14.5).
#[derive(PartialEq, Eq)]
pub(crate) struct LostSession {
    state: State,
    /// Refused messages of sessions that are not here, and those that use a number again.
    ordinary: Budget,
    /// Refused handshakes, which strangers can make: no answer restores this one.
    initial: Budget,
    /// Forked messages: nobody but the peer can make one, though anyone who has it can repeat it, and alter it into
    /// others.
    forked: Budget,
    /// The last messages whose refusal counted: each counts once, however often a carrier or an archive repeats it.
    counted: RecentlyOpened,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Nothing,
    /// Something did not open that anyone can have sent. An answer to what we sent since shows that nothing was lost.
    Suspected {
        sent_since: bool,
    },
    /// Sessions were dropped, or the peer went on from a state that we never followed.
    Certain,
    /// We have begun this session since, which has not been answered.
    Begun(SessionId),
    /// It was not answered before we began another, which has not been answered either.
    BegunAgain(SessionId),
}

/// How often refusals of one kind may be taken for a loss.
#[derive(Debug, PartialEq, Eq)]
struct Budget {
    /// How many were, and are not yet forgotten.
    strikes: u32,
    /// When the last one was.
    last: Option<Timestamp>,
    /// How many have proved right, and are not yet forgotten.
    proofs: u32,
}

impl Budget {
    const fn new() -> Self {
        Self { strikes: 0, last: None, proofs: 0 }
    }

    /// How many are forgotten: one for every eight days since the last one.
    fn forgotten(&self, now: Timestamp) -> u32 {
        let Some(last) = self.last else { return 0 };
        let passed = now.unix_seconds().saturating_sub(last.unix_seconds());
        let forgotten = passed.checked_div(STRIKE_LIFETIME.as_secs()).unwrap_or_default();
        u32::try_from(forgotten).unwrap_or(u32::MAX)
    }

    /// How many still count.
    fn counting(&self, now: Timestamp) -> u32 {
        self.strikes.saturating_sub(self.forgotten(now))
    }

    fn allows(&self, now: Timestamp) -> bool {
        let place = usize::try_from(self.counting(now)).unwrap_or(usize::MAX);
        let pause = PAUSES.get(place).or(PAUSES.last()).copied().unwrap_or_default();
        let pause = Duration::from_secs(pause);
        // A clock that was set back makes nobody wait for longer.
        let rests = |last: Timestamp| now.plus(pause) > last && last.plus(pause) > now;
        !self.last.is_some_and(rests)
    }

    fn spend(&mut self, now: Timestamp) {
        let strikes = self.counting(now).saturating_add(1).min(MOST_STRIKES);
        let proofs = self.proofs.saturating_sub(self.forgotten(now));
        *self = Self { strikes, last: Some(now), proofs };
    }

    /// A suspicion seems to have proved right: the next may be noted after the shortest pause. A peer that lost nothing
    /// answers likewise, so that this holds for a few alone.
    fn restore(&mut self) {
        if self.strikes > 1 && self.proofs < MOST_PROOFS {
            self.strikes = 1;
            self.proofs = self.proofs.saturating_add(1);
        }
    }
}

impl LostSession {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Nothing,
            ordinary: Budget::new(),
            initial: Budget::new(),
            forked: Budget::new(),
            counted: RecentlyOpened::new(),
        }
    }

    /// Says whether that changed anything. `message` is absent where the bytes are none.
    pub(crate) fn note(
        &mut self,
        refusal: &PeerDecryptError,
        message: Option<&Envelope<'_>>,
        now: Timestamp,
    ) -> bool {
        let suspected = State::Suspected { sent_since: false };
        let (budget, state) = match (refusal, message) {
            (PeerDecryptError::Forked, _) => (&mut self.forked, State::Certain),
            (_, Some(Envelope::Initial(_))) => (&mut self.initial, suspected),
            (_, Some(Envelope::Ratchet(_)) | None) => (&mut self.ordinary, suspected),
        };
        let message = message.map(Envelope::ratchet_message);
        let has_counted = message.is_some_and(|message| self.counted.has(message));
        let is_open = matches!(self.state, State::Nothing | State::BegunAgain(_)) && !has_counted;
        if !is_open || !refusal.may_mean_lost_session() || !budget.allows(now) {
            return false;
        }
        budget.spend(now);
        if let Some(message) = message {
            self.counted.note_among(MOST_COUNTED, message);
        }
        self.state = state;
        true
    }

    /// Sessions were dropped. Says whether that changed anything.
    pub(crate) fn lose(&mut self) -> bool {
        core::mem::replace(&mut self.state, State::Certain) != State::Certain
    }

    /// We have begun a session, in place of those in which nothing was ever sent.
    pub(crate) fn begin(&mut self, session: SessionId, replaced: &[SessionId]) {
        self.state = match self.state {
            State::Suspected { .. } | State::Certain => State::Begun(session),
            State::Begun(first) if replaced.contains(&first) => State::Begun(session),
            State::Begun(_) => State::BegunAgain(session),
            State::BegunAgain(second) if replaced.contains(&second) => State::BegunAgain(session),
            State::Nothing | State::BegunAgain(_) => State::Nothing,
        };
    }

    /// A message has opened in a session. In others than the one that was begun since, it may be late.
    pub(crate) fn hear(&mut self, session: SessionId) {
        if [State::Begun(session), State::BegunAgain(session)].contains(&self.state) {
            self.state = State::Nothing;
            self.prove();
        }
    }

    /// Something was sent in the session that sends.
    pub(crate) fn send(&mut self) {
        if self.state == (State::Suspected { sent_since: false }) {
            self.state = State::Suspected { sent_since: true };
        }
    }

    /// The peer has answered our latest chain in the session that sends: what did not open meant no loss, unless the
    /// answer was under way already.
    pub(crate) fn lay_to_rest(&mut self) {
        if self.state == (State::Suspected { sent_since: true }) {
            self.state = State::Nothing;
        }
    }

    /// The user rejects another identity, which perhaps sent what did not open. Says whether that changed anything.
    pub(crate) fn calm(&mut self) -> bool {
        let was_suspected = matches!(self.state, State::Suspected { .. });
        if was_suspected {
            self.state = State::Nothing;
        }
        was_suspected
    }

    /// The peer has begun a session: what was lost is replaced.
    pub(crate) fn replace(&mut self) {
        if self.state != State::Nothing {
            self.state = State::Nothing;
            self.prove();
        }
    }

    /// There is nothing any more that could be lost.
    pub(crate) fn forget(&mut self) {
        self.state = State::Nothing;
    }

    /// `is_untouched` says that nothing has been sent in the session that sends.
    pub(crate) fn need(&self, is_untouched: bool) -> Option<SessionNeed> {
        match self.state {
            State::Nothing | State::BegunAgain(_) => None,
            State::Suspected { .. } | State::Certain => Some(SessionNeed::Lost),
            State::Begun(_) => (!is_untouched).then_some(SessionNeed::Unanswered),
        }
    }

    /// What strangers bring about, no answer makes more likely.
    fn prove(&mut self) {
        self.ordinary.restore();
        self.forked.restore();
    }
}

/// Of one that never seemed lost.
impl Usual for LostSession {
    const USUAL: &'static Self = &Self::new();
}

stored!(LostSession { state, ordinary, initial, forked, counted });
stored!(Budget { strikes, last, proofs } if |budget| {
    budget.strikes <= MOST_STRIKES && budget.proofs <= MOST_PROOFS
});

impl Stored for State {
    fn write(&self, out: &mut StateWriter) {
        match self {
            Self::Nothing => out.put(&[NOTHING]),
            Self::Suspected { sent_since } => {
                out.put(&[SUSPECTED]);
                sent_since.write(out);
            }
            Self::Certain => out.put(&[CERTAIN]),
            Self::Begun(session) => {
                out.put(&[BEGUN]);
                session.write(out);
            }
            Self::BegunAgain(session) => {
                out.put(&[BEGUN_AGAIN]);
                session.write(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            NOTHING => Ok(Self::Nothing),
            SUSPECTED => Ok(Self::Suspected { sent_since: Stored::read(reader)? }),
            CERTAIN => Ok(Self::Certain),
            BEGUN => Stored::read(reader).map(Self::Begun),
            BEGUN_AGAIN => Stored::read(reader).map(Self::BegunAgain),
            _ => Err(DecodeError::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::message::{INITIAL, RATCHET};
    use alloc::vec::Vec;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn noted(lost: &mut LostSession, now: Timestamp) -> bool {
        lost.note(&PeerDecryptError::Undecryptable, None, now)
    }

    #[test]
    fn what_proves_to_be_false_is_noted_again_after_growing_pauses() {
        let mut lost = LostSession::new();
        let mut now = NOW;
        for (number, pause) in PAUSES.iter().chain(&[8 * DAY; 3]).enumerate() {
            if let Some(early) = pause.checked_sub(1) {
                let early = now.plus(Duration::from_secs(early));
                assert!(!noted(&mut lost, early), "{number}");
            }
            now = now.plus(Duration::from_secs(*pause));
            assert!(noted(&mut lost, now), "{number}");
            lost.lay_to_rest();
            assert_eq!(lost.need(false), Some(SessionNeed::Lost), "that was under way");
            lost.send();
            lost.lay_to_rest();
            assert_eq!(lost.need(false), None);
        }
    }

    /// How many of those count that come every ten minutes, each followed by an answer in the session begun for it.
    fn answered_each_time(lost: &mut LostSession, from: Timestamp, days: u64) -> usize {
        answered_each_time_of(&[noted], lost, from, days)
    }

    /// The same of several kinds at once.
    fn answered_each_time_of(
        kinds: &[fn(&mut LostSession, Timestamp) -> bool],
        lost: &mut LostSession,
        from: Timestamp,
        days: u64,
    ) -> usize {
        let mut number = 0_u16;
        let moments = (0..days * DAY / (10 * MINUTE))
            .map(|step| from.plus(Duration::from_secs(step * 10 * MINUTE)));
        let all = moments.flat_map(|now| kinds.iter().map(move |noted| (noted, now)));
        let counts = |(noted, now): &(&fn(&mut LostSession, Timestamp) -> bool, Timestamp)| {
            if !noted(lost, *now) {
                return false;
            }
            assert!(!noted(lost, *now));
            number += 1;
            let mut id = [0; 32];
            id[..2].copy_from_slice(&number.to_be_bytes());
            let session = SessionId::new(id);
            lost.begin(session, &[]);
            assert_eq!(lost.need(true), None);
            assert_eq!(lost.need(false), Some(SessionNeed::Unanswered));
            lost.hear(session);
            true
        };
        all.filter(counts).count()
    }

    #[test]
    fn what_proves_to_be_right_is_noted_again_after_ten_minutes_some_times() {
        let mut lost = LostSession::new();
        let mut now = NOW;
        for loss in 0..8_u64 {
            now = NOW.plus(Duration::from_secs(10 * MINUTE * loss));
            assert_eq!(answered_each_time(&mut lost, now, 0), 0);
            assert!(noted(&mut lost, now), "{loss}");
            let session = SessionId::new([loss.to_le_bytes()[0]; 32]);
            lost.begin(session, &[]);
            lost.hear(session);
        }
        assert!(!noted(&mut lost, now.plus(Duration::from_secs(10 * MINUTE))));
        assert!(noted(&mut lost, now.plus(Duration::from_secs(HOUR))));
    }

    #[test]
    fn whoever_makes_refusals_without_end_brings_few_sessions_about() {
        let handshake: fn(&mut LostSession, Timestamp) -> bool = |lost, now| {
            let text = now.unix_seconds() / (10 * MINUTE) % 251;
            noted_of(lost, &message(INITIAL, u8::try_from(text).unwrap()), now)
        };
        let forked = |lost: &mut LostSession, now| lost.note(&PeerDecryptError::Forked, None, now);
        let brought_about = |kinds: &[fn(&mut LostSession, Timestamp) -> bool]| {
            let mut lost = LostSession::new();
            let first = answered_each_time_of(kinds, &mut lost, NOW, 1);
            let then = NOW.plus(Duration::from_secs(DAY));
            (first, answered_each_time_of(kinds, &mut lost, then, 30))
        };
        assert_eq!(brought_about(&[noted]), (10, 14));
        assert_eq!(brought_about(&[noted, handshake]), (14, 19));
        assert_eq!(brought_about(&[noted, handshake, forked]), (24, 33));
    }

    /// A message whose last byte of c2 is this one.
    fn message(first: u8, text: u8) -> Vec<u8> {
        let mut bytes = Vec::from([first]);
        if first == INITIAL {
            bytes.extend([1, 0, 0, 0, 1, 0]); // suite, signed prekey, no one-time prekey
            bytes.extend([9; 32 + 145]);
        }
        bytes.extend([7; 56]);
        bytes.extend([text; 32]);
        bytes.extend([0; 32]);
        bytes
    }

    fn noted_of(lost: &mut LostSession, bytes: &[u8], now: Timestamp) -> bool {
        let envelope = Envelope::decode(bytes).unwrap();
        lost.note(&PeerDecryptError::Undecryptable, Some(&envelope), now)
    }

    #[test]
    fn no_answer_makes_handshakes_count_more_often_that_strangers_can_make() {
        let mut lost = LostSession::new();
        let mut count = 0;
        for hour in 0..(30 * 24_u16) {
            let now = NOW.plus(Duration::from_secs(u64::from(hour) * HOUR));
            if noted_of(&mut lost, &message(INITIAL, hour.to_le_bytes()[0]), now) {
                count += 1;
                lost.replace();
            }
        }
        assert_eq!(count, 9, "in 30 days");
        let again = NOW.plus(Duration::from_secs(30 * DAY));
        assert!(noted_of(&mut lost, &message(RATCHET, 250), again), "of other messages");
    }

    #[test]
    fn what_is_repeated_counts_once_until_eight_others_have_counted() {
        let mut lost = LostSession::new();
        for day in 0..9 {
            let now = NOW.plus(Duration::from_secs(u64::from(day) * 8 * DAY));
            for text in 0..=day {
                let counts = noted_of(&mut lost, &message(RATCHET, text), now);
                assert_eq!(counts, text == day, "{text} on day {day}");
                lost.replace();
            }
        }
        let last = NOW.plus(Duration::from_secs(100 * DAY));
        assert!(!noted_of(&mut lost, &message(RATCHET, 1), last));
        assert!(noted_of(&mut lost, &message(RATCHET, 0), last), "it is forgotten");
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nobody_wait_for_longer() {
        let mut lost = LostSession::new();
        assert!(noted(&mut lost, NOW.plus(Duration::from_secs(400 * DAY))));
        assert!(lost.calm());
        assert!(noted(&mut lost, NOW));
    }

    #[test]
    fn a_session_in_which_nothing_was_sent_does_not_count_as_begun() {
        let mut lost = LostSession::new();
        let [first, second, third] = [1, 2, 3].map(|byte| SessionId::new([byte; 32]));
        assert!(lost.lose());
        lost.begin(first, &[]);
        lost.begin(second, &[first]);
        assert_eq!(lost.need(false), Some(SessionNeed::Unanswered));
        lost.begin(third, &[]);
        assert_eq!(lost.need(false), None);
    }
}
