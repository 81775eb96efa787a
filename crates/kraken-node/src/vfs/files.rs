//! Open files and their positions. All processes share the position of a file.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

/// How many files are open at a time.
const OPEN: usize = 100;
/// How many positions of files closed meanwhile are kept.
const POSITIONS: usize = 10_000;
/// The largest piece that is read at a time, in bytes.
const PIECE: u64 = 256 << 20;

#[derive(Default)]
pub(super) struct Files(Mutex<Open>);

type Shared = Arc<Mutex<File>>;

#[derive(Default)]
struct Open {
    files: HashMap<PathBuf, (Shared, u64)>,
    positions: HashMap<PathBuf, u64>,
    uses: u64,
}

impl Files {
    /// Creates a file or empties it.
    pub(super) fn create(&self, path: &Path) -> io::Result<()> {
        self.close(path);
        let file = options().create(true).truncate(true).open(path)?;
        self.0.lock().add(path, Arc::new(Mutex::new(file)));
        Ok(())
    }

    /// Opens a file at its beginning.
    pub(super) fn open(&self, path: &Path, create: bool) -> io::Result<()> {
        let file = match create {
            true => self.find(path, options().create(true))?,
            false => self.get(path)?,
        };
        file.lock().rewind()
    }

    pub(super) fn close(&self, path: &Path) {
        let mut open = self.0.lock();
        open.files.remove(path);
        open.positions.remove(path);
    }

    /// Writes at the position.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.get(path)?.lock().write_all(bytes)
    }

    pub(super) fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let file = self.get(path)?;
        let mut file = file.lock();
        file.seek(SeekFrom::End(0))?;
        file.write_all(bytes)
    }

    pub(super) fn sync(&self, path: &Path) -> io::Result<()> {
        self.get(path)?.lock().sync_all()
    }

    /// Reads from the position to the end.
    pub(super) fn read_to_end(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.get(path)?.lock().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn read_exact(&self, path: &Path, length: u64) -> io::Result<Vec<u8>> {
        if length > PIECE {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let file = self.get(path)?;
        let mut file = file.lock();
        let mut bytes = Vec::new();
        (&mut *file).take(length).read_to_end(&mut bytes)?;
        match bytes.len() as u64 == length {
            true => Ok(bytes),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    pub(super) fn seek(&self, path: &Path, position: SeekFrom) -> io::Result<u64> {
        self.get(path)?.lock().seek(position)
    }

    pub(super) fn len(&self, path: &Path) -> io::Result<u64> {
        Ok(self.get(path)?.lock().metadata()?.len())
    }

    pub(super) fn set_len(&self, path: &Path, length: u64) -> io::Result<()> {
        self.get(path)?.lock().set_len(length)
    }

    /// The SHA-256 of the whole file.
    pub(super) fn hash(&self, path: &Path) -> io::Result<[u8; 32]> {
        let file = self.get(path)?;
        let mut file = file.lock();
        file.rewind()?;
        let mut hash = Sha256::new();
        let mut piece = [0; 16 * 1024];
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(hash.finalize().into()),
                read => hash.update(&piece[..read]),
            }
        }
    }

    fn get(&self, path: &Path) -> io::Result<Shared> {
        self.find(path, &options())
    }

    fn find(&self, path: &Path, options: &OpenOptions) -> io::Result<Shared> {
        let mut open = self.0.lock();
        open.uses += 1;
        let uses = open.uses;
        if let Some((file, used)) = open.files.get_mut(path) {
            *used = uses;
            return Ok(file.clone());
        }
        let mut file = options.open(path)?;
        if let Some(position) = open.positions.remove(path) {
            file.seek(SeekFrom::Start(position))?;
        }
        let file = Arc::new(Mutex::new(file));
        open.add(path, file.clone());
        Ok(file)
    }
}

impl Open {
    fn add(&mut self, path: &Path, file: Shared) {
        if self.files.len() >= OPEN {
            self.close_oldest();
        }
        self.uses += 1;
        self.files.insert(path.to_owned(), (file, self.uses));
    }

    fn close_oldest(&mut self) {
        let oldest = self
            .files
            .iter()
            .min_by_key(|(_, (_, used))| *used)
            .map(|(path, _)| path.clone());
        let Some(path) = oldest else { return };
        let Some((file, _)) = self.files.remove(&path) else {
            return;
        };
        if let Some(position) = file
            .try_lock()
            .and_then(|mut file| file.stream_position().ok())
            && position != 0
            && self.positions.len() < POSITIONS
        {
            self.positions.insert(path, position);
        }
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options
}
