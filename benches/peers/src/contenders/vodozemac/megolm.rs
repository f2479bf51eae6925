//! Megolm, in its default configuration: what Olm's users do for groups.

use vodozemac::megolm::{GroupSession, InboundGroupSession, MegolmMessage, SessionConfig};

use crate::row::MESSAGES;
use crate::work::{Stretches, Work};

/// One that has sent its first message, and who has been given it.
fn begun(plaintext: &[u8]) -> (GroupSession, InboundGroupSession) {
    let config = SessionConfig::default();
    let mut sending = GroupSession::new(config);
    let mut receiving = InboundGroupSession::new(&sending.session_key(), config);
    receiving.decrypt(&sending.encrypt(plaintext)).expect("it opens");
    (sending, receiving)
}

pub fn encrypting(plaintext: Vec<u8>) -> Box<dyn Work> {
    let (begun, mut other) = begun(&plaintext);
    let expected = plaintext.clone();
    Box::new(Stretches {
        uses: MESSAGES,
        at_once: 1,
        prepare: move || GroupSession::from_pickle(begun.pickle()),
        operate: move |sending: &mut GroupSession, _| sending.encrypt(&plaintext).to_bytes(),
        check: move |_: &mut GroupSession, message: Vec<u8>| {
            let message = MegolmMessage::from_bytes(&message).expect("well-formed");
            assert_eq!(other.decrypt(&message).expect("it opens").plaintext, expected);
        },
    })
}

pub fn decrypting(plaintext: Vec<u8>) -> Box<dyn Work> {
    let (mut sending, begun) = begun(&plaintext);
    let messages: Vec<Vec<u8>> =
        (0..MESSAGES).map(|_| sending.encrypt(&plaintext).to_bytes()).collect();
    Box::new(Stretches {
        uses: MESSAGES,
        at_once: 1,
        prepare: move || InboundGroupSession::from_pickle(begun.pickle()),
        operate: move |receiving: &mut InboundGroupSession, number: usize| {
            let message = MegolmMessage::from_bytes(&messages[number]).expect("well-formed");
            receiving.decrypt(&message).expect("it opens").plaintext
        },
        check: move |_: &mut InboundGroupSession, text: Vec<u8>| assert_eq!(text, plaintext),
    })
}
