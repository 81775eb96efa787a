//! Files.

use serde_json::{Value, json};

use crate::rig::Rig;

const DRIVE: &str = "/probe:test.os/drive";

/// Gives what the service answers, with the bytes it gives in their place.
async fn vfs(rig: &Rig, path: &str, action: Value, blob: Option<&str>) -> Value {
    let request = json!({"path": path, "action": action});
    let answer = rig.call("vfs:distro:sys", request, blob).await;
    match (&answer["body"], &answer["blob"]) {
        (Value::String(read), bytes) if read == "Read" => bytes.clone(),
        (body, _) => body.clone(),
    }
}

async fn rig() -> Rig {
    let rig = Rig::new().await;
    assert_eq!(vfs(&rig, DRIVE, json!("CreateDrive"), None).await, "Ok");
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_with_the_package_is_in_its_drive() {
    let rig = Rig::new().await;
    let folder = "/probe:test.os/pkg/ui";
    let read = vfs(&rig, &format!("{folder}/index.html"), json!("Read"), None).await;
    assert_eq!(read, "<p>hello");
    // `serve_ui` needs the paths like this.
    assert_eq!(
        vfs(&rig, &folder[1..], json!("ReadDir"), None).await,
        json!({"ReadDir": [{"path": "probe:test.os/pkg/ui/index.html", "file_type": "File"}]})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_a_position_that_reads_and_writes_move() {
    let rig = rig().await;
    let file = &format!("{DRIVE}/file.txt");
    assert_eq!(vfs(&rig, file, json!("CreateFile"), None).await, "Ok");
    assert_eq!(
        vfs(&rig, file, json!("WriteAll"), Some("hello ")).await,
        "Ok"
    );
    assert_eq!(
        vfs(&rig, file, json!("WriteAll"), Some("world")).await,
        "Ok"
    );
    assert_eq!(vfs(&rig, file, json!("Append"), Some("!")).await, "Ok");
    let start = json!({"Seek": {"Start": 6}});
    assert_eq!(
        vfs(&rig, file, start, None).await,
        json!({"SeekFrom": {"new_offset": 6}})
    );
    assert_eq!(
        vfs(&rig, file, json!({"ReadExact": {"length": 5}}), None).await,
        "world"
    );
    assert_eq!(vfs(&rig, file, json!("ReadToEnd"), None).await, "!");
    let open = json!({"OpenFile": {"create": false}});
    assert_eq!(vfs(&rig, file, open, None).await, "Ok");
    assert_eq!(
        vfs(&rig, file, json!("ReadToString"), None).await,
        json!({"ReadToString": "hello world!"})
    );
    assert_eq!(vfs(&rig, file, json!("Read"), None).await, "hello world!");
    assert_eq!(
        vfs(&rig, file, json!("Len"), None).await,
        json!({"Len": 12})
    );
    assert_eq!(vfs(&rig, file, json!({"SetLen": 5}), None).await, "Ok");
    assert_eq!(
        vfs(&rig, file, json!("Metadata"), None).await,
        json!({"Metadata": {"file_type": "File", "len": 5}})
    );
    let hash = vfs(&rig, file, json!("Hash"), None).await;
    assert_eq!(hash["Hash"][0], 0x2c);
    assert_eq!(vfs(&rig, file, json!("SyncAll"), None).await, "Ok");
    assert_eq!(vfs(&rig, file, json!("CloseFile"), None).await, "Ok");
    assert_eq!(
        vfs(&rig, file, json!("Write"), None).await,
        json!({"Err": "NoBlob"})
    );
    assert_eq!(vfs(&rig, file, json!("Write"), Some("new")).await, "Ok");
    assert_eq!(vfs(&rig, file, json!("Read"), None).await, "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_folders_are_made_moved_and_removed() {
    let rig = rig().await;
    let folder = &format!("{DRIVE}/a/b");
    assert!(vfs(&rig, folder, json!("CreateDir"), None).await["Err"].is_object());
    assert_eq!(vfs(&rig, folder, json!("CreateDirAll"), None).await, "Ok");
    let file = &format!("{folder}/file");
    let (copy, moved) = (format!("{DRIVE}/copy"), format!("{DRIVE}/moved"));
    assert_eq!(vfs(&rig, file, json!("Write"), Some("x")).await, "Ok");
    let copied = vfs(&rig, file, json!({"CopyFile": {"new_path": copy}}), None).await;
    assert_eq!(copied, "Ok");
    let renamed = vfs(&rig, file, json!({"Rename": {"new_path": moved}}), None).await;
    assert_eq!(renamed, "Ok");
    assert!(vfs(&rig, file, json!("Read"), None).await["Err"].is_object());
    assert_eq!(vfs(&rig, &copy, json!("Read"), None).await, "x");
    assert_eq!(vfs(&rig, &moved, json!("RemoveFile"), None).await, "Ok");
    assert_eq!(vfs(&rig, folder, json!("RemoveDir"), None).await, "Ok");
    assert_eq!(
        vfs(&rig, &format!("{DRIVE}/a"), json!("RemoveDirAll"), None).await,
        "Ok"
    );
    assert_eq!(
        vfs(&rig, DRIVE, json!("ReadDir"), None).await,
        json!({"ReadDir": [{"path": "probe:test.os/drive/copy", "file_type": "File"}]})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_the_package() {
    let rig = rig().await;
    let foreign = "/other:test.os/drive/file";
    assert_eq!(
        vfs(&rig, foreign, json!("Read"), None).await,
        json!({"Err": "NoReadCap"})
    );
    assert_eq!(
        vfs(&rig, foreign, json!("Write"), Some("x")).await,
        json!({"Err": "NoWriteCap"})
    );
    for path in ["/../../../etc/passwd", "/probe:test.os", "/etc/passwd", ""] {
        let answer = vfs(&rig, path, json!("Read"), None).await;
        assert!(answer["Err"]["ParseError"].is_object(), "{path}: {answer}");
    }
    let out = json!({"Rename": {"new_path": "/other:test.os/drive/file"}});
    assert_eq!(
        vfs(&rig, DRIVE, out, None).await,
        json!({"Err": "NoWriteCap"})
    );
    #[cfg(unix)]
    {
        let link = rig.home.0.join("vfs/probe:test.os/drive/link");
        std::os::unix::fs::symlink("/etc", link).unwrap();
        let answer = vfs(&rig, &format!("{DRIVE}/link/passwd"), json!("Read"), None).await;
        assert!(answer["Err"].is_object());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_refused_clearly() {
    let rig = rig().await;
    let answer = vfs(&rig, DRIVE, json!("AddZip"), Some("PK")).await;
    assert_eq!(
        answer["Err"]["IOError"],
        "this node doesn't unpack archives"
    );
}
