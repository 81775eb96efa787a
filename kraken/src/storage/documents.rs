//! An app's documents: a log of segments, and a snapshot in place of all before it.

use super::parameters::{Parameters, decode};
use super::{Rows, Statement};
use kraken_core::doc::{Segment, Snapshot};
use kraken_core::{DocumentOperation, RoomName, StorageReply};
use serde::Deserialize;
use std::borrow::Cow;

pub(super) const SCHEMA: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS snapshots (
        room BLOB PRIMARY KEY, sequence INTEGER NOT NULL, data BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS segments (
        room BLOB NOT NULL, sequence INTEGER NOT NULL, data BLOB NOT NULL,
        PRIMARY KEY (room, sequence))",
    "CREATE TRIGGER IF NOT EXISTS prune AFTER INSERT ON snapshots BEGIN
        DELETE FROM segments WHERE room = NEW.room AND sequence <= NEW.sequence; END",
];

const LOAD: &str = "SELECT 0 AS kind, sequence, data FROM snapshots WHERE room = ?1 \
    UNION ALL SELECT 1 AS kind, sequence, data FROM segments WHERE room = ?1 \
    ORDER BY kind, sequence";

const COMPACT: &str = "INSERT OR REPLACE INTO snapshots (room, sequence, data) VALUES (?1, ?2, ?3)";

#[derive(Deserialize)]
struct Row<'a> {
    kind: u8,
    sequence: u64,
    #[serde(borrow)]
    data: Cow<'a, str>,
}

/// The statement that does what the core wants.
pub(super) fn statement(operation: DocumentOperation) -> (Statement, Rows) {
    let mut parameters = Parameters::default();
    match operation {
        DocumentOperation::Load { room } => {
            parameters.text(room.as_str());
            (Statement::Read(LOAD.to_owned(), parameters), Rows::Document)
        }
        DocumentOperation::Append { segments } => {
            let statement = append(&segments, &mut parameters);
            (Statement::Write(statement, parameters), Rows::None)
        }
        DocumentOperation::Compact { room, snapshot } => {
            parameters.text(room.as_str());
            parameters.number(snapshot.sequence);
            parameters.bytes(&snapshot.data);
            let statement = COMPACT.to_owned();
            (Statement::Write(statement, parameters), Rows::None)
        }
        DocumentOperation::Remove => (Statement::Remove, Rows::None),
    }
}

/// One statement for all segments. A batch that is tried again replaces what it may have written.
fn append(segments: &[(RoomName, Segment)], parameters: &mut Parameters) -> String {
    let mut statement =
        String::from("INSERT OR REPLACE INTO segments (room, sequence, data) VALUES ");
    for (index, (room, segment)) in segments.iter().enumerate() {
        statement.push_str(if index == 0 { "(?,?,?)" } else { ",(?,?,?)" });
        parameters.text(room.as_str());
        parameters.number(segment.sequence);
        parameters.bytes(&segment.data);
    }
    statement
}

/// Reads the rows of [`LOAD`].
pub(super) fn rows(json: &[u8]) -> Result<StorageReply, String> {
    const SNAPSHOT: u8 = 0;
    let rows: Vec<Row<'_>> =
        serde_json::from_slice(json).map_err(|error| format!("unreadable rows: {error}"))?;
    let mut snapshot = None;
    let mut segments = Vec::with_capacity(rows.len());
    for row in rows {
        let data = decode(&row.data)?;
        let sequence = row.sequence;
        match row.kind {
            SNAPSHOT => snapshot = Some(Snapshot { sequence, data }),
            _ => segments.push(Segment { sequence, data }),
        }
    }
    Ok(StorageReply::Loaded { snapshot, segments })
}
