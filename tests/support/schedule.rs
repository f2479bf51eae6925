//! Two people with three devices each, what can happen to them and to their messages, and what holds after
//! each event.
//!
//! An event is a few small numbers, of which any are allowed: so a schedule can be made of any bytes. This
//! file and those in `schedule/` need nothing of the other test support.
//!
//! The application is one that was written from docs/guide.md:
//!
//! - It asks [`Peer::session_need`] before it sends, and if that says so it fetches a bundle and begins a session. If no
//!   good bundle is to be had, it goes on. A user who answers a request accepts it, and writes to nobody they have
//!   refused.
//! - It gives each refusal to [`Peer::note_refusal`], and nothing else comes of one. Where the carrier names the sender,
//!   a session that is then `Lost` is begun at once and an empty payload sent in it; where senders are hidden, when there
//!   is something to send.
//! - Where senders are hidden, it looks for the peer that [`Peer::knows`] a message, then asks
//!   [`Account::claimed_sender`]. What is of nobody is dropped without a word.
//! - The users know of each other's new installations, and accept the present one at once or, if they hesitate, in the
//!   end. An identity that is not, or no more, the other device's is not accepted, and its message is dropped.
//! - After a restore that is noticed it drops the sessions, publishes new prekeys and has the server forget the
//!   former ones, as the documentation asks. What it has shown is part of the backup.
//!
//! After a schedule come three days of ordinary use and one day in which everything must open: `schedule/ordinary.rs`. Then
//! both go on in turns, and if their session is of suite 2 an epoch is complete on both sides before long.
//!
//! The seed says which suites the two people have, alike or not. Where they differ, a device that is set up anew is of the
//! other suite: some have an old release, and change it.
//!
//! What going back to an older state breaks, noticed or not, and what does not hold of such a device from then on:
//!
//! - A first message that was accepted since may be accepted once more, and its session goes on in another way, which
//!   the peer reports as `Forked`. What is lost with the last writes was not shown, as far as the device knows: it is
//!   shown when it comes again. Nothing else is shown twice, by what the device itself has stored.
//! - If it is not noticed, numbers and so keys are used twice: the headers of that device may repeat, and `peer_went_back`
//!   is said of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evanesce::expiry::Stamp;
use evanesce::server::{PreKeyUpload, PublishedPreKeys};
use evanesce::{
    Address, Contact, Maintained, Payload, PeerDecryptError, PeerEncryptError, PeerInitiateError,
    PreKeyBundle, Received, SessionNeed, Suite, Timestamp, VerifiedBundle, VerifyError,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

#[path = "schedule/ordinary.rs"]
mod ordinary;
#[path = "schedule/phone.rs"]
mod phone;

use phone::{Phone, Stored, keeps_few};

/// Those of the first person, then those of the second.
const DEVICES: usize = 6;
/// Devices of one person, and so peers of each device.
const EACH: usize = 3;

const START: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);
const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// For how many hours devices are used at once.
const USES: [u32; 4] = [24, 3, 8, 72];
/// How much time can pass at once, in seconds.
const STEPS: [u64; 8] = [1, HOUR, 6 * HOUR, DAY, 3 * DAY, 8 * DAY, 25 * DAY, 40 * DAY];
/// Where a clock can stand beside the right time, in seconds. Bundles from a day ahead are still taken.
const WRONG: [i64; 8] = {
    let [hour, day] = [3_600, 86_400];
    [0, -1, -hour, -20 * hour, 3 * hour, -3 * day, 2 * day, 10 * day]
};
/// How many of these leave all that comes readable.
const HARMLESS: usize = 5;
/// Nothing is too old before so much time has passed.
const NOTHING_IS_OLD: Duration = Duration::from_secs(20 * DAY);

/// Sessions that a peer keeps: the active one and eight more.
const MAX_SESSIONS: usize = 9;

/// How many backups of a device are kept.
const MAX_BACKUPS: usize = 4;

/// How many messages of a peer are known again, whatever has become of their chains.
const KNOWN_AGAIN: usize = 100;

/// How many sessions of a pair have ids of a chosen order, if any have.
pub const ORDERED: usize = 16;

/// How many messages an archive has that is read again.
const MAX_ARCHIVE: usize = 40;

