//! Conversations of engines, with a clock that is set by hand: what processes would take weeks for.

use std::time::Duration;

use evanesce::expiry::Now;
use evanesce::server::{PreKeyUpload, PublishedPreKeys};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::command::Command;
use crate::engine::{Engine, Errand, Outcome};
use crate::name::Name;
use crate::notice::Notice;
use crate::store::Store;

/// Somebody with an engine and a store of their own.
struct Person {
    name: &'static str,
    engine: Option<Engine>,
    path: std::path::PathBuf,
    store: Option<Store>,
    prekeys: Option<PublishedPreKeys>,
    rng: ChaCha20Rng,
    lines: Vec<String>,
}

fn at(seconds: u64) -> Now {
    Now::from_wall(Duration::from_secs(1_800_000_000 + seconds))
}

impl Person {
    fn new(name: &'static str, test: &str) -> Self {
        let file = format!("chat-engine-{test}-{name}-{}.sqlite", std::process::id());
        let path = std::env::temp_dir().join(file);
        let _ = std::fs::remove_file(&path);
        let seed = test.bytes().chain(name.bytes()).map(u64::from).sum();
        let rng = ChaCha20Rng::seed_from_u64(seed);
        let (engine, store, prekeys) = (None, None, None);
        let mut person = Self { name, engine, path, store, prekeys, rng, lines: Vec::new() };
        person.start(at(0));
        person
    }

    fn name(&self) -> Name {
        Name::new(self.name).unwrap()
    }

    /// Begins again with nothing but what is stored.
    fn start(&mut self, now: Now) {
        (self.engine, self.store) = (None, None);
        let store = Store::open(&self.path, "passphrase").unwrap();
        let rows = store.rows().unwrap();
        self.store = Some(store);
        let (engine, outcome) = Engine::begin(&self.name(), rows, now, &mut self.rng).unwrap();
        self.engine = Some(engine);
        self.commit(outcome);
        if let Some(upload) = self.engine().publication() {
            let decoded = PreKeyUpload::decode(&upload).unwrap();
            match &mut self.prekeys {
                Some(prekeys) => prekeys.publish(decoded),
                none => *none = Some(PublishedPreKeys::new(decoded)),
            }
            let outcome = self.engine().published(&upload);
            self.commit(outcome);
        }
    }

    fn engine(&mut self) -> &mut Engine {
        self.engine.as_mut().unwrap()
    }

    fn commit(&mut self, outcome: Outcome) {
        let notices = outcome.commit(self.store.as_mut().unwrap()).unwrap();
        self.lines.extend(notices.iter().map(Notice::to_string));
    }

    fn does(&mut self, line: &str, now: Now) {
        let command = Command::parse(line).unwrap();
        let outcome = self.engine.as_mut().unwrap().command(command, now, &mut self.rng);
        self.commit(outcome);
    }

    fn ticks(&mut self, now: Now) {
        let outcome = self.engine.as_mut().unwrap().tick(now, &mut self.rng);
        self.commit(outcome);
    }

    /// Does all errands; the other one gets what is deposited, twice if `copies` says so.
    fn sends_to(&mut self, other: &mut Self, copies: usize, now: Now) {
        while let Some(errand) = self.engine().errand(now) {
            let outcome = match errand {
                Errand::Bundle(name) => {
                    let bundle = other.prekeys.as_mut().unwrap().hand_out();
                    let engine = self.engine.as_mut().unwrap();
                    engine.bundle_came(&name, &bundle, now, &mut self.rng)
                }
                Errand::Deposit { number, bytes, .. } => {
                    for _ in 0..copies {
                        let engine = other.engine.as_mut().unwrap();
                        let outcome = engine.mail(&bytes, now, &mut other.rng);
                        other.commit(outcome);
                    }
                    self.engine().deposited(number, now)
                }
            };
            self.commit(outcome);
        }
    }

