//! Whether a device made of a message what it must, and nothing else.

use std::iter::{self, Peekable};

use evanesce::person::{ContactDecision, PartRefusal, PersonDelivered, PersonEvent, Standing};
use evanesce::{Contact, Device, Timestamp};

use crate::formats::{self, Part};
use crate::hostile_device::household::{Household, Rows};
use crate::hostile_device::signed_lists::SignedLists;

/// How many lists of a message are verified, of a sender who is accepted or our own, and of any other.
const MOST_LISTS: usize = 8;
const MOST_LISTS_OF_STRANGERS: usize = 2;

/// How many devices a list has at most: no more wait for the user's word.
const MOST_DEVICES: usize = 16;

/// What is held before a message comes.
pub struct Before {
    rows: Rows,
    held: Vec<Held>,
    sender_is_accepted: bool,
    sender_is_refused: bool,
}

/// What is held of a person: of our own first, then of the others in their order.
#[derive(Clone, PartialEq, Eq)]
struct Held {
    owner: [u8; 64],
    list: Option<Vec<u8>>,
    is_marked: bool,
    /// What the sender is to the person.
    sender: Standing,
}

impl Before {
    pub fn of(household: &Household, from: &Device, now: Timestamp) -> Self {
        let contact = household.contacts.peer(&from.address).map(|peer| peer.contact());
        Self {
            rows: household.rows(),
            held: held(household, from, now),
            sender_is_accepted: contact.is_some_and(is_accepted),
            sender_is_refused: matches!(contact, Some(Contact::Refused(_))),
        }
    }

    /// A refusal has left no trace.
    pub fn check_refusal(&self, household: &Household) {
        assert!(household.rows() == self.rows, "a refusal left a trace");
    }

    pub fn sender_is_refused(&self) -> bool {
        self.sender_is_refused
    }

    /// What was delivered of a content, and all that it changed.
    pub fn check(
        &self,
        content: &[u8],
        got: &PersonDelivered,
        household: &Household,
        lists: &SignedLists,
        now: Timestamp,
    ) {
        let parts = says_what_was_sent(content, got);
        let after = held(household, &got.device, now);
        if let Some(foretold) = self.walk(&parts, got, lists, now) {
            // Of whom an own device tells is known from then on.
            let (known, new) = after.split_at_checked(foretold.len()).expect("nobody is forgotten");
            assert!(known == foretold, "who is listed changed by itself");
            assert!(new.iter().all(|held| held.list.is_none()));
            assert!(new.is_empty() || parts.iter().any(|(kind, _)| matches!(kind, 4 | 8)));
        }
        self.check_lists(&after, &parts, lists);
        self.check_sender(got, household);
        self.check_rows(got, household);
        let (own, list) = (&household.own, household.own.person().list());
        let is_listed = |device| list.is_some_and(|list| list.lists(device));
        assert!(own.unconfirmed().len() <= MOST_DEVICES);
        assert!(own.unconfirmed().iter().all(|device| own.is_owner() && is_listed(device)));
        let mut copies = parts.iter().filter(|(kind, _)| *kind == 4).map(|(_, bytes)| *bytes);
        let counts = own.person().standing(&got.device, now).counts();
        let is_ours = counts && !got.is_unconfirmed && !own.is_put_back();
        let copy_of = copies.next_back().filter(|_| is_ours);
        assert_eq!(got.copy_of.as_ref().map(<[u8; 64]>::as_slice), copy_of);
    }

