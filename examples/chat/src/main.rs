//! A small messenger: people write to each other through a relay that is told little, and what is to disappear does.
//!
//! ```sh
//! cargo run --release -p chat -- relay --log # prints all that the relay learns
//! cargo run --release -p chat -- as alice    # and elsewhere: as bob
//! ```

#![forbid(unsafe_code)]
#![warn(
    clippy::allow_attributes_without_reason,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::todo,
    clippy::unimplemented,
    clippy::unreachable,
    clippy::unwrap_used
)]

mod clock;
mod name;
mod random;
mod span;
mod words;

mod delivery;

mod frame;
mod request;

mod relay;

mod row;
mod shown;

mod file_name;
mod media_type;
mod news;

mod command;
mod content;
mod store;
mod view;

mod moderator;
mod notice;

mod engine;

mod client;

mod arguments;

#[cfg(test)]
mod known_answers;

use std::process::ExitCode;
use std::time::Duration;

use crate::arguments::{Arguments, USAGE};

fn main() -> ExitCode {
    let result = match Arguments::parse() {
        Ok(Arguments::Relay { listen, store, room, log }) => relay::run(&listen, &store, room, log),
        Ok(Arguments::Reports { store }) => moderator::run(&store),
        Ok(Arguments::Free { address, store }) => relay::free(&address, &store),
        Ok(Arguments::As { name, relay, store, patience_seconds, front }) => {
            let patience = Duration::from_secs(u64::from(patience_seconds));
            client::run(&name, &relay, &store, patience, front)
        }
        Err(error) => Err(format!("{error}\n{USAGE}").into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chat: {error}");
            ExitCode::FAILURE
        }
    }
}
