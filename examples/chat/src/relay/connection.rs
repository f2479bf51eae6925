//! One connection, whichever way its requests travel: in frames over TCP, or in messages of a WebSocket, as pages have it. Both
//! come to one port: no frame begins as a request of HTTP does.
//!
//! A message of a WebSocket is the body of a frame, and has neither its length, which a message knows by itself, nor its
//! check: that stands for the transport encryption that a deployment has, and a page that is served over TLS connects over TLS.

use std::io;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::TcpStream;
use tokio::time;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{Error as WebError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};

use crate::frame::{self, FrameError, LARGEST_BODY};

/// How HTTP begins (`GET`). A frame that begins so would have more than a thousand million bytes.
const HTTP: u8 = b'G';

/// What is set aside for each connection, before anything has come.
const READ_BUFFER: usize = 8 * 1_024;

/// What may wait to be written: an answer, and what answers pings before it. Nothing else bounds what a page has us answer that
/// reads nothing.
const MOST_WRITTEN: usize = 2 * LARGEST_BODY;

/// How many pings, or answers to such, a page may send before it asks something. Browsers send none; a proxy does, each half
/// minute or so, to keep a connection.
const MOST_PINGS: usize = 100;

pub enum Connection {
    Frames(TcpStream),
    Web(Box<WebSocketStream<TcpStream>>),
}

impl Connection {
    /// Waits for the first byte, and for a handshake that follows it, which has 64 KiB at most, so long.
    ///
    /// Pages of any origin may connect: what a request may do its token says, of which a browser sends none by itself.
    pub async fn accept(connection: TcpStream, patience: Duration) -> Result<Self, FrameError> {
        let mut first = [0];
        match connection.peek(&mut first).await.map_err(FrameError::Io)? {
            0 => Err(FrameError::Closed),
            _ if first == [HTTP] => {
                let config = WebSocketConfig::default()
                    .read_buffer_size(READ_BUFFER)
                    .write_buffer_size(0)
                    .max_write_buffer_size(MOST_WRITTEN)
                    .max_message_size(Some(LARGEST_BODY))
                    .max_frame_size(Some(LARGEST_BODY));
                let accepted =
                    tokio_tungstenite::accept_async_with_config(connection, Some(config));
                match time::timeout(patience, accepted).await {
                    Ok(Ok(connection)) => Ok(Self::Web(Box::new(connection))),
                    Ok(Err(error)) => Err(broken(error)),
                    Err(_) => Err(FrameError::Closed),
                }
            }
            _ => Ok(Self::Frames(connection)),
        }
    }

    pub async fn read<T: DeserializeOwned>(&mut self) -> Result<T, FrameError> {
        let connection = match self {
            Self::Frames(connection) => return frame::read(connection).await,
            Self::Web(connection) => connection,
        };
        let mut pings = 0;
        loop {
            match connection.next().await {
                Some(Ok(Message::Binary(body))) => return frame::decode(&body),
                // They are answered where the next message is read.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) if pings < MOST_PINGS => pings += 1,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Err(FrameError::TooLong),
                Some(Ok(Message::Text(_) | Message::Frame(_))) => {
                    return Err(FrameError::Malformed);
                }
                Some(Ok(Message::Close(_))) => {
                    // The answer to it is written, and leaves with this.
                    let _ = connection.flush().await;
                    return Err(FrameError::Closed);
                }
                None => return Err(FrameError::Closed),
                Some(Err(error)) => return Err(broken(error)),
            }
        }
    }

    pub async fn write(&mut self, value: &impl Serialize) -> Result<(), FrameError> {
        match self {
            Self::Frames(connection) => frame::write(connection, value).await,
            Self::Web(connection) => {
                let body = frame::encode_body(value).ok_or(FrameError::TooLong)?;
                connection.send(Message::binary(body)).await.map_err(broken)
            }
        }
    }

    /// Says that nothing more comes: a page would otherwise take it for a fault of the network.
    pub async fn end(&mut self) {
        match self {
            Self::Frames(_) => {}
            Self::Web(connection) => {
                let _ = connection.close(None).await;
            }
        }
    }
}

/// Whose doing it is.
fn broken(error: WebError) -> FrameError {
    match error {
        WebError::ConnectionClosed
        | WebError::AlreadyClosed
        | WebError::Protocol(
            ProtocolError::ResetWithoutClosingHandshake | ProtocolError::HandshakeIncomplete,
        ) => FrameError::Closed,
        WebError::Io(error) => FrameError::Io(error),
        WebError::Capacity(_) | WebError::AttackAttempt => FrameError::TooLong,
        WebError::WriteBufferFull(_) => FrameError::Io(io::ErrorKind::WriteZero.into()),
        _ => FrameError::Malformed,
    }
}
