//! A device stops at any moment and goes on from what it had stored: what one says reaches every device of the other, and
//! every own one, once and in order; what is read on one device is told to the other own one; and nothing is encrypted under
//! a key that was used.
//!
//! A message to a person is one change: the rows that its call names, and all messages of it, are written in one
//! transaction. A run is cut off after each prefix of all writes of four devices; then all go on from their stores.

#[path = "support/household.rs"]
mod household;
#[path = "support/power.rs"]
mod power;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use evanesce::expiry::{Age, DeviceEvent, MemberTag, MessageId};
use evanesce::person::{Contacts, OwnDevices, OwnEvent, PeopleChanges, Person};
use evanesce::{Account, Address, IdentityKey, Peer, PeerDecryptError, Suite};
use household::{Letter, Party, START, begin, link};
use power::{Power, Stopped, sealed_header};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

const NAMES: [&str; 4] = ["alice/1", "alice/2", "bob/1", "bob/2"];

/// How many texts each device writes.
const TEXTS: [usize; 4] = [2, 1, 2, 1];

/// What survives, and what a transaction writes all at once.
#[derive(Clone, Default)]
struct Disk {
    account: Vec<u8>,
    own: Vec<u8>,
    /// In the order in which they became known.
    people: Vec<(IdentityKey, Vec<u8>)>,
    peers: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Messages to show, copies of own ones included.
    shown: Vec<String>,
    /// What own devices have read, as they told.
    read_elsewhere: BTreeSet<MessageId>,
    /// Messages that are encrypted and not known to be with the carrier.
    outbox: VecDeque<(Address, Vec<u8>)>,
    /// How many texts of this device have been encrypted.
    written: usize,
    /// Why messages were refused, duplicates aside.
    refused: Vec<PeerDecryptError>,
}

impl Disk {
    /// Just the rows that a call says it has changed.
    fn store(&mut self, party: &Party, changes: &PeopleChanges) {
        if changes.account {
            self.account = party.account.snapshot().to_vec();
        }
        if changes.own {
            self.own = party.own.snapshot().to_vec();
        }
        for owner in &changes.people {
            let row = party.contacts.person(owner).unwrap().snapshot().to_vec();
            match self.people.iter_mut().find(|(known, _)| known == owner) {
                Some((_, known)) => *known = row,
                None => self.people.push((*owner, row)),
            }
        }
        for address in &changes.peers {
            let row = party.contacts.peer(address).unwrap().snapshot().to_vec();
            self.peers.insert(address.as_bytes().to_vec(), row);
        }
    }

    fn store_all(&mut self, party: &Party) {
        let mut changes = PeopleChanges::default();
        (changes.account, changes.own) = (true, true);
        changes.people = party.contacts.people.iter().map(|person| *person.owner()).collect();
        changes.peers = party.contacts.peers.iter().map(|peer| peer.address().clone()).collect();
        self.store(party, &changes);
    }
}

/// Carries what it is handed, at least once, and keeps it until it is acknowledged.
#[derive(Default)]
struct Carrier {
    waiting: BTreeMap<Vec<u8>, VecDeque<Letter>>,
    /// All that it has ever seen.
    seen: BTreeSet<Vec<u8>>,
}

impl Carrier {
    fn take(&mut self, from: &Address, to: &Address, bytes: Vec<u8>) {
        self.seen.insert(bytes.clone());
        let letter = Letter { from: from.clone(), bytes };
        self.waiting.entry(to.as_bytes().to_vec()).or_default().push_back(letter);
    }

    fn of(&mut self, to: &Address) -> &mut VecDeque<Letter> {
        self.waiting.entry(to.as_bytes().to_vec()).or_default()
    }

