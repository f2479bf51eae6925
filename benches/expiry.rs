//! What a million timers cost: the queue alone beside an ordered set, and the whole scheduler.
//!
//! `cargo bench --bench expiry` prints the sizes, then runs everything; `cargo bench --bench expiry -- restore`
//! runs what has that in its name.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use criterion::{
    BatchSize, BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group,
    measurement::WallTime,
};
use evanesce::expiry::{
    Age, ConversationId, DeadlineQueue, EngineTime, ExpiryScheduler, MemberTag, MessageId,
    Monotonic, NewMessage, Now, Parts, Policy, RecordKey, Stamp,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const DAY: Duration = Duration::from_secs(86_400);

/// How many timers are pending, or messages held.
const PENDING: u32 = 1_000_000;

/// How many operations run in a row, so that what undoes them need not be timed. They are few beside all
/// that are pending.
const RUN: u32 = 10_000;

/// After how many messages more, or fewer, the scheduler is restored.
const WORN: usize = 100_000;

/// How many messages a conversation has that was deleted before.
const DELETED: usize = 80_000;

/// How many are given at once when many have come due.
const LIMIT: usize = 1_000;

/// When the deadlines begin. They are spread over 30 days from here on.
const BEGIN: Duration = Duration::from_secs(1_800_000_000);

/// A tenth of them is due then.
const JUMP: Duration = DAY.saturating_mul(3);

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1));
    targets = insert, reschedule, cancel, first, poll, build, scheduler, restore
}

fn main() {
    print_sizes();
    benches();
    Criterion::default().configure_from_args().final_summary();
}

/// Prints what timers and messages take in memory.
fn print_sizes() {
    let timers = deadlines();
    print_size::<DeadlineQueue>("queue, built at once", || timers.iter().copied().collect());
    print_size::<DeadlineQueue>("queue, set one by one", || one_by_one(&timers));
    print_size::<OrderedSet>("ordered set, built at once", || timers.iter().copied().collect());
    print_size::<OrderedSet>("ordered set, set one by one", || one_by_one(&timers));
    let rows = rows();
    let stored: usize = rows.iter().map(|(key, value)| key.as_bytes().len() + value.len()).sum();
    print_size::<ExpiryScheduler>("whole scheduler", || restored(&rows));
    println!("size: records: {:.1} bytes for each message\n", for_each(stored));
}

fn print_size<State>(name: &str, build: impl FnOnce() -> State) {
    let before = HELD.load(Ordering::Relaxed);
    let state = build();
    let held = HELD.load(Ordering::Relaxed) - before;
    println!("size: {name}: {:.1} bytes for each timer", for_each(held));
    drop(state);
}

fn for_each(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes).unwrap()) / f64::from(PENDING)
}

/// What the queue does, and what it is measured beside.
trait Timers: Clone + Default + FromIterator<(u32, EngineTime)> {
    const NAME: &str;

    fn set(&mut self, number: u32, deadline: EngineTime);
    fn cancel(&mut self, number: u32) -> Option<EngineTime>;
    fn first(&self) -> Option<(EngineTime, u32)>;
    fn pop_due(&mut self, now: EngineTime) -> Option<(EngineTime, u32)>;
}

impl Timers for DeadlineQueue {
    const NAME: &str = "queue";

    fn set(&mut self, number: u32, deadline: EngineTime) {
        self.set(number, deadline);
    }

    fn cancel(&mut self, number: u32) -> Option<EngineTime> {
        self.cancel(number)
    }

    fn first(&self) -> Option<(EngineTime, u32)> {
        self.first()
    }

    fn pop_due(&mut self, now: EngineTime) -> Option<(EngineTime, u32)> {
        self.pop_due(now)
    }
}

/// A B-tree of all deadlines, and for each number its own.
#[derive(Clone, Default)]
struct OrderedSet {
    order: BTreeSet<(EngineTime, u32)>,
    deadlines: Vec<Option<EngineTime>>,
}

impl OrderedSet {
    fn place(&mut self, number: u32) -> &mut Option<EngineTime> {
        let number = usize::try_from(number).unwrap();
        if self.deadlines.len() <= number {
            self.deadlines.resize(number + 1, None);
        }
        &mut self.deadlines[number]
    }
}

impl Timers for OrderedSet {
    const NAME: &str = "ordered set";

    fn set(&mut self, number: u32, deadline: EngineTime) {
        if let Some(before) = self.place(number).replace(deadline) {
            self.order.remove(&(before, number));
        }
        self.order.insert((deadline, number));
    }

    fn cancel(&mut self, number: u32) -> Option<EngineTime> {
        let deadline = self.place(number).take()?;
        self.order.remove(&(deadline, number));
        Some(deadline)
    }

