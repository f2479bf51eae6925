//! What messages and handshakes cost, and how much room a session takes.
//!
//! `cargo bench` prints the sizes, then runs everything; `cargo bench -- late` runs what has that in
//! its name.

mod support;

use std::hint::black_box;
use std::iter::repeat_with;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Bencher, Criterion, Throughput, criterion_group};
use evanesce::Account;
use evanesce::session::{DecryptError, Session};
use evanesce::snapshot::StorageKey;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;
use support::{
    AD, NOW, SMALL, account, deliver, first_exchange, holding, in_a_chain, message, payload,
    restored, rng, stored, verified,
};

/// Of padded plaintexts, by name.
const SIZES: [(&str, u32); 3] = [("64 B", 64), ("1 KiB", 1_024), ("64 KiB", 65_536)];

/// How many messages of a chain are timed in a row before its session is restored: a chain ends at
/// 10,000, and what is to be decrypted lies ready in memory.
const RUN: usize = 200;

criterion_group!(
    benches,
    encrypt,
    decrypt,
    ping_pong,
    decrypt_with_ratchet_step,
    initiate,
    accept,
    gap,
    late_1000,
    encrypt_holding_1000,
    restore_decrypt_store,
    forged
);

fn main() {
    print_state_sizes();
    benches();
    Criterion::default().configure_from_args().final_summary();
}

/// Prints what sessions take in storage.
fn print_state_sizes() {
    let mut rng = rng();
    let (mut alice, mut bob) = first_exchange(&mut rng);
    print_size("Alice after the first exchange", &alice);
    print_size("Bob after the first exchange", &bob);
    for _ in 0..10 {
        ping_pong_round(&mut alice, &mut bob, &mut rng);
    }
    print_size("Alice after ten more rounds", &alice);
    print_size("Bob after ten more rounds", &bob);
    let (_, bob) = in_a_chain(&mut rng);
    let before = print_size("Bob in a chain of Alice's", &bob);
    let (bob, _) = holding(1_000, &mut rng);
    let after = print_size("Bob holding 1,000 keys of it", &bob);
    println!("state_size: a held key takes {} bytes\n", (after - before) / 1_000);
}

fn print_size(name: &str, session: &Session) -> usize {
    let state = stored(session);
    let sealed = session.seal(&StorageKey::new(&[7; 32]), AD, &mut rng());
    println!("state_size: {name}: {} bytes, {} once sealed", state.len(), sealed.len());
    state.len()
}

fn encrypt(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encrypt");
    for (name, size) in SIZES {
        let mut rng = rng();
        let (alice, _) = in_a_chain(&mut rng);
        let (alice, payload) = (stored(&alice), payload(size));
        group.throughput(Throughput::Bytes(size.into()));
        group.bench_function(name, |bencher| {
            in_runs(bencher, &alice, |alice, _| alice.encrypt(&payload, AD, &mut rng).unwrap());
        });
    }
}

fn decrypt(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decrypt");
    for (name, size) in SIZES {
        let mut rng = rng();
        let (mut alice, bob) = in_a_chain(&mut rng);
        let messages = repeat_with(|| message(&mut alice, size, &mut rng));
        let messages: Vec<_> = messages.take(RUN).collect();
        let bob = stored(&bob);
        group.throughput(Throughput::Bytes(size.into()));
        group.bench_function(name, |bencher| {
            in_runs(bencher, &bob, |bob, number| bob.decrypt(&messages[number], AD, NOW).unwrap());
        });
    }
}

/// A message each way, each with its Diffie-Hellman step: encrypted twice, decrypted twice.
fn ping_pong(criterion: &mut Criterion) {
    let mut rng = rng();
    let (mut alice, mut bob) = first_exchange(&mut rng);
    criterion.bench_function("ping_pong", |bencher| {
        bencher.iter(|| ping_pong_round(&mut alice, &mut bob, &mut rng));
    });
}

fn decrypt_with_ratchet_step(criterion: &mut Criterion) {
    let mut rng = rng();
    let (mut alice, bob) = first_exchange(&mut rng);
    let (bob, message) = (stored(&bob), message(&mut alice, SMALL, &mut rng));
    criterion.bench_function("decrypt_with_ratchet_step", |bencher| {
        decrypt_once(bencher, &bob, &message);
    });
}

/// Alice's side of a handshake, from the bundle's bytes on; nothing is encrypted yet.
fn initiate(criterion: &mut Criterion) {
    let mut rng = rng();
    let (_, mut server) = account("bob", &mut rng);
    let (alice, _) = account("alice", &mut rng);
    let bundle = server.hand_out();
    let mut group = criterion.benchmark_group("initiate");
    group.bench_function("verify", |bencher| bencher.iter(|| verified(&bundle)));
    group.bench_function("verify and initiate", |bencher| {
        bencher.iter(|| alice.initiate(&verified(&bundle), &mut rng).unwrap());
    });
}

