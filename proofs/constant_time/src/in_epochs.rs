//! The cases of an epoch, through the state machine that sessions have: the seed of a key, what an encapsulation is made
//! of, the secret that comes of both.
//!
//! Keys, ciphertexts and their names are public here: they travel, inside of the encryption. Of an answer to our key
//! nothing but the verdict may show whether it was made for it: up to there a true one and one that was altered do the
//! same, whatever the seed is. In a session that verdict then decides what is sent.

use crate::draws::Draws;
use crate::epochs::{Carrier, Epochs};
use crate::measure::Output::{StillSecret, Verdict};
use crate::measure::{Case, Conceal, Output};
use crate::memcheck;
use crate::wire::codec::Reader;
use crate::wire::control::{Control, Room};

pub const CASES: &[Case] = &[
    Case { name: "epoch, a key is sent", run: key_is_sent },
    Case { name: "epoch, a key is answered", run: key_is_answered },
    Case { name: "epoch, a true answer", run: |conceal| answer(None, conceal) },
    Case { name: "epoch, another ciphertext", run: |conceal| answer(Some(0), conceal) },
    Case { name: "epoch, another end of it", run: |conceal| answer(Some(1_087), conceal) },
    Case { name: "epoch, another confirmation", run: |conceal| answer(Some(1_088), conceal) },
    Case { name: "epoch, another end of that", run: |conceal| answer(Some(1_119), conceal) },
];

const SESSION: [u8; 32] = [9; 32];

/// With so long a text all of a string travels at once.
const LONG: usize = 17_200;

/// Bytes of a control before the fragments: kind, count, first, id.
const HEAD: usize = 7;

/// The initiator, who has heard the peer and draws the seed.
fn generating(conceal: Conceal) -> Epochs {
    let mut epochs = Epochs::initiator();
    epochs.chain_opened(0);
    epochs.sending_step(&SESSION, &mut Draws::new(conceal));
    epochs
}

fn next_control(epochs: &mut Epochs) -> Vec<u8> {
    let load = epochs.plan_sending(Room::before(LONG).expect("it is not too large"));
    let mut control = Vec::with_capacity(load.control_length());
    epochs.send(load, &mut control);
    control
}

fn open(epochs: &mut Epochs, control: &[u8]) {
    let control = Control::read(&mut Reader::new(control)).expect("it is ours");
    epochs.opened(&control, Carrier { mixed: 0, is_older: false }, &SESSION);
}

/// The responder, who has the key and draws for the encapsulation.
fn answering(conceal: Conceal) -> Epochs {
    let mut epochs = Epochs::responder();
    open(&mut epochs, &next_control(&mut generating(|_| ())));
    epochs.sending_step(&SESSION, &mut Draws::new(conceal));
    epochs
}

fn key_is_sent(conceal: Conceal) -> Output {
    StillSecret(next_control(&mut generating(conceal)).split_off(HEAD))
}

fn key_is_answered(conceal: Conceal) -> Output {
    let mut epochs = answering(conceal);
    let mut output = next_control(&mut epochs).split_off(HEAD);
    let secret = epochs.secret_of_next_receiving_step().expect("there is one to mix");
    output.extend_from_slice(secret.as_bytes());
    StillSecret(output)
}

/// The answer that the peer gives, but for a byte of it that is altered.
fn answer(altered: Option<usize>, conceal: Conceal) -> Output {
    let mut control = next_control(&mut answering(|_| ()));
    if let Some(place) = altered {
        control[HEAD + place] ^= 1;
    }
    let mut epochs = generating(conceal);
    open(&mut epochs, &control);
    let secret = epochs.secret_of_next_sending_step();
    assert_eq!(memcheck::ask(secret.is_some()), altered.is_none(), "the wrong one was refused");
    secret.map_or(Verdict(Vec::new()), |secret| StillSecret(secret.as_bytes().to_vec()))
}
