//! The code that a new device shows to be linked.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::crypto::secret::Secret;
use crate::identity::{Address, Device, IdentityKey};
use crate::person::verified_list::ListError;
use crate::safety_number::half_digits;
use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::linking::CodeFields;

/// Begins the associated data of both messages of linking.
const LINK_LABEL: &[u8] = b"evanesce/v1 link";

/// What a new device shows, as a QR code or in base64url: who it is, and a secret that authenticates whoever has seen it.
/// **Whoever sees it can offer to link the device**: show it to nobody else, and compare the digits.
pub struct LinkCode {
    pub(crate) secret: LinkSecret,
    device: Device,
}

/// Why a code cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkCodeError {
    /// It is no code of ours, or an identity in it does not decode.
    Malformed,
    /// It is of another form: one of the two must update.
    Unsupported,
    /// The identity in it is of small order: nobody honest has it.
    WeakKey,
}

impl fmt::Display for LinkCodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "the code is no code to link a device",
            Self::Unsupported => "the code is of an unsupported form",
            Self::WeakKey => "the identity key in the code is weak",
        })
    }
}

impl core::error::Error for LinkCodeError {}

/// The secret of a code: one draw. On the heap, where it stays however often its owner moves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LinkSecret(Box<Secret<32>>);

impl LinkSecret {
    pub(crate) fn filled_by(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        Self(Secret::boxed_and_filled_by(fill).0)
    }

    /// A second copy: in the code, and in the state that waits for an offer or a consent.
    pub(crate) fn duplicate(&self) -> Self {
        Self::filled_by(|out| out.copy_from_slice(self.0.as_bytes()))
    }

    /// What both messages of linking are bound to.
    pub(crate) fn ad(&self) -> Zeroizing<Vec<u8>> {
        let mut ad = Zeroizing::new(Vec::with_capacity(LINK_LABEL.len().saturating_add(32)));
        ad.extend_from_slice(LINK_LABEL);
        ad.extend_from_slice(self.0.as_bytes());
        ad
    }
}

stored!(LinkSecret(_));

impl LinkCode {
    pub(crate) fn new(secret: LinkSecret, device: Device) -> Self {
        Self { secret, device }
    }

    /// Takes a code from the 99 to 162 bytes that were scanned.
    ///
    /// # Errors
    ///
    /// A [`LinkCodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, LinkCodeError> {
        let fields = CodeFields::decode(bytes).map_err(|error| match error {
            DecodeError::Malformed => LinkCodeError::Malformed,
            DecodeError::Unsupported => LinkCodeError::Unsupported,
        })?;
        let identity = IdentityKey::decode(fields.identity).map_err(ListError::from);
        let identity = identity.map_err(|error| match error {
            ListError::WeakKey => LinkCodeError::WeakKey,
            ListError::Malformed
            | ListError::Unsupported
            | ListError::BadSignature
            | ListError::NotYetValid => LinkCodeError::Malformed,
        })?;
        let address = Address::new(fields.address).map_err(|_| LinkCodeError::Malformed)?;
        let secret = LinkSecret::filled_by(|out| out.copy_from_slice(fields.secret));
        Ok(Self::new(secret, Device { identity, address }))
    }

    /// Its bytes, to be shown. They are wiped when dropped: make no copy that stays.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let Self { secret, device: Device { identity, address } } = self;
        let identity = identity.encode();
        let (secret, address) = (secret.0.as_bytes(), address.as_bytes());
        let fields = CodeFields { secret, identity: &identity, address };
        let mut bytes = Zeroizing::new(Vec::with_capacity(fields.encoded_length()));
        fields.encode_into(&mut bytes);
        bytes
    }

    /// The device that showed it. It is authenticated by having been scanned.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The 30 digits of the new device, which it shows beside the code: the owner's device shows them too, before the
    /// user confirms that this device will read and write as them. Takes milliseconds.
    #[must_use]
    pub fn digits(&self) -> String {
        half_digits(&self.device)
    }
}

/// Shows whose it is, and nothing of the secret.
impl fmt::Debug for LinkCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secret: _, device } = self;
        formatter.debug_struct("LinkCode").field("device", device).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};
    use alloc::format;

    #[test]
    fn vectors_link_code() {
        for case in known_answers::devices_section("link_code") {
            known_answers::assert_fields(
                &case,
                &["secret", "ident", "address", "code", "ad", "digits"],
            );
            let bytes = case.bytes("code");
            let code = LinkCode::decode(&bytes).unwrap();
            assert_eq!(*code.encode(), bytes);
            let secret = LinkSecret::filled_by(|out| *out = case.array("secret"));
            assert_eq!(code.secret, secret);
            assert_eq!(*code.secret.ad(), case.bytes("ad"));
            assert_eq!(code.device().identity.encode(), case.array("ident"));
            assert_eq!(code.device().address.as_bytes(), case.bytes("address"));
            assert_eq!(code.digits(), case.text("digits"));
            let again = LinkCode::new(secret, code.device().clone());
            assert_eq!(*again.encode(), bytes);
        }
    }

    #[test]
    fn vectors_link_code_refused() {
        for case in known_answers::devices_section("link_code_refused") {
            known_answers::assert_fields(&case, &["code", "reason"]);
            let name = match LinkCode::decode(&case.bytes("code")).unwrap_err() {
                LinkCodeError::Malformed => "malformed",
                LinkCodeError::Unsupported => "unsupported",
                LinkCodeError::WeakKey => "weak_key",
            };
            assert_eq!(name, case.text("reason"), "{}", case["comment"]);
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        let case = &known_answers::devices_section("link_code")[0];
        let code = LinkCode::decode(&case.bytes("code")).unwrap();
        let start = hex::encode(&case.bytes("secret")[..4]);
        assert!(!format!("{code:?}").contains(&start));
    }
}
