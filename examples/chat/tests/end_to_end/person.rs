//! What a test asks of somebody's process.

use std::thread;
use std::time::{Duration, Instant};

use crate::process::{PATIENCE, Process};

/// Waits until all that was ordered before has been done: a line that is no command is answered in its turn.
pub fn settle(process: &mut Process) -> Option<()> {
    process.say("?");
    process.wait_or_end("USAGE").map(drop)
}

/// The texts of a conversation as they are stored, those of `author` (`us` or `them`).
pub fn history(process: &mut Process, with: &str, author: &str) -> Option<Vec<String>> {
    settle(process)?;
    let before = process.lines().len();
    process.say(&format!("/history {with}"));
    settle(process)?;
    let texts = process.lines()[before..]
        .iter()
        .filter_map(|line| line.strip_prefix(&format!("LINE {with} ")))
        .filter(|line| line.split(' ').nth(1) == Some(author))
        .filter_map(|line| line.split_once(" text "))
        .map(|(_, text)| text.to_owned())
        .collect();
    Some(texts)
}

/// Waits until so many texts of `author` are stored, and gives them.
pub fn wait_for_history(
    process: &mut Process,
    with: &str,
    author: &str,
    count: usize,
) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let texts = history(process, with, author).expect("the process has ended");
        if texts.len() >= count {
            return texts;
        }
        assert!(Instant::now() < deadline, "{} texts of {count} came: {texts:?}", texts.len());
        thread::sleep(Duration::from_millis(50));
    }
}

/// Sends a text, waits until the relay has it, and gives its id.
pub fn send(process: &mut Process, to: &str, text: &str) -> String {
    process.say(&format!("to {to} {text}"));
    let id = process.wait_for(&format!("QUEUED {to}"));
    process.wait_for(&format!("SENT {to} {id}"));
    id
}

/// Above what `/proc/uptime` tells apart.
const TICK: Duration = Duration::from_millis(20);

/// Two people who have written to each other, each with the other's conversation open. What they wrote is over by a
/// tick of their clocks: a timer that is set in the same one counts for it.
pub fn introduce(alice: &mut Process, bob: &mut Process) {
    send(alice, "bob", "hello");
    bob.wait_for("REQUEST alice");
    bob.say("/accept alice");
    bob.wait_for("ACCEPTED alice");
    bob.say("/read alice");
    bob.wait_for("MESSAGE alice");
    alice.say("/read bob");
    send(bob, "alice", "hello too");
    alice.wait_for("MESSAGE bob");
    thread::sleep(TICK);
}
