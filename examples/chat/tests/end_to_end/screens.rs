//! Two people before screens, with keys and what the screens show.

use std::thread;
use std::time::{Duration, Instant};

use crate::process::PATIENCE;
use crate::terminal::Terminal;
use crate::world::World;

const DOWN: &str = "\u{1b}[B";
const F2: &str = "\u{1b}OQ";
const F3: &str = "\u{1b}OR";
const F5: &str = "\u{1b}[15~";
const CONTROL_C: &str = "\u{3}";

/// Two screens, each with the other's conversation open.
fn introduced(world: &World) -> (Terminal, Terminal) {
    let (alice, bob) = (world.screen("alice"), world.screen("bob"));
    alice.wait_for("● online");
    bob.wait_for("● online");
    alice.say("to bob hello");
    bob.wait_for("alice asks");
    bob.press(DOWN);
    bob.wait_for("F5 accept");
    bob.press(F5);
    bob.wait_for("you accepted alice");
    bob.say("hello too");
    alice.wait_for("hello too");
    (alice, bob)
}

#[test]
fn what_expires_leaves_both_screens() {
    let world = World::new("screens-expiry");
    let (alice, bob) = introduced(&world);
    alice.say("/timer 2s");
    bob.wait_for("alice set messages to disappear after 2s");
    alice.say("soon gone");
    bob.wait_for("soon gone");
    bob.wait_until_gone("soon gone");
    alice.wait_until_gone("soon gone");
    assert!(bob.screen().contains("hello too"), "{}", bob.screen());
}

#[test]
fn what_can_be_opened_once_is_on_the_screen_once() {
    let world = World::new("screens-once");
    let (alice, bob) = introduced(&world);
    alice.say("/once open sesame");
    bob.wait_for("view once: F3 opens it");
    assert!(!bob.screen().contains("sesame"));
    bob.press(F3);
    bob.wait_for("open sesame");
    bob.press("\r");
    bob.wait_until_gone("open sesame");
    bob.press(F3);
    bob.wait_for("/open ID");
    assert!(!bob.screen().contains("view once"), "{}", bob.screen());
}

#[test]
fn both_screens_show_the_same_safety_number() {
    let world = World::new("screens-safety");
    let (alice, bob) = introduced(&world);
    let digits = |terminal: &Terminal| {
        terminal.press(F2);
        terminal.wait_until("twelve groups", |screen| groups(screen).len() == 12);
        groups(&terminal.screen())
    };
    assert_eq!(digits(&alice), digits(&bob));
    alice.press("v");
    alice.wait_for("you verified bob");
    alice.wait_for("encrypted · verified");
}

#[test]
fn the_terminal_is_given_back_whoever_ends_it() {
    let ends: [fn(&Terminal); 2] = [|terminal| terminal.press(CONTROL_C), Terminal::terminate];
    for (number, end) in ends.into_iter().enumerate() {
        let world = World::new(&format!("screens-end-{number}"));
        let mut alice = world.screen("alice");
        alice.wait_for("● online");
        assert!(!alice.is_given_back());
        end(&alice);
        assert!(alice.end().success());
        let deadline = Instant::now() + PATIENCE;
        while !alice.is_given_back() {
            assert!(Instant::now() < deadline, "{}", alice.screen());
            thread::sleep(Duration::from_millis(10));
        }
        assert!(!alice.screen().contains("online"), "{}", alice.screen());
    }
}

fn groups(screen: &str) -> Vec<String> {
    let is_group = |word: &&str| word.len() == 5 && word.bytes().all(|byte| byte.is_ascii_digit());
    screen.split_whitespace().filter(is_group).map(str::to_owned).collect()
}
