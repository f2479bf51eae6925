//! Whoever takes part.

#[path = "../../support/people.rs"]
mod household;

mod double_ratchet;
mod double_ratchet_2;
mod evanesce;
mod floor;
mod vodozemac;

use ::evanesce::Suite;

use crate::contender::Contender;
use crate::contenders::double_ratchet::DoubleRatchetOverOurs;
use crate::contenders::double_ratchet_2::{ClearHeaders, EncryptedHeaders};
use crate::contenders::evanesce::Evanesce;
use crate::contenders::floor::Floor;
use crate::contenders::vodozemac::Vodozemac;
use crate::conversation::Conversations;

/// What the others are held against.
pub const FLOOR: usize = 0;

/// What the floor is the floor of, and what peers are held against.
pub const EVANESCE: usize = 1;

/// The floor, evanesce, then its peers.
pub fn all() -> Vec<Box<dyn Contender>> {
    let evanesce = Conversations::new(Evanesce::of_suite(Suite::Classical));
    let states = evanesce.sizes().and_then(|sizes| sizes.states);
    let sealed_state = states.expect("evanesce seals states").receiving;
    vec![
        Box::new(Floor::new(sealed_state)),
        Box::new(evanesce),
        Box::new(Conversations::new(Vodozemac)),
        Box::new(Conversations::new(EncryptedHeaders)),
        Box::new(Conversations::new(ClearHeaders)),
        Box::new(Conversations::new(DoubleRatchetOverOurs::default())),
    ]
}
