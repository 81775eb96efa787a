//! What survives a restart of the process.

use anyhow::Context;
use kinode_process_lib::vfs::{VfsAction, VfsRequest, create_drive, create_file};
use kinode_process_lib::{Address, Request, get_state, println, set_state};
use kraken_core::{Settings, SetupRequest};
use serde::{Deserialize, Serialize};

/// The drive and file in which the owner finds the link key:
/// `<home>/vfs/kraken:template.os/link/key`.
const LINK_DRIVE: &str = "link";
const LINK_FILE: &str = "key";

/// A request of somebody at the node's terminal.
#[derive(Debug, Deserialize)]
pub(crate) enum OwnerRequest {
    /// `{"Setup": {…}}`, answered by a [`kraken_core::SetupReply`].
    Setup(SetupRequest),
}

/// The process's state, as far as it is kept.
pub(crate) struct State {
    kept: Option<Kept>,
    /// Where the owner finds the link key, once the process is running.
    key_file: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    settings: Settings,
    /// The channel of the last link. It is still open when the process is started again, and
    /// is the only one that may be told so.
    #[serde(default)]
    link: Option<u32>,
}

impl State {
    /// Reads the state.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let kept = get_state()
            .map(|bytes| serde_json::from_slice(&bytes))
            .transpose()?;
        Ok(Self {
            kept,
            key_file: None,
        })
    }

    /// Shows the owner the link key. Waits for the node, so it is for the start only.
    pub(crate) fn show_link_key(&mut self, our: &Address) {
        let key = self.settings().map_or("", Settings::link_key);
        match make_key_file(our, key) {
            Ok(path) => self.key_file = Some(path),
            Err(error) => println!("kraken: no file for the link key: {error:#}"),
        }
    }

    /// The settings that were kept.
    pub(crate) fn settings(&self) -> Option<&Settings> {
        self.kept.as_ref().map(|kept| &kept.settings)
    }

    /// The channel of the last link.
    pub(crate) fn link(&self) -> Option<u32> {
        self.kept.as_ref()?.link
    }

    /// Keeps the settings from now on.
    pub(crate) fn save(&mut self, settings: Settings) {
        let last = self.settings().map(Settings::link_key);
        if last.is_some_and(|key| key != settings.link_key()) {
            self.replace_link_key(settings.link_key());
        }
        let link = self.link();
        self.keep(Kept { settings, link });
    }

    /// Keeps the channel of the link from now on.
    pub(crate) fn save_link(&mut self, channel: u32) {
        if let Some(kept) = self.kept.take() {
            self.keep(Kept {
                link: Some(channel),
                ..kept
            });
        }
    }

    fn keep(&mut self, kept: Kept) {
        match serde_json::to_vec(&kept) {
            Ok(bytes) => set_state(&bytes),
            Err(error) => println!("kraken: can't keep the settings: {error}"),
        }
        self.kept = Some(kept);
    }

    /// Shows the owner a new link key. Waits for nothing: the process is running.
    fn replace_link_key(&self, key: &str) {
        let Some(path) = &self.key_file else {
            return;
        };
        let request = VfsRequest {
            path: path.clone(),
            action: VfsAction::Write,
        };
        let sent = Request::to(("our", "vfs", "distro", "sys"))
            .body(serde_json::to_vec(&request).unwrap_or_default())
            .blob_bytes(key.as_bytes())
            .send();
        debug_assert!(sent.is_ok(), "target and body are set");
    }
}

fn make_key_file(our: &Address, key: &str) -> anyhow::Result<String> {
    let drive = create_drive(our.package_id(), LINK_DRIVE, None).context("no drive")?;
    let path = format!("{drive}/{LINK_FILE}");
    let file = create_file(&path, None).context("not made")?;
    file.write(key.as_bytes()).context("not written")?;
    Ok(path)
}

/// Random bytes of the node's.
pub(crate) fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // Without randomness no secret is one: better no process than an open one.
        println!("kraken: the node gives no random numbers: {error}");
        std::process::abort();
    }
    bytes
}
