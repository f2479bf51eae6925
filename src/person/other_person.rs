//! Person: what is held of one person.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use crate::identity::{Device, IdentityKey};
use crate::person::consent::ListedDevice;
use crate::person::decisions::{ContactDecision, Decisions};
use crate::person::person_event::PersonEvent;
use crate::person::removed_devices::RemovedDevices;
use crate::person::standing::Standing;
use crate::person::verified_list::VerifiedList;
use crate::safety_number::SafetyNumber;
use crate::stored::{StateWriter, Stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::notice::Belief;
use crate::wire::stamp::MemberTag;

/// One person: the owner identity that is known, and the list of devices that is held of it.
///
/// It is stored, in a row of its own beside the peers, which are its devices.
pub struct Person {
    owner: IdentityKey,
    list: Option<Box<VerifiedList>>,
    /// Whether another list of the held version has come.
    equivocated: bool,
    removed: RemovedDevices,
    /// What the user decided of them, here or on another own device.
    pub(crate) decisions: Decisions,
}

/// Why a verified list is not adopted. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdoptError {
    /// It is of another owner: of somebody else.
    OtherOwner,
    /// One of a higher version is held.
    OlderList,
    /// It does not name this device, which has just been linked and holds no list of its person yet: an older one, and who
    /// was removed since may bring it.
    NotNamed,
    /// It is the first list of the person, and has expired: devices of it may have been removed since.
    Expired,
}

impl fmt::Display for AdoptError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::OtherOwner => "the device list is of another owner",
            Self::OlderList => "a newer device list is held",
            Self::NotNamed => "the device list does not name this device, which was just linked",
            Self::Expired => "the person's first device list has expired",
        })
    }
}

impl core::error::Error for AdoptError {}

/// A person's list has expired, and the owner's own device is not in it: nobody is left to write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListExpired;

impl fmt::Display for ListExpired {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the device list has expired")
    }
}

impl core::error::Error for ListExpired {}

impl Person {
    /// A person of whom the owner identity is known, and no list.
    #[must_use]
    pub fn new(owner: IdentityKey) -> Self {
        Self {
            owner,
            list: None,
            equivocated: false,
            removed: RemovedDevices::new(),
            decisions: Decisions::NONE,
        }
    }

    /// The owner identity: who the person is. Conversations are named by it, and it is what users compare.
    #[must_use]
    pub fn owner(&self) -> &IdentityKey {
        &self.owner
    }

    /// The tag under which a scheduler knows whatever a device of the person writes and sets: that of the owner.
    #[must_use]
    pub fn member_tag(&self) -> MemberTag {
        self.owner.member_tag()
    }

    /// The list that is held.
    #[must_use]
    pub fn list(&self) -> Option<&VerifiedList> {
        self.list.as_deref()
    }

