//! Two people with three devices each, what can happen to them and to their messages, and what holds after
//! each event.
//!
//! An event is a few small numbers, of which any are allowed: so a schedule can be made of any bytes. This
//! file needs nothing of the other test support.
//!
//! Where the library leaves a choice, the application here acts like this:
//!
//! - It begins a session when [`Peer::session_need`] says so, before it sends. Sending accepts a request.
//! - A message refused as `NoSession`, `UnknownPreKey`, `Undecryptable`, `Forked` or `Replayed` makes the
//!   receiver begin a session and send something in it, but for each peer only once an hour: anyone can bring
//!   most such refusals about. Other refused messages are dropped.
//! - The users know of each other's new installations. An identity that is not, or no more, the other
//!   device's is not accepted, and its message is dropped.
//! - After a restore from a backup it drops the sessions, publishes new prekeys and has the server forget the
//!   former ones, as the documentation asks. What it has shown is part of the backup.
//!
//! One thing a restore cannot undo: the account has prekeys again that were spent since, so a first message that
//! was accepted since can be accepted once more, if it comes once more. What was shown before the backup is not
//! shown again. But the session is made a second time and goes on in another way, which the peer reports as
//! `Forked` (SECURITY.md, "The store").

use std::collections::BTreeSet;
use std::time::Duration;

use evanesce::expiry::Stamp;
use evanesce::limits::Limits;
use evanesce::server::{PreKeyUpload, PublishedPreKeys};
use evanesce::session::SessionId;
use evanesce::{
    Account, Address, Changes, Contact, Maintained, Payload, Peer, PeerDecryptError,
    PeerEncryptError, PeerInitiateError, PreKeyBundle, Received, Timestamp, VerifyError,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// Those of the first person, then those of the second.
const DEVICES: usize = 6;
/// Devices of one person, and so peers of each device.
const EACH: usize = 3;

const START: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);
const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// How much time can pass at once, in seconds.
const STEPS: [u64; 8] = [1, HOUR, 6 * HOUR, DAY, 3 * DAY, 8 * DAY, 25 * DAY, 40 * DAY];
/// How far a clock can be behind, in seconds: bundles from a day ahead are still taken.
const BEHIND: [u64; 4] = [0, 1, HOUR, 20 * HOUR];
/// Nothing is too old before so much time has passed.
const NOTHING_IS_OLD: Duration = Duration::from_secs(20 * DAY);

/// How long a device waits before a refusal makes it begin a session with the same peer again.
const BETWEEN_BEGINNINGS: Duration = Duration::from_secs(HOUR);

/// Sessions that a peer keeps: the active one and eight more.
const MAX_SESSIONS: usize = 9;

/// In how many exchanges a pair understands each other. A peer that cannot use the session that we began begins
/// one of its own. We follow that if it has the smaller id, else only a second one.
const MAX_DEAF: usize = 3;

/// In how many exchanges a pair comes to use one session.
const MAX_EXCHANGES: usize = 6;

/// How many backups of a device are kept.
const MAX_BACKUPS: usize = 4;

