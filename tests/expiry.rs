//! Disappearing messages in a whole application: stopped after any write, and on three devices of two people.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evanesce::expiry::{
    Age, Arrival, ContentKey, ConversationId, DeviceEvent, Effects, ExpiryEvent, ExpiryScheduler,
    MalformedStamp, MemberTag, MessageId, NewMessage, Now, OpenError, Opens, Parts, PartsAdded,
    Policy, RecordError, Setting, Stamp, Unsent, Verdict, Visibility,
};
use evanesce::snapshot::{SnapshotError, StorageKey};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

const ALICE: MemberTag = MemberTag([1; 8]);
const BOB: MemberTag = MemberTag([2; 8]);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn at(seconds: u64) -> Now {
    Now::from_wall(Duration::from_secs(1_800_000_000 + seconds))
}

fn chat() -> ConversationId {
    ConversationId::named(b"alice and bob")
}

fn from_alice(id: u64) -> NewMessage {
    NewMessage::new(MessageId::from(id), chat(), ALICE)
}

/// An application on Bob's device that stores one row after the other, and may be stopped before any of them.
#[derive(Clone, Default)]
struct Store {
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What is there of each message.
    rows: BTreeMap<MessageId, Parts>,
    /// How many more rows are written before the power fails.
    power: Option<usize>,
}

/// The power has failed: what is in memory is lost.
#[derive(Debug)]
struct Stopped;

impl Store {
    fn begun(scheduler: &ExpiryScheduler) -> Self {
        let mut store = Self::default();
        for record in scheduler.records() {
            store.records.insert(record.key.as_bytes().to_vec(), record.value.unwrap().to_vec());
        }
        store
    }

    fn scheduler(&self) -> ExpiryScheduler {
        ExpiryScheduler::from_records(&self.records).unwrap()
    }

