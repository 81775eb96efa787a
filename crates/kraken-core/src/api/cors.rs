//! Which pages may use the API: those of registered origins.

use super::{HttpRequest, HttpResponse};
use crate::origin::Origin;
use crate::registry::Registry;

/// The origin of the page that asks, if it may see the answer.
pub(super) fn allowed_origin<'a>(request: &'a HttpRequest, registry: &Registry) -> Option<&'a str> {
    let is_api = request.path.starts_with("/api/") || request.path == "/health";
    let header = request.header("origin").filter(|_| is_api)?;
    let origin = Origin::parse(header)?;
    registry.of_origin(&origin).map(|_| header)
}

pub(super) fn is_preflight(request: &HttpRequest) -> bool {
    request.method == "OPTIONS" && request.header("access-control-request-method").is_some()
}

pub(super) fn preflight() -> HttpResponse {
    HttpResponse {
        status: 204,
        headers: Vec::new(),
        body: Default::default(),
    }
    .header("access-control-allow-methods", "GET, POST, PATCH, DELETE")
    .header(
        "access-control-allow-headers",
        "authorization, content-type",
    )
    .header("access-control-max-age", "600")
}

/// Lets the page see the answer. Others' caches must not take it for theirs.
pub(super) fn allow(response: HttpResponse, origin: Option<&str>) -> HttpResponse {
    let response = response.header("vary", "origin");
    match origin {
        Some(origin) => response.header("access-control-allow-origin", origin),
        None => response,
    }
}
