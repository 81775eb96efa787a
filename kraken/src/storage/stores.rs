//! SDS stores: values, and rows of patches.
//!
//! Both are numbered together, and are in one table, so that a batch of either is one statement.

use super::parameters::{Parameters, decode};
use super::{Rows, Statement};
use bytes::Bytes;
use kraken_core::store::schema::{PATCHES, VALUE};
use kraken_core::store::{Body, Cursor, PAGE_BYTES, Record, StoreRecord};
use kraken_core::{StorageReply, StoreName, StoreOperation};
use serde::Deserialize;
use std::borrow::Cow;

/// Records that are read at a time, at most.
const PAGE: usize = 256;
/// Records that are deleted at a time because of their age.
const EXPIRED: usize = 4_096;

const SIZE: &str = "SELECT coalesce(max(sequence), 0) AS last, \
    coalesce(sum(length(data)), 0) AS bytes FROM records WHERE store = ?1";

const REMOVE: &str = "DELETE FROM records WHERE store = ?1";

#[derive(Deserialize)]
struct Size {
    last: u64,
    bytes: u64,
}

#[derive(Deserialize)]
struct Row<'a> {
    kind: u64,
    sequence: u64,
    #[serde(borrow)]
    data: Cow<'a, str>,
    /// Whether there is a record behind the page.
    more: u64,
}

/// The statement that does what the core wants.
pub(super) fn statement(operation: StoreOperation) -> (Statement, Rows) {
    let mut parameters = Parameters::default();
    match operation {
        StoreOperation::Open { store } => {
            parameters.text(store.as_str());
            (Statement::Read(SIZE.to_owned(), parameters), Rows::Size)
        }
        StoreOperation::Read { store, after } => {
            let query = read(&store, after, &mut parameters);
            (Statement::Read(query, parameters), Rows::Records)
        }
        StoreOperation::Find {
            store,
            prefix,
            after,
        } => {
            let query = find(&store, &prefix, after, &mut parameters);
            (Statement::Read(query, parameters), Rows::Records)
        }
        StoreOperation::Append { records } => {
            let statement = append(&records, &mut parameters);
            (Statement::Write(statement, parameters), Rows::None)
        }
        StoreOperation::Expire { before } => {
            parameters.number(before.0);
            let statement = format!(
                "DELETE FROM records WHERE rowid IN \
                (SELECT rowid FROM records WHERE time < ?1 LIMIT {EXPIRED})"
            );
            (Statement::Write(statement, parameters), Rows::None)
        }
        StoreOperation::Remove { store } => {
            parameters.text(store.as_str());
            (Statement::Write(REMOVE.to_owned(), parameters), Rows::None)
        }
    }
}

/// A page: as many records as begin within its bytes. The sizes are added up without reading any
/// data.
fn read(store: &StoreName, after: Cursor, parameters: &mut Parameters) -> String {
    parameters.text(store.as_str());
    let (condition, order) = match after {
        Cursor::Values { after, until } => {
            parameters.number(after);
            parameters.number(until);
            let condition = "(kind, sequence) > (0, ?2) AND sequence <= ?3";
            (condition, "kind, sequence")
        }
        Cursor::Patches { after, until } => {
            parameters.number(after);
            parameters.number(until);
            ("kind = 1 AND sequence > ?2 AND sequence <= ?3", "sequence")
        }
        Cursor::All { after } => {
            parameters.number(after);
            ("kind IN (0, 1) AND sequence > ?2", "sequence")
        }
    };
    format!(
        "WITH next AS (SELECT rowid AS id, kind, sequence, length(data) AS size FROM records \
            WHERE store = ?1 AND {condition} ORDER BY {order} LIMIT {}), \
        page AS (SELECT id, row_number() OVER run AS number, \
            sum(size) OVER run - size AS before FROM next WINDOW run AS (ORDER BY {order})), \
        fits AS (SELECT id FROM page WHERE before < {PAGE_BYTES} AND number <= {PAGE}) \
        SELECT kind, sequence, data, \
            (SELECT count(*) FROM fits) < (SELECT count(*) FROM next) AS more \
        FROM records WHERE rowid IN (SELECT id FROM fits) ORDER BY {order}",
        PAGE + 1,
    )
}

fn find(store: &StoreName, prefix: &Bytes, after: u64, parameters: &mut Parameters) -> String {
    parameters.text(store.as_str());
    parameters.bytes(prefix);
    parameters.number(after);
    let mut behind = prefix.to_vec();
    while behind.last() == Some(&u8::MAX) {
        behind.pop();
    }
    let end = match behind.last_mut() {
        Some(last) => {
            *last += 1;
            parameters.bytes(&behind);
            "AND hash < ?4"
        }
        None => "",
    };
    format!(
        "SELECT kind, sequence, data, 0 AS more FROM records \
        WHERE store = ?1 AND hash IS NOT NULL AND hash >= ?2 {end} AND sequence > ?3 \
        ORDER BY sequence LIMIT 1"
    )
}

/// One statement for all records. A batch that is tried again replaces what it may have written, a
/// value the one with its hash field.
fn append(records: &[StoreRecord], parameters: &mut Parameters) -> String {
    let mut statement = String::from(
        "INSERT OR REPLACE INTO records (store, kind, sequence, hash, time, data) VALUES ",
    );
    for (
        index,
        StoreRecord {
            store,
            time,
            record,
        },
    ) in records.iter().enumerate()
    {
        statement.push_str(if index == 0 {
            "(?,?,?,?,?,?)"
        } else {
            ",(?,?,?,?,?,?)"
        });
        parameters.text(store.as_str());
        match record.body.hash_field() {
            Some(hash) => {
                parameters.number(VALUE);
                parameters.number(record.sequence);
                parameters.bytes(&hash);
            }
            None => {
                parameters.number(PATCHES);
                parameters.number(record.sequence);
                parameters.null();
            }
        }
        parameters.number(time.0);
        parameters.bytes(record.body.data());
    }
    statement
}

/// Reads the row of [`SIZE`].
pub(super) fn size(json: &[u8]) -> Result<StorageReply, String> {
    let rows: Vec<Size> = parse(json)?;
    let Size { last, bytes } = rows.first().ok_or("no row")?;
    Ok(StorageReply::Opened {
        last: *last,
        bytes: *bytes,
    })
}

/// Reads records.
pub(super) fn records(json: &[u8]) -> Result<StorageReply, String> {
    let rows: Vec<Row<'_>> = parse(json)?;
    let is_last = rows.first().is_none_or(|row| row.more == 0);
    let record = |row: &Row<'_>| {
        let data = decode(&row.data)?;
        Ok(Record {
            sequence: row.sequence,
            body: match row.kind {
                VALUE => Body::Value(data),
                _ => Body::Patches(data),
            },
        })
    };
    let records = rows.iter().map(record).collect::<Result<_, String>>()?;
    Ok(StorageReply::Records { records, is_last })
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| format!("unreadable rows: {error}"))
}
