//! The medium-term key that every bundle has.

use core::time::Duration;

use rand_core::CryptoRng;

use crate::crypto::dh::DhKeyPair;
use crate::identity::{Address, IdentityKeyPair};
use crate::limits::PreKeyLimits;
use crate::prekeys::replay_record::ReplayRecord;
use crate::prekeys::verified_bundle::{MAX_CLOCK_AHEAD, SIGNATURE_LABEL};
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::prekey_bundle::{MAX_LIFETIME, SignedFields, SignedPart};

/// A signed prekey (SPK) with its private half.
#[derive(Debug)]
pub(crate) struct SignedPreKey {
    pub(crate) id: u32,
    pub(crate) pair: DhKeyPair,
    pub(crate) created: Timestamp,
    expires: Timestamp,
    /// The handshakes that it accepted without a one-time prekey.
    pub(crate) replay_record: ReplayRecord,
}

impl SignedPreKey {
    /// Draws a signed prekey: one draw of 32 bytes.
    pub(crate) fn generate(
        id: u32,
        limits: &PreKeyLimits,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Self {
        let lifetime = limits.signed_prekey_lifetime.clamp(Duration::from_secs(1), MAX_LIFETIME);
        Self {
            id,
            pair: DhKeyPair::generate(rng),
            created: now,
            expires: now.plus(lifetime),
            replay_record: ReplayRecord::default(),
        }
    }

    /// Whether a new one is due: by age, or because peers would refuse this one (it has expired, or
    /// was made by a clock that ran ahead).
    pub(crate) fn is_due(&self, limits: &PreKeyLimits, now: Timestamp) -> bool {
        now >= self.created.plus(limits.signed_prekey_rotation)
            || now >= self.expires
            || self.created > now.plus(MAX_CLOCK_AHEAD)
    }

    /// The signed part of the bundle, signature included (docs/protocol.md §3).
    pub(crate) fn sign(&self, identity: &IdentityKeyPair, address: &Address) -> SignedPart {
        let fields = SignedFields {
            identity: identity.public().encode(),
            address: address.as_bytes().to_vec(),
            id: self.id,
            key: *self.pair.public(),
            created: self.created,
            expires: self.expires,
        };
        let signature = identity.sign(&[SIGNATURE_LABEL, &fields.encode()].concat());
        SignedPart::new(fields, signature)
    }
}

stored!(SignedPreKey { id, pair, created, expires, replay_record });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Device;
    use crate::known_answers::{self, Draws, Fields};
    use crate::wire::prekey_bundle::{OneTimePreKeyPublic, PreKeyBundle};

    #[test]
    fn vectors_bundle() {
        for case in known_answers::section("bundle") {
            let identity = IdentityKeyPair::from_seed(case.secret("seed"));
            let address = Address::new(case.bytes("address")).unwrap();
            let created = Timestamp::from_unix_seconds(case.number("created"));
            let lifetime = Duration::from_secs(case.number("expires") - case.number("created"));
            let limits =
                PreKeyLimits { signed_prekey_lifetime: lifetime, ..PreKeyLimits::default() };
            let id = u32::try_from(case.number("spk_id")).unwrap();
            let mut draws = Draws(case.bytes("spk_secret"));
            let prekey = SignedPreKey::generate(id, &limits, created, &mut draws);
            assert_eq!(prekey.pair.public().as_bytes(), &case.array("spk_public"));
            let signed_part = prekey.sign(&identity, &address);
            assert_eq!(signed_part.as_bytes(), case.bytes("signed_part"));

            let one_time_prekey = case.optional_number("opk_id").map(|id| OneTimePreKeyPublic {
                id: u32::try_from(id).unwrap(),
                key: *DhKeyPair::from_secret(case.secret("opk_secret")).public(),
            });
            let public = one_time_prekey.as_ref().map(|prekey| prekey.key.as_bytes().to_vec());
            assert_eq!(public, case.optional_bytes("opk_public"));
            let bundle = PreKeyBundle { signed_part, one_time_prekey };
            assert_eq!(bundle.encode(), case.bytes("bundle"));
            let now = Timestamp::from_unix_seconds(case.number("now"));
            let verified = bundle.verify(now).unwrap();
            assert_eq!(verified.device, Device { identity: *identity.public(), address });
        }
    }
}
