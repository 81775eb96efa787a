//! Requests that came through a reverse proxy to the embedded node.

use axum::extract::{ConnectInfo, Request};
use std::net::SocketAddr;

/// Hides the address of the TCP peer from the node if it is a proxy's. A node does what anybody
/// asks from its own machine, messages to any process included; and a proxy on this machine asks
/// for the whole world.
pub(crate) fn disown(mut request: Request) -> Request {
    if kraken_sidecar::is_forwarded(request.headers()) {
        request.extensions_mut().remove::<ConnectInfo<SocketAddr>>();
    }
    request
}

#[cfg(test)]
mod tests {
    use super::disown;
    use axum::body::Body;
    use axum::extract::{ConnectInfo, Request};
    use std::net::SocketAddr;

    #[test]
    fn gw15_the_node_takes_no_proxy_for_its_owners_machine() {
        for (header, is_known) in [
            ("accept", true),
            ("x-forwarded-for", false),
            ("forwarded", false),
        ] {
            let request = Request::builder().header(header, "x");
            let mut request = request.body(Body::empty()).unwrap();
            let peer: SocketAddr = "127.0.0.1:80".parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(peer));
            let request = disown(request);
            let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
            assert_eq!(info.is_some(), is_known, "{header}");
        }
    }
}
