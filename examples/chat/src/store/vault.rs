//! The vault: from a passphrase to the key of a store.
//!
//! The passphrase gives a key by Argon2id, and that opens the key under which everything stands. It is random, so that
//! a passphrase can be changed without sealing every row anew.

use argon2::{Algorithm, Argon2, Params, Version};
use evanesce::rand_core::CryptoRng;
use evanesce::snapshot::{SnapshotError, StorageKey};
use evanesce::zeroize::Zeroizing;

/// The kind of the sealed key; those below 64 are the library's.
const KEY: u8 = 64;

/// Where it stands.
const PLACE: &[u8] = b"vault";

/// What deriving a key costs: 19 MiB twice, OWASP's least for Argon2id, and the default of the crate. It is
/// stored, so that a later release can raise it.
const COST: Cost =
    Cost { memory: Params::DEFAULT_M_COST, passes: Params::DEFAULT_T_COST, lanes: 1 };

/// What a store says may cost so much at most: 1 GiB, 32 passes. A damaged file stops no machine.
const MOST: Cost = Cost { memory: 1 << 20, passes: 32, lanes: 8 };

/// What stands in the clear: how the key is to be opened.
pub struct Lock {
    pub salt: [u8; 16],
    pub cost: Cost,
    /// The key, sealed under what comes of the passphrase.
    pub sealed: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// KiB.
    pub memory: u32,
    pub passes: u32,
    pub lanes: u32,
}

#[derive(Debug, PartialEq, Eq)]
pub enum VaultError {
    /// The lock does not open: another passphrase, or the lock was altered.
    WrongPassphrase,
    /// The lock is of another release, or was damaged.
    Damaged,
}

impl Lock {
    /// A new one, with a new key.
    pub fn new(
        passphrase: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, StorageKey), VaultError> {
        let mut salt = [0; 16];
        rng.fill_bytes(&mut salt);
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *secret);
        let sealed = derive(passphrase, &salt, COST)?.seal(&*secret, KEY, PLACE, rng);
        Ok((Self { salt, cost: COST, sealed }, StorageKey::new(&secret)))
    }

    pub fn open(&self, passphrase: &str) -> Result<StorageKey, VaultError> {
        let key = derive(passphrase, &self.salt, self.cost)?;
        let secret = key.open(&self.sealed, KEY, PLACE).map_err(|error| match error {
            SnapshotError::Undecryptable => VaultError::WrongPassphrase,
            _ => VaultError::Damaged,
        })?;
        let secret = <&[u8; 32]>::try_from(&secret[..]).map_err(|_| VaultError::Damaged)?;
        Ok(StorageKey::new(secret))
    }
}

fn derive(passphrase: &str, salt: &[u8], cost: Cost) -> Result<StorageKey, VaultError> {
    let Cost { memory, passes, lanes } = cost;
    if memory > MOST.memory || passes > MOST.passes || lanes > MOST.lanes {
        return Err(VaultError::Damaged);
    }
    let mut key = Zeroizing::new([0; 32]);
    let params = Params::new(memory, passes, lanes, Some(32)).map_err(|_| VaultError::Damaged)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut *key)
        .map_err(|_| VaultError::Damaged)?;
    Ok(StorageKey::new(&key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn the_passphrase_opens_and_another_does_not() {
        let (lock, key) = Lock::new("correct", &mut random::system()).unwrap();
        let again = lock.open("correct").unwrap();
        assert_eq!(key.row_name(b"row"), again.row_name(b"row"));
        assert_eq!(lock.open("wrong").err(), Some(VaultError::WrongPassphrase));
    }

    #[test]
    fn a_lock_that_asks_for_too_much_is_damaged() {
        let (mut lock, _) = Lock::new("correct", &mut random::system()).unwrap();
        lock.cost.memory = u32::MAX;
        assert_eq!(lock.open("correct").err(), Some(VaultError::Damaged));
    }
}
