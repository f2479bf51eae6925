//! An end that comes from outside: the terminal was closed, or the system asks the process to go. What is open is then
//! closed as if the user had quit, and the terminal is given back.

use std::io;

/// Hears of it from when it was made on.
#[cfg(unix)]
pub struct Ending([tokio::signal::unix::Signal; 3]);

#[cfg(unix)]
impl Ending {
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hang_up] = signals.map(signal);
        Ok(Self([interrupt?, terminate?, hang_up?]))
    }

    pub async fn comes(&mut self) {
        let Self([interrupt, terminate, hang_up]) = self;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
}

/// Elsewhere it hears of Ctrl-C alone.
#[cfg(not(unix))]
pub struct Ending(());

#[cfg(not(unix))]
impl Ending {
    pub fn listen() -> io::Result<Self> {
        Ok(Self(()))
    }

    pub async fn comes(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
