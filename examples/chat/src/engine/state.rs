//! The engine's state: what is in memory, and how each change of it comes into the outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evanesce::expiry::{Effects, ExpiryEvent, ExpiryScheduler, MemberTag, MessageId};
use evanesce::zeroize::Zeroizing;
use evanesce::{Account, Changes, Peer};
use serde::{Deserialize, Serialize};

use crate::engine::message::{
    Body, Disposal, Draft, DueReport, FetchState, Message, Parcel, Parked, Upload,
};
use crate::engine::outcome::Outcome;
use crate::engine::person::{Notes, Person, conversation};
use crate::name::Name;
use crate::notice::{Notice, SetBy};
use crate::request::Token;
use crate::row::Row;

/// A person's messenger, without terminal, network, clock or disk: events go in, outcomes come out.
pub struct Engine {
    pub(super) profile: Profile,
    pub(super) account: Account,
    pub(super) expiry: ExpiryScheduler,
    pub(super) people: BTreeMap<Name, Person>,
    /// Where each message stands.
    pub(super) places: BTreeMap<MessageId, (Name, u64)>,
    pub(super) drafts: BTreeMap<u64, Draft>,
    pub(super) parcels: BTreeMap<u64, Parcel>,
    pub(super) parked: BTreeMap<u64, Parked>,
    pub(super) uploads: BTreeMap<u64, Upload>,
    pub(super) disposals: BTreeMap<u64, Disposal>,
    pub(super) reports: BTreeMap<u64, DueReport>,
    /// The messages whose files are to be fetched.
    pub(super) fetches: BTreeSet<MessageId>,
    pub(super) last_number: u64,
    pub(super) pending: Pending,
    unsaved: Unsaved,
    outcome: Outcome,
}

/// Who we are to the relay.
#[derive(Clone, Serialize, Deserialize)]
pub struct Profile {
    pub name: Name,
    pub token: Token,
}

/// What is to be done soon. A restart forgets it, and finds out again.
#[derive(Default)]
pub struct Pending {
    /// Who is to get a new session.
    pub renewals: BTreeSet<Name>,
    /// Who does not know the timer.
    pub echoes: BTreeSet<Name>,
    /// For whom the relay does nothing before a moment, by the steady clock.
    pub resting: BTreeMap<Name, Duration>,
    /// The last daily maintenance of the people, by the steady clock.
    pub maintained: Option<Duration>,
    /// When the account is maintained if the relay has not said before what it has, by the steady clock.
    pub account_due: Option<Duration>,
    /// When the account was told last what the relay has, by the steady clock.
    pub told_of_stock: Option<Duration>,
    /// Before when no file is carried, and none fetched, by the steady clock.
    pub loads_rest: Option<Duration>,
    pub fetches_rest: Option<Duration>,
    /// How often the next part of a file came altered.
    pub attempts: BTreeMap<MessageId, u32>,
    /// How often the relay did not answer when a file was to go on.
    pub unanswered: BTreeMap<MessageId, u32>,
}

#[derive(Default)]
struct Unsaved {
    account: bool,
    peers: BTreeSet<Name>,
}

impl Engine {
    pub(super) fn new(profile: Profile, account: Account, expiry: ExpiryScheduler) -> Self {
        Self {
            profile,
            account,
            expiry,
            people: BTreeMap::new(),
            places: BTreeMap::new(),
            drafts: BTreeMap::new(),
            parcels: BTreeMap::new(),
            parked: BTreeMap::new(),
            uploads: BTreeMap::new(),
            disposals: BTreeMap::new(),
            reports: BTreeMap::new(),
            fetches: BTreeSet::new(),
            last_number: 0,
            pending: Pending::default(),
            unsaved: Unsaved::default(),
            outcome: Outcome::default(),
        }
    }

    pub fn name(&self) -> &Name {
        &self.profile.name
    }

    pub fn token(&self) -> &Token {
        &self.profile.token
    }

    pub(super) fn tag(&self) -> MemberTag {
        self.account.member_tag()
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.outcome.notice(notice);
    }

