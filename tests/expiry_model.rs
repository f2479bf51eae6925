//! The scheduler does what a naive model of it does, whatever happens and whatever the clocks say; so does the
//! queue of deadlines.
//!
//! What can happen, the model, and what holds after each event is in `support/expiry_model.rs`.

mod support;

#[path = "support/expiry_model.rs"]
mod expiry_model;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evanesce::expiry::{
    Age, ConversationId, DeadlineQueue, DeviceEvent, Effects, EngineTime, ExpiryScheduler,
    MalformedStamp, MemberTag, MessageId, Monotonic, NewMessage, Now, Parts, Policy, Stamp,
    Verdict, Visibility,
};
use expiry_model::{Event, events_from, live};
use proptest::prelude::*;
use rand_chacha::rand_core::Rng;
use support::{DAY, NOW, SECOND, repeatable, rng};

fn event() -> impl Strategy<Value = Event> {
    any::<[u8; Event::MAX_BYTES]>()
        .prop_map(|bytes| Event::read(&mut bytes.into_iter()).expect("enough for any event"))
}

fn schedule(longest: usize) -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(event(), 0..longest)
}

proptest! {
    #![proptest_config(repeatable(1536))]

    #[test]
    fn short_schedules_go_as_foretold(seed in 0..16_u64, events in schedule(30)) {
        live(seed, &events);
    }
}

proptest! {
    #![proptest_config(repeatable(192))]

    #[test]
    fn long_schedules_go_as_foretold(seed in 0..16_u64, events in schedule(200)) {
        live(seed, &events);
    }
}

/// So that the schedules are about something.
#[test]
fn schedules_meet_every_verdict_and_refusal() {
    let mut met = BTreeMap::<String, usize>::new();
    for seed in 0..48 {
        let mut bytes = [0; 800];
        rng(seed).fill_bytes(&mut bytes);
        for (name, times) in live(seed, &events_from(&bytes)).met {
            *met.entry(name).or_default() += times;
        }
    }
    for name in [
        "Keep",
        "Known",
        "Late",
        "IdTaken",
        "Unknown",
        "Gone",
        "NotReady",
        "Withheld",
        "Ours",
        "Opened",
        "Released",
        "Edited",
        "(\"edited\", NotAuthor)",
        "(\"edited\", Unknown)",
        "(\"edited\", Gone)",
        "\"NotAuthor\"",
        "\"Due\"",
        "\"SettingChanged\"",
        "\"SettingRefused VersionJump\"",
        "\"SettingRefused MayNotSet\"",
        "\"EchoDue\"",
        "(\"due\", 3)",
        "(\"settled\", 1)",
        "(\"reached\", 1)",
        "\"Placeholder\"",
        "(\"forgotten\", 1)",
    ] {
        let times = met.iter().filter(|(met, _)| met.trim_matches('"') == name.trim_matches('"'));
        assert!(times.map(|(_, times)| times).sum::<usize>() > 0, "{name} is not among {met:?}");
    }
}

/// What a queue of deadlines must do, at any cost.
#[derive(Debug, Default)]
struct NaiveQueue {
    ordered: BTreeSet<(u64, u32)>,
    deadlines: BTreeMap<u32, u64>,
}

impl NaiveQueue {
    fn set(&mut self, number: u32, deadline: u64) {
        self.cancel(number);
        self.deadlines.insert(number, deadline);
        self.ordered.insert((deadline, number));
    }

    fn cancel(&mut self, number: u32) -> Option<u64> {
        let deadline = self.deadlines.remove(&number)?;
        self.ordered.remove(&(deadline, number));
        Some(deadline)
    }

    fn pop_due(&mut self, now: u64) -> Option<(u64, u32)> {
        let first = self.ordered.first().copied().filter(|(deadline, _)| *deadline <= now)?;
        self.cancel(first.1);
        Some(first)
    }
}

