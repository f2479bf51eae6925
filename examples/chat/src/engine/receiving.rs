//! Receiving: whose a message is, what it says, and what is to be stored before it is acknowledged.

use std::time::Duration;

use evanesce::expiry::{Age, Now, Stamp};
use evanesce::person::{
    ContactDecision, Person as KnownPerson, PersonDelivered, PersonEvent,
    Standing as DeviceStanding, Whose,
};
use evanesce::rand_core::CryptoRng;
use evanesce::{Device, IdentityKey, Peer, PeerDecryptError};

use crate::engine::contents::{Origin, Rights};
use crate::engine::group_receiving::remark;
use crate::engine::lists::IsFirst;
use crate::engine::meeting::owners_name;
use crate::engine::message::Parked;
use crate::engine::sending::NO_AD;
use crate::engine::state::Engine;
use crate::name::Name;
use crate::notice::Notice;
use crate::request::Mark;
use crate::view::{Author, Standing};

/// How many strangers may wait: each has a row of sessions, and anyone can be one.
const MOST_REQUESTS: usize = 50;

/// How many messages of strangers are kept each, until the user decides.
const MOST_OF_A_REQUEST: usize = 100;

/// How much is kept of identities that changed, in all: anyone can send such.
const MOST_PARKED: usize = 100;

/// What was known of somebody before a message.
struct Known {
    owner: IdentityKey,
    has_list: bool,
    decision: Option<ContactDecision>,
    is_verified: bool,
}

impl Engine {
    /// Takes in what the relay brought. Whatever it is, it may be acknowledged once the outcome is stored.
    pub(super) fn take_in(
        &mut self,
        bytes: &[u8],
        mark: Option<Mark>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) {
        if self.take_in_linking(bytes, now, rng)
            || self.take_in_of_group(bytes, mark.as_ref(), now, rng)
        {
            return;
        }
        let knows = |peer: &&Peer| peer.knows(bytes);
        let device = match self.contacts.peers.iter().find(knows) {
            Some(peer) => Name::of(peer.address()),
            None => self
                .account
                .claimed_sender(bytes)
                .ok()
                .and_then(|device| self.welcome(&device, now)),
        };
        let Some(device) = device.filter(|device| device != self.name()) else { return };
        if self.peer(&device).is_some() && !self.has_room_from(&device) {
            return;
        }
        let mut before = self.known_people();
        let address = device.address();
        let heard = self.own.decrypt(
            &mut self.account,
            &mut self.contacts,
            &address,
            bytes,
            NO_AD,
            now.timestamp(),
        );
        match heard {
            Ok(heard) => self.heard_from(heard, &mut before, mark, now, rng),
            Err(refusal) => self.refused(&device, bytes, &refusal, now),
        }
    }

    fn known_people(&self) -> Vec<Known> {
        let known = |person: &KnownPerson| Known {
            owner: *person.owner(),
            has_list: person.list().is_some(),
            decision: person.decision(),
            is_verified: person.is_verified(),
        };
        self.contacts.people.iter().map(known).collect()
    }

    /// Whether a message of a device that is not known here is opened at all: not of strangers, if too many wait.
    fn welcome(&self, device: &Device, now: Now) -> Option<Name> {
        let name = Name::of(&device.address)?;
        let is_known = self.peer(&name).is_some()
            || self.own.person().standing(device, now.timestamp()).counts()
            || self.contacts.person_of(device, now.timestamp()).is_some();
        let waiting = || self.people.keys().filter(|name| self.waits(name)).count();
        (is_known || waiting() < MOST_REQUESTS).then_some(name)
    }

    /// Whether more is kept of whoever has this device.
    fn has_room_from(&self, device: &Name) -> bool {
        let with = self.with_device(device);
        let is_full = |with: &Name| {
            let count = self.people.get(with).map_or(0, |person| person.messages.len());
            self.standing(with) == Standing::Request && count >= MOST_OF_A_REQUEST
        };
        !with.is_some_and(|with| is_full(&with))
    }

