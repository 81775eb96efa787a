//! Whose request it is: the address of the client, also behind proxies.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// Headers that only something between client and gateway adds.
const FORWARDING: [HeaderName; 6] = [
    HeaderName::from_static("forwarded"),
    FORWARDED_FOR,
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("via"),
];

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where a request came from.
///
/// The process takes a client at a loopback address for its owner's machine and shows it more than
/// others. So nobody may get such an address by what a header says, and neither by a proxy that
/// runs on the gateway's own machine: an address that isn't certain isn't known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress {
    /// The client, if it is certain who it is. For the process.
    pub(crate) known: Option<IpAddr>,
    /// The client, or the last machine before it that is certain. For limits.
    pub(crate) counted: Option<IpAddr>,
}

/// Whether a request came through a proxy, or says so. Then the address of its TCP peer says
/// nothing about the client.
pub fn is_forwarded(headers: &HeaderMap) -> bool {
    FORWARDING.iter().any(|name| headers.contains_key(name))
}

impl ClientAddress {
    /// Believes what peers in the `trusted` networks say about whom they forward for.
    pub(crate) fn of(request: &Request, trusted: &[IpNet]) -> Self {
        let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = info.map(|ConnectInfo(peer)| peer.ip().to_canonical());
        let headers = request.headers();
        if !is_forwarded(headers) {
            return Self {
                known: peer,
                counted: peer,
            };
        }
        let client = peer
            .filter(|peer| contains(trusted, *peer))
            .and_then(|_| forwarded_for(headers, trusted));
        Self {
            known: client,
            counted: client.or(peer),
        }
    }

    /// What the process is told.
    pub(crate) fn text(&self) -> String {
        self.known
            .map(|address| address.to_string())
            .unwrap_or_default()
    }
}

/// The rightmost address that isn't a trusted proxy's: each proxy adds on the right whom it was
/// reached by, and whatever is further left may be made up. Several lines are one list.
fn forwarded_for(headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    for line in headers.get_all(FORWARDED_FOR).iter().rev() {
        for entry in line.to_str().ok()?.rsplit(',') {
            let address = parse(entry.trim())?.to_canonical();
            if !contains(trusted, address) {
                return Some(address).filter(|address| !address.is_loopback());
            }
        }
    }
    None
}

/// Reads an address, maybe in brackets or with a port, as some proxies write it.
fn parse(entry: &str) -> Option<IpAddr> {
    let with_port = || entry.parse().ok().map(|address: SocketAddr| address.ip());
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    entry.parse().ok().or_else(with_port).or_else(in_brackets)
}

fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::body::Body;
    use axum::extract::{ConnectInfo, Request};
    use ipnet::IpNet;

    use super::ClientAddress;

    /// What is known and what is counted of a request from `peer` with these headers.
    fn resolve(peer: &str, headers: &[(&str, &str)]) -> (String, String) {
        let trusted: Vec<IpNet> = ["127.0.0.0/8", "10.0.0.0/8", "fd00::/8"]
            .map(|network| network.parse().unwrap())
            .to_vec();
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        let peer = SocketAddr::new(peer.parse().unwrap(), 1234);
        request.extensions_mut().insert(ConnectInfo(peer));
        let address = ClientAddress::of(&request, &trusted);
        (address.text(), address.counted.unwrap().to_string())
    }

    fn both(address: &str) -> (String, String) {
        (address.to_owned(), address.to_owned())
    }

    fn unknown(counted: &str) -> (String, String) {
        (String::new(), counted.to_owned())
    }

    #[test]
    fn gw15_without_a_proxy_the_client_is_the_peer() {
        for peer in ["198.51.100.7", "127.0.0.1", "2001:db8::1"] {
            assert_eq!(resolve(peer, &[]), both(peer));
        }
        assert_eq!(resolve("::ffff:127.0.0.1", &[]), both("127.0.0.1"));
    }

    #[test]
    fn gw15_of_a_trusted_proxy_the_rightmost_address_that_is_not_trusted_counts() {
        for (value, client) in [
            ("198.51.100.7", "198.51.100.7"),
            ("127.0.0.1, 198.51.100.7", "198.51.100.7"),
            ("203.0.113.9,198.51.100.7 , 10.1.2.3", "198.51.100.7"),
            ("198.51.100.7:4711", "198.51.100.7"),
            ("[2001:db8::1]:80, fd00::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
        ] {
            let headers = [("x-forwarded-for", value)];
            assert_eq!(resolve("10.0.0.1", &headers), both(client), "{value}");
        }
        let lines = [
            ("X-Forwarded-For", "198.51.100.7"),
            ("Forwarded", "for=203.0.113.9"),
            ("X-Forwarded-For", "10.0.0.2"),
        ];
        assert_eq!(resolve("127.0.0.1", &lines), both("198.51.100.7"));
    }

    #[test]
    fn gw15_what_a_stranger_says_of_others_makes_it_unknown() {
        for name in ["x-forwarded-for", "forwarded", "x-real-ip", "via"] {
            let headers = [(name, "127.0.0.1")];
            let stranger = "198.51.100.7";
            assert_eq!(resolve(stranger, &headers), unknown(stranger), "{name}");
        }
    }

    #[test]
    fn gw15_nobody_is_on_the_owners_machine_because_a_proxy_says_so() {
        for headers in [
            [("x-forwarded-for", "10.0.0.9, 127.0.0.1")],
            [("x-forwarded-for", "unknown")],
            [("x-forwarded-for", "198.51.100.7, unknown")],
            [("x-forwarded-for", "")],
            [("forwarded", "for=127.0.0.1")],
            [("via", "1.1 proxy")],
        ] {
            let result = resolve("127.0.0.1", &headers);
            assert_eq!(result, unknown("127.0.0.1"), "{headers:?}");
        }
        let trusted: [IpNet; 1] = ["10.0.0.0/8".parse().unwrap()];
        let mut request = Request::builder()
            .header("x-forwarded-for", "127.0.0.1")
            .body(Body::empty())
            .unwrap();
        let proxy: SocketAddr = "10.0.0.1:80".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(proxy));
        assert_eq!(ClientAddress::of(&request, &trusted).known, None);
    }
}
