//! Five people with two devices each in a group, in random schedules: admins who act at the same time, loss, reordering,
//! repeats, alterations, devices that are away, come back out of a backup or are removed, members who come, go and leave, and a
//! carrier that gives messages to whom they are not for. What opens was sent to the device that opens it; afterwards all come
//! to one head, and read what was sent to them.
//!
//! 60 schedules by default, and those that once found something; `EVANESCE_SEEDS=0..1000` tries those.

#[path = "support/crowd.rs"]
mod crowd;
#[path = "support/household.rs"]
mod household;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crowd::Crowd;
use evanesce::Payload;
use evanesce::expiry::{ExpiryScheduler, Now};
use evanesce::group::{Change, Group, GroupDecryptError, GroupId, Role, SetsTimer};
use household::Party;
use rand_chacha::rand_core::Rng;

/// How many people there are, with two devices each: of person p the owner's is 2p.
const PEOPLE: usize = 5;
const DEVICES: usize = 2 * PEOPLE;

/// How many things happen before all is let settle.
const EVENTS: u32 = 160;

/// After so many exchanges, each of a day, all has settled, or never will.
const EXCHANGES: u32 = 8;

/// How much is under way at most.
const MOST_UNDER_WAY: usize = 400;

/// Schedules beyond the first sixty in which somebody stayed behind once: two who came in by different rosters swapped them day
/// by day; the roster that counts was of an earlier epoch; somebody removed was never told; a session was lost among strangers;
/// the head came in answers alone, to one who could invite nobody to theirs; an admin who had left signed on; what was given
/// before stood in the way of the head; two own devices changed places.
const FOUND: [u64; 13] = [99, 167, 192, 268, 399, 516, 693, 823, 891, 952, 1086, 1105, 1274];

#[test]
fn all_who_are_in_a_group_come_to_one_head_and_read_what_was_sent_to_them() {
    let seeds: Vec<u64> = match std::env::var("EVANESCE_SEEDS") {
        Ok(seeds) => {
            let (first, end) = seeds.split_once("..").expect("EVANESCE_SEEDS is FIRST..END");
            (first.parse().unwrap()..end.parse().unwrap()).collect()
        }
        Err(_) => (0..60).chain(FOUND).collect(),
    };
    let mut happened = Happened::default();
    seeds.into_iter().for_each(|seed| Schedule::start(seed).run(&mut happened));
    // What never happened was not tried.
    println!("{happened:?}");
    let Happened { said, lost, repeated, altered, misled, changed, .. } = happened;
    assert!([said, lost, repeated, altered, misled, changed].iter().all(|it| *it > 0));
    let Happened { removed, left, restored, unnoticed, away, unlisted, .. } = happened;
    let Happened { shown, waiting, exchanges, .. } = happened;
    // Two, but for who is invited back by what looks like something old: that has to stand for a while.
    assert!(exchanges <= 3, "{exchanges}");
    assert!(waiting <= 1 + shown / 500, "what is lost is the exception: {waiting}");
    assert!([removed, left, restored, unnoticed, away, unlisted, shown].iter().all(|it| *it > 0));
}

#[derive(Debug, Default)]
struct Happened {
    said: u32,
    shown: u32,
    lost: u32,
    repeated: u32,
    altered: u32,
    /// Messages that the carrier gave to whom they were not for.
    misled: u32,
    changed: u32,
    refused_changes: u32,
    removed: u32,
    left: u32,
    restored: u32,
    unnoticed: u32,
    away: u32,
    unlisted: u32,
    without_admin: u32,
    /// How many exchanges it took at most until all had settled.
    exchanges: u32,
    /// Messages that wait with no other excuse: their chain or secret is not held by anybody any more. Of a device four chains
    /// are, and four secrets, and here somebody is removed every few minutes while the carrier loses what brings them.
    waiting: u32,
    /// Messages that came to whom they were for, and were not shown: for each reason that there may be.
    excused: u32,
}

/// A text that was sent.
struct Sent {
    /// How many texts and changes there were before.
    number: u32,
    by: usize,
    to: BTreeSet<usize>,
    epoch: u32,
    bytes: Vec<u8>,
}