/// What is done to a queue.
#[derive(Clone, Copy, Debug)]
enum Step {
    Set { number: u32, deadline: u64 },
    Cancel { number: u32 },
    Pop { now: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let deadline = || prop_oneof![4 => 0..12_u64, 1 => Just(u64::MAX), 1 => any::<u64>()];
    prop_oneof![
        4 => (0..24_u32, deadline())
            .prop_map(|(number, deadline)| Step::Set { number, deadline }),
        2 => (0..26_u32).prop_map(|number| Step::Cancel { number }),
        2 => deadline().prop_map(|now| Step::Pop { now }),
    ]
}

fn take(step: Step, queue: &mut DeadlineQueue, naive: &mut NaiveQueue) {
    let millis = |(deadline, number): (EngineTime, u32)| (deadline.millis(), number);
    match step {
        Step::Set { number, deadline } => {
            queue.set(number, EngineTime::from_millis(deadline));
            naive.set(number, deadline);
        }
        Step::Cancel { number } => {
            let cancelled = queue.cancel(number).map(EngineTime::millis);
            assert_eq!(cancelled, naive.cancel(number));
        }
        Step::Pop { now } => {
            let popped = queue.pop_due(EngineTime::from_millis(now)).map(millis);
            assert_eq!(popped, naive.pop_due(now));
        }
    }
    assert_eq!(queue.first().map(millis), naive.ordered.first().copied());
    assert_eq!(queue.len(), naive.deadlines.len());
    assert_eq!(queue.is_empty(), naive.deadlines.is_empty());
}

fn empty(mut queue: DeadlineQueue, mut naive: NaiveQueue) {
    for _ in 0..=queue.len() {
        take(Step::Pop { now: u64::MAX }, &mut queue, &mut naive);
    }
    assert!(queue.is_empty());
}

proptest! {
    #![proptest_config(repeatable(256))]

    #[test]
    fn a_queue_does_what_an_ordered_set_does(steps in prop::collection::vec(step(), 0..120)) {
        let (mut queue, mut naive) = (DeadlineQueue::new(), NaiveQueue::default());
        for step in steps {
            take(step, &mut queue, &mut naive);
            for number in 0..26 {
                let deadline = queue.deadline(number).map(EngineTime::millis);
                prop_assert_eq!(deadline, naive.deadlines.get(&number).copied());
            }
        }
        empty(queue, naive);
    }

    #[test]
    fn a_queue_made_at_once_is_the_one_made_step_by_step(
        timers in prop::collection::vec((0..40_u32, 0..12_u64), 0..80),
        steps in prop::collection::vec(step(), 0..20),
    ) {
        let times = timers.iter().map(|(number, at)| (*number, EngineTime::from_millis(*at)));
        let mut queue: DeadlineQueue = times.collect();
        let mut naive = NaiveQueue::default();
        timers.iter().for_each(|(number, at)| naive.set(*number, *at));
        steps.into_iter().for_each(|step| take(step, &mut queue, &mut naive));
        empty(queue, naive);
    }
}

#[test]
fn a_million_deadlines_come_in_order_with_jumps_between() {
    const TIMERS: u32 = 1_000_000;
    let mut rng = rng(5);
    let mut deadlines: Vec<u64> = (0..TIMERS).map(|_| u64::from(rng.next_u32())).collect();
    let timers = (0..TIMERS).zip(&deadlines);
    let mut queue: DeadlineQueue =
        timers.map(|(number, at)| (number, EngineTime::from_millis(*at))).collect();
    for _ in 0..200_000 {
        let number = rng.next_u32() % TIMERS;
        let deadline = &mut deadlines[usize::try_from(number).unwrap()];
        let moved = u64::from(rng.next_u32());
        if rng.next_u32() % 8 == 0 {
            let cancelled = queue.cancel(number).map(EngineTime::millis);
            assert_eq!(cancelled, Some(*deadline).filter(|at| *at < u64::MAX));
            *deadline = u64::MAX;
        } else {
            queue.set(number, EngineTime::from_millis(moved));
            *deadline = moved;
        }
    }
    let set = (0..TIMERS).zip(deadlines).filter(|(_, at)| *at < u64::MAX);
    let mut expected: Vec<_> = set.map(|(number, at)| (at, number)).collect();
    expected.sort_unstable();
    assert_eq!(queue.len(), expected.len());
    let mut expected = expected.into_iter().peekable();
    let mut now = 0;
    while expected.peek().is_some() {
        now += u64::from(rng.next_u32() >> 8);
        while let Some((at, number)) = queue.pop_due(EngineTime::from_millis(now)) {
            assert_eq!(Some((at.millis(), number)), expected.next());
        }
        assert!(expected.peek().is_none_or(|(at, _)| *at > now));
    }
    assert!(queue.is_empty());
}

// What schedules have found, each as small as it could be made.

const HERE: ConversationId = ConversationId([1; 16]);
const ALICE: MemberTag = MemberTag([1; 8]);
const MINUTE: Duration = Duration::from_secs(60);

/// A moment of one boot, so long after the beginning.
fn at(after: Duration) -> Now {
    let wall = Duration::from_secs(NOW.unix_seconds());
    Now { wall: wall + after, monotonic: Some(Monotonic { boot: 1, elapsed: after }) }
}

fn new_scheduler() -> ExpiryScheduler {
    ExpiryScheduler::new(at(Duration::ZERO), &mut rng(1))
}

fn message(id: u64) -> NewMessage {
    NewMessage::new(MessageId::from(id), HERE, ALICE)
}

fn lives_by(policy: Policy) -> Result<Stamp, MalformedStamp> {
    Ok(Stamp::NONE.with_policy(policy))
}

fn receive(
    scheduler: &mut ExpiryScheduler,
    message: NewMessage,
    stamp: &Result<Stamp, MalformedStamp>,
    now: Now,
) {
    let verdict = scheduler.received(message, stamp, Age::NONE, now).verdict;
    assert_eq!(verdict, Verdict::Keep);
}

fn polled(scheduler: &mut ExpiryScheduler, now: Now) -> Vec<(MessageId, Parts)> {
    let due = scheduler.poll(10, now).due;
    due.into_iter().map(|due| (due.id, due.parts)).collect()
}

#[test]
fn a_message_that_quotes_one_that_stays_is_due_when_it_ends() {
    let mut scheduler = new_scheduler();
    let begin = at(Duration::ZERO);
    let quoted = lives_by(Policy::after_send(DAY * 300));
    receive(&mut scheduler, message(1), &quoted, begin);
    let quoting = lives_by(Policy::after_send(DAY * 60));
    receive(&mut scheduler, message(2).quoting(MessageId::from(1)), &quoting, begin);
    assert_eq!(polled(&mut scheduler, at(DAY * 45)), []);
    assert_eq!(scheduler.visibility(MessageId::from(2), at(DAY * 60)), Visibility::Gone);
    let all = Parts::BODY | Parts::QUOTE;
    assert_eq!(polled(&mut scheduler, at(DAY * 60)), [(MessageId::from(2), all)]);
}

#[test]
fn what_is_due_again_is_due_whole_when_its_message_ends() {
    let mut scheduler = new_scheduler();
    let kept = message(1).with_parts(Parts::RESEND_LOG);
    let end = DAY * 14 + SECOND * 10;
    receive(&mut scheduler, kept, &lives_by(Policy::after_send(end)), at(Duration::ZERO));
    let log = [(MessageId::from(1), Parts::RESEND_LOG)];
    assert_eq!(polled(&mut scheduler, at(DAY * 14)), log);
    assert_eq!(scheduler.next_wakeup(at(DAY * 14)), Some(SECOND * 10));
    let all = Parts::BODY | Parts::RESEND_LOG;
    assert_eq!(polled(&mut scheduler, at(end)), [(MessageId::from(1), all)]);
}

#[test]
fn a_message_comes_once_in_a_poll_though_what_it_quotes_comes_too() {
    let mut scheduler = new_scheduler();
    let stamp = lives_by(Policy::after_send(MINUTE));
    receive(&mut scheduler, message(1), &stamp, at(SECOND));
    let quoting = message(2).quoting(MessageId::from(1));
    let shorter = lives_by(Policy::after_send(SECOND));
    receive(&mut scheduler, quoting, &shorter, at(SECOND));
    let due = polled(&mut scheduler, at(MINUTE * 2));
    let ids: Vec<_> = due.into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [MessageId::from(2), MessageId::from(1)]);
}

