//! Bare sessions, for those who do without Peer.

use evanesce::session::{
    DhPublicKey, ExternalHandshake, NotCanonical, RatchetKeyPair, SentMessage, Session,
    SharedSecret,
};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::errors::Refusal;
use crate::random::Random;
use crate::shapes::{array, device, no_limits, payload, session_limits, suite, time};
use crate::storage::stored;
use crate::values::{Bytes, Out, Shown, object, shown};

#[wasm_bindgen]
pub struct RawSession(pub(crate) Session);

/// The responder's first ratchet key pair.
#[wasm_bindgen]
pub struct RawRatchetKeyPair(RatchetKeyPair);

/// What a handshake of the application's own ended in.
#[wasm_bindgen]
pub struct RawHandshake(ExternalHandshake);

stored!(RawSession, Session);
stored!(RawRatchetKeyPair, RatchetKeyPair);

#[wasm_bindgen]
impl RawSession {
    pub fn initiate_external(
        handshake: RawHandshake,
        their_ratchet_key: &[u8],
        limits: &[f64],
    ) -> Result<Self, Refusal> {
        let key = DhPublicKey::decode(&array(their_ratchet_key)?).ok_or(NotCanonical)?;
        let limits = session_limits(limits).ok_or_else(no_limits)?;
        Ok(Self(Session::initiate_external(handshake.0, key, limits)?))
    }

    pub fn accept_external(
        handshake: RawHandshake,
        our_ratchet_key: RawRatchetKeyPair,
        limits: &[f64],
    ) -> Result<Self, Refusal> {
        let limits = session_limits(limits).ok_or_else(no_limits)?;
        Ok(Self(Session::accept_external(handshake.0, our_ratchet_key.0, limits)))
    }

    pub fn encrypt(&mut self, body: Vec<u8>, stamp: &[u8], ad: &[u8]) -> Result<Vec<u8>, Refusal> {
        let payload = payload(body, stamp)?;
        Ok(shown(&self.0.encrypt_with_evidence(&payload, ad, &mut Random)?))
    }

    pub fn decrypt(&mut self, message: &[u8], ad: &[u8], now: f64) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.decrypt(message, ad, time(now))?))
    }

    pub fn maintain(&mut self, now: f64) -> u32 {
        self.0.maintain(time(now))
    }

    pub fn id(&self) -> Vec<u8> {
        self.0.id().as_bytes().to_vec()
    }

    pub fn role(&self) -> Vec<u8> {
        shown(&self.0.role())
    }

    pub fn peer(&self) -> Vec<u8> {
        shown(self.0.peer())
    }

    pub fn suite(&self) -> Vec<u8> {
        shown(&self.0.suite())
    }

    pub fn epochs(&self) -> Vec<u8> {
        shown(&self.0.epochs())
    }

    pub fn request_epoch(&mut self) -> bool {
        self.0.request_epoch()
    }

    pub fn is_answered(&self) -> bool {
        self.0.is_answered()
    }

    pub fn held_keys(&self) -> u32 {
        u32::try_from(self.0.held_keys()).unwrap_or(u32::MAX)
    }

    pub fn limits(&self) -> Vec<u8> {
        shown(self.0.limits())
    }

    pub fn set_limits(&mut self, limits: &[f64]) -> Result<(), Refusal> {
        self.0.set_limits(session_limits(limits).ok_or_else(no_limits)?);
        Ok(())
    }
}

#[wasm_bindgen]
impl RawRatchetKeyPair {
    pub fn generate() -> Self {
        Self(RatchetKeyPair::generate(&mut Random))
    }

    pub fn from_secret(secret: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(RatchetKeyPair::from_secret(&array(secret)?)))
    }

    pub fn public_key(&self) -> Vec<u8> {
        self.0.public_key().as_bytes().to_vec()
    }
}

#[wasm_bindgen]
impl RawHandshake {
    pub fn of(
        its_suite: u8,
        secret: &[u8],
        initiator_identity: &[u8],
        initiator_address: &[u8],
        responder_identity: &[u8],
        responder_address: &[u8],
    ) -> Result<Self, Refusal> {
        Ok(Self(ExternalHandshake {
            secret: SharedSecret::of_suite(suite(its_suite), &array(secret)?),
            initiator: device(initiator_identity, initiator_address)?,
            responder: device(responder_identity, responder_address)?,
        }))
    }
}

impl Shown for SentMessage {
    fn show(&self, out: &mut Out) {
        object!(out, message: Bytes(&self.message), evidence: self.evidence);
    }
}
