//! The engine: what a messenger does, as events that go in and outcomes that come out.

mod message;

mod group_rows;
mod outcome;
mod person;

mod state;

mod devices;

mod sending;

mod telling;

mod lives;

mod reading;

mod meeting;
mod uploads;

mod fetches;
mod groups;
mod lists;
mod reporting;

mod contents;
mod member_lists;
mod own_list;

mod group_sending;

mod group_orders;

mod group_receiving;
mod linking;

mod receiving;
mod sessions;

mod people;

mod errands;

mod orders;

mod beginning;

pub use crate::engine::errands::Errand;
pub use crate::engine::fetches::{Fetch, Fetched, Part, WholeFile};
pub use crate::engine::message::{DueReport, Upload};
pub use crate::engine::outcome::Outcome;
pub use crate::engine::people::{SafetyNumbers, Secrecy};
pub use crate::engine::state::Engine;
pub use crate::engine::uploads::{Load, Loaded, LocalFile};

#[cfg(test)]
mod conversations;
