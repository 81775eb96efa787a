//! Which pages may use the API: those of registered origins.

use super::whip::Door;
use super::{HttpRequest, HttpResponse};
use crate::origin::Origin;
use crate::registry::Registry;

/// The origin of the page that asks, if it may see the answer.
pub(super) fn allowed_origin<'a>(request: &'a HttpRequest, registry: &Registry) -> Option<&'a str> {
    let is_api = request.path.starts_with("/api/") || request.path == "/health";
    let is_api = is_api || Door::of(&request.path).is_some();
    let header = request.header("origin").filter(|_| is_api)?;
    let origin = Origin::parse(header)?;
    registry.of_origin(&origin).map(|_| header)
}

pub(super) fn is_preflight(request: &HttpRequest) -> bool {
    request.method == "OPTIONS" && request.header("access-control-request-method").is_some()
}

pub(super) fn preflight() -> HttpResponse {
    HttpResponse::empty(204)
        .header("access-control-allow-methods", "GET, POST, PATCH, DELETE")
        .header(
            "access-control-allow-headers",
            "authorization, content-type, if-match",
        )
        .header("access-control-max-age", "600")
}

/// Lets the page see the answer. Others' caches must not take it for theirs.
pub(super) fn allow(response: HttpResponse, origin: Option<&str>) -> HttpResponse {
    let response = response.header("vary", "origin");
    match origin {
        Some(origin) => response
            .header("access-control-allow-origin", origin)
            .header("access-control-expose-headers", "location, etag"),
        None => response,
    }
}
