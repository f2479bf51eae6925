//! What a directory of prekeys handles, and identity keys by themselves.

use evanesce::server::{PreKeyUpload, PublishedPreKeys};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::errors::Refusal;
use crate::shapes::identity;
use crate::values::{Bytes, Out, Shown, object, shown};

/// What one device has published.
#[wasm_bindgen]
pub struct RawPublishedPreKeys(PublishedPreKeys);

#[wasm_bindgen]
impl RawPublishedPreKeys {
    pub fn of(upload: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(PublishedPreKeys::new(PreKeyUpload::decode(upload)?)))
    }

    pub fn publish(&mut self, upload: &[u8]) -> Result<(), Refusal> {
        self.0.publish(PreKeyUpload::decode(upload)?);
        Ok(())
    }

    pub fn hand_out(&mut self) -> Vec<u8> {
        self.0.hand_out()
    }

    pub fn stock(&self) -> Vec<u8> {
        self.0.stock().encode()
    }

    pub fn one_time_prekeys_left(&self) -> u32 {
        u32::try_from(self.0.one_time_prekeys_left()).unwrap_or(u32::MAX)
    }
}

/// What an upload brings.
#[wasm_bindgen]
pub fn read_upload(upload: &[u8]) -> Result<Vec<u8>, Refusal> {
    Ok(shown(&PreKeyUpload::decode(upload)?))
}

/// How stamps name an identity.
#[wasm_bindgen]
pub fn member_tag(an_identity: &[u8]) -> Result<Vec<u8>, Refusal> {
    Ok(identity(an_identity)?.member_tag().0.to_vec())
}

impl Shown for PreKeyUpload {
    fn show(&self, out: &mut Out) {
        let one_time: Vec<_> =
            self.one_time_prekeys().iter().map(|prekey| Bytes(prekey.encode())).collect();
        object!(
            out,
            signedPart: Bytes(self.signed_part()),
            oneTimePrekeys: one_time,
            replacesAll: self.replaces_all(),
        );
    }
}
