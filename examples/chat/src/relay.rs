//! The relay: a server that carries what it cannot read, from people whom it is not told of.

mod bucket;
mod log;
mod mailroom;

mod blobs;

mod desk;

mod server;

use std::path::Path;

use crate::name::Name;
pub use crate::relay::log::Log;
use crate::relay::mailroom::Mailroom;

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
