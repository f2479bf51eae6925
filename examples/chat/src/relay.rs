//! The relay: a server that carries what it cannot read, from people whom it is not told of.

mod bucket;
mod log;
mod mailroom;

mod desk;

mod server;

use std::path::Path;

use crate::name::Name;
pub use crate::relay::log::Log;
use crate::relay::mailroom::Mailroom;

/// Serves until the process is ended.
pub fn run(listen: &str, store: &Path, log: Log) -> Result<(), Box<dyn std::error::Error>> {
    server::run(listen, store, log)
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
