//! One HTTP request. No TLS, and redirects aren't followed, as a real node's are.

use std::collections::HashMap;

use anyhow::{Context, anyhow, bail};
use axum::http::response::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::wire::{Error, Head, Outgoing};
use crate::message::Blob;

/// The largest body of a response, in bytes. A real node has no limit.
const RESPONSE: usize = 256 << 20;

/// Sends a request and awaits all of the response.
pub(super) async fn execute(outgoing: Outgoing, blob: Option<Blob>) -> Result<(Head, Blob), Error> {
    let Ok(method) = Method::from_bytes(outgoing.method.as_bytes()) else {
        let method = outgoing.method;
        return Err(Error::BadMethod { method });
    };
    let url = outgoing.url;
    let uri = match url.parse::<Uri>() {
        Ok(uri) if uri.scheme().is_some() && uri.host().is_some() => uri,
        _ => return Err(Error::BadUrl { url }),
    };
    let version = version(outgoing.version)?;
    let body = Full::new(blob.map(|blob| blob.bytes).unwrap_or_default());
    let (head, bytes) = exchange(method, uri, version, &outgoing.headers, body)
        .await
        .map_err(|error| Error::ExecuteRequestFailed(format!("{error:#}")))?;
    let head = Head {
        status: head.status.as_u16(),
        headers: pascal_case(&head.headers),
    };
    Ok((head, Blob { mime: None, bytes }))
}

fn version(named: Option<String>) -> Result<Version, Error> {
    match named.as_deref() {
        None | Some("HTTP/1.1") => Ok(Version::HTTP_11),
        Some("HTTP/1.0") => Ok(Version::HTTP_10),
        Some("HTTP/0.9" | "HTTP/2.0" | "HTTP/3.0") => Err(Error::ExecuteRequestFailed(
            "this node only speaks HTTP/1".to_owned(),
        )),
        Some(other) => Err(Error::BadVersion {
            version: other.to_owned(),
        }),
    }
}

async fn exchange(
    method: Method,
    uri: Uri,
    version: Version,
    headers: &HashMap<String, String>,
    body: Full<Bytes>,
) -> anyhow::Result<(Parts, Bytes)> {
    if uri.scheme_str() != Some("http") {
        bail!("this node's client only speaks http");
    }
    let authority = uri.authority().context("no host")?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = path.parse()?;
    *request.version_mut() = version;
    let request_headers = request.headers_mut();
    request_headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    request_headers.insert(header::HOST, authority.as_str().parse()?);
    request_headers.extend(valid(headers));

    let host = authority.host().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80)))
        .await
        .context("can't connect")?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let exchange = async move {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, RESPONSE).collect().await;
        let body = body.map_err(|error| anyhow!(error))?;
        Ok((head, body.to_bytes()))
    };
    tokio::pin!(exchange);
    tokio::select! {
        done = &mut exchange => done,
        // It ends with what is left to read, or tells why it broke.
        ended = connection => {
            ended?;
            exchange.await
        }
    }
}

/// Those headers that can be sent.
pub(super) fn valid(headers: &HashMap<String, String>) -> HeaderMap {
    let headers = headers.iter().filter_map(|(name, value)| {
        Some((
            HeaderName::from_bytes(name.as_bytes()).ok()?,
            HeaderValue::from_str(value).ok()?,
        ))
    });
    headers.collect()
}

/// The headers of a response as a process gets them: `Content-Type`, and the
/// last of those that are there more than once.
fn pascal_case(headers: &HeaderMap) -> HashMap<String, String> {
    let capitalize = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    let headers = headers.iter().map(|(name, value)| {
        let words: Vec<_> = name.as_str().split('-').map(capitalize).collect();
        let value = value.to_str().unwrap_or_default();
        (words.join("-"), value.to_owned())
    });
    headers.collect()
}