/// Seeds with this bit have a first person with devices of suite 1, those with the next one a second.
const CLASSICAL: [u64; 2] = [1, 2];
/// Seeds with this bit have a carrier that does not know who sends.
const HIDDEN: u64 = 16;
/// With this one nobody sleeps, and who is accepted is written to every hour.
const BUSY: u64 = 32;

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
    /// All that has arrived at a device comes again.
    ReadArchive { to: u8 },
    /// From now on a message that has arrived comes again every day.
    RepeatDaily { to: u8, place: u8 },
    /// A message falls behind all others.
    Delay { to: u8, place: u8 },
    /// A message never arrives.
    Lose { to: u8, place: u8 },
    /// An altered copy of a message arrives: `manner` says how, `at` where it is altered.
    Alter { to: u8, place: u8, manner: u8, at: u8 },
    /// A copy of a message arrives as if it had been sent on another link.
    Misdirect { to: u8, place: u8, link: u8 },
    /// A user refuses or blocks the other end.
    Block { link: u8 },
    /// A user asks for an epoch.
    AskForEpoch { link: u8 },
    /// A user accepts the other end's request, or unblocks it.
    Accept { link: u8 },
    /// The row of a peer is deleted, whatever it holds.
    Delete { link: u8 },
    /// From now on, or no more, a user does not decide at once about another identity.
    Hesitate { link: u8 },
    /// All states of a device are backed up.
    BackUp { device: u8 },
    /// A device goes on from what it has stored.
    Crash { device: u8 },
    /// A device goes back to a backup, and notices.
    Restore { device: u8, backup: u8 },
    /// A device loses its last writes, and does not notice.
    RollBack { device: u8, writes: u8 },
    /// A copy of a device sends once, and is never heard of again.
    CloneSends { link: u8 },
    /// A device is set up anew.
    Reinstall { device: u8 },
    /// A device is given another address, and tells those whom it has accepted.
    Move { device: u8 },
    /// Time passes.
    Pass { step: u8 },
    /// A device's clock is set, to the right time or beside it.
    SetClock { device: u8, to: u8 },
    /// A device maintains its account, and publishes what that gives.
    MaintainAccount { device: u8 },
    /// A device maintains its peers.
    MaintainPeers { device: u8 },
    /// The bundle of a device that was last handed out is handed out to the next one too.
    HandOutTwice { device: u8 },
    /// All one-time prekeys of a device are fetched, and nobody uses them.
    FetchAll { device: u8 },
    /// Something that a device published comes to its server again.
    UploadAgain { device: u8, which: u8 },
    /// The ends of a link use their devices for some hours as people do.
    Live { link: u8, hours: u8 },
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
        Some(match kind % 64 {
            0..=14 => Self::Send { link: next()? },
            15..=33 => Self::Deliver { to: next()?, place: next()? },
            34 => Self::BothBegin { link: next()? },
            35 => Self::Begin { link: next()? },
            36 => Self::Repeat { to: next()?, place: next()? },
            37 => Self::Replay { to: next()?, place: next()? },
            38 => Self::ReadArchive { to: next()? },
            39 => Self::RepeatDaily { to: next()?, place: next()? },
            40 => Self::Delay { to: next()?, place: next()? },
            41 => Self::Lose { to: next()?, place: next()? },
            42 => Self::Alter { to: next()?, place: next()?, manner: next()?, at: next()? },
            43 => Self::Misdirect { to: next()?, place: next()?, link: next()? },
            44 => Self::Block { link: next()? },
            45 => Self::Accept { link: next()? },
            46 => Self::AskForEpoch { link: next()? },
            47 => Self::Delete { link: next()? },
            48 => Self::Hesitate { link: next()? },
            49 => Self::BackUp { device: next()? },
            50 => Self::Crash { device: next()? },
            51 => Self::Restore { device: next()?, backup: next()? },
            52 => Self::RollBack { device: next()?, writes: next()? },
            53 => Self::CloneSends { link: next()? },
            54 => Self::Reinstall { device: next()? },
            55 => Self::Pass { step: next()? },
            56 => Self::Move { device: next()? },
            57 => Self::SetClock { device: next()?, to: next()? },
            58 => Self::MaintainAccount { device: next()? },
            59 => Self::MaintainPeers { device: next()? },
            60 => Self::HandOutTwice { device: next()? },
            61 => Self::FetchAll { device: next()? },
            62 => Self::UploadAgain { device: next()?, which: next()? },
            _ => Self::Live { link: next()?, hours: next()? },
        })
    }
}

/// A way from one device to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
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

/// The address of a device after so many moves.
fn address(device: usize, moves: usize) -> Address {
    Address::new(format!("device {device} at {moves}")).unwrap()
}

/// A message, as the carrier has it, and what only we know of it.
#[derive(Clone, Debug)]
struct Letter {
    link: Link,
    /// None in one that only brings a session, or says where the sender is now.
    text: Option<u32>,
    /// The address of the sender when it was sent.
    sent_from: Address,
    tells_address: bool,
    bytes: Vec<u8>,
    /// Whether it has been offered before.
    has_come: bool,
    sent: Timestamp,
    /// Whether it must open.
    is_certain: bool,
}

/// What a text says.
fn body(text: u32) -> Vec<u8> {
    let says = format!("text {text} ").into_bytes();
    says.repeat(1 + usize::try_from(text % 3).unwrap() * 8)
}

/// Whether the carrier says who sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Senders {
    Named,
    Hidden,
}

/// Of the carrier of a seed.
pub fn senders(seed: u64) -> Senders {
    if seed & HIDDEN == 0 { Senders::Named } else { Senders::Hidden }
}

/// Of the devices of both people, with a seed.
pub fn suites(seed: u64) -> [Suite; 2] {
    CLASSICAL.map(|bit| if seed & bit == 0 { Suite::Hybrid } else { Suite::Classical })
}

/// What did not hold, where one can go on and see what else does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A message that had not come before was refused as a duplicate.
    NewCalledDuplicate,
    /// One of the last messages that were read came again, and was not known again.
    ReadNotKnownAgain,
    /// After three days of ordinary use nothing opened for a day, one way or both ways.
    OneWayDead,
    BothWaysDead,
    /// After three days of ordinary use not everything opened.
    SomeLost,
    /// In the end nobody could write.
    CannotWrite,
    /// After three days of ordinary use they did not send in one session.
    NotOneSession,
    /// In turns after that, no epoch of suite 2 came to its end on both sides.
    NotHealed,
}

#[derive(Clone, Debug)]
pub struct Failure {
    pub kind: Kind,
    pub what: String,
}

/// What became of one message that was offered.
enum Offered {
    Opened(Received),
    Refused(usize, PeerDecryptError),
    /// No peer was found to offer it to.
    OfNobody,
}

