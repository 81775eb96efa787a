//! How cost grows: a scenario at three sizes, and the line `a + b n` through each figure.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::plan::{Plan, TRACE_EDITS};
use crate::report::{Failure, Outcome, failures, rows, shorten};
use crate::scenario::Scenario;
use crate::servers::Kind;

/// A scenario with something that grows.
#[derive(Debug)]
pub(crate) struct Growth {
    pub(crate) scenario: Scenario,
    /// What there is more and more of.
    of: &'static str,
    sizes: [usize; 3],
    set: fn(&mut Plan, usize),
}

const DOCUMENTS: [usize; 3] = [TRACE_EDITS / 16, TRACE_EDITS / 4, TRACE_EDITS];
/// Further than this from one of the values, relative to it, a line says nothing.
const WORST_FIT: f64 = 0.25;
/// A quick run's sizes are this much smaller.
const QUICK: usize = 5;

/// All of them.
pub(crate) const GROWTHS: &[Growth] = &[
    Growth {
        scenario: Scenario::FanOut64,
        of: "clients",
        sizes: [10, 50, 200],
        set: |plan, clients| plan.fan_out_clients = clients,
    },
    Growth {
        scenario: Scenario::Rooms,
        of: "rooms",
        sizes: [50, 500, 2_000],
        set: |plan, rooms| plan.rooms = rooms,
    },
    Growth {
        scenario: Scenario::LateJoin,
        of: "edits",
        sizes: DOCUMENTS,
        set: |plan, edits| plan.trace_edits = edits,
    },
    Growth {
        scenario: Scenario::ColdStart,
        of: "edits",
        sizes: DOCUMENTS,
        set: |plan, edits| plan.trace_edits = edits,
    },
];

impl Growth {
    pub(crate) fn title(&self, size: usize) -> String {
        format!("{size} {}:", self.of)
    }

    /// The plan of each size.
    pub(crate) fn plans(&self, plan: &Plan, quick: bool) -> [(usize, Plan); 3] {
        self.sizes.map(|size| {
            let size = if quick { size / QUICK } else { size };
            let mut plan = plan.clone();
            (self.set)(&mut plan, size);
            (size, plan)
        })
    }
}

/// What was measured of one growth, by size.
#[derive(Debug)]
pub(crate) struct Grown {
    growth: &'static Growth,
    by_size: BTreeMap<usize, BTreeMap<Kind, Vec<Outcome>>>,
}

/// A figure of one server at all sizes.
#[derive(Debug, Serialize)]
struct Line {
    server: &'static str,
    metric: &'static str,
    /// By size; a size that failed is missing.
    values: BTreeMap<usize, f64>,
    /// Absent for what is no cost, and for what does not grow along a line.
    fit: Option<Fit>,
}

/// `a + b n`, with the least relative errors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Fit {
    a: f64,
    b: f64,
    /// How far it is from the worst value, relative to that.
    worst_error: f64,
}

#[derive(Debug, Serialize)]
struct Section {
    scenario: &'static str,
    of: &'static str,
    lines: Vec<Line>,
    failures: Vec<Failure>,
}

impl Grown {
    pub(crate) fn new(growth: &'static Growth) -> Self {
        Self {
            growth,
            by_size: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, size: usize, kind: Kind, outcome: Outcome) {
        let outcomes = self.by_size.entry(size).or_default();
        outcomes.entry(kind).or_default().push(outcome);
    }

    fn section(&self) -> Section {
        Section {
            scenario: self.growth.scenario.name(),
            of: self.growth.of,
            lines: self.lines(),
            failures: self.by_size.values().flat_map(failures).collect(),
        }
    }

    fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        let mut costs = Vec::new();
        for (&size, outcomes) in &self.by_size {
            for row in rows(outcomes) {
                for (&server, &value) in &row.values {
                    let known = lines
                        .iter()
                        .position(|line| (line.server, line.metric) == (server, row.metric));
                    let index = known.unwrap_or_else(|| {
                        costs.push(!row.more_is_better);
                        lines.push(Line {
                            server,
                            metric: row.metric,
                            values: BTreeMap::new(),
                            fit: None,
                        });
                        lines.len() - 1
                    });
                    lines[index].values.insert(size, value);
                }
            }
        }
        for (line, is_cost) in lines.iter_mut().zip(costs) {
            line.fit = is_cost.then(|| Fit::through(&line.values)).flatten();
        }
        lines.sort_by_key(|line| line.server);
        lines
    }
}

