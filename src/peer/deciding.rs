//! Peer: what the user decides of it: requests, identities, addresses.

use alloc::boxed::Box;

use crate::changes::Changes;
use crate::identity::{Address, Device, IdentityKey};
use crate::peer::contact::{Contact, Place, Stranger};
use crate::peer::initiating::PeerInitiateError;
use crate::peer::lost_session::LostSession;
use crate::peer::notices::Notices;
use crate::peer::other_device::Peer;
use crate::prekeys::verified_bundle::VerifiedBundle;
use crate::time::Timestamp;

impl Peer {
    /// Accepts a device that wrote first, or unblocks one that was refused: it can be answered from now on. One that
    /// was refused has no session any more, and neither side knows what the other still has: [`Peer::session_need`]
    /// says [`SessionNeed::Lost`](crate::SessionNeed::Lost). Without an identity that is pinned there is nothing to
    /// accept.
    pub fn accept_request(&mut self) -> Changes {
        let Some(accepted) = self.contact.accepted() else { return Changes::NONE };
        if self.contact.is_refused() {
            self.lost_session.change(LostSession::new, LostSession::lose);
        }
        self.contact = accepted;
        Changes::PEER
    }

    /// Makes a request of a device again that was accepted, as when it is deleted from the contacts. It keeps its
    /// sessions: what it writes still opens, as a request, and nothing is sent to it until
    /// [`Peer::accept_request`] or, to block it, [`Peer::refuse`].
    ///
    /// **Never delete the row of a peer that has a session.** What comes in that session would be
    /// [`NoSession`](crate::PeerDecryptError::NoSession), and neither side would be told; only after a day
    /// without an answer does the other side begin another. Delete what it said, and keep the row.
    pub fn set_back_to_request(&mut self) -> Changes {
        let Some(request) = self.contact.set_back() else { return Changes::NONE };
        self.contact = request;
        Changes::PEER
    }

    /// Refuses a device that wrote first, or blocks one that was accepted. Its sessions are deleted. What it sends is
    /// refused unopened, and nothing is sent to it, until [`Peer::accept_request`]. Nobody tells it. Without an
    /// identity that is pinned there is nothing to refuse.
    ///
    /// To ignore somebody who may ask again, delete what they said and leave the peer as it is: a request.
    pub fn refuse(&mut self) -> Changes {
        let Some(refused) = self.contact.refused() else { return Changes::NONE };
        self.contact = refused;
        self.lost_session.unusual().into_iter().for_each(LostSession::forget);
        self.notices.forget();
        self.sessions.clear();
        Changes::PEER
    }

    /// Notes that another identity came, which an error named: the user has to decide, and nothing is encrypted for the
    /// pinned one before that. [`Peer::note_refusal`] does this for messages; call it for what
    /// [`Peer::initiate`] refuses as [`PeerInitiateError::IdentityChanged`]. Changes nothing if none is pinned, or
    /// this one is, or if it was rejected: then the user has decided already, so rest before you fetch another bundle.
    /// Nor does it while they have another one to decide of: what they compare does not change under their eyes, and
    /// what this one sent asks again when it is offered again.
    pub fn note_identity(&mut self, identity: IdentityKey) -> Changes {
        let is_other = self.contact.identity().is_some_and(|pinned| pinned != identity);
        if !is_other || self.undecided.is_some() || self.rejected.has(&identity) {
            return Changes::NONE;
        }
        self.undecided = Some(Box::new(identity));
        Changes::PEER
    }

    /// The identity that came under this address, by a message or a bundle, while another one is pinned, and of
    /// which the user has not decided yet. [`Peer::encrypt`] refuses until they do: [`Peer::accept_identity`],
    /// [`Peer::reject_identity`] or [`Peer::keep_identity`].
    #[must_use]
    pub fn undecided_identity(&self) -> Option<IdentityKey> {
        self.undecided.as_deref().copied()
    }

    /// The device that it would be with the identity of which the user has not decided: make its
    /// [`SafetyNumber`](crate::SafetyNumber), and they can compare that before they accept it.
    #[must_use]
    pub fn undecided_device(&self) -> Option<Device> {
        self.undecided_identity().map(|identity| self.device_of(identity))
    }

    /// Goes on with the identity that is pinned, and leaves the question open: nothing is rejected, and the next
    /// message or bundle of the other one asks again.
    pub fn keep_identity(&mut self) -> Changes {
        if self.undecided.take().is_some() { Changes::PEER } else { Changes::NONE }
    }

