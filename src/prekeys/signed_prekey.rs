//! The medium-term key that every bundle has.

use alloc::boxed::Box;
use core::time::Duration;

use rand_core::CryptoRng;

use crate::crypto::kem::{EncapsulationKey, MlKem1024};
use crate::identity::{Address, IdentityKeyPair};
use crate::limits::PreKeyLimits;
use crate::prekeys::prekey_pair::PreKeyPair;
use crate::prekeys::replay_record::ReplayRecord;
use crate::prekeys::verified_bundle::{MAX_CLOCK_AHEAD, SIGNATURE_LABEL};
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::prekey_bundle::{MAX_LIFETIME, SignedFields, SignedPart};
use crate::wire::prekey_public::PreKeyPublic;
use crate::wire::suite::Suite;

/// A signed prekey (SPK, KSPK) with its private halves.
#[derive(Debug)]
pub(crate) struct SignedPreKey {
    pub(crate) id: u32,
    pub(crate) pair: PreKeyPair,
    pub(crate) created: Timestamp,
    expires: Timestamp,
    /// The handshakes that it accepted without a one-time prekey.
    pub(crate) replay_record: ReplayRecord,
    /// The public half of KSPK from the first accepted handshake on: all transcripts have it, and to expand it takes as
    /// long as one or two agreements. It is not stored, so an account to which nobody writes does not hold it.
    expanded: Option<EncapsulationKey<MlKem1024>>,
}

/// A signed prekey that first messages still under way may name.
#[derive(Debug)]
pub(crate) struct ReplacedPreKey {
    pub(crate) prekey: Box<SignedPreKey>,
    pub(crate) replaced: Timestamp,
    /// The address that it was published for, if the device has another one since.
    pub(crate) former_address: Option<Address>,
}

impl SignedPreKey {
    /// Draws a signed prekey: one draw of 32 bytes, in suite 2 two.
    pub(crate) fn generate(
        id: u32,
        suite: Suite,
        limits: &PreKeyLimits,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Self {
        let lifetime = limits.signed_prekey_lifetime.clamp(Duration::from_secs(1), MAX_LIFETIME);
        Self {
            id,
            pair: PreKeyPair::generate(suite, rng),
            created: now,
            expires: now.plus(lifetime),
            replay_record: ReplayRecord::default(),
            expanded: None,
        }
    }

    /// Both public halves. The second is expanded for it, unless it is held.
    pub(crate) fn public(&self) -> PreKeyPublic {
        match &self.expanded {
            None => self.pair.public(),
            held @ Some(_) => PreKeyPublic {
                agreement: *self.pair.agreement.public(),
                encapsulation: held.clone(),
            },
        }
    }

    /// Holds what [`Self::public`] has given.
    pub(crate) fn hold(&mut self, public: PreKeyPublic) {
        let PreKeyPublic { agreement: _, encapsulation } = public;
        self.expanded = encapsulation;
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
            key: self.public(),
            created: self.created,
            expires: self.expires,
        };
        let signature = identity.sign(&[SIGNATURE_LABEL, &fields.encode()].concat());
        SignedPart::new(fields, signature)
    }
}

