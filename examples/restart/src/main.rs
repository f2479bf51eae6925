//! A conversation that outlives its processes: two people, each a process with a SQLite file, killed at any
//! moment and started again, and no message is lost, repeated or encrypted under a used key.
//!
//! ```sh
//! cargo run --release -p restart                   # shows it: both are killed again and again
//! cargo run --release -p restart alice DIR COUNT   # one of the two, and the other elsewhere: bob DIR COUNT
//! ```

mod stop;

mod carrier;
mod store;

mod person;

mod demonstration;

use std::env;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => demonstration::run(),
        ["alice", directory, count] => {
            person::converse("alice", "bob", Path::new(directory), count.parse()?)
        }
        ["bob", directory, count] => {
            person::converse("bob", "alice", Path::new(directory), count.parse()?)
        }
        _ => Err("usage: restart [alice|bob DIRECTORY COUNT]".into()),
    }
}
