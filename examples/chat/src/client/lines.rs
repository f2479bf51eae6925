//! The connections of a client, each a task that asks one question at a time: the mailbox, which says whose it is; the
//! postman, who says nothing of it; and two that carry files, each blob over a connection of its own. The relay is not told
//! that they belong together. One task more waits for the disk.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::{task, time};

use crate::client::fetching::Pickup;
use crate::client::link::{Link, LinkError, OTHER_ANSWER};
use crate::client::loading::Shipment;
use crate::client::taking::{Step, Stepped};
use crate::engine::{DueReport, Errand, Fetch, Fetched, Load, Loaded};
use crate::name::Name;
use crate::request::{Answer, Ask, Token};

/// How long a file stays open that is not carried on.
const IDLE: Duration = Duration::from_secs(1);

/// A question of the mailbox.
#[derive(Clone, Debug)]
pub enum Visit {
    Publish(Vec<u8>),
    PublishList(Vec<u8>),
    Report(u64, DueReport),
    /// With the number up to which everything is stored.
    Fetch {
        acknowledged: u64,
    },
}

/// What came of a question.
pub enum Report {
    Mailbox(Visit, Result<Answer, LinkError>),
    Postman(Errand, Result<Answer, LinkError>),
    Loaded(Load, Loaded),
    Fetched(Fetch, Fetched),
    Taken(Stepped),
}

pub struct Lines {
    pub visits: mpsc::Sender<Visit>,
    pub errands: mpsc::Sender<Errand>,
    pub loads: mpsc::Sender<Load>,
    pub fetches: mpsc::Sender<Fetch>,
    pub takings: mpsc::Sender<Step>,
    pub reports: mpsc::Receiver<Report>,
}

/// Starts all. They end when this is dropped.
pub fn start(relay: &str, patience: Duration, address: Name, token: Token) -> Lines {
    let (visits, mailbox) = mpsc::channel(1);
    let (errands, postman) = mpsc::channel(1);
    let (loads, loader) = mpsc::channel(1);
    let (fetches, fetcher) = mpsc::channel(1);
    let (takings, taker) = mpsc::channel(1);
    let (report, reports) = mpsc::channel(4);
    let relay = relay.to_owned();
    let link = move || Link::new(relay.clone(), patience);
    // The relay's answer without mail comes sooner than our patience ends.
    let wait = patience.min(Duration::from_secs(20));
    task::spawn_local(visit(link(), mailbox, report.clone(), address, token, wait));
    task::spawn_local(carry(link(), postman, report.clone()));
    task::spawn_local(load(link.clone(), loader, report.clone()));
    task::spawn_local(fetch(link, fetcher, report.clone()));
    task::spawn_local(take(taker, report));
    Lines { visits, errands, loads, fetches, takings, reports }
}

async fn visit(
    mut link: Link,
    mut visits: mpsc::Receiver<Visit>,
    reports: mpsc::Sender<Report>,
    address: Name,
    token: Token,
    wait: Duration,
) {
    while let Some(visit) = visits.recv().await {
        let (address, token) = (address.clone(), token.clone());
        let (ask, wait) = match &visit {
            Visit::Publish(upload) => {
                (Ask::Publish { address, token, upload: upload.clone() }, Duration::ZERO)
            }
            Visit::PublishList(list) => {
                (Ask::PublishList { address, token, list: list.clone() }, Duration::ZERO)
            }
            Visit::Report(_, due) => {
                let (id, report) = (due.id, due.report.clone());
                (Ask::Report { address, token, id, report }, Duration::ZERO)
            }
            Visit::Fetch { acknowledged } => {
                // Numbers are of one relay: over a new connection, which may be to one that has lost its store, none
                // is acknowledged. What comes again then is known again.
                let acknowledged = if link.is_connected() { *acknowledged } else { 0 };
                // The first question over a connection is answered at once: then we know that the relay is there.
                let wait = if link.is_connected() { wait } else { Duration::ZERO };
                let wait_seconds = u8::try_from(wait.as_secs()).unwrap_or(u8::MAX);
                (Ask::FetchMarked { address, token, acknowledged, wait_seconds }, wait)
            }
        };
        let answer = link.ask(&ask, wait).await;
        if reports.send(Report::Mailbox(visit, answer)).await.is_err() {
            return;
        }
    }
}

