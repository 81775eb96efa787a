//! The suites.

use crate::command::{Step, cargo};
use crate::{build, component, npm, soak};
use anyhow::Result;

/// Runs a suite; fails if it does.
type Suite = fn() -> Result<()>;

const SUITES: [(&str, Suite); 7] = [
    ("unit", unit),
    ("host", host),
    ("interop", interop),
    ("faults", faults),
    ("calls", calls),
    ("ui", ui),
    ("bench", bench),
];

/// Runs the suites whose name contains `only`, or all.
pub(crate) fn run(only: Option<&str>) -> Result<()> {
    build()?;
    for (name, suite) in SUITES {
        if only.is_none_or(|only| name.contains(only)) {
            suite()?;
        }
    }
    Ok(())
}

/// What has no IO, with overflow checks: core, link, simulation, media routing, recording.
fn unit() -> Result<()> {
    Step::new("test what has no IO").run(cargo().args([
        "test",
        "--package=kraken-core",
        "--package=kraken-link",
        "--package=kraken-sim",
        "--package=kraken-sfu",
        "--package=kraken-recording",
    ]))
}

/// What hosts it: node, sidecar, engine, the command, and what measures the component. And what is
/// hosted, by the tester inside of a node.
fn host() -> Result<()> {
    component::build_tester()?;
    Step::new("test the hosts").run(cargo().args([
        "test",
        "--profile=dist",
        "--package=kraken-node",
        "--package=kraken-sidecar",
        "--package=kraken-engine",
        "--package=kraken-cli",
        "--package=kraken-bench-component",
    ]))
}

/// Real clients from npm against the binary.
fn interop() -> Result<()> {
    let folder = npm::installed("test/interop")?;
    Step::new("check test/interop").run(npm::npm(&folder).args(["run", "check"]))?;
    Step::new("test with real clients").run(npm::npm(&folder).arg("test"))
}

/// Faults and attacks, each for a moment.
fn faults() -> Result<()> {
    let folder = soak::installed()?;
    Step::new("check test/faults").run(npm::npm(&folder).args(["run", "check"]))?;
    Step::new("test faults").run(npm::npm(&folder).arg("test"))
}

/// Group calls in Chromium against the binary.
fn calls() -> Result<()> {
    let folder = npm::installed("test/calls")?;
    Step::new("check test/calls").run(npm::npm(&folder).args(["run", "check"]))?;
    Step::new("test calls in Chromium").run(npm::npm(&folder).arg("test"))
}

/// The client library: by itself, and packed, in real browsers against the binary.
fn ui() -> Result<()> {
    let folder = npm::installed("ui")?;
    for (name, script) in [
        ("lint ui", "lint"),
        ("type-check ui", "typecheck"),
        ("test ui", "test"),
        ("check the package of @kraken/client", "test:package"),
        ("test ui in Chromium", "test:e2e"),
    ] {
        Step::new(name).run(npm::npm(&folder).args(["run", script]))?;
    }
    Ok(())
}

/// That the bench runs, not what it measures.
fn bench() -> Result<()> {
    Step::new("test the load generator").run(cargo().args(["test", "--package=kraken-bench"]))?;
    crate::bench::run(&["--quick".to_owned(), "--server=kraken".to_owned()])?;
    crate::bench::run(&["sfu".to_owned(), "--quick".to_owned()])
}
