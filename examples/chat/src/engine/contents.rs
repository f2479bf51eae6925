//! Contents: what a message that has opened says, and what is to be stored before it is acknowledged.

use evanesce::Received;
use evanesce::expiry::{
    Age, ContentKey, DeviceEvent, ExpiryEvent, MalformedStamp, MemberTag, MessageId, NewMessage,
    Now, Opens, Parts, Stamp, Unsent, Verdict,
};
use evanesce::rand_core::CryptoRng;
use evanesce::report::Evidence;

use crate::content::{AttachedFile, Content};
use crate::engine::message::{Body, Message};
use crate::engine::state::Engine;
use crate::name::Name;
use crate::notice::Notice;
use crate::request::Mark;
use crate::view::{Author, Progress, Standing, Window};

/// A message that has come, before it has a place.
struct Incoming {
    id: MessageId,
    body: Body,
}

/// From whom a message is, and how it is to be shown.
pub(super) struct Origin {
    pub with: Name,
    pub tag: MemberTag,
    pub author: Author,
    /// Behind a text of a device that is, or may be, no longer theirs.
    pub remark: &'static str,
    pub rights: Rights,
}

/// What an author may do beside writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Change the timer.
    pub sets_timer: bool,
    /// Take back what others wrote.
    pub takes_back: bool,
}

impl Rights {
    /// Of two people each sets the timer, and takes back what is their own.
    pub const OF_TWO: Self = Self { sets_timer: true, takes_back: false };
}

impl Engine {
    pub(super) fn received(
        &mut self,
        origin: &Origin,
        received: Received,
        mark: Option<Mark>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) {
        let Origin { with: name, .. } = origin;
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
            Some(Content::TakeBack { message, author }) => {
                self.heard(origin, &received.stamp, now);
                if origin.rights.takes_back {
                    self.unsend_came(message, author, now);
                }
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
            (Author::Them, _) if !origin.rights.sets_timer => return,
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
        let Origin { with: name, tag, author, remark: _, rights } = origin;
        let message = if rights.sets_timer { message } else { message.by_one_who_may_not_set() };
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
