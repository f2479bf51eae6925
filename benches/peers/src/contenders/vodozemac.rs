//! vodozemac: Olm, in the newest configuration that it has without experimental features, version 1.

mod megolm;

use std::rc::Rc;

use vodozemac::Curve25519PublicKey;
use vodozemac::olm::{
    Account, InboundCreationResult, OlmMessage, Session, SessionConfig, SessionPickle,
};

use crate::contender::Remark;
use crate::conversation::{Library, turning};
use crate::row::{Group, MANY, Row, SMALL};
use crate::work::{Stretches, Work, repeated};

const PICKLE_KEY: &[u8; 32] = &[7; 32];

const HEADERS: &str = "headers in the clear, tags of 8 bytes, no commitment";
const FORTY: &str = "keeps the last 40 keys of a chain only; headers in the clear, tags of 8 bytes";
const UNCHECKED: &str =
    "nothing tells whether the stored state was damaged, which is JSON; headers in the clear";
const MEGOLM: &str = "Megolm: no roster and no recipients; headers in the clear, tags of 8 bytes, no commitment; keeps the \
                      first key, and opens a message again";
const STATE: &str = "its state is JSON; headers in the clear, tags of 8 bytes";

/// A message's kind and its bytes, which is how the library hands it to a transport.
pub struct Parts(usize, Vec<u8>);

#[derive(Default)]
pub struct Vodozemac;

/// What a server has of Bob: nothing is signed in Olm itself.
struct PublishedKeys {
    identity_key: [u8; 32],
    one_time_key: [u8; 32],
}

impl Vodozemac {
    /// Bob with as many one-time keys as he would publish.
    fn bob() -> (Account, PublishedKeys) {
        let mut bob = Account::new();
        bob.generate_one_time_keys(bob.max_number_of_one_time_keys());
        let one_time_key = *bob.one_time_keys().values().next().expect("just generated");
        bob.mark_keys_as_published();
        let identity_key = bob.curve25519_key().to_bytes();
        (bob, PublishedKeys { identity_key, one_time_key: one_time_key.to_bytes() })
    }

    fn outbound(alice: &Account, keys: &PublishedKeys) -> Session {
        alice
            .create_outbound_session(
                SessionConfig::version_1(),
                Curve25519PublicKey::from_bytes(keys.identity_key),
                Curve25519PublicKey::from_bytes(keys.one_time_key),
            )
            .expect("honest keys")
    }

    /// The message's bytes carry the identity key that the account is to check them against.
    fn inbound(bob: &mut Account, Parts(kind, bytes): &Parts) -> InboundCreationResult {
        let message = OlmMessage::from_parts(*kind, bytes).expect("well-formed");
        let OlmMessage::PreKey(message) = message else {
            panic!("the first message carries the handshake")
        };
        bob.create_inbound_session(SessionConfig::version_1(), message.identity_key(), &message)
            .expect("it opens")
    }

    fn copy_account(account: &Account) -> Account {
        Account::from_pickle(account.pickle())
    }
}

impl Library for Vodozemac {
    type Session = Session;
    type Plaintext = Vec<u8>;
    type Message = Parts;

    const NAME: &'static str = "vodozemac (Olm)";
    const WIDEST_GAP: usize = 2_000;

    fn plaintext(&self, size: usize) -> Vec<u8> {
        vec![b'x'; size]
    }

    fn text(plaintext: &Vec<u8>) -> &[u8] {
        plaintext
    }

    fn first_exchange(&self) -> (Session, Session) {
        let (mut bob, keys) = Self::bob();
        let mut alice = Self::outbound(&Account::new(), &keys);
        let first = self.encrypt(&mut alice, &self.plaintext(SMALL));
        let mut bob = Self::inbound(&mut bob, &first).session;
        let answer = self.encrypt(&mut bob, &self.plaintext(SMALL));
        self.decrypt(&mut alice, &answer).expect("it opens");
        (alice, bob)
    }

    fn copy(session: &Session) -> Option<Session> {
        Some(Session::from_pickle(session.pickle()))
    }

    fn encrypt(&self, session: &mut Session, plaintext: &Vec<u8>) -> Parts {
        let (kind, bytes) = session.encrypt(plaintext).expect("honest keys").to_parts();
        Parts(kind, bytes)
    }

    fn decrypt(&self, session: &mut Session, Parts(kind, bytes): &Parts) -> Option<Vec<u8>> {
        session.decrypt(&OlmMessage::from_parts(*kind, bytes).ok()?).ok()
    }

