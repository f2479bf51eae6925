//! The client: an engine with a store, two connections, and something to show it on.

mod link;

mod lines;

mod session;

mod plain;

use std::env;
use std::path::Path;
use std::time::Duration;

use evanesce::zeroize::Zeroizing;
use tokio::task::LocalSet;

use crate::client::plain::Plain;
use crate::client::session::Session;
use crate::clock;
use crate::engine::Engine;
use crate::name::Name;
use crate::random;
use crate::store::Store;

/// Runs until the user quits.
pub fn run(
    name: &Name,
    relay: &str,
    path: &Path,
    patience: Duration,
) -> Result<(), Box<dyn std::error::Error>> {
    let passphrase = passphrase(path)?;
    let store = Store::open(path, &passphrase)?;
    drop(passphrase);
    let (engine, outcome) =
        Engine::begin(name, store.rows()?, clock::now(), &mut random::system())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = async {
        let mut screen = Plain;
        let mut session = Session::new(engine, store, relay, patience, &mut screen);
        session.apply(outcome)?;
        session.run(plain::inputs()).await
    };
    LocalSet::new().block_on(&runtime, run)?;
    // The thread that waits for a line must not keep the process: nothing is left to be stored.
    runtime.shutdown_background();
    Ok(())
}

/// From the environment for scripts, else from the terminal; a new one is asked for twice.
fn passphrase(store: &Path) -> Result<Zeroizing<String>, Box<dyn std::error::Error>> {
    if let Ok(passphrase) = env::var("CHAT_PASSPHRASE") {
        return Ok(Zeroizing::new(passphrase));
    }
    let passphrase = Zeroizing::new(rpassword::prompt_password("Passphrase: ")?);
    if passphrase.is_empty() {
        return Err("an empty passphrase protects nothing".into());
    }
    if !store.exists() {
        let again = Zeroizing::new(rpassword::prompt_password("The same again: ")?);
        if *again != *passphrase {
            return Err("the two are not the same".into());
        }
    }
    Ok(passphrase)
}
