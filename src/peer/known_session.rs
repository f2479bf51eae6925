//! One session with a device, and what is known of it beside its own state.

use core::time::Duration;

use rand_core::CryptoRng;

use crate::limits::PeerLimits;
use crate::prekeys::verified_bundle::MAX_CLOCK_AHEAD;
use crate::ratchet::message_key::Role;
use crate::session::decrypting::{DecryptError, Received};
use crate::session::encrypting::{EncryptError, SentMessage};
use crate::session::one_conversation::Session;
use crate::session::session_id::SessionId;
use crate::stored::{StateWriter, Stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::content_parts::ContentParts;
use crate::wire::message::Envelope;
use crate::wire::payload::Payload;

/// How echoes are told apart in a store.
const UNASKED: u8 = 0;
const ASKED: u8 = 1;
const HEARD: u8 = 2;

/// How long a session of suite 2 goes without an epoch before we ask for one.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

/// One session, and what is known of it beside its own state.
#[derive(Debug)]
pub(crate) struct KnownSession {
    pub(crate) session: Session,
    pub(crate) begun: Timestamp,
    /// When it last opened a message, or sent one, or was the active one.
    pub(crate) used: Timestamp,
    /// When we first sent something in it that the peer has not answered, in whatever session.
    pub(crate) waiting: Option<Timestamp>,
    pub(crate) echo: Echo,
    /// When an epoch was last completed or asked for here, at first when the session began. `None` in suite 1, which
    /// has none.
    last_epoch: Option<Timestamp>,
}

/// Whether the peer is known to hold a session, now that another one was begun, perhaps because one side
/// had lost the others. Both sides forget it at the same event, so that they do not come to judge differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    /// We have begun no chain in it since.
    Unasked,
    /// We have; it has not been answered.
    Asked,
    /// The peer has answered it, so it holds the session.
    Heard,
}

impl KnownSession {
    pub(crate) fn new(session: Session, now: Timestamp) -> Self {
        let last_epoch = session.epochs().map(|_| now);
        Self { session, begun: now, used: now, waiting: None, echo: Echo::Unasked, last_epoch }
    }

    pub(crate) fn id(&self) -> SessionId {
        self.session.id()
    }

    /// Whether it was never answered and sends no more. One begun by a clock that ran ahead would be waited
    /// for until that time has come.
    pub(crate) fn is_given_up(&self, limits: &PeerLimits, now: Timestamp) -> bool {
        let is_old = now > self.begun.plus(limits.unanswered_lifetime);
        let is_ahead = self.begun > now.plus(MAX_CLOCK_AHEAD);
        !self.session.is_answered() && (is_old || is_ahead)
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.session.role() == Role::Initiator
    }

    /// Whether we have waited for an answer for at least so long, or by a clock that ran so far ahead.
    pub(crate) fn waits_for(&self, long: Duration, now: Timestamp) -> bool {
        self.waiting.is_some_and(|since| is_over(since, long, now))
    }

    /// Whether the peer began it, we have not answered, and the peer would stay with it although ours has
    /// come.
    pub(crate) fn would_win_tie(&self, ours: SessionId) -> bool {
        self.session.role() == Role::Responder
            && self.echo == Echo::Unasked
            && self.session.id() < ours
    }

    /// Whether it has not been answered and still sends.
    pub(crate) fn is_unanswered(&self, limits: &PeerLimits, now: Timestamp) -> bool {
        !self.session.is_answered() && !self.is_given_up(limits, now)
    }

