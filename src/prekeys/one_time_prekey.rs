//! Keys that serve one handshake each.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::crypto::dh::DhPublicKey;
use crate::identity::{Device, IdentityKeyPair};
use crate::prekeys::prekey_pair::PreKeyPair;
use crate::prekeys::verified_bundle::one_time_signature_input;
use crate::stored::{StateWriter, Stored, read_count};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::prekey_bundle::OneTimePreKeyPublic;
use crate::wire::suite::Suite;

/// The private halves of the one-time prekeys (OPK, KOPK) that have not been spent.
///
/// Boxed, so that the map moves pointers: a secret that its nodes moved would leave copies behind.
#[derive(Debug)]
pub(crate) struct OneTimePreKeys {
    keys: BTreeMap<u32, Box<PreKeyPair>>,
    /// The id of the next one: ids count up from 1 and never repeat.
    next_id: u32,
    /// Ids below this are known to be with the server.
    published_below: u32,
}

impl OneTimePreKeys {
    pub(crate) fn new() -> Self {
        Self { keys: BTreeMap::new(), next_id: 1, published_below: 1 }
    }

    /// The id of the next one.
    pub(crate) fn next_id(&self) -> u32 {
        self.next_id
    }

    /// The server has all with lower ids, as far as is known.
    pub(crate) fn published_below(&self) -> u32 {
        self.published_below
    }

    /// How many are held.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Makes up to `count` more, in order of id, one draw each, in suite 2 two; then the oldest above `most` go. Fewer
    /// only when 2^32 ids have been used up.
    pub(crate) fn generate(
        &mut self,
        count: u32,
        suite: Suite,
        most: u32,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        for _ in 0..count.min(most) {
            let Some(next_id) = self.next_id.checked_add(1) else {
                break;
            };
            self.keys.insert(self.next_id, Box::new(PreKeyPair::generate(suite, rng)));
            self.next_id = next_id;
        }
        while usize::try_from(most).is_ok_and(|most| self.keys.len() > most) {
            self.keys.pop_first();
        }
    }

    /// Passes over ids that may have been used elsewhere: the next one is higher than `id`. What is not published by
    /// then will not be.
    pub(crate) fn pass_over(&mut self, id: u32) {
        self.next_id = self.next_id.max(id.saturating_add(1));
        self.published_below = self.next_id;
    }

    /// Deletes all, used or not.
    pub(crate) fn delete_all(&mut self) {
        self.keys.clear();
    }

    /// The X25519 halves of those with ids from `lowest` to `highest`, in order of id.
    pub(crate) fn between(
        &self,
        lowest: u32,
        highest: u32,
    ) -> impl Iterator<Item = (u32, &DhPublicKey)> {
        let held = self.keys.range(lowest..).take_while(move |(id, _)| **id <= highest);
        held.map(|(id, pair)| (*id, pair.agreement.public()))
    }

    pub(crate) fn find(&self, id: u32) -> Option<&PreKeyPair> {
        self.keys.get(&id).map(Box::as_ref)
    }

    /// Deletes one: it has served its handshake.
    pub(crate) fn spend(&mut self, id: u32) {
        self.keys.remove(&id);
    }

    /// The public halves that are not known to be with the server, in order of id, signed in suite 2.
    pub(crate) fn unpublished(
        &self,
        identity: &IdentityKeyPair,
        device: &Device,
    ) -> Vec<OneTimePreKeyPublic> {
        let unpublished = self.keys.range(self.published_below..);
        unpublished.map(|(id, pair)| public(*id, pair, identity, device)).collect()
    }

    /// Whether there are none of those.
    pub(crate) fn is_all_published(&self) -> bool {
        self.keys.range(self.published_below..).next().is_none()
    }

    /// How many those are.
    pub(crate) fn unpublished_count(&self) -> usize {
        self.keys.range(self.published_below..).count()
    }

    /// Whether all of these were made here. Of those that have been spent meanwhile the id alone is known.
    pub(crate) fn made_all(&self, prekeys: &[OneTimePreKeyPublic]) -> bool {
        prekeys.iter().all(|prekey| {
            prekey.id < self.next_id
                && self
                    .find(prekey.id)
                    .is_none_or(|pair| *pair.agreement.public() == prekey.key.agreement)
        })
    }

    /// Notes that the server has those up to `id`.
    pub(crate) fn mark_published(&mut self, id: u32) {
        let below = id.saturating_add(1).min(self.next_id);
        self.published_below = self.published_below.max(below);
    }
}

