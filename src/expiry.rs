//! Disappearing messages: how long each lives, in agreement with everybody else's, and what to delete when.

pub(crate) mod age;
pub(crate) mod engine_clock;
pub(crate) mod facts;
pub(crate) mod message_id;
pub(crate) mod origin;
pub(crate) mod parts;
pub(crate) mod queue;
pub(crate) mod remembered;
pub(crate) mod setting;

pub(crate) mod content_key;
pub(crate) mod life;
pub(crate) mod record;
pub(crate) mod setting_history;

pub(crate) mod conversation;
pub(crate) mod effects;
pub(crate) mod memory;
pub(crate) mod tracked;

pub(crate) mod lists;
pub(crate) mod new_message;

pub(crate) mod messages;

pub(crate) mod scheduler;

pub(crate) mod learning;

pub(crate) mod arrivals;
pub(crate) mod polling;
pub(crate) mod records;
pub(crate) mod settings;

pub(crate) mod own_devices;

pub(crate) mod reading;
