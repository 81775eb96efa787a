//! Recordings on disk: each is a folder with a description and the files of its participants.

use kraken_call::Recording;
use kraken_recording::Container;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;

/// The description of a recording, in its folder.
const DESCRIPTION: &str = "recording.json";
/// Bytes of a description that is read.
const MOST_DESCRIPTION: u64 = 4 * 1024 * 1024;
/// Files of a recording. Participants who come and go make new ones.
const MOST_FILES: usize = 4_096;
/// Recordings that are listed.
const MOST_LISTED: usize = 200;
/// Recordings that begin in the same second and whose rooms look the same.
const MOST_NAMESAKES: u32 = 100;
/// Characters of a room or a participant in the name of a file.
const LONGEST_NAME: usize = 48;

/// The folder of all recordings.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    folder: PathBuf,
}

/// What a recording says about itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Description {
    /// `app:room`.
    room: String,
    /// In milliseconds since 1970.
    started: u64,
    /// In milliseconds since 1970; nothing while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<u64>,
    files: Vec<DescribedFile>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct DescribedFile {
    file: String,
    /// Who is heard and seen in it.
    peer: String,
    /// How long after the beginning of the recording its own time begins, in milliseconds.
    begins: u64,
}

impl Archive {
    /// Makes the folder if it isn't there.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        Ok(Self { folder })
    }

    /// Closes the recordings that were left open when an engine was killed.
    pub(super) fn mend(&self) -> io::Result<()> {
        for name in self.names()? {
            let folder = self.folder.join(name);
            if let Ok(mut description) = read(&folder)
                && description.ended.is_none()
            {
                let ended = last_change(&folder).unwrap_or(SystemTime::UNIX_EPOCH);
                description.ended = Some(milliseconds(ended).max(description.started));
                write(&folder, &description)?;
            }
        }
        Ok(())
    }

    /// Begins a recording.
    pub(super) fn begin(&self, room: &str) -> io::Result<Folder> {
        let now = SystemTime::now();
        let folder = self.create(room, now)?;
        let description = Description {
            room: room.to_owned(),
            started: milliseconds(now),
            ended: None,
            files: Vec::new(),
        };
        write(&folder, &description)?;
        Ok(Folder {
            folder,
            description,
            bytes: 0,
        })
    }

    /// The latest recordings, the newest first. What isn't one is passed over.
    pub(super) fn list(&self) -> io::Result<Vec<Recording>> {
        let mut names = self.names()?;
        names.sort_unstable_by(|one, other| other.cmp(one));
        let folders = names.iter().map(|name| self.folder.join(name));
        let recordings = folders.filter_map(|folder| {
            let description = read(&folder).ok()?;
            Some(recording(&folder, &description))
        });
        Ok(recordings.take(MOST_LISTED).collect())
    }

    /// Bytes that are free on the disk.
    pub(super) fn free(&self) -> io::Result<u64> {
        fs4::available_space(&self.folder)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.folder)?;
        let names = entries.flatten().map(|entry| entry.file_name());
        Ok(names.filter_map(|name| name.into_string().ok()).collect())
    }

    /// Makes a folder that wasn't there, whose name says when and what.
    fn create(&self, room: &str, now: SystemTime) -> io::Result<PathBuf> {
        let time = OffsetDateTime::from(now);
        let (date, clock) = (time.date(), time.time());
        let name = format!(
            "{date}T{:02}-{:02}-{:02}-{}",
            clock.hour(),
            clock.minute(),
            clock.second(),
            harmless(room)
        );
        let names = (2..MOST_NAMESAKES).map(|number| format!("{name}-{number}"));
        for name in [name.clone()].into_iter().chain(names) {
            let folder = self.folder.join(name);
            match fs::create_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                done => return done.map(|()| folder),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

/// The folder of a recording that goes on.
pub(super) struct Folder {
    folder: PathBuf,
    description: Description,
    /// Bytes of all files.
    bytes: u64,
}

impl Folder {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn recording(&self) -> Recording {
        recording(&self.folder, &self.description)
    }

    /// The recording is over.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let now = milliseconds(SystemTime::now());
        self.description.ended = Some(now.max(self.description.started));
        write(&self.folder, &self.description)
    }

    /// Makes the next file.
    fn create(&mut self, peer: &str, container: Container, begin: Duration) -> io::Result<File> {
        let number = self.description.files.len() + 1;
        if number > MOST_FILES {
            return Err(io::Error::other("the recording has too many files"));
        }
        let name = harmless(peer);
        let file = format!("{number:04}-{name}.{}", container.extension());
        let created = File::create_new(self.folder.join(&file))?;
        self.description.files.push(DescribedFile {
            file,
            peer: peer.to_owned(),
            begins: whole_milliseconds(begin),
        });
        write(&self.folder, &self.description)?;
        Ok(created)
    }
}

/// The files of one participant of a recording.
pub(super) struct ParticipantFiles {
    pub(super) folder: Rc<RefCell<Folder>>,
    pub(super) peer: String,
}

impl kraken_recording::Files for ParticipantFiles {
    type File = CountedFile;

    fn create(&mut self, container: Container, begin: Duration) -> io::Result<CountedFile> {
        let file = self
            .folder
            .borrow_mut()
            .create(&self.peer, container, begin)?;
        Ok(CountedFile {
            file,
            folder: self.folder.clone(),
        })
    }
}

/// A file whose bytes count for its recording.
pub(super) struct CountedFile {
    file: File,
    folder: Rc<RefCell<Folder>>,
}

impl Write for CountedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.folder.borrow_mut().bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for CountedFile {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        self.file.seek(place)
    }
}

