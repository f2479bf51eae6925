//! Meeting: a name comes to be somebody's, as soon as their identity is known.

use evanesce::expiry::{ConversationId, ExpiryEvent, Now};
use evanesce::person::{OwnEvent, Person as KnownPerson, VerifiedList};
use evanesce::{Device, IdentityKey};

use crate::engine::message::{Draft, Message, Parcel, Upload};
use crate::engine::state::Engine;
use crate::name::Name;
use crate::notice::Notice;
use crate::row::Row;

impl Engine {
    /// From now on the conversation of this name is with this person; if there was one with them under another name, both
    /// are one.
    pub(super) fn is_of(&mut self, with: &Name, owner: IdentityKey, now: Now) {
        self.meet(with);
        if self.owner_of(with) == Some(owner) {
            return;
        }
        if self.contacts.person(&owner).is_none() {
            self.contacts.people.push(KnownPerson::new(owner));
        }
        self.person_changed(&owner);
        let (other, before) = (self.name_of(&owner), self.conversation(with));
        let Some(person) = self.people.get_mut(with) else { return };
        person.notes.owner = Some(owner);
        person.notes.former.push(before);
        person.notes.former.dedup();
        self.save_notes(with);
        self.keep_timer(before, with, now);
        if let Some(other) = other {
            self.merge(&other, with, now);
        }
        self.keep_keys_as_the_timer_says(with);
    }

    /// The timer belongs to the name as the user sees it.
    fn keep_timer(&mut self, before: ConversationId, with: &Name, now: Now) {
        let (tag, after) = (self.tag(), self.conversation(with));
        if let (Some(setting), None) = (self.expiry.setting(before), self.expiry.setting(after)) {
            let mut effects = self.expiry.set(after, setting.policy, tag, now);
            effects.events.retain(|event| !matches!(event, ExpiryEvent::SettingChanged { .. }));
            self.absorb(&effects);
        }
    }

    /// The conversation with somebody who wrote, or to whom another device of ours did. One that is not known by name gets
    /// that of the owner's device, if nobody else has it.
    pub(super) fn conversation_with(
        &mut self,
        owner: IdentityKey,
        from: &Device,
        now: Now,
    ) -> Name {
        if let Some(name) = self.name_of(&owner) {
            return name;
        }
        let known = self.contacts.person(&owner).and_then(KnownPerson::list);
        let owners = known.and_then(owners_name).filter(|name| !self.people.contains_key(name));
        let is_free =
            |name: &Name| self.people.get(name).is_none_or(|person| person.notes.owner.is_none());
        let own = Name::of(&from.address).filter(is_free);
        let name = owners.or(own).unwrap_or_else(|| self.name_by_identity(&owner));
        self.is_of(&name, owner, now);
        name
    }

    /// Somebody of whom the user has decided on another device has a conversation here too, once their name is known.
    pub(super) fn know(&mut self, owner: &IdentityKey, now: Now) {
        let Some(person) = self.contacts.person(owner) else { return };
        if person.decision().is_none() || self.name_of(owner).is_some() {
            return;
        }
        let listed = person.list().and_then(owners_name);
        let is_theirs = |peer: &&evanesce::Peer| peer.contact().identity() == Some(*owner);
        let peer = self.contacts.peers.iter().find(is_theirs);
        let name = listed.or_else(|| peer.and_then(|peer| Name::of(peer.address())));
        let name = name.filter(|name| self.owner_of(name).is_none() && !self.is_us(name));
        if let Some(name) = name {
            self.is_of(&name, *owner, now);
        }
    }

    /// Who is written to first is a contact. Our other devices are told, and what they are called: a copy names them by
    /// their identity alone.
    pub(super) fn write_first_to(&mut self, with: &Name, now: Now) {
        let Some(identity) = self.owner_of(with) else { return };
        let changes = self.contacts.accept(&self.own, &identity, now.timestamp());
        self.changed(&changes);
        let list = self.known(with).and_then(KnownPerson::list);
        let address = list.and_then(owners_name).unwrap_or_else(|| with.clone()).address();
        self.pending.tell.push(OwnEvent::Device(Device { identity, address }));
    }

    /// Whoever had a name made of their identity gets that of their device, once a list says it.
    pub(super) fn name_by_list(&mut self, owner: &IdentityKey, now: Now) {
        let is_made_up = self.name_of(owner) == Some(self.name_by_identity(owner));
        let list = self.contacts.person(owner).and_then(KnownPerson::list);
        let name = list.and_then(owners_name).filter(|name| !self.people.contains_key(name));
        if let Some(name) = name.filter(|_| is_made_up) {
            self.is_of(&name, *owner, now);
        }
    }

    /// A name made of the identity: of somebody whose own name somebody else has, or is not known yet.
    pub(super) fn name_by_identity(&self, owner: &IdentityKey) -> Name {
        self.name_by_digits(&owner.encode())
    }

    pub(super) fn name_by_digits(&self, owner: &[u8]) -> Name {
        let digits: String = owner.iter().take(8).map(|it| format!("{it:02x}")).collect();
        // Hexadecimal digits are a name.
        Name::new(&format!("somebody-{digits}")).unwrap_or_else(|_| self.profile.name.clone())
    }

    pub(super) fn person_changed(&mut self, owner: &IdentityKey) {
        let mut changes = evanesce::person::PeopleChanges::default();
        changes.people.push(*owner);
        self.changed(&changes);
    }

    /// What was said under two names is one conversation, with whom it was said all along.
    pub(super) fn merge(&mut self, from: &Name, to: &Name, now: Now) {
        let (former, before) = (self.conversations(from), self.conversation(from));
        let Some(gone) = self.people.remove(from) else { return };
        self.write_row(Row::Contact(from.clone()), None);
        if let Some(person) = self.people.get_mut(to) {
            person.notes.former.extend(former);
        }
        self.save_notes(to);
        self.keep_timer(before, to, now);
        for message in gone.messages.into_values() {
            self.put_message(Message { with: to.clone(), ..message });
        }
        let drafts: Vec<(u64, Draft)> = of(&self.drafts, |draft| draft.to == *from);
        for (number, draft) in drafts {
            self.write_draft(number, Draft { to: to.clone(), ..draft });
        }
        let parcels: Vec<(u64, Parcel)> = of(&self.parcels, |parcel| parcel.with == *from);
        for (number, parcel) in parcels {
            self.write_parcel(number, Parcel { with: to.clone(), ..parcel });
        }
        let uploads: Vec<(u64, Upload)> = of(&self.uploads, |upload| upload.to == *from);
        for (number, upload) in uploads {
            self.put_upload(number, Upload { to: to.clone(), ..upload });
        }
        self.notice(Notice::Joined(from.clone(), to.clone()));
    }
}

/// What the owner's device of a list is called.
pub fn owners_name(list: &VerifiedList) -> Option<Name> {
    let mut devices = list.devices().iter().map(|listed| &listed.device);
    devices.find(|device| device.identity == *list.owner()).and_then(|it| Name::of(&it.address))
}

fn of<T: Clone>(
    rows: &std::collections::BTreeMap<u64, T>,
    fits: impl Fn(&T) -> bool,
) -> Vec<(u64, T)> {
    rows.iter().filter(|(_, row)| fits(row)).map(|(number, row)| (*number, row.clone())).collect()
}
