//! OwnDevices: this device, and the person that it is of.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::account::Account;
use crate::identity::{Address, Device, IdentityKey};
use crate::person::consent::ListedDevice;
use crate::person::linking_state::LinkingState;
use crate::person::other_person::{AdoptError, Person};
use crate::person::person_event::PersonEvent;
use crate::person::verified_list::{ListError, VerifiedList};
use crate::safety_number::half_digits;
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::device_list::DeviceList;

/// How old the owner's list is when the next one is signed: 7 days.
const REFRESH: Duration = Duration::from_secs(7 * 86_400);

/// This device among the others of its person: who that is, and which list is held.
///
/// A device is its own owner at first, without a list. It signs one when another device is
/// [linked](OwnDevices::finish_link), or by [`OwnDevices::refresh`]. It is stored, in a row of its own.
pub struct OwnDevices {
    pub(crate) us: Device,
    pub(crate) person: Person,
    /// Came with a list that this owner's device did not sign, and the user has not said that they are theirs.
    pub(crate) unconfirmed: Vec<Device>,
    /// Whether all was put back to an older state, and neither a list has come since nor has the user looked at it.
    pub(crate) put_back: bool,
    pub(crate) linking: LinkingState,
}

/// Why the owner signs no list. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// This device is not the owner's: ask there.
    NotTheOwner,
    /// Nothing is at this address in the list.
    NotListed,
    /// Devices came with a list that this device did not sign, and the user has not said which are theirs:
    /// [`OwnDevices::confirm`] or [`OwnDevices::remove`] each.
    Unconfirmed,
    /// All was put back to an older state: a device that was removed since may stand in the list that is held. A newer
    /// list has to come first, or the user looks at this one: [`OwnDevices::confirm_all`].
    PutBack,
    /// Another list of the version that is held has come ([`Person::is_marked`]): the user looks at the devices of both
    /// first, then [`OwnDevices::confirm_all`].
    Marked,
    /// The list would not verify, for this reason.
    List(ListError),
    /// The held list has the last version that there is, 2^32 − 1, and no other can follow: only another owner helps.
    /// Nobody but the holder of the owner's key can bring that about.
    VersionsUsedUp,
}

impl fmt::Display for SignError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotTheOwner => "this device is not the owner's",
            Self::NotListed => "the list has no device of this address",
            Self::Unconfirmed => {
                "nobody has said whose the devices are that came with another list"
            }
            Self::PutBack => "the device list may be an older one, and nobody has looked at it",
            Self::Marked => "another device list of this version has come, and nobody has looked",
            Self::List(_) => "the device list would not verify",
            Self::VersionsUsedUp => "no version of the device list is left",
        })
    }
}

impl core::error::Error for SignError {}

impl OwnDevices {
    /// The device of this account as its own owner, without a list: every device at first, those that were
    /// stored before there were lists included.
    #[must_use]
    pub fn new(account: &Account) -> Self {
        Self::belonging_to(account, account.device().identity)
    }

    /// The device of this account as one of another owner's, that was linked in a way of the application's own. Its list
    /// is still to come.
    #[must_use]
    pub fn belonging_to(account: &Account, owner: IdentityKey) -> Self {
        Self {
            us: account.device(),
            person: Person::new(owner),
            unconfirmed: Vec::new(),
            put_back: false,
            linking: LinkingState::new(),
        }
    }

    /// The person that this device is of.
    #[must_use]
    pub fn person(&self) -> &Person {
        &self.person
    }

