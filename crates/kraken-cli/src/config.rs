//! `kraken.toml`, and what it leaves open.
//!
//! A flag wins over the environment, the environment over the file, the file over the default.

use crate::gateway::Network;
use anyhow::{Context, Result};
use kraken_core::{Durability, LimitSettings};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The file that is read if it is there and no other is named.
const DEFAULT_FILE: &str = "kraken.toml";

/// What `kraken.toml` may say. `kraken serve` and `kraken sidecar` read it, each what concerns it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct File {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) durability: Option<Durability>,
    pub(crate) master_token: Option<String>,
    pub(crate) admin_token: Option<String>,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) handshakes_per_minute: Option<u32>,
    /// For `kraken serve` only: named as in the API.
    pub(crate) limits: Option<LimitSettings>,
    /// The file of the media engine.
    pub(crate) engine: Option<PathBuf>,
    /// Whether there is none.
    pub(crate) no_engine: bool,
    /// For `kraken serve` only: SDS stores.
    pub(crate) sds: Option<SdsFile>,
    /// For `kraken sidecar` only.
    pub(crate) node: Option<String>,
    /// For `kraken sidecar` only.
    pub(crate) link_key_file: Option<PathBuf>,
}

/// How SDS stores are served.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct SdsFile {
    /// Signs tokens.
    pub(crate) jwt_secret: Option<String>,
    /// The `iss` of tokens, if it is to be checked.
    pub(crate) issuer: Option<String>,
    /// Whether what comes is kept: in the data folder, unless another is named.
    pub(crate) persist: Option<bool>,
    pub(crate) persist_dir: Option<PathBuf>,
    /// Bytes that one store may have.
    pub(crate) store_bytes: Option<u64>,
    /// After how many days what is kept is deleted.
    pub(crate) retention_days: Option<u32>,
}

impl File {
    /// Reads `named`, which must exist, or the default file, which need not.
    pub(crate) fn read(named: Option<&Path>) -> Result<Self> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                return Err(error).with_context(|| format!("can't read {}", path.display()));
            }
        };
        toml::from_str(&text).with_context(|| format!("{} is not valid", path.display()))
    }
}

/// Where Kraken keeps its data unless it is told otherwise.
pub(crate) fn default_data_dir() -> Result<PathBuf> {
    let xdg = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    let base = xdg
        .or_else(home)
        .context("there is no home folder to keep data in: name one with --data-dir")?;
    Ok(base.join("kraken"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_sets_what_it_names_and_nothing_else() {
        let file: File = toml::from_str(
            "listen = \"0.0.0.0:80\"\ndurability = \"write-first\"\nmaster-token = \"m\"",
        )
        .unwrap();
        assert_eq!(file.listen.unwrap().port(), 80);
        assert_eq!(file.durability, Some(Durability::WriteFirst));
        assert_eq!(file.master_token.as_deref(), Some("m"));
        assert_eq!(file.data_dir, None);
    }

    #[test]
    fn a_network_that_is_none_is_an_error_that_says_so() {
        let file: File = toml::from_str("trusted-proxies = [\"10.0.0.0/8\", \"::1\"]").unwrap();
        assert_eq!(file.trusted_proxies.len(), 2);
        let error = toml::from_str::<File>("trusted-proxies = [\"all\"]").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("neither an IP address nor a network")
        );
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = toml::from_str::<File>("listne = \"127.0.0.1:80\"").unwrap_err();
        assert!(error.to_string().contains("listne"));
    }
}
