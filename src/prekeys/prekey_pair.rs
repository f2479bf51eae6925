//! The private halves of a prekey.

use rand_core::CryptoRng;

use crate::crypto::dh::DhKeyPair;
use crate::crypto::kem::MlKem1024;
use crate::encapsulation::KemKeyPair;
use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::prekey_public::PreKeyPublic;
use crate::wire::suite::Suite;

/// A prekey with its secrets: a key pair to agree with and, in suite 2, one to decapsulate with.
#[derive(Debug)]
pub(crate) struct PreKeyPair {
    /// SPK or OPK.
    pub(crate) agreement: DhKeyPair,
    /// KSPK or KOPK.
    pub(crate) encapsulation: Option<KemKeyPair<MlKem1024>>,
}

impl PreKeyPair {
    /// Draws the secret of the first and, in suite 2, the seed of the second.
    pub(crate) fn generate(suite: Suite, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let agreement = DhKeyPair::generate(rng);
        let encapsulation = match suite {
            Suite::Classical => None,
            Suite::Hybrid => Some(KemKeyPair::generate(rng)),
        };
        Self { agreement, encapsulation }
    }

    pub(crate) fn suite(&self) -> Suite {
        Suite::with(&self.encapsulation)
    }

    /// Both public halves. The second is expanded for it.
    pub(crate) fn public(&self) -> PreKeyPublic {
        PreKeyPublic {
            agreement: *self.agreement.public(),
            encapsulation: self.encapsulation.as_ref().map(KemKeyPair::public),
        }
    }

    /// Writes what suite 2 stores beside the rest.
    pub(crate) fn write_encapsulation(&self, out: &mut StateWriter) {
        self.encapsulation.iter().for_each(|pair| pair.write(out));
    }

    /// Reads the same.
    pub(crate) fn read_encapsulation(
        &mut self,
        reader: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        self.encapsulation = Some(Stored::read(reader)?);
        Ok(())
    }
}

/// Stored as the first half: what suite 2 adds stands behind all else of an account, so that one of suite 1 is stored as
/// ever.
impl Stored for PreKeyPair {
    fn write(&self, out: &mut StateWriter) {
        self.agreement.write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { agreement: Stored::read(reader)?, encapsulation: None })
    }
}