struct Schedule {
    seed: u64,
    crowd: Crowd,
    id: GroupId,
    count: u32,
    /// Each text.
    sent: BTreeMap<String, Sent>,
    /// What has come to each device.
    came: BTreeSet<(usize, Vec<u8>)>,
    away: BTreeSet<usize>,
    /// Devices that were put back at some time: what they had is gone, and numbers may have been used twice.
    put_back: BTreeSet<usize>,
    /// Those of them that were not told, and how many texts and changes there were then: they do not know whom they gave their
    /// chains to since the state that they have.
    unaware: BTreeMap<usize, u32>,
    /// Devices that their owners removed.
    unlisted: BTreeSet<usize>,
    checked: Vec<usize>,
}

impl Schedule {
    fn start(seed: u64) -> Self {
        let mut crowd = Crowd::new(&[2; PEOPLE], seed);
        let id = crowd.create(0, &[2, 4, 6], b"title");
        crowd.settle();
        // Two more admins.
        for person in [1, 2] {
            let member = crowd.group(0, &id).member(&crowd.owner(2 * person)).unwrap();
            crowd.change(0, &id, &Change::role(&member, Role::Admin));
        }
        crowd.settle();
        Self {
            seed,
            crowd,
            id,
            count: 0,
            sent: BTreeMap::new(),
            came: BTreeSet::new(),
            away: BTreeSet::new(),
            put_back: BTreeSet::new(),
            unaware: BTreeMap::new(),
            unlisted: BTreeSet::new(),
            checked: vec![0; DEVICES],
        }
    }

    fn pick(&mut self, below: usize) -> usize {
        usize::try_from(self.crowd.rng.next_u32()).unwrap() % below
    }

    fn run(mut self, happened: &mut Happened) {
        for _ in 0..EVENTS {
            self.crowd.now = self.crowd.now.plus(Duration::from_secs(120));
            self.something(happened);
            self.check_shown(happened);
        }
        self.settle(happened);
    }

    fn has_group(&self, device: usize) -> bool {
        self.crowd.all[device].groups.group(&self.id).is_some()
    }

    fn something(&mut self, happened: &mut Happened) {
        let device = self.pick(DEVICES);
        match self.pick(40) {
            0..=6 => self.say(device, happened),
            7..=9 => {
                let owner = 2 * self.pick(PEOPLE);
                self.change(owner, happened);
            }
            10 if self.has_group(device) && self.pick(3) == 0 => {
                happened.left += u32::from(self.crowd.leave(device, &self.id).is_ok());
            }
            11 => {
                // For a while; what goes to it stays under way.
                if !self.away.remove(&device) && self.away.len() < 3 {
                    self.away.insert(device);
                    happened.away += 1;
                }
            }
            12 => {
                self.crowd.now = self.crowd.now.plus(Duration::from_secs(3_600 * 13));
                for device in self.present() {
                    self.crowd.maintain(device);
                }
            }
            13 if self.pick(4) == 0 => self.restore(device, happened),
            14 if self.pick(4) == 0 => self.unlist(device | 1, happened),
            15 => self.crowd.restart(device),
            16 => self.mislead(happened),
            _ => self.carry(happened),
        }
    }

    fn present(&self) -> Vec<usize> {
        (0..DEVICES).filter(|it| !self.away.contains(it)).collect()
    }

    fn say(&mut self, device: usize, happened: &mut Happened) {
        if !self.has_group(device) || self.away.contains(&device) {
            return;
        }
        let number = self.count;
        let text = format!("{device}: {number}");
        self.count += 1;
        let before = self.crowd.under_way.len();
        let Ok(to) = self.crowd.try_say(device, &self.id, &Payload::new(text.clone())) else {
            return;
        };
        happened.said += 1;
        // Of the sender's head nobody else gets it.
        let group = self.crowd.group(device, &self.id);
        for recipient in &to {
            let owner = self.crowd.owner(*recipient);
            let member = group.member(&owner).expect("it goes to members alone");
            assert!(!member.is_withheld || owner == self.crowd.owner(device));
        }
        let under_way = &self.crowd.under_way[before..];
        let message = under_way.iter().rev().find(|it| it.is_broadcast);
        let bytes = message.map(|message| message.bytes.clone()).unwrap_or_default();
        let epoch = group.epoch();
        self.sent.insert(text, Sent { number, by: device, to, epoch, bytes });
    }

