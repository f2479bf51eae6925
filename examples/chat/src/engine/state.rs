//! The engine's state: what is in memory, and how each change of it comes into the outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evanesce::expiry::{
    DeviceEvent, Effects, ExpiryEvent, ExpiryScheduler, MemberTag, MessageId, Now,
};
use evanesce::group::{GroupId, Groups, HeardWant, Unblocked};
use evanesce::person::{Contacts, LinkCode, OwnDevices, OwnEvent, PeopleChanges};
use evanesce::zeroize::Zeroizing;
use evanesce::{Account, Changes, Device, Timestamp};
use serde::{Deserialize, Serialize};

use crate::engine::group_rows::{GroupNotes, HeldLetters, HeldOf};
use crate::engine::message::{
    Body, Disposal, Draft, DueReport, FetchState, Message, Parcel, Parked, Telling, Upload,
};
use crate::engine::outcome::Outcome;
use crate::engine::person::{Notes, Person};
use crate::name::Name;
use crate::notice::{Notice, SetBy};
use crate::request::Token;
use crate::row::Row;
use crate::view::Progress;

/// A person's messenger, without terminal, network, clock or disk: events go in, outcomes come out.
pub struct Engine {
    pub(super) profile: Profile,
    pub(super) account: Account,
    /// This device among the others of its person.
    pub(super) own: OwnDevices,
    /// All people, in the order in which they became known, and all devices.
    pub(super) contacts: Contacts,
    pub(super) expiry: ExpiryScheduler,
    pub(super) groups: Groups,
    /// When it last looked after its groups: who is behind in one is asked about an invitation to it after a day.
    pub(super) looked_after: Timestamp,
    pub(super) group_notes: BTreeMap<GroupId, GroupNotes>,
    pub(super) held: HeldLetters,
    /// What the application knows of people beside that, by the name of their conversation.
    pub(super) people: BTreeMap<Name, Person>,
    /// Where each message stands.
    pub(super) places: BTreeMap<MessageId, (Name, u64)>,
    pub(super) drafts: BTreeMap<u64, Draft>,
    pub(super) parcels: BTreeMap<u64, Parcel>,
    pub(super) parked: BTreeMap<u64, Parked>,
    pub(super) uploads: BTreeMap<u64, Upload>,
    pub(super) disposals: BTreeMap<u64, Disposal>,
    pub(super) tellings: BTreeMap<u64, Telling>,
    pub(super) reports: BTreeMap<u64, DueReport>,
    /// The messages whose files are to be fetched.
    pub(super) fetches: BTreeSet<MessageId>,
    pub(super) last_number: u64,
    pub(super) pending: Pending,
    /// How many of the people have rows.
    pub(super) saved_people: usize,
    unsaved: Unsaved,
    outcome: Outcome,
}

/// Who we are to the relay, and of which person.
#[derive(Clone, Serialize, Deserialize)]
pub struct Profile {
    /// This device.
    pub name: Name,
    pub token: Token,
    /// The owner's device: what others call us.
    pub person: Name,
    /// The digest of the list that the relay has of us.
    pub published_list: Option<[u8; 32]>,
    pub place: Place,
}

/// What this device is to its person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// Its own owner.
    Owner,
    /// The user has confirmed that it is linked; the list that says so is still to come.
    Linking,
    Linked,
    Removed,
}

/// A device that is being linked, on either side, as far as a restart forgets it.
pub enum Linking {
    /// Here: the user is asked whether the device is theirs.
    Scanned(LinkCode),
    /// It is. A bundle of it is fetched.
    Confirmed(LinkCode),
    /// The offer is out.
    Offered,
    /// On the new device: the user is asked whether the owner shows the same digits. The owner's device, if it was not known
    /// before.
    Opened(Option<Name>),
}

/// What is to be done soon. A restart forgets it, and finds out again.
#[derive(Default)]
pub struct Pending {
    /// Which devices are to get a new session.
    pub renewals: BTreeSet<Name>,
    /// Of whom the list of devices is to be fetched, though nothing is written to them.
    pub lists: BTreeSet<Name>,
    /// Of whom it was fetched last, and when, by the steady clock.
    pub lists_asked: BTreeMap<Name, Duration>,
    pub linking: Option<Linking>,
    /// Devices in whose place the relay has had another one, and when that was, by the steady clock.
    pub not_there: Vec<(Device, Duration)>,
    /// What our other devices are to be told of this event.
    pub tell: Vec<OwnEvent>,
    /// Devices that groups are to reach, and with which there is no session.
    pub group_sessions: BTreeSet<Name>,
    /// Of which members the lists are to be fetched, by their owners; and of whom they were, and when, by the steady clock.
    pub group_lists: BTreeSet<[u8; 64]>,
    pub group_lists_asked: BTreeMap<[u8; 64], Duration>,
    /// Who came into which group, and is not known by name yet.
    pub newcomers: Vec<(GroupId, [u8; 64])>,
    /// Whether something may be due to devices that can be reached now.
    pub group_catch_up: bool,
    /// Whether something may be missing, and is to be asked for.
    pub group_wants: bool,
    /// What others ask for.
    pub heard_wants: Vec<HeardWant>,
    /// What is newly held of what messages to groups wait for.
    pub unblocked: Vec<Unblocked>,
    /// What came under an identity that was not known then.
    pub offered_again: Vec<Vec<u8>>,
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
    own: bool,
    peers: BTreeSet<Name>,
    /// By their places.
    people: BTreeSet<usize>,
    groups: BTreeSet<GroupId>,
    invitations: bool,
    held: BTreeSet<HeldOf>,
}

