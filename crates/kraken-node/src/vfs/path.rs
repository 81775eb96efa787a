//! From a process's path to one on disk, and nowhere else.

use std::io;
use std::path::{Component, Path, PathBuf};

use super::wire::{DirEntry, Error};
use crate::id::PackageId;

/// The folder with a folder for each package, with a folder for each drive.
pub(super) struct Root(PathBuf);

/// Where a path leads.
#[derive(Debug)]
pub(super) struct Resolved {
    /// The package whose drive it is.
    pub(super) owner: PackageId,
    /// The drive as capabilities name it: `/package:publisher/drive`.
    pub(super) drive_name: String,
    pub(super) drive: PathBuf,
    pub(super) on_disk: PathBuf,
}

impl Root {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self(folder.canonicalize()?))
    }

    pub(super) fn package(&self, package: &PackageId) -> PathBuf {
        self.0.join(package.to_string())
    }

    /// Resolves a path, in whosever drive. It may not lead out of the drive,
    /// neither by `..` nor by a symbolic link.
    pub(super) fn resolve(&self, path: &str) -> Result<Resolved, Error> {
        let invalid = |error: &str| Error::ParseError {
            error: error.to_owned(),
            path: path.to_owned(),
        };
        let mut parts = Vec::new();
        for component in Path::new(path).components() {
            match component {
                Component::Normal(part) => parts.push(part),
                Component::RootDir | Component::CurDir => {}
                Component::ParentDir => {
                    parts
                        .pop()
                        .ok_or_else(|| invalid("input path tries to escape the drives"))?;
                }
                Component::Prefix(_) => return Err(invalid("malformed path")),
            }
        }
        let [owner, drive, rest @ ..] = parts.as_slice() else {
            return Err(invalid("malformed path"));
        };
        let owner = owner
            .to_str()
            .and_then(|owner| owner.parse::<PackageId>().ok());
        let owner = owner.ok_or_else(|| invalid("not a package"))?;
        let drive_name = format!("/{owner}/{}", drive.display());
        let drive = self.package(&owner).join(drive);
        let mut on_disk = drive.clone();
        refuse_link(&on_disk)?;
        for part in rest {
            on_disk.push(part);
            refuse_link(&on_disk)?;
        }
        Ok(Resolved {
            owner,
            drive_name,
            drive,
            on_disk,
        })
    }

    /// Lists a folder, with paths that begin at the package.
    pub(super) fn list(&self, folder: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            let path = path.strip_prefix(&self.0).unwrap_or(&path);
            entries.push(DirEntry {
                path: path.display().to_string(),
                file_type: entry.file_type()?.into(),
            });
        }
        Ok(entries)
    }
}

/// A path inside of a package, without a way out.
pub(super) fn relative(name: &str) -> io::Result<PathBuf> {
    let mut path = PathBuf::new();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(io::Error::other(format!(
                    "not a path in a package: {name:?}"
                )));
            }
        }
    }
    Ok(path)
}

fn refuse_link(path: &Path) -> Result<(), Error> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_symlink() => {
            Err(Error::IOError("symbolic links are not followed".to_owned()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_in_its_drive() {
        let folder = std::env::temp_dir().join(format!("kraken-node-vfs-{}", std::process::id()));
        let root = Root::open(&folder).unwrap();
        let package: PackageId = "chat:example.os".parse().unwrap();
        let resolve = |path: &str| root.resolve(path);

        let file = resolve("/chat:example.os/pkg/ui/../a.txt").unwrap();
        assert!(file.on_disk.ends_with("chat:example.os/pkg/a.txt"));
        assert_eq!(file.owner, package);
        assert_eq!(file.drive_name, "/chat:example.os/pkg");
        assert!(resolve("chat:example.os/pkg").is_ok());
        // Whose drive it ends in is what counts.
        for other in [
            "/chat:example.os/pkg/../../other:example.os/pkg/secret",
            "/other:example.os/pkg/secret",
        ] {
            let owner = resolve(other).unwrap().owner.to_string();
            assert_eq!(owner, "other:example.os", "{other}");
        }
        for bad in ["/", "/chat:example.os", "/../../etc/passwd", "/etc/passwd"] {
            assert!(
                matches!(resolve(bad), Err(Error::ParseError { .. })),
                "{bad}"
            );
        }

        #[cfg(unix)]
        {
            std::fs::create_dir_all(root.package(&package).join("pkg")).unwrap();
            let link = root.package(&package).join("pkg/link");
            std::os::unix::fs::symlink("/etc", link).unwrap();
            assert!(resolve("/chat:example.os/pkg/link/passwd").is_err());
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
