//! OwnDevices: the owner links another device.

use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::account::Account;
use crate::identity::Device;
use crate::peer::initiating::PeerInitiateError;
use crate::peer::other_device::Peer;
use crate::person::consent::{Consent, ListedDevice};
use crate::person::link_code::LinkCode;
use crate::person::link_error::LinkError;
use crate::person::linking_message::{LinkMessage, nothing_more, only_part};
use crate::person::linking_state::{OFFER_LIFETIME, Offered};
use crate::person::our_devices::{OwnDevices, SignError};
use crate::person::people_changes::PeopleChanges;
use crate::person::verified_list::VerifiedList;
use crate::prekeys::verified_bundle::VerifiedBundle;
use crate::time::Timestamp;
use crate::wire::content_parts::{ContentParts, PartKind};
use crate::wire::device_list::MAX_DEVICES;
use crate::wire::linking::OfferFields;

impl OwnDevices {
    /// Offers a device to be linked, whose code was scanned, with a bundle of it. **The user has compared
    /// [its digits](LinkCode::digits), and has confirmed that it will read and write as them**: ask for the device's
    /// unlock first. An offer that was out before is given up.
    ///
    /// Draws 64 bytes, of a bundle of suite 2 96: the session's, then its first message's.
    ///
    /// # Errors
    ///
    /// A [`LinkError`]; nothing has changed then.
    pub fn offer_link(
        &mut self,
        account: &Account,
        peers: &mut Vec<Peer>,
        code: &LinkCode,
        bundle: VerifiedBundle,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<LinkMessage, LinkError> {
        self.check_offer(account, code.device())?;
        let device = code.device().clone();
        if *bundle.device() != device {
            return Err(LinkError::OtherDevice);
        }
        let place = peers.iter().position(|peer| *peer.address() == device.address);
        let mut peer = match place.and_then(|place| peers.get(place)) {
            None => Peer::pinned(device.clone()),
            Some(known) if known.contact().identity().is_none_or(|it| it == device.identity) => {
                known.duplicate().ok_or(LinkError::OtherDevice)?
            }
            Some(_) => return Err(LinkError::OtherDevice),
        };
        let _accepted = peer.accept_request();
        let _initiated = peer.initiate(account, bundle, now, rng).map_err(|error| match error {
            PeerInitiateError::WeakKey => LinkError::WeakKey,
            PeerInitiateError::OwnDevice => LinkError::AlreadyListed,
            PeerInitiateError::Request
            | PeerInitiateError::OtherAddress
            | PeerInitiateError::AddressChanged
            | PeerInitiateError::IdentityChanged(_) => LinkError::OtherDevice,
        })?;
        let offer = OfferFields { owner: self.person.owner().encode(), added: now };
        let mut parts = ContentParts::none();
        parts.push(PartKind::LinkOffer, &offer.encode());
        let ad = code.secret.ad();
        let encrypted = peer.encrypt_behind(&parts, &nothing_more(), &ad, now, rng);
        let encrypted = encrypted.map_err(|_| LinkError::OtherDevice)?;
        match place.and_then(|place| peers.get_mut(place)) {
            Some(known) => *known = peer,
            None => peers.push(peer),
        }
        let secret = code.secret.duplicate();
        let to = device.address.clone();
        self.linking.offered = Some(Offered { secret, device, added: now });
        Ok(LinkMessage::new(&to, encrypted))
    }

    /// Takes the device's answer, signs a list with it (and with this device, if there was none), and holds it. Store what
    /// changed, publish the list, and [tell](crate::person::Recipients::tell) the new device, own devices and contacts.
    ///
    /// # Errors
    ///
    /// A [`LinkError`]; nothing has changed then.
    pub fn finish_link(
        &mut self,
        account: &Account,
        peers: &mut [Peer],
        message: &[u8],
        now: Timestamp,
    ) -> Result<(VerifiedList, PeopleChanges), LinkError> {
        let Some(Offered { secret, device, added }) = &self.linking.offered else {
            return Err(LinkError::NotLinking);
        };
        if now >= added.plus(OFFER_LIFETIME) {
            return Err(LinkError::CodeExpired);
        }
        // Another list may have come since the offer.
        self.check_offer(account, device)?;
        let peer = peers.iter_mut().find(|peer| *peer.address() == device.address);
        let peer = peer.ok_or(LinkError::NotLinking)?;
        // What it says is known only once it has opened: it opens in a copy, which then takes the peer's place.
        let mut opened = peer.duplicate().ok_or(LinkError::NotLinking)?;
        let delivered = opened.decrypt_established(message, &secret.ad(), now);
        let delivered = delivered.map_err(LinkError::Message)?;
        let consent = only_part(&delivered.received, PartKind::LinkConsent)?;
        let consent = Consent(*consent.first_chunk().ok_or(LinkError::Malformed)?);
        let listed = ListedDevice { device: device.clone(), added: *added, consent };
        let signer = listed.device.identity.unpacked();
        if !signer.is_some_and(|signer| listed.agrees_to(self.person.owner(), &signer)) {
            return Err(LinkError::BadSignature);
        }
        let mut devices = match self.person.list() {
            Some(list) => list.devices().to_vec(),
            None => Vec::from([self.ourselves(account, now)]),
        };
        devices.push(listed);
        let list = self.sign(account, &devices, now)?.clone();
        let mut changes = PeopleChanges::of_peer(peer.address());
        changes.own = true;
        opened.notices.sends_parts = true;
        *peer = opened;
        self.linking.offered = None;
        Ok((list, changes))
    }

    fn check_offer(&self, account: &Account, device: &Device) -> Result<(), LinkError> {
        if !self.is_owner() || account.device().identity != *self.person.owner() {
            return Err(LinkError::NotTheOwner);
        }
        self.check_signing()?;
        if !self.unconfirmed.is_empty() {
            return Err(LinkError::Sign(SignError::Unconfirmed));
        }
        let is_it =
            |other: &Device| other.address == device.address || other.identity == device.identity;
        let listed = self.person.list().map(VerifiedList::devices).unwrap_or_default();
        if is_it(&self.us) || listed.iter().any(|listed| is_it(&listed.device)) {
            return Err(LinkError::AlreadyListed);
        }
        if listed.len() >= MAX_DEVICES { Err(LinkError::ListFull) } else { Ok(()) }
    }
}
