//! A pseudo-terminal with somebody's screen in it, and a terminal's idea of what it shows.

use std::io::{Read, Write};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use image::{GrayImage, Luma};
use pty_process::Size;
use pty_process::blocking::{self, Command, Pty};

use crate::process::PATIENCE;

const ROWS: u16 = 24;
const COLUMNS: u16 = 100;

/// Pixels of a module of a QR code.
const MODULE: u32 = 6;

/// How light the dark modules are, and the light ones: their colours are numbers 16 and 231 of the terminal's.
const DARK: u8 = 16;
const LIGHT: u8 = 231;

pub struct Terminal {
    child: Child,
    pty: Arc<Pty>,
    shown: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    pub fn start(command: Command) -> Self {
        Self::start_with(command, ROWS)
    }

    /// One of so many rows.
    pub fn start_with(command: Command, rows: u16) -> Self {
        let (pty, end) = blocking::open().unwrap();
        pty.resize(Size::new(rows, COLUMNS)).unwrap();
        let child = command.spawn(end).unwrap();
        let (pty, shown) = (Arc::new(pty), Arc::default());
        let (from, to): (Arc<Pty>, Arc<Mutex<vt100::Parser>>) =
            (Arc::clone(&pty), Arc::clone(&shown));
        to.lock().unwrap().screen_mut().set_size(rows, COLUMNS);
        thread::spawn(move || {
            let mut bytes = [0; 4_096];
            // Reading fails when the process has gone.
            while let Ok(length @ 1..) = (&*from).read(&mut bytes) {
                to.lock().unwrap().process(&bytes[..length]);
            }
        });
        Self { child, pty, shown }
    }

    pub fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    pub fn say(&self, line: &str) {
        self.press(&format!("{line}\r"));
    }

    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contains(text));
    }

    pub fn wait_until_gone(&self, text: &str) {
        self.wait_until(text, |screen| !screen.contains(text));
    }

    /// What is drawn may be seen half: so this is asked until it fits.
    pub fn wait_until(&self, text: &str, fits: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !fits(&self.screen()) {
            assert!(Instant::now() < deadline, "{text:?}, but:\n{}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn screen(&self) -> String {
        self.shown.lock().unwrap().screen().contents()
    }

    /// A picture of the QR code on the screen, as a camera would see it.
    pub fn photograph(&self) -> GrayImage {
        let shown = self.shown.lock().unwrap();
        let (rows, columns) = shown.screen().size();
        let module = |x: u32, y: u32| {
            let (row, column) = (u16::try_from(y / 2).unwrap(), u16::try_from(x).unwrap());
            let cell = shown.screen().cell(row, column)?;
            match if y.is_multiple_of(2) { cell.fgcolor() } else { cell.bgcolor() } {
                vt100::Color::Idx(DARK) if cell.contents() == "▀" => Some(Luma([20])),
                vt100::Color::Idx(LIGHT) if cell.contents() == "▀" => Some(Luma([235])),
                _ => None,
            }
        };
        // What is around it is neither.
        GrayImage::from_fn(u32::from(columns) * MODULE, u32::from(rows) * 2 * MODULE, |x, y| {
            module(x / MODULE, y / MODULE).unwrap_or(Luma([128]))
        })
    }

    /// Whether the terminal is as it was before: what was drawn is not in it any more.
    pub fn is_given_back(&self) -> bool {
        let shown = self.shown.lock().unwrap();
        let screen = shown.screen();
        !screen.alternate_screen() && !screen.bracketed_paste() && !screen.hide_cursor()
    }

    /// Asks the process to end, as a system does that shuts down.
    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        assert!(std::process::Command::new("kill").arg(id).status().unwrap().success());
    }

    /// Waits until the process ends by itself.
    pub fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the process does not end:\n{}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
