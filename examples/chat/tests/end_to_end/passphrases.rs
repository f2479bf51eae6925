//! The passphrase is chosen at the first start, by saying it twice, and asked for once from then on.

use crate::terminal::Terminal;
use crate::world::World;

const CONTROL_C: &str = "\u{3}";

fn asked(screen: &Terminal, text: &str, answer: &str) {
    screen.wait_for(text);
    screen.say(answer);
}

#[test]
fn a_new_passphrase_is_asked_for_twice_and_said_so_and_later_once() {
    let world = World::new("passphrase");
    let mut alice = world.asked("alice");
    alice.wait_for("is new: choose a passphrase for it. It is asked for twice.");
    asked(&alice, "Passphrase:", "correct horse");
    asked(&alice, "The same again:", "correct hose");
    alice.wait_for("the two are not the same: nothing was made, start again");
    assert!(!alice.end().success());
    assert!(!world.store("alice").exists());

    let mut alice = world.asked("alice");
    asked(&alice, "Passphrase:", "correct horse");
    asked(&alice, "The same again:", "correct horse");
    alice.wait_for("● online");
    assert!(!alice.screen().contains("correct"), "{}", alice.screen());
    alice.press(CONTROL_C);
    assert!(alice.end().success());

    let mut alice = world.asked("alice");
    asked(&alice, "Passphrase:", "correct horse");
    alice.wait_for("● online");
    alice.press(CONTROL_C);
    assert!(alice.end().success());
}

#[test]
fn an_empty_passphrase_is_refused_wherever_it_comes_from() {
    let world = World::new("passphrase-empty");
    let mut alice = world.asked("alice");
    asked(&alice, "Passphrase:", "");
    alice.wait_for("an empty passphrase protects nothing");
    assert!(!alice.end().success());
    let mut command = world.command("alice", &world.address);
    let output = command.env("CHAT_PASSPHRASE", "").output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("an empty passphrase"));
    assert!(!world.store("alice").exists());
}