    fn spend_power(&mut self) -> Result<(), Stopped> {
        match &mut self.power {
            Some(0) => return Err(Stopped),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(())
    }

    fn write_row(&mut self, id: MessageId, parts: Parts) -> Result<(), Stopped> {
        self.spend_power()?;
        if parts.is_empty() {
            self.rows.remove(&id);
        } else {
            self.rows.insert(id, parts);
        }
        Ok(())
    }

    fn apply(&mut self, effects: &Effects) -> Result<(), Stopped> {
        for record in &effects.writes {
            self.spend_power()?;
            let key = record.key.as_bytes().to_vec();
            match &record.value {
                Some(value) => _ = self.records.insert(key, value.to_vec()),
                None => _ = self.records.remove(&key),
            }
        }
        Ok(())
    }
}

/// What happens to Bob.
#[derive(Clone, Copy, Debug)]
enum Step {
    Sets(Option<Policy>),
    Receives(u64, Opens),
    ReceivesAnswerTo(u64, u64),
    Reads(u64),
    IsOpened(u64),
    Closes,
    IsToldThatElsewhere(DeviceEvent),
    AliceTakesBack(u64),
    CatchesUp,
    HasCaughtUp,
    Cleans,
}

fn id(number: u64) -> MessageId {
    MessageId::from(number)
}

/// What came of a step, besides what is stored.
#[derive(Default)]
struct Outcome {
    /// Of which messages the content key was used.
    opened: Vec<MessageId>,
    /// Which messages were due.
    due: BTreeSet<MessageId>,
}

fn step(
    scheduler: &mut ExpiryScheduler,
    store: &mut Store,
    step: Step,
    now: Now,
) -> Result<Outcome, Stopped> {
    let mut outcome = Outcome::default();
    let stamp = scheduler.stamp(chat());
    let effects = match step {
        Step::Sets(policy) => scheduler.set(chat(), policy, BOB, now),
        Step::Receives(number, opens) => {
            let key = ContentKey::generate(&mut rng(number));
            let message = from_alice(number).with_parts(Parts::NOTIFICATION).sealed_under(key);
            let stamp = Ok(stamp.with_opens(opens));
            let Arrival { verdict, effects, .. } =
                scheduler.received(message, &stamp, Age::NONE, now);
            if verdict == Verdict::Keep {
                store.write_row(id(number), Parts::BODY | Parts::NOTIFICATION)?;
            }
            effects
        }
        Step::ReceivesAnswerTo(number, parent) => {
            let message = from_alice(number).quoting(id(parent));
            let arrival = scheduler.received(message, &Ok(stamp), Age::NONE, now);
            if arrival.verdict == Verdict::Keep {
                store.write_row(id(number), Parts::BODY | Parts::QUOTE)?;
            }
            arrival.effects
        }
        Step::Reads(number) => scheduler.read(id(number), now),
        Step::IsOpened(number) => match scheduler.open(id(number), now) {
            Ok(opening) => {
                store.apply(&opening.effects)?;
                store.spend_power()?;
                outcome.opened.extend(opening.release().map(|_| id(number)));
                return Ok(outcome);
            }
            Err(_) => return Ok(outcome),
        },
        Step::Closes => scheduler.closed(chat(), now),
        Step::IsToldThatElsewhere(event) => scheduler.told_by_own_device(event, Age::NONE, now),
        Step::AliceTakesBack(number) => match scheduler.unsent(id(number), ALICE, now) {
            Unsent::Due(effects) | Unsent::Unknown(effects) => effects,
            _ => return Ok(outcome),
        },
        Step::CatchesUp => scheduler.catching_up(now),
        Step::HasCaughtUp => scheduler.caught_up(now),
        Step::Cleans => {
            loop {
                let poll = scheduler.poll(2, now);
                store.apply(&poll.effects)?;
                if poll.due.is_empty() {
                    return Ok(outcome);
                }
                for due in poll.due {
                    outcome.due.insert(due.id);
                    // One part after the other, each deleted and then confirmed.
                    for part in due.parts.iter() {
                        let left = store.rows.get(&due.id).copied().unwrap_or_default();
                        store.write_row(due.id, left.without(part))?;
                        let effects = scheduler.done(due.id, part, now);
                        store.apply(&effects)?;
                    }
                }
            }
        }
    };
    store.apply(&effects)?;
    Ok(outcome)
}

/// The story, with the second at which each step happens.
fn story() -> Vec<(u64, Step)> {
    use Step::*;
    let read = Policy::after_read(Duration::from_secs(60));
    vec![
        (0, Sets(Some(read))),
        (1, Receives(1, Opens::Unlimited)),
        (2, Receives(2, Opens::Once)),
        (3, Receives(3, Opens::Twice)),
        (4, IsToldThatElsewhere(DeviceEvent::Read(id(4)))),
        (5, IsToldThatElsewhere(DeviceEvent::Deleted(id(5)))),
        (6, AliceTakesBack(6)),
        (7, Receives(4, Opens::Unlimited)),
        (8, Receives(5, Opens::Unlimited)),
        (9, Receives(6, Opens::Unlimited)),
        (10, Sets(None)),
        (10, ReceivesAnswerTo(7, 1)),
        (11, Reads(1)),
        (12, IsOpened(2)),
        (13, IsOpened(3)),
        (14, Sets(Some(Policy::OnClose))),
        (15, Receives(8, Opens::Unlimited)),
        (16, Reads(8)),
        (17, Closes),
        (18, Cleans),
        (30, IsOpened(3)),
        (31, Sets(None)),
        (32, CatchesUp),
        (33, Receives(9, Opens::Unlimited)),
        (34, IsToldThatElsewhere(DeviceEvent::Deleted(id(9)))),
        (35, Receives(10, Opens::Once)),
        (36, HasCaughtUp),
        (37, AliceTakesBack(10)),
        (100, Cleans),
        (200, Receives(1, Opens::Unlimited)),
        (201, Receives(2, Opens::Once)),
        (202, IsOpened(2)),
        (40 * 86_400, Cleans),
    ]
}

#[test]
fn stopped_after_any_write_it_deletes_at_least_once_and_opens_at_most_once() {
    let mut stops = 0;
    for stopped_at in 0..story().len() {
        for power in 0.. {
            let mut scheduler = ExpiryScheduler::new(at(0), &mut rng(1));
            let mut store = Store::begun(&scheduler);
            let mut opened: BTreeMap<MessageId, u32> = BTreeMap::new();
            let mut has_stopped = false;
            for (place, (second, what)) in story().into_iter().enumerate() {
                store.power = (place == stopped_at).then_some(power);
                let mut outcome = step(&mut scheduler, &mut store, what, at(second));
                if outcome.is_err() {
                    // It starts again from what it wrote, and what was not done is done again.
                    has_stopped = true;
                    store.power = None;
                    scheduler = store.scheduler();
                    outcome = step(&mut scheduler, &mut store, what, at(second));
                }
                for id in outcome.unwrap().opened {
                    *opened.entry(id).or_default() += 1;
                }
                nothing_that_has_ended_is_shown(&scheduler, &store, second, opened.keys());
            }
            check_the_end(&scheduler, &store, &opened, (stopped_at, power));
            if !has_stopped {
                break;
            }
            stops += 1;
        }
    }
    assert!(stops > 60, "{stops} stops");
}

/// What was read at second 11 ends at 71, and so on; and rows that are gone do not come back.
fn nothing_that_has_ended_is_shown<'a>(
    scheduler: &ExpiryScheduler,
    store: &Store,
    second: u64,
    opened: impl Iterator<Item = &'a MessageId>,
) {
    let gone = |number| scheduler.visibility(id(number), at(second)) == Visibility::Gone;
    for (number, from) in [(5, 8), (6, 9), (1, 71), (4, 67), (8, 17), (10, 37), (9, 34)] {
        assert!(second < from || gone(number), "{number} at {second}");
    }
    // A message that could not be opened any more has no key that could open it.
    for id in opened.filter(|id| **id == MessageId::from(2)) {
        assert_eq!(scheduler.visibility(*id, at(second)), Visibility::Gone);
    }
    if second >= 100 {
        assert!(
            [1, 2, 3, 4, 5, 6, 8, 9, 10]
                .iter()
                .all(|number| !store.rows.contains_key(&id(*number)))
        );
    }
}