/// What can happen. Numbers that are too big begin again from zero.
///
/// A `link` is a way from one device to a device of the other person: three times the first one's number,
/// and which of the other's devices. `to` is a receiving device, and `place` a message among those that are
/// under way to it, or have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A text is sent.
    Send { link: u8 },
    /// A message arrives.
    Deliver { to: u8, place: u8 },
    /// Both ends of a link begin a session and send, before either hears the other.
    BothBegin { link: u8 },
    /// A session is begun, needed or not.
    Begin { link: u8 },
    /// A message arrives, and stays under way.
    Repeat { to: u8, place: u8 },
    /// A message that has arrived before does so again.
    Replay { to: u8, place: u8 },
    /// A message falls behind all others.
    Delay { to: u8, place: u8 },
    /// A message never arrives.
    Lose { to: u8, place: u8 },
    /// An altered copy of a message arrives: `manner` says how, `at` where it is altered.
    Alter { to: u8, place: u8, manner: u8, at: u8 },
    /// A copy of a message arrives as if it had been sent on another link.
    Misdirect { to: u8, place: u8, link: u8 },
    /// All states of a device are backed up.
    BackUp { device: u8 },
    /// A device goes on from what it has stored.
    Crash { device: u8 },
    /// A device goes back to a backup.
    Restore { device: u8, backup: u8 },
    /// A device is set up anew.
    Reinstall { device: u8 },
    /// Time passes.
    Pass { step: u8 },
    /// A device's clock is set, to the right time or behind it.
    SetClock { device: u8, behind: u8 },
    /// A device maintains its account, and publishes what that gives.
    MaintainAccount { device: u8 },
    /// A device maintains its peers.
    MaintainPeers { device: u8 },
}

/// The schedule that bytes say: all bytes say one.
pub fn events_from(bytes: &[u8]) -> Vec<Event> {
    let mut bytes = bytes.iter().copied();
    std::iter::from_fn(|| Event::read(&mut bytes)).collect()
}

impl Event {
    /// Half of all first bytes say that a message is sent or arrives.
    fn read(bytes: &mut impl Iterator<Item = u8>) -> Option<Self> {
        let kind = bytes.next()?;
        let mut next = || bytes.next();
        Some(match kind % 32 {
            0..=6 => Self::Send { link: next()? },
            7..=15 => Self::Deliver { to: next()?, place: next()? },
            16 => Self::BothBegin { link: next()? },
            17 => Self::Begin { link: next()? },
            18 => Self::Repeat { to: next()?, place: next()? },
            19 => Self::Replay { to: next()?, place: next()? },
            20 => Self::Delay { to: next()?, place: next()? },
            21 => Self::Lose { to: next()?, place: next()? },
            22 => Self::Alter { to: next()?, place: next()?, manner: next()?, at: next()? },
            23 => Self::Misdirect { to: next()?, place: next()?, link: next()? },
            24 => Self::BackUp { device: next()? },
            25 => Self::Crash { device: next()? },
            26 => Self::Restore { device: next()?, backup: next()? },
            27 => Self::Reinstall { device: next()? },
            28 => Self::Pass { step: next()? },
            29 => Self::SetClock { device: next()?, behind: next()? },
            30 => Self::MaintainAccount { device: next()? },
            _ => Self::MaintainPeers { device: next()? },
        })
    }
}

/// A way from one device to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Link {
    from: usize,
    to: usize,
}

impl Link {
    fn new(number: u8) -> Self {
        let from = usize::from(number) / EACH % DEVICES;
        let other = usize::from(number) % EACH;
        Self { from, to: if from < EACH { EACH + other } else { other } }
    }

    fn back(self) -> Self {
        Self { from: self.to, to: self.from }
    }

    /// What its messages are bound to.
    fn ad(self) -> Vec<u8> {
        format!("{} to {}", self.from, self.to).into_bytes()
    }
}

/// A message, as the carrier has it, and what only we know of it.
#[derive(Clone)]
struct Letter {
    link: Link,
    text: u32,
    bytes: Vec<u8>,
    /// Whether it has been offered before.
    has_come: bool,
}

/// What a text says.
fn body(text: u32) -> Vec<u8> {
    let says = format!("text {text} ").into_bytes();
    says.repeat(1 + usize::try_from(text % 3).unwrap() * 8)
}

/// What a device holds and stores.
struct Phone {
    account: Account,
    /// The devices of the other person.
    peers: Vec<Peer>,
    /// The texts that have been shown.
    shown: BTreeSet<u32>,
    /// When a refusal last made us begin a session, for each peer.
    begun_anew: [Option<Timestamp>; EACH],
}

