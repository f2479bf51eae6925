//! What can happen to an `ExpiryScheduler`, a naive model of what must come of it, and what holds after each
//! event.
//!
//! An event is a few small numbers, of which any are allowed: so a schedule can be made of any bytes. This
//! file needs nothing of the other test support.
//!
//! The model keeps what was told, as it was told: of each message a log, of each conversation the settings that can
//! still count, of the clocks every reading. Whatever it is asked it works out anew from these. Where the documentation
//! leaves open when exactly something comes due once more, it knows an earliest and a latest moment.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use evanesce::expiry::{
    Age, ContentKey, ConversationId, DeviceEvent, Due, EditError, Effects, ExpiryEvent,
    ExpiryScheduler, MalformedStamp, MemberTag, MessageId, Monotonic, NewMessage, Now, OpenError,
    Opens, Parts, PartsAdded, Policy, Setting, SettingRefusal, SettingVersion, Stamp,
    StampedSetting, Unsent, Verdict, Visibility,
};
use evanesce::limits::ExpiryLimits;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// How many messages, conversations and authors there are. The first author is the own identity.
const IDS: u8 = 8;
const CONVERSATIONS: u8 = 3;
/// And two of strangers, which are only heard and deleted.
const ALL_CONVERSATIONS: u8 = 5;
const AUTHORS: u8 = 3;

/// When the first scheduler begins, in milliseconds since 1970.
const START: u64 = 1_700_000_000_000;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How much time can pass at once.
const STEPS: [u64; 16] = [
    0,
    1,
    999,
    SECOND,
    10 * SECOND,
    59 * SECOND,
    MINUTE,
    MINUTE + 1,
    10 * MINUTE,
    HOUR,
    DAY,
    DAY + 1,
    14 * DAY,
    30 * DAY,
    45 * DAY,
    366 * DAY,
];

/// Lives in seconds.
const LIVES: [u32; 10] =
    [1, 10, 60, 90, 3_600, 86_400, 14 * 86_400 + 30, 60 * 86_400, 366 * 86_400, u32::MAX];

/// How long ago something happened elsewhere, in seconds.
const AGES: [u64; 8] = [0, 0, 1, 600, 3_600, 86_400, 40 * 86_400, u64::MAX];

const PARTS: [Parts; 8] = [
    Parts::BODY,
    Parts::FILE,
    Parts::THUMBNAIL,
    Parts::NOTIFICATION,
    Parts::PREVIEW,
    Parts::SEARCH_INDEX,
    Parts::RESEND_LOG,
    Parts::QUOTE,
];

/// How long ended messages and those that have not come are remembered, and quoted ones waited for.
const REMEMBERED: u64 = 45 * DAY;
/// How long what is kept to send something again is kept at most.
const RESEND_LOG: u64 = 14 * DAY;
/// After how long something is due again.
const AGAIN: u64 = MINUTE;
/// How much of the engine's time a restart may lose; and how much if the wall clock was set back meanwhile.
const DRIFT: u64 = 10;
const UNSTORED: u64 = HOUR;
/// The longest life, in seconds.
const MAX_TTL: u32 = 366 * 86_400;
/// How far above ours a peer's version may be.
const MAX_JUMP: u64 = 1 << 20;
/// How many settings are kept of those that held, and of those whose versions are too high.
const MAX_HELD: usize = 8;
const MAX_DISTANT: usize = 4;

/// What can happen. Numbers that are too big begin again from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message is about to be sent.
    Queued {
        message: MessageChoice,
        stamp: StampChoice,
    },
    /// A message of ours has left.
    Sent {
        id: u8,
        age: u8,
    },
    /// A message of ours was sent by an own other device.
    SentElsewhere {
        message: MessageChoice,
        stamp: StampChoice,
        age: u8,
    },
    /// A message came in.
    Received {
        message: MessageChoice,
        stamp: StampChoice,
        age: u8,
    },
    /// A stamp came in without a message.
    Heard {
        conversation: u8,
        stamp: StampChoice,
        age: u8,
    },
    Ready {
        id: u8,
    },
    Read {
        id: u8,
    },
    Open {
        id: u8,
    },
    Closed {
        conversation: u8,
    },
    Deleted {
        id: u8,
    },
    ConversationDeleted {
        conversation: u8,
    },
    Unsent {
        id: u8,
        by: u8,
    },
    Edited {
        id: u8,
        by: u8,
        policy: u8,
    },
    PartsAdded {
        id: u8,
        parts: u8,
    },
    /// Parts are gone; of the highest number, all.
    Done {
        id: u8,
        parts: u8,
    },
    /// The user changes a setting.
    Set {
        conversation: u8,
        policy: u8,
    },
    /// An own other device tells something.
    FromOwnDevice {
        kind: u8,
        id: u8,
        age: u8,
        stamp: StampChoice,
    },
    CatchingUp,
    CaughtUp,
    SetLimits {
        choice: u8,
    },
    /// A trusted clock says something: what the wall clock does, or more; from 128 on, or less.
    TrustTime {
        ahead: u8,
    },
    Poll {
        limit: u8,
    },
    /// All that is due is deleted and confirmed.
    Purge,
    /// The application starts anew, from its rows or from a snapshot.
    Restart {
        how: u8,
    },
    /// What the next event writes is not stored: the application stops before.
    Crash,
    BackUp,
    RestoreBackup,
    /// Time passes, asleep or awake.
    Pass {
        step: u8,
    },
    /// The wall clock is set.
    SetWall {
        step: u8,
        back: bool,
    },
    /// The device is off for a time.
    Reboot {
        off: u8,
        since: u8,
    },
    /// There is a monotonic clock from now on, or none.
    LoseMonotonic {
        has: bool,
    },
    /// The monotonic clock goes back, as it never should.
    BreakMonotonic {
        step: u8,
    },
    /// The wall clock stands at one of its ends.
    Extreme {
        end: bool,
    },
}

/// Which message, and how it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageChoice {
    /// Its number; what is above says whether author and conversation are the usual ones.
    pub id: u8,
    /// From the lowest bit: media awaited, sealed, by one who may not set, quoting; then what it quotes.
    pub how: u8,
    /// One bit for each part.
    pub parts: u8,
}

/// What a stamp says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StampChoice {
    /// Which version, from none to malformed.
    pub version: u8,
    /// The setting's policy.
    pub policy: u8,
    /// The own policy, and how often it may be opened.
    pub own: u8,
}

/// The schedule that bytes say: all bytes say one.
pub fn events_from(bytes: &[u8]) -> Vec<Event> {
    let mut bytes = bytes.iter().copied();
    std::iter::from_fn(|| Event::read(&mut bytes)).collect()
}

impl Event {
    /// How many bytes the longest event takes.
    pub const MAX_BYTES: usize = 8;

    pub fn read(bytes: &mut impl Iterator<Item = u8>) -> Option<Self> {
        let kind = bytes.next()?;
        let mut next = || bytes.next();
        Some(match kind % 64 {
            0..=3 => Self::Queued {
                message: MessageChoice::read(&mut next)?,
                stamp: StampChoice::read(&mut next)?,
            },
            4..=6 => Self::Sent { id: next()?, age: next()? },
            7 => Self::SentElsewhere {
                message: MessageChoice::read(&mut next)?,
                stamp: StampChoice::read(&mut next)?,
                age: next()?,
            },
            8..=15 => Self::Received {
                message: MessageChoice::read(&mut next)?,
                stamp: StampChoice::read(&mut next)?,
                age: next()?,
            },
            16 => Self::Heard {
                conversation: next()?,
                stamp: StampChoice::read(&mut next)?,
                age: next()?,
            },
            17..=18 => Self::Ready { id: next()? },
            19..=22 => Self::Read { id: next()? },
            23..=25 => Self::Open { id: next()? },
            26..=27 => Self::Closed { conversation: next()? },
            28 => Self::Deleted { id: next()? },
            29 => Self::ConversationDeleted { conversation: next()? },
            30 => Self::Unsent { id: next()?, by: next()? },
            31..=32 => Self::Edited { id: next()?, by: next()?, policy: next()? },
            33 => Self::PartsAdded { id: next()?, parts: next()? },
            34..=36 => Self::Done { id: next()?, parts: next()? },
            37..=38 => Self::Set { conversation: next()?, policy: next()? },
            39..=41 => Self::FromOwnDevice {
                kind: next()?,
                id: next()?,
                age: next()?,
                stamp: StampChoice::read(&mut next)?,
            },
            42 => Self::CatchingUp,
            43 => Self::CaughtUp,
            44 => Self::SetLimits { choice: next()? },
            45 => Self::TrustTime { ahead: next()? },
            46..=49 => Self::Poll { limit: next()? },
            50 => Self::Purge,
            51..=52 => Self::Restart { how: next()? },
            53 => Self::Crash,
            54 => Self::BackUp,
            55 => Self::RestoreBackup,
            56..=59 => Self::Pass { step: next()? },
            60 => Self::SetWall { step: next()?, back: next()? % 2 == 1 },
            61 => Self::Reboot { off: next()?, since: next()? },
            62 => Self::LoseMonotonic { has: next()? % 2 == 1 },
            _ => match next()? % 8 {
                0 => Self::BreakMonotonic { step: next()? },
                1 => Self::Extreme { end: next()? % 2 == 1 },
                _ => Self::Pass { step: next()? },
            },
        })
    }
}

impl MessageChoice {
    fn read(next: &mut impl FnMut() -> Option<u8>) -> Option<Self> {
        Some(Self { id: next()?, how: next()?, parts: next()? })
    }

    fn number(self) -> u8 {
        self.id % IDS
    }

    fn conversation(self) -> u8 {
        let usual = self.number() % CONVERSATIONS;
        if self.id / IDS == 31 { (usual + 1) % CONVERSATIONS } else { usual }
    }

    /// `usual` is ours, or that of the one who usually writes it.
    fn author(self, usual: u8) -> u8 {
        if self.id / IDS == 30 { (usual + 1) % AUTHORS } else { usual }
    }

    fn is_awaited(self) -> bool {
        self.how & 1 != 0
    }

    fn is_sealed(self) -> bool {
        self.how & 2 != 0
    }

    fn may_set(self) -> bool {
        self.how & 4 == 0
    }

    fn quoted(self) -> Option<u8> {
        (self.how & 8 != 0).then_some((self.how >> 4) % IDS)
    }

    /// Half of all messages are only a text.
    fn parts(self) -> Parts {
        if self.parts & 1 == 0 { Parts::BODY } else { parts_of(self.parts) }
    }
}

impl StampChoice {
    fn read(next: &mut impl FnMut() -> Option<u8>) -> Option<Self> {
        Some(Self { version: next()?, policy: next()?, own: next()? })
    }

