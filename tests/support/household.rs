//! Devices of people, with a server for each and a carrier that loses nothing unless it is told to.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::VecDeque;

use evanesce::expiry::{ExpiryScheduler, Now};
use evanesce::limits::Limits;
use evanesce::person::{
    AdoptError, Contacts, DeviceList, FanOut, FanOutError, LinkCode, OwnDevices, PeopleChanges,
    Person, PersonDelivered, PersonEvent, VerifiedList,
};
use evanesce::server::PublishedPreKeys;
use evanesce::{
    Account, Address, IdentityKey, Payload, Peer, PeerDecryptError, PreKeyBundle, Suite, Timestamp,
};
use rand_chacha::ChaCha20Rng;

pub const START: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// One device, and what is on its way to it.
pub struct Party {
    pub account: Account,
    pub own: OwnDevices,
    pub contacts: Contacts,
    pub server: PublishedPreKeys,
    pub inbox: VecDeque<Letter>,
}

/// A message with its sender's address.
#[derive(Clone)]
pub struct Letter {
    pub from: Address,
    pub bytes: Vec<u8>,
}

/// All rows of a device.
#[derive(Clone, PartialEq)]
pub struct Rows {
    account: Vec<u8>,
    own: Vec<u8>,
    people: Vec<Vec<u8>>,
    peers: Vec<Vec<u8>>,
}

impl Party {
    pub fn new(name: impl AsRef<[u8]>, rng: &mut ChaCha20Rng) -> Self {
        Self::of_suite(Suite::Classical, name, rng)
    }

    pub fn of_suite(suite: Suite, name: impl AsRef<[u8]>, rng: &mut ChaCha20Rng) -> Self {
        let mut limits = Limits::default();
        limits.prekeys.one_time_prekeys = 4;
        let address = Address::new(name).unwrap();
        let mut account = Account::generate_of_suite(suite, address, limits, START, rng);
        let upload = account.maintain(None, START, rng).upload.unwrap();
        let _ = account.mark_published(&upload);
        Self {
            own: OwnDevices::new(&account),
            contacts: Contacts::new(),
            server: PublishedPreKeys::new(upload),
            inbox: VecDeque::new(),
            account,
        }
    }

    pub fn address(&self) -> Address {
        self.account.device().address
    }

    pub fn identity(&self) -> IdentityKey {
        self.account.device().identity
    }

    pub fn rows(&self) -> Rows {
        Rows {
            account: self.account.snapshot().to_vec(),
            own: self.own.snapshot().to_vec(),
            people: self.contacts.people.iter().map(|it| it.snapshot().to_vec()).collect(),
            peers: self.contacts.peers.iter().map(|it| it.snapshot().to_vec()).collect(),
        }
    }

    /// Goes on from these rows; what is on its way stays.
    pub fn put_back(&mut self, rows: &Rows) {
        self.account = Account::restore(&rows.account).unwrap();
        self.own = OwnDevices::restore(&rows.own).unwrap();
        self.contacts = Contacts::new();
        let people = rows.people.iter().map(|row| Person::restore(row).unwrap());
        self.contacts.people.extend(people);
        let peers = rows.peers.iter().map(|row| Peer::restore(row).unwrap());
        self.contacts.peers.extend(peers);
    }

    /// The place of another person, who is added if not known.
    pub fn place_of(&mut self, owner: &IdentityKey) -> usize {
        let people = &mut self.contacts.people;
        people.iter().position(|person| person.owner() == owner).unwrap_or_else(|| {
            people.push(Person::new(*owner));
            people.len() - 1
        })
    }

    pub fn accept(&mut self, owner: &IdentityKey, now: Timestamp) -> PeopleChanges {
        self.contacts.accept(&self.own, owner, now)
    }

    pub fn refuse(&mut self, owner: &IdentityKey, now: Timestamp) -> PeopleChanges {
        self.contacts.refuse(&self.own, owner, now)
    }

    pub fn verify(&mut self, owner: &IdentityKey, is_equal: bool) -> PeopleChanges {
        self.contacts.verify(&self.own, owner, is_equal)
    }

    pub fn adopt(
        &mut self,
        list: VerifiedList,
        now: Timestamp,
    ) -> Result<(Vec<PersonEvent>, PeopleChanges), AdoptError> {
        self.contacts.adopt(&self.own, list, now)
    }

    /// Publishes prekeys that are valid now, in place of those that were.
    pub fn republish(&mut self, now: Timestamp, rng: &mut ChaCha20Rng) {
        let upload = self.account.replace_prekeys(now, rng).upload.unwrap();
        let _ = self.account.mark_published(&upload);
        self.server = PublishedPreKeys::new(upload);
    }

