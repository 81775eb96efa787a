//! The core's storage requests as statements for the node's SQLite: one database per app.
//!
//! - Requests are answered in any order, so a database's schema is finished before anything else
//!   is sent to it, and every request is one statement: a trigger makes a snapshot and the
//!   pruning that goes with it one transaction.
//! - The node turns a parameter that happens to be base64 into a blob and leaves any other text
//!   alone. So every name and every payload is sent as base64, and is a blob always.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kinode_process_lib::sqlite::{SqliteAction, SqliteRequest, SqliteResponse};
use kinode_process_lib::{PackageId, Request};
use kraken_core::doc::{Segment, Snapshot};
use kraken_core::{AppId, RoomName, StorageId, StorageOperation, StorageReply, StorageRequest};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;

/// Seconds for one request; then it is tried again.
const TIMEOUT: u64 = 30;

const SCHEMA: [&str; 3] = [
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

/// The databases of all apps.
pub(crate) struct Storage {
    package: PackageId,
    databases: BTreeMap<AppId, Database>,
    /// Requests on their way, by the number in their context.
    sent: BTreeMap<u64, Sent>,
    last: u64,
}

/// How far a database is.
enum Database {
    /// Opening: these wait.
    Opening(VecDeque<StorageRequest>),
    Open,
}

/// What a request to the node was for.
enum Sent {
    /// Opening a database: its steps up to this one are done.
    Opening { app: AppId, step: usize },
    /// The core's.
    Asked { id: StorageId, app: AppId },
    /// The core's, to remove a database.
    Removing { id: StorageId },
}

#[derive(Deserialize)]
struct Row<'a> {
    kind: u8,
    sequence: u64,
    #[serde(borrow)]
    data: Cow<'a, str>,
}

impl Storage {
    pub(crate) fn new(package: PackageId) -> Self {
        Self {
            package,
            databases: BTreeMap::new(),
            sent: BTreeMap::new(),
            last: 0,
        }
    }

    /// Sends a request on its way, opening its database first if need be.
    pub(crate) fn ask(&mut self, request: StorageRequest) {
        match self.databases.get_mut(&request.app) {
            Some(Database::Open) => self.send(request),
            Some(Database::Opening(waiting)) => waiting.push_back(request),
            None => {
                let app = request.app.clone();
                let waiting = VecDeque::from([request]);
                self.databases
                    .insert(app.clone(), Database::Opening(waiting));
                self.open(app, 0);
            }
        }
    }