impl Fit {
    fn through(values: &BTreeMap<usize, f64>) -> Option<Self> {
        if values.len() < 2 || values.values().any(|&value| value <= 0.0) {
            return None;
        }
        // Least squares of (a + b n) / value - 1.
        let (mut uu, mut uv, mut vv, mut u1, mut v1) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (&n, &value) in values {
            let (u, v) = (1.0 / value, n as f64 / value);
            uu += u * u;
            uv += u * v;
            vv += v * v;
            u1 += u;
            v1 += v;
        }
        let determinant = uu * vv - uv * uv;
        let a = (u1 * vv - v1 * uv) / determinant;
        let b = (uu * v1 - uv * u1) / determinant;
        let error = |(&n, &value): (&usize, &f64)| ((a + b * n as f64) / value - 1.0).abs();
        let worst_error = values.iter().map(error).reduce(f64::max)?;
        let fit = Self { a, b, worst_error };
        (worst_error <= WORST_FIT).then_some(fit)
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.b < 0.0 { '-' } else { '+' };
        let (a, b) = (significant(self.a), significant(self.b.abs()));
        write!(
            f,
            "{a} {sign} {b} n (off by {:.0} %)",
            self.worst_error * 100.0
        )
    }
}

/// Whether no run failed.
pub(crate) fn all_passed(all: &[Grown]) -> bool {
    all.iter().all(|grown| grown.section().failures.is_empty())
}

pub(crate) fn write_json(all: &[Grown], out: &mut impl Write) -> Result<()> {
    let sections: Vec<Section> = all.iter().map(Grown::section).collect();
    serde_json::to_writer_pretty(&mut *out, &sections).context("writing the report")?;
    writeln!(out).context("writing the report")
}

pub(crate) fn write_table(all: &[Grown], out: &mut impl Write) -> Result<()> {
    for section in all.iter().map(Grown::section) {
        write_section(&section, out).context("writing the report")?;
    }
    Ok(())
}

fn write_section(section: &Section, out: &mut impl Write) -> std::io::Result<()> {
    let Section {
        scenario,
        of,
        lines,
        failures,
    } = section;
    writeln!(out, "\n{scenario}, n {of}")?;
    for line in lines {
        let (server, metric) = (line.server, line.metric);
        write!(out, "  {server:<20}{metric:<28}")?;
        for (size, value) in &line.values {
            write!(out, "{:>18}", format!("{size}: {}", shorten(*value)))?;
        }
        match line.fit {
            Some(fit) => writeln!(out, "   {fit}")?,
            None => writeln!(out)?,
        }
    }
    for failure in failures {
        writeln!(out, "  FAILED {failure}")?;
    }
    Ok(())
}

/// Three digits that matter, however small.
fn significant(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = 2 - value.abs().log10().floor() as i32;
    format!("{value:.*}", usize::try_from(digits).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        let values = [10, 50, 200].map(|n| (n, 3.0 + 0.25 * n as f64));
        let fit = Fit::through(&BTreeMap::from(values)).unwrap();
        assert!((fit.a - 3.0).abs() < 1e-9 && (fit.b - 0.25).abs() < 1e-9);
        assert_eq!(fit.to_string(), "3.00 + 0.250 n (off by 0 %)");
    }

    #[test]
    fn one_value_nothing_and_a_curve_make_no_line() {
        assert_eq!(Fit::through(&BTreeMap::from([(10, 3.0)])), None);
        assert_eq!(Fit::through(&BTreeMap::from([(10, 3.0), (20, 0.0)])), None);
        let curve = [10, 50, 200].map(|n| (n, 1.0 / n as f64));
        assert_eq!(Fit::through(&BTreeMap::from(curve)), None);
    }

    #[test]
    fn small_numbers_keep_their_digits() {
        let shown = [0.0, 0.000_321_4, 4.567, 1_234.5].map(significant);
        assert_eq!(shown, ["0", "0.000321", "4.57", "1234"]);
    }
}