    fn first(&self) -> Option<(EngineTime, u32)> {
        self.order.first().copied()
    }

    fn pop_due(&mut self, now: EngineTime) -> Option<(EngineTime, u32)> {
        let first = self.first().filter(|(deadline, _)| *deadline <= now)?;
        self.order.pop_first();
        *self.place(first.1) = None;
        Some(first)
    }
}

impl FromIterator<(u32, EngineTime)> for OrderedSet {
    fn from_iter<Pairs: IntoIterator<Item = (u32, EngineTime)>>(timers: Pairs) -> Self {
        let mut set = Self::default();
        for (number, deadline) in timers {
            *set.place(number) = Some(deadline);
        }
        let numbered = (0..).zip(&set.deadlines);
        set.order =
            numbered.filter_map(|(number, deadline)| Some(((*deadline)?, number))).collect();
        set
    }
}

fn insert(criterion: &mut Criterion) {
    fn of<Set: Timers>(group: &mut BenchmarkGroup<'_, WallTime>) {
        let mut timers: Set = deadlines().into_iter().collect();
        let mut rng = rng();
        in_runs(group, Set::NAME, |run| {
            let new: Vec<_> = (PENDING..PENDING + run).map(|it| (it, deadline(&mut rng))).collect();
            let elapsed = timed(|| new.iter().for_each(|(it, at)| timers.set(*it, *at)));
            new.iter().for_each(|(it, _)| _ = timers.cancel(*it));
            elapsed
        });
    }
    let mut group = criterion.benchmark_group("timers/insert");
    of::<DeadlineQueue>(&mut group);
    of::<OrderedSet>(&mut group);
}

fn reschedule(criterion: &mut Criterion) {
    fn of<Set: Timers>(group: &mut BenchmarkGroup<'_, WallTime>) {
        let mut timers: Set = deadlines().into_iter().collect();
        let mut rng = rng();
        in_runs(group, Set::NAME, |run| {
            let moved: Vec<_> = (0..run).map(|_| (any(&mut rng), deadline(&mut rng))).collect();
            timed(|| moved.iter().for_each(|(it, at)| timers.set(*it, *at)))
        });
    }
    let mut group = criterion.benchmark_group("timers/reschedule");
    of::<DeadlineQueue>(&mut group);
    of::<OrderedSet>(&mut group);
}

fn cancel(criterion: &mut Criterion) {
    fn of<Set: Timers>(group: &mut BenchmarkGroup<'_, WallTime>) {
        let mut timers: Set = deadlines().into_iter().collect();
        let mut rng = rng();
        in_runs(group, Set::NAME, |run| {
            let gone: Vec<_> = (0..run).map(|_| any(&mut rng)).collect();
            let elapsed = timed(|| gone.iter().for_each(|it| _ = black_box(timers.cancel(*it))));
            gone.iter().for_each(|it| timers.set(*it, deadline(&mut rng)));
            elapsed
        });
    }
    let mut group = criterion.benchmark_group("timers/cancel");
    of::<DeadlineQueue>(&mut group);
    of::<OrderedSet>(&mut group);
}

/// The next deadline.
fn first(criterion: &mut Criterion) {
    fn of<Set: Timers>(group: &mut BenchmarkGroup<'_, WallTime>) {
        let timers: Set = deadlines().into_iter().collect();
        group.bench_function(Set::NAME, |bencher| bencher.iter(|| black_box(&timers).first()));
    }
    let mut group = criterion.benchmark_group("timers/first");
    of::<DeadlineQueue>(&mut group);
    of::<OrderedSet>(&mut group);
}

/// A tenth of all has come due at once.
fn poll(criterion: &mut Criterion) {
    fn of<Set: Timers>(group: &mut BenchmarkGroup<'_, WallTime>) {
        let timers: Set = deadlines().into_iter().collect();
        let now = EngineTime::START.plus(BEGIN + JUMP);
        group.bench_function(Set::NAME, |bencher| {
            bencher.iter_batched_ref(
                || timers.clone(),
                |timers| while black_box(timers.pop_due(now)).is_some() {},
                BatchSize::PerIteration,
            );
        });
    }
    let mut group = criterion.benchmark_group("timers/poll");
    group
        .sampling_mode(SamplingMode::Flat)
        .throughput(Throughput::Elements(u64::from(PENDING / 10)));
    of::<DeadlineQueue>(&mut group);
    of::<OrderedSet>(&mut group);
}

/// All at once, from the deadlines in the order of their numbers.
fn build(criterion: &mut Criterion) {
    fn of<Set: Timers>(group: &mut BenchmarkGroup<'_, WallTime>) {
        let timers = deadlines();
        group.bench_function(Set::NAME, |bencher| {
            bencher.iter_with_large_drop(|| timers.iter().copied().collect::<Set>());
        });
    }
    let mut group = criterion.benchmark_group("timers/build");
    group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(u64::from(PENDING)));
    of::<DeadlineQueue>(&mut group);
    of::<OrderedSet>(&mut group);
}

