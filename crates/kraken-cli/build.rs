//! Lists the files of the web UI, so that the binary carries them: `pkg/ui`, if it has been built.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let folder = root.join("../../pkg/ui");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut list = String::from("[\n");
    if folder.is_dir() {
        add(&folder.canonicalize()?, "ui", &mut list)?;
    }
    list.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("ui.rs"), list)
}

fn add(folder: &Path, name: &str, list: &mut String) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        match path.is_dir() {
            true => add(&path, &name, list)?,
            // Writing to a string can't fail.
            false => {
                let _ = writeln!(list, "({name:?}, include_bytes!({path:?}).as_slice()),");
            }
        }
    }
    Ok(())
}
