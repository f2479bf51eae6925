//! Recipients: the devices that a message to a person goes to.

use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;

use crate::identity::{Address, Device};
use crate::peer::dispatch::Encrypted;
use crate::peer::other_device::Peer;
use crate::person::decisions::ContactDecision;
use crate::person::due_parts::{Side, due_parts};
use crate::person::fan_out::{AddressedMessage, FanOut, FanOutError, Obstacle, Unreached};
use crate::person::other_person::{ListExpired, Person};
use crate::person::our_devices::OwnDevices;
use crate::person::people_changes::PeopleChanges;
use crate::person::standing::Standing;
use crate::session::encrypting::EncryptError;
use crate::time::Timestamp;
use crate::wire::content_parts::{ContentParts, PartKind};
use crate::wire::payload::Payload;
use crate::wire::stamp::Stamp;

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
pub(crate) struct Recipient<'a> {
    pub(crate) device: Device,
    side: Side<'a>,
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
        if self.own.is_removed() {
            return Err(FanOutError::Removed);
        }
        let recipients = self.recipients(peers, now)?;
        let asks_for_person = recipients.iter().any(|recipient| !recipient.is_ours());
        let needs_person = !self.is_note() && (asks_for_person || self.only.is_none());
        let mut reachable = Vec::with_capacity(recipients.len());
        let mut unreached = Vec::new();
        let mut is_too_large = false;
        for recipient in &recipients {
            match self.prepare(recipient, peers, payload, None, now) {
                Ok(prepared) => reachable.push((recipient, prepared)),
                Err(Hindrance::TooLarge) => is_too_large = true,
                Err(Hindrance::Of(reason)) => {
                    unreached.push(Unreached { to: recipient.device.address.clone(), reason });
                }
            }
        }
        if is_too_large {
            return Err(FanOutError::TooLarge);
        }
        if !reachable.iter().any(|(recipient, _)| !needs_person || !recipient.is_ours()) {
            return Err(FanOutError::NobodyReached);
        }
        let mut sent = FanOut { messages: Vec::new(), unreached, changes: PeopleChanges::none() };
        for (recipient, (place, parts)) in reachable {
            let to = recipient.device.address.clone();
            match peers.get_mut(place).map(|peer| send(peer, &parts, payload, ad, now, rng)) {
                Some(Some(message)) => {
                    sent.changes.peers.push(to);
                    sent.messages.push(message);
                }
                // Its stored state was damaged: all else was looked at before.
                Some(None) | None => {
                    sent.unreached.push(Unreached { to, reason: Obstacle::NeedsSession });
                }
            }
        }
        Ok(sent)
    }

    /// Tells the device at this address which lists are held, by a control message, if anything is due to it. After a
    /// list was signed or adopted, tell own devices and contacts; else it goes along with the next message. Nothing
    /// is told of a person whose device it is not. A device that was removed is told our list like any other that is
    /// known: it learns so that it was.
    ///
    /// Draws what a message draws, if there is one.
    ///
    /// # Errors
    ///
    /// [`FanOutError::Removed`]; nothing has changed then.
    pub fn tell(
        self,
        peers: &mut [Peer],
        address: &Address,
        ad: &[u8],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<FanOut, FanOutError> {
        if self.own.is_removed() {
            return Err(FanOutError::Removed);
        }
        let mut sent =
            FanOut { messages: Vec::new(), unreached: Vec::new(), changes: PeopleChanges::none() };
        let told = peers.iter_mut().find(|peer| peer.address() == address);
        let Some((peer, device)) = told.and_then(|peer| peer.device().map(|device| (peer, device)))
        else {
            return Ok(sent);
        };
        let is_ours = self.own.person.list().is_some_and(|list| list.lists(&device))
            || device.identity == *self.own.person.owner();
        // Of a person who has nothing to do with the device it hears nothing.
        let is_theirs = !self.is_note()
            && (self.person.standing(&device, now) != Standing::Alone
                || device.identity == *self.person.owner());
        let side =
            if is_ours { Side::Ours } else { Side::Theirs(is_theirs.then_some(self.person)) };
        let parts = self.due_to(peer, &device, side);
        let payload = Payload { stamp: Stamp::NONE, body: Vec::new() };
        if parts.is_empty() {
            return Ok(sent);
        }
        let to = address.clone();
        match obstacle(peer, &parts, &payload, now) {
            Err(Hindrance::Of(reason)) => sent.unreached.push(Unreached { to, reason }),
            Err(Hindrance::TooLarge) => return Err(FanOutError::TooLarge),
            Ok(()) => match send(peer, &parts, &payload, ad, now, rng) {
                Some(message) => {
                    sent.changes.peers.push(to);
                    sent.messages.push(message);
                }
                None => sent.unreached.push(Unreached { to, reason: Obstacle::NeedsSession }),
            },
        }
        Ok(sent)
    }

    fn is_note(&self) -> bool {
        self.person.owner() == self.own.person.owner()
    }

    /// The person's devices, then own ones, without this one, as far as they are asked for.
    pub(crate) fn recipients(
        &self,
        peers: &[Peer],
        now: Timestamp,
    ) -> Result<Vec<Recipient<'a>>, FanOutError> {
        let of = |person: &'a Person, side: Side<'a>| -> Result<Vec<Recipient<'a>>, ListExpired> {
            let devices = match person.list() {
                Some(_) => person.devices(now)?.into_iter().cloned().collect(),
                None => owners_device(peers, person),
            };
            Ok(devices.into_iter().map(|device| Recipient { device, side }).collect())
        };
        let mut all = Vec::new();
        if !self.is_note() {
            let theirs = of(self.person, Side::Theirs(Some(self.person)));
            all.extend(theirs.map_err(|ListExpired| FanOutError::ListExpired)?);
        }
        let (own, us) = (&self.own.person, &self.own.us);
        match of(own, Side::Ours) {
            Ok(ours) => all.extend(ours.into_iter().filter(|ours| ours.device != *us)),
            Err(ListExpired) if self.is_note() => return Err(FanOutError::ListExpired),
            // Nobody of one's own is left to copy to; the person is written to all the same.
            Err(ListExpired) => {}
        }
        if let Some(only) = self.only {
            all.retain(|recipient| only.contains(&recipient.device.address));
        }
        Ok(all)
    }

    /// The same to our own person alone.
    pub(crate) fn note(self) -> Self {
        Self { person: &self.own.person, ..self }
    }

    pub(crate) fn are_asked(&self, device: &Device) -> bool {
        self.only.is_none_or(|only| only.contains(&device.address))
    }

    /// Our own person's devices, as this device has them.
    pub(crate) fn own(&self) -> &'a OwnDevices {
        self.own
    }

    /// The place of its peer, and what goes to it.
    pub(crate) fn prepare(
        &self,
        recipient: &Recipient<'a>,
        peers: &[Peer],
        payload: &Payload,
        addition: Option<&Addition>,
        now: Timestamp,
    ) -> Result<(usize, ContentParts), Hindrance> {
        let Recipient { device, side } = recipient;
        if recipient.is_ours() && self.own.unconfirmed.contains(device) {
            return Err(Hindrance::Of(Obstacle::Unconfirmed));
        }
        // Who was removed since the backup may stand in the list.
        if recipient.is_ours() && self.own.put_back {
            return Err(Hindrance::Of(Obstacle::PutBack));
        }
        let is_it = |peer: &Peer| {
            peer.address() == &device.address && peer.contact().identity() == Some(device.identity)
        };
        let place = peers.iter().position(is_it);
        let place = place.ok_or(Hindrance::Of(Obstacle::NeedsSession))?;
        let peer = peers.get(place).ok_or(Hindrance::Of(Obstacle::NeedsSession))?;
        let mut parts = self.due_to(peer, device, *side);
        if recipient.is_ours() {
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
        Ok((place, parts))
    }

    /// Lists and notices that are due to it. To a device that shows no sign of knowing parts none go: it stands in no
    /// list, and has sent none.
    fn due_to(&self, peer: &Peer, device: &Device, side: Side<'_>) -> ContentParts {
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

impl Recipient<'_> {
    fn is_ours(&self) -> bool {
        match self.side {
            Side::Ours => true,
            Side::Theirs(_) => false,
        }
    }
}

/// Why nothing is encrypted for a device.
pub(crate) enum Hindrance {
    TooLarge,
    Of(Obstacle),
}

/// Without a list a person is the device whose identity is the owner's, wherever it is.
fn owners_device(peers: &[Peer], person: &Person) -> Vec<Device> {
    let mut devices = peers.iter().filter_map(Peer::device);
    devices.find(|device| device.identity == *person.owner()).into_iter().collect()
}

/// Whether this could be encrypted for the peer. Changes nothing.
fn obstacle(
    peer: &Peer,
    parts: &ContentParts,
    payload: &Payload,
    now: Timestamp,
) -> Result<(), Hindrance> {
    let obstacle = if !peer.contact().may_be_written_to() {
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

/// Encrypts behind parts; with them goes what was owed.
pub(crate) fn send(
    peer: &mut Peer,
    parts: &ContentParts,
    payload: &Payload,
    ad: &[u8],
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Option<AddressedMessage> {
    let encrypted = peer.encrypt_behind(parts, payload, ad, now, rng).ok()?;
    peer.notices.sent();
    let Encrypted { message, changes: _, session_need, evidence } = encrypted;
    Some(AddressedMessage { to: peer.address().clone(), message, session_need, evidence })
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
