//! Stored state, sealed under a key of the application's (docs/protocol.md §10).

use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::crypto::aead::{SivKey, TAG_LENGTH};
use crate::crypto::kdf::{HmacKey, hkdf};
use crate::crypto::secret::Secret;
use crate::wire::codec::{DecodeError, Reader};

/// Derives the key of one snapshot.
const SNAPSHOT_LABEL: &[u8] = b"evanesce/v1 snapshot";

/// Derives the key under which rows are named.
const ROW_NAME_LABEL: &[u8] = b"evanesce/v1 row name";

/// The sealed form's version.
const VERSION: u8 = 1;

/// Bytes of the salt: one draw.
const SALT_LENGTH: usize = 32;

/// Seals state that leaves memory: 32 bytes that the application keeps where secrets are kept (the
/// operating system's key store, or derived from a passphrase).
///
/// ```
/// # use evanesce::snapshot::StorageKey;
/// # use evanesce::{Account, Address, Timestamp};
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let mut rng = ChaCha20Rng::from_seed([1; 32]);
/// # let account = Account::generate(Address::new("user-17/device-1")?, Timestamp::from_unix_seconds(1), &mut rng);
/// let key = StorageKey::new(&[7; 32]);
/// let row = account.seal(&key, b"accounts/alice", &mut rng);
///
/// let account = Account::unseal(&row, &key, b"accounts/alice")?;
/// assert!(Account::unseal(&row, &key, b"accounts/bob").is_err(), "rows cannot be swapped");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// An older row put back in its place opens: only the store can guard against that.
pub struct StorageKey(Secret<32>);

/// Why stored state cannot be taken back. None of these is a reason to begin anew without asking: what is
/// lost with an account is the identity that others know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It is cut off, or longer than it says, or breaks the encoding.
    Malformed,
    /// Of another version: a newer release wrote it, or it is not sealed at all.
    Unsupported,
    /// It is of another kind than the one asked for, or was never a snapshot.
    WrongKind,
    /// It was sealed under another key or for another place, or was altered. A sealed state that was cut
    /// off cannot be told from these, unless hardly anything is left.
    Undecryptable,
    /// It is not sealed, and some of its bytes have changed since it was written.
    Corrupt,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "the stored state is malformed",
            Self::Unsupported => "the stored state is of an unsupported version",
            Self::WrongKind => "the stored state is of another kind",
            Self::Undecryptable => "the stored state does not open",
            Self::Corrupt => "the stored state was damaged",
        })
    }
}

impl core::error::Error for SnapshotError {}

