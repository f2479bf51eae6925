//! What comes of groups, with messages of sessions and to groups.

use evanesce::group::{GroupDelivered, GroupsHeard, HeardWant, Unblocked};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::account::RawAccount;
use crate::errors::Refusal;
use crate::groups::all_groups::{RawGroups, RawInvitation};
use crate::people::contacts::RawContacts;
use crate::people::delivered::RawPersonDelivered;
use crate::people::own_devices::RawOwnDevices;
use crate::random::Random;
use crate::values::words::Word;
use crate::values::{Bytes, Listed, Out, Shown, object, shown};

/// What came of parts that are of groups.
#[wasm_bindgen]
pub struct RawGroupsHeard(GroupsHeard);

/// What is asked for.
#[wasm_bindgen]
pub struct RawWants(Vec<HeardWant>);

#[wasm_bindgen]
impl RawGroupsHeard {
    pub fn shown(&self) -> Vec<u8> {
        shown(&self.0)
    }

    pub fn into_wants(self) -> RawWants {
        RawWants(self.0.wants)
    }
}

#[wasm_bindgen]
impl RawWants {
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Those that do not ask for a group: at the time of the last [`RawGroups::at`].
#[wasm_bindgen]
impl RawGroups {
    pub fn hear(
        &mut self,
        own: &mut RawOwnDevices,
        contacts: &RawContacts,
        delivered: &RawPersonDelivered,
    ) -> Result<RawGroupsHeard, Refusal> {
        let (mut shelf, now) = (contacts.shelf()?, self.now);
        let heard = self.groups.hear(&mut own.0, &mut shelf.contacts, &delivered.delivered, now);
        shelf.number();
        Ok(RawGroupsHeard(heard))
    }

    pub fn decrypt(
        &mut self,
        own: &mut RawOwnDevices,
        contacts: &RawContacts,
        message: &[u8],
        ad: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        let (mut shelf, now) = (contacts.shelf()?, self.now);
        let delivered = self.groups.decrypt(&mut own.0, &mut shelf.contacts, message, ad, now)?;
        shelf.number();
        Ok(shown(&delivered))
    }

    /// Nothing if another invitation has come since.
    pub fn join(
        &mut self,
        own: &RawOwnDevices,
        contacts: &RawContacts,
        invitation: &RawInvitation,
    ) -> Result<Option<RawGroupsHeard>, Refusal> {
        let (shelf, now) = (contacts.shelf()?, self.now);
        let joined = self.groups.join(&own.0, &shelf.contacts, &invitation.name, now);
        Ok(joined.map(RawGroupsHeard))
    }

    pub fn decline(&mut self) -> Vec<u8> {
        let id = self.id;
        shown(&self.groups.decline(&id))
    }

    pub fn respond(
        &mut self,
        own: &RawOwnDevices,
        account: &RawAccount,
        contacts: &RawContacts,
        wants: Option<RawWants>,
    ) -> Result<Vec<u8>, Refusal> {
        let wants = wants.map(|wants| wants.0).unwrap_or_default();
        let (contacts, now) = (&mut contacts.shelf()?.contacts, self.now);
        let groups = &mut self.groups;
        Ok(shown(&groups.respond(&own.0, &account.0, contacts, &wants, now, &mut Random)))
    }

    pub fn maintain(
        &mut self,
        own: &RawOwnDevices,
        account: &RawAccount,
        contacts: &RawContacts,
    ) -> Result<Vec<u8>, Refusal> {
        let (contacts, now) = (&mut contacts.shelf()?.contacts, self.now);
        Ok(shown(&self.groups.maintain(&own.0, &account.0, contacts, now, &mut Random)))
    }

    pub fn restored_from_backup(&mut self) -> Vec<u8> {
        shown(&self.groups.restored_from_backup())
    }
}

impl Shown for GroupsHeard {
    fn show(&self, out: &mut Out) {
        object!(
            out,
            events: Listed(self.events.iter()),
            people: Listed(self.people.iter()),
            unblocks: Listed(self.unblocks.iter()),
            changes: self.changes,
        );
    }
}

impl Shown for GroupDelivered {
    fn show(&self, out: &mut Out) {
        object!(
            out,
            received: self.received,
            group: self.group,
            device: self.device,
            standing: self.standing,
            person: self.person,
            author: self.author(),
            isOwn: self.is_own,
            isUnconfirmed: self.is_unconfirmed,
            maySetTimer: self.may_set_timer,
            mayTakeBack: self.may_take_back,
            roster: Bytes(self.roster),
            events: Listed(self.events.iter()),
            people: Listed(self.people.iter()),
            unblocks: Listed(self.unblocks.iter()),
            isControl: self.is_control,
            skippedParts: Listed(self.skipped_parts.iter()),
            changes: self.changes,
        );
    }
}

impl Shown for Unblocked {
    fn show(&self, out: &mut Out) {
        let (kind, tag) = match self {
            Self::List(tag) => (Word::list, tag),
            Self::Roster(tag) => (Word::roster, tag),
            Self::Chain(tag) => (Word::chain, tag),
            Self::Secret(tag) => (Word::secret, tag),
            _ => (Word::other, &[0; 8]),
        };
        object!(out, kind: kind, tag: Bytes(tag));
    }
}
