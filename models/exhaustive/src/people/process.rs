//! One device's process and its store: what it is doing, what it has in memory, and what is left when it is stopped.

use std::collections::{BTreeMap, BTreeSet};

use evanesce::expiry::{Age, DeviceEvent, MemberTag, MessageId};
use evanesce::limits::Limits;
use evanesce::person::{Contacts, LinkCode, OwnDevices, OwnEvent, PeopleChanges, Person};
use evanesce::server::PublishedPreKeys;
use evanesce::{
    Account, Address, Payload, Peer, PeerDecryptError, PreKeyBundle, Suite, VerifiedBundle,
};

use super::{DEVICES, Habit};
use crate::device::{AD, NOW};
use crate::draws::Draws;

const NAMES: [&str; DEVICES] = ["alice/1", "alice/2", "bob/1", "bob/2"];

/// The how manyth text of whom, and which attempt to write it: what is written again after a stop is another text.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text {
    pub author: usize,
    pub number: usize,
    attempt: u8,
}

/// What is in memory or in a store, as bytes. The account and the own list change in no step here but the account, when a
/// first message comes.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Rows {
    account: Vec<u8>,
    own: Vec<u8>,
    person: Vec<u8>,
    peers: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What a stop leaves.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct Store {
    rows: Rows,
    pub outbox: Vec<(usize, Vec<u8>)>,
    /// How many texts of its own have been encrypted and stored.
    pub written: usize,
    pub shown: Vec<Text>,
    /// What the own other device has read.
    pub read_elsewhere: BTreeSet<MessageId>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct Process {
    pub store: Store,
    memory: Rows,
    draws: Draws,
    pub doing: Doing,
    attempts: u8,
}

/// Between which two durable steps a process is.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub enum Doing {
    Nothing,
    /// A text is encrypted in memory, for all that it goes to.
    Encrypted(Vec<(usize, Vec<u8>)>),
    /// FLAW: the first of these are stored, and the rest is not.
    StoredApart(Vec<(usize, Vec<u8>)>),
    /// FLAW: the carrier has them, and the store has not.
    SentFirst,
    /// The carrier has the first message of the outbox.
    HandedOver,
    /// What came was opened in memory, and what is to be told of it encrypted.
    Opened(Came),
    /// FLAW: what was read is stored, and not yet what is told of it.
    ToldApart(Vec<(usize, Vec<u8>)>),
    /// What came is stored.
    Stored,
}

/// What a message brought.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct Came {
    shown: Option<Text>,
    read_elsewhere: Vec<MessageId>,
    told: Vec<(usize, Vec<u8>)>,
    is_duplicate: bool,
}

/// What a step asks of the carrier.
pub enum Asked {
    Nothing,
    Carry(Vec<(usize, Vec<u8>)>),
    Forget,
}

/// A device in memory.
struct Awake {
    account: Account,
    own: OwnDevices,
    contacts: Contacts,
}

impl Text {
    fn body(self) -> Vec<u8> {
        let Self { author, number, attempt } = self;
        [author, number].iter().map(|it| u8::try_from(*it).expect("few")).chain([attempt]).collect()
    }

    fn of(body: &[u8]) -> Self {
        let [author, number, attempt] = body.try_into().expect("a text of this model");
        Self { author: usize::from(author), number: usize::from(number), attempt }
    }

    /// The same on all devices.
    pub fn id(self) -> MessageId {
        MessageId::by(MemberTag([0; 8]), &self.body())
    }
}

impl Rows {
    fn wake(&self) -> Awake {
        let mut contacts = Contacts::new();
        contacts.people.push(Person::restore(&self.person).expect("what was stored"));
        let peers = self.peers.values().map(|row| Peer::restore(row).expect("what was stored"));
        contacts.peers.extend(peers);
        Awake {
            account: Account::restore(&self.account).expect("what was stored"),
            own: OwnDevices::restore(&self.own).expect("what was stored"),
            contacts,
        }
    }
}

impl Awake {
    fn rest(&self) -> Rows {
        let Self { account, own, contacts } = self;
        let peers = contacts.peers.iter();
        Rows {
            account: account.snapshot().to_vec(),
            own: own.snapshot().to_vec(),
            person: contacts.people[0].snapshot().to_vec(),
            peers: peers
                .map(|peer| (peer.address().as_bytes().to_vec(), peer.snapshot().to_vec()))
                .collect(),
        }
    }
}

fn place_of(address: &Address) -> usize {
    NAMES.iter().position(|name| name.as_bytes() == address.as_bytes()).expect("one of the four")
}

impl Process {
    /// The process ends, and another one begins with what is stored.
    pub fn stop(&mut self) {
        self.memory.clone_from(&self.store.rows);
        self.doing = Doing::Nothing;
    }

