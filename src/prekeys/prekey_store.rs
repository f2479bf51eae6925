//! The private halves of all prekeys: found, then spent exactly once; rotated and topped up.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::crypto::dh::DhKeyPair;
use crate::identity::{Address, IdentityKeyPair};
use crate::limits::PreKeyLimits;
use crate::prekeys::one_time_prekey::OneTimePreKeys;
use crate::prekeys::replay_record::ReplayError;
use crate::prekeys::signed_prekey::SignedPreKey;
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::prekey_upload::PreKeyUpload;

/// The prekeys of one device.
pub(crate) struct PreKeyStore {
    current: Box<SignedPreKey>,
    /// Whether the current signed prekey is known to be with the server.
    current_is_published: bool,
    /// Oldest first.
    replaced: Vec<ReplacedPreKey>,
    one_time: OneTimePreKeys,
}

/// A signed prekey that first messages still under way may name.
#[derive(Debug)]
struct ReplacedPreKey {
    prekey: Box<SignedPreKey>,
    replaced: Timestamp,
}

/// Which prekeys are held, as far as one must know to see a change.
#[derive(PartialEq)]
pub(crate) struct Extent {
    signed_id: u32,
    replaced: usize,
    next_one_time_id: u32,
    one_time: usize,
}

/// The secrets that a first message names.
pub(crate) struct FoundPreKeys<'store> {
    pub(crate) signed: &'store SignedPreKey,
    pub(crate) one_time: Option<&'store DhKeyPair>,
}

impl PreKeyStore {
    /// Draws the first signed prekey.
    pub(crate) fn generate(
        limits: &PreKeyLimits,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Self {
        Self {
            current: Box::new(SignedPreKey::generate(1, limits, now, rng)),
            current_is_published: false,
            replaced: Vec::new(),
            one_time: OneTimePreKeys::new(),
        }
    }

    /// Finds what a first message names; `None` if some of it is not held (any more).
    pub(crate) fn find(
        &self,
        signed_id: u32,
        one_time_id: Option<u32>,
    ) -> Option<FoundPreKeys<'_>> {
        let signed = self.signed().find(|prekey| prekey.id == signed_id)?;
        let one_time = match one_time_id {
            None => None,
            Some(id) => Some(self.one_time.find(id)?),
        };
        Some(FoundPreKeys { signed, one_time })
    }

    /// Settles an accepted handshake: its one-time prekey is deleted or, where there was none, its
    /// session id remembered.
    pub(crate) fn spend(&mut self, signed_id: u32, one_time_id: Option<u32>, session_id: [u8; 32]) {
        if let Some(id) = one_time_id {
            self.one_time.spend(id);
            return;
        }
        let replaced = self.replaced.iter_mut().map(|replaced| &mut replaced.prekey);
        let mut held = core::iter::once(&mut self.current).chain(replaced);
        if let Some(prekey) = held.find(|prekey| prekey.id == signed_id) {
            prekey.replay_record.remember(session_id);
        }
    }

    /// What is due at `now`: deletes what was replaced long ago, replaces the signed prekey, tops up
    /// the one-time prekeys.
    pub(crate) fn maintain(
        &mut self,
        limits: &PreKeyLimits,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        self.forget_replaced(limits, now);
        // The record's fill is in the hands of strangers, so it may not bring about rotations, each
        // of which keeps a record for weeks, without bound.
        let room = usize::try_from(limits.max_replaced_signed_prekeys)
            .is_ok_and(|most| self.replaced.len() < most / 2);
        let crowded = self.current.replay_record.is_nearly_full() && room;
        if crowded || self.current.is_due(limits, now) {
            self.rotate(limits, now, rng);
        }
        let held = u32::try_from(self.one_time.len()).unwrap_or(u32::MAX);
        let target = limits.one_time_prekeys.min(limits.max_one_time_prekeys);
        self.add_one_time(target.saturating_sub(held), limits, rng);
    }

    /// What differs after each change of the prekeys that are held.
    pub(crate) fn extent(&self) -> Extent {
        Extent {
            signed_id: self.current.id,
            replaced: self.replaced.len(),
            next_one_time_id: self.one_time.next_id(),
            one_time: self.one_time.len(),
        }
    }

