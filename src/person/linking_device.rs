//! OwnDevices: a new device is linked.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use rand_core::CryptoRng;

use crate::account::Account;
use crate::identity::Device;
use crate::peer::delivery::PeerDecryptError;
use crate::peer::other_device::Peer;
use crate::person::consent::ListedDevice;
use crate::person::link_code::{LinkCode, LinkSecret};
use crate::person::link_error::LinkError;
use crate::person::linking_message::{LinkMessage, nothing_more, only_part};
use crate::person::linking_state::{CodeState, CodeStep, LinkingState, Served};
use crate::person::other_person::Person;
use crate::person::our_devices::OwnDevices;
use crate::person::people_changes::PeopleChanges;
use crate::safety_number::half_digits;
use crate::time::Timestamp;
use crate::wire::content_parts::{ContentParts, PartKind};
use crate::wire::linking::OfferFields;
use crate::wire::message::Envelope;

/// How long a code serves: ten minutes.
const CODE_LIFETIME: Duration = Duration::from_secs(600);

/// By how much a clock may be set back while a code serves: a day.
const SET_BACK: Duration = Duration::from_secs(86_400);

/// An offer to be linked that has opened, before the user has confirmed it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the user compares digits, and what has changed is to be stored"]
#[non_exhaustive]
pub struct LinkOffer {
    /// The owner's device that offers it.
    pub owner: Device,
    /// Its 30 digits. **Show them, and answer only when the user has confirmed that the owner's device shows the same**:
    /// whoever photographed the code can offer first.
    pub digits: String,
    /// Whether the device was not among the peers before. Its address is what it says: if the user declines, drop this peer
    /// and its row, or the true device of this address comes as another identity. Then [`OwnDevices::cancel_link`].
    pub is_new: bool,
    /// What opening it changed: the account, the own devices, and the peer.
    pub changes: PeopleChanges,
}

