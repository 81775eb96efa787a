//! What is logged, and where.

use anyhow::Result;
use clap::{Args, ValueEnum};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

#[derive(Args)]
#[group(skip)]
pub(crate) struct Options {
    /// What to log: a level, or directives as in `kraken_sidecar=debug,info`
    ///
    /// A level below `info` counts for Kraken itself, which never logs what clients say: no
    /// address, token, header or room. The libraries in it stay at `info`, unless you name one, as
    /// in `hyper=trace`: then its lines may show anything.
    #[arg(long, env = "KRAKEN_LOG", default_value = "info", global = true)]
    log: String,
    /// When to colour the log
    #[arg(long, value_enum, default_value = "auto", global = true)]
    color: Color,
}

#[derive(Clone, Copy, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

impl Options {
    /// Logs to standard error; standard output is for what programs read.
    pub(crate) fn start(&self) -> Result<()> {
        let ansi = match self.color {
            Color::Auto => std::io::stderr().is_terminal(),
            Color::Always => true,
            Color::Never => false,
        };
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::try_new(restrain(&self.log))?)
            .with_writer(std::io::stderr)
            .with_ansi(ansi)
            .init();
        Ok(())
    }
}

/// Lets a level below `info` count for Kraken's own crates only, whose names all begin alike.
fn restrain(directives: &str) -> String {
    let restrained =
        directives
            .split(',')
            .map(|directive| match directive.trim().parse::<LevelFilter>() {
                Ok(level) if level > LevelFilter::INFO => format!("info,kraken={level}"),
                Ok(_) | Err(_) => directive.to_owned(),
            });
    restrained.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::restrain;
    use tracing_subscriber::EnvFilter;

    #[test]
    fn gw17_libraries_are_not_heard_unless_they_are_named() {
        for (given, expected) in [
            ("info", "info"),
            ("warn", "warn"),
            ("debug", "info,kraken=debug"),
            ("TRACE", "info,kraken=trace"),
            ("kraken_sidecar=debug,info", "kraken_sidecar=debug,info"),
            ("hyper=trace,debug", "hyper=trace,info,kraken=debug"),
        ] {
            assert_eq!(restrain(given), expected);
            assert!(EnvFilter::try_new(expected).is_ok());
        }
    }
}
