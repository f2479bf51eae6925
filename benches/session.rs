//! What messages and handshakes cost, and how much room a session takes: in suite 1, and what begins with `suite 2` in
//! suite 2.
//!
//! `cargo bench` prints the sizes, then runs everything; `cargo bench -- late` runs what has that in
//! its name.

mod support;

use std::hint::black_box;
use std::iter::repeat_with;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Bencher, Criterion, Throughput, criterion_group};
use evanesce::session::{DecryptError, Session};
use evanesce::snapshot::StorageKey;
use evanesce::{Account, Address, Payload, Peer, PeerDecryptError, SenderIndex, Suite};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;
use support::{
    AD, MESSAGES_OF_A_KEY, MESSAGES_OF_AN_ANSWER, NOW, Phase, PreKeys, SMALL, account, bob,
    deliver, first_exchange, first_message, holding, in_a_chain, in_phase, message, payload,
    restored, rng, run_epoch, stored, verified,
};

/// Of padded plaintexts, by name.
const SIZES: [(&str, u32); 3] = [("64 B", 64), ("1 KiB", 1_024), ("64 KiB", 65_536)];

/// Of an epoch, by name.
const PHASES: [(&str, Phase); 3] = [
    ("at rest", Phase::Rest),
    ("carrying a key", Phase::Key),
    ("carrying an answer", Phase::Answer),
];

/// By name.
const PREKEYS: [(&str, PreKeys); 2] =
    [("with a one-time prekey", PreKeys::OneTime), ("without one", PreKeys::LastResort)];

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
    worst,
    late_1000,
    encrypt_holding_1000,
    restore_decrypt_store,
    forged,
    find,
    hybrid_encrypt,
    hybrid_decrypt,
    hybrid_initiate,
    hybrid_accept,
    hybrid_epoch
);

fn main() {
    print_state_sizes();
    benches();
    Criterion::default().configure_from_args().final_summary();
}

/// Prints what sessions take in storage.
fn print_state_sizes() {
    let mut rng = rng();
    let (mut alice, mut bob) = first_exchange(Suite::Classical, &mut rng);
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
    println!("state_size: a held key takes {} bytes", (after - before) / 1_000);
    for (name, phase) in PHASES {
        let (sender, receiver) = in_phase(phase, &mut rng);
        print_size(&format!("suite 2, {name}: the sender"), &sender);
        print_size(&format!("suite 2, {name}: the receiver"), &receiver);
    }
    println!();
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
        let (alice, payload) = (stored(&alice), payload(Suite::Classical, size));
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
    let (mut alice, mut bob) = first_exchange(Suite::Classical, &mut rng);
    criterion.bench_function("ping_pong", |bencher| {
        bencher.iter(|| ping_pong_round(&mut alice, &mut bob, &mut rng));
    });
}

fn decrypt_with_ratchet_step(criterion: &mut Criterion) {
    let mut rng = rng();
    let (mut alice, bob) = first_exchange(Suite::Classical, &mut rng);
    let (bob, message) = (stored(&bob), message(&mut alice, SMALL, &mut rng));
    criterion.bench_function("decrypt_with_ratchet_step", |bencher| {
        decrypt_once(bencher, &bob, &message);
    });
}

/// Alice's side of a handshake, from the bundle's bytes on; nothing is encrypted yet.
fn initiate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("initiate");
    let mut rng = rng();
    let (_, mut bundles) = bob(Suite::Classical, PreKeys::OneTime, &mut rng);
    let (alice, bundle) = (account(Suite::Classical, "alice", &mut rng).0, bundles());
    group.bench_function("verify", |bencher| bencher.iter(|| verified(&bundle)));
    group.bench_function("verify and initiate", |bencher| {
        bencher.iter(|| alice.initiate(&verified(&bundle), &mut rng).unwrap());
    });
}

