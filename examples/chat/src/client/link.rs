//! One connection to the relay, made anew when it breaks.

use std::fmt;
use std::time::Duration;

use evanesce::rand_core::Rng;
use tokio::net::TcpStream;
use tokio::time;

use crate::frame::{self, FrameError};
use crate::random;
use crate::request::{Answer, Ask, Refusal, Reply, Request};

/// The first pause after a failure; each one more doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Somebody sits before it, and waits to be online again.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

pub struct Link {
    relay: String,
    patience: Duration,
    connection: Option<TcpStream>,
    asked: u64,
    failures: u32,
}

/// What is said of an answer that is to another question.
pub const OTHER_ANSWER: &str = "the answer is to another question";

/// The question was not answered. Ask it again: the relay knows again what it has done.
#[derive(Debug)]
pub enum LinkError {
    /// No connection, or one that broke.
    Broken(FrameError),
    /// No answer in time.
    TooSlow,
    /// The relay closes, and says why.
    Closed(Refusal),
}

impl Link {
    pub fn new(relay: String, patience: Duration) -> Self {
        Self { relay, patience, connection: None, asked: 0, failures: 0 }
    }

    /// Asks once, after a pause if the last time failed. `wait` is how long the relay may take on purpose.
    pub async fn ask(&mut self, ask: &Ask, wait: Duration) -> Result<Answer, LinkError> {
        if self.failures > 0 {
            time::sleep(self.pause()).await;
        }
        let patience = self.patience.saturating_add(wait);
        let asked = time::timeout(patience, self.try_ask(ask)).await;
        let result = asked.unwrap_or(Err(LinkError::TooSlow));
        match &result {
            Ok(_) => self.failures = 0,
            Err(_) => {
                self.connection = None;
                self.failures = self.failures.saturating_add(1);
            }
        }
        result
    }

    /// Whether the next question goes over a connection on which something has been answered.
    pub fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    async fn try_ask(&mut self, ask: &Ask) -> Result<Answer, LinkError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                let connected = TcpStream::connect(&self.relay).await;
                let connection =
                    connected.map_err(|error| LinkError::Broken(FrameError::Io(error)))?;
                let _ = connection.set_nodelay(true);
                none.insert(connection)
            }
        };
        self.asked = self.asked.saturating_add(1);
        let request = Request { number: self.asked, ask: ask.clone() };
        frame::write(connection, &request).await.map_err(LinkError::Broken)?;
        loop {
            let reply: Reply = frame::read(connection).await.map_err(LinkError::Broken)?;
            match reply {
                Reply { number, answer } if number == self.asked => return Ok(answer),
                Reply { number: 0, answer: Answer::Refused(refusal) } => {
                    return Err(LinkError::Closed(refusal));
                }
                // An answer that was repeated on the way.
                Reply { .. } => {}
            }
        }
    }

    /// Between half and all of a time that doubles, so that not all clients come back at one moment.
    fn pause(&self) -> Duration {
        let doubled = FIRST_PAUSE.saturating_mul(1 << self.failures.saturating_sub(1).min(10));
        let pause = doubled.min(LONGEST_PAUSE);
        let half = pause / 2;
        let spread = u64::try_from(half.as_millis()).unwrap_or(0).saturating_add(1);
        half.saturating_add(Duration::from_millis(random::system().next_u64() % spread))
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(error) => error.fmt(formatter),
            Self::TooSlow => formatter.write_str("no answer in time"),
            Self::Closed(refusal) => refusal.fmt(formatter),
        }
    }
}
