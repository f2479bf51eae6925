//! A device of Bob's before anything hostile comes, by what the sender is to it.

use evanesce::expiry::{ExpiryScheduler, Now};
use evanesce::person::{Contacts, DeviceList, OwnDevices, Person, VerifiedList};
use evanesce::session::Session;
use evanesce::{Account, Device, Payload, Peer, PreKeyBundle, Suite};

use crate::hostile_device::signed_lists::{
    BOBS_LAPTOP, BOBS_PHONE, BOBS_WITH_LAPTOP, CAROLS_FIRST, CAROLS_PHONE, CAROLS_TABLET,
    CAROLS_WITHOUT_TABLET, MALLORYS_PHONE, SignedLists, account_of,
};
use crate::people::{AD, NOW, rng};

/// What the sender is to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Nobody's device, and not accepted.
    Stranger,
    Accepted,
    /// One of Carol's, who is known.
    OfPerson,
    /// One that Carol had until lately.
    WasOfPerson,
    /// The laptop, and the device is the owner's.
    Own,
    /// The same, and the device was put back to an older state.
    OwnToPutBack,
    /// The owner's, and the device is the laptop.
    Owner,
    /// The owner's, and the device is the laptop and holds no list yet.
    OwnerOfLinked,
}

pub const SENDERS: [Sender; 8] = [
    Sender::Stranger,
    Sender::Accepted,
    Sender::OfPerson,
    Sender::WasOfPerson,
    Sender::Own,
    Sender::OwnToPutBack,
    Sender::Owner,
    Sender::OwnerOfLinked,
];

/// All that is stored of the device, the people and peers in their order.
#[derive(Clone, PartialEq, Eq)]
pub struct Rows {
    pub account: Vec<u8>,
    pub own: Vec<u8>,
    pub people: Vec<Vec<u8>>,
    pub peers: Vec<Vec<u8>>,
}

/// The device.
pub struct Household {
    pub account: Account,
    pub own: OwnDevices,
    pub contacts: Contacts,
}

/// The device and the sender's session with it, as they are stored, and what begins another one.
pub struct Beginning {
    pub rows: Rows,
    pub session: Vec<u8>,
    pub bundle: Vec<u8>,
    /// The place of the sender.
    pub place: usize,
}

impl Rows {
    /// What is not as it was before comes back as the same.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn check_restoring(&self, before: &Self) {
        let Self { account, own, people, peers } = self;
        if *account != before.account {
            let restored = Account::restore(account).expect("an account comes back");
            assert!(*restored.snapshot() == *account);
        }
        if *own != before.own {
            let restored = OwnDevices::restore(own).expect("own devices come back");
            assert!(*restored.snapshot() == *own);
        }
        for row in people.iter().filter(|row| !before.people.contains(row)) {
            let restored = Person::restore(row).expect("a person comes back");
            assert!(*restored.snapshot() == **row);
        }
        for row in peers.iter().filter(|row| !before.peers.contains(row)) {
            let restored = Peer::restore(row).expect("a peer comes back");
            assert!(*restored.snapshot() == **row);
        }
    }
}

impl Household {
    #[must_use]
    pub fn rows(&self) -> Rows {
        let Self { account, own, contacts: Contacts { people, peers } } = self;
        Rows {
            account: account.snapshot().to_vec(),
            own: own.snapshot().to_vec(),
            people: people.iter().map(|person| person.snapshot().to_vec()).collect(),
            peers: peers.iter().map(|peer| peer.snapshot().to_vec()).collect(),
        }
    }

    /// The same out of the store.
    ///
    /// # Panics
    ///
    /// If something of it does not come back.
    #[must_use]
    pub fn restored(rows: &Rows) -> Self {
        let Rows { account, own, people, peers } = rows;
        let person = |row: &Vec<u8>| Person::restore(row).expect("a person comes back");
        let peer = |row: &Vec<u8>| Peer::restore(row).expect("a peer comes back");
        Self {
            account: Account::restore(account).expect("an account comes back"),
            own: OwnDevices::restore(own).expect("own devices come back"),
            contacts: Contacts {
                people: people.iter().map(person).collect(),
                peers: peers.iter().map(peer).collect(),
            },
        }
    }
}