    fn refusal(&self, row: Row) -> Option<&'static str> {
        (row == Row::DecryptLate { held: MANY }).then_some("keeps the last 40 keys of a chain only")
    }

    fn remark(&self, row: Row) -> Remark {
        match row {
            Row::Group(_) => Remark::less(MEGOLM),
            Row::DecryptWithRatchetStep | Row::PingPong => Remark::same(HEADERS),
            Row::Initiate | Row::Accept => Remark::less("3 X25519s instead of 4, no signature"),
            Row::DecryptAfterGap { .. } | Row::EncryptHolding { .. } => Remark::less(FORTY),
            Row::DecryptFromSealedState => Remark::same(STATE),
            Row::DecryptFromPlainState => Remark::less(UNCHECKED),
            Row::Encrypt { .. }
            | Row::Decrypt { .. }
            | Row::DecryptLate { .. }
            | Row::Hybrid(_)
            | Row::EpochsMessages
            | Row::File(_)
            | Row::People(_)
            | Row::Verifications { .. }
            | Row::Agreement
            | Row::Kem(_)
            | Row::ChainSteps { .. } => Remark::less(HEADERS),
        }
    }

    fn group(self: Rc<Self>, operation: Group) -> Option<Box<dyn Work>> {
        Some(match operation {
            Group::Encrypt => megolm::encrypting(self.plaintext(SMALL)),
            Group::Decrypt => megolm::decrypting(self.plaintext(SMALL)),
        })
    }

    fn length(Parts(_, bytes): &Parts) -> usize {
        bytes.len()
    }

    fn first_message_overhead(&self) -> Option<usize> {
        let (_, keys) = Self::bob();
        let mut alice = Self::outbound(&Account::new(), &keys);
        Some(Self::length(&self.encrypt(&mut alice, &self.plaintext(SMALL))) - SMALL)
    }

    fn stored_length(&self, session: &Session) -> Option<usize> {
        Some(session.pickle().encrypt(PICKLE_KEY).len())
    }

    fn size_note(&self) -> Option<&'static str> {
        Some("the state as text; beside a message, one bit tells whether it is a first one")
    }

    fn initiate(self: Rc<Self>) -> Option<Box<dyn Work>> {
        let (bob, keys) = Self::bob();
        let (alice, plaintext) = (Account::new(), self.plaintext(SMALL));
        let expected = plaintext.clone();
        Some(repeated(
            8,
            move |_| self.encrypt(&mut Self::outbound(&alice, &keys), &plaintext),
            move |message| {
                let created = Self::inbound(&mut Self::copy_account(&bob), &message);
                assert_eq!(created.plaintext, expected);
            },
        ))
    }

    fn accept(self: Rc<Self>) -> Option<Box<dyn Work>> {
        let (bob, keys) = Self::bob();
        let expected = self.plaintext(SMALL);
        let message = self.encrypt(&mut Self::outbound(&Account::new(), &keys), &expected);
        Some(Box::new(Stretches {
            uses: 1,
            at_once: 8,
            prepare: move || Self::copy_account(&bob),
            operate: move |bob: &mut Account, _| Self::inbound(bob, &message),
            check: move |_: &mut Account, created: InboundCreationResult| {
                assert_eq!(created.plaintext, expected);
            },
        }))
    }

    fn decrypt_from_sealed_state(self: Rc<Self>) -> Option<Box<dyn Work>> {
        let seal = |_: &Self, session: &Session| session.pickle().encrypt(PICKLE_KEY);
        Some(turning(self, seal, move |library, state: &String, message| {
            let pickle = SessionPickle::from_encrypted(state, PICKLE_KEY).expect("just sealed");
            let mut session = Session::from_pickle(pickle);
            let text = library.decrypt(&mut session, message).expect("it opens");
            (text, seal(library, &session))
        }))
    }

    fn decrypt_from_plain_state(self: Rc<Self>) -> Option<Box<dyn Work>> {
        let store = |_: &Self, session: &Session| {
            serde_json::to_vec(&session.pickle()).expect("it has no keys but text")
        };
        Some(turning(self, store, move |library, state: &Vec<u8>, message| {
            let pickle: SessionPickle = serde_json::from_slice(state).expect("just written");
            let mut session = Session::from_pickle(pickle);
            let text = library.decrypt(&mut session, message).expect("it opens");
            (text, store(library, &session))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bob after so many lost messages of Alice's, and those messages.
    fn after_gap(lost: usize) -> (Session, Vec<Parts>) {
        let (mut alice, mut bob) = Vodozemac.first_exchange();
        let plaintext = Vodozemac.plaintext(SMALL);
        let lost = (0..lost).map(|_| Vodozemac.encrypt(&mut alice, &plaintext)).collect();
        let next = Vodozemac.encrypt(&mut alice, &plaintext);
        Vodozemac.decrypt(&mut bob, &next).unwrap();
        (bob, lost)
    }

    #[test]
    fn of_a_wide_gap_the_last_40_messages_open() {
        let (mut bob, lost) = after_gap(MANY);
        let opened = lost.iter().filter(|message| Vodozemac.decrypt(&mut bob, message).is_some());
        assert_eq!(opened.count(), 40);
    }

    #[test]
    fn a_tag_has_8_bytes_and_the_ratchet_key_can_be_read() {
        let (_, lost) = after_gap(1);
        let Parts(kind, bytes) = &lost[0];
        let OlmMessage::Normal(message) = OlmMessage::from_parts(*kind, bytes).unwrap() else {
            panic!("it is of an answered session")
        };
        let key = message.ratchet_key();
        assert!(bytes.windows(32).any(|window| window == key.as_bytes()));
        // The ciphertext is the last field, and the tag all that follows it.
        assert!(bytes[..bytes.len() - 8].ends_with(message.ciphertext()));
    }
}
