//! Two people with three devices each, in random schedules with loss, restarts, devices that are put back and devices
//! that are removed: afterwards all listed devices hold the same lists and hear each other, and one that was removed was
//! written to by nobody who knew.
//!
//! 100 schedules by default; `EVANESCE_SEEDS=0..1000` tries those.

#[path = "support/household.rs"]
mod household;

use std::collections::BTreeSet;
use std::time::Duration;

use evanesce::person::{FanOut, FanOutError, Obstacle};
use evanesce::server::PublishedPreKeys;
use evanesce::{Address, IdentityKey, Timestamp};
use household::{Letter, Party, Rows, START, begin, link};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const NAMES: [&str; 6] = ["alice/1", "alice/2", "alice/3", "bob/1", "bob/2", "bob/3"];

/// How many things happen before all is let settle.
const EVENTS: u32 = 50;

#[test]
fn all_listed_devices_come_to_agree_and_a_removed_one_hears_nothing_more() {
    let seeds = std::env::var("EVANESCE_SEEDS").unwrap_or_else(|_| "0..100".into());
    let (first, end) = seeds.split_once("..").expect("EVANESCE_SEEDS is FIRST..END");
    let mut happened = Happened::default();
    for seed in first.parse().unwrap()..end.parse().unwrap() {
        Schedule::start(seed).run(&mut happened);
    }
    // What never happened was not tried.
    println!("{happened:?}");
    let Happened { sent, lost, opened, refused, put_back, removed, restarted } = happened;
    assert!([sent, lost, opened, refused, put_back, removed, restarted].iter().all(|it| *it > 0));
}

#[derive(Debug, Default)]
struct Happened {
    sent: u32,
    lost: u32,
    opened: u32,
    refused: u32,
    put_back: u32,
    removed: u32,
    restarted: u32,
}

struct Schedule {
    seed: u64,
    rng: ChaCha20Rng,
    now: Timestamp,
    parties: Vec<Party>,
    backups: Vec<Option<Rows>>,
    /// Whom their user has removed.
    removed: BTreeSet<usize>,
    /// What each device has shown.
    shown: Vec<BTreeSet<Vec<u8>>>,
    count: u32,
}

impl Schedule {
    fn start(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut parties: Vec<Party> = NAMES.iter().map(|name| Party::new(name, &mut rng)).collect();
        for (owner, device) in [(0, 1), (0, 2), (3, 4), (3, 5)] {
            link(&mut parties, owner, device, START, &mut rng);
        }
        let owners = [0, 3].map(|owner: usize| parties[owner].own.person().list().unwrap().clone());
        for (place, party) in parties.iter_mut().enumerate() {
            let list = &owners[if place < 3 { 1 } else { 0 }];
            let person = party.place_of(list.owner());
            let _ = party.contacts.people[person].adopt(list.clone(), START).unwrap();
        }
        Self {
            seed,
            rng,
            now: START,
            parties,
            backups: (0..6).map(|_| None).collect(),
            removed: BTreeSet::new(),
            shown: vec![BTreeSet::new(); 6],
            count: 0,
        }
    }

    fn run(mut self, happened: &mut Happened) {
        for _ in 0..EVENTS {
            self.now = self.now.plus(Duration::from_secs(60));
            let device = self.pick(6);
            match self.pick(20) {
                0..=6 => {
                    let other = self.owner_of(if device < 3 { 3 } else { 0 });
                    self.send(device, &other, 4, happened);
                }
                7..=13 => self.deliver_one(device, happened),
                14 | 15 => {
                    let rows = self.parties[device].rows();
                    self.parties[device].put_back(&rows);
                    assert!(self.parties[device].rows() == rows, "seed {}", self.seed);
                    happened.restarted += 1;
                }
                16 => self.backups[device] = Some(self.parties[device].rows()),
                17 => self.put_back(device, happened),
                18 => {
                    let own = self.owner_of(device);
                    self.send(device, &own, 4, happened);
                }
                _ => self.remove(device, happened),
            }
        }
        self.settle(happened);
    }

    fn pick(&mut self, count: u32) -> usize {
        usize::try_from(self.rng.next_u32() % count).unwrap()
    }

    /// The owner of the person that a device is of.
    fn owner_of(&self, device: usize) -> IdentityKey {
        self.parties[if device < 3 { 0 } else { 3 }].identity()
    }

    fn place_at(&self, address: &Address) -> usize {
        NAMES.iter().position(|name| name.as_bytes() == address.as_bytes()).unwrap()
    }