    fn refused(&mut self, device: &Name, bytes: &[u8], refusal: &PeerDecryptError, now: Now) {
        if let PeerDecryptError::ReplayRecordFull = refusal {
            // The next tick maintains the account, so that others are accepted.
            self.pending.account_due = Some(Duration::ZERO);
        }
        let with = match self.is_own_device(device) {
            true => Some(self.profile.person.clone()),
            false => self.with_device(device),
        };
        let Some(pinned) = self.peer(device).map(|it| it.contact().identity()) else { return };
        let Some(with) = with else {
            // Of somebody who is known from a group alone nobody is told anything.
            if let Some(peer) = self.peer_mut(device) {
                let changes = peer.note_refusal(bytes, refusal, now.timestamp());
                self.peer_changed(device, &changes);
            }
            return;
        };
        let is_owners = pinned.is_none() || pinned == self.owner_of(&with);
        if let (PeerDecryptError::IdentityChanged(_), false) = (refusal, is_owners) {
            // Which devices somebody has, their owner says and not the user: it may be in a newer list.
            self.park(&with, bytes);
            self.want_list(with);
            return;
        }
        let Some(peer) = self.peer_mut(device) else { return };
        let changes = peer.note_refusal(bytes, refusal, now.timestamp());
        self.peer_changed(device, &changes);
        match refusal {
            PeerDecryptError::IdentityChanged(_) => {
                self.park(&with, bytes);
                // The peer remembers it. The user is asked once for each.
                if changes.peer {
                    self.notice(Notice::IdentityChanged(with));
                }
            }
            // They went on from an older state, and what they say under used numbers is lost.
            PeerDecryptError::Forked | PeerDecryptError::NumberReused => {
                self.notice(Notice::MessagesMissing(with));
            }
            // All else is acknowledged, and that is all: to write at once would tell the relay whose it was. There is no
            // `AddressChanged`, since what names another address is offered to whoever has that name here.
            _ => {}
        }
    }

    fn park(&mut self, from: &Name, bytes: &[u8]) {
        if self.parked.len() < MOST_PARKED {
            self.put_parked(Parked { from: from.clone(), bytes: bytes.to_vec() });
        }
    }