    pub(crate) fn encrypt(
        &mut self,
        parts: &ContentParts,
        payload: &Payload,
        ad: &[u8],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<SentMessage, EncryptError> {
        let begins_chain = self.session.begins_chain();
        let completed = self.completed_epochs();
        let asks_for_epoch = self.last_epoch.is_some_and(|last| is_over(last, WEEK, now));
        let message = self.session.encrypt_asking(parts, payload, ad, asks_for_epoch, rng)?;
        if asks_for_epoch {
            self.last_epoch = Some(now);
        }
        self.note_epoch(completed, now);
        if begins_chain && self.echo == Echo::Unasked {
            self.echo = Echo::Asked;
        }
        self.waiting.get_or_insert(now);
        self.used = self.used.max(now);
        Ok(message)
    }

    /// What it says, and whether it answers our latest chain.
    pub(crate) fn decrypt(
        &mut self,
        envelope: &Envelope<'_>,
        ad: &[u8],
        now: Timestamp,
    ) -> Result<(Received, bool), DecryptError> {
        let began_before = self.session.begins_chain();
        let completed = self.completed_epochs();
        let received = self.session.decrypt_envelope(envelope, ad, now)?;
        self.note_epoch(completed, now);
        // A chain of the peer's that answers our latest one makes the next of ours due.
        let answers = self.session.begins_chain() && !began_before;
        if answers && self.echo == Echo::Asked {
            self.echo = Echo::Heard;
        }
        self.used = self.used.max(now);
        Ok((received, answers))
    }

    /// Asks for an epoch; says whether that was news.
    pub(crate) fn request_epoch(&mut self, now: Timestamp) -> bool {
        let is_new = self.session.request_epoch();
        if is_new {
            self.last_epoch = Some(now);
        }
        is_new
    }

    fn completed_epochs(&self) -> Option<u32> {
        self.session.epochs().map(|epochs| epochs.completed)
    }

    /// Notes whether one was completed since there were so many.
    fn note_epoch(&mut self, completed_before: Option<u32>, now: Timestamp) {
        if self.completed_epochs() != completed_before {
            self.last_epoch = Some(now);
        }
    }
}

/// Whether so long has passed, or it began by a clock that ran so far ahead: what waits for that would wait for ever.
fn is_over(since: Timestamp, long: Duration, now: Timestamp) -> bool {
    now >= since.plus(long) || since > now.plus(long)
}

/// One of suite 2 goes on where one of suite 1 ends.
impl Stored for KnownSession {
    fn write(&self, out: &mut StateWriter) {
        let Self { session, begun, used, waiting, echo, last_epoch } = self;
        session.write(out);
        begun.write(out);
        used.write(out);
        waiting.write(out);
        echo.write(out);
        if let Some(last_epoch) = last_epoch {
            last_epoch.write(out);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let session: Session = Stored::read(reader)?;
        let begun = Stored::read(reader)?;
        let used = Stored::read(reader)?;
        let waiting = Stored::read(reader)?;
        let echo = Stored::read(reader)?;
        let last_epoch = session.epochs().map(|_| Stored::read(reader)).transpose()?;
        Ok(Self { session, begun, used, waiting, echo, last_epoch })
    }
}

impl Stored for Echo {
    fn write(&self, out: &mut StateWriter) {
        out.put(&[match self {
            Self::Unasked => UNASKED,
            Self::Asked => ASKED,
            Self::Heard => HEARD,
        }]);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            UNASKED => Ok(Self::Unasked),
            ASKED => Ok(Self::Asked),
            HEARD => Ok(Self::Heard),
            _ => Err(DecodeError::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;
    use crate::identity::Address;
    use crate::limits::Limits;
    use crate::prekeys::published::PublishedPreKeys;
    use crate::wire::payload::Payload;
    use crate::wire::prekey_bundle::PreKeyBundle;
    use crate::wire::suite::Suite;
    use alloc::vec;
    use alloc::vec::Vec;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn two_accounts(rng: &mut ChaCha20Rng) -> (Account, Account) {
        let mut account = |name: &str| Account::generate(Address::new(name).unwrap(), NOW, rng);
        (account("alice"), account("bob"))
    }

    fn initiated(alice: &Account, bob: &mut Account, rng: &mut ChaCha20Rng) -> Session {
        let upload = bob.maintain(None, NOW, rng).upload.unwrap();
        let bundle = PublishedPreKeys::new(upload).hand_out();
        let bundle = PreKeyBundle::decode(&bundle).unwrap().verify(NOW).unwrap();
        alice.initiate(&bundle, rng).unwrap()
    }

    fn sent(session: &mut Session, rng: &mut ChaCha20Rng) -> Vec<u8> {
        session.encrypt(&Payload::new("text"), b"", rng).unwrap()
    }

    #[test]
    fn only_what_answers_our_latest_chain_counts_as_heard() {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let (alice, mut bob) = two_accounts(rng);
        let mut ours = KnownSession::new(initiated(&alice, &mut bob, rng), NOW);
        let first = sent(&mut ours.session, rng);
        let mut theirs = bob.accept(&first, b"", NOW).unwrap().session;
        let [answer, late] = [sent(&mut theirs, rng), sent(&mut theirs, rng)];
        let decrypted = |ours: &mut KnownSession, message: &[u8]| {
            ours.decrypt(&Envelope::decode(message).unwrap(), b"", NOW).unwrap();
            ours.echo == Echo::Heard
        };
        assert!(!decrypted(&mut ours, &answer), "nobody has asked");
        let asked = sent(&mut ours.session, rng);
        ours.echo = Echo::Asked;
        assert!(!decrypted(&mut ours, &late), "it was sent before that");
        theirs.decrypt(&asked, b"", NOW).unwrap();
        assert!(decrypted(&mut ours, &sent(&mut theirs, rng)));
    }

    #[test]
    fn a_session_that_was_never_answered_is_given_up_when_its_time_is_over() {
        let rng = &mut ChaCha20Rng::seed_from_u64(2);
        let (alice, mut bob) = two_accounts(rng);
        let ours = KnownSession::new(initiated(&alice, &mut bob, rng), NOW);
        let (limits, second) = (PeerLimits::default(), Duration::from_secs(1));
        let last = NOW.plus(limits.unanswered_lifetime);
        let is_given_up = |now: Timestamp| ours.is_given_up(&limits, now);
        assert!(!is_given_up(NOW) && !is_given_up(last) && is_given_up(last.plus(second)));
        let earliest = NOW.minus(MAX_CLOCK_AHEAD);
        assert!(!is_given_up(earliest) && is_given_up(earliest.minus(second)));
    }

    /// Two sides of one session of suite 2 that have talked until an epoch was over, by a clock that stood still.
    fn both_healed(rng: &mut ChaCha20Rng) -> (KnownSession, KnownSession) {
        let (alice, mut bob) = two_accounts(rng);
        let mut alices = KnownSession::new(initiated(&alice, &mut bob, rng), NOW);
        let first = sent(&mut alices.session, rng);
        let bobs = bob.accept(&first, b"", NOW).unwrap().session;
        let mut bobs = KnownSession::new(bobs, NOW);
        while alices.session.epochs().unwrap().completed == 0 {
            turn(&mut bobs, &mut alices, NOW, rng);
            turn(&mut alices, &mut bobs, NOW, rng);
        }
        (alices, bobs)
    }

    fn turn(from: &mut KnownSession, to: &mut KnownSession, now: Timestamp, rng: &mut ChaCha20Rng) {
        let message =
            from.encrypt(&ContentParts::none(), &Payload::new("text"), b"", now, rng).unwrap();
        to.decrypt(&Envelope::decode(&message.message).unwrap(), b"", now).unwrap();
    }

    /// In how many messages the next epoch is over, by a message each way at this time.
    fn messages_of_next_epoch(
        sides: &mut (KnownSession, KnownSession),
        now: Timestamp,
        rng: &mut ChaCha20Rng,
    ) -> u32 {
        let (alices, bobs) = sides;
        let before = alices.completed_epochs();
        let mut count = 0;
        while alices.completed_epochs() == before {
            turn(bobs, alices, now, rng);
            turn(alices, bobs, now, rng);
            count += 2;
        }
        count
    }

    #[test]
    fn a_conversation_of_few_words_heals_every_week() {
        let rng = &mut ChaCha20Rng::seed_from_u64(3);
        let mut sides = both_healed(rng);
        // Nobody asks within the week: it is begun after fifty messages.
        let soon = NOW.plus(WEEK).minus(Duration::from_secs(1));
        assert!(messages_of_next_epoch(&mut sides, soon, rng) > 50);
        // It was over a moment ago, so the week begins there.
        let later = soon.plus(WEEK).minus(Duration::from_secs(1));
        turn(&mut sides.1, &mut sides.0, later, rng);
        turn(&mut sides.0, &mut sides.1, later, rng);
        assert!(sides.0.last_epoch == Some(soon) && sides.1.last_epoch == Some(soon));
        let then = soon.plus(WEEK);
        assert!(messages_of_next_epoch(&mut sides, then, rng) < 30);
        // Both asked, and one of the two has begun since.
        assert_eq!([sides.0.last_epoch, sides.1.last_epoch], [Some(then), Some(then)]);
    }

    #[test]
    fn a_clock_that_ran_ahead_does_not_end_healing_by_the_week() {
        let rng = &mut ChaCha20Rng::seed_from_u64(4);
        let mut sides = both_healed(rng);
        let ahead = NOW.plus(WEEK.saturating_mul(1_000));
        assert!(messages_of_next_epoch(&mut sides, ahead, rng) < 30);
        // Set right, both ask once more, the one amid an epoch that it asked for before: that makes three.
        let counts = [(); 4].map(|()| messages_of_next_epoch(&mut sides, NOW, rng));
        assert!(counts[..3].iter().all(|count| *count < 30) && counts[3] > 50, "{counts:?}");
    }

    #[test]
    fn a_message_that_is_refused_asks_for_no_epoch() {
        let rng = &mut ChaCha20Rng::seed_from_u64(5);
        let (mut alices, _) = both_healed(rng);
        let state = |known: &KnownSession| {
            let mut out = StateWriter::new();
            known.write(&mut out);
            out.into_bytes().to_vec()
        };
        let before = state(&alices);
        let large = Payload::new(vec![0; 1 << 24]);
        let then = NOW.plus(WEEK);
        assert_eq!(
            alices.encrypt(&ContentParts::none(), &large, b"", then, rng),
            Err(EncryptError::TooLarge)
        );
        assert_eq!(state(&alices), before);
        alices.encrypt(&ContentParts::none(), &Payload::new("text"), b"", then, rng).unwrap();
        assert_eq!(alices.last_epoch, Some(then));
    }

    #[test]
    fn a_session_of_suite_1_has_no_week_and_is_stored_without() {
        let rng = &mut ChaCha20Rng::seed_from_u64(6);
        let mut lengths = [Suite::Classical, Suite::Hybrid].map(|suite| {
            let mut account = |name: &str| {
                let address = Address::new(name).unwrap();
                Account::generate_of_suite(suite, address, Limits::default(), NOW, rng)
            };
            let (alice, mut bob) = (account("alice"), account("bob"));
            let mut alices = initiated(&alice, &mut bob, rng);
            let first = sent(&mut alices, rng);
            let known = KnownSession::new(bob.accept(&first, b"", NOW).unwrap().session, NOW);
            assert_eq!(known.last_epoch.is_some(), suite == Suite::Hybrid);
            let mut out = StateWriter::new();
            known.write(&mut out);
            let bytes = out.into_bytes();
            let mut reader = Reader::new(&bytes);
            let read = KnownSession::read(&mut reader).unwrap();
            assert_eq!((read.last_epoch, reader.finish()), (known.last_epoch, Ok(())));
            bytes.len()
        });
        lengths.sort_unstable();
        assert!(lengths[1] - lengths[0] <= 16, "{lengths:?}");
    }
}
