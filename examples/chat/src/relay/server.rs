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
use crate::frame::FrameError;
use crate::name::Name;
use crate::relay::blobs::Blobs;
use crate::relay::connection::Connection;
use crate::relay::desk::{Desk, Marks};
use crate::relay::log::Log;
use crate::relay::mailroom::Mailroom;
use crate::request::{Answer, Ask, BlobId, Refusal, Reply, Request};

/// Each holds a frame at most, or of a WebSocket a message and the part that comes, of 1 MiB, and as much that waits to be written:
/// so this bounds the memory to 512 MiB.
const MOST_CONNECTIONS: usize = 256;

/// A connection that asks nothing for so long is closed. Clients that wait for mail ask every few seconds.
const LONGEST_SILENCE: Duration = Duration::from_secs(90);

/// How long the handshake of a WebSocket may take, from its first byte on.
const LONGEST_HANDSHAKE: Duration = Duration::from_secs(10);

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
    let office = Office::new(Desk::new(mailroom, blobs)?, log);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(listen).await?;
        writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
        accept(listener, office).await
    })
}

impl Office {
    fn new(desk: Desk, log: Log) -> Rc<Self> {
        Rc::new(Self {
            desk: RefCell::new(desk),
            letters: watch::Sender::new(0),
            connections: RefCell::new(0),
            log,
        })
    }
}

