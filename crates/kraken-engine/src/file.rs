//! `engine.toml`: the keys of the original, and some more.

use crate::config::{Config, MonitorLink, RecordingConfig, RpcConfig, TurnConfig};
use crate::network::{NetworkError, addresses};
use kraken_sfu::{Limits, Patience};
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use thiserror::Error;

/// The port for media if none is named.
const MEDIA_PORT: u16 = 7001;
/// The port of the JSON-RPC if none is named.
const RPC_PORT: u16 = 7000;

/// Why a file can't be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// It isn't TOML, or has a key that there isn't, or a value that isn't one.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// It doesn't say where to listen.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// One of a pair of keys is missing.
    #[error("turn.secret is missing: it is coturn's static-auth-secret")]
    NoTurnSecret,
    /// Monitor and engines need a key that they share.
    #[error("monitor.key is missing: any long text that the monitor and its engines share")]
    NoMonitorKey,
    /// A monitor is reached by plain HTTP, in a network of one's own.
    #[error("monitor.{0} must begin with http://, as in http://10.0.0.1:7000")]
    NotHttp(&'static str),
}

/// What `engine.toml` may say. Everything may be left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct File {
    engine: EngineSection,
    turn: TurnSection,
    rpc: RpcSection,
    limits: LimitsSection,
    monitor: MonitorSection,
    recordings: RecordingsSection,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct EngineSection {
    interface: String,
    address: Option<Text<IpAddr>>,
    /// Of the original. What to log is for the command line to say.
    log_level: Option<toml::Value>,
    port_min: u16,
    port_max: u16,
    port: Option<u16>,
    tcp_port: Option<u16>,
    workers: Option<NonZeroUsize>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct TurnSection {
    host: String,
    secret: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct RpcSection {
    port: Option<u16>,
    host: Option<IpAddr>,
    key: Option<String>,
    list_shows_sessions: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct LimitsSection {
    peers: Option<usize>,
    connecting: Option<usize>,
    peers_per_room: Option<usize>,
    tracks_per_peer: Option<usize>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct MonitorSection {
    address: Option<String>,
    key: Option<String>,
    advertise: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct RecordingsSection {
    folder: Option<PathBuf>,
    max_bytes: Option<u64>,
    min_free_bytes: Option<u64>,
}

/// A value that is "not set" when it is the empty text, as in the original's example file.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Text<T> {
    Set(T),
    Empty(Empty),
}

#[derive(Debug, Clone, Deserialize)]
enum Empty {
    #[serde(rename = "")]
    Empty,
}

impl File {
    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Ok(toml::from_str(text)?)
    }

    /// Where the JSON-RPC listens: on all addresses and port 7000, unless the file says otherwise.
    pub fn rpc_address(&self) -> SocketAddr {
        let host = self.rpc.host.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        SocketAddr::new(host, self.rpc.port.unwrap_or(RPC_PORT))
    }

    /// Where recordings go if the file doesn't say it.
    pub fn record_in(&mut self, folder: impl Into<PathBuf>) {
        self.recordings.folder.get_or_insert(folder.into());
    }

    /// The engine that the file describes.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let engine = &self.engine;
        let interface = Some(engine.interface.as_str()).filter(|name| !name.is_empty());
        let announced = match &engine.address {
            Some(Text::Set(address)) => Some(*address),
            Some(Text::Empty(Empty::Empty)) | None => None,
        };
        let udp_port = engine.port.unwrap_or(match engine.port_min {
            0 => MEDIA_PORT,
            port => port,
        });
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(Config {
            addresses: addresses(interface, announced)?,
            udp_port,
            tcp_port: engine.tcp_port.unwrap_or(udp_port),
            workers: engine.workers.map_or(cores, NonZeroUsize::get),
            limits: self.limits(),
            patience: Patience::default(),
            rpc: RpcConfig {
                key: self.rpc.key.clone().filter(|key| !key.is_empty()),
                list_shows_sessions: self.rpc.list_shows_sessions,
                ..RpcConfig::default()
            },
            turn: self.turn()?,
            recordings: self.recordings(),
        })
    }

    /// The monitor to which the engine belongs, if there is one. `rpc` is where the JSON-RPC
    /// listens, and `media` an address of the engine: together they are its address unless the
    /// file says otherwise.
    pub fn monitor(
        &self,
        rpc: SocketAddr,
        media: IpAddr,
    ) -> Result<Option<MonitorLink>, ConfigError> {
        let Some(monitor) = self.monitor.address.clone() else {
            return Ok(None);
        };
        let host = Some(rpc.ip())
            .filter(|ip| !ip.is_unspecified())
            .unwrap_or(media);
        let here = || format!("http://{}", SocketAddr::new(host, rpc.port()));
        let engine = self.monitor.advertise.clone().unwrap_or_else(here);
        for (name, url) in [("address", &monitor), ("advertise", &engine)] {
            if !url.starts_with("http://") {
                return Err(ConfigError::NotHttp(name));
            }
        }
        let key = self.monitor_key()?;
        Ok(Some(MonitorLink {
            monitor,
            key,
            engine,
        }))
    }

    /// The key that a monitor and its engines share.
    pub fn monitor_key(&self) -> Result<String, ConfigError> {
        let key = self.monitor.key.clone().filter(|key| !key.is_empty());
        key.ok_or(ConfigError::NoMonitorKey)
    }

    fn limits(&self) -> Limits {
        let default = Limits::default();
        let set = &self.limits;
        Limits {
            peers: set.peers.unwrap_or(default.peers),
            connecting: set.connecting.unwrap_or(default.connecting),
            peers_per_room: set.peers_per_room.unwrap_or(default.peers_per_room),
            tracks_per_peer: set.tracks_per_peer.unwrap_or(default.tracks_per_peer),
            ..default
        }
    }

    fn recordings(&self) -> Option<RecordingConfig> {
        let set = &self.recordings;
        let default = RecordingConfig::in_folder(set.folder.clone()?);
        Some(RecordingConfig {
            most_bytes: set.max_bytes.unwrap_or(default.most_bytes),
            least_free: set.min_free_bytes.unwrap_or(default.least_free),
            ..default
        })
    }

    fn turn(&self) -> Result<Option<TurnConfig>, ConfigError> {
        let TurnSection { host, secret } = self.turn.clone();
        match (host.is_empty(), secret.is_empty()) {
            (true, _) => Ok(None),
            (false, true) => Err(ConfigError::NoTurnSecret),
            (false, false) => Ok(Some(TurnConfig { host, secret })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn en2_the_original_example_file_is_understood() {
        let file = File::parse(
            "[engine]\ninterface = \"lo\"\naddress = \"\"\nlog-level = 10\nport-min = 0\n\
             port-max = 0\n[turn]\nhost = \"turn:turn.example.com:443\"\nsecret = \"s\"\n\
             [rpc]\nport = 7000\n",
        )
        .unwrap();
        let config = file.config().unwrap();
        assert_eq!((config.udp_port, config.tcp_port), (MEDIA_PORT, MEDIA_PORT));
        assert_eq!(file.rpc_address().to_string(), "0.0.0.0:7000");
        assert_eq!(config.turn.unwrap().host, "turn:turn.example.com:443");
    }

    #[test]
    fn en2_the_first_port_of_a_range_is_the_one_for_media() {
        let file = "[engine]\naddress = \"127.0.0.1\"\nport-min = 5000\nport-max = 6000\n";
        assert_eq!(File::parse(file).unwrap().config().unwrap().udp_port, 5000);
    }

    #[test]
    fn rc9_what_the_file_says_of_recordings_holds() {
        let address = "[engine]\naddress = \"127.0.0.1\"\n";
        let mut file = File::parse(address).unwrap();
        assert_eq!(file.config().unwrap().recordings, None);
        file.record_in("here");
        let default = RecordingConfig::in_folder("here");
        assert_eq!(file.config().unwrap().recordings, Some(default));
        let set = "[recordings]\nfolder = \"there\"\nmax-bytes = 5\nmin-free-bytes = 6\n";
        let mut file = File::parse(&format!("{address}{set}")).unwrap();
        file.record_in("here");
        let expected = RecordingConfig {
            folder: "there".into(),
            most_bytes: 5,
            least_free: 6,
        };
        assert_eq!(file.config().unwrap().recordings, Some(expected));
    }

    #[test]
    fn en2_a_key_that_there_is_not_is_named() {
        let error = File::parse("[engine]\nintreface = \"eth0\"\n").unwrap_err();
        assert!(error.to_string().contains("intreface"));
        let error = File::parse("[turn]\nhost = \"turn:x\"\n[engine]\naddress = \"127.0.0.1\"");
        let error = error.unwrap().config().unwrap_err();
        assert!(error.to_string().contains("turn.secret"));
    }
}
