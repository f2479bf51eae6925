//! The proof that a list is its owner's, and that its devices agreed to be in it.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::account::Account;
use crate::crypto::hash::sha256;
use crate::identity::{Address, Device, IdentityKey, IdentityKeyError};
use crate::person::consent::{Consent, ListedDevice};
use crate::prekeys::verified_bundle::MAX_CLOCK_AHEAD;
use crate::stored::{StateWriter, Stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::device_list::{DeviceList, EntryFields, ListFields};
use crate::wire::notice::Belief;

/// Separates signatures of lists from every other signature of an identity.
const SIGNATURE_LABEL: &[u8] = b"evanesce/v1 device list signature";

/// Names a list's version.
const DIGEST_LABEL: &[u8] = b"evanesce/v1 device list";

/// A list whose signature and consents hold. Only [`DeviceList::verify`] and [`DeviceList::sign`] make one.
///
/// It proves which devices the owner says are theirs, and that those agreed. Whose identity the owner's is, no list can
/// prove: compare it with the one that is known, and have the users compare [numbers](crate::person::Person::number).
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedList {
    owner: IdentityKey,
    version: u32,
    created: Timestamp,
    expires: Timestamp,
    devices: Vec<ListedDevice>,
    digest: [u8; 32],
    bytes: Vec<u8>,
}

/// Why a list is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum ListError {
    /// It is of another form: a newer release may read it.
    Unsupported,
    /// Its bytes break the encoding, or their order, number, version or lifetime is not allowed, or an identity key does
    /// not decode.
    Malformed,
    /// One of its identity keys is of small order: nobody honest has it.
    WeakKey,
    /// Its signature is not the owner's, or a consent is not that of its device: somebody has made it up.
    BadSignature,
    /// It is dated more than a day after now: one of the two clocks is wrong.
    NotYetValid,
}

impl fmt::Display for ListError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unsupported => "the device list is of an unsupported form",
            Self::Malformed => "the device list is malformed",
            Self::WeakKey => "an identity key in the device list is weak",
            Self::BadSignature => "a signature in the device list does not hold",
            Self::NotYetValid => "the device list is not yet valid",
        })
    }
}

impl core::error::Error for ListError {}

impl From<DecodeError> for ListError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Malformed => Self::Malformed,
            DecodeError::Unsupported => Self::Unsupported,
        }
    }
}

impl From<IdentityKeyError> for ListError {
    fn from(error: IdentityKeyError) -> Self {
        match error {
            IdentityKeyError::Malformed => Self::Malformed,
            IdentityKeyError::WeakKey => Self::WeakKey,
        }
    }
}

impl DeviceList {
    /// How long a list is valid by default: 30 days.
    pub const LIFETIME: Duration = Duration::from_secs(30 * 86_400);

    /// Checks the keys, the signature and each consent, strictly, and the time at `now` (docs/protocol.md §17.2): up to
    /// 17 verifications. **One that has expired verifies**: it still says who was removed.
    ///
    /// # Errors
    ///
    /// A [`ListError`], the first that holds in the order of its variants.
    pub fn verify(self, now: Timestamp) -> Result<VerifiedList, ListError> {
        let signed = [SIGNATURE_LABEL, self.signed_bytes()].concat();
        let signature = self.signature;
        // The owner's, then those of the devices.
        let mut signers = Vec::new();
        let list = VerifiedList::of(self, |bytes| {
            let (identity, signer) = IdentityKey::decode_and_unpack(bytes)?;
            signers.push(signer);
            Ok::<_, IdentityKeyError>(identity)
        })?;
        let VerifiedList { owner, created, devices, .. } = &list;
        let is_genuine = signers.split_first().is_some_and(|(signer, signers)| {
            signer.verify(&signed, &signature)
                && signers.len() == devices.len()
                && devices
                    .iter()
                    .zip(signers)
                    .all(|(listed, signer)| listed.agrees_to(owner, signer))
        });
        if !is_genuine {
            return Err(ListError::BadSignature);
        }
        if *created > now.plus(MAX_CLOCK_AHEAD) {
            return Err(ListError::NotYetValid);
        }
        Ok(list)
    }

    /// Signs a list as its owner: of these devices, in any order, from `now` on and for 30 days. Sign version 1 first,
    /// and then always the next one: [`OwnDevices`](crate::person::OwnDevices) does it, and remembers which.
    ///
    /// # Errors
    ///
    /// [`ListError::Malformed`] of version 0, no device, more than 16, or an address or identity that is there twice;
    /// [`ListError::BadSignature`] of a device that has not agreed.
    pub fn sign(
        owner: &Account,
        devices: &[ListedDevice],
        version: u32,
        now: Timestamp,
    ) -> Result<VerifiedList, ListError> {
        Self::sign_for(owner, devices, version, Self::LIFETIME, now)
    }

