//! How SQLite keeps the records of all stores: for the process, and for tools that read and write
//! its database.
//!
//! Values and patches of a store are numbered together, and are in one table, so that a batch of
//! both is one statement. Names and hash fields are blobs.

/// What makes the tables, statement by statement.
pub const SCHEMA: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS records (
        store BLOB NOT NULL, kind INTEGER NOT NULL, sequence INTEGER NOT NULL, hash BLOB,
        time INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (store, kind, sequence))",
    "CREATE UNIQUE INDEX IF NOT EXISTS hashes ON records (store, hash) WHERE hash IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS times ON records (time)",
];

/// The kind of a value: its hash field and what follows.
pub const VALUE: u64 = 0;
/// The kind of a row of patches.
pub const PATCHES: u64 = 1;

/// Where the sequence numbers of what clients send begin. Those below are for what is imported as
/// what came before, also while a process has the store open.
pub const FIRST_SEQUENCE: u64 = 1 << 40;
