//! Recipients: the devices that a message to a person goes to.

use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;

use crate::identity::{Address, Device};
use crate::peer::other_device::Peer;
use crate::person::consent::ListedDevice;
use crate::person::decisions::ContactDecision;
use crate::person::due_parts::{Side, due_parts};
use crate::person::fan_out::{FanOut, FanOutError, Obstacle, Sending, Unreached};
use crate::person::other_person::{ListExpired, Person};
use crate::person::our_devices::OwnDevices;
use crate::session::encrypting::EncryptError;
use crate::time::Timestamp;
use crate::wire::content_parts::{ContentParts, PartKind};
use crate::wire::payload::Payload;

/// Whom a message is for: all devices of a person and all other own ones, or some of them. Made by [`OwnDevices::to`].
#[derive(Clone, Copy)]
pub struct Recipients<'a> {
    own: &'a OwnDevices,
    person: &'a Person,
    only: Option<&'a [Address]>,
}

impl OwnDevices {
    /// Whoever a message to this person goes to: its devices, and the other own ones, which get a copy. To one's own
    /// [person](OwnDevices::person) it is a note to oneself: copies alone.
    #[must_use]
    pub fn to<'a>(&'a self, person: &'a Person) -> Recipients<'a> {
        Recipients { own: self, person, only: None }
    }
}

/// One device that a message is for.
#[derive(Clone, Copy)]
pub(crate) struct Recipient<'a> {
    device: &'a Device,
    side: Side<'a>,
}

impl<'a> Recipient<'a> {
    /// One of our own person's.
    pub(crate) fn ours(device: &'a Device) -> Self {
        Self { device, side: Side::Ours }
    }
}

/// A device that a message goes to: where its peer is, and what goes before the payload.
pub(crate) struct Prepared {
    pub(crate) place: usize,
    pub(crate) parts: ContentParts,
}

/// What a fan-out would come to.
struct Looked {
    /// The person's first.
    reachable: Vec<Prepared>,
    unreached: Vec<Unreached>,
    needs_person: bool,
    reached_of_person: usize,
}

/// What goes to own devices in place of a copy: lists of other people, and parts behind what is due.
pub(crate) struct Addition {
    pub(crate) lists: ContentParts,
    pub(crate) own: ContentParts,
}

impl<'a> Recipients<'a> {
    /// Of these, those at the given addresses alone: for whom a fan-out did not reach before.
    #[must_use]
    pub fn only(self, addresses: &'a [Address]) -> Self {
        Self { only: Some(addresses), ..self }
    }

