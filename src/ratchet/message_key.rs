//! The key of one message, and the committing encryption that it is used for.

use subtle::ConstantTimeEq;

use crate::crypto::aead::{GcmKey, TAG_LENGTH};
use crate::crypto::hash::sha256;
use crate::crypto::kdf::HmacKey;
use crate::crypto::secret::Secret;
use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::message::COMMITMENT_LENGTH;

/// Separates what a message is bound to (h).
const MESSAGE_LABEL: &[u8] = b"evanesce/v1 message";

/// Derives the key of the commitment (K_f).
const COMMITMENT_LABEL: &[u8] = b"evanesce/v1 commitment";

/// Derives the key of the encryption (K_e).
const ENCRYPTION_LABEL: &[u8] = b"evanesce/v1 encryption";

/// A session's two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Role {
    /// Alice: she took the other's bundle and wrote first.
    Initiator,
    /// Bob: he accepted.
    Responder,
}

impl Role {
    /// The other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }

    fn direction(self) -> u8 {
        match self {
            Self::Initiator => 0,
            Self::Responder => 1,
        }
    }
}

/// All that a message is bound to, hashed (h).
pub(crate) struct MessageContext([u8; 32]);

impl MessageContext {
    // docs/protocol.md §6:
    //   h = SHA-256(label ‖ session_id ‖ direction ‖ every byte before c2 ‖ ad)
    pub(crate) fn new(
        before_commitment: &[u8],
        ad: &[u8],
        sender: Role,
        session_id: &[u8; 32],
    ) -> Self {
        Self(sha256(&[MESSAGE_LABEL, session_id, &[sender.direction()], before_commitment, ad]))
    }
}

/// The key of one message (mk): using it consumes it.
#[derive(Debug)]
pub(crate) struct MessageKey(Secret<32>);

/// A padded plaintext sealed in place: what travels beside it.
pub(crate) struct Sealed {
    /// c2: binds key, context and plaintext.
    pub(crate) commitment: [u8; COMMITMENT_LENGTH],
    /// The end of c1.
    pub(crate) tag: [u8; TAG_LENGTH],
}

impl MessageKey {
    pub(crate) fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// See [`Secret::duplicate`]: a held key stays until its message has opened.
    pub(crate) fn duplicate(&self) -> Self {
        Self(self.0.duplicate())
    }

    /// See [`Secret::take`].
    pub(crate) fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    // docs/protocol.md §6:
    //   K_f = HMAC(mk, label)          c2 = HMAC(K_f, h ‖ M)
    //   K_e = HMAC(mk, label ‖ c2)     c1 = GCM(K_e, ad = h, M)
    /// Encrypts a padded plaintext (M) where it stands. The encryption key depends on the plaintext, so
    /// a sender that was rolled back never encrypts two plaintexts under one key and nonce.
    pub(crate) fn seal(self, padded: &mut [u8], context: &MessageContext) -> Sealed {
        let keyed = HmacKey::new(&self.0);
        let commitment = commitment(&keyed, padded, context);
        let tag = encryption_key(&keyed, &commitment).seal(padded, &context.0);
        Sealed { commitment, tag }
    }

    /// Decrypts a padded plaintext (M) where it stands, and recomputes its commitment. On failure the
    /// caller wipes what stands there.
    #[must_use]
    pub(crate) fn open(
        self,
        padded: &mut [u8],
        sealed: &Sealed,
        context: &MessageContext,
    ) -> Option<()> {
        let keyed = HmacKey::new(&self.0);
        encryption_key(&keyed, &sealed.commitment).open(padded, &sealed.tag, &context.0)?;
        let recomputed = commitment(&keyed, padded, context);
        let same: bool = recomputed.as_slice().ct_eq(&sealed.commitment).into();
        same.then_some(())
    }
}

fn commitment(
    message_key: &HmacKey,
    padded: &[u8],
    context: &MessageContext,
) -> [u8; COMMITMENT_LENGTH] {
    let key = message_key.derive(&[COMMITMENT_LABEL]);
    HmacKey::new(&key).tag(&[&context.0, padded])
}

fn encryption_key(message_key: &HmacKey, commitment: &[u8; COMMITMENT_LENGTH]) -> GcmKey {
    GcmKey::new(message_key.derive(&[ENCRYPTION_LABEL, commitment]))
}

stored!(MessageKey(_));

impl Stored for Role {
    fn write(&self, out: &mut StateWriter) {
        out.put(&[self.direction()]);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(if reader.flag()? { Self::Responder } else { Self::Initiator })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};
    use alloc::vec::Vec;
    use serde_json::Value;

    fn context(case: &Value) -> MessageContext {
        let sender = if case.number("direction") == 0 { Role::Initiator } else { Role::Responder };
        let session_id = case.array("session_id");
        MessageContext::new(&case.bytes("before"), &case.bytes("ad"), sender, &session_id)
    }

    fn open(case: &Value) -> Option<Vec<u8>> {
        let c1 = case.bytes("c1");
        let (text, tag) = c1.split_last_chunk()?;
        let sealed = Sealed { commitment: case.array("c2"), tag: *tag };
        let mut padded = text.to_vec();
        MessageKey(case.secret("mk")).open(&mut padded, &sealed, &context(case))?;
        Some(padded)
    }

    #[test]
    fn vectors_body() {
        for case in known_answers::section("body") {
            let keyed = HmacKey::new(&case.secret("mk"));
            assert_eq!(context(&case).0, case.array("h"));
            assert_eq!(keyed.derive(&[COMMITMENT_LABEL]), case.secret("k_f"));
            assert_eq!(keyed.derive(&[ENCRYPTION_LABEL, &case.bytes("c2")]), case.secret("k_e"));
            let mut padded = case.bytes("m");
            let sealed = MessageKey(case.secret("mk")).seal(&mut padded, &context(&case));
            assert_eq!(sealed.commitment, case.array("c2"));
            padded.extend_from_slice(&sealed.tag);
            assert_eq!(padded, case.bytes("c1"));
            assert_eq!(open(&case), Some(case.bytes("m")));
        }
    }

    #[test]
    fn vectors_body_refused() {
        for case in known_answers::section("body_refused") {
            assert_eq!(open(&case), None, "{case}");
        }
    }
}
