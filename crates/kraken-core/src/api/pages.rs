//! The web UI's pages, for everybody: they hold nothing, and ask for what they need.

use super::{Answer, Failure, HttpRequest, HttpResponse};
use crate::Core;
use crate::pages::{POLICY, Page};

impl Core {
    /// The page that a request is for, if there is one.
    pub(super) fn page(&self, request: &HttpRequest) -> Option<Answer> {
        let page = self.pages.get(&request.path)?;
        Some(match request.method.as_str() {
            "GET" | "HEAD" => Ok(answer(page, request)),
            _ => Err(Failure::method_not_allowed("GET, HEAD")),
        })
    }
}

fn answer(page: &Page, request: &HttpRequest) -> HttpResponse {
    let lists = |name, item: &str| {
        let list = request.header(name).unwrap_or_default().split(',');
        let mut items = list.map(|entry| entry.split(';').next().unwrap_or_default().trim());
        items.any(|own| own.strip_prefix("W/").unwrap_or(own) == item)
    };
    let gzip = page
        .gzip
        .as_ref()
        .filter(|_| lists("accept-encoding", "gzip"));
    let is_known = lists("if-none-match", &page.tag);
    let headers = [
        ("content-type", page.content_type),
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        // Asked for each time, answered without a body if it is the same.
        ("cache-control", "no-cache"),
        ("vary", "accept-encoding"),
        ("etag", &page.tag),
    ];
    let response = HttpResponse {
        status: if is_known { 304 } else { 200 },
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        body: match (is_known, gzip) {
            (true, _) => Default::default(),
            (false, Some(gzip)) => gzip.clone(),
            (false, None) => page.body.clone(),
        },
    };
    match gzip {
        Some(_) if !is_known => response.header("content-encoding", "gzip"),
        _ => response,
    }
}
