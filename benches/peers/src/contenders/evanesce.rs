//! evanesce: bytes in, bytes out; encrypted headers, padding, commitments. Suite 1, but where the row says otherwise.

mod file;
mod group;
mod hybrid;
mod people;

use std::cell::RefCell;
use std::rc::Rc;

use evanesce::limits::Limits;
use evanesce::server::{PreKeyUpload, PublishedPreKeys};
use evanesce::session::Session;
use evanesce::snapshot::StorageKey;
use evanesce::{Account, Address, Payload, PreKeyBundle, Suite, Timestamp, VerifiedBundle};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::contender::Remark;
use crate::conversation::{Library, turning};
use crate::row::{Group, Handling, Hybrid, People, PreKeys, Row, SMALL};
use crate::work::{Stretches, Work, repeated};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);

/// No associated data.
const AD: &[u8] = b"";

pub struct Evanesce {
    suite: Suite,
    rng: RefCell<ChaCha20Rng>,
    storage_key: StorageKey,
}

impl Evanesce {
    pub fn of_suite(suite: Suite) -> Self {
        let rng = RefCell::new(ChaCha20Rng::seed_from_u64(7));
        Self { suite, rng, storage_key: StorageKey::new(&[7; 32]) }
    }

    /// A new account, and what it publishes.
    fn account(&self, name: &str) -> (Account, PreKeyUpload) {
        let (address, rng) = (Address::new(name).expect("short"), &mut *self.rng.borrow_mut());
        let limits = Limits::default();
        let mut account = Account::generate_of_suite(self.suite, address, limits, NOW, rng);
        let upload =
            account.maintain(None, NOW, rng).upload.expect("there is something to publish");
        let _ = account.mark_published(&upload);
        (account, upload)
    }

    /// A new Bob, and bundles of his that have these prekeys.
    fn bob(&self, prekeys: PreKeys) -> (Account, impl FnMut() -> Vec<u8> + 'static) {
        let (bob, upload) = self.account("bob");
        let last_resort = upload.bundle().encode();
        let mut server = PublishedPreKeys::new(upload);
        let bundles = move || match prekeys {
            PreKeys::OneTime => server.hand_out(),
            PreKeys::LastResort => last_resort.clone(),
        };
        (bob, bundles)
    }

    /// The first message of a new Alice, who has this bundle.
    fn first_message(&self, bundle: &[u8]) -> (Session, Vec<u8>) {
        let (alice, _) = self.account("alice");
        let rng = &mut *self.rng.borrow_mut();
        let mut alice = alice.initiate(&verified(bundle), rng).expect("honest keys");
        let first = alice.encrypt(&self.plaintext(SMALL), AD, rng).expect("it may be sent");
        (alice, first)
    }

    fn initiating(self: Rc<Self>, prekeys: PreKeys) -> Box<dyn Work> {
        let (bob, mut bundles) = self.bob(prekeys);
        let (alice, _) = self.account("alice");
        let (bob, bundle, plaintext) = (bob.snapshot(), bundles(), self.plaintext(SMALL));
        let expected = plaintext.body.clone();
        repeated(
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
        )
    }

    /// Bob comes out of his store, and has accepted these before.
    fn accepting(self: Rc<Self>, prekeys: PreKeys, accepted_before: usize) -> Box<dyn Work> {
        let (bob, mut bundles) = self.bob(prekeys);
        let mut first_message = || self.first_message(&bundles()).1;
        let before: Vec<_> = (0..accepted_before).map(|_| first_message()).collect();
        let message = first_message();
        let (bob, expected) = (bob.snapshot(), self.plaintext(SMALL).body);
        Box::new(Stretches {
            uses: 1,
            at_once: 8,
            prepare: move || {
                let mut bob = Account::restore(&bob).expect("just written");
                for message in &before {
                    bob.accept(message, AD, NOW).expect("it opens");
                }
                bob
            },
            operate: move |bob: &mut Account, _| bob.accept(&message, AD, NOW).expect("it opens"),
            check: move |_: &mut Account, accepted: evanesce::session::Accepted| {
                assert_eq!(accepted.received.body, expected);
            },
        })
    }

