//! One session with a device, and what is known of it beside its own state.

use alloc::vec::Vec;
use core::time::Duration;

use rand_core::CryptoRng;

use crate::limits::PeerLimits;
use crate::prekeys::verified_bundle::MAX_CLOCK_AHEAD;
use crate::ratchet::message_key::Role;
use crate::session::decrypting::{DecryptError, Received};
use crate::session::encrypting::EncryptError;
use crate::session::one_conversation::Session;
use crate::session::session_id::SessionId;
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::message::Envelope;
use crate::wire::payload::Payload;

/// How echoes are told apart in a store.
const UNASKED: u8 = 0;
const ASKED: u8 = 1;
const HEARD: u8 = 2;

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
        Self { session, begun: now, used: now, waiting: None, echo: Echo::Unasked }
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
        self.waiting.is_some_and(|since| now >= since.plus(long) || since > now.plus(long))
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
        payload: &Payload,
        ad: &[u8],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, EncryptError> {
        let begins_chain = self.session.begins_chain();
        let message = self.session.encrypt(payload, ad, rng)?;
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
        let received = self.session.decrypt_envelope(envelope, ad, now)?;
        // A chain of the peer's that answers our latest one makes the next of ours due.
        let answers = self.session.begins_chain() && !began_before;
        if answers && self.echo == Echo::Asked {
            self.echo = Echo::Heard;
        }
        self.used = self.used.max(now);
        Ok((received, answers))
    }
}

stored!(KnownSession { session, begun, used, waiting, echo });

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
    use crate::prekeys::published::PublishedPreKeys;
    use crate::wire::payload::Payload;
    use crate::wire::prekey_bundle::PreKeyBundle;
    use core::time::Duration;
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
}
