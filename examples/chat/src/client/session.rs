//! A run of the client: waits for the user, the relay and the clock, and sees to the order of things. For each event
//! the engine gives an outcome; that is stored; then it is shown, and then the relay is asked or acknowledged.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{self, Instant};

use crate::client::ending::Ending;
use crate::client::lines::{self, Lines, Report, Visit};
use crate::clock;
use crate::command::Command;
use crate::engine::{Engine, Outcome};
use crate::name::Name;
use crate::notice::Notice;
use crate::random;
use crate::request::{Answer, Refusal};
use crate::store::{Store, StoreError};

/// How long after an event that says nothing the clock is looked at again, at least: deadlines are in milliseconds,
/// and timers fire early or late by one.
const SHORTEST_SLEEP: Duration = Duration::from_millis(2);

/// While something waits for the relay, it is looked at this often.
const RETRY: Duration = Duration::from_secs(1);

/// How long the mailbox rests after a refusal.
const REST: Duration = Duration::from_secs(5);

/// What the user does.
pub enum Input {
    Command(Command),
    /// The same by a line, which is not to be lost if the command is refused.
    Typed(Command, Origin),
    /// A line that is no command: why, and what to do.
    Unclear(String),
    /// Nothing but what is drawn has changed.
    Redraw,
    /// There will be no more.
    End,
}

/// A line as it was typed, and in which conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub open: Option<Name>,
    pub line: String,
    /// How the same is typed where no conversation is open.
    pub anywhere: String,
}

/// Where a run shows things: lines here, a screen elsewhere.
pub trait Screen {
    /// Something happened, and is stored.
    fn notice(&mut self, notice: &Notice);
    /// What came of a line was refused, as has been noticed: it can be typed on.
    fn put_back(&mut self, origin: Origin);
    /// All of one event has been noticed: a screen draws anew from [`Engine::contacts`] and [`Engine::lines`].
    fn refresh(&mut self, engine: &Engine);
    /// How often it is drawn anew though nothing happens: for countdowns.
    fn pace(&self) -> Duration;
}

/// Who runs: made of an engine and its store, which no other run has.
pub struct Session<'screen, S: Screen> {
    engine: Engine,
    store: Store,
    screen: &'screen mut S,
    lines: Lines,
    mailbox: Mailbox,
    postman: Postman,
}

struct Mailbox {
    state: MailboxState,
    acknowledged: u64,
    connection: Connection,
}

enum MailboxState {
    Idle,
    Asking,
    Resting(Instant),
}

#[derive(PartialEq, Eq)]
enum Connection {
    Unknown,
    Online,
    Offline,
}

enum Postman {
    Idle,
    Asking,
}

enum Flow {
    GoOn,
    End,
}

impl<'screen, S: Screen> Session<'screen, S> {
    /// Must be called within a `LocalSet`.
    pub fn new(
        engine: Engine,
        store: Store,
        relay: &str,
        patience: Duration,
        screen: &'screen mut S,
    ) -> Self {
        let lines = lines::start(relay, patience, engine.name().clone(), engine.token().clone());
        let mailbox =
            Mailbox { state: MailboxState::Idle, acknowledged: 0, connection: Connection::Unknown };
        Self { engine, store, screen, lines, mailbox, postman: Postman::Idle }
    }

    /// Runs until the user quits. After an error of the store nothing goes on with what is in memory.
    pub async fn run(
        mut self,
        mut inputs: mpsc::Receiver<Input>,
        mut ending: Ending,
    ) -> Result<(), StoreError> {
        loop {
            self.hand_out_work().await;
            let sleep = self.sleep();
            let flow = tokio::select! {
                input = inputs.recv() => self.input(input.unwrap_or(Input::End))?,
                () = ending.comes() => self.input(Input::End)?,
                Some(report) = self.lines.reports.recv() => {
                    self.report(report)?;
                    Flow::GoOn
                }
                () = time::sleep(sleep) => {
                    let outcome = self.engine.tick(clock::now(), &mut random::system());
                    self.apply(outcome)?;
                    Flow::GoOn
                }
            };
            match flow {
                Flow::GoOn => {}
                Flow::End => return Ok(()),
            }
        }
    }

    /// Stores, then shows.
    pub fn apply(&mut self, outcome: Outcome) -> Result<(), StoreError> {
        self.apply_of(outcome, None)
    }

    fn apply_of(&mut self, outcome: Outcome, origin: Option<Origin>) -> Result<(), StoreError> {
        let notices = outcome.commit(&mut self.store)?;
        for notice in &notices {
            self.screen.notice(notice);
        }
        let is_refused = notices.iter().any(|notice| matches!(notice, Notice::Error(_)));
        if let (Some(origin), true) = (origin, is_refused) {
            self.screen.put_back(origin);
        }
        self.screen.refresh(&self.engine);
        Ok(())
    }

    async fn hand_out_work(&mut self) {
        if let (Postman::Idle, Some(errand)) = (&self.postman, self.engine.errand(clock::now()))
            && self.lines.errands.send(errand).await.is_ok()
        {
            self.postman = Postman::Asking;
        }
        let may_ask = match self.mailbox.state {
            MailboxState::Idle => true,
            MailboxState::Asking => false,
            MailboxState::Resting(until) => until <= Instant::now(),
        };
        if may_ask {
            let visit = match self.engine.publication() {
                Some(upload) => Visit::Publish(upload),
                None => Visit::Fetch { acknowledged: self.mailbox.acknowledged },
            };
            if self.lines.visits.send(visit).await.is_ok() {
                self.mailbox.state = MailboxState::Asking;
            }
        }
    }

