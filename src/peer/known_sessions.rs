//! The sessions with one device, and which of them sends.

use alloc::vec::Vec;
use core::time::Duration;

use crate::changes::Changes;
use crate::identity::Address;
use crate::limits::{PeerLimits, SessionLimits};
use crate::peer::delivery::{Delivered, PeerDecryptError};
use crate::peer::dispatch::SessionNeed;
use crate::peer::known_session::{Echo, KnownSession};
use crate::ratchet::message_key::Role;
use crate::session::decrypting::DecryptError;
use crate::session::one_conversation::Session;
use crate::session::recently_opened::RecentlyOpened;
use crate::session::session_id::SessionId;
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::message::Envelope;

/// How many messages a chain carries before a new session is asked for: a tenth is left to begin it in.
const NEARLY_FULL: u32 = 9_000;

/// How often the time doubles after which silence asks for a session.
const MOST_DOUBLINGS: u32 = 3;

/// How long a session of ours may wait for an answer and stay beside one of the peer's that is heard. A peer
/// that has begun at the same time has heard of ours by then, and one that cannot use ours says nothing of it.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// The sessions with one device. One sends; all open.
///
/// Which one sends is decided so that both sides come to the same one, whatever is lost or late, and so that
/// nobody stays with a session that the other has lost (docs/protocol.md §14.5).
pub(crate) struct KnownSessions {
    /// In the order in which they were made here. What is secret in them is boxed, so that the vector
    /// leaves no copy behind.
    pub(crate) all: Vec<KnownSession>,
    /// The place of the one that sends. Zero while there is none.
    pub(crate) active: usize,
    /// How many sessions we have begun because the peer did not answer, since it last did.
    silences: u32,
    /// What was opened lately in sessions that are gone.
    former: RecentlyOpened,
}

/// A message that has opened in one of them.
pub(crate) struct Heard {
    pub(crate) delivered: Delivered,
    /// It begins a chain that answers our latest one, in the session that sends.
    pub(crate) answers_active: bool,
}

impl KnownSessions {
    pub(crate) fn new() -> Self {
        Self { all: Vec::new(), active: 0, silences: 0, former: RecentlyOpened::new() }
    }

    /// Drops all of them; what they opened is remembered.
    pub(crate) fn clear(&mut self) {
        self.drop_where(|_| true);
        (self.active, self.silences) = (0, 0);
    }

    /// What a refusal is called, in view of what was opened lately: it may be that message again. To be asked where
    /// nothing opens it, since it is told by a few bytes.
    pub(crate) fn named(
        &self,
        refusal: PeerDecryptError,
        envelope: &Envelope<'_>,
    ) -> PeerDecryptError {
        let message = envelope.ratchet_message();
        let mut sessions = self.in_order_of_trying();
        let mut has_opened =
            || self.former.has(message) || sessions.any(|session| session.has_opened(message));
        if refusal.may_mean_lost_session() && has_opened() {
            PeerDecryptError::Duplicate
        } else {
            refusal
        }
    }

    /// Whether nothing was sent yet in the one that sends.
    pub(crate) fn active_is_untouched(&self) -> bool {
        self.all.get(self.active).is_some_and(|active| active.session.is_untouched())
    }

    /// Whether something was sent in any.
    pub(crate) fn has_sent(&self) -> bool {
        self.all.iter().any(|known| known.session.has_sent())
    }

    /// The peer is the same under another address.
    pub(crate) fn set_peer_address(&mut self, address: &Address) {
        let sessions = self.all.iter_mut().map(|known| &mut known.session);
        sessions.for_each(|session| session.set_peer_address(address.clone()));
    }

    /// The one that sends first, then the newest.
    pub(crate) fn in_order_of_trying(&self) -> impl Iterator<Item = &Session> {
        self.places().filter_map(|place| self.all.get(place)).map(|known| &known.session)
    }

