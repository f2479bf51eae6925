//! Conversations of engines, with a clock that is set by hand: what processes would take weeks for.

use std::time::Duration;

use evanesce::expiry::Now;
use evanesce::person::{DeviceList, ListedDevice, OwnDevices};
use evanesce::server::{PreKeyUpload, PublishedPreKeys};
use evanesce::{Account, Payload, Peer, PreKeyBundle};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::command::Command;
use crate::content::Content;
use crate::engine::{Engine, Errand, Fetched, Load, Loaded, LocalFile, Outcome};
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
    list: Option<Vec<u8>>,
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
        let (engine, store, prekeys, list) = (None, None, None, None);
        let mut person = Self { name, engine, path, store, prekeys, list, rng, lines: Vec::new() };
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
        self.publishes();
    }

    fn publishes(&mut self) {
        if let Some(upload) = self.engine().publication() {
            let decoded = PreKeyUpload::decode(&upload).unwrap();
            match &mut self.prekeys {
                Some(prekeys) => prekeys.publish(decoded),
                none => *none = Some(PublishedPreKeys::new(decoded)),
            }
            let outcome = self.engine().published(&upload);
            self.commit(outcome);
        }
        if let Some(list) = self.engine().list_publication() {
            let outcome = self.engine().list_published(&list);
            self.commit(outcome);
            self.list = Some(list);
        }
    }

    /// The relay says what it has, and gets what that lacks.
    fn is_told_of_the_stock(&mut self, now: Now) {
        let stock = self.prekeys.as_ref().unwrap().stock();
        let outcome = self.engine.as_mut().unwrap().relay_has(stock, now, &mut self.rng);
        self.commit(outcome);
        self.publishes();
    }

    /// The bytes of the store as they are now, to be put back later.
    fn backup(&mut self) -> Vec<u8> {
        (self.engine, self.store) = (None, None);
        std::fs::read(&self.path).unwrap()
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
                Errand::List(name) => {
                    let engine = self.engine.as_mut().unwrap();
                    engine.list_came(&name, other.list.as_deref(), now, &mut self.rng)
                }
                Errand::ListOf(_) => panic!("there is no group"),
                Errand::Deposit { number, bytes, .. } => {
                    for _ in 0..copies {
                        let engine = other.engine.as_mut().unwrap();
                        let outcome = engine.mail(&bytes, None, now, &mut other.rng);
                        other.commit(outcome);
                    }
                    self.engine().deposited(number, now)
                }
            };
            self.commit(outcome);
        }
    }

    /// Sends a file of so many bytes, as if the relay had taken all of it.
    fn sends_file_of(&mut self, size: u64, to: &mut Self, now: Now) {
        let file = LocalFile { path: "a file".into(), size, changed: None };
        let outcome = self.engine.as_mut().unwrap().send_file(&to.name(), file, now, &mut self.rng);
        self.commit(outcome);
        let load = self.engine().next_load(now).unwrap();
        assert!(matches!(load, Load::Send { .. }));
        let reference = [&[1][..], &[7; 64], &size.to_be_bytes()].concat();
        let engine = self.engine.as_mut().unwrap();
        let outcome = engine.loaded(&load, Loaded::Whole { reference }, now, &mut self.rng);
        self.commit(outcome);
        self.sends_to(to, 1, now);
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
        // When it is closed, its log goes.
        self.store = None;
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
fn who_is_refused_asks_again_in_the_same_session() {
    let (mut alice, mut bob) = (Person::new("alice", "refuse"), Person::new("bob", "refuse"));
    alice.does("to bob one", at(1));
    alice.sends_to(&mut bob, 1, at(1));
    bob.does("/refuse alice", at(2));
    bob.does("/list", at(2));
    assert_eq!(bob.said(), ["READY bob", "REQUEST alice", "REFUSED alice"]);
    bob.start(at(3));
    alice.does("to bob two", at(3));
    alice.sends_to(&mut bob, 1, at(3));
    bob.does("/accept alice", at(4));
    bob.does("to alice hello", at(4));
    bob.sends_to(&mut alice, 1, at(4));
    bob.does("/read alice", at(4));
    let said = ["READY bob", "REQUEST alice", "ACCEPTED alice", "QUEUED alice", "SENT alice"];
    assert_eq!(bob.said(), [&said[..], &["MESSAGE alice two"]].concat());
    assert!(alice.said().contains(&"UNREAD bob".into()));
}

#[test]
fn those_who_were_refused_leave_room_for_others_who_ask() {
    let mut bob = Person::new("bob", "room");
    for number in 0..60 {
        let name = format!("stranger-{number}");
        let (now, address) = (at(1).timestamp(), Name::new(&name).unwrap().address());
        let stranger = Account::generate(address, now, &mut bob.rng);
        let bundle = PreKeyBundle::decode(&bob.prekeys.as_mut().unwrap().hand_out()).unwrap();
        let mut peer = Peer::new(bob.name().address());
        let _ = peer.initiate(&stranger, bundle.verify(now).unwrap(), now, &mut bob.rng).unwrap();
        let body = Content::Text { chosen: [1; 16], text: "hello".into() }.encode();
        let sent = peer.encrypt(&Payload::new(body), b"", now, &mut bob.rng).unwrap();
        let outcome = bob.engine.as_mut().unwrap().mail(&sent.message, None, at(1), &mut bob.rng);
        bob.commit(outcome);
        bob.does(&format!("/refuse {name}"), at(1));
        assert!(bob.said().contains(&format!("REQUEST {name}")), "{name}");
    }
    bob.does("/list", at(2));
    assert_eq!(bob.said(), Vec::<String>::new());
}

#[test]
fn while_another_identity_waits_nothing_leaves_and_then_what_was_written_goes() {
    let (mut alice, mut bob) = introduced("undecided");
    alice.does("to bob written before", at(9));
    let mut mallory = Person::new("bob", "undecided-too");
    mallory.does("to alice it is me", at(10));
    mallory.sends_to(&mut alice, 1, at(10));
    assert_eq!(alice.said(), ["QUEUED bob", "IDENTITY CHANGED bob"]);
    assert_eq!(alice.engine().errand(at(10)), None);
    alice.start(at(11));
    assert_eq!(alice.engine().errand(at(11)), None);
    alice.does("/keep-identity bob", at(12));
    alice.sends_to(&mut bob, 1, at(12));
    assert_eq!(alice.said(), ["READY alice", "IDENTITY KEPT bob", "SENT bob"]);
    assert_eq!(bob.said(), ["UNREAD alice"]);
}

#[test]
fn where_the_relay_has_but_the_identity_that_was_turned_down_the_user_is_told_once() {
    let (mut alice, _) = introduced("turned-down");
    let mut other = Person::new("bob", "turned-down-too");
    other.does("to alice it is me", at(10));
    other.sends_to(&mut alice, 1, at(10));
    alice.does("/keep-identity bob", at(11));
    alice.said();
    // So long without an answer that another session is to be begun: of the other one alone there are bundles.
    let days = |days: u64| at(days * 86_400);
    for day in [3, 4] {
        alice.does("to bob are you there", days(day));
        let mut asked = 0;
        while let Some(errand) = alice.engine().errand(days(day)) {
            let engine = alice.engine.as_mut().unwrap();
            let outcome = match errand {
                Errand::Bundle(name) => {
                    asked += 1;
                    assert_eq!(asked, 1, "it is not asked for again at once");
                    let bundle = other.prekeys.as_mut().unwrap().hand_out();
                    engine.bundle_came(&name, &bundle, days(day), &mut alice.rng)
                }
                Errand::List(name) => {
                    engine.list_came(&name, other.list.as_deref(), days(day), &mut alice.rng)
                }
                Errand::ListOf(_) => panic!("there is no group"),
                Errand::Deposit { number, .. } => engine.deposited(number, days(day)),
            };
            alice.commit(outcome);
        }
    }
    let said = alice.said();
    let told = said.iter().filter(|line| line.starts_with("TROUBLE the relay knows bob by"));
    assert_eq!(told.count(), 1, "{said:?}");
    alice.does("/accept-identity bob", days(5));
    alice.does("/accept-identity bob", days(5));
    let said = alice.said();
    assert!(said.contains(&"IDENTITY ACCEPTED bob".into()), "{said:?}");
    assert!(said.contains(&"ERROR the identity of bob has not changed".into()), "{said:?}");
}

#[test]
fn prekeys_that_are_fetched_and_never_used_are_made_up_for_each_hour() {
    let mut bob = Person::new("bob", "stock");
    let left = |bob: &Person| bob.prekeys.as_ref().unwrap().one_time_prekeys_left();
    bob.is_told_of_the_stock(at(1));
    for hour in 1..5 {
        for _ in 0..100 {
            bob.prekeys.as_mut().unwrap().hand_out();
        }
        bob.is_told_of_the_stock(at(hour * 3_600));
        assert_eq!(left(&bob), 0, "not so soon");
        bob.is_told_of_the_stock(at(hour * 3_600 + 1));
        assert_eq!(left(&bob), 100);
    }
    assert_eq!(bob.said(), ["READY bob"]);
}

#[test]
fn a_relay_that_was_put_back_gets_new_prekeys_and_a_relay_that_forgot_all_of_them() {
    let mut bob = Person::new("bob", "relay-back");
    let old = bob.prekeys.clone();
    bob.ticks(at(9 * 86_400));
    bob.publishes();
    bob.prekeys = old;
    bob.is_told_of_the_stock(at(9 * 86_400));
    let lost = "TROUBLE the relay has lost prekeys of ours: others are published";
    assert_eq!(bob.said(), ["READY bob", lost]);
    bob.prekeys = None;
    let outcome = bob.engine.as_mut().unwrap().relay_has_forgotten(at(9 * 86_400), &mut bob.rng);
    bob.commit(outcome);
    bob.publishes();
    assert_eq!(bob.said(), [lost]);
    assert_eq!(bob.prekeys.as_ref().unwrap().one_time_prekeys_left(), 100);
    bob.is_told_of_the_stock(at(10 * 86_400));
    assert_eq!(bob.said(), Vec::<String>::new());
}

#[test]
fn a_store_that_was_put_back_is_noticed_and_both_hear_each_other_after_restored() {
    let (mut alice, mut bob) = introduced("put-back");
    let backup = bob.backup();
    bob.start(at(3));
    for (number, second) in (4..9).enumerate() {
        bob.does(&format!("to alice b{number}"), at(second));
        bob.sends_to(&mut alice, 1, at(second));
        alice.does(&format!("to bob a{number}"), at(second));
        alice.sends_to(&mut bob, 1, at(second));
    }
    bob.prekeys.as_mut().unwrap().hand_out();
    bob.is_told_of_the_stock(at(3_700));
    let _ = (bob.backup(), std::fs::write(&bob.path, backup).unwrap());
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", bob.path.display()));
    }
    bob.said();
    bob.start(at(3_800));
    bob.is_told_of_the_stock(at(3_800));
    let said = bob.said();
    assert!(said.iter().any(|line| line.ends_with("/restored makes the best of it")), "{said:?}");
    bob.does("/restored", at(3_801));
    bob.publishes();
    bob.sends_to(&mut alice, 1, at(3_801));
    let _ = (alice.said(), bob.said());
    for second in 3_802..3_804 {
        alice.does("to bob here", at(second));
        alice.sends_to(&mut bob, 1, at(second));
        bob.does("to alice here too", at(second));
        bob.sends_to(&mut alice, 1, at(second));
    }
    let count = |lines: &[String], line: &str| lines.iter().filter(|it| *it == line).count();
    assert_eq!(count(&alice.said(), "UNREAD bob"), 2);
    assert_eq!(count(&bob.said(), "UNREAD alice"), 2);
    bob.is_told_of_the_stock(at(9_000));
    assert_eq!(bob.said(), Vec::<String>::new());
}

