//! A device that stores what its scheduler says and starts again from that, its clocks, which are set by hand, and
//! the letters that go from one device to another.
//!
//! After every call the store is compared with what the scheduler holds. This file needs nothing of the other
//! test support.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::time::Duration;

use evanesce::expiry::{
    Age, Arrival, ContentKey, ConversationId, DeviceEvent, Due, EditError, Effects, ExpiryEvent,
    ExpiryScheduler, MalformedStamp, MemberTag, MessageId, Monotonic, NewMessage, Now, OpenError,
    Opening, PartsAdded, Policy, Poll, RecordWrite, Setting, Stamp, Verdict, Visibility,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3_600);
pub const DAY: Duration = Duration::from_secs(86_400);
pub const WEEK: Duration = DAY.saturating_mul(7);

pub const ALICE: MemberTag = MemberTag(*b"alice's.");
pub const BOB: MemberTag = MemberTag(*b"and bobs");

/// The conversation that all letters belong to.
pub const CHAT: ConversationId = ConversationId(*b"alice's and bobs");

/// The key of the record that is written only when the clocks have done something unforeseen.
const HEAD: [u8; 1] = [0];

/// The clocks of one device. Both go on while it is up, asleep or awake, and only the wall clock can be set.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    pub wall: Duration,
    boot: u128,
    elapsed: Duration,
}

impl Clock {
    pub fn new() -> Self {
        Self { wall: Duration::from_secs(1_700_000_000), boot: 1, elapsed: DAY }
    }

    pub fn now(&self) -> Now {
        let Self { wall, boot, elapsed } = *self;
        Now { wall, monotonic: Some(Monotonic { boot, elapsed }) }
    }

    pub fn pass(&mut self, time: Duration) {
        self.wall += time;
        self.elapsed += time;
    }

    /// The device is off for so long, and starts anew.
    pub fn reboot(&mut self, off: Duration) {
        *self = Self { wall: self.wall + off, boot: self.boot + 1, elapsed: Duration::ZERO };
    }
}

/// One device, with the rows that its application has stored.
pub struct Device {
    pub scheduler: ExpiryScheduler,
    pub store: BTreeMap<Vec<u8>, Vec<u8>>,
    pub clock: Clock,
    pub owner: MemberTag,
}

impl Device {
    pub fn new(owner: MemberTag) -> Self {
        Self::at(Clock::new(), owner)
    }

    pub fn at(clock: Clock, owner: MemberTag) -> Self {
        let scheduler = ExpiryScheduler::new(clock.now(), &mut ChaCha20Rng::seed_from_u64(7));
        let store = rows(&scheduler);
        Self { scheduler, store, clock, owner }
    }

    /// Calls the scheduler, and stores what it says.
    pub fn does<Caused: Outcome>(
        &mut self,
        call: impl FnOnce(&mut ExpiryScheduler, Now) -> Caused,
    ) -> Caused::Rest {
        let (writes, rest) = call(&mut self.scheduler, self.clock.now()).split();
        for RecordWrite { key, value } in writes {
            let key = key.as_bytes().to_vec();
            match value {
                Some(value) => _ = self.store.insert(key, value.to_vec()),
                None => _ = self.store.remove(&key),
            }
        }
        self.check();
        rest
    }

    /// The process ends, and another one begins with what is stored.
    pub fn restart(&mut self) {
        self.scheduler = ExpiryScheduler::from_records(&self.store).unwrap();
        // A restart closes conversations, each time anew: that alone is held and not stored.
        self.store = rows(&self.scheduler);
    }

    /// The store has what the scheduler holds.
    fn check(&self) {
        let (mut held, mut stored) = (rows(&self.scheduler), self.store.clone());
        assert!(held.remove(&HEAD[..]).is_some() && stored.remove(&HEAD[..]).is_some());
        assert!(held == stored, "the store and the scheduler are not the same");
    }

    /// Deletes what is due, and says so. Gives what it was, in order.
    pub fn purges(&mut self) -> Vec<Due> {
        let mut purged = Vec::new();
        loop {
            let due = self.does(|scheduler, now| scheduler.poll(100, now));
            for Due { id, parts, .. } in &due {
                self.does(|scheduler, now| scheduler.done(*id, *parts, now));
            }
            if due.is_empty() {
                return purged;
            }
            purged.extend(due);
        }
    }

    pub fn sets(&mut self, policy: Option<Policy>) -> Told {
        let owner = self.owner;
        self.does(|scheduler, now| scheduler.set(CHAT, policy, owner, now))
    }

    pub fn setting(&self) -> Option<Setting> {
        self.scheduler.setting(CHAT)
    }

    /// Sends a message that says what the setting is here.
    pub fn sends(&mut self, id: u64) -> Letter {
        self.sends_with(id, |stamp| stamp)
    }

