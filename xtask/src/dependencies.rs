//! What others have written: licences, sources, versions, and what is known to be wrong with it.
//!
//! Advisories are somewhere else than crates and packages. Where they can't be asked for, that is
//! said, and nothing else is held up by it.

use crate::command::{Step, cargo, output, root};
use crate::npm;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::PathBuf;
use std::process::Command;

/// The version of cargo-deny that reads `deny.toml`.
const CARGO_DENY: &str = "0.20.2";
/// Where it is, for this project alone.
const TOOLS: &str = "target/tools";

/// Every folder with a lock file of npm.
const NPM_FOLDERS: [&str; 5] = [
    "ui",
    "test/interop",
    "test/faults",
    "test/calls",
    "bench/peers",
];
/// From which severity on an advisory about a package of npm fails.
const NPM_LEVEL: &str = "high";

/// Something that could not be looked at, and why.
pub(crate) struct Unchecked(String);

impl Unchecked {
    fn new(what: &str, why: &str) -> Self {
        let unchecked = Self(format!("{what}: {why}"));
        unchecked.say();
        unchecked
    }

    /// Says that nobody may take this for checked.
    pub(crate) fn say(&self) {
        eprintln!("── NOT CHECKED: {}", self.0);
    }
}

/// Checks all dependencies; what could not be checked here.
pub(crate) fn check() -> Result<Vec<Unchecked>> {
    let deny = installed_deny()?;
    let deny = || {
        let mut command = Command::new(&deny);
        command.current_dir(root()).arg("--locked");
        command
    };
    Step::new("licences, sources and versions of crates")
        .run(deny().args(["check", "licenses", "sources", "bans"]))?;
    let mut unchecked: Vec<_> = check_advisories(deny)?.into_iter().collect();
    for folder in NPM_FOLDERS {
        unchecked.extend(audit(folder)?);
    }
    Ok(unchecked)
}

/// Looks for advisories about crates.
fn check_advisories(deny: impl Fn() -> Command) -> Result<Option<Unchecked>> {
    if let Err(error) = output(deny().args(["fetch", "db"])) {
        let error = error.to_string();
        let why = error.lines().last().unwrap_or_default();
        return Ok(Some(Unchecked::new("advisories about crates", why)));
    }
    Step::new("advisories about crates").run(deny().args(["check", "advisories"]))?;
    Ok(None)
}

/// cargo-deny, built if it isn't there: not as its own profile has it, which is for releases and takes
/// far longer.
fn installed_deny() -> Result<PathBuf> {
    let tools = root().join(TOOLS);
    let program = tools.join("bin/cargo-deny");
    let version = output(Command::new(&program).arg("--version"));
    if version.is_ok_and(|version| version.ends_with(CARGO_DENY)) {
        return Ok(program);
    }
    Step::new(format!("install cargo-deny {CARGO_DENY} in {TOOLS}")).run(
        cargo()
            .args(["install", "cargo-deny", "--locked", "--version", CARGO_DENY])
            .arg("--root")
            .arg(&tools)
            .arg("--target-dir")
            .arg(tools.join("target"))
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
    )?;
    Ok(program)
}

/// What `npm audit --json` says: a report, or why there is none.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Audit {
    audit_report_version: Option<u32>,
    message: Option<String>,
}

/// Looks for advisories about the packages of a folder.
fn audit(folder: &str) -> Result<Option<Unchecked>> {
    let what = format!("advisories about the packages of {folder}");
    let step = Step::new(&what);
    let level = format!("--audit-level={NPM_LEVEL}");
    let arguments = ["audit", "--package-lock-only", &level];
    let mut npm = npm::npm(&root().join(folder));
    let answer = npm.args(arguments).arg("--json").output();
    let answer = answer.context("npm is needed: https://nodejs.org")?;
    let Ok(report) = serde_json::from_slice::<Audit>(&answer.stdout) else {
        let why = "npm says something else than JSON";
        return Ok(Some(Unchecked::new(&what, why)));
    };
    match (report.audit_report_version, answer.status.success()) {
        (Some(_), true) => Ok(None),
        // Fails again, in words for people.
        (Some(_), false) => {
            let mut npm = npm::npm(&root().join(folder));
            step.run(npm.args(arguments)).map(|()| None)
        }
        (None, _) => {
            let why = report.message.unwrap_or_default();
            Ok(Some(Unchecked::new(&what, &why)))
        }
    }
}