    /// The setting that it brings, where `ours` is known.
    fn setting(self, ours: Option<Setting>) -> Option<Setting> {
        let before = ours.map_or(0, |setting| setting.version.number());
        let version = match self.version % 16 {
            0 => return None,
            1..=5 => return ours,
            6 => before,
            7 => before.saturating_sub(1),
            8 | 9 => before.saturating_add(1),
            10 => before.saturating_add(2),
            11 => before.saturating_add(MAX_JUMP),
            12 => before.saturating_add(MAX_JUMP + 1),
            13 => SettingVersion::MAX.number(),
            _ => 1,
        };
        let version = version.clamp(1, SettingVersion::MAX.number());
        let version = SettingVersion::new(version).expect("within the bounds");
        let by = tag(self.version / 16 % AUTHORS);
        Some(Setting { version, policy: policy_of(self.policy), by })
    }

    fn stamp(self, ours: Option<Setting>) -> Result<Stamp, MalformedStamp> {
        if self.version % 16 == 15 {
            return Err(MalformedStamp);
        }
        let change = self.version >= 128;
        let setting = self.setting(ours).map(|setting| StampedSetting { setting, change });
        let opens = match self.own / 32 {
            0..=3 => Opens::Unlimited,
            4..=5 => Opens::Once,
            _ => Opens::Twice,
        };
        let own_policy = if self.own & 1 == 0 { None } else { policy_of(self.own % 32) };
        Ok(Stamp { setting, own_policy, opens })
    }
}

/// A policy for each number, of which some are none.
fn policy_of(number: u8) -> Option<Policy> {
    let lives = LIVES.map(|ttl| NonZeroU32::new(ttl).expect("not zero"));
    let after_send = lives.map(|ttl| Some(Policy::AfterSend { ttl }));
    let after_read = lives.map(|ttl| Some(Policy::AfterRead { ttl }));
    let others = [None, None, Some(Policy::OnClose), Some(Policy::OnClose)];
    let all = [after_send.as_slice(), &others, &after_read].concat();
    pick(&all, number)
}

fn parts_of(bits: u8) -> Parts {
    let held = PARTS.into_iter().zip(0..8).filter(|(_, bit)| bits >> bit & 1 == 1);
    held.fold(Parts::NONE, |all, (part, _)| all | part)
}

fn limits_of(choice: u8) -> ExpiryLimits {
    let mut limits = ExpiryLimits::default();
    match choice % 4 {
        0 => {}
        1 => {
            limits.unread = Duration::from_secs(60);
            limits.unopened = Duration::from_secs(30);
            limits.unsent = Duration::from_secs(20);
            limits.longest_sleep = Duration::from_secs(10);
        }
        2 => {
            limits.unread = Duration::ZERO;
            limits.unopened = Duration::from_secs(1);
            limits.unsent = Duration::ZERO;
            limits.longest_sleep = Duration::ZERO;
        }
        _ => {
            limits.unread = Duration::MAX;
            limits.unopened = Duration::MAX;
            limits.unsent = Duration::MAX;
            limits.longest_sleep = Duration::MAX;
        }
    }
    limits
}

fn pick<Value: Copy>(values: &[Value], number: u8) -> Value {
    values[usize::from(number) % values.len()]
}

/// An age, by the sender's word from 128 on, and when something of that age was sent.
fn said_age(choice: u8, time: u64) -> (Age, u64) {
    let seconds = pick(&AGES, choice);
    let age = Duration::from_secs(seconds);
    let (age, seconds) = match choice {
        128.. => (Age::claimed(age), seconds.min(600)),
        _ => (Age::trusted(age), seconds),
    };
    (age, time.saturating_sub(seconds.saturating_mul(SECOND)))
}

fn tag(author: u8) -> MemberTag {
    MemberTag([author; 8])
}

fn message_id(id: u8) -> MessageId {
    MessageId::from(u64::from(id))
}

fn conversation_id(conversation: u8) -> ConversationId {
    ConversationId([conversation; 16])
}

/// Whole milliseconds, or one more if there is something left; as many as can be counted.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Milliseconds that have passed in full.
fn full_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What was told of a message, with the engine's time at which it happened.
#[derive(Clone, Debug)]
enum Fact {
    /// By its author's side, for one that is not ours.
    AuthorSent(u64),
    Sent(u64),
    Ready(u64),
    Read(u64),
    /// On an own other device, where its media was there.
    Started(u64),
    Closed(u64),
    Opened(u8),
    Deleted,
    LivesBy(Vec<Policy>),
}

/// What all that was told of a message comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    author_sent: Option<u64>,
    sent: Option<u64>,
    ready: Option<u64>,
    read: Option<u64>,
    started: Option<u64>,
    closed: Option<u64>,
    opened: u8,
    deleted: bool,
    after_send: Option<u32>,
    after_read: Option<u32>,
    on_close: bool,
}

/// A message that is held.
#[derive(Clone, Debug)]
struct Held {
    conversation: u8,
    author: u8,
    /// When this device heard of it.
    noted: u64,
    is_ours: bool,
    opens: Opens,
    parts: Parts,
    /// What it quotes, and whether that is known to have ended.
    quote: Option<(u8, bool)>,
    /// The number of its content key.
    key: Option<u32>,
    /// Whether the own setting counts as well, and which that is as far as is known.
    falls_back: bool,
    own_setting: Option<Policy>,
    log: Vec<Fact>,
    /// When a poll gave it last, and what of it.
    given: Option<(u64, Parts)>,
    /// Whether anything happened to it since.
    touched: bool,
    /// When a poll looked at it last and left it waiting for what it quotes.
    waits_since: Option<u64>,
}

/// A new message, as the model sees it.
struct Arriving {
    id: u8,
    held: Held,
}

/// One reading of the clocks that the scheduler was given.
#[derive(Clone, Copy, Debug)]
enum Reading {
    Now(Now),
    /// With what a trusted clock said.
    Trusted(Duration, Now),
    /// From here on boots are others, whatever they are called.
    OnAnotherDevice,
}

/// What a call must have brought about beside what is stored.
#[derive(Debug, Default, PartialEq, Eq)]
struct Expected {
    events: Vec<ExpiryEvent>,
    tell: Vec<DeviceEvent>,
}

/// What was told, and what follows.
#[derive(Clone, Debug)]
struct Model {
    /// All readings of the clocks since the first.
    readings: Vec<Reading>,
    /// How many of them the stored head knows.
    stored_readings: usize,
    limits: ExpiryLimits,
    withheld_since: Option<u64>,
    settings: BTreeMap<u8, Settings>,
    /// In which conversations an own device wrote or set something.
    ours: BTreeSet<u8>,
    /// Which of the others were deleted, and since when.
    deleted: BTreeMap<u8, u64>,
    echoed: BTreeMap<u8, u64>,
    /// When conversations were closed last, where that counts for messages that come later.
    closed: BTreeMap<u8, u64>,
    held: BTreeMap<u8, Held>,
    /// Messages that ended and of which nothing is left, and since when.
    buried: BTreeMap<u8, u64>,
    /// What own devices told of messages that have not come, and since when.
    waiting: BTreeMap<u8, (u64, Vec<Fact>)>,
    /// What own devices have read that has no end, or has not come, and since when, and when they did.
    seen: BTreeMap<u8, (u64, u64)>,
    /// Which messages were taken back that have not come, by whom, and since when.
    unsends: BTreeMap<(u8, u8), u64>,
    /// How often a setting that was told reached a message that was there before.
    reached: usize,
}

/// What a conversation was told, each with the moment since when it is known to have been said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Settings {
    /// In the order of these moments, each higher than the one before.
    held: Vec<(Setting, u64)>,
    /// Those that are too high, in the order of settings.
    distant: Vec<(Setting, u64)>,
}

impl Settings {
    /// All that is known anew, with one more. An own device's counts in any case.
    fn with(&self, setting: Setting, since: u64, by_own_device: bool) -> Self {
        let new = (clamped_setting(setting), since);
        let mut counting = self.held.clone();
        let mut open = self.distant.clone();
        if by_own_device {
            counting.push(new)
        } else {
            open.push(new)
        }
        let version = |one: &(Setting, u64)| one.0.version.number();
        loop {
            let most = counting.iter().map(version).max().unwrap_or_default();
            let (near, far): (Vec<_>, Vec<_>) =
                open.into_iter().partition(|one| version(one) <= most.saturating_add(MAX_JUMP));
            open = far;
            if near.is_empty() {
                break;
            }
            counting.extend(near);
        }
        // What a higher one was there before, or at once with, never held.
        let never_held = |one: &(Setting, u64)| {
            counting.iter().any(|other| rank(&other.0) > rank(&one.0) && other.1 <= one.1)
                || counting.iter().any(|other| other.0 == one.0 && other.1 < one.1)
        };
        let mut held: Vec<_> = counting.iter().copied().filter(|one| !never_held(one)).collect();
        held.sort_by_key(|one| one.1);
        held.dedup();
        let first = held.first().map(|one| one.1);
        let mut held = held.split_off(held.len().saturating_sub(MAX_HELD));
        if let (Some(kept), Some(first)) = (held.first_mut(), first) {
            kept.1 = first;
        }
        let mut distant = BTreeMap::new();
        for (setting, since) in open {
            let earliest = distant.entry(rank(&setting)).or_insert((setting, since));
            earliest.1 = since.min(earliest.1);
        }
        Self { held, distant: distant.into_values().take(MAX_DISTANT).collect() }
    }

    /// The one that held then.
    fn at(&self, moment: u64) -> Option<Setting> {
        let before = self.held.iter().filter(|(_, since)| *since <= moment);
        before.max_by_key(|(setting, _)| rank(setting)).map(|(setting, _)| *setting)
    }
}

/// The engine's time after all these readings: by the monotonic clock within one boot, by what has passed at least
/// from one boot to the next, by the wall clock where there is nothing else.
fn engine_time(readings: &[Reading]) -> u64 {
    let mut readings = readings.iter();
    let Some(Reading::Now(first)) = readings.next() else {
        panic!("the first reading is one of the clocks");
    };
    let clock = |now: &Now| now.monotonic.map(|clock| (clock.boot, full_millis(clock.elapsed)));
    let mut time = full_millis(first.wall);
    let (mut wall, mut highest) = (time, clock(first));
    let mut trusted: Option<(u64, u64, Option<u128>)> = None;
    for reading in readings {
        let (now, told) = match reading {
            Reading::Now(now) => (now, None),
            Reading::Trusted(told, now) => (now, Some(full_millis(*told))),
            Reading::OnAnotherDevice => {
                highest = None;
                trusted = trusted.map(|(wall, time, _)| (wall, time, None));
                continue;
            }
        };
        let by_wall = full_millis(now.wall).saturating_sub(wall);
        wall = full_millis(now.wall);
        let next = clock(now);
        let goes_back = |before: u64, elapsed: u64| elapsed < before && before - elapsed <= MINUTE;
        // What has passed, if the wall clock shows that so much has.
        let passed = |by_wall: u64| match (highest, next) {
            (Some((boot, before)), Some((same, elapsed))) if boot == same => {
                if goes_back(before, elapsed) {
                    0
                } else {
                    elapsed.checked_sub(before).unwrap_or(by_wall)
                }
            }
            (Some(_), Some((_, elapsed))) => by_wall.max(elapsed),
            _ => by_wall,
        };
        let (least, counted) =
            (time.saturating_add(passed(0)), time.saturating_add(passed(by_wall)));
        highest = match (highest, next) {
            (Some((boot, before)), Some((same, elapsed)))
                if boot == same && goes_back(before, elapsed) =>
            {
                highest
            }
            _ => next,
        };
        time = counted;
        if let Some(told) = told {
            let boot = next.map(|(boot, _)| boot);
            trusted = match trusted {
                None => Some((told, counted, boot)),
                Some((before, _, _)) if told < before => trusted,
                Some((_, _, since)) if since.is_some() && since == boot => trusted,
                Some((before, then, _)) => {
                    let shown = then.saturating_add(told - before);
                    if shown <= counted {
                        time = shown.max(least);
                    } else if shown - counted >= 10 * MINUTE {
                        time = shown;
                    }
                    let is_lost = time.saturating_sub(shown) >= 10 * MINUTE;
                    Some((told, if is_lost { time } else { shown }, boot))
                }
            };
        }
    }
    time
}

