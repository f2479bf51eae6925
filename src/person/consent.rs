//! A device's consent to be listed.

use alloc::vec::Vec;
use core::fmt;

use crate::account::Account;
#[cfg(feature = "serde")]
use crate::byte_string;
use crate::crypto::signature::{SIGNATURE_LENGTH, UnpackedSignatureKey};
use crate::identity::{Device, IdentityKey};
use crate::shown_bytes::{Hex, shown_in_hex};
use crate::time::Timestamp;
use crate::wire::codec::write_length_prefixed;

/// Separates consents from every other signature of an identity.
const CONSENT_LABEL: &[u8] = b"evanesce/v1 device consent";

/// The signature with which a device agrees to be listed by an owner. It keeps anyone from listing another's device.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Consent(
    #[cfg_attr(feature = "serde", serde(with = "byte_string"))] pub(crate) [u8; SIGNATURE_LENGTH],
);

shown_in_hex! { Consent }

/// One device as a list has it.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct ListedDevice {
    /// The device.
    pub device: Device,
    /// When its owner added it.
    pub added: Timestamp,
    /// Its consent to that.
    pub consent: Consent,
}

impl ListedDevice {
    /// The device of `account`, as one that agrees to be listed by this owner since then.
    #[must_use]
    pub fn consenting(account: &Account, owner: &IdentityKey, added: Timestamp) -> Self {
        let device = account.device();
        let consent = Consent(account.sign(&consent_input(owner, &device, added)));
        Self { device, added, consent }
    }

    /// Whether the device, whose Ed25519 half is `signer`, agreed to be listed by this owner, with just this address and
    /// time.
    #[must_use]
    pub(crate) fn agrees_to(&self, owner: &IdentityKey, signer: &UnpackedSignatureKey) -> bool {
        let Self { device, added, consent: Consent(signature) } = self;
        signer.verify(&consent_input(owner, device, *added), signature)
    }
}

// docs/protocol.md §17.2: label ‖ OWNER ‖ LP8(address) ‖ IDENT ‖ added
fn consent_input(owner: &IdentityKey, device: &Device, added: Timestamp) -> Vec<u8> {
    let Device { identity, address } = device;
    let mut input = [CONSENT_LABEL, &owner.encode()].concat();
    write_length_prefixed(&mut input, address.as_bytes());
    input.extend_from_slice(&identity.encode());
    input.extend_from_slice(&added.unix_seconds().to_be_bytes());
    input
}

/// Which device, and since when.
impl fmt::Debug for ListedDevice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, added, consent: _ } = self;
        let mut shown = formatter.debug_struct("ListedDevice");
        shown.field("device", device).field("added", added).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secret::Secret;
    use crate::identity::{Address, IdentityKeyPair};
    use crate::known_answers::{self, Fields};

    #[test]
    fn vectors_consent() {
        for case in known_answers::devices_section("consent") {
            known_answers::assert_fields(
                &case,
                &["seed", "owner", "address", "added", "ident", "consent"],
            );
            let pair = IdentityKeyPair::from_seed(case.secret("seed"));
            assert_eq!(pair.public().encode(), case.array("ident"));
            let address = Address::new(case.bytes("address")).unwrap();
            let device = Device { identity: *pair.public(), address };
            let owner = IdentityKey::decode(&case.array("owner")).unwrap();
            let added = Timestamp::from_unix_seconds(case.number("added"));
            let consent = pair.sign(&consent_input(&owner, &device, added));
            assert_eq!(consent, case.array("consent"));
            let listed = ListedDevice { device, added, consent: Consent(consent) };
            assert!(listed.agrees_to(&owner, &pair.public().unpacked().unwrap()));
            let other = IdentityKeyPair::from_seed(Secret::filled_by(|_| {}));
            assert!(!listed.agrees_to(other.public(), &pair.public().unpacked().unwrap()));
            assert!(!listed.agrees_to(&owner, &other.public().unpacked().unwrap()));
        }
    }
}
