//! Tries every order of events within bounds, with the library's own code.
//!
//! `cargo run --release --manifest-path models/exhaustive/Cargo.toml` runs all models; `-- NAME` those that begin
//! with a name. What each has and what bounds it, `models/README.md` says.

mod draws;
mod trial;

mod device;

mod crashes;
mod skipped;
mod starting;

use std::process::ExitCode;

use crashes::{Carrier, Crashes, Habit};
use skipped::Skipped;
use skipped::definition::{Bounds, Reading};
use starting::{Following, Starting};
use trial::{holds, is_found};

/// One run of a model, or of a control: whether it came out as it must.
struct Run {
    name: &'static str,
    comes_out: fn(&'static str) -> bool,
}

const RUNS: &[Run] = &[
    Run {
        name: "starting, the smaller id is Alice's",
        comes_out: |name| holds(name, || Starting::new(6, 3, 0)),
    },
    Run {
        name: "starting, the smaller id is Bob's",
        comes_out: |name| holds(name, || Starting::new(6, 3, 1)),
    },
    Run {
        name: "starting without one-time prekeys",
        comes_out: |name| holds(name, || Starting::new(0, 3, 0)),
    },
    Run {
        name: "starting, and one begins anew",
        comes_out: |name| holds(name, || Starting::new(6, 2, 0).beginning_anew(1, 6)),
    },
    Run {
        name: "starting, and two begin anew",
        comes_out: |name| holds(name, || Starting::new(6, 1, 0).beginning_anew(2, 6)),
    },
    Run {
        name: "starting CONTROL: follow nobody",
        comes_out: |name| is_found(name, || Starting::new(0, 2, 0).following(Following::Nobody)),
    },
    Run {
        name: "skipped, one long chain",
        comes_out: |name| holds(name, || Skipped::new(&[7, 3], FEW_KEYS, 2)),
    },
    Run {
        name: "skipped, three chains",
        comes_out: |name| holds(name, || Skipped::new(&[4, 4, 3], FEW_CHAINS, 3)),
    },
    Run {
        name: "skipped CONTROL: old at its lifetime",
        comes_out: |name| misread(name, Reading::AgeReached),
    },
    Run {
        name: "skipped CONTROL: watermark one lower",
        comes_out: |name| misread(name, Reading::WatermarkIsHighestDropped),
    },
    Run {
        name: "skipped CONTROL: a gap keeps one more",
        comes_out: |name| misread(name, Reading::GapKeepsOneMore),
    },
    Run {
        name: "skipped CONTROL: a gap ends one later",
        comes_out: |name| misread(name, Reading::GapEndsOneLater),
    },
    Run {
        name: "skipped CONTROL: one more is held",
        comes_out: |name| misread(name, Reading::HoldsOneMore),
    },
    Run {
        name: "skipped CONTROL: one more older chain",
        comes_out: |name| misread(name, Reading::OneOlderChainMore),
    },
    Run {
        name: "crashes, the carrier keeps the order",
        comes_out: |name| holds(name, || Crashes::new([2, 2], 2, Carrier::KeepsOrder)),
    },
    Run {
        name: "crashes, the carrier shuffles",
        comes_out: |name| holds(name, || Crashes::new([2, 1], 1, Carrier::Shuffles)),
    },
    Run {
        name: "crashes CONTROL: sends before it stores",
        comes_out: |name| badly_stored(name, Habit::SendsBeforeStoring),
    },
    Run {
        name: "crashes CONTROL: stores a text alone",
        comes_out: |name| badly_stored(name, Habit::StoresTextAlone),
    },
    Run {
        name: "crashes CONTROL: acknowledges, then stores",
        comes_out: |name| badly_stored(name, Habit::AcknowledgesBeforeStoring),
    },
];

fn badly_stored(name: &str, habit: Habit) -> bool {
    is_found(name, || Crashes::new([2, 1], 1, Carrier::KeepsOrder).with(habit))
}

const FEW_KEYS: Bounds = Bounds { max_skip: 4, max_held_keys: 5, max_older_chains: 5, lifetime: 1 };

const FEW_CHAINS: Bounds =
    Bounds { max_skip: 2, max_held_keys: 3, max_older_chains: 1, lifetime: 1 };

fn misread(name: &str, reading: Reading) -> bool {
    is_found(name, || Skipped::new(&[4, 3, 1], FEW_CHAINS, 2).misread(FEW_CHAINS, reading))
}

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let chosen: Vec<_> = RUNS.iter().filter(|run| run.name.starts_with(&wanted)).collect();
    // All of them run, so that one failure does not hide another.
    let failed = chosen.iter().filter(|run| !(run.comes_out)(run.name)).count();
    println!("{} runs, {failed} came out wrong", chosen.len());
    if failed == 0 && !chosen.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
