//! A device stops at any moment and goes on from what it had stored: nothing is lost, shown twice, or
//! encrypted under a key that was used.
//!
//! Each step of a device's work is a list of writes, in the order of the table in `src/snapshot.rs`. A run is cut off
//! after each prefix of all writes of both devices; then both go on from their stores.

#[path = "support/power.rs"]
mod power;
mod support;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use evanesce::server::{PreKeyUpload, PublishedPreKeys};
use evanesce::snapshot::StorageKey;
use evanesce::{
    Account, Address, Changes, Maintained, Payload, Peer, PeerDecryptError, PeerEncryptError,
    PreKeyBundle, Suite,
};
use power::{Power, Stopped, sealed_header};
use rand_chacha::ChaCha20Rng;
use support::{AD, NOW, account_of, in_each_suite, publishing, rng};

/// What survives: rows that a transaction writes all at once, and what the server has.
#[derive(Clone, Default)]
struct Disk {
    account: Vec<u8>,
    peer: Vec<u8>,
    /// Messages to show, by their text.
    shown: Vec<String>,
    /// Messages that are encrypted and not known to be with the carrier.
    outbox: VecDeque<Vec<u8>>,
    /// How many of our texts have been encrypted.
    written: usize,
    /// Why messages were refused, duplicates aside.
    refused: Vec<PeerDecryptError>,
}

/// Carries what it is handed, at least once, and keeps it until it is acknowledged.
#[derive(Default)]
struct Carrier {
    waiting: BTreeMap<&'static str, VecDeque<Vec<u8>>>,
    published: BTreeMap<&'static str, PublishedPreKeys>,
    /// All that it has ever seen.
    seen: BTreeSet<Vec<u8>>,
}

struct Machine {
    name: &'static str,
    other: &'static str,
    texts: Vec<String>,
    disk: Disk,
    rng: ChaCha20Rng,
    story: Story,
}

/// What two people do.
#[derive(Clone, Copy)]
struct Story {
    suite: Suite,
    /// How many each of them writes.
    texts: usize,
    order: Order,
    pace: Pace,
}

impl Story {
    fn new(suite: Suite, texts: usize) -> Self {
        Self { suite, texts, order: Order::Durable, pace: Pace::AllAtOnce }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Durable,
    /// What is sent leaves before it is stored: a mistake that must be noticed.
    TurnedRound,
}

#[derive(Clone, Copy, PartialEq)]
enum Pace {
    AllAtOnce,
    /// Alice first.
    ByTurns,
}

const KEY: [u8; 32] = [9; 32];

/// What a running machine holds in memory.
struct Running {
    account: Account,
    peer: Peer,
}

impl Machine {
    fn new(name: &'static str, other: &'static str, story: Story, seed: u64) -> Self {
        let account = account_of(story.suite, name, publishing(3), seed);
        let peer = Peer::new(Address::new(other).unwrap());
        let mut machine = Self {
            name,
            other,
            texts: (0..story.texts).map(|number| format!("{name} says {number}")).collect(),
            disk: Disk::default(),
            rng: rng(!seed),
            story,
        };
        machine.disk.account = machine.sealed(&account);
        machine.disk.peer = peer.seal(&StorageKey::new(&KEY), b"peer", &mut machine.rng);
        machine
    }

    fn sealed(&mut self, account: &Account) -> Vec<u8> {
        account.seal(&StorageKey::new(&KEY), b"account", &mut self.rng)
    }

    fn start(&self) -> Running {
        let key = StorageKey::new(&KEY);
        Running {
            account: Account::unseal(&self.disk.account, &key, b"account").unwrap(),
            peer: Peer::unseal(&self.disk.peer, &key, b"peer").unwrap(),
        }
    }

    /// One transaction: what has changed, and the application's rows.
    fn store(
        &mut self,
        running: &Running,
        changes: Changes,
        power: &mut Power,
        rows: impl FnOnce(&mut Disk),
    ) -> Result<(), Stopped> {
        power.write()?;
        if changes.account {
            self.disk.account = self.sealed(&running.account);
        }
        if changes.peer {
            self.disk.peer = running.peer.seal(&StorageKey::new(&KEY), b"peer", &mut self.rng);
        }
        rows(&mut self.disk);
        Ok(())
    }

    /// All that there is to do, until there is nothing or the machine stops.
    fn run(&mut self, carrier: &mut Carrier, power: &mut Power) -> Result<(), Stopped> {
        let mut running = self.start();
        self.publish(&mut running, carrier, power)?;
        loop {
            self.hand_over(carrier, power)?;
            let sent = self.send(&mut running, carrier, power)?;
            let received = self.receive(&mut running, carrier, power)?;
            if !received && !sent && self.disk.outbox.is_empty() {
                return Ok(());
            }
        }
    }