/// All of it, stored.
#[derive(Clone)]
struct Stored {
    account: Vec<u8>,
    peers: Vec<Vec<u8>>,
    shown: BTreeSet<u32>,
    begun_anew: [Option<Timestamp>; EACH],
}

impl Phone {
    fn new(device: usize, now: Timestamp, rng: &mut ChaCha20Rng) -> Self {
        let address = |device: usize| Address::new(format!("device {device}")).unwrap();
        let others = if device < EACH { EACH..DEVICES } else { 0..EACH };
        Self {
            account: Account::generate_with_limits(address(device), limits(device), now, rng),
            peers: others.map(|other| Peer::new(address(other))).collect(),
            shown: BTreeSet::new(),
            begun_anew: [None; EACH],
        }
    }

    fn store(&self) -> Stored {
        Stored {
            account: self.account.snapshot().to_vec(),
            peers: self.peers.iter().map(|peer| peer.snapshot().to_vec()).collect(),
            shown: self.shown.clone(),
            begun_anew: self.begun_anew,
        }
    }

    fn start(stored: &Stored) -> Self {
        let peers = stored.peers.iter().map(|peer| Peer::restore(peer).unwrap());
        Self {
            account: Account::restore(&stored.account).unwrap(),
            peers: peers.collect(),
            shown: stored.shown.clone(),
            begun_anew: stored.begun_anew,
        }
    }

    /// What a call for one peer can change.
    fn state(&self, peer: usize) -> [Vec<u8>; 2] {
        [self.account.snapshot().to_vec(), self.peers[peer].snapshot().to_vec()]
    }

    /// What is reported as changed is what has changed.
    fn check(&self, peer: usize, before: &[Vec<u8>; 2], changes: Changes) {
        let after = self.state(peer);
        assert_eq!(changes.account, after[0] != before[0], "{changes:?}");
        assert_eq!(changes.peer, after[1] != before[1], "{changes:?}");
        assert!(changes.session.is_none() || changes.peer);
        assert!(changes.spent_prekey.is_none() || changes.account);
    }

    fn active(&self, peer: usize) -> Option<SessionId> {
        self.peers[peer].sessions().next().map(|session| session.id())
    }
}

/// The first device of each person keeps all keys; the second has no one-time prekeys, so that its replay record
/// is needed; the third keeps hardly any keys.
fn limits(device: usize) -> Limits {
    let mut limits = Limits::default();
    limits.prekeys.one_time_prekeys = [3, 0, 1][device % EACH];
    limits.session.max_older_chains = 1_000;
    if keeps_few(device) {
        limits.session.max_skip = 2;
        limits.session.max_held_keys = 3;
        limits.session.max_older_chains = 1;
    }
    limits
}

fn keeps_few(device: usize) -> bool {
    device % EACH == 2
}

/// What became of a schedule.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many messages opened.
    pub opened: usize,
    /// Why messages were refused, in order.
    pub refused: Vec<PeerDecryptError>,
    /// How many exchanges it took in the end until the slowest pair used one session.
    pub slowest: usize,
}

/// Two people with three devices each, the server that has their prekeys, and the carrier of their messages.
pub struct Household {
    phones: Vec<Phone>,
    servers: Vec<PublishedPreKeys>,
    /// How far the clock of each device is behind.
    behind: Vec<Duration>,
    backups: Vec<Vec<Stored>>,
    /// Whether a device was ever restored from a backup, or set up anew.
    lost_something: [bool; DEVICES],
    /// By receiver, what is on its way.
    under_way: Vec<Vec<Letter>>,
    /// By receiver, what has arrived.
    arrived: Vec<Vec<Letter>>,
    /// All messages that were ever sent, and their sealed headers.
    sent: BTreeSet<Vec<u8>>,
    headers: BTreeSet<Vec<u8>>,
    /// How many texts have been written.
    texts: u32,
    /// How many sessions each pair has begun.
    begun: [[usize; EACH]; EACH],
    now: Timestamp,
    rng: ChaCha20Rng,
    outcome: Outcome,
}

