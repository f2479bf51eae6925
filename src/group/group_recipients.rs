//! Group: whom a message goes to.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::group::directory::Directory;
use crate::group::one_group::Group;
use crate::identity::Device;
use crate::person::decisions::ContactDecision;
use crate::person::other_person::Person;
use crate::time::Timestamp;

impl Group {
    /// The devices that a message goes to now, in order of their addresses.
    pub(crate) fn recipients<'a>(
        &self,
        directory: &Directory<'a>,
        now: Timestamp,
    ) -> Vec<Cow<'a, Device>> {
        in_order(self.recipients_of_each(directory, now))
    }

    /// The same member by member. Two people may list one: it is there twice then.
    pub(crate) fn recipients_of_each<'a>(
        &self,
        directory: &Directory<'a>,
        now: Timestamp,
    ) -> Vec<Cow<'a, Device>> {
        let (own, people) = (directory.owner(), directory.by_owner());
        let mut devices = Vec::with_capacity(self.devices.count());
        for owner in self.head().owners() {
            let person = people.get(&owner);
            let is_refused = person.and_then(Person::decision) == Some(ContactDecision::Refused);
            if owner != own && (is_refused || self.is_withheld(&owner)) {
                continue;
            }
            directory.for_each_device_of(person, &owner, now, |device| {
                if !device.identity.is(&self.us) {
                    devices.push(device);
                }
            });
        }
        devices
    }
}

/// In order of address, each once.
pub(crate) fn in_order(mut devices: Vec<Cow<'_, Device>>) -> Vec<Cow<'_, Device>> {
    devices.sort_by(|one, other| one.address.cmp(&other.address));
    devices.dedup();
    devices
}
