//! A script between the two.

use evanesce::person::{Contacts, FanOut, FanOutError, PersonDelivered};
use evanesce::session::Session;
use evanesce::{Address, Device, Payload, PeerDecryptError, Suite, Timestamp};
use rand_chacha::ChaCha20Rng;

use crate::formats;
use crate::hostile_device::event::{Alteration, Event, Framing, Happens, Ours, Script};
use crate::hostile_device::household::{Beginning, Household, SENDERS, begin};
use crate::hostile_device::judgement::Before;
use crate::hostile_device::signed_lists::{SignedLists, account_of};
use crate::people::{AD, DAY, NOW, SUITES, rng};

/// How many sessions one script begins at most: each takes as long as many messages.
const MAX_BEGUN: usize = 2;

/// How many parts are gathered at most, more than a message may have.
const MAX_GATHERED: usize = 80;

/// How many days go by at most, all in all.
const MAX_DAYS: u64 = 200;

/// Encrypts any content in a session: `evanesce::fuzzing::encrypt_content`, which is there where targets are built alone.
pub type EncryptContent = fn(&mut Session, &[u8], &[u8], &mut ChaCha20Rng) -> Option<Vec<u8>>;

/// By suite and sender.
pub struct Visits {
    encrypt_content: EncryptContent,
    lists: SignedLists,
    beginnings: Vec<(Suite, Beginning)>,
}

/// Both, and what is being written.
struct Visit<'begun> {
    encrypt_content: EncryptContent,
    lists: &'begun SignedLists,
    beginning: &'begun Beginning,
    suite: Suite,
    household: Household,
    /// The sender's, the last one in use.
    sessions: Vec<Session>,
    from: Address,
    gathered: Vec<(u8, Vec<u8>)>,
    last_message: Option<Vec<u8>>,
    now: Timestamp,
    rng: ChaCha20Rng,
}

impl Visits {
    #[must_use]
    pub fn new(encrypt_content: EncryptContent) -> Self {
        let lists = SignedLists::new();
        let kinds = SUITES.into_iter().flat_map(|suite| SENDERS.map(|sender| (suite, sender)));
        let begin = |(suite, sender)| (suite, Beginning::new(sender, suite, &lists));
        let beginnings = kinds.map(begin).collect();
        Self { encrypt_content, lists, beginnings }
    }

    /// Lets a script happen.
    ///
    /// # Panics
    ///
    /// If anything is not as it must be.
    pub fn run(&self, script: &Script) {
        let Script { suite, sender, happens } = script;
        let of_suite = self.beginnings.iter().filter(|(of, _)| of == suite);
        let mut senders = of_suite.zip(SENDERS);
        let ((_, beginning), _) = senders.find(|(_, of)| of == sender).expect("one of them");
        let session = Session::restore(&beginning.session).expect("it was stored");
        let mut visit = Visit {
            encrypt_content: self.encrypt_content,
            lists: &self.lists,
            beginning,
            suite: *suite,
            household: Household::restored(&beginning.rows),
            sessions: vec![session],
            from: self.lists.device(beginning.place).address.clone(),
            gathered: Vec::new(),
            last_message: None,
            now: NOW,
            rng: rng(61),
        };
        match happens {
            Happens::Content(content) => visit.sends(content),
            Happens::Events(events) => events.iter().for_each(|event| visit.happens(*event)),
        }
    }
}

