//! Peer: one other device.

use evanesce::{Delivered, Encrypted, MessageTag, Peer};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::account::{RawAccount, RawBundle};
use crate::errors::{Refusal, codes::peer_refusal};
use crate::random::Random;
use crate::shapes::{
    address, device, identity, no_limits, payload, peer_limits, session_limits, time,
};
use crate::shelf::Place;
use crate::storage::RawStorageKey;
use crate::values::words::Word;
use crate::values::{Bytes, Listed, Out, Shown, object, shown};

#[wasm_bindgen]
pub struct RawPeer(pub(crate) Place);

#[wasm_bindgen]
impl RawPeer {
    pub fn snapshot(&self) -> Result<Vec<u8>, Refusal> {
        Ok(self.0.peer()?.snapshot().to_vec())
    }

    pub fn restore(snapshot: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(Place::single(Peer::restore(snapshot)?)))
    }

    pub fn seal(&self, key: &RawStorageKey, ad: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(self.0.peer()?.seal(&key.0, ad, &mut Random))
    }

    pub fn unseal(sealed: &[u8], key: &RawStorageKey, ad: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(Place::single(Peer::unseal(sealed, &key.0, ad)?)))
    }

    /// Tells it from all others, wherever it stands and whatever its address is.
    pub fn id(&self) -> u32 {
        self.0.id
    }

    pub fn at(its_address: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(Place::single(Peer::new(address(its_address)?))))
    }

    pub fn pinned(its_identity: &[u8], its_address: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(Place::single(Peer::pinned(device(its_identity, its_address)?))))
    }

    pub fn address(&self) -> Result<Vec<u8>, Refusal> {
        Ok(self.0.peer()?.address().as_bytes().to_vec())
    }

    pub fn is_at(&self, an_address: &[u8], now: f64) -> Result<bool, Refusal> {
        Ok(self.0.peer()?.is_at(&address(an_address)?, time(now)))
    }

    pub fn contact(&self) -> Result<Vec<u8>, Refusal> {
        Ok(shown(self.0.peer()?.contact()))
    }

    pub fn member_tag(&self) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.member_tag()))
    }

    pub fn device(&self) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.device()))
    }

    pub fn suite(&self) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.suite()))
    }

    pub fn epochs(&self) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.epochs()))
    }

    pub fn request_epoch(&self, now: f64) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.request_epoch(time(now))))
    }

    pub fn limits(&self) -> Result<Vec<u8>, Refusal> {
        Ok(shown(self.0.peer()?.limits()))
    }

    pub fn set_limits(&self, limits: &[f64]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.set_limits(peer_limits(limits).ok_or_else(no_limits)?)))
    }

    pub fn set_session_limits(&self, limits: &[f64]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.set_session_limits(session_limits(limits).ok_or_else(no_limits)?)))
    }

    pub fn maintain(&self, now: f64) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.maintain(time(now))))
    }

    pub fn session_need(&self, now: f64) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.session_need(time(now))))
    }

    pub fn initiate(
        &self,
        account: &RawAccount,
        bundle: &RawBundle,
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.initiate(&account.0, bundle.0.clone(), time(now), &mut Random)?))
    }

    pub fn initiate_for_group(
        &self,
        account: &RawAccount,
        bundle: &RawBundle,
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let bundle = bundle.0.clone();
        Ok(shown(&self.0.peer()?.initiate_for_group(&account.0, bundle, time(now), &mut Random)?))
    }

    pub fn encrypt(
        &self,
        body: Vec<u8>,
        stamp: &[u8],
        ad: &[u8],
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let payload = payload(body, stamp)?;
        Ok(shown(&self.0.peer()?.encrypt(&payload, ad, time(now), &mut Random)?))
    }

    pub fn decrypt(
        &self,
        account: &mut RawAccount,
        message: &[u8],
        ad: &[u8],
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.decrypt(&mut account.0, message, ad, time(now))?))
    }

    pub fn decrypt_established(
        &self,
        message: &[u8],
        ad: &[u8],
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.decrypt_established(message, ad, time(now))?))
    }

    pub fn knows(&self, message: &[u8]) -> Result<bool, Refusal> {
        Ok(self.0.peer()?.knows(message))
    }

    pub fn expected(&self, count: u32) -> Result<Vec<u8>, Refusal> {
        let peer = self.0.peer()?;
        let tags: Vec<_> = peer.expected(count).map(|tag| Bytes(*tag.as_bytes())).collect();
        Ok(shown(&tags))
    }

    /// A refusal by its code; of one that names an identity, with it.
    pub fn note_refusal(
        &self,
        message: &[u8],
        code: &str,
        its_identity: Option<Vec<u8>>,
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let its_identity = its_identity.map(|bytes| identity(&bytes)).transpose()?;
        let refusal = peer_refusal(code, its_identity)
            .ok_or_else(|| Refusal::new(Word::invalid_argument, "no message is refused so"))?;
        Ok(shown(&self.0.peer()?.note_refusal(message, &refusal, time(now))))
    }

    pub fn drop_sessions(&self) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.drop_sessions()))
    }

    pub fn accept_request(&self) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.accept_request()))
    }

    pub fn set_back_to_request(&self) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.set_back_to_request()))
    }

    pub fn refuse(&self) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.refuse()))
    }

    pub fn note_identity(&self, another: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.note_identity(identity(another)?)))
    }

    pub fn undecided_device(&self) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.undecided_device()))
    }

    pub fn keep_identity(&self) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.keep_identity()))
    }

    pub fn accept_identity(&self, another: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.accept_identity(identity(another)?)))
    }

    pub fn reject_identity(&self, another: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.reject_identity(identity(another)?)))
    }

    pub fn rejected_identities(&self) -> Result<Vec<u8>, Refusal> {
        let peer = self.0.peer()?;
        let rejected: Vec<_> = peer.rejected_identities().collect();
        Ok(shown(&Listed(rejected.iter())))
    }

    pub fn change_address(&self, new: &[u8], now: f64) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.change_address(address(new)?, time(now))))
    }

    pub fn follow_bundle(&self, bundle: &RawBundle, now: f64) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.follow_bundle(&bundle.0, time(now))?))
    }

    pub fn own_address_changed(&self) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.peer()?.own_address_changed()))
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
