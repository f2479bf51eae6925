//! Group: whom a message goes to.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::group::directory::Directory;
use crate::group::last_order::LastOrder;
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
        self.recipients_in(&mut LastOrder::default(), directory, now)
    }

    /// The same for the next message.
    pub(crate) fn next_recipients<'a>(
        &mut self,
        directory: &Directory<'a>,
        now: Timestamp,
    ) -> Vec<Cow<'a, Device>> {
        let mut order = core::mem::take(&mut self.orders.by_address);
        let recipients = self.recipients_in(&mut order, directory, now);
        self.orders.by_address = order;
        recipients
    }

    fn recipients_in<'a>(
        &self,
        order: &mut LastOrder,
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
        let mut devices = order.sort(devices, |one, other| one.address.cmp(&other.address));
        // Two people may list one.
        devices.dedup();
        devices
    }
}
