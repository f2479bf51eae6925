//! An account and sessions that wait for messages, and what each must answer to any bytes at all.

use evanesce::server::PublishedPreKeys;
use evanesce::session::{AcceptError, DecryptError, Session};
use evanesce::{Account, Payload, PreKeyBundle, Received, Suite};
use rand_chacha::ChaCha20Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::formats::{self, Handshake, Message};
use crate::people::{AD, NOW, SUITES, account, restored, rng, state};

/// All that waits, in each suite.
pub struct Recipients([OfSuite; 2]);

/// Bob's account, both ends of a session in the middle of its life, and one that has not been answered.
struct OfSuite {
    account: WaitingAccount,
    sessions: [WaitingSession; 3],
}

/// A state, and the bytes to restore it from after a message has opened.
struct Kept<State> {
    state: State,
    stored: Vec<u8>,
}

/// A message, and whether it has opened already.
struct Genuine {
    bytes: Vec<u8>,
    body: Vec<u8>,
    is_used: bool,
}

/// A session, with all messages that were ever sent to it.
struct WaitingSession {
    session: Kept<Session>,
    /// The handshake that made it.
    handshake: Vec<u8>,
    takes_initial: bool,
    messages: Vec<Genuine>,
}

/// Bob's account, with all handshakes that were ever begun with it.
struct WaitingAccount {
    account: Kept<Account>,
    /// Those that were accepted without a one-time prekey.
    replayed: Vec<Vec<u8>>,
    signed_prekey_ids: Vec<u32>,
    one_time_prekey_ids: Vec<u32>,
    messages: Vec<Genuine>,
}

impl Recipients {
    /// Plays the conversations that lead here.
    #[must_use]
    pub fn new() -> Self {
        Self(SUITES.map(|suite| Scene::new(suite).play()))
    }

    /// Every message that was sent, by suites: to the account, to Bob's end, to Alice's.
    #[must_use]
    pub fn messages(&self) -> [Vec<Vec<u8>>; 2] {
        self.0.each_ref().map(|OfSuite { account, sessions }| {
            let of_sessions = sessions.iter().flat_map(|waiting| &waiting.messages);
            let all = account.messages.iter().chain(of_sessions);
            all.map(|message| message.bytes.clone()).collect()
        })
    }

    /// Offers bytes to everyone, and checks each answer.
    ///
    /// # Panics
    ///
    /// If anything is not as it must be.
    pub fn check(&mut self, bytes: &[u8]) {
        let read = formats::message(bytes);
        for OfSuite { account, sessions } in &mut self.0 {
            account.check(bytes, read.as_ref().map_err(|error| *error));
            for session in sessions {
                session.check(bytes, read.as_ref().map_err(|error| *error));
            }
        }
    }
}

impl Default for Recipients {
    fn default() -> Self {
        Self::new()
    }
}

impl<State: Serialize + DeserializeOwned> Kept<State> {
    fn new(state_now: State) -> Self {
        Self { stored: state(&state_now), state: state_now }
    }

    fn restore(&mut self) {
        self.state = restored(&self.stored);
    }

    fn is_unchanged(&self) -> bool {
        state(&self.state) == self.stored
    }
}

impl WaitingSession {
    fn new(
        session: Session,
        takes_initial: bool,
        messages: Vec<Genuine>,
        handshake: &[u8],
    ) -> Self {
        let handshake = handshake.to_vec();
        Self { session: Kept::new(session), handshake, takes_initial, messages }
    }

    fn check(&mut self, bytes: &[u8], read: Result<&Message<'_>, evanesce::DecodeError>) {
        let expected = match read {
            Err(error) => Err(error.into()),
            Ok(message) => self.expected(bytes, message).map(<[u8]>::to_vec),
        };
        let answer = self.session.state.decrypt(bytes, AD, NOW);
        check_answer(answer.map(body), expected, &mut self.session);
    }

    fn expected(&self, bytes: &[u8], message: &Message<'_>) -> Result<&[u8], DecryptError> {
        if let Some(handshake) = &message.handshake {
            if handshake.bytes != self.handshake {
                return Err(DecryptError::OtherSession);
            }
            if !self.takes_initial {
                return Err(DecryptError::Undecryptable);
            }
        }
        // Nobody without the keys makes a header that opens, but anyone can repeat one.
        let same_header = self.messages.iter().find(|genuine| {
            let read = formats::message(&genuine.bytes);
            read.is_ok_and(|read| read.sealed_header == message.sealed_header)
        });
        match same_header {
            Some(genuine) if genuine.is_used => Err(DecryptError::Duplicate),
            Some(genuine) if genuine.bytes == bytes => Ok(&genuine.body),
            Some(_) | None => Err(DecryptError::Undecryptable),
        }
    }
}

impl WaitingAccount {
    fn check(&mut self, bytes: &[u8], read: Result<&Message<'_>, evanesce::DecodeError>) {
        let expected = match read.map(|message| &message.handshake) {
            Err(error) => Err(error.into()),
            Ok(None) => Err(AcceptError::NoSession),
            Ok(Some(handshake)) => self.expected(bytes, handshake).map(<[u8]>::to_vec),
        };
        let answer = self.account.state.accept(bytes, AD, NOW);
        check_answer(answer.map(|accepted| body(accepted.received)), expected, &mut self.account);
    }

