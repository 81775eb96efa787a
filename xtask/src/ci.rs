//! What must hold before anything lands.

use crate::command::{Step, cargo, output, root};
use crate::dependencies::Unchecked;
use crate::{component, dependencies, tests};
use anyhow::{Context, Result, bail};
use std::fs;
use wasmparser::{Parser, Payload};

/// Crates that only exist where there is IO. Nothing without IO may depend on them.
const IO_CRATES: [&str; 10] = [
    "axum",
    "hyper",
    "kinode_process_lib",
    "mio",
    "reqwest",
    "rusqlite",
    "socket2",
    "tokio",
    "tracing",
    "wasmtime",
];

/// What the component may import: the node, and the parts of WASI that the standard library uses.
const IMPORTS: [&str; 6] = [
    "kinode:process/standard@1.0.0",
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
];

/// Checks everything, then runs every suite.
pub(crate) fn run() -> Result<()> {
    Step::new("format").run(cargo().args(["fmt", "--all", "--check"]))?;
    check_text()?;
    check_boundaries()?;
    check_imports()?;
    let unchecked = dependencies::check()?;
    Step::new("lint the hosts").run(
        cargo()
            .args([
                "clippy",
                "--workspace",
                "--exclude=kraken",
                "--all-targets",
                "--locked",
            ])
            .args(["--", "-D", "warnings"]),
    )?;
    Step::new("lint the process").run(
        cargo()
            .args([
                "clippy",
                "--release",
                "--package=kraken",
                "--target=wasm32-wasip1",
            ])
            .args(["--target-dir=kraken/target", "--", "-D", "warnings"]),
    )?;
    lint_tester()?;
    Step::new("docs").run(
        cargo()
            .args([
                "doc",
                "--workspace",
                "--exclude=kraken",
                "--no-deps",
                "--locked",
            ])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    tests::run(None)?;
    unchecked.iter().for_each(Unchecked::say);
    Ok(())
}

/// The package that tests Kraken inside of a node is a workspace of its own.
fn lint_tester() -> Result<()> {
    component::build_tester()?;
    let cargo = || {
        let mut cargo = cargo();
        cargo.current_dir(root().join("test/kraken-test"));
        cargo
    };
    Step::new("format of the tester").run(cargo().args(["fmt", "--all", "--check"]))?;
    Step::new("lint the tester").run(
        cargo()
            .args([
                "clippy",
                "--release",
                "--target=wasm32-wasip1",
                "--target-dir",
            ])
            .arg(root().join("kraken/target"))
            .args(["--", "-D", "warnings"]),
    )
}

/// The crates without IO have none below them either.
fn check_boundaries() -> Result<()> {
    let step = Step::new("boundaries: core, call, link, sfu and recording have no IO");
    // str0m tells what it does through `tracing`, which is no IO unless somebody listens.
    let packages = [
        ("kraken-core", None),
        ("kraken-call", None),
        ("kraken-link", None),
        ("kraken-sfu", Some("tracing")),
        ("kraken-recording", None),
    ];
    for (package, harmless) in packages {
        let tree = output(cargo().args([
            "tree",
            "--package",
            package,
            "--edges=normal",
            "--prefix=none",
            "--format={p}",
        ]))?;
        let stray = tree
            .lines()
            .filter_map(|line| line.split(' ').next())
            .find(|name| IO_CRATES.contains(name) && Some(*name) != harmless);
        if let Some(stray) = stray {
            bail!("{package} depends on {stray}");
        }
    }
    step.run(
        cargo()
            .args([
                "build",
                "--release",
                "--target=wasm32-wasip1",
                "--target-dir=kraken/target",
            ])
            .args(["--package=kraken-core", "--package=kraken-link"]),
    )
}

/// The component asks its host for nothing that a Kinode node doesn't have.
fn check_imports() -> Result<()> {
    let component = fs::read(component::build()?)?;
    for payload in Parser::new(0).parse_all(&component) {
        let Payload::ComponentImportSection(imports) = payload? else {
            continue;
        };
        for import in imports {
            let name = import?.name.name.to_owned();
            if !IMPORTS.iter().any(|allowed| name.starts_with(allowed)) {
                bail!("the component imports {name}");
            }
        }
    }
    Ok(())
}

/// Rules for text that no other tool checks: every Rust module says what it is, and every rule of
/// SPEC.md is held by a test whose name its id begins.
fn check_text() -> Result<()> {
    let files = output(std::process::Command::new("git").current_dir(root()).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "*.rs",
        "*.js",
        "*.ts",
    ]))?;
    let mut sources = String::new();
    for file in files.lines() {
        let Ok(text) = fs::read_to_string(root().join(file)) else {
            continue;
        };
        // What a module of tests is for stands where it is declared.
        let is_test = file.contains("/tests/");
        if file.ends_with(".rs") && !is_test && !text.starts_with("//!") {
            bail!("{file} doesn't begin with `//!`: what is it?");
        }
        sources.push_str(&text);
    }
    let spec = fs::read_to_string(root().join("SPEC.md")).context("no SPEC.md")?;
    for id in rule_ids(&spec) {
        let (rust, script) = (format!("fn {}_", id.to_lowercase()), format!("{id}: "));
        if !sources.contains(&rust) && !sources.contains(&script) {
            bail!("SPEC.md: no test begins with the id of rule {id}");
        }
    }
    Ok(())
}

/// Ids of rules: what stands in bold at the start of a list item, as in `- **AW1** …`.
fn rule_ids(spec: &str) -> impl Iterator<Item = &str> {
    spec.lines()
        .filter_map(|line| line.strip_prefix("- **")?.split_once("**"))
        .map(|(id, _)| id)
}