/// Lets all of it happen. Panics where something does not hold.
pub fn live(seed: u64, events: &[Event]) -> Outcome {
    let mut household = Household::new(seed);
    for event in events {
        household.apply(*event);
    }
    household.settle()
}

impl Household {
    /// Nobody has written to anybody. The seed decides whose session ids are the smaller ones.
    pub fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut phones: Vec<_> =
            (0..DEVICES).map(|device| Phone::new(device, START, &mut rng)).collect();
        let servers = phones.iter_mut().map(|phone| {
            let upload = phone.account.maintain(None, START, &mut rng).upload.unwrap();
            let _ = phone.account.mark_published(&upload);
            PublishedPreKeys::new(upload)
        });
        Self {
            servers: servers.collect(),
            phones,
            behind: vec![Duration::ZERO; DEVICES],
            backups: vec![Vec::new(); DEVICES],
            lost_something: [false; DEVICES],
            under_way: vec![Vec::new(); DEVICES],
            arrived: vec![Vec::new(); DEVICES],
            sent: BTreeSet::new(),
            headers: BTreeSet::new(),
            texts: 0,
            begun: [[0; EACH]; EACH],
            now: START,
            rng,
            outcome: Outcome::default(),
        }
    }

    pub fn apply(&mut self, event: Event) {
        match event {
            Event::Send { link } => self.send(Link::new(link)),
            Event::Deliver { to, place } => self.deliver(to, place),
            Event::BothBegin { link } => self.both_begin(Link::new(link)),
            Event::Begin { link } => drop(self.begin(Link::new(link))),
            Event::Repeat { to, place } => self.repeat(to, place),
            Event::Replay { to, place } => self.replay(to, place),
            Event::Delay { to, place } => self.delay(to, place),
            Event::Lose { to, place } => drop(self.take(to, place)),
            Event::Alter { to, place, manner, at } => self.alter(to, place, manner, at),
            Event::Misdirect { to, place, link } => self.misdirect(to, place, Link::new(link)),
            Event::BackUp { device } => self.back_up(number(device)),
            Event::Crash { device } => self.crash(number(device)),
            Event::Restore { device, backup } => self.restore(number(device), backup),
            Event::Reinstall { device } => self.reinstall(number(device)),
            Event::Pass { step } => {
                let step = STEPS[usize::from(step) % STEPS.len()];
                self.now = self.now.plus(Duration::from_secs(step));
            }
            Event::SetClock { device, behind } => {
                let behind = BEHIND[usize::from(behind) % BEHIND.len()];
                self.behind[number(device)] = Duration::from_secs(behind);
            }
            Event::MaintainAccount { device } => self.maintain_account(number(device)),
            Event::MaintainPeers { device } => self.maintain_peers(number(device)),
        }
        self.nothing_grows();
    }

    /// What a device takes for the time.
    fn clock(&self, device: usize) -> Timestamp {
        self.now.minus(self.behind[device])
    }

    /// Neither sessions nor the keys in them become too many.
    fn nothing_grows(&self) {
        for peer in self.phones.iter().flat_map(|phone| &phone.peers) {
            assert!(peer.sessions().count() <= MAX_SESSIONS);
            for session in peer.sessions() {
                let most = usize::try_from(session.limits().max_held_keys).unwrap();
                assert!(session.held_keys() <= most);
            }
        }
    }
}

/// A device's number.
fn number(device: u8) -> usize {
    usize::from(device) % DEVICES
}

