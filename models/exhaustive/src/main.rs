//! Tries every order of events within bounds, with the library's own code.
//!
//! `cargo run --release --manifest-path models/exhaustive/Cargo.toml` runs all models; `-- NAME` those that begin
//! with a name. What each has and what bounds it, `models/README.md` says.

mod draws;
mod sealed_header;
mod shared;
mod trial;

mod device;
mod manner;

mod bare;
mod crashes;
mod epochs;
mod groups;
mod mishaps;
mod people;
mod settings;
mod skipped;
mod starting;

mod runs;

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use runs::RUNS;

/// As many at a time as there are processors: a model that has few states, each of which takes long, keeps but one of
/// them busy.
fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let chosen: Vec<_> = RUNS.iter().filter(|run| run.name.starts_with(&wanted)).collect();
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // All of them run, so that one failure does not hide another.
    let work = || {
        while let Some(run) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
            if !(run.comes_out)(run.name) {
                failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        (0..processors).for_each(|_| drop(scope.spawn(work)));
    });
    let failed = failed.into_inner();
    println!("{} runs, {failed} came out wrong", chosen.len());
    if failed == 0 && !chosen.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
