//! Waits for the keyboard on a thread of its own, and changes what the user looks at.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ratatui::crossterm::event;
use tokio::sync::mpsc;

use crate::client::screen::focus::Focus;
use crate::client::session::Input;

pub fn inputs(focus: Arc<Mutex<Focus>>) -> mpsc::Receiver<Input> {
    let (send, inputs) = mpsc::channel(16);
    thread::spawn(move || {
        while let Ok(event) = event::read() {
            // The lock is free again before the channel is waited for: who empties it draws with the lock.
            let inputs = focus.lock().unwrap_or_else(PoisonError::into_inner).event(event);
            for input in inputs {
                // Also after an order to quit, which may wait, and can be said twice.
                if send.blocking_send(input).is_err() {
                    return;
                }
            }
        }
        let _ = send.blocking_send(Input::End);
    });
    inputs
}