    /// Encrypts a payload for each device, bound to `ad`, with the lists and notices that are due to it. One that cannot
    /// be reached is named, and does not keep the others from it.
    ///
    /// Draws what each message draws ([`Peer::encrypt`](crate::Peer::encrypt)), in the order of the messages.
    ///
    /// # Errors
    ///
    /// A [`FanOutError`], the first that holds in the order of its variants; nothing has changed then, and nothing was
    /// drawn.
    pub fn encrypt(
        self,
        peers: &mut [Peer],
        payload: &Payload,
        ad: &[u8],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<FanOut, FanOutError> {
        let Looked { reachable, unreached, needs_person, reached_of_person } =
            self.look(peers, payload, now)?;
        if reachable.is_empty() || (needs_person && reached_of_person == 0) {
            return Err(FanOutError::NobodyReached);
        }
        let mut sending = Sending::to(reachable.len(), unreached);
        for Prepared { place, parts } in reachable {
            // Where it was found.
            if let Some(peer) = peers.get_mut(place) {
                let _is_sent = sending.encrypt(peer, &parts, payload, ad, now, rng);
            }
        }
        Ok(sending.finish())
    }

    /// Whom a message would not reach, and why: what to say to the user after [`FanOutError::NobodyReached`], or before they
    /// write.
    ///
    /// # Errors
    ///
    /// [`FanOutError::Removed`] or [`FanOutError::ListExpired`].
    pub fn obstacles(self, peers: &[Peer], now: Timestamp) -> Result<Vec<Unreached>, FanOutError> {
        self.look(peers, &Payload::new(""), now).map(|looked| looked.unreached)
    }

    /// Whom a payload would reach.
    fn look(
        &self,
        peers: &[Peer],
        payload: &Payload,
        now: Timestamp,
    ) -> Result<Looked, FanOutError> {
        if self.own.is_removed() {
            return Err(FanOutError::Removed);
        }
        let ours = self.own.person.listed(now);
        let theirs = if self.is_note() {
            // Nobody but one's own is left to write to.
            ours.map_err(|ListExpired| FanOutError::ListExpired)?;
            &[]
        } else {
            self.person.listed(now).map_err(|ListExpired| FanOutError::ListExpired)?
        };
        // Else nobody of one's own is left to copy to; the person is written to all the same.
        let ours = ours.unwrap_or_default();
        let owners = |person| owners_device(peers, person);
        let their_owners = Some(self.person).filter(|_| !self.is_note()).and_then(owners);
        let our_owners = owners(&self.own.person);

        let mut needs_person = !self.is_note() && self.only.is_none();
        let mut reached_of_person = 0_usize;
        let mut is_asked_about = false;
        let mut reachable = Vec::with_capacity(theirs.len().saturating_add(ours.len()));
        let mut unreached = Vec::new();
        let mut is_too_large = false;
        let mut after_last = 0;
        let mut look_at = |recipient: Recipient<'_>| {
            let Recipient { device, side } = recipient;
            if !self.are_asked(device) {
                return;
            }
            let is_theirs = !side.is_ours();
            needs_person |= is_theirs;
            match self.prepare(recipient, peers, after_last, payload, None, now) {
                Ok(prepared) => {
                    reached_of_person = reached_of_person.saturating_add(usize::from(is_theirs));
                    after_last = prepared.place.saturating_add(1);
                    reachable.push(prepared);
                }
                Err(Hindrance::TooLarge) => is_too_large = true,
                Err(Hindrance::Of(reason)) => {
                    is_asked_about |= is_theirs && reason == Obstacle::Request;
                    unreached.push(Unreached { to: device.address.clone(), reason });
                }
            }
        };
        for device in devices(theirs, their_owners.as_ref()) {
            look_at(Recipient { device, side: Side::Theirs(Some(self.person)) });
        }
        for device in devices(ours, our_owners.as_ref()).filter(|ours| **ours != self.own.us) {
            look_at(Recipient { device, side: Side::Ours });
        }
        if is_too_large {
            return Err(FanOutError::TooLarge);
        }
        if is_asked_about && self.person.decision().is_none() {
            // By another device of theirs nobody is answered before the user has said so.
            let reason = Obstacle::Request;
            let places = reachable.drain(..reached_of_person).map(|prepared| prepared.place);
            let them = places.filter_map(|place| peers.get(place));
            unreached.extend(them.map(|peer| Unreached { to: peer.address().clone(), reason }));
            let is_theirs = |missed: &Unreached| {
                let of_list = theirs.iter().any(|listed| listed.device.address == missed.to);
                of_list || their_owners.as_ref().is_some_and(|it| it.address == missed.to)
            };
            unreached.sort_by(|one, other| {
                (!is_theirs(one), &one.to).cmp(&(!is_theirs(other), &other.to))
            });
            reached_of_person = 0;
        }
        Ok(Looked { reachable, unreached, needs_person, reached_of_person })
    }

    pub(crate) fn is_note(&self) -> bool {
        self.person.owner() == self.own.person.owner()
    }

