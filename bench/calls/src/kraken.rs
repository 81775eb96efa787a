//! `kraken engine`, through its JSON-RPC.

use crate::network::{Key, Network};
use crate::process::Process;
use crate::server::{Leaving, Seat, Server};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use str0m::media::Direction;
use tempfile::TempDir;
use ureq::Agent;

/// Between two polls of somebody who waits.
const POLL: Duration = Duration::from_millis(50);

pub(crate) struct Kraken {
    process: Process,
    agent: Agent,
    url: String,
    _folder: TempDir,
}

pub(crate) struct Member {
    /// Room, user, session.
    who: [String; 3],
    connection: Key,
}

impl Kraken {
    pub(crate) fn start(binary: &Path, workers: usize) -> Result<Self> {
        let folder = TempDir::new()?;
        let config = folder.path().join("engine.toml");
        fs::write(
            &config,
            format!("[engine]\naddress = \"127.0.0.1\"\nport = 0\nworkers = {workers}\n"),
        )?;
        let mut command = Command::new(binary);
        command.args(["engine", "--listen", "127.0.0.1:0", "--config"]);
        let (process, url) = Process::kraken(command.arg(&config))?;
        Ok(Self {
            process,
            agent: Agent::config_builder().proxy(None).build().into(),
            url,
            _folder: folder,
        })
    }

    /// Calls a method, and gives the data of its answer.
    fn call(&self, method: &str, params: &Value) -> Result<Value> {
        let body = json!({ "method": method, "params": params }).to_string();
        let answer = self.agent.post(&self.url).send(body)?;
        let answer: Value = serde_json::from_str(&answer.into_body().read_to_string()?)?;
        if let Some(error) = answer.get("error") {
            bail!("{method}: {error}");
        }
        Ok(answer["data"].clone())
    }
}

impl Server for Kraken {
    type Member = Member;

    fn process(&self) -> &Process {
        &self.process
    }

    fn address(&self) -> IpAddr {
        Ipv4Addr::LOCALHOST.into()
    }

    fn join(&mut self, network: &mut Network, seat: Seat) -> Result<Member> {
        let (room, user) = (
            format!("room-{}", seat.room),
            format!("user-{}", seat.place),
        );
        let key = network.open(seat.sends, seat.is_probe)?;
        let media = network.media;
        let connection = network.at(key);
        let (offer, _) = connection.offer(&media, Direction::SendRecv)?;
        let jsep = json!({ "type": "offer", "sdp": offer }).to_string();
        let answer = self.call("publish", &json!([room, user, jsep]))?;
        connection.accept(answer["sdp"]["sdp"].as_str().context("no answer")?)?;
        let session = answer["track"].as_str().context("no session")?.to_owned();
        Ok(Member {
            who: [room, user, session],
            connection: key,
        })
    }

    fn subscribe(&mut self, network: &mut Network, member: &mut Member) -> Result<bool> {
        let data = self.call("subscribe", &json!(member.who))?;
        if data["type"] != "offer" {
            return Ok(false);
        }
        let offer = data["sdp"].as_str().context("no offer")?;
        let sdp = network.at(member.connection).answer(offer)?;
        let jsep = json!({ "type": "answer", "sdp": sdp }).to_string();
        let [room, user, session] = &member.who;
        self.call("answer", &json!([room, user, session, jsep]))?;
        Ok(true)
    }

    fn receiving(member: &Member) -> Option<Key> {
        Some(member.connection)
    }
}

impl Leaving for Kraken {
    fn wait_for_leave(
        &mut self,
        network: &mut Network,
        member: &mut Member,
        _gone: &Member,
    ) -> Result<()> {
        while !self.subscribe(network, member)? {
            network.play(POLL)?;
        }
        Ok(())
    }

    fn connections(member: &Member) -> Vec<Key> {
        vec![member.connection]
    }
}