impl Visit<'_> {
    fn happens(&mut self, event: Event) {
        match event {
            Event::List { which, alteration } => {
                let mut list = self.lists.list(which.into()).bytes.clone();
                alter(&mut list, alteration);
                self.gather(1, list);
            }
            Event::Notice { asks, own, their } => {
                let notice = [self.belief(own), self.belief(their)].concat();
                self.gather(if asks { 2 } else { 3 }, notice);
            }
            Event::Copy { of } => {
                let owner = self.lists.some_device(of.into()).identity.encode();
                self.gather(4, owner.to_vec());
            }
            Event::Tells { what, of, version } => {
                let told = self.told(what, of, version);
                self.gather(8, told);
            }
            Event::Link { is_consent: true, byte } => self.gather(6, vec![byte; 64]),
            Event::Link { is_consent: false, byte } => self.gather(5, vec![byte; 72]),
            Event::Other { kind, length, byte } => {
                self.gather(kind, vec![byte; length.into()]);
            }
            Event::Again { times } => {
                if let Some((kind, bytes)) = self.gathered.last().cloned() {
                    (0..times).for_each(|_| self.gather(kind, bytes.clone()));
                }
            }
            Event::Sends { framing, begins_session, stamp, body } => {
                if begins_session && self.sessions.len() <= MAX_BEGUN {
                    let sender = account_of(self.beginning.place, self.suite);
                    let begun = begin(&sender, &self.beginning.bundle, &mut self.rng);
                    self.sessions.push(begun);
                }
                let content = self.content(framing, stamp, body);
                self.sends(&content);
            }
            Event::Repeats => {
                if let Some(message) = self.last_message.clone() {
                    let before = Before::of(&self.household, self.sender(), self.now);
                    assert!(self.arrives(&message).is_err(), "a message opened twice");
                    before.check_refusal(&self.household);
                }
            }
            Event::Ours(ours) => self.ours(ours),
        }
    }

    fn sender(&self) -> &Device {
        self.lists.device(self.beginning.place)
    }

    fn gather(&mut self, kind: u8, bytes: Vec<u8>) {
        if self.gathered.len() < MAX_GATHERED {
            self.gathered.push((kind, bytes));
        }
    }

    /// What a notice says of one list: its version and digest, perhaps a later version or another digest; or of none.
    fn belief(&self, which: u8) -> Vec<u8> {
        let place = usize::from(which & 0x1f);
        let list = &self.lists.list(place).bytes;
        let version = formats::device_list(list).expect("it was signed").version;
        match which >> 5 {
            0..=3 => formats::belief(version, list).to_vec(),
            4 => formats::belief(version.wrapping_add(1), list).to_vec(),
            5 => formats::belief(version, &list[1..]).to_vec(),
            _ => vec![0; 36],
        }
    }

    /// What own devices tell each other (§17.10): one event, perhaps of a kind that is nobody's.
    fn told(&self, what: u8, of: u8, version: u8) -> Vec<u8> {
        let Device { identity, address } = self.lists.some_device(of.into());
        let identity = identity.encode();
        let version = u32::from(version) << (what >> 4);
        let decided = |byte: u8| [&identity[..], &version.to_be_bytes(), &[byte]].concat();
        let (kind, bytes) = match what & 7 {
            0 => (0x10, decided(1)),
            1 => (0x10, decided(3)),
            2 => (0x10, decided(what >> 4)),
            3 => (0x11, decided(1)),
            4 => (0x11, decided(0)),
            5 => {
                let address = address.as_bytes();
                let length = u8::try_from(address.len()).expect("at most 64");
                (0x12, [&identity[..], &[length], address].concat())
            }
            6 => (0x13, Vec::new()),
            _ => (of, vec![what; usize::from(what >> 4)]),
        };
        [&[kind], &*formats::leb128(bytes.len()), &bytes].concat()
    }

    fn content(&mut self, framing: Framing, stamp: u8, body: u8) -> Vec<u8> {
        let mut parts = std::mem::take(&mut self.gathered);
        let mut length_off = 0;
        match framing {
            Framing::InOrder => parts.sort_by_key(|(kind, _)| *kind),
            Framing::AsGathered => {}
            Framing::Mismeasured { by } => length_off = isize::from(by),
        }
        let parts: Vec<u8> = parts
            .iter()
            .flat_map(|(kind, bytes)| [&[*kind], &*formats::leb128(bytes.len()), bytes].concat())
            .collect();
        let front = if parts.is_empty() {
            Vec::new()
        } else {
            let length = parts.len().saturating_add_signed(length_off);
            [&[0x30], &*formats::leb128(length), &parts].concat()
        };
        let stamp: &[u8] = match stamp % 4 {
            0 | 1 => &[0, 0],
            2 => &[0x10, 0],
            _ => &[0xff],
        };
        [&front, stamp, &vec![body; usize::from(body % 32)]].concat()
    }

    /// The last session seals this content, and it comes.
    fn sends(&mut self, content: &[u8]) {
        let control: &[u8] = if self.suite == Suite::Hybrid { &[0x80] } else { &[] };
        let sealed = [control, content].concat();
        let session = self.sessions.last_mut().expect("there is one");
        let message = (self.encrypt_content)(session, &sealed, AD, &mut self.rng);
        let Some(message) = message else { return };
        let before = Before::of(&self.household, self.sender(), self.now);
        match self.arrives(&message) {
            Ok(got) => {
                before.check(content, &got, &self.household, self.lists, self.now);
                self.last_message = Some(message);
            }
            Err(error) => {
                before.check_refusal(&self.household);
                assert_eq!(error, PeerDecryptError::Refused);
                assert!(before.sender_is_refused());
            }
        }
    }

    fn arrives(&mut self, message: &[u8]) -> Result<PersonDelivered, PeerDecryptError> {
        let Household { account, own, contacts } = &mut self.household;
        own.decrypt(account, contacts, &self.from, message, AD, self.now)
    }

    fn ours(&mut self, ours: Ours) {
        let Household { own, contacts, .. } = &mut self.household;
        let sender = contacts.peers.iter_mut().find(|peer| *peer.address() == self.from);
        let sender = sender.expect("it has written");
        match ours {
            Ours::Accepts => _ = sender.accept_request(),
            Ours::Refuses => _ = sender.refuse(),
            Ours::ConfirmsAll => _ = own.confirm_all(),
            Ours::Passes { days } => {
                let later = self.now.plus(DAY * u32::from(days % 64));
                if later <= NOW.plus(DAY * u32::try_from(MAX_DAYS).unwrap_or(u32::MAX)) {
                    self.now = later;
                }
                for person in &mut contacts.people {
                    let _ = person.maintain(self.now);
                }
                for peer in &mut contacts.peers {
                    let _ = peer.maintain(self.now);
                }
            }
            Ours::Writes => self.writes(),
            Ours::Tells => {
                for place in 0..self.household.contacts.people.len() {
                    let Household { own, contacts, .. } = &mut self.household;
                    let Contacts { people, peers } = contacts;
                    let to = own.to(&people[place]);
                    let sent = to.tell(peers, &self.from, AD, self.now, &mut self.rng);
                    self.reaches(sent, b"");
                }
            }
        }
    }

    /// To each person, and to ourselves.
    fn writes(&mut self) {
        for place in 0..=self.household.contacts.people.len() {
            let Household { own, contacts, .. } = &mut self.household;
            let Contacts { people, peers } = contacts;
            let to = own.to(people.get(place).unwrap_or(own.person()));
            let payload = Payload::new("to all devices");
            let sent = to.encrypt(peers, &payload, AD, self.now, &mut self.rng);
            self.reaches(sent, &payload.body);
        }
    }

    /// What is sent to the hostile device it can open; who has nothing to say has changed nothing.
    fn reaches(&mut self, sent: Result<FanOut, FanOutError>, body: &[u8]) {
        let Ok(sent) = sent else { return };
        for message in sent.messages.iter().filter(|message| message.to == self.from) {
            let opened = self
                .sessions
                .iter_mut()
                .find_map(|session| session.decrypt(&message.message, AD, self.now).ok());
            assert_eq!(opened.expect("it is of one of its sessions").body, body);
        }
        self.household.rows().check_restoring(&self.beginning.rows);
    }
}

fn alter(list: &mut Vec<u8>, alteration: Alteration) {
    match alteration {
        Alteration::None => {}
        Alteration::Byte { place, by } => {
            // So that each of a few hundred bytes can be meant.
            let place = list.len() * usize::from(place) / 256;
            list[place] ^= by;
        }
        Alteration::Cut { by } => list.truncate(list.len().saturating_sub(1 + usize::from(by))),
        Alteration::Longer { by } => list.extend(vec![0; 1 + usize::from(by % 16)]),
    }
}
