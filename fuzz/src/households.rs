//! Lists of devices that were signed, and a code.

use std::time::Duration;

use evanesce::person::{DeviceList, ListedDevice, OwnDevices};
use evanesce::{Account, Suite};

use crate::people::{NOW, account, rng};

/// An owner's lists: of one device, of two, the second version of that, another list of its version, and one that lives
/// for 90 days.
pub struct Households {
    pub lists: Vec<Vec<u8>>,
    pub code: Vec<u8>,
}

impl Households {
    pub fn new() -> Self {
        let owner = account(Suite::Classical, "alice/phone", 70);
        let laptop = account(Suite::Hybrid, "alice/laptop", 71);
        let identity = owner.device().identity;
        let listed = |device: &Account| ListedDevice::consenting(device, &identity, NOW);
        let [phone, second] = [listed(&owner), listed(&laptop)];
        let signed = |devices: &[ListedDevice], version, days: u64| {
            let lifetime = Duration::from_secs(days * 86_400);
            let list = DeviceList::sign_for(&owner, devices, version, lifetime, NOW);
            list.expect("a list as it has to be").encode()
        };
        let both = [phone.clone(), second.clone()];
        let lists = vec![
            signed(&[phone], 1, 30),
            signed(&both, 1, 30),
            signed(&both, 2, 30),
            signed(&[second], 2, 30),
            signed(&both, u32::MAX, 90),
        ];
        let code = OwnDevices::new(&laptop).show_link_code(NOW, &mut rng(72));
        Self { lists, code: code.encode().to_vec() }
    }
}

impl Default for Households {
    fn default() -> Self {
        Self::new()
    }
}
