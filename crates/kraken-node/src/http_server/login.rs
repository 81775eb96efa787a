//! Who is logged in: those with the node's cookie.

use std::io::Write;
use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::bindings::Access;
use super::wire::to_json;

/// The largest request to log in, in bytes.
pub(super) const REQUEST: usize = 16 * 1024;

/// One secret per node, kept in a file of the home folder unless it is given. It
/// is what one logs in with, and what the cookie holds.
pub(super) struct Login {
    secret: String,
    cookie: String,
    page: String,
}

#[derive(Deserialize)]
struct Request {
    password_hash: String,
    #[serde(default)]
    subdomain: Option<String>,
}

impl Login {
    pub(super) fn open(our: &str, home: &Path, given: Option<String>) -> anyhow::Result<Self> {
        Ok(Self {
            secret: match given {
                Some(secret) => secret,
                None => secret(&home.join("http-secret"))?,
            },
            cookie: format!("kinode-auth_{our}"),
            page: include_str!("login.html").replace("${node}", our),
        })
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    pub(super) fn cookie_name(&self) -> &str {
        &self.cookie
    }

    /// Whether the cookies are those of somebody who may use the path.
    pub(super) fn allows(&self, access: &Access, host: &str, headers: &HeaderMap) -> bool {
        match access {
            Access::Everybody => true,
            Access::LoggedIn => self.has_cookie(headers, &self.cookie),
            Access::Secure(subdomain) => {
                host.split('.').next() == Some(subdomain.as_str())
                    && self.has_cookie(headers, &format!("{}@{subdomain}", self.cookie))
            }
        }
    }

    /// The page that asks for the secret.
    pub(super) fn page(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.page.clone()));
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("text/html; charset=utf-8"),
        );
        response
    }

    /// Sets the cookie for one who knows the secret. As on a real node, it is
    /// neither HttpOnly, nor Secure, nor SameSite.
    pub(super) fn log_in(&self, body: &[u8]) -> Response<Body> {
        let Ok(request) = serde_json::from_slice::<Request>(body) else {
            return answer(StatusCode::BAD_REQUEST, "malformed login", None);
        };
        if !is_same(&request.password_hash, &self.secret) {
            return answer(StatusCode::UNAUTHORIZED, "wrong password", None);
        }
        let (name, secret) = (&self.cookie, &self.secret);
        let cookie = match request.subdomain.as_deref().unwrap_or_default() {
            "" => format!("{name}={secret};"),
            subdomain => format!("{name}@{subdomain}={secret};"),
        };
        answer(StatusCode::OK, "logged in", Some(cookie))
    }

    fn has_cookie(&self, headers: &HeaderMap, name: &str) -> bool {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|cookies| cookies.to_str().ok())
            .flat_map(|cookies| cookies.split("; "))
            .filter_map(|cookie| cookie.split_once('='))
            .any(|(its_name, value)| its_name == name && is_same(value, &self.secret))
    }
}

fn answer(status: StatusCode, text: &str, cookie: Option<String>) -> Response<Body> {
    let mut response = Response::new(Body::from(to_json(&text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    if let Some(cookie) = cookie.and_then(|cookie| cookie.parse().ok()) {
        headers.insert(header::SET_COOKIE, cookie);
    }
    response
}

fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// Reads the secret, or makes one that only the owner of the folder can read.
fn secret(path: &Path) -> anyhow::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(secret) if secret.len() >= 32 => return Ok(secret),
        Ok(_) => std::fs::remove_file(path)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let mut random = [0; 32];
    getrandom::fill(&mut random)?;
    let secret = URL_SAFE_NO_PAD.encode(random);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(secret.as_bytes())?;
    Ok(secret)
}
