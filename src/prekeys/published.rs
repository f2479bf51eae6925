//! The server's side: bundles from what devices upload.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::time::Timestamp;
#[cfg(feature = "serde")]
use crate::wire::codec::DecodeError;
use crate::wire::prekey_bundle::{OneTimePreKeyPublic, PreKeyBundle, SignedPart};
use crate::wire::prekey_stock::{DeviceDigest, PreKeyStock};
use crate::wire::prekey_upload::PreKeyUpload;

/// How many one-time prekeys a server keeps for one device, so that no device can fill it: 1,000.
pub(crate) const MAX_ONE_TIME_PREKEYS: usize = 1_000;

/// How many devices that had an address before are remembered, so that none of their uploads comes back late: 16.
const MAX_FORMER_DEVICES: usize = 16;

/// What one device has published, as its server keeps it.
///
/// A helper for servers written in Rust; others do the same by appending bytes (docs/protocol.md §3).
/// It holds no secret and checks no signature: that is for whoever uses the bundle. Whose upload it is,
/// the server must know for itself: [`PreKeyUpload::bundle`] says whose it claims to be.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Unchecked"))]
pub struct PublishedPreKeys {
    signed_part: SignedPart,
    /// In ascending order of id.
    one_time_prekeys: VecDeque<OneTimePreKeyPublic>,
    /// One-time prekeys up to this id have been here, so that a repeated upload brings none back.
    highest_id: Option<u32>,
    /// Under the present signed part the device made other keys under the same ids, and the first ones went.
    made_again: bool,
    had: Had,
    /// Those that had the address before, oldest first.
    former: VecDeque<FormerDevice>,
}

/// The highest that signed parts of one device said. One that had been here exceeds neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
struct Had {
    signed_prekey_id: u32,
    created: Timestamp,
}

/// A device that had this address before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
struct FormerDevice {
    device: DeviceDigest,
    had: Had,
}

/// What an upload is to one who has others.
enum News {
    /// The present signed part again, and perhaps more one-time prekeys.
    More,
    /// The device's next signed prekey.
    Rotation,
    /// Nothing that was here before serves any longer.
    Beginning,
    /// An old one that comes late.
    None,
}

impl Had {
    fn of(signed_part: &SignedPart) -> Self {
        let fields = &signed_part.fields;
        Self { signed_prekey_id: fields.id, created: fields.created }
    }

    fn and(self, other: Self) -> Self {
        Self {
            signed_prekey_id: self.signed_prekey_id.max(other.signed_prekey_id),
            created: self.created.max(other.created),
        }
    }
}

impl PublishedPreKeys {
    /// Begins with a device's first upload.
    #[must_use]
    pub fn new(upload: PreKeyUpload) -> Self {
        let signed_part = upload.signed_part.clone();
        let had = Had::of(&signed_part);
        let (one_time_prekeys, former) = (VecDeque::new(), VecDeque::new());
        let mut published = Self {
            signed_part,
            one_time_prekeys,
            highest_id: None,
            made_again: false,
            had,
            former,
        };
        published.add(upload.one_time_prekeys);
        published
    }

    /// Takes a later upload: its signed part replaces the former one, and one-time prekeys that have not been here
    /// are added, up to 1,000 in all. The same upload again changes nothing, and **one that was here before never
    /// undoes what came after it**, whatever the device's clock said when it was made.
    ///
    /// An upload takes the place of everything, one-time prekeys included, if it says so
    /// ([`PreKeyUpload::replaces_all`]), if it is of another device (set up anew), or if it shows that the device was
    /// restored from a backup: its signed part was made later than all before it and has no higher id, or it has other
    /// keys under ids that are still here. docs/protocol.md §14.2 has the rule.
    pub fn publish(&mut self, upload: PreKeyUpload) {
        let news = self.news(&upload);
        let PreKeyUpload { signed_part, one_time_prekeys, replaces_all: _ } = upload;
        match news {
            News::None => return,
            News::More => {}
            News::Rotation => self.made_again = false,
            News::Beginning => {
                self.made_again = self.signed_part == signed_part;
                self.one_time_prekeys.clear();
                self.highest_id = None;
            }
        }
        self.take(signed_part);
        self.add(one_time_prekeys);
    }