#[test]
fn a_message_that_ends_unsent_is_said_to_have_failed() {
    let (mut alice, _) = introduced("unsent");
    alice.does("/for 1h bob too late", at(10));
    alice.said();
    for day in 0..60 {
        alice.ticks(at(10 + day * 86_400));
    }
    assert_eq!(alice.said(), ["FAILED bob its time ended before it was sent", "EXPIRED bob"]);
    assert_eq!(alice.engine().errand(at(60 * 86_400)), None);
}

#[test]
fn messages_under_numbers_that_were_used_before_are_said_to_be_missing() {
    let (mut alice, mut bob) = introduced("numbers");
    let backup = bob.backup();
    bob.start(at(3));
    for number in 0..3 {
        bob.does(&format!("to alice b{number}"), at(3));
    }
    bob.sends_to(&mut alice, 1, at(3));
    let _ = (bob.backup(), std::fs::write(&bob.path, backup).unwrap());
    bob.start(at(4));
    bob.does("to alice another", at(4));
    alice.said();
    bob.sends_to(&mut alice, 1, at(4));
    assert_eq!(alice.said(), ["MESSAGES MISSING bob"]);
}

#[test]
fn a_list_that_names_somebody_elses_address_takes_nothing_from_them() {
    let (mut alice, mut bob) = introduced("hostile-list");
    let (now, rng) = (at(3).timestamp(), &mut ChaCha20Rng::seed_from_u64(8));
    let [mallory, other] = ["mallory", "bob"]
        .map(|name| Account::generate(Name::new(name).unwrap().address(), now, rng));
    let owner = mallory.device().identity;
    let devices = [&mallory, &other].map(|it| ListedDevice::consenting(it, &owner, now));
    let mut own = OwnDevices::new(&mallory);
    let list = own.sign(&mallory, &devices, now).unwrap().encode();
    let alices = DeviceList::decode(alice.list.as_ref().unwrap()).unwrap().verify(now).unwrap();
    let mut person = evanesce::person::Person::new(*alices.owner());
    let _event = person.adopt(alices, now).unwrap();
    let mut peers = vec![Peer::new(alice.name().address())];
    let bundle = PreKeyBundle::decode(&alice.prekeys.as_mut().unwrap().hand_out()).unwrap();
    let _ = peers[0].initiate(&mallory, bundle.verify(now).unwrap(), now, rng).unwrap();
    let body = Content::Text { chosen: [1; 16], text: "I am also bob".into() }.encode();
    let sent = own.to(&person).encrypt(&mut peers, &Payload::new(body), b"", now, rng).unwrap();
    let engine = alice.engine.as_mut().unwrap();
    let outcome = engine.mail(&sent.messages[0].message, None, at(3), &mut alice.rng);
    alice.commit(outcome);
    assert_eq!(alice.said(), ["DEVICE CAME mallory bob", "REQUEST mallory"]);

    // Of the address that it names there is another device at the relay, which is not asked for again and again.
    alice.does("/accept mallory", at(4));
    alice.does("to mallory hi", at(4));
    let mut asked = 0;
    for second in [4, 30, 60] {
        while let Some(errand) = alice.engine().errand(at(second)) {
            let engine = alice.engine.as_mut().unwrap();
            let outcome = match errand {
                Errand::Bundle(name) => {
                    asked += 1;
                    assert_eq!(name, bob.name());
                    let bundle = bob.prekeys.as_mut().unwrap().hand_out();
                    engine.bundle_came(&name, &bundle, at(second), &mut alice.rng)
                }
                Errand::List(name) => {
                    engine.list_came(&name, Some(&list), at(second), &mut alice.rng)
                }
                Errand::ListOf(_) => panic!("there is no group"),
                Errand::Deposit { number, to, .. } => {
                    assert_eq!(to.as_str(), "mallory");
                    engine.deposited(number, at(second))
                }
            };
            alice.commit(outcome);
        }
    }
    assert_eq!(asked, 1);
    alice.said();
    alice.does("to bob is it you", at(70));
    alice.sends_to(&mut bob, 1, at(70));
    assert_eq!(alice.said(), ["QUEUED bob", "SENT bob"]);
    assert_eq!(bob.said(), ["UNREAD alice"]);
}

