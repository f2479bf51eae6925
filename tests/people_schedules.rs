//! Two people whose devices come and go, in random schedules with loss, restarts and devices that are put back: afterwards
//! all listed devices hold the same lists and decisions and hear each other, and one that was removed was written to by
//! nobody who knew.
//!
//! 100 schedules by default; `EVANESCE_SEEDS=0..1000` tries those.

#[path = "support/household.rs"]
mod household;

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use evanesce::expiry::{Age, ExpiryScheduler, Now};
use evanesce::person::{
    ContactDecision, FanOut, FanOutError, LinkCode, LinkError, Obstacle, OwnEvent, Person,
    PersonDelivered, PersonEvent, SignError,
};
use evanesce::server::PublishedPreKeys;
use evanesce::{Address, IdentityKey, PreKeyBundle, Timestamp};
use household::{Letter, Party, Rows, START, begin, link};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const NAMES: [&str; 8] =
    ["alice/1", "alice/2", "alice/3", "alice/4", "bob/1", "bob/2", "bob/3", "bob/4"];

/// Whose device signs the lists of each person.
const OWNERS: [usize; 2] = [0, 4];

/// How many things happen before all is let settle.
const EVENTS: u32 = 50;

/// How long a round is while all settles.
const ROUND: Duration = Duration::from_secs(4 * 3_600);

/// So many rounds without a signature bring news from anybody to everybody, whoever cannot reach whom: more than a day, after
/// which a device that nobody has answered begins another session.
const QUIET: u32 = 8;

/// After so many all has settled, or never will.
const ROUNDS: u32 = 50;

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
    let Happened { sent, lost, cut, opened, refused, told, decided, restarted, .. } = happened;
    let of_messages = [sent, lost, cut, opened, refused, told, decided, restarted];
    assert!(of_messages.iter().all(|it| *it > 0));
    let Happened { noticed, unnoticed, linked, removed, unconfirmed, marked, .. } = happened;
    let of_lists = [noticed, unnoticed, linked, removed, unconfirmed, marked];
    assert!(of_lists.iter().all(|it| *it > 0));
}

#[derive(Debug, Default)]
struct Happened {
    sent: u32,
    lost: u32,
    /// Between two who cannot reach each other while all settles.
    cut: u32,
    opened: u32,
    refused: u32,
    /// Control messages to own devices.
    told: u32,
    decided: u32,
    restarted: u32,
    /// Put back, and put right as the documentation says.
    noticed: u32,
    /// Put back, and nobody knows.
    unnoticed: u32,
    linked: u32,
    removed: u32,
    /// Devices that the user was asked about, on an owner's device.
    unconfirmed: u32,
    /// Owner's devices that saw two lists of one version of their own.
    marked: u32,
}

/// What a device has in its store.
struct Backup {
    rows: Rows,
    to_tell: Vec<OwnEvent>,
}

/// Who cannot reach whom while all settles. News still comes to everybody: each device reaches the other person's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Nobody,
    /// The own devices of one person, or of both.
    Within(&'static [usize]),
    /// The same of both, and all but the owners' devices from the other person's.
    AllButOwners,
}

const CUTS: [Cut; 5] =
    [Cut::Nobody, Cut::Within(&[0]), Cut::Within(&[4]), Cut::Within(&OWNERS), Cut::AllButOwners];

struct Schedule {
    seed: u64,
    rng: ChaCha20Rng,
    now: Timestamp,
    parties: Vec<Party>,
    expiry: ExpiryScheduler,
    backups: Vec<Option<Backup>>,
    /// What each device still has to tell the other own ones.
    to_tell: Vec<Vec<OwnEvent>>,
    /// The devices that their users take for theirs.
    wanted: BTreeSet<usize>,
    /// Those that were put back unnoticed.
    unnoticed: BTreeSet<usize>,
    /// What each device has shown.
    shown: Vec<BTreeSet<Vec<u8>>>,
    cut: Cut,
    count: u32,
}

