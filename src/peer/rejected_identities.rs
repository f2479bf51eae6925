//! Identities that the user did not take for a peer's: anyone can send under an address, and is asked about once.

use alloc::vec::Vec;

use crate::identity::IdentityKey;
use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};

/// How many are remembered: with one more, the oldest goes.
const MOST: usize = 16;

/// In the order in which they were rejected.
#[derive(Debug)]
pub(crate) struct RejectedIdentities {
    identities: Vec<IdentityKey>,
}

impl RejectedIdentities {
    pub(crate) fn new() -> Self {
        Self { identities: Vec::new() }
    }

    pub(crate) fn in_order(&self) -> impl Iterator<Item = IdentityKey> {
        self.identities.iter().copied()
    }

    pub(crate) fn has(&self, identity: &IdentityKey) -> bool {
        self.identities.contains(identity)
    }

    /// Says whether it is new.
    pub(crate) fn add(&mut self, identity: IdentityKey) -> bool {
        if self.has(&identity) {
            return false;
        }
        if self.identities.len() >= MOST {
            self.identities.remove(0);
        }
        self.identities.push(identity);
        true
    }

    pub(crate) fn forget(&mut self, identity: &IdentityKey) {
        self.identities.retain(|rejected| rejected != identity);
    }
}

stored!(RejectedIdentities { identities } if |rejected| rejected.identities.len() <= MOST);
