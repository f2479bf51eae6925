//! Two people with three devices each, with loss, delay, sleep, clocks that are set and devices set up anew: no
//! message outlives its end where a device was awake past it, none ends early, and all timers agree.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evanesce::expiry::{
    Age, ConversationId, DeviceEvent, Effects, ExpiryScheduler, MalformedStamp, MemberTag,
    MessageId, Monotonic, NewMessage, Now, Policy, Setting, SettingVersion, Stamp, Verdict,
    Visibility,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const DEVICES: usize = 6;
const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// When the true time begins, in seconds.
const START: u64 = 1_800_000_000;
/// How long what is to be read lives unread, by default.
const UNREAD: u64 = 30 * DAY;

/// The person whose device it is: 0 or 1.
fn owner(device: usize) -> usize {
    device / 3
}

fn tag(person: usize) -> MemberTag {
    MemberTag([u8::try_from(person).unwrap(); 8])
}

fn chat() -> ConversationId {
    ConversationId::named(b"the two of them")
}

/// What one device sends to another.
#[derive(Clone)]
enum Sent {
    Message { id: MessageId, by: usize, stamp: Stamp },
    Setting(Stamp),
    Event(DeviceEvent),
}

/// On the way, or waiting at the server, which knows since when.
struct Parcel {
    to: usize,
    arrives: u64,
    happened: u64,
    sent: Sent,
}

/// What is true of a message on one device, whatever its clocks say.
#[derive(Clone)]
struct Row {
    arrived: u64,
    /// The earliest reading that the device knows of.
    read: Option<u64>,
}

struct Device {
    scheduler: ExpiryScheduler,
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    rows: BTreeMap<MessageId, Row>,
    /// When others read what has not come.
    read_before: BTreeMap<MessageId, u64>,
    /// What its user or another of its owner's devices has deleted.
    deleted: BTreeSet<MessageId>,
    awake: bool,
    /// What its wall clock is wrong by.
    wall_error: i64,
    boot: u128,
    booted: u64,
}

/// What is true of a message everywhere.
struct Truth {
    by: usize,
    sent: u64,
    policy: Option<Policy>,
    /// Where the stamp had no setting, a receiver adds its own.
    has_setting: bool,
}

struct World {
    rng: ChaCha20Rng,
    time: u64,
    devices: Vec<Device>,
    parcels: Vec<Parcel>,
    truths: BTreeMap<MessageId, Truth>,
    ended_in_time: u32,
}

impl Device {
    fn new(time: u64, rng: &mut ChaCha20Rng) -> Self {
        let monotonic = Some(Monotonic { boot: 1, elapsed: Duration::ZERO });
        let now = Now { wall: Duration::from_secs(time), monotonic };
        let scheduler = ExpiryScheduler::new(now, rng);
        let mut device = Self {
            records: BTreeMap::new(),
            scheduler,
            rows: BTreeMap::new(),
            read_before: BTreeMap::new(),
            deleted: BTreeSet::new(),
            awake: true,
            wall_error: 0,
            boot: 1,
            booted: time,
        };
        for record in device.scheduler.records() {
            let key = record.key.as_bytes().to_vec();
            device.records.insert(key, record.value.unwrap().to_vec());
        }
        device
    }

    fn now(&self, time: u64) -> Now {
        let elapsed = Duration::from_secs(time - self.booted);
        Now {
            wall: Duration::from_secs(time.saturating_add_signed(self.wall_error)),
            monotonic: Some(Monotonic { boot: self.boot, elapsed }),
        }
    }

    fn store(&mut self, effects: &Effects) {
        for record in &effects.writes {
            let key = record.key.as_bytes().to_vec();
            match &record.value {
                Some(value) => _ = self.records.insert(key, value.to_vec()),
                None => _ = self.records.remove(&key),
            }
        }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let devices = (0..DEVICES).map(|_| Device::new(START, &mut rng)).collect();
        Self {
            rng,
            time: START,
            devices,
            parcels: Vec::new(),
            truths: BTreeMap::new(),
            ended_in_time: 0,
        }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.rng.next_u64() % end
    }

    fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(u64::try_from(end).unwrap())).unwrap()
    }

    /// To all others, or to the own ones: sometimes late, lost or twice.
    fn send(&mut self, from: usize, sent: &Sent, own_only: bool) {
        for to in 0..DEVICES {
            if to == from || own_only && owner(to) != owner(from) {
                continue;
            }
            let copies = [1, 1, 1, 1, 1, 1, 1, 1, 2, 0][self.index(10)];
            for _ in 0..copies {
                let delay = [0, 1, 60, HOUR, 3 * DAY][self.index(5)];
                let parcel = Parcel {
                    to,
                    arrives: self.time + delay,
                    happened: self.time,
                    sent: sent.clone(),
                };
                self.parcels.push(parcel);
            }
        }
    }

    /// Stores what a call brought about, and tells the own devices.
    fn finish(&mut self, device: usize, effects: Effects) {
        self.devices[device].store(&effects);
        for event in effects.tell {
            self.send(device, &Sent::Event(event), true);
        }
    }

    fn writes(&mut self, device: usize) {
        let Device { scheduler, .. } = &self.devices[device];
        let mut stamp = scheduler.stamp(chat());
        if self.below(4) == 0 {
            stamp = stamp.with_policy(Policy::after_send(Duration::from_secs(2 * HOUR)));
        }
        let id = MessageId::from(u64::try_from(self.truths.len()).unwrap());
        let policies = [stamp.own_policy, stamp.setting.as_ref().and_then(|it| it.setting.policy)];
        // Both may hold: then there is no single policy to compare with, and only the shorter kind is made.
        let policy = match policies {
            [Some(_), Some(_)] => {
                stamp.own_policy = None;
                policies[1]
            }
            [own, of_setting] => own.or(of_setting),
        };
        let (by, sent, has_setting) = (owner(device), self.time, stamp.setting.is_some());
        self.truths.insert(id, Truth { by, sent, policy, has_setting });
        let (now, time) = (self.devices[device].now(self.time), self.time);
        let own = &mut self.devices[device];
        let queued = own.scheduler.queued(NewMessage::new(id, chat(), tag(by)), &stamp, now);
        assert_eq!(queued.verdict, Verdict::Keep);
        let effects = queued.effects.and(own.scheduler.sent(id, Age::NONE, now));
        own.rows.insert(id, Row { arrived: time, read: Some(time) });
        self.finish(device, effects);
        self.send(device, &Sent::Message { id, by, stamp }, false);
    }

    fn sets(&mut self, device: usize) {
        let seconds = [10, HOUR, 5 * DAY][self.index(3)];
        let life = Duration::from_secs(seconds);
        let policies = [
            None,
            Some(Policy::after_send(life)),
            Some(Policy::after_read(life)),
            Some(Policy::OnClose),
        ];
        let policy = policies[self.index(4)];
        let now = self.devices[device].now(self.time);
        let by = tag(owner(device));
        let effects = self.devices[device].scheduler.set(chat(), policy, by, now);
        self.finish(device, effects);
        let stamp = self.devices[device].scheduler.stamp(chat()).announcing_change();
        self.send(device, &Sent::Setting(stamp), false);
    }

    fn reads(&mut self, device: usize) {
        let ids: Vec<MessageId> = self.devices[device].rows.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let id = ids[self.index(ids.len())];
        let (now, time) = (self.devices[device].now(self.time), self.time);
        let own = &mut self.devices[device];
        if own.scheduler.visibility(id, now) != Visibility::Shown {
            return;
        }
        let effects = own.scheduler.read(id, now);
        own.rows
            .entry(id)
            .and_modify(|row| row.read = Some(row.read.map_or(time, |at| at.min(time))));
        self.finish(device, effects);
    }

    fn deletes(&mut self, device: usize) {
        let ids: Vec<MessageId> = self.devices[device].rows.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let id = ids[self.index(ids.len())];
        let now = self.devices[device].now(self.time);
        let effects = self.devices[device].scheduler.deleted(id, now);
        self.devices[device].deleted.insert(id);
        self.devices[device].rows.remove(&id);
        self.finish(device, effects);
    }

    fn closes(&mut self, device: usize) {
        let now = self.devices[device].now(self.time);
        let effects = self.devices[device].scheduler.closed(chat(), now);
        self.finish(device, effects);
    }

    /// It is off for a while, and starts from what it stored.
    fn restarts(&mut self, device: usize) {
        let off = [1, HOUR, 10 * DAY][self.index(3)];
        self.time += off;
        let (time, boot) = (self.time, self.devices[device].boot + 1);
        let own = &mut self.devices[device];
        (own.boot, own.booted) = (boot, time);
        own.scheduler = ExpiryScheduler::from_records(&own.records).unwrap();
    }

    fn is_set_up_anew(&mut self, device: usize) {
        self.devices[device] = Device::new(self.time, &mut self.rng);
    }

    /// While it is up; it notes where the clock stands before it is off, as any call does.
    fn wall_is_set(&mut self, device: usize) {
        let error = i64::try_from(self.below(20 * DAY)).unwrap() - i64::try_from(10 * DAY).unwrap();
        self.devices[device].wall_error = error;
        let now = self.devices[device].now(self.time);
        let poll = self.devices[device].scheduler.poll(0, now);
        self.devices[device].store(&poll.effects);
    }

    fn happens(&mut self) {
        let device = self.index(DEVICES);
        let what = self.below(100);
        if !self.devices[device].awake {
            self.devices[device].awake = what < 50;
            return;
        }
        match what {
            0..30 => self.writes(device),
            30..36 => self.sets(device),
            36..60 => self.reads(device),
            60..63 => self.deletes(device),
            63..68 => self.closes(device),
            68..71 => self.restarts(device),
            71..73 => self.is_set_up_anew(device),
            73..77 => self.wall_is_set(device),
            77..82 => self.devices[device].awake = false,
            82..95 => self.time += [1, 59, HOUR, DAY][self.index(4)],
            _ => self.time += 12 * DAY,
        }
    }

    /// All that has arrived at devices that are awake, in any order; then each of those cleans up.
    fn goes_on(&mut self) {
        let (here, on_the_way): (Vec<_>, Vec<_>) = std::mem::take(&mut self.parcels)
            .into_iter()
            .partition(|parcel| parcel.arrives <= self.time && self.devices[parcel.to].awake);
        self.parcels = on_the_way;
        let mut here = here;
        while !here.is_empty() {
            let place = self.index(here.len());
            let parcel = here.swap_remove(place);
            self.arrives(parcel);
        }
        for device in 0..DEVICES {
            if self.devices[device].awake {
                self.cleans(device);
                self.check(device);
            }
        }
    }

    fn arrives(&mut self, parcel: Parcel) {
        let Parcel { to, happened, sent, .. } = parcel;
        let (now, time) = (self.devices[to].now(self.time), self.time);
        let age = Age::trusted(Duration::from_secs(time - happened));
        let own = &mut self.devices[to];
        let effects = match sent {
            Sent::Message { id, by, stamp } => {
                let message = NewMessage::new(id, chat(), tag(by));
                let arrival = if by == owner(to) {
                    own.scheduler.sent_elsewhere(message, &stamp, age, now)
                } else {
                    own.scheduler.received(message, &Ok(stamp), age, now)
                };
                match arrival.verdict {
                    Verdict::Keep if !own.deleted.contains(&id) => {
                        let read = (by == owner(to)).then_some(happened);
                        let read = read.or_else(|| own.read_before.remove(&id));
                        own.rows.entry(id).or_insert(Row { arrived: time, read });
                    }
                    Verdict::Keep | Verdict::Known => {}
                    Verdict::Late => self.is_not_early(to, id, None),
                    Verdict::IdTaken => panic!("{id:?} is taken"),
                }
                arrival.effects
            }
            Sent::Setting(stamp) => own.scheduler.heard(chat(), &Ok(stamp), age, now),
            Sent::Event(event) => {
                match event {
                    // What has ended unread stays so, though it is told a moment later that it was read.
                    DeviceEvent::Read(id) | DeviceEvent::Seen(id)
                        if own.scheduler.visibility(id, now) != Visibility::Gone =>
                    {
                        match own.rows.get_mut(&id) {
                            Some(Row { read, .. }) => {
                                *read = Some(read.map_or(happened, |at| at.min(happened)));
                            }
                            None => {
                                let before = own.read_before.entry(id).or_insert(happened);
                                *before = happened.min(*before);
                            }
                        }
                    }
                    DeviceEvent::Deleted(id) => {
                        own.deleted.insert(id);
                    }
                    _ => {}
                }
                own.scheduler.told_by_own_device(event, age, now)
            }
        };
        // Own devices hear of what others told; nothing is passed on twice.
        self.devices[to].store(&effects);
    }

    fn cleans(&mut self, device: usize) {
        let now = self.devices[device].now(self.time);
        loop {
            let poll = self.devices[device].scheduler.poll(3, now);
            self.devices[device].store(&poll.effects);
            if poll.due.is_empty() {
                break;
            }
            for due in poll.due {
                let row = self.devices[device].rows.remove(&due.id);
                if row.is_some() && !self.devices[device].deleted.contains(&due.id) {
                    self.is_not_early(device, due.id, row);
                    self.ended_in_time += 1;
                }
                let effects = self.devices[device].scheduler.done(due.id, due.parts, now);
                self.devices[device].store(&effects);
            }
        }
        // What has no end is not held, and is the application's to delete.
        let deleted = self.devices[device].deleted.clone();
        self.devices[device].rows.retain(|id, _| !deleted.contains(id));
    }

    /// That a message has ended on a device is no earlier than it may.
    fn is_not_early(&self, device: usize, id: MessageId, row: Option<Row>) {
        let truth = &self.truths[&id];
        let now = self.time;
        if self.devices[device].deleted.contains(&id) || !truth.has_setting {
            return;
        }
        let ttl = |policy: Policy| u64::from(policy.ttl().unwrap().get());
        match truth.policy {
            None => panic!("{id:?} has no end, and ended"),
            Some(policy @ Policy::AfterSend { .. }) => assert!(now >= truth.sent + ttl(policy)),
            Some(policy @ Policy::AfterRead { .. }) => {
                // Nobody has read it before it was sent.
                let unread = row.map_or(truth.sent, |row| row.read.unwrap_or(row.arrived));
                assert!(now >= unread + ttl(policy).min(UNREAD), "{id:?} read at {unread}");
            }
            // It takes a reading and a close, which may be a restart.
            Some(Policy::OnClose) => assert!(now >= truth.sent),
        }
    }

    /// Nothing on a device that is awake and has cleaned up has outlived its end.
    fn check(&self, device: usize) {
        let own = &self.devices[device];
        for (id, row) in &own.rows {
            let truth = &self.truths[id];
            let ours = truth.by == owner(device);
            let read = if ours { Some(truth.sent) } else { row.read };
            let ttl = |policy: Policy| u64::from(policy.ttl().unwrap().get());
            let end = match truth.policy {
                None => continue,
                Some(policy @ Policy::AfterSend { .. }) => truth.sent + ttl(policy),
                Some(policy @ Policy::AfterRead { .. }) => match read {
                    Some(read) if read < row.arrived + UNREAD => read.max(truth.sent) + ttl(policy),
                    Some(_) | None => row.arrived + UNREAD,
                },
                Some(Policy::OnClose) => row.arrived + UNREAD,
            };
            assert!(self.time < end, "{id:?} outlives {end} at {} on {device}", self.time);
            let remaining = own.scheduler.remaining(*id, own.now(self.time));
            assert!(remaining.is_some(), "{id:?} with {:?} has no end", truth.policy);
        }
    }

    /// Everybody is awake, and each device tells all others what it knows, in any order.
    fn all_timers_agree(&mut self) {
        for device in 0..DEVICES {
            self.devices[device].awake = true;
        }
        self.time += 4 * DAY;
        self.goes_on();
        let stamps = self.devices.iter().map(|device| device.scheduler.stamp(chat()));
        let mut all: Vec<(usize, Stamp)> = stamps
            .enumerate()
            .flat_map(|(from, stamp)| {
                let others = (0..DEVICES).filter(move |to| *to != from);
                others.map(move |to| (to, stamp.clone()))
            })
            .collect();
        while !all.is_empty() {
            let place = self.index(all.len());
            let (to, stamp) = all.swap_remove(place);
            let now = self.devices[to].now(self.time);
            let effects = self.devices[to].scheduler.heard(chat(), &Ok(stamp), Age::NONE, now);
            self.devices[to].store(&effects);
        }
        let setting = self.devices[0].scheduler.setting(chat());
        assert!(self.devices.iter().all(|device| device.scheduler.setting(chat()) == setting));
    }
}

