//! A run of the client: waits for the user, the relay and the clock, and sees to the order of things. For each event
//! the engine gives an outcome; that is stored; then it is shown, and then the relay is asked or acknowledged.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use image::RgbImage;
use tokio::sync::mpsc;
use tokio::time::{self, Instant};

use crate::client::ending::Ending;
use crate::client::lines::{self, Lines, Report, Visit};
use crate::client::loading::changed;
use crate::client::scanning;
use crate::client::taking::{Purpose, Step, Stepped, Taking};
use crate::clock;
use crate::command::{Command, MessagePrefix};
use crate::engine::{Engine, LocalFile, Outcome, WholeFile};
use crate::name::Name;
use crate::notice::Notice;
use crate::random;
use crate::request::{Answer, MarkedLetter, Refusal};
use crate::row::Row;
use crate::store::{Store, StoreError};

/// How long after an event that says nothing the clock is looked at again, at least: deadlines are in milliseconds,
/// and timers fire early or late by one.
const SHORTEST_SLEEP: Duration = Duration::from_millis(2);

/// While something waits for the relay, it is looked at this often.
const RETRY: Duration = Duration::from_secs(1);

/// How many files wait to be saved or shown.
const MOST_WANTED: usize = 16;

/// How long who quits at once waits for the disk.
const GIVING_UP: Duration = Duration::from_secs(1);

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
    /// Whether it can show a picture.
    fn has_pictures(&self) -> bool;
    /// The user wants to see this one.
    fn picture(&mut self, file: &WholeFile, picture: RgbImage);
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
    postman: Worker,
    loader: Worker,
    fetcher: Worker,
    taker: Worker,
    /// What is being saved or shown, while nobody works on it, and what comes after it.
    taking: Option<Taking>,
    wanted: VecDeque<Wanted>,
    /// The line by which the one that is worked on was wanted.
    wanted_by: Option<Origin>,
    end: End,
}

/// A file that is to be saved or shown, and by which line.
struct Wanted {
    file: WholeFile,
    purpose: Purpose,
    origin: Option<Origin>,
}

/// Whether the user has quit. What is being saved is saved before that, unless they say it twice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    No,
    Wanted,
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

