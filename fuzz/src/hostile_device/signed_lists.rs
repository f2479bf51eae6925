//! All lists of devices that were ever signed here, and by whom.

use std::time::Duration;

use evanesce::person::{DeviceList, ListError, ListedDevice};
use evanesce::{Account, Device, Suite, Timestamp};

use crate::formats;
use crate::people::{DAY, NOW, account};

/// Everybody's devices, by their places: Bob's, Carol's, and those of two who are alone.
pub const BOBS_PHONE: usize = 0;
pub const BOBS_LAPTOP: usize = 1;
pub const CAROLS_PHONE: usize = 2;
pub const CAROLS_TABLET: usize = 3;
pub const MALLORYS_PHONE: usize = 4;
pub const DAVES_PHONE: usize = 5;
const NAMES: [&str; 6] =
    ["bob/phone", "bob/laptop", "carol/phone", "carol/tablet", "mallory/phone", "dave/phone"];

/// How many devices two of Carol's lists have each, none in common: as many as a list can have.
const MOST: u64 = 16;

/// Lists by their places, where scenes and seeds name them.
pub const BOBS_FIRST: usize = 0;
pub const BOBS_WITH_LAPTOP: usize = 1;
pub const BOBS_OTHER_SECOND: usize = 2;
pub const BOBS_WITH_MALLORY: usize = 3;
pub const BOBS_WITHOUT_PHONE: usize = 5;
pub const CAROLS_FIRST: usize = 8;
pub const CAROLS_WITHOUT_TABLET: usize = 9;
pub const CAROLS_MOST: usize = 12;
pub const CAROLS_OTHER_MOST: usize = 13;
pub const MALLORYS_FIRST: usize = 15;
pub const MALLORYS_WITH_TABLET: usize = 16;
pub const DAVES_FIRST: usize = 19;
pub const DAVES_WITH_MALLORY: usize = 20;

pub struct SignedLists {
    lists: Vec<SignedList>,
    devices: Vec<Device>,
}

pub struct SignedList {
    pub bytes: Vec<u8>,
    pub created: Timestamp,
}

/// The account of one of the devices, the same each time but for its prekeys.
#[must_use]
pub fn account_of(place: usize, suite: Suite) -> Account {
    let seed = 80 + u64::try_from(place).expect("one of six");
    account(suite, NAMES[place], seed)
}

impl SignedLists {
    #[must_use]
    pub fn new() -> Self {
        let named: Vec<_> =
            (0..NAMES.len()).map(|place| account_of(place, Suite::Classical)).collect();
        let many = |first: u64| -> Vec<Account> {
            let more = first..first + MOST;
            more.map(|number| account(Suite::Classical, &format!("carol/{number}"), number))
                .collect()
        };
        let (some, others) = (many(100), many(200));
        let sign = |owner: usize, devices: &[&Account], version, days: u64, created| {
            let owner = &named[owner];
            let identity = owner.device().identity;
            let devices: Vec<_> = devices
                .iter()
                .map(|device| ListedDevice::consenting(device, &identity, NOW))
                .collect();
            let lifetime = Duration::from_secs(days * DAY.as_secs());
            let list = DeviceList::sign_for(owner, &devices, version, lifetime, created);
            SignedList { bytes: list.expect("a list as it has to be").encode(), created }
        };
        let [bp, bl, cp, ct, m, d] = [0, 1, 2, 3, 4, 5].map(|place| &named[place]);
        let (bob, carol, mallory, dave) = (BOBS_PHONE, CAROLS_PHONE, MALLORYS_PHONE, DAVES_PHONE);
        let days_ago =
            |days| Timestamp::from_unix_seconds(NOW.unix_seconds() - days * DAY.as_secs());
        let all = |devices: &[Account], version| {
            sign(carol, &devices.iter().collect::<Vec<_>>(), version, 30, NOW)
        };
        let lists = vec![
            sign(bob, &[bp], 1, 30, NOW),
            sign(bob, &[bp, bl], 2, 30, NOW),
            sign(bob, &[bl], 2, 30, NOW),
            sign(bob, &[bp, bl, m], 3, 30, NOW),
            sign(bob, &[bp], 4, 30, NOW),
            sign(bob, &[bl], 5, 30, NOW),
            sign(bob, &[bp, bl, ct], 6, 90, NOW),
            sign(bob, &[bp, bl], 7, 30, NOW.plus(DAY * 3)),
            sign(carol, &[cp, ct], 1, 30, NOW),
            sign(carol, &[cp], 2, 30, NOW),
            sign(carol, &[ct], 2, 30, NOW),
            sign(carol, &[cp, ct, m], 3, 30, NOW),
            all(&some, 4),
            all(&others, 5),
            sign(carol, &[cp, ct], 6, 30, days_ago(40)),
            sign(mallory, &[m], 1, 30, NOW),
            sign(mallory, &[m, ct, bl], 2, 30, NOW),
            sign(mallory, &[m], 1, 30, days_ago(40)),
            sign(mallory, &[ct], 3, 30, NOW),
            sign(dave, &[d], 1, 30, NOW),
            sign(dave, &[d, m, ct], 2, 30, NOW),
            sign(mallory, &[m, bl], u32::MAX, 30, NOW),
            sign(dave, &[m], 3, 30, days_ago(31)),
        ];
        Self { lists, devices: named.iter().map(Account::device).collect() }
    }

    #[must_use]
    pub fn device(&self, place: usize) -> &Device {
        &self.devices[place]
    }

    /// Of any number at all.
    #[must_use]
    pub fn list(&self, which: usize) -> &SignedList {
        &self.lists[which % self.lists.len()]
    }

    /// Of any number at all, one of the named devices.
    #[must_use]
    pub fn some_device(&self, which: usize) -> &Device {
        &self.devices[which % self.devices.len()]
    }

    #[must_use]
    pub fn were_signed(&self, bytes: &[u8]) -> bool {
        self.lists.iter().any(|list| list.bytes == bytes)
    }

    /// What a device must say of these bytes at this time. A key that is none at all, or weak, nobody has signed.
    ///
    /// # Panics
    ///
    /// If it says something else.
    pub fn check(&self, bytes: &[u8], verified: Result<(), ListError>, now: Timestamp) {
        let signed = self.lists.iter().find(|list| list.bytes == bytes);
        match (formats::device_list(bytes), signed) {
            (Err(error), _) => assert_eq!(verified, Err(error.into())),
            (Ok(_), Some(list)) if list.created > now.plus(DAY) => {
                assert_eq!(verified, Err(ListError::NotYetValid));
            }
            (Ok(_), Some(_)) => assert_eq!(verified, Ok(())),
            (Ok(_), None) => assert!(matches!(
                verified,
                Err(ListError::Malformed | ListError::WeakKey | ListError::BadSignature)
            )),
        }
    }
}

impl Default for SignedLists {
    fn default() -> Self {
        Self::new()
    }
}