#[test]
fn nothing_outlives_its_end_nothing_ends_early_and_all_timers_agree() {
    let (mut ended, mut written) = (0, 0);
    for seed in 0..60 {
        let mut world = World::new(seed);
        for _ in 0..250 {
            world.happens();
            world.goes_on();
        }
        world.all_timers_agree();
        ended += world.ended_in_time;
        written += world.truths.len();
    }
    assert!(ended > 5_000 && written > 2_000, "{ended} of {written} ended");
}

/// What happened at a moment, and is to be heard by devices other than the one where it did.
#[derive(Clone)]
enum Heard {
    FromPeer(MessageId, Result<Stamp, MalformedStamp>),
    FromOwn(MessageId, Stamp),
    Event(DeviceEvent),
}

/// Bob writes to somebody with three devices, whose settings and messages cross; what a message says of the setting
/// may be nothing, broken or not to be believed. Nothing is lost, and all comes in another order to each.
struct OwnDevices {
    rng: ChaCha20Rng,
    time: u64,
    devices: Vec<ExpiryScheduler>,
    /// To which device, since when, and what.
    under_way: Vec<(usize, u64, Heard)>,
    messages: u64,
    /// Which messages are on which device: nobody reads what is not there.
    there: BTreeSet<(usize, MessageId)>,
    /// Whether they start anew now and then; that closes conversations, on this device alone.
    restarts: bool,
}

