//! The relay: a server that carries what it cannot read, from people whom it is not told of.

mod bucket;
mod connection;
mod log;
mod mailroom;
mod postmaster;

mod blobs;

mod desk;

mod server;

use std::path::Path;

use evanesce::report::ServerKey;

use crate::name::Name;
pub use crate::relay::log::Log;
pub use crate::relay::mailroom::{Mailroom, Reported};
#[cfg(test)]
pub use crate::relay::postmaster::Postmaster;

/// Serves until the process is ended, with so many bytes of room for blobs.
pub fn run(
    listen: &str,
    store: &Path,
    room: u64,
    log: Log,
) -> Result<(), Box<dyn std::error::Error>> {
    server::run(listen, store, room, log)
}

/// Gives an address free whose owner has lost the token. The relay may go on running meanwhile.
pub fn free(address: &Name, store: &Path) -> Result<(), Box<dyn std::error::Error>> {
    if Mailroom::open(store)?.free(address)? {
        println!("freed {address}");
        Ok(())
    } else {
        Err(format!("nobody has the address {address}").into())
    }
}

/// What was reported, and the key that proves it: for moderators alone.
pub fn reports(store: &Path) -> Result<(ServerKey, Vec<Reported>), Box<dyn std::error::Error>> {
    let mut mailroom = Mailroom::open(store)?;
    Ok((ServerKey::new(&*mailroom.server_key()?), mailroom.reports()?))
}
