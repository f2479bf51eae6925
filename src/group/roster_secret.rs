//! The secret of all who are in a group: it hides who sends, and which message it is.

use alloc::boxed::Box;

use crate::crypto::aead::{SivKey, TAG_LENGTH};
use crate::crypto::hash::sha256;
use crate::crypto::kdf::hkdf;
use crate::crypto::secret::Secret;
use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::group_message::{GROUP_HEADER_LENGTH, GroupHeader, SEALED_GROUP_HEADER_LENGTH};

/// Proves which secret a roster means, and tells nothing of it.
const SEAL_LABEL: &[u8] = b"evanesce/v1 roster secret";

/// Derives the header key.
const HEADER_LABEL: &[u8] = b"evanesce/v1 group header";

/// The roster secret (RS).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RosterSecret(Secret<32>);

/// The header key of all members (GK).
pub(crate) struct GroupHeaderKey(Secret<32>);

impl RosterSecret {
    #[cfg(test)]
    pub(crate) fn new(secret: Secret<32>) -> Self {
        Self(secret)
    }

    /// Made where it stays: moved on the stack it would leave a copy.
    pub(crate) fn boxed(fill: impl FnOnce(&mut [u8; 32])) -> Box<Self> {
        let mut boxed = Box::new(Self(Secret::filled_by(|_| ())));
        boxed.0.fill(fill);
        boxed
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    // docs/protocol.md §18.1: seal = SHA-256(label ‖ group ‖ RS)
    pub(crate) fn seal(&self, group: &[u8; 32]) -> [u8; 32] {
        sha256(&[SEAL_LABEL, group, self.0.as_bytes()])
    }

    // docs/protocol.md §18.3: GK = HKDF(salt = group, ikm = RS, label, 32)
    pub(crate) fn header_key(&self, group: &[u8; 32]) -> GroupHeaderKey {
        let [key] = hkdf(group, &[self.0.as_bytes()], &[HEADER_LABEL]);
        GroupHeaderKey(key)
    }
}

stored!(RosterSecret(_));

impl GroupHeaderKey {
    #[cfg(test)]
    pub(crate) fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    pub(crate) fn seal(&self, header: &GroupHeader) -> [u8; SEALED_GROUP_HEADER_LENGTH] {
        let mut sealed = [0; SEALED_GROUP_HEADER_LENGTH];
        let (text, tag) = sealed.split_at_mut(GROUP_HEADER_LENGTH);
        text.copy_from_slice(&header.encode());
        tag.copy_from_slice(&SivKey::new(&self.0).seal(text, &[]));
        sealed
    }

    /// `None` if it is sealed under another key.
    pub(crate) fn open(
        &self,
        sealed: &[u8; SEALED_GROUP_HEADER_LENGTH],
    ) -> Option<Result<GroupHeader, DecodeError>> {
        let (text, tag) = sealed.split_last_chunk::<TAG_LENGTH>()?;
        let mut header = *text.first_chunk::<GROUP_HEADER_LENGTH>()?;
        SivKey::new(&self.0).open(&mut header, tag, &[])?;
        Some(GroupHeader::decode(&header))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};

    #[test]
    fn vectors_seal() {
        for case in known_answers::groups_section("seal") {
            let secret = RosterSecret::new(case.secret("rs"));
            let group = case.array("group");
            assert_eq!(secret.seal(&group), case.array("seal"));
            assert_eq!(secret.header_key(&group).0, case.secret("gk"));
        }
    }
}