impl OwnDevices {
    const NUMBER: usize = 3;

    fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let now = Now::from_wall(Duration::from_secs(START));
        let devices = (0..Self::NUMBER).map(|_| ExpiryScheduler::new(now, &mut rng)).collect();
        let restarts = seed % 2 == 0;
        let there = BTreeSet::new();
        Self { rng, time: START, devices, under_way: Vec::new(), messages: 0, there, restarts }
    }

    fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.rng.next_u64() % u64::try_from(end).unwrap()).unwrap()
    }

    fn now(&self) -> Now {
        Now::from_wall(Duration::from_secs(self.time))
    }

    fn others_hear(&mut self, device: Option<usize>, heard: &Heard) {
        let others = (0..Self::NUMBER).filter(|to| Some(*to) != device);
        let time = self.time;
        self.under_way.extend(others.map(|to| (to, time, heard.clone())));
    }

    fn tells(&mut self, device: usize, effects: Effects) {
        for event in effects.tell {
            self.others_hear(Some(device), &Heard::Event(event));
        }
    }

    /// The lives are long beside the time in which all is heard, so that nothing ends before.
    fn policy(&mut self) -> Option<Policy> {
        let life = Duration::from_secs([1_000, 2_000, 500_000][self.index(3)]);
        let on_close = if self.restarts { None } else { Some(Policy::OnClose) };
        let all = [None, Some(Policy::after_send(life)), Some(Policy::after_read(life)), on_close];
        all[self.index(4)]
    }

    fn new_id(&mut self) -> MessageId {
        self.messages += 1;
        MessageId::from(self.messages)
    }

    fn happens(&mut self) {
        let device = self.index(Self::NUMBER);
        let now = self.now();
        match self.index(12) {
            0..=2 => {
                let id = self.new_id();
                let of = |version: u64, policy, by| {
                    let version = SettingVersion::new(version).unwrap();
                    Stamp::of(Some(Setting { version, policy, by }))
                };
                let policy = self.policy();
                let stamp = match self.index(5) {
                    0 | 1 => Ok(Stamp::NONE),
                    2 => Err(MalformedStamp),
                    3 => Ok(of(SettingVersion::MAX.number(), policy, tag(1))),
                    _ => Ok(of(1, policy, tag(1))),
                };
                self.others_hear(None, &Heard::FromPeer(id, stamp));
            }
            3 | 4 => {
                let id = self.new_id();
                let stamp = self.devices[device].stamp(chat());
                let message = NewMessage::new(id, chat(), tag(0));
                let queued = self.devices[device].queued(message, &stamp, now);
                self.there.insert((device, id));
                self.tells(device, queued.effects);
                let _ = self.devices[device].sent(id, Age::NONE, now);
                self.others_hear(Some(device), &Heard::FromOwn(id, stamp));
            }
            5 => {
                let policy = self.policy();
                let effects = self.devices[device].set(chat(), policy, tag(0), now);
                self.tells(device, effects);
            }
            6 | 7 => {
                let id = self.any_id();
                if self.there.contains(&(device, id)) {
                    let effects = self.devices[device].read(id, now);
                    self.tells(device, effects);
                }
            }
            8 if self.restarts => {
                let snapshot = self.devices[device].snapshot();
                self.devices[device] = ExpiryScheduler::restore(&snapshot).unwrap();
            }
            _ => self.time += 1,
        }
    }

    fn any_id(&mut self) -> MessageId {
        let messages = self.rng.next_u64() % self.messages.max(1);
        MessageId::from(messages + 1)
    }

    /// So many of those that are under way, in any order.
    fn are_heard(&mut self, number: usize) {
        for _ in 0..number.min(self.under_way.len()) {
            let place = self.index(self.under_way.len());
            let (to, since, heard) = self.under_way.swap_remove(place);
            let (now, age) = (self.now(), Age::trusted(Duration::from_secs(self.time - since)));
            let device = &mut self.devices[to];
            let message = |id, by| NewMessage::new(id, chat(), tag(by));
            if let Heard::FromPeer(id, _) | Heard::FromOwn(id, _) = &heard {
                self.there.insert((to, *id));
            }
            let _ = match heard {
                Heard::FromPeer(id, stamp) => {
                    device.received(message(id, 1), &stamp, age, now).effects
                }
                Heard::FromOwn(id, stamp) => {
                    device.sent_elsewhere(message(id, 0), &stamp, age, now).effects
                }
                Heard::Event(event) => device.told_by_own_device(event, age, now),
            };
        }
    }

    fn agree(&self) -> usize {
        let now = self.now();
        let mut with_an_end = 0;
        for id in (1..=self.messages).map(MessageId::from) {
            // Unread, it ends so long after it came to each device.
            let unread = Duration::from_secs(UNREAD - HOUR);
            let end = |device: &ExpiryScheduler| {
                let remaining = device.remaining(id, now).map(|left| left.min(unread));
                (device.visibility(id, now), remaining)
            };
            let ends: Vec<_> = self.devices.iter().map(end).collect();
            assert!(ends.iter().all(|end| *end == ends[0]), "{id:?} ends as {ends:?}");
            with_an_end += usize::from(ends[0].1.is_some());
        }
        with_an_end
    }
}

#[test]
fn own_devices_that_have_heard_the_same_end_each_message_at_the_same_moment() {
    let (mut ending, mut gone) = (0, 0);
    for seed in 0..600 {
        let mut own = OwnDevices::new(seed);
        for _ in 0..30 {
            own.happens();
            own.are_heard(1);
        }
        own.are_heard(usize::MAX);
        ending += own.agree();
        // The one who leaves the conversation does so on one device.
        let now = own.now();
        let effects = own.devices[0].closed(chat(), now);
        own.tells(0, effects);
        own.are_heard(usize::MAX);
        own.agree();
        let is_gone =
            |id: &u64| own.devices[1].visibility(MessageId::from(*id), now) == Visibility::Gone;
        gone += (1..=own.messages).filter(is_gone).count();
    }
    assert!(ending > 1_000 && gone > 30, "{ending} end, {gone} are gone");
}
