//! The private halves of all prekeys: found, then spent exactly once; rotated and topped up.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::identity::{Address, Device, IdentityKeyPair};
use crate::limits::PreKeyLimits;
use crate::prekeys::found_prekeys::{FoundPreKeys, UsedPreKeys};
use crate::prekeys::one_time_prekey::OneTimePreKeys;
use crate::prekeys::publication::{Publication, StockDisagreement};
use crate::prekeys::published::MAX_ONE_TIME_PREKEYS;
use crate::prekeys::signed_prekey::{ReplacedPreKey, SignedPreKey};
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::prekey_stock::{DeviceDigest, PreKeyStock};
use crate::wire::prekey_upload::PreKeyUpload;
use crate::wire::suite::Suite;

/// How many ids are passed over at most because a server says that it has had them, so that one that lies cannot use
/// them all up; and how many one-time ids after a restore.
const MAX_PASSED_OVER: u32 = 1 << 20;

/// How many ids of signed prekeys are passed over after a restore: those of 78 years.
const PASSED_OVER_AFTER_RESTORE: u32 = 1 << 12;

/// The prekeys of one device.
pub(crate) struct PreKeyStore {
    current: Box<SignedPreKey>,
    publication: Publication,
    /// Oldest first.
    replaced: Vec<ReplacedPreKey>,
    one_time: OneTimePreKeys,
}

/// Which prekeys are held, as far as one must know to see a change.
#[derive(PartialEq)]
pub(crate) struct Extent {
    signed_id: u32,
    publication: Publication,
    replaced: usize,
    next_one_time_id: u32,
    published_below: u32,
    one_time: usize,
}

impl PreKeyStore {
    /// Draws the first signed prekey. The suite is that of all later prekeys too.
    pub(crate) fn generate(
        suite: Suite,
        limits: &PreKeyLimits,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Self {
        Self {
            current: Box::new(SignedPreKey::generate(1, suite, limits, now, rng)),
            publication: Publication::Pending,
            replaced: Vec::new(),
            one_time: OneTimePreKeys::new(),
        }
    }

    pub(crate) fn suite(&self) -> Suite {
        self.current.pair.suite()
    }

    /// Finds what a first message names; `None` if some of it is not held (any more).
    pub(crate) fn find(
        &self,
        signed_id: u32,
        one_time_id: Option<u32>,
    ) -> Option<FoundPreKeys<'_>> {
        let (signed, former_address) = self.signed().find(|(prekey, _)| prekey.id == signed_id)?;
        let one_time = match one_time_id {
            None => None,
            Some(id) => Some(self.one_time.find(id)?),
        };
        Some(FoundPreKeys { signed, one_time, former_address })
    }

    /// Settles an accepted handshake: its one-time prekey is deleted or, where there was none, its
    /// session id remembered. The public halves of its signed prekey are held.
    pub(crate) fn spend(&mut self, used: UsedPreKeys, session_id: [u8; 32]) {
        let UsedPreKeys { signed_id, signed_prekey, one_time_id } = used;
        let replaced = self.replaced.iter_mut().map(|replaced| &mut replaced.prekey);
        let mut held = core::iter::once(&mut self.current).chain(replaced);
        if let Some(prekey) = held.find(|prekey| prekey.id == signed_id) {
            prekey.hold(signed_prekey);
            if one_time_id.is_none() {
                prekey.replay_record.remember(session_id);
            }
        }
        if let Some(id) = one_time_id {
            self.one_time.spend(id);
        }
    }