/// Sending.
impl Household {
    fn send(&mut self, link: Link) {
        let Link { from, to } = link;
        let (peer, now) = (to % EACH, self.clock(from));
        let before = self.phones[from].state(peer);
        let changes = self.phones[from].peers[peer].accept_request();
        self.phones[from].check(peer, &before, changes);

        let need = self.phones[from].peers[peer].session_need(now);
        let has_begun = need.is_some() && self.begin(link);
        let text = self.texts;
        self.texts += 1;
        let phone = &mut self.phones[from];
        let before = phone.state(peer);
        let payload = Payload::new(body(text));
        let sent = phone.peers[peer].encrypt(&payload, &link.ad(), now, &mut self.rng);
        let sent = match sent {
            Ok(sent) => sent,
            Err(error) => {
                assert!(phone.state(peer) == before, "the refusal as {error:?} changed something");
                assert_eq!(error, PeerEncryptError::NeedsSession);
                // There is no bundle to begin one with, and the text waits.
                assert!(need.is_some() && !has_begun);
                return;
            }
        };
        phone.check(peer, &before, sent.changes);
        assert!(sent.changes.peer && sent.changes.session == phone.active(peer));
        assert_eq!(sent.session_need, phone.peers[peer].session_need(now));
        let bytes = sent.message;
        // One sealed header, one key: the carrier must not see any twice.
        assert!(self.headers.insert(sealed_header(&bytes).to_vec()), "a key was used twice");
        self.sent.insert(bytes.clone());
        self.under_way[to].push(Letter { link, text, bytes, has_come: false });
    }

    /// Begins a session. False if there is no bundle to begin it with, or a request has not been accepted.
    fn begin(&mut self, link: Link) -> bool {
        let Link { from, to } = link;
        let (peer, now) = (to % EACH, self.clock(from));
        let bundle = PreKeyBundle::decode(&self.servers[to].hand_out()).unwrap();
        let bundle = match bundle.verify(now) {
            Ok(bundle) => bundle,
            Err(error) => {
                assert_eq!(error, VerifyError::Expired);
                return false;
            }
        };
        let identity = self.phones[to].account.device().identity;
        let phone = &mut self.phones[from];
        let before = phone.state(peer);
        let mut begun =
            phone.peers[peer].initiate(&phone.account, bundle.clone(), now, &mut self.rng);
        if let Err(error) = begun {
            assert!(phone.state(peer) == before, "the refusal as {error:?} changed something");
            if error == PeerInitiateError::Request {
                return false;
            }
            assert_eq!(error, PeerInitiateError::IdentityChanged(identity));
            let changes = phone.peers[peer].accept_identity(identity);
            phone.check(peer, &before, changes);
            assert!(changes.peer && phone.active(peer).is_none());
            begun = phone.peers[peer].initiate(&phone.account, bundle, now, &mut self.rng);
        }
        let changes = begun.unwrap();
        phone.check(peer, &before, changes);
        assert!(changes.session.is_some() && changes.session == phone.active(peer));
        self.begun[from.min(to)][from.max(to) % EACH] += 1;
        true
    }

    fn both_begin(&mut self, link: Link) {
        self.begin(link);
        self.begin(link.back());
        self.send(link);
        self.send(link.back());
    }
}

/// What stands before the sealed header depends on the kind.
fn sealed_header(message: &[u8]) -> &[u8] {
    let start = match (message[0], message[6]) {
        (0x11, 1) => 188,
        (0x11, _) => 184,
        _ => 1,
    };
    &message[start..start + 56]
}

/// Receiving.
impl Household {
    /// What is under way at a place, if anything is.
    fn take(&mut self, to: u8, place: u8) -> Option<Letter> {
        let waiting = &mut self.under_way[number(to)];
        let place = usize::from(place).checked_rem(waiting.len())?;
        Some(waiting.remove(place))
    }

    fn deliver(&mut self, to: u8, place: u8) {
        if let Some(letter) = self.take(to, place) {
            self.hand_over(&letter);
            self.arrived[number(to)].push(Letter { has_come: true, ..letter });
        }
    }

    fn repeat(&mut self, to: u8, place: u8) {
        if let Some(letter) = self.take(to, place) {
            self.hand_over(&letter);
            self.under_way[number(to)].push(Letter { has_come: true, ..letter });
        }
    }