    /// Whether two messages have one sealed header, and so one key.
    fn saw_a_key_used_twice(&self) -> bool {
        let headers: BTreeSet<_> = self.seen.iter().map(|message| sealed_header(message)).collect();
        headers.len() != self.seen.len()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Order {
    /// One transaction, then all messages leave.
    Durable,
    /// Messages leave before anything is stored: a mistake that must be noticed.
    TurnedRound,
    /// A transaction for each message of a fan-out: a mistake that must be noticed.
    InPieces,
    /// Own devices are told what was read in a transaction of its own: a mistake that must be noticed.
    ToldApart,
}

struct Machine {
    party: Party,
    other: IdentityKey,
    texts: Vec<String>,
    disk: Disk,
    rng: ChaCha20Rng,
    order: Order,
}

impl Machine {
    /// Memory is what the store has.
    fn start(&mut self) {
        let Disk { account, own, people, peers, .. } = &self.disk;
        self.party.account = Account::restore(account).unwrap();
        self.party.own = OwnDevices::restore(own).unwrap();
        self.party.contacts = Contacts::new();
        let people = people.iter().map(|(_, row)| Person::restore(row).unwrap());
        self.party.contacts.people.extend(people);
        let peers = peers.values().map(|row| Peer::restore(row).unwrap());
        self.party.contacts.peers.extend(peers);
    }

    /// All that there is to do, until there is nothing or the machine stops.
    fn run(&mut self, carrier: &mut Carrier, power: &mut Power) -> Result<(), Stopped> {
        self.start();
        loop {
            self.hand_over(carrier, power)?;
            let sent = self.send(carrier, power)?;
            let received = self.receive(carrier, power)?;
            if !received && !sent && self.disk.outbox.is_empty() {
                return Ok(());
            }
        }
    }

    /// What is stored leaves, and is forgotten once the carrier has it.
    fn hand_over(&mut self, carrier: &mut Carrier, power: &mut Power) -> Result<(), Stopped> {
        while let Some((to, message)) = self.disk.outbox.front().cloned() {
            power.write()?;
            carrier.take(&self.party.address(), &to, message);
            power.write()?;
            self.disk.outbox.pop_front();
        }
        Ok(())
    }

    fn send(&mut self, carrier: &mut Carrier, power: &mut Power) -> Result<bool, Stopped> {
        let Some(mut text) = self.texts.get(self.disk.written).cloned() else { return Ok(false) };
        if self.order == Order::TurnedRound {
            // Whoever has to write a message again writes another one.
            text = format!("{text}, {}", power.used);
        }
        let sent = self.party.send(&self.other, text.as_bytes(), START, &mut self.rng).unwrap();
        assert_eq!((sent.messages.len(), sent.unreached.len()), (3, 0));
        let messages = sent.messages.into_iter().map(|message| (message.to, message.message));
        match self.order {
            Order::Durable | Order::ToldApart => {
                power.write()?;
                self.disk.store(&self.party, &sent.changes);
                self.disk.outbox.extend(messages);
            }
            Order::TurnedRound => {
                let from = self.party.address();
                for (to, message) in messages {
                    power.write()?;
                    carrier.take(&from, &to, message);
                }
                power.write()?;
                self.disk.store(&self.party, &sent.changes);
            }
            Order::InPieces => {
                for (to, message) in messages {
                    power.write()?;
                    let mut changes = PeopleChanges::default();
                    changes.peers.push(to.clone());
                    self.disk.store(&self.party, &changes);
                    self.disk.outbox.push_back((to, message));
                }
                power.write()?;
            }
        }
        self.disk.written += 1;
        Ok(true)
    }

    fn receive(&mut self, carrier: &mut Carrier, power: &mut Power) -> Result<bool, Stopped> {
        let here = self.party.address();
        let Some(letter) = carrier.of(&here).front().cloned() else { return Ok(false) };
        match self.party.decrypt(&letter, START) {
            Ok(told) if told.is_control => {
                power.write()?;
                self.disk.store(&self.party, &told.changes);
                self.disk.read_elsewhere.extend(told.told.iter().map(|(event, _)| match event {
                    DeviceEvent::Read(id) => *id,
                    other => panic!("{other:?}"),
                }));
            }
            Ok(told) => {
                assert!(told.skipped_parts.is_empty() && told.told.is_empty());
                let text = String::from_utf8(told.delivered.received.body).unwrap();
                let events = match told.copy_of {
                    Some(_) => Vec::new(),
                    None => vec![OwnEvent::from(DeviceEvent::Read(id_of(&text)))],
                };
                let Party { own, contacts, .. } = &mut self.party;
                let (recipients, peers) = (own.to(own.person()), &mut contacts.peers);
                let age = Age::NONE;
                let sent =
                    recipients.tell_events(peers, &events, age, b"", START, &mut self.rng).unwrap();
                assert_eq!((sent.messages.len(), sent.unreached.len()), (events.len(), 0));
                // One transaction: what came, that it was read, and what the other device is told of it.
                power.write()?;
                self.disk.store(&self.party, &told.changes);
                self.disk.shown.push(text);
                if self.order == Order::ToldApart {
                    power.write()?;
                }
                self.disk.store(&self.party, &sent.changes);
                let messages = sent.messages.into_iter();
                self.disk.outbox.extend(messages.map(|message| (message.to, message.message)));
            }
            // Stored before, and not acknowledged.
            Err(PeerDecryptError::Duplicate) => {}
            Err(error) => self.disk.refused.push(error),
        }
        power.write()?;
        carrier.of(&here).pop_front();
        Ok(true)
    }
}

/// Four devices of two people with sessions both ways, whose lists are known to all. What each has said of them to the
/// others goes along with what is written.
fn machines(suite: Suite, order: Order) -> Vec<Machine> {
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let mut parties: Vec<Party> =
        NAMES.iter().map(|name| Party::of_suite(suite, name, rng)).collect();
    link(&mut parties, 0, 1, START, rng);
    link(&mut parties, 2, 3, START, rng);
    let lists = [0, 2].map(|owner: usize| parties[owner].own.person().list().unwrap().clone());
    let owners = [0, 2].map(|owner: usize| parties[owner].identity());
    for (place, party) in parties.iter_mut().enumerate() {
        let list = lists[1 - place / 2].clone();
        let person = party.place_of(list.owner());
        let _ = party.contacts.people[person].adopt(list, START).unwrap();
    }
    for (from, to) in [(0, 2), (0, 3), (1, 2), (1, 3)] {
        begin(&mut parties, from, to, START, rng);
        let bytes = {
            let address = parties[to].address();
            let peers = &mut parties[from].contacts.peers;
            let peer = peers.iter_mut().find(|peer| *peer.address() == address).unwrap();
            peer.encrypt(&evanesce::Payload::new("first"), b"", START, rng).unwrap().message
        };
        let letter = Letter { from: parties[from].address(), bytes };
        let _ = parties[to].decrypt(&letter, START).unwrap();
        let _ = parties[to].accept(&owners[0], START);
    }
    let machines = parties.into_iter().enumerate().map(|(place, party)| {
        let mut disk = Disk::default();
        disk.store_all(&party);
        let texts = (0..TEXTS[place]).map(|number| format!("{} says {number}", NAMES[place]));
        let seed = u64::try_from(place).unwrap();
        Machine {
            other: owners[1 - place / 2],
            texts: texts.collect(),
            disk,
            rng: ChaCha20Rng::seed_from_u64(!seed),
            order,
            party,
        }
    });
    machines.collect()
}

/// All write, and stop when `stops` say so: after so many writes, one after the other. Then they go on to the end.
fn live(suite: Suite, order: Order, stops: &[usize]) -> (Power, Vec<Machine>, Carrier) {
    let mut machines = machines(suite, order);
    let mut carrier = Carrier::default();
    let mut power = Power { left: usize::MAX, used: 0, stops: 0 };
    let mut stops = stops.iter().copied();
    let mut idle = 0;
    for turn in 0.. {
        assert!(turn < 1_000, "they never come to an end");
        let machine = &mut machines[turn % 4];
        power.left = stops.next().unwrap_or(usize::MAX);
        let before = power.used;
        let ended = machine.run(&mut carrier, &mut power).is_ok();
        idle = if ended && power.used == before { idle + 1 } else { 0 };
        if idle == 4 {
            break;
        }
    }
    (power, machines, carrier)
}

/// The same on all devices.
fn id_of(text: &str) -> MessageId {
    MessageId::by(MemberTag([0; 8]), text.as_bytes())
}

/// What is wrong at the end.
fn fault(machines: &[Machine], carrier: &Carrier) -> Option<String> {
    for (place, machine) in machines.iter().enumerate() {
        let Disk { shown, refused, .. } = &machine.disk;
        for (author, writer) in machines.iter().enumerate().filter(|(author, _)| *author != place) {
            let of_author = |text: &&String| text.starts_with(NAMES[author]);
            let shown: Vec<_> = shown.iter().filter(of_author).collect();
            if !shown.iter().copied().eq(&writer.texts) {
                return Some(format!("{} was shown {shown:?}", NAMES[place]));
            }
        }
        let own = &machines[place ^ 1];
        let of_others = |text: &&String| !text.starts_with(&NAMES[place][..3]);
        let unheard = shown
            .iter()
            .filter(of_others)
            .find(|text| !own.disk.read_elsewhere.contains(&id_of(text)));
        if let Some(text) = unheard {
            return Some(format!("{} was not told that \"{text}\" was read", NAMES[place ^ 1]));
        }
        if !refused.is_empty() {
            return Some(format!("{} refused {refused:?}", NAMES[place]));
        }
    }
    carrier.saw_a_key_used_twice().then(|| "a key was used twice".to_owned())
}

fn writes(suite: Suite) -> usize {
    let (power, machines, carrier) = live(suite, Order::Durable, &[]);
    assert_eq!(fault(&machines, &carrier), None);
    power.used
}

#[test]
fn a_stop_after_any_write_loses_nothing_of_a_message_to_a_person_and_repeats_nothing() {
    // Of suite 2, which takes longer, each ninth.
    for (suite, step) in [(Suite::Classical, 1), (Suite::Hybrid, 9)] {
        let writes = writes(suite);
        assert!(writes > 70, "{writes}");
        let mut stopped = 0;
        for first in (0..writes).step_by(step) {
            for second in [0, 1, 5] {
                let (power, machines, carrier) = live(suite, Order::Durable, &[first, second]);
                assert_eq!(fault(&machines, &carrier), None, "{first}, {second}");
                stopped += power.stops;
            }
        }
        assert!(stopped > writes / step, "{stopped}");
    }
}

#[test]
fn devices_that_stop_again_and_again_get_done_and_agree() {
    for patience in 3..8 {
        let stops: Vec<_> = (0..400).map(|turn| patience + turn % 3).collect();
        let (power, machines, carrier) = live(Suite::Classical, Order::Durable, &stops);
        assert_eq!(fault(&machines, &carrier), None, "{patience}");
        assert!(power.stops > 3, "{}", power.stops);
        // Nothing that came with the messages was lost: each holds both lists that there are.
        let mut held = BTreeSet::new();
        for machine in &machines {
            let Party { own, contacts, .. } = &machine.party;
            let people = contacts.people.iter().chain([own.person()]);
            held.extend(people.map(|person| person.list().unwrap().digest()));
        }
        assert_eq!(held.len(), 2);
    }
}

/// So that the checks above can fail.
#[test]
fn a_message_that_is_stored_in_pieces_or_too_late_is_noticed() {
    for (order, most) in [(Order::TurnedRound, 40), (Order::InPieces, 40), (Order::ToldApart, 40)] {
        let noticed = (0..most).filter(|first| {
            // Each stops once: the first one before it has anything to read.
            let stops = [*first; 4];
            let (_, machines, carrier) = live(Suite::Classical, order, &stops);
            match order {
                Order::TurnedRound => carrier.saw_a_key_used_twice(),
                Order::Durable | Order::InPieces | Order::ToldApart => {
                    fault(&machines, &carrier).is_some()
                }
            }
        });
        assert!(noticed.count() > 2);
    }
}
