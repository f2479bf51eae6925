//! Which devices get what goes pairwise, and how it goes.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::cell::OnceCell;

use rand_core::CryptoRng;

use crate::group::asking_fields::Asked;
use crate::group::by_beginning::{ByBeginning, beginning};
use crate::group::directory::{Directory, KnownDevice};
use crate::group::group_changes::GroupChanges;
use crate::group::group_id::GroupId;
use crate::group::group_outgoing::{Broadcast, GroupOutgoing};
use crate::group::message_sending::{SealedMessage, nothing};
use crate::group::steps::{Due, Steps};
use crate::identity::{Device, IdentityKey};
use crate::peer::other_device::Peer;
use crate::person::contacts::Contacts;
use crate::person::decisions::ContactDecision;
use crate::person::due_parts::Side;
use crate::person::fan_out::{AddressedMessage, Obstacle, Unreached};
use crate::person::other_person::Person;
use crate::person::our_devices::OwnDevices;
use crate::person::recipients::{Hindrance, obstacle_of_any};
use crate::person::verified_list::VerifiedList;
use crate::time::Timestamp;
use crate::wire::content_parts::{ContentParts, PartKind};
use crate::wire::roster::OwnerBytes;

/// Up to so many members a newcomer gets the lists that are held of them. In a larger group they are fetched: to give each
/// newcomer all of them would be more than all else.
const LISTS_GO_ALONG: usize = 64;

/// How many lists go in a message: as many as are verified of one, beside our own.
const LISTS_OF_MESSAGE: usize = 7;

/// Whom this device reaches, of whom many are asked about.
pub(crate) struct Reach<'a> {
    directory: Directory<'a>,
    now: Timestamp,
    /// Made when the first is asked about: as a rule nobody is.
    places: OnceCell<(ByBeginning<KnownDevice<'a>>, PeerPlaces)>,
}

impl<'a> Reach<'a> {
    pub(crate) fn new(directory: Directory<'a>, now: Timestamp) -> Self {
        Self { directory, now, places: OnceCell::new() }
    }

    /// Whether a control message can be encrypted for a device.
    pub(crate) fn reaches(&self, device: &Device) -> bool {
        let Self { directory, now, places } = self;
        let (devices, places) = places.get_or_init(|| {
            let listed = directory.listed();
            let listed = listed.map(|known| (beginning(&known.device.identity.encode()), known));
            (ByBeginning::of(listed), PeerPlaces::of(&directory.contacts.peers))
        });
        let identity = device.identity.encode();
        let mut listed = devices.like(&identity).filter(|it| it.device.identity.is(&identity));
        let known = listed.next().copied().or_else(|| directory.device(&identity, *now));
        let peers = &directory.contacts.peers;
        let peer = || peers.get(places.of_device(peers, device)?);
        obstacle_of(directory, device, known, peer, *now).is_none()
    }
}

/// Where the peers of devices are, to look many up.
struct PeerPlaces(ByBeginning<usize>);

impl PeerPlaces {
    fn of(peers: &[Peer]) -> Self {
        let pinned = peers.iter().enumerate().filter_map(|(place, peer)| {
            Some((beginning(&peer.contact().identity()?.encode()), place))
        });
        Self(ByBeginning::of(pinned))
    }

    fn of_device(&self, peers: &[Peer], device: &Device) -> Option<usize> {
        let identity = device.identity.encode();
        let mut places = self.0.like(&identity).copied();
        places.find(|place| peers.get(*place).is_some_and(|peer| is_of(peer, device)))
    }
}

/// Where the peer of a device is, and the person who lists it.
#[derive(Clone, Copy)]
struct Place {
    peer: Option<usize>,
    person: Option<usize>,
}

impl Place {
    fn of(device: &Device, contacts: &Contacts, now: Timestamp) -> Self {
        let Contacts { people, peers } = contacts;
        Self {
            peer: peers.iter().position(|peer| is_of(peer, device)),
            person: people.iter().position(|person| person.standing(device, now).counts()),
        }
    }
}

/// The same of many.
struct Places {
    peers: PeerPlaces,
    people: ByBeginning<usize>,
}

impl Places {
    fn of(contacts: &Contacts) -> Self {
        let people = contacts.people.iter().enumerate();
        let listed = people.flat_map(|(place, person)| {
            let listed = person.list().map(VerifiedList::devices).unwrap_or_default();
            listed.iter().map(move |it| (beginning(&it.device.identity.encode()), place))
        });
        Self { peers: PeerPlaces::of(&contacts.peers), people: ByBeginning::of(listed) }
    }

