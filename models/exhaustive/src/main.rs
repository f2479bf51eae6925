//! Tries every order of events within bounds, with the library's own code.
//!
//! `cargo run --release --manifest-path models/exhaustive/Cargo.toml` runs all models; `-- NAME` those that begin
//! with a name. What each has and what bounds it, `models/README.md` says.

mod draws;
mod trial;

mod device;
mod manner;

mod bare;
mod crashes;
mod epochs;
mod mishaps;
mod settings;
mod skipped;
mod starting;

mod runs;

use std::process::ExitCode;

use runs::RUNS;

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let chosen: Vec<_> = RUNS.iter().filter(|run| run.name.starts_with(&wanted)).collect();
    // All of them run, so that one failure does not hide another.
    let failed = chosen.iter().filter(|run| !(run.comes_out)(run.name)).count();
    println!("{} runs, {failed} came out wrong", chosen.len());
    if failed == 0 && !chosen.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
