//! What this device does in the group, and at the time, of the last [`RawGroups::at`].

use evanesce::group::{Change, Group, GroupChangeError, GroupOutgoing, Role, SetsTimer};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::account::RawAccount;
use crate::errors::Refusal;
use crate::groups::all_groups::{RawGroups, identities};
use crate::people::contacts::RawContacts;
use crate::people::own_devices::RawOwnDevices;
use crate::people::taken;
use crate::random::Random;
use crate::shapes::{byte_strings, device, identity, payload};
use crate::values::shown;
use crate::values::words::Word;

/// Which call of the group that takes nothing more.
const MERGE: u8 = 0;
const LEAVE: u8 = 1;
const CATCH_UP: u8 = 2;
const ASK: u8 = 3;

#[wasm_bindgen]
impl RawGroups {
    /// The group is the one that [`RawGroups::at`] names from then on.
    pub fn create(
        &mut self,
        own: &RawOwnDevices,
        account: &RawAccount,
        contacts: &RawContacts,
        members: &[u8],
        about: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        let (members, now) = (identities(members)?, self.now);
        let contacts = &mut contacts.shelf()?.contacts;
        let (group, outgoing) =
            own.0.create_group(&account.0, contacts, &members, about, now, &mut Random)?;
        self.id = group.id();
        self.groups.all.push(group);
        Ok(shown(&outgoing))
    }

    pub fn encrypt(
        &mut self,
        own: &RawOwnDevices,
        account: &RawAccount,
        contacts: &RawContacts,
        body: Vec<u8>,
        stamp: &[u8],
        ad: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        let (payload, now) = (payload(body, stamp)?, self.now);
        let contacts = &mut contacts.shelf()?.contacts;
        let mut group = own.0.in_group(&account.0, self.group_mut()?);
        Ok(shown(&group.encrypt(contacts, &payload, ad, now, &mut Random)?))
    }

    pub fn change(
        &mut self,
        own: &RawOwnDevices,
        account: &RawAccount,
        contacts: &RawContacts,
        packed: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        let now = self.now;
        let group = self.group_mut()?;
        let change = change(group, packed)?;
        let contacts = &mut contacts.shelf()?.contacts;
        let mut group = own.0.in_group(&account.0, group);
        Ok(shown(&group.change(contacts, &change, now, &mut Random)?))
    }

    pub fn act(
        &mut self,
        own: &RawOwnDevices,
        account: &RawAccount,
        contacts: &RawContacts,
        what: u8,
    ) -> Result<Vec<u8>, Refusal> {
        let now = self.now;
        let contacts = &mut contacts.shelf()?.contacts;
        let mut group = own.0.in_group(&account.0, self.group_mut()?);
        let outgoing: GroupOutgoing = match what {
            MERGE => group.merge(contacts, now, &mut Random),
            LEAVE => group.leave(contacts, now, &mut Random)?,
            CATCH_UP => group.catch_up(contacts, now, &mut Random),
            ASK => group.ask(contacts, now, &mut Random),
            _ => group.renew(),
        };
        Ok(shown(&outgoing))
    }

    pub fn introduce(
        &mut self,
        own: &RawOwnDevices,
        account: &RawAccount,
        its: &[u8],
        at: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        let device = device(its, at)?;
        Ok(shown(&own.0.in_group(&account.0, self.group_mut()?).introduce(&device)))
    }
}

/// Changes behind each other, each as `packedChange` of ts/groups.ts has it.
fn change(group: &Group, packed: &[u8]) -> Result<Change, Refusal> {
    let members = group.members();
    let member = |owner: &[u8]| {
        let found = members.iter().find(|member| member.owner == owner);
        // Nobody goes who is not there.
        found.ok_or(GroupChangeError::Malformed)
    };
    let mut change = Change::default();
    for mut bytes in byte_strings(packed)? {
        let [kind] = taken(&mut bytes)?;
        change = change.and(match kind {
            0 => Change::add(&identity(bytes)?),
            1 => Change::remove(member(bytes)?),
            2 => Change::role(member(bytes)?, Role::Member),
            3 => Change::role(member(bytes)?, Role::Admin),
            4 => Change::about(bytes),
            5 => Change::sets_timer(SetsTimer::Admins),
            6 => Change::sets_timer(SetsTimer::Members),
            _ => return Err(Refusal::new(Word::malformed, "there is no such change")),
        });
    }
    Ok(change)
}
