//! Peer: one other device.

use evanesce::{Delivered, Encrypted, MessageTag, Peer};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::account::{RawAccount, RawBundle};
use crate::errors::{Refusal, codes::peer_refusal};
use crate::random::Random;
use crate::shapes::{
    address, device, identity, no_limits, payload, peer_limits, session_limits, time,
};
use crate::storage::stored;
use crate::values::words::Word;
use crate::values::{Bytes, Listed, Out, Shown, object, shown};

#[wasm_bindgen]
pub struct RawPeer(pub(crate) Peer);

stored!(RawPeer, Peer);

#[wasm_bindgen]
impl RawPeer {
    pub fn at(its_address: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(Peer::new(address(its_address)?)))
    }

    pub fn pinned(its_identity: &[u8], its_address: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(Peer::pinned(device(its_identity, its_address)?)))
    }

    pub fn address(&self) -> Vec<u8> {
        self.0.address().as_bytes().to_vec()
    }

    pub fn is_at(&self, an_address: &[u8], now: f64) -> Result<bool, Refusal> {
        Ok(self.0.is_at(&address(an_address)?, time(now)))
    }

    pub fn contact(&self) -> Vec<u8> {
        shown(self.0.contact())
    }

    pub fn member_tag(&self) -> Vec<u8> {
        shown(&self.0.member_tag())
    }

    pub fn device(&self) -> Vec<u8> {
        shown(&self.0.device())
    }

    pub fn suite(&self) -> Vec<u8> {
        shown(&self.0.suite())
    }

    pub fn epochs(&self) -> Vec<u8> {
        shown(&self.0.epochs())
    }

    pub fn request_epoch(&mut self, now: f64) -> Vec<u8> {
        shown(&self.0.request_epoch(time(now)))
    }

    pub fn limits(&self) -> Vec<u8> {
        shown(self.0.limits())
    }

    pub fn set_limits(&mut self, limits: &[f64]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.set_limits(peer_limits(limits).ok_or_else(no_limits)?)))
    }

    pub fn set_session_limits(&mut self, limits: &[f64]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.set_session_limits(session_limits(limits).ok_or_else(no_limits)?)))
    }

    pub fn maintain(&mut self, now: f64) -> Vec<u8> {
        shown(&self.0.maintain(time(now)))
    }

    pub fn session_need(&self, now: f64) -> Vec<u8> {
        shown(&self.0.session_need(time(now)))
    }

    pub fn initiate(
        &mut self,
        account: &RawAccount,
        bundle: &RawBundle,
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.initiate(&account.0, bundle.0.clone(), time(now), &mut Random)?))
    }

    pub fn initiate_for_group(
        &mut self,
        account: &RawAccount,
        bundle: &RawBundle,
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let bundle = bundle.0.clone();
        Ok(shown(&self.0.initiate_for_group(&account.0, bundle, time(now), &mut Random)?))
    }

    pub fn encrypt(
        &mut self,
        body: Vec<u8>,
        stamp: &[u8],
        ad: &[u8],
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let payload = payload(body, stamp)?;
        Ok(shown(&self.0.encrypt(&payload, ad, time(now), &mut Random)?))
    }

    pub fn decrypt(
        &mut self,
        account: &mut RawAccount,
        message: &[u8],
        ad: &[u8],
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.decrypt(&mut account.0, message, ad, time(now))?))
    }

    pub fn decrypt_established(
        &mut self,
        message: &[u8],
        ad: &[u8],
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.decrypt_established(message, ad, time(now))?))
    }

    pub fn knows(&self, message: &[u8]) -> bool {
        self.0.knows(message)
    }

    pub fn expected(&self, count: u32) -> Vec<u8> {
        let tags: Vec<_> = self.0.expected(count).map(|tag| Bytes(*tag.as_bytes())).collect();
        shown(&tags)
    }

    /// A refusal by its code; of one that names an identity, with it.
    pub fn note_refusal(
        &mut self,
        message: &[u8],
        code: &str,
        its_identity: Option<Vec<u8>>,
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let its_identity = its_identity.map(|bytes| identity(&bytes)).transpose()?;
        let refusal = peer_refusal(code, its_identity)
            .ok_or_else(|| Refusal::new(Word::invalid_argument, "no message is refused so"))?;
        Ok(shown(&self.0.note_refusal(message, &refusal, time(now))))
    }

    pub fn drop_sessions(&mut self) -> Vec<u8> {
        shown(&self.0.drop_sessions())
    }

    pub fn accept_request(&mut self) -> Vec<u8> {
        shown(&self.0.accept_request())
    }

    pub fn set_back_to_request(&mut self) -> Vec<u8> {
        shown(&self.0.set_back_to_request())
    }

    pub fn refuse(&mut self) -> Vec<u8> {
        shown(&self.0.refuse())
    }

    pub fn note_identity(&mut self, another: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.note_identity(identity(another)?)))
    }

    pub fn undecided_device(&self) -> Vec<u8> {
        shown(&self.0.undecided_device())
    }

    pub fn keep_identity(&mut self) -> Vec<u8> {
        shown(&self.0.keep_identity())
    }

    pub fn accept_identity(&mut self, another: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.accept_identity(identity(another)?)))
    }

    pub fn reject_identity(&mut self, another: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.reject_identity(identity(another)?)))
    }

    pub fn rejected_identities(&self) -> Vec<u8> {
        let rejected: Vec<_> = self.0.rejected_identities().collect();
        shown(&Listed(rejected.iter()))
    }

    pub fn change_address(&mut self, new: &[u8], now: f64) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.change_address(address(new)?, time(now))))
    }

    pub fn follow_bundle(&mut self, bundle: &RawBundle, now: f64) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.follow_bundle(&bundle.0, time(now))?))
    }

    pub fn own_address_changed(&mut self) -> Vec<u8> {
        shown(&self.0.own_address_changed())
    }
}

/// What a message is found by in an index of those that are expected.
#[wasm_bindgen]
pub fn message_tag(message: &[u8]) -> Option<Vec<u8>> {
    MessageTag::of(message).map(|tag| tag.as_bytes().to_vec())
}

impl Shown for Encrypted {
    fn show(&self, out: &mut Out) {
        let Self { message, changes, session_need, evidence, .. } = self;
        object!(
            out,
            message: Bytes(message),
            changes: changes,
            sessionNeed: session_need,
            evidence: evidence,
        );
    }
}

impl Shown for Delivered {
    fn show(&self, out: &mut Out) {
        let Self { received, author, began_session, changes, .. } = self;
        object!(
            out,
            received: received,
            author: author,
            beganSession: began_session,
            changes: changes,
        );
    }
}