    /// Whether two lists of the version that is held have been seen, and none higher since.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        self.equivocated
    }

    /// What the user decided of the person, here ([`Contacts::accept`](crate::person::Contacts::accept)) or on another own
    /// device; `None` while they have not, and what they decide of single devices counts. A person to whom a listed own device
    /// has written is accepted.
    #[must_use]
    pub fn decision(&self) -> Option<ContactDecision> {
        self.decisions.contact()
    }

    /// Whether the user has compared the person's [number](Person::number), here or on another own device:
    /// [`Contacts::verify`](crate::person::Contacts::verify).
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.decisions.is_verified()
    }

    /// Takes a verified list, whoever brought it: of each person the highest version is held. `None` if it is held
    /// already; what is to be shown otherwise, and the person is to be stored. That a device stands in the lists of two
    /// people is told of lists that come with messages, not here.
    ///
    /// # Errors
    ///
    /// An [`AdoptError`]; nothing has changed then.
    pub fn adopt(
        &mut self,
        list: VerifiedList,
        now: Timestamp,
    ) -> Result<Option<PersonEvent>, AdoptError> {
        if *list.owner() != self.owner {
            return Err(AdoptError::OtherOwner);
        }
        let Some(held) = &self.list else {
            return Ok(Some(self.replace_by(list, now)));
        };
        match list.version().cmp(&held.version()) {
            Ordering::Less => Err(AdoptError::OlderList),
            Ordering::Equal if list.digest() == held.digest() => Ok(None),
            Ordering::Equal => {
                self.equivocated = true;
                let (held, other) = (held.clone(), Box::new(list));
                Ok(Some(PersonEvent::Equivocation { held, other }))
            }
            Ordering::Greater => Ok(Some(self.replace_by(list, now))),
        }
    }

    /// The user has looked at both lists. Says whether there were two.
    pub(crate) fn unmark(&mut self) -> bool {
        core::mem::take(&mut self.equivocated)
    }

    fn replace_by(&mut self, list: VerifiedList, now: Timestamp) -> PersonEvent {
        let devices = |list: &VerifiedList| -> Vec<Device> {
            list.devices().iter().map(|listed| listed.device.clone()).collect()
        };
        let mut came = devices(&list);
        let mut went = self.list().map(devices).unwrap_or_default();
        came.retain(|device| self.list().is_none_or(|held| !held.lists(device)));
        went.retain(|device| !list.lists(device));
        self.removed.note(&went, |device| list.lists(device), now);
        let (owner, version) = (self.owner, list.version());
        self.equivocated = false;
        self.list = Some(Box::new(list));
        PersonEvent::Adopted { owner, version, came, went, unknown_own: false }
    }

    /// What the device is to this person: address and whole identity count.
    #[must_use]
    pub fn standing(&self, device: &Device, now: Timestamp) -> Standing {
        match self.list() {
            Some(list) if list.lists(device) => {
                if list.has_expired(now) {
                    Standing::Stale
                } else {
                    Standing::Listed
                }
            }
            _ if self.removed.have(device, now) => Standing::Removed,
            _ => Standing::Alone,
        }
    }

    /// The devices that are written to, in order of their addresses. When the list has expired that is the owner's
    /// device alone; none while no list is held.
    ///
    /// # Errors
    ///
    /// [`ListExpired`] if it has, and the owner's device is not listed.
    pub fn devices(&self, now: Timestamp) -> Result<Vec<&Device>, ListExpired> {
        self.listed(now).map(|listed| listed.iter().map(|listed| &listed.device).collect())
    }

    /// The same as the list has them.
    pub(crate) fn listed(&self, now: Timestamp) -> Result<&[ListedDevice], ListExpired> {
        match self.list() {
            None => Ok(&[]),
            Some(list) if list.has_expired(now) => {
                list.owners_device().map(core::slice::from_ref).ok_or(ListExpired)
            }
            Some(list) => Ok(list.devices()),
        }
    }

    /// Whether it is time to fetch another list: three quarters of the life of the one that is held are over.
    #[must_use]
    pub fn list_need(&self, now: Timestamp) -> bool {
        self.list().is_some_and(|list| {
            let since = |earlier: Timestamp, later: Timestamp| {
                later.unix_seconds().saturating_sub(earlier.unix_seconds())
            };
            let (age, life) = (since(list.created(), now), since(list.created(), list.expires()));
            age.saturating_mul(4) >= life.saturating_mul(3)
        })
    }

    /// The number that two people compare: of their owner identities, so it stays as devices come and go. It takes
    /// milliseconds, on purpose.
    #[must_use]
    pub fn number(&self, own: &IdentityKey) -> SafetyNumber {
        SafetyNumber::of_people(own, &self.owner)
    }

    /// Forgets devices that were removed long ago. Says whether there were any: then the person is to be stored. Call it
    /// once a day.
    #[must_use]
    pub fn maintain(&mut self, now: Timestamp) -> bool {
        self.removed.maintain(now)
    }

    /// Devices that went at most 30 days before `now`, each with when it went.
    pub(crate) fn gone_devices(
        &self,
        now: Timestamp,
    ) -> impl Iterator<Item = (&Device, Timestamp)> {
        self.removed.iter(now)
    }

    /// What a notice says of it.
    pub(crate) fn belief(&self) -> Belief {
        self.list().map_or(Belief::NONE, VerifiedList::belief)
    }
}

/// Owner, list, marks, removed devices. Of marks the first bit is that two lists were seen, the second that decisions
/// follow, so that a person of whom nothing was decided has the bytes of before there were decisions.
impl Stored for Person {
    fn write(&self, out: &mut StateWriter) {
        let Self { owner, list, equivocated, removed, decisions } = self;
        owner.write(out);
        list.write(out);
        let has_decisions = *decisions != Decisions::NONE;
        out.put(&[u8::from(*equivocated) | u8::from(has_decisions) << 1]);
        removed.write(out);
        if has_decisions {
            decisions.write(out);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (owner, list) =
            (IdentityKey::read(reader)?, Option::<Box<VerifiedList>>::read(reader)?);
        let marks = reader.u8()?;
        let (equivocated, has_decisions) = (marks & 1 != 0, marks & 2 != 0);
        let removed = Stored::read(reader)?;
        let decisions = if has_decisions { Stored::read(reader)? } else { Decisions::NONE };
        let is_theirs = list.as_ref().map_or(!equivocated, |list| *list.owner() == owner);
        if marks > 3 || has_decisions == (decisions == Decisions::NONE) || !is_theirs {
            return Err(DecodeError::Malformed);
        }
        Ok(Self { owner, list, equivocated, removed, decisions })
    }
}

/// Whose, and which list.
impl fmt::Debug for Person {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, list, equivocated, removed: _, decisions } = self;
        let mut shown = formatter.debug_struct("Person");
        shown.field("owner", &owner.in_short()).field("list", list);
        shown.field("equivocated", equivocated).field("decision", &decisions.contact());
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Address;
    use crate::known_answers::{self, Fields};
    use crate::person::verified_list::ListError;
    use crate::wire::device_list::DeviceList;
    use serde_json::{Value, json};