async fn accept(listener: TcpListener, office: Rc<Office>) -> ! {
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

async fn serve(connection: TcpStream, office: Rc<Office>) {
    let _ = connection.set_nodelay(true);
    if *office.connections.borrow() >= MOST_CONNECTIONS {
        office.log.closed("too many connections");
        // A page finds the connection closed: its handshake would take what there is no more of.
        refuse(&mut Connection::Frames(connection), Refusal::Busy).await;
        return;
    }
    *office.connections.borrow_mut() += 1;
    let accepted = in_time(Connection::accept(connection, LONGEST_HANDSHAKE)).await;
    let (connection, error) = match accepted {
        Ok(mut connection) => {
            let error = converse(&mut connection, &office).await;
            (Some(connection), error)
        }
        Err(error) => (None, error),
    };
    *office.connections.borrow_mut() -= 1;
    match error {
        FrameError::Closed | FrameError::Io(_) => {}
        FrameError::TooLong | FrameError::Damaged | FrameError::Malformed => {
            office.log.closed(&error.to_string());
            if let Some(mut connection) = connection {
                refuse(&mut connection, Refusal::Malformed).await;
            }
        }
    }
}

/// Answers one question after the other, until the connection ends.
async fn converse(connection: &mut Connection, office: &Office) -> FrameError {
    let mut used = None;
    loop {
        let request: Request = match in_time(connection.read()).await {
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
        if let Err(error) = in_time(connection.write(&reply)).await {
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

/// Says why, as far as the other side still listens, and ends it.
async fn refuse(connection: &mut Connection, refusal: Refusal) {
    let reply = Reply { number: NO_QUESTION, answer: Answer::Refused(refusal) };
    let _ = time::timeout(Duration::from_secs(1), async {
        let _ = connection.write(&reply).await;
        connection.end().await;
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{self, LARGEST_BODY};
    use crate::random;
    use crate::request::Token;
    use evanesce::{Account, Timestamp};
    use futures_util::{SinkExt, StreamExt};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::Message;
    use tokio_tungstenite::tungstenite::protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    };

    type Page = WebSocketStream<TcpStream>;

    /// A relay that nobody has written to, where it listens, and what a test does with it.
    fn with_relay<Test: Future<Output = ()>>(test: impl FnOnce(String, Rc<Office>) -> Test) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let desk = Desk::new(Mailroom::in_memory(), Blobs::in_memory()).unwrap();
            let office = Office::new(desk, Log::Silent);
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            tokio::task::spawn_local(accept(listener, Rc::clone(&office)));
            time::timeout(Duration::from_secs(60), test(address, office)).await.unwrap();
        });
    }

    async fn page(address: &str) -> Page {
        let connection = TcpStream::connect(address).await.unwrap();
        let url = format!("ws://{address}/");
        tokio_tungstenite::client_async(url, connection).await.unwrap().0
    }

    async fn ask(page: &mut Page, ask: Ask) -> Answer {
        let request = Request { number: 7, ask };
        page.send(Message::binary(frame::encode_body(&request).unwrap())).await.unwrap();
        let reply = heard(page).await.unwrap();
        assert_eq!(reply.number, 7);
        reply.answer
    }

    /// What comes next; nothing, if that is the end.
    async fn heard(page: &mut Page) -> Option<Reply> {
        match page.next().await {
            Some(Ok(Message::Binary(body))) => Some(frame::decode(&body).unwrap()),
            None | Some(Ok(Message::Close(_)) | Err(_)) => None,
            Some(Ok(other)) => panic!("{other:?}"),
        }
    }

    /// The relay says this of no question, and closes.
    async fn closed_as(page: &mut Page, refusal: Refusal) {
        let reply = Reply { number: NO_QUESTION, answer: Answer::Refused(refusal) };
        assert_eq!(heard(page).await, Some(reply));
        assert_eq!(heard(page).await, None);
    }

    fn publishing(name: &str) -> (Ask, Name, Token) {
        let (name, token, rng) = (Name::new(name).unwrap(), Token([1; 32]), &mut random::system());
        let now: Timestamp = clock::now().timestamp();
        let mut account = Account::generate(name.address(), now, rng);
        let upload = account.maintain(None, now, rng).upload.unwrap().encode();
        (Ask::Publish { address: name.clone(), token: token.clone(), upload }, name, token)
    }

    fn about_nobody() -> Ask {
        Ask::Bundle { address: Name::new("nobody").unwrap() }
    }

    #[test]
    fn a_page_and_a_terminal_are_served_side_by_side() {
        with_relay(async |address, _| {
            let (publish, bob, token) = publishing("bob");
            let mut bobs_page = page(&address).await;
            assert_eq!(ask(&mut bobs_page, publish).await, Answer::Published);
            let fetch =
                Ask::Fetch { address: bob.clone(), token, acknowledged: 0, wait_seconds: 30 };
            let request = Request { number: 8, ask: fetch };
            let body = frame::encode_body(&request).unwrap();
            bobs_page.send(Message::binary(body)).await.unwrap();

            let mut terminal = TcpStream::connect(&address).await.unwrap();
            let deposit = Ask::Deposit { recipient: bob, id: [2; 16], message: b"hello".to_vec() };
            let request = Request { number: 9, ask: deposit };
            frame::write(&mut terminal, &request).await.unwrap();
            let reply: Reply = frame::read(&mut terminal).await.unwrap();
            assert_eq!(reply, Reply { number: 9, answer: Answer::Deposited });

            let reply = heard(&mut bobs_page).await.unwrap();
            let Answer::Mail { letters, .. } = reply.answer else { panic!("{reply:?}") };
            assert_eq!((reply.number, &letters[0].message[..]), (8, &b"hello"[..]));
        });
    }

    #[test]
    fn a_page_too_uses_a_connection_for_one_thing() {
        with_relay(async |address, _| {
            let mut page = page(&address).await;
            let unknown = Answer::Refused(Refusal::Unknown);
            assert_eq!(ask(&mut page, about_nobody()).await, unknown);
            let (publish, ..) = publishing("bob");
            let request = Request { number: 8, ask: publish };
            page.send(Message::binary(frame::encode_body(&request).unwrap())).await.unwrap();
            closed_as(&mut page, Refusal::Mixed).await;
        });
    }

    #[test]
    fn what_is_no_request_ends_the_connection_of_its_page_alone() {
        with_relay(async |address, office| {
            let mut other = page(&address).await;
            let whole = frame::encode_body(&Request { number: 1, ask: about_nobody() }).unwrap();
            let wrong = [
                Message::text("hello"),
                Message::binary(vec![]),
                Message::binary(vec![0xff; 100]),
                Message::binary(whole[..whole.len() - 1].to_vec()),
                Message::binary([&whole[..], &[0]].concat()),
                // A frame of TCP, with its header.
                Message::binary(
                    frame::encode(&Request { number: 1, ask: about_nobody() }).unwrap(),
                ),
                Message::binary(vec![0; LARGEST_BODY + 1]),
            ];
            for message in wrong {
                let mut page = page(&address).await;
                page.send(message).await.unwrap();
                closed_as(&mut page, Refusal::Malformed).await;
            }
            // Many small parts of one message, none of which is too large.
            let mut parts = page(&address).await;
            for opcode in [Data::Binary].into_iter().chain([Data::Continue; 9]) {
                let part = Frame::message(vec![0; LARGEST_BODY / 8], OpCode::Data(opcode), false);
                if parts.send(Message::Frame(part)).await.is_err() {
                    break;
                }
            }
            closed_as(&mut parts, Refusal::Malformed).await;
            assert_eq!(ask(&mut other, about_nobody()).await, Answer::Refused(Refusal::Unknown));
            drop(other);
            wait_for(|| *office.connections.borrow() == 0).await;
        });
    }

    #[test]
    fn the_largest_message_of_a_page_is_taken_and_pings_do_not_hinder_it() {
        with_relay(async |address, _| {
            let mut page = page(&address).await;
            page.send(Message::Ping(b"still there?".to_vec().into())).await.unwrap();
            let recipient = Name::new("nobody").unwrap();
            let room = LARGEST_BODY - 64;
            let deposit = Ask::Deposit { recipient, id: [1; 16], message: vec![0; room] };
            let request = Request { number: 7, ask: deposit };
            page.send(Message::binary(frame::encode_body(&request).unwrap())).await.unwrap();
            assert!(matches!(page.next().await, Some(Ok(Message::Pong(_)))));
            let answer = Answer::Refused(Refusal::TooLarge);
            assert_eq!(heard(&mut page).await, Some(Reply { number: 7, answer }));
        });
    }

    #[test]
    fn a_flood_of_pings_ends_the_connection_of_its_page_alone() {
        with_relay(async |address, office| {
            let mut other = page(&address).await;
            let mut flood = page(&address).await;
            wait_for(|| *office.connections.borrow() == 2).await;
            // Nothing is read of what answers them.
            for _ in 0..100_000 {
                if flood.send(Message::Ping(vec![7; 125].into())).await.is_err() {
                    break;
                }
            }
            wait_for(|| *office.connections.borrow() == 1).await;
            assert_eq!(ask(&mut other, about_nobody()).await, Answer::Refused(Refusal::Unknown));
        });
    }

    #[test]
    fn a_page_that_is_kept_by_pings_asks_as_often_as_it_likes() {
        with_relay(async |address, _| {
            let mut page = page(&address).await;
            for _ in 0..5 {
                for _ in 0..50 {
                    page.send(Message::Ping(b"still there?".to_vec().into())).await.unwrap();
                    assert!(matches!(page.next().await, Some(Ok(Message::Pong(_)))));
                }
                assert_eq!(ask(&mut page, about_nobody()).await, Answer::Refused(Refusal::Unknown));
            }
        });
    }

    #[test]
    fn a_page_that_closes_is_answered() {
        with_relay(async |address, office| {
            let mut page = page(&address).await;
            assert_eq!(ask(&mut page, about_nobody()).await, Answer::Refused(Refusal::Unknown));
            page.close(None).await.unwrap();
            assert!(matches!(page.next().await, Some(Ok(Message::Close(_)))));
            wait_for(|| *office.connections.borrow() == 0).await;
        });
    }

    #[test]
    fn what_begins_as_http_and_is_no_handshake_is_closed() {
        with_relay(async |address, office| {
            let heads = [
                "GET / HTTP/1.1\r\nHost: relay\r\n\r\n".to_owned(),
                "G\0\0\0\0\0\0\0\r\n\r\n".to_owned(),
                format!("GET / HTTP/1.1\r\nHost: {}", "a".repeat(100 * 1_024)),
            ];
            for head in heads {
                let mut connection = TcpStream::connect(&address).await.unwrap();
                // It may be closed before all of it is written.
                let _ = connection.write_all(head.as_bytes()).await;
                let _ = connection.read_to_end(&mut Vec::new()).await;
            }
            wait_for(|| *office.connections.borrow() == 0).await;
        });
    }

    #[test]
    fn a_handshake_that_does_not_end_is_left() {
        with_relay(async |_, _| {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (connection, _) = listener.accept().await.unwrap();
            client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
            let accepted = Connection::accept(connection, Duration::from_millis(50)).await;
            assert!(matches!(accepted, Err(FrameError::Closed)));
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        });
    }

    #[test]
    fn pages_count_among_the_connections_and_who_is_too_much_is_refused() {
        with_relay(async |address, office| {
            let held = page(&address).await;
            wait_for(|| *office.connections.borrow() == 1).await;
            *office.connections.borrow_mut() = MOST_CONNECTIONS;
            let connection = TcpStream::connect(&address).await.unwrap();
            let url = format!("ws://{address}/");
            assert!(tokio_tungstenite::client_async(url, connection).await.is_err());
            let mut terminal = TcpStream::connect(&address).await.unwrap();
            let reply: Reply = frame::read(&mut terminal).await.unwrap();
            assert_eq!(reply.answer, Answer::Refused(Refusal::Busy));
            drop(held);
            wait_for(|| *office.connections.borrow() == MOST_CONNECTIONS - 1).await;
        });
    }

    async fn wait_for(fits: impl Fn() -> bool) {
        while !fits() {
            time::sleep(Duration::from_millis(2)).await;
        }
    }
}