    /// The place of the one that sends; `None` if there is none that may. Where ours was never answered and is given
    /// up, it is the one in which the peer was heard last.
    pub(crate) fn sending(&self, limits: &PeerLimits, now: Timestamp) -> Option<usize> {
        let active = self.all.get(self.active)?;
        if active.is_given_up(limits, now) { self.heard_last() } else { Some(self.active) }
    }

    /// The place of the session that was used last among those in which the peer was heard.
    fn heard_last(&self) -> Option<usize> {
        let heard = self.all.iter().enumerate().filter(|(_, known)| known.session.is_answered());
        heard.max_by_key(|(place, known)| (known.used, *place)).map(|(place, _)| place)
    }

    /// Says whether that changed any of them.
    pub(crate) fn set_limits(&mut self, limits: &SessionLimits) -> bool {
        let others = self.all.iter_mut().filter(|known| known.session.limits() != limits);
        others.map(|known| known.session.set_limits(limits.clone())).count() > 0
    }

    /// Whether a session is to be begun.
    pub(crate) fn need(&self, limits: &PeerLimits, now: Timestamp) -> Option<SessionNeed> {
        let Some(active) = self.all.get(self.active) else {
            return Some(SessionNeed::NoSession);
        };
        let lifetime = limits.unanswered_lifetime;
        let notice = lifetime.saturating_sub(lifetime.checked_div(4).unwrap_or_default());
        let is_late = !active.session.is_answered() && now > active.begun.plus(notice);
        let silence = self.silence(limits);
        if is_late || active.is_given_up(limits, now) || active.waits_for(silence, now) {
            return Some(SessionNeed::Unanswered);
        }
        (active.session.sent_in_chain() >= NEARLY_FULL).then_some(SessionNeed::ChainNearlyFull)
    }

    /// Offers a message to one session after the other. [`PeerDecryptError::NeedsAccount`] of an initial message
    /// whose handshake made none of them.
    pub(crate) fn decrypt(
        &mut self,
        envelope: &Envelope<'_>,
        ad: &[u8],
        limits: &PeerLimits,
        now: Timestamp,
    ) -> Result<Heard, PeerDecryptError> {
        let mut refusal = match envelope {
            Envelope::Initial(_) => PeerDecryptError::NeedsAccount,
            Envelope::Ratchet(_) => PeerDecryptError::NoSession,
        };
        for place in self.places() {
            let Some(known) = self.all.get_mut(place) else {
                break;
            };
            match known.decrypt(envelope, ad, now) {
                Ok((received, answers)) => {
                    let author = known.session.peer().identity;
                    let changes = Changes { session: Some(known.id()), ..Changes::PEER };
                    let in_active = place == self.active;
                    self.follow(place, limits, now);
                    if answers {
                        self.end_silence();
                    }
                    let delivered = Delivered { received, author, began_session: false, changes };
                    return Ok(Heard { delivered, answers_active: answers && in_active });
                }
                Err(DecryptError::OtherSession) => {}
                Err(DecryptError::Undecryptable) => refusal = PeerDecryptError::Undecryptable,
                // Its header opened: it is of this session and of no other.
                Err(DecryptError::Duplicate)
                    if known.session.reuses_a_number(envelope.ratchet_message(), now) =>
                {
                    return Err(PeerDecryptError::NumberReused);
                }
                Err(
                    error @ (DecryptError::Malformed
                    | DecryptError::Unsupported
                    | DecryptError::Duplicate
                    | DecryptError::Expired
                    | DecryptError::Forked),
                ) => return Err(error.into()),
            }
        }
        Err(self.named(refusal, envelope))
    }

