//! `kraken store`: what is kept of SDS stores, in files.

mod database;
mod export;
mod import;
mod original;

use crate::config::{self, File};
use crate::greeting::say;
use crate::{package, sds};
use anyhow::{Result, ensure};
use clap::Subcommand;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(after_help = "\
The database is stores.db in SDS_PERSIST_DIR if that is set, else in the data folder. On a Kinode \
node it is sqlite/kraken:template.os/stores/stores.db in the node's home folder: name it with \
--database. A server may be running meanwhile; its clients get what is imported when they come \
back.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The database of all stores
    #[arg(long, value_name = "FILE", global = true)]
    database: Option<PathBuf>,
    /// Folder of all data [default: ~/.local/share/kraken]
    #[arg(long, env = "KRAKEN_DATA_DIR", value_name = "DIR", global = true)]
    data_dir: Option<PathBuf>,
    /// Configuration file [default: kraken.toml, if there is one]
    #[arg(long, env = "KRAKEN_CONFIG", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Show all stores that something is kept of
    List,
    /// Write a store into a new SQLite file, of the original server's schema
    Export {
        /// The id of the store
        store: String,
        /// The file, which must not exist
        file: PathBuf,
    },
    /// Take stores from files that `export` or the original server wrote, as what came before all
    /// that is there. What is there already is left out
    Import {
        /// The store to import into, if it is to have another id; then the files hold one store
        #[arg(long, value_name = "ID")]
        store: Option<String>,
        /// The files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

pub(crate) fn run(arguments: Arguments) -> Result<()> {
    let path = database_path(&arguments)?;
    match arguments.command {
        Command::List => list(&database::open(&path)?),
        Command::Export { store, file } => {
            let exported = export::run(&database::open(&path)?, &store, &file)?;
            say(&format!("exported {exported} of {store}\n"))?;
            Ok(())
        }
        Command::Import { store, files } => {
            let mut database = database::open_or_create(&path)?;
            // The database itself may be among them, in the original's folder.
            let own = path.canonicalize()?;
            let is_other = |file: &&PathBuf| file.canonicalize().ok().as_ref() != Some(&own);
            let mut failed = 0;
            for file in files.iter().filter(is_other) {
                let imported = import_file(&mut database, file, store.as_deref());
                if let Err(error) = imported {
                    failed += 1;
                    tracing::error!("can't import {}: {error:#}", file.display());
                }
            }
            ensure!(
                failed == 0,
                "{failed} of {} files are not imported",
                files.len()
            );
            Ok(())
        }
    }
}

fn import_file(database: &mut Connection, file: &Path, store: Option<&str>) -> Result<()> {
    for (store, counts) in import::run(database, file, store)? {
        say(&format!("imported {counts} of {store}\n"))?;
    }
    Ok(())
}

fn list(database: &Connection) -> Result<()> {
    for database::Summary {
        store,
        records,
        bytes,
    } in database::summaries(database)?
    {
        say(&format!("{store}\t{records} records\t{bytes} bytes\n"))?;
    }
    Ok(())
}

/// Where the server that is set up like this keeps its stores.
fn database_path(arguments: &Arguments) -> Result<PathBuf> {
    let file_name = format!("{}.db", package::STORES);
    if let Some(path) = &arguments.database {
        return Ok(path.clone());
    }
    let file = File::read(arguments.config.as_deref())?;
    if let Some(folder) = sds::Environment::read().folder(file.sds.as_ref()) {
        return Ok(folder.join(file_name));
    }
    let data_dir = match arguments.data_dir.clone().or(file.data_dir) {
        Some(data_dir) => data_dir,
        None => config::default_data_dir()?,
    };
    let folder = data_dir.join("sqlite").join(package::PACKAGE);
    Ok(folder.join(package::STORES).join(file_name))
}