/// What became of a schedule.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The texts that opened, numbered as they were written.
    pub opened: Vec<u32>,
    /// Why messages were refused, in order.
    pub refused: Vec<PeerDecryptError>,
    /// How many sessions were begun before the three days of ordinary use.
    pub begun: usize,
    /// How many pairs completed an epoch in the end.
    pub healed: usize,
    /// After how many hours of ordinary use all that was then sent opened.
    pub mended: u64,
    /// What did not hold.
    pub failures: Vec<Failure>,
    /// What happened, line by line.
    pub told: Vec<String>,
}

/// Two people with three devices each, the server that has their prekeys, and the carrier of their messages.
pub struct Household {
    suites: [Suite; 2],
    senders: Senders,
    is_busy: bool,
    phones: Vec<Phone>,
    servers: Vec<PublishedPreKeys>,
    /// What each device has published, the first first.
    uploads: Vec<Vec<PreKeyUpload>>,
    /// The bundle of each device that was last handed out, and whether the next one gets it too.
    handed_out: Vec<(Vec<u8>, bool)>,
    /// How often each device has moved.
    moves: [usize; DEVICES],
    /// Where the clock of each device stands beside the right time, in seconds.
    wrong: [i64; DEVICES],
    backups: Vec<Vec<Stored>>,
    /// Whether a device ever went on from an older state.
    went_back: [bool; DEVICES],
    /// Whether, between two devices, something happened by which messages may be lost.
    troubled: [[bool; EACH]; EACH],
    /// Who does not decide at once about another identity: by device, for each peer.
    hesitates: [[bool; EACH]; DEVICES],
    /// By receiver, what is on its way.
    under_way: Vec<Vec<Letter>>,
    /// By receiver, what has arrived.
    arrived: Vec<Vec<Letter>>,
    /// By receiver, what comes again every day.
    daily: Vec<Option<Letter>>,
    /// All messages that were ever sent, and their sealed headers.
    sent: BTreeSet<Vec<u8>>,
    headers: BTreeSet<Vec<u8>>,
    /// How many texts have been written.
    texts: u32,
    /// The sessions of each pair in which something was sent.
    used: [[BTreeSet<[u8; 32]>; EACH]; EACH],
    /// Whether all that is sent must open, and why, on each link, something did not: `None` where no peer was found.
    all_must_open: bool,
    why: BTreeMap<Link, Option<PeerDecryptError>>,
    /// When the last of those messages was sent that did not open when they first came.
    last_lost: Timestamp,
    now: Timestamp,
    rng: ChaCha20Rng,
    /// How people use their devices: of the seed alone, so that it stays when a schedule is cut.
    habits: ChaCha20Rng,
    /// Where sessions have ids of a chosen order: what it is drawn from, and the numbers that ids of a pair can still begin
    /// with.
    order: Option<(ChaCha20Rng, [[Vec<u8>; EACH]; EACH])>,
    outcome: Outcome,
}

/// Lets all of it happen, and then ordinary use. Panics where something does not hold.
pub fn live(seed: u64, events: &[Event]) -> Outcome {
    let outcome = try_live(seed, events);
    assert!(outcome.failures.is_empty(), "{:#?}", outcome.failures);
    outcome
}

/// The same. Panics where it cannot go on, and says what else does not hold.
pub fn try_live(seed: u64, events: &[Event]) -> Outcome {
    Household::new(seed).live(events)
}

/// The same, of these suites, which devices keep that are set up anew, and with ids of sessions whose order follows from the
/// seed alone: nothing else hangs on their bytes, so that it goes in the same way with other suites. If a pair begins more
/// than [`ORDERED`] sessions, the order of the others is left to chance.
pub fn live_in_order(seed: u64, suites: [Suite; 2], events: &[Event]) -> Outcome {
    let mut household = Household::of(suites, seed);
    let first_nibbles = || (0..u8::try_from(ORDERED).unwrap()).collect();
    let of_all = [(); EACH].map(|()| [(); EACH].map(|()| first_nibbles()));
    household.order = Some((ChaCha20Rng::seed_from_u64(seed.reverse_bits()), of_all));
    household.live(events)
}

impl Household {
    /// Nobody has written to anybody. The seed decides which suites they have, whose session ids are the smaller ones,
    /// whether senders are hidden, and how people use their devices in the end.
    pub fn new(seed: u64) -> Self {
        Self::of(suites(seed), seed)
    }

    fn of(suites: [Suite; 2], seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut phones: Vec<_> = (0..DEVICES)
            .map(|device| Phone::new(device, suites[device / EACH], 0, START, &mut rng))
            .collect();
        let uploads = phones.iter_mut().map(|phone| {
            let upload = phone.account.maintain(None, START, &mut rng).upload.unwrap();
            let _ = phone.account.mark_published(&upload);
            vec![upload]
        });
        let uploads: Vec<_> = uploads.collect();
        Self {
            suites,
            senders: senders(seed),
            is_busy: seed & BUSY != 0,
            servers: uploads.iter().map(|all| PublishedPreKeys::new(all[0].clone())).collect(),
            uploads,
            phones,
            handed_out: vec![(Vec::new(), false); DEVICES],
            moves: [0; DEVICES],
            wrong: [0; DEVICES],
            backups: vec![Vec::new(); DEVICES],
            went_back: [false; DEVICES],
            troubled: [[false; EACH]; EACH],
            hesitates: [[false; EACH]; DEVICES],
            under_way: vec![Vec::new(); DEVICES],
            arrived: vec![Vec::new(); DEVICES],
            daily: vec![None; DEVICES],
            sent: BTreeSet::new(),
            headers: BTreeSet::new(),
            texts: 0,
            used: Default::default(),
            all_must_open: false,
            why: BTreeMap::new(),
            last_lost: START,
            now: START,
            rng,
            habits: ChaCha20Rng::seed_from_u64(!seed),
            order: None,
            outcome: Outcome::default(),
        }
    }

