//! Contacts: people and their devices, in memory.

use std::cell::RefMut;
use std::rc::Rc;

use evanesce::person::{ListedDevice, PeopleChanges, Person, PersonEvent, Standing, VerifiedList};
use evanesce::{Address, IdentityKey};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::errors::Refusal;
use crate::peer::RawPeer;
use crate::people::list;
use crate::people::own_devices::RawOwnDevices;
use crate::safety_number::RawSafetyNumber;
use crate::shapes::{address, device, identity, time};
use crate::shelf::{Place, Shared, Shelf};
use crate::storage::stored;
use crate::values::words::Word;
use crate::values::{Bytes, Listed, Out, Shown, object, shown};

/// One person, as they were when asked for.
#[wasm_bindgen]
pub struct RawPerson(pub(crate) Person);

stored!(RawPerson, Person);

/// All people, and devices.
#[wasm_bindgen]
pub struct RawContacts(Shared);

/// Who holds a peer of theirs is told, and holds no keys.
impl Drop for RawContacts {
    fn drop(&mut self) {
        if let Ok(mut shelf) = self.0.try_borrow_mut() {
            shelf.clear();
        }
    }
}

/// A second one.
pub(crate) fn copied(person: &Person) -> Result<RawPerson, Refusal> {
    Ok(RawPerson(Person::restore(&person.snapshot())?))
}

#[wasm_bindgen]
impl RawPerson {
    pub fn of(owner: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(Person::new(identity(owner)?)))
    }

    pub fn owner(&self) -> Vec<u8> {
        self.0.owner().encode().to_vec()
    }

    pub fn member_tag(&self) -> Vec<u8> {
        self.0.member_tag().0.to_vec()
    }

    pub fn list(&self) -> Vec<u8> {
        shown(&self.0.list())
    }

    pub fn is_marked(&self) -> bool {
        self.0.is_marked()
    }

    pub fn decision(&self) -> Vec<u8> {
        shown(&self.0.decision())
    }

    pub fn is_verified(&self) -> bool {
        self.0.is_verified()
    }

    pub fn standing(&self, its: &[u8], at: &[u8], now: f64) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.standing(&device(its, at)?, time(now))))
    }

    pub fn devices(&self, now: f64) -> Result<Vec<u8>, Refusal> {
        let devices = self.0.devices(time(now));
        let devices =
            devices.map_err(|error| Refusal::new(Word::list_expired, &error.to_string()))?;
        Ok(shown(&devices))
    }

    pub fn list_need(&self, now: f64) -> bool {
        self.0.list_need(time(now))
    }

    pub fn number(&self, own: &[u8]) -> Result<RawSafetyNumber, Refusal> {
        Ok(RawSafetyNumber(self.0.number(&identity(own)?)))
    }
}

impl RawContacts {
    #[inline(never)]
    pub(crate) fn shelf(&self) -> Result<RefMut<'_, Shelf>, Refusal> {
        self.0.try_borrow_mut().map_err(|_| Refusal::new(Word::other, "the contacts are in use"))
    }

    fn place(&self, at: &Address) -> Result<Option<usize>, Refusal> {
        Ok(self.shelf()?.contacts.peers.iter().position(|peer| peer.address() == at))
    }
}

#[wasm_bindgen]
impl RawContacts {
    pub fn none() -> Self {
        Self(Shelf::empty())
    }

    /// Says whether it is there now: it must be by itself, and nobody at its address.
    pub fn add_peer(&self, peer: &mut RawPeer) -> bool {
        peer.0.move_to(&self.0)
    }

    /// Says whether nobody of that owner was there.
    pub fn add_person(&self, person: &RawPerson) -> Result<bool, Refusal> {
        let mut shelf = self.shelf()?;
        let is_new = shelf.contacts.person(person.0.owner()).is_none();
        if is_new {
            shelf.contacts.people.push(copied(&person.0)?.0);
        }
        Ok(is_new)
    }

    pub fn peer(&self, at: &[u8]) -> Result<Option<RawPeer>, Refusal> {
        let Some(place) = self.place(&address(at)?)? else {
            return Ok(None);
        };
        let id = self.shelf()?.id(place);
        Ok(id.map(|id| RawPeer(Place { shelf: Rc::clone(&self.0), id })))
    }

    pub fn person(&self, owner: &[u8]) -> Result<Option<RawPerson>, Refusal> {
        let owner = identity(owner)?;
        self.shelf()?.contacts.person(&owner).map(copied).transpose()
    }