    fn replay(&mut self, to: u8, place: u8) {
        let arrived = &self.arrived[number(to)];
        if let Some(place) = usize::from(place).checked_rem(arrived.len()) {
            let letter = arrived[place].clone();
            self.hand_over(&letter);
        }
    }

    fn delay(&mut self, to: u8, place: u8) {
        if let Some(letter) = self.take(to, place) {
            self.under_way[number(to)].push(letter);
        }
    }

    fn alter(&mut self, to: u8, place: u8, manner: u8, at: u8) {
        let Some(letter) = self.take(to, place) else { return };
        let at_byte = |bytes: &[u8]| bytes.len() * usize::from(at) / 256;
        let (mut bytes, mut ad) = (letter.bytes.clone(), letter.link.ad());
        let place = at_byte(&bytes);
        match manner % 5 {
            0 => bytes[place] ^= 1 << (at % 8),
            1 => bytes.truncate(place),
            2 => bytes.push(at),
            3 => {
                let others = self.under_way[number(to)].iter().chain(&self.arrived[number(to)]);
                if let Some(other) = others.last() {
                    bytes.truncate(place);
                    bytes.extend_from_slice(other.bytes.get(place..).unwrap_or_default());
                }
            }
            _ => ad.push(at),
        }
        // Put together of two, it may have become one of them.
        if !self.sent.contains(&bytes) || ad != letter.link.ad() {
            let error = self.offer(letter.link, &bytes, &ad).expect_err("an altered message");
            assert!(!matches!(error, PeerDecryptError::IdentityChanged(_)), "nothing is proved");
            self.react(letter.link, error);
        }
        self.under_way[number(to)].push(letter);
    }

    fn misdirect(&mut self, to: u8, place: u8, link: Link) {
        let Some(letter) = self.take(to, place) else { return };
        if link != letter.link {
            let ad = letter.link.ad();
            let error = self.offer(link, &letter.bytes, &ad).expect_err("a misdirected message");
            assert!(!matches!(error, PeerDecryptError::IdentityChanged(_)), "nothing is proved");
            self.react(link, error);
        }
        self.under_way[number(to)].push(letter);
    }

    /// A message arrives unaltered where it should. Whether it opened.
    fn hand_over(&mut self, letter: &Letter) -> bool {
        let Letter { link, text, ref bytes, has_come } = *letter;
        let Link { from, to } = link;
        let (peer, ad) = (from % EACH, link.ad());
        let mut offered = self.offer(link, bytes, &ad);
        if let Err(PeerDecryptError::IdentityChanged(identity)) = offered {
            if identity != self.phones[from].account.device().identity {
                return false;
            }
            let phone = &mut self.phones[to];
            let before = phone.state(peer);
            let changes = phone.peers[peer].accept_identity(identity);
            phone.check(peer, &before, changes);
            assert!(changes.peer && phone.active(peer).is_none());
            offered = self.offer(link, bytes, &ad);
            assert!(offered.is_ok(), "it opens when it is offered again: {offered:?}");
        }
        match offered {
            Ok(received) => {
                assert_eq!(received.body, body(text));
                assert_eq!(received.stamp, Ok(Stamp::NONE));
                assert!(!received.peer_went_back, "nobody goes on from an older state");
                assert!(self.phones[to].shown.insert(text), "text {text} was shown twice");
                self.outcome.opened += 1;
                true
            }
            Err(error) => {
                assert!(has_come || !self.must_open(link), "text {text} was lost: {error:?}");
                assert!(
                    error != PeerDecryptError::Forked || self.lost_something[from],
                    "nobody went on from an older state"
                );
                self.react(link, error);
                false
            }
        }
    }