    fn time(step: &Value) -> Timestamp {
        Timestamp::from_unix_seconds(step.number("now"))
    }

    fn device(device: &Value) -> Device {
        known_answers::assert_fields(device, &["address", "ident"]);
        let identity = IdentityKey::decode(&device.array("ident")).unwrap();
        Device { identity, address: Address::new(device.bytes("address")).unwrap() }
    }

    fn addresses<'a>(devices: impl IntoIterator<Item = &'a Device>) -> Value {
        let addresses = devices.into_iter().map(|device| hex::encode(device.address.as_bytes()));
        addresses.collect::<Vec<_>>().into()
    }

    fn told(event: &PersonEvent) -> Value {
        match event {
            PersonEvent::Adopted { owner, version, came, went, unknown_own: false } => json!({
                "event": "adopted",
                "owner": hex::encode(owner.encode()),
                "version": version,
                "came": addresses(came),
                "went": addresses(went),
            }),
            PersonEvent::Equivocation { held, other } => json!({
                "event": "equivocation",
                "owner": hex::encode(held.owner().encode()),
                "version": held.version(),
                "held": hex::encode(held.digest()),
                "other": hex::encode(other.digest()),
            }),
            PersonEvent::Adopted { unknown_own: true, .. }
            | PersonEvent::Joined { .. }
            | PersonEvent::ListedTwice { .. }
            | PersonEvent::Given(_)
            | PersonEvent::DecidedElsewhere { .. }
            | PersonEvent::RemovalAsked { .. }
            | PersonEvent::Known(_)
            | PersonEvent::ListBehind { .. }
            | PersonEvent::ListsDiffer { .. }
            | PersonEvent::Refused { .. } => panic!("{event:?}"),
        }
    }

    fn adopted(person: &mut Person, list: &[u8], now: Timestamp) -> Value {
        let list = DeviceList::decode(list).map_err(ListError::from);
        let list = match list.and_then(|list| list.verify(now)) {
            Ok(list) => list,
            Err(ListError::Malformed) => return json!({ "error": "malformed" }),
            Err(ListError::NotYetValid) => return json!({ "error": "not_yet_valid" }),
            Err(other) => panic!("{other:?}"),
        };
        match person.adopt(list, now) {
            Ok(event) => json!({ "event": event.as_ref().map(told) }),
            Err(AdoptError::OtherOwner) => json!({ "error": "other_owner" }),
            Err(AdoptError::OlderList) => json!({ "error": "older_list" }),
            Err(AdoptError::NotNamed | AdoptError::Expired) => panic!("it is of somebody else"),
        }
    }

    fn standing(person: &Person, device: &Device, now: Timestamp) -> &'static str {
        match person.standing(device, now) {
            Standing::Listed => "listed",
            Standing::Stale => "stale",
            Standing::Removed => "removed",
            Standing::Alone => "alone",
        }
    }

    /// The same after it was stored.
    fn stored(person: &Person) -> Person {
        let mut out = StateWriter::new();
        person.write(&mut out);
        let mut reader = Reader::new(out.as_bytes());
        let restored = Person::read(&mut reader).unwrap();
        assert_eq!(reader.finish(), Ok(()));
        restored
    }

    #[test]
    fn vectors_holding() {
        for case in known_answers::devices_section("holding") {
            known_answers::assert_fields(&case, &["owner", "devices", "lists", "steps"]);
            let mut person = Person::new(IdentityKey::decode(&case.array("owner")).unwrap());
            let devices: Vec<Device> =
                case["devices"].as_array().unwrap().iter().map(device).collect();
            for step in case["steps"].as_array().unwrap() {
                let now = time(step);
                match step.text("op").as_str() {
                    "adopt" => {
                        known_answers::assert_fields(step, &["op", "list", "now", "expect"]);
                        let place = usize::try_from(step.number("list")).unwrap();
                        let list = hex::decode(case["lists"][place].as_str().unwrap()).unwrap();
                        let outcome = adopted(&mut person, &list, now);
                        assert_eq!(outcome, step["expect"], "{}", case["comment"]);
                    }
                    "state" => {
                        let known = ["op", "now", "standing", "send_to", "list_need", "marked"];
                        known_answers::assert_fields(step, &known);
                        let expected = step["standing"].as_array().unwrap();
                        for (device, expected) in devices.iter().zip(expected) {
                            assert_eq!(standing(&person, device, now), *expected, "{step}");
                        }
                        assert!(expected.len() <= devices.len());
                        let send_to = match person.devices(now) {
                            Ok(devices) => addresses(devices),
                            Err(ListExpired) => json!({ "error": "list_expired" }),
                        };
                        assert_eq!(send_to, step["send_to"], "{step}");
                        assert_eq!(json!(person.list_need(now)), step["list_need"], "{step}");
                        assert_eq!(json!(person.is_marked()), step["marked"], "{step}");
                    }
                    other => panic!("unknown step {other}"),
                }
                person = stored(&person);
            }
        }
    }
}
