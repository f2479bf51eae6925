//! Receiving: whose a message is, what it says, and what is to be stored before it is acknowledged.

use std::time::Duration;

use evanesce::expiry::{
    Age, ContentKey, DeviceEvent, ExpiryEvent, MalformedStamp, MemberTag, MessageId, NewMessage,
    Now, Opens, Parts, Stamp, Unsent, Verdict,
};
use evanesce::person::{
    ContactDecision, Person as KnownPerson, PersonDelivered, PersonEvent,
    Standing as DeviceStanding, Whose,
};
use evanesce::rand_core::CryptoRng;
use evanesce::report::Evidence;
use evanesce::{Delivered, Device, IdentityKey, Peer, PeerDecryptError};

use crate::content::{AttachedFile, Content};
use crate::engine::lists::IsFirst;
use crate::engine::meeting::owners_name;
use crate::engine::message::{Body, Message, Parked};
use crate::engine::sending::NO_AD;
use crate::engine::state::Engine;
use crate::name::Name;
use crate::notice::Notice;
use crate::request::Mark;
use crate::view::{Author, Progress, Standing, Window};

/// How many strangers may wait: each has a row of sessions, and anyone can be one.
const MOST_REQUESTS: usize = 50;

/// How many messages of strangers are kept each, until the user decides.
const MOST_OF_A_REQUEST: usize = 100;

/// How much is kept of identities that changed, in all: anyone can send such.
const MOST_PARKED: usize = 100;

/// A message that has come, before it has a place.
struct Incoming {
    id: MessageId,
    body: Body,
}

/// What was known of somebody before a message.
struct Known {
    owner: IdentityKey,
    has_list: bool,
    decision: Option<ContactDecision>,
    is_verified: bool,
}