async fn carry(mut link: Link, mut errands: mpsc::Receiver<Errand>, reports: mpsc::Sender<Report>) {
    while let Some(errand) = errands.recv().await {
        let ask = match errand.clone() {
            Errand::Bundle(address) => Ask::Bundle { address },
            Errand::List(address) => Ask::List { address },
            Errand::ListOf(owner) => Ask::ListOf { owner },
            Errand::Deposit { number: _, to, id, bytes } => {
                Ask::Deposit { recipient: to, id, message: bytes }
            }
        };
        let answer = link.ask(&ask, Duration::ZERO).await;
        if reports.send(Report::Postman(errand, answer)).await.is_err() {
            return;
        }
    }
}

async fn load(
    link: impl Fn() -> Link,
    mut loads: mpsc::Receiver<Load>,
    reports: mpsc::Sender<Report>,
) {
    let mut current: Option<Shipment> = None;
    while let Some(load) = next(&mut loads, &mut current).await {
        let loaded = match &load {
            Load::Send { number, upload } => {
                let shipment = match current.take().filter(|it| it.is_of(*number, upload)) {
                    Some(shipment) => Ok(shipment),
                    None => Shipment::begin(*number, upload, link()).await,
                };
                match shipment {
                    Ok(mut shipment) => {
                        let loaded = shipment.step(upload).await;
                        current = Some(shipment);
                        loaded
                    }
                    Err(why) => Loaded::Unusable(why),
                }
            }
            Load::Delete { disposal, .. } => {
                let (id, token) = (disposal.blob, disposal.token.clone());
                match link().ask(&Ask::DeleteBlob { id, token }, Duration::ZERO).await {
                    Ok(Answer::BlobDeleted) => Loaded::Deleted,
                    Ok(Answer::Refused(refusal)) => Loaded::Refused(refusal),
                    Ok(_) => Loaded::Unanswered(OTHER_ANSWER.into()),
                    Err(error) => {
                        // A link that is new each time has no pause of its own.
                        time::sleep(IDLE).await;
                        Loaded::Unanswered(error.to_string())
                    }
                }
            }
        };
        if reports.send(Report::Loaded(load, loaded)).await.is_err() {
            return;
        }
    }
}

async fn fetch(
    link: impl Fn() -> Link,
    mut fetches: mpsc::Receiver<Fetch>,
    reports: mpsc::Sender<Report>,
) {
    let mut current: Option<Pickup> = None;
    while let Some(fetch) = next(&mut fetches, &mut current).await {
        let pickup = current.take().filter(|it| it.is_of(fetch.message));
        let mut pickup = pickup.unwrap_or_else(|| Pickup::begin(fetch.message, link()));
        let fetched = pickup.step(&fetch).await;
        current = Some(pickup);
        if reports.send(Report::Fetched(fetch, fetched)).await.is_err() {
            return;
        }
    }
}

/// A decoder that panics has shown nothing, and ends nothing else.
async fn take(mut steps: mpsc::Receiver<Step>, reports: mpsc::Sender<Report>) {
    while let Some(step) = steps.recv().await {
        let stepped = task::spawn_blocking(move || step.run()).await;
        let stepped = stepped.unwrap_or_else(|_| Stepped::Refused("it cannot be read".into()));
        if reports.send(Report::Taken(stepped)).await.is_err() {
            return;
        }
    }
}

/// What is to be done next. If nothing is, what was open for the last one is closed, and its keys are wiped.
async fn next<T, C>(orders: &mut mpsc::Receiver<T>, current: &mut Option<C>) -> Option<T> {
    match time::timeout(IDLE, orders.recv()).await {
        Ok(order) => order,
        Err(_) => {
            *current = None;
            orders.recv().await
        }
    }
}
