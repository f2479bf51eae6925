//! The two connections of a client, each a task that asks one question at a time: the mailbox, which says whose it
//! is, and the postman, who says nothing of it. The relay is not told that they belong together.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task;

use crate::client::link::{Link, LinkError};
use crate::engine::Errand;
use crate::name::Name;
use crate::request::{Answer, Ask, Token};

/// A question of the mailbox.
#[derive(Clone, Debug)]
pub enum Visit {
    Publish(Vec<u8>),
    /// With the number up to which everything is stored.
    Fetch {
        acknowledged: u64,
    },
}

/// What came of a question.
#[derive(Debug)]
pub enum Report {
    Mailbox(Visit, Result<Answer, LinkError>),
    Postman(Errand, Result<Answer, LinkError>),
}

pub struct Lines {
    pub visits: mpsc::Sender<Visit>,
    pub errands: mpsc::Sender<Errand>,
    pub reports: mpsc::Receiver<Report>,
}

/// Starts both. They end when this is dropped.
pub fn start(relay: &str, patience: Duration, address: Name, token: Token) -> Lines {
    let (visits, mailbox) = mpsc::channel(1);
    let (errands, postman) = mpsc::channel(1);
    let (report, reports) = mpsc::channel(2);
    let link = || Link::new(relay.into(), patience);
    // The relay's answer without mail comes sooner than our patience ends.
    let wait = patience.min(Duration::from_secs(20));
    task::spawn_local(visit(link(), mailbox, report.clone(), address, token, wait));
    task::spawn_local(carry(link(), postman, report));
    Lines { visits, errands, reports }
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
            Visit::Fetch { acknowledged } => {
                // Numbers are of one relay: over a new connection, which may be to one that has lost its store, none
                // is acknowledged. What comes again then is known again.
                let acknowledged = if link.is_connected() { *acknowledged } else { 0 };
                // The first question over a connection is answered at once: then we know that the relay is there.
                let wait = if link.is_connected() { wait } else { Duration::ZERO };
                let wait_seconds = u8::try_from(wait.as_secs()).unwrap_or(u8::MAX);
                (Ask::Fetch { address, token, acknowledged, wait_seconds }, wait)
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