    /// Lets all of it happen, and then ordinary use.
    fn live(mut self, events: &[Event]) -> Outcome {
        for event in events {
            self.tell(|| format!("{event:?}"));
            self.apply(*event);
        }
        self.outcome.begun = self.used.iter().flatten().map(BTreeSet::len).sum();
        self.settle()
    }

    pub fn apply(&mut self, event: Event) {
        match event {
            Event::Send { link } => drop(self.send(Link::new(link))),
            Event::Deliver { to, place } => self.deliver(to, place),
            Event::BothBegin { link } => self.both_begin(Link::new(link)),
            Event::Begin { link } => drop(self.begin(Link::new(link))),
            Event::Repeat { to, place } => self.repeat(to, place),
            Event::Replay { to, place } => self.replay(to, place),
            Event::ReadArchive { to } => self.read_archive(number(to)),
            Event::RepeatDaily { to, place } => self.repeat_daily(number(to), place),
            Event::Delay { to, place } => self.delay(to, place),
            Event::Lose { to, place } => drop(self.take(to, place)),
            Event::Alter { to, place, manner, at } => self.alter(to, place, manner, at),
            Event::Misdirect { to, place, link } => self.misdirect(to, place, Link::new(link)),
            Event::Block { link } => self.block(Link::new(link)),
            Event::AskForEpoch { link } => self.ask_for_epoch(Link::new(link)),
            Event::Accept { link } => self.accept(Link::new(link)),
            Event::Delete { link } => self.delete(Link::new(link)),
            Event::Hesitate { link } => self.hesitate(Link::new(link)),
            Event::BackUp { device } => self.back_up(number(device)),
            Event::Crash { device } => self.crash(number(device)),
            Event::Restore { device, backup } => self.restore(number(device), backup),
            Event::RollBack { device, writes } => self.roll_back(number(device), writes),
            Event::CloneSends { link } => self.clone_sends(Link::new(link)),
            Event::Reinstall { device } => self.reinstall(number(device)),
            Event::Move { device } => self.move_to_another_address(number(device)),
            Event::Pass { step } => self.pass(STEPS[usize::from(step) % STEPS.len()]),
            Event::SetClock { device, to } => self.set_clock(number(device), to),
            Event::MaintainAccount { device } => self.maintain_account(number(device)),
            Event::MaintainPeers { device } => self.maintain_peers(number(device)),
            Event::HandOutTwice { device } => self.hand_out_twice(number(device)),
            Event::FetchAll { device } => self.fetch_all(number(device)),
            Event::UploadAgain { device, which } => self.upload_again(number(device), which),
            Event::Live { link, hours } => self.live_for(Link::new(link), hours),
        }
        self.nothing_grows();
    }

    /// What a device takes for the time.
    fn clock(&self, device: usize) -> Timestamp {
        let wrong = self.wrong[device];
        let by = Duration::from_secs(wrong.unsigned_abs());
        if wrong < 0 { self.now.minus(by) } else { self.now.plus(by) }
    }

    fn address_of(&self, device: usize) -> Address {
        self.phones[device].account.device().address
    }

