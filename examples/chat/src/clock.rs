//! The time: the only file that reads the clocks of the machine.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evanesce::expiry::{Monotonic, Now};

/// Now, by both clocks where the system has both. Lives of messages follow the monotonic one, so that setting
/// the wall clock ends nothing early and keeps nothing longer.
pub fn now() -> Now {
    // A clock before 1970 is not set: the epoch is the honest answer to what is not known.
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { wall, monotonic: monotonic() }
}

/// A reading for back-off, which the wall clock cannot stretch where there is another one.
pub fn steady(now: Now) -> Duration {
    now.monotonic.map_or(now.wall, |monotonic| monotonic.elapsed)
}

/// Linux has a clock that nobody sets and that counts sleep. Elsewhere the wall clock has to do.
fn monotonic() -> Option<Monotonic> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let boot = u128::from_str_radix(&boot.trim().replace('-', ""), 16).ok()?;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let seconds = uptime.split(' ').next()?.parse().ok()?;
    Some(Monotonic { boot, elapsed: Duration::try_from_secs_f64(seconds).ok()? })
}
