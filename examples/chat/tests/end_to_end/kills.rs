//! Processes that are killed at random moments of a stream of messages in both directions: nothing is lost, nothing
//! repeated, and the order is kept.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::person::{history, introduce, wait_for_history};
use crate::process::{PATIENCE, Process};
use crate::world::World;

const MESSAGES: usize = 200;
const KILLS: usize = 10;

fn texts(of: &str) -> Vec<String> {
    (0..MESSAGES).map(|number| format!("{number} of {of}")).collect()
}

/// Goes on with what is stored, until everything is written; nothing if it is killed before.
fn write(process: &mut Process, name: &str, with: &str) -> Option<()> {
    let written = history(process, with, "us")?.len() - 1;
    for text in &texts(name)[written..] {
        process.say(&format!("to {with} {text}"));
        process.wait_or_end(&format!("QUEUED {with}"))?;
        thread::sleep(Duration::from_millis(5));
    }
    Some(())
}

#[test]
fn kills_at_random_moments_lose_nothing_and_repeat_nothing() {
    let world = World::new("kills");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    introduce(&mut alice, &mut bob);
    drop((alice, bob));
    let (world, done) = (Mutex::new(world), AtomicUsize::new(0));
    let address = world.lock().unwrap().address.clone();
    thread::scope(|scope| {
        for (name, with, seed) in [("alice", "bob", 1), ("bob", "alice", 2)] {
            let (world, done, address) = (&world, &done, &address);
            scope.spawn(move || {
                let rng = &mut ChaCha20Rng::seed_from_u64(seed);
                let mut interrupted = 0;
                for _ in 0..KILLS {
                    let mut process = world.lock().unwrap().person_at(name, address);
                    let (killer, life) = (process.killer(), 100 + rng.next_u64() % 400);
                    thread::scope(|inner| {
                        let writing = inner.spawn(|| write(&mut process, name, with));
                        thread::sleep(Duration::from_millis(life));
                        killer.kill();
                        interrupted += usize::from(writing.join().unwrap().is_none());
                    });
                }
                println!("{name} was killed {KILLS} times, {interrupted} while writing");
                assert!(interrupted >= 3, "the work was done too soon");
                let mut process = world.lock().unwrap().person_at(name, address);
                write(&mut process, name, with).unwrap();
                let received = wait_for_history(&mut process, with, "them", MESSAGES + 1);
                assert_eq!(received[1..], texts(with));
                let written = history(&mut process, with, "us").unwrap();
                assert_eq!(written[1..], texts(name));
                // The other may need what is still in our outbox.
                done.fetch_add(1, Ordering::Relaxed);
                let deadline = Instant::now() + PATIENCE;
                while done.load(Ordering::Relaxed) < 2 && Instant::now() < deadline {
                    thread::sleep(Duration::from_millis(20));
                }
                assert_eq!(history(&mut process, with, "them").unwrap(), received);
            });
        }
        let (world, done) = (&world, &done);
        scope.spawn(move || {
            let rng = &mut ChaCha20Rng::seed_from_u64(3);
            for _ in 0..KILLS {
                thread::sleep(Duration::from_millis(200 + rng.next_u64() % 500));
                if done.load(Ordering::Relaxed) == 2 {
                    return;
                }
                world.lock().unwrap().restart_relay();
            }
        });
    });
}