stored!(ReplacedPreKey { prekey, replaced, former_address });
stored!(SignedPreKey { id, pair, created, expires, replay_record; expanded: None });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secret::Secret;
    use crate::identity::Device;
    use crate::known_answers::{self, Draws, Fields};
    use crate::prekeys::one_time_prekey;
    use crate::prekeys::verified_bundle::VerifyError;
    use crate::wire::prekey_bundle::{OneTimePreKeyPublic, PreKeyBundle};
    use serde_json::Value;

    #[test]
    fn vectors_bundle() {
        known_answers::section("bundle").iter().for_each(|case| is_made(case, Suite::Classical));
        known_answers::hybrid_section("bundle")
            .iter()
            .for_each(|case| is_made(case, Suite::Hybrid));
    }

    #[test]
    fn what_is_held_is_what_would_be_expanded_and_is_not_stored() {
        let stored = |prekey: &SignedPreKey| {
            let mut out = StateWriter::new();
            prekey.write(&mut out);
            out.into_bytes()
        };
        let now = Timestamp::from_unix_seconds(1);
        for suite in [Suite::Classical, Suite::Hybrid] {
            let mut rng = Draws([[3; 32], [4; 32]].concat());
            let mut prekey =
                SignedPreKey::generate(1, suite, &PreKeyLimits::default(), now, &mut rng);
            let (public, before) = (prekey.public(), stored(&prekey));
            prekey.hold(public.clone());
            assert_eq!(prekey.expanded.is_some(), suite == Suite::Hybrid);
            assert!(prekey.public() == public && prekey.pair.public() == public);
            assert!(stored(&prekey) == before);
            let read = SignedPreKey::read(&mut Reader::new(&before)).unwrap();
            assert!(read.expanded.is_none());
        }
    }

    fn is_made(case: &Value, suite: Suite) {
        let identity = IdentityKeyPair::from_seed(case.secret("seed"));
        let address = Address::new(case.bytes("address")).unwrap();
        let device = Device { identity: *identity.public(), address: address.clone() };
        let created = Timestamp::from_unix_seconds(case.number("created"));
        let lifetime = Duration::from_secs(case.number("expires") - case.number("created"));
        let limits = PreKeyLimits { signed_prekey_lifetime: lifetime, ..PreKeyLimits::default() };
        // Each of a prekey's secrets is one draw.
        let draws = |agreement: &str, encapsulation: &str| match suite {
            Suite::Classical => Draws(case.bytes(agreement)),
            Suite::Hybrid => Draws([case.bytes(agreement), case.bytes(encapsulation)].concat()),
        };
        let id = |name: &str| u32::try_from(case.number(name)).unwrap();
        let mut rng = draws("spk_secret", "kspk_seed");
        let prekey = SignedPreKey::generate(id("spk_id"), suite, &limits, created, &mut rng);
        assert!(rng.0.is_empty());
        let signed_part = prekey.sign(&identity, &address);
        assert_eq!(signed_part.as_bytes(), case.bytes("signed_part"));

        let one_time_prekey = case.optional_number("opk_id").map(|_| {
            let pair = PreKeyPair::generate(suite, &mut draws("opk_secret", "kopk_seed"));
            one_time_prekey::public(id("opk_id"), &pair, &identity, &device)
        });
        match suite {
            Suite::Classical => {
                let public = prekey.pair.agreement.public();
                assert_eq!(public.as_bytes(), &case.array("spk_public"));
                let public =
                    one_time_prekey.as_ref().map(|it| it.key.agreement.as_bytes().to_vec());
                assert_eq!(public, case.optional_bytes("opk_public"));
            }
            Suite::Hybrid => {
                let one_time = one_time_prekey.as_ref().map(OneTimePreKeyPublic::encode);
                assert_eq!(one_time, case.optional_bytes("one_time"));
            }
        }
        let bundle = PreKeyBundle { signed_part, one_time_prekey };
        if suite == Suite::Classical {
            assert_eq!(bundle.encode(), case.bytes("bundle"));
        }
        let bundle = PreKeyBundle::decode(&bundle.encode()).unwrap();
        let now = Timestamp::from_unix_seconds(case.number("now"));
        let verified = bundle.verify(now).unwrap();
        assert_eq!((verified.suite(), verified.device), (suite, device));
    }

    /// Whatever brings such a bundle: it would be encapsulated to nothing, or to what nobody signed.
    #[test]
    fn parts_of_two_suites_or_without_a_signature_do_not_verify() {
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let identity = IdentityKeyPair::from_seed(Secret::filled_by(|out| *out = [1; 32]));
        let address = Address::new("bob").unwrap();
        let device = Device { identity: *identity.public(), address: address.clone() };
        let draws = || Draws([7; 64].to_vec());
        let part = |suite| {
            let limits = PreKeyLimits::default();
            SignedPreKey::generate(1, suite, &limits, now, &mut draws()).sign(&identity, &address)
        };
        let one_time = |suite| {
            let pair = PreKeyPair::generate(suite, &mut draws());
            one_time_prekey::public(1, &pair, &identity, &device)
        };
        let verify = |suite, one_time| {
            let bundle = PreKeyBundle { signed_part: part(suite), one_time_prekey: Some(one_time) };
            bundle.verify(now).map(drop)
        };
        for (suite, other) in [(Suite::Classical, Suite::Hybrid), (Suite::Hybrid, Suite::Classical)]
        {
            assert_eq!(verify(suite, one_time(suite)), Ok(()));
            assert_eq!(verify(suite, one_time(other)), Err(VerifyError::Malformed));
        }
        let unsigned = OneTimePreKeyPublic { signature: None, ..one_time(Suite::Hybrid) };
        assert_eq!(verify(Suite::Hybrid, unsigned), Err(VerifyError::Malformed));
        let badly_signed =
            OneTimePreKeyPublic { signature: Some([9; 64]), ..one_time(Suite::Hybrid) };
        assert_eq!(verify(Suite::Hybrid, badly_signed), Err(VerifyError::BadSignature));
    }
}