    /// Time passes, and each day brings what comes every day.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds / DAY {
            self.now = self.now.plus(Duration::from_secs(DAY));
            self.bring_what_comes_daily();
        }
        self.now = self.now.plus(Duration::from_secs(seconds % DAY));
    }

    fn bring_what_comes_daily(&mut self) {
        for device in 0..DEVICES {
            if let Some(letter) = self.daily[device].clone() {
                self.hand_over(&letter);
            }
        }
    }

    fn set_clock(&mut self, device: usize, to: u8) {
        let to = usize::from(to) % WRONG.len();
        self.wrong[device] = WRONG[to];
        if to >= HARMLESS {
            self.trouble_device(device);
        }
    }

    /// From now on messages of these two may be lost.
    fn trouble(&mut self, Link { from, to }: Link) {
        self.troubled[from.min(to)][from.max(to) % EACH] = true;
    }

    fn trouble_device(&mut self, device: usize) {
        (0..EACH).for_each(|other| {
            let other = if device < EACH { EACH + other } else { other };
            self.trouble(Link { from: device, to: other });
        });
    }

    fn tell(&mut self, what: impl FnOnce() -> String) {
        let hours = (self.now.unix_seconds() - START.unix_seconds()) / HOUR;
        self.outcome.told.push(format!("{hours:>5} h: {}", what()));
    }

    fn fail(&mut self, kind: Kind, what: String) {
        self.outcome.failures.push(Failure { kind, what });
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
    /// Writes a text. Whether it went out.
    fn send(&mut self, link: Link) -> bool {
        let Link { from, to } = link;
        let (peer, now) = (to % EACH, self.clock(from));
        if self.phones[from].is_undecided(peer) {
            return false;
        }
        match self.phones[from].peers[peer].contact() {
            Contact::Refused(_) => return false,
            Contact::Request(_) => self.accept(link),
            _ => {}
        }
        let need = self.phones[from].peers[peer].session_need(now);
        let has_begun = need.is_some() && self.begin(link);
        if self.phones[from].is_undecided(peer) {
            return false;
        }
        let text = self.texts;
        self.texts += 1;
        let is_sent = self.encrypt(link, Some(text), false);
        // Without a bundle to begin one with, the text waits.
        assert!(is_sent || need.is_some() && !has_begun);
        is_sent
    }

    /// Encrypts a text, or an empty payload, in the session that there is, and hands it to the carrier.
    fn encrypt(&mut self, link: Link, text: Option<u32>, tells_address: bool) -> bool {
        let Link { from, to } = link;
        let (peer, now) = (to % EACH, self.clock(from));
        let phone = &mut self.phones[from];
        let before = phone.state(peer);
        let payload = Payload::new(text.map(body).unwrap_or_default());
        let sent = phone.peers[peer].encrypt(&payload, &link.ad(), now, &mut self.rng);
        let sent = match sent {
            Ok(sent) => sent,
            Err(error) => {
                assert!(phone.state(peer) == before, "the refusal as {error:?} changed something");
                assert_eq!(error, PeerEncryptError::NeedsSession);
                return false;
            }
        };
        phone.wrote(peer, before, sent.changes);
        assert!(sent.changes.peer && sent.changes.session == phone.active(peer));
        assert_eq!(sent.session_need, phone.peers[peer].session_need(now));
        let session = phone.active(peer).unwrap();
        self.used[from.min(to)][from.max(to) % EACH].insert(*session.as_bytes());
        let bytes = sent.message;
        // One sealed header, one key: the carrier must not see any twice.
        let is_new = self.headers.insert(sealed_header(&bytes).to_vec());
        assert!(is_new || self.went_back[from], "a key was used twice");
        self.sent.insert(bytes.clone());
        self.tell(|| format!("{link:?}: text {text:?} is sent in {:?}", session.as_bytes()[0]));
        let is_certain = self.all_must_open && text.is_some();
        let sent_from = self.address_of(from);
        self.under_way[to].push(Letter {
            link,
            text,
            sent_from,
            tells_address,
            bytes,
            has_come: false,
            sent: self.now,
            is_certain,
        });
        true
    }

    /// What the server hands out for a device.
    fn fetch(&mut self, of: usize) -> PreKeyBundle {
        let (last, is_given_again) = &mut self.handed_out[of];
        if !std::mem::take(is_given_again) || last.is_empty() {
            *last = self.servers[of].hand_out();
        }
        PreKeyBundle::decode(last).unwrap()
    }

    /// Begins a session. False if there is no bundle to begin it with, or a request has not been accepted.
    fn begin(&mut self, link: Link) -> bool {
        let Link { from, to } = link;
        let (peer, now) = (to % EACH, self.clock(from));
        let bundle = match self.fetch(to).verify(now) {
            Ok(bundle) => bundle,
            Err(error) => {
                assert!(matches!(error, VerifyError::Expired | VerifyError::NotYetValid));
                return false;
            }
        };
        let present = self.phones[to].account.device();
        let identity = present.identity;
        let phone = &mut self.phones[from];
        phone.meet(peer, &present.address);
        self.draw_for_order(link, &bundle);
        let phone = &mut self.phones[from];
        let before = phone.state(peer);
        let begun = phone.peers[peer].initiate(&phone.account, bundle.clone(), now, &mut self.rng);
        let changes = match begun {
            Ok(changes) => changes,
            Err(PeerInitiateError::AddressChanged) => {
                assert!(phone.state(peer) == before, "a refusal changed something");
                let changes = phone.peers[peer].follow_bundle(&bundle, now).unwrap();
                phone.wrote(peer, before, changes);
                assert!(changes.peer && *phone.peers[peer].address() == present.address);
                return self.begin(link);
            }
            Err(PeerInitiateError::OtherAddress) => {
                // Another installation that has moved besides: the user enters the new address.
                assert!(phone.state(peer) == before, "a refusal changed something");
                phone.delete(peer, present.address);
                self.trouble(link);
                return self.begin(link);
            }
            Err(PeerInitiateError::IdentityChanged(other)) => {
                assert!(phone.state(peer) == before, "a refusal changed something");
                // While they decide of one, nobody is asked about another.
                let asked = phone.peers[peer].undecided_identity().unwrap_or(other);
                let changes = phone.peers[peer].note_identity(other);
                phone.wrote(peer, before, changes);
                assert_eq!(phone.peers[peer].undecided_identity(), Some(asked));
                return !self.hesitates[from][peer] && {
                    self.decide(link);
                    // The server may still have a bundle of the installation before.
                    other == identity && self.begin(link)
                };
            }
            Err(error) => {
                assert!(phone.state(peer) == before, "the refusal as {error:?} changed something");
                assert_eq!(error, PeerInitiateError::Request);
                return false;
            }
        };
        phone.wrote(peer, before, changes);
        assert!(changes.session.is_some() && changes.session == phone.active(peer));
        self.tell(|| format!("{link:?} begins {:?}", changes.session.map(|it| it.as_bytes()[0])));
        true
    }

    /// Draws until the session that would be begun next has an id that begins with the number that is due.
    fn draw_for_order(&mut self, Link { from, to }: Link, bundle: &VerifiedBundle) {
        let Some((order, left)) = &mut self.order else { return };
        let left = &mut left[from.min(to)][from.max(to) % EACH];
        let Some(place) = usize::try_from(order.next_u32()).unwrap().checked_rem(left.len()) else {
            return;
        };
        let first_nibble = left.remove(place);
        loop {
            let mut draws = self.rng.clone();
            let session = self.phones[from].account.initiate(bundle, &mut draws).unwrap();
            if session.id().as_bytes()[0] >> 4 == first_nibble {
                return;
            }
            self.rng = draws;
        }
    }

    fn both_begin(&mut self, link: Link) {
        self.begin(link);
        self.begin(link.back());
        self.send(link);
        self.send(link.back());
    }

    /// Begins a session that was lost, and says so, as soon as it is known.
    fn mend_at_once(&mut self, link: Link) {
        let (phone, peer) = (&self.phones[link.from], link.to % EACH);
        let need = phone.peers[peer].session_need(self.clock(link.from));
        let is_lost = need == Some(SessionNeed::Lost) && !phone.is_undecided(peer);
        let is_contact = matches!(phone.peers[peer].contact(), Contact::Accepted(_));
        if self.senders == Senders::Named && is_lost && is_contact && self.begin(link) {
            assert!(self.encrypt(link, None, false), "a session has just been begun");
        }
    }
}