    /// Adds one that we initiated; it sends from now on. It takes the place of those in which nothing was ever sent,
    /// since nobody else knows of them. Gives their ids.
    pub(crate) fn add_ours(
        &mut self,
        session: Session,
        limits: &PeerLimits,
        now: Timestamp,
    ) -> Vec<SessionId> {
        let silence = self.silence(limits);
        if self.all.get(self.active).is_some_and(|active| active.waits_for(silence, now)) {
            self.silences = self.silences.saturating_add(1).min(MOST_DOUBLINGS);
        }
        self.all.iter_mut().for_each(|known| known.echo = Echo::Unasked);
        self.leave_active(now);
        let untouched = self.all.iter().filter(|known| known.session.is_untouched());
        let replaced: Vec<_> = untouched.map(KnownSession::id).collect();
        self.drop_where(|known| replaced.contains(&known.id()));
        self.active = self.all.len();
        // Most peers have one session, and a vector that grows has room for four.
        self.all.reserve_exact(1);
        self.all.push(KnownSession::new(session, now));
        self.drop_old(limits, now);
        replaced
    }

    /// Adds one that the peer initiated. It sends from now on, unless both sides began at the same time
    /// and ours has the smaller id.
    pub(crate) fn add_theirs(&mut self, session: Session, limits: &PeerLimits, now: Timestamp) {
        let ours_stays = self.wins_tie(session.id(), limits, now);
        for (place, known) in self.all.iter_mut().enumerate() {
            if !(ours_stays && place == self.active) {
                known.echo = Echo::Unasked;
            }
        }
        self.all.reserve_exact(1);
        self.all.push(KnownSession::new(session, now));
        if !ours_stays {
            self.activate(self.all.len().saturating_sub(1), now);
            self.silences = 0;
        }
        self.drop_old(limits, now);
    }

    /// The peer waits for an answer in this session: that sends from now on, whichever began first.
    pub(crate) fn answer_in(&mut self, id: SessionId, now: Timestamp) {
        let place = self.all.iter().position(|known| known.id() == id);
        place.into_iter().for_each(|place| self.activate(place, now));
    }

    /// Drops what is too old or too much; says whether that was anything.
    pub(crate) fn maintain(&mut self, limits: &PeerLimits, now: Timestamp) -> bool {
        let mut changed = self.drop_old(limits, now);
        for known in &mut self.all {
            changed |= known.session.maintain(now) != 0;
        }
        changed
    }

    /// Whether our session, which has not been answered, stays with a new one of the peer's. Only the
    /// first one after ours can have been begun at the same time: a peer that begins another cannot use ours.
    fn wins_tie(&self, theirs: SessionId, limits: &PeerLimits, now: Timestamp) -> bool {
        let mut later = self.all.iter().skip(self.active.saturating_add(1));
        self.all.get(self.active).is_some_and(|ours| {
            ours.is_unanswered(limits, now)
                && !ours.waits_for(PATIENCE, now)
                && ours.session.id() < theirs
                && later.all(|known| known.session.role() == Role::Initiator)
        })
    }

    /// Notes that the peer sent in a session: if it is not the active one, it may be the one to use.
    fn follow(&mut self, place: usize, limits: &PeerLimits, now: Timestamp) {
        let (Some(active), Some(heard)) = (self.all.get(self.active), self.all.get(place)) else {
            return;
        };
        let (ours, theirs) = (active.session.id(), heard.session.id());
        let stays = if active.is_unanswered(limits, now) {
            // The peer has not heard of ours, or has just begun to, or cannot use it and does not say so. If it
            // waits in a session that would have won the tie against ours, it waits for us.
            !active.waits_for(PATIENCE, now) && !heard.would_win_tie(ours)
        } else {
            // If the peer holds ours, both sides take the smaller id. If it may have lost ours, follow.
            active.echo == Echo::Heard && ours < theirs
        };
        if place != self.active && !stays {
            self.activate(place, now);
        }
    }

    fn activate(&mut self, place: usize, now: Timestamp) {
        self.leave_active(now);
        self.active = place;
    }

    /// Another one sends from now on.
    fn leave_active(&mut self, now: Timestamp) {
        if let Some(former) = self.all.get_mut(self.active) {
            former.used = former.used.max(now);
        }
    }

