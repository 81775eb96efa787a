//! Janus with its videoroom plugin, through its HTTP API.

use crate::network::{Key, Network};
use crate::process::Process;
use crate::server::{Layered, Leaving, Seat, Server};
use crate::video::Layer;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use str0m::media::{Direction, Mid};
use tempfile::TempDir;
use ureq::Agent;

/// How long Janus may take to start.
const START: Duration = Duration::from_secs(10);
/// Between two looks whether it answers.
const LOOK: Duration = Duration::from_millis(50);
/// How often clients show that they are there.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// The section of the first video that a peer receives.
const FIRST: &str = "0";
/// What joins the questions of a session to their answers: there is one at a time.
const TRANSACTION: &str = "bench";
/// Where Debian has the plugins, for whichever machine.
const LIBRARIES: &str = "/usr/lib";

pub(crate) struct Janus {
    process: Process,
    api: Api,
    address: IpAddr,
    /// The session and handle through which rooms are made.
    owner: (u64, u64),
    /// Of peers that haven't vanished.
    sessions: Vec<u64>,
    /// Who publishes in each room: Janus' numbers for them.
    rooms: HashMap<usize, Vec<u64>>,
    _folder: TempDir,
}

pub(crate) struct Member {
    session: u64,
    room: usize,
    is_probe: bool,
    /// Its number as a publisher, and the connection on which it publishes.
    publishing: Option<(u64, Key)>,
    /// The handle and the connection on which it receives.
    receiving: Option<(u64, Key)>,
}

/// The HTTP API.
#[derive(Clone)]
struct Api {
    agent: Agent,
    url: String,
}

impl Janus {
    /// Whether Debian's package `janus` is there.
    pub(crate) fn is_installed() -> bool {
        Path::new("/usr/bin/janus").exists() && libraries().is_some()
    }

    pub(crate) fn start() -> Result<Self> {
        let folder = TempDir::new()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        configure(folder.path(), port)?;
        let child = Command::new("/usr/bin/janus")
            .arg("--configs-folder")
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("can't run janus")?;
        let process = Process(child);
        let api = Api {
            agent: Agent::config_builder().proxy(None).build().into(),
            url: format!("http://127.0.0.1:{port}/janus"),
        };
        let start = Instant::now();
        let session = loop {
            match api.create() {
                Ok(session) => break session,
                Err(error) if start.elapsed() > START => return Err(error),
                Err(_) => std::thread::sleep(LOOK),
            }
        };
        let handle = api.attach(session)?;
        Ok(Self {
            process,
            api,
            address: own_address()?,
            owner: (session, handle),
            sessions: vec![session],
            rooms: HashMap::new(),
            _folder: folder,
        })
    }

    fn make_room(&mut self, room: usize) -> Result<()> {
        if self.rooms.contains_key(&room) {
            return Ok(());
        }
        let (session, handle) = self.owner;
        let create = json!({
            "request": "create",
            "room": number(room),
            "publishers": 1_000,
            "audiocodec": "opus",
            "videocodec": "vp8",
        });
        self.api.message(session, handle, &create, None)?;
        self.rooms.insert(room, Vec::new());
        Ok(())
    }

    fn keep_alive(&self) -> Result<()> {
        for session in &self.sessions {
            let message = json!({ "janus": "keepalive" });
            self.api.post(&format!("/{session}"), message)?;
        }
        Ok(())
    }

    fn publish(&mut self, network: &mut Network, session: u64, seat: Seat) -> Result<(u64, Key)> {
        let handle = self.api.attach(session)?;
        let join = json!({ "request": "join", "ptype": "publisher", "room": number(seat.room) });
        let joined = self.api.request(session, handle, &join, None)?;
        let id = joined["plugindata"]["data"]["id"].as_u64();
        let id = id.with_context(|| format!("not joined: {joined}"))?;
        let key = network.open(true, false)?;
        let media = network.media;
        let connection = network.at(key);
        let (offer, _) = connection.offer(&media, Direction::SendOnly)?;
        // The lowest layer comes first.
        let jsep = json!({ "type": "offer", "sdp": offer, "rid_order": "lmh" });
        let publish = json!({ "request": "publish" });
        let answer = self.api.request(session, handle, &publish, Some(jsep))?;
        connection.accept(answer["jsep"]["sdp"].as_str().context("no answer")?)?;
        self.rooms.entry(seat.room).or_default().push(id);
        Ok((id, key))
    }
}