    fn change(&mut self, owner: usize, happened: &mut Happened) {
        if !self.has_group(owner) || self.away.contains(&owner) {
            return;
        }
        let other = 2 * self.pick(PEOPLE);
        let other = self.crowd.owner(other);
        let member = self.crowd.group(owner, &self.id).member(&other);
        let pick = self.pick(8);
        let about = self.count.to_be_bytes();
        self.count += 1;
        let change = match (pick, member) {
            (0..=1, Some(member)) => Change::remove(&member),
            (2, Some(member)) if member.role == Role::Member => Change::role(&member, Role::Admin),
            (2, Some(member)) => Change::role(&member, Role::Member),
            (3, _) => Change::sets_timer(SetsTimer::Members).and(Change::about(about)),
            (4..=6, None) => Change::add(&other),
            (_, _) => Change::about(about),
        };
        let is_removal = pick < 2;
        match self.crowd.try_change(owner, &self.id, &change) {
            Ok(()) => {
                happened.changed += 1;
                happened.removed += u32::from(is_removal);
            }
            Err(_) => happened.refused_changes += 1,
        }
    }

    /// The carrier does something with what is under way.
    fn carry(&mut self, happened: &mut Happened) {
        let reachable: Vec<usize> = (0..self.crowd.under_way.len())
            .filter(|place| !self.away.contains(&self.crowd.under_way[*place].to))
            .collect();
        if reachable.is_empty() {
            return;
        }
        // In bursts, for much is under way.
        let count = 1 + reachable.len() / 8;
        for _ in 0..count {
            if self.crowd.under_way.is_empty() {
                return;
            }
            let place = self.pick(self.crowd.under_way.len());
            if self.away.contains(&self.crowd.under_way[place].to) {
                continue;
            }
            match self.pick(24) {
                0 => {
                    self.crowd.under_way.swap_remove(place);
                    happened.lost += 1;
                }
                1 => {
                    let letter = self.crowd.under_way[place].clone();
                    self.arrive(&letter);
                    happened.repeated += 1;
                }
                2 => {
                    let mut letter = self.crowd.under_way[place].clone();
                    let at = self.pick(letter.bytes.len());
                    letter.bytes[at] ^= 1 << self.pick(8);
                    self.crowd.arrive(&letter);
                    happened.altered += 1;
                }
                _ => {
                    let letter = self.crowd.under_way.swap_remove(place);
                    self.arrive(&letter);
                }
            }
        }
        let excess = self.crowd.under_way.len().saturating_sub(MOST_UNDER_WAY);
        self.crowd.under_way.drain(..excess);
    }

    fn arrive(&mut self, letter: &crowd::UnderWay) {
        if letter.is_broadcast {
            self.came.insert((letter.to, letter.bytes.clone()));
        }
        self.crowd.arrive(letter);
    }

    /// A message goes to somebody whom it is not for.
    fn mislead(&mut self, happened: &mut Happened) {
        let broadcasts: Vec<_> =
            self.crowd.under_way.iter().filter(|it| it.is_broadcast).cloned().collect();
        if broadcasts.is_empty() {
            return;
        }
        let mut letter = broadcasts[self.pick(broadcasts.len())].clone();
        letter.to = self.pick(DEVICES);
        if !self.away.contains(&letter.to) {
            self.crowd.arrive(&letter);
            happened.misled += 1;
        }
    }

