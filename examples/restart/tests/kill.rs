//! Ends Alice's and Bob's processes after every durable step, and at random: each message is stored once on
//! both sides, as it was sent, and no key was used for two texts.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use evanesce::snapshot::StorageKey;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rusqlite::Connection;

/// Nothing here takes nearly so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a process is started.
#[derive(Clone, Copy)]
enum Order {
    /// As the program does it.
    Durable,
    /// Handing over before storing: wrong.
    TurnedRound,
}

/// A conversation's files.
struct World {
    directory: PathBuf,
    count: usize,
}

impl World {
    fn new(name: &str, count: usize) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        Self { directory, count }
    }

    /// Starts a process, which crashes after its `stop_after`-th durable step, if that is given.
    fn start(&self, name: &str, stop_after: Option<u64>, order: Order) -> Process {
        let errors = OpenOptions::new().create(true).append(true).open(self.file("errors"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_restart"));
        command.arg(name).arg(&self.directory).arg(self.count.to_string());
        command.env_remove("RESTART_STOP_AFTER").env_remove("RESTART_TURNED_ROUND");
        if let Some(stop_after) = stop_after {
            command.env("RESTART_STOP_AFTER", stop_after.to_string());
        }
        match order {
            Order::Durable => {}
            Order::TurnedRound => {
                command.env("RESTART_TURNED_ROUND", "1");
            }
        }
        Process(command.stdin(Stdio::null()).stderr(errors.unwrap()).spawn().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Checks the stores of a conversation that has ended, and deletes its files.
    fn check(self) {
        assert_eq!(fs::read_to_string(self.file("errors")).unwrap(), "", "a process complained");
        for (sender, recipient) in [("alice", "bob"), ("bob", "alice")] {
            let sent = self.history(sender, sender);
            assert_eq!(sent.len(), self.count);
            for (number, text) in (1..).zip(&sent) {
                assert!(text.starts_with(&format!("{number} of {sender}, ")), "{text}");
            }
            assert_eq!(self.history(recipient, sender), sent, "what {sender} sent");
            let database = Connection::open(self.file(&format!("{sender}.sqlite"))).unwrap();
            let left: u32 =
                database.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0)).unwrap();
            assert_eq!(left, 0, "the outbox of {sender}");
        }
        let carried = self.carried();
        assert!(carried.len() >= 2 * self.count);
        assert_eq!(keys_used_twice(&carried), 0);
        fs::remove_dir_all(self.directory).unwrap();
    }

    /// The texts of `sender` in the store of `owner`, in the order in which they were stored.
    fn history(&self, owner: &str, sender: &str) -> Vec<String> {
        let key = fs::read(self.file(&format!("{owner}.key"))).unwrap();
        let key = StorageKey::new(&key.try_into().unwrap());
        let database = Connection::open(self.file(&format!("{owner}.sqlite"))).unwrap();
        let sql = "SELECT number, sealed FROM messages WHERE sender = ? ORDER BY number";
        let mut query = database.prepare(sql).unwrap();
        let rows = query.query_map([sender], |row| {
            let (number, sealed): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
            let body = key.open(&sealed, 64, format!("messages/{sender}/{number}").as_bytes());
            Ok(String::from_utf8(body.unwrap().to_vec()).unwrap())
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// Every message that the carrier was ever given for this recipient.
    fn carried_to(&self, recipient: &str) -> Vec<Vec<u8>> {
        let carrier = Connection::open(self.file("carrier.sqlite")).unwrap();
        carrier.busy_timeout(PATIENCE).unwrap();
        let sql = "SELECT message FROM mail WHERE recipient = ? ORDER BY id";
        let mut query = carrier.prepare(sql).unwrap();
        let address = if recipient == "alice" { "user-17/device-1" } else { "user-23/device-1" };
        query.query_map([address], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    fn carried(&self) -> Vec<Vec<u8>> {
        [self.carried_to("alice"), self.carried_to("bob")].concat()
    }
}

/// How many of these messages have the sealed header of another one, and are not equal to it. Under one
/// header key a header has a number of its own, so equal ones mean one message key.
fn keys_used_twice(messages: &[Vec<u8>]) -> usize {
    let mut first = HashMap::new();
    messages
        .iter()
        .filter(|&message| first.entry(sealed_header(message)).or_insert(message) != &message)
        .count()
}

/// docs/protocol.md §6.1.
fn sealed_header(message: &[u8]) -> &[u8] {
    let start = match (message[0], message[1], message[6]) {
        (0x12, ..) => 1,
        (0x11, 1, 0) => 1 + 183,
        (0x11, 1, 1) => 1 + 187,
        (0x11, 2, 0) => 1 + 183 + 1_568,
        (0x11, 2, 1) => 1 + 187 + 1_568,
        _ => panic!("neither an initial nor an ordinary message"),
    };
    &message[start..start + 56]
}

/// One person's process. A test that fails leaves none behind.
struct Process(Child);

impl Process {
    /// Waits until it ends by itself.
    fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            thread::sleep(Duration::from_millis(1));
        }
        panic!("the conversation has stopped");
    }

    /// Ends it with SIGKILL, if it has not ended by itself.
    fn kill(&mut self) -> ExitStatus {
        self.0.kill().unwrap();
        self.0.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs one process after the other until the work is done. How many crashed.
fn run_until_done(mut start: impl FnMut() -> Process) -> u32 {
    (0..).find(|_| start().end().success()).unwrap()
}

/// One of the two crashes after its first step; in another conversation after its second; and so on, until
/// its work is done before it comes to that.
fn one_crash_after_each_step(unlucky: &str, lucky: &str) {
    for step in 1.. {
        let world = World::new(&format!("{unlucky}-{step}"), 5);
        let mut other = world.start(lucky, None, Order::Durable);
        let mut first = Some(step);
        let crashes = run_until_done(|| world.start(unlucky, first.take(), Order::Durable));
        assert!(other.end().success());
        world.check();
        if crashes == 0 {
            println!("{unlucky} has crashed after each of {} durable steps", step - 1);
            // Three to publish, three for each message sent, two for each one received.
            assert!(step > 3 + 5 * 3 + 5 * 2, "{unlucky} was done after {step} steps");
            break;
        }
    }
}

#[test]
fn a_crash_of_alices_after_any_durable_step_loses_nothing() {
    one_crash_after_each_step("alice", "bob");
}

#[test]
fn a_crash_of_bobs_after_any_durable_step_loses_nothing() {
    one_crash_after_each_step("bob", "alice");
}

/// From three steps on a process that always crashes gets on: its start is one, a message that is stored
/// needs two to leave.
#[test]
fn crashes_of_both_after_every_few_steps_lose_nothing() {
    for alices in 3..8 {
        for bobs in 3..8 {
            let world = World::new(&format!("both-{alices}-{bobs}"), 5);
            let (alices_crashes, bobs_crashes) = thread::scope(|scope| {
                let start = |name, steps| world.start(name, Some(steps), Order::Durable);
                let alice = scope.spawn(move || run_until_done(|| start("alice", alices)));
                let bob = run_until_done(|| start("bob", bobs));
                (alice.join().unwrap(), bob)
            });
            assert!(alices_crashes >= 3 && bobs_crashes >= 3);
            world.check();
        }
    }
}

#[test]
fn both_begin_at_the_same_time_and_come_to_one_session() {
    let world = World::new("both-begin", 12);
    // Published; published, and a message in a session begun; one more prekey published for the one that was handed
    // out, and the same. Neither hands anything over yet: who heard the other first would answer in its session.
    for (name, steps) in [("bob", 3), ("alice", 6), ("bob", 6)] {
        assert!(!world.start(name, Some(steps), Order::Durable).end().success());
    }
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| world.start(name, None, Order::Durable));
    assert!(alice.end().success() && bob.end().success());
    for recipient in ["alice", "bob"] {
        let carried = world.carried_to(recipient);
        assert_eq!(carried.first().unwrap()[0], 0x11, "to {recipient}, with a handshake");
        assert_eq!(carried.last().unwrap()[0], 0x12, "to {recipient}, in a session of both");
    }
    world.check();
}

#[test]
fn kills_at_random_moments_lose_nothing() {
    let world = World::new("random", 600);
    let kills: Vec<u32> = thread::scope(|scope| {
        let kill_often = |name, seed| {
            let rng = &mut ChaCha20Rng::seed_from_u64(seed);
            for kills in 0..50 {
                let mut process = world.start(name, None, Order::Durable);
                thread::sleep(Duration::from_micros(rng.next_u64() % 60_000));
                if process.kill().success() {
                    return kills;
                }
            }
            assert!(world.start(name, None, Order::Durable).end().success());
            50
        };
        let both = [("alice", 1), ("bob", 2)];
        let both = both.map(|(name, seed)| scope.spawn(move || kill_often(name, seed)));
        both.map(|one| one.join().unwrap()).into()
    });
    println!("kills at random moments: {kills:?}");
    // How many there are before the work is done depends on the machine.
    assert!(kills.iter().all(|kills| *kills >= 5), "the work was done too soon: {kills:?}");
    world.check();
}

/// Shows that these tests can fail: who hands over before storing uses a key for two texts, whenever the crash
/// comes between the two. Bob has published and sleeps, so that no answer of his gives Alice new keys first.
#[test]
fn the_order_turned_round_is_noticed() {
    let crashes_after_each_step = 1..=13;
    let noticed = crashes_after_each_step.filter(|step| {
        let world = World::new(&format!("turned-round-{step}"), 5);
        // Eight steps bring the second process past the next message, wherever the first one ended.
        for (name, steps) in [("bob", 3), ("alice", *step), ("alice", 8)] {
            assert!(!world.start(name, Some(steps), Order::TurnedRound).end().success());
        }
        keys_used_twice(&world.carried()) > 0
    });
    // Five steps until there is a session, then two for each of the four messages that need no answer. The
    // first of them draws the keys of its chain, and the second time it draws others.
    assert_eq!(noticed.collect::<Vec<u64>>(), [8, 10, 12]);
}

/// Two that go on from one state would use its keys twice.
#[test]
fn a_second_process_of_the_same_person_does_not_start() {
    let world = World::new("second", 1);
    let mut first = world.start("alice", None, Order::Durable);
    let deadline = Instant::now() + PATIENCE;
    while !world.file("carrier.sqlite").exists() {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(1));
    }
    assert!(!world.start("alice", None, Order::Durable).end().success());
    assert!(fs::read_to_string(world.file("errors")).unwrap().contains("database is locked"));
    first.kill();
}
