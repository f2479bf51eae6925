//! Two people with several devices, who agree on their lists, and lists to measure with.

#![allow(dead_code, reason = "each program uses a part")]

use std::mem;

use evanesce::limits::Limits;
use evanesce::person::{
    Contacts, DeviceList, FanOut, ListedDevice, OwnDevices, Person, PersonDelivered, VerifiedList,
};
use evanesce::{Account, Address, Delivered, Device, Encrypted, Payload, Peer, Suite, Timestamp};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);

/// No associated data.
const AD: &[u8] = b"";

/// How many devices a list has at most.
const MOST_DEVICES: usize = 16;

/// In how many rounds all devices have said what they hold, and heard that it is known.
const ROUNDS: usize = 4;

/// One device, and what it knows.
struct Home {
    account: Account,
    own: OwnDevices,
    contacts: Contacts,
}

/// A device, the other people, and all devices that a message to them goes to: theirs, then our other ones, in the order of
/// the peers of `us`.
pub struct Household {
    us: Home,
    others: Vec<Home>,
    /// The addresses of the others, who are not in a copy.
    addresses: Vec<Address>,
    rng: ChaCha20Rng,
}

impl Home {
    fn new(name: &str, rng: &mut ChaCha20Rng) -> Self {
        let account = account(name, rng);
        Self { own: OwnDevices::new(&account), contacts: Contacts::new(), account }
    }

    fn address(&self) -> Address {
        self.account.device().address
    }

    fn decrypt(&mut self, from: &Address, message: &[u8]) -> PersonDelivered {
        let Self { account, own, contacts } = self;
        own.decrypt(account, contacts, from, message, AD, NOW).unwrap()
    }

    /// This person is known, with this list.
    fn knows(&mut self, list: &VerifiedList) {
        let mut person = Person::new(*list.owner());
        let _ = person.adopt(list.clone(), NOW).unwrap();
        self.contacts.people.push(person);
    }

    /// To the device of the other side, alone.
    fn answer(&mut self, to: &Address, payload: &Payload, rng: &mut ChaCha20Rng) -> Vec<u8> {
        let Self { own, contacts: Contacts { people, peers }, .. } = self;
        let is_ours = own.person().list().unwrap().devices().iter();
        let is_ours = is_ours.clone().any(|listed| listed.device.address == *to);
        let person = if is_ours { own.person() } else { &people[0] };
        let only = [to.clone()];
        let mut sent = own.to(person).only(&only).encrypt(peers, payload, AD, NOW, rng).unwrap();
        mem::take(&mut sent.messages[0].message)
    }
}

impl Household {
    /// Three devices and another person's four; so many peers that have nothing to do with it stand behind those that have.
    pub fn agreed(other_peers: usize) -> Self {
        Self::of(3, 1, 4, other_peers)
    }

    /// One device, and four people who have as many as a list may: 64.
    pub fn of_many() -> Self {
        Self::of(1, 4, MOST_DEVICES, 0)
    }

    /// Where nothing is due to anybody any more.
    fn of(own_devices: usize, people: usize, devices_of_each: usize, other_peers: usize) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let (mut ours, our_list) = linked("alice", own_devices, &mut rng);
        let mut others = Vec::new();
        for number in 0..people {
            let (mut theirs, list) = linked(&format!("bob-{number}"), devices_of_each, &mut rng);
            theirs.iter_mut().for_each(|home| home.knows(&our_list));
            ours.iter_mut().for_each(|home| home.knows(&list));
            others.append(&mut theirs);
        }
        let mut us = ours.remove(0);
        others.append(&mut ours);
        for other in &others {
            let mut peer = Peer::pinned(other.account.device());
            let bundle = other.account.pending_upload().unwrap().bundle().verify(NOW).unwrap();
            let _ = peer.initiate(&us.account, bundle, NOW, &mut rng).unwrap();
            us.contacts.peers.push(peer);
        }
        let addresses = others.iter().map(Home::address).collect();
        let mut household = Self { us, others, addresses, rng };
        for _ in 0..ROUNDS {
            household.round();
        }
        let other = account("carol", &mut household.rng).device();
        let others = (0..other_peers).map(|number| {
            let address = Address::new(format!("carol/{number}")).unwrap();
            Peer::pinned(Device { address, ..other.clone() })
        });
        household.us.contacts.peers.extend(others);
        // Begins the chains in which messages are measured.
        let _ = household.fan_out_to_all(&body(64));
        household
    }

    /// Our device once more, out of its store, and nobody else.
    pub fn copy(&self) -> Self {
        let Self { us: Home { account, own, contacts: Contacts { people, peers } }, .. } = self;
        let person = |person: &Person| Person::restore(&person.snapshot()).unwrap();
        let peer = |peer: &Peer| Peer::restore(&peer.snapshot()).unwrap();
        let contacts = Contacts {
            people: people.iter().map(person).collect(),
            peers: peers.iter().map(peer).collect(),
        };
        let account = Account::restore(&account.snapshot()).unwrap();
        let own = OwnDevices::restore(&own.snapshot()).unwrap();
        let us = Home { account, own, contacts };
        let (addresses, rng) = (self.addresses.clone(), self.rng.clone());
        Self { us, others: Vec::new(), addresses, rng }
    }

    /// A message to all, and an answer of each.
    fn round(&mut self) {
        let payload = body(64);
        let sent = self.fan_out_to_all(&payload);
        let Self { us, others, rng, .. } = self;
        let messages: Vec<_> = sent.iter().flat_map(|sent| &sent.messages).collect();
        assert_eq!(messages.len(), others.len());
        for (other, message) in others.iter_mut().zip(messages) {
            assert_eq!(message.to, other.address());
            let _ = other.decrypt(&us.address(), &message.message);
            other.contacts.peers.iter_mut().for_each(|peer| _ = peer.accept_request());
            let _ = us.decrypt(&other.address(), &other.answer(&us.address(), &payload, rng));
        }
    }

    /// To the devices of the first other person, and own ones.
    pub fn fan_out(&mut self, payload: &Payload) -> FanOut {
        let Self { us: Home { own, contacts: Contacts { people, peers }, .. }, rng, .. } = self;
        own.to(&people[0]).encrypt(peers, payload, AD, NOW, rng).unwrap()
    }

    /// The same to each other person.
    pub fn fan_out_to_all(&mut self, payload: &Payload) -> Vec<FanOut> {
        let Self { us: Home { own, contacts: Contacts { people, peers }, .. }, rng, .. } = self;
        let to = |person| own.to(person).encrypt(peers, payload, AD, NOW, rng).unwrap();
        people.iter().map(to).collect()
    }

    /// To each of the same devices by its peer.
    pub fn one_by_one(&mut self, payload: &Payload) -> Vec<Encrypted> {
        let Self { us, addresses, rng, .. } = self;
        let peers = us.contacts.peers.iter_mut().take(addresses.len());
        peers.map(|peer| peer.encrypt(payload, AD, NOW, rng).unwrap()).collect()
    }

    /// So many messages of the other person's first device, once padded of this size.
    pub fn messages_to_us(&mut self, padded: usize, count: usize) -> Vec<Vec<u8>> {
        let Self { us, others, rng, .. } = self;
        let payload = body(padded);
        (0..count).map(|_| others[0].answer(&us.address(), &payload, rng)).collect()
    }

    /// One of these messages comes.
    pub fn decrypt(&mut self, message: &[u8]) -> PersonDelivered {
        self.us.decrypt(&self.addresses[0], message)
    }

    /// The same by its peer alone.
    pub fn decrypt_by_peer(&mut self, message: &[u8]) -> Delivered {
        let Home { account, contacts, .. } = &mut self.us;
        contacts.peers[0].decrypt(account, message, AD, NOW).unwrap()
    }
}

