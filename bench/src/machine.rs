//! What the machine says and allows: processor time and memory of processes, cores, open files.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores of the servers and those of the load generator. They are disjoint if there are two.
#[derive(Debug, Clone)]
pub(crate) struct Cpus {
    pub(crate) servers: Vec<usize>,
    pub(crate) generator: Vec<usize>,
}

impl Cpus {
    /// Halves the cores that this process may use; the servers get the first half.
    pub(crate) fn split() -> Result<Self> {
        let allowed = sched_getaffinity(None).context("reading the allowed cores")?;
        let all: Vec<usize> = (0..CpuSet::MAX_CPU)
            .filter(|&cpu| allowed.is_set(cpu))
            .collect();
        let (servers, generator) = all.split_at(all.len() / 2);
        if servers.is_empty() {
            return Ok(Self {
                servers: all.clone(),
                generator: all,
            });
        }
        Ok(Self {
            servers: servers.to_vec(),
            generator: generator.to_vec(),
        })
    }

    /// One worker per core of the generator.
    pub(crate) fn generator_threads(&self) -> usize {
        self.generator.len()
    }

    /// Keeps this thread, and those that it starts, on the generator's cores.
    pub(crate) fn pin_generator(&self) -> Result<()> {
        pin(&self.generator)
    }

    /// Runs `spawn` on the servers' cores: a process that it starts stays there.
    pub(crate) fn as_server<T>(&self, spawn: impl FnOnce() -> T) -> Result<T> {
        pin(&self.servers)?;
        let spawned = spawn();
        self.pin_generator()?;
        Ok(spawned)
    }
}

fn pin(cpus: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    for &cpu in cpus {
        set.set(cpu);
    }
    sched_setaffinity(None, &set).context("choosing the cores")
}

/// Allows as many open files as possible, here and in the processes started from here.
pub(crate) fn raise_open_files() {
    let limits = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: limits.maximum,
        maximum: limits.maximum,
    };
    // What it stays at then shows when a connection fails.
    _ = setrlimit(Resource::Nofile, wanted);
}

/// What a process and all its descendants have used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// User and system time since their start, in steps of the kernel's clock tick (10 ms).
    pub(crate) cpu: Duration,
    /// Resident memory, in bytes.
    pub(crate) rss: u64,
}

impl Usage {
    /// Reads `/proc` for the process `root` and its descendants.
    pub(crate) fn of(root: u32) -> Result<Self> {
        let processes = processes()?;
        let mut tree = vec![root];
        let mut total = Self::default();
        while let Some(pid) = tree.pop() {
            let Some(process) = processes.get(&pid) else {
                if pid == root {
                    return Err(anyhow!("the server process {root} is gone"));
                }
                continue;
            };
            total.cpu += process.cpu;
            total.rss += resident(pid);
            tree.extend(
                processes
                    .iter()
                    .filter(|(_, other)| other.parent == pid)
                    .map(|(&pid, _)| pid),
            );
        }
        Ok(total)
    }
}

#[derive(Debug)]
struct Process {
    parent: u32,
    cpu: Duration,
}

fn processes() -> Result<BTreeMap<u32, Process>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").context("reading /proc")? {
        let name = entry.context("reading /proc")?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process may end meanwhile.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        if let Some(process) = parse_stat(&stat) {
            found.insert(pid, process);
        }
    }
    Ok(found)
}

/// Parses `/proc/PID/stat`: after the name in brackets come state, parent and, as the 12th and
/// 13th from there, user and system time.
fn parse_stat(stat: &str) -> Option<Process> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let parent = fields.nth(1)?.parse().ok()?;
    let user: u64 = fields.nth(9)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let millis_per_tick = 1_000 / rustix::param::clock_ticks_per_second().max(1);
    Some(Process {
        parent,
        cpu: Duration::from_millis((user + system) * millis_per_tick),
    })
}

fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kibibytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1_024
}

/// The processor's name, for the report.
pub(crate) fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| "unknown".to_owned(), |(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_with_brackets_in_its_name_is_read() {
        let line = "42 (a) b) S 7 42 42 0 -1 4194304 100 0 0 0 12 3 0 0 20 0 1 0 9 0 0";
        let process = parse_stat(line).unwrap();
        assert_eq!(process.parent, 7);
        assert_eq!(process.cpu, Duration::from_millis(150));
    }

    #[test]
    fn this_process_has_memory() {
        assert!(Usage::of(std::process::id()).unwrap().rss > 0);
    }
}