/// From whom a message is, and how it is to be shown.
struct Origin {
    with: Name,
    tag: MemberTag,
    author: Author,
    /// Behind a text of a device that is, or may be, no longer theirs.
    remark: &'static str,
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
        if self.take_in_linking(bytes, now, rng) {
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
        let (Some(with), Some(pinned)) =
            (with, self.peer(device).map(|it| it.contact().identity()))
        else {
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
        // Before its lists are told of, which name it.
        let origin = match (origin, copy_of) {
            (Some(owner), _) => {
                let with = self.conversation_with(owner, device, now);
                let remark = match standing {
                    DeviceStanding::Removed => " (from a device that was removed)",
                    DeviceStanding::Stale => " (from a device that may have been removed)",
                    _ => "",
                };
                Some(Origin { with, tag: heard.author(), author: Author::Them, remark })
            }
            (None, Some(owner)) => {
                IdentityKey::decode(owner).ok().filter(|it| *it != own).map(|it| {
                    let with = self.name_of(&it).unwrap_or_else(|| {
                        let name = self.name_of_unknown(&it);
                        self.is_of(&name, it, now);
                        name
                    });
                    Origin { with, tag: self.tag(), author: Author::Us, remark: "" }
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
        self.delivered(&origin, heard.delivered, mark, now, rng);
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

    fn delivered(
        &mut self,
        origin: &Origin,
        delivered: Delivered,
        mark: Option<Mark>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) {
        let Origin { with: name, .. } = origin;
        let received = delivered.received;
        if received.peer_went_back || received.dropped_keys > 0 {
            self.notice(Notice::MessagesMissing(name.clone()));
        }
        let content = match received.body.as_slice() {
            [] => None,
            body => Content::decode(body).ok(),
        };
        match content {
            Some(Content::Text { chosen, text }) => {
                let id = MessageId::by(origin.tag, &chosen);
                let is_new = self.message(id).is_none();
                self.text_came(origin, id, text, &received.stamp, now, rng);
                if is_new {
                    self.prove(id, received.body, received.evidence.as_ref(), mark);
                }
            }
            Some(Content::File { chosen, file }) => {
                let id = MessageId::by(origin.tag, &chosen);
                let is_new = self.message(id).is_none();
                self.file_came(origin, id, file, &received.stamp, now);
                if is_new {
                    self.prove(id, received.body, received.evidence.as_ref(), mark);
                }
            }
            Some(Content::Unsend { message }) => {
                self.heard(origin, &received.stamp, now);
                self.unsend_came(message, origin.tag, now);
            }
            None => {
                if !received.body.is_empty() {
                    self.notice(Notice::Trouble(format!("{name} uses a newer release")));
                }
                self.heard(origin, &received.stamp, now);
            }
        }
    }

    /// Of what was kept just now, what proves it is kept; but not of what is to be opened once.
    fn prove(
        &mut self,
        id: MessageId,
        body: Vec<u8>,
        evidence: Option<&Evidence>,
        mark: Option<Mark>,
    ) {
        let is_kept = self.message(id).is_some_and(|message| {
            message.author == Author::Them && matches!(message.body, Body::Text(_) | Body::File(_))
        });
        if let (true, Some(evidence)) = (is_kept, evidence) {
            self.keep_evidence(id, body, evidence, mark);
        }
    }

    /// What a message says beside its body. What an own device knows of the timer counts as if it were known here.
    fn heard(&mut self, origin: &Origin, stamp: &Result<Stamp, MalformedStamp>, now: Now) {
        let conversation = self.conversation(&origin.with);
        let setting = stamp.as_ref().ok().and_then(|stamp| stamp.setting.as_ref());
        let effects = match (origin.author, setting) {
            (Author::Us, Some(stamped)) => {
                let told = DeviceEvent::Setting(conversation, stamped.setting);
                self.expiry.told_by_own_device(told, Age::NONE, now)
            }
            (Author::Us, None) => return,
            (Author::Them, _) => self.expiry.heard(conversation, stamp, Age::NONE, now),
        };
        self.absorb(&effects);
    }

    fn text_came(
        &mut self,
        origin: &Origin,
        id: MessageId,
        text: String,
        stamp: &Result<Stamp, MalformedStamp>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) {
        let mut message = NewMessage::new(id, self.conversation(&origin.with), origin.tag);
        let mut body = Body::Text(format!("{text}{}", origin.remark));
        let is_once = stamp.as_ref().is_ok_and(|stamp| stamp.opens != Opens::Unlimited);
        match (is_once, origin.author) {
            (false, _) => {}
            (true, Author::Us) => body = Body::TheirsToOpen,
            (true, Author::Them) => {
                let key = ContentKey::generate(rng);
                body = Body::Sealed(key.seal(id, Parts::BODY, text.as_bytes()));
                message = message.sealed_under(key);
            }
        }
        self.message_came(origin, message, Incoming { id, body }, stamp, now);
    }

    /// It is fetched when its sender is accepted, and its clock does not run before it is here.
    fn file_came(
        &mut self,
        origin: &Origin,
        id: MessageId,
        file: AttachedFile,
        stamp: &Result<Stamp, MalformedStamp>,
        now: Now,
    ) {
        let name = &origin.with;
        if stamp.as_ref().is_ok_and(|stamp| stamp.opens != Opens::Unlimited) {
            self.notice(Notice::Trouble(format!("{name} sent a file to be opened once: not here")));
            return self.heard(origin, stamp, now);
        }
        let message = NewMessage::new(id, self.conversation(name), origin.tag);
        let message = message.with_parts(Parts::FILE);
        let message = match origin.author {
            Author::Us => message,
            Author::Them => message.awaiting_media(),
        };
        let body = Body::File(Self::held_file(file));
        self.message_came(origin, message, Incoming { id, body }, stamp, now);
        self.admit_files(name);
    }

    fn message_came(
        &mut self,
        origin: &Origin,
        message: NewMessage,
        incoming: Incoming,
        stamp: &Result<Stamp, MalformedStamp>,
        now: Now,
    ) {
        let Incoming { id, body } = incoming;
        let Origin { with: name, tag, author, remark: _ } = origin;
        let arrival = match (author, stamp) {
            (Author::Us, Ok(stamp)) => self.expiry.sent_elsewhere(message, stamp, Age::NONE, now),
            (Author::Us | Author::Them, stamp) => {
                self.expiry.received(message, stamp, Age::NONE, now)
            }
        };
        self.absorb(&arrival.effects);
        // The scheduler knows again what has an end; what has none, its row tells.
        if arrival.verdict != Verdict::Keep || self.message(id).is_some() {
            return;
        }
        let number = self.next_number();
        // Another device of ours was faster.
        let is_read = |event: &ExpiryEvent| *event == ExpiryEvent::ReadElsewhere { id };
        let progress = match author {
            Author::Us => Progress::Sent,
            Author::Them if arrival.effects.events.iter().any(is_read) => Progress::Read,
            Author::Them => Progress::Unread,
        };
        let (with, author, tag) = (name.clone(), *author, *tag);
        let message = Message { id, number, with, author, tag, body, progress };
        self.put_message(message.clone());
        let Some(person) = self.people.get(name) else { return };
        match (author, person.window, self.standing(name)) {
            (Author::Them, ..) if progress == Progress::Read => {
                self.notice(Notice::ReadElsewhere(name.clone(), id));
            }
            (Author::Us, ..) => self.notice_ours(&message, now),
            (Author::Them, Window::Open, _) => self.show(message, now),
            (Author::Them, Window::Closed, Standing::Request) => {
                self.notice(Notice::Request(name.clone(), id));
            }
            (Author::Them, Window::Closed, _) => self.notice(Notice::Unread(name.clone(), id)),
        }
    }

    /// What another device of ours wrote.
    fn notice_ours(&mut self, message: &Message, now: Now) {
        let line = self.line(message, now).text;
        self.notice(Notice::Ours(message.with.clone(), message.id, line));
    }

    /// Takes a message back, if who asks has written it.
    fn unsend_came(&mut self, id: MessageId, by: MemberTag, now: Now) {
        match self.expiry.unsent(id, by, now) {
            Unsent::Due(effects) => {
                self.absorb(&effects);
                self.take_back(id, now);
            }
            // It has no end, or did not come.
            Unsent::Unknown(effects) => {
                self.absorb(&effects);
                if self.message(id).is_some_and(|message| message.tag == by) {
                    let effects = self.expiry.deleted(id, now);
                    self.absorb(&effects);
                    self.take_back(id, now);
                }
            }
            // Not its author, or there is nothing left to take back.
            _ => {}
        }
    }

    fn take_back(&mut self, id: MessageId, now: Now) {
        if let Some(name) = self.forget_message(id) {
            self.notice(Notice::Unsent(name, id));
        }
        self.delete_due(now);
    }
}
