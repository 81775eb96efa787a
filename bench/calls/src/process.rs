//! A server under load: its process, and what it costs.

use anyhow::{Context, Result, bail};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server that ends with this value.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    /// Runs `kraken` until it listens, and gives the URL at which it does.
    pub(crate) fn kraken(command: &mut Command) -> Result<(Self, String)> {
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("can't run {}", command.get_program().display()))?;
        let mut process = Self(child);
        let output = process.0.stdout.take().context("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let Some(url) = line.trim().strip_prefix("listening on ") else {
            bail!("Kraken doesn't start: {line}");
        };
        Ok((process, url.to_owned()))
    }

    /// The CPU time that all its threads have used.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let (_, fields) = stat
            .rsplit_once(')')
            .context("no fields in /proc/PID/stat")?;
        let field = |at: usize| -> Result<f64> {
            let text = fields.split_whitespace().nth(at);
            Ok(text.context("too few fields in /proc/PID/stat")?.parse()?)
        };
        #[expect(clippy::cast_precision_loss, reason = "100 on most machines")]
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        Ok(Duration::from_secs_f64((field(11)? + field(12)?) / ticks))
    }

    /// Memory that is in use, in KiB.
    pub(crate) fn resident(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let text = line.and_then(|line| line.split_whitespace().next());
        Ok(text.context("no VmRSS")?.parse()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
