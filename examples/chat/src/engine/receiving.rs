//! Receiving: whose a message is, what it says, and what is to be stored before it is acknowledged.

use std::time::Duration;

use evanesce::expiry::{
    Age, ContentKey, MalformedStamp, MemberTag, MessageId, NewMessage, Now, Opens, Parts, Stamp,
    Unsent, Verdict,
};
use evanesce::rand_core::CryptoRng;
use evanesce::report::Evidence;
use evanesce::{Delivered, Peer, PeerDecryptError};

use crate::content::{AttachedFile, Content};
use crate::engine::message::{Body, Message, Parked};
use crate::engine::person::{Person, conversation};
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
    tag: MemberTag,
    body: Body,
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
        let Some((name, result)) = self.offer(bytes, now) else { return };
        let refusal = match result {
            Ok(delivered) => return self.delivered(&name, delivered, mark, now, rng),
            Err(refusal) => refusal,
        };
        let Some(person) = self.people.get_mut(&name) else { return };
        let changes = person.peer.note_refusal(bytes, &refusal, now.timestamp());
        self.changed(&name, &changes);
        match refusal {
            PeerDecryptError::IdentityChanged(_) => {
                if self.parked.len() < MOST_PARKED {
                    self.put_parked(Parked { from: name.clone(), bytes: bytes.to_vec() });
                }
                // The peer remembers it. The user is asked once for each.
                if changes.peer {
                    self.notice(Notice::IdentityChanged(name));
                }
            }
            // They went on from an older state, and what they say under used numbers is lost.
            PeerDecryptError::Forked | PeerDecryptError::NumberReused => {
                self.notice(Notice::MessagesMissing(name));
            }
            // All else is acknowledged, and that is all: to write at once would tell the relay whose it was. There is no
            // `AddressChanged`, since what names another address is offered to whoever has that name here.
            _ => {}
        }
    }

    /// Offers a message to whom it may be from: nobody says who sent it. Nothing, if it is of nobody.
    fn offer(
        &mut self,
        bytes: &[u8],
        now: Now,
    ) -> Option<(Name, Result<Delivered, PeerDecryptError>)> {
        let knows = |(_, person): &(&Name, &Person)| person.peer.knows(bytes);
        let name = match self.people.iter().find(knows) {
            Some((name, _)) => name.clone(),
            None => {
                let device = self.account.claimed_sender(bytes).ok()?;
                Name::of(&device.address).filter(|name| name != self.name())?
            }
        };
        let result = match self.people.contains_key(&name) {
            true => self.decrypt(&name, bytes, now),
            false => self.decrypt_of_stranger(&name, bytes, now),
        };
        result.map(|result| (name, result))
    }

    fn decrypt(
        &mut self,
        name: &Name,
        bytes: &[u8],
        now: Now,
    ) -> Option<Result<Delivered, PeerDecryptError>> {
        let person = self.people.get_mut(name)?;
        if person.standing() == Standing::Request && person.messages.len() >= MOST_OF_A_REQUEST {
            return None;
        }
        Some(person.peer.decrypt(&mut self.account, bytes, NO_AD, now.timestamp()))
    }

    /// A stranger becomes a request only by a message that opens.
    fn decrypt_of_stranger(
        &mut self,
        name: &Name,
        bytes: &[u8],
        now: Now,
    ) -> Option<Result<Delivered, PeerDecryptError>> {
        if self.people.values().filter(|person| person.waits()).count() >= MOST_REQUESTS {
            return None;
        }
        let mut peer = Peer::new(name.address());
        let delivered = match peer.decrypt(&mut self.account, bytes, NO_AD, now.timestamp()) {
            Ok(delivered) => delivered,
            // The next tick maintains the account, so that others are accepted.
            Err(PeerDecryptError::ReplayRecordFull) => {
                self.pending.account_due = Some(Duration::ZERO);
                return None;
            }
            Err(_) => return None,
        };
        self.add(name, peer);
        Some(Ok(delivered))
    }

    fn delivered(
        &mut self,
        name: &Name,
        delivered: Delivered,
        mark: Option<Mark>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) {
        self.changed(name, &delivered.changes);
        let received = delivered.received;
        if received.peer_went_back || received.dropped_keys > 0 {
            self.notice(Notice::MessagesMissing(name.clone()));
        }
        // Whose session it is, never what a message says.
        let author = delivered.author.member_tag();
        let content = match received.body.as_slice() {
            [] => None,
            body => Content::decode(body).ok(),
        };
        match content {
            Some(Content::Text { chosen, text }) => {
                let id = MessageId::by(author, &chosen);
                let is_new = self.message(id).is_none();
                self.text_came(name, author, id, text, &received.stamp, now, rng);
                if is_new {
                    self.prove(id, received.body, received.evidence.as_ref(), mark);
                }
            }
            Some(Content::File { chosen, file }) => {
                let id = MessageId::by(author, &chosen);
                let is_new = self.message(id).is_none();
                self.file_came(name, author, id, file, &received.stamp, now);
                if is_new {
                    self.prove(id, received.body, received.evidence.as_ref(), mark);
                }
            }
            Some(Content::Unsend { message }) => {
                self.heard(name, &received.stamp, now);
                self.unsend_came(message, author, now);
            }
            None => {
                if !received.body.is_empty() {
                    self.notice(Notice::Trouble(format!("{name} uses a newer release")));
                }
                self.heard(name, &received.stamp, now);
            }
        }
        // With a session that came about meanwhile, what was written before can go.
        self.encrypt_drafts(name, now, rng);
    }

    /// Of what was kept just now, what proves it is kept; but not of what is to be opened once.
    fn prove(
        &mut self,
        id: MessageId,
        body: Vec<u8>,
        evidence: Option<&Evidence>,
        mark: Option<Mark>,
    ) {
        let is_kept = self
            .message(id)
            .is_some_and(|message| matches!(message.body, Body::Text(_) | Body::File(_)));
        if let (true, Some(evidence)) = (is_kept, evidence) {
            self.keep_evidence(id, body, evidence, mark);
        }
    }

    fn heard(&mut self, name: &Name, stamp: &Result<Stamp, MalformedStamp>, now: Now) {
        let effects = self.expiry.heard(conversation(name), stamp, Age::NONE, now);
        self.absorb(&effects);
    }

    #[expect(clippy::too_many_arguments, reason = "what a message is made of")]
    fn text_came(
        &mut self,
        name: &Name,
        tag: MemberTag,
        id: MessageId,
        text: String,
        stamp: &Result<Stamp, MalformedStamp>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) {
        let mut message = NewMessage::new(id, conversation(name), tag);
        let mut body = Body::Text(text);
        let is_once = stamp.as_ref().is_ok_and(|stamp| stamp.opens != Opens::Unlimited);
        if let (true, Body::Text(text)) = (is_once, &body) {
            let key = ContentKey::generate(rng);
            body = Body::Sealed(key.seal(id, Parts::BODY, text.as_bytes()));
            message = message.sealed_under(key);
        }
        self.message_came(name, message, Incoming { id, tag, body }, stamp, now);
    }

    /// It is fetched when its sender is accepted, and its clock does not run before it is here.
    fn file_came(
        &mut self,
        name: &Name,
        tag: MemberTag,
        id: MessageId,
        file: AttachedFile,
        stamp: &Result<Stamp, MalformedStamp>,
        now: Now,
    ) {
        if stamp.as_ref().is_ok_and(|stamp| stamp.opens != Opens::Unlimited) {
            self.notice(Notice::Trouble(format!("{name} sent a file to be opened once: not here")));
            return self.heard(name, stamp, now);
        }
        let message = NewMessage::new(id, conversation(name), tag);
        let message = message.with_parts(Parts::FILE).awaiting_media();
        let body = Body::File(Self::held_file(file));
        self.message_came(name, message, Incoming { id, tag, body }, stamp, now);
        self.admit_files(name);
    }

    fn message_came(
        &mut self,
        name: &Name,
        message: NewMessage,
        incoming: Incoming,
        stamp: &Result<Stamp, MalformedStamp>,
        now: Now,
    ) {
        let Incoming { id, tag, body } = incoming;
        let arrival = self.expiry.received(message, stamp, Age::NONE, now);
        self.absorb(&arrival.effects);
        // The scheduler knows again what has an end; what has none, its row tells.
        if arrival.verdict != Verdict::Keep || self.message(id).is_some() {
            return;
        }
        let number = self.next_number();
        let with = name.clone();
        let progress = Progress::Unread;
        let message = Message { id, number, with, author: Author::Them, tag, body, progress };
        self.put_message(message.clone());
        let Some(person) = self.people.get(name) else { return };
        match (person.window, person.standing()) {
            (Window::Open, _) => self.show(message, now),
            (Window::Closed, Standing::Request) => {
                self.notice(Notice::Request(name.clone(), id));
            }
            (Window::Closed, Standing::New | Standing::Accepted | Standing::Blocked) => {
                self.notice(Notice::Unread(name.clone(), id));
            }
        }
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
