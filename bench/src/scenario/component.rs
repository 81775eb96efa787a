//! The component in its host beside the same core natively, by a program of its own.

use std::sync::Arc;

use anyhow::Result;
use serde::Deserialize;

use crate::plan::Plan;
use crate::report::Metric;
use crate::servers::Launcher;

pub(crate) struct Component {
    launcher: Arc<Launcher>,
    edits: usize,
}

/// What the program prints.
#[derive(Deserialize)]
struct Costs {
    component: Cost,
    native: Cost,
}

/// Microseconds of processor time for an edit.
#[derive(Deserialize)]
struct Cost {
    /// In a frame of its own.
    alone: f64,
    /// With 63 others in a frame.
    together: f64,
}

impl Component {
    pub(crate) fn new(plan: &Plan, launcher: &Arc<Launcher>) -> Self {
        Self {
            launcher: Arc::clone(launcher),
            edits: plan.component_edits,
        }
    }

    pub(crate) async fn run(&self) -> Result<Vec<Metric>> {
        let printed = self.launcher.compare_component(self.edits).await?;
        let Costs { component, native } = serde_json::from_slice(&printed)?;
        let together = component.together / native.together;
        let alone = component.alone / native.alone;
        Ok(vec![
            Metric::less_is_better("64 a frame, CPU us/edit", component.together),
            Metric::less_is_better("64 a frame, natively", native.together),
            Metric::less_is_better("64 a frame, ratio", together),
            Metric::less_is_better("1 a frame, CPU us/edit", component.alone),
            Metric::less_is_better("1 a frame, natively", native.alone),
            Metric::less_is_better("1 a frame, ratio", alone),
        ])
    }
}
