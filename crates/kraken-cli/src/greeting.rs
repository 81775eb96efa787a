//! What is said on standard output at the start.

use kraken_core::SetupReply;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::SocketAddr;

/// Where to connect; programs wait for this line.
pub(crate) fn listening(address: SocketAddr) -> io::Result<()> {
    say(&format!("listening on http://{address}\n"))
}

/// Tokens that were made just now, and how to use them: they are never shown again.
pub(crate) fn new_tokens(address: SocketAddr, tokens: &SetupReply) -> io::Result<()> {
    let (mut text, mut page) = (String::new(), String::new());
    if tokens.master_token.is_some() || tokens.admin_token.is_some() {
        text.push_str("\nNew tokens. Keep them: only hashes of them are stored.\n\n");
    }
    if let Some(admin) = &tokens.admin_token {
        let _ = writeln!(text, "  admin token   {admin}");
        page = format!(
            "\nOpen this in a browser, to write together and to run Kraken:\n\n  \
             http://{address}/#admin={admin}\n"
        );
    }
    if let Some(master) = &tokens.master_token {
        let _ = writeln!(text, "  master token  {master}");
        page.push_str(&snippet(address, master));
    }
    text.push_str(&page);
    say(&text)
}

fn snippet(address: SocketAddr, token: &str) -> String {
    format!(
        "
Paste this into an app that uses y-websocket (npm install yjs y-websocket):

  import * as Y from 'yjs'
  import {{ WebsocketProvider }} from 'y-websocket'

  const doc = new Y.Doc()
  const provider = new WebsocketProvider(
    'ws://{address}', 'my-document', doc,
    {{ params: {{ token: '{token}' }} }}
  )
  provider.on('status', ({{ status }}) => console.log(status))

"
    )
}

/// Writes to standard output, at once.
pub(crate) fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