fn recording(folder: &Path, description: &Description) -> Recording {
    let name = folder.file_name().unwrap_or_default();
    let files = description.files.iter();
    let files: Vec<PathBuf> = files.map(|file| folder.join(harmless_file(file))).collect();
    let sizes = files.iter().flat_map(fs::metadata);
    Recording {
        recording: name.to_string_lossy().into_owned(),
        room: description.room.clone(),
        started: description.started,
        ended: description.ended,
        bytes: sizes.map(|file| file.len()).sum(),
        files: files
            .iter()
            .map(|file| file.display().to_string())
            .collect(),
    }
}

/// The last part of a path, whatever the description says.
fn harmless_file(file: &DescribedFile) -> &Path {
    let name = Path::new(&file.file).file_name();
    name.map_or(Path::new("missing"), Path::new)
}

fn read(folder: &Path) -> io::Result<Description> {
    let path = folder.join(DESCRIPTION);
    if fs::metadata(&path)?.len() > MOST_DESCRIPTION {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

/// Writes all of a description or nothing.
fn write(folder: &Path, description: &Description) -> io::Result<()> {
    let unfinished = folder.join("recording.json.new");
    fs::write(&unfinished, serde_json::to_vec_pretty(description)?)?;
    fs::rename(unfinished, folder.join(DESCRIPTION))
}

fn last_change(folder: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let changes = entries.filter_map(|entry| entry.metadata().ok()?.modified().ok());
    changes.max()
}

/// A name that is one on every system and leads nowhere else: letters, digits, `-` and `_`.
fn harmless(name: &str) -> String {
    let characters = name.chars().take(LONGEST_NAME);
    characters
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => character,
            _ => '-',
        })
        .collect()
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    whole_milliseconds(since.unwrap_or_default())
}

fn whole_milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rc8_names_of_rooms_and_peers_lead_nowhere_else() {
        for (name, expected) in [
            ("app:room/one", "app-room-one"),
            ("../../etc/passwd", "------etc-passwd"),
            ("C:\\Users", "C--Users"),
            ("\0\n…", "---"),
        ] {
            assert_eq!(harmless(name), expected);
        }
        assert_eq!(harmless(&"x".repeat(300)).len(), LONGEST_NAME);
    }

    #[test]
    fn rc8_recordings_of_the_same_second_have_folders_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(folder.path()).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let name = |room| archive.create(room, now).unwrap();
        let names = [name("a:b"), name("a/b")];
        let names = names.map(|path| path.strip_prefix(&archive.folder).unwrap().to_owned());
        let expected = ["2001-09-09T01-46-40-a-b", "2001-09-09T01-46-40-a-b-2"];
        assert_eq!(names, expected.map(PathBuf::from));
    }

    #[test]
    fn rc10_what_is_no_recording_is_not_listed() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(folder.path()).unwrap();
        fs::write(folder.path().join("file"), "x").unwrap();
        fs::create_dir(folder.path().join("empty")).unwrap();
        fs::create_dir(folder.path().join("broken")).unwrap();
        fs::write(folder.path().join("broken").join(DESCRIPTION), "{").unwrap();
        archive.mend().unwrap();
        assert_eq!(archive.list().unwrap(), []);
    }
}
