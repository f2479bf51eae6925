//! One of the two: a device, what its server has, and its end of each session; with each the model that
//! foretells its answers.

use std::collections::BTreeMap;

use evanesce::limits::SessionLimits;
use evanesce::server::{PreKeyUpload, PublishedPreKeys};
use evanesce::session::{AcceptError, Accepted, DecryptError, Role, Session};
use evanesce::{Account, Payload, Received, Suite, Timestamp};
use rand_chacha::ChaCha20Rng;

use crate::conversation::event::BundleChoice;
use crate::conversation::hearing::{Header, Hearing, Speaking};
use crate::conversation::prekeys::PreKeys;
use crate::formats;
use crate::people::{AD, restored, state};

/// A device and its server.
pub struct Person {
    pub account: Account,
    pub prekeys: PreKeys,
    pub server: PublishedPreKeys,
    /// Every bundle that went out.
    pub handed_out: Vec<Vec<u8>>,
    /// By the number of the session.
    pub ends: BTreeMap<usize, End>,
}

/// A person in stored form.
pub struct StoredPerson {
    account: Vec<u8>,
    prekeys: PreKeys,
    server: PublishedPreKeys,
    handed_out: Vec<Vec<u8>>,
    ends: BTreeMap<usize, StoredEnd>,
}

/// One end of a session.
pub struct End {
    session: Session,
    hearing: Hearing,
    speaking: Speaking,
}

/// One end of a session in stored form.
struct StoredEnd {
    session: Vec<u8>,
    hearing: Hearing,
    speaking: Speaking,
}

/// A message that was sent.
pub struct Message {
    pub bytes: Vec<u8>,
    pub payload: Payload,
    pub header: Header,
}

/// What is known beforehand of bytes that a session is offered.
#[derive(Clone, Copy)]
pub enum Origin<'message> {
    /// They are this message of the session's peer, in this session.
    Genuine(&'message Message),
    /// They are a message of another session.
    OtherSession { is_initial: bool },
    /// Nobody who has the keys made them.
    Forged,
}

impl Person {
    /// Does what is due, and publishes what came of it.
    pub fn maintain(&mut self, now: Timestamp, rng: &mut ChaCha20Rng) {
        self.prekeys.maintain(now);
        let upload = self.account.maintain(None, now, rng).upload;
        self.publish(upload);
        self.ends.values_mut().for_each(|end| end.maintain(now));
    }

    pub fn rotate(&mut self, now: Timestamp, rng: &mut ChaCha20Rng) {
        self.prekeys.rotate(now);
        let upload = self.account.rotate_signed_prekey(now, rng).upload;
        self.publish(upload);
    }

    pub fn top_up(&mut self, count: u8, rng: &mut ChaCha20Rng) {
        self.prekeys.add_one_time(count.into());
        let upload = self.account.add_one_time_prekeys(count.into(), rng).upload;
        self.publish(upload);
    }

    fn publish(&mut self, upload: Option<PreKeyUpload>) {
        if let Some(upload) = upload {
            let bundle = upload.bundle().encode();
            let (signed_part, _) = formats::bundle(&bundle).expect("a bundle");
            assert_eq!(signed_part.id, self.prekeys.current());
            let _ = self.account.mark_published(&upload);
            self.server.publish(upload);
        }
        assert_eq!(self.account.pending_upload(), None);
    }

    /// Gives out a bundle.
    pub fn bundle(&mut self, choice: BundleChoice) -> Vec<u8> {
        if let BundleChoice::Again { bundle } = choice
            && let Some(place) = usize::from(bundle).checked_rem(self.handed_out.len())
        {
            return self.handed_out[place].clone();
        }
        let mut bundle = self.server.hand_out();
        if choice == BundleChoice::Stripped {
            let (signed_part, _) = formats::bundle(&bundle).expect("a bundle");
            bundle = [signed_part.bytes, &[0]].concat();
        }
        self.handed_out.push(bundle.clone());
        bundle
    }

    /// Offers bytes to the account.
    pub fn accept(
        &mut self,
        bytes: &[u8],
        ad: &[u8],
        now: Timestamp,
    ) -> Result<Accepted, AcceptError> {
        let before = state(&self.account);
        let answer = self.account.accept(bytes, ad, now);
        if let Err(error) = &answer {
            assert!(state(&self.account) == before, "the refusal as {error:?} left a trace");
        }
        answer
    }

    /// Notes the session that a message has made, and checks what it says.
    pub fn accepts(&mut self, session: usize, by: &Message, accepted: Accepted, now: Timestamp) {
        let Accepted { session: made, received, .. } = accepted;
        assert_eq!(made.role(), Role::Responder);
        let mut hearing = Hearing::new(made.limits().clone());
        let heard = hearing.hear(by.header, false, now).expect("a first message is heard");
        check_received(&received, &by.payload, heard.dropped_keys);
        let read = formats::message(&by.bytes).expect("a message");
        self.prekeys.spend(&read.handshake.expect("an initial message"));
        let end = End { session: made, hearing, speaking: Speaking::first() };
        end.check();
        self.ends.insert(session, end);
    }

    /// Everything goes to the store and comes back.
    pub fn restart(&mut self) {
        let stored = self.store();
        *self = stored.restored();
        let again = self.store();
        assert!(again.account == stored.account, "an account comes back changed");
        for (end, before) in again.ends.values().zip(stored.ends.values()) {
            assert!(end.session == before.session, "a session comes back changed");
        }
    }