    /// The same with a lifetime of your own: at least a second, at most 90 days.
    ///
    /// # Errors
    ///
    /// Those of [`DeviceList::sign`]; [`ListError::Malformed`] of another lifetime too.
    pub fn sign_for(
        owner: &Account,
        devices: &[ListedDevice],
        version: u32,
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<VerifiedList, ListError> {
        let mut entries: Vec<_> = devices.iter().map(entry_of).collect();
        entries.sort_unstable_by(|first, second| first.address.cmp(&second.address));
        let fields = ListFields {
            owner: owner.device().identity.encode(),
            version,
            created: now,
            expires: now.plus(lifetime),
            entries,
        };
        let mut bytes = fields.encode();
        let signature = owner.sign(&[SIGNATURE_LABEL, &bytes].concat());
        bytes.extend_from_slice(&signature);
        Self::decode(&bytes)?.verify(now)
    }
}

fn entry_of(listed: &ListedDevice) -> EntryFields {
    let ListedDevice { device: Device { identity, address }, added, consent } = listed;
    EntryFields {
        address: address.as_bytes().to_vec(),
        identity: identity.encode(),
        added: *added,
        consent: consent.0,
    }
}

impl VerifiedList {
    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> &IdentityKey {
        &self.owner
    }

    /// Counts the lists of its owner, from 1.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// When it was signed.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// When it ends.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Its devices, in order of their addresses.
    #[must_use]
    pub fn devices(&self) -> &[ListedDevice] {
        &self.devices
    }

    /// Names this version in 32 bytes, so that two devices find out whether they hold the same.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Its bytes: publish them, or pass them on.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the device is in it, with this address and the whole of this identity.
    #[must_use]
    pub fn lists(&self, device: &Device) -> bool {
        self.devices.iter().any(|listed| listed.device == *device)
    }

    pub(crate) fn has_expired(&self, now: Timestamp) -> bool {
        now >= self.expires
    }

    /// The owner's own device, if it is listed.
    pub(crate) fn owners_device(&self) -> Option<&ListedDevice> {
        self.devices.iter().find(|listed| listed.device.identity == self.owner)
    }

    /// What a notice says of it.
    pub(crate) fn belief(&self) -> Belief {
        Belief { version: self.version, digest: self.digest }
    }

