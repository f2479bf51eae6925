//! What goes wrong in a schedule, and the shortest one in which it still does.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::schedule::{Event, Failure, Outcome, senders, suites, try_live};

/// What goes wrong, each kind once and with the suites and the senders of the carrier, and after how many hours of ordinary use all
/// that was sent then opened.
pub fn tried(seed: u64, events: &[Event]) -> (Vec<String>, Option<u64>) {
    let (faults, outcome) = faults(seed, events);
    let mut kinds: Vec<_> = faults.into_iter().map(|(kind, _)| kind).collect();
    kinds.sort();
    kinds.dedup();
    (kinds, outcome.map(|outcome| outcome.mended))
}

/// What goes wrong, and the circumstances; and what else became of it.
fn faults(seed: u64, events: &[Event]) -> (Vec<(String, String)>, Option<Outcome>) {
    let of = format!("{:?}, {:?}", suites(seed), senders(seed));
    match catch_unwind(AssertUnwindSafe(|| try_live(seed, events))) {
        Ok(outcome) => {
            let kind = |failure: &Failure| format!("{of}, {:?}", failure.kind);
            let faults = outcome.failures.iter();
            let faults = faults.map(|failure| (kind(failure), failure.what.clone())).collect();
            (faults, Some(outcome))
        }
        Err(panic) => {
            let says = panic.downcast_ref::<String>().cloned();
            let says = says.or_else(|| panic.downcast_ref::<&str>().map(|says| (*says).to_owned()));
            let says = says.unwrap_or_default();
            let line = says.lines().next().unwrap_or_default();
            let kind: String = line.chars().filter(|it| !it.is_ascii_digit()).collect();
            (vec![(format!("{of}, panic: {kind}"), says)], None)
        }
    }
}

/// What happens, line by line.
pub fn told(seed: u64, events: &[Event]) -> Vec<String> {
    faults(seed, events).1.map(|outcome| outcome.told).unwrap_or_default()
}

/// Leaves out events as long as the same goes wrong. Gives the circumstances too.
pub fn shortest(seed: u64, events: Vec<Event>, fault: &str) -> (u64, Vec<Event>, String) {
    let fails = |events: &[Event]| {
        let (faults, _) = faults(seed, events);
        faults.into_iter().find(|(found, _)| found == fault).map(|(_, what)| what)
    };
    let mut what = String::new();
    let mut events = events;
    let mut width = events.len().div_ceil(2).max(1);
    loop {
        let mut start = 0;
        let mut is_shorter = false;
        while start < events.len() {
            let mut fewer = events.clone();
            fewer.drain(start..(start + width).min(events.len()));
            if let Some(circumstances) = fails(&fewer) {
                (events, what, is_shorter) = (fewer, circumstances, true);
            } else {
                start += width;
            }
        }
        if width == 1 && !is_shorter {
            return (seed, events, what);
        }
        width = width.div_ceil(2);
    }
}
