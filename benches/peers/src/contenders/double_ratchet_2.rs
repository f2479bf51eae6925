//! double-ratchet-2: a Double Ratchet without a handshake, once with headers in the clear and once with
//! encrypted ones. It hands out a message's parts and leaves it to its user to join them.

use std::rc::Rc;

use double_ratchet_2::header::Header;
use double_ratchet_2::ratchet::{Ratchet, RatchetEncHeader};
use double_ratchet_2::{PublicKey, StaticSecret};

use crate::contender::Remark;
use crate::conversation::{Library, exchanged, turning};
use crate::row::{MANY, Row};
use crate::work::Work;

const AD: &[u8] = b"";

/// What a handshake would have given.
const SHARED: [u8; 32] = [1; 32];
const HEADER_KEY: [u8; 32] = [2; 32];
const NEXT_HEADER_KEY: [u8; 32] = [3; 32];

const NONCE: usize = 12;

const GAP: &str = "panics when more than 100 messages are lost";
const STEP: &str = "makes the sending half of the step as well: a key pair and a second X25519";
const CLEAR: &str = "headers in the clear, no commitment, no padding";
const UNPADDED: &str = "no commitment, no padding";
const THROUGH_POSTCARD: &str =
    "nothing tells whether the stored state was damaged; it goes through postcard, our choice";
const UNCHECKED: &str = "nothing tells whether the stored state was damaged; no commitment";

/// With headers in the clear.
#[derive(Default)]
pub struct ClearHeaders;

/// With encrypted headers.
#[derive(Default)]
pub struct EncryptedHeaders;

pub struct ClearMessage {
    header: Header<PublicKey>,
    ciphertext: Vec<u8>,
    nonce: [u8; NONCE],
}

pub struct EncryptedMessage {
    header: (Vec<u8>, [u8; NONCE]),
    ciphertext: Vec<u8>,
    nonce: [u8; NONCE],
}

impl Library for ClearHeaders {
    type Session = Ratchet<StaticSecret>;
    type Plaintext = Vec<u8>;
    type Message = ClearMessage;

    const NAME: &'static str = "double-ratchet-2, clear headers";
    const WIDEST_GAP: usize = 100;

    fn plaintext(&self, size: usize) -> Vec<u8> {
        vec![b'x'; size]
    }

    fn text(plaintext: &Vec<u8>) -> &[u8] {
        plaintext
    }

    fn first_exchange(&self) -> (Self::Session, Self::Session) {
        let (bob, key) = Ratchet::init_bob(SHARED);
        exchanged(self, Ratchet::init_alice(SHARED, key), bob)
    }

    fn copy(session: &Self::Session) -> Option<Self::Session> {
        Some(from_postcard(&to_postcard(session)))
    }

    fn encrypt(&self, session: &mut Self::Session, plaintext: &Vec<u8>) -> ClearMessage {
        let (header, ciphertext, nonce) = session.ratchet_encrypt(plaintext, AD);
        ClearMessage { header, ciphertext, nonce }
    }

    fn decrypt(&self, session: &mut Self::Session, message: &ClearMessage) -> Option<Vec<u8>> {
        let ClearMessage { header, ciphertext, nonce } = message;
        Some(session.ratchet_decrypt(header, ciphertext, nonce, AD))
    }

    fn refusal(&self, row: Row) -> Option<&'static str> {
        (row == Row::DecryptAfterGap { lost: MANY }).then_some(GAP)
    }

    fn remark(&self, row: Row) -> Remark {
        remark(row, CLEAR, THROUGH_POSTCARD)
    }

    fn length(message: &ClearMessage) -> usize {
        // As the library itself writes the header down, to bind it.
        message.header.concat(AD).len() + message.ciphertext.len() + NONCE
    }

    fn stored_length(&self, session: &Self::Session) -> Option<usize> {
        Some(to_postcard(session).len())
    }

    fn size_note(&self) -> Option<&'static str> {
        Some("the state in the clear, through postcard; a message's parts without what joins them")
    }

    fn decrypt_from_plain_state(self: Rc<Self>) -> Option<Box<dyn Work>> {
        let store = |_: &Self, session: &Self::Session| to_postcard(session);
        Some(turning(self, store, |library, state: &Vec<u8>, message| {
            let mut session = from_postcard(state);
            let text = library.decrypt(&mut session, message).expect("it opens");
            (text, to_postcard(&session))
        }))
    }
}

impl Library for EncryptedHeaders {
    type Session = RatchetEncHeader<StaticSecret>;
    type Plaintext = Vec<u8>;
    type Message = EncryptedMessage;

