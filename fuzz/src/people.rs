//! Devices, draws and times that are the same in each run.

use std::time::Duration;

use evanesce::limits::Limits;
use evanesce::{Account, Address, Suite, Timestamp};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);
pub const DAY: Duration = Duration::from_secs(86_400);

/// What all messages are bound to.
pub const AD: &[u8] = b"associated data";

/// How many one-time prekeys a device keeps: few, so that states are small and a server runs out.
pub const ONE_TIME_PREKEYS: u32 = 3;

pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Limits that a few messages reach.
pub fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.session.max_skip = 8;
    limits.session.max_held_keys = 12;
    limits.session.max_older_chains = 2;
    limits.prekeys.one_time_prekeys = ONE_TIME_PREKEYS;
    limits
}

/// Both, the first one first.
pub const SUITES: [Suite; 2] = [Suite::Classical, Suite::Hybrid];

/// A device of a suite, its one-time prekeys not made yet.
pub fn account(suite: Suite, address: &str, seed: u64) -> Account {
    let address = Address::new(address).expect("an address of a few bytes");
    Account::generate_of_suite(suite, address, limits(), NOW, &mut rng(seed))
}

/// All of a state, to compare.
pub fn state(of: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(of).expect("a state can be stored")
}

/// A state out of the store.
pub fn restored<State: DeserializeOwned>(stored: &[u8]) -> State {
    postcard::from_bytes(stored).expect("a stored state comes back")
}
