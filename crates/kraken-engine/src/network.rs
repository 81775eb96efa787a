//! The addresses of this machine.

use crate::config::Address;
use std::net::{IpAddr, Ipv4Addr};
use thiserror::Error;

/// Why the engine doesn't know where to listen.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// The machine has no such interface, or it has no address.
    #[error("the network interface `{0}` has no address: name another one as engine.interface")]
    NoAddress(String),
    /// The system doesn't tell its interfaces.
    #[error("can't list the network interfaces: name an address as engine.address")]
    Unlisted(#[source] std::io::Error),
}

/// Where to listen, and what to tell clients.
///
/// With an `interface`, its first IPv4 and its first IPv6 address; without, those of the first
/// interface that is up, or the loopback address if there is none. An `announced` address takes
/// the place of the one of its family; the other family isn't used then.
pub fn addresses(
    interface: Option<&str>,
    announced: Option<IpAddr>,
) -> Result<Vec<Address>, NetworkError> {
    let bound = match (interface, announced) {
        // An address of this machine needs no interface.
        (None, Some(announced)) if is_local(announced) => vec![announced],
        (interface, _) => of_interface(interface)?,
    };
    let chosen: Vec<Address> = match announced {
        None => bound.into_iter().map(plain).collect(),
        Some(announced) => {
            let mut bound = bound.into_iter();
            let same_family = bound.find(|bind| bind.is_ipv4() == announced.is_ipv4());
            let address = same_family.map(|bind| Address { bind, announced });
            address.into_iter().collect()
        }
    };
    if chosen.is_empty() {
        return Err(NetworkError::NoAddress(
            interface.unwrap_or("(any)").to_owned(),
        ));
    }
    Ok(chosen)
}

fn plain(address: IpAddr) -> Address {
    Address {
        bind: address,
        announced: address,
    }
}

fn is_local(address: IpAddr) -> bool {
    std::net::UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(unix)]
fn of_interface(named: Option<&str>) -> Result<Vec<IpAddr>, NetworkError> {
    let all = nix::ifaddrs::getifaddrs().map_err(|error| NetworkError::Unlisted(error.into()))?;
    let all: Vec<(String, IpAddr)> = all
        .filter_map(|interface| {
            let address = interface.address?;
            let ip = match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
                (Some(v4), _) => IpAddr::V4(v4.ip()),
                (None, Some(v6)) => IpAddr::V6(v6.ip()),
                (None, None) => return None,
            };
            Some((interface.interface_name, ip))
        })
        .collect();
    let first_useful = || {
        let mut useful = all.iter().filter(|(_, ip)| is_reachable(*ip));
        useful.next().map(|(name, _)| name.clone())
    };
    let Some(name) = named.map(str::to_owned).or_else(first_useful) else {
        return Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]);
    };
    let mine = all
        .iter()
        .filter(|(of, ip)| *of == name && !is_link_local(*ip));
    let mine: Vec<IpAddr> = mine.map(|(_, ip)| *ip).collect();
    let v4 = mine.iter().find(|ip| ip.is_ipv4());
    let v6 = mine.iter().find(|ip| ip.is_ipv6());
    let found: Vec<IpAddr> = v4.into_iter().chain(v6).copied().collect();
    if found.is_empty() {
        return Err(NetworkError::NoAddress(name));
    }
    Ok(found)
}

#[cfg(not(unix))]
fn of_interface(named: Option<&str>) -> Result<Vec<IpAddr>, NetworkError> {
    match named {
        Some(name) => Err(NetworkError::NoAddress(name.to_owned())),
        None => Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]),
    }
}

fn is_reachable(ip: IpAddr) -> bool {
    !ip.is_loopback() && !is_link_local(ip)
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn en1_an_address_of_this_machine_is_announced_as_it_is() {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(addresses(None, Some(loopback)).unwrap(), [plain(loopback)]);
    }

    #[test]
    fn en1_an_address_of_a_nat_is_announced_in_place_of_the_bound_one() {
        let public: IpAddr = "203.0.113.7".parse().unwrap();
        let found = addresses(Some("lo"), Some(public)).unwrap();
        let bind = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let announced = public;
        assert_eq!(found, [Address { bind, announced }]);
    }

    #[test]
    fn en1_an_interface_that_is_not_there_is_named() {
        let error = addresses(Some("nope0"), None).unwrap_err();
        assert!(error.to_string().contains("`nope0`"));
    }
}
