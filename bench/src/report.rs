//! Figures of runs to medians, all of it to a table or JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::aims::{AIMS, Figures};
use crate::machine::{self, Cpus};
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::servers::Kind;

/// A figure of one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Metric {
    name: &'static str,
    value: f64,
    more_is_better: bool,
}

impl Metric {
    pub(crate) fn more_is_better(name: &'static str, value: f64) -> Self {
        Self {
            name,
            value,
            more_is_better: true,
        }
    }

    pub(crate) fn less_is_better(name: &'static str, value: f64) -> Self {
        Self {
            name,
            value,
            more_is_better: false,
        }
    }
}

/// How one run ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Passed(Vec<Metric>),
    /// Why it failed, lost content among the reasons.
    Failed(String),
}

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Report {
    quick: bool,
    plan: Plan,
    runs: u32,
    machine: Machine,
    outcomes: BTreeMap<Scenario, BTreeMap<Kind, Vec<Outcome>>>,
}

#[derive(Debug, Serialize)]
struct Machine {
    processor: String,
    server_cpus: Vec<usize>,
    generator_cpus: Vec<usize>,
}

/// A line of the table: one figure on all servers.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) metric: &'static str,
    pub(crate) more_is_better: bool,
    pub(crate) values: BTreeMap<&'static str, f64>,
    /// Kraken's figure by the best peer's; absent if either was not run.
    ratio_to_best_peer: Option<f64>,
    aims: Vec<Judged>,
}

/// An aim, and whether it was met.
#[derive(Debug, Serialize)]
struct Judged {
    aim: String,
    /// Absent if a server was not run that it is about.
    is_met: Option<bool>,
}

#[derive(Debug, Serialize)]
struct Section {
    scenario: &'static str,
    title: String,
    rows: Vec<Row>,
    failures: Vec<Failure>,
}

/// A run that failed, or something else that must not be.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    server: &'static str,
    why: String,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    quick: bool,
    runs: u32,
    machine: &'a Machine,
    scenarios: Vec<Section>,
}

impl Report {
    pub(crate) fn new(quick: bool, plan: Plan, runs: u32, cpus: &Cpus) -> Self {
        let machine = Machine {
            processor: machine::processor(),
            server_cpus: cpus.servers.clone(),
            generator_cpus: cpus.generator.clone(),
        };
        Self {
            quick,
            plan,
            runs,
            machine,
            outcomes: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, scenario: Scenario, kind: Kind, outcome: Outcome) {
        self.outcomes
            .entry(scenario)
            .or_default()
            .entry(kind)
            .or_default()
            .push(outcome);
    }

    /// Whether nothing failed.
    pub(crate) fn all_passed(&self) -> bool {
        let sections = self.sections();
        sections.iter().all(|section| section.failures.is_empty())
    }

    pub(crate) fn write_json(&self, out: &mut impl Write) -> Result<()> {
        let document = Document {
            quick: self.quick,
            runs: self.runs,
            machine: &self.machine,
            scenarios: self.sections(),
        };
        serde_json::to_writer_pretty(&mut *out, &document).context("writing the report")?;
        writeln!(out).context("writing the report")
    }

    pub(crate) fn write_table(&self, out: &mut impl Write) -> Result<()> {
        self.write_lines(out).context("writing the report")
    }

    fn write_lines(&self, out: &mut impl Write) -> std::io::Result<()> {
        let Machine {
            processor,
            server_cpus,
            generator_cpus,
        } = &self.machine;
        writeln!(
            out,
            "{processor}; servers on CPU {server_cpus:?}, load generator on {generator_cpus:?}"
        )?;
        writeln!(
            out,
            "medians of {} run(s){}",
            self.runs,
            if self.quick { ", quick" } else { "" }
        )?;
        for section in self.sections() {
            writeln!(out, "\n{}: {}", section.scenario, section.title)?;
            write!(out, "  {:<28}", "")?;
            let kinds = Kind::ALL.iter().map(|kind| kind.name());
            let shown: Vec<&str> = kinds
                .filter(|name| section.rows.iter().any(|row| row.values.contains_key(name)))
                .collect();
            for name in &shown {
                write!(out, "{name:>20}")?;
            }
            writeln!(out, "{:>20}", "kraken/best peer")?;
            for row in &section.rows {
                write!(out, "  {:<28}", row.metric)?;
                for name in &shown {
                    let value = row
                        .values
                        .get(name)
                        .map_or_else(|| "-".to_owned(), |&value| shorten(value));
                    write!(out, "{value:>20}")?;
                }
                let ratio = row
                    .ratio_to_best_peer
                    .map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
                let direction = if row.more_is_better {
                    "(more is better)"
                } else {
                    ""
                };
                writeln!(out, "{ratio:>20} {direction}")?;
                for judged in &row.aims {
                    writeln!(out, "      {judged}")?;
                }
            }
            for failure in &section.failures {
                writeln!(out, "  FAILED {failure}")?;
            }
        }
        Ok(())
    }

    fn sections(&self) -> Vec<Section> {
        let section = |(&scenario, outcomes): (&Scenario, &BTreeMap<Kind, Vec<Outcome>>)| {
            let mut rows = rows(outcomes);
            let mut failures = failures(outcomes);
            failures.extend(judge(scenario, &mut rows));
            Section {
                scenario: scenario.name(),
                title: scenario.title(&self.plan),
                rows,
                failures,
            }
        };
        self.outcomes.iter().map(section).collect()
    }
}

/// Adds the aims to the rows. An aim for a figure that there is not is a mistake in the bench.
fn judge(scenario: Scenario, rows: &mut [Row]) -> Vec<Failure> {
    let mut failures = Vec::new();
    if rows.is_empty() {
        return failures;
    }
    for &(_, metric, aim) in AIMS.iter().filter(|(of, ..)| *of == scenario) {
        match rows.iter_mut().find(|row| row.metric == metric) {
            Some(row) => row.aims.push(Judged {
                aim: aim.to_string(),
                is_met: aim.is_met(row.figures()),
            }),
            None => failures.push(Failure {
                server: Kind::Kraken.name(),
                why: format!("there is an aim for `{metric}`, and no such figure"),
            }),
        }
    }
    failures
}

/// The figures of all servers, medians of their runs.
pub(crate) fn rows(outcomes: &BTreeMap<Kind, Vec<Outcome>>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (&kind, runs) in outcomes {
        let passed: Vec<&Vec<Metric>> = runs
            .iter()
            .filter_map(|run| match run {
                Outcome::Passed(metrics) => Some(metrics),
                Outcome::Failed(_) => None,
            })
            .collect();
        let Some(first) = passed.first() else {
            continue;
        };
        for (
            index,
            &Metric {
                name,
                more_is_better,
                ..
            },
        ) in first.iter().enumerate()
        {
            let values = passed.iter().map(|metrics| metrics[index].value).collect();
            if rows.len() == index {
                rows.push(Row {
                    metric: name,
                    more_is_better,
                    values: BTreeMap::new(),
                    ratio_to_best_peer: None,
                    aims: Vec::new(),
                });
            }
            rows[index].values.insert(kind.name(), median(values));
        }
    }
    for row in &mut rows {
        row.ratio_to_best_peer = row.ratio();
    }
    rows
}

impl Row {
    fn figures(&self) -> Figures {
        let of = |kind: Kind| self.values.get(kind.name()).copied();
        let peers = Kind::ALL.iter().filter(|kind| kind.is_peer());
        let better = match self.more_is_better {
            true => f64::max,
            false => f64::min,
        };
        Figures {
            kraken: of(Kind::Kraken),
            best_peer: peers.filter_map(|&kind| of(kind)).reduce(better),
            relay: of(Kind::Relay),
        }
    }