#[test]
fn a_list_that_grows_old_is_asked_for_before_something_is_written_and_not_all_the_time() {
    let (mut alice, mut bob) = introduced("old-list");
    let day = 86_400;
    let asked = |alice: &mut Person, bob: &mut Person, second: u64, list: Option<Vec<u8>>| {
        let mut asked = 0;
        while let Some(errand) = alice.engine().errand(at(second)) {
            let engine = alice.engine.as_mut().unwrap();
            let outcome = match errand {
                Errand::List(name) => {
                    asked += 1;
                    engine.list_came(&name, list.as_deref(), at(second), &mut alice.rng)
                }
                Errand::Bundle(name) => {
                    let bundle = bob.prekeys.as_mut().unwrap().hand_out();
                    engine.bundle_came(&name, &bundle, at(second), &mut alice.rng)
                }
                Errand::ListOf(_) => panic!("there is no group"),
                Errand::Deposit { number, .. } => engine.deposited(number, at(second)),
            };
            alice.commit(outcome);
        }
        asked
    };
    alice.does("to bob young", at(22 * day));
    let list = bob.list.clone();
    assert_eq!(asked(&mut alice, &mut bob, 22 * day, list.clone()), 0);
    // The relay keeps the newer one back: what was written goes all the same.
    alice.does("to bob old", at(23 * day));
    alice.does("to bob still old", at(23 * day + 60));
    assert_eq!(asked(&mut alice, &mut bob, 23 * day + 60, list.clone()), 1);
    alice.does("to bob an hour later", at(23 * day + 3_661));
    assert_eq!(asked(&mut alice, &mut bob, 23 * day + 3_661, list), 1);
    // It has the newer one.
    bob.ticks(at(23 * day));
    bob.publishes();
    alice.does("to bob once more", at(23 * day + 7_300));
    let list = bob.list.clone();
    assert_eq!(asked(&mut alice, &mut bob, 23 * day + 7_300, list.clone()), 1);
    alice.does("to bob and more", at(24 * day));
    assert_eq!(asked(&mut alice, &mut bob, 24 * day, list), 0);
    assert_eq!(alice.said().iter().filter(|line| *line == "SENT bob").count(), 6);
}