    /// Lines since the last time that were asked for, without ids.
    fn said(&mut self) -> Vec<String> {
        let is_id = |word: &&str| word.len() == 32 && word.bytes().all(|it| it.is_ascii_hexdigit());
        let short = |line: String| -> String {
            line.split(' ').filter(|word| !is_id(word)).collect::<Vec<_>>().join(" ")
        };
        std::mem::take(&mut self.lines).into_iter().map(short).collect()
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn introduced(test: &str) -> (Person, Person) {
    let (mut alice, mut bob) = (Person::new("alice", test), Person::new("bob", test));
    alice.does("to bob hello", at(1));
    alice.sends_to(&mut bob, 1, at(1));
    bob.does("/accept alice", at(2));
    bob.does("to alice hello too", at(2));
    bob.sends_to(&mut alice, 1, at(2));
    let _ = (alice.said(), bob.said());
    (alice, bob)
}

#[test]
fn what_comes_twice_is_shown_once() {
    let (mut alice, mut bob) = introduced("twice");
    alice.does("to bob one", at(3));
    alice.does("/timer bob 1h", at(3));
    alice.does("to bob two", at(3));
    alice.sends_to(&mut bob, 2, at(3));
    assert_eq!(bob.said(), ["UNREAD alice", "TIMER alice 1h by them", "UNREAD alice"]);
}

#[test]
fn everything_goes_on_after_a_restart_between_any_two_steps() {
    let (mut alice, mut bob) = introduced("restart");
    for round in 0..5 {
        alice.does(&format!("to bob {round}"), at(10));
        alice.start(at(10));
        alice.sends_to(&mut bob, 1, at(10));
        bob.start(at(10));
    }
    bob.said();
    bob.does("/read alice", at(11));
    let texts = ["hello", "0", "1", "2", "3", "4"].map(|text| format!("MESSAGE alice {text}"));
    assert_eq!(bob.said(), texts);
    bob.start(at(12));
    bob.does("/read alice", at(12));
    assert_eq!(bob.said(), ["READY bob"]);
}

#[test]
fn a_clock_starts_with_reading_and_unread_ones_end_after_thirty_days() {
    let (mut alice, mut bob) = introduced("clock");
    let day = 86_400;
    alice.does("/timer bob 1h", at(100));
    alice.does("to bob read late", at(100));
    alice.sends_to(&mut bob, 1, at(100));
    bob.said();
    alice.ticks(at(100 + 3_600));
    assert!(alice.said().contains(&"EXPIRED bob".into()));
    bob.ticks(at(9 * day));
    assert_eq!(bob.said(), Vec::<String>::new());
    bob.does("/read alice", at(9 * day));
    bob.ticks(at(9 * day + 3_599));
    bob.start(at(9 * day + 3_600));
    assert_eq!(
        bob.said(),
        ["MESSAGE alice hello", "MESSAGE alice read late", "READY bob", "EXPIRED alice"]
    );
    alice.does("to bob never read", at(10 * day));
    alice.sends_to(&mut bob, 1, at(10 * day));
    bob.said();
    bob.ticks(at(40 * day - 1));
    assert_eq!(bob.said(), Vec::<String>::new());
    bob.ticks(at(40 * day));
    assert_eq!(bob.said(), ["EXPIRED alice"]);
}

#[test]
fn who_does_not_know_the_timer_is_told_without_a_word() {
    let (mut alice, mut bob) = introduced("echo");
    alice.does("/timer bob 1h", at(10));
    // The change is lost on the way.
    while let Some(Errand::Deposit { number, .. }) = alice.engine().errand(at(10)) {
        let outcome = alice.engine().deposited(number, at(10));
        alice.commit(outcome);
    }
    bob.does("to alice how are you", at(20));
    bob.sends_to(&mut alice, 1, at(20));
    alice.sends_to(&mut bob, 1, at(20));
    assert_eq!(bob.said(), ["QUEUED alice", "SENT alice", "TIMER alice 1h by them"]);
}

#[test]
fn only_who_asks_or_is_blocked_is_accepted() {
    let (mut alice, mut bob) = introduced("accept");
    let refusal =
        |name: &str| format!("ERROR {name} has not asked, and is not blocked: write to them");
    alice.does("/accept bob", at(3));
    alice.does("/timer carol 1h", at(3));
    alice.does("/accept carol", at(3));
    assert_eq!(alice.said(), [refusal("bob"), "TIMER carol 1h by us".into(), refusal("carol")]);
    bob.does("/block alice", at(3));
    bob.does("/accept alice", at(3));
    assert_eq!(bob.said(), ["BLOCKED alice", "ACCEPTED alice"]);
}

#[test]
fn a_stranger_who_takes_a_name_is_asked_about_once_and_stops_nothing() {
    let (mut alice, mut bob) = introduced("mallory");
    let mut mallory = Person::new("bob", "mallory-too");
    mallory.does("to alice it is me", at(10));
    mallory.sends_to(&mut alice, 1, at(10));
    assert_eq!(alice.said(), ["IDENTITY CHANGED bob"]);
    alice.does("/keep-identity bob", at(11));
    mallory.does("to alice really", at(12));
    mallory.sends_to(&mut alice, 1, at(12));
    alice.does("to bob is it you", at(13));
    alice.sends_to(&mut bob, 1, at(13));
    assert_eq!(alice.said(), ["IDENTITY KEPT bob", "QUEUED bob", "SENT bob"]);
    assert_eq!(bob.said(), ["UNREAD alice"]);
}

#[test]
fn who_is_written_to_first_and_answers_before_is_accepted_if_the_relay_knows_them_so() {
    let (mut alice, mut bob) = (Person::new("alice", "cross"), Person::new("bob", "cross"));
    bob.does("to alice from bob", at(1));
    alice.does("to bob from alice", at(1));
    alice.sends_to(&mut bob, 1, at(2));
    bob.said();
    bob.sends_to(&mut alice, 1, at(3));
    assert_eq!(bob.said(), ["ACCEPTED alice", "SENT alice"]);
    assert!(alice.said().contains(&"UNREAD bob".into()));

    // Somebody else under this name does not get what was meant for the true one.
    let mut carol = Person::new("carol", "cross");
    let mut mallory = Person::new("alice", "cross-too");
    carol.does("to alice a secret", at(4));
    mallory.does("to carol I am alice", at(4));
    mallory.sends_to(&mut carol, 1, at(4));
    carol.said();
    carol.sends_to(&mut alice, 1, at(5));
    assert_eq!(carol.said(), ["IDENTITY CHANGED alice"]);
}

#[test]
fn anything_may_come_and_nothing_happens() {
    let (mut alice, _) = introduced("noise");
    for bytes in [&b""[..], &[0x11; 400], &[0x12; 300], &[0x12; 3], &[0xff; 70_000]] {
        let engine = alice.engine.as_mut().unwrap();
        let outcome = engine.mail(bytes, at(10), &mut alice.rng);
        alice.commit(outcome);
    }
    assert_eq!(alice.said(), Vec::<String>::new());
    alice.does("/list", at(10));
    assert_eq!(alice.said(), ["CONTACT bob accepted unverified timer=off unread=1"]);
}