/// Bob's side of a handshake, its first message decrypted.
fn accept(criterion: &mut Criterion) {
    let mut rng = rng();
    let (bob, mut server) = account("bob", &mut rng);
    let (alice, _) = account("alice", &mut rng);
    let mut alice = alice.initiate(&verified(&server.hand_out()), &mut rng).unwrap();
    let (bob, message) = (bob.snapshot(), message(&mut alice, SMALL, &mut rng));
    criterion.bench_function("accept", |bencher| {
        bencher.iter_batched_ref(
            || Account::restore(&bob).unwrap(),
            |bob| bob.accept(&message, AD, NOW).unwrap(),
            BatchSize::SmallInput,
        );
    });
}

/// So many messages were lost, the next one comes.
fn gap(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gap");
    for (name, lost) in [("100", 100), ("1,000", 1_000)] {
        let mut rng = rng();
        let (mut alice, bob) = in_a_chain(&mut rng);
        for _ in 0..lost {
            message(&mut alice, SMALL, &mut rng);
        }
        let (bob, message) = (stored(&bob), message(&mut alice, SMALL, &mut rng));
        group.bench_function(name, |bencher| decrypt_once(bencher, &bob, &message));
    }
}

/// A late message comes, whose key is held among others or alone.
fn late_1000(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("late_1000");
    for (name, held) in [("1 held", 1), ("1,000 held", 1_000)] {
        let (bob, late_message) = holding(held, &mut rng());
        let bob = stored(&bob);
        group.bench_function(name, |bencher| decrypt_once(bencher, &bob, &late_message));
    }
}

/// What is held for late messages has no part in sending.
fn encrypt_holding_1000(criterion: &mut Criterion) {
    let mut rng = rng();
    let (mut bob, _) = holding(1_000, &mut rng);
    // Begins Bob's chain.
    message(&mut bob, SMALL, &mut rng);
    let (bob, payload) = (stored(&bob), payload(SMALL));
    criterion.bench_function("encrypt_holding_1000", |bencher| {
        in_runs(bencher, &bob, |bob, _| bob.encrypt(&payload, AD, &mut rng).unwrap());
    });
}

/// What an application does that keeps its sessions in a store.
fn restore_decrypt_store(criterion: &mut Criterion) {
    let mut rng = rng();
    let (mut alice, bob) = in_a_chain(&mut rng);
    let message = message(&mut alice, SMALL, &mut rng);
    let key = StorageKey::new(&[7; 32]);
    let (plain, sealed) = (stored(&bob), bob.seal(&key, AD, &mut rng));
    let mut group = criterion.benchmark_group("restore_decrypt_store");
    group.bench_function("plain", |bencher| {
        bencher.iter(|| {
            let mut bob = restored(&plain);
            (bob.decrypt(&message, AD, NOW).unwrap(), bob.snapshot())
        });
    });
    group.bench_function("sealed", |bencher| {
        bencher.iter(|| {
            let mut bob = Session::unseal(&sealed, &key, AD).unwrap();
            (bob.decrypt(&message, AD, NOW).unwrap(), bob.seal(&key, AD, &mut rng))
        });
    });
}

/// Random bytes come, and the header keys of as many chains as can be are tried on them.
fn forged(criterion: &mut Criterion) {
    let mut rng = rng();
    let (mut alice, mut bob) = first_exchange(&mut rng);
    // The current chain and five older ones.
    for _ in 0..6 {
        message(&mut alice, SMALL, &mut rng);
        ping_pong_round(&mut alice, &mut bob, &mut rng);
    }
    assert_eq!(bob.held_keys(), 6);
    let mut forged = message(&mut alice, SMALL, &mut rng);
    rng.fill_bytes(&mut forged[1..]);
    let refused = Err(DecryptError::Undecryptable);
    criterion.bench_function("forged", |bencher| {
        bencher.iter(|| assert_eq!(bob.decrypt(&forged, AD, NOW), refused));
    });
}

/// Times `routine` on a stored session, in runs; it is told how many times it has run before.
fn in_runs<O>(
    bencher: &mut Bencher<'_>,
    session: &[u8],
    mut routine: impl FnMut(&mut Session, usize) -> O,
) {
    bencher.iter_custom(|iterations| {
        let mut elapsed = Duration::ZERO;
        let mut left = usize::try_from(iterations).unwrap();
        while left != 0 {
            let run = left.min(RUN);
            let mut session = restored(session);
            let start = Instant::now();
            for number in 0..run {
                black_box(routine(&mut session, number));
            }
            elapsed += start.elapsed();
            left -= run;
        }
        elapsed
    });
}

/// Times one message on a stored session. Few sessions are in memory at a time, so that a large one
/// does not cost cache misses that it would not cost alone.
fn decrypt_once(bencher: &mut Bencher<'_>, session: &[u8], message: &[u8]) {
    bencher.iter_batched_ref(
        || restored(session),
        |session| session.decrypt(message, AD, NOW).unwrap(),
        BatchSize::LargeInput,
    );
}

fn ping_pong_round(alice: &mut Session, bob: &mut Session, rng: &mut ChaCha20Rng) {
    deliver(alice, bob, rng);
    deliver(bob, alice, rng);
}
