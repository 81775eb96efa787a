//! The command line of the original: `kraken -c engine.toml -s engine|monitor`.

use crate::{Command, engine, monitor};
use anyhow::{Result, bail};
use clap::ValueEnum;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// With -s: the configuration file [default: ~/.kraken/engine.toml]
    #[arg(short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// As `kraken engine --config FILE` or `kraken monitor --config FILE` [default with -c: engine]
    #[arg(short, value_enum)]
    service: Option<Service>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Service {
    Engine,
    Monitor,
}

impl Options {
    /// The command that is asked for in either way.
    pub(crate) fn or(self, command: Option<Command>) -> Result<Command> {
        match (self, command) {
            (
                Self {
                    config: None,
                    service: None,
                },
                Some(command),
            ) => Ok(command),
            (
                Self {
                    config: None,
                    service: None,
                },
                None,
            ) => {
                bail!("a command is missing: `kraken --help` names them")
            }
            (_, Some(_)) => {
                bail!("-c and -s are for `kraken -c FILE -s engine|monitor`, without a command")
            }
            (options, None) => Ok(options.command()),
        }
    }

    fn command(self) -> Command {
        let default = PathBuf::from("~/.kraken/engine.toml");
        let config = Some(expand(&self.config.unwrap_or(default)));
        let listen = None;
        match self.service.unwrap_or(Service::Engine) {
            Service::Engine => Command::Engine(engine::Arguments { config, listen }),
            Service::Monitor => Command::Monitor(monitor::Arguments { config, listen }),
        }
    }
}

/// Only a leading `~/` is expanded, as in the original.
fn expand(path: &Path) -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    match (path.strip_prefix("~/"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        (Ok(_), None) | (Err(_), _) => path.to_owned(),
    }
}
