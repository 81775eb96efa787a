//! How SDS stores are served, as the environment of the original server says it, or the file.

use crate::config::SdsFile;
use crate::package;
use anyhow::{Context, Result, bail, ensure};
use kraken_core::StoreSetup;
use kraken_node::NodeConfig;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

/// Where the original server listens.
const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 3000;

/// The variables of the original server.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Environment {
    pub(crate) secret: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) port: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) persist_dir: Option<String>,
}

/// What is set about stores.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Options {
    /// For the process, if anything is set: then all is.
    pub(crate) setup: Option<StoreSetup>,
    /// Where the database is, if not in the data folder.
    pub(crate) folder: Option<PathBuf>,
    /// Where to listen, unless it is said in Kraken's own way.
    pub(crate) listen: Option<SocketAddr>,
}

impl Environment {
    pub(crate) fn read() -> Self {
        let read = |name| std::env::var(name).ok();
        Self {
            secret: read("SDS_JWT_SECRET"),
            issuer: read("SDS_ISSUER"),
            port: read("SDS_PORT"),
            host: read("SDS_HOST"),
            persist_dir: read("SDS_PERSIST_DIR"),
        }
    }

    /// Takes from the environment what is there, the rest from the file. Fails as the original
    /// does: what is set about stores is of no use without a secret.
    pub(crate) fn options(&self, file: Option<&SdsFile>) -> Result<Options> {
        let is_set = *self != Self::default();
        let default = SdsFile::default();
        let is_in_file = file.is_some();
        let file = file.unwrap_or(&default);
        if !is_set && !is_in_file {
            return Ok(Options::default());
        }
        let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let secret = some(&self.secret).or_else(|| some(&file.jwt_secret));
        ensure!(
            secret.is_some(),
            "SDS_JWT_SECRET is missing: stores need a secret of at least 32 characters, which \
             signs their tokens"
        );
        let folder = self.folder(Some(file));
        let setup = StoreSetup {
            secret,
            issuer: some(&self.issuer).or_else(|| some(&file.issuer)),
            persist: folder.is_some() || file.persist.unwrap_or(false),
            store_bytes: file.store_bytes,
            retention_days: file.retention_days,
        };
        if let Err(error) = setup.check() {
            bail!("SDS_JWT_SECRET and [sds]: {error}");
        }
        Ok(Options {
            setup: Some(setup),
            folder,
            listen: is_set.then(|| self.listen()).transpose()?,
        })
    }

    /// The folder of the stores' database, if it has one of its own.
    pub(crate) fn folder(&self, file: Option<&SdsFile>) -> Option<PathBuf> {
        let folder = match &self.persist_dir {
            Some(folder) => Some(PathBuf::from(folder)),
            None => file.and_then(|file| file.persist_dir.clone()),
        };
        folder.filter(|folder| !folder.as_os_str().is_empty())
    }

    fn listen(&self) -> Result<SocketAddr> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let port = match given(&self.port) {
            Some(port) => port
                .parse()
                .with_context(|| format!("SDS_PORT is not a port number: {port}"))?,
            None => DEFAULT_PORT,
        };
        let host = given(&self.host).unwrap_or_else(|| DEFAULT_HOST.to_owned());
        let mut addresses = (host.as_str(), port)
            .to_socket_addrs()
            .with_context(|| format!("SDS_HOST is no address of this machine: {host}"))?;
        addresses
            .next()
            .with_context(|| format!("SDS_HOST has no address: {host}"))
    }
}

impl Options {
    /// Has the node keep the stores' database where it is to be.
    pub(crate) fn place(&self, config: &mut NodeConfig) -> Result<()> {
        if let Some(folder) = &self.folder {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("can't create SDS_PERSIST_DIR {}", folder.display()))?;
            let key = (package::PACKAGE.to_owned(), package::STORES.to_owned());
            config.databases.insert(key, folder.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a secret of at least 32 characters";

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        let get = |name: &str| {
            let pair = pairs.iter().find(|(own, _)| *own == name);
            pair.map(|(_, value)| (*value).to_owned())
        };
        Environment {
            secret: get("secret"),
            issuer: get("issuer"),
            port: get("port"),
            host: get("host"),
            persist_dir: get("dir"),
        }
    }

    fn error(pairs: &[(&str, &str)]) -> String {
        format!("{:#}", environment(pairs).options(None).unwrap_err())
    }

    #[test]
    fn sd21_the_originals_variables_are_enough() {
        let options = environment(&[("secret", SECRET)]).options(None).unwrap();
        let setup = options.setup.unwrap();
        assert_eq!(setup.secret.as_deref(), Some(SECRET));
        assert!(!setup.persist && setup.issuer.is_none());
        assert_eq!(options.listen.unwrap().to_string(), "127.0.0.1:3000");
        let all = [
            ("secret", SECRET),
            ("issuer", "me"),
            ("port", "8000"),
            ("host", "0.0.0.0"),
            ("dir", "data"),
        ];
        let options = environment(&all).options(None).unwrap();
        assert_eq!(options.listen.unwrap().to_string(), "0.0.0.0:8000");
        assert_eq!(options.folder, Some("data".into()));
        let setup = options.setup.unwrap();
        assert!(setup.persist);
        assert_eq!(setup.issuer.as_deref(), Some("me"));
    }

    #[test]
    fn sd21_an_empty_folder_is_relay_only() {
        let options = environment(&[("secret", SECRET), ("dir", ""), ("issuer", "")]);
        let options = options.options(None).unwrap();
        assert_eq!(options.folder, None);
        let setup = options.setup.unwrap();
        assert!(!setup.persist && setup.issuer.is_none());
    }

    #[test]
    fn sd21_what_the_original_refuses_is_refused() {
        assert!(error(&[("port", "3000")]).contains("SDS_JWT_SECRET is missing"));
        assert!(error(&[("secret", "")]).contains("SDS_JWT_SECRET is missing"));
        assert!(error(&[("secret", &SECRET[..31])]).contains("at least 32"));
        let bad_port = [("secret", SECRET), ("port", "x")];
        assert!(error(&bad_port).contains("SDS_PORT is not a port number: x"));
        // 16 characters of two UTF-16 units each.
        let astral = "\u{1f511}".repeat(16);
        assert!(environment(&[("secret", &astral)]).options(None).is_ok());
    }

    #[test]
    fn sd21_the_environment_wins_over_the_file() {
        let file = SdsFile {
            jwt_secret: Some(SECRET.to_owned()),
            persist: Some(true),
            store_bytes: Some(7),
            ..SdsFile::default()
        };
        let of_file = Environment::default().options(Some(&file)).unwrap();
        let setup = of_file.setup.unwrap();
        assert!(setup.persist && of_file.listen.is_none() && of_file.folder.is_none());
        assert_eq!(setup.store_bytes, Some(7));
        let other = format!("{SECRET}!");
        let both = environment(&[("secret", &other)]).options(Some(&file));
        assert_eq!(both.unwrap().setup.unwrap().secret, Some(other));
        let none = Environment::default().options(None).unwrap();
        assert_eq!(none, Options::default());
    }
}