fn check_the_end(
    scheduler: &ExpiryScheduler,
    store: &Store,
    opened: &BTreeMap<MessageId, u32>,
    stop: (usize, usize),
) {
    let times = |number| opened.get(&id(number)).copied().unwrap_or_default();
    assert!(times(2) <= 1 && times(3) <= 2, "{stop:?}: {opened:?}");
    assert!(times(2) + times(3) >= 2, "{stop:?}: a stop costs one opening at most");
    // The answer has no end; what it repeated of the first message has gone.
    let left: Vec<_> = store.rows.iter().collect();
    assert_eq!(left, [(&id(7), &Parts::BODY)], "{stop:?}");
    assert_eq!(scheduler.held_messages(), 0, "{stop:?}");
    assert_eq!(scheduler.next_wakeup(at(40 * 86_400)), None);
}

#[test]
fn what_it_stores_is_what_it_holds() {
    let mut scheduler = ExpiryScheduler::new(at(0), &mut rng(1));
    let mut store = Store::begun(&scheduler);
    for (second, what) in story() {
        step(&mut scheduler, &mut store, what, at(second)).unwrap();
        let now = Store::begun(&scheduler);
        let held = |records: &BTreeMap<Vec<u8>, Vec<u8>>| {
            records
                .iter()
                .filter(|(key, _)| key[0] != 0)
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(held(&store.records), held(&now.records), "{what:?}");
        let restored = ExpiryScheduler::restore(&scheduler.snapshot()).unwrap();
        for number in 1..=10 {
            let before = scheduler.visibility(id(number), at(second));
            let after = restored.visibility(id(number), at(second));
            // A restart closes what was being read.
            assert!(before == after || number == 8, "{what:?} {number}");
        }
    }
}

fn rows(scheduler: &ExpiryScheduler) -> Vec<(Vec<u8>, Vec<u8>)> {
    let rows = scheduler.records();
    rows.map(|row| (row.key.as_bytes().to_vec(), row.value.unwrap().to_vec())).collect()
}

/// A scheduler after the first half of the story.
fn in_the_middle() -> ExpiryScheduler {
    let mut scheduler = ExpiryScheduler::new(at(0), &mut rng(1));
    let mut store = Store::begun(&scheduler);
    for (second, what) in story().into_iter().take(16) {
        step(&mut scheduler, &mut store, what, at(second)).unwrap();
    }
    scheduler
}

#[test]
fn records_that_are_damaged_are_named() {
    let rows = rows(&in_the_middle());
    assert!(rows.len() > 7, "{}", rows.len());
    let without_head: Vec<_> = rows.iter().filter(|(key, _)| key != &[0]).cloned().collect();
    let refusal = |rows: &[(Vec<u8>, Vec<u8>)]| {
        let rows = rows.iter().map(|(key, value)| (key, value));
        ExpiryScheduler::from_records(rows).map(drop).unwrap_err()
    };
    assert_eq!(refusal(&without_head), RecordError::NoHead);
    for place in 0..rows.len() {
        let named = |error: RecordError| match error {
            RecordError::Malformed(key) => (false, key.as_bytes().to_vec()),
            RecordError::Unsupported(key) => (true, key.as_bytes().to_vec()),
            _ => panic!("{error:?}"),
        };
        let mut damaged = rows.clone();
        damaged[place].1.pop();
        assert_eq!(named(refusal(&damaged)), (false, rows[place].0.clone()));
        damaged[place].1 = [&rows[place].1[..], &[0]].concat();
        assert_eq!(named(refusal(&damaged)), (false, rows[place].0.clone()));
        damaged[place].1 = rows[place].1.clone();
        damaged[place].1[0] = 2;
        assert_eq!(named(refusal(&damaged)), (true, rows[place].0.clone()), "a newer form");
        damaged[place] = (vec![99], vec![1]);
        assert_eq!(named(refusal(&damaged)), (true, vec![99]), "a kind that is not known");
        damaged[place] = ([&rows[place].0[..], &[0]].concat(), rows[place].1.clone());
        assert_eq!(named(refusal(&damaged)), (false, damaged[place].0.clone()), "a longer key");
    }
}

#[test]
fn records_come_back_in_any_order_and_of_two_of_one_key_the_later_counts() {
    let scheduler = in_the_middle();
    let mut rows = rows(&scheduler);
    let restored = |rows: &[(Vec<u8>, Vec<u8>)]| {
        let rows = rows.iter().map(|(key, value)| (key, value));
        ExpiryScheduler::from_records(rows).unwrap()
    };
    rows.reverse();
    assert!(*restored(&rows).snapshot() == *scheduler.snapshot());
    let mut older = ExpiryScheduler::new(at(0), &mut rng(1));
    let _ =
        older.received(from_alice(1), &Ok(Stamp::NONE.with_opens(Opens::Once)), Age::NONE, at(1));
    let twice = [self::rows(&older), rows].concat();
    let both = restored(&twice);
    assert!(*both.snapshot() == *scheduler.snapshot());
    // The one that does not count is not due either.
    let mut both = both;
    assert_eq!(both.poll(100, at(60)).due, in_the_middle().poll(100, at(60)).due);
}

#[test]
fn a_snapshot_whose_records_are_out_of_order_is_malformed() {
    let snapshot = in_the_middle().snapshot();
    let key = StorageKey::new(&[7; 32]);
    let state = &snapshot[10..snapshot.len() - 16];
    let sealed = |state: &[u8]| key.seal(&[&[1], state].concat(), 5, b"", &mut rng(2));
    assert!(ExpiryScheduler::unseal(&sealed(state), &key, b"").is_ok());
    // One record less is said than there are, and the head is there twice.
    let (count, records) = state.split_first().unwrap();
    let fewer = [&[count - 1], records].concat();
    let head = &records[..1 + 1 + 4 + usize::from(records[5])];
    let twice = [&[count + 1], head, records].concat();
    for damaged in [&fewer, &twice, &vec![0]] {
        let refused = ExpiryScheduler::unseal(&sealed(damaged), &key, b"").map(drop);
        assert_eq!(refused, Err(SnapshotError::Malformed));
    }
}

#[test]
fn a_sealed_record_opens_in_its_own_row_alone() {
    let key = StorageKey::new(&[7; 32]);
    let scheduler = in_the_middle();
    let rows: Vec<_> = scheduler.records().collect();
    let sealed = key.seal_record(&rows[2], b"bob", &mut rng(3)).unwrap();
    assert_eq!(sealed.len(), rows[2].value.as_ref().unwrap().len() + 50);
    let opened = key.open_record(rows[2].key.as_bytes(), &sealed, b"bob").unwrap();
    assert!(Some(opened) == rows[2].value);
    for (place, ad) in [(3, b"bob"), (2, b"eve")] {
        let refused = key.open_record(rows[place].key.as_bytes(), &sealed, ad).map(drop);
        assert_eq!(refused, Err(SnapshotError::Undecryptable));
    }
    let mut scheduler = scheduler;
    let _ = scheduler.deleted(id(1), at(50));
    let _ = scheduler.poll(9, at(50));
    let gone = scheduler.done(id(1), Parts::BODY | Parts::NOTIFICATION, at(50));
    let deleted: Vec<_> = gone.writes.iter().filter(|row| row.value.is_none()).collect();
    assert_eq!(deleted.len(), 1);
    assert_eq!(key.seal_record(deleted[0], b"bob", &mut rng(4)), None);
}

#[test]
fn a_backup_that_is_put_back_opens_nothing_again() {
    let mut scheduler = in_the_middle();
    assert_eq!(scheduler.visibility(id(3), at(60)), Visibility::Placeholder, "one opening is left");
    let effects = scheduler.restored_from_backup(at(60));
    assert!(effects.events.is_empty() && effects.tell.is_empty());
    assert!(effects.writes.iter().any(|row| row.key.as_bytes() == [0]), "the boots are others now");
    assert_eq!(scheduler.open(id(3), at(60)).map(drop), Err(OpenError::Gone));
    assert_eq!(scheduler.visibility(id(1), at(60)), Visibility::Shown);
}

#[test]
fn limits_that_are_set_count_for_what_is_held() {
    let mut scheduler = ExpiryScheduler::new(at(0), &mut rng(1));
    let stamp = Ok(Stamp::NONE.with_policy(Policy::after_read(HOUR)));
    let _ = scheduler.received(from_alice(1), &stamp, Age::NONE, at(0));
    let _ = scheduler.received(
        from_alice(2),
        &Ok(Stamp::NONE.with_opens(Opens::Once)),
        Age::NONE,
        at(0),
    );
    let _ = scheduler.queued(from_alice(3), &stamp.clone().unwrap(), at(0));
    let mut limits = scheduler.limits().clone();
    (limits.unread, limits.unopened, limits.unsent) = (DAY * 3, DAY * 2, HOUR * 5);
    limits.longest_sleep = HOUR * 2;
    let effects = scheduler.set_limits(limits.clone(), at(0));
    assert_eq!(effects.writes.len(), 1);
    let left = [1, 2, 3].map(|number| scheduler.remaining(id(number), at(0)).unwrap());
    assert_eq!(left, [DAY * 3, DAY * 2, HOUR * 5]);
    assert_eq!(scheduler.next_wakeup(at(0)), Some(HOUR * 2));
    let restored = ExpiryScheduler::from_records(rows(&scheduler)).unwrap();
    assert_eq!(*restored.limits(), limits);
    assert_eq!(scheduler.poll(9, at(5 * 3_600)).due.len(), 1);
}

#[test]
fn who_does_not_know_the_setting_is_told_once_an_hour() {
    let mut scheduler = ExpiryScheduler::new(at(0), &mut rng(1));
    let _ = scheduler.set(chat(), Some(Policy::OnClose), BOB, at(0));
    let echo = [ExpiryEvent::EchoDue { conversation: chat() }];
    for (second, expected) in [(1, &echo[..]), (2, &[]), (3_600, &[]), (3_601, &echo), (3_602, &[])]
    {
        let effects = scheduler.heard(chat(), &Ok(Stamp::NONE), Age::NONE, at(second));
        assert_eq!(effects.events, expected, "{second}");
    }
    let ours = scheduler.stamp(chat());
    let effects = scheduler.heard(chat(), &Ok(ours), Age::NONE, at(3_603));
    assert!(effects.is_empty(), "who knows it is told nothing");
}

#[test]
fn own_devices_that_hear_of_a_timer_at_different_times_end_what_it_counts_for_at_the_same_moment() {
    // Alice set it at 100 and said so in a message of its own; what she wrote at 130 says nothing of it.
    let mut alice = ExpiryScheduler::new(at(0), &mut rng(1));
    let _ = alice.set(chat(), Some(Policy::after_send(HOUR)), BOB, at(100));
    let change = Ok(alice.stamp(chat()).announcing_change());
    let ends = |heard: u64, came: u64| {
        let mut own = ExpiryScheduler::new(at(0), &mut rng(2));
        let age = |then: u64, now: u64| Age::trusted(Duration::from_secs(now - then));
        let mut calls = [(heard, true), (came, false)];
        calls.sort_unstable();
        for (now, is_change) in calls {
            if is_change {
                let _ = own.heard(chat(), &change, age(100, now), at(now));
            } else {
                let arrival = own.received(from_alice(1), &Ok(Stamp::NONE), age(130, now), at(now));
                assert_eq!(arrival.verdict, Verdict::Keep);
            }
        }
        own.remaining(id(1), at(500)).map(|left| Duration::from_secs(500) + left)
    };
    let expected = Some(Duration::from_secs(130) + HOUR);
    for (heard, came) in [(100, 130), (400, 130), (400, 401), (101, 499), (140, 135)] {
        assert_eq!(ends(heard, came), expected, "{heard} {came}");
    }
}

#[test]
fn an_id_that_another_has_is_not_given_away() {
    let mut scheduler = ExpiryScheduler::new(at(0), &mut rng(1));
    let stamp = Ok(Stamp::NONE.with_policy(Policy::after_send(HOUR)));
    let short = Ok(Stamp::NONE.with_policy(Policy::after_send(Duration::from_secs(1))));
    let _ = scheduler.received(from_alice(1), &stamp, Age::NONE, at(0));
    let others = [
        NewMessage::new(id(1), chat(), BOB),
        NewMessage::new(id(1), ConversationId([9; 16]), ALICE),
    ];
    for other in others {
        let arrival = scheduler.received(other, &short, Age::NONE, at(1));
        assert_eq!(arrival.verdict, Verdict::IdTaken);
        assert!(arrival.effects.is_empty());
    }
    assert_eq!(scheduler.remaining(id(1), at(1)), Some(HOUR - Duration::from_secs(1)));
    assert_ne!(MessageId::by(ALICE, b"1"), MessageId::by(BOB, b"1"));
    assert_ne!(MessageId::by(ALICE, b"1"), MessageId::by(ALICE, b"2"));
}

#[test]
fn what_has_no_end_is_not_held_and_writes_nothing() {
    let mut scheduler = ExpiryScheduler::new(at(0), &mut rng(1));
    let _ = scheduler.set(chat(), None, BOB, at(0));
    let off = scheduler.stamp(chat());
    let arrival = scheduler.received(from_alice(1), &Ok(off.clone()), Age::NONE, at(0));
    assert_eq!(arrival.verdict, Verdict::Keep);
    assert!(arrival.effects.is_empty());
    let queued = scheduler.queued(from_alice(2), &off, at(0));
    assert!(queued.effects.is_empty());
    for effects in [
        scheduler.sent(id(2), Age::NONE, at(1)),
        scheduler.ready(id(1), at(1)),
        scheduler.closed(chat(), at(1)),
        scheduler.done(id(1), Parts::BODY, at(1)),
        scheduler.conversation_deleted(chat(), at(1)),
    ] {
        assert!(effects.is_empty(), "{effects:?}");
    }
    let read = scheduler.read(id(1), at(1));
    assert!(read.writes.is_empty() && read.events.is_empty());
    assert_eq!(read.tell, [DeviceEvent::Seen(id(1))], "own other devices have it unread");
    assert_eq!(scheduler.parts_added(id(1), Parts::FILE, at(1)), PartsAdded::NotHeld);
    assert_eq!((scheduler.held_messages(), scheduler.next_wakeup(at(1))), (0, None));
    assert_eq!(scheduler.remaining(id(1), at(1)), None);
    assert_eq!(scheduler.open(id(1), at(1)).map(drop), Err(OpenError::Unknown));
}

#[test]
fn what_an_own_device_has_read_without_an_end_is_said_once_and_when_it_comes() {
    let mut scheduler = ExpiryScheduler::new(at(0), &mut rng(1));
    let read = ExpiryEvent::ReadElsewhere { id: id(1) };
    let told = |scheduler: &mut ExpiryScheduler, event, seconds| {
        scheduler.told_by_own_device(event, Age::NONE, at(seconds)).events
    };
    assert_eq!(told(&mut scheduler, DeviceEvent::Seen(id(1)), 1), [read]);
    assert_eq!(told(&mut scheduler, DeviceEvent::Seen(id(1)), 2), []);
    let mut scheduler = ExpiryScheduler::restore(&scheduler.snapshot()).unwrap();
    let _ = scheduler.set(chat(), None, BOB, at(0));
    let off = Ok(scheduler.stamp(chat()));
    let arrival = scheduler.received(from_alice(1), &off, Age::NONE, at(3));
    assert_eq!((arrival.verdict, &arrival.effects.events[..]), (Verdict::Keep, &[read][..]));
    let again = scheduler.received(from_alice(1), &off, Age::NONE, at(4));
    assert!(again.effects.events.is_empty(), "what was remembered is said");

    // Of one that has an end it is said too, by the event that starts its clock.
    let stamp = Ok(Stamp::NONE.with_policy(Policy::after_read(Duration::from_secs(60))));
    let _ = scheduler.received(from_alice(2), &stamp, Age::NONE, at(5));
    let read = ExpiryEvent::ReadElsewhere { id: id(2) };
    assert_eq!(told(&mut scheduler, DeviceEvent::Read(id(2)), 6), [read]);
    assert_eq!(told(&mut scheduler, DeviceEvent::Read(id(2)), 7), []);
    // And where an own device took it for one without an end, its clock runs all the same.
    let _ = scheduler.received(from_alice(3), &stamp, Age::NONE, at(8));
    let read = ExpiryEvent::ReadElsewhere { id: id(3) };
    assert_eq!(told(&mut scheduler, DeviceEvent::Seen(id(3)), 9), [read]);
    assert_eq!(scheduler.visibility(id(3), at(69)), Visibility::Gone);
    // What was read before it came lives from then on.
    let _ = told(&mut scheduler, DeviceEvent::Seen(id(4)), 10);
    let arrival = scheduler.received(from_alice(4), &stamp, Age::NONE, at(40));
    assert_eq!(arrival.effects.events, [ExpiryEvent::ReadElsewhere { id: id(4) }]);
    assert_eq!(scheduler.remaining(id(4), at(40)), Some(Duration::from_secs(30)));
}

#[test]
fn of_what_own_devices_have_read_without_an_end_ten_thousand_are_remembered() {
    let mut scheduler = ExpiryScheduler::new(at(0), &mut rng(1));
    let mut store = Store::begun(&scheduler);
    for number in 0..10_010 {
        let effects =
            scheduler.told_by_own_device(DeviceEvent::Seen(id(number)), Age::NONE, at(number));
        store.apply(&effects).unwrap();
    }
    let seen = |store: &Store| store.records.keys().filter(|key| key[0] == 6).count();
    assert_eq!(seen(&store), 10_000);
    let late = scheduler.poll(20_000, at(46 * 86_400));
    store.apply(&late.effects).unwrap();
    assert_eq!(seen(&store), 0);
}

#[test]
fn a_device_that_was_just_linked_is_told_each_setting_with_how_long_it_holds() {
    let mut phone = ExpiryScheduler::new(at(0), &mut rng(1));
    let _ = phone.set(chat(), Some(Policy::after_send(Duration::from_secs(60))), BOB, at(100));
    let _ = phone.set(chat(), Some(Policy::after_send(Duration::from_secs(30))), BOB, at(200));
    // A stranger's conversation is no device's of ours.
    let strangers = ConversationId::named(b"stranger");
    let stamp = Ok(phone.stamp(chat()));
    let _ = phone.heard(strangers, &stamp, Age::NONE, at(250));
    let events: Vec<_> = phone.events_for_new_device(at(300)).collect();
    let ages: Vec<u64> = events.iter().map(|(_, age)| age.duration().as_secs()).collect();
    assert_eq!(ages, [200, 100]);
    let mut laptop = ExpiryScheduler::new(at(290), &mut rng(2));
    for (event, age) in events.iter().rev() {
        let _ = laptop.told_by_own_device(*event, *age, at(300));
    }
    assert_eq!(laptop.setting(chat()), phone.setting(chat()));
    assert_eq!(laptop.setting(strangers), None);
    // A late message that says nothing of a setting lives by the one that held when it was sent.
    for scheduler in [&mut phone, &mut laptop] {
        let age = Age::trusted(Duration::from_secs(150));
        let arrival = scheduler.received(from_alice(9), &Ok(Stamp::NONE), age, at(300));
        assert_eq!(arrival.verdict, Verdict::Late, "sent at 150, when it was a minute");
    }
}

#[test]
fn what_says_nothing_of_a_setting_is_held_for_45_days_and_wakes_nobody() {
    let mut scheduler = ExpiryScheduler::new(at(0), &mut rng(1));
    let mut store = Store::begun(&scheduler);
    let days = |days: u64| at(days * 86_400);
    for (number, stamp) in [(1, Ok(Stamp::NONE)), (2, Err(MalformedStamp))] {
        let arrival = scheduler.received(from_alice(number), &stamp, Age::NONE, at(0));
        assert_eq!(arrival.verdict, Verdict::Keep);
        store.apply(&arrival.effects).unwrap();
    }
    let queued = scheduler.queued(NewMessage::new(id(3), chat(), BOB), &Stamp::NONE, at(0));
    store.apply(&queued.effects).unwrap();
    for second in [0, 44 * 86_400] {
        assert_eq!((scheduler.held_messages(), scheduler.next_wakeup(at(second))), (3, None));
        store.apply(&scheduler.poll(9, at(second)).effects).unwrap();
    }
    let mut scheduler = store.scheduler();
    let poll = scheduler.poll(2, days(45));
    store.apply(&poll.effects).unwrap();
    assert_eq!((poll.due, scheduler.held_messages()), (vec![], 1), "no more than it was told to");
    store.apply(&scheduler.poll(2, days(45)).effects).unwrap();
    assert_eq!(scheduler.held_messages(), 0);
    assert!((1..=3).all(|number| scheduler.visibility(id(number), days(45)) == Visibility::Shown));
    assert!(store.records.keys().eq(Store::begun(&scheduler).records.keys()));
}

#[test]
fn of_more_than_ten_thousand_messages_that_say_nothing_of_a_setting_the_first_is_held_no_longer() {
    let mut scheduler = ExpiryScheduler::new(at(0), &mut rng(1));
    let mut store = Store::begun(&scheduler);
    for number in 0..10_100 {
        let arrival =
            scheduler.received(from_alice(number), &Ok(Stamp::NONE), Age::NONE, at(number));
        store.apply(&arrival.effects).unwrap();
    }
    assert_eq!((scheduler.held_messages(), store.records.len()), (10_000, 10_001));
    // Whatever is told then reaches those that are held.
    let hour = Setting::following(None, Some(Policy::after_send(HOUR)), BOB);
    let event = DeviceEvent::Setting(chat(), hour);
    let age = Age::trusted(Duration::from_secs(20_000));
    let _ = scheduler.told_by_own_device(event, age, at(10_100));
    assert_eq!(scheduler.remaining(id(99), at(10_100)), None);
    assert_eq!(scheduler.remaining(id(10_099), at(10_100)), Some(HOUR - Duration::from_secs(1)));
}

/// What 20,000 strangers wrote is heard and deleted; nothing of it stays.
#[test]
fn what_is_known_of_strangers_conversations_goes_when_they_are_deleted() {
    let mut scheduler = ExpiryScheduler::new(at(0), &mut rng(1));
    let mut store = Store::begun(&scheduler);
    let stranger = |number: u64| ConversationId::named(&number.to_be_bytes());
    let hour = Some(Policy::after_send(HOUR));
    let stamp = Ok(Stamp::of(Some(Setting::following(None, hour, ALICE))));
    for number in 0..10_100 {
        store.apply(&scheduler.heard(stranger(number), &stamp, Age::NONE, at(number))).unwrap();
        store.apply(&scheduler.conversation_deleted(stranger(number), at(number))).unwrap();
    }
    let conversations = |store: &Store| store.records.keys().filter(|key| key[0] == 1).count();
    assert_eq!(conversations(&store), 10_000, "the first ones are forgotten");
    assert_eq!(scheduler.setting(stranger(99)), None);
    // One that writes again is there again, with what it set; as is one to whom we write.
    let now = at(20_000);
    let message = NewMessage::new(id(1), stranger(500), ALICE);
    store.apply(&scheduler.received(message, &Ok(Stamp::NONE), Age::NONE, now).effects).unwrap();
    assert_eq!(scheduler.remaining(id(1), now), Some(HOUR));
    let message = NewMessage::new(id(2), stranger(501), BOB);
    let ours = scheduler.stamp(stranger(501));
    store.apply(&scheduler.queued(message, &ours, now).effects).unwrap();
    store.apply(&scheduler.sent(id(2), Age::NONE, now)).unwrap();
    store.apply(&scheduler.conversation_deleted(stranger(501), now)).unwrap();
    let mut scheduler = store.scheduler();
    let later = at(20_000 + 45 * 86_400);
    loop {
        let poll = scheduler.poll(1_000, later);
        store.apply(&poll.effects).unwrap();
        for due in &poll.due {
            store.apply(&scheduler.done(due.id, due.parts, later)).unwrap();
        }
        if poll.due.is_empty() && poll.effects.writes.is_empty() {
            break;
        }
    }
    assert_eq!(conversations(&store), 2);
    for number in [500, 501] {
        assert_eq!(scheduler.setting(stranger(number)).unwrap().policy, hour);
    }
    assert!(store.records.keys().eq(Store::begun(&scheduler).records.keys()));
    // What was forgotten begins anew.
    let _ = scheduler.heard(stranger(600), &stamp, Age::NONE, later);
    assert_eq!(scheduler.setting(stranger(600)).unwrap().policy, hour);
}

#[test]
fn what_is_added_to_a_message_that_has_ended_is_due_or_to_be_deleted_at_once() {
    let mut scheduler = in_the_middle();
    let mut added = |parts, second| scheduler.parts_added(id(1), parts, at(second));
    assert!(
        matches!(added(Parts::PREVIEW, 20), PartsAdded::Noted(effects) if effects.writes.len() == 2)
    );
    assert!(matches!(added(Parts::PREVIEW, 20), PartsAdded::Noted(effects) if effects.is_empty()));
    let all = Parts::BODY | Parts::NOTIFICATION | Parts::PREVIEW;
    let due: Vec<_> =
        scheduler.poll(9, at(80)).due.into_iter().filter(|due| due.id == id(1)).collect();
    assert_eq!(due[0].parts, all);
    let _ = scheduler.done(id(1), all.without(Parts::PREVIEW), at(80));
    assert!(matches!(scheduler.parts_added(id(1), Parts::FILE, at(80)), PartsAdded::Noted(_)));
    assert_eq!(scheduler.poll(9, at(80)).due[0].parts, Parts::FILE | Parts::PREVIEW);
    let _ = scheduler.done(id(1), Parts::FILE | Parts::PREVIEW, at(80));
    assert_eq!(scheduler.parts_added(id(1), Parts::FILE, at(80)), PartsAdded::Gone);
}

#[test]
fn events_for_messages_that_never_come_are_bounded_in_memory_and_in_the_store() {
    let mut scheduler = ExpiryScheduler::new(at(0), &mut rng(1));
    let mut store = Store::begun(&scheduler);
    for number in 0..10_100 {
        let event = DeviceEvent::Read(id(number));
        let effects = scheduler.told_by_own_device(event, Age::NONE, at(number));
        store.apply(&effects).unwrap();
        let Unsent::Unknown(effects) = scheduler.unsent(id(number), ALICE, at(number)) else {
            panic!("{number} is not here");
        };
        store.apply(&effects).unwrap();
    }
    let of_kind = |kind| store.records.keys().filter(|key| key[0] == kind).count();
    assert_eq!((of_kind(4), of_kind(5), store.records.len()), (10_000, 1_000, 11_001));
    assert!(store.records.keys().eq(Store::begun(&scheduler).records.keys()));
    // The oldest have gone, and the newest count.
    let stamp = Ok(Stamp::NONE.with_policy(Policy::after_read(HOUR)));
    for (number, verdict) in [(9_099, Verdict::Keep), (9_100, Verdict::Late)] {
        let arrival = scheduler.received(from_alice(number), &stamp, Age::NONE, at(10_100));
        assert_eq!(arrival.verdict, verdict, "{number}");
    }
    // Read 10,000 seconds ago, or never.
    let remaining = |number: u64| {
        let mut restored = store.scheduler();
        let message = NewMessage::new(id(number), chat(), BOB);
        let stamp = Ok(Stamp::NONE.with_policy(Policy::after_read(DAY)));
        let arrival = restored.received(message, &stamp, Age::NONE, at(10_100));
        assert_eq!(arrival.verdict, Verdict::Keep);
        restored.remaining(id(number), at(10_100))
    };
    assert_eq!(remaining(99), Some(DAY * 30));
    assert_eq!(remaining(100), Some(DAY - Duration::from_secs(10_000)));
}
