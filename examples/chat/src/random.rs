//! Randomness of the operating system, for all keys and ids.

use evanesce::rand_core::UnwrapErr;
use getrandom::SysRng;

/// Ends the process if the system has no randomness: nothing here could go on without.
pub fn system() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}
