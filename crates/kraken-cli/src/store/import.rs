//! Taking stores from files.
//!
//! What is imported is numbered as what came before all that is there, so that a server may be
//! writing meanwhile: it numbers from there on upwards.

use super::original::{Counts, has_table};
use anyhow::{Result, bail, ensure};
use kraken_core::StoreName;
use kraken_core::doc::message::write_var_bytes;
use kraken_core::store::schema::{FIRST_SEQUENCE, PATCHES, VALUE};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of a hash field.
const HASH: usize = 32;

/// What a file holds of one store, in its order.
type Items = Vec<Item>;

enum Item {
    Value(Vec<u8>),
    Patch(Vec<u8>),
}

/// Imports a file; what was new, by store.
pub(super) fn run(
    database: &mut Connection,
    file: &Path,
    into: Option<&str>,
) -> Result<Vec<(String, Counts)>> {
    let stores = read(file)?;
    ensure!(
        into.is_none() || stores.len() == 1,
        "it holds {} stores, so --store can't name one",
        stores.len()
    );
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut imported = Vec::new();
    for (own, items) in stores {
        let store = into.map_or(own, str::to_owned);
        ensure!(
            StoreName::parse(&store).is_some(),
            "a store's id has 1 to 1024 bytes"
        );
        let counts = write(&transaction, &store, items)?;
        imported.push((store, counts));
    }
    transaction.commit()?;
    Ok(imported)
}

/// Reads a file of the original's schema, with Kraken's own table or without.
fn read(file: &Path) -> Result<BTreeMap<String, Items>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(file, flags)?;
    for table in ["snapshots", "patches"] {
        if !has_table(&source, table)? {
            bail!("it is not a file of a store: it has no table {table}");
        }
    }
    let values = match has_table(&source, "kraken_values")? {
        true => "kraken_values",
        false => "snapshots",
    };
    let mut statement = source.prepare(&format!(
        "SELECT store_id, 0 AS kind, clock, data FROM {values} \
        UNION ALL SELECT store_id, 1, clock, data FROM patches ORDER BY store_id, clock, kind"
    ))?;
    let mut rows = statement.query([])?;
    let mut stores = BTreeMap::<String, Items>::new();
    while let Some(row) = rows.next()? {
        let (store, kind, data): (_, u64, _) = (row.get(0)?, row.get(1)?, row.get(3)?);
        let item = match kind {
            0 => Item::Value(data),
            _ => Item::Patch(data),
        };
        stores.entry(store).or_default().push(item);
    }
    Ok(stores)
}

fn write(database: &Transaction<'_>, store: &str, items: Items) -> Result<Counts> {
    let known = known_patches(database, store)?;
    let is_new = |item: &Item| match item {
        Item::Patch(patch) => !known.contains(&digest(&row_of(patch))),
        Item::Value(_) => true,
    };
    let items: Vec<_> = items.into_iter().filter(is_new).collect();
    let first: Option<u64> = database.query_row(
        "SELECT min(sequence) FROM records WHERE store = ?1",
        [store.as_bytes()],
        |row| row.get(0),
    )?;
    let end = first.map_or(FIRST_SEQUENCE, |first| first.min(FIRST_SEQUENCE));
    ensure!(
        items.len() as u64 <= end,
        "the store has no room for so much"
    );
    let mut insert = database.prepare(
        "INSERT OR IGNORE INTO records (store, kind, sequence, hash, time, data) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64;
    let mut counts = Counts::default();
    for (sequence, item) in (end - items.len() as u64..).zip(items) {
        let store = store.as_bytes();
        match item {
            Item::Value(value) => {
                let hash = &value[..value.len().min(HASH)];
                // A value that is there already is as new or newer.
                let added = insert.execute(params![store, VALUE, sequence, hash, now, value])?;
                counts.values += added as u64;
            }
            Item::Patch(patch) => {
                let hash = None::<Vec<u8>>;
                let row = row_of(&patch);
                insert.execute(params![store, PATCHES, sequence, hash, now, row])?;
                counts.patches += 1;
            }
        }
    }
    Ok(counts)
}

/// The patches that were imported before, so that importing a file twice adds nothing.
fn known_patches(database: &Transaction<'_>, store: &str) -> Result<BTreeSet<[u8; 32]>> {
    let mut statement = database
        .prepare("SELECT data FROM records WHERE store = ?1 AND kind = ?2 AND sequence < ?3")?;
    let parameters = params![store.as_bytes(), PATCHES, FIRST_SEQUENCE];
    let rows = statement.query_map(parameters, |row| Ok(digest(&row.get::<_, Vec<u8>>(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A row that holds one patch.
fn row_of(patch: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(patch.len() + 10);
    write_var_bytes(&mut row, patch);
    row
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