    /// The peer has answered: nothing that we sent before that is waited for any more.
    fn end_silence(&mut self) {
        self.silences = 0;
        self.all.iter_mut().for_each(|known| known.waiting = None);
    }

    /// Drops sessions that are too old, then those of too many that are worth least, but never the active one, nor the
    /// one that was made last. Says whether there were any.
    fn drop_old(&mut self, limits: &PeerLimits, now: Timestamp) -> bool {
        let before = self.all.len();
        let active = self.all.get(self.active).map(KnownSession::id);
        let horizon = now.minus(limits.older_session_lifetime);
        let kept = [active, self.reserve(), self.all.last().map(KnownSession::id)];
        self.drop_where(|known| !kept.contains(&Some(known.id())) && known.used < horizon);
        let most = usize::try_from(limits.max_older_sessions.max(1)).unwrap_or(usize::MAX);
        while self.all.len() > most.saturating_add(1) {
            let kept = [active, self.reserve(), self.all.last().map(KnownSession::id)];
            let Some(least) = self.least_worth(&kept) else { break };
            self.drop_where(|known| known.id() == least);
        }
        let place = self.all.iter().position(|known| Some(known.id()) == active);
        self.active = place.unwrap_or_default();
        self.all.len() != before
    }

    /// What sends again if the active one is never answered.
    fn reserve(&self) -> Option<SessionId> {
        let active = self.all.get(self.active)?;
        let heard = self.heard_last().filter(|_| !active.session.is_answered())?;
        self.all.get(heard).map(KnownSession::id)
    }

    /// The session that goes first: the first made of ours in which nothing came back though we have begun two others
    /// since; then, of those in which the peer was heard, the one that was used least lately. One that was begun a
    /// moment ago may be just being answered.
    fn least_worth(&self, kept: &[Option<SessionId>]) -> Option<SessionId> {
        let worth = |(place, known): (usize, &KnownSession)| {
            let later = self.all.iter().skip(place).filter(|later| later.is_ours()).count();
            match (known.session.is_answered(), later > 2) {
                (false, true) => (0, Timestamp::default(), place),
                (true, _) => (1, known.used, place),
                (false, false) => (2, Timestamp::default(), place),
            }
        };
        let all = self.all.iter().enumerate();
        let others = all.filter(|(_, known)| !kept.contains(&Some(known.id())));
        others.min_by_key(|other| worth(*other)).map(|(_, known)| known.id())
    }

    /// Drops sessions, in their order; what they opened is remembered. The place of the active one is not kept.
    fn drop_where(&mut self, goes: impl Fn(&KnownSession) -> bool) {
        while let Some(place) = self.all.iter().position(&goes) {
            self.former.append(self.all.remove(place).session.into_opened());
        }
    }

    /// After how long without an answer another session is asked for.
    fn silence(&self, limits: &PeerLimits) -> Duration {
        limits.silence.saturating_mul(1 << self.silences)
    }

    fn are_distinct(&self) -> bool {
        let mut ids: Vec<_> = self.all.iter().map(|known| known.session.id()).collect();
        ids.sort_unstable();
        ids.is_sorted_by(|id, next| id < next)
    }

    fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let active = self.active;
        let others = (0..self.all.len()).rev().filter(move |place| *place != active);
        core::iter::once(active).chain(others)
    }
}

stored!(KnownSessions { all, active, silences, former } if |sessions| {
    sessions.active < sessions.all.len().max(1)
        && sessions.silences <= MOST_DOUBLINGS
        && sessions.are_distinct()
});

/// How many there are, and which one sends.
impl core::fmt::Debug for KnownSessions {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let active = self.all.get(self.active).map(|known| known.session.id().in_short());
        let mut shown = formatter.debug_struct("Sessions");
        shown.field("count", &self.all.len()).field("active", &active).finish_non_exhaustive()
    }
}
