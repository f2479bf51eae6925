//! Somebody's device that holds the keys of a session and keeps to nothing: what it puts before the stamp of its messages, and
//! what a device of ours must make of it.

pub mod signed_lists;

pub mod household;
mod judgement;

pub mod event;

pub mod visit;