/// The place of a setting in the order of all: its version, then its strictness, then its author.
fn rank(setting: &Setting) -> (u64, u8, Reverse<u32>, bool, Reverse<MemberTag>) {
    let (class, ttl, after_send) = match setting.policy {
        None => (0, 0, false),
        Some(Policy::AfterSend { ttl }) => (1, ttl.get(), true),
        Some(Policy::AfterRead { ttl }) => (1, ttl.get(), false),
        Some(Policy::OnClose) => (2, 0, false),
    };
    (setting.version.number(), class, Reverse(ttl), after_send, Reverse(setting.by))
}

fn clamped(policy: Policy) -> Policy {
    let most = NonZeroU32::new(MAX_TTL).expect("not zero");
    match policy {
        Policy::AfterSend { ttl } => Policy::AfterSend { ttl: ttl.min(most) },
        Policy::AfterRead { ttl } => Policy::AfterRead { ttl: ttl.min(most) },
        Policy::OnClose => Policy::OnClose,
    }
}

fn clamped_setting(setting: Setting) -> Setting {
    Setting { policy: setting.policy.map(clamped), ..setting }
}

impl Held {
    fn touch(&mut self) {
        self.touched = true;
    }

    fn known(&self) -> Known {
        let mut known = Known {
            author_sent: None,
            sent: None,
            ready: None,
            read: None,
            started: None,
            closed: None,
            opened: 0,
            deleted: false,
            after_send: None,
            after_read: None,
            on_close: false,
        };
        // At the last moment that can be named nothing happens.
        let earliest = |before: &mut Option<u64>, at: u64| {
            *before = Some(before.map_or(at, |before| before.min(at))).filter(|at| *at < u64::MAX);
        };
        let shortest = |before: &mut Option<u32>, ttl: NonZeroU32| {
            let ttl = ttl.get().min(MAX_TTL);
            *before = Some(before.map_or(ttl, |before| before.min(ttl)));
        };
        for fact in &self.log {
            match fact {
                Fact::AuthorSent(at) => earliest(&mut known.author_sent, *at),
                Fact::Sent(at) => earliest(&mut known.sent, *at),
                Fact::Ready(at) => earliest(&mut known.ready, *at),
                Fact::Read(at) => earliest(&mut known.read, *at),
                Fact::Started(at) => earliest(&mut known.started, *at),
                // The last moment that can be named counts as the one before.
                Fact::Closed(at) => known.closed = known.closed.max(Some((*at).min(u64::MAX - 1))),
                Fact::Opened(times) => known.opened = known.opened.max(*times),
                Fact::Deleted => known.deleted = true,
                Fact::LivesBy(policies) => {
                    for policy in policies {
                        match policy {
                            Policy::AfterSend { ttl } => shortest(&mut known.after_send, *ttl),
                            Policy::AfterRead { ttl } => shortest(&mut known.after_read, *ttl),
                            Policy::OnClose => known.on_close = true,
                        }
                    }
                }
            }
        }
        match self.own_setting.filter(|_| self.falls_back) {
            Some(Policy::AfterSend { ttl }) => shortest(&mut known.after_send, ttl),
            Some(Policy::AfterRead { ttl }) => shortest(&mut known.after_read, ttl),
            Some(Policy::OnClose) => known.on_close = true,
            None => {}
        }
        known
    }

    /// When it was sent, as far as is known.
    fn sent_at(&self) -> u64 {
        let known = self.known();
        match self.is_ours {
            true => known.sent.unwrap_or(self.noted),
            // At the last moment that can be named nothing happens.
            false => known.author_sent.unwrap_or(u64::MAX),
        }
    }

    /// Whether it is held for nothing but a setting that may be told yet.
    fn is_unsettled(&self) -> bool {
        let others =
            self.parts.contains(Parts::RESEND_LOG) || self.quote.is_some() || self.key.is_some();
        self.falls_back && !self.is_finite() && !others
    }

    fn allowed(&self) -> Option<u8> {
        match self.opens {
            Opens::Unlimited => None,
            Opens::Once => Some(1),
            Opens::Twice => Some(2),
        }
    }

    fn is_spent(&self) -> bool {
        let known = self.known();
        known.deleted || self.allowed().is_some_and(|allowed| known.opened >= allowed)
    }

    fn is_finite(&self) -> bool {
        let known = self.known();
        let has_terms = known.after_send.is_some() || known.after_read.is_some() || known.on_close;
        has_terms || self.allowed().is_some() || known.deleted
    }

    /// When the clock of its reader starts.
    fn started(&self) -> Option<u64> {
        let known = self.known();
        if self.is_ours {
            return known.sent;
        }
        let here = known.read.zip(known.ready).map(|(read, ready)| read.max(ready));
        here.into_iter().chain(known.started).min()
    }

    fn is_ready(&self) -> bool {
        self.is_ours || self.known().ready.is_some()
    }

    /// The least of all ends that it has.
    fn deadline(&self, limits: &ExpiryLimits) -> Option<u64> {
        let known = self.known();
        if self.is_spent() {
            return Some(0);
        }
        let life = |ttl: u32| u64::from(ttl) * SECOND;
        if self.is_ours && known.sent.is_none() {
            // Each of its terms by itself, and the least of these.
            let unsent = millis(limits.unsent);
            let timed = known.after_send.into_iter().chain(known.after_read);
            let ends = timed.map(|ttl| life(ttl).max(unsent));
            let others = known.on_close || self.allowed().is_some();
            let ends = ends.chain(others.then_some(unsent)).min();
            return ends.map(|end| self.noted.saturating_add(end));
        }
        let (sent, arrived) = match known.sent {
            Some(sent) if self.is_ours => (sent, sent),
            _ => (known.author_sent.unwrap_or(u64::MAX), self.noted),
        };
        let unread = arrived.saturating_add(millis(limits.unread));
        let read = self.started();
        let mut ends = Vec::new();
        if let Some(ttl) = known.after_send {
            ends.push(sent.saturating_add(life(ttl)));
        }
        if let Some(ttl) = known.after_read {
            ends.push(read.map_or(unread, |read| read.saturating_add(life(ttl))));
        }
        if known.on_close {
            ends.push(unread);
            if read.is_some_and(|read| known.closed.is_some_and(|at| read <= at)) {
                ends.push(0);
            }
        }
        if self.allowed().is_some() {
            ends.push(arrived.saturating_add(millis(limits.unopened)));
        }
        ends.into_iter().min()
    }

    fn is_over(&self, limits: &ExpiryLimits, time: u64) -> bool {
        self.deadline(limits).is_some_and(|deadline| deadline <= time)
    }

    /// What can be due of it, from when on: the whole, the log, the quote.
    fn ends(&self, limits: &ExpiryLimits) -> Vec<(u64, Parts)> {
        let mut ends = Vec::new();
        ends.extend(self.deadline(limits).map(|deadline| (deadline, self.parts)));
        if self.parts.contains(Parts::RESEND_LOG) {
            ends.push((self.noted.saturating_add(RESEND_LOG), Parts::RESEND_LOG));
        }
        if self.quote.is_some_and(|(_, expired)| expired) {
            ends.push((0, self.parts.both(Parts::QUOTE)));
        }
        ends
    }

    fn due_parts(&self, limits: &ExpiryLimits, time: u64) -> Parts {
        let ends = self.ends(limits).into_iter().filter(|(end, _)| *end <= time);
        ends.fold(Parts::NONE, |all, (_, parts)| all | parts)
    }

    /// When it stops to wait for what it quotes.
    fn gives_up(&self) -> Option<u64> {
        let waits = self.quote.is_some_and(|(_, expired)| !expired);
        waits.then(|| self.noted.saturating_add(REMEMBERED))
    }

    /// When at the latest a poll must give it.
    fn latest(&self, limits: &ExpiryLimits) -> Option<u64> {
        let ends = self.ends(limits).into_iter();
        ends.map(|(end, parts)| match self.given {
            Some((then, given)) if end <= then && !parts.is_empty() && given.contains(parts) => {
                then.saturating_add(AGAIN)
            }
            _ => end,
        })
        .min()
    }

    /// Before when no poll may give it.
    fn earliest(&self, limits: &ExpiryLimits) -> Option<u64> {
        let again = if self.touched {
            self.ends(limits).into_iter().map(|(end, _)| end).min()
        } else {
            self.latest(limits)
        };
        again.into_iter().chain(self.gives_up()).min()
    }
}

impl Model {
    fn new(now: Now) -> Self {
        Self {
            readings: vec![Reading::Now(now)],
            stored_readings: 1,
            limits: ExpiryLimits::default(),
            withheld_since: None,
            settings: BTreeMap::new(),
            ours: BTreeSet::new(),
            deleted: BTreeMap::new(),
            echoed: BTreeMap::new(),
            closed: BTreeMap::new(),
            held: BTreeMap::new(),
            buried: BTreeMap::new(),
            waiting: BTreeMap::new(),
            seen: BTreeMap::new(),
            unsends: BTreeMap::new(),
            reached: 0,
        }
    }

    /// What the time would be.
    fn time(&self, now: Now) -> u64 {
        engine_time(&[self.readings.as_slice(), &[Reading::Now(now)]].concat())
    }

    /// What it is from now on.
    fn goes_on(&mut self, reading: Reading) -> u64 {
        let before = engine_time(&self.readings);
        self.readings.push(reading);
        let time = engine_time(&self.readings);
        assert!(before <= time, "the engine's time went back");
        time
    }

    fn setting(&self, conversation: u8) -> Option<Setting> {
        self.settings.get(&conversation)?.at(u64::MAX)
    }

    fn is_over(&self, id: u8, time: u64) -> bool {
        self.held.get(&id).is_some_and(|held| held.is_over(&self.limits, time))
    }

    fn is_withheld(&self, held: &Held) -> bool {
        !held.is_ours && self.withheld_since.is_some_and(|since| held.noted >= since)
    }

    fn visibility(&self, id: u8, time: u64) -> Visibility {
        match self.held.get(&id) {
            Some(held) if held.is_over(&self.limits, time) => Visibility::Gone,
            Some(held) if self.is_withheld(held) => Visibility::Withheld,
            Some(held) if !held.is_ours && held.allowed().is_some() => Visibility::Placeholder,
            Some(_) => Visibility::Shown,
            None if self.buried.contains_key(&id) => Visibility::Gone,
            None => Visibility::Shown,
        }
    }