enum Worker {
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
        let (taking, wanted, wanted_by, end) = (None, VecDeque::new(), None, End::No);
        let [postman, loader, fetcher, taker] = [const { Worker::Idle }; 4];
        Self {
            engine,
            store,
            screen,
            lines,
            mailbox,
            postman,
            loader,
            fetcher,
            taker,
            taking,
            wanted,
            wanted_by,
            end,
        }
    }

    /// Runs until the user quits. After an error of the store nothing goes on with what is in memory.
    pub async fn run(
        mut self,
        mut inputs: mpsc::Receiver<Input>,
        mut ending: Ending,
    ) -> Result<(), StoreError> {
        let mut has_inputs = true;
        loop {
            self.hand_out_work().await?;
            if self.end == End::Wanted && !self.is_taking() {
                return self.quit();
            }
            let sleep = self.sleep();
            let flow = tokio::select! {
                input = inputs.recv(), if has_inputs => {
                    has_inputs = !matches!(input, None | Some(Input::End));
                    self.input(input.unwrap_or(Input::End))?
                }
                () = ending.comes() => {
                    self.quit()?;
                    Flow::End
                }
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
                Flow::End => {
                    self.give_up().await;
                    return Ok(());
                }
            }
        }
    }

    /// What is being saved is not saved, and nothing is left of it, if the disk lets us.
    async fn give_up(&mut self) {
        let taken = async {
            while let Some(report) = self.lines.reports.recv().await {
                if let Report::Taken(_) = report {
                    return;
                }
            }
        };
        if let Worker::Asking = self.taker {
            let _ = time::timeout(GIVING_UP, taken).await;
        }
        self.taking = None;
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

    /// Closes all conversations.
    fn quit(&mut self) -> Result<(), StoreError> {
        let outcome = self.engine.command(Command::Quit, clock::now(), &mut random::system());
        self.apply(outcome)
    }

    fn is_taking(&self) -> bool {
        let is_working = matches!(self.taker, Worker::Asking);
        is_working || self.taking.is_some() || !self.wanted.is_empty()
    }

    async fn hand_out_work(&mut self) -> Result<(), StoreError> {
        if let (Worker::Idle, Some(errand)) = (&self.postman, self.engine.errand(clock::now()))
            && self.lines.errands.send(errand).await.is_ok()
        {
            self.postman = Worker::Asking;
        }
        if let (Worker::Idle, Some(load)) = (&self.loader, self.engine.next_load(clock::now()))
            && self.lines.loads.send(load).await.is_ok()
        {
            self.loader = Worker::Asking;
        }
        if let (Worker::Idle, Some(fetch)) = (&self.fetcher, self.engine.next_fetch(clock::now()))
            && self.lines.fetches.send(fetch).await.is_ok()
        {
            self.fetcher = Worker::Asking;
        }
        let may_ask = match self.mailbox.state {
            MailboxState::Idle => true,
            MailboxState::Asking => false,
            MailboxState::Resting(until) => until <= Instant::now(),
        };
        if may_ask {
            let visit = self.engine.publication().map(Visit::Publish);
            // The first publication claims the address.
            let visit = visit.or_else(|| self.engine.list_publication().map(Visit::PublishList));
            let report = || self.engine.due_report();
            let visit = visit.or_else(|| report().map(|(number, due)| Visit::Report(number, due)));
            let acknowledged = self.mailbox.acknowledged;
            let visit = visit.unwrap_or(Visit::Fetch { acknowledged });
            if self.lines.visits.send(visit).await.is_ok() {
                self.mailbox.state = MailboxState::Asking;
            }
        }
        if let Some(step) = self.next_taking()?
            && self.lines.takings.send(step).await.is_ok()
        {
            self.taker = Worker::Asking;
        }
        Ok(())
    }

    /// The next step with a file that is taken out of the store; one piece at a time, so that all else goes on.
    fn next_taking(&mut self) -> Result<Option<Step>, StoreError> {
        if let Worker::Asking = self.taker {
            return Ok(None);
        }
        let is_here = |file: &WholeFile| self.engine.is_here(file, clock::now());
        if let Some(taking) = self.taking.take() {
            if is_here(&taking.file) {
                let message = taking.file.message;
                return taking.next(|number| self.store.piece(message, number)).map(Some);
            }
            // What there is of it goes with it.
            drop(taking);
            self.wanted_by = None;
            let outcome = self.engine.cannot("its message has ended meanwhile".into());
            self.apply(outcome)?;
        }
        let Some(Wanted { file, purpose, origin }) = self.wanted.pop_front() else {
            return Ok(None);
        };
        self.wanted_by = origin;
        Ok(Some(Step::Begin(file, purpose)))
    }

    fn sleep(&self) -> Duration {
        let now = clock::now();
        let sleep = self.engine.next_wakeup(now).min(self.screen.pace()).max(SHORTEST_SLEEP);
        let mailbox_rests = matches!(self.mailbox.state, MailboxState::Resting(_));
        let waits = [
            (&self.postman, self.engine.has_resting_errands()),
            (&self.loader, self.engine.has_resting_loads(now)),
            (&self.fetcher, self.engine.has_resting_fetches(now)),
        ];
        let waits = waits.iter().any(|(worker, has)| *has && matches!(worker, Worker::Idle));
        if mailbox_rests || waits { sleep.min(RETRY) } else { sleep }
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
            Input::End => {
                self.end = End::Wanted;
                return Ok(Flow::GoOn);
            }
            Input::Command(command) => (command, None),
            Input::Typed(command, origin) => (command, Some(origin)),
        };
        let outcome = match command {
            Command::Quit if self.end == End::Wanted => {
                self.quit()?;
                return Ok(Flow::End);
            }
            Command::Quit => {
                self.end = End::Wanted;
                return Ok(Flow::GoOn);
            }
            Command::Find(words) => self.engine.found(&self.store.find(&words)?, clock::now()),
            Command::SendFile { to, path } => match found(&path) {
                Ok(file) => self.engine.send_file(&to, file, clock::now(), &mut random::system()),
                Err(why) => self.engine.cannot(why),
            },
            Command::Report(prefix) => self.make_report(&prefix)?,
            Command::LinkWith(text) => match scanning::read(&text) {
                Ok(code) => self.engine.link_code_read(code),
                Err(why) => self.engine.cannot(why),
            },
            Command::Show(prefix) if self.screen.has_pictures() => {
                return self.want(&prefix, Purpose::Show, origin).map(|()| Flow::GoOn);
            }
            Command::Show(_) => {
                self.engine.cannot("pictures are for the screen: /save ID saves it".into())
            }
            Command::Save(prefix, place) => {
                return self.want(&prefix, Purpose::Save(place), origin).map(|()| Flow::GoOn);
            }
            command => self.engine.command(command, clock::now(), &mut random::system()),
        };
        self.apply_of(outcome, origin)?;
        Ok(Flow::GoOn)
    }

    fn make_report(&mut self, prefix: &MessagePrefix) -> Result<Outcome, StoreError> {
        let (now, rng) = (clock::now(), &mut random::system());
        let id = match self.engine.reportable(prefix, now) {
            Ok(id) => id,
            Err(why) => return Ok(self.engine.cannot(why)),
        };
        let held = self.store.apart(&Row::Evidence(id))?;
        Ok(self.engine.report(id, held.as_ref().map(|held| held.as_slice()), now, rng))
    }

    /// A file of theirs is wanted: it is taken out of the store after those that were wanted before.
    fn want(
        &mut self,
        prefix: &MessagePrefix,
        purpose: Purpose,
        origin: Option<Origin>,
    ) -> Result<(), StoreError> {
        let found = match self.wanted.len() {
            0..MOST_WANTED => self.engine.whole_file(prefix, clock::now()),
            _ => Err("too many files are being saved: wait a while".into()),
        };
        match found {
            Ok(file) => self.wanted.push_back(Wanted { file, purpose, origin }),
            Err(why) => {
                let outcome = self.engine.cannot(why);
                self.apply_of(outcome, origin)?;
            }
        }
        Ok(())
    }

    fn report(&mut self, report: Report) -> Result<(), StoreError> {
        match report {
            Report::Postman(errand, answer) => {
                self.postman = Worker::Idle;
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
                    (crate::engine::Errand::List(name), Ok(Answer::List(list))) => {
                        self.engine.list_came(name, list.as_deref(), now, rng)
                    }
                    (crate::engine::Errand::ListOf(owner), Ok(Answer::List(list))) => {
                        self.engine.list_of_member_came(owner, list.as_deref(), now, rng)
                    }
                    (crate::engine::Errand::Deposit { number, .. }, Ok(Answer::Deposited)) => {
                        self.engine.deposited(*number, now)
                    }
                    // Not answered, or with nonsense: it is still to be done.
                    (_, Ok(_) | Err(_)) => return Ok(()),
                };
                self.apply(outcome)
            }
            Report::Loaded(load, loaded) => {
                self.loader = Worker::Idle;
                let rng = &mut random::system();
                let outcome = self.engine.loaded(&load, loaded, clock::now(), rng);
                self.apply(outcome)
            }
            Report::Fetched(fetch, fetched) => {
                self.fetcher = Worker::Idle;
                let outcome = self.engine.fetched(&fetch, fetched, clock::now());
                self.apply(outcome)
            }
            Report::Taken(stepped) => {
                self.taker = Worker::Idle;
                let outcome = match stepped {
                    Stepped::On(taking) => {
                        self.taking = Some(taking);
                        return Ok(());
                    }
                    Stepped::Saved(file, path) => {
                        self.engine.saved(&file, path.display().to_string())
                    }
                    Stepped::Seen(file, picture) => {
                        if self.engine.is_here(&file, clock::now()) {
                            self.screen.picture(&file, picture);
                        }
                        Outcome::default()
                    }
                    Stepped::Refused(why) => self.engine.cannot(why),
                };
                let origin = self.wanted_by.take();
                self.apply_of(outcome, origin)
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
                    (Visit::PublishList(list), Ok(Answer::ListPublished)) => {
                        let outcome = self.engine.list_published(&list);
                        self.apply(outcome)
                    }
                    (Visit::Report(number, _), Ok(Answer::Reported)) => {
                        let outcome = self.engine.reported(number);
                        self.apply(outcome)
                    }
                    (Visit::Fetch { .. }, Ok(Answer::MarkedMail { stock, letters })) => {
                        for MarkedLetter { letter, mark } in letters {
                            let (now, rng) = (clock::now(), &mut random::system());
                            let outcome = self.engine.mail(&letter.message, mark, now, rng);
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
            (Visit::Fetch { .. } | Visit::PublishList(_), Refusal::Unknown) => {
                self.mailbox.acknowledged = 0;
                let rng = &mut random::system();
                let outcome = self.engine.relay_has_forgotten(clock::now(), rng);
                // Who has published everything anew too often lately has nothing to publish.
                if self.engine.publication().is_none() {
                    self.mailbox.state = MailboxState::Resting(Instant::now() + REST);
                }
                self.apply(outcome)
            }
            (Visit::PublishList(list), Refusal::OlderList | Refusal::BadList) => {
                let outcome = self.engine.list_refused(list, refusal);
                self.apply(outcome)
            }
            (Visit::Report(number, _), Refusal::TooLarge | Refusal::QueueFull) => {
                let outcome = self.engine.report_refused(*number, refusal);
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

/// A file as it is on the disk now.
fn found(path: &Path) -> Result<LocalFile, String> {
    let found = path.metadata().and_then(|found| Ok((std::path::absolute(path)?, found)));
    match found {
        Ok((path, found)) if found.is_file() => {
            Ok(LocalFile { path, size: found.len(), changed: changed(&found) })
        }
        Ok(_) => Err(format!("{} is no file", path.display())),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}