    #[must_use]
    pub fn store(&self) -> StoredPerson {
        let Self { account, prekeys, server, handed_out, ends } = self;
        StoredPerson {
            account: state(account),
            prekeys: prekeys.clone(),
            server: server.clone(),
            handed_out: handed_out.clone(),
            ends: ends.iter().map(|(session, end)| (*session, end.store())).collect(),
        }
    }
}

impl StoredPerson {
    #[must_use]
    pub fn restored(&self) -> Person {
        let Self { account, prekeys, server, handed_out, ends } = self;
        Person {
            account: restored(account),
            prekeys: prekeys.clone(),
            server: server.clone(),
            handed_out: handed_out.clone(),
            ends: ends.iter().map(|(session, end)| (*session, end.restored())).collect(),
        }
    }
}

impl End {
    /// The initiator's end, before anything was sent.
    #[must_use]
    pub fn initiator(session: Session) -> Self {
        let hearing = Hearing::new(session.limits().clone());
        Self { session, hearing, speaking: Speaking::first() }
    }

    pub fn send(&mut self, payload: Payload, rng: &mut ChaCha20Rng) -> Message {
        let is_initial = !self.session.is_answered();
        let bytes = self.session.encrypt(&payload, AD, rng).expect("the chain is not full");
        let read = formats::message(&bytes).expect("a message");
        assert_eq!(read.handshake.is_some(), is_initial);
        let content = payload.stamp.encode().len() + payload.body.len();
        let padded = bytes.len() - read.head_length - 48;
        let more: &[usize] = match self.session.suite() {
            Suite::Classical => &[0],
            // A control; that of a fragment that nobody answers, of seven.
            Suite::Hybrid => &[1, 1 + 6 + 32, 1 + 6 + 7 * 32],
        };
        assert!(more.iter().any(|more| padded == formats::padded_length(content + more)));
        self.check();
        Message { bytes, payload, header: self.speaking.speak() }
    }

    /// Offers bytes to the session.
    pub fn decrypt(
        &mut self,
        bytes: &[u8],
        ad: &[u8],
        now: Timestamp,
        origin: Origin<'_>,
    ) -> Result<(), DecryptError> {
        let before = state(&self.session);
        let answer = self.session.decrypt(bytes, ad, now);
        let refusal = answer.as_ref().err().copied();
        match origin {
            Origin::Genuine(message) => {
                let step_is_due = self.speaking.step_is_due();
                match self.hearing.hear(message.header, step_is_due, now) {
                    Ok(heard) => {
                        let received = answer.expect("a message that must open");
                        check_received(&received, &message.payload, heard.dropped_keys);
                        check_bounds(&self.session);
                        if heard.begins_chain {
                            self.speaking.answer();
                        }
                    }
                    Err(error) => assert_eq!(refusal, Some(error)),
                }
            }
            Origin::OtherSession { is_initial: true } => {
                assert_eq!(refusal, Some(DecryptError::OtherSession));
            }
            Origin::OtherSession { is_initial: false } => {
                assert_eq!(refusal, Some(DecryptError::Undecryptable));
            }
            Origin::Forged => assert!(refusal.is_some(), "a forgery opens"),
        }
        self.check();
        match refusal {
            None => Ok(()),
            Some(error) => {
                assert!(state(&self.session) == before, "the refusal as {error:?} left a trace");
                Err(error)
            }
        }
    }

    /// Asks for an epoch.
    pub fn ask(&mut self) {
        let is_news = self.session.request_epoch();
        assert!(!is_news || self.session.suite() == Suite::Hybrid);
        assert!(!self.session.request_epoch(), "a second request is news");
    }

    /// How many epochs are complete, in suite 2.
    #[must_use]
    pub fn completed(&self) -> Option<u32> {
        self.session.epochs().map(|status| status.completed)
    }

    pub fn set_limits(&mut self, limits: SessionLimits) {
        self.session.set_limits(limits.clone());
        self.hearing.set_limits(limits);
    }

    fn maintain(&mut self, now: Timestamp) {
        assert_eq!(self.session.maintain(now), self.hearing.drop_keys(now));
        check_bounds(&self.session);
        self.check();
    }

    fn store(&self) -> StoredEnd {
        let Self { session, hearing, speaking } = self;
        StoredEnd { session: state(session), hearing: hearing.clone(), speaking: speaking.clone() }
    }

    fn check(&self) {
        assert_eq!(self.session.held_keys(), self.hearing.held_keys());
        let is_answered = self.session.role() == Role::Responder || self.hearing.has_begun();
        assert_eq!(self.session.is_answered(), is_answered);
    }
}

impl StoredEnd {
    fn restored(&self) -> End {
        let Self { session, hearing, speaking } = self;
        End { session: restored(session), hearing: hearing.clone(), speaking: speaking.clone() }
    }
}

/// What opens is what was sent.
fn check_received(received: &Received, payload: &Payload, dropped_keys: u32) {
    assert_eq!(received.body, payload.body);
    assert_eq!(received.stamp.as_ref(), Ok(&payload.stamp));
    assert_eq!(received.dropped_keys, dropped_keys);
    assert!(!received.peer_went_back, "nobody went back");
}

fn check_bounds(session: &Session) {
    let most = usize::try_from(session.limits().max_held_keys).expect("a small number");
    assert!(session.held_keys() <= most, "more keys are held than the limit allows");
}