impl Server for Janus {
    type Member = Member;

    fn process(&self) -> &Process {
        &self.process
    }

    fn address(&self) -> IpAddr {
        self.address
    }

    fn join(&mut self, network: &mut Network, seat: Seat) -> Result<Member> {
        self.make_room(seat.room)?;
        let session = self.api.create()?;
        self.sessions.push(session);
        let publishing = match seat.sends {
            true => Some(self.publish(network, session, seat)?),
            false => None,
        };
        Ok(Member {
            session,
            room: seat.room,
            is_probe: seat.is_probe,
            publishing,
            receiving: None,
        })
    }

    fn subscribe(&mut self, network: &mut Network, member: &mut Member) -> Result<bool> {
        let own = member.publishing.map(|(id, _)| id);
        let publishers = self.rooms.get(&member.room).into_iter().flatten();
        let others = publishers.filter(|id| Some(**id) != own);
        let streams: Vec<Value> = others.map(|id| json!({ "feed": id })).collect();
        if member.receiving.is_some() || streams.is_empty() {
            return Ok(false);
        }
        let handle = self.api.attach(member.session)?;
        let join = json!({
            "request": "join",
            "ptype": "subscriber",
            "room": number(member.room),
            "streams": streams,
        });
        let attached = self.api.request(member.session, handle, &join, None)?;
        let offer = attached["jsep"]["sdp"].as_str();
        let offer = offer.with_context(|| format!("no offer: {attached}"))?;
        let key = network.open(false, member.is_probe)?;
        let sdp = network.at(key).answer(offer)?;
        let jsep = json!({ "type": "answer", "sdp": sdp });
        let start = json!({ "request": "start" });
        self.api
            .request(member.session, handle, &start, Some(jsep))?;
        member.receiving = Some((handle, key));
        Ok(true)
    }

    fn receiving(member: &Member) -> Option<Key> {
        member.receiving.map(|(_, key)| key)
    }
}

impl Leaving for Janus {
    /// Janus' clients wait for events; who doesn't for a minute is gone with its session.
    fn wait_for_leave(
        &mut self,
        network: &mut Network,
        member: &mut Member,
        gone: &Member,
    ) -> Result<()> {
        self.keep_alive()?;
        self.sessions.retain(|session| *session != gone.session);
        let (api, session) = (self.api.clone(), member.session);
        let id = gone.publishing.map(|(id, _)| id);
        let waiting = std::thread::spawn(move || {
            loop {
                let data = &api.event(session)?["plugindata"]["data"];
                let is_gone = |key: &str| data[key].is_u64() && data[key].as_u64() == id;
                if is_gone("leaving") || is_gone("unpublished") {
                    return anyhow::Ok(());
                }
            }
        });
        let mut kept = Instant::now();
        while !waiting.is_finished() {
            network.step()?;
            if kept.elapsed() > KEEP_ALIVE {
                kept = Instant::now();
                self.keep_alive()?;
            }
        }
        match waiting.join() {
            Ok(result) => result,
            Err(_) => bail!("the wait for a leave has panicked"),
        }
    }

    fn connections(member: &Member) -> Vec<Key> {
        let publishing = member.publishing.map(|(_, key)| key);
        publishing
            .into_iter()
            .chain(Self::receiving(member))
            .collect()
    }
}

impl Layered for Janus {
    fn first(_member: &Member) -> Option<Mid> {
        Some(FIRST.into())
    }

    fn ask(&mut self, member: &mut Member, Layer(layer): Layer) -> Result<()> {
        let (handle, _) = member.receiving.context("it receives nothing")?;
        let streams = json!([{ "mid": FIRST, "substream": layer }]);
        let configure = json!({ "request": "configure", "streams": streams });
        self.api.message(member.session, handle, &configure, None)?;
        Ok(())
    }
}

impl Api {
    fn create(&self) -> Result<u64> {
        let created = self.post("", json!({ "janus": "create" }))?;
        created["data"]["id"].as_u64().context("no session")
    }