    /// This device.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.us
    }

    /// The 30 digits of this device: its half of a safety number. The owner's device shows them while it links another,
    /// which shows the same. Takes milliseconds.
    #[must_use]
    pub fn digits(&self) -> String {
        half_digits(&self.us)
    }

    /// Whether this is the owner's device, which signs lists.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.us.identity == *self.person.owner()
    }

    /// Whether the list that is held names this device: then it is linked, or is the owner's and listed.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.person.list().is_some_and(|list| list.lists(&self.us))
    }

    /// Whether a list is held, and this device is missing in it: it sends nothing any more.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.person.list().is_some() && !self.is_listed()
    }

    /// The devices that came with a list of our own owner's that this owner's device did not sign, and of which the user
    /// has not said that they are theirs. No copy goes to them.
    #[must_use]
    pub fn unconfirmed(&self) -> &[Device] {
        &self.unconfirmed
    }

    /// Whether all was [put back](OwnDevices::restored_from_backup) to an older state, and neither a newer list has come
    /// since nor has the user [looked](OwnDevices::confirm_all) at the one that is held. No copy goes to own devices, and no
    /// list is signed: who was removed since may stand in it. Fetch all lists, our own person's and others', before
    /// anything is sent.
    #[must_use]
    pub fn is_put_back(&self) -> bool {
        self.put_back
    }

    /// The account has [another address](Account::change_address): call it right after, and store both in one transaction.
    /// Says whether this device had another one here, or is not the account's: then nothing changes.
    ///
    /// Until its person's list names it at the new address the device [is removed](OwnDevices::is_removed), and sends
    /// nothing. On the owner's device [`OwnDevices::refresh`] then signs that list at once; any other is removed and
    /// linked again.
    #[must_use]
    pub fn address_changed(&mut self, account: &Account) -> bool {
        let device = account.device();
        let has_changed = device.identity == self.us.identity && device != self.us;
        if has_changed {
            self.us = device;
        }
        has_changed
    }

    /// The user says that this device is theirs. Says whether that was asked: then it is to be stored.
    #[must_use]
    pub fn confirm(&mut self, device: &Device) -> bool {
        let before = self.unconfirmed.len();
        self.unconfirmed.retain(|unconfirmed| unconfirmed != device);
        self.unconfirmed.len() != before
    }

    /// The user has looked at all devices of the list that is held, and they are theirs: lists are signed again. If one
    /// is not, [remove](OwnDevices::remove) it right after, before anything else. After
    /// [`PersonEvent::Equivocation`] show the devices of both lists, and sign the next version at once: as long as the
    /// other one travels, each message that brings it asks again. Says whether that was asked: then it is to be stored.
    #[must_use]
    pub fn confirm_all(&mut self) -> bool {
        let was_marked = self.is_owner() && self.person.unmark();
        let was_asked = was_marked || self.put_back || !self.unconfirmed.is_empty();
        self.put_back = false;
        self.unconfirmed.clear();
        was_asked
    }

    /// Takes a verified list of our own person that came from elsewhere, as [`Person::adopt`] does. On the owner's own
    /// device a list that it did not sign is adopted too, and says so. There another list of the held version makes the
    /// devices that only the held one names [unconfirmed](OwnDevices::unconfirmed). A device that is not the owner's takes
    /// as its first list only one that names it.
    ///
    /// # Errors
    ///
    /// An [`AdoptError`]; nothing has changed then.
    pub fn adopt(
        &mut self,
        list: VerifiedList,
        now: Timestamp,
    ) -> Result<Option<PersonEvent>, AdoptError> {
        let is_first = !self.is_owner() && self.person.list().is_none();
        if is_first && list.owner() == self.person.owner() && !list.lists(&self.us) {
            return Err(AdoptError::NotNamed);
        }
        let was_marked = self.person.is_marked();
        let mut event = self.person.adopt(list, now)?;
        if let Some(PersonEvent::Equivocation { held, other }) = &event {
            if self.is_owner() && !was_marked {
                let held = held.devices().iter().map(|listed| &listed.device);
                let asked =
                    held.filter(|device| **device != self.us && !other.lists(device)).cloned();
                self.unconfirmed.extend(asked);
                self.unconfirmed.sort_by(|one, other| one.address.cmp(&other.address));
                self.unconfirmed.dedup();
            }
        }
        if let Some(PersonEvent::Adopted { came, unknown_own, .. }) = &mut event {
            self.forget_unlisted();
            self.put_back = false;
            if self.is_owner() {
                *unknown_own = true;
                let others = came.iter().filter(|device| **device != self.us);
                self.unconfirmed.extend(others.cloned());
            }
        }
        Ok(event)
    }

    /// Signs the next version: of these devices, for 30 days from `now` on. It is held at once: **store the own devices,
    /// then publish it**, or after a crash in between another list of the same version is signed, and all are told that there
    /// are two.
    /// [`OwnDevices::refresh`], [`OwnDevices::remove`] and linking do it for you.
    ///
    /// # Errors
    ///
    /// A [`SignError`]; nothing has changed then.
    pub fn sign(
        &mut self,
        owner: &Account,
        devices: &[ListedDevice],
        now: Timestamp,
    ) -> Result<&VerifiedList, SignError> {
        self.sign_for(owner, devices, DeviceList::LIFETIME, now)
    }

    /// The same with a lifetime of your own: at least a second, at most 90 days.
    ///
    /// # Errors
    ///
    /// A [`SignError`]; nothing has changed then.
    pub fn sign_for(
        &mut self,
        owner: &Account,
        devices: &[ListedDevice],
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<&VerifiedList, SignError> {
        if !self.is_owner() || owner.device().identity != *self.person.owner() {
            return Err(SignError::NotTheOwner);
        }
        self.check_signing()?;
        let held = self.person.list().map_or(0, VerifiedList::version);
        let version = held.checked_add(1).ok_or(SignError::VersionsUsedUp)?;
        let signed = DeviceList::sign_for(owner, devices, version, lifetime, now);
        // It is of a higher version, and of the owner: it is adopted.
        let adopted = self.person.adopt(signed.map_err(SignError::List)?, now);
        self.forget_unlisted();
        match (adopted, self.person.list()) {
            (Ok(_), Some(list)) => Ok(list),
            (Err(_), _) | (_, None) => Err(SignError::NotTheOwner),
        }
    }

    /// Maintenance of the owner's list, at every start and once a day: signs the next version, of the same devices, when
    /// the one that is held is 7 days old, or has this device at a former address; the first, of this device alone, if there
    /// is none. `None` if nothing is due, on
    /// a device that is not the owner's, while [devices are unconfirmed](OwnDevices::unconfirmed) or
    /// [another list of the version](Person::is_marked) has been seen, and after a
    /// [restore](OwnDevices::restored_from_backup) until a list has come or is [confirmed](OwnDevices::confirm_all).
    /// Store the own devices, publish what it gives, and [tell](crate::person::Recipients::tell) own devices and contacts.
    ///
    /// # Errors
    ///
    /// [`SignError::VersionsUsedUp`]; nothing has changed then.
    pub fn refresh(
        &mut self,
        owner: &Account,
        now: Timestamp,
    ) -> Result<Option<&VerifiedList>, SignError> {
        if !self.is_owner() || !self.unconfirmed.is_empty() || self.check_signing().is_err() {
            return Ok(None);
        }
        let devices = match self.person.list() {
            None => Vec::from([self.ourselves(owner, now)]),
            Some(list) if self.has_moved(list) => {
                let others = list.devices().iter();
                let others = others.filter(|listed| listed.device.identity != self.us.identity);
                others.cloned().chain([self.ourselves(owner, now)]).collect()
            }
            Some(list) if now >= list.created().plus(REFRESH) => list.devices().to_vec(),
            Some(_) => return Ok(None),
        };
        self.sign(owner, &devices, now).map(Some)
    }

    /// Removes the device at this address, and signs the next version: from whoever holds it, that device gets no message
    /// and no copy more. It may be [told](crate::person::Recipients::tell) that list, so that it stops by itself, and its
    /// peer stays accepted: set that back to a request, or after 30 days what it writes looks like anybody's. Others that are
    /// unconfirmed stay listed until each of them is removed. Store the own devices, publish what it gives, and tell own
    /// devices and contacts.
    ///
    /// # Errors
    ///
    /// A [`SignError`]; nothing has changed then.
    pub fn remove(
        &mut self,
        owner: &Account,
        address: &Address,
        now: Timestamp,
    ) -> Result<&VerifiedList, SignError> {
        let mut devices =
            self.person.list().map(|list| list.devices().to_vec()).unwrap_or_default();
        let before = devices.len();
        devices.retain(|listed| listed.device.address != *address);
        if devices.len() == before {
            return Err(SignError::NotListed);
        }
        self.sign(owner, &devices, now)
    }

    /// Whether it is the identity of our own person, or of one of its devices.
    pub(crate) fn is_ours(&self, identity: &IdentityKey) -> bool {
        let devices = self.person.list().map(VerifiedList::devices).unwrap_or_default();
        *identity == self.us.identity
            || identity == self.person.owner()
            || devices.iter().any(|listed| listed.device.identity == *identity)
    }

    /// This device as the owner's list has it.
    pub(crate) fn ourselves(&self, account: &Account, now: Timestamp) -> ListedDevice {
        ListedDevice::consenting(account, self.person.owner(), now)
    }

    /// Nothing is built on a list that may be an older one, or is not the only one of its version: who was removed would be
    /// signed back in.
    pub(crate) fn check_signing(&self) -> Result<(), SignError> {
        if self.put_back {
            Err(SignError::PutBack)
        } else if self.person.is_marked() {
            Err(SignError::Marked)
        } else {
            Ok(())
        }
    }

    /// Whether the list has this device at another address.
    fn has_moved(&self, list: &VerifiedList) -> bool {
        let mut devices = list.devices().iter().map(|listed| &listed.device);
        devices.any(|device| device.identity == self.us.identity && *device != self.us)
    }

    fn forget_unlisted(&mut self) {
        let list = self.person.list();
        self.unconfirmed.retain(|device| list.is_some_and(|list| list.lists(device)));
    }
}

stored!(OwnDevices { us, person, unconfirmed, put_back, linking });

/// This device, and which list it holds.
impl fmt::Debug for OwnDevices {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { us, person, .. } = self;
        let mut shown = formatter.debug_struct("OwnDevices");
        shown.field("us", us).field("owner", &person.owner().in_short());
        shown.field("version", &person.list().map(VerifiedList::version)).finish_non_exhaustive()
    }
}