/// A payload of this size once padded.
pub fn body(padded: usize) -> Payload {
    Payload::new(vec![b'x'; padded - 3])
}

fn account(name: &str, rng: &mut ChaCha20Rng) -> Account {
    let (address, limits) = (Address::new(name).unwrap(), Limits::default());
    Account::generate_of_suite(Suite::Classical, address, limits, NOW, rng)
}

/// So many devices of one person, and the list that they hold.
fn linked(name: &str, count: usize, rng: &mut ChaCha20Rng) -> (Vec<Home>, VerifiedList) {
    let mut homes: Vec<Home> =
        (1..=count).map(|number| Home::new(&format!("{name}/{number:02}"), rng)).collect();
    let owner = homes[0].account.device().identity;
    let devices: Vec<_> =
        homes.iter().map(|home| ListedDevice::consenting(&home.account, &owner, NOW)).collect();
    let Home { account, own, .. } = &mut homes[0];
    let list = own.sign(account, &devices, NOW).unwrap().clone();
    for home in homes.iter_mut().skip(1) {
        home.own = OwnDevices::belonging_to(&home.account, owner);
        let _ = home.own.adopt(list.clone(), NOW).unwrap();
    }
    (homes, list)
}

/// The longest list.
pub fn longest_list() -> Vec<u8> {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let accounts: Vec<Account> = (0..MOST_DEVICES)
        .map(|number| account(&format!("user-17/device-{number:02}"), &mut rng))
        .collect();
    let owner = accounts[0].device().identity;
    let consenting = |account| ListedDevice::consenting(account, &owner, NOW);
    let devices: Vec<_> = accounts.iter().map(consenting).collect();
    DeviceList::sign(&accounts[0], &devices, 1, NOW).unwrap().encode()
}

/// What stands signed in a list (docs/protocol.md §17.2).
pub struct SignedBytes {
    pub key: [u8; 32],
    pub message: Vec<u8>,
    pub signature: [u8; 64],
}

/// The owner's signature, then each consent.
pub fn signatures_of(list: &[u8]) -> Vec<SignedBytes> {
    let (signed, signature) = list.split_last_chunk::<64>().unwrap();
    let (owner, mut entries) = (&signed[1..65], &signed[86..]);
    let key = *owner.first_chunk().unwrap();
    let message = [b"evanesce/v1 device list signature", signed].concat();
    let mut all = vec![SignedBytes { key, message, signature: *signature }];
    while !entries.is_empty() {
        let (entry, rest) = entries.split_at(1 + usize::from(entries[0]) + 64 + 8 + 64);
        let (agreed, consent) = entry.split_last_chunk::<64>().unwrap();
        let key = *agreed[1 + usize::from(agreed[0])..].first_chunk().unwrap();
        let message = [b"evanesce/v1 device consent", owner, agreed].concat();
        all.push(SignedBytes { key, message, signature: *consent });
        entries = rest;
    }
    all
}

/// All that is done with the first list of a person that comes.
pub fn adopt(list: &[u8]) -> Person {
    let list = DeviceList::decode(list).unwrap().verify(NOW).unwrap();
    let mut person = Person::new(*list.owner());
    let _ = person.adopt(list, NOW).unwrap().unwrap();
    person
}