/// What stands before the sealed header depends on the kind, and in a first message on suite and one-time prekey.
fn sealed_header(message: &[u8]) -> &[u8] {
    let start = match (message[0], message[1], message[6]) {
        (0x11, 1, 1) => 188,
        (0x11, 1, _) => 184,
        (0x11, _, 1) => 1_756,
        (0x11, _, _) => 1_752,
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

    /// Something that has arrived at a device, if anything has.
    fn archived(&self, to: usize, place: u8) -> Option<Letter> {
        let arrived = &self.arrived[to];
        let place = usize::from(place).checked_rem(arrived.len())?;
        Some(arrived[place].clone())
    }

    fn replay(&mut self, to: u8, place: u8) {
        if let Some(letter) = self.archived(number(to), place) {
            self.hand_over(&letter);
        }
    }

    fn read_archive(&mut self, to: usize) {
        let skipped = self.arrived[to].len().saturating_sub(MAX_ARCHIVE);
        let archive: Vec<_> = self.arrived[to].iter().skip(skipped).cloned().collect();
        for letter in archive {
            self.hand_over(&letter);
        }
    }

    fn repeat_daily(&mut self, to: usize, place: u8) {
        self.daily[to] = self.archived(to, place);
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
            self.is_refused(letter.link, &letter.sent_from, &bytes, &ad);
        }
        self.under_way[number(to)].push(letter);
    }

    fn misdirect(&mut self, to: u8, place: u8, link: Link) {
        let Some(letter) = self.take(to, place) else { return };
        let is_elsewhere = match self.senders {
            Senders::Named => link != letter.link,
            // From where it came nobody is told.
            Senders::Hidden => link.to != letter.link.to,
        };
        if is_elsewhere {
            let from = self.address_of(link.from);
            self.is_refused(link, &from, &letter.bytes, &letter.link.ad());
        }
        self.under_way[number(to)].push(letter);
    }

    /// What was altered, or is not for this device or not from that one.
    fn is_refused(&mut self, link: Link, from: &Address, bytes: &[u8], ad: &[u8]) {
        match self.offer(link, from, bytes, ad) {
            Offered::Opened(_) => panic!("an altered or misdirected message has opened"),
            Offered::Refused(peer, error) => {
                assert!(
                    !matches!(
                        error,
                        PeerDecryptError::IdentityChanged(_) | PeerDecryptError::AddressChanged
                    ),
                    "nothing is proved"
                );
                self.react(link.to, peer, bytes, error);
            }
            Offered::OfNobody => {}
        }
    }

    /// A message arrives unaltered where it should. Whether it opened.
    fn hand_over(&mut self, letter: &Letter) -> bool {
        let Letter { link, text, ref sent_from, ref bytes, .. } = *letter;
        let Letter { tells_address, has_come, sent, is_certain, .. } = *letter;
        let Link { from, to } = link;
        let (peer, ad) = (from % EACH, link.ad());
        let mut offered = self.offer(link, sent_from, bytes, &ad);
        if let Offered::Refused(_, error @ PeerDecryptError::AddressChanged) = offered {
            self.react(to, peer, bytes, error);
            let claimed = self.phones[to].account.claimed_sender(bytes).unwrap();
            let now = self.clock(to);
            self.phones[to].follow(peer, claimed.address, now);
            offered = self.offer(link, sent_from, bytes, &ad);
            assert!(matches!(offered, Offered::Opened(_)), "it opens when it is offered again");
        }
        if let Offered::Refused(_, error @ PeerDecryptError::IdentityChanged(identity)) = offered {
            let asked = self.phones[to].peers[peer].undecided_identity().unwrap_or(identity);
            self.react(to, peer, bytes, error);
            let phone = &mut self.phones[to];
            assert_eq!(phone.peers[peer].undecided_identity(), Some(asked));
            if self.hesitates[to][peer] {
                phone.kept[peer].push(letter.clone());
                return false;
            }
            self.decide(link.back());
            if identity != self.phones[from].account.device().identity {
                return false;
            }
            offered = self.offer(link, sent_from, bytes, &ad);
            assert!(matches!(offered, Offered::Opened(_)), "it opens when it is offered again");
        }
        let now = self.clock(to);
        let phone = &mut self.phones[to];
        let refusal = match offered {
            Offered::Opened(received) => {
                assert_eq!(received.body, text.map(body).unwrap_or_default());
                assert_eq!(received.stamp, Ok(Stamp::NONE));
                let has_gone_back = self.went_back[from];
                assert!(!received.peer_went_back || has_gone_back, "nobody went back");
                assert!(phone.show(peer, text), "text {text:?} was shown twice");
                if tells_address {
                    phone.follow(peer, sent_from.clone(), now);
                }
                self.outcome.opened.extend(text);
                self.tell(|| format!("{link:?}: text {text:?} opens"));
                return true;
            }
            Offered::Refused(found, error) => {
                assert_eq!(found, peer, "a message was offered to another peer");
                assert!(
                    error != PeerDecryptError::Forked || self.went_back[from] || self.went_back[to],
                    "nobody went on from an older state"
                );
                Some(error)
            }
            Offered::OfNobody => None,
        };
        let was_read = phone.knows_again(peer, text);
        let is_refused = matches!(phone.peers[peer].contact(), Contact::Refused(_));
        self.tell(|| {
            format!("{link:?}: text {text:?} is refused, {refusal:?}; came before: {has_come}")
        });
        if let Some(error) = refusal {
            self.react(to, peer, bytes, error);
        }
        let must_open = self.must_open(link);
        assert!(has_come || !must_open, "text {text:?} was lost: {refusal:?}");
        let is_duplicate = refusal == Some(PeerDecryptError::Duplicate);
        if is_duplicate && !has_come && text.is_some() {
            self.fail(Kind::NewCalledDuplicate, format!("{link:?}, text {text:?}"));
        }
        if was_read && !is_duplicate && !is_refused && refusal.is_some() {
            self.fail(Kind::ReadNotKnownAgain, format!("{link:?}, text {text:?}: {refusal:?}"));
        }
        if !has_come && text.is_some() {
            self.last_lost = self.last_lost.max(sent);
        }
        if is_certain {
            self.why.insert(link, refusal);
        }
        false
    }

    /// Whether no message on a link can have been lost yet, whatever the carrier did.
    fn must_open(&self, link: Link) -> bool {
        let Link { from, to } = link;
        let pair = (from.min(to), from.max(to) % EACH);
        !self.troubled[pair.0][pair.1]
            && !keeps_few(to)
            && self.now <= START.plus(NOTHING_IS_OLD)
            && self.used[pair.0][pair.1].len() < MAX_SESSIONS
    }

    /// Offers bytes to a device, as if they had come on a link.
    fn offer(&mut self, link: Link, from: &Address, bytes: &[u8], ad: &[u8]) -> Offered {
        let to = link.to;
        let now = self.clock(to);
        let phone = &mut self.phones[to];
        // Whoever writes first is met where they say they are, or where the carrier says.
        let claimed = phone.account.claimed_sender(bytes).map(|device| device.address);
        let is_hidden = self.senders == Senders::Hidden;
        phone.meet(link.from % EACH, claimed.as_ref().ok().filter(|_| is_hidden).unwrap_or(from));
        let who_know: Vec<usize> = (0..EACH).filter(|it| phone.peers[*it].knows(bytes)).collect();
        assert!(who_know.len() <= 1, "two peers know one message");
        let named = (self.senders == Senders::Named).then_some(from);
        let Some(peer) = phone.sender(named, bytes, now) else { return Offered::OfNobody };
        let before = phone.state(peer);
        let delivered = phone.peers[peer].decrypt(&mut phone.account, bytes, ad, now);
        match delivered {
            Ok(delivered) => {
                assert_eq!(who_know == [peer], !delivered.began_session);
                let changes = delivered.changes;
                phone.wrote(peer, before, changes);
                assert!(changes.peer && changes.account == changes.spent_prekey.is_some());
                let used = changes.session.unwrap();
                let mut sessions = phone.peers[peer].sessions();
                let used = sessions.find(|session| session.id() == used).unwrap();
                assert_eq!(Some(used.peer()), phone.peers[peer].device().as_ref());
                Offered::Opened(delivered.received)
            }
            Err(error) => {
                assert!(phone.state(peer) == before, "the refusal as {error:?} changed something");
                let opens = matches!(error, PeerDecryptError::Expired | PeerDecryptError::Forked);
                assert!(!opens || who_know == [peer], "{error:?} of what nobody knows");
                self.outcome.refused.push(error);
                Offered::Refused(peer, error)
            }
        }
    }

    /// What the application makes of a refusal.
    fn react(&mut self, to: usize, peer: usize, bytes: &[u8], error: PeerDecryptError) {
        let now = self.clock(to);
        let phone = &mut self.phones[to];
        let before = phone.state(peer);
        let changes = phone.peers[peer].note_refusal(bytes, &error, now);
        // Of a stranger whose message was refused no row is made.
        assert!(!changes.any() || phone.peers[peer].contact().identity().is_some());
        phone.wrote(peer, before, changes);
        let other = if to < EACH { EACH + peer } else { peer };
        self.mend_at_once(Link { from: to, to: other });
    }
}