    fn expected(&self, bytes: &[u8], handshake: &Handshake<'_>) -> Result<&[u8], AcceptError> {
        let Handshake { bytes: fields, suite, signed_prekey_id, one_time_prekey_id } = handshake;
        if *suite != self.account.state.suite() {
            return Err(AcceptError::Unsupported);
        }
        let one_time_is_held =
            one_time_prekey_id.is_none_or(|id| self.one_time_prekey_ids.contains(&id));
        if !self.signed_prekey_ids.contains(signed_prekey_id) || !one_time_is_held {
            return Err(AcceptError::UnknownPreKey);
        }
        if self.replayed.iter().any(|replayed| replayed == fields) {
            return Err(AcceptError::Replayed);
        }
        let genuine = self.messages.iter().find(|genuine| genuine.bytes == bytes);
        genuine.map(|genuine| genuine.body.as_slice()).ok_or(AcceptError::Undecryptable)
    }
}

fn body(received: Received) -> Vec<u8> {
    received.body
}

/// A refusal leaves no trace; what opens is the message that was sent.
fn check_answer<State, Error>(
    answer: Result<Vec<u8>, Error>,
    expected: Result<Vec<u8>, Error>,
    kept: &mut Kept<State>,
) where
    State: Serialize + DeserializeOwned,
    Error: PartialEq + std::fmt::Debug,
{
    assert_eq!(answer, expected);
    match answer {
        Ok(_) => kept.restore(),
        Err(error) => assert!(kept.is_unchanged(), "the refusal as {error:?} left a trace"),
    }
}

/// Alice, Bob and his server.
struct Scene {
    alice: Account,
    bob: Account,
    server: PublishedPreKeys,
    rng: ChaCha20Rng,
}

impl Scene {
    fn new(suite: Suite) -> Self {
        let alice = account(suite, "alice@example/phone", 1);
        let mut bob = account(suite, "bob@example/laptop", 2);
        let mut rng = rng(3);
        let upload = bob.maintain(None, NOW, &mut rng).upload.expect("a new account publishes");
        let _ = bob.mark_published(&upload);
        Self { alice, bob, server: PublishedPreKeys::new(upload), rng }
    }

    fn play(mut self) -> OfSuite {
        // A conversation with messages missing on both sides, in three chains.
        let mut alices = self.initiate(true);
        let mut to_bob = self.send(&mut alices, "first chain", 4);
        let handshake = handshake_of(&to_bob[0]);
        let mut bobs = self.accept(&mut to_bob[1]);
        let mut to_alice = self.send(&mut bobs, "first answers", 3);
        open(&mut alices, &mut to_alice[1]);
        to_bob.extend(self.send(&mut alices, "second chain", 3));
        open(&mut bobs, &mut to_bob[5]);
        to_alice.extend(self.send(&mut bobs, "second answers", 3));
        open(&mut alices, &mut to_alice[4]);
        to_bob.extend(self.send(&mut alices, "third chain", 2));

        // Handshakes that are accepted, with and without a one-time prekey.
        let mut others = Vec::new();
        let mut used = self.initiate(true);
        others.extend(self.send(&mut used, "used", 2));
        self.accept(&mut others[0]);
        let mut recorded = self.initiate(false);
        others.extend(self.send(&mut recorded, "recorded", 2));
        self.accept(&mut others[2]);
        let replayed = vec![handshake_of(&others[2])];

        // Handshakes that are on their way, by the former signed prekey and by the present one.
        let mut pending = self.initiate(true);
        others.extend(self.send(&mut pending, "pending", 2));
        let upload = self.bob.rotate_signed_prekey(NOW, &mut self.rng).upload.expect("it is new");
        self.server.publish(upload);
        let mut late = self.initiate(false);
        others.extend(self.send(&mut late, "late", 1));
        let pending_handshake = handshake_of(&others[4]);

        let account = WaitingAccount {
            account: Kept::new(self.bob),
            replayed,
            signed_prekey_ids: vec![1, 2],
            one_time_prekey_ids: vec![3],
            messages: others,
        };
        let sessions = [
            WaitingSession::new(bobs, true, to_bob, &handshake),
            WaitingSession::new(alices, false, to_alice, &handshake),
            WaitingSession::new(pending, false, Vec::new(), &pending_handshake),
        ];
        OfSuite { account, sessions }
    }

    fn initiate(&mut self, with_one_time_prekey: bool) -> Session {
        let bundle = if with_one_time_prekey {
            self.server.hand_out()
        } else {
            without_one_time_prekey(&self.server.clone().hand_out())
        };
        let bundle = PreKeyBundle::decode(&bundle).expect("a bundle").verify(NOW);
        let bundle = bundle.expect("a genuine bundle");
        assert_eq!(bundle.has_one_time_prekey(), with_one_time_prekey);
        self.alice.initiate(&bundle, &mut self.rng).expect("strong keys")
    }

    fn send(&mut self, session: &mut Session, text: &str, count: u8) -> Vec<Genuine> {
        let message = |number| {
            let body = format!("{text} {number}").into_bytes();
            let bytes = session.encrypt(&Payload::new(body.clone()), AD, &mut self.rng);
            Genuine { bytes: bytes.expect("it can send"), body, is_used: false }
        };
        (0..count).map(message).collect()
    }

    fn accept(&mut self, message: &mut Genuine) -> Session {
        message.is_used = true;
        self.bob.accept(&message.bytes, AD, NOW).expect("a genuine message").session
    }
}

fn open(session: &mut Session, message: &mut Genuine) {
    message.is_used = true;
    let received = session.decrypt(&message.bytes, AD, NOW).expect("a genuine message");
    assert_eq!(received.body, message.body);
}

fn handshake_of(message: &Genuine) -> Vec<u8> {
    let read = formats::message(&message.bytes).expect("a genuine message");
    read.handshake.expect("an initial message").bytes.to_vec()
}

/// What a carrier can make of a bundle that has one.
fn without_one_time_prekey(bundle: &[u8]) -> Vec<u8> {
    let (signed_part, _) = formats::bundle(bundle).expect("a bundle");
    [signed_part.bytes, &[0]].concat()
}