    /// A device goes on from where it was a while ago: it knows, or nobody does.
    fn restore(&mut self, device: usize, happened: &mut Happened) {
        if self.away.contains(&device) {
            return;
        }
        let backup = self.crowd.rows(device);
        for _ in 0..10 {
            self.carry(happened);
        }
        self.say(device, happened);
        self.check_shown(happened);
        self.crowd.put_back(device, &backup);
        self.put_back.insert(device);
        if self.pick(2) == 0 {
            happened.unnoticed += 1;
            self.unaware.insert(device, self.count);
            return;
        }
        happened.restored += 1;
        let now = Now::from_wall(Duration::from_secs(self.crowd.now.unix_seconds()));
        let Crowd { rng, all, .. } = &mut self.crowd;
        let mut expiry = ExpiryScheduler::new(now, rng);
        let attendee = &mut all[device];
        let Party { account, own, contacts, server, .. } = &mut attendee.party;
        let groups = &mut attendee.groups;
        let (restored, changes) =
            own.restored_with_groups(account, contacts, groups, &mut expiry, now, rng);
        assert_eq!(changes.groups.len(), groups.all.len());
        let upload = restored.maintained.upload.unwrap();
        let _ = account.mark_published(&upload);
        *server = evanesce::server::PublishedPreKeys::new(upload);
        // The user looks at the list, and it is the one that holds.
        let owner = self.crowd.all[device & !1].party.own.person().list().unwrap().clone();
        self.crowd.give_list(device, &owner);
        let _ = self.crowd.all[device].party.own.confirm_all();
    }

    /// An owner removes their second device, and all hear of it.
    fn unlist(&mut self, device: usize, happened: &mut Happened) {
        let (owner, address) = (device - 1, self.crowd.all[device].party.address());
        if self.away.contains(&owner) || self.put_back.contains(&owner) {
            return;
        }
        let Party { account, own, .. } = &mut self.crowd.all[owner].party;
        if own.remove(account, &address, self.crowd.now).is_ok() {
            let list = own.person().list().unwrap().clone();
            self.crowd.publish(&list);
            self.unlisted.insert(device);
            happened.unlisted += 1;
        }
    }

    /// What was shown was sent to who shows it.
    fn check_shown(&mut self, happened: &mut Happened) {
        for device in 0..DEVICES {
            let texts = self.crowd.texts(device);
            for text in &texts[self.checked[device].min(texts.len())..] {
                let Sent { number, by, to, .. } = &self.sent[text];
                let seed = self.seed;
                // What it sent them before it was put back, with the chain, it does not know of.
                let was_given = |it: &Sent| {
                    let back = self.unaware.get(by).is_some_and(|back| it.number < *back);
                    it.by == *by && back && it.to.contains(&device)
                };
                let is_after = self.unaware.get(by).is_some_and(|back| number >= back);
                let is_for_it =
                    to.contains(&device) || (is_after && self.sent.values().any(was_given));
                assert!(is_for_it, "seed {seed}: {device} read {text} of {by}");
                happened.shown += 1;
            }
            self.checked[device] = texts.len();
            // Nothing is shown twice, unless a device was put back between.
            let unique: BTreeSet<&String> = texts.iter().collect();
            let is_once = unique.len() == texts.len() || self.put_back.contains(&device);
            assert!(is_once, "seed {}: {device} showed something twice", self.seed);
        }
    }

    /// All is delivered; then exchanges, each of a day.
    fn settle(&mut self, happened: &mut Happened) {
        self.away.clear();
        self.deliver_all(happened);
        for exchange in 0..EXCHANGES {
            for device in 0..DEVICES {
                self.say(device, happened);
            }
            self.deliver_all(happened);
            self.crowd.now = self.crowd.now.plus(Duration::from_secs(3_600 * 25));
            for device in 0..DEVICES {
                self.crowd.maintain(device);
            }
            self.deliver_all(happened);
            if exchange >= 1 && self.have_one_head() {
                happened.exchanges = happened.exchanges.max(exchange + 1);
                break;
            }
        }
        self.check_one_head(happened);
        self.check_all_was_read(happened);
    }

    fn deliver_all(&mut self, happened: &mut Happened) {
        for _ in 0..100_000 {
            if self.crowd.under_way.is_empty() {
                self.check_shown(happened);
                return;
            }
            let place = self.pick(self.crowd.under_way.len());
            let letter = self.crowd.under_way.swap_remove(place);
            self.arrive(&letter);
        }
        panic!("seed {}: it goes on for ever", self.seed);
    }

