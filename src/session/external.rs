//! For applications with a handshake of their own: Noise, a code that is scanned, MLS.

use rand_core::CryptoRng;

use crate::crypto::dh::{DhKeyPair, DhPublicKey};
use crate::crypto::secret::Secret;
use crate::handshake::shared_secret::SharedSecret;
use crate::identity::Device;
use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};

/// What a handshake of the application's own ended in, the same on both sides.
///
/// The library takes its word for it: that the secret is known to these two devices alone, and has
/// started no other session.
#[derive(Debug)]
pub struct ExternalHandshake {
    /// 32 secret bytes.
    pub secret: SharedSecret,
    /// The device that writes first.
    pub initiator: Device,
    /// The device that answers.
    pub responder: Device,
}

/// The responder's first ratchet key pair (DHs), for one session. The handshake must carry the public
/// half to the initiator and authenticate it.
#[derive(Debug)]
pub struct RatchetKeyPair(pub(crate) DhKeyPair);

impl RatchetKeyPair {
    /// Draws a key pair: one draw of 32 bytes.
    #[must_use]
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(DhKeyPair::generate(rng))
    }

    /// Takes a key pair that the handshake has made already; wipe your own copy of the secret.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(DhKeyPair::from_secret(Secret::filled_by(|out| out.copy_from_slice(secret))))
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> DhPublicKey {
        *self.0.public()
    }
}

stored!(RatchetKeyPair(_));