    /// Sends a text of its own, beginning sessions as needed; of the messages one in so many is lost.
    fn send(&mut self, from: usize, to: &IdentityKey, lost_of: u32, happened: &mut Happened) {
        self.count += 1;
        let body = format!("{} of {}", self.count, NAMES[from]).into_bytes();
        self.shown[from].insert(body.clone());
        let needs = self.needs(from);
        needs.into_iter().for_each(|to| self.begin(from, to));
        let sent = match self.parties[from].send(to, &body, self.now, &mut self.rng) {
            Ok(sent) => sent,
            Err(FanOutError::Removed) => return,
            // Nobody has a session yet, or none is left of the person.
            Err(FanOutError::NobodyReached) => {
                let others: Vec<Address> = self.others(from, to);
                return self.send_again(from, to, &others, &body, lost_of, happened);
            }
            Err(other) => panic!("seed {}: {other}", self.seed),
        };
        let missed: Vec<Address> = sent
            .unreached
            .iter()
            .filter(|unreached| unreached.reason == Obstacle::NeedsSession)
            .map(|unreached| unreached.to.clone())
            .collect();
        self.post(from, sent, lost_of, happened);
        self.send_again(from, to, &missed, &body, lost_of, happened);
    }

    /// The other devices of the person and of one's own, as the lists that are held here say.
    fn others(&mut self, from: usize, to: &IdentityKey) -> Vec<Address> {
        let party = &self.parties[from];
        let person = party.contacts.person(to).and_then(|person| person.list());
        let lists = [person, party.own.person().list()].into_iter().flatten();
        let devices = lists.flat_map(|list| list.devices()).map(|listed| &listed.device);
        devices.filter(|it| *it != party.own.device()).map(|it| it.address.clone()).collect()
    }

    /// The same text for those alone whom it did not reach.
    fn send_again(
        &mut self,
        from: usize,
        to: &IdentityKey,
        missed: &[Address],
        body: &[u8],
        lost_of: u32,
        happened: &mut Happened,
    ) {
        if !missed.is_empty() {
            missed.iter().for_each(|to| self.begin(from, self.place_at(to)));
            let sent = self.send_only(from, to, missed, body);
            sent.into_iter().for_each(|sent| self.post(from, sent, lost_of, happened));
        }
    }

    fn send_only(
        &mut self,
        from: usize,
        to: &IdentityKey,
        only: &[Address],
        body: &[u8],
    ) -> Option<FanOut> {
        let party = &mut self.parties[from];
        let is_own = party.own.person().owner() == to;
        let place = (!is_own).then(|| party.place_of(to));
        let (people, peers) = (&party.contacts.people, &mut party.contacts.peers);
        let person = place.map_or(party.own.person(), |place| &people[place]);
        let payload = evanesce::Payload::new(body);
        party.own.to(person).only(only).encrypt(peers, &payload, b"", self.now, &mut self.rng).ok()
    }

    /// Those peers of a device with whom a session is to be begun, as they ask for it themselves.
    fn needs(&self, from: usize) -> Vec<usize> {
        let peers = &self.parties[from].contacts.peers;
        let needs = peers.iter().filter(|peer| peer.session_need(self.now).is_some());
        needs.map(|peer| self.place_at(peer.address())).collect()
    }

    fn begin(&mut self, from: usize, to: usize) {
        begin(&mut self.parties, from, to, self.now, &mut self.rng);
    }

    fn post(&mut self, from: usize, sent: FanOut, lost_of: u32, happened: &mut Happened) {
        let address = self.parties[from].address();
        for message in sent.messages {
            let to = self.place_at(&message.to);
            // Nobody writes to a device that is not in the list that they hold.
            let device = self.parties[to].account.device();
            let party = &self.parties[from];
            let own = party.own.person().list();
            let others = party.contacts.people.iter().filter_map(|person| person.list());
            assert!(own.into_iter().chain(others).any(|list| list.lists(&device)));
            happened.sent += 1;
            if lost_of > 0 && self.rng.next_u32() % lost_of == 0 {
                happened.lost += 1;
            } else {
                let letter = Letter { from: address.clone(), bytes: message.message };
                self.parties[to].inbox.push_back(letter);
            }
        }
    }

    fn deliver_one(&mut self, to: usize, happened: &mut Happened) {
        let waiting = u32::try_from(self.parties[to].inbox.len()).unwrap();
        if waiting == 0 {
            return;
        }
        // One in four overtakes.
        let place = if self.rng.next_u32() % 4 == 0 { self.pick(waiting) } else { 0 };
        let letter = self.parties[to].inbox.remove(place).unwrap();
        self.deliver(to, &letter, happened);
    }