impl OwnDevices {
    /// The code to be linked by, which takes the place of an earlier one: one draw. It serves one offer within ten
    /// minutes. Store the own devices, then show it, with [its digits](LinkCode::digits).
    pub fn show_link_code(
        &mut self,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> LinkCode {
        let secret = LinkSecret::filled_by(|out| rng.fill_bytes(out));
        let code = LinkCode::new(secret.duplicate(), self.us.clone());
        self.linking.code = Some(CodeState { made: now, step: CodeStep::Shown(secret) });
        code
    }

    /// Opens an offer to be linked: while a code is shown, give each message that begins a session to this first. Draws
    /// nothing.
    ///
    /// # Errors
    ///
    /// A [`LinkError`]; nothing has changed then, and the code still serves: no prekey is spent. Whatever the error is, this is
    /// perhaps an ordinary message: give it to [`OwnDevices::decrypt`] then.
    pub fn open_link_offer(
        &mut self,
        account: &mut Account,
        peers: &mut Vec<Peer>,
        message: &[u8],
        now: Timestamp,
    ) -> Result<LinkOffer, LinkError> {
        let Some(code) = &self.linking.code else {
            return Err(LinkError::NotLinking);
        };
        if now >= code.made.plus(CODE_LIFETIME) || now < code.made.minus(SET_BACK) {
            return Err(LinkError::CodeExpired);
        }
        let CodeStep::Shown(secret) = &code.step else {
            return Err(LinkError::CodeUsed);
        };
        if self.is_listed() && !self.is_by_itself() {
            return Err(LinkError::AlreadyLinked);
        }
        let refused = LinkError::Message;
        let envelope = Envelope::decode(message).map_err(|error| refused(error.into()))?;
        let Envelope::Initial(initial) = &envelope else {
            return Err(refused(PeerDecryptError::NoSession));
        };
        let limits = account.limits().session.clone();
        let acceptance = account.plan_accept(initial, &secret.ad(), limits, now);
        let acceptance = acceptance.map_err(|error| refused(error.into()))?;
        let offer = only_part(&acceptance.received, PartKind::LinkOffer)?;
        let offer = OfferFields::decode(offer).map_err(|_| LinkError::Malformed)?;
        let owner = acceptance.initiator().clone();
        if owner.identity.encode() != offer.owner {
            return Err(LinkError::NotTheOwner);
        }
        let place = peers.iter().position(|peer| *peer.address() == owner.address);
        let mut unknown = Peer::new(owner.address.clone());
        let peer = place.and_then(|place| peers.get_mut(place)).unwrap_or(&mut unknown);
        let began = peer.begin_with(account, acceptance, now).map_err(refused)?;
        peer.notices.sends_parts = true;
        // The owner finishes with an answer in the session of the offer, also if ours would have stayed.
        began.changes.session.into_iter().for_each(|id| peer.sessions.answer_in(id, now));
        if place.is_none() {
            peers.push(unknown);
        }
        let mut changes = PeopleChanges::of_peer(&owner.address);
        (changes.account, changes.own) = (began.changes.account, true);
        let (digits, secret) = (half_digits(&owner), secret.duplicate());
        let served = Served { secret, owner: owner.clone(), added: offer.added };
        let made = code.made;
        self.linking.code = Some(CodeState { made, step: CodeStep::Served(served) });
        Ok(LinkOffer { owner, digits, is_new: place.is_none(), changes })
    }

    /// Calls linking off, on either side: when the user declines, or leaves the screen. A code serves no more, an answer that
    /// is still to come is refused, and the secrets are wiped from memory. Says whether anything was under way: then the own
    /// devices are to be stored, over the row that has the secret.
    #[must_use]
    pub fn cancel_link(&mut self) -> bool {
        let LinkingState { code, offered } =
            core::mem::replace(&mut self.linking, LinkingState::new());
        code.is_some() || offered.is_some()
    }

    /// Wipes what is left of linking an hour after it began, and forgets own devices that were removed long ago, as
    /// [`Person::maintain`] does of others. Says whether there was any: then the own devices are to be stored. Call it at each
    /// start, and once a day.
    #[must_use]
    pub fn maintain(&mut self, now: Timestamp) -> bool {
        let has_linked = self.linking.maintain(now);
        self.person.maintain(now) || has_linked
    }

    /// Whether it is its own owner and the only device of its list, as a new one is that has signed its first.
    fn is_by_itself(&self) -> bool {
        self.is_owner() && self.person.list().is_some_and(|list| list.devices().len() == 1)
    }

    /// Answers the offer that was opened, once **the user has confirmed its digits**: with this device's consent to be
    /// listed. From now on it is of the owner's person, whose list is still to come: it is linked when that names it.
    ///
    /// Draws 32 bytes, what a message draws.
    ///
    /// # Errors
    ///
    /// [`LinkError::NotLinking`] without an offer that was opened; nothing has changed then.
    pub fn answer_link_offer(
        &mut self,
        account: &Account,
        peers: &mut [Peer],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<LinkMessage, LinkError> {
        let Some(CodeState { made, step: CodeStep::Served(served) }) = &self.linking.code else {
            return Err(LinkError::NotLinking);
        };
        let Served { secret, owner, added } = served;
        let peer = peers.iter_mut().find(|peer| *peer.address() == owner.address);
        let peer = peer.ok_or(LinkError::NotLinking)?;
        let listed = ListedDevice::consenting(account, &owner.identity, *added);
        let mut parts = ContentParts::none();
        parts.push(PartKind::LinkConsent, &listed.consent.0);
        let mut answering = peer.duplicate().ok_or(LinkError::NotLinking)?;
        let _accepted = answering.accept_request();
        let encrypted = answering.encrypt_behind(&parts, &nothing_more(), &secret.ad(), now, rng);
        let encrypted = encrypted.map_err(|_| LinkError::NotLinking)?;
        *peer = answering;
        let answer = LinkMessage::new(&owner.address, encrypted);
        let (made, owner) = (*made, owner.identity);
        self.person = Person::new(owner);
        self.unconfirmed.clear();
        self.put_back = false;
        self.linking.offered = None;
        self.linking.code = Some(CodeState { made, step: CodeStep::Answered });
        Ok(answer)
    }
}
