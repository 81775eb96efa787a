//! What the owner has set, kept in the process's state.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kinode_process_lib::vfs::{create_drive, create_file};
use kinode_process_lib::{Address, get_state, println, set_state};
use kraken_core::{Credentials, Durability, SetupReply, SetupRequest, TokenHash};
use serde::{Deserialize, Serialize};
use yrs::ClientID;

/// The drive and file in which the owner finds the link key:
/// `<home>/vfs/kraken:template.os/link/key`.
const LINK_DRIVE: &str = "link";
const LINK_FILE: &str = "key";

/// A request of somebody at the node's terminal.
#[derive(Debug, Deserialize)]
pub(crate) enum OwnerRequest {
    /// `{"Setup": {…}}`, answered by a [`SetupReply`].
    Setup(SetupRequest),
}

/// What survives a restart of the process.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) credentials: Credentials,
    pub(crate) durability: Durability,
    link_key: String,
}

impl Settings {
    /// Reads the settings, or makes them at the very first start.
    pub(crate) fn load(our: &Address) -> Self {
        let stored = get_state().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        let mut settings = stored.unwrap_or_default();
        if settings.link_key.is_empty() {
            settings.link_key = URL_SAFE_NO_PAD.encode(random());
            settings.save();
        }
        if let Err(error) = settings.write_link_key(our) {
            println!("kraken: can't write the link key for the owner: {error:#}");
        }
        settings
    }

    /// Takes over what is given, makes the tokens that are missing.
    pub(crate) fn set_up(&mut self, request: &SetupRequest) -> SetupReply {
        let reply = self.credentials.set_up(request, random);
        self.durability = request.durability.unwrap_or(self.durability);
        self.save();
        reply
    }

    /// Whether `key` is the sidecar's key. Takes the same time either way.
    pub(crate) fn is_link_key(&self, key: &[u8]) -> bool {
        let key = String::from_utf8_lossy(key);
        TokenHash::of(&self.link_key).matches(&key)
    }

    fn save(&self) {
        match serde_json::to_vec(self) {
            Ok(bytes) => set_state(&bytes),
            Err(error) => println!("kraken: can't keep the settings: {error}"),
        }
    }

    fn write_link_key(&self, our: &Address) -> anyhow::Result<()> {
        let drive = create_drive(our.package_id(), LINK_DRIVE, None).context("no drive for it")?;
        let file = create_file(&format!("{drive}/{LINK_FILE}"), None).context("no file for it")?;
        file.write(self.link_key.as_bytes()).context("not written")
    }
}

/// Random bytes of the node's.
fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // Without randomness no secret is one: better no process than an open one.
        println!("kraken: the node gives no random numbers: {error}");
        std::process::abort();
    }
    bytes
}

/// A name for the core as a Yjs client: 32 random bits, as Yjs has them.
pub(crate) fn random_client() -> ClientID {
    let [a, b, c, d, ..] = random();
    ClientID::new(u32::from_le_bytes([a, b, c, d]).into())
}
