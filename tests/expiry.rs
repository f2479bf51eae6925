//! Disappearing messages in a whole application: stopped after any write, and on three devices of two people.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evanesce::{
    Age, Arrival, ContentKey, ConversationId, DeviceEvent, Effects, ExpiryEvent, ExpiryScheduler,
    MemberTag, MessageId, NewMessage, Now, OpenError, Opens, Parts, Policy, RecordError,
    SnapshotError, Stamp, StorageKey, Verdict, Visibility,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

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
        Step::IsToldThatElsewhere(event) => scheduler.from_own_device(event, Age::NONE, now),
        Step::AliceTakesBack(number) => match scheduler.unsent(id(number), ALICE, now) {
            evanesce::Unsent::Due(effects) | evanesce::Unsent::Unknown(effects) => effects,
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
