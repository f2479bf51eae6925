//! Messages that disappear: at both ends, once and for all.

use crate::person::{history, introduce, send, settle};
use crate::process::Process;
use crate::world::{World, contains};

/// Whose sealed rows are there now and were not before.
pub fn new_rows(
    before: &[(Vec<u8>, Vec<u8>)],
    after: &[(Vec<u8>, Vec<u8>)],
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let known = |name: &Vec<u8>| before.iter().any(|(other, _)| other == name);
    after.iter().filter(|(name, _)| !known(name)).cloned().collect()
}

/// Nothing of these rows is left in somebody's file and log.
pub fn assert_gone(world: &World, name: &str, rows: &[(Vec<u8>, Vec<u8>)]) {
    assert!(!rows.is_empty());
    let bytes = world.bytes(name);
    for (row, sealed) in rows {
        // From the middle, since a page that is used again may keep its end.
        for part in sealed.chunks_exact(16) {
            assert!(!contains(&bytes, part), "{name} still has some of a sealed row");
        }
        assert!(!contains(&bytes, row), "{name} still has a row's name");
    }
}

#[test]
fn a_timer_ends_a_message_at_both_ends_and_nothing_of_it_stays_in_the_files() {
    let world = World::new("timer");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    introduce(&mut alice, &mut bob);
    bob.say("/close alice");
    alice.say("/timer bob 2s");
    bob.wait_for("TIMER alice 2s by them");
    settle(&mut alice).unwrap();
    let before = ["alice", "bob"].map(|name| world.rows(name));
    let text = "a text to be forgotten";
    let id = send(&mut alice, "bob", text);
    assert_eq!(bob.wait_for("UNREAD alice"), id);
    settle(&mut bob).unwrap();
    let after = ["alice", "bob"].map(|name| world.rows(name));
    // Hers ends after it was sent, his after he read it: his process is killed before, and the clock goes on.
    bob.say("/read alice");
    bob.wait_for(&format!("MESSAGE alice {id}"));
    bob.kill();
    alice.wait_for(&format!("EXPIRED bob {id}"));
    let mut bob = world.person("bob");
    if bob.count(&format!("EXPIRED alice {id}")) == 0 {
        bob.wait_for(&format!("EXPIRED alice {id}"));
    }
    assert!(!history(&mut bob, "alice", "them").unwrap().contains(&text.to_owned()));
    alice.kill();
    bob.kill();
    for (place, name) in ["alice", "bob"].into_iter().enumerate() {
        // What is new since is the message and its record; all of it must go.
        let there = world.rows(name);
        let gone: Vec<_> = new_rows(&before[place], &after[place])
            .into_iter()
            .filter(|(row, _)| !there.iter().any(|(other, _)| other == row))
            .collect();
        assert!(gone.len() >= 2, "{name} deleted {} rows", gone.len());
        assert_gone(&world, name, &gone);
        assert!(!contains(&world.bytes(name), text.as_bytes()));
    }
}

#[test]
fn what_may_be_opened_once_opens_once() {
    let world = World::new("once");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    introduce(&mut alice, &mut bob);
    settle(&mut bob).unwrap();
    let before = world.rows("bob");
    alice.say("/once bob the code is 4711");
    let id = bob.wait_for("ONCE alice");
    settle(&mut bob).unwrap();
    let sealed = new_rows(&before, &world.rows("bob"));
    assert_eq!(sealed.len(), 2);
    alice.say(&format!("/open {id}"));
    alice.wait_for("ERROR that is not a message to be opened");
    bob.say(&format!("/open {id}"));
    assert_eq!(bob.wait_for("OPENED alice"), format!("{id} the code is 4711"));
    bob.kill();
    let mut bob = world.person("bob");
    bob.say(&format!("/open {id}"));
    bob.wait_for("ERROR there is no such message");
    bob.kill();
    assert_gone(&world, "bob", &sealed);
    assert_eq!(alice.count("QUEUED bob"), 2);
    assert!(!alice.lines().iter().any(|line| line.contains("4711")));
}

#[test]
fn a_message_may_live_shorter_than_its_conversation() {
    let world = World::new("own-life");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    introduce(&mut alice, &mut bob);
    alice.say("/for 1s bob soon gone");
    bob.wait_for("MESSAGE alice");
    bob.wait_for("EXPIRED alice");
    alice.wait_for("EXPIRED bob");
    assert_eq!(history(&mut bob, "alice", "them").unwrap(), ["hello"]);
}

#[test]
fn what_vanishes_is_gone_when_the_conversation_is_closed_and_was_read() {
    let world = World::new("vanish");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    introduce(&mut alice, &mut bob);
    alice.say("/vanish bob on");
    bob.wait_for("TIMER alice vanish by them");
    let read = send(&mut alice, "bob", "read and gone");
    bob.wait_for(&format!("MESSAGE alice {read}"));
    bob.say("/close alice");
    assert_eq!(bob.wait_for("EXPIRED alice"), read);
    let unread = send(&mut alice, "bob", "unread, so it stays");
    bob.wait_for(&format!("UNREAD alice {unread}"));
    bob.say("/close alice");
    assert_eq!(history(&mut bob, "alice", "them").unwrap(), ["hello", "unread, so it stays"]);
    // A restart is a close: hers were read by her who wrote them.
    close_by_kill(&world, alice);
}

fn close_by_kill(world: &World, mut alice: Process) {
    alice.kill();
    let mut alice = world.person("alice");
    assert_eq!(history(&mut alice, "bob", "us").unwrap(), ["hello"]);
}