    fn heard_from(
        &mut self,
        heard: PersonDelivered,
        before: &mut Vec<Known>,
        mark: Option<Mark>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) {
        let PersonDelivered { device, standing, person, is_unconfirmed, events, copy_of, .. } =
            &heard;
        self.changed(&heard.changes);
        let had_list: Vec<IdentityKey> =
            before.iter().filter(|it| it.has_list).map(|it| it.owner).collect();
        self.hear_of_groups(&heard, &had_list, now);
        let own = *self.own.person().owner();
        let origin = match person {
            Some(person) if *person == own && standing.counts() && !is_unconfirmed => None,
            Some(person) if *person == own => {
                let name = &device.address;
                self.notice(Notice::Trouble(match standing {
                    DeviceStanding::Removed => format!("{name}, which was removed, still writes"),
                    _ => format!("{name} writes as yours: /confirm {name} or /remove {name}"),
                }));
                return;
            }
            _ => Some(person.unwrap_or(device.identity)),
        };
        let is_ours = origin.is_none();
        // Of whom nothing came but what is of groups there need be no conversation.
        let is_of_groups = heard.is_control && !heard.group_parts.is_empty();
        // Before its lists are told of, which name it.
        let origin = match (origin, copy_of) {
            (Some(owner), _) if is_of_groups && self.name_of(&owner).is_none() => None,
            (Some(owner), _) => {
                let with = self.conversation_with(owner, device, now);
                let (author, remark) = (Author::Them, remark(*standing));
                let (tag, rights) = (heard.author(), Rights::OF_TWO);
                Some(Origin { with, tag, author, remark, rights })
            }
            (None, Some(owner)) => {
                IdentityKey::decode(owner).ok().filter(|it| *it != own).map(|it| {
                    let with = self.name_of(&it).unwrap_or_else(|| {
                        let name = self.name_of_unknown(&it);
                        self.is_of(&name, it, now);
                        name
                    });
                    let (tag, author, rights) = (self.tag(), Author::Us, Rights::OF_TWO);
                    Origin { with, tag, author, remark: "", rights }
                })
            }
            (None, None) => None,
        };
        for event in events {
            let known = |owner: &IdentityKey| before.iter().find(|known| known.owner == *owner);
            let is_first = match event {
                PersonEvent::Adopted { owner, .. }
                    if known(owner).is_none_or(|it| !it.has_list) =>
                {
                    IsFirst::Yes
                }
                _ => IsFirst::No,
            };
            // What others pass on of third people is nothing to build on.
            if is_ours || !matches!(event, PersonEvent::Given(_) | PersonEvent::Known(_)) {
                self.person_event(event.clone(), is_first, now);
            }
            if let PersonEvent::DecidedElsewhere { owner, contact, verified } = event {
                self.decided_elsewhere(owner, known(owner), *contact, *verified, now);
                // Of one person several things may be told.
                before.retain(|known| known.owner != *owner);
                let (decision, is_verified, has_list) = (*contact, *verified, true);
                before.push(Known { owner: *owner, has_list, decision, is_verified });
            }
            if let (PersonEvent::ListBehind { of: Whose::Theirs, .. }, Some(origin)) =
                (event, &origin)
            {
                // It comes with the next message, or is there when we write.
                self.pending.lists_asked.remove(&origin.with);
            }
        }
        // What own devices tell of messages and timers.
        let effects = heard.note_in(&mut self.expiry, Age::NONE, now);
        self.absorb(&effects);
        let Some(mut origin) = origin.filter(|_| !heard.is_refused) else { return };
        // What was said under another name may be here now.
        if !self.people.contains_key(&origin.with)
            && let Some(name) = person.and_then(|owner| self.name_of(&owner))
        {
            origin.with = name;
        }
        self.keep_keys_as_the_timer_says(&origin.with);
        if is_of_groups && heard.delivered.received.stamp == Ok(Stamp::NONE) {
            // It says nothing of the conversation.
            return self.encrypt_drafts(&origin.with, now, rng);
        }
        self.received(&origin, heard.delivered.received, mark, now, rng);
        // With a session that came about meanwhile, what was written before can go.
        self.encrypt_drafts(&origin.with, now, rng);
    }

    /// The user has decided of somebody on another device.
    fn decided_elsewhere(
        &mut self,
        owner: &IdentityKey,
        before: Option<&Known>,
        contact: Option<ContactDecision>,
        is_verified: bool,
        now: Now,
    ) {
        self.know(owner, now);
        let Some(name) = self.name_of(owner) else { return };
        let is_news = before.and_then(|it| it.decision) != contact;
        match contact {
            Some(ContactDecision::Accepted) if is_news => {
                self.notice(Notice::Accepted(name.clone()));
                self.admit_files(&name);
            }
            Some(ContactDecision::Refused) if is_news => {
                self.delete_conversation(&name, now);
                self.notice(Notice::Blocked(name.clone()));
            }
            _ => {}
        }
        if is_verified && !before.is_some_and(|it| it.is_verified) {
            self.notice(Notice::Verified(name));
        }
    }

    /// What somebody is called to whom another device of ours wrote: as their list says, if it is here.
    fn name_of_unknown(&self, owner: &IdentityKey) -> Name {
        let list = self.contacts.person(owner).and_then(KnownPerson::list);
        let is_theirs = |peer: &&Peer| peer.contact().identity() == Some(*owner);
        let peer = || self.contacts.peers.iter().find(is_theirs);
        let name = list.and_then(owners_name);
        let name = name.or_else(|| peer().and_then(|peer| Name::of(peer.address())));
        let name = name.filter(|name| self.owner_of(name).is_none());
        name.unwrap_or_else(|| self.name_by_identity(owner))
    }
}