#[test]
fn after_a_backup_a_device_without_others_signs_its_list_on() {
    let mut bob = Person::new("bob", "signs-on");
    let version = |bob: &Person| {
        let list = DeviceList::decode(bob.list.as_ref().unwrap()).unwrap();
        list.verify(at(9 * 86_400).timestamp()).unwrap().version()
    };
    assert_eq!(version(&bob), 1);
    bob.does("/restored", at(1));
    bob.ticks(at(8 * 86_400));
    bob.publishes();
    assert_eq!(version(&bob), 1, "an older list may be signed on by nobody unasked");
    while let Some(Errand::List(name)) = bob.engine().errand(at(8 * 86_400)) {
        let (engine, list) = (bob.engine.as_mut().unwrap(), bob.list.clone());
        let outcome = engine.list_came(&name, list.as_deref(), at(8 * 86_400), &mut bob.rng);
        bob.commit(outcome);
    }
    bob.ticks(at(9 * 86_400));
    bob.publishes();
    assert_eq!(version(&bob), 2);
}

#[test]
fn anything_may_come_and_nothing_happens() {
    let (mut alice, _) = introduced("noise");
    for bytes in [&b""[..], &[0x11; 400], &[0x12; 300], &[0x12; 3], &[0xff; 70_000]] {
        let engine = alice.engine.as_mut().unwrap();
        let outcome = engine.mail(bytes, None, at(10), &mut alice.rng);
        alice.commit(outcome);
    }
    assert_eq!(alice.said(), Vec::<String>::new());
    alice.does("/list", at(10));
    assert_eq!(alice.said(), ["CONTACT bob accepted unverified timer=off unread=1"]);
}

