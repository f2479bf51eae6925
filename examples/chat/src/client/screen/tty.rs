//! The terminal, taken for a screen and given back as it was.

use std::io;
use std::panic;
use std::thread;

use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

/// Holds the terminal; dropped, it gives it back. What was drawn does not stay in the terminal's history: the
/// alternate screen has none.
pub struct Tty(());

impl Tty {
    pub fn take() -> io::Result<Self> {
        let (former, screen) = (panic::take_hook(), thread::current().id());
        panic::set_hook(Box::new(move |info| {
            // On another thread it ends that one, whose work is then said to have failed: a decoder of pictures may panic, and
            // its message would be written over the screen.
            if thread::current().id() == screen {
                give_back();
                former(info);
            }
        }));
        enable_raw_mode()?;
        let tty = Self(());
        execute!(io::stdout(), EnterAlternateScreen, Clear(ClearType::All), EnableBracketedPaste)?;
        Ok(tty)
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        give_back();
    }
}

/// Twice does no harm. Without a terminal nothing is left to be put right.
fn give_back() {
    let _ = execute!(
        io::stdout(),
        DisableBracketedPaste,
        LeaveAlternateScreen,
        ratatui::crossterm::cursor::Show
    );
    let _ = disable_raw_mode();
}
