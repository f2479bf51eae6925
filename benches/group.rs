//! What groups cost beside signatures, and beside messages to single devices: a message of a group of 32 people with two devices
//! each, one that comes, the first chain given to all, a roster of a thousand.
//!
//! `cargo bench --bench group` prints ratios, of runs that take turns in one process, and how large stored groups are;
//! `cargo bench --bench group -- chain` those alone whose names have the word: sending, chain, receiving, large, roster.

#[path = "../tests/support/crowd.rs"]
mod crowd;
#[path = "../tests/support/household.rs"]
mod household;

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Instant;

use crowd::{Attendee, Crowd};
use ed25519_dalek::{Signature, Signer, SigningKey};
use evanesce::group::{Change, GroupId};
use evanesce::{Address, IdentityKey, Payload, Peer, Timestamp};
use household::Party;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256, Sha512};

/// How many people there are, with two devices each.
const PEOPLE: usize = 32;

/// How often both take turns, and how many operations each does in one: a chain has a hundred messages.
const TURNS: usize = 41;
const OPERATIONS_OF_A_TURN: usize = 20;

fn main() {
    let mut crowd = Crowd::new(&[2; PEOPLE], 1);
    let members: Vec<usize> = (1..PEOPLE).map(|person| 2 * person).collect();
    let id = crowd.create(0, &members, b"title");
    crowd.settle();
    for device in 0..2 * PEOPLE {
        crowd.say(device, &id, "first");
        crowd.settle();
    }
    let stored = crowd.group(0, &id).snapshot().len();
    println!("stored: a group of {PEOPLE} people with two devices each: {stored} bytes");
    let asked: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    let is_asked = |row: &str| asked.is_empty() || asked.iter().any(|asked| row.contains(asked));
    if is_asked("sending") {
        print_sending(&mut crowd, &id);
    }
    if is_asked("chain") {
        print_first_chain(&mut crowd, &id);
    }
    if is_asked("receiving") {
        print_receiving(&mut crowd, &id);
    }
    if is_asked("large") {
        print_large();
    }
    if is_asked("roster") {
        print_roster();
    }
}

/// A pair of devices with a session, each way.
fn pair() -> (Party, Party, Address, Address) {
    let mut crowd = Crowd::new(&[1, 1], 2);
    let parties: Vec<Party> = crowd.all.into_iter().map(|it| it.party).collect();
    let mut parties = <[Party; 2]>::try_from(parties).ok().unwrap();
    household::begin(&mut parties, 0, 1, crowd.now, &mut crowd.rng);
    let [first, second] = parties;
    let (from, to) = (first.address(), second.address());
    (first, second, from, to)
}

/// Messages to as many single devices, each with its own session: what one alone needs would stay at hand.
struct Singles {
    stored: Vec<Peer>,
    peers: Vec<Peer>,
    sent: usize,
    now: Timestamp,
    rng: ChaCha20Rng,
}

impl Singles {
    /// To whom a device of the crowd has sessions.
    fn of(crowd: &Crowd, device: usize) -> Self {
        let peers = crowd.all[device].party.contacts.peers.iter();
        let accepted = peers.map(|peer| {
            let mut peer = copy(peer);
            let _ = peer.accept_request();
            peer
        });
        let (stored, rng) = (accepted.collect(), ChaCha20Rng::seed_from_u64(3));
        Self { stored, peers: Vec::new(), sent: 0, now: crowd.now, rng }
    }

    fn send(&mut self, payload: &Payload) -> usize {
        // A chain ends that nobody answers.
        if self.sent % 30_000 == 0 {
            self.peers = self.stored.iter().map(copy).collect();
        }
        let place = self.sent % self.peers.len();
        self.sent += 1;
        let peer = &mut self.peers[place];
        black_box(peer.encrypt(payload, b"", self.now, &mut self.rng).unwrap()).message.len()
    }
}

fn copy(peer: &Peer) -> Peer {
    Peer::restore(&peer.snapshot()).unwrap()
}

/// 31 bytes: 64 padded.
fn payload() -> Payload {
    Payload::new([7; 40])
}

fn print_sending(crowd: &mut Crowd, id: &GroupId) {
    let signing = SigningKey::from_bytes(&[1; 32]);
    let mut singles = Singles::of(crowd, 0);
    let now = crowd.now;
    let mut rng = crowd.rng.clone();
    let mut send = || {
        let Attendee { party, groups, .. } = &mut crowd.all[0];
        let Party { account, own, contacts, .. } = party;
        let group = groups.group_mut(id).unwrap();
        let outgoing =
            own.in_group(account, group).encrypt(contacts, &payload(), b"", now, &mut rng);
        drop(black_box(outgoing.unwrap()));
    };
    print_ratio("encrypt for 64 devices, of a signature and a message", &mut send, &mut || {
        black_box(signing.sign(&[7; 128]));
        singles.send(&payload());
    });
    let mut all_singly = || (1..2 * PEOPLE).for_each(|_| _ = singles.send(&payload()));
    print_ratio("encrypt for 64 devices, of 63 messages", &mut send, &mut all_singly);
    // What no library that signs does without.
    let mut sign = || _ = black_box(signing.sign(&[7; 128]));
    print_ratio("a signature alone, of 63 messages", &mut sign, &mut all_singly);
}

