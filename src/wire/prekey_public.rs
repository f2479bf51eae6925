//! The public halves of a prekey.

use alloc::vec::Vec;

use crate::crypto::dh::DhPublicKey;
use crate::crypto::kem::{EncapsulationKey, MlKem1024, ParameterSet};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::suite::Suite;

/// What a prekey is to others: a key to agree with and, in suite 2, one to encapsulate to.
///
/// ```text
/// | X25519: 32 |
/// | X25519: 32 | ML-KEM-1024: 1568 |
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PreKeyPublic {
    /// SPK or OPK.
    pub(crate) agreement: DhPublicKey,
    /// KSPK or KOPK.
    pub(crate) encapsulation: Option<EncapsulationKey<MlKem1024>>,
}

impl PreKeyPublic {
    pub(crate) fn suite(&self) -> Suite {
        Suite::with(&self.encapsulation)
    }

    /// The second half's bytes, none in suite 1.
    pub(crate) fn encapsulation_bytes(&self) -> &[u8] {
        self.encapsulation.as_ref().map_or(&[], EncapsulationKey::as_bytes)
    }

    /// Reads a prekey; an ML-KEM key that is not valid is malformed.
    pub(crate) fn read(reader: &mut Reader<'_>, suite: Suite) -> Result<Self, DecodeError> {
        let agreement = reader.dh_public_key()?;
        let encapsulation = match suite {
            Suite::Classical => None,
            Suite::Hybrid => {
                let bytes = reader.bytes(MlKem1024::ENCAPSULATION_KEY_LENGTH)?;
                Some(EncapsulationKey::decode(bytes).ok_or(DecodeError::Malformed)?)
            }
        };
        Ok(Self { agreement, encapsulation })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.agreement.as_bytes());
        out.extend_from_slice(self.encapsulation_bytes());
    }
}
