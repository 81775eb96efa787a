//! The web UI's files.

use bytes::Bytes;
use kraken_core::{
    Config, Core, Effect, Event, HttpRequest, HttpResponse, Limits, RequestId, Timestamp, Way,
};
use std::collections::BTreeMap;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn core(files: &[(&str, &str)]) -> Core {
    let page = |&(name, content): &(&str, &str)| (name.to_owned(), content.to_owned().into());
    Core::new(Config {
        limits: Limits::default(),
        settings: None,
        seed: [1; 32],
        pages: files.iter().map(page).collect::<BTreeMap<_, Bytes>>(),
        stopwatch: || 0,
        now: NOW,
    })
}

fn with_pages() -> Core {
    core(&[
        ("index.html", "<p>"),
        ("index.html.gz", "small"),
        ("assets/a.js", "1"),
    ])
}

fn get(core: &mut Core, way: Way, path: &str, header: (&str, &str)) -> HttpResponse {
    let http = HttpRequest {
        method: "GET".to_owned(),
        path: path.to_owned(),
        headers: vec![(header.0.to_owned(), header.1.to_owned())],
        way,
        ..HttpRequest::default()
    };
    let request = RequestId(1);
    core.handle(NOW, Event::Request { request, http });
    let responses = core.drain_effects().filter_map(|effect| match effect {
        Effect::Respond { response, .. } => Some(response),
        _ => None,
    });
    responses.last().unwrap()
}

fn header<'a>(response: &'a HttpResponse, name: &str) -> Option<&'a str> {
    let mut headers = response.headers.iter();
    let found = headers.find(|(own, _)| own == name)?;
    Some(&found.1)
}

#[test]
fn ui1_pages_are_the_same_every_way_and_may_use_nothing_of_others() {
    let mut core = with_pages();
    for way in [Way::Gateway, Way::Node, Way::Owner] {
        for path in ["/", "/index.html"] {
            let page = get(&mut core, way, path, ("accept", "*/*"));
            assert_eq!((page.status, &page.body[..]), (200, &b"<p>"[..]));
            assert_eq!(
                header(&page, "content-type"),
                Some("text/html; charset=utf-8")
            );
            let policy = header(&page, "content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'self';"), "{policy}");
            assert!(
                !policy.contains("unsafe") && !policy.contains("http"),
                "{policy}"
            );
        }
    }
    let script = get(&mut core, Way::Gateway, "/assets/a.js", ("accept", "*/*"));
    assert_eq!(
        header(&script, "content-type"),
        Some("text/javascript; charset=utf-8")
    );
    for path in [
        "/assets/b.js",
        "/assets/",
        "/index.html.gz",
        "/..",
        "//index.html",
    ] {
        let missing = get(&mut core, Way::Gateway, path, ("accept", "*/*"));
        assert_eq!(missing.status, 404, "{path}");
    }
    let mut bare = self::core(&[]);
    let missing = get(&mut bare, Way::Gateway, "/", ("accept", "*/*"));
    assert_eq!(missing.status, 404);
}

#[test]
fn ui2_pages_are_compressed_for_who_takes_it_and_sent_once() {
    let mut core = with_pages();
    for (accepts, compressed) in [
        ("gzip, br", true),
        ("br;q=1.0, gzip;q=0.8", true),
        ("br", false),
        ("", false),
        ("gzipped", false),
    ] {
        let page = get(&mut core, Way::Gateway, "/", ("accept-encoding", accepts));
        let body = if compressed { "small" } else { "<p>" };
        assert_eq!(page.body, body, "{accepts}");
        let encoding = header(&page, "content-encoding");
        assert_eq!(encoding, compressed.then_some("gzip"), "{accepts}");
    }
    let page = get(&mut core, Way::Gateway, "/", ("accept", "*/*"));
    let tag = header(&page, "etag").unwrap();
    for known in [tag.to_owned(), format!("W/{tag}"), format!("\"x\", {tag}")] {
        let again = get(&mut core, Way::Gateway, "/", ("if-none-match", &known));
        assert_eq!((again.status, again.body.len()), (304, 0), "{known}");
    }
    let other = get(&mut core, Way::Gateway, "/", ("if-none-match", "\"x\""));
    assert_eq!(other.status, 200);
}
