//! Which process gets what: one table of patterns for HTTP, one for WebSockets.

use std::collections::HashMap;

use route_recognizer::Router;

use crate::id::ProcessId;
use crate::message::Blob;

#[derive(Default)]
pub(super) struct Bindings {
    /// `None` means that the path has been unbound.
    http: Router<Option<HttpBinding>>,
    sockets: Router<Option<SocketBinding>>,
}

/// Who may use a path.
#[derive(Clone, Debug)]
pub(super) enum Access {
    Everybody,
    /// Those with the node's cookie.
    LoggedIn,
    /// Those with the cookie of this subdomain, on this subdomain.
    Secure(String),
}

#[derive(Clone, Debug)]
pub(super) struct HttpBinding {
    pub(super) process: ProcessId,
    /// The pattern, with the process in front.
    pub(super) path: String,
    pub(super) access: Access,
    pub(super) local_only: bool,
    /// What a GET is answered with, without asking the process.
    pub(super) content: Option<Blob>,
}

#[derive(Clone, Debug)]
pub(super) struct SocketBinding {
    pub(super) process: ProcessId,
    pub(super) access: Access,
    pub(super) extension: bool,
}

impl Bindings {
    pub(super) fn bind(
        &mut self,
        process: &ProcessId,
        path: &str,
        binding: impl FnOnce(String) -> HttpBinding,
    ) {
        let path = bound_path(process, path);
        self.http.add(&path, Some(binding(path.clone())));
    }

    pub(super) fn unbind(&mut self, process: &ProcessId, path: &str) {
        self.http.add(&bound_path(process, path), None);
    }

    pub(super) fn bind_socket(&mut self, process: &ProcessId, path: &str, binding: SocketBinding) {
        self.sockets.add(&bound_path(process, path), Some(binding));
    }

    pub(super) fn unbind_socket(&mut self, process: &ProcessId, path: &str) {
        self.sockets.add(&bound_path(process, path), None);
    }

    /// Finds who gets a request. A path that nobody bound goes to whoever bound
    /// the root of the process.
    pub(super) fn http(&self, path: &str) -> Option<(HttpBinding, HashMap<String, String>)> {
        let root = path.split('/').nth(1).unwrap_or_default();
        let found = self
            .http
            .recognize(path)
            .or_else(|_| self.http.recognize(root))
            .ok()?;
        let params = found
            .params()
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Some((found.handler().as_ref()?.clone(), params))
    }

    /// Finds who gets a WebSocket. There is no fallback to the root.
    pub(super) fn socket(&self, path: &str) -> Option<SocketBinding> {
        let found = self.sockets.recognize(path).ok()?;
        found.handler().as_ref().cloned()
    }
}

impl Access {
    pub(super) fn secure(process: &ProcessId) -> Self {
        let name = format!("{}-{}", process.package(), process.publisher());
        Self::Secure(
            name.chars()
                .map(|letter| match letter.is_ascii_alphanumeric() {
                    true => letter,
                    false => '-',
                })
                .collect(),
        )
    }
}

/// Removes one slash at the end.
pub(super) fn normalize(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

/// What is left of a path when the process in front is removed.
pub(super) fn relative<'a>(path: &'a str, process: &ProcessId) -> std::borrow::Cow<'a, str> {
    let rest = path
        .trim_start_matches('/')
        .strip_prefix(&process.to_string())
        .unwrap_or_default();
    match rest.starts_with('/') && !rest.starts_with("//") {
        true => rest.into(),
        false => format!("/{}", rest.trim_start_matches('/')).into(),
    }
}

fn bound_path(process: &ProcessId, path: &str) -> String {
    let path = normalize(path);
    match path.starts_with('/') || path.is_empty() {
        true => format!("/{process}{path}"),
        false => format!("/{process}/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process() -> ProcessId {
        "a:b:c.os".parse().unwrap()
    }

    fn http(path: &str) -> (Bindings, String) {
        let mut bindings = Bindings::default();
        bindings.bind(&process(), path, |path| HttpBinding {
            process: process(),
            path,
            access: Access::Everybody,
            local_only: false,
            content: None,
        });
        let bound = bound_path(&process(), path);
        (bindings, bound)
    }

    #[test]
    fn a_parameter_is_one_segment_and_a_star_is_the_rest() {
        let (bindings, _) = http("/doc/:room");
        let (_, params) = bindings.http("/a:b:c.os/doc/x%20y").unwrap();
        assert_eq!(params["room"], "x%20y");
        assert!(bindings.http("/a:b:c.os/doc/x/y").is_none());
        let (bindings, _) = http("/doc/*room");
        let (binding, params) = bindings.http("/a:b:c.os/doc/x/y").unwrap();
        assert_eq!(params["room"], "x/y");
        assert_eq!(binding.path, "/a:b:c.os/doc/*room");
    }

    #[test]
    fn the_root_catches_what_is_not_bound() {
        let (mut bindings, bound) = http("/");
        assert_eq!(bound, "/a:b:c.os");
        assert!(bindings.http("/a:b:c.os/any/thing").is_some());
        assert!(bindings.http("/other:b:c.os").is_none());
        bindings.unbind(&process(), "/");
        assert!(bindings.http("/a:b:c.os/any/thing").is_none());
    }

    #[test]
    fn a_socket_path_loses_the_process_and_is_not_decoded() {
        assert_eq!(relative("/a:b:c.os/doc/x%2Fy", &process()), "/doc/x%2Fy");
        assert_eq!(relative("/a:b:c.os", &process()), "/");
    }
}
