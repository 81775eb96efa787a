//! Writing a store into a file of its own.

use super::original::{Counts, SCHEMA};
use anyhow::{Context, Result, ensure};
use kraken_core::doc::message::Reader;
use kraken_core::store::schema::VALUE;
use rusqlite::{Connection, Row, Transaction, params};
use std::fs::OpenOptions;
use std::path::Path;

/// A row of the database of all stores.
struct Record {
    kind: u64,
    sequence: u64,
    hash: Option<Vec<u8>>,
    data: Vec<u8>,
}

pub(super) fn run(database: &Connection, store: &str, file: &Path) -> Result<Counts> {
    let kept: u64 = database.query_row(
        "SELECT count(*) FROM records WHERE store = ?1",
        [store.as_bytes()],
        |row| row.get(0),
    )?;
    ensure!(kept > 0, "nothing is kept of a store {store:?}");
    // SQLite would add to a file that is there.
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .with_context(|| format!("can't create {}", file.display()))?;
    let written = write(database, store, file);
    if written.is_err() {
        // A part of a store must not be taken for all of it.
        let _ = std::fs::remove_file(file);
    }
    written
}

fn write(database: &Connection, store: &str, file: &Path) -> Result<Counts> {
    let mut out = Connection::open(file)?;
    out.execute_batch(SCHEMA)?;
    let transaction = out.transaction()?;
    let mut counts = Counts::default();
    let mut statement = database.prepare(
        "SELECT kind, sequence, hash, data FROM records WHERE store = ?1 ORDER BY sequence",
    )?;
    let records = statement.query_map([store.as_bytes()], Record::read)?;
    for record in records {
        record?.write(&transaction, store, &mut counts)?;
    }
    transaction.commit()?;
    Ok(counts)
}

impl Record {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            kind: row.get(0)?,
            sequence: row.get(1)?,
            hash: row.get(2)?,
            data: row.get(3)?,
        })
    }

    fn write(self, out: &Transaction<'_>, store: &str, counts: &mut Counts) -> Result<()> {
        if self.kind == VALUE {
            counts.values += 1;
            out.execute(
                "INSERT INTO kraken_values (store_id, hash, clock, data) VALUES (?1, ?2, ?3, ?4)",
                params![store, self.hash, self.sequence, self.data],
            )?;
            out.execute(
                "INSERT OR REPLACE INTO snapshots (store_id, data, clock) VALUES (?1, ?2, ?3)",
                params![store, self.data, self.sequence],
            )?;
            return Ok(());
        }
        let patches = patches(&self.data)?;
        let first = (self.sequence + 1).saturating_sub(patches.len() as u64);
        for (clock, patch) in (first..).zip(patches) {
            counts.patches += 1;
            out.execute(
                "INSERT INTO patches (store_id, clock, data) VALUES (?1, ?2, ?3)",
                params![store, clock, patch],
            )?;
        }
        Ok(())
    }
}

/// The patches of a row, each behind its length.
fn patches(data: &[u8]) -> Result<Vec<&[u8]>> {
    let mut reader = Reader::new(data);
    let mut patches = Vec::new();
    while reader.remaining() > 0 {
        patches.push(reader.var_bytes().context("the database is damaged")?);
    }
    Ok(patches)
}