    fn remaining(&self, id: u8, time: u64) -> Option<Duration> {
        let deadline = self.held.get(&id)?.deadline(&self.limits)?;
        Some(Duration::from_millis(deadline.saturating_sub(time)))
    }

    /// Nothing is learnt of what has ended. Says whether it was new.
    fn learn(&mut self, id: u8, time: u64, facts: &[Fact]) -> bool {
        let Some(held) = self.held.get_mut(&id) else {
            return false;
        };
        if held.is_over(&self.limits, time) {
            return false;
        }
        let before = held.known();
        held.log.extend_from_slice(facts);
        held.touch();
        if let Some(settings) = self.settings.get(&held.conversation) {
            held.own_setting = settings.at(held.sent_at()).map_or(held.own_setting, |it| it.policy);
        }
        if let Some(closed) =
            self.closed.get(&held.conversation).filter(|_| held.started().is_some())
        {
            held.log.push(Fact::Closed(*closed));
        }
        if held.is_spent() {
            held.key = None;
        }
        held.known() != before
    }

    /// One of ours was sent. What had ended before has ended all the same.
    fn learn_sent(&mut self, id: u8, at: u64, time: u64) -> bool {
        let has_ended = self.is_over(id, time);
        let Some(held) = self.held.get_mut(&id).filter(|held| held.is_ours) else {
            return false;
        };
        if !has_ended {
            return self.learn(id, time, &[Fact::Sent(at)]);
        }
        let is_news = held.known().sent.is_none();
        if is_news {
            held.log.extend([Fact::Deleted, Fact::Sent(at)]);
            held.key = None;
            held.touch();
        }
        is_news
    }

    /// Something happened in a conversation, which brings a setting or none.
    fn note(
        &mut self,
        conversation: u8,
        by_own_device: bool,
        setting: Option<(Setting, u64)>,
        time: u64,
    ) -> Vec<ExpiryEvent> {
        self.deleted.remove(&conversation);
        if by_own_device {
            self.ours.insert(conversation);
        }
        let Some((setting, since)) = setting else {
            return Vec::new();
        };
        let previous = self.setting(conversation);
        let before = self.settings.get(&conversation).cloned().unwrap_or_default();
        let after = before.with(setting, since, by_own_device);
        self.settings.insert(conversation, after.clone());
        if before != after {
            let its = |held: &Held| held.conversation == conversation && held.falls_back;
            let all = self.held.iter().filter(|(_, held)| its(held));
            let ids: Vec<_> = all.map(|(id, _)| *id).collect();
            let reached = ids.into_iter().filter(|id| self.learn(*id, time, &[])).count();
            self.reached += reached;
        }
        let holds = self.setting(conversation);
        let conversation = conversation_id(conversation);
        let changed = holds.filter(|_| previous != holds);
        let changed =
            changed.map(|setting| ExpiryEvent::SettingChanged { conversation, previous, setting });
        changed.into_iter().collect()
    }

    /// What comes of a stamp, beside the life of its message.
    fn hear(
        &mut self,
        conversation: u8,
        may_set: bool,
        stamp: &Result<Stamp, MalformedStamp>,
        sent: u64,
        time: u64,
    ) -> Vec<ExpiryEvent> {
        let ours = self.setting(conversation);
        let mut events = Vec::new();
        let Ok(stamp) = stamp else {
            return self.note(conversation, false, None, time);
        };
        let theirs = stamp.setting.as_ref().map(|stamped| clamped_setting(stamped.setting));
        if theirs.as_ref().map(rank) < ours.as_ref().map(rank) {
            let before = self.echoed.get(&conversation);
            if before.is_none_or(|before| time.saturating_sub(*before) >= HOUR) {
                self.echoed.insert(conversation, time);
                let conversation = conversation_id(conversation);
                events.push(ExpiryEvent::EchoDue { conversation });
            }
        }
        let version = |setting: Option<Setting>| setting.map_or(0, |one| one.version.number());
        let jumps = version(theirs) > version(ours).saturating_add(MAX_JUMP);
        if let Some(setting) =
            theirs.filter(|_| theirs.as_ref().map(rank) > ours.as_ref().map(rank))
        {
            let conversation = conversation_id(conversation);
            let refusal = match (jumps, may_set) {
                (true, _) => Some(SettingRefusal::VersionJump),
                (false, false) => Some(SettingRefusal::MayNotSet),
                (false, true) => None,
            };
            events.extend(refusal.map(|refusal| ExpiryEvent::SettingRefused {
                conversation,
                setting,
                refusal,
            }));
        }
        let heard = theirs.filter(|_| may_set).map(|setting| (setting, sent));
        events.extend(self.note(conversation, false, heard, time));
        events
    }

    /// Says also whether an own device has read it.
    fn admit(&mut self, arriving: Arriving, time: u64) -> (Verdict, bool) {
        let (id, seen) = (arriving.id, self.seen.get(&arriving.id).copied());
        let verdict = self.admit_unless_seen(arriving, time);
        let learnt = self.held.get(&id).filter(|held| !held.is_ours);
        let is_read = seen.is_some() || learnt.is_some_and(|held| held.started().is_some());
        (verdict, verdict == Verdict::Keep && is_read)
    }

    fn admit_unless_seen(&mut self, arriving: Arriving, time: u64) -> Verdict {
        let Arriving { id, mut held } = arriving;
        if let Some(before) = self.held.get(&id) {
            if (before.author, before.conversation) != (held.author, held.conversation) {
                return Verdict::IdTaken;
            }
            if before.is_ours {
                held.log.retain(|fact| !matches!(fact, Fact::AuthorSent(_)));
            }
            let lives = !self.is_over(id, time);
            let begins = |before: &&mut Held| lives && held.falls_back && !before.falls_back;
            if let Some(before) = self.held.get_mut(&id).filter(begins) {
                // What held when it was thought to be younger was never its own.
                (before.falls_back, before.own_setting) = (true, None);
            }
            self.learn(id, time, &held.log);
            let before = self.held.get_mut(&id).expect("it is held");
            if lives {
                before.opens = match (before.allowed(), held.allowed()) {
                    (Some(1), _) | (_, Some(1)) => Opens::Once,
                    (None, None) => Opens::Unlimited,
                    _ => Opens::Twice,
                };
                if before.is_spent() {
                    before.key = None;
                }
            }
            return if self.is_over(id, time) { Verdict::Late } else { Verdict::Known };
        }
        if self.buried.contains_key(&id) {
            return Verdict::Late;
        }
        if let Some((_, facts)) = self.waiting.remove(&id) {
            held.log.extend(facts);
        }
        held.log.extend(self.seen.remove(&id).map(|(_, at)| Fact::Started(at)));
        if self.unsends.remove(&(id, held.author)).is_some() {
            held.log.push(Fact::Deleted);
        }
        if let Some(settings) = self.settings.get(&held.conversation) {
            held.own_setting = settings.at(held.sent_at()).map_or(held.own_setting, |it| it.policy);
        }
        if let Some(closed) = self.closed.get(&held.conversation) {
            held.log.push(Fact::Closed(*closed));
        }
        if held.is_over(&self.limits, time) {
            self.bury(id, time);
            return Verdict::Late;
        }
        if let Some((parent, expired)) = &mut held.quote {
            *expired = self.buried.contains_key(parent) || self.is_over(*parent, time);
        }
        self.held.insert(id, held);
        self.keep_or_drop(id);
        Verdict::Keep
    }

    fn bury(&mut self, id: u8, time: u64) {
        self.expire_quotes_of(id, time);
        self.held.remove(&id);
        self.waiting.remove(&id);
        self.seen.remove(&id);
        self.buried.insert(id, time);
    }

    fn expire_quotes_of(&mut self, parent: u8, time: u64) {
        for held in self.held.values_mut() {
            // All of one that has ended itself is due already.
            if held.quote == Some((parent, false)) && !held.is_over(&self.limits, time) {
                held.quote = Some((parent, true));
                held.touch();
            }
        }
    }

    fn keep_or_drop(&mut self, id: u8) {
        let needed = self.held.get(&id).is_some_and(|held| {
            held.is_finite()
                || held.parts.contains(Parts::RESEND_LOG)
                || held.quote.is_some()
                || held.key.is_some()
                || held.falls_back
                || self.is_withheld(held)
        });
        if !needed {
            self.held.remove(&id);
        }
    }

    /// The application starts anew: what ends on closing and has been read was closed.
    fn restart(&mut self) {
        self.readings.truncate(self.stored_readings);
        for held in self.held.values_mut() {
            (held.given, held.touched, held.waits_since) = (None, false, None);
            if let Some(started) = held.started().filter(|_| held.known().on_close) {
                held.log.push(Fact::Closed(started));
            }
        }
    }

    /// Checks what a poll gave, and takes note of it.
    fn check_poll(
        &mut self,
        due: &[Due],
        limit: usize,
        time: u64,
        held_now: &BTreeSet<u8>,
        written: &BTreeSet<u8>,
        all_was_given: bool,
    ) {
        assert!(due.len() <= limit, "more than was asked for");
        let before = self.held.clone();
        // Whoever quotes one that ends in this very poll can come with it, or after it.
        let ending: BTreeSet<u8> =
            before.keys().copied().filter(|id| self.is_over(*id, time)).collect();
        let follows = |held: &Held| held.quote.is_some_and(|(parent, _)| ending.contains(&parent));
        let (mut given, mut order) = (BTreeMap::new(), 0);
        for entry in due {
            let number = (0..IDS).find(|id| message_id(*id) == entry.id).expect("one of ours");
            let held = before.get(&number).expect("only what is held is due");
            assert_eq!(entry.conversation, conversation_id(held.conversation));
            assert_eq!(entry.ended, ending.contains(&number));
            assert_eq!(entry.unsent, held.is_ours && held.known().sent.is_none());
            let least = held.due_parts(&self.limits, time);
            let quote = if follows(held) { held.parts.both(Parts::QUOTE) } else { Parts::NONE };
            assert!(!entry.parts.is_empty() && entry.parts.contains(least));
            assert!((least | quote).contains(entry.parts), "{:?} is not due", entry.parts);
            let is_first = given.insert(number, entry.parts).is_none();
            assert!(is_first, "{number} came twice in one poll");
            if !follows(held) {
                let earliest = held.earliest(&self.limits);
                assert!(earliest.is_some_and(|at| at <= time), "{number} comes too early");
                if held.given.is_none() && held.quote.is_none() {
                    let end = held.ends(&self.limits).iter().map(|(end, _)| *end).min();
                    assert!(Some(order) <= end, "{number} is out of order");
                    order = end.unwrap_or(order);
                }
            }
        }
        for id in &ending {
            if given.contains_key(id) || !held_now.contains(id) {
                self.expire_quotes_of(*id, time);
            }
        }
        for (id, parts) in &given {
            let held = self.held.get_mut(id).expect("it was held");
            // Where its quote would have come with it but for the limit, it does so in the next poll.
            let comes_again = !all_was_given && follows(held);
            (held.given, held.touched) = (Some((time, *parts)), comes_again);
            if ending.contains(id) {
                held.key = None;
            }
        }
        for (id, held) in &before {
            let due_parts = self.held[id].due_parts(&self.limits, time);
            if given.contains_key(id) {
                continue;
            }
            let latest = self.held[id].latest(&self.limits).filter(|at| *at <= time);
            if due_parts.is_empty() {
                // Nothing is left of it, and nobody is asked. With a limit, what is seen of it says whether
                // the poll came to it.
                if ending.contains(id) {
                    let is_buried = !held_now.contains(id);
                    assert!(is_buried || latest.is_none() || !all_was_given, "{id} is left over");
                    if is_buried {
                        self.bury(*id, time);
                    }
                } else if held.gives_up().is_some_and(|at| at <= time)
                    && self.held[id].gives_up().is_some()
                {
                    let parent = held.quote.is_some_and(|(id, _)| before.contains_key(&id));
                    let gave_up = written.contains(id);
                    // If what it quotes has gone meanwhile, it is looked at once more.
                    let again = |since: u64| since.saturating_add(REMEMBERED);
                    let waits = parent || held.waits_since.is_some_and(|since| time < again(since));
                    assert!(gave_up || waits || !all_was_given, "{id} waits for ever");
                    self.give_up(*id, time, gave_up, parent);
                }
            } else if all_was_given {
                assert_eq!(latest, None, "{id} was not given");
            }
        }
    }