    /// What is due at `now`: deletes what was replaced long ago, replaces the signed prekey, tops up
    /// the one-time prekeys; all, where the server disagrees.
    pub(crate) fn maintain(
        &mut self,
        stock: Option<&PreKeyStock>,
        device: DeviceDigest,
        limits: &PreKeyLimits,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Option<StockDisagreement> {
        let disagreement = stock.and_then(|stock| self.disagreement(stock, device));
        self.forget_replaced(limits, now);
        // The record's fill is in the hands of strangers, and the stock in the server's, so they may not bring about
        // rotations, each of which keeps a record for weeks, without bound.
        let most = usize::try_from(limits.max_replaced_signed_prekeys).unwrap_or(usize::MAX) / 2;
        if let (Some(stock), Some(_)) = (stock, disagreement) {
            if !self.mends(stock) && self.replaced.len() < most.max(1) {
                self.replace_offer(stock.signed_prekey_id, stock.highest_id, limits, now, rng);
                return disagreement;
            }
        }
        let crowded = self.current.replay_record.is_nearly_full() && self.replaced.len() < most;
        if crowded || self.current.is_due(limits, now) {
            self.rotate(limits, now, rng);
        }
        let left = match (stock, disagreement) {
            (Some(stock), None) => {
                // Of another device at this address none is ours.
                let ours = Some(stock).filter(|stock| stock.device == device.0);
                ours.inspect(|stock| self.note(stock));
                let left = ours.map_or(0, |stock| stock.one_time_prekeys);
                let left = usize::try_from(left).unwrap_or(usize::MAX);
                left.saturating_add(self.one_time.unpublished_count())
            }
            (Some(_), Some(_)) | (None, _) => self.one_time.len(),
        };
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        let missing = target(limits).saturating_sub(left);
        self.add_one_time(missing, limits, rng);
        disagreement
    }

    /// Whether the server has what this account published, and offers only what is held here.
    fn disagreement(&self, stock: &PreKeyStock, device: DeviceDigest) -> Option<StockDisagreement> {
        let was_published = self.publication == Publication::Done;
        if *stock == PreKeyStock::NOTHING {
            return Some(StockDisagreement::ServerWentBack).filter(|_| was_published);
        }
        if stock.device != device.0 {
            return Some(StockDisagreement::OtherDevice).filter(|_| was_published);
        }
        let id = stock.signed_prekey_id;
        let was_ever_made = id <= self.current.id
            && stock.highest_id.is_none_or(|highest| highest < self.one_time.next_id());
        if !was_ever_made {
            return Some(StockDisagreement::AccountWentBack);
        }
        if id < self.current.id && was_published {
            return Some(StockDisagreement::ServerWentBack);
        }
        let offered = self.signed().find(|(prekey, _)| prekey.id == id).map(|(prekey, _)| {
            let range = stock.lowest_id.zip(stock.highest_id);
            let held = range.map(|(lowest, highest)| self.one_time.between(lowest, highest));
            let held = held.into_iter().flatten();
            PreKeyStock::of(device, id, prekey.pair.agreement.public(), held, stock.highest_id)
        });
        if offered.as_ref() == Some(stock) { None } else { Some(StockDisagreement::NotHeld) }
    }

    /// Whether an upload is pending already that will take the place of all that the server has.
    fn mends(&self, stock: &PreKeyStock) -> bool {
        self.publication == Publication::PendingInPlaceOfAll
            && self.current.id > stock.signed_prekey_id
    }

    /// Notes what a server has that agrees.
    fn note(&mut self, stock: &PreKeyStock) {
        if stock.signed_prekey_id == self.current.id {
            self.publication = Publication::Done;
        }
        if let Some(highest) = stock.highest_id {
            self.one_time.mark_published(highest);
        }
    }

    /// What differs after each change of the prekeys that are held.
    pub(crate) fn extent(&self) -> Extent {
        Extent {
            signed_id: self.current.id,
            publication: self.publication,
            replaced: self.replaced.len(),
            next_one_time_id: self.one_time.next_id(),
            published_below: self.one_time.published_below(),
            one_time: self.one_time.len(),
        }
    }

    /// Replaces the signed prekey: one draw, in suite 2 two. Fewer than 2^32 can be made.
    pub(crate) fn rotate(
        &mut self,
        limits: &PreKeyLimits,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        self.rotate_after(self.current.id, limits, now, rng);
    }

    /// The same, and the new one has a higher id than `after`.
    fn rotate_after(
        &mut self,
        after: u32,
        limits: &PreKeyLimits,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        self.forget_replaced(limits, now);
        let Some(id) = after.max(self.current.id).checked_add(1) else {
            return;
        };
        let next = Box::new(SignedPreKey::generate(id, self.suite(), limits, now, rng));
        let prekey = core::mem::replace(&mut self.current, next);
        if now >= prekey.created {
            // Those before it cannot have been replaced after it: if they say so, the clock ran ahead.
            self.replaced.iter_mut().for_each(|other| other.replaced = other.replaced.min(now));
        }
        // A clock that starts at zero before it is set must not make the grace look long over.
        let replaced = now.max(prekey.created);
        self.replaced.push(ReplacedPreKey { prekey, replaced, former_address: None });
        let most = usize::try_from(limits.max_replaced_signed_prekeys).unwrap_or(usize::MAX);
        let excess = self.replaced.len().saturating_sub(most);
        self.replaced.drain(..excess);
        self.publication = match self.publication {
            Publication::Pending | Publication::Done => Publication::Pending,
            Publication::PendingInPlaceOfAll => Publication::PendingInPlaceOfAll,
        };
    }

    /// Makes `count` more one-time prekeys.
    pub(crate) fn add_one_time(
        &mut self,
        count: u32,
        limits: &PreKeyLimits,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        self.one_time.generate(count, self.suite(), limits.max_one_time_prekeys, rng);
    }

    /// Replaces all that others begin sessions with, and keeps what was there before for those who have it: a draw for
    /// the signed prekey, and one for each one-time prekey, in suite 2 two for each.
    pub(crate) fn republish(
        &mut self,
        limits: &PreKeyLimits,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        self.replace_offer(0, None, limits, now, rng);
    }

    /// The same for a device that leaves `former`: what was published for that serves those who have it.
    pub(crate) fn leave(
        &mut self,
        former: &Address,
        limits: &PreKeyLimits,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        self.republish(limits, now, rng);
        for replaced in &mut self.replaced {
            replaced.former_address.get_or_insert_with(|| former.clone());
        }
    }

    /// The same, and keeps nothing. Passes over ids that may have been used since the backup.
    pub(crate) fn replace(
        &mut self,
        limits: &PreKeyLimits,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        let signed_id = passed_over(self.current.id, PASSED_OVER_AFTER_RESTORE);
        let one_time_id = passed_over(self.one_time.next_id(), MAX_PASSED_OVER);
        self.one_time.delete_all();
        self.replace_offer(signed_id, Some(one_time_id), limits, now, rng);
        self.replaced.clear();
    }

    /// Offers all new ones, with higher ids than a server has had, unless those are too far away.
    fn replace_offer(
        &mut self,
        signed_id: u32,
        one_time_id: Option<u32>,
        limits: &PreKeyLimits,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        let is_near = |id: &u32, from: u32| *id <= passed_over(from, MAX_PASSED_OVER);
        let signed_id = Some(signed_id).filter(|id| is_near(id, self.current.id));
        self.rotate_after(signed_id.unwrap_or(0), limits, now, rng);
        let one_time_id = one_time_id.filter(|id| is_near(id, self.one_time.next_id()));
        self.one_time.pass_over(one_time_id.unwrap_or(0));
        self.add_one_time(target(limits), limits, rng);
        self.publication = Publication::PendingInPlaceOfAll;
    }

    /// What the server is not known to have; `None` if it has all.
    pub(crate) fn unpublished(
        &self,
        identity: &IdentityKeyPair,
        address: &Address,
    ) -> Option<PreKeyUpload> {
        let replaces_all = match self.publication {
            Publication::Done if self.one_time.is_all_published() => return None,
            Publication::Done | Publication::Pending => false,
            Publication::PendingInPlaceOfAll => true,
        };
        let signed_part = self.current.sign(identity, address);
        let device = Device { identity: *identity.public(), address: address.clone() };
        let one_time_prekeys = self.one_time.unpublished(identity, &device);
        Some(PreKeyUpload { signed_part, one_time_prekeys, replaces_all })
    }

    /// Notes that the server has what is in `upload`. Says whether that was not known.
    pub(crate) fn mark_published(&mut self, upload: &PreKeyUpload) -> bool {
        let before = (self.publication, self.one_time.published_below());
        // A device that was restored from a backup has made other keys under the same ids before.
        let fields = &upload.signed_part.fields;
        if fields.id == self.current.id
            && fields.key.agreement == *self.current.pair.agreement.public()
        {
            self.publication = Publication::Done;
        }
        let one_time = &upload.one_time_prekeys;
        if let Some(last) = one_time.last().filter(|_| self.one_time.made_all(one_time)) {
            self.one_time.mark_published(last.id);
        }
        (self.publication, self.one_time.published_below()) != before
    }

    /// All that are held, and the addresses that they were published for, where the device has left them.
    fn signed(&self) -> impl Iterator<Item = (&SignedPreKey, Option<&Address>)> {
        let replaced = self.replaced.iter();
        let replaced =
            replaced.map(|replaced| (replaced.prekey.as_ref(), replaced.former_address.as_ref()));
        core::iter::once((self.current.as_ref(), None)).chain(replaced)
    }

    /// Writes what suite 2 stores beside the rest: the second secret of each prekey.
    pub(crate) fn write_encapsulation(&self, out: &mut StateWriter) {
        let replaced = self.replaced.iter().map(|replaced| &replaced.prekey.pair);
        let signed = core::iter::once(&self.current.pair).chain(replaced);
        signed.chain(self.one_time.pairs()).for_each(|pair| pair.write_encapsulation(out));
    }

    /// Reads the same.
    pub(crate) fn read_encapsulation(
        &mut self,
        reader: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        let replaced = self.replaced.iter_mut().map(|replaced| &mut replaced.prekey.pair);
        let signed = core::iter::once(&mut self.current.pair).chain(replaced);
        let mut all = signed.chain(self.one_time.pairs_mut());
        all.try_for_each(|pair| pair.read_encapsulation(reader))
    }

    fn forget_replaced(&mut self, limits: &PreKeyLimits, now: Timestamp) {
        let horizon = now.minus(limits.signed_prekey_grace);
        self.replaced.retain(|replaced| replaced.replaced >= horizon);
    }
}

stored!(PreKeyStore { current, publication, replaced, one_time } if |store| {
    // No id may be used again.
    let replaced = store.replaced.iter().map(|replaced| replaced.prekey.id);
    replaced.chain([store.current.id]).is_sorted_by(|id, next| id < next)
});

/// How many one-time prekeys are to be on offer. What a server has no room for would be made anew every day.
fn target(limits: &PreKeyLimits) -> u32 {
    let most = u32::try_from(MAX_ONE_TIME_PREKEYS).unwrap_or(u32::MAX);
    limits.one_time_prekeys.min(limits.max_one_time_prekeys).min(most)
}

/// So many ids further on; fewer where they come to an end.
fn passed_over(id: u32, count: u32) -> u32 {
    id.saturating_add(count.min(u32::MAX.saturating_sub(id) / 2))
}

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
    use crate::prekeys::replay_record::ReplayError;
    use core::time::Duration;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    const DAY: Duration = Duration::from_secs(86_400);