    const NAME: &'static str = "double-ratchet-2, encrypted headers";
    const WIDEST_GAP: usize = 100;

    fn plaintext(&self, size: usize) -> Vec<u8> {
        vec![b'x'; size]
    }

    fn text(plaintext: &Vec<u8>) -> &[u8] {
        plaintext
    }

    fn first_exchange(&self) -> (Self::Session, Self::Session) {
        let (bob, key) = RatchetEncHeader::init_bob(SHARED, HEADER_KEY, NEXT_HEADER_KEY);
        let alice = RatchetEncHeader::init_alice(SHARED, key, HEADER_KEY, NEXT_HEADER_KEY);
        exchanged(self, alice, bob)
    }

    fn copy(session: &Self::Session) -> Option<Self::Session> {
        RatchetEncHeader::import(&session.export())
    }

    fn encrypt(&self, session: &mut Self::Session, plaintext: &Vec<u8>) -> EncryptedMessage {
        let (header, ciphertext, nonce) = session.ratchet_encrypt(plaintext, AD);
        EncryptedMessage { header, ciphertext, nonce }
    }

    fn decrypt(&self, session: &mut Self::Session, message: &EncryptedMessage) -> Option<Vec<u8>> {
        let EncryptedMessage { header, ciphertext, nonce } = message;
        Some(session.ratchet_decrypt(header, ciphertext, nonce, AD))
    }

    fn refusal(&self, row: Row) -> Option<&'static str> {
        (row == Row::DecryptAfterGap { lost: MANY }).then_some(GAP)
    }

    fn remark(&self, row: Row) -> Remark {
        remark(row, UNPADDED, UNCHECKED)
    }

    fn length(message: &EncryptedMessage) -> usize {
        message.header.0.len() + message.ciphertext.len() + 2 * NONCE
    }

    fn stored_length(&self, session: &Self::Session) -> Option<usize> {
        Some(session.export().len())
    }

    fn size_note(&self) -> Option<&'static str> {
        Some("the state in the clear; a message's parts without what joins them")
    }

    fn decrypt_from_plain_state(self: Rc<Self>) -> Option<Box<dyn Work>> {
        let store = |_: &Self, session: &Self::Session| session.export();
        Some(turning(self, store, |library, state: &Vec<u8>, message| {
            let session: Option<Self::Session> = RatchetEncHeader::import(state);
            let mut session = session.expect("just written");
            let text = library.decrypt(&mut session, message).expect("it opens");
            (text, session.export())
        }))
    }
}

/// What both lack beside us, and how they store a state.
fn remark(row: Row, lacks: &'static str, stored: &'static str) -> Remark {
    match row {
        Row::DecryptWithRatchetStep => Remark::more(STEP),
        Row::PingPong => Remark::same(lacks),
        Row::DecryptFromPlainState => Remark::less(stored),
        Row::Encrypt { .. }
        | Row::Decrypt { .. }
        | Row::Initiate
        | Row::Accept
        | Row::DecryptAfterGap { .. }
        | Row::DecryptLate { .. }
        | Row::EncryptHolding { .. }
        | Row::DecryptFromSealedState
        | Row::Hybrid(_)
        | Row::EpochsMessages
        | Row::File(_)
        | Row::People(_)
        | Row::Group(_)
        | Row::Verifications { .. }
        | Row::Agreement
        | Row::Kem(_)
        | Row::ChainSteps { .. } => Remark::less(lacks),
    }
}

fn to_postcard(session: &Ratchet<StaticSecret>) -> Vec<u8> {
    postcard::to_allocvec(session).expect("postcard can write it")
}

fn from_postcard(bytes: &[u8]) -> Ratchet<StaticSecret> {
    postcard::from_bytes(bytes).expect("just written")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lose<L: Library>(library: &L, lost: usize) {
        let (mut alice, mut bob) = library.first_exchange();
        let plaintext = library.plaintext(64);
        for _ in 0..lost {
            library.encrypt(&mut alice, &plaintext);
        }
        let next = library.encrypt(&mut alice, &plaintext);
        assert!(library.decrypt(&mut bob, &next).is_some());
    }

    #[test]
    fn a_hundred_messages_may_be_lost() {
        lose(&ClearHeaders, 100);
        lose(&EncryptedHeaders, 100);
    }

    #[test]
    #[should_panic(expected = "Skipped to many keys")]
    fn one_more_panics() {
        lose(&ClearHeaders, 101);
    }

    #[test]
    #[should_panic(expected = "Skipping went wrong")]
    fn one_more_panics_with_encrypted_headers() {
        lose(&EncryptedHeaders, 101);
    }
}