    /// Replaces the signed prekey: one draw. Fewer than 2^32 can be made.
    pub(crate) fn rotate(
        &mut self,
        limits: &PreKeyLimits,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        self.forget_replaced(limits, now);
        let Some(id) = self.current.id.checked_add(1) else {
            return;
        };
        let next = Box::new(SignedPreKey::generate(id, limits, now, rng));
        let prekey = core::mem::replace(&mut self.current, next);
        if now >= prekey.created {
            // Those before it cannot have been replaced after it: if they say so, the clock ran ahead.
            self.replaced.iter_mut().for_each(|other| other.replaced = other.replaced.min(now));
        }
        // A clock that starts at zero before it is set must not make the grace look long over.
        let replaced = now.max(prekey.created);
        self.replaced.push(ReplacedPreKey { prekey, replaced });
        let most = usize::try_from(limits.max_replaced_signed_prekeys).unwrap_or(usize::MAX);
        let excess = self.replaced.len().saturating_sub(most);
        self.replaced.drain(..excess);
        self.current_is_published = false;
    }

    /// Makes `count` more one-time prekeys.
    pub(crate) fn add_one_time(
        &mut self,
        count: u32,
        limits: &PreKeyLimits,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        self.one_time.generate(count, limits.max_one_time_prekeys, rng);
    }

    /// Replaces all that others begin sessions with: a draw for the signed prekey, and one for each one-time prekey.
    pub(crate) fn replace(
        &mut self,
        limits: &PreKeyLimits,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        self.rotate(limits, now, rng);
        self.one_time.withhold_unpublished();
        self.add_one_time(limits.one_time_prekeys, limits, rng);
    }

    /// What the server is not known to have; `None` if it has all.
    pub(crate) fn unpublished(
        &self,
        identity: &IdentityKeyPair,
        address: &Address,
    ) -> Option<PreKeyUpload> {
        let one_time_prekeys = self.one_time.unpublished();
        if self.current_is_published && one_time_prekeys.is_empty() {
            return None;
        }
        Some(PreKeyUpload { signed_part: self.current.sign(identity, address), one_time_prekeys })
    }

    /// Notes that the server has what is in `upload`. Says whether that was not known.
    pub(crate) fn mark_published(&mut self, upload: &PreKeyUpload) -> bool {
        let before = (self.current_is_published, self.one_time.published_below());
        // A device that was restored from a backup has made other keys under the same ids before.
        let fields = &upload.signed_part.fields;
        if fields.id == self.current.id && fields.key == *self.current.pair.public() {
            self.current_is_published = true;
        }
        let one_time = &upload.one_time_prekeys;
        if let Some(last) = one_time.last().filter(|_| self.one_time.made_all(one_time)) {
            self.one_time.mark_published(last.id);
        }
        (self.current_is_published, self.one_time.published_below()) != before
    }

    fn signed(&self) -> impl Iterator<Item = &SignedPreKey> {
        let replaced = self.replaced.iter().map(|replaced| replaced.prekey.as_ref());
        core::iter::once(self.current.as_ref()).chain(replaced)
    }

    fn forget_replaced(&mut self, limits: &PreKeyLimits, now: Timestamp) {
        let horizon = now.minus(limits.signed_prekey_grace);
        self.replaced.retain(|replaced| replaced.replaced >= horizon);
    }
}

impl FoundPreKeys<'_> {
    /// Whether this handshake may still be accepted. With a one-time prekey it cannot be a replay.
    pub(crate) fn check_replay(&self, session_id: &[u8; 32]) -> Result<(), ReplayError> {
        match self.one_time {
            Some(_) => Ok(()),
            None => self.signed.replay_record.check(session_id),
        }
    }
}

stored!(PreKeyStore { current, current_is_published, replaced, one_time } if |store| {
    // No id may be used again.
    let replaced = store.replaced.iter().map(|replaced| replaced.prekey.id);
    replaced.chain([store.current.id]).is_sorted_by(|id, next| id < next)
});
stored!(ReplacedPreKey { prekey, replaced });

/// How many there are.
impl core::fmt::Debug for PreKeyStore {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut shown = formatter.debug_struct("PreKeys");
        shown.field("signed_id", &self.current.id).field("replaced", &self.replaced.len());
        shown.field("one_time", &self.one_time.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    const DAY: Duration = Duration::from_secs(86_400);

    fn fill(store: &mut PreKeyStore, count: usize) {
        for number in 0..count {
            let mut session_id = [0; 32];
            session_id[..8].copy_from_slice(&u64::try_from(number).unwrap().to_be_bytes());
            store.spend(store.current.id, None, session_id);
        }
    }

    #[test]
    fn a_nearly_full_replay_record_brings_about_a_rotation() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (limits, now) = (PreKeyLimits::default(), Timestamp::from_unix_seconds(1_000_000));
        let mut store = PreKeyStore::generate(&limits, now, &mut rng);
        fill(&mut store, 767);
        store.maintain(&limits, now, &mut rng);
        assert_eq!(store.current.id, 1);
        fill(&mut store, 768);
        store.maintain(&limits, now, &mut rng);
        assert_eq!(store.current.id, 2);
    }