fn owner_of(device: usize) -> usize {
    if device < OWNERS[1] { OWNERS[0] } else { OWNERS[1] }
}

fn other_owner(device: usize) -> usize {
    OWNERS[0] + OWNERS[1] - owner_of(device)
}

fn devices_of(owner: usize) -> Range<usize> {
    owner..owner + NAMES.len() / 2
}

impl Schedule {
    fn start(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut parties: Vec<Party> = NAMES.iter().map(|name| Party::new(name, &mut rng)).collect();
        for owner in OWNERS {
            for device in [owner + 1, owner + 2] {
                link(&mut parties, owner, device, START, &mut rng);
            }
        }
        let wanted: BTreeSet<usize> = OWNERS.iter().flat_map(|owner| *owner..owner + 3).collect();
        for device in &wanted {
            let list = parties[other_owner(*device)].own.person().list().unwrap().clone();
            let person = parties[*device].place_of(list.owner());
            let _ = parties[*device].contacts.people[person].adopt(list, START).unwrap();
        }
        let now = Now::from_wall(Duration::from_secs(START.unix_seconds()));
        Self {
            seed,
            now: START,
            expiry: ExpiryScheduler::new(now, &mut rng),
            rng,
            parties,
            backups: NAMES.iter().map(|_| None).collect(),
            to_tell: vec![Vec::new(); NAMES.len()],
            wanted,
            unnoticed: BTreeSet::new(),
            shown: vec![BTreeSet::new(); NAMES.len()],
            cut: Cut::Nobody,
            count: 0,
        }
    }

    /// In each schedule one device, an owner's in three of four, comes back as it was before a list was signed: in the midst of
    /// things, or when all had agreed before, and have on what was signed since, so that nobody asks.
    fn run(mut self, happened: &mut Happened) {
        let device = if self.pick(4) == 0 { self.one_of_wanted() } else { OWNERS[self.pick(2)] };
        let is_agreed = self.pick(2) == 0;
        let [saved, signed, back] = [12, 20, if is_agreed { EVENTS - 1 } else { 35 }];
        let mut backup = None;
        for event in 0..EVENTS {
            self.now = self.now.plus(Duration::from_secs(60));
            if is_agreed && (event == saved || event == back) {
                self.come_to_rest(3, happened);
            }
            if event == saved {
                self.backups[device] = None;
                backup = Some(self.save(device));
            } else if event == signed {
                self.sign_something(owner_of(device), happened);
            } else if event == back {
                backup.take().into_iter().for_each(|it| self.put_back(device, &it, happened));
            } else {
                self.something(backup.as_ref().map(|_| device), happened);
            }
        }
        self.settle(happened);
    }

    fn something(&mut self, kept: Option<usize>, happened: &mut Happened) {
        let device = self.pick(8);
        let is_known = self.parties[device].own.person().list().is_some();
        match self.pick(24) {
            0..=5 if is_known => self.send(device, other_owner(device), 4, happened),
            6 if is_known => self.send(device, owner_of(device), 4, happened),
            0..=6 => {}
            7..=13 => self.deliver_one(device, happened),
            14 => {
                let rows = self.parties[device].rows();
                self.parties[device].put_back(&rows);
                assert!(self.parties[device].rows() == rows, "seed {}", self.seed);
                happened.restarted += 1;
            }
            15 | 16 => self.backups[device] = Some(self.save(device)),
            17 if kept != Some(device) => {
                let backup = self.backups[device].take();
                backup.into_iter().for_each(|it| self.put_back(device, &it, happened));
            }
            17 | 18 => _ = self.user_looks(owner_of(device), happened),
            19 | 20 => self.sign_something(owner_of(device), happened),
            _ if self.wanted.contains(&device) => self.decide(device, happened),
            _ => {}
        }
    }

    fn pick(&mut self, count: u32) -> usize {
        usize::try_from(self.rng.next_u32() % count).unwrap()
    }