    /// Encrypts for a person, oneself included.
    pub fn send(
        &mut self,
        owner: &IdentityKey,
        body: &[u8],
        now: Timestamp,
        rng: &mut ChaCha20Rng,
    ) -> Result<FanOut, FanOutError> {
        let place = (self.own.person().owner() != owner).then(|| self.place_of(owner));
        let Contacts { people, peers, .. } = &mut self.contacts;
        let person = place.map_or(self.own.person(), |place| &people[place]);
        self.own.to(person).encrypt(peers, &Payload::new(body), b"", now, rng)
    }

    pub fn decrypt(
        &mut self,
        letter: &Letter,
        now: Timestamp,
    ) -> Result<PersonDelivered, PeerDecryptError> {
        let Self { account, own, contacts, .. } = self;
        own.decrypt(account, contacts, &letter.from, &letter.bytes, b"", now)
    }
}

/// Begins a session of one device with another, which it pins.
pub fn begin(parties: &mut [Party], from: usize, to: usize, now: Timestamp, rng: &mut ChaCha20Rng) {
    let bundle = parties[to].server.hand_out();
    let bundle = PreKeyBundle::decode(&bundle).unwrap().verify(now).unwrap();
    let device = parties[to].account.device();
    let Party { account, contacts, .. } = &mut parties[from];
    let peers = &mut contacts.peers;
    let place = peers.iter().position(|peer| *peer.address() == device.address);
    let place = place.unwrap_or_else(|| {
        peers.push(Peer::pinned(device));
        peers.len() - 1
    });
    let _ = peers[place].accept_request();
    let _ = peers[place].initiate(account, bundle, now, rng).unwrap();
}

/// Links a device to an owner's, with all that the two users see.
pub fn link(
    parties: &mut [Party],
    owner: usize,
    device: usize,
    now: Timestamp,
    rng: &mut ChaCha20Rng,
) {
    let code = parties[device].own.show_link_code(now, rng);
    let code = LinkCode::decode(&code.encode()).unwrap();
    let bundle = PreKeyBundle::decode(&parties[device].server.hand_out()).unwrap();
    let bundle = bundle.verify(now).unwrap();
    let Party { account, own, contacts, .. } = &mut parties[owner];
    let offer = own.offer_link(account, &mut contacts.peers, &code, bundle, now, rng).unwrap();
    let digits = own.digits();
    let Party { account, own, contacts, .. } = &mut parties[device];
    let message = &offer.message.message;
    let opened = own.open_link_offer(account, &mut contacts.peers, message, now).unwrap();
    assert_eq!(opened.digits, digits);
    let answer = own.answer_link_offer(account, &mut contacts.peers, now, rng).unwrap();
    let Party { account, own, contacts, .. } = &mut parties[owner];
    let message = &answer.message.message;
    let (list, _) = own.finish_link(account, &mut contacts.peers, message, now).unwrap();
    let _ = parties[device].own.adopt(list, now).unwrap();
}

