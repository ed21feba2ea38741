//! The address of a handler.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use url::{Host, Url};

/// An HTTP address on loopback.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) host: String,
    pub(crate) path: String,
}

impl Target {
    /// Parses an address; `None` unless its scheme is `http` and its host is on loopback.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok().filter(|url| url.scheme() == "http")?;
        let ip = match url.host()? {
            // Not resolved, because a resolver could point the name to another host.
            Host::Domain(name) => {
                (name == "localhost").then_some(IpAddr::V4(Ipv4Addr::LOCALHOST))?
            }
            Host::Ipv4(ip) => IpAddr::V4(ip),
            Host::Ipv6(ip) => IpAddr::V6(ip),
        };
        if !ip.is_loopback() {
            return None;
        }
        let address = SocketAddr::new(ip, url.port_or_known_default()?);
        let path = url
            .query()
            .map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        Some(Self { address, host: format!("{}:{}", url.host_str()?, address.port()), path })
    }
}
