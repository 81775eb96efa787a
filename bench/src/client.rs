//! A client that costs little: it reads frames and hands on their bytes, nothing more.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::servers::Server;
use crate::wire::{Dialect, Frame, Message, NOTHING, Opcode, masked_frame};

/// For a handshake and the first sync.
const JOIN_WITHIN: Duration = Duration::from_secs(60);
/// Connections from one source address; there are about 28,000 ports for each.
const PER_SOURCE: usize = 10_000;
/// An HTTP answer longer than this is none of a WebSocket server.
const LONGEST_ANSWER: usize = 16 * 1024;

/// Sends to a server. Its clones are the same connection.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    half: Arc<Mutex<OwnedWriteHalf>>,
    pub(crate) dialect: Dialect,
}

impl Sender {
    /// Sends a frame as it is.
    pub(crate) async fn send(&self, frame: &[u8]) -> Result<()> {
        self.half
            .lock()
            .await
            .write_all(frame)
            .await
            .context("sending to the server")
    }
}

/// Reads from a server, and answers what every client must answer.
#[derive(Debug)]
pub(crate) struct Receiver {
    half: OwnedReadHalf,
    buffer: BytesMut,
    /// Frames of a message whose last frame is still to come.
    parts: BytesMut,
    sender: Sender,
    /// When the bytes of the latest message came.
    pub(crate) read_at: Instant,
}

impl Receiver {
    /// The next content from the server. The connection's end is an error.
    pub(crate) async fn next(&mut self) -> Result<Message> {
        loop {
            while let Some(frame) = Frame::take(&mut self.buffer)? {
                if let Some(message) = self.handle(frame).await? {
                    return Ok(message);
                }
            }
            if self.buffer.capacity() - self.buffer.len() < 1_024 {
                self.buffer.reserve(8 * 1_024);
            }
            let count = self
                .half
                .read_buf(&mut self.buffer)
                .await
                .context("reading from the server")?;
            self.read_at = Instant::now();
            ensure!(count > 0, "the server hung up");
        }
    }

    /// The next update.
    pub(crate) async fn next_update(&mut self) -> Result<Bytes> {
        loop {
            if let Message::Update(body) = self.next().await? {
                return Ok(body);
            }
        }
    }

    async fn handle(&mut self, frame: Frame) -> Result<Option<Message>> {
        let payload = match (frame.opcode, frame.last) {
            (Opcode::Ping, _) => {
                self.sender
                    .send(&masked_frame(Opcode::Pong, &frame.payload))
                    .await?;
                return Ok(None);
            }
            (Opcode::Pong, _) => return Ok(None),
            (Opcode::Close, _) => bail!("the server closed: {}", close_reason(&frame.payload)),
            (Opcode::Text, _) => bail!("a text frame from the server"),
            (Opcode::Binary, true) => frame.payload,
            (Opcode::Binary | Opcode::Continuation, last) => {
                self.parts.extend_from_slice(&frame.payload);
                if !last {
                    return Ok(None);
                }
                self.parts.split().freeze()
            }
        };
        let message = self.sender.dialect.read(&payload)?;
        if let Message::Step1 = message {
            let answer = self.sender.dialect.empty_step2();
            self.sender.send(&answer).await?;
        }
        Ok(Some(message))
    }
}

/// A client in a room, in sync.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
    /// What the server had more, as an update. Empty from a server that does not sync.
    pub(crate) state: Bytes,
}

/// Joins a room: the handshake, then everything the server has.
///
/// `index` numbers the clients of a run, so that many share the source addresses.
pub(crate) async fn join(server: &Server, room: &str, index: usize) -> Result<Joined> {
    rejoin(server, room, index, NOTHING).await
}

/// Joins a room as a client that has something of it already.
pub(crate) async fn rejoin(
    server: &Server,
    room: &str,
    index: usize,
    state_vector: &[u8],
) -> Result<Joined> {
    let attempt = async {
        let mut stream = connect(server.address, index).await?;
        let buffer = handshake(&mut stream, server, room).await?;
        let (read, write) = stream.into_split();
        let dialect = server.dialect(room);
        let sender = Sender {
            half: Arc::new(Mutex::new(write)),
            dialect,
        };
        let mut receiver = Receiver {
            half: read,
            buffer,
            parts: BytesMut::new(),
            sender: sender.clone(),
            read_at: Instant::now(),
        };
        if let Some(greeting) = sender.dialect.greeting() {
            sender.send(&greeting).await?;
        }
        let mut state = Bytes::new();
        if sender.dialect.syncs() {
            sender.send(&sender.dialect.step1(state_vector)).await?;
            state = loop {
                if let Message::Step2(state) = receiver.next().await? {
                    break state;
                }
            };
        }
        Ok::<_, anyhow::Error>(Joined {
            sender,
            receiver,
            state,
        })
    };
    match timeout(JOIN_WITHIN, attempt).await {
        Ok(joined) => joined.with_context(|| format!("joining {room}")),
        Err(_) => bail!("not in {room} within {} s", JOIN_WITHIN.as_secs()),
    }
}

/// The body of an HTTP answer.
pub(crate) async fn get(address: SocketAddr, path: &str, bearer: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await.context("connecting")?;
    let request =
        format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {bearer}\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .context("sending a request")?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .context("reading an answer")?;
    let (head, body) = answer.split_once("\r\n\r\n").context("half an answer")?;
    let status = head.split(' ').nth(1);
    ensure!(status == Some("200"), "{path} was refused: {head}");
    Ok(body.to_owned())
}

async fn connect(address: SocketAddr, index: usize) -> Result<TcpStream> {
    let host = u8::try_from(index / PER_SOURCE + 1).context("too many clients")?;
    let source = IpAddr::V4(Ipv4Addr::new(127, 0, 0, host));
    let socket = TcpSocket::new_v4().context("making a socket (are open files limited?)")?;
    if host > 1 {
        socket
            .bind(SocketAddr::new(source, 0))
            .context("choosing a source address")?;
    }
    let stream = socket.connect(address).await.context("connecting")?;
    stream.set_nodelay(true).context("setting TCP_NODELAY")?;
    Ok(stream)
}

/// Shakes hands; gives what came after the server's answer.
async fn handshake(stream: &mut TcpStream, server: &Server, room: &str) -> Result<BytesMut> {
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Origin: http://localhost\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a3Jha2VuLWJlbmNoLWtleQ==\r\n\r\n",
        server.path(room),
        server.address,
    );
    stream
        .write_all(request.as_bytes())
        .await
        .context("sending the handshake")?;
    let mut answer = BytesMut::with_capacity(1_024);
    let end = loop {
        let count = stream
            .read_buf(&mut answer)
            .await
            .context("reading the handshake")?;
        ensure!(count > 0, "the server hung up during the handshake");
        if let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        ensure!(
            answer.len() < LONGEST_ANSWER,
            "an endless answer to the handshake"
        );
    };
    let head = answer.split_to(end);
    ensure!(
        head.starts_with(b"HTTP/1.1 101"),
        "the handshake was refused: {}",
        String::from_utf8_lossy(
            head[..]
                .split(|&byte| byte == b'\r')
                .next()
                .unwrap_or_default()
        ),
    );
    Ok(answer)
}

fn close_reason(payload: &[u8]) -> String {
    match payload {
        &[high, low, ref reason @ ..] => {
            let code = u16::from_be_bytes([high, low]);
            format!("{code} {}", String::from_utf8_lossy(reason))
        }
        _ => "no code".to_owned(),
    }
}
