//! The symmetric ratchet.

use crate::crypto::kdf::HmacKey;
use crate::crypto::secret::Secret;
use crate::ratchet::message_key::MessageKey;
use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};

/// What a chain key is asked for.
const MESSAGE_KEY: &[u8] = &[1];
const NEXT_CHAIN_KEY: &[u8] = &[2];

/// A chain's key (CK): gives one message key and the next chain key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ChainKey(Secret<32>);

impl ChainKey {
    pub(crate) fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    // Double Ratchet §3.5, KDF_CK(ck):
    //   mk = HMAC(ck, 0x01), next ck = HMAC(ck, 0x02)
    pub(crate) fn step(&self) -> (Self, MessageKey) {
        let keyed = HmacKey::new(&self.0);
        let message_key = MessageKey::new(keyed.derive(&[MESSAGE_KEY]));
        (Self(keyed.derive(&[NEXT_CHAIN_KEY])), message_key)
    }

    /// See [`Secret::duplicate`]: a chain of a group is given to devices while it goes on.
    pub(crate) fn duplicate(&self) -> Self {
        Self(self.0.duplicate())
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The next chain key alone, past a message whose key nobody will ask for.
    pub(crate) fn skip(&self) -> Self {
        Self(HmacKey::new(&self.0).derive(&[NEXT_CHAIN_KEY]))
    }
}

stored!(ChainKey(_));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};
    use alloc::format;

    #[test]
    fn vectors_kdf_ck() {
        for case in known_answers::section("kdf_ck") {
            let keyed = HmacKey::new(&case.secret("ck"));
            assert_eq!(keyed.derive(&[MESSAGE_KEY]), case.secret("mk"));
            let (next, _) = ChainKey(case.secret("ck")).step();
            assert_eq!(next.0, case.secret("next_ck"));
            assert_eq!(ChainKey(case.secret("ck")).skip().0, case.secret("next_ck"));
        }
    }

    #[test]
    fn a_chain_key_shows_nothing() {
        let key = ChainKey(Secret::filled_by(|out| *out = [0xab; 32]));
        assert_eq!(format!("{key:?}"), "ChainKey(Secret(..))");
    }
}
