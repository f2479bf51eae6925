//! The demonstration: starts Alice and Bob as processes, kills them again and again, and looks at what is
//! stored in the end.

use std::error::Error;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::store::Store;

const SEED: u64 = 2026;
const MESSAGES: usize = 50;
const KILLS: u32 = 15;
/// A process lives shorter than this, in milliseconds, as long as there are kills left.
const LONGEST_LIFE: u64 = 80;

pub fn run() -> Result<(), Box<dyn Error>> {
    let directory = env::temp_dir().join(format!("evanesce-restart-{}", process::id()));
    fs::create_dir(&directory)?;
    let outcome = converse_and_check(&directory);
    fs::remove_dir_all(&directory)?;
    outcome
}

fn converse_and_check(directory: &Path) -> Result<(), Box<dyn Error>> {
    println!("Alice and Bob begin at the same time. Each is killed {KILLS} times (seed {SEED}).");
    let from = Instant::now();
    let rng = &mut ChaCha20Rng::seed_from_u64(SEED);
    let mut alice = Mortal::start("alice", directory, rng)?;
    let mut bob = Mortal::start("bob", directory, rng)?;
    while !alice.is_done(rng)? | !bob.is_done(rng)? {
        thread::sleep(Duration::from_millis(1));
    }
    println!("Alice was killed {} times, Bob {} times.", alice.kills, bob.kills);

    let (alices, bobs) = (Store::open(directory, "alice")?, Store::open(directory, "bob")?);
    for (sender, its_store, others_store) in [("alice", &alices, &bobs), ("bob", &bobs, &alices)] {
        let (sent, received) = (its_store.history(sender)?, others_store.history(sender)?);
        println!("{sender} sent {}, the other received {}.", sent.len(), received.len());
        let mut numbered = (1..).zip(&sent);
        let in_order = numbered.all(|(n, text)| text.starts_with(&format!("{n} of {sender}, ")));
        if sent.len() != MESSAGES || received != sent || !in_order {
            return Err(format!("what {sender} sent is not what was received").into());
        }
    }
    println!("Nothing was lost, repeated or reordered, in {} ms.", from.elapsed().as_millis());
    Ok(())
}

/// One person's process, which is killed and started again until it has done its work.
struct Mortal<'a> {
    name: &'static str,
    directory: &'a Path,
    process: Child,
    dies: Instant,
    kills: u32,
}

impl<'a> Mortal<'a> {
    fn start(
        name: &'static str,
        directory: &'a Path,
        rng: &mut ChaCha20Rng,
    ) -> Result<Self, Box<dyn Error>> {
        let process = spawn(name, directory)?;
        Ok(Self { name, directory, process, dies: moment(rng), kills: 0 })
    }

    /// Kills and restarts when it is time. Whether the work is done.
    fn is_done(&mut self, rng: &mut ChaCha20Rng) -> Result<bool, Box<dyn Error>> {
        if let Some(status) = self.process.try_wait()? {
            return if status.success() { Ok(true) } else { Err("a process failed".into()) };
        }
        if self.kills < KILLS && Instant::now() >= self.dies {
            self.process.kill()?; // SIGKILL: nothing is tidied up
            if self.process.wait()?.success() {
                return Ok(true);
            }
            self.kills += 1;
            self.process = spawn(self.name, self.directory)?;
            self.dies = moment(rng);
        }
        Ok(false)
    }
}

impl Drop for Mortal<'_> {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(name: &str, directory: &Path) -> Result<Child, Box<dyn Error>> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(name).arg(directory).arg(MESSAGES.to_string());
    Ok(command.stdin(Stdio::null()).spawn()?)
}

fn moment(rng: &mut ChaCha20Rng) -> Instant {
    Instant::now() + Duration::from_millis(rng.next_u64() % LONGEST_LIFE)
}