    /// What a list says, with its keys taken as `decode` does. Those that do not decode come before one that is weak.
    fn of<E>(
        list: DeviceList,
        mut decode: impl FnMut(&[u8; 64]) -> Result<IdentityKey, E>,
    ) -> Result<Self, ListError>
    where
        ListError: From<E>,
    {
        // docs/protocol.md §17.2: SHA-256(label ‖ all bytes before the signature)
        let digest = sha256(&[DIGEST_LABEL, list.signed_bytes()]);
        let (fields, bytes) = list.into_parts();
        let ListFields { owner, version, created, expires, entries } = fields;
        let mut is_weak = false;
        let mut key = |bytes: &[u8; 64]| match decode(bytes).map_err(ListError::from) {
            Err(ListError::WeakKey) => {
                is_weak = true;
                Ok(None)
            }
            decoded => decoded.map(Some),
        };
        let owner = key(&owner)?;
        let mut devices = Vec::with_capacity(entries.len());
        for entry in entries {
            let EntryFields { address, identity, added, consent } = entry;
            let identity = key(&identity)?;
            let address = Address::new(address).map_err(|_| ListError::Malformed)?;
            devices.extend(identity.map(|identity| ListedDevice {
                device: Device { identity, address },
                added,
                consent: Consent(consent),
            }));
        }
        let owner = owner.filter(|_| !is_weak).ok_or(ListError::WeakKey)?;
        Ok(Self { owner, version, created, expires, devices, digest, bytes })
    }
}

/// Its bytes, with their length. They were verified before they were stored.
impl Stored for VerifiedList {
    fn write(&self, out: &mut StateWriter) {
        out.put_count(self.bytes.len());
        out.put(&self.bytes);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let length = usize::try_from(reader.leb128()?).map_err(|_| DecodeError::Malformed)?;
        let list = DeviceList::decode(reader.bytes(length)?).map_err(|_| DecodeError::Malformed)?;
        let restored = |bytes: &[u8; 64]| IdentityKey::read(&mut Reader::new(bytes));
        Self::of(list, restored).map_err(|_| DecodeError::Malformed)
    }
}

/// Whose it is, which version, and of how many devices.
impl fmt::Debug for VerifiedList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, version, created, expires, devices, digest: _, bytes: _ } = self;
        let mut shown = formatter.debug_struct("VerifiedList");
        shown.field("owner", &owner.in_short()).field("version", version);
        shown.field("created", created).field("expires", expires);
        shown.field("devices", &devices.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};
    use crate::limits::Limits;
    use crate::wire::suite::Suite;

    /// An account of just this identity; its signed prekey is of no account here.
    fn account(seed: Vec<u8>) -> Account {
        let mut draws = known_answers::Draws([seed, [1; 32].to_vec()].concat());
        let (address, limits) = (Address::new("owner").unwrap(), Limits::default());
        let now = Timestamp::from_unix_seconds(1);
        Account::generate_of_suite(Suite::Classical, address, limits, now, &mut draws)
    }

    fn time(case: &serde_json::Value, name: &str) -> Timestamp {
        Timestamp::from_unix_seconds(case.number(name))
    }

    #[test]
    fn vectors_list() {
        for case in known_answers::devices_section("list") {
            known_answers::assert_fields(
                &case,
                &["owner_seed", "version", "created", "expires", "now", "list", "digest"],
            );
            let bytes = case.bytes("list");
            let list = DeviceList::decode(&bytes).unwrap().verify(time(&case, "now")).unwrap();
            assert_eq!(list.digest(), case.array("digest"));
            let owner = account(case.bytes("owner_seed"));
            assert_eq!(owner.device().identity, *list.owner());
            let (created, version) =
                (time(&case, "created"), u32::try_from(case.number("version")));
            let lifetime = case.number("expires") - case.number("created");
            let mut devices = list.devices().to_vec();
            // In any order.
            for _ in 0..devices.len() {
                devices.rotate_left(1);
                let signed = DeviceList::sign_for(
                    &owner,
                    &devices,
                    version.unwrap(),
                    Duration::from_secs(lifetime),
                    created,
                );
                assert_eq!(signed.as_ref(), Ok(&list));
                assert_eq!(signed.unwrap().encode(), bytes);
            }
            let mut out = StateWriter::new();
            list.write(&mut out);
            let mut reader = Reader::new(out.as_bytes());
            assert_eq!(VerifiedList::read(&mut reader), Ok(list));
            assert_eq!(reader.finish(), Ok(()));
        }
    }

    #[test]
    fn vectors_list_refused() {
        for case in known_answers::devices_section("list_refused") {
            known_answers::assert_fields(&case, &["list", "now", "reason"]);
            let list = DeviceList::decode(&case.bytes("list")).map_err(ListError::from);
            let verified = list.and_then(|list| list.verify(time(&case, "now")));
            let name = match verified.unwrap_err() {
                ListError::Unsupported => "unsupported",
                ListError::Malformed => "malformed",
                ListError::WeakKey => "weak_key",
                ListError::BadSignature => "bad_signature",
                ListError::NotYetValid => "not_yet_valid",
            };
            assert_eq!(name, case.text("reason"), "{}", case["comment"]);
        }
    }

    #[test]
    fn an_owner_signs_no_list_that_would_not_verify() {
        let (owner, other) = (account([7; 32].to_vec()), account([8; 32].to_vec()));
        let (now, identity) = (Timestamp::from_unix_seconds(1_000), owner.device().identity);
        let ours = ListedDevice::consenting(&owner, &identity, now);
        let sign = |devices: &[ListedDevice], version, lifetime| {
            let lifetime = Duration::from_secs(lifetime);
            DeviceList::sign_for(&owner, devices, version, lifetime, now).map(|_| ())
        };
        let (days, alone) = (86_400, core::slice::from_ref(&ours));
        assert_eq!(sign(alone, 1, 90 * days), Ok(()));
        for (devices, version, lifetime) in [
            (&[][..], 1, days),
            (alone, 0, days),
            (alone, 1, 0),
            (alone, 1, 90 * days + 1),
            (&[ours.clone(), ours.clone()], 1, days),
        ] {
            assert_eq!(sign(devices, version, lifetime), Err(ListError::Malformed));
        }
        // It agreed to be listed by itself, at another address.
        let mut foreign = ListedDevice::consenting(&other, &other.device().identity, now);
        foreign.device.address = Address::new("other").unwrap();
        assert_eq!(sign(&[ours.clone(), foreign], 1, days), Err(ListError::BadSignature));
    }
}