impl Beginning {
    /// Both have spoken once.
    ///
    /// # Panics
    ///
    /// If they cannot.
    #[must_use]
    pub fn new(sender: Sender, suite: Suite, lists: &SignedLists) -> Self {
        let (ours, place) = match sender {
            Sender::Stranger | Sender::Accepted => (BOBS_PHONE, MALLORYS_PHONE),
            Sender::OfPerson | Sender::WasOfPerson => (BOBS_PHONE, CAROLS_TABLET),
            Sender::Own | Sender::OwnToPutBack => (BOBS_PHONE, BOBS_LAPTOP),
            Sender::Owner | Sender::OwnerOfLinked => (BOBS_LAPTOP, BOBS_PHONE),
        };
        let mut rng = rng(60);
        let mut account = account_of(ours, suite);
        let upload = account.maintain(None, NOW, &mut rng).upload.expect("it publishes");
        let _ = account.mark_published(&upload);
        let bundle = upload.bundle().encode();

        let mut own = OwnDevices::belonging_to(&account, lists.device(BOBS_PHONE).identity);
        if sender != Sender::OwnerOfLinked {
            let _ = own.adopt(verified(lists, BOBS_WITH_LAPTOP), NOW).expect("it is ours");
            let _ = own.confirm_all();
        }
        let mut carol = Person::new(lists.device(CAROLS_PHONE).identity);
        let _ = carol.adopt(verified(lists, CAROLS_FIRST), NOW).expect("it is hers");
        if sender == Sender::WasOfPerson {
            let list = verified(lists, CAROLS_WITHOUT_TABLET);
            let _ = carol.adopt(list, NOW).expect("it is hers");
        }
        let peers = vec![Peer::pinned(lists.device(CAROLS_PHONE).clone())];
        let mut contacts = Contacts { people: vec![carol], peers };
        if sender == Sender::OwnToPutBack {
            let now = Now::from_wall(std::time::Duration::from_secs(NOW.unix_seconds()));
            let mut expiry = ExpiryScheduler::new(now, &mut rng);
            let _ =
                own.restored_from_backup(&mut account, &mut contacts, &mut expiry, now, &mut rng);
        }
        let bundle = if sender == Sender::OwnToPutBack {
            account.pending_upload().expect("prekeys were replaced").bundle().encode()
        } else {
            bundle
        };

        let theirs = account_of(place, suite);
        let mut session = begin(&theirs, &bundle, &mut rng);
        let first = session.encrypt(&Payload::new("hello"), AD, &mut rng).expect("it can send");
        let Device { address, .. } = theirs.device();
        let mut household = Household { account, own, contacts };
        let Household { account, own, contacts } = &mut household;
        let _ = own.decrypt(account, contacts, &address, &first, AD, NOW).expect("it opens");
        let peer = contacts.peers.last_mut().expect("the sender's");
        if sender != Sender::Stranger {
            let _ = peer.accept_request();
            let answer = peer.encrypt(&Payload::new("hello"), AD, NOW, &mut rng);
            let answer = answer.expect("there is a session").message;
            session.decrypt(&answer, AD, NOW).expect("it opens");
        }
        Self { rows: household.rows(), session: session.snapshot().to_vec(), bundle, place }
    }
}

/// Begins a session of the sender's.
///
/// # Panics
///
/// If the bundle does not verify.
pub fn begin(sender: &Account, bundle: &[u8], rng: &mut rand_chacha::ChaCha20Rng) -> Session {
    let bundle =
        PreKeyBundle::decode(bundle).expect("a bundle").verify(NOW).expect("it is genuine");
    sender.initiate(&bundle, rng).expect("strong keys")
}

fn verified(lists: &SignedLists, which: usize) -> VerifiedList {
    let list = DeviceList::decode(&lists.list(which).bytes).expect("a list");
    list.verify(NOW).expect("it was signed")
}