    fn of_device(&self, contacts: &Contacts, device: &Device, now: Timestamp) -> Place {
        let Contacts { people, peers } = contacts;
        let lists = |place: &usize| {
            people.get(*place).is_some_and(|person| person.standing(device, now).counts())
        };
        let identity = device.identity.encode();
        Place {
            peer: self.peers.of_device(peers, device),
            person: self.people.like(&identity).copied().find(lists),
        }
    }
}

/// Why a device is not reached; `None` of one that is.
pub(crate) fn obstacle(
    directory: &Directory<'_>,
    device: &Device,
    now: Timestamp,
) -> Option<Obstacle> {
    let known = directory.device(&device.identity.encode(), now);
    let peer = || directory.contacts.peers.iter().find(|peer| is_of(peer, device));
    obstacle_of(directory, device, known, peer, now)
}

/// The same of one that was looked up.
fn obstacle_of<'a>(
    directory: &Directory<'_>,
    device: &Device,
    known: Option<KnownDevice<'_>>,
    peer: impl FnOnce() -> Option<&'a Peer>,
    now: Timestamp,
) -> Option<Obstacle> {
    let own = directory.own;
    let is_ours = own.person().standing(device, now).counts();
    if is_ours && own.unconfirmed().contains(device) {
        return Some(Obstacle::Unconfirmed);
    }
    // Who was removed since the backup may stand in the list.
    if is_ours && own.is_put_back() {
        return Some(Obstacle::PutBack);
    }
    let person = known.map(|known| known.person);
    let is_refused = person.and_then(Person::decision) == Some(ContactDecision::Refused);
    if is_refused && !is_ours {
        return Some(Obstacle::Request);
    }
    let Some(peer) = peer() else { return Some(Obstacle::NeedsSession) };
    match obstacle_of_any(peer, &ContentParts::none(), &nothing(), now) {
        Ok(()) => None,
        Err(Hindrance::Of(obstacle)) => Some(obstacle),
        Err(Hindrance::TooLarge) => Some(Obstacle::NeedsSession),
    }
}