/// The whole scheduler, with its records; storing them is the application's.
fn scheduler(criterion: &mut Criterion) {
    let rows = rows();
    let now = now(DAY.saturating_mul(30));
    let mut rng = rng();
    let mut ids = ids();
    shuffle(&mut ids, &mut rng);
    let mut group = criterion.benchmark_group("scheduler");

    let mut held = restored(&rows);
    in_runs(&mut group, "received", |run| {
        let stamps: Vec<_> = (0..run).map(|_| Ok(stamp(&mut rng))).collect();
        let new: Vec<_> = stamps.iter().map(|_| new_message(message_id(&mut rng))).collect();
        if held.held_messages() >= ids.len() + WORN {
            held = restored(&rows);
        }
        timed(|| {
            for (message, stamp) in new.into_iter().zip(&stamps) {
                drop(black_box(held.received(message, stamp, Age::NONE, now)));
            }
        })
    });

    let mut held = restored(&rows);
    let mut unread = ids.iter().copied();
    in_runs(&mut group, "read", |run| {
        if unread.len() < ids.len() - WORN {
            (held, unread) = (restored(&rows), ids.iter().copied());
        }
        let run: Vec<_> = unread.by_ref().take(usize::try_from(run).unwrap()).collect();
        timed(|| run.iter().for_each(|id| _ = black_box(held.read(*id, now))))
    });

    let mut held = restored(&rows);
    let mut left = ids.iter().copied();
    in_runs(&mut group, "deleted", |run| {
        if left.len() < ids.len() - WORN {
            (held, left) = (restored(&rows), ids.iter().copied());
        }
        let run: Vec<_> = left.by_ref().take(usize::try_from(run).unwrap()).collect();
        timed(|| run.iter().for_each(|id| _ = black_box(held.deleted(*id, now))))
    });

    // Conversations of one message each, beside all the others.
    let mut held = restored(&rows);
    in_runs(&mut group, "conversation_deleted", |run| {
        let ids: Vec<_> = (0..run).map(|_| message_id(&mut rng)).collect();
        let stamp = Ok(stamp(&mut rng));
        for id in &ids {
            let message = NewMessage::new(*id, ConversationId(id.0), MemberTag([1; 8]));
            drop(held.received(message, &stamp, Age::NONE, now));
        }
        let elapsed = timed(|| {
            for id in &ids {
                drop(black_box(held.conversation_deleted(ConversationId(id.0), now)));
            }
        });
        ids.iter().for_each(|id| drop(held.done(*id, Parts::BODY, now)));
        elapsed
    });

    // A conversation of which all was deleted, and nothing is confirmed to be gone.
    let mut held = ExpiryScheduler::new(now, &mut rng);
    let (conversation, stamp) = (ConversationId([1; 16]), Ok(stamp(&mut rng)));
    for _ in 0..DELETED {
        let message = NewMessage::new(message_id(&mut rng), conversation, MemberTag([1; 8]));
        drop(held.received(message, &stamp, Age::NONE, now));
    }
    drop(held.conversation_deleted(conversation, now));
    group.bench_function("conversation_deleted again", |bencher| {
        bencher.iter(|| held.conversation_deleted(conversation, now));
    });

    let held = restored(&rows);
    group
        .bench_function("next_wakeup", |bencher| bencher.iter(|| held.next_wakeup(black_box(now))));
    let mut asked = ids.iter().cycle();
    group.bench_function("visibility", |bencher| {
        bencher.iter(|| asked.next().map(|id| held.visibility(*id, now)));
    });

    group
        .sampling_mode(SamplingMode::Flat)
        .throughput(Throughput::Elements(u64::from(PENDING / 10)));
    let now = jump();
    group.bench_function("poll", |bencher| {
        bencher.iter_batched_ref(
            || restored(&rows),
            |held| while black_box(held.poll(LIMIT, now)).due.len() == LIMIT {},
            BatchSize::PerIteration,
        );
    });
    group.bench_function("poll and done", |bencher| {
        bencher.iter_batched_ref(
            || restored(&rows),
            |held| {
                loop {
                    let poll = held.poll(LIMIT, now);
                    for due in &poll.due {
                        drop(black_box(held.done(due.id, due.parts, now)));
                    }
                    if poll.due.len() < LIMIT {
                        break;
                    }
                }
            },
            BatchSize::PerIteration,
        );
    });
}

