//! How many instructions messages and handshakes take, counted by callgrind: the same in every run of the same
//! program, however busy the machine is: in suite 1, and what begins with `hybrid` in suite 2. What takes over 1 % more
//! than in the run before fails.
//!
//! Valgrind knows none of the processor's instructions for SHA-256, so hashes count several times what they cost.

#[path = "../support/mod.rs"]
mod support;

use std::iter::repeat_with;

use evanesce::session::{Accepted, Session};
use evanesce::snapshot::StorageKey;
use evanesce::{Account, Payload, Received, Suite};
use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use rand_chacha::ChaCha20Rng;
use support::{
    AD, NOW, Phase, PreKeys, SMALL, account, bob, first_exchange, first_message, holding,
    in_a_chain, in_phase, message, payload, restored, rng, run_epoch, stored, verified,
};

/// A receiver and what comes to it.
struct Arrival {
    session: Session,
    message: Vec<u8>,
}

/// A sender and what it sends.
struct Departure {
    session: Session,
    payload: Payload,
    rng: ChaCha20Rng,
}

fn departure(size: u32) -> Departure {
    let mut rng = rng();
    let (session, _) = in_a_chain(&mut rng);
    Departure { session, payload: payload(Suite::Classical, size), rng }
}

fn departure_in_a_new_chain() -> Departure {
    let mut rng = rng();
    let (session, _) = first_exchange(Suite::Classical, &mut rng);
    Departure { session, payload: payload(Suite::Classical, SMALL), rng }
}

fn arrival(size: u32) -> Arrival {
    arrival_after(0, size)
}

fn arrival_after(lost: usize, size: u32) -> Arrival {
    let mut rng = rng();
    let (mut alice, session) = in_a_chain(&mut rng);
    repeat_with(|| message(&mut alice, SMALL, &mut rng)).take(lost).for_each(drop);
    Arrival { session, message: message(&mut alice, size, &mut rng) }
}

fn arrival_in_a_new_chain() -> Arrival {
    let mut rng = rng();
    let (mut alice, session) = first_exchange(Suite::Classical, &mut rng);
    Arrival { session, message: message(&mut alice, SMALL, &mut rng) }
}

fn late_arrival(held: usize) -> Arrival {
    let (session, message) = holding(held, &mut rng());
    Arrival { session, message }
}

// Counted is what happens in these functions: not their setup, and not the drop of what they return.

#[library_benchmark(setup = departure)]
#[bench::of_64_b(64)]
#[bench::of_1_kib(1_024)]
#[bench::of_64_kib(65_536)]
fn encrypt(departure: Departure) -> (Departure, Vec<u8>) {
    sent(departure)
}

#[library_benchmark(setup = departure_in_a_new_chain)]
fn encrypt_with_ratchet_step(departure: Departure) -> (Departure, Vec<u8>) {
    sent(departure)
}

fn sent(mut departure: Departure) -> (Departure, Vec<u8>) {
    let Departure { session, payload, rng } = &mut departure;
    let message = session.encrypt(payload, AD, rng).unwrap();
    (departure, message)
}

#[library_benchmark(setup = arrival)]
#[bench::of_64_b(64)]
#[bench::of_1_kib(1_024)]
#[bench::of_64_kib(65_536)]
fn decrypt(arrival: Arrival) -> (Arrival, Received) {
    received(arrival)
}

#[library_benchmark(setup = arrival_in_a_new_chain)]
fn decrypt_with_ratchet_step(arrival: Arrival) -> (Arrival, Received) {
    received(arrival)
}

#[library_benchmark(setup = arrival_after)]
#[bench::of_100(100, SMALL)]
#[bench::of_1000(1_000, SMALL)]
fn gap(arrival: Arrival) -> (Arrival, Received) {
    received(arrival)
}

#[library_benchmark(setup = late_arrival)]
#[bench::of_1_held(1)]
#[bench::of_1000_held(1_000)]
fn late(arrival: Arrival) -> (Arrival, Received) {
    received(arrival)
}

fn received(mut arrival: Arrival) -> (Arrival, Received) {
    let received = arrival.session.decrypt(&arrival.message, AD, NOW).unwrap();
    (arrival, received)
}

fn bundle(suite: Suite, prekeys: PreKeys) -> (Account, Vec<u8>, ChaCha20Rng) {
    let mut rng = rng();
    let (_, mut bundles) = bob(suite, prekeys, &mut rng);
    let (alice, _) = account(suite, "alice", &mut rng);
    (alice, bundles(), rng)
}

#[library_benchmark(setup = bundle)]
#[bench::classical(Suite::Classical, PreKeys::OneTime)]
#[bench::hybrid(Suite::Hybrid, PreKeys::OneTime)]
#[bench::hybrid_without_one_time_prekey(Suite::Hybrid, PreKeys::LastResort)]
fn initiate(with: (Account, Vec<u8>, ChaCha20Rng)) -> (Account, Session) {
    let (alice, bundle, mut rng) = with;
    let session = alice.initiate(&verified(&bundle), &mut rng).unwrap();
    (alice, session)
}

