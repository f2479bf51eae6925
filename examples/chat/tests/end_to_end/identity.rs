//! Somebody loses their device: the relay keeps the address for its owner, and others are told.

use std::fs;

use crate::person::{introduce, send, settle};
use crate::world::World;

#[test]
fn another_identity_is_shown_and_nothing_is_sent_to_it_unasked() {
    let world = World::new("identity");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    introduce(&mut alice, &mut bob);
    alice.say("/verified bob");
    alice.wait_for("VERIFIED bob");
    alice.say("/verify bob");
    let known = alice.wait_for("SAFETY bob");

    // Without the token the address is not to be had, whoever asks.
    bob.kill();
    fs::remove_file(world.store("bob")).unwrap();
    let mut thief = world.person("bob");
    thief.wait_for("TROUBLE the relay refuses us: the address belongs to somebody else");
    thief.kill();
    fs::remove_file(world.store("bob")).unwrap();

    // Its operator gives it free, for a person whom they know.
    world.free("bob");
    let mut bob = world.person("bob");
    send(&mut bob, "alice", "this is my new phone");
    alice.wait_for("IDENTITY CHANGED bob");
    alice.say("to bob for the old one alone");
    alice.wait_for("ERROR the identity of bob has changed");
    alice.say("/list");
    alice.wait_for("CONTACT bob accepted changed");
    assert_eq!(alice.lines().iter().filter(|line| line.contains("new phone")).count(), 0);

    // The numbers of both, by name; neither is verified before the user decides.
    bob.say("/verify alice");
    let new = bob.wait_for("SAFETY alice");
    alice.say("/verify bob");
    assert_eq!(alice.wait_for("SAFETY bob"), known);
    assert_eq!(alice.wait_for("SAFETY WAITING bob"), new);
    assert_ne!(known, new);
    alice.say("/verified bob");
    alice.wait_for("ERROR two identities use the name bob");

    // Also after a restart.
    alice.kill();
    let mut alice = world.person("alice");
    alice.say("to bob for the old one alone");
    alice.wait_for("ERROR the identity of bob has changed");
    alice.say("/verify bob");
    assert_eq!(alice.wait_for("SAFETY WAITING bob"), new);
    alice.say("/accept-identity bob");
    alice.wait_for("IDENTITY ACCEPTED bob");
    alice.wait_for("UNREAD bob");
    alice.say("/verify bob");
    assert_eq!(alice.wait_for("SAFETY bob"), new);
    alice.say("/read bob");
    assert!(alice.wait_for("MESSAGE bob").ends_with("this is my new phone"));
    alice.say("/list");
    alice.wait_for("CONTACT bob accepted unverified");
    send(&mut alice, "bob", "I see");
    bob.wait_for("UNREAD alice");
    settle(&mut bob).unwrap();
    assert!(!bob.lines().iter().any(|line| line.contains("old one")));
}

#[test]
fn what_waited_for_the_former_identity_fails_when_the_new_one_is_accepted() {
    let world = World::new("identity-bundle");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    send(&mut alice, "bob", "hello");
    bob.wait_for("REQUEST alice");
    bob.kill();
    fs::remove_file(world.store("bob")).unwrap();
    world.free("bob");
    // The relay has nobody of that name, so this waits.
    alice.say("to bob for the old one alone");
    let waiting = alice.wait_for("QUEUED bob");
    alice.wait_for("TROUBLE to bob");
    let mut bob = world.person("bob");
    send(&mut bob, "alice", "new here");
    alice.wait_for("IDENTITY CHANGED bob");
    alice.say("/accept-identity bob");
    alice.wait_for(&format!("FAILED bob {waiting}"));
    alice.wait_for("UNREAD bob");
    send(&mut alice, "bob", "for the new one");
    bob.wait_for("UNREAD alice");
    bob.say("/history alice");
    bob.wait_for("LINE alice");
    settle(&mut bob).unwrap();
    assert!(!bob.lines().iter().any(|line| line.contains("old one")));
}

#[test]
fn an_identity_that_was_turned_down_is_silent_and_can_be_accepted_later() {
    let world = World::new("identity-kept");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    introduce(&mut alice, &mut bob);
    bob.kill();
    fs::remove_file(world.store("bob")).unwrap();
    world.free("bob");
    let mut bob = world.person("bob");
    send(&mut bob, "alice", "this is my new phone");
    alice.wait_for("IDENTITY CHANGED bob");
    alice.say("/keep-identity bob");
    alice.wait_for("IDENTITY KEPT bob");
    alice.kill();
    let mut alice = world.person("alice");
    send(&mut bob, "alice", "do you hear me?");
    // The relay keeps the order.
    send(&mut world.person("carol"), "alice", "hello");
    alice.wait_for("REQUEST carol");
    assert!(!alice.lines().iter().any(|line| line.contains("bob")), "{:?}", alice.lines());
    alice.say("/accept-identity bob");
    alice.wait_for("IDENTITY ACCEPTED bob");
    alice.say("/accept-identity bob");
    alice.wait_for("ERROR the identity of bob has not changed");
    send(&mut bob, "alice", "once more");
    alice.wait_for("UNREAD bob");
    alice.say("/read bob");
    assert!(alice.wait_for("MESSAGE bob").ends_with("once more"));
}