    /// Those who take part by what they hold.
    fn participants(&self) -> Vec<usize> {
        let is_in = |device: usize| {
            let own = &self.crowd.all[device].party.own;
            self.has_group(device)
                && !self.unlisted.contains(&device)
                && self.crowd.group(device, &self.id).is_member(own)
        };
        (0..DEVICES).filter(|device| is_in(*device)).collect()
    }

    /// Those who are in the group as an admin has it who takes part, that one first. Where all admins have left nobody can
    /// bring the others together; and a device may not have heard that its person is out, where nothing leads from what it
    /// holds to that.
    fn members(&self) -> Vec<usize> {
        let mut members = self.participants();
        let role = |device: usize, group: usize| {
            let member = self.crowd.group(group, &self.id).member(&self.crowd.owner(device));
            member.filter(|member| !member.is_withheld).map(|member| member.role)
        };
        let is_admin =
            |device: &usize| *device % 2 == 0 && role(*device, *device) == Some(Role::Admin);
        let Some(admin) = members.iter().copied().find(is_admin) else { return Vec::new() };
        members.retain(|device| role(*device, admin).is_some());
        members.sort_by_key(|device| (*device != admin, *device));
        members
    }

    fn have_one_head(&self) -> bool {
        let members = self.members();
        let heads: BTreeSet<String> = members
            .iter()
            .map(|device| self.crowd.group(*device, &self.id))
            .map(|group| {
                let members = group.members();
                let roles: Vec<_> =
                    members.iter().map(|it| (it.owner, it.role, it.since)).collect();
                format!("{} {roles:?} {}", group.epoch(), group.is_ready())
            })
            .collect();
        heads.len() <= 1
    }

    fn check_one_head(&self, happened: &mut Happened) {
        let members = self.members();
        let Some(first) = members.first() else {
            happened.without_admin += 1;
            return;
        };
        let group = self.crowd.group(*first, &self.id);
        for device in &members {
            let other = self.crowd.group(*device, &self.id);
            let seed = self.seed;
            assert_eq!(other.epoch(), group.epoch(), "seed {seed}: {first} and {device}");
            // Whom each withholds depends on the rosters that lost, which go only to who asks.
            let roles = |group: &Group| -> Vec<_> {
                group.members().iter().map(|it| (it.owner, it.role, it.since)).collect()
            };
            assert_eq!(roles(other), roles(group), "seed {seed}: {first} and {device}");
            assert!(other.is_ready(), "seed {seed}: {device}");
        }
    }

    fn check_all_was_read(&self, happened: &mut Happened) {
        let members: BTreeSet<usize> = self.members().into_iter().collect();
        for (text, Sent { by, to, epoch, bytes, .. }) in &self.sent {
            for device in to.intersection(&members) {
                let has_come = self.came.contains(&(*device, bytes.clone()));
                if !has_come || self.crowd.texts(*device).contains(text) {
                    continue;
                }
                let attendee = &self.crowd.all[*device];
                let is_kept = attendee.kept.values().any(|kept| kept == bytes);
                // Numbers were used twice, or what it had is gone; or it was sent before the user joined by a later roster; or
                // who wrote it was gone for over a day when it came.
                let was_out = self.put_back.contains(by)
                    || self.put_back.contains(device)
                    || *epoch <= attendee.joined
                    || !members.contains(by)
                    || attendee.refused.contains(&GroupDecryptError::Former);
                let is_excused = was_out || is_kept;
                let seed = self.seed;
                let (joined, refused) = (attendee.joined, &attendee.refused);
                assert!(
                    is_excused,
                    "seed {seed}: {device} never read {text} of epoch {epoch}, waits {is_kept}, joined {joined}, refused \
                     {refused:?} {:?}",
                    attendee.held
                );
                happened.excused += 1;
                happened.waiting += u32::from(!was_out);
            }
        }
    }
}