    fn attach(&self, session: u64) -> Result<u64> {
        let attach = json!({ "janus": "attach", "plugin": "janus.plugin.videoroom" });
        let attached = self.post(&format!("/{session}"), attach)?;
        attached["data"]["id"].as_u64().context("no handle")
    }

    /// Sends a message to the plugin, and gives what it says to it by an event.
    fn request(
        &self,
        session: u64,
        handle: u64,
        body: &Value,
        jsep: Option<Value>,
    ) -> Result<Value> {
        self.message(session, handle, body, jsep)?;
        loop {
            let event = self.event(session)?;
            if event["transaction"] == TRANSACTION {
                return Ok(event);
            }
        }
    }

    fn message(
        &self,
        session: u64,
        handle: u64,
        body: &Value,
        jsep: Option<Value>,
    ) -> Result<Value> {
        let mut message = json!({ "janus": "message", "body": body });
        if let Some(jsep) = jsep {
            message["jsep"] = jsep;
        }
        self.post(&format!("/{session}/{handle}"), message)
    }

    fn post(&self, path: &str, mut message: Value) -> Result<Value> {
        message["transaction"] = json!(TRANSACTION);
        let url = format!("{}{path}", self.url);
        let answer = self.agent.post(&url).send(message.to_string())?;
        read(answer)
    }

    /// The next event of a session. Waits for one.
    fn event(&self, session: u64) -> Result<Value> {
        read(self.agent.get(format!("{}/{session}", self.url)).call()?)
    }
}

fn read(answer: ureq::http::Response<ureq::Body>) -> Result<Value> {
    let answer: Value = serde_json::from_str(&answer.into_body().read_to_string()?)?;
    if answer["janus"] == "error" || answer["plugindata"]["data"].get("error").is_some() {
        bail!("Janus refuses: {answer}");
    }
    Ok(answer)
}

/// Janus' number of a room; 0 is none.
fn number(room: usize) -> usize {
    room + 1
}

/// The address from which this machine reaches others. Janus takes no loopback address; what goes
/// from it to itself stays in the machine all the same.
fn own_address() -> Result<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    // Sends nothing.
    socket
        .connect("192.0.2.1:9")
        .context("Janus needs an address that isn't loopback")?;
    Ok(socket.local_addr()?.ip())
}

/// The folder with Janus' plugins and transports.
fn libraries() -> Option<PathBuf> {
    let folders = fs::read_dir(LIBRARIES).ok()?.flatten();
    let mut folders = folders.map(|folder| folder.path().join("janus"));
    folders.find(|folder| folder.join("plugins/libjanus_videoroom.so").exists())
}

/// The files of a Janus with one plugin and one transport, on loopback only.
fn configure(folder: &Path, port: u16) -> Result<()> {
    let libraries = libraries().context("no plugins of Janus")?;
    for (kind, library) in [
        ("plugins", "libjanus_videoroom.so"),
        ("transports", "libjanus_http.so"),
    ] {
        fs::create_dir(folder.join(kind))?;
        let library = Path::new(kind).join(library);
        std::os::unix::fs::symlink(libraries.join(&library), folder.join(library))?;
    }
    for kind in ["events", "loggers"] {
        fs::create_dir(folder.join(kind))?;
    }
    let path = folder.display();
    let general = format!(
        "general: {{\n configs_folder = \"{path}\"\n plugins_folder = \"{path}/plugins\"\n \
         transports_folder = \"{path}/transports\"\n events_folder = \"{path}/events\"\n \
         loggers_folder = \"{path}/loggers\"\n debug_level = 2\n}}\n\
         nat: {{\n ice_lite = true\n}}\n"
    );
    fs::write(folder.join("janus.jcfg"), general)?;
    let http = format!(
        "general: {{\n base_path = \"/janus\"\n http = true\n ip = \"127.0.0.1\"\n port = {port}\n}}\n\
         admin: {{\n admin_http = false\n}}\n"
    );
    fs::write(folder.join("janus.transport.http.jcfg"), http)?;
    fs::write(folder.join("janus.plugin.videoroom.jcfg"), "")?;
    Ok(())
}