    /// Whatever happened: a list that is held was held before, or came, was signed by its owner and is newer.
    fn check_lists(&self, after: &[Held], parts: &[Part<'_>], lists: &SignedLists) {
        for Held { owner, list, .. } in after {
            let before = self.held.iter().find(|held| held.owner == *owner);
            let before = before.and_then(|before| before.list.as_ref());
            if list.as_ref() == before {
                continue;
            }
            let list = list.as_ref().expect("a list is held for good");
            let came = parts.iter().any(|(kind, bytes)| *kind == 1 && bytes == list);
            assert!(came && lists.were_signed(list) && list[1..65] == *owner);
            assert!(before.is_none_or(|before| version(before) < version(list)));
        }
    }

    /// What is held after these parts. Each event is of a part, in their order. Nothing is foretold where the sender is said
    /// to have been removed, and more were removed since: then it may be forgotten.
    fn walk(
        &self,
        parts: &[Part<'_>],
        got: &PersonDelivered,
        lists: &SignedLists,
        now: Timestamp,
    ) -> Option<Vec<Held>> {
        let mut walk = Walk {
            held: self.held.clone(),
            events: got.events.iter().peekable(),
            sender: &got.device,
            lists,
            now,
        };
        let ours = &self.held[0];
        let is_own = ours.sender.counts() || got.device.identity.encode() == ours.owner;
        let is_known = self.sender_is_accepted || is_own;
        let most = if is_known { MOST_LISTS } else { MOST_LISTS_OF_STRANGERS };
        let mut verified = 0;
        for (kind, bytes) in parts {
            match kind {
                1 => {
                    match walk.list(bytes)? {
                        Outcome::IsHeld => {}
                        Outcome::Verified => verified += 1,
                        Outcome::TooMany => assert_eq!(verified, most),
                    }
                    assert!(verified <= most, "more lists were verified than may be");
                }
                2 | 3 => walk.notice(bytes),
                4 => {
                    let is_refused = |event: &&_| refusal(event, 4) == Some(PartRefusal::NotOwn);
                    let _ = walk.events.next_if(is_refused);
                }
                5 | 6 => {
                    let refusal = walk.events.next().and_then(|event| refusal(event, *kind));
                    assert_eq!(refusal, Some(PartRefusal::NotLinking));
                }
                8 => {
                    let is_told = |event: &&PersonEvent| {
                        let is_known = matches!(event, PersonEvent::Known(_));
                        let is_decided = matches!(event, PersonEvent::DecidedElsewhere { .. });
                        is_known || is_decided || matches!(event, PersonEvent::RemovalAsked { .. })
                    };
                    while walk.events.next_if(is_told).is_some() {}
                    let _ = walk.events.next_if(|event| refusal(event, 8).is_some());
                }
                // What brings a chain says nothing else.
                0x12 if !got.is_control => {
                    let refusal = walk.events.next().and_then(|event| refusal(event, *kind));
                    assert_eq!(refusal, Some(PartRefusal::Malformed));
                }
                _ => {}
            }
        }
        assert_eq!(walk.events.next(), None, "something is told of no part");
        Some(walk.held)
    }

    /// Nobody is accepted but as a device of somebody who is, and nobody refused comes back.
    fn check_sender(&self, got: &PersonDelivered, household: &Household) {
        let Household { own, contacts, .. } = household;
        let peer = contacts.peer(&got.device.address).expect("it has one");
        assert!(!self.sender_is_refused, "what a refused device sends is not opened");
        if is_accepted(peer.contact()) && !self.sender_is_accepted {
            assert_eq!(got.standing, Standing::Listed);
            let person = got.person.expect("it counts");
            let others = contacts.peers.iter().filter(|peer| *peer.address() != got.device.address);
            let is_listed = |device: &Device| {
                let person = contacts.person(&person);
                person.and_then(|person| person.list()).is_some_and(|list| list.lists(device))
            };
            let mut others = others.filter(|peer| is_accepted(peer.contact()));
            let by_another = others.any(|peer| peer.device().as_ref().is_some_and(is_listed));
            let decision = contacts.person(&person).and_then(|person| person.decision());
            let by_user = decision == Some(ContactDecision::Accepted);
            let is_ours = person == *own.person().owner() && !got.is_unconfirmed;
            assert!(is_ours || by_another || by_user);
        }
        let is_counted = got.person.is_some_and(|person| person.encode() == self.held[0].owner);
        assert!(!got.is_unconfirmed || is_counted);
    }

    /// What changed is what is reported, and comes back.
    fn check_rows(&self, got: &PersonDelivered, household: &Household) {
        let (before, after) = (&self.rows, household.rows());
        let changes = &got.changes;
        assert!(before.own == after.own || changes.own);
        assert!(before.account == after.account || changes.account);
        let Household { contacts, .. } = household;
        for (place, row) in after.people.iter().enumerate() {
            let owner = contacts.people[place].owner();
            assert!(before.people.get(place) == Some(row) || changes.people.contains(owner));
        }
        for (place, row) in after.peers.iter().enumerate() {
            let address = contacts.peers[place].address();
            assert!(before.peers.get(place) == Some(row) || changes.peers.contains(address));
        }
        let new_people = changes.people.len() + before.people.len();
        assert!((before.people.len()..=new_people).contains(&after.people.len()));
        assert!((0..=1).contains(&(after.peers.len() - before.peers.len())));
        after.check_restoring(before);
    }
}

/// The parts of a message, one after the other.
struct Walk<'message, Events: Iterator<Item = &'message PersonEvent>> {
    held: Vec<Held>,
    events: Peekable<Events>,
    sender: &'message Device,
    lists: &'message SignedLists,
    now: Timestamp,
}

impl<'message, Events: Iterator<Item = &'message PersonEvent>> Walk<'message, Events> {
    /// What becomes of a list; `None` if that cannot be foretold.
    fn list(&mut self, bytes: &[u8]) -> Option<Outcome> {
        let theirs = self.theirs();
        let is_held = |place: usize| self.held[place].list.as_deref() == Some(bytes);
        if is_held(0) || theirs.is_some_and(is_held) {
            return Some(Outcome::IsHeld);
        }
        let event = self.events.next().expect("something is told of a list");
        if refusal(event, 1) == Some(PartRefusal::TooManyLists) {
            return Some(Outcome::TooMany);
        }
        if let PersonEvent::Refused { part: 1, reason: PartRefusal::List(reason) } = event {
            self.lists.check(bytes, Err(*reason), self.now);
            return Some(Outcome::Verified);
        }
        self.lists.check(bytes, Ok(()), self.now);
        let fields = formats::device_list(bytes).expect("it was signed");
        let place = self.held.iter().position(|held| held.owner == *fields.owner);
        let former = place.and_then(|place| self.held[place].list.clone());
        let former_version = former.as_deref().map_or(0, version);
        let is_ours = place == Some(0);
        match event {
            PersonEvent::Given(list) => {
                assert!(list.encode() == bytes && !is_ours && (place.is_none() || place != theirs));
                return Some(Outcome::Verified);
            }
            PersonEvent::Refused { part: 1, reason } => {
                match reason {
                    PartRefusal::OlderList => assert!(fields.version < former_version),
                    PartRefusal::Expired => {
                        assert!(former.is_none() && fields.expires <= self.now.unix_seconds());
                    }
                    PartRefusal::NotNamed => assert!(former.is_none() && is_ours),
                    _ => panic!("a list is not refused as {reason:?}"),
                }
                return Some(Outcome::Verified);
            }
            PersonEvent::Equivocation { held, other } => {
                assert!(fields.version == former_version && other.encode() == bytes);
                assert!(former.as_ref() == Some(&held.encode()));
                self.held[place?].is_marked = true;
            }
            PersonEvent::Adopted { version, came, unknown_own, .. } => {
                assert!(*version == fields.version && *version > former_version);
                assert!(!unknown_own || is_ours);
                let is_listed = |address: &[u8]| fields.devices.iter().any(|it| it.0 == address);
                assert!(came.iter().all(|device| is_listed(device.address.as_bytes())));
                self.adopt(bytes, place)?;
            }
            _ => panic!("{event:?} is told of a list"),
        }
        self.told_after(fields.owner);
        Some(Outcome::Verified)
    }

    /// A list is held from now on; `None` if it cannot be foretold whether the sender is remembered.
    fn adopt(&mut self, bytes: &[u8], place: Option<usize>) -> Option<()> {
        let fields = formats::device_list(bytes).expect("it was signed");
        let place = place.unwrap_or(self.held.len());
        let owner = *fields.owner.first_chunk()?;
        let alone = Held { owner, list: None, is_marked: false, sender: Standing::Alone };
        if place == self.held.len() {
            self.held.push(alone);
        }
        let (identity, address) = (self.sender.identity.encode(), self.sender.address.as_bytes());
        let is_listed = fields.devices.contains(&(address, &identity));
        let Held { owner: _, list, is_marked, sender } = &mut self.held[place];
        *sender = match *sender {
            _ if is_listed && fields.expires <= self.now.unix_seconds() => Standing::Stale,
            _ if is_listed => Standing::Listed,
            Standing::Listed | Standing::Stale => Standing::Removed,
            Standing::Removed => return None,
            alone => alone,
        };
        (*list, *is_marked) = (Some(bytes.to_vec()), false);
        Some(())
    }

    /// The place of the person that the sender speaks for: of our own, of the first who lists it, of the first who did; else
    /// of the one that it owns.
    fn theirs(&self) -> Option<usize> {
        let (ours, others) = self.held.split_first().expect("our own person is there");
        let first = |is: fn(Standing) -> bool| others.iter().position(|held| is(held.sender));
        let listed = first(Standing::counts).map(|place| place + 1);
        let removed = first(|standing| standing == Standing::Removed).map(|place| place + 1);
        match ours.sender {
            Standing::Listed | Standing::Stale => Some(0),
            Standing::Removed => listed.or(Some(0)),
            _ => listed.or(removed).or_else(|| {
                let identity = self.sender.identity.encode();
                let owned = others.iter().position(|held| held.owner == identity);
                owned.map(|place| place + 1)
            }),
        }
    }

    /// What else is told when a list of this owner has come.
    fn told_after(&mut self, owner: &[u8]) {
        let is_twice = |event: &&PersonEvent| matches!(event, PersonEvent::ListedTwice { .. });
        while let Some(PersonEvent::ListedTwice { of, also, .. }) = self.events.next_if(is_twice) {
            assert!(of != also);
        }
        let has_joined = |event: &&PersonEvent| matches!(event, PersonEvent::Joined { owner: joined, .. } if joined.encode() == *owner);
        let _ = self.events.next_if(has_joined);
    }

    /// Two claims are told at most, of versions that the notice names.
    fn notice(&mut self, bytes: &[u8]) {
        let [own, their] = formats::notice(bytes).expect("it has their length");
        let versions = [own.version, their.version];
        let is_claim = |event: &&PersonEvent| match event {
            PersonEvent::ListBehind { version, .. } | PersonEvent::ListsDiffer { version, .. } => {
                versions.contains(version)
            }
            _ => false,
        };
        let _ = [(); 2].map(|()| self.events.next_if(is_claim));
    }
}

fn version(list: &[u8]) -> u32 {
    formats::device_list(list).map_or(0, |list| list.version)
}

/// What became of a list.
enum Outcome {
    /// Its bytes are those that are held.
    IsHeld,
    /// It was verified, or broken.
    Verified,
    TooMany,
}

fn is_accepted(contact: &Contact) -> bool {
    matches!(contact, Contact::Accepted(_))
}

fn refusal(event: &PersonEvent, kind: u8) -> Option<PartRefusal> {
    match event {
        PersonEvent::Refused { part, reason } if *part == kind => Some(*reason),
        _ => None,
    }
}

/// Stamp and body come as they were sent, whatever the parts are. Gives the parts that count.
fn says_what_was_sent<'content>(
    content: &'content [u8],
    got: &PersonDelivered,
) -> Vec<Part<'content>> {
    let (parts, rest) = formats::parts(content).unwrap_or((Vec::new(), content));
    let are_malformed = formats::parts(content).is_none();
    let stamp = formats::stamp_length(rest).filter(|_| !are_malformed);
    let received = &got.delivered.received;
    assert_eq!(received.stamp.is_ok(), stamp.is_some());
    assert_eq!(received.body, rest[stamp.unwrap_or_default()..]);
    assert_eq!(got.is_control, !parts.is_empty() && received.body.is_empty());
    let kinds = || parts.iter().map(|(kind, _)| *kind);
    let of_groups = 0x10..=0x14;
    let is_known = |kind: &u8| (1..=6).contains(kind) || *kind == 8 || of_groups.contains(kind);
    let skipped: Vec<u8> = kinds().filter(|kind| !is_known(kind)).collect();
    assert_eq!(got.skipped_parts, skipped);
    // They are given to groups, but for chains in what is no control message.
    let is_given = |kind: &u8| of_groups.contains(kind) && (*kind != 0x12 || got.is_control);
    assert_eq!(got.group_parts.len(), kinds().filter(is_given).count());
    parts
}

fn held(household: &Household, sender: &Device, now: Timestamp) -> Vec<Held> {
    let people = iter::once(household.own.person()).chain(&household.contacts.people);
    let held = people.map(|person| Held {
        owner: person.owner().encode(),
        list: person.list().map(|list| list.encode()),
        is_marked: person.is_marked(),
        sender: person.standing(sender, now),
    });
    held.collect()
}