/// Bob, who has accepted so many before.
fn unopened(suite: Suite, prekeys: PreKeys, before: usize) -> (Account, Vec<u8>) {
    let mut rng = rng();
    let (mut bob, mut bundles) = bob(suite, prekeys, &mut rng);
    for _ in 0..before {
        bob.accept(&first_message(suite, &bundles(), &mut rng).1, AD, NOW).unwrap();
    }
    (bob, first_message(suite, &bundles(), &mut rng).1)
}

#[library_benchmark(setup = unopened)]
#[bench::classical(Suite::Classical, PreKeys::OneTime, 0)]
#[bench::hybrid(Suite::Hybrid, PreKeys::OneTime, 0)]
#[bench::hybrid_without_one_time_prekey(Suite::Hybrid, PreKeys::LastResort, 0)]
#[bench::hybrid_another(Suite::Hybrid, PreKeys::OneTime, 1)]
fn accept(with: (Account, Vec<u8>)) -> (Account, Accepted) {
    let (mut bob, message) = with;
    let accepted = bob.accept(&message, AD, NOW).unwrap();
    (bob, accepted)
}

/// A message that is not counted makes what a session keeps of the epoch in memory.
fn departure_in_phase(phase: Phase) -> Departure {
    let mut rng = rng();
    let (mut session, _) = in_phase(phase, &mut rng);
    message(&mut session, SMALL, &mut rng);
    Departure { session, payload: payload(Suite::Hybrid, SMALL), rng }
}

#[library_benchmark(setup = departure_in_phase)]
#[bench::at_rest(Phase::Rest)]
#[bench::carrying_a_key(Phase::Key)]
#[bench::carrying_an_answer(Phase::Answer)]
fn hybrid_encrypt(departure: Departure) -> (Departure, Vec<u8>) {
    sent(departure)
}

/// The same.
fn arrival_in_phase(phase: Phase) -> Arrival {
    let mut rng = rng();
    let (mut sender, mut session) = in_phase(phase, &mut rng);
    session.decrypt(&message(&mut sender, SMALL, &mut rng), AD, NOW).unwrap();
    Arrival { session, message: message(&mut sender, SMALL, &mut rng) }
}

#[library_benchmark(setup = arrival_in_phase)]
#[bench::at_rest(Phase::Rest)]
#[bench::carrying_a_key(Phase::Key)]
#[bench::carrying_an_answer(Phase::Answer)]
fn hybrid_decrypt(arrival: Arrival) -> (Arrival, Received) {
    received(arrival)
}

fn beginning() -> (Session, Session, ChaCha20Rng) {
    let mut rng = rng();
    let (alice, bob) = first_exchange(Suite::Hybrid, &mut rng);
    (alice, bob, rng)
}

#[library_benchmark(setup = beginning)]
fn hybrid_epoch(with: (Session, Session, ChaCha20Rng)) -> (Session, Session) {
    let (mut alice, mut bob, mut rng) = with;
    run_epoch(&mut alice, &mut bob, &mut rng);
    (alice, bob)
}

fn plain() -> (Vec<u8>, Vec<u8>) {
    let Arrival { session, message } = arrival(SMALL);
    (stored(&session), message)
}

#[library_benchmark(setup = plain)]
fn restore_decrypt_snapshot(with: (Vec<u8>, Vec<u8>)) -> Vec<u8> {
    let (stored, message) = with;
    let mut session = restored(&stored);
    session.decrypt(&message, AD, NOW).unwrap();
    session.snapshot().to_vec()
}

fn sealed() -> (Vec<u8>, Vec<u8>, ChaCha20Rng) {
    let mut rng = rng();
    let Arrival { session, message } = arrival(SMALL);
    (session.seal(&storage_key(), AD, &mut rng), message, rng)
}

#[library_benchmark(setup = sealed)]
fn unseal_decrypt_seal(with: (Vec<u8>, Vec<u8>, ChaCha20Rng)) -> Vec<u8> {
    let (stored, message, mut rng) = with;
    let key = storage_key();
    let mut session = Session::unseal(&stored, &key, AD).unwrap();
    session.decrypt(&message, AD, NOW).unwrap();
    session.seal(&key, AD, &mut rng)
}

fn storage_key() -> StorageKey {
    StorageKey::new(&[7; 32])
}

library_benchmark_group!(
    name = messages;
    benchmarks =
        encrypt,
        encrypt_with_ratchet_step,
        decrypt,
        decrypt_with_ratchet_step,
        gap,
        late,
        restore_decrypt_snapshot,
        unseal_decrypt_seal
);

library_benchmark_group!(name = handshakes; benchmarks = initiate, accept);

library_benchmark_group!(
    name = epochs;
    benchmarks = hybrid_encrypt, hybrid_decrypt, hybrid_epoch
);

main!(
    config = LibraryBenchmarkConfig::default()
        .tool(Callgrind::default().soft_limits([(EventKind::Ir, 1_f64)]));
    library_benchmark_groups = messages, handshakes, epochs
);