/// A chain begins, and all get it, with a message; of as many messages of that length to single devices, and one like it.
fn print_first_chain(crowd: &mut Crowd, id: &GroupId) {
    let signing = SigningKey::from_bytes(&[1; 32]);
    let mut singles = Singles::of(crowd, 0);
    let (now, mut rng) = (crowd.now, crowd.rng.clone());
    // Of the group's own peers the same chains go on.
    let stored: Vec<_> = crowd.all[0].party.contacts.peers.iter().map(Peer::snapshot).collect();
    let length = core::cell::Cell::new(0);
    let mut given = || {
        let Attendee { party, groups, .. } = &mut crowd.all[0];
        let Party { account, own, contacts, .. } = party;
        let mut group = own.in_group(account, groups.group_mut(id).unwrap());
        drop(group.renew());
        let outgoing = group.encrypt(contacts, &payload(), b"", now, &mut rng).unwrap();
        assert_eq!(outgoing.pairwise.len(), 2 * PEOPLE - 1);
        length.set(outgoing.pairwise[0].message.len());
        drop(black_box(outgoing));
    };
    given();
    let long = Payload::new([7; 150]);
    assert_eq!(singles.send(&long), length.get());
    let mut all_singly = || {
        (1..2 * PEOPLE).for_each(|_| _ = singles.send(&long));
        black_box(signing.sign(&[7; 128]));
        singles.send(&payload());
    };
    print_ratio(
        "a chain given to 63 devices with a message, of 63 messages and such a message",
        &mut given,
        &mut all_singly,
    );
    // What a chain that signs does not begin without.
    let mut seed = [1_u8; 32];
    let mut key_pair = || {
        seed[0] = seed[0].wrapping_add(1);
        black_box(SigningKey::from_bytes(black_box(&seed)).verifying_key());
    };
    print_ratio("a key pair that signs, alone, of the same", &mut key_pair, &mut all_singly);
    println!("a message that brings a chain: {} bytes", length.get());
    for (peer, stored) in crowd.all[0].party.contacts.peers.iter_mut().zip(&stored) {
        *peer = Peer::restore(stored).unwrap();
    }
}