/// Bob's side of a handshake, its first message decrypted.
fn accept(criterion: &mut Criterion) {
    criterion.bench_function("accept", |bencher| {
        accept_after(bencher, Suite::Classical, PreKeys::OneTime, 0);
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

/// All that a message can cost: it is the last of a full chain, before which another one was full, and of both nothing
/// came but the first message of the former. Then its header before another rest.
fn worst(criterion: &mut Criterion) {
    const FULL: usize = 10_000;
    let mut rng = rng();
    let (mut alice, mut bob) = in_a_chain(&mut rng);
    (1..FULL).for_each(|_| _ = message(&mut alice, SMALL, &mut rng));
    deliver(&mut bob, &mut alice, &mut rng);
    let mut last = repeat_with(|| message(&mut alice, SMALL, &mut rng)).take(FULL).last().unwrap();
    let mut group = criterion.benchmark_group("worst");
    let stored = stored(&bob);
    group.bench_function("that opens", |bencher| decrypt_once(bencher, &stored, &last));
    *last.last_mut().unwrap() ^= 1;
    let refused = Err(DecryptError::Undecryptable);
    group.bench_function("that was altered", |bencher| {
        bencher.iter(|| assert_eq!(bob.decrypt(&last, AD, NOW), refused));
    });
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
    let (bob, payload) = (stored(&bob), payload(Suite::Classical, SMALL));
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
    let (mut alice, mut bob) = first_exchange(Suite::Classical, &mut rng);
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

/// Whom a message is of, among ten thousand peers with one session each: one that nobody has sent, the next one of the
/// last peer, and one with which that begins its next turn.
fn find(criterion: &mut Criterion) {
    const PEERS: usize = 10_000;
    let mut rng = rng();
    let (mut bob, mut bundles) = bob(Suite::Classical, PreKeys::OneTime, &mut rng);
    let peer = |name: &str| Peer::new(Address::new(name).unwrap());
    let mut talk = || {
        let (mut alice, _) = account(Suite::Classical, "alice", &mut rng);
        let (mut at_alice, mut at_bob) = (peer("bob"), peer("alice"));
        let _ = at_alice.initiate(&alice, verified(&bundles()), NOW, &mut rng).unwrap();
        let mut say = |from: &mut Peer| {
            from.encrypt(&Payload::new("text"), AD, NOW, &mut rng).unwrap().message
        };
        let _ = at_bob.decrypt(&mut bob, &say(&mut at_alice), AD, NOW).unwrap();
        let _ = at_bob.accept_request();
        // Once answered, messages carry no handshake.
        let _ = at_alice.decrypt(&mut alice, &say(&mut at_bob), AD, NOW).unwrap();
        let _ = at_bob.decrypt(&mut bob, &say(&mut at_alice), AD, NOW).unwrap();
        let next = say(&mut at_alice);
        let _ = at_alice.decrypt(&mut alice, &say(&mut at_bob), AD, NOW).unwrap();
        (at_bob, next, say(&mut at_alice))
    };
    let ((other, _, _), (mut last, next, turn)) = (talk(), talk());
    let mut nobodys = next.clone();
    nobodys[1..].iter_mut().for_each(|byte| *byte ^= 0x55);
    // What is malformed would be nobody's before anybody is asked.
    let refused = last.decrypt_established(&nobodys, AD, NOW).map(drop);
    assert_eq!(refused, Err(PeerDecryptError::Undecryptable));
    let snapshot = other.snapshot();
    let others = repeat_with(|| Peer::restore(&snapshot).unwrap()).take(PEERS - 1);
    let peers: Vec<_> = others.chain([last]).collect();
    let mut index = SenderIndex::new();
    peers.iter().enumerate().skip(1).for_each(|(place, peer)| index.note(place, peer));

    let mut group = criterion.benchmark_group("find");
    group.bench_function("asking each", |bencher| {
        bencher.iter(|| assert!(!peers.iter().any(|peer| peer.knows(&nobodys))));
    });
    group.bench_function("asking all, of nobody", |bencher| {
        bencher.iter(|| assert_eq!(Peer::find_sender(&nobodys, &peers), None));
    });
    group.bench_function("asking all, whose turn it is", |bencher| {
        bencher.iter(|| assert_eq!(Peer::find_sender(&turn, &peers), Some(PEERS - 1)));
    });
    group.bench_function("by the index", |bencher| {
        bencher.iter(|| assert_eq!(index.find(&next), Some(&(PEERS - 1))));
    });
    group.bench_function("noting what has not changed", |bencher| {
        bencher.iter(|| index.note(PEERS - 1, &peers[PEERS - 1]));
    });
}

/// One message in each phase of an epoch. What a session keeps of it in memory and does not store has been made by a
/// message that is not timed.
fn hybrid_encrypt(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("suite 2, encrypt");
    for (name, phase) in PHASES {
        let mut rng = rng();
        let (sender, _) = in_phase(phase, &mut rng);
        let (sender, payload) = (stored(&sender), payload(Suite::Hybrid, SMALL));
        let mut warming_rng = rng.clone();
        let mut prepare = || {
            let mut sender = restored(&sender);
            sender.encrypt(&payload, AD, &mut warming_rng).unwrap();
            sender
        };
        group.bench_function(name, |bencher| {
            in_runs_of(bencher, messages_left(phase), &mut prepare, |sender, _| {
                sender.encrypt(&payload, AD, &mut rng).unwrap()
            });
        });
    }
}

fn hybrid_decrypt(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("suite 2, decrypt");
    for (name, phase) in PHASES {
        let mut rng = rng();
        let (mut sender, receiver) = in_phase(phase, &mut rng);
        let receiver = stored(&receiver);
        let warming = message(&mut sender, SMALL, &mut rng);
        let messages = repeat_with(|| message(&mut sender, SMALL, &mut rng));
        let messages: Vec<_> = messages.take(messages_left(phase)).collect();
        let mut prepare = || {
            let mut receiver = restored(&receiver);
            receiver.decrypt(&warming, AD, NOW).unwrap();
            receiver
        };
        group.bench_function(name, |bencher| {
            in_runs_of(bencher, messages.len(), &mut prepare, |receiver, number| {
                receiver.decrypt(&messages[number], AD, NOW).unwrap()
            });
        });
    }
}

fn hybrid_initiate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("suite 2, verify and initiate");
    for (name, prekeys) in PREKEYS {
        let mut rng = rng();
        let (_, mut bundles) = bob(Suite::Hybrid, prekeys, &mut rng);
        let (alice, bundle) = (account(Suite::Hybrid, "alice", &mut rng).0, bundles());
        group.bench_function(name, |bencher| {
            bencher.iter(|| alice.initiate(&verified(&bundle), &mut rng).unwrap());
        });
    }
}

/// How many messages the receiver of a phase opens in it between the second, and the one that completes what they carry.
fn messages_left(phase: Phase) -> usize {
    match phase {
        Phase::Rest => RUN,
        Phase::Key => MESSAGES_OF_A_KEY - 3,
        Phase::Answer => MESSAGES_OF_AN_ANSWER - 3,
    }
}

/// With an account out of its store, and with one that has accepted before.
fn hybrid_accept(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("suite 2, accept");
    for (name, prekeys) in PREKEYS {
        group.bench_function(name, |bencher| accept_after(bencher, Suite::Hybrid, prekeys, 0));
    }
    group.bench_function("another", |bencher| {
        accept_after(bencher, Suite::Hybrid, PreKeys::OneTime, 1);
    });
}

/// All messages of an epoch, both sides, with three ratchet steps each.
fn hybrid_epoch(criterion: &mut Criterion) {
    let mut rng = rng();
    let (alice, bob) = first_exchange(Suite::Hybrid, &mut rng);
    let (alice, bob) = (stored(&alice), stored(&bob));
    criterion.bench_function("suite 2, epoch", |bencher| {
        bencher.iter_batched_ref(
            || (restored(&alice), restored(&bob)),
            |(alice, bob)| run_epoch(alice, bob, &mut rng),
            BatchSize::SmallInput,
        );
    });
}

/// Times the acceptance of a first message by an account out of its store that has accepted so many before.
fn accept_after(bencher: &mut Bencher<'_>, suite: Suite, prekeys: PreKeys, before: usize) {
    let mut rng = rng();
    let (bob, mut bundles) = bob(suite, prekeys, &mut rng);
    let mut first = || first_message(suite, &bundles(), &mut rng).1;
    let before: Vec<_> = (0..before).map(|_| first()).collect();
    let (bob, message) = (bob.snapshot(), first());
    bencher.iter_batched_ref(
        || {
            let mut bob = Account::restore(&bob).unwrap();
            for message in &before {
                bob.accept(message, AD, NOW).unwrap();
            }
            bob
        },
        |bob| bob.accept(&message, AD, NOW).unwrap(),
        BatchSize::SmallInput,
    );
}

/// Times `routine` on a stored session, in runs; it is told how many times it has run before.
fn in_runs<O>(
    bencher: &mut Bencher<'_>,
    session: &[u8],
    routine: impl FnMut(&mut Session, usize) -> O,
) {
    in_runs_of(bencher, RUN, || restored(session), routine);
}

/// The same in runs of so many, each on a session made for it.
fn in_runs_of<O>(
    bencher: &mut Bencher<'_>,
    most: usize,
    mut prepare: impl FnMut() -> Session,
    mut routine: impl FnMut(&mut Session, usize) -> O,
) {
    bencher.iter_custom(|iterations| {
        let mut elapsed = Duration::ZERO;
        let mut left = usize::try_from(iterations).unwrap();
        while left != 0 {
            let run = left.min(most);
            let mut session = prepare();
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