    fn maintain(
        store: &mut PreKeyStore,
        limits: &PreKeyLimits,
        now: Timestamp,
        rng: &mut ChaCha20Rng,
    ) {
        assert_eq!(store.maintain(None, DeviceDigest([0; 16]), limits, now, rng), None);
    }

    fn fill(store: &mut PreKeyStore, count: usize) {
        for number in 0..count {
            let mut session_id = [0; 32];
            session_id[..8].copy_from_slice(&u64::try_from(number).unwrap().to_be_bytes());
            let (signed_id, signed_prekey) = (store.current.id, store.current.public());
            store.spend(UsedPreKeys { signed_id, signed_prekey, one_time_id: None }, session_id);
        }
    }

    #[test]
    fn a_nearly_full_replay_record_brings_about_a_rotation() {
        for suite in [Suite::Classical, Suite::Hybrid] {
            let mut rng = ChaCha20Rng::seed_from_u64(1);
            let (limits, now) = (PreKeyLimits::default(), Timestamp::from_unix_seconds(1_000_000));
            let mut store = PreKeyStore::generate(suite, &limits, now, &mut rng);
            fill(&mut store, 767);
            maintain(&mut store, &limits, now, &mut rng);
            assert_eq!(store.current.id, 1);
            fill(&mut store, 768);
            maintain(&mut store, &limits, now, &mut rng);
            assert_eq!(store.current.id, 2);
        }
    }

