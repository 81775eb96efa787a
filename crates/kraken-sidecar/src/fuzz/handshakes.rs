//! Requests as they come from the network, and handshakes among them.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{AUTHORIZATION, ORIGIN, SEC_WEBSOCKET_VERSION};
use axum::http::{HeaderName, Method};
use axum::response::Response;
use bytes::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ipnet::{IpNet, Ipv4Net};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::address::{ClientAddress, is_forwarded};
use crate::{forward, handshake, server};

const STRANGER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
const PROXY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// How often a connection may want to go on by itself.
const PATIENCE: usize = 1_000;

/// Takes any bytes behind the first as what a TCP connection brings; the first says whose it is: a
/// stranger's, this machine's, or a trusted proxy's. What is read of requests is what they say, and
/// nobody claims to be on this machine.
pub fn handshakes(data: &[u8]) {
    let Some((&whose, bytes)) = data.split_first() else {
        return;
    };
    let peer = match whose % 3 {
        0 => STRANGER,
        1 => Ipv4Addr::LOCALHOST,
        _ => PROXY,
    };
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        let address = SocketAddr::from((peer, 4711));
        request.extensions_mut().insert(ConnectInfo(address));
        look(&request, peer.into());
        ready(Ok::<_, Infallible>(Response::new(Body::empty())))
    });
    let tape = Tape(Bytes::copy_from_slice(bytes));
    let connection = server::http().serve_connection(TokioIo::new(tape), service);
    let mut connection = pin!(connection.with_upgrades());
    let mut context = Context::from_waker(Waker::noop());
    let mut polls = 0..PATIENCE;
    let is_over = polls.any(|_| connection.as_mut().poll(&mut context).is_ready());
    assert!(is_over, "the connection doesn't end");
}

fn look(request: &Request, peer: IpAddr) {
    let address = ClientAddress::of(request, &trusted());
    check_address(request, peer, &address);
    check_headers(request);
    let headers = |name: &HeaderName| request.headers().get_all(name).iter().count();
    if let Ok(key) = handshake::check(request) {
        assert_eq!(key.len(), 28, "a key is 20 bytes in base64");
        assert_eq!(*request.method(), Method::GET);
        assert!(
            headers(&ORIGIN) < 2 && headers(&AUTHORIZATION) < 2,
            "ambiguous"
        );
        assert_eq!(request.headers()[SEC_WEBSOCKET_VERSION], "13");
    }
    let handshake = handshake::handshake_of(request, &address);
    let query = handshake.query.iter().map(String::as_str);
    let target = query.chain([handshake.path.as_str()]);
    let is_text = |text: &str| {
        !text
            .bytes()
            .any(|byte| byte.is_ascii_control() || byte == b' ')
    };
    assert!(target.into_iter().all(is_text), "{handshake:?}");
    assert_eq!(handshake.origin.is_some(), is_ascii(request, &ORIGIN));
    assert!(handshake.bearer.is_none() || is_ascii(request, &AUTHORIZATION));
}

/// The peer, unless a proxy says otherwise that is believed.
fn check_address(request: &Request, peer: IpAddr, address: &ClientAddress) {
    let is_proxied = is_forwarded(request.headers());
    let is_believed = trusted().iter().any(|network| network.contains(&peer));
    match address.known {
        Some(known) if is_proxied => {
            assert!(is_believed && !known.is_loopback(), "{known} isn't certain");
        }
        known => assert_eq!(known, (!is_proxied).then_some(peer)),
    }
    assert_eq!(address.counted, address.known.or(Some(peer)));
}

/// The process gets no header of the connection itself, and none that could be two.
fn check_headers(request: &Request) {
    for (name, value) in forward::end_to_end(request.headers()) {
        assert!(!["connection", "upgrade", "transfer-encoding"].contains(&name.as_str()));
        assert!(
            !name.bytes().any(|byte| byte.is_ascii_uppercase()),
            "{name}"
        );
        assert!(!value.contains(['\r', '\n', '\0']), "{name}: {value}");
    }
}

fn is_ascii(request: &Request, name: &HeaderName) -> bool {
    let value = request.headers().get(name);
    value.is_some_and(|value| value.to_str().is_ok())
}

fn trusted() -> [IpNet; 1] {
    [Ipv4Net::from(PROXY).into()]
}

/// What was received; what is sent goes nowhere.
struct Tape(Bytes);

impl AsyncRead for Tape {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = buffer.remaining().min(self.0.len());
        buffer.put_slice(&self.0.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tape {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