fn print_receiving(crowd: &mut Crowd, id: &GroupId) {
    let signing = SigningKey::from_bytes(&[1; 32]);
    let signature: Signature = signing.sign(&[7; 128]);
    let key = signing.verifying_key();
    let count = (TURNS + 1) * OPERATIONS_OF_A_TURN;
    let (mut single, mut other, from, _) = pair();
    let now = crowd.now;
    let mut singles: VecDeque<Vec<u8>> = (0..count)
        .map(|_| {
            let peer = &mut single.contacts.peers[0];
            peer.encrypt(&payload(), b"", now, &mut crowd.rng).unwrap().message
        })
        .collect();
    let mut peer = Peer::new(from);
    let first = singles.pop_front().unwrap();
    let _ = peer.decrypt(&mut other.account, &first, b"", now).unwrap();
    singles.push_back(first);
    // Of many devices, since a chain has a hundred messages.
    let mut messages = VecDeque::new();
    for device in (2..2 * PEOPLE).cycle() {
        if messages.len() >= count {
            break;
        }
        for _ in 0..10 {
            let _ = crowd.try_say(device, id, &payload()).unwrap();
            let for_us = |it: &crowd::UnderWay| it.to == 0 && it.is_broadcast;
            let others = core::mem::take(&mut crowd.under_way);
            let (ours, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(for_us);
            messages.extend(ours.into_iter().map(|it| it.bytes));
            crowd.under_way = rest.into_iter().filter(|it| it.to == 0).collect();
            crowd.settle();
        }
    }
    let Attendee { party, groups, .. } = &mut crowd.all[0];
    let mut receive = || {
        let message = messages.pop_front().unwrap();
        let Party { own, contacts, .. } = party;
        let got = groups.group_mut(id).unwrap().decrypt(own, contacts, &message, b"", now);
        drop(black_box(got.unwrap()));
    };
    print_ratio("decrypt, of a strict verification and a decryption", &mut receive, &mut || {
        key.verify_strict(&[7; 128], &signature).unwrap();
        let message = singles.pop_front().unwrap();
        let got = peer.decrypt(&mut other.account, &message, b"", now);
        drop(black_box(got));
    });
}

/// People who are known by name alone.
fn strangers() -> Vec<IdentityKey> {
    (0..998_u64)
        .map(|seed| {
            let name = Address::new(seed.to_be_bytes()).unwrap();
            let rng = &mut ChaCha20Rng::seed_from_u64(seed);
            evanesce::Account::generate_of_suite(
                evanesce::Suite::Classical,
                name,
                evanesce::limits::Limits::default(),
                household::START,
                rng,
            )
            .device()
            .identity
        })
        .collect()
}

fn print_large() {
    let mut crowd = Crowd::new(&[1; 2], 4);
    let members = [&strangers()[..], &[crowd.owner(1)]].concat();
    let (now, mut rng) = (crowd.now, crowd.rng.clone());
    let Attendee { party, .. } = &mut crowd.all[0];
    let Party { account, own, contacts, .. } = party;
    let start = Instant::now();
    let created = own.create_group(account, contacts, &members, b"", now, &mut rng);
    let (group, _) = created.unwrap();
    println!("made: a group of 1,000 in {:?}", start.elapsed());
    println!(
        "stored: a group of 1,000, of which no chain is held: {} bytes",
        group.snapshot().len()
    );
    let snapshot = group.snapshot();
    let signing = SigningKey::from_bytes(&[1; 32]);
    print_ratio(
        "load a group of 1,000, of a signature",
        &mut || {
            drop(black_box(evanesce::group::Group::restore(&snapshot).unwrap()));
        },
        &mut || {
            black_box(signing.sign(&[7; 128]));
        },
    );
}

/// A roster of a thousand comes in a message: verified, its head found.
fn print_roster() {
    let mut crowd = Crowd::new(&[1; 2], 4);
    let members = [&strangers()[..], &[crowd.owner(1)]].concat();
    let (now, mut rng) = (crowd.now, crowd.rng.clone());
    let Attendee { party, groups, .. } = &mut crowd.all[0];
    let Party { account, own, contacts, .. } = party;
    let (group, outgoing) =
        own.create_group(account, contacts, &members, b"", now, &mut rng).unwrap();
    let id = group.id();
    groups.all.push(group);
    crowd.post(0, outgoing, Some(&id));
    crowd.settle();
    let broadcast = |crowd: &crowd::Crowd| {
        crowd.under_way.iter().find(|it| it.is_broadcast).unwrap().bytes.clone()
    };
    // One of that length that carries a text: what is more is the roster's.
    let before_text = crowd.group(1, &id).snapshot();
    let _ = crowd.try_say(0, &id, &Payload::new(vec![7; 69 * 1_000])).unwrap();
    let long = broadcast(&crowd);
    crowd.settle();
    let before = crowd.group(1, &id).snapshot();
    crowd.change(0, &id, &Change::about(b"another"));
    let message = broadcast(&crowd);
    assert!(long.len().abs_diff(message.len()) <= message.len() / 16);
    let signing = SigningKey::from_bytes(&[1; 32]);
    // As many as are used up.
    let groups = |stored: &[u8]| -> VecDeque<evanesce::group::Group> {
        let count = (TURNS + 1) * OPERATIONS_OF_A_TURN;
        (0..count).map(|_| evanesce::group::Group::restore(stored).unwrap()).collect()
    };
    let (mut groups, mut before_text) = (groups(&before), groups(&before_text));
    let Attendee { party, .. } = &mut crowd.all[1];
    let decrypt = |groups: &mut VecDeque<evanesce::group::Group>, bytes: &[u8], epoch: u32| {
        let mut group = groups.pop_front().unwrap();
        let Party { own, contacts, .. } = &mut *party;
        let got = group.decrypt(own, contacts, bytes, b"", now).unwrap();
        assert_eq!(group.epoch(), epoch);
        drop(black_box((got, group)));
    };
    let decrypt = core::cell::RefCell::new(decrypt);
    print_ratio(
        "a message with a roster of 1,000, of one as long with a text, 5 signatures and the hashes",
        &mut || (decrypt.borrow_mut())(&mut groups, &message, 1),
        &mut || {
            (0..5).for_each(|_| _ = black_box(signing.sign(&[7; 128])));
            black_box((Sha256::digest(&message), Sha512::digest(&message)));
            (decrypt.borrow_mut())(&mut before_text, &long, 0);
        },
    );
}

/// The ratio of the fastest turns: what else the machine does only adds to a turn, and more to a long one.
fn print_ratio(name: &str, ours: &mut dyn FnMut(), base: &mut dyn FnMut()) {
    let time = |operation: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..OPERATIONS_OF_A_TURN).for_each(|_| operation());
        start.elapsed().as_secs_f64()
    };
    let [mut fastest, mut fastest_base] = [f64::INFINITY; 2];
    for _ in 0..TURNS {
        fastest = fastest.min(time(ours));
        fastest_base = fastest_base.min(time(base));
    }
    println!("ratio: {name}: {:.3}", fastest / fastest_base);
}
