//! `vfs:distro:sys`: the files of packages, in drives.
//!
//! A path is `/package:publisher/drive/…`; a package reaches its own drives, and
//! those that it holds a capability for. What came with a package is in its drive `pkg`. As on a real node each
//! request runs on its own, so two that aren't awaited may swap.

mod files;
mod path;
mod wire;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tokio::sync::Semaphore;

use self::files::Files;
use self::path::{Resolved, Root};
use self::wire::{Action, Error, Reply, Request};
use crate::id::PackageId;
use crate::kernel::{Kernel, SERVICE_REQUESTS};
use crate::message::{Blob, Capability, Envelope, Message};

pub(crate) struct Vfs {
    service: Arc<Service>,
    slots: Arc<Semaphore>,
}

struct Service {
    root: Root,
    files: Files,
}

impl Vfs {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            service: Arc::new(Service {
                root: Root::open(folder)?,
                files: Files::default(),
            }),
            slots: Arc::new(Semaphore::new(SERVICE_REQUESTS)),
        })
    }

    /// Replaces what a package came with.
    pub(crate) fn replace_package<'a>(
        &self,
        package: &PackageId,
        files: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> io::Result<()> {
        let drive = self.service.root.package(package).join("pkg");
        match std::fs::remove_dir_all(&drive) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => std::fs::create_dir_all(&drive)?,
        }
        for (name, bytes) in files {
            let file = drive.join(path::relative(name)?);
            if let Some(folder) = file.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(file, bytes)?;
        }
        Ok(())
    }

    /// Reads a file of a package's drives.
    pub(crate) fn read(&self, package: &PackageId, path: &str) -> io::Result<Vec<u8>> {
        let path = self.service.root.resolve(path).map_err(io::Error::other)?;
        if path.owner != *package {
            return Err(io::Error::other(Error::NoReadCap));
        }
        std::fs::read(path.on_disk)
    }

    /// The folder for temporary files of a package.
    pub(crate) fn scratch(&self, package: &PackageId) -> PathBuf {
        self.service.root.package(package).join("tmp")
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
            let caller = weak.clone();
            let work = tokio::task::spawn_blocking(move || {
                let result = match caller.upgrade() {
                    Some(kernel) => service.run(&kernel, &envelope),
                    None => Err(Error::MalformedRequest),
                };
                (envelope, result)
            });
            if let (Ok((envelope, result)), Some(kernel)) = (work.await, weak.upgrade()) {
                let (reply, bytes) = result.unwrap_or_else(|error| {
                    tracing::debug!(source = %envelope.source, %error, "vfs refused a request");
                    (Reply::Err(error), None)
                });
                if envelope.expects_response() {
                    let body = serde_json::to_vec(&reply).unwrap_or_default();
                    let blob = bytes.map(|bytes| Blob {
                        mime: Some("application/octet-stream".to_owned()),
                        bytes: bytes.into(),
                    });
                    kernel.send(envelope.answer(body, blob)).await;
                }
            }
            drop(slot);
        });
    }
}

impl Service {
    fn run(&self, kernel: &Kernel, envelope: &Envelope) -> Result<(Reply, Option<Vec<u8>>), Error> {
        let Message::Request(message) = &envelope.message else {
            return Err(Error::MalformedRequest);
        };
        let request: Request =
            serde_json::from_slice(&message.body).map_err(|_| Error::MalformedRequest)?;
        let resolve = |path: &str, writes: bool| {
            let path = self.root.resolve(path)?;
            match may(kernel, envelope, &path, writes) {
                true => Ok(path),
                false if writes => Err(Error::NoWriteCap),
                false => Err(Error::NoReadCap),
            }
        };
        let path = resolve(&request.path, request.action.writes())?;
        let (file, files) = (path.on_disk.as_path(), &self.files);
        let bytes = || {
            envelope
                .blob
                .as_ref()
                .map(|blob| &blob.bytes[..])
                .ok_or(Error::NoBlob)
        };
        let reply = match request.action {
            Action::CreateDrive => {
                std::fs::create_dir_all(&path.drive)?;
                Reply::Ok
            }
            Action::CreateDir => done(std::fs::create_dir(file))?,
            Action::CreateDirAll => done(std::fs::create_dir_all(file))?,
            Action::CreateFile => done(files.create(file))?,
            Action::OpenFile { create } => done(files.open(file, create))?,
            Action::CloseFile => {
                files.close(file);
                Reply::Ok
            }
            Action::Write => done(std::fs::write(file, bytes()?))?,
            Action::WriteAll => done(files.write(file, bytes()?))?,
            Action::Append => done(files.append(file, bytes()?))?,
            Action::SyncAll => done(files.sync(file))?,
            Action::Read => return Ok((Reply::Read, Some(std::fs::read(file)?))),
            Action::ReadToEnd => return Ok((Reply::Read, Some(files.read_to_end(file)?))),
            Action::ReadExact { length } => {
                return Ok((Reply::Read, Some(files.read_exact(file, length)?)));
            }
            Action::ReadToString => Reply::ReadToString(
                String::from_utf8(files.read_to_end(file)?)
                    .map_err(|_| Error::IOError("stream did not contain valid UTF-8".to_owned()))?,
            ),
            Action::ReadDir => Reply::ReadDir(self.root.list(file)?),
            Action::Seek(position) => Reply::SeekFrom {
                new_offset: files.seek(file, position.into())?,
            },
            Action::RemoveFile => {
                std::fs::remove_file(file)?;
                files.close(file);
                Reply::Ok
            }
            Action::RemoveDir => done(std::fs::remove_dir(file))?,
            Action::RemoveDirAll => done(std::fs::remove_dir_all(file))?,
            Action::Rename { new_path } => {
                let new_path = resolve(&new_path, true)?;
                done(std::fs::rename(file, new_path.on_disk))?
            }
            Action::CopyFile { new_path } => {
                let new_path = resolve(&new_path, true)?;
                done(std::fs::copy(file, new_path.on_disk).map(|_| ()))?
            }
            Action::Metadata => Reply::Metadata((&std::fs::metadata(file)?).into()),
            Action::Len => Reply::Len(files.len(file)?),
            Action::SetLen(length) => done(files.set_len(file, length))?,
            Action::Hash => Reply::Hash(files.hash(file)?),
            Action::AddZip => {
                let error = "this node doesn't unpack archives".to_owned();
                return Err(Error::IOError(error));
            }
        };
        Ok((reply, None))
    }
}

/// Whether a drive is the requester's own, or one that it was given.
fn may(kernel: &Kernel, envelope: &Envelope, path: &Resolved, writes: bool) -> bool {
    let kind = match writes {
        true => "write",
        false => "read",
    };
    let source = &envelope.source;
    let needed = Capability {
        node: kernel.our.as_ref().to_owned(),
        issuer: envelope.target.clone(),
        params: json!({"kind": kind, "drive": path.drive_name}).to_string(),
    };
    source.package_id() == path.owner || kernel.rights.holds(source, &needed)
}

fn done(result: io::Result<()>) -> Result<Reply, Error> {
    result?;
    Ok(Reply::Ok)
}