/// Taking all records back, as after each start.
fn restore(criterion: &mut Criterion) {
    let mut rows = rows();
    let mut group = criterion.benchmark_group("restore");
    group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(u64::from(PENDING)));
    group.bench_function("in the order of keys", |bencher| {
        bencher.iter_with_large_drop(|| restored(&rows));
    });
    shuffle(&mut rows, &mut rng());
    // Each value stands behind the one before, as when a store reads them out.
    let rows = rows.clone();
    group.bench_function("shuffled", |bencher| {
        bencher.iter_with_large_drop(|| restored(&rows));
    });
}

/// Times `run`, which is told how many operations to do, and says how long they took.
fn in_runs(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    mut run: impl FnMut(u32) -> Duration,
) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            let mut left = iterations;
            let mut elapsed = Duration::ZERO;
            while left != 0 {
                let length = u32::try_from(left).unwrap_or(RUN).min(RUN);
                elapsed += run(length);
                left -= u64::from(length);
            }
            elapsed
        });
    });
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Timers of all numbers.
fn deadlines() -> Vec<(u32, EngineTime)> {
    let mut rng = rng();
    (0..PENDING).map(|number| (number, deadline(&mut rng))).collect()
}

fn one_by_one<Set: Timers>(timers: &[(u32, EngineTime)]) -> Set {
    let mut set = Set::default();
    timers.iter().for_each(|(number, deadline)| set.set(*number, *deadline));
    set
}

/// A moment of the 30 days.
fn deadline(rng: &mut ChaCha20Rng) -> EngineTime {
    EngineTime::START.plus(BEGIN + Duration::from_millis(u64::from(rng.next_u32() % 2_592_000_000)))
}

fn any(rng: &mut ChaCha20Rng) -> u32 {
    rng.next_u32() % PENDING
}

/// The records of a scheduler that holds a million messages, in the order of their keys. They came evenly
/// over 30 days, and nobody has read them: each ends 30 days after it came.
fn rows() -> Vec<(RecordKey, Vec<u8>)> {
    let mut rng = rng();
    let mut scheduler = ExpiryScheduler::new(now(Duration::ZERO), &mut rng);
    let every = DAY * 30 / PENDING;
    for (number, id) in (0..).zip(ids()) {
        let stamp = Ok(Stamp::NONE.with_policy(Policy::after_read(random_life(&mut rng))));
        drop(scheduler.received(new_message(id), &stamp, Age::NONE, now(every * number)));
    }
    let records = scheduler.records();
    records.filter_map(|record| Some((record.key, record.value?.to_vec()))).collect()
}

/// Ids of no order, as hashes are.
fn ids() -> Vec<MessageId> {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    (0..PENDING).map(|_| message_id(&mut rng)).collect()
}

fn message_id(rng: &mut ChaCha20Rng) -> MessageId {
    let mut id = [0; 16];
    rng.fill_bytes(&mut id);
    MessageId(id)
}

fn new_message(id: MessageId) -> NewMessage {
    let conversation = ConversationId([id.0[0]; 16]);
    NewMessage::new(id, conversation, MemberTag([id.0[0]; 8]))
}

/// Ends the message at any moment of the next 30 days.
fn stamp(rng: &mut ChaCha20Rng) -> Stamp {
    Stamp::NONE.with_policy(Policy::after_send(random_life(rng)))
}

fn random_life(rng: &mut ChaCha20Rng) -> Duration {
    Duration::from_secs(u64::from(1 + rng.next_u32() % 2_592_000))
}

fn restored(rows: &[(RecordKey, Vec<u8>)]) -> ExpiryScheduler {
    ExpiryScheduler::from_records(rows.iter().map(|(key, value)| (key, value))).unwrap()
}

/// So long after the first message came.
fn now(elapsed: Duration) -> Now {
    Now { wall: BEGIN + elapsed, monotonic: Some(Monotonic { boot: 1, elapsed }) }
}

/// The first tenth of the messages has ended.
fn jump() -> Now {
    now(DAY * 30 + JUMP)
}

fn shuffle<Item>(items: &mut [Item], rng: &mut ChaCha20Rng) {
    for place in (1..items.len()).rev() {
        let other = rng.next_u64() % u64::try_from(place + 1).unwrap();
        items.swap(place, usize::try_from(other).unwrap());
    }
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(7)
}

/// How many bytes are allocated now.
static HELD: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static COUNTING: Counting = Counting;

/// The system's allocator, counted.
struct Counting;

// SAFETY: what is asked and given is the system's; counting touches none of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, layout.size());
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// Load and store, not one step, which would cost more than what is measured: one thread allocates here.
fn count(more: usize, less: usize) {
    let held = HELD.load(Ordering::Relaxed);
    HELD.store(held.wrapping_add(more).wrapping_sub(less), Ordering::Relaxed);
}
