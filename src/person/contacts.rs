//! Contacts: what an application holds of others, in memory.

use alloc::vec::Vec;
use core::fmt;

use crate::identity::{Address, Device, IdentityKey};
use crate::peer::other_device::Peer;
use crate::person::other_person::Person;
use crate::person::person_event::PersonEvent;
use crate::person::standing::Standing;
use crate::person::verified_list::VerifiedList;
use crate::time::Timestamp;

/// The people and the devices that are known. Each is a row in the store; what is new after a call is named by its
/// [changes](crate::person::PeopleChanges).
///
/// **All people have to be here, always, in the order in which they became known.** Whose list a message brings nobody
/// knows before it has opened, and somebody who is not here is somebody new: a device that was removed, and brings the
/// list that it still has, would be taken in by it, and the row of that person with the newer list would be written over.
/// Nor could it be seen that a device stands in the lists of two. Keep a number with each row that says in which order they
/// came, and load the people by it, at the start. People are small: at most some 3 kB for the list and as much for the
/// devices that are gone. Own devices make at most 10,000 known here; delete whom nobody needs any more, with the row.
///
/// Of peers those may be here that a call concerns: who writes, or is written to, all devices of their person and all own
/// ones. What the user [accepts and refuses](Contacts::refuse) holds for those that are here, and for the others when they
/// write, or are written to; but nothing of a device opens that was refused and is not here when its person is accepted again.
#[derive(Default)]
pub struct Contacts {
    /// All people, in the order in which they became known: a device that stands in the lists of two is of the first.
    pub people: Vec<Person>,
    /// The devices, own ones included, in any order.
    pub peers: Vec<Peer>,
}

impl Contacts {
    /// Nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The person of this owner.
    #[must_use]
    pub fn person(&self, owner: &IdentityKey) -> Option<&Person> {
        self.people.iter().find(|person| person.owner() == owner)
    }

    /// The device at this address.
    #[must_use]
    pub fn peer(&self, address: &Address) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.address() == address)
    }

    /// The person that a device is of, and its standing: of the first who lists it, else of the first who did until
    /// lately.
    #[must_use]
    pub fn person_of(&self, device: &Device, now: Timestamp) -> Option<(&Person, Standing)> {
        let (place, standing) = self.standing(device, now)?;
        self.people.get(place).map(|person| (person, standing))
    }

    /// The place of the person that a device is of, and its standing.
    pub(crate) fn standing(&self, device: &Device, now: Timestamp) -> Option<(usize, Standing)> {
        let mut removed = None;
        for (place, person) in self.people.iter().enumerate() {
            match person.standing(device, now) {
                Standing::Alone => {}
                Standing::Removed => removed = removed.or(Some((place, Standing::Removed))),
                counting @ (Standing::Listed | Standing::Stale) => return Some((place, counting)),
            }
        }
        removed
    }

    /// Where the device is that a message from this address is of: one that is there, else one that left it lately.
    pub(crate) fn place_of_sender(&self, from: &Address, now: Timestamp) -> Option<usize> {
        let there = self.peers.iter().position(|peer| peer.address() == from);
        there.or_else(|| self.peers.iter().position(|peer| peer.is_at(from, now)))
    }

    /// The place of a person, who is added if not known.
    pub(crate) fn place_of_owner(&mut self, owner: &IdentityKey) -> usize {
        let place = self.people.iter().position(|person| person.owner() == owner);
        place.unwrap_or_else(|| {
            self.people.push(Person::new(*owner));
            self.people.len().saturating_sub(1)
        })
    }
}

/// Tells which devices of an owner's list stand in another list of these people. It is told with each list: who reads it
/// once may not have understood it.
pub(crate) fn listed_twice<'a, People: Iterator<Item = &'a Person>>(
    owner: &IdentityKey,
    people: impl Fn() -> People,
) -> Vec<PersonEvent> {
    let list = people().find(|person| person.owner() == owner).and_then(Person::list);
    let devices = list.map(VerifiedList::devices).unwrap_or_default();
    let mut events = Vec::new();
    for listed in devices {
        let device = &listed.device;
        let mut owners = people().filter(|it| it.list().is_some_and(|it| it.lists(device)));
        if let (Some(first), Some(second)) = (owners.next(), owners.next()) {
            let (of, also) = (*first.owner(), *second.owner());
            events.push(PersonEvent::ListedTwice { device: device.clone(), of, also });
        }
    }
    events
}

/// How many there are.
impl fmt::Debug for Contacts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { people, peers } = self;
        let mut shown = formatter.debug_struct("Contacts");
        shown.field("people", &people.len()).field("peers", &peers.len()).finish()
    }
}
