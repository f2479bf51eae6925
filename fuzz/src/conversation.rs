//! Two people, and between them somebody who has every message and no key: events happen, and each answer
//! must be the one that a naive model foretells.

pub mod event;
pub mod hearing;
pub mod prekeys;
pub mod wording;

pub mod person;
mod tampering;

pub mod network;

pub mod beginning;