/// What the users do.
impl Household {
    fn block(&mut self, link: Link) {
        self.trouble(link);
        self.phones[link.from].refuse(link.to % EACH);
    }

    fn ask_for_epoch(&mut self, link: Link) {
        let (peer, now) = (link.to % EACH, self.clock(link.from));
        let phone = &mut self.phones[link.from];
        let before = phone.state(peer);
        let changes = phone.peers[peer].request_epoch(now);
        assert!(changes.session.is_none() || changes.session == phone.active(peer));
        phone.wrote(peer, before, changes);
    }

    fn accept(&mut self, link: Link) {
        let (phone, peer) = (&mut self.phones[link.from], link.to % EACH);
        let before = phone.state(peer);
        let changes = phone.peers[peer].accept_request();
        phone.wrote(peer, before, changes);
    }

    fn delete(&mut self, link: Link) {
        self.trouble(link);
        let present = self.address_of(link.to);
        self.phones[link.from].delete(link.to % EACH, present);
    }

    fn hesitate(&mut self, link: Link) {
        self.trouble(link);
        let hesitates = &mut self.hesitates[link.from][link.to % EACH];
        *hesitates = !*hesitates;
        if !*hesitates {
            self.decide(link);
        }
    }

    /// The user decides about another identity: the present one is right. Then what was kept is offered again.
    fn decide(&mut self, link: Link) {
        let (peer, right) = (link.to % EACH, self.phones[link.to].account.device().identity);
        let phone = &mut self.phones[link.from];
        if let Some(other) = phone.peers[peer].undecided_identity() {
            phone.decide(peer, other, other == right);
        }
        for letter in std::mem::take(&mut self.phones[link.from].kept[peer]) {
            self.hand_over(&letter);
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
        let phone = Phone::start(&self.phones[device].store());
        assert!((0..EACH).all(|peer| phone.state(peer) == self.phones[device].state(peer)));
        let former = std::mem::replace(&mut self.phones[device], phone);
        self.phones[device].keep_past(former);
    }

    fn restore(&mut self, device: usize, backup: u8) {
        let backups = &self.backups[device];
        let Some(backup) = usize::from(backup).checked_rem(backups.len()) else { return };
        let mut phone = Phone::start(&backups[backup]);
        let (present, now) = (self.address_of(device), self.clock(device));
        let _ = phone.account.change_address(present, now, &mut self.rng);
        (0..EACH).for_each(|peer| phone.drop_sessions(peer));
        let now = self.clock(device);
        let upload = phone.account.replace_prekeys(now, &mut self.rng).upload.unwrap();
        self.phones[device] = phone;
        self.publish(device, &upload);
        self.went_back[device] = true;
        self.trouble_device(device);
        for other in 0..EACH {
            let other = if device < EACH { EACH + other } else { other };
            self.mend_at_once(Link { from: device, to: other });
        }
    }

    /// At most nine writes are lost.
    fn roll_back(&mut self, device: usize, writes: u8) {
        self.went_back[device] = true;
        self.trouble_device(device);
        self.phones[device].forget_writes(1 + usize::from(writes % 9));
        self.be_at_present_address(device);
    }

    fn clone_sends(&mut self, link: Link) {
        self.went_back[link.from] = true;
        self.trouble_device(link.from);
        let stored = self.phones[link.from].store();
        self.send(link);
        let mut phone = Phone::start(&stored);
        std::mem::swap(&mut self.phones[link.from], &mut phone);
    }

    fn reinstall(&mut self, device: usize) {
        let (moves, now) = (self.moves[device], self.clock(device));
        let [own, other] = if device < EACH { [0, 1] } else { [1, 0] };
        let suite = match self.phones[device].account.suite() {
            present if self.order.is_some() => present,
            present if present == self.suites[own] => self.suites[other],
            _ => self.suites[own],
        };
        self.phones[device] = Phone::new(device, suite, moves, now, &mut self.rng);
        self.trouble_device(device);
        self.maintain_account(device);
    }

    /// A device knows from its server what its address is, whatever its account says.
    fn be_at_present_address(&mut self, device: usize) {
        let (address, now) = (address(device, self.moves[device]), self.clock(device));
        let phone = &mut self.phones[device];
        let before = phone.state(0);
        let maintained = phone.account.change_address(address, now, &mut self.rng);
        phone.wrote(0, before, maintained.changes);
        if let (true, Some(upload)) = (maintained.changes.account, maintained.upload) {
            self.publish(device, &upload);
        }
    }

    /// The server forgets what it had for the old address, and hands out what it has for the new one instead.
    fn move_to_another_address(&mut self, device: usize) {
        self.moves[device] += 1;
        let (address, now) = (address(device, self.moves[device]), self.clock(device));
        let phone = &mut self.phones[device];
        let before = phone.state(0);
        let maintained = phone.account.change_address(address, now, &mut self.rng);
        let Maintained { upload, changes, .. } = maintained;
        phone.wrote(0, before, changes);
        let upload = upload.unwrap();
        let _ = phone.account.mark_published(&upload);
        self.servers[device] = PublishedPreKeys::new(upload.clone());
        self.uploads[device] = vec![upload];
        for peer in 0..EACH {
            let other = if device < EACH { EACH + peer } else { peer };
            // A session that was never answered goes on saying the former address.
            let active = self.phones[device].peers[peer].sessions().next();
            if active.is_some_and(|session| !session.is_answered()) {
                self.trouble(Link { from: device, to: other });
            }
            let contact = self.phones[device].peers[peer].contact();
            if matches!(contact, Contact::Accepted(_)) && !self.phones[device].is_undecided(peer) {
                self.encrypt(Link { from: device, to: other }, None, true);
            }
        }
    }

    fn publish(&mut self, device: usize, upload: &PreKeyUpload) {
        let _ = self.phones[device].account.mark_published(upload);
        self.servers[device].publish(upload.clone());
        self.uploads[device].push(upload.clone());
    }

    fn maintain_account(&mut self, device: usize) {
        let now = self.clock(device);
        let phone = &mut self.phones[device];
        let before = phone.state(0);
        let stock = self.servers[device].stock();
        let maintained = phone.account.maintain(Some(stock), now, &mut self.rng);
        let Maintained { upload, changes, .. } = maintained;
        phone.wrote(0, before, changes);
        if let Some(upload) = upload {
            self.publish(device, &upload);
        }
    }

    fn maintain_peers(&mut self, device: usize) {
        let now = self.clock(device);
        let phone = &mut self.phones[device];
        for peer in 0..EACH {
            let before = phone.state(peer);
            let changes = phone.peers[peer].maintain(now);
            phone.wrote(peer, before, changes);
        }
    }

    fn hand_out_twice(&mut self, device: usize) {
        self.trouble_device(device);
        self.handed_out[device].1 = true;
    }

    fn upload_again(&mut self, device: usize, which: u8) {
        let uploads = &self.uploads[device];
        if let Some(which) = usize::from(which).checked_rem(uploads.len()) {
            self.servers[device].publish(uploads[which].clone());
        }
    }

    fn fetch_all(&mut self, device: usize) {
        while self.servers[device].one_time_prekeys_left() > 0 {
            let _nobody_uses_it = self.servers[device].hand_out();
        }
    }
}