    #[test]
    fn a_flood_of_handshakes_brings_about_a_bounded_number_of_rotations() {
        for suite in [Suite::Classical, Suite::Hybrid] {
            let mut rng = ChaCha20Rng::seed_from_u64(2);
            let (limits, now) = (PreKeyLimits::default(), Timestamp::from_unix_seconds(1_000_000));
            let mut store = PreKeyStore::generate(suite, &limits, now, &mut rng);
            for _ in 0..100 {
                fill(&mut store, 1_024);
                maintain(&mut store, &limits, now, &mut rng);
            }
            assert_eq!(store.replaced.len(), 8);
            let full = store.find(store.current.id, None).unwrap();
            assert_eq!(full.check_replay(&[0xff; 32]), Err(ReplayError::Full));
            maintain(&mut store, &limits, now.plus(DAY.saturating_mul(7)), &mut rng);
            let fresh = store.find(store.current.id, None).unwrap();
            assert_eq!(fresh.check_replay(&[0xff; 32]), Ok(()));
        }
    }

    #[test]
    fn a_signed_prekey_from_a_clock_that_ran_ahead_is_replaced() {
        for suite in [Suite::Classical, Suite::Hybrid] {
            let mut rng = ChaCha20Rng::seed_from_u64(3);
            let limits = PreKeyLimits::default();
            let ahead = Timestamp::from_unix_seconds(1_000_000_000);
            let mut store = PreKeyStore::generate(suite, &limits, ahead, &mut rng);
            maintain(&mut store, &limits, ahead.minus(DAY), &mut rng);
            assert_eq!(store.current.id, 1);
            maintain(&mut store, &limits, ahead.minus(DAY.saturating_mul(2)), &mut rng);
            assert_eq!(store.current.id, 2);
        }
    }

