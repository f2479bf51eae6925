//! For the test alone: stops the process at a chosen moment, and can turn the durable order round. An
//! application has nothing of this.

use std::env;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

static STEPS: AtomicU64 = AtomicU64::new(0);

/// Follows each durable step. `RESTART_STOP_AFTER=k` ends the process after its k-th, as a crash does.
pub fn after_durable_step() {
    let done = STEPS.fetch_add(1, Ordering::Relaxed) + 1;
    if env::var("RESTART_STOP_AFTER").is_ok_and(|last| last == done.to_string()) {
        process::abort();
    }
}

/// Whether to do it **wrong**, to see that the test notices: a message leaves before its state is stored.
pub fn order_is_turned_round() -> bool {
    env::var_os("RESTART_TURNED_ROUND").is_some()
}
