//! What people with several devices cost beside single ones: a message to all of them, one that comes, a list that is
//! verified and adopted.
//!
//! `cargo bench --bench people` prints ratios first, of runs that take turns in one process: they say more than figures do
//! where other things run as well.

#[path = "support/people.rs"]
mod people;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Bencher, Criterion, criterion_group};
use ed25519_dalek::{Signature, VerifyingKey};
use people::{Household, SignedBytes, adopt, body, longest_list, signatures_of};

/// Of padded plaintexts, by name.
const SIZES: [(&str, usize); 2] = [("64 B", 64), ("1 KiB", 1_024)];

/// How many other peers are in memory beside the seven devices.
const OTHER_PEERS: [(&str, usize); 2] = [("alone", 0), ("among 200 other peers", 200)];

/// How many messages of a chain are timed in a row before its household is made anew: what is to be decrypted lies ready in
/// memory, and a chain ends at 10,000.
const RUN: usize = 200;

/// How often both take turns, and how many operations each does in one.
const TURNS: usize = 201;
const OPERATIONS_OF_A_TURN: usize = 20;

criterion_group!(benches, encrypt, decrypt, adopt_list);

fn main() {
    print_ratios();
    benches();
    Criterion::default().configure_from_args().final_summary();
}

/// Prints what is held against what.
fn print_ratios() {
    for (peers, others) in OTHER_PEERS {
        for (size, padded) in SIZES {
            let payload = body(padded);
            let [mut all, mut single] = [(); 2].map(|()| Household::agreed(others));
            print_ratio(
                &format!("encrypt, {size}, {peers}: 4 devices and 2 own ones, of 6 messages"),
                || drop(black_box(all.fan_out(&payload))),
                || drop(black_box(single.one_by_one(&payload))),
            );
            let [mut whole, mut single] = [(); 2].map(|()| Household::agreed(others));
            let count = TURNS * OPERATIONS_OF_A_TURN + OPERATIONS_OF_A_TURN;
            let [messages, of_single] =
                [&mut whole, &mut single].map(|it| it.messages_to_us(padded, count));
            let (mut messages, mut of_single) = (messages.iter(), of_single.iter());
            print_ratio(
                &format!("decrypt, {size}, {peers}: by own devices, of a peer's"),
                || drop(black_box(whole.decrypt(messages.next().unwrap()))),
                || drop(black_box(single.decrypt_by_peer(of_single.next().unwrap()))),
            );
        }
    }
    for (size, padded) in SIZES {
        let payload = body(padded);
        let [mut all, mut single] = [(); 2].map(|()| Household::of_many());
        print_ratio(
            &format!("encrypt, {size}: 16 devices of each of 4 people, of 64 messages"),
            || drop(black_box(all.fan_out_to_all(&payload))),
            || drop(black_box(single.one_by_one(&payload))),
        );
    }
    let list = longest_list();
    let signatures = signatures_of(&list);
    for count in [17, 16] {
        print_ratio(
            &format!("decode, verify and adopt a list of 16 devices, of {count} signatures"),
            || drop(black_box(adopt(&list))),
            || verify_all(&signatures[..count]),
        );
    }
    println!();
}

/// The median of the ratios of each turn.
fn print_ratio(name: &str, mut ours: impl FnMut(), mut base: impl FnMut()) {
    let time = |operation: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..OPERATIONS_OF_A_TURN).for_each(|_| operation());
        start.elapsed().as_secs_f64()
    };
    time(&mut ours);
    time(&mut base);
    let mut ratios: Vec<f64> = (0..TURNS).map(|_| time(&mut ours) / time(&mut base)).collect();
    ratios.sort_by(f64::total_cmp);
    println!("ratio: {name}: {:.3}", ratios[TURNS / 2]);
}

/// Strict verifications, each with its key unpacked.
fn verify_all(signatures: &[SignedBytes]) {
    for SignedBytes { key, message, signature } in signatures {
        let key = VerifyingKey::from_bytes(key).unwrap();
        key.verify_strict(message, &Signature::from_bytes(signature)).unwrap();
    }
}

fn encrypt(criterion: &mut Criterion) {
    for (size, padded) in SIZES {
        let payload = body(padded);
        let mut group = criterion.benchmark_group(format!("people, encrypt, {size}"));
        group.bench_function("4 devices and 2 own ones", |bencher| {
            in_runs(bencher, |household, _| black_box(household.fan_out(&payload)));
        });
        group.bench_function("6 peers, one by one", |bencher| {
            in_runs(bencher, |household, _| black_box(household.one_by_one(&payload)));
        });
    }
}

fn decrypt(criterion: &mut Criterion) {
    for (size, padded) in SIZES {
        let messages = Household::agreed(0).messages_to_us(padded, RUN);
        let mut group = criterion.benchmark_group(format!("people, decrypt, {size}"));
        group.bench_function("by own devices", |bencher| {
            in_runs(bencher, |household, number| household.decrypt(&messages[number]));
        });
        group.bench_function("by a peer", |bencher| {
            in_runs(bencher, |household, number| household.decrypt_by_peer(&messages[number]));
        });
    }
}

fn adopt_list(criterion: &mut Criterion) {
    let list = longest_list();
    let signatures = signatures_of(&list);
    let mut group = criterion.benchmark_group("people, a list of 16 devices");
    group.bench_function("decode, verify and adopt", |bencher| bencher.iter(|| adopt(&list)));
    group.bench_function("its 17 signatures alone", |bencher| {
        bencher.iter(|| verify_all(&signatures));
    });
}

/// Times `routine` in runs, each on a household made for it; it is told how many times it has run before.
fn in_runs<O>(bencher: &mut Bencher<'_>, mut routine: impl FnMut(&mut Household, usize) -> O) {
    let begun = Household::agreed(0);
    bencher.iter_custom(|iterations| {
        let mut elapsed = Duration::ZERO;
        let mut left = usize::try_from(iterations).unwrap();
        while left != 0 {
            let run = left.min(RUN);
            let mut household = begun.copy();
            let start = Instant::now();
            for number in 0..run {
                black_box(routine(&mut household, number));
            }
            elapsed += start.elapsed();
            left -= run;
        }
        elapsed
    });
}
