//! The keystrokes of a real paper of 100 kB, as updates, one for each keystroke.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use flate2::bufread::GzDecoder;
use serde::Deserialize;

use crate::edits::{Pile, Typist, replica_of};

/// The client id of the paper's only writer.
pub(crate) const WRITER: u64 = 0x51_7e_c0_de;

/// A replayed trace.
pub(crate) struct Trace {
    /// One update per edit, and a last one that is no part of the text.
    pub(crate) updates: Pile,
    /// The writer's clock after each of them.
    pub(crate) clocks: Vec<u32>,
    /// What the text is in the end.
    pub(crate) text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    start_content: String,
    end_content: String,
    txns: Vec<Transaction>,
}

#[derive(Deserialize)]
struct Transaction {
    patches: Vec<(u32, u32, String)>,
}

impl Trace {
    /// Replays the first `edits` of the trace in the file.
    pub(crate) fn replay(path: &Path, edits: usize) -> Result<Self> {
        let document = read(path).with_context(|| format!("reading {}", path.display()))?;
        ensure!(
            document.start_content.is_empty(),
            "the trace begins with content"
        );
        let mut typist = Typist::new(WRITER);
        let mut updates = Pile::default();
        let mut clocks = Vec::new();
        let mut patches = document
            .txns
            .iter()
            .flat_map(|transaction| &transaction.patches);
        for (index, removed, inserted) in patches.by_ref().take(edits) {
            updates.push(&typist.splice(*index, *removed, inserted));
            clocks.push(typist.clock());
        }
        let text = typist.text();
        ensure!(
            patches.next().is_some() || text == document.end_content,
            "the replayed trace is not what it should be",
        );
        updates.push(&typist.mark());
        clocks.push(typist.clock());
        Ok(Self {
            updates,
            clocks,
            text,
        })
    }

    /// How many edits, from the first one, a state holds. One that holds others, or lacks some in
    /// between, is an error.
    pub(crate) fn edits_in(&self, state: &[u8]) -> Result<usize> {
        let kept = replica_of([state])?;
        let (clock, text) = (kept.clock(WRITER), kept.text());
        let at_least = self.clocks.partition_point(|&after| after < clock);
        let at_most = self.clocks.partition_point(|&after| after <= clock);
        // Deletions move no clock: which of them are kept is seen by the text alone.
        let mut replica = replica_of(self.updates.iter().take(at_least))?;
        for edits in at_least..=at_most {
            if replica.clock(WRITER) == clock && replica.text() == text {
                return Ok(edits);
            }
            if edits < at_most {
                replica.apply(self.updates.get(edits))?;
            }
        }
        bail!("what is there is no beginning of what was typed")
    }
}

fn read(path: &Path) -> Result<Document> {
    let file = BufReader::new(File::open(path)?);
    Ok(serde_json::from_reader(BufReader::new(GzDecoder::new(
        file,
    )))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace() -> Trace {
        let mut typist = Typist::new(WRITER);
        let (mut updates, mut clocks) = (Pile::default(), Vec::new());
        for (index, removed, inserted) in [
            (0, 0, "a"),
            (1, 0, "bc"),
            (0, 1, ""),
            (0, 1, ""),
            (1, 0, "d"),
        ] {
            updates.push(&typist.splice(index, removed, inserted));
            clocks.push(typist.clock());
        }
        Trace {
            updates,
            clocks,
            text: typist.text(),
        }
    }

    #[test]
    fn a_beginning_is_as_long_as_it_is() {
        let trace = trace();
        for edits in 0..=trace.updates.len() {
            let state = replica_of(trace.updates.iter().take(edits))
                .unwrap()
                .state();
            assert_eq!(trace.edits_in(&state).unwrap(), edits);
        }
    }

    #[test]
    fn what_lacks_an_edit_in_between_is_no_beginning() {
        let trace = trace();
        let all = trace.updates.iter().enumerate();
        let gappy = all.filter_map(|(edit, update)| (edit != 2).then_some(update));
        let state = replica_of(gappy).unwrap().state();
        assert!(trace.edits_in(&state).is_err());
    }
}