#[test]
fn what_was_given_waits_a_minute_though_what_it_quotes_comes_again() {
    let mut scheduler = new_scheduler();
    let stamp = lives_by(Policy::after_send(MINUTE));
    receive(&mut scheduler, message(1), &stamp, at(Duration::ZERO));
    let first = at(MINUTE);
    assert_eq!(polled(&mut scheduler, first).len(), 1);
    let half = at(MINUTE + SECOND * 30);
    let stamp = lives_by(Policy::after_send(DAY));
    receive(&mut scheduler, message(2).quoting(MessageId::from(1)), &stamp, half);
    assert_eq!(polled(&mut scheduler, half), [(MessageId::from(2), Parts::QUOTE)]);
    let again = at(MINUTE * 2);
    assert_eq!(polled(&mut scheduler, again), [(MessageId::from(1), Parts::BODY)]);
    assert_eq!(scheduler.next_wakeup(again), Some(SECOND * 30));
}

#[test]
fn what_is_confirmed_in_part_comes_again_after_a_minute() {
    let mut scheduler = new_scheduler();
    let stamp = lives_by(Policy::after_send(SECOND));
    let kept = message(1).with_parts(Parts::FILE);
    receive(&mut scheduler, kept, &stamp, at(Duration::ZERO));
    let end = at(SECOND);
    assert_eq!(polled(&mut scheduler, end).len(), 1);
    assert!(!scheduler.done(MessageId::from(1), Parts::BODY, end).writes.is_empty());
    assert_eq!(scheduler.next_wakeup(end), Some(MINUTE));
    assert_eq!(polled(&mut scheduler, end), []);
}

