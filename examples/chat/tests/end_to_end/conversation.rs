//! Two people meet, talk, and part; the relay knows little of it.

use crate::person::{history, introduce, send, settle, wait_for_history};
use crate::process::Process;
use crate::world::World;

#[test]
fn a_stranger_is_read_accepted_and_answered() {
    let world = World::new("conversation");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    let first = send(&mut alice, "bob", "Hello  Bob, \\o/");
    assert_eq!(bob.wait_for("REQUEST alice"), first);
    bob.say("to alice who are you?");
    bob.wait_for("ERROR alice has asked first");
    bob.say("/read alice");
    assert_eq!(bob.wait_for("MESSAGE alice"), format!("{first} Hello  Bob, \\\\o/"));
    bob.say("/accept alice");
    bob.wait_for("ACCEPTED alice");
    alice.say("/read bob");
    let answer = send(&mut bob, "alice", "Hello Alice");
    assert_eq!(alice.wait_for("MESSAGE bob"), format!("{answer} Hello Alice"));

    // Both see the same number, and the mark is for the identity that was compared.
    alice.say("/verify bob");
    bob.say("/verify alice");
    assert_eq!(alice.wait_for("SAFETY bob"), bob.wait_for("SAFETY alice"));
    alice.say("/verified bob");
    alice.wait_for("VERIFIED bob");
    alice.say("/list");
    alice.wait_for("CONTACT bob accepted verified timer=off unread=0");

    // Only its author takes a message back.
    bob.say(&format!("/unsend {first}"));
    bob.wait_for("ERROR only its author");
    alice.say(&format!("/unsend {}", &first[..8]));
    alice.wait_for("UNSENT bob");
    assert_eq!(bob.wait_for("UNSENT alice"), first);
    assert_eq!(history(&mut bob, "alice", "them").unwrap(), Vec::<String>::new());
    assert_eq!(history(&mut alice, "bob", "us").unwrap(), Vec::<String>::new());
}

#[test]
fn who_is_refused_may_ask_again_and_who_is_blocked_may_not() {
    let world = World::new("refused");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    send(&mut alice, "bob", "one");
    bob.wait_for("REQUEST alice");
    let before = alice.lines().len();
    bob.say("/refuse alice");
    bob.wait_for("REFUSED alice");
    bob.say("/requests");
    settle(&mut bob).unwrap();
    assert_eq!(bob.count("CONTACT"), 0);
    assert_eq!(alice.lines().len(), before, "nothing is shown to who is refused");

    let mut carol = world.person("carol");
    send(&mut carol, "bob", "one");
    bob.wait_for("REQUEST carol");
    bob.say("/block carol");
    bob.wait_for("BLOCKED carol");
    send(&mut carol, "bob", "two");
    // Somebody else writes, so that what came before has been dealt with.
    let mut dave = world.person("dave");
    send(&mut dave, "bob", "it is me");
    bob.wait_for("REQUEST dave");
    assert_eq!(bob.count("REQUEST carol") + bob.count("UNREAD carol"), 1);
    bob.say("to carol hello");
    bob.wait_for("ERROR carol is blocked");
}

#[test]
fn who_was_blocked_and_is_accepted_again_is_heard_and_hears() {
    let world = World::new("unblocked");
    let (mut bob, mut carol) = (world.person("bob"), world.person("carol"));
    // Keys decide who of two that begin sessions is followed: so many people, both orders, and both at once.
    for number in 0..8 {
        let name = format!("alice-{number}");
        let mut alice = world.person(&name);
        send(&mut alice, "bob", "hello");
        bob.wait_for(&format!("REQUEST {name}"));
        bob.say(&format!("/block {name}"));
        bob.wait_for(&format!("BLOCKED {name}"));
        bob.say(&format!("/accept {name}"));
        bob.wait_for(&format!("ACCEPTED {name}"));
        // What was under way may be lost, and what is written from the third time on is not.
        let mut last = Default::default();
        for round in 0..3 {
            let alice_is_first = (number + round) % 2 == 0;
            let both_at_once = number >= 4;
            let (first, second) = if alice_is_first {
                ((&mut alice, "bob"), (&mut bob, name.as_str()))
            } else {
                ((&mut bob, name.as_str()), (&mut alice, "bob"))
            };
            let of_first = send(first.0, first.1, &format!("{round}"));
            if !both_at_once {
                take_in_all(second.0, first.1, &mut carol);
            }
            let of_second = send(second.0, second.1, &format!("{round}"));
            take_in_all(first.0, second.1, &mut carol);
            take_in_all(second.0, first.1, &mut carol);
            last = if alice_is_first { (of_first, of_second) } else { (of_second, of_first) };
        }
        let (of_alice, of_bob) = last;
        let heard = |process: &Process, who: &str, id: &str| {
            let line = format!("UNREAD {who} {id}");
            assert!(process.count(&line) == 1, "{line:?}, but:\n{}", process.lines().join("\n"));
        };
        heard(&bob, &name, &of_alice);
        heard(&alice, "bob", &of_bob);
    }
}

