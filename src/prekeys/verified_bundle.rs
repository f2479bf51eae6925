//! The proof that a bundle may be used.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::identity::{Address, Device, IdentityKey, IdentityKeyError};
use crate::time::Timestamp;
use crate::wire::prekey_bundle::{OneTimePreKeyPublic, PreKeyBundle, SignedFields};
use crate::wire::prekey_public::PreKeyPublic;
use crate::wire::suite::Suite;

/// Separates signatures of prekeys from every other signature of an identity.
pub(crate) const SIGNATURE_LABEL: &[u8] = b"evanesce/v1 signed prekey";

/// Separates those of one-time prekeys, which suite 2 signs.
const ONE_TIME_SIGNATURE_LABEL: &[u8] = b"evanesce/v1 one-time prekey";

/// How far ahead of ours the clock that dated a bundle may run: a day.
pub(crate) const MAX_CLOCK_AHEAD: Duration = Duration::from_secs(86_400);

/// A bundle whose signature and lifetime hold. Only [`PreKeyBundle::verify`] makes one, and only with
/// one can a session be initiated.
///
/// It proves that the device's identity key made the signed prekey, in suite 2 the one-time prekey too. Whose identity
/// key that is, no bundle can prove: compare it with the one known for the address, and have the users compare safety
/// numbers.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedBundle {
    pub(crate) device: Device,
    pub(crate) signed_prekey_id: u32,
    pub(crate) signed_prekey: PreKeyPublic,
    pub(crate) one_time_prekey: Option<OneTimePreKeyPublic>,
}

impl VerifiedBundle {
    /// Which suite a session has that is initiated from it.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.signed_prekey.suite()
    }

    /// Whose bundle it says it is.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Whether a one-time prekey came with it. Without one the first message can be replayed for as
    /// long as the signed prekey is held, which the receiver's replay record refuses.
    #[must_use]
    pub fn has_one_time_prekey(&self) -> bool {
        self.one_time_prekey.is_some()
    }
}

/// Why a bundle is refused: ask the server for another one. If it is the same again, tell the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// Its identity key or its address does not decode, or its parts are of different suites.
    Malformed,
    /// Its identity key is of small order: nobody honest has it.
    WeakKey,
    /// A signature is not that of its identity key over its content: the server, or somebody before it, has made it
    /// up.
    BadSignature,
    /// It is dated more than a day after now: one of the two clocks is wrong.
    NotYetValid,
    /// It has expired: its device has not been online for a long time, or the server hands out an old
    /// one.
    Expired,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "the bundle is malformed",
            Self::WeakKey => "the bundle's identity key is weak",
            Self::BadSignature => "the bundle's signature does not hold",
            Self::NotYetValid => "the bundle is not yet valid",
            Self::Expired => "the bundle has expired",
        })
    }
}

impl core::error::Error for VerifyError {}

impl PreKeyBundle {
    /// Checks the signatures, strictly, and the lifetime at `now` (docs/protocol.md §3.4).
    ///
    /// # Errors
    ///
    /// A [`VerifyError`], the first that holds in the order of its variants.
    pub fn verify(self, now: Timestamp) -> Result<VerifiedBundle, VerifyError> {
        if !self.is_of_one_suite() {
            return Err(VerifyError::Malformed);
        }
        let Self { signed_part, one_time_prekey } = self;
        let signed_bytes = [SIGNATURE_LABEL, signed_part.signed_bytes()].concat();
        let SignedFields { identity, address, id, key, created, expires } = signed_part.fields;
        let (identity, signer) =
            IdentityKey::decode_and_unpack(&identity).map_err(|error| match error {
                IdentityKeyError::Malformed => VerifyError::Malformed,
                IdentityKeyError::WeakKey => VerifyError::WeakKey,
            })?;
        let address = Address::new(address).map_err(|_| VerifyError::Malformed)?;
        if !signer.verify(&signed_bytes, &signed_part.signature) {
            return Err(VerifyError::BadSignature);
        }
        let device = Device { identity, address };
        let is_genuine = one_time_prekey.as_ref().is_none_or(|prekey| {
            let input = || one_time_signature_input(&device, prekey);
            prekey.signature.is_none_or(|signature| signer.verify(&input(), &signature))
        });
        // A bad one is never left out to go on with the rest.
        if !is_genuine {
            return Err(VerifyError::BadSignature);
        }
        if created > now.plus(MAX_CLOCK_AHEAD) {
            return Err(VerifyError::NotYetValid);
        }
        if now >= expires {
            return Err(VerifyError::Expired);
        }
        Ok(VerifiedBundle { device, signed_prekey_id: id, signed_prekey: key, one_time_prekey })
    }
}

/// What the signature of a one-time prekey is of, in suite 2 (docs/protocol.md §3.2).
pub(crate) fn one_time_signature_input(device: &Device, prekey: &OneTimePreKeyPublic) -> Vec<u8> {
    let suite = [prekey.key.suite().byte()];
    let mut input = [ONE_TIME_SIGNATURE_LABEL, &suite, &device.encode()].concat();
    prekey.write_unsigned(&mut input);
    input
}

/// Whose it is, and which prekeys it has.
impl fmt::Debug for VerifiedBundle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, signed_prekey_id, signed_prekey: _, one_time_prekey } = self;
        let one_time_id = one_time_prekey.as_ref().map(OneTimePreKeyPublic::id);
        let mut shown = formatter.debug_struct("VerifiedBundle");
        shown.field("device", device).field("signed_id", signed_prekey_id);
        shown.field("one_time_id", &one_time_id).finish()
    }
}