/// Of these devices those that are reached, as far as this side can tell, by a session that seems to be lost.
pub(crate) fn with_lost_session(
    devices: &[Cow<'_, Device>],
    directory: &Directory<'_>,
    now: Timestamp,
) -> Vec<Device> {
    let peers = directory.contacts.peers.iter();
    let lost: Vec<&Peer> = peers.filter(|peer| peer.has_lost_session()).collect();
    let devices = devices.iter().filter(|device| {
        lost.iter().any(|peer| is_of(peer, device)) && obstacle(directory, device, now).is_none()
    });
    devices.map(|device| device.clone().into_owned()).collect()
}

fn is_of(peer: &Peer, device: &Device) -> bool {
    *peer.address() == device.address && peer.contact().is_of(&device.identity)
}

impl GroupOutgoing {
    /// Encrypts what goes pairwise, and names who is not reached. Gives those for whom it failed.
    pub(crate) fn add_steps(
        &mut self,
        steps: Steps,
        members: &[OwnerBytes],
        own: &OwnDevices,
        contacts: &mut Contacts,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Vec<IdentityKey> {
        let Steps { pairwise, unreached, recipients: _ } = steps;
        let mut failed = Vec::new();
        let mut written_to = Vec::with_capacity(pairwise.len());
        self.pairwise.reserve(pairwise.len());
        let places = (pairwise.len() > 1).then(|| Places::of(contacts));
        for due in pairwise {
            let (to, is_newcomer) = (due.to.clone(), due.is_newcomer);
            let place = match &places {
                Some(places) => places.of_device(contacts, &to, now),
                None => Place::of(&to, contacts, now),
            };
            let mut is_sent = self.add_due_at(place, due, own, contacts, now, rng);
            if !is_sent {
                failed.push(to.identity);
            }
            if is_newcomer && members.len() <= LISTS_GO_ALONG {
                for parts in lists_for(&to, members, contacts) {
                    let due = Due { to: to.clone(), parts, is_newcomer: false };
                    // They may come with what their members write.
                    is_sent |= self.add_due_at(place, due, own, contacts, now, rng);
                }
            }
            written_to.extend(is_sent.then_some(to.address));
        }
        self.changes.people.add_peers(written_to);
        let directory = Directory { own, contacts };
        unreached.into_iter().for_each(|device| self.add_missed(device, &directory, now));
        failed
    }

    /// Names one that is not reached, with the reason.
    pub(crate) fn add_missed(&mut self, device: Device, directory: &Directory<'_>, now: Timestamp) {
        let reason = obstacle(directory, &device, now).unwrap_or(Obstacle::NeedsSession);
        self.add_unreached(device, reason);
    }

    pub(crate) fn add_unreached(&mut self, device: Device, reason: Obstacle) {
        self.unreached.retain(|missed| missed.to != device.address);
        self.unreached.push(Unreached { to: device.address, reason });
        self.unreached.sort_by(|one, other| one.to.cmp(&other.to));
    }

    /// Encrypts a control message for a device, with the lists and notices that are due to it. Says whether it could.
    pub(crate) fn add_due(
        &mut self,
        due: Due,
        own: &OwnDevices,
        contacts: &mut Contacts,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> bool {
        let (address, place) = (due.to.address.clone(), Place::of(&due.to, contacts, now));
        let is_sent = self.add_due_at(place, due, own, contacts, now, rng);
        if is_sent {
            self.changes.people.add_peer(&address);
        }
        is_sent
    }

    /// The same of a device that was looked up. That its peer has changed is the caller's to note.
    fn add_due_at(
        &mut self,
        place: Place,
        due: Due,
        own: &OwnDevices,
        contacts: &mut Contacts,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> bool {
        let Due { to, parts, is_newcomer: _ } = due;
        let Contacts { people, peers } = contacts;
        let is_ours = own.person().standing(&to, now).counts();
        let person = place.person.and_then(|place| people.get(place));
        let side = if is_ours { Side::Ours } else { Side::Theirs(person) };
        let person = person.filter(|_| !is_ours).unwrap_or(own.person());
        let Some(peer) = place.peer.and_then(|place| peers.get_mut(place)) else {
            self.add_unreached(to, Obstacle::NeedsSession);
            return false;
        };
        // Lists come first, and parts of groups last.
        let due = own.to(person).due_to(peer, &to, side);
        let are_lists = parts.iter().all(|part| part.kind == PartKind::List);
        let parts = match (due.is_empty(), are_lists) {
            (true, _) => parts,
            (false, true) => parts.and(&due),
            (false, false) => due.and(&parts),
        };
        match peer.encrypt_for_group(&parts, &nothing(), b"", now, rng) {
            Ok(sent) => {
                peer.notices.sent();
                // Evidence of it would show the keys in it, and there is nothing to report.
                let (message, session_need, evidence) = (sent.message, sent.session_need, None);
                let to = to.address;
                self.pairwise.push(AddressedMessage { to, message, session_need, evidence });
                true
            }
            // Its chain is full since the one before, or its stored state was damaged: all else was looked at before.
            Err(_) => {
                self.add_unreached(to, Obstacle::NeedsSession);
                false
            }
        }
    }

    /// Encrypts what is asked for, and names who is not reached.
    pub(crate) fn add_wants(
        &mut self,
        wants: &[Asked],
        own: &OwnDevices,
        contacts: &mut Contacts,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        for asked in wants {
            let to = asked.of.clone();
            if asked.is_reached {
                let due = Due { to, parts: asked.parts(), is_newcomer: false };
                // What it does not reach is named.
                let _is_sent = self.add_due(due, own, contacts, now, rng);
            } else {
                self.add_missed(to, &Directory { own, contacts }, now);
            }
        }
    }

    /// A message to all recipients of these steps.
    pub(crate) fn add_message(&mut self, message: SealedMessage, steps: &mut Steps) {
        let SealedMessage { bytes: message, evidence } = message;
        let to = core::mem::take(&mut steps.recipients);
        self.broadcasts.push(Broadcast { to, message, evidence: Some(evidence) });
    }

    pub(crate) fn of_group(group: GroupId) -> Self {
        Self { changes: GroupChanges::of_group(group), ..Self::default() }
    }
}

/// The lists that are held of a group's other members, in so many messages as it takes.
fn lists_for(newcomer: &Device, members: &[OwnerBytes], contacts: &Contacts) -> Vec<ContentParts> {
    let is_member = |owner: OwnerBytes| members.binary_search(&owner).is_ok();
    let people = contacts.people.iter().filter(|person| is_member(person.owner().encode()));
    let lists = people.filter_map(Person::list);
    let lists: Vec<_> = lists.filter(|list| !list.lists(newcomer)).collect();
    let of_chunk = |lists: &[&VerifiedList]| {
        let mut parts = ContentParts::none();
        lists.iter().for_each(|list| parts.push(PartKind::List, list.as_bytes()));
        parts
    };
    lists.chunks(LISTS_OF_MESSAGE).map(of_chunk).collect()
}
