//! One other device: its pinned identity, and the sessions with it.

pub(crate) mod addresses;
pub(crate) mod delivery;
pub(crate) mod dispatch;
pub(crate) mod initiating;
pub(crate) mod notices;

pub(crate) mod contact;
pub(crate) mod known_session;
pub(crate) mod lost_session;
pub(crate) mod rejected_identities;

pub(crate) mod known_sessions;

pub(crate) mod other_device;
mod sending_session;

mod conversing;
mod deciding;
mod mending;
mod searching;

pub(crate) mod sender_index;
