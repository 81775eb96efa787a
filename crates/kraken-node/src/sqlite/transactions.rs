//! Transactions that aren't committed yet.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::statement::Write;
use super::wire::Error;
use crate::id::random_id;

/// How many transactions may be open, and how many statements one may have.
const OPEN: usize = 10_000;
const STATEMENTS: usize = 100_000;

/// Lists of statements in memory: a transaction that isn't committed leaves no
/// trace.
#[derive(Default)]
pub(super) struct Transactions(Mutex<HashMap<u64, Vec<Write>>>);

impl Transactions {
    pub(super) fn begin(&self) -> Result<u64, Error> {
        let mut open = self.0.lock();
        if open.len() >= OPEN {
            return Err(Error::IOError("too many open transactions".to_owned()));
        }
        let tx_id = random_id();
        open.insert(tx_id, Vec::new());
        Ok(tx_id)
    }

    /// Adds a statement. As on a real node, the transaction needn't have begun.
    pub(super) fn add(&self, tx_id: u64, write: Write) -> Result<(), Error> {
        let mut open = self.0.lock();
        if open.len() >= OPEN && !open.contains_key(&tx_id) {
            return Err(Error::IOError("too many open transactions".to_owned()));
        }
        let writes = open.entry(tx_id).or_default();
        if writes.len() >= STATEMENTS {
            return Err(Error::IOError("too many statements".to_owned()));
        }
        writes.push(write);
        Ok(())
    }

    pub(super) fn take(&self, tx_id: u64) -> Result<Vec<Write>, Error> {
        self.0.lock().remove(&tx_id).ok_or(Error::NoTx(tx_id))
    }
}