    #[test]
    fn a_secret_replaced_while_the_clock_ran_ahead_goes_after_the_next_rotation() {
        for suite in [Suite::Classical, Suite::Hybrid] {
            let mut rng = ChaCha20Rng::seed_from_u64(6);
            let (limits, now) =
                (PreKeyLimits::default(), Timestamp::from_unix_seconds(1_000_000_000));
            let mut store = PreKeyStore::generate(suite, &limits, now, &mut rng);
            maintain(&mut store, &limits, now.plus(DAY.saturating_mul(36_500)), &mut rng);
            for day in 0..38 {
                maintain(&mut store, &limits, now.plus(DAY.saturating_mul(day)), &mut rng);
                assert!(
                    store.find(1, None).is_some() && store.find(2, None).is_some(),
                    "day {day}"
                );
            }
            maintain(&mut store, &limits, now.plus(DAY.saturating_mul(38)), &mut rng);
            assert!(store.find(1, None).is_none() && store.find(2, None).is_none());
        }
    }

    #[test]
    fn a_flood_of_handshakes_does_not_shorten_the_grace() {
        for suite in [Suite::Classical, Suite::Hybrid] {
            let mut rng = ChaCha20Rng::seed_from_u64(8);
            let (limits, now) =
                (PreKeyLimits::default(), Timestamp::from_unix_seconds(1_000_000_000));
            let mut store = PreKeyStore::generate(suite, &limits, now, &mut rng);
            for day in 0..=30 {
                fill(&mut store, 1_024);
                maintain(&mut store, &limits, now.plus(DAY.saturating_mul(day)), &mut rng);
                assert!(store.find(1, None).is_some(), "day {day}");
            }
            maintain(&mut store, &limits, now.plus(DAY.saturating_mul(31)), &mut rng);
            assert!(store.find(1, None).is_none());
        }
    }

    #[test]
    fn a_start_before_the_clock_is_set_loses_no_prekey() {
        for suite in [Suite::Classical, Suite::Hybrid] {
            let mut rng = ChaCha20Rng::seed_from_u64(4);
            let (limits, now) =
                (PreKeyLimits::default(), Timestamp::from_unix_seconds(1_000_000_000));
            let mut store = PreKeyStore::generate(suite, &limits, now, &mut rng);
            maintain(&mut store, &limits, Timestamp::default(), &mut rng);
            assert_eq!(store.current.id, 2);
            maintain(&mut store, &limits, now, &mut rng);
            assert!(store.find(1, None).is_some());
            maintain(&mut store, &limits, now.plus(DAY.saturating_mul(31)), &mut rng);
            assert!(store.find(1, None).is_none());
        }
    }

    #[test]
    fn a_target_above_the_most_that_is_held_makes_no_prekeys_in_vain() {
        for suite in [Suite::Classical, Suite::Hybrid] {
            let mut rng = ChaCha20Rng::seed_from_u64(5);
            let now = Timestamp::from_unix_seconds(1_000_000_000);
            let limits =
                PreKeyLimits { one_time_prekeys: 9, max_one_time_prekeys: 4, ..Default::default() };
            let mut store = PreKeyStore::generate(suite, &limits, now, &mut rng);
            maintain(&mut store, &limits, now, &mut rng);
            maintain(&mut store, &limits, now, &mut rng);
            assert!(store.find(1, Some(1)).is_some() && store.find(1, Some(4)).is_some());
            assert!(store.find(1, Some(5)).is_none());
        }
    }
}
