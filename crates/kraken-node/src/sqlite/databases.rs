//! The open databases: at most ten, the least recently used is closed.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::Key;
use super::wire::Error;

/// How many databases are open at a time.
const OPEN: usize = 10;
/// The longest name of a database, in bytes.
const NAME: usize = 200;

/// Folders of databases that have one of their own, by package and name.
pub(super) type Elsewhere = BTreeMap<(String, String), PathBuf>;

pub(super) struct Databases {
    folder: PathBuf,
    elsewhere: Elsewhere,
    /// The most recently used one is the last.
    open: Arc<Mutex<VecDeque<(Key, Database)>>>,
}

type Database = Arc<tokio::sync::Mutex<Connection>>;

impl Databases {
    pub(super) fn open(folder: &Path, elsewhere: Elsewhere) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            elsewhere,
            open: Arc::default(),
        })
    }

    pub(super) fn exists(&self, key: &Key) -> bool {
        self.file(key).is_ok_and(|file| file.exists())
    }

    /// Runs something on a database, alone, on a thread that may block.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        key: &Key,
        work: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let database = self.get(key).await?;
        let mut database = database.lock_owned().await;
        blocking(move || work(&mut database)).await
    }

    pub(super) async fn get(&self, key: &Key) -> Result<Database, Error> {
        if let Some(database) = self.used(key) {
            return Ok(database);
        }
        let (key, file, open) = (key.clone(), self.file(key)?, self.open.clone());
        blocking(move || {
            // Held while opening, so that no database is opened twice.
            let mut open = open.lock();
            if let Some((_, database)) = open.iter().find(|(its_key, _)| *its_key == key) {
                return Ok(database.clone());
            }
            if open.len() >= OPEN {
                open.pop_front();
            }
            let database = Arc::new(tokio::sync::Mutex::new(connect(&file)?));
            open.push_back((key, database.clone()));
            Ok(database)
        })
        .await
    }

    pub(super) async fn remove(&self, key: &Key) -> Result<(), Error> {
        let file = self.file(key)?;
        let is_elsewhere = self.own_folder(key).is_some();
        let removed = {
            let mut open = self.open.lock();
            let index = open.iter().position(|(its_key, _)| its_key == key);
            index.and_then(|index| open.remove(index))
        };
        // Whoever is at work on it finishes first.
        let connection = match removed {
            Some((_, database)) => Some(database.lock_owned().await),
            None => None,
        };
        blocking(move || {
            drop(connection);
            match file.parent() {
                Some(folder) if !is_elsewhere => Ok(std::fs::remove_dir_all(folder)?),
                _ => remove_files(&file),
            }
        })
        .await
    }

    fn used(&self, key: &Key) -> Option<Database> {
        let mut open = self.open.lock();
        let index = open.iter().position(|(its_key, _)| its_key == key)?;
        let entry = open.remove(index)?;
        let database = entry.1.clone();
        open.push_back(entry);
        Some(database)
    }

    fn file(&self, key: &Key) -> Result<PathBuf, Error> {
        let (package, name) = key;
        let plain = !name.is_empty()
            && name.len() <= NAME
            && !name.starts_with('.')
            && !name.contains(['/', '\\', '\0']);
        if !plain {
            return Err(Error::IOError(format!("invalid database name: {name:?}")));
        }
        let folder = match self.own_folder(key) {
            Some(folder) => folder.clone(),
            None => self.folder.join(package.to_string()).join(name),
        };
        Ok(folder.join(format!("{name}.db")))
    }

    fn own_folder(&self, (package, name): &Key) -> Option<&PathBuf> {
        self.elsewhere.get(&(package.to_string(), name.clone()))
    }
}

fn connect(file: &Path) -> Result<Connection, Error> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let database = Connection::open(file)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    // No other file, neither by ATTACH nor by VACUUM INTO.
    database.authorizer(Some(|context: AuthContext<'_>| match context.action {
        AuthAction::Attach { filename } if !filename.is_empty() => Authorization::Deny,
        _ => Authorization::Allow,
    }));
    Ok(database)
}

/// Removes a database from a folder that isn't its alone.
fn remove_files(file: &Path) -> Result<(), Error> {
    for ending in ["db", "db-wal", "db-shm"] {
        match std::fs::remove_file(file.with_extension(ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Error::IOError(error.to_string())))
}