    /// Whether no message on a link can have been lost yet, whatever the carrier did.
    fn must_open(&self, link: Link) -> bool {
        let Link { from, to } = link;
        !self.lost_something[from]
            && !self.lost_something[to]
            && !keeps_few(to)
            && self.now <= START.plus(NOTHING_IS_OLD)
            && self.begun[from.min(to)][from.max(to) % EACH] < MAX_SESSIONS
    }

    /// Offers bytes to a device, as if they had come on a link.
    fn offer(&mut self, link: Link, bytes: &[u8], ad: &[u8]) -> Result<Received, PeerDecryptError> {
        let Link { from, to } = link;
        let (peer, now) = (from % EACH, self.clock(to));
        let phone = &mut self.phones[to];
        let before = phone.state(peer);
        let who_know: Vec<usize> = (0..EACH).filter(|it| phone.peers[*it].knows(bytes)).collect();
        assert!(who_know.len() <= 1, "two peers know one message");
        let delivered = phone.peers[peer].decrypt(&mut phone.account, bytes, ad, now);
        match delivered {
            Ok(delivered) => {
                assert_eq!(who_know == [peer], !delivered.began_session);
                let changes = delivered.changes;
                phone.check(peer, &before, changes);
                assert!(changes.peer && changes.account == changes.spent_prekey.is_some());
                let used = changes.session.unwrap();
                let mut sessions = phone.peers[peer].sessions();
                let used = sessions.find(|session| session.id() == used).unwrap();
                assert_eq!(Some(used.peer()), phone.peers[peer].device().as_ref());
                Ok(delivered.received)
            }
            Err(error) => {
                assert!(phone.state(peer) == before, "the refusal as {error:?} changed something");
                let opens = matches!(
                    error,
                    PeerDecryptError::Duplicate
                        | PeerDecryptError::Expired
                        | PeerDecryptError::Forked
                );
                assert!(!opens || who_know == [peer], "{error:?} of what nobody knows");
                self.outcome.refused.push(error);
                Err(error)
            }
        }
    }

    /// What the application makes of a refusal.
    fn react(&mut self, link: Link, error: PeerDecryptError) {
        let Link { from, to } = link;
        let peer = from % EACH;
        match error {
            PeerDecryptError::NoSession
            | PeerDecryptError::UnknownPreKey
            | PeerDecryptError::Undecryptable
            | PeerDecryptError::Forked
            | PeerDecryptError::Replayed => {
                let now = self.clock(to);
                let last = self.phones[to].begun_anew[peer];
                let may_begin = last.is_none_or(|last| now >= last.plus(BETWEEN_BEGINNINGS));
                if may_begin && self.begin(link.back()) {
                    self.phones[to].begun_anew[peer] = Some(now);
                    self.send(link.back());
                }
            }
            PeerDecryptError::Malformed
            | PeerDecryptError::Unsupported
            | PeerDecryptError::Duplicate
            | PeerDecryptError::Expired
            | PeerDecryptError::OtherAddress => {}
            error => panic!("nothing brings {error:?} about"),
        }
    }
}

/// What happens to a device.
impl Household {
    fn back_up(&mut self, device: usize) {
        self.backups[device].push(self.phones[device].store());
        if self.backups[device].len() > MAX_BACKUPS {
            self.backups[device].remove(0);
        }
    }

    /// Every call that succeeds is stored at once, so nothing is lost.
    fn crash(&mut self, device: usize) {
        let stored = self.phones[device].store();
        let phone = Phone::start(&stored);
        let again = phone.store();
        assert!(again.account == stored.account && again.peers == stored.peers);
        self.phones[device] = phone;
    }

    fn restore(&mut self, device: usize, backup: u8) {
        let backups = &self.backups[device];
        let Some(backup) = usize::from(backup).checked_rem(backups.len()) else { return };
        let mut phone = Phone::start(&backups[backup]);
        for peer in 0..EACH {
            let before = phone.state(peer);
            let changes = phone.peers[peer].drop_sessions();
            phone.check(peer, &before, changes);
            assert!(phone.active(peer).is_none());
        }
        let now = self.clock(device);
        let upload = phone.account.replace_prekeys(now, &mut self.rng).upload.unwrap();
        let _ = phone.account.mark_published(&upload);
        self.phones[device] = phone;
        self.servers[device] = PublishedPreKeys::new(upload);
        self.lost_something[device] = true;
    }

