//! State at rest: the storage key, and what each state can be made into.

use evanesce::snapshot::StorageKey;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::errors::Refusal;
use crate::random::Random;
use crate::shapes::array;

/// Seals what is stored.
#[wasm_bindgen]
pub struct RawStorageKey(pub(crate) StorageKey);

#[wasm_bindgen]
impl RawStorageKey {
    pub fn take(bytes: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(StorageKey::new(&array(bytes)?)))
    }

    pub fn seal(&self, state: &[u8], kind: u8, ad: &[u8]) -> Vec<u8> {
        self.0.seal(state, kind, ad, &mut Random)
    }

    pub fn open(&self, sealed: &[u8], kind: u8, ad: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(self.0.open(sealed, kind, ad)?.to_vec())
    }

    pub fn row_name(&self, row: &[u8]) -> Vec<u8> {
        self.0.row_name(row).to_vec()
    }
}

/// `stored!(RawAccount, Account)`: snapshots, plain and sealed. What else the object has follows.
macro_rules! stored {
    ($raw:ident, $state:ty $(, $rest:expr)?) => {
        #[wasm_bindgen]
        impl $raw {
            pub fn snapshot(&self) -> Vec<u8> {
                self.0.snapshot().to_vec()
            }

            pub fn restore(snapshot: &[u8]) -> Result<Self, $crate::errors::Refusal> {
                Ok(Self(<$state>::restore(snapshot)? $(, $rest)?))
            }

            pub fn seal(&self, key: &$crate::storage::RawStorageKey, ad: &[u8]) -> Vec<u8> {
                self.0.seal(&key.0, ad, &mut $crate::random::Random)
            }

            pub fn unseal(
                sealed: &[u8],
                key: &$crate::storage::RawStorageKey,
                ad: &[u8],
            ) -> Result<Self, $crate::errors::Refusal> {
                Ok(Self(<$state>::unseal(sealed, &key.0, ad)? $(, $rest)?))
            }
        }
    };
}
pub(crate) use stored;
