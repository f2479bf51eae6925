//! All of an account with its groups after a restore from a backup.

use rand_core::CryptoRng;

use crate::account::Account;
use crate::expiry::scheduler::ExpiryScheduler;
use crate::group::all_groups::Groups;
use crate::group::group_changes::GroupChanges;
use crate::group::one_group::Group;
use crate::person::contacts::Contacts;
use crate::person::our_devices::OwnDevices;
use crate::person::restoring::Restored;
use crate::time::Now;

impl Groups {
    /// Puts right all groups whose store is an older one: what this device has sent since is not known, so its chains end, and
    /// the next message begins another.
    pub fn restored_from_backup(&mut self) -> GroupChanges {
        let mut changes = GroupChanges::none();
        for group in &mut self.all {
            group.drop_own_chains();
            changes.add_group(group.id());
        }
        changes
    }
}

impl OwnDevices {
    /// As [`OwnDevices::restored_from_backup`], with the account's groups: the one call after a restore.
    ///
    /// Draws what that draws.
    pub fn restored_with_groups(
        &mut self,
        account: &mut Account,
        contacts: &mut Contacts,
        groups: &mut Groups,
        expiry: &mut ExpiryScheduler,
        now: Now,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> (Restored, GroupChanges) {
        let restored = self.restored_from_backup(account, contacts, expiry, now, rng);
        (restored, groups.restored_from_backup())
    }
}

/// The same of one group, for who keeps groups apart.
impl Group {
    /// As [`Groups::restored_from_backup`].
    pub fn restored_from_backup(&mut self) -> GroupChanges {
        self.drop_own_chains();
        GroupChanges::of_group(self.id())
    }
}