impl Engine {
    pub(super) fn new(
        profile: Profile,
        account: Account,
        own: OwnDevices,
        contacts: Contacts,
        expiry: ExpiryScheduler,
    ) -> Self {
        Self {
            profile,
            account,
            own,
            contacts,
            expiry,
            groups: Groups::new(),
            group_notes: BTreeMap::new(),
            held: HeldLetters::default(),
            people: BTreeMap::new(),
            places: BTreeMap::new(),
            drafts: BTreeMap::new(),
            parcels: BTreeMap::new(),
            parked: BTreeMap::new(),
            uploads: BTreeMap::new(),
            disposals: BTreeMap::new(),
            tellings: BTreeMap::new(),
            reports: BTreeMap::new(),
            fetches: BTreeSet::new(),
            last_number: 0,
            pending: Pending::default(),
            saved_people: 0,
            looked_after: Timestamp::default(),
            unsaved: Unsaved::default(),
            outcome: Outcome::default(),
        }
    }

    /// What this device is called at the relay.
    pub fn name(&self) -> &Name {
        &self.profile.name
    }

    pub fn token(&self) -> &Token {
        &self.profile.token
    }

    /// By which authors and settings are known, the same on all own devices.
    pub(super) fn tag(&self) -> MemberTag {
        self.own.person().member_tag()
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.outcome.notice(notice);
    }