    /// Takes the node's answer to the request with `number`; what the core is to be told.
    pub(crate) fn answered(
        &mut self,
        number: u64,
        body: &[u8],
        blob: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Vec<(StorageId, StorageReply)> {
        let outcome = match serde_json::from_slice::<SqliteResponse>(body) {
            Ok(SqliteResponse::Ok | SqliteResponse::BeginTx { .. }) => Ok(StorageReply::Done),
            Ok(SqliteResponse::Read) => rows(&blob().unwrap_or_default()),
            Ok(SqliteResponse::Err(error)) => Err(error.to_string()),
            Err(error) => Err(format!("unreadable answer: {error}")),
        };
        self.conclude(number, outcome)
    }

    /// Takes note that the request with `number` got no answer.
    pub(crate) fn unanswered(&mut self, number: u64) -> Vec<(StorageId, StorageReply)> {
        self.conclude(number, Err("no answer in time".to_owned()))
    }

    fn conclude(
        &mut self,
        number: u64,
        outcome: Result<StorageReply, String>,
    ) -> Vec<(StorageId, StorageReply)> {
        match (self.sent.remove(&number), outcome) {
            (Some(Sent::Asked { id, .. }), Ok(reply)) => vec![(id, reply)],
            (Some(Sent::Removing { id }), Ok(_)) => vec![(id, StorageReply::Done)],
            (Some(Sent::Removing { id }), Err(reason)) => {
                vec![(id, StorageReply::Failed { reason })]
            }
            (Some(Sent::Asked { id, app }), Err(reason)) => {
                // The node may have closed the database: the next request opens it again.
                if let Some(Database::Open) = self.databases.get(&app) {
                    self.databases.remove(&app);
                }
                vec![(id, StorageReply::Failed { reason })]
            }
            (Some(Sent::Opening { app, step }), Ok(_)) if step < SCHEMA.len() => {
                self.open(app, step + 1);
                Vec::new()
            }
            (Some(Sent::Opening { app, .. }), Ok(_)) => {
                if let Some(Database::Opening(waiting)) = self.databases.insert(app, Database::Open)
                {
                    waiting.into_iter().for_each(|request| self.send(request));
                }
                Vec::new()
            }
            (Some(Sent::Opening { app, .. }), Err(reason)) => match self.databases.remove(&app) {
                Some(Database::Opening(waiting)) => waiting
                    .into_iter()
                    .map(|request| {
                        let reason = reason.clone();
                        (request.id, StorageReply::Failed { reason })
                    })
                    .collect(),
                Some(Database::Open) | None => Vec::new(),
            },
            (None, _) => Vec::new(),
        }
    }

    /// Step 0 opens the database, the others make its schema.
    fn open(&mut self, app: AppId, step: usize) {
        let action = match step.checked_sub(1).and_then(|index| SCHEMA.get(index)) {
            Some(statement) => SqliteAction::Write {
                statement: (*statement).to_owned(),
                tx_id: None,
            },
            None => SqliteAction::Open,
        };
        let parameters = Parameters::default();
        self.request(
            &app.clone(),
            action,
            parameters,
            Sent::Opening { app, step },
        );
    }

    fn send(&mut self, request: StorageRequest) {
        let StorageRequest { id, app, operation } = request;
        let mut parameters = Parameters::default();
        let mut sent = Sent::Asked {
            id,
            app: app.clone(),
        };
        let action = match operation {
            StorageOperation::Load { room } => {
                parameters.room(&room);
                SqliteAction::Query(LOAD.to_owned())
            }
            StorageOperation::Append { segments } => {
                let statement = append(&segments, &mut parameters);
                SqliteAction::Write {
                    statement,
                    tx_id: None,
                }
            }
            StorageOperation::Compact { room, snapshot } => {
                parameters.room(&room);
                parameters.number(snapshot.sequence);
                parameters.bytes(&snapshot.data);
                SqliteAction::Write {
                    statement: COMPACT.to_owned(),
                    tx_id: None,
                }
            }
            StorageOperation::Remove => {
                // Whoever asks next opens it anew.
                self.databases.remove(&app);
                sent = Sent::Removing { id };
                SqliteAction::RemoveDb
            }
        };
        self.request(&app, action, parameters, sent);
    }

    fn request(&mut self, app: &AppId, action: SqliteAction, parameters: Parameters, sent: Sent) {
        self.last += 1;
        self.sent.insert(self.last, sent);
        let request = SqliteRequest {
            package_id: self.package.clone(),
            db: format!("documents-{app}"),
            action,
        };
        let body = serde_json::to_vec(&request).unwrap_or_default();
        let asked = Request::to(("our", "sqlite", "distro", "sys"))
            .body(body)
            .blob_bytes(parameters.into_json())
            .context(crate::process::Context::Storage(self.last).encode())
            .expects_response(TIMEOUT)
            .send();
        debug_assert!(asked.is_ok(), "target and body are set");
    }
}

/// One statement for all segments. A batch that is tried again replaces what it may have written.
fn append(segments: &[(RoomName, Segment)], parameters: &mut Parameters) -> String {
    let mut statement =
        String::from("INSERT OR REPLACE INTO segments (room, sequence, data) VALUES ");
    for (index, (room, segment)) in segments.iter().enumerate() {
        statement.push_str(if index == 0 { "(?,?,?)" } else { ",(?,?,?)" });
        parameters.room(room);
        parameters.number(segment.sequence);
        parameters.bytes(&segment.data);
    }
    statement
}

/// Parameters of a statement, as the JSON array that the node reads.
#[derive(Default)]
struct Parameters {
    json: String,
}

impl Parameters {
    fn room(&mut self, room: &RoomName) {
        self.bytes(room.as_str().as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.separate();
        self.json.push('"');
        STANDARD.encode_string(bytes, &mut self.json);
        self.json.push('"');
    }

    fn number(&mut self, number: u64) {
        self.separate();
        // Writing to a string can't fail.
        let _ = write!(self.json, "{number}");
    }

    fn separate(&mut self) {
        self.json.push(if self.json.is_empty() { '[' } else { ',' });
    }

    fn into_json(mut self) -> Vec<u8> {
        if self.json.is_empty() {
            self.json.push('[');
        }
        self.json.push(']');
        self.json.into_bytes()
    }
}

/// Reads the rows of [`LOAD`].
fn rows(json: &[u8]) -> Result<StorageReply, String> {
    const SNAPSHOT: u8 = 0;
    let rows: Vec<Row<'_>> =
        serde_json::from_slice(json).map_err(|error| format!("unreadable rows: {error}"))?;
    let mut snapshot = None;
    let mut segments = Vec::with_capacity(rows.len());
    for row in rows {
        let data = STANDARD
            .decode(row.data.as_bytes())
            .map_err(|error| format!("a row is not base64: {error}"))?
            .into();
        let sequence = row.sequence;
        match row.kind {
            SNAPSHOT => snapshot = Some(Snapshot { sequence, data }),
            _ => segments.push(Segment { sequence, data }),
        }
    }
    Ok(StorageReply::Loaded { snapshot, segments })
}
