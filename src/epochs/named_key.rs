//! An epoch's encapsulation key with its hash, which names it and goes into what is derived.

use crate::crypto::hash::sha256;
use crate::crypto::kem::{EncapsulationKey, MlKem768};
use crate::wire::control::KeyId;

/// A key (ek), hashed once.
pub(crate) struct NamedKey {
    key: EncapsulationKey<MlKem768>,
    hash: [u8; 32],
}

impl NamedKey {
    pub(crate) fn new(key: EncapsulationKey<MlKem768>) -> Self {
        let hash = sha256(&[key.as_bytes()]);
        Self { key, hash }
    }

    pub(crate) fn key(&self) -> &EncapsulationKey<MlKem768> {
        &self.key
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.key.as_bytes()
    }

    /// SHA-256(ek)
    pub(crate) fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    // docs/protocol.md §5.10: id = first 4 bytes of SHA-256(ek)
    pub(crate) fn id(&self) -> KeyId {
        let [a, b, c, d, ..] = self.hash;
        KeyId([a, b, c, d])
    }
}
