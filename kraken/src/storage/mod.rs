//! The core's storage requests as statements for the node's SQLite: one database per app, and one
//! for all SDS stores, of which a node may have thousands, and holds ten databases open.
//!
//! - Requests are answered in any order, so a database's schema is finished before anything else
//!   is sent to it, and every request is one statement: a trigger makes a snapshot and the
//!   pruning that goes with it one transaction.
//! - The node turns a parameter that happens to be base64 into a blob and leaves any other text
//!   alone. So every name and every payload is sent as base64, and is a blob always.

mod documents;
mod parameters;
mod stores;

use kinode_process_lib::sqlite::{SqliteAction, SqliteRequest, SqliteResponse};
use kinode_process_lib::{PackageId, Request};
use kraken_core::{AppId, StorageId, StorageOperation, StorageReply, StorageRequest};
use parameters::Parameters;
use std::collections::{BTreeMap, VecDeque};

/// Seconds for one request; then it is tried again.
const TIMEOUT: u64 = 30;

/// All databases.
pub(crate) struct Storage {
    package: PackageId,
    databases: BTreeMap<Name, Database>,
    /// Requests on their way, by the number in their context.
    sent: BTreeMap<u64, Sent>,
    last: u64,
}

/// A database.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    /// An app's documents.
    Documents(AppId),
    /// All SDS stores.
    Stores,
}

/// What is asked of a database.
enum Statement {
    Read(String, Parameters),
    Write(String, Parameters),
    Remove,
}

/// How the rows are to be read that a statement gives.
#[derive(Clone, Copy)]
enum Rows {
    None,
    Document,
    Size,
    Records,
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
    Opening { name: Name, step: usize },
    /// The core's.
    Asked {
        id: StorageId,
        name: Name,
        rows: Rows,
    },
    /// The core's, to remove a database.
    Removing { id: StorageId },
}

impl Name {
    fn of(operation: &StorageOperation) -> Self {
        match operation {
            StorageOperation::Documents { app, .. } => Self::Documents(app.clone()),
            StorageOperation::Stores(_) => Self::Stores,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Documents(app) => format!("documents-{app}"),
            Self::Stores => "stores".to_owned(),
        }
    }

    /// What makes the tables, statement by statement.
    fn schema(&self) -> &'static [&'static str] {
        match self {
            Self::Documents(_) => &documents::SCHEMA,
            Self::Stores => &kraken_core::store::schema::SCHEMA,
        }
    }
}

impl Rows {
    fn read(self, json: &[u8]) -> Result<StorageReply, String> {
        match self {
            Self::None => Ok(StorageReply::Done),
            Self::Document => documents::rows(json),
            Self::Size => stores::size(json),
            Self::Records => stores::records(json),
        }
    }
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
        let name = Name::of(&request.operation);
        match self.databases.get_mut(&name) {
            Some(Database::Open) => self.send(name, request),
            Some(Database::Opening(waiting)) => waiting.push_back(request),
            None => {
                let waiting = VecDeque::from([request]);
                self.databases
                    .insert(name.clone(), Database::Opening(waiting));
                self.open(name, 0);
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
            Ok(SqliteResponse::Read) => match self.sent.get(&number) {
                Some(Sent::Asked { rows, .. }) => rows.read(&blob().unwrap_or_default()),
                _ => Ok(StorageReply::Done),
            },
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
            (Some(Sent::Asked { id, name, .. }), Err(reason)) => {
                // The node may have closed the database: the next request opens it again.
                if let Some(Database::Open) = self.databases.get(&name) {
                    self.databases.remove(&name);
                }
                vec![(id, StorageReply::Failed { reason })]
            }
            (Some(Sent::Opening { name, step }), Ok(_)) if step < name.schema().len() => {
                self.open(name, step + 1);
                Vec::new()
            }
            (Some(Sent::Opening { name, .. }), Ok(_)) => {
                let last = self.databases.insert(name.clone(), Database::Open);
                if let Some(Database::Opening(waiting)) = last {
                    for request in waiting {
                        self.send(name.clone(), request);
                    }
                }
                Vec::new()
            }
            (Some(Sent::Opening { name, .. }), Err(reason)) => match self.databases.remove(&name) {
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
    fn open(&mut self, name: Name, step: usize) {
        let statement = step
            .checked_sub(1)
            .and_then(|index| name.schema().get(index));
        let action = match statement {
            Some(statement) => write(*statement),
            None => SqliteAction::Open,
        };
        let sent = Sent::Opening {
            name: name.clone(),
            step,
        };
        self.request(&name, action, Parameters::default(), sent);
    }

    fn send(&mut self, name: Name, request: StorageRequest) {
        let StorageRequest { id, operation } = request;
        let (statement, rows) = match operation {
            StorageOperation::Documents { operation, .. } => documents::statement(operation),
            StorageOperation::Stores(operation) => stores::statement(operation),
        };
        let asked = Sent::Asked {
            id,
            name: name.clone(),
            rows,
        };
        let (action, parameters, sent) = match statement {
            Statement::Read(query, parameters) => (SqliteAction::Query(query), parameters, asked),
            Statement::Write(statement, parameters) => (write(statement), parameters, asked),
            Statement::Remove => {
                // Whoever asks next opens it anew.
                self.databases.remove(&name);
                let action = SqliteAction::RemoveDb;
                (action, Parameters::default(), Sent::Removing { id })
            }
        };
        self.request(&name, action, parameters, sent);
    }

    fn request(&mut self, name: &Name, action: SqliteAction, parameters: Parameters, sent: Sent) {
        self.last += 1;
        self.sent.insert(self.last, sent);
        let request = SqliteRequest {
            package_id: self.package.clone(),
            db: name.text(),
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

fn write(statement: impl Into<String>) -> SqliteAction {
    SqliteAction::Write {
        statement: statement.into(),
        tx_id: None,
    }
}
