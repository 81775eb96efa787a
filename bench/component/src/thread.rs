//! Processor time of a thread of this process.

use std::time::Duration;

use anyhow::{Context as _, Result};

/// What the threads of this name have used, to the nanosecond.
pub(crate) fn cpu(name: &str) -> Result<Duration> {
    let mut total = None;
    for entry in std::fs::read_dir("/proc/self/task").context("reading /proc")? {
        let task = entry.context("reading /proc")?.path();
        // A thread may end meanwhile.
        let Ok(comm) = std::fs::read_to_string(task.join("comm")) else {
            continue;
        };
        if comm.trim_end() == name {
            let schedstat = std::fs::read_to_string(task.join("schedstat"));
            let schedstat = schedstat.context("reading a thread's time")?;
            let nanos = schedstat.split(' ').next().unwrap_or_default();
            let nanos = nanos.parse().context("reading a thread's time")?;
            *total.get_or_insert(Duration::ZERO) += Duration::from_nanos(nanos);
        }
    }
    total.with_context(|| format!("there is no thread named {name}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_thread_that_works_uses_time() {
        let work = || {
            let before = super::cpu("worker").unwrap();
            while super::cpu("worker").unwrap() == before {}
        };
        let worker = std::thread::Builder::new().name("worker".to_owned());
        worker.spawn(work).unwrap().join().unwrap();
        assert!(super::cpu("worker").is_err());
    }
}
