//! Keys that serve one handshake each.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::crypto::dh::DhKeyPair;
use crate::wire::prekey_bundle::OneTimePreKeyPublic;

/// The private halves of the one-time prekeys (OPK) that have not been spent.
///
/// Boxed, so that the map moves pointers: a secret that its nodes moved would leave copies behind.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub(crate) struct OneTimePreKeys {
    keys: BTreeMap<u32, Box<DhKeyPair>>,
    /// The id of the next one: ids count up from 1 and never repeat.
    next_id: u32,
    /// Ids below this are known to be with the server.
    published_below: u32,
}

impl OneTimePreKeys {
    pub(crate) fn new() -> Self {
        Self { keys: BTreeMap::new(), next_id: 1, published_below: 1 }
    }

    /// How many are held.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Makes up to `count` more, in order of id, one draw each; then the oldest above `most` go. Fewer
    /// only when 2^32 ids have been used up.
    pub(crate) fn generate(&mut self, count: u32, most: u32, rng: &mut (impl CryptoRng + ?Sized)) {
        for _ in 0..count.min(most) {
            let Some(next_id) = self.next_id.checked_add(1) else {
                break;
            };
            self.keys.insert(self.next_id, Box::new(DhKeyPair::generate(rng)));
            self.next_id = next_id;
        }
        while usize::try_from(most).is_ok_and(|most| self.keys.len() > most) {
            self.keys.pop_first();
        }
    }

    pub(crate) fn find(&self, id: u32) -> Option<&DhKeyPair> {
        self.keys.get(&id).map(Box::as_ref)
    }

    /// Deletes one: it has served its handshake.
    pub(crate) fn spend(&mut self, id: u32) {
        self.keys.remove(&id);
    }

    /// The public halves that are not known to be with the server, in order of id.
    pub(crate) fn unpublished(&self) -> Vec<OneTimePreKeyPublic> {
        self.keys
            .range(self.published_below..)
            .map(|(id, pair)| OneTimePreKeyPublic { id: *id, key: *pair.public() })
            .collect()
    }

    /// Notes that the server has those up to `id`.
    pub(crate) fn mark_published(&mut self, id: u32) {
        let below = id.saturating_add(1).min(self.next_id);
        self.published_below = self.published_below.max(below);
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for OneTimePreKeys {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct OneTimePreKeys {
            keys: BTreeMap<u32, Box<DhKeyPair>>,
            next_id: u32,
            published_below: u32,
        }
        let OneTimePreKeys { keys, next_id, published_below } =
            OneTimePreKeys::deserialize(deserializer)?;
        let last = keys.last_key_value().map_or(0, |(id, _)| *id);
        if last >= next_id || published_below > next_id {
            return Err(serde::de::Error::custom("a one-time prekey's id would be used again"));
        }
        Ok(Self { keys, next_id, published_below })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    #[test]
    fn ids_count_up_from_one_and_end_before_they_repeat() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut keys = OneTimePreKeys::new();
        keys.generate(3, 100, &mut rng);
        let ids: Vec<u32> = keys.unpublished().iter().map(|prekey| prekey.id).collect();
        assert_eq!(ids, [1, 2, 3]);
        keys.next_id = u32::MAX - 1;
        keys.generate(3, 100, &mut rng);
        assert_eq!(keys.len(), 4);
        assert!(keys.find(u32::MAX - 1).is_some() && keys.find(0).is_none());
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_store_that_would_use_an_id_again_is_refused() {
        let mut keys = OneTimePreKeys::new();
        keys.generate(3, 100, &mut ChaCha20Rng::seed_from_u64(1));
        let honest = serde_json::to_value(&keys).unwrap();
        assert!(serde_json::from_value::<OneTimePreKeys>(honest.clone()).is_ok());
        for (field, value) in [("next_id", 3), ("published_below", 5)] {
            let mut damaged = honest.clone();
            damaged[field] = value.into();
            assert!(serde_json::from_value::<OneTimePreKeys>(damaged).is_err());
        }
    }
}
