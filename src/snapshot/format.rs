//! The form of a whole snapshot, and what can be one (docs/protocol.md §14.4).

use alloc::vec::Vec;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::account::Account;
#[cfg(feature = "serde")]
use crate::byte_string;
use crate::crypto::hash::sha256;
use crate::expiry::scheduler::ExpiryScheduler;
use crate::group::held_messages::HeldMessages;
use crate::group::invitations::Invitations;
use crate::group::one_group::Group;
use crate::peer::other_device::Peer;
use crate::person::other_person::Person;
use crate::person::our_devices::OwnDevices;
use crate::session::external::RatchetKeyPair;
use crate::session::one_conversation::Session;
use crate::snapshot::sealed::{SnapshotError, StorageKey};
use crate::stored::{StateWriter, Stored};
use crate::wire::codec::Reader;

/// What every snapshot begins with.
const MAGIC: &[u8; 4] = b"evan";

/// The only form so far. A later one gets another number, and this one stays readable.
const FORM: u8 = 1;

/// Separates the check from all other hashes.
const CHECK_LABEL: &[u8] = b"evanesce/v1 stored state";

/// Bytes of the check.
const CHECK_LENGTH: usize = 16;

/// The bytes of a state that stands by itself.
///
/// ```text
/// | "evan" | form: 1 | kind: 1 | length of the state: 4 | state | check: 16 |
/// ```
fn frame(kind: u8, state: &impl Stored) -> Zeroizing<Vec<u8>> {
    let mut out = StateWriter::new();
    out.put(MAGIC);
    out.put(&[FORM, kind]);
    out.put_measured(|out| state.write(out));
    let check = check(out.as_bytes());
    out.put(&check);
    out.into_bytes()
}

fn unframe(kind: u8, snapshot: &[u8]) -> Result<&[u8], SnapshotError> {
    let mut reader = Reader::new(snapshot);
    if reader.array()? != MAGIC {
        return Err(SnapshotError::WrongKind);
    }
    let [form, its_kind] = *reader.array()?;
    if form != FORM {
        return Err(SnapshotError::Unsupported);
    }
    if its_kind != kind {
        return Err(SnapshotError::WrongKind);
    }
    let length = usize::try_from(reader.u32()?).map_err(|_| SnapshotError::Malformed)?;
    let state = reader.bytes(length)?;
    let its_check: &[u8; CHECK_LENGTH] = reader.array()?;
    reader.finish()?;
    let framed = snapshot.get(..snapshot.len().saturating_sub(CHECK_LENGTH)).unwrap_or_default();
    let is_sound: bool = check(framed).ct_eq(its_check).into();
    if is_sound { Ok(state) } else { Err(SnapshotError::Corrupt) }
}

/// Tells what a disk or a program has damaged, since one wrong bit in a counter would use a key twice. It
/// is no protection against people: sealing is.
fn check(framed: &[u8]) -> [u8; CHECK_LENGTH] {
    let hash = sha256(&[CHECK_LABEL, framed]);
    let mut check = [0; CHECK_LENGTH];
    check.iter_mut().zip(hash).for_each(|(out, byte)| *out = byte);
    check
}

fn read<State: Stored>(bytes: &[u8]) -> Result<State, SnapshotError> {
    let mut reader = Reader::new(bytes);
    let state = State::read(&mut reader)?;
    reader.finish()?;
    Ok(state)
}

fn seal(
    state: &impl Stored,
    kind: u8,
    storage_key: &StorageKey,
    ad: &[u8],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Vec<u8> {
    let mut out = StateWriter::new();
    out.put(&[FORM]);
    state.write(&mut out);
    storage_key.seal(&out.into_bytes(), kind, ad, rng)
}

fn unseal<State: Stored>(
    sealed: &[u8],
    kind: u8,
    storage_key: &StorageKey,
    ad: &[u8],
) -> Result<State, SnapshotError> {
    let opened = storage_key.open(sealed, kind, ad)?;
    match opened.split_first() {
        Some((&FORM, state)) => read(state),
        Some(_) => Err(SnapshotError::Unsupported),
        None => Err(SnapshotError::Malformed),
    }
}

macro_rules! snapshots {
    ($($state:ident is $kind:literal;)+) => { $(
        /// State at rest: see [`SnapshotError`] for what a store can have done to it.
        impl $state {
            /// The whole state in bytes, secrets in the clear, for an application that encrypts its
            /// whole store. They are wiped when dropped: make no copy that is not.
            ///
            /// Later releases read what this one writes.
            #[must_use]
            pub fn snapshot(&self) -> Zeroizing<Vec<u8>> {
                frame($kind, self)
            }

            /// Takes the state back from [`Self::snapshot`].
            ///
            /// # Errors
            ///
            /// A [`SnapshotError`], never [`SnapshotError::Undecryptable`]. Damage is found, forgery is
            /// not: who can write to the store can put anything there.
            pub fn restore(snapshot: &[u8]) -> Result<Self, SnapshotError> {
                read(unframe($kind, snapshot)?)
            }

            /// The whole state, sealed, 51 bytes longer than it is, with one draw of 32 bytes. `ad` says
            /// where it will stand, so that no two rows can be swapped: the table and the primary key, for
            /// instance.
            ///
            /// # Panics
            ///
            /// If `ad` has more than 64 GiB.
            #[must_use]
            pub fn seal(
                &self,
                storage_key: &StorageKey,
                ad: &[u8],
                rng: &mut (impl CryptoRng + ?Sized),
            ) -> Vec<u8> {
                seal(self, $kind, storage_key, ad, rng)
            }

            /// Takes the state back from [`Self::seal`], with the same key and `ad`.
            ///
            /// # Errors
            ///
            /// A [`SnapshotError`], never [`SnapshotError::Corrupt`].
            pub fn unseal(
                sealed: &[u8],
                storage_key: &StorageKey,
                ad: &[u8],
            ) -> Result<Self, SnapshotError> {
                unseal(sealed, $kind, storage_key, ad)
            }
        }

        /// The bytes of [`Self::snapshot`], in lower-case hex where people read: secrets in the clear.
        #[cfg(feature = "serde")]
        impl serde::Serialize for $state {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                byte_string::serialize(&*self.snapshot(), serializer)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $state {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let snapshot = byte_string::read(deserializer, usize::MAX)?;
                Self::restore(&snapshot).map_err(serde::de::Error::custom)
            }
        }
    )+ };
}

snapshots! {
    Account is 1;
    Session is 2;
    Peer is 3;
    RatchetKeyPair is 4;
    ExpiryScheduler is 5;
    Person is 7;
    OwnDevices is 8;
    Group is 9;
    Invitations is 10;
    HeldMessages is 11;
}
