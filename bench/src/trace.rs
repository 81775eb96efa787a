//! The keystrokes of a real paper of 100 kB, as updates, one for each keystroke.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use flate2::bufread::GzDecoder;
use serde::Deserialize;

use crate::edits::{Pile, Typist};

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
}

fn read(path: &Path) -> Result<Document> {
    let file = BufReader::new(File::open(path)?);
    Ok(serde_json::from_reader(BufReader::new(GzDecoder::new(
        file,
    )))?)
}