    fn news(&self, upload: &PreKeyUpload) -> News {
        if upload.signed_part == self.signed_part {
            return match (self.has_others_under_the_same_ids(upload), self.made_again) {
                (false, _) => News::More,
                (true, false) => News::Beginning,
                (true, true) => News::None,
            };
        }
        let Had { signed_prekey_id, created } = Had::of(&upload.signed_part);
        if device(&upload.signed_part) != device(&self.signed_part) {
            let before = self.former.iter().find(|it| it.device == device(&upload.signed_part));
            let is_late = before.is_some_and(|before| {
                created <= before.had.created && signed_prekey_id <= before.had.signed_prekey_id
            });
            return if is_late { News::None } else { News::Beginning };
        }
        // What is of another suite serves no bundle with this signed part.
        let suites = [&upload.signed_part, &self.signed_part].map(|part| part.fields.key.suite());
        let begins_anew = upload.replaces_all
            || suites[0] != suites[1]
            || self.has_others_under_the_same_ids(upload);
        if signed_prekey_id > self.had.signed_prekey_id && !begins_anew {
            News::Rotation
        } else if signed_prekey_id > self.had.signed_prekey_id || created > self.had.created {
            News::Beginning
        } else {
            News::None
        }
    }

    fn has_others_under_the_same_ids(&self, upload: &PreKeyUpload) -> bool {
        upload.one_time_prekeys.iter().any(|prekey| {
            let held =
                self.one_time_prekeys.binary_search_by_key(&prekey.id, OneTimePreKeyPublic::id);
            held.is_ok_and(|place| self.one_time_prekeys.get(place) != Some(prekey))
        })
    }

    fn take(&mut self, signed_part: SignedPart) {
        let (ours, theirs) = (device(&self.signed_part), device(&signed_part));
        let mut had = Had::of(&signed_part);
        if ours == theirs {
            had = had.and(self.had);
        } else {
            if let Some(place) = self.former.iter().position(|it| it.device == theirs) {
                had = self.former.remove(place).map_or(had, |before| had.and(before.had));
            }
            self.former.push_back(FormerDevice { device: ours, had: self.had });
            if self.former.len() > MAX_FORMER_DEVICES {
                self.former.pop_front();
            }
        }
        (self.signed_part, self.had) = (signed_part, had);
    }

    fn add(&mut self, one_time_prekeys: Vec<OneTimePreKeyPublic>) {
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

    /// What is left, for the device that asks: it gives it to [`Account::maintain`](crate::Account::maintain). Hashes
    /// 36 bytes for each one-time prekey.
    #[must_use]
    pub fn stock(&self) -> PreKeyStock {
        let fields = &self.signed_part.fields;
        let device = device(&self.signed_part);
        let listed = self.one_time_prekeys.iter().map(|it| (it.id, &it.key.agreement));
        PreKeyStock::of(device, fields.id, &fields.key.agreement, listed, self.highest_id)
    }

    /// How many one-time prekeys are left.
    #[must_use]
    pub fn one_time_prekeys_left(&self) -> usize {
        self.one_time_prekeys.len()
    }
}

/// What serde reads of published prekeys.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    signed_part: SignedPart,
    one_time_prekeys: VecDeque<OneTimePreKeyPublic>,
    #[serde(deserialize_with = "Option::deserialize")]
    highest_id: Option<u32>,
    made_again: bool,
    had: Had,
    former: VecDeque<FormerDevice>,
}

/// Only what uploads can have brought about.
#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for PublishedPreKeys {
    type Error = DecodeError;

    fn try_from(unchecked: Unchecked) -> Result<Self, DecodeError> {
        let Unchecked { signed_part, one_time_prekeys, highest_id, made_again, had, former } =
            unchecked;
        let ascend = one_time_prekeys.iter().is_sorted_by(|prekey, next| prekey.id < next.id);
        // None that is here is above the highest; if there are any, it is known.
        let highest_is_had = one_time_prekeys.back().map(|last| last.id) <= highest_id;
        let are_few =
            one_time_prekeys.len() <= MAX_ONE_TIME_PREKEYS && former.len() <= MAX_FORMER_DEVICES;
        let present = device(&signed_part);
        let is_told_apart = former.iter().enumerate().all(|(place, it)| {
            it.device != present
                && former.iter().skip(place).skip(1).all(|other| other.device != it.device)
        });
        let is_had = had == had.and(Had::of(&signed_part));
        let suite = signed_part.fields.key.suite();
        let are_of_it = one_time_prekeys.iter().all(|prekey| prekey.key.suite() == suite);
        if ascend && are_of_it && highest_is_had && are_few && is_told_apart && is_had {
            Ok(Self { signed_part, one_time_prekeys, highest_id, made_again, had, former })
        } else {
            Err(DecodeError::Malformed)
        }
    }
}

fn device(signed_part: &SignedPart) -> DeviceDigest {
    DeviceDigest::of(&signed_part.fields.identity, &signed_part.fields.address)
}

/// Whose they are, and how many are left.
impl core::fmt::Debug for PublishedPreKeys {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut shown = formatter.debug_struct("PublishedPreKeys");
        shown.field("signed_part", &self.signed_part);
        shown.field("one_time_prekeys", &self.one_time_prekeys.len()).finish_non_exhaustive()
    }
}
