//! MQTT over WebSocket (section 6 of either standard): binary messages of the subprotocol `mqtt`,
//! whose borders mean nothing, as one stream of bytes inside the same TLS as everybody's.

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async_with_config,
    tungstenite::{
        Error, Message,
        handshake::server::{ErrorResponse, Request, Response},
        http::{HeaderValue, StatusCode, header::SEC_WEBSOCKET_PROTOCOL},
        protocol::WebSocketConfig,
    },
};

/// Where clients find it.
const PATH: &str = "/mqtt";
/// What they ask for and get.
const SUBPROTOCOL: &str = "mqtt";
/// Bytes of one message to the client.
const MESSAGE_OUT_MAX: usize = 16 * 1024;
/// Bytes that wait to be written before more is refused.
const WRITE_BUFFER_MAX: usize = 256 * 1024;

/// A client that speaks WebSocket, as a stream of bytes.
#[derive(Debug)]
pub(super) struct Socket<S> {
    messages: WebSocketStream<S>,
    /// Of the newest message, what was not read yet.
    unread: Bytes,
}

/// Agrees on MQTT over a connection whose TLS is done; messages have at most `most` bytes.
pub(super) async fn accept<S>(stream: S, most: usize) -> io::Result<Socket<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default()
        .max_message_size(Some(most))
        .max_frame_size(Some(most))
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_MAX);
    let accepted = accept_hdr_async_with_config(stream, agree, Some(config)).await;
    Ok(Socket {
        messages: accepted.map_err(broken)?,
        unread: Bytes::new(),
    })
}

#[expect(
    clippy::result_large_err,
    reason = "the library's callback is spelled so"
)]
fn agree(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let refuse = |status: StatusCode, words: &str| {
        let mut refusal = ErrorResponse::new(Some(words.to_owned()));
        *refusal.status_mut() = status;
        Err(refusal)
    };
    if request.uri().path() != PATH {
        return refuse(StatusCode::NOT_FOUND, "MQTT is at /mqtt\n");
    }
    let asked = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL);
    let asked = asked.iter().filter_map(|value| value.to_str().ok());
    let mut names = asked.flat_map(|value| value.split(',')).map(str::trim);
    if !names.any(|name| name == SUBPROTOCOL) {
        return refuse(
            StatusCode::BAD_REQUEST,
            "the subprotocol spoken here is mqtt\n",
        );
    }
    let spoken = HeaderValue::from_static(SUBPROTOCOL);
    response
        .headers_mut()
        .insert(SEC_WEBSOCKET_PROTOCOL, spoken);
    Ok(response)
}

fn broken(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::ConnectionClosed | Error::AlreadyClosed => io::ErrorKind::NotConnected.into(),
        error => io::Error::new(io::ErrorKind::InvalidData, error),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(Pin::new(&mut self.messages).poll_next(context)) {
                Some(Ok(Message::Binary(bytes))) => self.unread = bytes,
                // Answered by the library, with the next bytes that are written.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                Some(Ok(Message::Text(_) | Message::Frame(_))) => {
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
                Some(Err(Error::ConnectionClosed)) => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
            }
        }
        let length = self.unread.len().min(into.remaining());
        into.put_slice(&self.unread.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut messages = Pin::new(&mut self.messages);
        ready!(messages.as_mut().poll_ready(context)).map_err(broken)?;
        let mut rest = bytes;
        let message = rest.copy_to_bytes(bytes.len().min(MESSAGE_OUT_MAX));
        let length = message.len();
        let sent = messages.start_send(Message::Binary(message));
        Poll::Ready(sent.map(|()| length).map_err(broken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.messages)
            .poll_flush(context)
            .map_err(broken)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.messages).poll_close(context)) {
            Ok(()) | Err(Error::ConnectionClosed) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(broken(error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{SinkExt, StreamExt};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio_tungstenite::{client_async, tungstenite::client::IntoClientRequest};

    const MOST: usize = 1_000;

    async fn dial(
        path: &str,
        subprotocol: Option<&'static str>,
    ) -> (
        io::Result<Socket<DuplexStream>>,
        Result<WebSocketStream<DuplexStream>, Error>,
    ) {
        let (near, far) = tokio::io::duplex(4_096);
        let mut request = format!("ws://gateway{path}").into_client_request().unwrap();
        if let Some(name) = subprotocol {
            let name = HeaderValue::from_static(name);
            request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, name);
        }
        let client = async { client_async(request, near).await.map(|(client, _)| client) };
        tokio::join!(accept(far, MOST), client)
    }

    #[tokio::test]
    async fn borders_of_messages_mean_nothing_in_either_direction() {
        let (socket, client) = dial("/mqtt", Some("other, mqtt")).await;
        let (mut socket, mut client) = (socket.unwrap(), client.unwrap());
        for piece in ["he", "", "l", "lo"] {
            let message = Message::Binary(Bytes::from_static(piece.as_bytes()));
            client.send(message).await.unwrap();
        }
        client.send(Message::Ping(Bytes::new())).await.unwrap();
        let mut read = [0; 5];
        socket.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"hello");
        socket.write_all(b"world").await.unwrap();
        socket.flush().await.unwrap();
        let said = client.next().await.unwrap().unwrap();
        assert_eq!(said, Message::Binary(Bytes::from_static(b"world")));
        client.close(None).await.unwrap();
        assert_eq!(socket.read(&mut read).await.unwrap(), 0, "the end");
        let _ = socket.shutdown().await;
    }

    #[tokio::test]
    async fn text_and_too_much_at_once_end_it() {
        for message in [
            Message::text("mqtt"),
            Message::Binary(vec![0; MOST + 1].into()),
        ] {
            let (socket, client) = dial("/mqtt", Some("mqtt")).await;
            let (mut socket, mut client) = (socket.unwrap(), client.unwrap());
            client.send(message).await.unwrap();
            let error = socket.read(&mut [0; 9]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }

    #[tokio::test]
    async fn another_path_or_subprotocol_is_refused_in_words() {
        for (path, subprotocol, status) in [
            ("/", Some("mqtt"), 404),
            ("/mqtt", Some("stomp"), 400),
            ("/mqtt", None, 400),
        ] {
            let (socket, client) = dial(path, subprotocol).await;
            assert!(socket.is_err());
            match client {
                Err(Error::Http(response)) => assert_eq!(response.status(), status),
                other => panic!("{path} {subprotocol:?}: {other:?}"),
            }
        }
    }
}
