//! Replays the corpus of the fuzz target. With `KRAKEN_WRITE_CORPUS` set, writes the seeds that
//! fuzzing starts from.

use bytes::Bytes;
use kraken_link::{Endpoint, ToProcess, ToSidecar, fuzz};
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/fuzz/corpus/link")
}

#[test]
fn the_corpus_of_frames_is_harmless() {
    if std::env::var_os("KRAKEN_WRITE_CORPUS").is_some() {
        write_seeds();
    }
    let mut count = 0;
    for file in fs::read_dir(folder()).unwrap() {
        fuzz::link(&fs::read(file.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "no corpus");
}

fn write_seeds() {
    let mut sidecar = Endpoint::sidecar();
    sidecar.queue(&ToProcess::Hello {
        version: 1,
        key: Bytes::from_static(b"key"),
    });
    sidecar.queue(&ToProcess::Binary {
        connection: 1,
        payload: Bytes::from_static(&[0, 0, 1, 0]),
    });
    fs::write(folder().join("to-process"), sidecar.poll_frame().unwrap()).unwrap();
    let mut process = Endpoint::process();
    process.queue(&ToSidecar::Welcome { version: 1 });
    process.queue(&ToSidecar::Publish {
        topic: 1,
        except: 2,
        payload: Bytes::from_static(&[0, 2, 2, 0, 0]),
    });
    fs::write(folder().join("to-sidecar"), process.poll_frame().unwrap()).unwrap();
}
