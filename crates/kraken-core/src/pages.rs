//! The web UI's files, as the package brings them.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What pages may do: use what comes from this very server, and nothing else.
pub(crate) const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; object-src 'none'";

/// The page that is at the root.
const INDEX: &str = "index.html";

/// All files, by their paths.
#[derive(Default)]
pub(crate) struct Pages(BTreeMap<String, Page>);

/// One file.
pub(crate) struct Page {
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    /// The same, compressed, if that came with it.
    pub(crate) gzip: Option<Bytes>,
    /// Changes with the content; in quotes.
    pub(crate) tag: String,
}

impl Pages {
    /// Takes files by their paths below the root, `index.html` for one. What is compressed is
    /// beside the file, as `index.html.gz`.
    pub(crate) fn new(mut files: BTreeMap<String, Bytes>) -> Self {
        let names: Vec<_> = files.keys().cloned().collect();
        let mut pages = BTreeMap::new();
        for name in names.into_iter().filter(|name| !name.ends_with(".gz")) {
            let gzip = files.remove(&format!("{name}.gz"));
            if let Some(body) = files.remove(&name) {
                pages.insert(name.clone(), Page::new(&name, body, gzip));
            }
        }
        Self(pages)
    }

    /// The file at a path as it stands in a request.
    pub(crate) fn get(&self, path: &str) -> Option<&Page> {
        match path.strip_prefix('/')? {
            "" => self.0.get(INDEX),
            name => self.0.get(name),
        }
    }
}

impl Page {
    fn new(name: &str, body: Bytes, gzip: Option<Bytes>) -> Self {
        let digest = Sha256::digest(&body);
        let tag: String = digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            content_type: content_type(name),
            body,
            gzip,
            tag: format!("\"{tag}\""),
        }
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" | "webmanifest" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