    fn publish(
        &mut self,
        running: &mut Running,
        carrier: &mut Carrier,
        power: &mut Power,
    ) -> Result<(), Stopped> {
        let Maintained { upload, changes, .. } = running.account.maintain(None, NOW, &mut self.rng);
        if changes.any() {
            self.store(running, changes, power, |_| {})?;
        }
        let Some(upload) = upload else { return Ok(()) };
        power.write()?;
        carrier.take_upload(self.name, upload.clone());
        let _ = running.account.mark_published(&upload);
        let changes = running.account.maintain(None, NOW, &mut self.rng).changes;
        assert!(!changes.any());
        power.write()?;
        self.disk.account = self.sealed(&running.account);
        Ok(())
    }

    /// What is stored leaves, and is forgotten once the carrier has it.
    fn hand_over(&mut self, carrier: &mut Carrier, power: &mut Power) -> Result<(), Stopped> {
        while let Some(message) = self.disk.outbox.front().cloned() {
            power.write()?;
            carrier.take(self.other, message);
            power.write()?;
            self.disk.outbox.pop_front();
        }
        Ok(())
    }

    fn send(
        &mut self,
        running: &mut Running,
        carrier: &mut Carrier,
        power: &mut Power,
    ) -> Result<bool, Stopped> {
        let may_be_ahead = usize::from(self.name == "alice");
        if self.story.pace == Pace::ByTurns
            && self.disk.written >= self.disk.shown.len() + may_be_ahead
        {
            return Ok(false);
        }
        let Some(mut text) = self.texts.get(self.disk.written).cloned() else { return Ok(false) };
        if self.story.order == Order::TurnedRound {
            // Whoever has to write a message again writes another one.
            text = format!("{text}, {}", power.used);
        }
        if running.peer.session_need(NOW).is_some() {
            let Some(published) = carrier.published.get_mut(self.other) else { return Ok(false) };
            let bundle = PreKeyBundle::decode(&published.hand_out()).unwrap().verify(NOW).unwrap();
            let changes =
                running.peer.initiate(&running.account, bundle, NOW, &mut self.rng).unwrap();
            self.store(running, changes, power, |_| {})?;
        }
        let sent = match running.peer.encrypt(&Payload::new(text), AD, NOW, &mut self.rng) {
            Ok(sent) => sent,
            Err(PeerEncryptError::Request) => {
                let changes = running.peer.accept_request();
                self.store(running, changes, power, |_| {})?;
                return Ok(true);
            }
            Err(error) => panic!("{error}"),
        };
        if self.story.order == Order::TurnedRound {
            power.write()?;
            carrier.take(self.other, sent.message);
            self.store(running, sent.changes, power, |disk| disk.written += 1)?;
        } else {
            self.store(running, sent.changes, power, |disk| {
                disk.outbox.push_back(sent.message);
                disk.written += 1;
            })?;
        }
        Ok(true)
    }

    fn receive(
        &mut self,
        running: &mut Running,
        carrier: &mut Carrier,
        power: &mut Power,
    ) -> Result<bool, Stopped> {
        let Some(message) = carrier.waiting.entry(self.name).or_default().front().cloned() else {
            return Ok(false);
        };
        match running.peer.decrypt(&mut running.account, &message, AD, NOW) {
            Ok(delivered) => {
                let text = String::from_utf8(delivered.received.body).unwrap();
                self.store(running, delivered.changes, power, |disk| disk.shown.push(text))?;
            }
            // Stored before, and not acknowledged.
            Err(PeerDecryptError::Duplicate) => {}
            Err(error) => self.disk.refused.push(error),
        }
        power.write()?;
        carrier.waiting.entry(self.name).or_default().pop_front();
        Ok(true)
    }
}

impl Carrier {
    fn take(&mut self, to: &'static str, message: Vec<u8>) {
        self.seen.insert(message.clone());
        self.waiting.entry(to).or_default().push_back(message);
    }

    fn take_upload(&mut self, from: &'static str, upload: PreKeyUpload) {
        match self.published.get_mut(from) {
            Some(published) => published.publish(upload),
            None => drop(self.published.insert(from, PublishedPreKeys::new(upload))),
        }
    }

