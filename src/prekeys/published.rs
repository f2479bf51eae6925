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
/// It holds no secret and checks no signature: that is for whoever uses the bundle. Whose upload it is,
/// the server must know for itself: [`PreKeyUpload::bundle`] says whose it claims to be.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct PublishedPreKeys {
    signed_part: SignedPart,
    /// In ascending order of id.
    one_time_prekeys: VecDeque<OneTimePreKeyPublic>,
    /// One-time prekeys up to this id have been here, so that a repeated upload brings none back.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
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

    /// Takes a later upload: its signed part replaces the former one unless it is an older one that comes
    /// late; one-time prekeys that have not been here are added, up to 1,000 in all. The same upload again
    /// changes nothing.
    ///
    /// An upload replaces everything if its device was set up anew (another identity), or was restored
    /// from a backup: then it has made other keys under the same ids, or counts them from further back. The
    /// latter need not show, so a device that was restored should say so: begin with
    /// [`PublishedPreKeys::new`] then.
    pub fn publish(&mut self, upload: PreKeyUpload) {
        let starts_anew =
            self.is_of_another_device(&upload) || self.is_of_a_restored_device(&upload);
        let PreKeyUpload { signed_part, one_time_prekeys } = upload;
        if starts_anew {
            self.one_time_prekeys.clear();
            self.highest_id = None;
        }
        if starts_anew || signed_part.fields.id >= self.signed_part.fields.id {
            self.signed_part = signed_part;
        }
        for prekey in one_time_prekeys {
            let is_new = self.highest_id.is_none_or(|highest| prekey.id > highest);
            if is_new && self.one_time_prekeys.len() < MAX_ONE_TIME_PREKEYS {
                self.highest_id = Some(prekey.id);
                self.one_time_prekeys.push_back(prekey);
            }
        }
    }

    fn is_of_another_device(&self, upload: &PreKeyUpload) -> bool {
        let (ours, theirs) = (&self.signed_part.fields, &upload.signed_part.fields);
        ours.identity != theirs.identity || ours.address != theirs.address
    }

    fn is_of_a_restored_device(&self, upload: &PreKeyUpload) -> bool {
        let (ours, theirs) = (&self.signed_part.fields, &upload.signed_part.fields);
        let signed_again = theirs.id <= ours.id && theirs.created > ours.created;
        let made_again = upload.one_time_prekeys.iter().any(|prekey| {
            let held =
                self.one_time_prekeys.binary_search_by_key(&prekey.id, OneTimePreKeyPublic::id);
            held.is_ok_and(|place| self.one_time_prekeys.get(place) != Some(prekey))
        });
        signed_again || made_again
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

/// Whose they are, and how many are left.
impl core::fmt::Debug for PublishedPreKeys {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut shown = formatter.debug_struct("PublishedPreKeys");
        shown.field("signed_part", &self.signed_part);
        shown.field("one_time_prekeys", &self.one_time_prekeys.len()).finish_non_exhaustive()
    }
}
