//! Records of the scheduler, each sealed by itself (docs/protocol.md §14.6).

use alloc::vec::Vec;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::expiry::record::RecordWrite;
use crate::snapshot::sealed::{SnapshotError, StorageKey};
use crate::wire::codec::write_length_prefixed;

/// The kind of a record among all that is sealed.
const RECORD: u8 = 6;

/// Records of an [`ExpiryScheduler`](crate::expiry::ExpiryScheduler), for an application whose store is not encrypted
/// as a whole. A record opens under its own key alone, so that no two rows can be swapped.
impl StorageKey {
    /// Seals the value of a record, 50 bytes longer then, with one draw of 32 bytes; `None` if the record is
    /// to be deleted. `ad` says whose it is: the account, for instance.
    #[must_use]
    pub fn seal_record(
        &self,
        record: &RecordWrite,
        ad: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Option<Vec<u8>> {
        let ad = place(record.key.as_bytes(), ad);
        record.value.as_ref().map(|value| self.seal(value, RECORD, &ad, rng))
    }

    /// Opens the value that stands at this key, for
    /// [`ExpiryScheduler::from_records`](crate::expiry::ExpiryScheduler::from_records).
    ///
    /// # Errors
    ///
    /// A [`SnapshotError`], never [`SnapshotError::Corrupt`].
    pub fn open_record(
        &self,
        key: &[u8],
        sealed: &[u8],
        ad: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SnapshotError> {
        self.open(sealed, RECORD, &place(key, ad))
    }
}

/// Where a record stands: `LP8(key) ‖ ad`.
fn place(key: &[u8], ad: &[u8]) -> Vec<u8> {
    let mut place = Vec::new();
    write_length_prefixed(&mut place, key);
    place.extend_from_slice(ad);
    place
}
