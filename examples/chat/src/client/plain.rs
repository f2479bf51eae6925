//! Plain mode: commands come as lines, and notices go as lines. For scripts and tests, and for those who like it.

use std::io::{self, BufRead, Write};
use std::thread;
use std::time::Duration;

use image::RgbImage;
use tokio::sync::mpsc;

use crate::client::session::{Input, Origin, Screen};
use crate::command::{Command, Unclear};
use crate::engine::{Engine, WholeFile};
use crate::notice::Notice;

pub struct Plain;

impl Screen for Plain {
    fn notice(&mut self, notice: &Notice) {
        // Nobody reads any more: what happens is stored all the same.
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{notice}").and_then(|()| out.flush());
    }

    /// The line stands above, in the terminal.
    fn put_back(&mut self, _: Origin) {}

    fn refresh(&mut self, _: &Engine) {}

    /// Lines are for scripts.
    fn has_pictures(&self) -> bool {
        false
    }

    fn picture(&mut self, _: &WholeFile, _: RgbImage) {}

    fn pace(&self) -> Duration {
        Duration::MAX
    }
}

/// Reads commands on a thread of its own, since nothing else can wait for a terminal.
pub fn inputs() -> mpsc::Receiver<Input> {
    let (send, inputs) = mpsc::channel(16);
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            // A line that is no text ends it like the end of the file.
            let Ok(line) = line else { break };
            let unclear = |unclear: Unclear| Input::Unclear(unclear.to_string());
            let input = Command::parse(&line).map_or_else(unclear, Input::Command);
            if send.blocking_send(input).is_err() {
                return;
            }
        }
        let _ = send.blocking_send(Input::End);
    });
    inputs
}
