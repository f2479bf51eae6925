//! What goes wrong in a schedule, and the shortest one in which it still does.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::schedule::{Event, try_live};

/// What goes wrong: each kind once, with the senders of the carrier.
pub fn fault(seed: u64, events: &[Event]) -> Vec<String> {
    let mut faults: Vec<_> = faults(seed, events).into_iter().map(|(fault, _)| fault).collect();
    faults.sort();
    faults.dedup();
    faults
}

/// What goes wrong, and the circumstances.
fn faults(seed: u64, events: &[Event]) -> Vec<(String, String)> {
    let senders = if seed & 16 == 0 { "named senders" } else { "hidden senders" };
    match catch_unwind(AssertUnwindSafe(|| try_live(seed, events))) {
        Ok(outcome) => outcome
            .failures
            .into_iter()
            .map(|failure| (format!("{senders}, {:?}", failure.kind), failure.what))
            .collect(),
        Err(panic) => {
            let says = panic.downcast_ref::<String>().cloned();
            let says = says.or_else(|| panic.downcast_ref::<&str>().map(|says| (*says).to_owned()));
            let says = says.unwrap_or_default();
            let kind: String = says
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .filter(|it| !it.is_ascii_digit())
                .collect();
            vec![(format!("{senders}, panic: {kind}"), says)]
        }
    }
}

/// Leaves out events as long as the same goes wrong. Gives the circumstances too.
pub fn shortest(seed: u64, events: Vec<Event>, fault: &str) -> (u64, Vec<Event>, String) {
    let fails = |events: &[Event]| {
        faults(seed, events).into_iter().find(|(found, _)| found == fault).map(|(_, what)| what)
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
