//! The key of one message, and the committing encryption that it is used for.

use crate::commitment::{Commitment, CommitmentOpening};
use crate::crypto::aead::{GcmKey, TAG_LENGTH};
use crate::crypto::hash::sha256;
use crate::crypto::kdf::HmacKey;
use crate::crypto::secret::Secret;
use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};

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

impl MessageContext {
    /// What a message of a group is bound to is hashed there.
    pub(crate) fn of_hash(hash: [u8; 32]) -> Self {
        Self(hash)
    }
}

/// The key of one message (mk): using it consumes it.
#[derive(Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct MessageKey(Secret<32>);

/// A padded plaintext sealed in place: what travels beside it.
pub(crate) struct Sealed {
    /// c2: binds key, context and plaintext.
    pub(crate) commitment: Commitment,
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
    /// a sender that was rolled back never encrypts two plaintexts under one key and nonce. What opens the commitment
    /// is all that is left of the key.
    pub(crate) fn seal(
        self,
        padded: &mut [u8],
        context: MessageContext,
    ) -> (Sealed, CommitmentOpening) {
        let keyed = HmacKey::new(&self.0);
        let opening = opening(&keyed, context);
        let commitment = opening.commitment(padded);
        let tag = encryption_key(&keyed, &commitment).seal(padded, opening.context());
        (Sealed { commitment, tag }, opening)
    }

    /// Decrypts a padded plaintext (M) where it stands, and recomputes its commitment. On failure the
    /// caller wipes what stands there.
    #[must_use]
    pub(crate) fn open(
        self,
        padded: &mut [u8],
        sealed: &Sealed,
        context: MessageContext,
    ) -> Option<CommitmentOpening> {
        let keyed = HmacKey::new(&self.0);
        let opening = opening(&keyed, context);
        let key = encryption_key(&keyed, &sealed.commitment);
        key.open(padded, &sealed.tag, opening.context())?;
        (opening.commitment(padded) == sealed.commitment).then_some(opening)
    }
}

fn opening(message_key: &HmacKey, context: MessageContext) -> CommitmentOpening {
    CommitmentOpening::new(message_key.derive(&[COMMITMENT_LABEL]), context.0)
}

fn encryption_key(message_key: &HmacKey, commitment: &Commitment) -> GcmKey {
    GcmKey::new(message_key.derive(&[ENCRYPTION_LABEL, commitment.as_bytes()]))
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
        let sealed = Sealed { commitment: Commitment::new(case.array("c2")), tag: *tag };
        let mut padded = text.to_vec();
        MessageKey(case.secret("mk")).open(&mut padded, &sealed, context(case))?;
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
            let key = MessageKey(case.secret("mk"));
            let (sealed, opening) = key.seal(&mut padded, context(&case));
            assert_eq!(sealed.commitment.as_bytes(), &case.array("c2"));
            assert_eq!(opening.commitment(&case.bytes("m")), sealed.commitment);
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