    /// Pins another identity: the one that an error named, that the user was told of and agrees to. All
    /// sessions are deleted, since they are with the former one; a request stays a request and a refusal a
    /// refusal. What was refused as [`IdentityChanged`](crate::PeerDecryptError::IdentityChanged) opens when it is
    /// offered again, as long as its prekeys are held (30 days by default). What was written for the former identity is
    /// not to go to the new one unasked.
    pub fn accept_identity(&mut self, identity: IdentityKey) -> Changes {
        if self.contact.identity() == Some(identity) {
            return Changes::NONE;
        }
        self.rejected.forget(&identity);
        self.contact = self.contact.with(identity);
        self.decide(identity);
        self.lost_session.unusual().into_iter().for_each(LostSession::forget);
        self.notices = Notices::none();
        self.sessions.clear();
        Changes::PEER
    }

    /// Stays with the identity that is pinned, without which this does nothing. What comes from this other one, which
    /// an error named, is [`Refused`](crate::PeerDecryptError::Refused) from now on, until [`Peer::accept_identity`]; a
    /// bundle of it is still told of. The last 16 are remembered, so one who makes them at will is not kept from
    /// asking. A session that seemed lost, perhaps because of this one, does no more.
    pub fn reject_identity(&mut self, identity: IdentityKey) -> Changes {
        let is_other = self.contact.identity().is_some_and(|pinned| pinned != identity);
        let is_changed = is_other
            && (self.rejected.add(identity)
                | self.lost_session.unusual().is_some_and(LostSession::calm)
                | self.decide(identity));
        if is_changed { Changes::PEER } else { Changes::NONE }
    }

    /// The identities that were rejected, the last one last: whoever was rejected by mistake is heard again after
    /// [`Peer::accept_identity`].
    pub fn rejected_identities(&self) -> impl Iterator<Item = IdentityKey> {
        self.rejected.in_order()
    }

    /// It is reached at another address from now on, as it said in a message of a session: identity, sessions and
    /// all that the user decided stay. For 30 days its last four former addresses still count, for what was under
    /// way ([`Peer::is_at`]).
    ///
    /// It can name any address: see that you know nobody else there, and that messages do come from there.
    pub fn change_address(&mut self, address: Address, now: Timestamp) -> Changes {
        if !self.addresses.move_to(address, now) {
            return Changes::NONE;
        }
        self.sessions.set_peer_address(self.addresses.current());
        Changes::PEER
    }

    /// The same, where nothing but a bundle says so: one that its identity has signed for the other address.
    ///
    /// # Errors
    ///
    /// [`PeerInitiateError::IdentityChanged`] if the bundle is not of the identity that is pinned, or none is: it
    /// is of somebody else. Nothing has changed then.
    pub fn follow_bundle(
        &mut self,
        bundle: &VerifiedBundle,
        now: Timestamp,
    ) -> Result<Changes, PeerInitiateError> {
        let Device { identity, address } = bundle.device();
        if self.contact.identity() != Some(*identity) {
            return Err(PeerInitiateError::IdentityChanged(*identity));
        }
        Ok(self.change_address(address.clone(), now))
    }

    /// This device itself has another address ([`Account::change_address`](crate::Account::change_address)): call it
    /// for each peer. What was sent in a session that the peer has not answered goes on to name the former address,
    /// and a peer that does not know us would not take it, so [`Peer::session_need`] says
    /// [`SessionNeed::Lost`](crate::SessionNeed::Lost) where the session that sends is such a one.
    pub fn own_address_changed(&mut self) -> Changes {
        let waits = self.sessions().next().is_some_and(|active| !active.is_answered());
        if waits && self.lost_session.change(LostSession::new, LostSession::lose) {
            Changes::PEER
        } else {
            Changes::NONE
        }
    }

    /// Who this device is not, as far as it is known.
    pub(crate) fn check(&self, device: &Device, now: Timestamp) -> Result<IdentityKey, Stranger> {
        let place = match &device.address {
            address if address == self.addresses.current() => Place::Current,
            address if self.addresses.include(address, now) => Place::Former,
            _ => Place::Elsewhere,
        };
        self.contact.check(device, place)
    }

    /// The user has decided of this identity. Says whether it had to be decided.
    fn decide(&mut self, identity: IdentityKey) -> bool {
        let was_undecided = self.undecided.as_deref() == Some(&identity);
        if was_undecided {
            self.undecided = None;
        }
        was_undecided
    }

    /// Whether something may be encrypted for it.
    pub(crate) fn may_be_written_to(&self) -> bool {
        Contact::may_be_written_to(&self.contact) && self.undecided.is_none()
    }
}