    pub fn sends_with(&mut self, id: u64, change: impl FnOnce(Stamp) -> Stamp) -> Letter {
        let stamp = change(self.scheduler.stamp(CHAT));
        let letter = Letter { id: id.into(), author: self.owner, stamp: stamp.encode() };
        let (verdict, _) = self.does(|scheduler, now| {
            scheduler.queued(letter.message(), &letter.stamp().unwrap(), now)
        });
        assert_eq!(verdict, Verdict::Keep);
        self.does(|scheduler, now| scheduler.sent(letter.id, Age::NONE, now));
        letter
    }

    pub fn gets(&mut self, letter: &Letter) -> (Verdict, Told) {
        self.gets_late(letter, Age::NONE)
    }

    pub fn gets_late(&mut self, letter: &Letter, age: Age) -> (Verdict, Told) {
        self.does(|scheduler, now| scheduler.received(letter.message(), &letter.stamp(), age, now))
    }

    pub fn reads(&mut self, id: u64) -> Told {
        self.does(|scheduler, now| scheduler.read(id.into(), now))
    }

    /// An own other device says what happened there, so long ago.
    pub fn is_told(&mut self, event: DeviceEvent, ago: Duration) -> Told {
        self.does(|scheduler, now| scheduler.told_by_own_device(event, Age::trusted(ago), now))
    }

    pub fn sees(&self, id: u64) -> Visibility {
        self.scheduler.visibility(id.into(), self.clock.now())
    }

    pub fn remaining(&self, id: u64) -> Option<Duration> {
        self.scheduler.remaining(id.into(), self.clock.now())
    }

    pub fn next_wakeup(&self) -> Option<Duration> {
        self.scheduler.next_wakeup(self.clock.now())
    }
}

/// Time passes for all of them.
pub fn pass<const N: usize>(devices: [&mut Device; N], time: Duration) {
    devices.into_iter().for_each(|device| device.clock.pass(time));
}

fn rows(scheduler: &ExpiryScheduler) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let row = |row: RecordWrite| (row.key.as_bytes().to_vec(), row.value.unwrap().to_vec());
    scheduler.records().map(row).collect()
}

/// A message under way.
#[derive(Clone, Debug)]
pub struct Letter {
    pub id: MessageId,
    pub author: MemberTag,
    pub stamp: Vec<u8>,
}

impl Letter {
    pub fn message(&self) -> NewMessage {
        NewMessage::new(self.id, CHAT, self.author)
    }

    /// As the session of the receiver gives it.
    pub fn stamp(&self) -> Result<Stamp, MalformedStamp> {
        let (stamp, _) = Stamp::decode(&self.stamp).ok_or(MalformedStamp)?;
        Ok(stamp)
    }
}

/// What the screen and the own other devices are told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub events: Vec<ExpiryEvent>,
    pub tell: Vec<DeviceEvent>,
}

impl Told {
    pub fn nobody(&self) -> bool {
        *self == Self::default()
    }
}

/// What a call gives: rows to be stored, and the rest.
pub trait Outcome {
    type Rest;

    fn split(self) -> (Vec<RecordWrite>, Self::Rest);
}

impl Outcome for Effects {
    type Rest = Told;

    fn split(self) -> (Vec<RecordWrite>, Told) {
        let Self { writes, events, tell, .. } = self;
        (writes, Told { events, tell })
    }
}

impl Outcome for Arrival {
    type Rest = (Verdict, Told);

    fn split(self) -> (Vec<RecordWrite>, (Verdict, Told)) {
        let (writes, told) = self.effects.split();
        (writes, (self.verdict, told))
    }
}

impl Outcome for Poll {
    type Rest = Vec<Due>;

    fn split(self) -> (Vec<RecordWrite>, Vec<Due>) {
        let (writes, told) = self.effects.split();
        assert!(told.nobody(), "who polls tells nobody anything");
        (writes, self.due)
    }
}

impl Outcome for PartsAdded {
    type Rest = Self;

    fn split(self) -> (Vec<RecordWrite>, Self) {
        match self {
            Self::Noted(effects) => (effects.writes, Self::Noted(Effects::default())),
            other => (Vec::new(), other),
        }
    }
}

impl Outcome for Result<Effects, EditError> {
    type Rest = Result<Told, EditError>;

    fn split(self) -> (Vec<RecordWrite>, Self::Rest) {
        match self.map(Effects::split) {
            Ok((writes, told)) => (writes, Ok(told)),
            Err(error) => (Vec::new(), Err(error)),
        }
    }
}

impl Outcome for Result<Opening, OpenError> {
    type Rest = Result<Option<ContentKey>, OpenError>;

    fn split(self) -> (Vec<RecordWrite>, Self::Rest) {
        match self {
            Ok(mut opening) => {
                let (writes, _) = std::mem::take(&mut opening.effects).split();
                (writes, Ok(opening.release()))
            }
            Err(error) => (Vec::new(), Err(error)),
        }
    }
}
