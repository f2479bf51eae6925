//! Connections: who sends something broken loses their own connection, and nobody else's.

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::{self, Instant};

use crate::clock;
use crate::frame::{self, FrameError};
use crate::name::Name;
use crate::relay::blobs::Blobs;
use crate::relay::desk::{Desk, Marks};
use crate::relay::log::Log;
use crate::relay::mailroom::Mailroom;
use crate::request::{Answer, Ask, BlobId, Refusal, Reply, Request};

/// Each holds a frame at most, so this bounds the memory: 128 MiB.
const MOST_CONNECTIONS: usize = 256;

/// A connection that asks nothing for so long is closed. Clients that wait for mail ask every few seconds.
const LONGEST_SILENCE: Duration = Duration::from_secs(90);

/// How long an answer may wait for mail, whatever the client says.
const LONGEST_WAIT: u8 = 30;

/// For the number of an answer that answers no question: the first frame did not decode.
const NO_QUESTION: u64 = 0;

/// What all connections share, on one thread.
struct Office {
    desk: RefCell<Desk>,
    /// Changes with each letter that is taken. All that wait look then; for a small relay that is cheap enough.
    letters: watch::Sender<u64>,
    connections: RefCell<usize>,
    log: Log,
}

/// What a connection is used for. What is done over one belongs together, so it is for one thing alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    WithName,
    WithoutName,
    Blob(BlobId),
}

/// Runs until the process is ended; there is nothing to tidy up.
pub fn run(
    listen: &str,
    store: &Path,
    room: u64,
    log: Log,
) -> Result<(), Box<dyn std::error::Error>> {
    let (mailroom, blobs) = (Mailroom::open(store)?, Blobs::open(store, room)?);
    let office = Rc::new(Office {
        desk: RefCell::new(Desk::new(mailroom, blobs)?),
        letters: watch::Sender::new(0),
        connections: RefCell::new(0),
        log,
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, accept(listen, office))
}

async fn accept(listen: &str, office: Rc<Office>) -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind(listen).await?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    loop {
        let connection = match listener.accept().await {
            Ok((connection, _)) => connection,
            // Out of descriptors, or a client that went at once: neither ends the relay.
            Err(error) => {
                eprintln!("relay: {error}");
                time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        tokio::task::spawn_local(serve(connection, Rc::clone(&office)));
    }
}

async fn serve(mut connection: TcpStream, office: Rc<Office>) {
    let _ = connection.set_nodelay(true);
    if *office.connections.borrow() >= MOST_CONNECTIONS {
        office.log.closed("too many connections");
        refuse(&mut connection, Refusal::Busy).await;
        return;
    }
    *office.connections.borrow_mut() += 1;
    let error = converse(&mut connection, &office).await;
    *office.connections.borrow_mut() -= 1;
    match error {
        FrameError::Closed | FrameError::Io(_) => {}
        FrameError::TooLong | FrameError::Damaged | FrameError::Malformed => {
            office.log.closed(&error.to_string());
            refuse(&mut connection, Refusal::Malformed).await;
        }
    }
}

/// Answers one question after the other, until the connection ends.
async fn converse(connection: &mut TcpStream, office: &Office) -> FrameError {
    let mut used = None;
    loop {
        let request: Request = match in_time(frame::read(connection)).await {
            Ok(request) => request,
            Err(error) => return error,
        };
        let is_for = is_for(&request.ask);
        if *used.get_or_insert(is_for) != is_for {
            office.log.closed("used for things that are to be kept apart");
            refuse(connection, Refusal::Mixed).await;
            return FrameError::Closed;
        }
        let answer = answer(&request.ask, office).await;
        office.log.answered(&request.ask, &answer);
        let reply = Reply { number: request.number, answer };
        if let Err(error) = in_time(frame::write(connection, &reply)).await {
            return error;
        }
    }
}

fn is_for(ask: &Ask) -> Use {
    match ask {
        Ask::Publish { .. }
        | Ask::PublishList { .. }
        | Ask::Fetch { .. }
        | Ask::FetchMarked { .. }
        | Ask::Report { .. } => Use::WithName,
        Ask::Bundle { .. } | Ask::List { .. } | Ask::ListOf { .. } | Ask::Deposit { .. } => {
            Use::WithoutName
        }
        Ask::BeginBlob { id, .. }
        | Ask::PutBlob { id, .. }
        | Ask::GetBlob { id, .. }
        | Ask::DeleteBlob { id, .. } => Use::Blob(*id),
    }
}

async fn answer(ask: &Ask, office: &Office) -> Answer {
    let mut letters = office.letters.subscribe();
    let now = clock::now();
    let first = office.desk.borrow_mut().answer(ask, now.timestamp(), clock::steady(now));
    match (ask, &first) {
        (Ask::Deposit { .. }, Answer::Deposited) => {
            office.letters.send_modify(|count| *count = count.wrapping_add(1));
            first
        }
        (
            Ask::Fetch { address, wait_seconds, .. }
            | Ask::FetchMarked { address, wait_seconds, .. },
            _,
        ) if has_no_letters(&first) => {
            let marks = match ask {
                Ask::FetchMarked { .. } => Marks::With,
                _ => Marks::Without,
            };
            let until =
                Instant::now() + Duration::from_secs(u64::from((*wait_seconds).min(LONGEST_WAIT)));
            wait_for_mail((address, marks), first, until, &mut letters, office).await
        }
        _ => first,
    }
}

fn has_no_letters(answer: &Answer) -> bool {
    match answer {
        Answer::Mail { letters, .. } => letters.is_empty(),
        Answer::MarkedMail { letters, .. } => letters.is_empty(),
        _ => false,
    }
}

async fn wait_for_mail(
    (address, marks): (&Name, Marks),
    mut answer: Answer,
    until: Instant,
    letters: &mut watch::Receiver<u64>,
    office: &Office,
) -> Answer {
    while let Ok(Ok(())) = time::timeout_at(until, letters.changed()).await {
        answer = office.desk.borrow_mut().mail(address, marks, clock::now().timestamp());
        if !has_no_letters(&answer) {
            break;
        }
    }
    answer
}

async fn in_time<T>(work: impl Future<Output = Result<T, FrameError>>) -> Result<T, FrameError> {
    match time::timeout(LONGEST_SILENCE, work).await {
        Ok(result) => result,
        Err(_) => Err(FrameError::Closed),
    }
}

/// Says why, as far as the other side still listens.
async fn refuse(connection: &mut TcpStream, refusal: Refusal) {
    let reply = Reply { number: NO_QUESTION, answer: Answer::Refused(refusal) };
    let _ = time::timeout(Duration::from_secs(1), frame::write(connection, &reply)).await;
}
