//! Groups: all that this device is in, and what is held of each.

use evanesce::group::{
    Group, GroupId, Groups, InvitationName, InvitationTo, Invitations, Member, Role, SetsTimer,
};
use evanesce::{IdentityKey, Timestamp};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::errors::Refusal;
use crate::groups::group_id;
use crate::people::contacts::RawContacts;
use crate::people::own_devices::RawOwnDevices;
use crate::random::Random;
use crate::shapes::time;
use crate::storage::RawStorageKey;
use crate::values::words::Word;
use crate::values::{Bytes, Listed, Out, Shown, object, shown};

/// All groups, with the group and the time of the call that comes: [`RawGroups::at`] goes before each that asks for them, as
/// with the scheduler.
#[wasm_bindgen]
pub struct RawGroups {
    pub(crate) groups: Groups,
    pub(crate) id: GroupId,
    pub(crate) now: Timestamp,
}

/// An invitation, as it was shown.
#[wasm_bindgen]
pub struct RawInvitation {
    pub(crate) name: InvitationName,
    shown: Vec<u8>,
}

fn gone() -> Refusal {
    Refusal::new(Word::freed, "the Group is in its groups no more")
}

impl RawGroups {
    #[inline(never)]
    fn group(&self) -> Result<&Group, Refusal> {
        self.groups.group(&self.id).ok_or_else(gone)
    }

    #[inline(never)]
    pub(crate) fn group_mut(&mut self) -> Result<&mut Group, Refusal> {
        self.groups.group_mut(&self.id).ok_or_else(gone)
    }

    fn add(&mut self, group: Group) -> Result<Vec<u8>, Refusal> {
        let id = group.id();
        if self.groups.group(&id).is_some() {
            return Err(Refusal::new(Word::invalid_argument, "the group is here already"));
        }
        self.groups.all.push(group);
        Ok(id.as_bytes().to_vec())
    }
}

#[wasm_bindgen]
impl RawGroups {
    pub fn none() -> Self {
        let now = Timestamp::from_unix_seconds(0);
        Self { groups: Groups::new(), id: GroupId::new([0; 32]), now }
    }

    pub fn at(&mut self, id: &[u8], now: f64) -> Result<(), Refusal> {
        (self.id, self.now) = (group_id(id)?, time(now));
        Ok(())
    }

    pub fn ids(&self) -> Vec<u8> {
        shown(&Listed(self.groups.all.iter().map(Group::id)))
    }

    pub fn has(&self) -> bool {
        self.group().is_ok()
    }

    pub fn remove(&mut self) -> bool {
        let (before, id) = (self.groups.all.len(), self.id);
        self.groups.all.retain(|group| group.id() != id);
        self.groups.all.len() != before
    }

    pub fn snapshot(&self) -> Result<Vec<u8>, Refusal> {
        Ok(self.group()?.snapshot().to_vec())
    }

    pub fn restore(&mut self, snapshot: &[u8]) -> Result<Vec<u8>, Refusal> {
        self.add(Group::restore(snapshot)?)
    }

    pub fn seal(&self, key: &RawStorageKey, ad: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(self.group()?.seal(&key.0, ad, &mut Random))
    }

    pub fn unseal(
        &mut self,
        sealed: &[u8],
        key: &RawStorageKey,
        ad: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        self.add(Group::unseal(sealed, &key.0, ad)?)
    }

    pub fn snapshot_invitations(&self) -> Vec<u8> {
        self.groups.invitations.snapshot().to_vec()
    }

    pub fn restore_invitations(&mut self, snapshot: &[u8]) -> Result<(), Refusal> {
        self.groups.invitations = Invitations::restore(snapshot)?;
        Ok(())
    }

    pub fn seal_invitations(&self, key: &RawStorageKey, ad: &[u8]) -> Vec<u8> {
        self.groups.invitations.seal(&key.0, ad, &mut Random)
    }

    pub fn unseal_invitations(
        &mut self,
        sealed: &[u8],
        key: &RawStorageKey,
        ad: &[u8],
    ) -> Result<(), Refusal> {
        self.groups.invitations = Invitations::unseal(sealed, &key.0, ad)?;
        Ok(())
    }

    /// What is to be shown at this place, if there is so much.
    pub fn invitation(&self, own: &RawOwnDevices, place: usize, now: f64) -> Option<RawInvitation> {
        let mut all = self.groups.invitations(&own.0, time(now));
        let its = all.nth(place)?;
        Some(RawInvitation { name: its.name(), shown: shown(&its) })
    }

    pub fn members(&self) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.group()?.members()))
    }

    pub fn about(&self) -> Result<Option<Vec<u8>>, Refusal> {
        Ok(self.group()?.about().map(<[u8]>::to_vec))
    }

    pub fn epoch(&self) -> Result<u32, Refusal> {
        Ok(self.group()?.epoch())
    }

    pub fn roster(&self) -> Result<Vec<u8>, Refusal> {
        Ok(self.group()?.roster().to_vec())
    }

    pub fn sets_timer(&self) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.group()?.sets_timer()))
    }

    pub fn may_set_timer(&self, own: &RawOwnDevices) -> Result<bool, Refusal> {
        Ok(self.group()?.may_set_timer(&own.0))
    }

    pub fn is_member(&self, own: &RawOwnDevices) -> Result<bool, Refusal> {
        Ok(self.group()?.is_member(&own.0))
    }

    pub fn is_ready(&self) -> Result<bool, Refusal> {
        Ok(self.group()?.is_ready())
    }

    pub fn lists_needed(
        &self,
        own: &RawOwnDevices,
        contacts: &RawContacts,
    ) -> Result<Vec<u8>, Refusal> {
        let needed = self.group()?.lists_needed(&own.0, &contacts.shelf()?.contacts);
        Ok(shown(&Listed(needed.iter().map(Bytes))))
    }

    /// Which group a message is of.
    pub fn knows(&self, message: &[u8]) -> Option<Vec<u8>> {
        let group = self.groups.all.iter().find(|group| group.knows(message));
        group.map(|group| group.id().as_bytes().to_vec())
    }

    /// To how many devices this group gives chains as a rule. It may be more: where a roster that lost is taken up again.
    pub fn usual_devices(&self, contacts: &RawContacts) -> Result<usize, Refusal> {
        let most = self.group()?.members().len().saturating_mul(16);
        Ok(contacts.shelf()?.contacts.peers.len().min(most))
    }
}

#[wasm_bindgen]
impl RawInvitation {
    pub fn shown(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.shown)
    }
}

/// Identities behind each other.
pub(crate) fn identities(joined: &[u8]) -> Result<Vec<IdentityKey>, Refusal> {
    joined.chunks(64).map(crate::shapes::identity).collect()
}

impl Shown for InvitationTo<'_> {
    fn show(&self, out: &mut Out) {
        object!(
            out,
            group: self.group(),
            from: self.from(),
            about: self.about().map(Bytes),
            members: self.members(),
        );
    }
}

impl Shown for GroupId {
    fn show(&self, out: &mut Out) {
        Bytes(self.as_bytes()).show(out);
    }
}

impl Shown for Member {
    fn show(&self, out: &mut Out) {
        let Self { owner, role, since, is_withheld, .. } = self;
        object!(out, owner: Bytes(owner), role: role, since: since, isWithheld: is_withheld);
    }
}

impl Shown for Role {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Member => Word::member,
            Self::Admin => Word::admin,
        }
        .show(out);
    }
}

impl Shown for SetsTimer {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Admins => Word::admins,
            Self::Members => Word::members,
        }
        .show(out);
    }
}
