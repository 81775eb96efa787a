//! What can be set about a gateway, for `kraken serve` and `kraken sidecar` alike.

use crate::config::File;
use ipnet::IpNet;
use kraken_sidecar::{GatewayConfig, LinkKey};
use serde::Deserialize;
use std::net::{AddrParseError, IpAddr};
use std::str::FromStr;

#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// A reverse proxy whose X-Forwarded-For is believed: its address, or its network like
    /// 10.0.0.0/8. May be given several times
    #[arg(
        long = "trusted-proxy",
        env = "KRAKEN_TRUSTED_PROXIES",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    trusted_proxies: Vec<Network>,
    /// WebSocket handshakes a minute of one address, 0 for any number [default: 600]
    #[arg(long, env = "KRAKEN_HANDSHAKES_PER_MINUTE", value_name = "N")]
    handshakes_per_minute: Option<u32>,
}

impl Options {
    /// A gateway with this key, as the flags and the environment say, or else the file.
    pub(crate) fn config(self, file: &File, key: LinkKey) -> GatewayConfig {
        let mut trusted_proxies = self.trusted_proxies;
        if trusted_proxies.is_empty() {
            trusted_proxies.clone_from(&file.trusted_proxies);
        }
        let default = GatewayConfig::default();
        GatewayConfig {
            key,
            trusted_proxies: trusted_proxies
                .into_iter()
                .map(|network| network.0)
                .collect(),
            handshakes_per_minute: self
                .handshakes_per_minute
                .or(file.handshakes_per_minute)
                .unwrap_or(default.handshakes_per_minute),
            ..default
        }
    }
}

/// A network, or a single address.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(try_from = "String")]
pub(crate) struct Network(IpNet);

/// The text is no network.
#[derive(Debug)]
pub(crate) struct NotANetwork(AddrParseError);

impl std::error::Error for NotANetwork {}

impl std::fmt::Display for NotANetwork {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "neither an IP address nor a network like 10.0.0.0/8: {}",
            self.0
        )
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let text = text.trim();
        match text.parse::<IpNet>() {
            Ok(network) => Ok(Self(network)),
            Err(_) => match text.parse::<IpAddr>() {
                Ok(address) => Ok(Self(address.into())),
                Err(error) => Err(NotANetwork(error)),
            },
        }
    }
}

impl TryFrom<String> for Network {
    type Error = NotANetwork;

    fn try_from(text: String) -> Result<Self, NotANetwork> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::{Network, Options};
    use crate::config::File;
    use kraken_sidecar::LinkKey;

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_single_address_is_a_network_too() {
        assert_eq!(networks(&["10.1.2.3"]), networks(&["10.1.2.3/32"]));
        assert_eq!(networks(&[" ::1 "]), networks(&["::1/128"]));
        for bad in ["", "10.0.0.0/33", "localhost"] {
            let error = bad.parse::<Network>().unwrap_err().to_string();
            assert!(error.starts_with("neither an IP address nor"), "{error}");
        }
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file = File {
            trusted_proxies: networks(&["10.0.0.0/8"]),
            handshakes_per_minute: Some(7),
            ..File::default()
        };
        for (flags, file, proxies, handshakes) in [
            ((vec![], None), &File::default(), vec![], 600),
            ((vec![], None), &file, networks(&["10.0.0.0/8"]), 7),
            (
                (networks(&["fd00::/8"]), Some(0)),
                &file,
                networks(&["fd00::/8"]),
                0,
            ),
        ] {
            let options = Options {
                trusted_proxies: flags.0,
                handshakes_per_minute: flags.1,
            };
            let config = options.config(file, LinkKey::default());
            let trusted = config.trusted_proxies.into_iter().map(Network);
            assert_eq!(trusted.collect::<Vec<_>>(), proxies);
            assert_eq!(config.handshakes_per_minute, handshakes);
        }
    }
}
