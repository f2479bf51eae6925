//! Sender chains: the keys that one device sends under, and what others hold of them.

use alloc::boxed::Box;

use crate::crypto::hash::sha256;
use crate::crypto::kdf::hkdf;
use crate::crypto::secret::Secret;
use crate::crypto::signature::SignatureKeyPair;
use crate::ratchet::chain::ChainKey;
use crate::wire::group_message::{Tag, tag_of};
use crate::wire::roster::OwnerBytes;

/// Derives a chain's keys from its seed.
const KEYS_LABEL: &[u8] = b"evanesce/v1 sender chain keys";

/// Names a chain.
const NAME_LABEL: &[u8] = b"evanesce/v1 sender chain";

/// A chain's name, of which messages show the first bytes to members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ChainName([u8; 32]);

impl ChainName {
    #[cfg(test)]
    pub(crate) fn new(name: [u8; 32]) -> Self {
        Self(name)
    }

    // docs/protocol.md §18.3: chain = SHA-256(label ‖ group ‖ IDENT of the sending device ‖ VK)
    pub(crate) fn of(group: &[u8; 32], sender: &OwnerBytes, verifying_key: &[u8; 32]) -> Self {
        Self(sha256(&[NAME_LABEL, group, sender, verifying_key]))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn tag(&self) -> Tag {
        tag_of(&self.0)
    }
}

/// All keys of a chain, from its beginning.
pub(crate) struct ChainKeys {
    pub(crate) chain_key: Box<ChainKey>,
    pub(crate) signing: Box<SignatureKeyPair>,
    /// What the pair comes of.
    pub(crate) signing_seed: Box<Secret<32>>,
}

// docs/protocol.md §18.3: CK ‖ signing seed = HKDF(salt = group, ikm = seed, label, 64)
fn expanded(group: &[u8; 32], seed: &Secret<32>) -> [Secret<32>; 2] {
    hkdf(group, &[seed.as_bytes()], &[KEYS_LABEL])
}

/// The chain key alone: what signs is costly to work out.
pub(crate) fn first_chain_key(group: &[u8; 32], seed: &Secret<32>) -> Box<ChainKey> {
    let [chain_key, _] = expanded(group, seed);
    Box::new(ChainKey::new(chain_key))
}

impl ChainKeys {
    pub(crate) fn of_seed(group: &[u8; 32], seed: &Secret<32>) -> Self {
        let [chain_key, signing_seed] = expanded(group, seed);
        let signing = Box::new(SignatureKeyPair::from_seed(&signing_seed));
        let chain_key = Box::new(ChainKey::new(chain_key));
        Self { chain_key, signing, signing_seed: Box::new(signing_seed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};
    use crate::ratchet::message_key::MessageKey;

    #[test]
    fn vectors_chain() {
        for case in known_answers::groups_section("chain") {
            let group = case.array("group");
            let keys = ChainKeys::of_seed(&group, &case.secret("seed"));
            let signing = SignatureKeyPair::from_seed(&case.secret("signing_seed"));
            let verifying_key = *keys.signing.public().as_bytes();
            assert_eq!(signing.public(), keys.signing.public());
            assert_eq!(verifying_key, case.array("vk"));
            let name = ChainName::of(&group, &case.array("ident"), &verifying_key);
            assert_eq!((*name.as_bytes(), name.tag()), (case.array("chain"), case.array("tag")));
        }
        for case in known_answers::groups_section("chain_key") {
            let chain_key = ChainKey::new(case.secret("ck"));
            let chain_key = (0..case.number("n")).fold(chain_key, |key, _| key.skip());
            assert_eq!(*chain_key.as_bytes(), case.array("ck_n"));
            let (_, message_key) = chain_key.step();
            assert_eq!(message_key, MessageKey::new(case.secret("mk_n")));
        }
    }
}