    fn deliver(&mut self, to: usize, letter: &Letter, happened: &mut Happened) {
        let (now, party) = (self.now, &mut self.parties[to]);
        match party.decrypt(letter, now) {
            Ok(told) => {
                happened.opened += 1;
                if !told.is_control {
                    self.shown[to].insert(told.delivered.received.body);
                }
                let peers = &mut party.contacts.peers;
                let sender = peers.iter_mut().find(|peer| *peer.address() == letter.from);
                sender.into_iter().for_each(|peer| _ = peer.accept_request());
            }
            Err(refusal) => {
                happened.refused += 1;
                let peers = &mut party.contacts.peers;
                let sender = peers.iter_mut().find(|peer| *peer.address() == letter.from);
                sender.into_iter().for_each(|it| _ = it.note_refusal(&letter.bytes, &refusal, now));
            }
        }
    }

    /// A device is restored from its backup, as the documentation says.
    fn put_back(&mut self, device: usize, happened: &mut Happened) {
        let Some(rows) = self.backups[device].take() else { return };
        let (now, party) = (self.now, &mut self.parties[device]);
        party.put_back(&rows);
        party.contacts.peers.iter_mut().for_each(|peer| _ = peer.drop_sessions());
        let upload = party.account.replace_prekeys(now, &mut self.rng).upload.unwrap();
        let _ = party.account.mark_published(&upload);
        party.server = PublishedPreKeys::new(upload);
        happened.put_back += 1;
    }

    /// One linked device of each person is lost.
    fn remove(&mut self, device: usize, happened: &mut Happened) {
        let owner = if device < 3 { 0 } else { 3 };
        let of_person = owner..owner + 3;
        if device == owner || self.removed.iter().any(|removed| of_person.contains(removed)) {
            return;
        }
        let (address, now) = (self.parties[device].address(), self.now);
        let Party { account, own, .. } = &mut self.parties[owner];
        if own.remove(account, &address, now).is_ok() {
            self.removed.insert(device);
            happened.removed += 1;
        }
    }

    /// The network is good from now on, and the users say what they are asked.
    fn settle(&mut self, happened: &mut Happened) {
        let active: Vec<usize> = (0..6).filter(|device| !self.removed.contains(device)).collect();
        for part in 0..2 {
            for _ in 0..6 {
                self.now = self.now.plus(Duration::from_secs(1_200));
                for from in &active {
                    let people = [0, 3].map(|owner| self.owner_of(owner));
                    people.iter().for_each(|to| self.send(*from, to, 0, happened));
                    self.deliver_all(happened);
                }
                self.owners_decide();
            }
            // A version that was signed twice is mended by the next.
            if part == 0 {
                for owner in [0, 3] {
                    let now = self.now;
                    let Party { account, own, .. } = &mut self.parties[owner];
                    let devices = own.person().list().unwrap().devices().to_vec();
                    own.sign(account, &devices, now).unwrap();
                }
            }
        }
        let lists =
            [0, 3].map(|owner: usize| self.parties[owner].own.person().list().unwrap().digest());
        for device in &active {
            let (party, seed) = (&self.parties[*device], self.seed);
            let (ours, theirs) = if *device < 3 { (0, 1) } else { (1, 0) };
            let held = party.own.person().list().unwrap().digest();
            assert!(
                held == lists[ours],
                "seed {seed}: {} has another list of its own",
                NAMES[*device]
            );
            let other = self.owner_of(if *device < 3 { 3 } else { 0 });
            let held = party.contacts.person(&other).unwrap().list().unwrap().digest();
            assert!(held == lists[theirs], "seed {seed}: {} has another list", NAMES[*device]);
            assert!(!party.own.is_removed());
        }
        // What is sent now reaches all.
        for from in &active {
            for owner in [0, 3] {
                let to = self.owner_of(owner);
                self.send(*from, &to, 0, happened);
                let body = format!("{} of {}", self.count, NAMES[*from]).into_bytes();
                self.deliver_all(happened);
                let own = if *from < 3 { 0 } else { 3 };
                for device in &active {
                    let is_own = (own..own + 3).contains(device);
                    let is_theirs = (owner..owner + 3).contains(device);
                    let is_shown = self.shown[*device].contains(&body);
                    assert_eq!(is_shown, is_own || is_theirs, "seed {}", self.seed);
                }
            }
        }
    }

    fn deliver_all(&mut self, happened: &mut Happened) {
        for to in 0..6 {
            while let Some(letter) = self.parties[to].inbox.pop_front() {
                self.deliver(to, &letter, happened);
            }
        }
    }

    /// Of each device that came with a list that was not signed here; and a removal that was forgotten is made again.
    fn owners_decide(&mut self) {
        for owner in [0, 3] {
            let removed: Vec<Address> = (owner..owner + 3)
                .filter(|device| self.removed.contains(device))
                .map(|device| self.parties[device].address())
                .collect();
            let now = self.now;
            let Party { account, own, .. } = &mut self.parties[owner];
            for address in removed {
                // If it is gone that is as well.
                let _ = own.remove(account, &address, now);
            }
            for device in own.unconfirmed().to_vec() {
                assert!(own.confirm(&device));
            }
        }
    }
}