    fn sleep(&self) -> Duration {
        let sleep =
            self.engine.next_wakeup(clock::now()).min(self.screen.pace()).max(SHORTEST_SLEEP);
        let mailbox_rests = matches!(self.mailbox.state, MailboxState::Resting(_));
        let postman_waits =
            matches!(self.postman, Postman::Idle) && self.engine.has_resting_errands();
        if mailbox_rests || postman_waits { sleep.min(RETRY) } else { sleep }
    }

    fn input(&mut self, input: Input) -> Result<Flow, StoreError> {
        let (command, origin) = match input {
            Input::Unclear(usage) => {
                self.screen.notice(&Notice::Usage(usage));
                self.screen.refresh(&self.engine);
                return Ok(Flow::GoOn);
            }
            Input::Redraw => {
                self.screen.refresh(&self.engine);
                return Ok(Flow::GoOn);
            }
            Input::End => (Command::Quit, None),
            Input::Command(command) => (command, None),
            Input::Typed(command, origin) => (command, Some(origin)),
        };
        let flow = if command == Command::Quit { Flow::End } else { Flow::GoOn };
        let outcome = match command {
            Command::Find(words) => self.engine.found(&self.store.find(&words)?, clock::now()),
            command => self.engine.command(command, clock::now(), &mut random::system()),
        };
        self.apply_of(outcome, origin)?;
        Ok(flow)
    }

    fn report(&mut self, report: Report) -> Result<(), StoreError> {
        match report {
            Report::Postman(errand, answer) => {
                self.postman = Postman::Idle;
                // Whichever of the two connections comes through first, the relay is there.
                if answer.is_ok() {
                    self.connection(Connection::Online);
                }
                let (now, rng) = (clock::now(), &mut random::system());
                let outcome = match (&errand, answer) {
                    (_, Ok(Answer::Refused(refusal))) => {
                        self.engine.errand_refused(&errand, refusal, now)
                    }
                    (crate::engine::Errand::Bundle(name), Ok(Answer::Bundle(bundle))) => {
                        self.engine.bundle_came(name, &bundle, now, rng)
                    }
                    (crate::engine::Errand::Deposit { number, .. }, Ok(Answer::Deposited)) => {
                        self.engine.deposited(*number, now)
                    }
                    // Not answered, or with nonsense: it is still to be done.
                    (_, Ok(_) | Err(_)) => return Ok(()),
                };
                self.apply(outcome)
            }
            Report::Mailbox(visit, answer) => {
                self.mailbox.state = MailboxState::Idle;
                self.connection(if answer.is_ok() {
                    Connection::Online
                } else {
                    Connection::Offline
                });
                match (visit, answer) {
                    (Visit::Publish(upload), Ok(Answer::Published)) => {
                        let outcome = self.engine.published(&upload);
                        self.apply(outcome)
                    }
                    (Visit::Fetch { .. }, Ok(Answer::Mail { stock, letters })) => {
                        for letter in letters {
                            let (now, rng) = (clock::now(), &mut random::system());
                            let outcome = self.engine.mail(&letter.message, now, rng);
                            self.apply(outcome)?;
                            self.mailbox.acknowledged = letter.number;
                        }
                        let (now, rng) = (clock::now(), &mut random::system());
                        let outcome = self.engine.relay_has(stock, now, rng);
                        self.apply(outcome)
                    }
                    (visit, Ok(Answer::Refused(refusal))) => self.refused(&visit, refusal),
                    (_, Ok(_) | Err(_)) => Ok(()),
                }
            }
        }
    }

    fn refused(&mut self, visit: &Visit, refusal: Refusal) -> Result<(), StoreError> {
        match (visit, refusal) {
            (Visit::Fetch { .. }, Refusal::Unknown) => {
                self.mailbox.acknowledged = 0;
                let rng = &mut random::system();
                let outcome = self.engine.relay_has_forgotten(clock::now(), rng);
                // Who has published everything anew too often lately has nothing to publish.
                if self.engine.publication().is_none() {
                    self.mailbox.state = MailboxState::Resting(Instant::now() + REST);
                }
                self.apply(outcome)
            }
            _ => {
                let advice = match refusal {
                    Refusal::NotYours => ": take another name, or ask its operator to give it free",
                    _ => "",
                };
                let text = format!("the relay refuses us: {refusal}{advice}");
                self.screen.notice(&Notice::Trouble(text));
                self.screen.refresh(&self.engine);
                self.mailbox.state = MailboxState::Resting(Instant::now() + REST);
                Ok(())
            }
        }
    }

    fn connection(&mut self, connection: Connection) {
        if self.mailbox.connection == connection {
            return;
        }
        match connection {
            Connection::Unknown => {}
            Connection::Online => self.screen.notice(&Notice::Online),
            Connection::Offline => self.screen.notice(&Notice::Offline),
        }
        self.mailbox.connection = connection;
        self.screen.refresh(&self.engine);
    }
}
