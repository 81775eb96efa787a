//! Statements: which are allowed where, and running them.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use serde_json::{Map, Value as Json};

use super::values;
use super::wire::Error;

/// First words that a query may have.
const READ: [&str; 8] = [
    "ANALYZE", "ATTACH", "BEGIN", "EXPLAIN", "PRAGMA", "SELECT", "VALUES", "WITH",
];
/// First words that a write may have.
const WRITE: [&str; 17] = [
    "ALTER",
    "ANALYZE",
    "COMMIT",
    "CREATE",
    "DELETE",
    "DETACH",
    "DROP",
    "END",
    "INSERT",
    "REINDEX",
    "RELEASE",
    "RENAME",
    "REPLACE",
    "ROLLBACK",
    "SAVEPOINT",
    "UPDATE",
    "VACUUM",
];

/// A statement and its parameters.
pub(super) type Write = (String, Vec<Value>);

pub(super) fn check_read(query: &str) -> Result<(), Error> {
    match READ.contains(&first_word(query).as_str()) {
        true => Ok(()),
        false => Err(Error::NotAReadKeyword),
    }
}

pub(super) fn check_write(statement: &str) -> Result<(), Error> {
    match WRITE.contains(&first_word(statement).as_str()) {
        true => Ok(()),
        false => Err(Error::NotAWriteKeyword),
    }
}

/// Gives the rows as a JSON array of objects.
pub(super) fn query(
    database: &mut Connection,
    query: &str,
    parameters: &[Value],
) -> Result<Vec<u8>, Error> {
    let mut statement = database.prepare_cached(query)?;
    let columns: Vec<String> = statement
        .column_names()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let mut rows = statement.query(params_from_iter(parameters))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let mut object = Map::with_capacity(columns.len());
        for (index, column) in columns.iter().enumerate() {
            object.insert(column.clone(), values::to_json(row.get_ref(index)?));
        }
        found.push(Json::Object(object));
    }
    serde_json::to_vec(&found).map_err(|error| Error::IOError(error.to_string()))
}

pub(super) fn write(database: &mut Connection, write: &Write) -> Result<(), Error> {
    let (statement, parameters) = write;
    database
        .prepare_cached(statement)?
        .execute(params_from_iter(parameters))?;
    Ok(())
}

pub(super) fn commit(database: &mut Connection, writes: &[Write]) -> Result<(), Error> {
    let transaction = database.transaction()?;
    for (statement, parameters) in writes {
        transaction
            .prepare_cached(statement)?
            .execute(params_from_iter(parameters))?;
    }
    Ok(transaction.commit()?)
}

fn first_word(statement: &str) -> String {
    statement
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_decides_between_query_and_write() {
        assert!(check_read("  select 1").is_ok());
        assert!(check_read("INSERT INTO t VALUES (1)").is_err());
        assert!(check_write("create table t (a)").is_ok());
        assert!(check_write("SELECT 1").is_err());
        assert!(check_write("PRAGMA synchronous=OFF").is_err());
        assert!(check_write("").is_err());
    }
}