    fn ratio(&self) -> Option<f64> {
        let figures = self.figures();
        let best = figures.best_peer.filter(|&best| best > 0.0)?;
        Some(figures.kraken? / best)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.server, self.why)
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.is_met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "not judged",
        };
        write!(f, "aim: {}: {verdict}", self.aim)
    }
}

pub(crate) fn failures(outcomes: &BTreeMap<Kind, Vec<Outcome>>) -> Vec<Failure> {
    let of_kind = |(&kind, runs): (&Kind, &Vec<Outcome>)| {
        let why = runs.iter().filter_map(|run| match run {
            Outcome::Passed(_) => None,
            Outcome::Failed(why) => Some(Failure {
                server: kind.name(),
                why: why.clone(),
            }),
        });
        why.collect::<Vec<_>>()
    };
    outcomes.iter().flat_map(of_kind).collect()
}

/// The middle value, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// Three digits that matter.
pub(crate) fn shorten(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(value: f64) -> Outcome {
        Outcome::Passed(vec![Metric::less_is_better("p50", value)])
    }

    #[test]
    fn the_ratio_is_to_the_best_peer_and_not_to_the_floor() {
        let outcomes = BTreeMap::from([
            (Kind::Kraken, vec![passed(2.0), passed(30.0), passed(4.0)]),
            (Kind::YWebsocketServer, vec![passed(16.0)]),
            (Kind::Hocuspocus, vec![passed(8.0)]),
            (Kind::Relay, vec![passed(1.0)]),
        ]);
        let rows = rows(&outcomes);
        assert_eq!(rows[0].values["kraken"], 4.0);
        assert_eq!(rows[0].ratio_to_best_peer, Some(0.5));
    }

    #[test]
    fn a_failed_run_fails_the_report() {
        let cpus = Cpus {
            servers: vec![0],
            generator: vec![1],
        };
        let plan = Plan::new(true, "trace".into());
        let mut report = Report::new(true, plan, 1, &cpus);
        report.add(Scenario::Store, Kind::Kraken, passed(1.0));
        assert!(report.all_passed());
        report.add(
            Scenario::Store,
            Kind::Relay,
            Outcome::Failed("lost".to_owned()),
        );
        assert!(!report.all_passed());
        let mut table = Vec::new();
        report.write_table(&mut table).unwrap();
        assert!(
            String::from_utf8(table)
                .unwrap()
                .contains("FAILED relay: lost")
        );
    }

    #[test]
    fn an_aim_is_judged_beside_its_figure_and_never_forgotten() {
        let aimed = |value| Outcome::Passed(vec![Metric::less_is_better("all synced, ms", value)]);
        for (value, is_met) in [(1_500.0, true), (1_501.0, false)] {
            let mut rows = rows(&BTreeMap::from([(Kind::Kraken, vec![aimed(value)])]));
            assert!(judge(Scenario::Rejoin, &mut rows).is_empty());
            assert_eq!(rows[0].aims[0].is_met, Some(is_met));
        }
        let mut without = rows(&BTreeMap::from([(Kind::Kraken, vec![passed(1.0)])]));
        assert_eq!(judge(Scenario::Rejoin, &mut without).len(), 1);
    }
}
