//! Files of single stores, of the schema that `@rozek/sds-websocket-server` 0.0.9 has.
//!
//! That has room for one value of a store, the last. Kraken keeps all, so it adds a table for them,
//! which the original doesn't look at.

use rusqlite::Connection;
use std::fmt;

pub(super) const SCHEMA: &str = "
    CREATE TABLE snapshots (
        store_id TEXT PRIMARY KEY, data BLOB NOT NULL, clock INTEGER NOT NULL);
    CREATE TABLE patches (
        store_id TEXT NOT NULL, clock INTEGER NOT NULL, data BLOB NOT NULL,
        PRIMARY KEY (store_id, clock));
    CREATE TABLE blobs (
        hash TEXT PRIMARY KEY, data BLOB NOT NULL, ref_count INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE kraken_values (
        store_id TEXT NOT NULL, hash BLOB NOT NULL, clock INTEGER NOT NULL, data BLOB NOT NULL,
        PRIMARY KEY (store_id, hash));";

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) patches: u64,
    pub(super) values: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { patches, values } = *self;
        let patches_end = if patches == 1 { "" } else { "es" };
        let values_end = if values == 1 { "" } else { "s" };
        write!(
            formatter,
            "{patches} patch{patches_end} and {values} value{values_end}"
        )
    }
}

/// Whether a database has a table.
pub(super) fn has_table(database: &Connection, name: &str) -> rusqlite::Result<bool> {
    let query = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1";
    database.query_row(query, [name], |row| Ok(row.get::<_, u64>(0)? > 0))
}