    fn reinstall(&mut self, device: usize) {
        self.phones[device] = Phone::new(device, self.clock(device), &mut self.rng);
        self.lost_something[device] = true;
        self.maintain_account(device);
    }

    fn publish(&mut self, device: usize, upload: PreKeyUpload) {
        let _ = self.phones[device].account.mark_published(&upload);
        self.servers[device].publish(upload);
    }

    fn maintain_account(&mut self, device: usize) {
        let now = self.clock(device);
        let phone = &mut self.phones[device];
        let before = phone.state(0);
        let Maintained { upload, changes, .. } = phone.account.maintain(None, now, &mut self.rng);
        phone.check(0, &before, changes);
        if let Some(upload) = upload {
            self.publish(device, upload);
        }
    }

    fn maintain_peers(&mut self, device: usize) {
        let now = self.clock(device);
        let phone = &mut self.phones[device];
        for peer in 0..EACH {
            let before = phone.state(peer);
            let changes = phone.peers[peer].maintain(now);
            phone.check(peer, &before, changes);
        }
    }
}

/// The end of a schedule.
impl Household {
    /// What is under way is lost, all is maintained, and then each pair must come to understand each other.
    fn settle(mut self) -> Outcome {
        self.under_way.iter_mut().for_each(Vec::clear);
        self.behind.fill(Duration::ZERO);
        for device in 0..DEVICES {
            self.maintain_account(device);
            self.maintain_peers(device);
        }
        for from in 0..EACH {
            for to in EACH..DEVICES {
                // Where no session was ever begun there is nothing to settle.
                if self.begun[from][to % EACH] != 0 {
                    self.settle_pair(Link { from, to });
                }
            }
        }
        self.outcome
    }

    fn settle_pair(&mut self, link: Link) {
        let mut exchanges = 0;
        let mut has_understood = false;
        while !(has_understood && self.agree(link)) {
            assert!(exchanges < MAX_EXCHANGES, "{link:?} stay apart");
            let understood = self.exchange(link);
            exchanges += 1;
            assert!(understood || exchanges < MAX_DEAF, "{link:?} do not understand each other");
            has_understood |= understood;
        }
        let agreed = self.phones[link.from].active(link.to % EACH);
        assert!(self.exchange(link) && self.agree(link));
        assert_eq!(self.phones[link.from].active(link.to % EACH), agreed);
        self.outcome.slowest = self.outcome.slowest.max(exchanges);
    }

    /// After an hour both send, before they hear each other. Whether both messages opened.
    fn exchange(&mut self, link: Link) -> bool {
        self.now = self.now.plus(BETWEEN_BEGINNINGS);
        self.send(link);
        self.send(link.back());
        let sent = [link.to, link.from].map(|to| self.under_way[to].pop().unwrap());
        let opened = sent.map(|letter| self.hand_over(&letter));
        // What they begin for a refusal, they begin at once.
        while let Some(letter) =
            self.under_way[link.to].pop().or_else(|| self.under_way[link.from].pop())
        {
            self.hand_over(&letter);
        }
        opened == [true, true]
    }

    /// Whether both send in the same session.
    fn agree(&self, Link { from, to }: Link) -> bool {
        let [ours, theirs] = [(from, to), (to, from)].map(|(device, other)| {
            let phone = &self.phones[device];
            let is_request = matches!(phone.peers[other % EACH].contact(), Contact::Request(_));
            if is_request { None } else { phone.active(other % EACH) }
        });
        ours.is_some() && ours == theirs
    }
}