    pub(crate) fn person(&self) -> &'a Person {
        self.person
    }

    /// Our own person's devices, as this device has them.
    pub(crate) fn own(&self) -> &'a OwnDevices {
        self.own
    }

    /// The same to our own person alone.
    pub(crate) fn note(self) -> Self {
        Self { person: &self.own.person, ..self }
    }

    /// The other own devices that are asked for.
    pub(crate) fn other_own(
        &self,
        peers: &[Peer],
        now: Timestamp,
    ) -> Result<Vec<Device>, FanOutError> {
        let us = &self.own.person;
        let listed = us.listed(now).map_err(|ListExpired| FanOutError::ListExpired)?;
        let owners = owners_device(peers, us);
        let others = devices(listed, owners.as_ref()).filter(|device| **device != self.own.us);
        Ok(others.filter(|device| self.are_asked(device)).cloned().collect())
    }

    pub(crate) fn are_asked(&self, device: &Device) -> bool {
        self.only.is_none_or(|only| only.contains(&device.address))
    }

    /// The place of its peer, which is looked for from `after_last` on and then before it, since those of a person tend to be
    /// side by side; and what goes to it.
    pub(crate) fn prepare(
        &self,
        recipient: Recipient<'_>,
        peers: &[Peer],
        after_last: usize,
        payload: &Payload,
        addition: Option<&Addition>,
        now: Timestamp,
    ) -> Result<Prepared, Hindrance> {
        let Recipient { device, side } = recipient;
        if side.is_ours() && self.own.unconfirmed.contains(device) {
            return Err(Hindrance::Of(Obstacle::Unconfirmed));
        }
        // Who was removed since the backup may stand in the list.
        if side.is_ours() && self.own.put_back {
            return Err(Hindrance::Of(Obstacle::PutBack));
        }
        let is_it = |(_, peer): &(usize, &Peer)| {
            peer.address() == &device.address && peer.contact().is_of(&device.identity)
        };
        let peers = || peers.iter().enumerate();
        let mut in_turn = peers().skip(after_last).chain(peers().take(after_last));
        let found = in_turn.find(is_it);
        let (place, peer) = found.ok_or(Hindrance::Of(Obstacle::NeedsSession))?;
        let mut parts = self.due_to(peer, device, side);
        if side.is_ours() {
            // Without the part it would be taken for a message to ourselves.
            if !self.knows_parts(peer, device) {
                return Err(Hindrance::Of(Obstacle::NeedsSession));
            }
            match addition {
                Some(Addition { lists, own }) => parts = lists.clone().and(&parts).and(own),
                None => parts.push(PartKind::Copy, &self.person.owner().encode()),
            }
        } else if self.person.decision().is_some_and(|it| it != ContactDecision::Accepted) {
            return Err(Hindrance::Of(Obstacle::Request));
        }
        obstacle(peer, &parts, payload, now)?;
        Ok(Prepared { place, parts })
    }

    /// Lists and notices that are due to it. To a device that shows no sign of knowing parts none go: it stands in no
    /// list, and has sent none.
    pub(crate) fn due_to(&self, peer: &Peer, device: &Device, side: Side<'_>) -> ContentParts {
        if !self.knows_parts(peer, device) {
            return ContentParts::none();
        }
        due_parts(&peer.notices, &self.own.person, side)
    }

    fn knows_parts(&self, peer: &Peer, device: &Device) -> bool {
        let lists = [self.own.person.list(), self.person.list()];
        peer.notices.sends_parts || lists.into_iter().flatten().any(|list| list.lists(device))
    }
}

/// Why nothing is encrypted for a device.
pub(crate) enum Hindrance {
    TooLarge,
    Of(Obstacle),
}

/// Without a list a person is the device whose identity is the owner's, wherever it is.
fn owners_device(peers: &[Peer], person: &Person) -> Option<Device> {
    if person.list().is_some() {
        return None;
    }
    peers.iter().find(|peer| peer.contact().is_of(person.owner())).and_then(Peer::device)
}

/// Those of a list, or without one that of the owner.
fn devices<'a>(
    listed: &'a [ListedDevice],
    owners: Option<&'a Device>,
) -> impl Iterator<Item = &'a Device> {
    listed.iter().map(|listed| &listed.device).chain(owners)
}

/// Whether this could be encrypted for the peer. Changes nothing.
pub(crate) fn obstacle(
    peer: &Peer,
    parts: &ContentParts,
    payload: &Payload,
    now: Timestamp,
) -> Result<(), Hindrance> {
    if peer.contact().may_be_written_to() {
        obstacle_of_any(peer, parts, payload, now)
    } else {
        Err(Hindrance::Of(Obstacle::Request))
    }
}

/// The same of one that may be a request.
pub(crate) fn obstacle_of_any(
    peer: &Peer,
    parts: &ContentParts,
    payload: &Payload,
    now: Timestamp,
) -> Result<(), Hindrance> {
    let obstacle = if peer.contact().is_refused() {
        Obstacle::Request
    } else if peer.undecided_identity().is_some() {
        Obstacle::IdentityUndecided
    } else {
        match peer.check_encrypting(parts, payload, now) {
            Some(Ok(())) => return Ok(()),
            Some(Err(EncryptError::TooLarge)) => return Err(Hindrance::TooLarge),
            Some(Err(EncryptError::ChainFull)) => Obstacle::ChainFull,
            None | Some(Err(EncryptError::Waiting | EncryptError::WeakKey)) => {
                Obstacle::NeedsSession
            }
        }
    };
    Err(Hindrance::Of(obstacle))
}

/// Whose devices, and how many of them alone.
impl fmt::Debug for Recipients<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { own: _, person, only } = self;
        let mut shown = formatter.debug_struct("Recipients");
        shown.field("person", &person.owner().in_short());
        shown.field("only", &only.map(<[Address]>::len)).finish_non_exhaustive()
    }
}
