//! Groups that this device makes.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::account::Account;
use crate::group::changing::GroupChangeError;
use crate::group::directory::Directory;
use crate::group::group_outgoing::GroupOutgoing;
use crate::group::moment::Moment;
use crate::group::one_group::Group;
use crate::group::reach::Reach;
use crate::group::role::SetsTimer;
use crate::identity::{Device, IdentityKey};
use crate::person::contacts::Contacts;
use crate::person::our_devices::OwnDevices;
use crate::time::Timestamp;
use crate::wire::roster::OwnerBytes;

impl OwnDevices {
    /// Makes a group of the user and these people, with title and picture in at most 4,096 bytes of the application's own.
    /// The user is its only admin, and admins alone set the timer: [`InGroup::change`](crate::group::InGroup::change)
    /// makes more. All members are told, and given this device's chain. Store group and peers, then send.
    ///
    /// Draws 32 bytes three times, and what each message draws.
    ///
    /// # Errors
    ///
    /// A [`GroupChangeError`]; [`GroupChangeError::NotAnAdmin`] on a device that is not the owner's, which can sign nothing.
    pub fn create_group(
        &self,
        account: &Account,
        contacts: &mut Contacts,
        members: &[IdentityKey],
        about: &[u8],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(Group, GroupOutgoing), GroupChangeError> {
        if self.is_removed() {
            return Err(GroupChangeError::Removed);
        }
        let members: BTreeSet<OwnerBytes> = members.iter().map(IdentityKey::encode).collect();
        let directory = Directory { own: self, contacts };
        let reach = Reach::new(directory, now);
        let can_reach = |device: &Device| reach.reaches(device);
        let moment = Moment { directory, can_reach: &can_reach, now };
        let sets_timer = SetsTimer::Admins;
        let (mut group, steps) = Group::begin(account, &members, about, sets_timer, &moment, rng)?;
        let mut outgoing = GroupOutgoing::of_group(group.id());
        let members: Vec<OwnerBytes> = group.head().owners().collect();
        let failed = outgoing.add_steps(steps, &members, self, contacts, now, rng);
        group.give_again(&failed);
        Ok((group, outgoing))
    }
}