impl StorageKey {
    /// Takes the key; wipe your own copy.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(Secret::filled_by(|out| out.copy_from_slice(bytes)))
    }

    /// Seals any `state` of the application's own, 50 bytes longer then, with one draw of 32 bytes. Use
    /// kinds from 64 on: those below are this crate's. `ad` names the row in which it will stand.
    ///
    /// ```text
    /// | version: 1 | kind: 1 | salt: 32 | sealed state |
    /// ```
    ///
    /// # Panics
    ///
    /// If `state` or `ad` has more than 64 GiB, where GCM-SIV ends.
    #[must_use]
    pub fn seal(
        &self,
        state: &[u8],
        kind: u8,
        ad: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Vec<u8> {
        let mut salt = [0; SALT_LENGTH];
        rng.fill_bytes(&mut salt);
        let lengths = [2, SALT_LENGTH, state.len(), TAG_LENGTH];
        let mut sealed = Vec::with_capacity(lengths.iter().sum());
        sealed.extend_from_slice(&[VERSION, kind]);
        sealed.extend_from_slice(&salt);
        let start = sealed.len();
        sealed.extend_from_slice(state);
        let (_, text) = sealed.split_at_mut(start);
        let key = self.snapshot_key(kind, &salt);
        let tag = SivKey::new(&key).seal(text, &[&[VERSION, kind], ad].concat());
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// Opens what [`StorageKey::seal`] made with the same `kind` and `ad`.
    ///
    /// # Errors
    ///
    /// A [`SnapshotError`], the first that holds in the order of its variants.
    pub fn open(
        &self,
        sealed: &[u8],
        kind: u8,
        ad: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SnapshotError> {
        let mut reader = Reader::new(sealed);
        let [version, its_kind] = *reader.array::<2>()?;
        let salt = reader.array::<SALT_LENGTH>()?;
        let (text, tag) = reader.rest().split_last_chunk().ok_or(SnapshotError::Malformed)?;
        if version != VERSION {
            return Err(SnapshotError::Unsupported);
        }
        if its_kind != kind {
            return Err(SnapshotError::WrongKind);
        }
        let mut state = Zeroizing::new(text.to_vec());
        let key = self.snapshot_key(kind, salt);
        SivKey::new(&key)
            .open(&mut state, tag, &[&[VERSION, kind], ad].concat())
            .ok_or(SnapshotError::Undecryptable)?;
        Ok(state)
    }

    /// A name for a row that tells nobody without the key what it is, or of whom: the same for the same `row`, which
    /// is what the application calls it. Use it as the primary key, and as the `ad` of what is sealed in the row.
    ///
    /// ```
    /// # let key = evanesce::snapshot::StorageKey::new(&[7; 32]);
    /// assert_ne!(key.row_name(b"peers/bob"), key.row_name(b"peers/carol"));
    /// ```
    ///
    /// How many rows there are, how long, and when each changes, the store still shows.
    #[must_use]
    pub fn row_name(&self, row: &[u8]) -> [u8; 32] {
        let [key] = hkdf(&[], &[self.0.as_bytes()], &[ROW_NAME_LABEL]);
        HmacKey::new(&key).tag(&[row])
    }

    // docs/protocol.md §10: HKDF(salt, storage_key, label ‖ kind, 32)
    fn snapshot_key(&self, kind: u8, salt: &[u8; SALT_LENGTH]) -> Secret<32> {
        let [key] = hkdf(salt, &[self.0.as_bytes()], &[SNAPSHOT_LABEL, &[kind]]);
        key
    }
}

impl fmt::Debug for StorageKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StorageKey(..)")
    }
}

impl From<DecodeError> for SnapshotError {
    fn from(_: DecodeError) -> Self {
        Self::Malformed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Draws, Fields};

    #[test]
    fn vectors_snapshot() {
        for case in known_answers::section("snapshot") {
            let storage_key = StorageKey::new(&case.array("storage_key"));
            let kind = u8::try_from(case.number("kind")).unwrap();
            let (ad, content) = (case.bytes("ad"), case.bytes("content"));
            assert_eq!(storage_key.snapshot_key(kind, &case.array("rng")), case.secret("key"));
            let sealed = storage_key.seal(&content, kind, &ad, &mut Draws(case.bytes("rng")));
            assert_eq!(sealed, case.bytes("sealed"));
            assert_eq!(*storage_key.open(&sealed, kind, &ad).unwrap(), content);
        }
    }

    /// The answer was computed with Python's `hmac`.
    #[test]
    fn a_row_has_the_name_that_the_protocol_says() {
        let name = StorageKey::new(&[7; 32]).row_name(b"peers/bob");
        let expected = "7e82e953e5e18299300b9e24f63d5fe7c7a77226e16223cc0ba5e5cf90b82999";
        assert_eq!(hex::encode(name), expected);
    }

    #[test]
    fn vectors_snapshot_refused() {
        for case in known_answers::section("snapshot_refused") {
            let storage_key = StorageKey::new(&case.array("storage_key"));
            let kind = u8::try_from(case.number("kind")).unwrap();
            let error = storage_key.open(&case.bytes("sealed"), kind, &case.bytes("ad"));
            let name = match error.unwrap_err() {
                SnapshotError::Malformed => "malformed",
                SnapshotError::Unsupported => "unsupported",
                SnapshotError::WrongKind => "wrong_kind",
                SnapshotError::Undecryptable => "undecryptable",
                SnapshotError::Corrupt => "corrupt",
            };
            assert_eq!(name, case.text("reason"), "{}", case["comment"]);
        }
    }
}
