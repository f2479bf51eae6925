//! People and relays that go away and come back.

use std::fs;
use std::time::{Duration, Instant};

use crate::person::{history, introduce, send, settle};
use crate::process::Process;
use crate::world::{World, contains};

#[test]
fn who_was_away_gets_everything_in_order() {
    let world = World::new("away");
    let mut alice = world.person("alice");
    let bob = world.person("bob");
    drop(bob);
    let texts: Vec<String> = (0..30).map(|number| format!("text {number}")).collect();
    for text in &texts {
        alice.say(&format!("to bob {text}"));
    }
    for _ in &texts {
        alice.wait_for("SENT bob");
    }
    drop(alice);
    let mut bob = world.person("bob");
    for _ in &texts {
        bob.wait_for("REQUEST alice");
    }
    assert_eq!(history(&mut bob, "alice", "them").unwrap(), texts);
}

#[test]
fn what_was_written_offline_goes_when_there_is_a_relay() {
    let mut world = World::new("offline");
    let mut bob = world.person("bob");
    world.relay.kill();
    bob.wait_for("OFFLINE");
    let mut alice = world.person_at("alice", &world.address);
    alice.wait_for("OFFLINE");
    alice.say("to bob written offline");
    alice.wait_for("QUEUED bob");
    alice.say("to nobody-there lost");
    alice.wait_for("QUEUED nobody-there");
    alice.kill();
    world.restart_relay();
    bob.wait_for("ONLINE");
    let mut alice = world.person("alice");
    alice.wait_for("SENT bob");
    bob.wait_for("REQUEST alice");
    alice.wait_for("TROUBLE to nobody-there");
    // The relay goes again, and both come back by themselves.
    world.restart_relay();
    bob.say("/accept alice");
    send(&mut bob, "alice", "after a restart");
    alice.wait_for("UNREAD bob");
}

#[test]
fn who_was_offline_is_told_at_once_when_the_relay_is_back() {
    let mut world = World::new("back");
    let mut command = world.command("alice", &world.address);
    // An answer may take long, and mail is waited for as long.
    let patient = command.env("CHAT_PASSPHRASE", "correct horse").args(["--patience", "30"]);
    let mut alice = Process::start(patient);
    alice.wait_for("ONLINE");
    for _ in 0..2 {
        world.relay.kill();
        alice.wait_for("OFFLINE");
        std::thread::sleep(Duration::from_secs(2));
        world.restart_relay();
        let back = Instant::now();
        alice.wait_for("ONLINE");
        assert!(back.elapsed() < Duration::from_secs(8), "{:?}", back.elapsed());
    }
}

#[test]
fn a_relay_that_lost_its_store_is_given_everything_anew() {
    let mut world = World::new("lost-relay");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    introduce(&mut alice, &mut bob);
    world.relay.kill();
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(world.store("x").with_file_name(format!("relay.sqlite{end}")));
    }
    world.restart_relay();
    alice.wait_for("ONLINE");
    send(&mut alice, "bob", "one");
    bob.wait_for("MESSAGE alice");
    let mut carol = world.person("carol");
    send(&mut carol, "bob", "hello");
    bob.wait_for("REQUEST carol");
}

#[test]
fn a_wrong_passphrase_and_a_second_process_are_refused_and_change_nothing() {
    let world = World::new("refusals");
    let mut alice = world.person("alice");
    send_to_self_is_refused(&mut alice);
    let refused = |passphrase: &str| {
        let mut command = world.command("alice", &world.address);
        let output = command.env("CHAT_PASSPHRASE", passphrase).output().unwrap();
        assert!(!output.status.success());
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused("correct horse").contains("in use by another process"));
    alice.say("/quit");
    assert!(alice.end().success());
    let before = world.bytes("alice");
    assert!(refused("wrong").contains("wrong passphrase; nothing was changed"));
    assert_eq!(world.bytes("alice"), before);
    assert!(!contains(&before, b"alice"), "no name is in the file");
    let mut command = world.command("bob", &world.address);
    command.env("CHAT_PASSPHRASE", "correct horse").arg("--store").arg(world.store("alice"));
    let output = command.output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("this is the store of alice"));
    world.person("alice");
}

fn send_to_self_is_refused(alice: &mut Process) {
    alice.say("to alice hello");
    alice.wait_for("ERROR that is this device");
    settle(alice).unwrap();
}
