//! `/rpc:distro:sys/message`: messages to processes over HTTP, from this
//! machine only. It is what command-line tools use.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::http::plain;
use super::wire::to_json;
use crate::id::{ProcessId, random_id};
use crate::kernel::Kernel;
use crate::message::{Blob, Envelope, Message, Request};

/// Where it is served.
pub(super) const PATH: &str = "/rpc:distro:sys/message";

#[derive(Deserialize)]
struct Call {
    process: String,
    expects_response: Option<u64>,
    body: Option<String>,
    metadata: Option<String>,
    mime: Option<String>,
    /// The blob, in base64.
    data: Option<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    body: &'a [u8],
    lazy_load_blob: Option<AnswerBlob>,
}

#[derive(Serialize)]
struct AnswerBlob {
    mime: Option<String>,
    /// The bytes of their base64.
    bytes: Vec<u8>,
}

pub(super) async fn handle(kernel: &Arc<Kernel>, is_local: bool, body: &[u8]) -> Response {
    if !is_local {
        return plain(StatusCode::FORBIDDEN);
    }
    let Ok(call) = serde_json::from_slice::<Call>(body) else {
        return plain(StatusCode::BAD_REQUEST);
    };
    let Ok(target) = call.process.parse::<ProcessId>() else {
        return plain(StatusCode::BAD_REQUEST);
    };
    let expects_response = call.expects_response;
    let server = &kernel.http_server;
    let envelope = Envelope {
        id: random_id(),
        source: server.id.clone(),
        target,
        rsvp: expects_response.map(|_| server.id.clone()),
        message: Message::Request(Request {
            expects_response,
            body: call.body.unwrap_or_default().into(),
            metadata: call.metadata,
            ..Request::default()
        }),
        blob: call.data.and_then(|data| {
            Some(Blob {
                mime: call.mime,
                bytes: STANDARD.decode(data).ok()?.into(),
            })
        }),
    };
    if expects_response.is_none() {
        kernel.send(envelope).await;
        return plain(StatusCode::OK);
    }
    match server.pending.ask(kernel, envelope).await {
        Ok(answer) => respond(answer),
        Err(status) => plain(status),
    }
}

fn respond(answer: Envelope) -> Response {
    let Message::Response(message) = answer.message else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let body = to_json(&Answer {
        body: &message.body,
        lazy_load_blob: answer.blob.map(|blob| AnswerBlob {
            mime: blob.mime,
            bytes: STANDARD.encode(blob.bytes).into_bytes(),
        }),
    });
    let mut response = Response::new(Body::from(body));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}
