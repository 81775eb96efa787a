//! `sqlite:distro:sys`: databases of packages.
//!
//! Each request runs on its own, and they complete in no particular order, as
//! on a real node. A transaction is a list of statements until it is committed.

mod databases;
mod statement;
mod transactions;
mod values;
mod wire;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Semaphore;

use self::databases::{Databases, Elsewhere};
use self::transactions::Transactions;
use self::wire::{Action, Error, Reply, Request};
use crate::id::PackageId;
use crate::kernel::{Kernel, SERVICE_REQUESTS};
use crate::message::{Blob, Envelope, Message};

pub(crate) struct Sqlite {
    service: Arc<Service>,
    slots: Arc<Semaphore>,
}

struct Service {
    databases: Databases,
    transactions: Transactions,
}

/// A database: whose, and its name.
type Key = (PackageId, String);

impl Sqlite {
    pub(crate) fn open(folder: &Path, elsewhere: Elsewhere) -> std::io::Result<Self> {
        Ok(Self {
            service: Arc::new(Service {
                databases: Databases::open(folder, elsewhere)?,
                transactions: Transactions::default(),
            }),
            slots: Arc::new(Semaphore::new(SERVICE_REQUESTS)),
        })
    }

    pub(crate) fn handle(&self, kernel: &Arc<Kernel>, envelope: Envelope) {
        if let Message::Response(_) = envelope.message {
            return;
        }
        let Some(slot) = kernel.slot(&self.slots, &envelope) else {
            return;
        };
        let service = self.service.clone();
        let weak = Arc::downgrade(kernel);
        let held_back = kernel.hold_back();
        kernel.runtime.spawn(async move {
            held_back.await;
            let (reply, rows) = match service.run(&envelope).await {
                Ok(done) => done,
                Err(error) => {
                    tracing::debug!(source = %envelope.source, %error, "sqlite refused a request");
                    (Reply::Err(error), None)
                }
            };
            if let Some(kernel) = weak.upgrade()
                && envelope.expects_response()
            {
                let body = serde_json::to_vec(&reply).unwrap_or_default();
                let blob = rows.map(|rows| Blob {
                    mime: Some("application/octet-stream".to_owned()),
                    bytes: rows.into(),
                });
                kernel.send(envelope.answer(body, blob)).await;
            }
            drop(slot);
        });
    }
}

impl Service {
    async fn run(&self, envelope: &Envelope) -> Result<(Reply, Option<Vec<u8>>), Error> {
        let Message::Request(message) = &envelope.message else {
            return Err(Error::MalformedRequest);
        };
        let request: Request =
            serde_json::from_slice(&message.body).map_err(|_| Error::MalformedRequest)?;
        let is_own = envelope.source.package_id() == request.package_id;
        let key = (request.package_id, request.db);
        let blob = envelope.blob.clone();
        // They may be many: they are read where the statement is run, on a thread that may block.
        let parameters = move || values::parameters(blob.as_ref());
        if matches!(request.action, Action::Open | Action::RemoveDb) && !is_own {
            return Err(Error::MismatchingPackageId);
        }
        if !is_own || !matches!(request.action, Action::Open) && !self.databases.exists(&key) {
            return Err(match request.action {
                Action::Query(_) => Error::NoReadCap,
                _ => Error::NoWriteCap,
            });
        }
        match request.action {
            Action::Open => {
                self.databases.get(&key).await?;
            }
            Action::RemoveDb => self.databases.remove(&key).await?,
            Action::BeginTx => {
                let tx_id = self.transactions.begin()?;
                return Ok((Reply::BeginTx { tx_id }, None));
            }
            Action::Query(query) => {
                statement::check_read(&query)?;
                let rows = self
                    .databases
                    .with(&key, move |database| {
                        statement::query(database, &query, &parameters()?)
                    })
                    .await?;
                return Ok((Reply::Read, Some(rows)));
            }
            Action::Write { statement, tx_id } => {
                statement::check_write(&statement)?;
                match tx_id {
                    Some(tx_id) => {
                        let write = (statement, parameters()?);
                        self.transactions.add(tx_id, write)?;
                    }
                    None => {
                        self.databases
                            .with(&key, move |database| {
                                statement::write(database, &(statement, parameters()?))
                            })
                            .await?;
                    }
                }
            }
            Action::Commit { tx_id } => {
                let writes = self.transactions.take(tx_id)?;
                self.databases
                    .with(&key, move |database| statement::commit(database, &writes))
                    .await?;
            }
        }
        Ok((Reply::Ok, None))
    }
}
