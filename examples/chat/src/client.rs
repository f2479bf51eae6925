//! The client: an engine with a store, two connections, and something to show it on.

mod ending;
mod link;
mod looking;
mod saving;
mod scanning;

mod fetching;
mod loading;
mod taking;

mod lines;

mod session;

mod plain;
mod screen;

use std::env;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Duration;

use evanesce::zeroize::Zeroizing;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use crate::client::ending::Ending;
use crate::client::plain::Plain;
use crate::client::screen::FullScreen;
use crate::client::session::{Input, Screen, Session};
use crate::clock;
use crate::engine::{Engine, Outcome};
use crate::name::Name;
use crate::random;
use crate::store::Store;

/// What the user sits before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    Lines,
    /// If there is a terminal; lines otherwise.
    Screen,
}

/// An engine that has begun, and all it needs to go on.
struct Beginning<'text> {
    engine: Engine,
    outcome: Outcome,
    store: Store,
    relay: &'text str,
    patience: Duration,
    runtime: Runtime,
    ending: Ending,
}

/// Runs until the user quits.
pub fn run(
    name: &Name,
    relay: &str,
    path: &Path,
    patience: Duration,
    front: Front,
) -> Result<(), Box<dyn std::error::Error>> {
    let passphrase = passphrase(path)?;
    let store = Store::open(path, &passphrase)?;
    drop(passphrase);
    let (engine, outcome) =
        Engine::begin(name, store.rows()?, clock::now(), &mut random::system())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ending = {
        let _entered = runtime.enter();
        Ending::listen()? // before the terminal is taken, so that it is always given back
    };
    let beginning = Beginning { engine, outcome, store, relay, patience, runtime, ending };
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    match front {
        Front::Screen if is_terminal => {
            let mut screen = FullScreen::start(name.clone())?;
            let inputs = screen.inputs();
            beginning.run(&mut screen, inputs)
        }
        Front::Screen | Front::Lines => beginning.run(&mut Plain, plain::inputs()),
    }
}

impl Beginning<'_> {
    fn run<S: Screen>(
        self,
        screen: &mut S,
        inputs: mpsc::Receiver<Input>,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let Self { engine, outcome, store, relay, patience, runtime, ending } = self;
        let run = async {
            let mut session = Session::new(engine, store, relay, patience, screen);
            session.apply(outcome)?;
            session.run(inputs, ending).await
        };
        LocalSet::new().block_on(&runtime, run)?;
        // The thread that waits for a line must not keep the process: nothing is left to be stored.
        runtime.shutdown_background();
        Ok(())
    }
}

/// From the environment for scripts, else from the terminal; a new one is asked for twice.
fn passphrase(store: &Path) -> Result<Zeroizing<String>, Box<dyn std::error::Error>> {
    let from_environment = env::var("CHAT_PASSPHRASE").map(Zeroizing::new);
    let is_asked_for = from_environment.is_err();
    let passphrase = match from_environment {
        Ok(passphrase) => passphrase,
        Err(_) => {
            if !store.exists() {
                eprintln!(
                    "{} is new: choose a passphrase for it. It is asked for twice.",
                    store.display()
                );
            }
            Zeroizing::new(rpassword::prompt_password("Passphrase: ")?)
        }
    };
    if passphrase.is_empty() {
        return Err("an empty passphrase protects nothing".into());
    }
    if is_asked_for && !store.exists() {
        let again = Zeroizing::new(rpassword::prompt_password("The same again: ")?);
        if *again != *passphrase {
            return Err("the two are not the same: nothing was made, start again".into());
        }
    }
    Ok(passphrase)
}