    fn one_of_wanted(&mut self) -> usize {
        let place = self.pick(u32::try_from(self.wanted.len()).unwrap());
        *self.wanted.iter().nth(place).unwrap()
    }

    fn identity(&self, owner: usize) -> IdentityKey {
        self.parties[owner].identity()
    }

    fn place_at(&self, address: &Address) -> usize {
        NAMES.iter().position(|name| name.as_bytes() == address.as_bytes()).unwrap()
    }

    fn wall(&self) -> Now {
        Now::from_wall(Duration::from_secs(self.now.unix_seconds()))
    }

    /// What was decided of the other person on a device.
    fn decision(&self, device: usize) -> Option<ContactDecision> {
        let other = self.identity(other_owner(device));
        self.parties[device].contacts.person(&other)?.decision()
    }

    /// Sends a text of its own to the person of an owner, beginning sessions as needed; of the messages one in so many is lost.
    fn send(&mut self, from: usize, to: usize, lost_of: u32, happened: &mut Happened) {
        self.count += 1;
        let body = format!("{} of {}", self.count, NAMES[from]).into_bytes();
        self.shown[from].insert(body.clone());
        // Nothing is written to somebody who is refused, or asked about.
        let is_own = to == owner_of(from);
        if !is_own && self.decision(from).is_some_and(|it| it != ContactDecision::Accepted) {
            return;
        }
        self.begin_needed(from);
        let identity = self.identity(to);
        let sent = match self.parties[from].send(&identity, &body, self.now, &mut self.rng) {
            Ok(sent) => sent,
            Err(FanOutError::Removed) => return,
            // Nobody has a session yet, or none is left of the person.
            Err(FanOutError::NobodyReached) => {
                let others = self.others(from, &identity);
                return self.send_again(from, to, &others, &body, lost_of, happened);
            }
            Err(other) => panic!("seed {}: {other}", self.seed),
        };
        let missed = without_session(&sent);
        self.post(from, sent, lost_of, happened);
        self.send_again(from, to, &missed, &body, lost_of, happened);
        self.tell(from, lost_of, happened);
    }

    /// The other devices of the person and of one's own, as the lists that are held here say.
    fn others(&self, from: usize, to: &IdentityKey) -> Vec<Address> {
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
        to: usize,
        missed: &[Address],
        body: &[u8],
        lost_of: u32,
        happened: &mut Happened,
    ) {
        if missed.is_empty() {
            return;
        }
        missed.iter().for_each(|to| self.begin(from, self.place_at(to)));
        let identity = self.identity(to);
        let party = &mut self.parties[from];
        let place = (to != owner_of(from)).then(|| party.place_of(&identity));
        let (people, peers) = (&party.contacts.people, &mut party.contacts.peers);
        let person = place.map_or(party.own.person(), |place| &people[place]);
        let (payload, only) = (evanesce::Payload::new(body), party.own.to(person).only(missed));
        match only.encrypt(peers, &payload, b"", self.now, &mut self.rng) {
            Ok(sent) => self.post(from, sent, lost_of, happened),
            // Own devices of a list that may be an older one, or only those that are not confirmed.
            Err(FanOutError::NobodyReached) => {}
            Err(other) => panic!("seed {}: {other}", self.seed),
        }
    }

    /// Tells own devices what was decided here; whom it does not reach, later.
    fn tell(&mut self, from: usize, lost_of: u32, happened: &mut Happened) {
        let (now, Party { own, contacts, .. }) = (self.now, &mut self.parties[from]);
        let (to, events) = (own.to(own.person()), &self.to_tell[from]);
        let sent = to.tell_events(&mut contacts.peers, events, Age::NONE, b"", now, &mut self.rng);
        match sent {
            Ok(sent) => {
                if sent.unreached.is_empty() {
                    self.to_tell[from].clear();
                }
                happened.told += u32::try_from(sent.messages.len()).unwrap();
                self.post(from, sent, lost_of, happened);
            }
            Err(other) => panic!("seed {}: {other}", self.seed),
        }
    }