    /// What has been held long enough for a setting that may be told yet is held for it no longer, and strangers'
    /// conversations that were deleted long ago are forgotten. Says how many of each.
    fn settle(&mut self, limit: usize, time: u64) -> (usize, usize) {
        let is_over = |since: u64| time.saturating_sub(since) >= REMEMBERED;
        let unsettled = self.held.iter().filter(|(_, held)| held.is_unsettled());
        let mut unsettled: Vec<_> = unsettled.map(|(id, held)| (held.noted, *id)).collect();
        unsettled.sort_unstable();
        unsettled.retain(|(noted, _)| is_over(*noted));
        unsettled.truncate(limit);
        for (_, id) in &unsettled {
            self.held.get_mut(id).expect("it is held").falls_back = false;
            self.keep_or_drop(*id);
        }
        let mut deleted: Vec<_> = self.deleted.iter().map(|(id, since)| (*since, *id)).collect();
        deleted.sort_unstable();
        deleted.retain(|(since, _)| is_over(*since));
        deleted.truncate(limit);
        for (_, id) in &deleted {
            self.deleted.remove(id);
            self.settings.remove(id);
            self.closed.remove(id);
            self.echoed.remove(id);
        }
        (unsettled.len(), deleted.len())
    }

    /// The time is over in which a message waits for what it quotes, unless that has come.
    fn give_up(&mut self, id: u8, time: u64, gave_up: bool, parent_was_held: bool) {
        if let Some(held) = self.held.get_mut(&id) {
            if gave_up {
                held.quote = None;
                held.touch();
            } else if parent_was_held {
                held.waits_since = Some(time);
                held.touched = false;
            }
        }
        if gave_up {
            self.keep_or_drop(id);
        }
    }

    /// Forgets what has been remembered long enough, as the store shows.
    fn check_forgotten<Key: Ord + Copy + std::fmt::Debug>(
        remembered: &mut BTreeMap<Key, u64>,
        now: &BTreeSet<Key>,
        limit: usize,
        time: u64,
    ) {
        let is_over = |since: &u64| time.saturating_sub(*since) >= REMEMBERED;
        let over = remembered.values().filter(|since| is_over(since)).count();
        let gone: Vec<_> = remembered.iter().filter(|(key, _)| !now.contains(key)).collect();
        assert_eq!(gone.len(), over.min(limit), "of {remembered:?} remain {now:?}");
        let latest = gone.iter().map(|(_, since)| **since).max();
        assert!(latest.is_none_or(|since| is_over(&since)), "forgotten too early");
        let left = remembered.iter().filter(|(key, _)| now.contains(key)).map(|(_, since)| *since);
        assert!(left.min().is_none_or(|least| latest.is_none_or(|latest| latest <= least)));
        remembered.retain(|key, _| now.contains(key));
    }
}

/// What became of a schedule.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was met: names of verdicts, refusals and the like, and how often.
    pub met: BTreeMap<String, usize>,
}

impl Outcome {
    fn meet(&mut self, what: impl std::fmt::Debug) {
        *self.met.entry(format!("{what:?}")).or_default() += 1;
    }
}

/// The clocks of the device, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    wall: Duration,
    boot: u128,
    elapsed: u64,
    has_monotonic: bool,
}

impl Clocks {
    fn now(&self) -> Now {
        let monotonic = Monotonic { boot: self.boot, elapsed: Duration::from_millis(self.elapsed) };
        Now { wall: self.wall, monotonic: self.has_monotonic.then_some(monotonic) }
    }

    fn pass(&mut self, millis: u64) {
        self.wall = self.wall.saturating_add(Duration::from_millis(millis));
        self.elapsed = self.elapsed.saturating_add(millis);
    }
}

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// What was sealed under a content key.
struct Sealed {
    id: u8,
    allowed: Option<u8>,
    content: Vec<u8>,
    released: u8,
}

/// An application with its store, its scheduler, and the model of both.
struct Application {
    seed: u64,
    scheduler: ExpiryScheduler,
    model: Model,
    rows: Rows,
    /// Rows of messages that the last restart closed: what is held is not what is stored until it is written.
    closed_by_restart: BTreeSet<Vec<u8>>,
    clocks: Clocks,
    /// Whether the monotonic clock ever went back.
    is_broken: bool,
    sealed: Vec<Sealed>,
    backup: Option<(Rows, Model)>,
    /// What was stored before an event whose effects are lost.
    before_crash: Option<(Rows, Model)>,
    /// When messages were seen to have ended.
    seen_gone: BTreeMap<u8, u64>,
    outcome: Outcome,
}

/// Lives through a schedule.
///
/// # Panics
///
/// If anything is not as it must be.
pub fn live(seed: u64, events: &[Event]) -> Outcome {
    let mut application = Application::new(seed);
    application.check();
    for event in events {
        let crashes = application.before_crash.is_some();
        application.happen(*event);
        application.check();
        if crashes {
            application.stop_before_storing();
            application.check();
        }
    }
    application.end();
    application.outcome
}

impl Application {
    fn new(seed: u64) -> Self {
        let clocks = Clocks {
            wall: Duration::from_millis(START),
            boot: 1,
            elapsed: HOUR,
            has_monotonic: seed % 4 != 3,
        };
        let now = clocks.now();
        let scheduler = ExpiryScheduler::new(now, &mut ChaCha20Rng::seed_from_u64(seed));
        let rows = rows_of(&scheduler);
        Self {
            seed,
            scheduler,
            model: Model::new(now),
            rows,
            closed_by_restart: BTreeSet::new(),
            clocks,
            is_broken: false,
            sealed: Vec::new(),
            backup: None,
            before_crash: None,
            seen_gone: BTreeMap::new(),
            outcome: Outcome::default(),
        }
    }

    /// The clocks, and the engine's time once the scheduler has been told of them.
    fn go_on(&mut self) -> (Now, u64) {
        let now = self.clocks.now();
        (now, self.model.goes_on(Reading::Now(now)))
    }

    /// Stores what was to be stored, and compares the rest.
    fn store(&mut self, effects: &Effects, expected: &Expected) {
        assert_eq!(effects.events, expected.events);
        assert_eq!(effects.tell, expected.tell);
        for event in &effects.events {
            let name = format!("{event:?}");
            let refusal = match event {
                ExpiryEvent::SettingRefused { refusal, .. } => format!(" {refusal:?}"),
                _ => String::new(),
            };
            self.outcome.meet(name.split(' ').next().unwrap_or_default().to_owned() + &refusal);
        }
        self.write(effects);
    }

