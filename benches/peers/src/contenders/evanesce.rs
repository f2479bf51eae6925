//! evanesce: bytes in, bytes out; encrypted headers, padding, commitments.

use std::cell::RefCell;
use std::rc::Rc;

use evanesce::limits::Limits;
use evanesce::server::PublishedPreKeys;
use evanesce::session::Session;
use evanesce::snapshot::StorageKey;
use evanesce::{Account, Address, Payload, PreKeyBundle, Suite, Timestamp, VerifiedBundle};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::contender::Remark;
use crate::conversation::{Library, turning};
use crate::row::{Row, SMALL};
use crate::work::{Stretches, Work, repeated};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);

/// No associated data.
const AD: &[u8] = b"";

/// What padding and an empty stamp add to a body, so that sizes are those of padded plaintexts.
const AROUND_BODY: usize = 3;

pub struct Evanesce {
    rng: RefCell<ChaCha20Rng>,
    storage_key: StorageKey,
}

impl Default for Evanesce {
    fn default() -> Self {
        let rng = RefCell::new(ChaCha20Rng::seed_from_u64(7));
        Self { rng, storage_key: StorageKey::new(&[7; 32]) }
    }
}

impl Evanesce {
    /// A new account of suite 1, and its server.
    fn account(&self, name: &str) -> (Account, PublishedPreKeys) {
        let rng = &mut *self.rng.borrow_mut();
        let (address, limits) = (Address::new(name).expect("short"), Limits::default());
        let mut account = Account::generate_of_suite(Suite::Classical, address, limits, NOW, rng);
        let upload =
            account.maintain(None, NOW, rng).upload.expect("there is something to publish");
        let _ = account.mark_published(&upload);
        (account, PublishedPreKeys::new(upload))
    }

    /// Alice's first message, and Bob who has not seen it.
    fn first_message(&self) -> (Session, Vec<u8>, Account) {
        let (bob, mut server) = self.account("bob");
        let (alice, _) = self.account("alice");
        let rng = &mut *self.rng.borrow_mut();
        let mut alice = alice.initiate(&verified(&server.hand_out()), rng).expect("honest keys");
        let first = alice.encrypt(&self.plaintext(SMALL), AD, rng).expect("it may be sent");
        (alice, first, bob)
    }
}

impl Library for Evanesce {
    type Session = Session;
    type Plaintext = Payload;
    type Message = Vec<u8>;

    const NAME: &'static str = "evanesce";
    const WIDEST_GAP: usize = 1_000;

    fn plaintext(&self, size: usize) -> Payload {
        Payload::new(vec![b'x'; size - AROUND_BODY])
    }

    fn text(plaintext: &Payload) -> &[u8] {
        &plaintext.body
    }

    fn first_exchange(&self) -> (Session, Session) {
        let (mut alice, first, mut bob) = self.first_message();
        let mut bob = bob.accept(&first, AD, NOW).expect("it opens").session;
        let answer = self.encrypt(&mut bob, &self.plaintext(SMALL));
        self.decrypt(&mut alice, &answer).expect("it opens");
        (alice, bob)
    }

    fn copy(session: &Session) -> Option<Session> {
        Some(Session::restore(&session.snapshot()).expect("just written"))
    }

    fn encrypt(&self, session: &mut Session, plaintext: &Payload) -> Vec<u8> {
        session.encrypt(plaintext, AD, &mut *self.rng.borrow_mut()).expect("it may be sent")
    }

    fn decrypt(&self, session: &mut Session, message: &Vec<u8>) -> Option<Vec<u8>> {
        session.decrypt(message, AD, NOW).ok().map(|received| received.body)
    }

    fn remark(&self, _row: Row) -> Remark {
        Remark::NONE
    }

    fn length(message: &Vec<u8>) -> usize {
        message.len()
    }

    fn first_message_overhead(&self) -> Option<usize> {
        let (_, first, _) = self.first_message();
        Some(first.len() - SMALL)
    }

    fn stored_length(&self, session: &Session) -> Option<usize> {
        Some(session.seal(&self.storage_key, AD, &mut *self.rng.borrow_mut()).len())
    }

    fn size_note(&self) -> Option<&'static str> {
        Some("the padded plaintext has 64 bytes, the body 61")
    }

    fn initiate(self: Rc<Self>) -> Option<Box<dyn Work>> {
        let (bob, mut server) = self.account("bob");
        let (alice, _) = self.account("alice");
        let (bob, bundle, plaintext) = (bob.snapshot(), server.hand_out(), self.plaintext(SMALL));
        let expected = plaintext.body.clone();
        Some(repeated(
            8,
            move |_| {
                let rng = &mut *self.rng.borrow_mut();
                let mut session = alice.initiate(&verified(&bundle), rng).expect("honest keys");
                session.encrypt(&plaintext, AD, rng).expect("it may be sent")
            },
            move |message| {
                let mut bob = Account::restore(&bob).expect("just written");
                let accepted = bob.accept(&message, AD, NOW).expect("it opens");
                assert_eq!(accepted.received.body, expected);
            },
        ))
    }

    fn accept(self: Rc<Self>) -> Option<Box<dyn Work>> {
        let (_, message, bob) = self.first_message();
        let (bob, expected) = (bob.snapshot(), self.plaintext(SMALL).body);
        Some(Box::new(Stretches {
            uses: 1,
            at_once: 8,
            prepare: move || Account::restore(&bob).expect("just written"),
            operate: move |bob: &mut Account, _| bob.accept(&message, AD, NOW).expect("it opens"),
            check: move |_: &mut Account, accepted: evanesce::session::Accepted| {
                assert_eq!(accepted.received.body, expected);
            },
        }))
    }

    fn decrypt_from_sealed_state(self: Rc<Self>) -> Option<Box<dyn Work>> {
        let seal = |library: &Self, session: &Session| {
            session.seal(&library.storage_key, AD, &mut *library.rng.borrow_mut())
        };
        Some(turning(self, seal, move |library, state, message| {
            let session = Session::unseal(state, &library.storage_key, AD);
            let mut session = session.expect("just sealed");
            let text = library.decrypt(&mut session, message).expect("it opens");
            (text, seal(library, &session))
        }))
    }

    fn decrypt_from_plain_state(self: Rc<Self>) -> Option<Box<dyn Work>> {
        let store = |_: &Self, session: &Session| session.snapshot();
        Some(turning(self, store, |library, state, message| {
            let mut session = Session::restore(state).expect("just written");
            let text = library.decrypt(&mut session, message).expect("it opens");
            (text, session.snapshot())
        }))
    }
}

fn verified(bundle: &[u8]) -> VerifiedBundle {
    PreKeyBundle::decode(bundle).expect("well-formed").verify(NOW).expect("signed")
}
