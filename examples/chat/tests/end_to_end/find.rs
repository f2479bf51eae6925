//! Messages are found by their words, and when one has ended its words are nowhere.

use std::collections::BTreeSet;

use crate::person::{introduce, send, settle};
use crate::process::Process;
use crate::world::{World, contains};

/// What is found, in the order of the answer: with whom, and the text.
fn find(process: &mut Process, words: &str) -> Vec<String> {
    settle(process).unwrap();
    let before = process.lines().len();
    process.say(&format!("/find {words}"));
    settle(process).unwrap();
    let lines = &process.lines()[before..];
    let lines: Vec<_> = lines.iter().filter(|line| !line.starts_with("USAGE")).collect();
    let texts: Vec<String> = lines[1..]
        .iter()
        .map(|line| {
            let (start, text) = line.split_once(" text ").unwrap();
            format!("{}: {text}", start.split(' ').nth(1).unwrap())
        })
        .collect();
    assert_eq!(*lines[0], format!("FOUND {}", texts.len()));
    texts
}

/// How many of these tokens are in somebody's files; looked for without their beginnings, which an index shares.
fn left(world: &World, name: &str, tokens: &BTreeSet<String>) -> usize {
    let bytes = world.bytes(name);
    tokens.iter().filter(|token| contains(&bytes, &token.as_bytes()[6..])).count()
}

#[test]
fn what_may_be_shown_is_found_in_every_conversation_and_nothing_else_is() {
    let world = World::new("find");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    introduce(&mut alice, &mut bob);
    send(&mut alice, "bob", "the key lies under the third stone");
    bob.wait_for("MESSAGE alice");
    alice.say("/once bob a key to be seen once");
    bob.wait_for("ONCE alice");
    alice.wait_for("QUEUED bob");
    bob.say("/close alice");
    bob.wait_for("CLOSED alice");
    let unread = send(&mut alice, "bob", "an unread key");
    bob.wait_for("UNREAD alice");
    send(&mut bob, "alice", "which KEY?");
    assert_eq!(
        find(&mut bob, "key"),
        ["alice: the key lies under the third stone", "alice: which KEY?"]
    );
    assert_eq!(find(&mut bob, "Stone, the key"), ["alice: the key lies under the third stone"]);
    assert!(find(&mut bob, "ke").is_empty() && find(&mut bob, "key once").is_empty());
    bob.say("/read alice");
    bob.wait_for(&format!("MESSAGE alice {unread}"));
    assert_eq!(find(&mut bob, "unread"), ["alice: an unread key"]);
    assert!(find(&mut alice, "seen").is_empty(), "nothing is kept of what is theirs to open");
    // Also after a restart; and what was taken back is not found.
    bob.kill();
    let mut bob = world.person("bob");
    assert_eq!(find(&mut bob, "unread key"), ["alice: an unread key"]);
    alice.say(&format!("/unsend {unread}"));
    bob.wait_for("UNSENT alice");
    assert!(find(&mut bob, "unread").is_empty());
    assert!(find(&mut alice, "unread").is_empty());
}

#[test]
fn the_words_of_a_message_that_has_ended_are_nowhere_in_the_files() {
    let world = World::new("find-nowhere");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    introduce(&mut alice, &mut bob);
    for number in 0..60 {
        alice.say(&format!("to bob stays{number} among common words"));
        bob.wait_for("MESSAGE alice");
    }
    settle(&mut alice).unwrap();
    let before = ["alice", "bob"].map(|name| world.tokens(name));
    // Long enough that nothing of them ends before they have been looked at.
    for number in 0..8 {
        alice.say(&format!("/for 12s bob zyzzyva{number} quincunx{number} among common words"));
        bob.wait_for("MESSAGE alice");
    }
    assert_eq!(find(&mut bob, "zyzzyva3"), ["alice: zyzzyva3 quincunx3 among common words"]);
    assert_eq!(find(&mut alice, "quincunx7").len(), 1);
    let of_ended = ["alice", "bob"].map(|name| {
        let before = &before[usize::from(name == "bob")];
        let new: BTreeSet<String> = world.tokens(name).difference(before).cloned().collect();
        assert_eq!(new.len(), 16, "{name} has other words than those");
        assert_eq!(left(&world, name, &new), 16, "what is there is found");
        assert!(!contains(&world.bytes(name), b"zyzzyva"), "{name} has a word in the clear");
        new
    });
    for _ in 0..8 {
        alice.wait_for("EXPIRED bob");
        bob.wait_for("EXPIRED alice");
    }
    for (process, with) in [(&mut alice, "bob"), (&mut bob, "alice")] {
        assert!(find(process, "zyzzyva3").is_empty());
        assert_eq!(
            find(process, "stays33 common"),
            [format!("{with}: stays33 among common words")]
        );
    }
    // While they run, and after they were killed: whatever SQLite would do at an orderly end.
    for ended in 0..2 {
        for (place, name) in ["alice", "bob"].into_iter().enumerate() {
            assert_eq!(left(&world, name, &of_ended[place]), 0, "{name}, {ended}");
            assert!(left(&world, name, &before[place]) > 60, "what stays is there");
        }
        alice.kill();
        bob.kill();
    }
}