#[test]
fn at_the_end_of_time_a_poll_gives_a_message_once() {
    let mut scheduler = new_scheduler();
    let stamp = lives_by(Policy::after_send(SECOND));
    receive(&mut scheduler, message(1), &stamp, at(Duration::ZERO));
    let end = Now::from_wall(Duration::from_secs(u64::MAX));
    assert_eq!(polled(&mut scheduler, end), [(MessageId::from(1), Parts::BODY)]);
}

#[test]
fn an_edit_never_lengthens_the_life_of_an_unsent_message() {
    let mut scheduler = new_scheduler();
    let begin = at(Duration::ZERO);
    let stamp = Stamp::NONE.with_policy(Policy::OnClose);
    assert_eq!(scheduler.queued(message(1), &stamp, begin).verdict, Verdict::Keep);
    let before = scheduler.remaining(MessageId::from(1), begin);
    assert_eq!(before, Some(DAY));
    let longer = Policy::after_read(DAY * 60);
    scheduler.edited(MessageId::from(1), ALICE, Some(longer), begin).unwrap().writes.clear();
    assert_eq!(scheduler.remaining(MessageId::from(1), begin), before);
}

#[test]
fn what_was_closed_elsewhere_before_it_came_has_ended() {
    let [mut before, mut after] = [new_scheduler(), new_scheduler()];
    let now = at(MINUTE);
    let id = MessageId::from(1);
    let stamp = lives_by(Policy::OnClose);
    let events = [DeviceEvent::Read(id), DeviceEvent::Closed(HERE)];
    receive(&mut before, message(1), &stamp, now);
    for event in events {
        before.told_by_own_device(event, Age::NONE, now).writes.clear();
        after.told_by_own_device(event, Age::NONE, now).writes.clear();
    }
    assert_eq!(before.visibility(id, now), Visibility::Gone);
    let verdict = after.received(message(1), &stamp, Age::NONE, now).verdict;
    assert_eq!((verdict, after.visibility(id, now)), (Verdict::Late, Visibility::Gone));
}

#[test]
fn a_restart_loses_no_time_that_was_counted_when_a_record_was_written() {
    let mut scheduler = new_scheduler();
    let mut rows = BTreeMap::new();
    let mut store = |effects: Effects| {
        for write in effects.writes {
            let key = write.key.as_bytes().to_vec();
            match write.value {
                Some(value) => _ = rows.insert(key, value.to_vec()),
                None => _ = rows.remove(&key),
            }
        }
        rows.clone()
    };
    let mut all = Effects::default();
    all.writes = scheduler.records().collect();
    store(all);
    let stamp = lives_by(Policy::after_send(DAY * 20));
    let late = at(DAY * 10);
    let arrival = scheduler.received(message(1), &stamp, Age::NONE, late);
    let rows = store(arrival.effects);
    // While the device was off, its wall clock was set to where it began.
    let boot = Some(Monotonic { boot: 2, elapsed: SECOND });
    let now = Now { wall: at(Duration::ZERO).wall, monotonic: boot };
    let restarted = ExpiryScheduler::from_records(rows).unwrap();
    assert!(restarted.time(now) >= scheduler.time(late));
    let remaining = restarted.remaining(MessageId::from(1), now);
    assert!(remaining <= Some(DAY * 20), "{remaining:?}");
}

#[test]
fn an_older_setting_is_not_refused_to_one_who_may_not_set() {
    let [mut free, mut bound] = [new_scheduler(), new_scheduler()];
    let now = at(MINUTE);
    for scheduler in [&mut free, &mut bound] {
        scheduler.set(HERE, Some(Policy::after_send(DAY)), ALICE, now).writes.clear();
    }
    // Under way since before the next change.
    let stamp = Ok(free.stamp(HERE));
    for scheduler in [&mut free, &mut bound] {
        scheduler.set(HERE, Some(Policy::after_send(MINUTE)), ALICE, now).writes.clear();
    }
    let events = free.received(message(1), &stamp, Age::NONE, now).effects.events;
    let member = message(1).by_one_who_may_not_set();
    assert_eq!(bound.received(member, &stamp, Age::NONE, now).effects.events, events);
    let remaining = [free, bound].map(|one| one.remaining(MessageId::from(1), now));
    // Nobody knows whether it ever was the setting: so it is no way to send something that stays.
    assert_eq!(remaining, [Some(DAY), Some(MINUTE)]);
}