    fn write(&mut self, effects: &Effects) {
        for write in &effects.writes {
            let key = write.key.as_bytes().to_vec();
            self.closed_by_restart.remove(&key);
            if key == [0] {
                self.model.stored_readings = self.model.readings.len();
            }
            match &write.value {
                Some(value) => _ = self.rows.insert(key, value.to_vec()),
                None => _ = self.rows.remove(&key),
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Queued { message, stamp } => self.queued(message, stamp, None),
            Event::SentElsewhere { message, stamp, age } => {
                self.queued(message, stamp, Some(age));
            }
            Event::Received { message, stamp, age } => self.received(message, stamp, age),
            Event::Heard { conversation, stamp, age } => {
                let conversation = conversation % ALL_CONVERSATIONS;
                let stamp = stamp.stamp(self.model.setting(conversation));
                let (now, time) = self.go_on();
                let (age, sent) = said_age(age, time);
                let events = self.model.hear(conversation, true, &stamp, sent, time);
                let effects = self.scheduler.heard(conversation_id(conversation), &stamp, age, now);
                self.store(&effects, &Expected { events, tell: Vec::new() });
            }
            Event::Sent { id, age } => {
                let (id, age) = (id % IDS, pick(&AGES, age));
                let (now, time) = self.go_on();
                let at = time.saturating_sub(age.saturating_mul(SECOND));
                let news = self.model.learn_sent(id, at, time);
                let age = Age::trusted(Duration::from_secs(age));
                let effects = self.scheduler.sent(message_id(id), age, now);
                let tell = news.then_some(DeviceEvent::Sent(message_id(id)));
                self.tells(&effects, tell);
            }
            Event::Ready { id } => {
                let (now, time) = self.go_on();
                let tell = self.start(id % IDS, time, Fact::Ready(time));
                let effects = self.scheduler.ready(message_id(id % IDS), now);
                self.tells(&effects, tell);
            }
            Event::Read { id } => {
                let (now, time) = self.go_on();
                let id = id % IDS;
                let tell = self.start(id, time, Fact::Read(time));
                let is_unknown =
                    !self.model.held.contains_key(&id) && !self.model.buried.contains_key(&id);
                let tell = tell.or(is_unknown.then_some(DeviceEvent::Seen(message_id(id))));
                let effects = self.scheduler.read(message_id(id), now);
                self.tells(&effects, tell);
            }
            Event::Open { id } => self.open(id % IDS),
            Event::Closed { conversation } => {
                let conversation = conversation % CONVERSATIONS;
                let (now, time) = self.go_on();
                let setting = self.model.setting(conversation);
                let its = |held: &Held| held.conversation == conversation && held.falls_back;
                let any = self.close(conversation, time, time)
                    || self.model.held.values().any(its)
                    || setting.is_some_and(|setting| setting.policy == Some(Policy::OnClose));
                if any {
                    self.remember_close(conversation, time);
                }
                let effects = self.scheduler.closed(conversation_id(conversation), now);
                let tell = any.then_some(DeviceEvent::Closed(conversation_id(conversation)));
                self.tells(&effects, tell);
            }
            Event::Deleted { id } => {
                let id = id % IDS;
                let (now, time) = self.go_on();
                if self.model.held.contains_key(&id) {
                    self.model.learn(id, time, &[Fact::Deleted]);
                } else if !self.model.buried.contains_key(&id) {
                    self.model.bury(id, time);
                }
                let effects = self.scheduler.deleted(message_id(id), now);
                self.tells(&effects, Some(DeviceEvent::Deleted(message_id(id))));
            }
            Event::ConversationDeleted { conversation } => {
                let conversation = conversation % ALL_CONVERSATIONS;
                let (now, time) = self.go_on();
                let its = |(_, held): &(&u8, &Held)| held.conversation == conversation;
                let ids: Vec<_> = self.model.held.iter().filter(its).map(|(id, _)| *id).collect();
                let mut tell = Vec::new();
                for id in ids {
                    if self.model.learn(id, time, &[Fact::Deleted]) {
                        tell.push(DeviceEvent::Deleted(message_id(id)));
                    }
                }
                let is_known = self.model.settings.contains_key(&conversation)
                    || self.model.closed.contains_key(&conversation);
                if is_known && !self.model.ours.contains(&conversation) {
                    self.model.deleted.entry(conversation).or_insert(time);
                }
                let conversation = conversation_id(conversation);
                let effects = self.scheduler.conversation_deleted(conversation, now);
                self.tells(&effects, tell);
            }
            Event::Unsent { id, by } => self.unsent(id % IDS, by % AUTHORS),
            Event::Edited { id, by, policy } => self.edited(id % IDS, by % AUTHORS, policy),
            Event::PartsAdded { id, parts } => {
                self.parts_added(id % IDS, parts_of(parts));
            }
            Event::Done { id, parts } => {
                let all = PARTS.into_iter().fold(Parts::NONE, |all, part| all | part);
                let parts = if parts >= 128 { all } else { parts_of(parts) };
                self.done(id % IDS, parts);
            }
            Event::Set { conversation, policy } => {
                let (conversation, policy) = (conversation % CONVERSATIONS, policy_of(policy));
                let (now, time) = self.go_on();
                let before = self.model.setting(conversation);
                let version = before.map_or(0, |setting| setting.version.number()) + 1;
                let version = SettingVersion::new(version).unwrap_or(SettingVersion::MAX);
                let setting = clamped_setting(Setting { version, policy, by: tag(0) });
                let events = self.model.note(conversation, true, Some((setting, time)), time);
                let conversation = conversation_id(conversation);
                let effects = self.scheduler.set(conversation, policy, tag(0), now);
                let tell = vec![DeviceEvent::Setting(conversation, setting)];
                self.store(&effects, &Expected { events, tell });
            }
            Event::FromOwnDevice { kind, id, age, stamp } => {
                self.told_by_own_device(kind, id, age, stamp);
            }
            Event::CatchingUp => {
                let (now, time) = self.go_on();
                self.model.withheld_since = self.model.withheld_since.or(Some(time));
                let effects = self.scheduler.catching_up(now);
                self.tells(&effects, None);
            }
            Event::CaughtUp => {
                let (now, _) = self.go_on();
                if self.model.withheld_since.take().is_some() {
                    let ids: Vec<_> = self.model.held.keys().copied().collect();
                    ids.into_iter().for_each(|id| self.model.keep_or_drop(id));
                }
                let effects = self.scheduler.caught_up(now);
                self.tells(&effects, None);
            }
            Event::SetLimits { choice } => {
                let (now, time) = self.go_on();
                let limits = std::mem::replace(&mut self.model.limits, limits_of(choice));
                for held in self.model.held.values_mut() {
                    // What has ended stays so; and what was given out is due anew.
                    if held.is_over(&limits, time) {
                        held.log.push(Fact::Deleted);
                        held.key = None;
                    }
                    held.touch();
                }
                // Where a clock went back, what looked as if it had ended may not have.
                let ended = |id: &u8| self.model.visibility(*id, time) == Visibility::Gone;
                self.seen_gone.retain(|id, _| ended(id));
                let effects = self.scheduler.set_limits(limits_of(choice), now);
                self.tells(&effects, None);
            }
            Event::TrustTime { ahead } => {
                let step = Duration::from_millis(pick(&STEPS, ahead));
                let now = self.clocks.now();
                let wall = match ahead < 128 {
                    true => now.wall.saturating_add(step),
                    false => now.wall.saturating_sub(step),
                };
                self.model.goes_on(Reading::Trusted(wall, now));
                let effects = self.scheduler.trust_time(wall, now);
                self.tells(&effects, None);
            }
            Event::Poll { limit } => _ = self.poll(pick(&[1, 2, 3, 100, 0, 100], limit)),
            Event::Purge => {
                for due in self.poll(100) {
                    let id = (0..IDS).find(|id| message_id(*id) == due.id);
                    self.done(id.expect("one of ours"), due.parts);
                }
            }
            Event::Restart { how } => self.restart(how),
            Event::Crash => {
                self.before_crash = Some((self.rows.clone(), self.model.clone()));
            }
            Event::BackUp => self.backup = Some((self.rows.clone(), self.model.clone())),
            Event::RestoreBackup => self.restore_backup(),
            Event::Pass { .. }
            | Event::SetWall { .. }
            | Event::Reboot { .. }
            | Event::LoseMonotonic { .. }
            | Event::BreakMonotonic { .. }
            | Event::Extreme { .. } => self.move_clocks(event),
        }
    }

    fn move_clocks(&mut self, event: Event) {
        let clocks = &mut self.clocks;
        match event {
            Event::Pass { step } => clocks.pass(pick(&STEPS, step)),
            Event::SetWall { step, back } => {
                let step = Duration::from_millis(pick(&STEPS, step));
                clocks.wall = if back {
                    clocks.wall.saturating_sub(step)
                } else {
                    clocks.wall.saturating_add(step)
                };
            }
            Event::Reboot { off, since } => {
                clocks.wall = clocks.wall.saturating_add(Duration::from_millis(pick(&STEPS, off)));
                clocks.boot += 1;
                clocks.elapsed = pick(&STEPS, since);
            }
            Event::LoseMonotonic { has } => clocks.has_monotonic = has,
            Event::BreakMonotonic { step } => {
                clocks.elapsed = clocks.elapsed.saturating_sub(pick(&STEPS, step));
                self.is_broken = true;
            }
            Event::Extreme { end } => {
                clocks.wall = Duration::from_secs(if end { u64::MAX } else { 0 });
            }
            _ => {}
        }
    }

    fn tells(&mut self, effects: &Effects, tell: impl IntoIterator<Item = DeviceEvent>) {
        let tell = tell.into_iter().collect();
        self.store(effects, &Expected { events: Vec::new(), tell });
    }

    /// A message as the application stores it, and as the model sees it.
    fn message(
        &mut self,
        choice: MessageChoice,
        author: u8,
        opens: Opens,
        time: u64,
    ) -> (NewMessage, Arriving) {
        let (id, conversation) = (choice.number(), choice.conversation());
        let mut message =
            NewMessage::new(message_id(id), conversation_id(conversation), tag(author))
                .with_parts(choice.parts());
        let mut held = Held {
            conversation,
            author,
            noted: time,
            is_ours: false,
            opens,
            parts: choice.parts() | Parts::BODY,
            quote: None,
            key: None,
            falls_back: false,
            own_setting: None,
            log: Vec::new(),
            given: None,
            touched: false,
            waits_since: None,
        };
        if choice.is_awaited() {
            message = message.awaiting_media();
        }
        if !choice.may_set() {
            message = message.by_one_who_may_not_set();
        }
        if let Some(quoted) = choice.quoted() {
            message = message.quoting(message_id(quoted));
            held.quote = (quoted != id).then_some((quoted, false));
            held.parts = held.parts | Parts::QUOTE;
        }
        if choice.is_sealed() {
            let number = u32::try_from(self.sealed.len()).expect("a few");
            let seed = self.seed.wrapping_mul(1_000).wrapping_add(u64::from(number));
            let key = ContentKey::generate(&mut ChaCha20Rng::seed_from_u64(seed));
            let content = key.seal(message_id(id), Parts::BODY, b"text");
            let allowed = match opens {
                Opens::Unlimited => None,
                Opens::Once => Some(1),
                Opens::Twice => Some(2),
            };
            self.sealed.push(Sealed { id, allowed, content, released: 0 });
            held.key = Some(number);
            message = message.sealed_under(key);
        }
        (message, Arriving { id, held })
    }

    /// One of ours; of another own device's if there is an age.
    fn queued(&mut self, choice: MessageChoice, stamp: StampChoice, age: Option<u8>) {
        let conversation = choice.conversation();
        let stamp = stamp.stamp(self.model.setting(conversation)).unwrap_or(Stamp::NONE);
        let (now, time) = self.go_on();
        let (message, mut arriving) = self.message(choice, choice.author(0), stamp.opens, time);
        let setting = stamp.setting.as_ref().map(|stamped| stamped.setting);
        let policies = setting.and_then(|setting| setting.policy).into_iter();
        let policies: Vec<_> = policies.chain(stamp.own_policy).collect();
        arriving.held.falls_back = setting.is_none();
        arriving.held.is_ours = true;
        arriving.held.log.push(Fact::LivesBy(policies));
        let (arrival, events) = match age.map(|age| pick(&AGES, age)) {
            None => {
                self.model.note(conversation, true, None, time);
                (self.scheduler.queued(message, &stamp, now), Vec::new())
            }
            Some(age) => {
                let at = time.saturating_sub(age.saturating_mul(SECOND));
                arriving.held.log.push(Fact::Sent(at));
                let setting = setting.map(|setting| (setting, at));
                let changed = self.model.note(conversation, true, setting, time);
                let age = Age::trusted(Duration::from_secs(age));
                let arrival = self.scheduler.sent_elsewhere(message, &stamp, age, now);
                (arrival, changed)
            }
        };
        self.arrived(arriving, &arrival.effects, arrival.verdict, events, time);
    }

    fn received(&mut self, choice: MessageChoice, stamp: StampChoice, age: u8) {
        let conversation = choice.conversation();
        let stamp = stamp.stamp(self.model.setting(conversation));
        let (now, time) = self.go_on();
        let author = choice.author(1 + choice.number() % (AUTHORS - 1));
        let opens = stamp.as_ref().map_or(Opens::Unlimited, |stamp| stamp.opens);
        let (message, mut arriving) = self.message(choice, author, opens, time);
        let theirs = stamp.as_ref().ok().and_then(|stamp| stamp.setting.as_ref());
        let theirs = theirs.map(|stamped| stamped.setting);
        let own_policy = stamp.as_ref().ok().and_then(|stamp| stamp.own_policy);
        let of_setting = theirs.and_then(|setting| setting.policy);
        let policies = own_policy.into_iter().chain(of_setting).collect();
        let says_enough = |setting: Setting| setting.version.number() <= MAX_JUMP;
        arriving.held.falls_back = !choice.may_set() || !theirs.is_some_and(says_enough);
        let (age, sent) = said_age(age, time);
        let events = self.model.hear(conversation, choice.may_set(), &stamp, sent, time);
        arriving.held.log.extend([Fact::LivesBy(policies), Fact::AuthorSent(sent)]);
        if !choice.is_awaited() {
            arriving.held.log.push(Fact::Ready(time));
        }
        let arrival = self.scheduler.received(message, &stamp, age, now);
        self.arrived(arriving, &arrival.effects, arrival.verdict, events, time);
    }

    fn arrived(
        &mut self,
        arriving: Arriving,
        effects: &Effects,
        verdict: Verdict,
        mut events: Vec<ExpiryEvent>,
        time: u64,
    ) {
        let id = arriving.id;
        let (expected, is_read) = self.model.admit(arriving, time);
        assert_eq!(verdict, expected, "of {id}");
        events.extend(is_read.then_some(ExpiryEvent::ReadElsewhere { id: message_id(id) }));
        self.outcome.meet(verdict);
        if verdict == Verdict::IdTaken {
            let of_messages = effects.writes.iter().any(|write| write.key.as_bytes()[0] > 2);
            assert!(!of_messages, "what is refused was stored");
        }
        self.store(effects, &Expected { events, tell: Vec::new() });
    }

    fn open(&mut self, id: u8) {
        let now = self.clocks.now();
        let time = self.model.time(now);
        let expected = match self.model.held.get(&id) {
            None if self.model.buried.contains_key(&id) => Some(OpenError::Gone),
            None => Some(OpenError::Unknown),
            Some(held) if held.is_over(&self.model.limits, time) => Some(OpenError::Gone),
            Some(held) if self.model.is_withheld(held) => Some(OpenError::Withheld),
            Some(held) if !held.is_ready() => Some(OpenError::NotReady),
            Some(held) if held.is_ours && held.allowed().is_some() => Some(OpenError::Ours),
            Some(_) => None,
        };
        let opening = match (self.scheduler.open(message_id(id), now), expected) {
            (Ok(opening), None) => opening,
            (Err(error), Some(expected)) => {
                assert_eq!(error, expected);
                return self.outcome.meet(error);
            }
            (opening, expected) => panic!("opened as {opening:?}, foretold as {expected:?}"),
        };
        self.outcome.meet("Opened");
        let time = self.model.goes_on(Reading::Now(now));
        let held = &self.model.held[&id];
        let (key, allowed, before) = (held.key, held.allowed(), held.known().opened);
        let tell = if allowed.is_some() {
            self.model.learn(id, time, &[Fact::Read(time), Fact::Opened(before + 1)]);
            Some(DeviceEvent::Opened(message_id(id), before + 1))
        } else {
            self.start(id, time, Fact::Read(time))
        };
        self.tells(&opening.effects, tell);
        if self.before_crash.is_some() {
            // It stops before this opening is stored, so nobody sees what it would have released.
            return;
        }
        match (opening.release(), key) {
            (None, None) => {}
            (Some(released), Some(number)) => {
                let sealed = &mut self.sealed[usize::try_from(number).expect("a few")];
                assert_eq!(sealed.id, id);
                let content = released.open(message_id(id), Parts::BODY, &sealed.content);
                assert_eq!(content.expect("the key of this message").as_slice(), b"text");
                sealed.released = sealed.released.saturating_add(1);
                if sealed.allowed.is_some() {
                    assert!(Some(sealed.released) <= sealed.allowed, "{id} was opened too often");
                }
                self.outcome.meet("Released");
            }
            (released, key) => panic!("{released:?} was released, {key:?} is held"),
        }
    }

    /// What can start the clock of a message that came in; gives what own devices are told.
    fn start(&mut self, id: u8, time: u64, fact: Fact) -> Option<DeviceEvent> {
        let started = |model: &Model| model.held.get(&id).map(|held| held.started().is_some());
        let before = started(&self.model);
        // Of one of ours nothing starts; but it hears of what was told of its conversation meanwhile.
        let is_ours = self.model.held.get(&id).is_some_and(|held| held.is_ours);
        self.model.learn(id, time, if is_ours { &[] } else { core::slice::from_ref(&fact) });
        let is_news = before == Some(false) && started(&self.model) == Some(true);
        is_news.then_some(DeviceEvent::Read(message_id(id)))
    }

    fn parts_added(&mut self, id: u8, parts: Parts) {
        let now = self.clocks.now();
        let added = self.scheduler.parts_added(message_id(id), parts, now);
        match (added, self.model.held.get(&id).map(|held| held.parts)) {
            (PartsAdded::Gone, None) => assert!(self.model.buried.contains_key(&id)),
            (PartsAdded::NotHeld, None) => assert!(!self.model.buried.contains_key(&id)),
            (PartsAdded::Noted(effects), Some(before)) if before.contains(parts) => {
                assert!(effects.is_empty());
            }
            (PartsAdded::Noted(effects), Some(before)) => {
                self.model.goes_on(Reading::Now(now));
                let held = self.model.held.get_mut(&id).expect("it is held");
                held.parts = before | parts;
                held.touch();
                self.tells(&effects, None);
            }
            (added, held) => panic!("{added:?} of one that has {held:?}"),
        }
    }

    fn remember_close(&mut self, conversation: u8, at: u64) {
        let at = at.min(u64::MAX - 1);
        let last = self.model.closed.entry(conversation).or_insert(at);
        *last = at.max(*last);
    }

    /// Says whether anything in the conversation ends then.
    fn close(&mut self, conversation: u8, at: u64, time: u64) -> bool {
        let its = |held: &Held| held.conversation == conversation && held.known().on_close;
        let all = self.model.held.iter();
        let ids: Vec<_> = all.filter(|(_, held)| its(held)).map(|(id, _)| *id).collect();
        for id in &ids {
            self.model.learn(*id, time, &[Fact::Closed(at)]);
        }
        !ids.is_empty()
    }

    fn unsent(&mut self, id: u8, by: u8) {
        let now = self.clocks.now();
        let time = self.model.time(now);
        let unsent = self.scheduler.unsent(message_id(id), tag(by), now);
        if matches!(unsent, Unsent::Due(_) | Unsent::Unknown(_)) {
            self.model.goes_on(Reading::Now(now));
        }
        let author = self.model.held.get(&id).map(|held| held.author);
        let name = format!("{unsent:?}");
        self.outcome.meet(name.split('(').next().unwrap_or_default());
        match (unsent, author) {
            (Unsent::NotAuthor, Some(author)) => assert_ne!(author, by),
            (Unsent::Due(effects), Some(author)) => {
                assert_eq!(author, by);
                self.model.learn(id, time, &[Fact::Deleted]);
                assert!(self.model.is_over(id, time));
                self.tells(&effects, None);
            }
            (Unsent::Gone, None) => assert!(self.model.buried.contains_key(&id)),
            (Unsent::Unknown(effects), None) => {
                assert!(!self.model.buried.contains_key(&id));
                self.model.unsends.entry((id, by)).or_insert(time);
                self.tells(&effects, None);
            }
            (unsent, author) => panic!("{unsent:?} of a message by {author:?}"),
        }
    }

    fn edited(&mut self, id: u8, by: u8, policy: u8) {
        let now = self.clocks.now();
        let time = self.model.time(now);
        let policy = policy_of(policy);
        let expected = match self.model.held.get(&id) {
            None if self.model.buried.contains_key(&id) => Some(EditError::Gone),
            None => Some(EditError::Unknown),
            Some(held) if held.author != by => Some(EditError::NotAuthor),
            Some(_) if self.model.is_over(id, time) => Some(EditError::Gone),
            Some(_) => None,
        };
        match (self.scheduler.edited(message_id(id), tag(by), policy, now), expected) {
            (Ok(effects), None) => {
                let before = self.model.remaining(id, time);
                let time = self.model.goes_on(Reading::Now(now));
                self.model.learn(id, time, &[Fact::LivesBy(policy.into_iter().collect())]);
                let after = self.model.remaining(id, time);
                let is_shorter = before.is_none_or(|before| Some(before) >= after);
                assert!(is_shorter, "an edit made {id} live longer");
                self.outcome.meet("Edited");
                self.tells(&effects, None);
            }
            (Err(error), Some(expected)) => {
                assert_eq!(error, expected);
                self.outcome.meet(("edited", error));
            }
            (edited, expected) => panic!("edited as {edited:?}, foretold as {expected:?}"),
        }
    }

    fn done(&mut self, id: u8, parts: Parts) {
        let (now, time) = self.go_on();
        if let Some(held) = self.model.held.get_mut(&id) {
            held.parts = held.parts.without(parts);
            if parts.contains(Parts::QUOTE) {
                held.quote = None;
            }
            // What else was given with these may come again at once.
            if parts.contains(Parts::QUOTE) || parts.contains(Parts::RESEND_LOG) {
                held.touch();
            }
            if !held.is_over(&self.model.limits, time) {
                self.model.keep_or_drop(id);
            } else if held.parts.is_empty() {
                self.model.bury(id, time);
            }
        }
        let effects = self.scheduler.done(message_id(id), parts, now);
        self.tells(&effects, None);
    }

    fn told_by_own_device(&mut self, kind: u8, id: u8, age: u8, stamp: StampChoice) {
        let (id, conversation, age) = (id % IDS, id % CONVERSATIONS, pick(&AGES, age));
        let (now, time) = self.go_on();
        let at = time.saturating_sub(age.saturating_mul(SECOND));
        let setting = stamp.setting(self.model.setting(conversation));
        let mut events = Vec::new();
        let (event, facts) = match kind % 9 {
            8 => (DeviceEvent::Seen(message_id(id)), vec![Fact::Started(at)]),
            0 | 1 => (DeviceEvent::Read(message_id(id)), vec![Fact::Started(at)]),
            2 => (DeviceEvent::Opened(message_id(id), 1), vec![Fact::Opened(1), Fact::Started(at)]),
            3 => {
                let times = kind / 9;
                let facts = vec![Fact::Opened(times), Fact::Started(at)];
                (DeviceEvent::Opened(message_id(id), times), facts)
            }
            4 => {
                if !self.model.held.contains_key(&id) && !self.model.buried.contains_key(&id) {
                    self.model.bury(id, time);
                    events.push(ExpiryEvent::DeletedElsewhere { id: message_id(id) });
                }
                (DeviceEvent::Deleted(message_id(id)), vec![Fact::Deleted])
            }
            5 => (DeviceEvent::Sent(message_id(id)), vec![Fact::Sent(at)]),
            6 => {
                self.close(conversation, at, time);
                self.remember_close(conversation, at);
                (DeviceEvent::Closed(conversation_id(conversation)), Vec::new())
            }
            _ => {
                let Some(setting) = setting else {
                    self.model.readings.pop();
                    return;
                };
                events = self.model.note(conversation, true, Some((setting, at)), time);
                (DeviceEvent::Setting(conversation_id(conversation), setting), Vec::new())
            }
        };
        let is_unread = |model: &Model| {
            model.held.get(&id).is_some_and(|held| !held.is_ours && held.started().is_none())
        };
        let was_unread = is_unread(&self.model);
        let read = ExpiryEvent::ReadElsewhere { id: message_id(id) };
        if kind % 9 == 5 && self.model.held.contains_key(&id) {
            self.model.learn_sent(id, at, time);
        } else if facts.is_empty() {
            // It is about a conversation.
        } else if self.model.held.contains_key(&id) {
            self.model.learn(id, time, &facts);
            let is_reading = facts.iter().any(|fact| matches!(fact, Fact::Started(_)));
            if was_unread && is_reading && !is_unread(&self.model) {
                events.push(read);
            }
        } else if self.model.buried.contains_key(&id) {
            // Nothing is learnt of what has ended.
        } else if kind % 9 == 8 {
            events.extend((!self.model.seen.contains_key(&id)).then_some(read));
            let (_, earliest) = self.model.seen.entry(id).or_insert((time, at));
            *earliest = at.min(*earliest);
        } else {
            self.model.waiting.entry(id).or_insert((time, Vec::new())).1.extend(facts);
        }
        let age = Age::trusted(Duration::from_secs(age));
        let effects = self.scheduler.told_by_own_device(event, age, now);
        self.store(&effects, &Expected { events, tell: Vec::new() });
    }

    fn poll(&mut self, limit: usize) -> Vec<Due> {
        let (now, time) = self.go_on();
        let poll = self.scheduler.poll(limit, now);
        assert!(poll.effects.events.is_empty() && poll.effects.tell.is_empty());
        assert!(poll.due.is_empty() || poll.effects.writes.iter().any(is_head));
        self.write(&poll.effects);
        let rows = Names::of(&self.rows);
        let visible_as_buried: BTreeSet<u8> = (0..IDS)
            .filter(|id| !rows.messages.contains(id))
            .filter(|id| self.scheduler.visibility(message_id(*id), now) == Visibility::Gone)
            .collect();
        let written: Rows = poll
            .effects
            .writes
            .iter()
            .map(|write| (write.key.as_bytes().to_vec(), Vec::new()))
            .collect();
        let written = Names::of(&written).messages;
        // A poll looks at so many messages, due or not; if there are more, it asks to be called at once.
        let all_was_given =
            poll.due.len() < limit && self.scheduler.next_wakeup(now) != Some(Duration::ZERO);
        self.model.check_poll(&poll.due, limit, time, &rows.messages, &written, all_was_given);
        let Model { buried, waiting, seen, unsends, .. } = &mut self.model;
        Model::check_forgotten(buried, &visible_as_buried, limit, time);
        let mut since = waiting.iter().map(|(id, (since, _))| (*id, *since)).collect();
        Model::check_forgotten(&mut since, &rows.waiting, limit, time);
        waiting.retain(|id, _| since.contains_key(id));
        let mut since = seen.iter().map(|(id, (since, _))| (*id, *since)).collect();
        Model::check_forgotten(&mut since, &rows.seen, limit, time);
        seen.retain(|id, _| since.contains_key(id));
        Model::check_forgotten(unsends, &rows.unsends, limit, time);
        let (settled, forgotten) = self.model.settle(limit, time);
        self.outcome.meet(("due", poll.due.len().min(3)));
        self.outcome.meet(("settled", settled.min(1)));
        self.outcome.meet(("forgotten", forgotten.min(1)));
        poll.due
    }

    fn restart(&mut self, how: u8) {
        let last = *self.model.readings.last().expect("there is a first");
        let (Reading::Now(last) | Reading::Trusted(_, last)) = last else {
            panic!("the clocks are read after that");
        };
        let before = engine_time(&self.model.readings);
        match how % 4 {
            0 => {
                // Who stores all of it in one does so after each call that writes anything.
                let snapshot = self.scheduler.snapshot();
                self.rows = rows_of(&self.scheduler);
                self.closed_by_restart.clear();
                self.model.stored_readings = self.model.readings.len();
                self.scheduler = ExpiryScheduler::restore(&snapshot).expect("its own snapshot");
                assert!(self.scheduler.snapshot().len() >= snapshot.len());
            }
            1 => self.take_back(self.rows.clone().into_iter().rev().collect()),
            _ => self.take_back(self.rows.clone().into_iter().collect()),
        }
        self.begin_again();
        let now = self.clocks.now();
        let set_back = full_millis(last.wall).saturating_sub(full_millis(now.wall));
        if !self.is_broken {
            let after = self.model.time(now);
            let lost = before.saturating_sub(after);
            let most = DRIFT.saturating_add(set_back.min(UNSTORED));
            assert!(lost <= most, "a restart lost {lost} ms");
        }
    }

    fn take_back(&mut self, rows: Vec<(Vec<u8>, Vec<u8>)>) {
        self.scheduler = ExpiryScheduler::from_records(rows).expect("its own records");
    }

    /// What a restart changes beside the clock.
    fn begin_again(&mut self) {
        self.model.restart();
        for (id, held) in &self.model.held {
            if held.known().on_close && held.started().is_some() {
                self.closed_by_restart.insert([&[2], &message_id(*id).0[..]].concat());
            }
        }
    }

    fn stop_before_storing(&mut self) {
        if let Some((rows, model)) = self.before_crash.take() {
            (self.rows, self.model) = (rows, model);
            self.take_back(self.rows.clone().into_iter().collect());
            self.closed_by_restart.clear();
            self.seen_gone.clear();
            self.begin_again();
        }
    }

    fn restore_backup(&mut self) {
        if let Some((rows, model)) = self.backup.clone() {
            (self.rows, self.model) = (rows, model);
            self.take_back(self.rows.clone().into_iter().collect());
            self.closed_by_restart.clear();
            self.seen_gone.clear();
            self.begin_again();
            self.model.readings.push(Reading::OnAnotherDevice);
            let (now, time) = self.go_on();
            let ids: Vec<_> = self.model.held.keys().copied().collect();
            for id in ids {
                if self.model.held[&id].allowed().is_some() {
                    self.model.learn(id, time, &[Fact::Deleted]);
                }
            }
            let effects = self.scheduler.restored_from_backup(now);
            self.tells(&effects, None);
        }
    }

    /// What holds after each event.
    fn check(&mut self) {
        let now = self.clocks.now();
        let time = self.model.time(now);
        assert_eq!(self.scheduler.time(now).millis(), time);
        assert_eq!(*self.scheduler.limits(), self.model.limits);
        for id in 0..IDS {
            let visibility = self.scheduler.visibility(message_id(id), now);
            assert_eq!(visibility, self.model.visibility(id, time), "of {id} at {time}");
            if visibility == Visibility::Placeholder {
                self.outcome.meet("Placeholder");
            }
            let remaining = self.scheduler.remaining(message_id(id), now);
            assert_eq!(remaining, self.model.remaining(id, time), "of {id} at {time}");
            let held = self.model.held.get(&id);
            if held.is_some_and(Held::is_finite) {
                assert!(remaining.is_some(), "{id} has an end, but no deadline");
            }
            if visibility == Visibility::Gone {
                let first = self.seen_gone.entry(id).or_insert(time);
                *first = time.min(*first);
            } else if held.is_some() || self.model.buried.contains_key(&id) {
                // Looking stores no time. If the clocks that showed it are lost, it has not been so late.
                let before = self.seen_gone.remove(&id);
                assert!(before.is_none_or(|before| time < before), "{id} came back");
            } else {
                // What was forgotten after 45 days is as if it had never been.
                self.seen_gone.remove(&id);
            }
        }
        for conversation in 0..ALL_CONVERSATIONS {
            let setting = self.model.setting(conversation);
            assert_eq!(self.scheduler.setting(conversation_id(conversation)), setting);
            let stamp = self.scheduler.stamp(conversation_id(conversation));
            assert_eq!(stamp, Stamp::of(setting));
        }
        self.check_wakeup(now, time);
        self.check_rows();
    }

    fn check_wakeup(&self, now: Now, time: u64) {
        let limits = &self.model.limits;
        let all = || self.model.held.values();
        let wait = |at: u64| Duration::from_millis(at.saturating_sub(time));
        let capped = |at: u64| wait(at).min(limits.longest_sleep);
        let earliest = all().filter_map(|held| held.earliest(limits)).min();
        let latest = all().filter_map(|held| held.latest(limits)).min();
        match (self.scheduler.next_wakeup(now), earliest) {
            (None, None) => {}
            (Some(sleep), Some(earliest)) => {
                assert!(sleep <= limits.longest_sleep);
                assert!(sleep >= capped(earliest), "it wakes too early, after {sleep:?}");
                let in_time = latest.is_none_or(|latest| sleep <= capped(latest));
                assert!(in_time, "it wakes too late, after {sleep:?}");
            }
            (sleep, earliest) => panic!("it sleeps {sleep:?}, the next end is {earliest:?}"),
        }
    }

    /// The store has what is held, and that is what the model says.
    fn check_rows(&self) {
        let records = rows_of(&self.scheduler);
        assert!(self.rows.keys().eq(records.keys()), "rows are missing, or too many");
        for (key, value) in &records {
            let is_behind = key == &[0] || self.closed_by_restart.contains(key);
            assert!(is_behind || self.rows[key] == *value, "the row {key:?} is out of date");
        }
        let names = Names::of(&records);
        let model = &self.model;
        assert!(names.messages.iter().eq(model.held.keys()));
        assert_eq!(self.scheduler.held_messages(), model.held.len());
        let conversations: BTreeSet<u8> =
            model.settings.keys().chain(model.closed.keys()).chain(&model.ours).copied().collect();
        assert_eq!(names.conversations, conversations);
        assert_eq!(names.tombstones, model.buried.len());
        assert!(names.waiting.iter().eq(model.waiting.keys()));
        assert!(names.seen.iter().eq(model.seen.keys()));
        assert!(names.unsends.iter().eq(model.unsends.keys()));
    }

    /// However the schedule ends, all that has an end comes to it, once, and leaves nothing behind.
    fn end(&mut self) {
        self.outcome.meet(("reached", self.model.reached.min(1)));
        for _ in 0..4 {
            self.clocks.pass(366 * DAY);
            if self.model.time(self.clocks.now()) < u64::MAX {
                self.happen(Event::Purge);
                self.check();
            }
        }
    }
}

fn is_head(write: &evanesce::expiry::RecordWrite) -> bool {
    write.key.as_bytes() == [0]
}

fn rows_of(scheduler: &ExpiryScheduler) -> Rows {
    let rows = scheduler.records();
    rows.map(|write| {
        let value = write.value.expect("what is held is written");
        (write.key.as_bytes().to_vec(), value.to_vec())
    })
    .collect()
}

/// What rows are of, by their keys.
#[derive(Debug, Default)]
struct Names {
    conversations: BTreeSet<u8>,
    messages: BTreeSet<u8>,
    tombstones: usize,
    waiting: BTreeSet<u8>,
    seen: BTreeSet<u8>,
    unsends: BTreeSet<(u8, u8)>,
}

impl Names {
    fn of(rows: &Rows) -> Self {
        let mut names = Self::default();
        for key in rows.keys() {
            let last = |place: usize| *key.get(place).expect("as long as its kind is");
            match key[0] {
                0 => {}
                1 => _ = names.conversations.insert(last(16)),
                2 => _ = names.messages.insert(last(16)),
                3 => names.tombstones += 1,
                4 => _ = names.waiting.insert(last(16)),
                5 => _ = names.unsends.insert((last(16), last(24))),
                6 => _ = names.seen.insert(last(16)),
                kind => panic!("a row of kind {kind}"),
            }
        }
        names
    }
}
