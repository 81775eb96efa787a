//! Calls in rooms of `kraken serve`, over the sockets of their documents.

use crate::network::{Key, Network};
use crate::process::Process;
use crate::server::{Layered, Seat, Server};
use crate::video::Layer;
use anyhow::{Context, Result, bail};
use kraken_call::{
    Envelope, FromClient, Join, OfferedTrack, ReceivedTrack, Source, ToClient, TrackWish,
};
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use str0m::media::{Direction, MediaKind, Mid};
use tempfile::TempDir;
use tungstenite::{ClientRequestBuilder, Message, WebSocket};

const TOKEN: &str = "bench-master-token-0123456789abcdef";
/// How long the server may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// Of `kraken serve`.
pub(crate) struct Call {
    process: Process,
    /// Host and port.
    authority: String,
    highest: Layer,
    _folder: TempDir,
}

pub(crate) struct Member {
    socket: WebSocket<TcpStream>,
    connection: Key,
    /// What it receives.
    tracks: Vec<ReceivedTrack>,
}

impl Call {
    /// As by default, but for the size of a call.
    pub(crate) fn start(binary: &Path, workers: usize, highest: Layer) -> Result<Self> {
        let folder = TempDir::new()?;
        let config = folder.path().join("kraken.toml");
        fs::write(&config, "[limits]\ncall_peers = 200\n")?;
        let engine = folder.path().join("engine.toml");
        fs::write(
            &engine,
            format!(
                "[engine]\naddress = \"127.0.0.1\"\nport = 0\ntcp-port = 0\nworkers = {workers}\n\
                 [rpc]\nhost = \"127.0.0.1\"\nport = 0\n"
            ),
        )?;
        let mut command = Command::new(binary);
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]);
        command.arg(&config).arg("--engine").arg(&engine);
        command.arg("--data-dir").arg(folder.path().join("data"));
        command.env("KRAKEN_MASTER_TOKEN", TOKEN);
        command.env("KRAKEN_ADMIN_TOKEN", "bench-admin-token-0123456789abcdef");
        let (process, url) = Process::kraken(&mut command)?;
        let authority = url.strip_prefix("http://").context("no address")?;
        Ok(Self {
            process,
            authority: authority.to_owned(),
            highest,
            _folder: folder,
        })
    }

    fn connect(&self, room: usize) -> Result<WebSocket<TcpStream>> {
        let url = format!("ws://{}/doc/room-{room}?token={TOKEN}", self.authority);
        let stream = TcpStream::connect(&self.authority)?;
        stream.set_nodelay(true)?;
        // The master token is for pages.
        let request = ClientRequestBuilder::new(url.parse()?)
            .with_header("Origin", format!("http://{}", self.authority));
        let (socket, _) = tungstenite::client(request, stream)?;
        socket.get_ref().set_nonblocking(true)?;
        Ok(socket)
    }
}

impl Server for Call {
    type Member = Member;

    fn process(&self) -> &Process {
        &self.process
    }

    fn address(&self) -> IpAddr {
        Ipv4Addr::LOCALHOST.into()
    }

    fn join(&mut self, network: &mut Network, seat: Seat) -> Result<Member> {
        let mut member = Member {
            socket: self.connect(seat.room)?,
            connection: network.open(seat.sends, seat.is_probe)?,
            tracks: Vec::new(),
        };
        member.say(FromClient::Join(Join {
            peer: format!("peer-{}", seat.place),
            ..Join::default()
        }))?;
        member.wait(network, |message| {
            matches!(message, ToClient::Joined { .. }).then_some(())
        })?;
        member.publish(network, seat.sends)?;
        Ok(member)
    }

    fn subscribe(&mut self, network: &mut Network, member: &mut Member) -> Result<bool> {
        let mut is_new = false;
        while let Some(message) = member.hear()? {
            let ToClient::Offer { offer, sdp, tracks } = message else {
                continue;
            };
            let sdp = network.at(member.connection).answer(&sdp)?;
            member.say(FromClient::Answer { offer, sdp })?;
            member.tracks = tracks;
            is_new = true;
        }
        Ok(is_new)
    }

    fn attend(&mut self, network: &mut Network, member: &mut Member) -> Result<()> {
        self.subscribe(network, member)?;
        Ok(())
    }

    fn receiving(member: &Member) -> Option<Key> {
        Some(member.connection)
    }
}

impl Layered for Call {
    fn first(member: &Member) -> Option<Mid> {
        let first = member.tracks.first()?;
        Some(first.mid.as_str().into())
    }

    fn ask(&mut self, member: &mut Member, layer: Layer) -> Result<()> {
        let first = member.tracks.first().context("it receives nothing")?;
        let (width, height) = layer.size(self.highest);
        let wish = TrackWish {
            track: first.track.clone(),
            enabled: true,
            width: width.into(),
            height: height.into(),
        };
        let tracks = vec![wish];
        member.say(FromClient::Receive { tracks })
    }
}

impl Member {
    fn publish(&mut self, network: &mut Network, sends: bool) -> Result<()> {
        let media = network.media;
        let connection = network.at(self.connection);
        let (sdp, tracks) = match sends {
            true => {
                let source = match media.kind {
                    MediaKind::Audio => Source::Microphone,
                    MediaKind::Video => Source::Camera,
                };
                let (sdp, mid) = connection.offer(&media, Direction::SendOnly)?;
                let track = OfferedTrack {
                    mid: mid.to_string(),
                    source,
                    muted: false,
                };
                (sdp, vec![track])
            }
            false => (connection.offer_nothing()?, Vec::new()),
        };
        self.say(FromClient::Publish { sdp, tracks })?;
        let answer = self.wait(network, |message| match message {
            ToClient::Answer { sdp, .. } => Some(sdp),
            // Among them offers: while its own is under way they don't count, and come again.
            _ => None,
        })?;
        network.at(self.connection).accept(&answer)
    }

    fn say(&mut self, call: FromClient) -> Result<()> {
        let kraken = "call".to_owned();
        let text = serde_json::to_string(&Envelope { kraken, call })?;
        Ok(self.socket.send(Message::text(text))?)
    }

    /// Waits for a message, while media goes on.
    fn wait<T>(
        &mut self,
        network: &mut Network,
        mut pick: impl FnMut(ToClient) -> Option<T>,
    ) -> Result<T> {
        let start = Instant::now();
        while start.elapsed() < ANSWER {
            while let Some(message) = self.hear()? {
                if let Some(picked) = pick(message) {
                    return Ok(picked);
                }
            }
            network.step()?;
        }
        bail!("no answer within {ANSWER:?}")
    }

    /// What the server has said next, if anything.
    fn hear(&mut self) -> Result<Option<ToClient>> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    let envelope: Envelope<ToClient> = serde_json::from_str(&text)?;
                    match envelope.call {
                        ToClient::Error(problem) => bail!("Kraken refuses: {problem:?}"),
                        ToClient::Ended { reason } => bail!("the call has ended: {reason:?}"),
                        said => return Ok(Some(said)),
                    }
                }
                // The document's.
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
