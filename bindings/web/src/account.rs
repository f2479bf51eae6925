//! Account, and the bundles with which one begins.

use evanesce::server::{PreKeyStock, PreKeyUpload};
use evanesce::session::Accepted;
use evanesce::{Account, Maintained, PreKeyBundle, StockDisagreement, VerifiedBundle};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::errors::Refusal;
use crate::random::Random;
use crate::session::RawSession;
use crate::shapes::{address, limits, no_limits, suite, time};
use crate::storage::stored;
use crate::values::words::Word;
use crate::values::{Bytes, Out, Shown, object, shown};

/// One device of ours.
#[wasm_bindgen]
pub struct RawAccount(pub(crate) Account);

/// A bundle that has been verified.
#[wasm_bindgen]
pub struct RawBundle(pub(crate) VerifiedBundle);

/// A session, with the message that made it.
#[wasm_bindgen]
pub struct RawAccepted(Accepted);

stored!(RawAccount, Account);

#[wasm_bindgen]
impl RawAccount {
    pub fn generate(
        its_suite: u8,
        its_address: &[u8],
        its_limits: &[f64],
        now: f64,
    ) -> Result<Self, Refusal> {
        let limits = limits(its_limits).ok_or_else(no_limits)?;
        let address = address(its_address)?;
        let account =
            Account::generate_of_suite(suite(its_suite), address, limits, time(now), &mut Random);
        Ok(Self(account))
    }

    pub fn device(&self) -> Vec<u8> {
        shown(&self.0.device())
    }

    pub fn suite(&self) -> Vec<u8> {
        shown(&self.0.suite())
    }

    pub fn member_tag(&self) -> Vec<u8> {
        self.0.member_tag().0.to_vec()
    }

    pub fn set_limits(&mut self, its_limits: &[f64]) -> Result<Vec<u8>, Refusal> {
        let limits = limits(its_limits).ok_or_else(no_limits)?;
        Ok(shown(&self.0.set_limits(limits)))
    }

    pub fn limits(&self) -> Vec<u8> {
        shown(self.0.limits())
    }

    /// No bytes for a server that was not asked.
    pub fn maintain(&mut self, stock: Option<Vec<u8>>, now: f64) -> Result<Vec<u8>, Refusal> {
        let stock = stock.map(|stock| PreKeyStock::decode(&stock)).transpose()?;
        Ok(shown(&self.0.maintain(stock, time(now), &mut Random)))
    }

    pub fn rotate_signed_prekey(&mut self, now: f64) -> Vec<u8> {
        shown(&self.0.rotate_signed_prekey(time(now), &mut Random))
    }

    pub fn replace_prekeys(&mut self, now: f64) -> Vec<u8> {
        shown(&self.0.replace_prekeys(time(now), &mut Random))
    }

    pub fn republish_prekeys(&mut self, now: f64) -> Vec<u8> {
        shown(&self.0.republish_prekeys(time(now), &mut Random))
    }

    pub fn change_address(&mut self, new: &[u8], now: f64) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.change_address(address(new)?, time(now), &mut Random)))
    }

    pub fn add_one_time_prekeys(&mut self, count: u32) -> Vec<u8> {
        shown(&self.0.add_one_time_prekeys(count, &mut Random))
    }

    pub fn pending_upload(&self) -> Option<Vec<u8>> {
        self.0.pending_upload().map(|upload| upload.encode())
    }

    pub fn mark_published(&mut self, upload: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.mark_published(&PreKeyUpload::decode(upload)?)))
    }

    pub fn initiate(&self, bundle: &RawBundle) -> Result<RawSession, Refusal> {
        Ok(RawSession(self.0.initiate(&bundle.0, &mut Random)?))
    }

    pub fn accept(&mut self, message: &[u8], ad: &[u8], now: f64) -> Result<RawAccepted, Refusal> {
        Ok(RawAccepted(self.0.accept(message, ad, time(now))?))
    }

    pub fn claimed_sender(&self, message: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.claimed_sender(message)?))
    }
}

#[wasm_bindgen]
impl RawBundle {
    pub fn verify(bytes: &[u8], now: f64) -> Result<Self, Refusal> {
        Ok(Self(PreKeyBundle::decode(bytes)?.verify(time(now))?))
    }

    pub fn device(&self) -> Vec<u8> {
        shown(self.0.device())
    }

    pub fn suite(&self) -> Vec<u8> {
        shown(&self.0.suite())
    }

    pub fn has_one_time_prekey(&self) -> bool {
        self.0.has_one_time_prekey()
    }
}

#[wasm_bindgen]
impl RawAccepted {
    pub fn shown(&self) -> Vec<u8> {
        shown(&self.0)
    }

    pub fn into_session(self) -> RawSession {
        RawSession(self.0.session)
    }
}

impl Shown for Accepted {
    fn show(&self, out: &mut Out) {
        object!(out, received: self.received, changes: self.changes);
    }
}

impl Shown for Maintained {
    fn show(&self, out: &mut Out) {
        let upload = self.upload.as_ref().map(|upload| Bytes(upload.encode()));
        object!(out, upload: upload, changes: self.changes, disagreement: self.disagreement);
    }
}

impl Shown for StockDisagreement {
    fn show(&self, out: &mut Out) {
        match self {
            Self::AccountWentBack => Word::accountWentBack,
            Self::ServerWentBack => Word::serverWentBack,
            Self::OtherDevice => Word::otherDevice,
            Self::NotHeld => Word::notHeld,
            _ => Word::other,
        }
        .show(out);
    }
}