    #[test]
    fn a_flood_of_handshakes_brings_about_a_bounded_number_of_rotations() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let (limits, now) = (PreKeyLimits::default(), Timestamp::from_unix_seconds(1_000_000));
        let mut store = PreKeyStore::generate(&limits, now, &mut rng);
        for _ in 0..100 {
            fill(&mut store, 1_024);
            store.maintain(&limits, now, &mut rng);
        }
        assert_eq!(store.replaced.len(), 8);
        let full = store.find(store.current.id, None).unwrap();
        assert_eq!(full.check_replay(&[0xff; 32]), Err(ReplayError::Full));
        store.maintain(&limits, now.plus(DAY.saturating_mul(7)), &mut rng);
        let fresh = store.find(store.current.id, None).unwrap();
        assert_eq!(fresh.check_replay(&[0xff; 32]), Ok(()));
    }

    #[test]
    fn a_signed_prekey_from_a_clock_that_ran_ahead_is_replaced() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let limits = PreKeyLimits::default();
        let ahead = Timestamp::from_unix_seconds(1_000_000_000);
        let mut store = PreKeyStore::generate(&limits, ahead, &mut rng);
        store.maintain(&limits, ahead.minus(DAY), &mut rng);
        assert_eq!(store.current.id, 1);
        store.maintain(&limits, ahead.minus(DAY.saturating_mul(2)), &mut rng);
        assert_eq!(store.current.id, 2);
    }

    #[test]
    fn a_secret_replaced_while_the_clock_ran_ahead_goes_after_the_next_rotation() {
        let mut rng = ChaCha20Rng::seed_from_u64(6);
        let (limits, now) = (PreKeyLimits::default(), Timestamp::from_unix_seconds(1_000_000_000));
        let mut store = PreKeyStore::generate(&limits, now, &mut rng);
        store.maintain(&limits, now.plus(DAY.saturating_mul(36_500)), &mut rng);
        for day in 0..38 {
            store.maintain(&limits, now.plus(DAY.saturating_mul(day)), &mut rng);
            assert!(store.find(1, None).is_some() && store.find(2, None).is_some(), "day {day}");
        }
        store.maintain(&limits, now.plus(DAY.saturating_mul(38)), &mut rng);
        assert!(store.find(1, None).is_none() && store.find(2, None).is_none());
    }

    #[test]
    fn a_flood_of_handshakes_does_not_shorten_the_grace() {
        let mut rng = ChaCha20Rng::seed_from_u64(8);
        let (limits, now) = (PreKeyLimits::default(), Timestamp::from_unix_seconds(1_000_000_000));
        let mut store = PreKeyStore::generate(&limits, now, &mut rng);
        for day in 0..=30 {
            fill(&mut store, 1_024);
            store.maintain(&limits, now.plus(DAY.saturating_mul(day)), &mut rng);
            assert!(store.find(1, None).is_some(), "day {day}");
        }
        store.maintain(&limits, now.plus(DAY.saturating_mul(31)), &mut rng);
        assert!(store.find(1, None).is_none());
    }

    #[test]
    fn a_start_before_the_clock_is_set_loses_no_prekey() {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let (limits, now) = (PreKeyLimits::default(), Timestamp::from_unix_seconds(1_000_000_000));
        let mut store = PreKeyStore::generate(&limits, now, &mut rng);
        store.maintain(&limits, Timestamp::default(), &mut rng);
        assert_eq!(store.current.id, 2);
        store.maintain(&limits, now, &mut rng);
        assert!(store.find(1, None).is_some());
        store.maintain(&limits, now.plus(DAY.saturating_mul(31)), &mut rng);
        assert!(store.find(1, None).is_none());
    }

    #[test]
    fn a_target_above_the_most_that_is_held_makes_no_prekeys_in_vain() {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let now = Timestamp::from_unix_seconds(1_000_000_000);
        let limits =
            PreKeyLimits { one_time_prekeys: 9, max_one_time_prekeys: 4, ..Default::default() };
        let mut store = PreKeyStore::generate(&limits, now, &mut rng);
        store.maintain(&limits, now, &mut rng);
        store.maintain(&limits, now, &mut rng);
        assert!(store.find(1, Some(1)).is_some() && store.find(1, Some(4)).is_some());
        assert!(store.find(1, Some(5)).is_none());
    }
}
