//! The engine under load: its process, its API, and what it costs.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use ureq::Agent;

pub(crate) struct Engine {
    child: Child,
    agent: Agent,
    url: String,
    _folder: TempDir,
}

/// What the engine has used and done since its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) packets_out: f64,
}

impl Engine {
    pub(crate) fn start(kraken: &Path, workers: usize) -> Result<Self> {
        let folder = TempDir::new()?;
        let config = folder.path().join("engine.toml");
        fs::write(
            &config,
            format!("[engine]\naddress = \"127.0.0.1\"\nport = 0\nworkers = {workers}\n"),
        )?;
        let mut child = Command::new(kraken)
            .args(["engine", "--listen", "127.0.0.1:0", "--config"])
            .arg(&config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("can't run {}", kraken.display()))?;
        let output = child.stdout.take().context("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let Some(url) = line.trim().strip_prefix("listening on ") else {
            bail!("the engine doesn't start: {line}");
        };
        let agent = Agent::config_builder().proxy(None).build().into();
        Ok(Self {
            child,
            agent,
            url: url.to_owned(),
            _folder: folder,
        })
    }

    /// Calls a method, and gives the data of its answer.
    pub(crate) fn call(&self, method: &str, params: &Value) -> Result<Value> {
        let body = json!({ "method": method, "params": params }).to_string();
        let answer = self.agent.post(&self.url).send(body)?;
        let answer: Value = serde_json::from_str(&answer.into_body().read_to_string()?)?;
        if let Some(error) = answer.get("error") {
            bail!("{method}: {error}");
        }
        Ok(answer["data"].clone())
    }

    pub(crate) fn usage(&self) -> Result<Usage> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, fields) = stat
            .rsplit_once(')')
            .context("no fields in /proc/PID/stat")?;
        let field = |at: usize| -> Result<f64> {
            let text = fields.split_whitespace().nth(at);
            Ok(text.context("too few fields in /proc/PID/stat")?.parse()?)
        };
        #[expect(clippy::cast_precision_loss, reason = "100 on most machines")]
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let cpu = Duration::from_secs_f64((field(11)? + field(12)?) / ticks);
        Ok(Usage {
            cpu,
            packets_out: self.metric("kraken_engine_packets_out_total")?,
        })
    }

    /// Memory that is in use, in KiB.
    pub(crate) fn resident(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let text = line.and_then(|line| line.split_whitespace().next());
        Ok(text.context("no VmRSS")?.parse()?)
    }

    fn metric(&self, name: &str) -> Result<f64> {
        let answer = self.agent.get(format!("{}/metrics", self.url)).call()?;
        let text = answer.into_body().read_to_string()?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} ")));
        Ok(line.with_context(|| format!("no {name}"))?.parse()?)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
