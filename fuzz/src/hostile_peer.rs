//! Somebody who holds the keys of a session and keeps to nothing, and the device at its other end: events happen, and
//! each answer must be the one that naive models of ratchet and epochs foretell.

pub mod event;
mod letter;

mod epochs;

mod holder;
mod victim;

pub mod encounter;