    /// A number above all that are in use: what comes later has a higher one.
    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number = self.last_number.saturating_add(1);
        self.last_number
    }

    /// Notes what a call of the library says that it changed.
    pub(super) fn changed(&mut self, name: &Name, changes: &Changes) {
        self.unsaved.account |= changes.account;
        if changes.peer {
            self.unsaved.peers.insert(name.clone());
        }
    }

    pub(super) fn account_changed(&mut self, changes: &Changes) {
        self.unsaved.account |= changes.account;
    }

    /// Writes what the scheduler says, and turns its events into work and notices.
    pub(super) fn absorb(&mut self, effects: &Effects) {
        for write in &effects.writes {
            let row = Row::Scheduler(write.key.as_bytes().to_vec());
            self.outcome.write(row, write.value.clone());
        }
        for event in &effects.events {
            match event {
                ExpiryEvent::SettingChanged { conversation, setting, .. } => {
                    let by = if setting.by == self.tag() { SetBy::Us } else { SetBy::Them };
                    if let Some(name) = self.named(conversation) {
                        self.keep_keys_as_the_timer_says(&name);
                        self.notice(Notice::Timer(name, setting.policy, by));
                    }
                }
                ExpiryEvent::SettingRefused { conversation, .. } => {
                    if let Some(name) = self.named(conversation) {
                        self.notice(Notice::TimerRefused(name));
                    }
                }
                ExpiryEvent::EchoDue { conversation } => {
                    let name = self.named(conversation);
                    self.pending.echoes.extend(name);
                }
                // Only own other devices bring this about, and there are none; but what is said to be deleted is.
                ExpiryEvent::DeletedElsewhere { id } => {
                    if let Some(name) = self.forget_message(*id) {
                        self.notice(Notice::Expired(name, *id));
                    }
                }
                // What a later release tells is nothing to act on.
                _ => {}
            }
        }
    }

    /// A key for a late message serves nobody when the message would have ended. The timer is older than the peer, if
    /// there was one of that name before.
    fn keep_keys_as_the_timer_says(&mut self, name: &Name) {
        let limits = self.account.limits().session.clone();
        let limits = self.expiry.session_limits(conversation(name), limits);
        if let Some(person) = self.people.get_mut(name) {
            let changes = person.peer.set_session_limits(limits.clone());
            self.changed(name, &changes);
        }
    }

    fn named(&self, id: &evanesce::expiry::ConversationId) -> Option<Name> {
        self.people.keys().find(|name| conversation(name) == *id).cloned()
    }

    /// Makes a contact of whoever is none yet.
    pub(super) fn meet(&mut self, name: &Name) {
        if !self.people.contains_key(name) {
            self.add(name, Peer::new(name.address()));
        }
    }

    pub(super) fn add(&mut self, name: &Name, peer: Peer) {
        self.people.insert(name.clone(), Person::new(peer, Notes::default()));
        self.save_notes(name);
        self.keep_keys_as_the_timer_says(name);
    }

    pub(super) fn save_notes(&mut self, name: &Name) {
        if let Some(person) = self.people.get(name) {
            self.outcome.write(Row::Contact(name.clone()), encoded(&person.notes));
        }
    }

    pub(super) fn save_profile(&mut self) {
        self.outcome.write(Row::Profile, encoded(&self.profile));
        self.unsaved.account = true;
    }

    /// All records of a scheduler that is new.
    pub(super) fn save_scheduler(&mut self) {
        for write in self.expiry.records() {
            self.outcome.write(Row::Scheduler(write.key.as_bytes().to_vec()), write.value);
        }
    }

    pub(super) fn put_message(&mut self, message: Message) {
        let (row, value) = (Row::Message(message.id), encoded(&message));
        self.outcome.write_with_words(row, value, message.body.words());
        self.place(message);
    }

    /// Puts a message where it stands, of which its row is written.
    pub(super) fn place(&mut self, message: Message) {
        let is_going = matches!(&message.body, Body::File(held) if held.state == FetchState::Going);
        match is_going {
            true => self.fetches.insert(message.id),
            false => self.fetches.remove(&message.id),
        };
        self.places.insert(message.id, (message.with.clone(), message.number));
        self.meet(&message.with);
        if let Some(person) = self.people.get_mut(&message.with) {
            person.messages.insert(message.number, message);
        }
    }

    pub(super) fn message(&self, id: MessageId) -> Option<&Message> {
        let (name, number) = self.places.get(&id)?;
        self.people.get(name)?.messages.get(number)
    }

    /// Deletes all that is stored of a message, and says of whom it was, if there was anything.
    pub(super) fn forget_message(&mut self, id: MessageId) -> Option<Name> {
        for number in keys_where(&self.drafts, |draft| draft.message == Some(id)) {
            self.drop_draft(number);
        }
        for number in keys_where(&self.parcels, |parcel| parcel.message == Some(id)) {
            self.drop_parcel(number);
        }
        self.drop_uploads_of(|upload| upload.message == id);
        self.fetches.remove(&id);
        self.pending.attempts.remove(&id);
        self.pending.unanswered.remove(&id);
        let (name, number) = self.places.remove(&id)?;
        let message = self.people.get_mut(&name)?.messages.remove(&number);
        if let Some(Message { body: Body::File(held), .. }) = message {
            // Of one that was never fetched the relay is not told that it came to anybody.
            if held.opened > 0 {
                self.outcome.write(Row::Pieces(id), None);
                self.put_disposal(Disposal { blob: held.file.blob, token: held.file.token });
            }
        }
        self.outcome.write(Row::Evidence(id), None);
        self.outcome.write(Row::Message(id), None);
        Some(name)
    }

    pub(super) fn put_draft(&mut self, draft: Draft) {
        let number = self.next_number();
        self.outcome.write(Row::Draft(number), encoded(&draft));
        self.drafts.insert(number, draft);
    }

    pub(super) fn drop_draft(&mut self, number: u64) -> Option<Draft> {
        self.outcome.write(Row::Draft(number), None);
        self.drafts.remove(&number)
    }

    pub(super) fn put_parcel(&mut self, parcel: Parcel) {
        let number = self.next_number();
        self.outcome.write(Row::Parcel(number), encoded(&parcel));
        self.parcels.insert(number, parcel);
    }

    pub(super) fn drop_parcel(&mut self, number: u64) -> Option<Parcel> {
        self.outcome.write(Row::Parcel(number), None);
        self.parcels.remove(&number)
    }

    pub(super) fn put_parked(&mut self, parked: Parked) {
        let number = self.next_number();
        self.outcome.write(Row::Parked(number), encoded(&parked));
        self.parked.insert(number, parked);
    }

    pub(super) fn drop_parked(&mut self, number: u64) -> Option<Parked> {
        self.outcome.write(Row::Parked(number), None);
        self.parked.remove(&number)
    }

    pub(super) fn put_upload(&mut self, number: u64, upload: Upload) {
        self.outcome.write(Row::Upload(number), encoded(&upload));
        self.uploads.insert(number, upload);
    }

    pub(super) fn drop_upload(&mut self, number: u64) -> Option<Upload> {
        self.outcome.write(Row::Upload(number), None);
        self.uploads.remove(&number)
    }

    /// Has the relay delete a blob, once.
    pub(super) fn put_disposal(&mut self, disposal: Disposal) {
        if self.disposals.values().any(|other| other.blob == disposal.blob) {
            return;
        }
        let number = self.next_number();
        self.outcome.write(Row::Disposal(number), encoded(&disposal));
        self.disposals.insert(number, disposal);
    }

    pub(super) fn drop_disposal(&mut self, number: u64) {
        self.outcome.write(Row::Disposal(number), None);
        self.disposals.remove(&number);
    }

    pub(super) fn write_as(&mut self, row: Row, value: &impl Serialize) {
        self.outcome.write(row, encoded(value));
    }

    pub(super) fn write_row(&mut self, row: Row, value: Option<Zeroizing<Vec<u8>>>) {
        self.outcome.write(row, value);
    }

    /// Ends an event: what has changed becomes rows.
    pub(super) fn finish(&mut self) -> Outcome {
        let unsaved = std::mem::take(&mut self.unsaved);
        if unsaved.account {
            self.outcome.write(Row::Account, Some(self.account.snapshot()));
        }
        for name in unsaved.peers {
            if let Some(person) = self.people.get(&name) {
                self.outcome.write(Row::Peer(name), Some(person.peer.snapshot()));
            }
        }
        std::mem::take(&mut self.outcome)
    }
}

pub fn keys_where<T>(map: &BTreeMap<u64, T>, fits: impl Fn(&T) -> bool) -> Vec<u64> {
    map.iter().filter(|(_, value)| fits(value)).map(|(number, _)| *number).collect()
}

/// A vector takes whatever is written, so a row without a value would mean a type that cannot be written at all.
fn encoded(value: &impl Serialize) -> Option<Zeroizing<Vec<u8>>> {
    postcard::to_allocvec(value).ok().map(Zeroizing::new)
}