    pub fn remove_peer(&self, at: &[u8]) -> Result<bool, Refusal> {
        let Some(place) = self.place(&address(at)?)? else {
            return Ok(false);
        };
        self.shelf()?.remove(place);
        Ok(true)
    }

    pub fn remove_person(&self, owner: &[u8]) -> Result<bool, Refusal> {
        let owner = identity(owner)?;
        let people = &mut self.shelf()?.contacts.people;
        let before = people.len();
        people.retain(|person| *person.owner() != owner);
        Ok(people.len() != before)
    }

    /// Of the people in their order, by their owners.
    pub fn owners(&self) -> Result<Vec<u8>, Refusal> {
        let shelf = self.shelf()?;
        Ok(shown(&Listed(shelf.contacts.people.iter().map(Person::owner))))
    }

    pub fn addresses(&self) -> Result<Vec<u8>, Refusal> {
        let shelf = self.shelf()?;
        let peers = &shelf.contacts.peers;
        Ok(shown(&Listed(peers.iter().map(|peer| Bytes(peer.address().as_bytes())))))
    }

    pub fn people(&self) -> Result<usize, Refusal> {
        Ok(self.shelf()?.contacts.people.len())
    }

    pub fn person_of(&self, its: &[u8], at: &[u8], now: f64) -> Result<Vec<u8>, Refusal> {
        let device = device(its, at)?;
        let shelf = self.shelf()?;
        let of = shelf.contacts.person_of(&device, time(now));
        Ok(shown(&of.map(|(person, standing)| PersonOf(*person.owner(), standing))))
    }

    /// 0 accepts, 1 makes a request again, 2 refuses, 3 says that the number is equal and 4 that it is not.
    pub fn decide(
        &self,
        own: &RawOwnDevices,
        owner: &[u8],
        what: u8,
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let (owner, now) = (identity(owner)?, time(now));
        let contacts = &mut self.shelf()?.contacts;
        Ok(shown(&match what {
            0 => contacts.accept(&own.0, &owner, now),
            1 => contacts.set_back_to_request(&own.0, &owner, now),
            2 => contacts.refuse(&own.0, &owner, now),
            _ => contacts.verify(&own.0, &owner, what == 3),
        }))
    }

    pub fn adopt(&self, own: &RawOwnDevices, bytes: &[u8], now: f64) -> Result<Vec<u8>, Refusal> {
        let list = list(bytes, now)?;
        let (events, changes) = self.shelf()?.contacts.adopt(&own.0, list, time(now))?;
        Ok(shown(&Adopted { events, changes }))
    }

    pub fn pin(
        &self,
        own: &RawOwnDevices,
        its: &[u8],
        at: &[u8],
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let device = device(its, at)?;
        let mut shelf = self.shelf()?;
        let changes = shelf.contacts.pin(&own.0, device, time(now));
        shelf.number();
        Ok(shown(&changes))
    }

    /// Gives the owners of the people who changed.
    pub fn maintain(&self, now: f64) -> Result<Vec<u8>, Refusal> {
        let mut owners: Vec<IdentityKey> = Vec::new();
        for person in &mut self.shelf()?.contacts.people {
            if person.maintain(time(now)) {
                owners.push(*person.owner());
            }
        }
        Ok(shown(&owners))
    }
}

/// What came of a list.
struct Adopted {
    events: Vec<PersonEvent>,
    changes: PeopleChanges,
}

impl Shown for Adopted {
    fn show(&self, out: &mut Out) {
        object!(out, events: self.events, changes: self.changes);
    }
}

/// Whose a device is.
struct PersonOf(IdentityKey, Standing);

impl Shown for PersonOf {
    fn show(&self, out: &mut Out) {
        object!(out, owner: self.0, standing: self.1);
    }
}

impl Shown for VerifiedList {
    fn show(&self, out: &mut Out) {
        object!(
            out,
            owner: self.owner(),
            version: self.version(),
            created: self.created(),
            expires: self.expires(),
            devices: Listed(self.devices().iter()),
            digest: Bytes(self.digest()),
            bytes: Bytes(self.encode()),
        );
    }
}

impl Shown for ListedDevice {
    fn show(&self, out: &mut Out) {
        object!(out, device: self.device, added: self.added);
    }
}

impl Shown for Standing {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Listed => Word::listed,
            Self::Stale => Word::stale,
            Self::Removed => Word::removed,
            Self::Alone => Word::alone,
            _ => Word::other,
        }
        .show(out);
    }
}
