//! Networks of IP addresses, and the address of a client behind proxies.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use sms_core::{Error, ErrorKind};

/// The header in which each proxy adds the address that it was asked from, at the end.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// The part of an IPv6 address that one customer of a provider usually has.
const CUSTOMER: u8 = 64;

/// A network of IP addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
///
/// ```
/// use sms_server::IpNetwork;
///
/// let network: IpNetwork = "10.0.0.0/8".parse()?;
/// assert!(network.contains([10, 1, 2, 3].into()));
/// assert!(!network.contains([11, 1, 2, 3].into()));
/// assert!("10.0.0.0/33".parse::<IpNetwork>().is_err());
/// # Ok::<(), sms_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IpNetwork {
    /// The first address.
    first: IpAddr,
    prefix: u8,
}

impl IpNetwork {
    /// The network of the addresses that have the first `prefix` bits of this one.
    fn around(address: IpAddr, prefix: u8) -> Self {
        let first = match address {
            IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & mask(32, prefix, u32::MAX)).into()),
            IpAddr::V6(v6) => {
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask(128, prefix, u128::MAX)))
            }
        };
        Self { first, prefix }
    }

    /// The network that is taken for one client: an IPv4 address, or 64 bits of IPv6.
    pub(crate) fn of_client(address: IpAddr) -> Self {
        let prefix = if address.is_ipv4() { 32 } else { CUSTOMER };
        Self::around(address, prefix)
    }

    /// Tells whether an address is in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4()
            && Self::around(address, self.prefix).first == self.first
    }
}

/// The bits of an address of this length that belong to the network.
fn mask<T: std::ops::Shl<u32, Output = T> + Default>(length: u8, prefix: u8, all: T) -> T {
    match length - prefix {
        free if free == length => T::default(),
        free => all << u32::from(free),
    }
}

impl FromStr for IpNetwork {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let rule = "must be an IP address or a network, such as 10.0.0.0/8";
        let wrong = || Error::new(ErrorKind::Invalid, rule);
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let length = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(length);
        if prefix > length {
            return Err(wrong());
        }
        Ok(Self::around(address, prefix))
    }
}

impl fmt::Display for IpNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

/// The address that a request comes from; `None` where the server does not know its peers. Proxies
/// that are trusted are taken at their word; nobody else is.
pub(crate) fn client_address(parts: &Parts, trusted: &[IpNetwork]) -> Option<IpAddr> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip().to_canonical();
    let is_trusted = |address| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(peer) {
        return Some(peer);
    }
    let headers = parts.headers.get_all(FORWARDED_FOR).iter();
    let named: Vec<&str> =
        headers.flat_map(|value| value.to_str().unwrap_or_default().split(',')).collect();
    // The last address was added by the proxy itself, the one before by the proxy before it.
    let mut nearest = peer;
    for name in named.into_iter().rev() {
        let Ok(address) = name.trim().parse::<IpAddr>() else { break };
        nearest = address.to_canonical();
        if !is_trusted(nearest) {
            break;
        }
    }
    Some(nearest)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn address(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut request = Request::builder();
        for value in forwarded {
            request = request.header(FORWARDED_FOR, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let peer: IpAddr = peer.parse().unwrap();
        parts.extensions.insert(ConnectInfo(SocketAddr::from((peer, 1234))));
        let trusted: Vec<IpNetwork> = trusted.iter().map(|it| it.parse().unwrap()).collect();
        client_address(&parts, &trusted).unwrap().to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let (proxy, trusted) = ("10.0.0.1", ["10.0.0.0/8", "fd00::/8"]);
        assert_eq!(address("192.0.2.1", &["192.0.2.7"], &trusted), "192.0.2.1");
        assert_eq!(address(proxy, &["192.0.2.7"], &[]), proxy);
        assert_eq!(address(proxy, &["192.0.2.7"], &trusted), "192.0.2.7");
        // The client's own entries come before those of the proxies.
        assert_eq!(address(proxy, &["192.0.2.66, 192.0.2.7, 10.0.0.2"], &trusted), "192.0.2.7");
        assert_eq!(address(proxy, &["192.0.2.66", "192.0.2.7"], &trusted), "192.0.2.7");
        assert_eq!(address(proxy, &["192.0.2.66, nonsense, 10.0.0.2"], &trusted), "10.0.0.2");
        assert_eq!(address(proxy, &[], &trusted), proxy);
        assert_eq!(address("::ffff:10.0.0.1", &["2001:db8::7"], &trusted), "2001:db8::7");
    }

    #[test]
    fn a_network_has_the_addresses_with_its_first_bits() {
        for (network, inside, outside) in [
            ("10.1.0.0/16", "10.1.255.255", "10.2.0.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "2001:db8::1", "10.0.0.1"),
            ("fd00::/8", "fdff::1", "fe00::1"),
        ] {
            let read: IpNetwork = network.parse().unwrap();
            assert!(read.contains(inside.parse().unwrap()), "{network}");
            assert!(!read.contains(outside.parse().unwrap()), "{network}");
        }
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/-1", "proxy"] {
            assert!(wrong.parse::<IpNetwork>().is_err(), "{wrong}");
        }
    }
}
