//! The server's side: bundles from what devices upload.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::wire::prekey_bundle::{OneTimePreKeyPublic, PreKeyBundle, SignedPart};
use crate::wire::prekey_upload::PreKeyUpload;

/// How many one-time prekeys a server keeps for one device, so that no device can fill it: 1,000.
const MAX_ONE_TIME_PREKEYS: usize = 1_000;

/// What one device has published, as its server keeps it.
///
/// A helper for servers written in Rust; others do the same by appending bytes (docs/protocol.md §3).
/// It holds no secret and checks no signature: that is for whoever uses the bundle. Whether an upload
/// comes from the device that it names is for the server to know.
#[derive(Clone, Debug)]
pub struct PublishedPreKeys {
    signed_part: SignedPart,
    one_time_prekeys: VecDeque<OneTimePreKeyPublic>,
    /// One-time prekeys up to this id have been here, so that a repeated upload brings none back.
    highest_id: Option<u32>,
}

impl PublishedPreKeys {
    /// Begins with a device's first upload.
    #[must_use]
    pub fn new(upload: PreKeyUpload) -> Self {
        let signed_part = upload.signed_part.clone();
        let mut published =
            Self { signed_part, one_time_prekeys: VecDeque::new(), highest_id: None };
        published.publish(upload);
        published
    }

    /// Takes a later upload: the signed part replaces the former one, one-time prekeys that have not
    /// been here are added, up to 1,000 in all. The same upload again changes nothing. Take uploads in
    /// the order in which the device made them; when its identity changes, begin anew.
    pub fn publish(&mut self, upload: PreKeyUpload) {
        let PreKeyUpload { signed_part, one_time_prekeys } = upload;
        self.signed_part = signed_part;
        for prekey in one_time_prekeys {
            let is_new = self.highest_id.is_none_or(|highest| prekey.id > highest);
            if is_new && self.one_time_prekeys.len() < MAX_ONE_TIME_PREKEYS {
                self.highest_id = Some(prekey.id);
                self.one_time_prekeys.push_back(prekey);
            }
        }
    }

    /// A bundle's bytes, for one initiator. The one-time prekey in it is deleted here, so that nobody
    /// else gets it; when none is left the bundle has none.
    pub fn hand_out(&mut self) -> Vec<u8> {
        let one_time_prekey = self.one_time_prekeys.pop_front();
        PreKeyBundle { signed_part: self.signed_part.clone(), one_time_prekey }.encode()
    }

    /// How many one-time prekeys are left. The device asks, to know when to make more.
    #[must_use]
    pub fn one_time_prekeys_left(&self) -> usize {
        self.one_time_prekeys.len()
    }
}