    pub fn write(&mut self, device: usize) {
        let text = Text { author: device, number: self.store.written, attempt: self.attempts };
        self.attempts += 1;
        let Awake { account, own, mut contacts } = self.memory.wake();
        let Contacts { people, peers } = &mut contacts;
        let payload = Payload::new(text.body());
        let sent = own.to(&people[0]).encrypt(peers, &payload, AD, NOW, &mut self.draws.next());
        let sent = sent.expect("all are reached");
        assert!(sent.unreached.is_empty() && sent.messages.len() == DEVICES - 1);
        self.memory = Awake { account, own, contacts }.rest();
        let messages = sent.messages.into_iter();
        self.doing = Doing::Encrypted(messages.map(|it| (place_of(&it.to), it.message)).collect());
    }

    pub fn hand_over(&mut self) -> Asked {
        self.doing = Doing::HandedOver;
        Asked::Carry(vec![self.store.outbox[0].clone()])
    }

    /// Opens the first message of the mail, and tells the own other device what is read by it; says whether that went as it
    /// must.
    pub fn open(&mut self, device: usize, from: usize, bytes: &[u8]) -> bool {
        let Awake { mut account, mut own, mut contacts } = self.memory.wake();
        let address = Address::new(NAMES[from]).expect("a short name");
        let mut came =
            Came { shown: None, read_elsewhere: Vec::new(), told: Vec::new(), is_duplicate: false };
        let went_well = match own.decrypt(&mut account, &mut contacts, &address, bytes, AD, NOW) {
            Ok(got) if got.is_control => {
                came.read_elsewhere.extend(got.told.iter().map(|(event, _)| match event {
                    DeviceEvent::Read(id) => *id,
                    other => panic!("{other:?} was never told"),
                }));
                true
            }
            Ok(got) => {
                let text = Text::of(&got.delivered.received.body);
                came.shown = Some(text);
                if got.copy_of.is_none() {
                    let events = [OwnEvent::from(DeviceEvent::Read(text.id()))];
                    let (to, rng) = (own.to(own.person()), &mut self.draws.next());
                    let peers = &mut contacts.peers;
                    let told = to.tell_events(peers, &events, Age::NONE, AD, NOW, rng);
                    let told = told.expect("it is listed").messages.into_iter();
                    came.told.extend(told.map(|it| (place_of(&it.to), it.message)));
                }
                text.author / 2 == device / 2 || came.told.len() == 1
            }
            Err(PeerDecryptError::Duplicate) => {
                came.is_duplicate = true;
                true
            }
            Err(_) => false,
        };
        self.memory = Awake { account, own, contacts }.rest();
        self.doing = Doing::Opened(came);
        went_well
    }

    /// The next step of what it is doing: one transaction, or one thing that the carrier does.
    pub fn go_on(&mut self, habit: Habit) -> Asked {
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Nothing => {}
            Doing::Encrypted(messages) => match habit {
                Habit::SendsBeforeStoring => {
                    self.doing = Doing::SentFirst;
                    return Asked::Carry(messages);
                }
                Habit::StoresEachApart => self.store_one(messages),
                Habit::AsDocumented | Habit::TellsApart => {
                    self.store.rows.clone_from(&self.memory);
                    self.store.written += 1;
                    self.store.outbox.extend(messages);
                }
            },
            Doing::StoredApart(rest) => self.store_one(rest),
            Doing::SentFirst => {
                self.store.rows.clone_from(&self.memory);
                self.store.written += 1;
            }
            Doing::HandedOver => _ = self.store.outbox.remove(0),
            Doing::Opened(came) => {
                let Came { shown, read_elsewhere, told, is_duplicate: _ } = came;
                self.store.rows.clone_from(&self.memory);
                self.store.shown.extend(shown);
                self.store.read_elsewhere.extend(read_elsewhere);
                if habit == Habit::TellsApart {
                    self.doing = Doing::ToldApart(told);
                } else {
                    self.store.outbox.extend(told);
                    self.doing = Doing::Stored;
                }
            }
            Doing::ToldApart(told) => {
                self.store.outbox.extend(told);
                self.doing = Doing::Stored;
            }
            Doing::Stored => return Asked::Forget,
        }
        Asked::Nothing
    }

    /// One message, with the row of whom it is for.
    fn store_one(&mut self, mut messages: Vec<(usize, Vec<u8>)>) {
        let first = messages.remove(0);
        let name = NAMES[first.0].as_bytes().to_vec();
        let row = self.memory.peers[&name].clone();
        self.store.rows.peers.insert(name, row);
        // What is begun counts as written, or it would be written again to those who have it.
        if messages.len() == DEVICES - 2 {
            self.store.written += 1;
        }
        self.store.outbox.push(first);
        if !messages.is_empty() {
            self.doing = Doing::StoredApart(messages);
        }
    }

    pub fn has_a_duplicate(&self) -> bool {
        matches!(&self.doing, Doing::Opened(Came { is_duplicate: true, .. }))
    }
}