#[test]
fn nobody_fills_the_disk_with_files_and_what_had_no_room_comes_when_there_is() {
    let (mut alice, mut bob) = (Person::new("alice", "room"), Person::new("bob", "room"));
    // As a stranger, whose files take nothing.
    for _ in 0..6 {
        alice.sends_file_of(60_000_000, &mut bob, at(1));
    }
    assert_eq!(bob.said(), [&["READY bob"][..], &["REQUEST alice"; 6]].concat());
    assert!(bob.engine().next_fetch(at(1)).is_none());
    // Four of them fit, and the last ones are stopped.
    bob.does("/accept alice", at(2));
    let stopped =
        "STOPPED alice there is no room for more files of theirs: /delete some, then /fetch it";
    assert_eq!(bob.said(), ["ACCEPTED alice", stopped, stopped]);
    assert!(bob.engine().next_fetch(at(2)).is_some());
    alice.sends_file_of(60_000_000, &mut bob, at(3));
    alice.sends_file_of(1_000, &mut bob, at(3));
    assert_eq!(bob.said(), ["UNREAD alice", stopped, "UNREAD alice"]);
    bob.does("/read alice", at(4));
    let ids: Vec<String> = bob
        .lines
        .iter()
        .filter_map(|line| line.strip_prefix("FILE alice ")?.get(..32))
        .map(str::to_owned)
        .collect();
    assert_eq!(ids.len(), 8);
    bob.said();
    bob.does(&format!("/fetch {}", ids[5]), at(4));
    assert_eq!(
        bob.said(),
        ["ERROR there is no room for more files of theirs: /delete some, then /fetch it"]
    );
    bob.does(&format!("/delete {}", ids[0]), at(4));
    bob.does(&format!("/fetch {}", ids[5]), at(4));
    assert_eq!(bob.said(), Vec::<String>::new());
    bob.does(&format!("/fetch {}", ids[4]), at(4));
    assert_eq!(bob.said().len(), 1);
}

#[test]
fn of_a_file_that_does_not_go_on_the_user_is_told_once() {
    let (mut alice, mut bob) = introduced("stalled");
    alice.sends_file_of(1_000, &mut bob, at(3));
    bob.said();
    let fetch = bob.engine().next_fetch(at(3)).unwrap();
    for _ in 0..10 {
        let outcome = bob.engine().fetched(&fetch, Fetched::Unanswered("a reason".into()), at(3));
        bob.commit(outcome);
    }
    assert_eq!(bob.said(), ["STALLED alice a reason"]);
    assert_eq!(bob.engine().next_fetch(at(3)), Some(fetch));
}