    /// A number above all that are in use: what comes later has a higher one.
    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number = self.last_number.saturating_add(1);
        self.last_number
    }

    /// Notes what a call of the library says that it changed of a device.
    pub(super) fn peer_changed(&mut self, device: &Name, changes: &Changes) {
        self.unsaved.account |= changes.account;
        if changes.peer {
            self.unsaved.peers.insert(device.clone());
        }
    }

    /// The same of people and their devices.
    pub(super) fn changed(&mut self, changes: &PeopleChanges) {
        self.unsaved.account |= changes.account;
        self.unsaved.own |= changes.own;
        self.unsaved.peers.extend(changes.peers.iter().filter_map(Name::of));
        let people = self.contacts.people.iter().enumerate();
        let places = people.filter(|(_, person)| changes.people.contains(person.owner()));
        self.unsaved.people.extend(places.map(|(place, _)| place));
        self.pending.tell.extend(changes.tell.iter().cloned());
    }

    pub(super) fn own_changed(&mut self) {
        self.unsaved.own = true;
    }

    pub(super) fn group_changed(&mut self, id: &GroupId) {
        self.unsaved.groups.insert(*id);
    }

    pub(super) fn invitations_changed(&mut self) {
        self.unsaved.invitations = true;
    }

    pub(super) fn held_changed(&mut self, of: HeldOf) {
        self.unsaved.held.insert(of);
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
        // That a message of ours was sent, its copy says.
        let news = effects.tell.iter().filter(|event| !matches!(event, DeviceEvent::Sent(_)));
        self.pending.tell.extend(news.copied().map(OwnEvent::from));
        for event in &effects.events {
            match event {
                ExpiryEvent::ReadElsewhere { id } => self.read_elsewhere(*id),
                ExpiryEvent::SettingChanged { conversation, setting, .. } => {
                    if let Some(name) = self.named(conversation) {
                        let member = || self.called_by_tag(setting.by).map(SetBy::Member);
                        let by = match setting.by {
                            by if by == self.tag() => SetBy::Us,
                            _ if name.is_group() => member().unwrap_or(SetBy::Them),
                            _ => SetBy::Them,
                        };
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

    /// Another device of ours has shown a message: here it counts as read too.
    fn read_elsewhere(&mut self, id: MessageId) {
        let message = self.message(id).filter(|it| it.progress == Progress::Unread).cloned();
        let Some(message) = message else { return };
        self.notice(Notice::ReadElsewhere(message.with.clone(), id));
        self.put_message(Message { progress: Progress::Read, ..message });
    }

    /// What our other devices are to be told of this event is stored with it.
    pub(super) fn keep_tellings(&mut self, now: Now) {
        let events = std::mem::take(&mut self.pending.tell);
        let devices = self.own_others();
        if events.is_empty() || devices.is_empty() {
            return;
        }
        let number = self.next_number();
        let unix_seconds = now.timestamp().unix_seconds();
        self.put_telling(number, Telling { devices, events, unix_seconds });
    }

    pub(super) fn put_telling(&mut self, number: u64, telling: Telling) {
        if telling.devices.is_empty() {
            self.drop_telling(number);
        } else {
            self.outcome.write(Row::Telling(number), encoded(&telling));
            self.tellings.insert(number, telling);
        }
    }

    pub(super) fn drop_telling(&mut self, number: u64) {
        self.outcome.write(Row::Telling(number), None);
        self.tellings.remove(&number);
    }

    /// Our own other devices, as far as they have names.
    fn own_others(&self) -> Vec<Name> {
        let devices = self.own.person().list().map(|list| list.devices()).unwrap_or_default();
        let others = devices.iter().filter(|it| it.device != *self.own.device());
        others.filter_map(|it| Name::of(&it.device.address)).collect()
    }

    /// A key for a late message serves nobody when the message would have ended. The timer is older than a peer, if
    /// there was one of that name before.
    pub(super) fn keep_keys_as_the_timer_says(&mut self, name: &Name) {
        let limits = self.account.limits().session.clone();
        let limits = self.expiry.session_limits(self.conversation(name), limits);
        for device in self.devices_known(name) {
            if let Some(peer) = self.peer_mut(&device) {
                let changes = peer.set_session_limits(limits.clone());
                self.peer_changed(&device, &changes);
            }
        }
    }

    /// Makes a contact of whoever is none yet.
    pub(super) fn meet(&mut self, name: &Name) {
        if !self.people.contains_key(name) {
            self.people.insert(name.clone(), Person::new(Notes::default()));
            self.save_notes(name);
        }
    }

    pub(super) fn save_notes(&mut self, name: &Name) {
        if let Some(person) = self.people.get(name) {
            self.outcome.write(Row::Contact(name.clone()), encoded(&person.notes));
        }
    }

    pub(super) fn save_profile(&mut self) {
        self.outcome.write(Row::Profile, encoded(&self.profile));
    }

    /// All of what a new device has.
    pub(super) fn save_beginning(&mut self) {
        self.save_profile();
        self.save_scheduler();
        self.unsaved.account = true;
        self.unsaved.own = true;
    }

    /// All records of a scheduler that is new.
    fn save_scheduler(&mut self) {
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
                // Other devices may not have it yet: then the days of the blob end it.
                if !self.is_for_several(&name) {
                    self.put_disposal(Disposal { blob: held.file.blob, token: held.file.token });
                }
            }
        }
        self.outcome.write(Row::Evidence(id), None);
        self.outcome.write(Row::Message(id), None);
        Some(name)
    }

    pub(super) fn put_draft(&mut self, draft: Draft) {
        let number = self.next_number();
        self.write_draft(number, draft);
    }

    pub(super) fn write_draft(&mut self, number: u64, draft: Draft) {
        self.outcome.write(Row::Draft(number), encoded(&draft));
        self.drafts.insert(number, draft);
    }

    pub(super) fn drop_draft(&mut self, number: u64) -> Option<Draft> {
        self.outcome.write(Row::Draft(number), None);
        self.drafts.remove(&number)
    }

    pub(super) fn put_parcel(&mut self, parcel: Parcel) {
        let number = self.next_number();
        self.write_parcel(number, parcel);
    }

    pub(super) fn write_parcel(&mut self, number: u64, parcel: Parcel) {
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
        if unsaved.own {
            self.outcome.write(Row::Own, Some(self.own.snapshot()));
        }
        // Whoever became known, even if nothing else did: their rows are in the order of the people.
        let known = self.contacts.people.len();
        let mut people = unsaved.people;
        people.extend(self.saved_people..known);
        self.saved_people = known;
        for place in people {
            if let (Some(person), Ok(number)) =
                (self.contacts.people.get(place), u64::try_from(place))
            {
                self.outcome.write(Row::Person(number), Some(person.snapshot()));
            }
        }
        for id in unsaved.groups {
            let group = self.groups.group(&id).map(evanesce::group::Group::snapshot);
            self.outcome.write(Row::Group(id), group);
        }
        if unsaved.invitations {
            self.outcome.write(Row::Invitations, Some(self.groups.invitations.snapshot()));
        }
        for of in unsaved.held {
            let held = self.held.messages.get(&of).map(evanesce::group::HeldMessages::snapshot);
            self.outcome.write(Row::Held(of), held);
        }
        for device in unsaved.peers {
            let peer = self.peer(&device).map(evanesce::Peer::snapshot);
            self.outcome.write(Row::Peer(device), peer);
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