impl Store {
    /// Whether nothing is shown twice.
    pub fn shows_each_once(&self) -> bool {
        self.shown.iter().collect::<BTreeSet<_>>().len() == self.shown.len()
    }
}

/// Four devices that know each other's lists, with sessions among all of them in which first messages have come.
pub fn household(suite: Suite) -> [Process; DEVICES] {
    let mut draws: Vec<Draws> = (60..).take(DEVICES).map(Draws::of).collect();
    let (mut awake, mut bundles): (Vec<Awake>, Vec<Vec<VerifiedBundle>>) = NAMES
        .iter()
        .zip(&mut draws)
        .map(|(name, draws)| {
            let mut limits = Limits::default();
            limits.prekeys.one_time_prekeys = 4;
            let address = Address::new(name).expect("a short name");
            let rng = &mut draws.next();
            let mut account = Account::generate_of_suite(suite, address, limits, NOW, rng);
            let upload = account.maintain(None, NOW, &mut draws.next()).upload.expect("it is new");
            let _ = account.mark_published(&upload);
            let mut server = PublishedPreKeys::new(upload);
            let hand_out = |_| {
                let bundle = PreKeyBundle::decode(&server.hand_out()).expect("it was encoded");
                bundle.verify(NOW).expect("it was signed")
            };
            let own = OwnDevices::new(&account);
            let awake = Awake { account, own, contacts: Contacts::new() };
            (awake, (0..4).map(hand_out).collect())
        })
        .unzip();
    for owner in [0, 2] {
        let new = owner + 1;
        let code = awake[new].own.show_link_code(NOW, &mut draws[new].next());
        let code = LinkCode::decode(&code.encode()).expect("it was encoded");
        let bundle = bundles[new].remove(0);
        let Awake { account, own, contacts } = &mut awake[owner];
        let rng = &mut draws[owner].next();
        let offer = own.offer_link(account, &mut contacts.peers, &code, bundle, NOW, rng);
        let offer = offer.expect("an offer").message.message;
        let Awake { account, own, contacts } = &mut awake[new];
        let opened = own.open_link_offer(account, &mut contacts.peers, &offer, NOW);
        let _opened = opened.expect("it is genuine");
        let rng = &mut draws[new].next();
        let answer = own.answer_link_offer(account, &mut contacts.peers, NOW, rng);
        let answer = answer.expect("it was opened").message.message;
        let Awake { account, own, contacts } = &mut awake[owner];
        let finished = own.finish_link(account, &mut contacts.peers, &answer, NOW);
        let (list, _) = finished.expect("it agrees");
        let _ = awake[new].own.adopt(list, NOW).expect("it names it");
    }
    let lists =
        [0, 2].map(|owner: usize| awake[owner].own.person().list().expect("signed").clone());
    for (place, awake) in awake.iter_mut().enumerate() {
        let list = lists[1 - place / 2].clone();
        awake.contacts.people.push(Person::new(*list.owner()));
        let owner = *list.owner();
        let (_, PeopleChanges { .. }) =
            awake.contacts.adopt(&awake.own, list, NOW).expect("its owner is known");
        let _ = awake.contacts.accept(&awake.own, &owner, NOW);
    }
    for (from, to) in [(0, 2), (0, 3), (1, 2), (1, 3)] {
        let bundle = bundles[to].remove(0);
        let mut peer = Peer::pinned(bundle.device().clone());
        let Awake { account, contacts, .. } = &mut awake[from];
        let _ = peer.initiate(account, bundle, NOW, &mut draws[from].next()).expect("a bundle");
        let first = peer.encrypt(&Payload::new("first"), AD, NOW, &mut draws[from].next());
        let first = first.expect("a session").message;
        contacts.peers.push(peer);
        let address = awake[from].account.device().address;
        let Awake { account, own, contacts } = &mut awake[to];
        let _ = own.decrypt(account, contacts, &address, &first, AD, NOW).expect("it is new");
    }
    let processes: Vec<Process> = awake
        .iter()
        .zip(draws)
        .map(|(awake, draws)| {
            let rows = awake.rest();
            let store = Store {
                rows: rows.clone(),
                outbox: Vec::new(),
                written: 0,
                shown: Vec::new(),
                read_elsewhere: BTreeSet::new(),
            };
            Process { store, memory: rows, draws, doing: Doing::Nothing, attempts: 0 }
        })
        .collect();
    processes.try_into().expect("four")
}