    /// Whether two messages have one sealed header, and so one key.
    fn saw_a_key_used_twice(&self) -> bool {
        let headers: BTreeSet<_> = self.seen.iter().map(|message| sealed_header(message)).collect();
        headers.len() != self.seen.len()
    }
}

/// Two people write to each other, and stop when `stops` say so: after so many writes, one after the other. Then they go
/// on to the end.
fn live(story: Story, stops: &[usize]) -> (Power, [Machine; 2], Carrier) {
    let mut machines =
        [Machine::new("alice", "bob", story, 1), Machine::new("bob", "alice", story, 2)];
    let mut carrier = Carrier::default();
    let mut power = Power { left: usize::MAX, used: 0, stops: 0 };
    // Neither hears of the other before it has begun.
    for machine in &mut machines {
        let mut running = machine.start();
        machine.publish(&mut running, &mut carrier, &mut power).unwrap();
    }
    let mut stops = stops.iter().copied();
    let mut idle = 0;
    for turn in 0.. {
        assert!(turn < 1_000, "they never come to an end");
        let machine = &mut machines[turn % 2];
        power.left = stops.next().unwrap_or(usize::MAX);
        let before = power.used;
        if machine.run(&mut carrier, &mut power).is_ok() && power.used == before {
            idle += 1;
        } else {
            idle = 0;
        }
        if idle == 2 {
            break;
        }
    }
    (power, machines, carrier)
}

fn nothing_went_wrong([alice, bob]: &[Machine; 2], carrier: &Carrier, stops: &[usize]) {
    assert_eq!(alice.disk.shown, bob.texts, "{stops:?}");
    assert_eq!(bob.disk.shown, alice.texts, "{stops:?}");
    assert_eq!((alice.disk.refused.len(), bob.disk.refused.len()), (0, 0), "{stops:?}");
    assert!(!carrier.saw_a_key_used_twice(), "{stops:?}");
}

fn writes(story: Story) -> usize {
    let (power, machines, carrier) = live(story, &[]);
    nothing_went_wrong(&machines, &carrier, &[]);
    power.used
}

#[test]
fn without_a_stop_everything_arrives_once_and_in_order() {
    in_each_suite(|suite| {
        assert!(writes(Story::new(suite, 4)) > 40);
    });
}

#[test]
fn a_stop_after_any_write_loses_nothing_and_repeats_nothing() {
    in_each_suite(|suite| {
        let story = Story::new(suite, 3);
        let writes = writes(story);
        let mut stopped = 0;
        for first in 0..writes {
            for second in [0, 1, 2, 3, 5, 8] {
                let (power, machines, carrier) = live(story, &[first, second]);
                nothing_went_wrong(&machines, &carrier, &[first, second]);
                stopped += power.stops;
            }
        }
        assert!(stopped > writes);
    });
}

#[test]
fn two_stops_after_any_writes_lose_nothing_and_repeat_nothing() {
    in_each_suite(|suite| {
        let story = Story::new(suite, 2);
        let writes = writes(story);
        // Of suite 2, which takes longer, each third.
        let step = if suite == Suite::Classical { 1 } else { 3 };
        for first in 0..writes {
            for second in (first % step..writes).step_by(step) {
                let (_, machines, carrier) = live(story, &[first, second, first]);
                nothing_went_wrong(&machines, &carrier, &[first, second, first]);
            }
        }
    });
}

#[test]
fn machines_that_stop_again_and_again_get_done() {
    in_each_suite(|suite| {
        for patience in 3..9 {
            let stops: Vec<_> = (0..300).map(|turn| patience + turn % 3).collect();
            let (power, machines, carrier) = live(Story::new(suite, 5), &stops);
            nothing_went_wrong(&machines, &carrier, &stops);
            assert!(power.stops > 3, "{}", power.stops);
        }
    });
}

/// A stop takes back what was drawn for an epoch and not yet stored, and what had come of it.
#[test]
fn an_epoch_is_completed_whatever_writes_machines_stop_after() {
    let story = Story { pace: Pace::ByTurns, ..Story::new(Suite::Hybrid, 14) };
    let mut stopped = 0;
    for first in 0..6 {
        for others in 3..8 {
            let stops: Vec<_> = [first].into_iter().chain([others; 100]).collect();
            let (power, machines, carrier) = live(story, &stops);
            nothing_went_wrong(&machines, &carrier, &stops);
            for machine in &machines {
                let epochs = machine.start().peer.epochs().unwrap();
                assert_eq!(epochs.completed, 1, "{first}, {others}: {epochs:?}");
            }
            stopped += power.stops;
        }
    }
    assert!(stopped > 200, "{stopped}");
}

/// So that the checks above can fail.
#[test]
fn sending_before_storing_is_noticed() {
    in_each_suite(|suite| {
        let story = Story { order: Order::TurnedRound, ..Story::new(suite, 5) };
        let (power, _, carrier) = live(story, &[]);
        assert!(!carrier.saw_a_key_used_twice());
        let noticed =
            (0..power.used).filter(|first| live(story, &[*first]).2.saw_a_key_used_twice());
        assert!(noticed.count() > 2);
    });
}
