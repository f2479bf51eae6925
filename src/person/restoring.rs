//! OwnDevices: all of an account after a restore from a backup.

use core::fmt;

use rand_core::CryptoRng;

use crate::account::Account;
use crate::account::maintained::Maintained;
use crate::expiry::effects::Effects;
use crate::expiry::scheduler::ExpiryScheduler;
use crate::person::contacts::Contacts;
use crate::person::linking_state::LinkingState;
use crate::person::our_devices::OwnDevices;
use crate::person::people_changes::PeopleChanges;
use crate::time::Now;

/// What is to be done after a restore: publish, store, and empty the outbox.
#[must_use = "what has changed is to be stored"]
#[non_exhaustive]
pub struct Restored {
    /// The prekeys to be published in place of all: [`Account::replace_prekeys`].
    pub maintained: Maintained,
    /// What the scheduler writes: [`ExpiryScheduler::restored_from_backup`].
    pub effects: Effects,
    /// The account, the own devices, and all peers.
    pub changes: PeopleChanges,
}

impl OwnDevices {
    /// Puts right all of an account whose store is an older one, before anything that comes is taken in: sessions are
    /// dropped, prekeys replaced, and what was to be opened once is due. The table of the
    /// [guide](crate::docs::guide) says what the application asks its user.
    ///
    /// The list may be an older one too. On the owner's device no list is signed, and no device is linked, until a newer
    /// one has come, with a message of own devices or contacts or from a server ([`OwnDevices::adopt`]), or the user has
    /// looked at the list that is held ([`OwnDevices::confirm_all`]).
    ///
    /// Draws what [`Account::replace_prekeys`] draws.
    pub fn restored_from_backup(
        &mut self,
        account: &mut Account,
        contacts: &mut Contacts,
        expiry: &mut ExpiryScheduler,
        now: Now,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Restored {
        let mut changes = PeopleChanges::none();
        (changes.account, changes.own) = (true, true);
        for peer in &mut contacts.peers {
            // Stored in any case: what was said of lists is forgotten too.
            let _dropped = peer.drop_sessions();
            changes.peers.push(peer.address().clone());
        }
        self.linking = LinkingState::new();
        self.put_back = true;
        let effects = expiry.restored_from_backup(now);
        let maintained = account.replace_prekeys(now.timestamp(), rng);
        Restored { maintained, effects, changes }
    }
}

/// What changed.
impl fmt::Debug for Restored {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { maintained: _, effects: _, changes } = self;
        formatter.debug_struct("Restored").field("changes", changes).finish_non_exhaustive()
    }
}