/// What others get of a one-time prekey (docs/protocol.md §3.2).
pub(crate) fn public(
    id: u32,
    pair: &PreKeyPair,
    identity: &IdentityKeyPair,
    device: &Device,
) -> OneTimePreKeyPublic {
    let unsigned = OneTimePreKeyPublic { id, key: pair.public(), signature: None };
    let signature = match pair.suite() {
        Suite::Classical => None,
        Suite::Hybrid => Some(identity.sign(&one_time_signature_input(device, &unsigned))),
    };
    OneTimePreKeyPublic { signature, ..unsigned }
}

/// Stored in order of id, each with how many ids were passed since the one before.
impl Stored for OneTimePreKeys {
    fn write(&self, out: &mut StateWriter) {
        let Self { keys, next_id, published_below } = self;
        next_id.write(out);
        published_below.write(out);
        out.put_count(keys.len());
        let mut free_id: u32 = 0;
        for (id, pair) in keys {
            id.saturating_sub(free_id).write(out);
            pair.write(out);
            free_id = id.saturating_add(1);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let next_id = Stored::read(reader)?;
        let published_below = Stored::read(reader)?;
        let mut keys = BTreeMap::new();
        let mut free_id: u32 = 0;
        for _ in 0..read_count(reader)? {
            let id = free_id.checked_add(Stored::read(reader)?).ok_or(DecodeError::Malformed)?;
            keys.insert(id, Stored::read(reader)?);
            free_id = id.checked_add(1).ok_or(DecodeError::Malformed)?;
        }
        // No id may be used again.
        if free_id > next_id || published_below > next_id {
            return Err(DecodeError::Malformed);
        }
        Ok(Self { keys, next_id, published_below })
    }
}

/// What suite 2 stores beside the rest.
impl OneTimePreKeys {
    pub(crate) fn pairs_mut(&mut self) -> impl Iterator<Item = &mut PreKeyPair> {
        self.keys.values_mut().map(Box::as_mut)
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = &PreKeyPair> {
        self.keys.values().map(Box::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Address;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    #[test]
    fn ids_count_up_from_one_and_end_before_they_repeat() {
        for suite in [Suite::Classical, Suite::Hybrid] {
            let mut rng = ChaCha20Rng::seed_from_u64(1);
            let mut keys = OneTimePreKeys::new();
            keys.generate(3, suite, 100, &mut rng);
            assert_eq!(keys.keys.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
            keys.next_id = u32::MAX - 1;
            keys.generate(3, suite, 100, &mut rng);
            assert_eq!(keys.len(), 4);
            assert!(keys.find(u32::MAX - 1).is_some() && keys.find(0).is_none());
        }
    }

    #[test]
    fn what_was_never_made_here_is_told() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let identity = IdentityKeyPair::generate(&mut rng);
        let address = Address::new("bob").unwrap();
        let device = Device { identity: *identity.public(), address };
        for suite in [Suite::Classical, Suite::Hybrid] {
            let mut keys = OneTimePreKeys::new();
            keys.generate(3, suite, 100, &mut rng);
            let made = keys.unpublished(&identity, &device);
            assert!(keys.made_all(&made));
            for (id, place) in [(4, 2), (3, 1)] {
                assert!(
                    !keys.made_all(&[OneTimePreKeyPublic { id, ..made[place].clone() }]),
                    "{id}"
                );
            }
            keys.spend(3);
            assert!(keys.made_all(&[OneTimePreKeyPublic { id: 3, ..made[1].clone() }]));
        }
    }

    #[test]
    fn a_store_that_would_use_an_id_again_is_refused() {
        for suite in [Suite::Classical, Suite::Hybrid] {
            let mut keys = OneTimePreKeys::new();
            keys.generate(3, suite, 100, &mut ChaCha20Rng::seed_from_u64(1));
            let stored = |keys: &OneTimePreKeys| {
                let mut out = StateWriter::new();
                keys.write(&mut out);
                out.into_bytes()
            };
            assert!(OneTimePreKeys::read(&mut Reader::new(&stored(&keys))).is_ok());
            for (next_id, published_below) in [(3, 1), (4, 5)] {
                (keys.next_id, keys.published_below) = (next_id, published_below);
                assert!(OneTimePreKeys::read(&mut Reader::new(&stored(&keys))).is_err());
            }
        }
    }
}
