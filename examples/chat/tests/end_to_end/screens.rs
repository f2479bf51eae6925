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
pub fn introduced(world: &World) -> (Terminal, Terminal) {
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
    bob.wait_for("there is nothing here to be opened once");
    assert!(!bob.screen().contains("view once"), "{}", bob.screen());
}

#[test]
fn a_refused_text_stays_in_the_line_and_goes_when_it_may() {
    let world = World::new("screens-refused");
    let (alice, bob) = (world.screen("alice"), world.screen("bob"));
    alice.wait_for("● online");
    bob.wait_for("● online");
    alice.say("to bob hello");
    bob.wait_for("alice asks");
    bob.press(DOWN);
    bob.wait_for("F5 accept");
    bob.say("a long answer");
    bob.wait_for("alice has asked first");
    bob.wait_for("alice > a long answer");
    bob.press(F5);
    bob.wait_for("you accepted alice");
    bob.press("\r");
    alice.wait_for("a long answer");
    bob.wait_until_gone("alice > a long answer");
    // A line that is wrong stays as well.
    bob.say("/timer soon");
    bob.wait_for("\"soon\" is no span of time; 30s, 5m, 1h, 2d, 1w are");
    bob.wait_for("alice > /timer soon");
}

#[test]
fn a_line_for_somebody_else_goes_to_them_or_nowhere() {
    let world = World::new("screens-to");
    let (alice, bob) = introduced(&world);
    let mut carol = world.person("carol");
    alice.say("to carol a word for carol");
    alice.wait_for("Nobody here is called carol.");
    alice.wait_for("bob > to carol a word for carol");
    alice.press("\u{1b}");
    alice.wait_until_gone("to carol");
    alice.say("/to carol hello carol");
    carol.wait_for("REQUEST alice");
    alice.wait_for("carol > ");
    alice.say("/read bob");
    alice.wait_for("bob > ");
    alice.say("to carol a word for carol");
    carol.wait_for("REQUEST alice");
    alice.wait_for("carol > ");
    alice.say("/read bob");
    alice.wait_for("bob > ");
    alice.say("to be or not to be");
    alice.wait_for("Enter once more sends this line to");
    alice.press("\r");
    bob.wait_for("to be or not to be");
    assert!(!bob.screen().contains("carol"), "{}", bob.screen());
}

#[test]
fn what_is_found_is_a_page_and_leaves_it_when_it_ends() {
    let world = World::new("screens-find");
    let (alice, bob) = introduced(&world);
    alice.say("/for 7s the key is soon gone");
    bob.wait_for("the key is soon gone");
    bob.say("/find KEY soon");
    bob.wait_for("Found one message.");
    bob.wait_for("the key is soon gone");
    bob.wait_for("Nothing that you have read or written has all of these words.");
    assert!(!bob.screen().contains("soon gone"), "{}", bob.screen());
    bob.press("\r");
    bob.wait_for("hello too");
}

#[test]
fn while_another_identity_waits_both_numbers_can_be_compared() {
    let world = World::new("screens-changed");
    let (alice, bob) = introduced(&world);
    alice.press(F2);
    alice.wait_until("twelve groups", |screen| groups(screen).len() == 12);
    let known = groups(&alice.screen());
    drop(bob);
    std::fs::remove_file(world.store("bob")).unwrap();
    world.free("bob");
    let bob = world.screen("bob");
    bob.wait_for("● online");
    bob.say("to alice this is my new phone");
    alice.wait_for("the new identity under the name bob");
    alice.wait_until("both", |screen| groups(screen).len() == 24);
    let both = groups(&alice.screen());
    bob.press(F2);
    bob.wait_until("twelve groups", |screen| groups(screen).len() == 12);
    assert_eq!((&both[..12], &both[12..]), (&known[..], &groups(&bob.screen())[..]));
    alice.press("v");
    alice.wait_for("decide first: F5 or F6");
    alice.press(F5);
    alice.wait_until("the new one", |screen| groups(screen) == both[12..]);
    alice.press("v");
    alice.wait_for("you verified bob");
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

pub fn groups(screen: &str) -> Vec<String> {
    let is_group = |word: &&str| word.len() == 5 && word.bytes().all(|byte| byte.is_ascii_digit());
    screen.split_whitespace().filter(is_group).map(str::to_owned).collect()
}