/// Waits until somebody has taken in all that the relay had for them: it keeps the order, and a third one writes last.
fn take_in_all(process: &mut Process, name: &str, carol: &mut Process) {
    let id = send(carol, name, "mark");
    process.wait_for(&format!("REQUEST carol {id}"));
}

#[test]
fn the_relay_learns_recipients_sizes_and_times_and_no_senders() {
    let world = World::new("log");
    let (mut alice, mut bob) = (world.person("alice-the-sender"), world.person("bob"));
    send(&mut alice, "bob", "a text that nobody on the way can read");
    bob.wait_for("REQUEST alice-the-sender");
    let log = world.relay.lines();
    let deposits: Vec<_> = log.iter().filter(|line| line.contains(" deposit ")).collect();
    assert!(!deposits.is_empty());
    for line in &log[1..] {
        let words: Vec<_> = line.split(' ').collect();
        assert!(words[0].split('.').all(|digits| digits.parse::<u64>().is_ok()), "{line}");
        let asked = ["publish", "publish-list", "fetch", "bundle", "list", "deposit"];
        assert!(asked.contains(&words[1]), "{line}");
        let address = words[2].strip_prefix("address=").unwrap();
        assert!(words[3].starts_with("in=") && words.len() <= 6, "{line}");
        // A sender shows on the connection that fetches their own mail, and nowhere else.
        if address == "alice-the-sender" {
            assert!(["publish", "publish-list", "fetch"].contains(&words[1]), "{line}");
        }
        assert!(!line.replace("address=alice-the-sender", "").contains("alice"), "{line}");
        assert!(!line.contains("a text"), "{line}");
    }
    for line in deposits {
        assert!(line.contains("address=bob in=") && !line.contains("alice"), "{line}");
    }
}

#[test]
fn two_who_begin_at_once_come_to_one_conversation() {
    let world = World::new("both-begin");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    alice.say("to bob from alice");
    bob.say("to alice from bob");
    // Whoever is slower has got a request before their own message left: it is the one whom they wrote to.
    wait_for_history(&mut alice, "bob", "them", 1);
    wait_for_history(&mut bob, "alice", "them", 1);
    introduce_again(&mut alice, &mut bob);
}

fn introduce_again(alice: &mut Process, bob: &mut Process) {
    for round in 0..3 {
        send(alice, "bob", &format!("a{round}"));
        bob.wait_for("UNREAD alice");
        send(bob, "alice", &format!("b{round}"));
        alice.wait_for("UNREAD bob");
    }
    assert_eq!(history(alice, "bob", "them").unwrap(), ["from bob", "b0", "b1", "b2"]);
    assert_eq!(history(bob, "alice", "them").unwrap(), ["from alice", "a0", "a1", "a2"]);
}

#[test]
fn a_setting_changed_by_both_at_once_merges() {
    let world = World::new("merge");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    introduce(&mut alice, &mut bob);
    alice.say("/timer bob 1h");
    bob.say("/timer alice 5m");
    // Whichever way they cross, both hold one of the two in the end.
    let timer = |process: &mut Process, with: &str| {
        settle(process).unwrap();
        let before = process.lines().len();
        process.say("/list");
        settle(process).unwrap();
        let line = process.lines()[before].clone();
        assert!(line.starts_with(&format!("CONTACT {with} accepted")), "{line}");
        line.split(' ').find(|word| word.starts_with("timer=")).unwrap().to_owned()
    };
    for round in 0..2 {
        send(&mut alice, "bob", &format!("a{round}"));
        bob.wait_for("MESSAGE alice");
        send(&mut bob, "alice", &format!("b{round}"));
        alice.wait_for("MESSAGE bob");
    }
    let (alices, bobs) = (timer(&mut alice, "bob"), timer(&mut bob, "alice"));
    assert_eq!(alices, bobs);
    assert!(["timer=1h", "timer=5m"].contains(&alices.as_str()), "{alices}");
}