    /// What padding, an empty stamp and in suite 2 an empty control add to a body, so that sizes are those of padded
    /// plaintexts.
    fn around_body(&self) -> usize {
        match self.suite {
            Suite::Classical => 3,
            Suite::Hybrid => 4,
        }
    }
}

impl Library for Evanesce {
    type Session = Session;
    type Plaintext = Payload;
    type Message = Vec<u8>;

    const NAME: &'static str = "evanesce";
    const WIDEST_GAP: usize = 1_000;

    fn plaintext(&self, size: usize) -> Payload {
        Payload::new(vec![b'x'; size - self.around_body()])
    }

    fn text(plaintext: &Payload) -> &[u8] {
        &plaintext.body
    }

    fn first_exchange(&self) -> (Session, Session) {
        let (mut bob, mut bundles) = self.bob(PreKeys::OneTime);
        let (mut alice, first) = self.first_message(&bundles());
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
        let (_, mut bundles) = self.bob(PreKeys::OneTime);
        let (_, first) = self.first_message(&bundles());
        Some(first.len() - SMALL)
    }

    fn stored_length(&self, session: &Session) -> Option<usize> {
        Some(session.seal(&self.storage_key, AD, &mut *self.rng.borrow_mut()).len())
    }

    fn size_note(&self) -> Option<&'static str> {
        Some("the padded plaintext has 64 bytes, the body 61")
    }

    fn initiate(self: Rc<Self>) -> Option<Box<dyn Work>> {
        Some(self.initiating(PreKeys::OneTime))
    }

    fn accept(self: Rc<Self>) -> Option<Box<dyn Work>> {
        Some(self.accepting(PreKeys::OneTime, 0))
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

    fn hybrid(self: Rc<Self>, operation: Hybrid) -> Option<Box<dyn Work>> {
        let library = Rc::new(Self::of_suite(Suite::Hybrid));
        Some(match operation {
            Hybrid::Encrypt(phase) => hybrid::encrypting(library, phase),
            Hybrid::Decrypt(phase) => hybrid::decrypting(library, phase),
            Hybrid::Initiate(prekeys) => library.initiating(prekeys),
            Hybrid::Accept(prekeys) => library.accepting(prekeys, 0),
            Hybrid::AcceptAgain => library.accepting(PreKeys::OneTime, 1),
            Hybrid::Epoch => hybrid::epoch(library),
        })
    }

    fn epochs_messages(self: Rc<Self>) -> Option<Box<dyn Work>> {
        Some(hybrid::epoch(self))
    }

    fn file(self: Rc<Self>, handling: Handling) -> Option<Box<dyn Work>> {
        Some(match handling {
            Handling::Seal => file::seal(),
            Handling::SealByChunks => file::seal_by_chunks(),
            Handling::Read => file::read(),
            Handling::OpenByRanges => file::open_by_ranges(),
        })
    }

    fn people(self: Rc<Self>, operation: People) -> Option<Box<dyn Work>> {
        Some(match operation {
            People::Encrypt => people::encrypting(),
            People::EncryptOneByOne => people::encrypting_one_by_one(),
            People::EncryptForMany => people::encrypting_for_many(),
            People::EncryptForManyOneByOne => people::encrypting_for_many_one_by_one(),
            People::Decrypt => people::decrypting(),
            People::DecryptByPeer => people::decrypting_by_peer(),
            People::Adopt => people::adopting(),
        })
    }

    fn group(self: Rc<Self>, operation: Group) -> Option<Box<dyn Work>> {
        Some(match operation {
            Group::Encrypt => group::encrypting(&self.plaintext(SMALL)),
            Group::Decrypt => group::decrypting(&self.plaintext(SMALL)),
        })
    }
}

fn verified(bundle: &[u8]) -> VerifiedBundle {
    PreKeyBundle::decode(bundle).expect("well-formed").verify(NOW).expect("signed")
}
