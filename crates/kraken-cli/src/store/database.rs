//! The database of all stores, as the process writes it.

use anyhow::{Context, Result};
use kraken_core::store::schema::SCHEMA;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// How long a server that writes is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is kept of a store.
pub(super) struct Summary {
    pub(super) store: String,
    pub(super) records: u64,
    pub(super) bytes: u64,
}

/// Opens a database that is there.
pub(super) fn open(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags)
        .with_context(|| format!("no database of stores at {}", path.display()))?;
    database.busy_timeout(PATIENCE)?;
    Ok(database)
}

/// Opens a database, which is made if it isn't there.
pub(super) fn open_or_create(path: &Path) -> Result<Connection> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("can't create {}", folder.display()))?;
    }
    let database =
        Connection::open(path).with_context(|| format!("can't open {}", path.display()))?;
    database.busy_timeout(PATIENCE)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    for statement in SCHEMA {
        database.execute(statement, [])?;
    }
    Ok(database)
}

/// All stores, by their ids.
pub(super) fn summaries(database: &Connection) -> Result<Vec<Summary>> {
    let mut statement = database.prepare(
        "SELECT store, count(*), sum(length(data)) FROM records GROUP BY store ORDER BY store",
    )?;
    let summaries = statement.query_map([], |row| {
        let store: Vec<u8> = row.get(0)?;
        Ok(Summary {
            store: String::from_utf8_lossy(&store).into_owned(),
            records: row.get(1)?,
            bytes: row.get(2)?,
        })
    })?;
    Ok(summaries.collect::<Result<_, _>>()?)
}