/// What devices store in the midst of things, by its name, and the messages that come next. Alice's phone has linked her
/// laptop and her tablet, removed the tablet, talked with Bob, and offered to link her watch; it is also put back to where it
/// had the tablet. Bob has seen two lists of one version.
pub fn in_the_midst_of_things(rng: &mut ChaCha20Rng) -> Vec<(&'static str, Vec<u8>)> {
    let names = ["alice/phone", "alice/laptop", "alice/tablet", "alice/watch", "bob/phone"];
    let mut parties: Vec<Party> = names.iter().map(|name| Party::new(name, rng)).collect();
    let mut stored = Vec::new();
    link(&mut parties, 0, 1, START, rng);
    link(&mut parties, 0, 2, START, rng);
    let backup = parties[0].rows();
    let alice = parties[0].identity();
    let bobs_view = |parties: &mut [Party]| {
        let list = parties[0].own.person().list().unwrap().clone();
        let place = parties[4].place_of(&alice);
        let _ = parties[4].contacts.people[place].adopt(list, START).unwrap();
    };
    bobs_view(&mut parties);
    let tablet = parties[2].address();
    let Party { account, own, .. } = &mut parties[0];
    let _ = own.remove(account, &tablet, START).unwrap();
    bobs_view(&mut parties);

    let Party { account, own, .. } = &mut parties[4];
    let bobs_list = own.refresh(account, START).unwrap().unwrap().clone();
    let place = parties[0].place_of(bobs_list.owner());
    let _ = parties[0].contacts.people[place].adopt(bobs_list.clone(), START).unwrap();
    begin(&mut parties, 0, 4, START, rng);
    let sent = |parties: &mut [Party], from: usize, to: &IdentityKey, rng: &mut ChaCha20Rng| {
        let sent = parties[from].send(to, b"text", START, rng).unwrap();
        Letter { from: parties[from].address(), bytes: sent.messages[0].message.clone() }
    };
    let to_bob = sent(&mut parties, 0, bobs_list.owner(), rng);
    let _ = parties[4].decrypt(&to_bob, START).unwrap();
    for peer in &mut parties[4].contacts.peers {
        let _ = peer.accept_request();
    }
    let answer = sent(&mut parties, 4, &alice, rng);
    let _ = parties[0].decrypt(&answer, START).unwrap();
    let peer =
        |party: &Party, of: &Party| party.contacts.peer(&of.address()).unwrap().snapshot().to_vec();
    stored.push(("peer-with-notices-1", peer(&parties[0], &parties[4])));
    stored.push(("account-of-peer-with-notices-1", parties[0].account.snapshot().to_vec()));
    stored.push(("message-to-peer-with-notices-1", sent(&mut parties, 4, &alice, rng).bytes));

    let held = parties[4].contacts.person(&alice).unwrap().list().unwrap().clone();
    let other = DeviceList::sign(
        &parties[0].account,
        &held.devices()[1..],
        held.version(),
        START.plus(std::time::Duration::from_secs(1)),
    );
    let _ = parties[4].contacts.people[0].adopt(other.unwrap(), START).unwrap();
    stored.push(("person-1", parties[4].contacts.people[0].snapshot().to_vec()));
    let bob = &mut parties[4];
    for changes in [bob.accept(&alice, START), bob.refuse(&alice, START)] {
        assert!(!changes.tell.is_empty());
    }
    let _ = bob.verify(&alice, true);
    stored.push(("person-with-decisions-1", bob.contacts.people[0].snapshot().to_vec()));

    let code = parties[3].own.show_link_code(START, rng);
    stored.push(("own-devices-showing-a-code-1", parties[3].own.snapshot().to_vec()));
    stored
        .push(("account-of-own-devices-showing-a-code-1", parties[3].account.snapshot().to_vec()));
    let bundle = PreKeyBundle::decode(&parties[3].server.hand_out()).unwrap();
    let bundle = bundle.verify(START).unwrap();
    let Party { account, own, contacts, .. } = &mut parties[0];
    let offer = own.offer_link(account, &mut contacts.peers, &code, bundle, START, rng).unwrap();
    let offer = offer.message.message;
    stored.push(("own-devices-offering-1", parties[0].own.snapshot().to_vec()));
    stored.push(("account-of-own-devices-offering-1", parties[0].account.snapshot().to_vec()));
    stored.push(("peer-of-own-devices-offering-1", peer(&parties[0], &parties[3])));
    stored.push(("message-to-own-devices-showing-a-code-1", offer.clone()));

    let Party { account, own, contacts, .. } = &mut parties[3];
    let _ = own.open_link_offer(account, &mut contacts.peers, &offer, START).unwrap();
    stored.push(("own-devices-offered-1", parties[3].own.snapshot().to_vec()));
    stored.push(("account-of-own-devices-offered-1", parties[3].account.snapshot().to_vec()));
    stored.push(("peer-of-own-devices-offered-1", peer(&parties[3], &parties[0])));
    let Party { account, own, contacts, .. } = &mut parties[3];
    let answer = own.answer_link_offer(account, &mut contacts.peers, START, rng).unwrap();
    let answer = answer.message.message;
    stored.push(("own-devices-answered-1", parties[3].own.snapshot().to_vec()));
    stored.push(("message-to-own-devices-offering-1", answer.clone()));
    let Party { account, own, contacts, .. } = &mut parties[0];
    let (list, _) = own.finish_link(account, &mut contacts.peers, &answer, START).unwrap();

    let phone = &mut parties[0];
    phone.put_back(&backup);
    let now = Now::from_wall(std::time::Duration::from_secs(START.unix_seconds()));
    let mut expiry = ExpiryScheduler::new(now, rng);
    let Party { account, own, contacts, .. } = phone;
    let _ = own.restored_from_backup(account, contacts, &mut expiry, now, rng);
    stored.push(("own-devices-put-back-1", own.snapshot().to_vec()));
    let _ = own.adopt(list, START).unwrap();
    stored.push(("own-devices-unconfirmed-1", own.snapshot().to_vec()));
    stored
}