    /// Tells another own device all that is known here.
    fn introduce(&mut self, from: usize, to: usize, lost_of: u32, happened: &mut Happened) {
        let (now, address) = (self.wall(), self.parties[to].address());
        let Party { own, contacts, .. } = &mut self.parties[from];
        let sent = own.introduce(contacts, &self.expiry, &address, b"", now, &mut self.rng);
        let sent = sent.unwrap();
        happened.told += u32::try_from(sent.messages.len()).unwrap();
        self.post(from, sent, lost_of, happened);
    }

    /// Sessions with those peers for whom they ask for one themselves.
    fn begin_needed(&mut self, from: usize) {
        let peers = &self.parties[from].contacts.peers;
        let needs = peers.iter().filter(|peer| peer.session_need(self.now).is_some());
        let needs: Vec<usize> = needs.map(|peer| self.place_at(peer.address())).collect();
        needs.into_iter().for_each(|to| self.begin(from, to));
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
            let is_of = |person: &Person| {
                let is_owners = *person.owner() == device.identity;
                person.list().map_or(is_owners, |list| list.lists(&device))
            };
            let is_known = party.contacts.people.iter().any(is_of) || is_of(party.own.person());
            assert!(is_known, "seed {}: {} to {}", self.seed, NAMES[from], NAMES[to]);
            happened.sent += 1;
            if self.are_cut(from, to) {
                happened.cut += 1;
            } else if lost_of > 0 && self.rng.next_u32() % lost_of == 0 {
                happened.lost += 1;
            } else {
                let letter = Letter { from: address.clone(), bytes: message.message };
                self.parties[to].inbox.push_back(letter);
            }
        }
    }

    fn are_cut(&self, from: usize, to: usize) -> bool {
        let is_within = owner_of(from) == owner_of(to);
        match self.cut {
            Cut::Nobody => false,
            Cut::Within(owners) => is_within && owners.contains(&owner_of(from)),
            Cut::AllButOwners => is_within || !(OWNERS.contains(&from) || OWNERS.contains(&to)),
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
                self.take_in(to, told, happened);
            }
            Err(refusal) => {
                happened.refused += 1;
                let peers = &mut party.contacts.peers;
                let sender = peers.iter_mut().find(|peer| *peer.address() == letter.from);
                sender.into_iter().for_each(|it| _ = it.note_refusal(&letter.bytes, &refusal, now));
            }
        }
    }

    /// What the application does with a message that opened, and its user with a request.
    fn take_in(&mut self, to: usize, told: PersonDelivered, happened: &mut Happened) {
        let PersonDelivered { delivered, person, is_control, events, changes, .. } = told;
        if !is_control {
            self.shown[to].insert(delivered.received.body);
        }
        self.to_tell[to].extend(changes.tell);
        let (now, other) = (self.now, self.identity(other_owner(to)));
        for event in events {
            match event {
                PersonEvent::Given(list) => {
                    // Of nobody who is known, or an older one.
                    let _ = self.parties[to].adopt(*list, now);
                }
                PersonEvent::Adopted { came, unknown_own: true, .. } => {
                    happened.unconfirmed += u32::try_from(came.len()).unwrap();
                }
                PersonEvent::Equivocation { held, .. } if to == owner_of(to) => {
                    let is_own = *held.owner() == self.identity(to);
                    happened.marked += u32::from(is_own);
                }
                _ => {}
            }
        }
        if person == Some(other) && self.decision(to).is_none() {
            let changes = self.parties[to].accept(&other, now);
            self.to_tell[to].extend(changes.tell);
        }
    }

    fn save(&self, device: usize) -> Backup {
        Backup { rows: self.parties[device].rows(), to_tell: self.to_tell[device].clone() }
    }

    /// A device comes back as it was, and in three of four times is put right, as the documentation says.
    fn put_back(&mut self, device: usize, backup: &Backup, happened: &mut Happened) {
        let is_noticed = self.pick(4) != 0;
        let now = self.wall();
        let party = &mut self.parties[device];
        party.put_back(&backup.rows);
        self.to_tell[device].clone_from(&backup.to_tell);
        if !is_noticed {
            self.unnoticed.insert(device);
            happened.unnoticed += 1;
            return;
        }
        let Party { account, own, contacts, server, .. } = party;
        let rng = &mut self.rng;
        let restored = own.restored_from_backup(account, contacts, &mut self.expiry, now, rng);
        let upload = restored.maintained.upload.unwrap();
        let _ = account.mark_published(&upload);
        *server = PublishedPreKeys::new(upload);
        // What is older has prekeys that nobody is given any more.
        self.backups[device] = None;
        happened.noticed += 1;
    }

    /// The user decides something of the other person.
    fn decide(&mut self, device: usize, happened: &mut Happened) {
        let (now, other) = (self.now, self.identity(other_owner(device)));
        let choice = self.pick(6);
        let party = &mut self.parties[device];
        let changes = match choice {
            0 => party.refuse(&other, now),
            1 => party.contacts.set_back_to_request(&party.own, &other, now),
            2 => party.verify(&other, true),
            3 => party.verify(&other, false),
            _ => party.accept(&other, now),
        };
        happened.decided += u32::from(!changes.tell.is_empty());
        self.to_tell[device].extend(changes.tell);
    }

    /// An owner's device links one, removes one, or signs the same again, if it may.
    fn sign_something(&mut self, owner: usize, happened: &mut Happened) {
        let device = owner + 1 + self.pick(3);
        let now = self.now;
        if self.wanted.contains(&device) {
            let address = self.parties[device].address();
            let Party { account, own, .. } = &mut self.parties[owner];
            match own.remove(account, &address, now) {
                Ok(_) => {
                    self.wanted.remove(&device);
                    happened.removed += 1;
                }
                // It was put back to where it had not linked it; or the user is to look first.
                Err(SignError::NotListed | SignError::PutBack | SignError::Marked) => {}
                Err(other) => panic!("seed {}: {other}", self.seed),
            }
        } else {
            self.link(owner, device, happened);
        }
    }

    /// Links a device, again if it was removed. Its user has both at hand, and nothing is lost.
    fn link(&mut self, owner: usize, device: usize, happened: &mut Happened) {
        let (now, rng) = (self.now, &mut self.rng);
        if self.parties[device].own.is_listed() {
            // It does not know yet that it was removed: it fetches the list.
            let list = self.parties[owner].own.person().list().unwrap().clone();
            let _ = self.parties[device].own.adopt(list, now);
            if self.parties[device].own.is_listed() {
                return;
            }
        }
        let code = self.parties[device].own.show_link_code(now, rng);
        let code = LinkCode::decode(&code.encode()).unwrap();
        let bundle = PreKeyBundle::decode(&self.parties[device].server.hand_out()).unwrap();
        let bundle = bundle.verify(now).unwrap();
        let Party { account, own, contacts, .. } = &mut self.parties[owner];
        let offer = match own.offer_link(account, &mut contacts.peers, &code, bundle, now, rng) {
            Ok(offer) => offer.message.message,
            // It was put back to where it had not removed it; or the user is to look first.
            Err(LinkError::AlreadyListed | LinkError::Sign(_)) => return,
            Err(other) => panic!("seed {}: {other}", self.seed),
        };
        let Party { account, own, contacts, .. } = &mut self.parties[device];
        let _ = own.open_link_offer(account, &mut contacts.peers, &offer, now).unwrap();
        let answer = own.answer_link_offer(account, &mut contacts.peers, now, rng).unwrap();
        let Party { account, own, contacts, .. } = &mut self.parties[owner];
        let answer = answer.message.message;
        let (list, _) = own.finish_link(account, &mut contacts.peers, &answer, now).unwrap();
        // It may have to wait for it.
        if self.pick(2) == 0 {
            let _ = self.parties[device].own.adopt(list, now).unwrap();
        }
        // What was saved is of a device of nobody.
        self.backups[device] = None;
        self.wanted.insert(device);
        happened.linked += 1;
        self.introduce(owner, device, 4, happened);
    }

    /// On an owner's device the user says which devices are theirs, if that is asked. Says whether a list was signed.
    fn user_looks(&mut self, owner: usize, happened: &mut Happened) -> bool {
        let now = self.now;
        let theirs: Vec<_> = devices_of(owner).filter(|it| self.wanted.contains(it)).collect();
        let theirs: Vec<_> = theirs.iter().map(|it| self.parties[*it].account.device()).collect();
        let is_marked = self.shows_two_lists(owner);
        let Party { account, own, .. } = &mut self.parties[owner];
        if own.person().is_marked() || own.is_put_back() {
            assert!(own.confirm_all());
        }
        for device in own.unconfirmed().to_vec() {
            assert!(!theirs.contains(&device) || own.confirm(&device));
        }
        let mut devices = own.person().list().unwrap().devices().to_vec();
        let before = devices.len();
        devices.retain(|listed| theirs.contains(&listed.device));
        let is_due = is_marked || devices.len() != before;
        if is_due {
            own.sign(account, &devices, now).unwrap();
            happened.removed += u32::from(devices.len() != before);
        }
        is_due
    }

    /// Whether a device of the owner's list shows its user that there are two of its version: they see it wherever it is told.
    fn shows_two_lists(&self, owner: usize) -> bool {
        let list = self.parties[owner].own.person().list().unwrap();
        let mut theirs = self.parties[devices_of(owner)].iter();
        theirs.any(|party| {
            let person = party.own.person();
            let is_newest = person.list().is_some_and(|held| held.version() >= list.version());
            list.lists(party.own.device()) && person.is_marked() && is_newest
        })
    }

    /// What users do while all settles: they write to each other, whatever they decided before. Owners look at what they are
    /// asked, and others say that a restored device is theirs. Says whether a list was signed.
    fn users_decide(&mut self, happened: &mut Happened) -> bool {
        let now = self.now;
        for device in self.active() {
            let other = self.identity(other_owner(device));
            let accepted = self.parties[device].accept(&other, now);
            self.to_tell[device].extend(accepted.tell);
            if !OWNERS.contains(&device) {
                let _ = self.parties[device].own.confirm_all();
            }
        }
        let signed = OWNERS.map(|owner| self.user_looks(owner, happened));
        signed.contains(&true)
    }

    /// The devices of both owners' lists.
    fn active(&self) -> Vec<usize> {
        let is_listed = |device: &usize| {
            let list = self.parties[owner_of(*device)].own.person().list().unwrap();
            list.lists(&self.parties[*device].account.device())
        };
        (0..NAMES.len()).filter(is_listed).collect()
    }

    /// All write to all, and nothing is lost but what the cut is.
    fn round(&mut self, happened: &mut Happened) {
        self.now = self.now.plus(ROUND);
        for from in 0..NAMES.len() {
            if self.wanted.contains(&from) {
                OWNERS.iter().for_each(|to| self.send(from, *to, 0, happened));
                self.deliver_all(happened);
            }
        }
    }

    /// The network is good from now on, but that some cannot reach each other at first, and the users say what they are
    /// asked.
    fn settle(&mut self, happened: &mut Happened) {
        self.cut = CUTS[self.pick(5)];
        // Who was put back unnoticed hears of some lists with the next session only.
        self.sessions_of_unnoticed();
        // A newer list may still come before anybody has to ask.
        (0..3).for_each(|_| self.round(happened));
        self.come_to_rest(QUIET, happened);
        self.compare_lists();
        // A device that nobody else knew may be heard only now.
        self.cut = Cut::Nobody;
        self.come_to_rest(3, happened);
        self.compare_lists();
        self.compare_decisions(happened);
        self.all_are_reached(happened);
    }

    /// Until so many rounds have gone by in which no list was signed: that is done only where an owner's device asks for it.
    fn come_to_rest(&mut self, rest: u32, happened: &mut Happened) {
        let (mut quiet, mut rounds) = (0, 0);
        while quiet < rest {
            self.round(happened);
            quiet = if self.users_decide(happened) { 0 } else { quiet + 1 };
            rounds += 1;
            assert!(rounds < ROUNDS, "seed {}: it does not settle", self.seed);
        }
    }

    fn sessions_of_unnoticed(&mut self) {
        for from in core::mem::take(&mut self.unnoticed) {
            let mut others: BTreeSet<Address> = BTreeSet::new();
            for owner in OWNERS {
                others.extend(self.others(from, &self.identity(owner)));
            }
            let is_accepted = self.decision(from).is_none_or(|it| it == ContactDecision::Accepted);
            for to in others {
                let to = self.place_at(&to);
                if is_accepted || owner_of(to) == owner_of(from) {
                    self.begin(from, to);
                }
            }
        }
    }

    fn compare_lists(&self) {
        let (seed, cut) = (self.seed, self.cut);
        let list = |owner: usize| self.parties[owner].own.person().list().unwrap();
        for device in self.active() {
            let (party, name) = (&self.parties[device], NAMES[device]);
            let held = party.own.person().list();
            let ours = list(owner_of(device));
            assert!(held == Some(ours), "seed {seed}, {cut:?}: {name}'s own {held:?}, {ours:?}");
            let other = self.identity(other_owner(device));
            let held = party.contacts.person(&other).and_then(|person| person.list());
            let theirs = list(other_owner(device));
            assert!(held == Some(theirs), "seed {seed}, {cut:?}: {name} {held:?}, {theirs:?}");
            assert!(!party.own.is_removed() && !party.own.is_put_back());
        }
    }

    /// Each own device is told by each other all that is known there.
    fn compare_decisions(&mut self, happened: &mut Happened) {
        let active = self.active();
        for from in &active {
            for to in active.iter().filter(|to| owner_of(**to) == owner_of(*from) && *to != from) {
                self.introduce(*from, *to, 0, happened);
            }
            self.deliver_all(happened);
        }
        for device in &active {
            let known = |device: usize| {
                let other = self.identity(other_owner(device));
                let person = self.parties[device].contacts.person(&other).unwrap();
                (person.decision(), person.is_verified())
            };
            let (held, owners) = (known(*device), known(owner_of(*device)));
            assert_eq!(held, owners, "seed {}: {}", self.seed, NAMES[*device]);
        }
    }

    /// What is sent now reaches all, and nobody else.
    fn all_are_reached(&mut self, happened: &mut Happened) {
        let active = self.active();
        for from in &active {
            for to in OWNERS {
                self.send(*from, to, 0, happened);
                let body = format!("{} of {}", self.count, NAMES[*from]).into_bytes();
                self.deliver_all(happened);
                let is_meant = |device| [owner_of(*from), to].contains(&owner_of(device));
                for (device, name) in NAMES.iter().enumerate() {
                    let is_shown = self.shown[device].contains(&body);
                    let (seed, is_due) = (self.seed, is_meant(device) && active.contains(&device));
                    assert_eq!(is_shown, is_due, "seed {seed}: {} to {name}", NAMES[*from]);
                }
            }
        }
    }

    fn deliver_all(&mut self, happened: &mut Happened) {
        for to in 0..NAMES.len() {
            while let Some(letter) = self.parties[to].inbox.pop_front() {
                self.deliver(to, &letter, happened);
            }
        }
    }
}

fn without_session(sent: &FanOut) -> Vec<Address> {
    let missed = sent.unreached.iter().filter(|it| it.reason == Obstacle::NeedsSession);
    missed.map(|unreached| unreached.to.clone()).collect()
}
