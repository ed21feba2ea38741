//! Parsing of an address such as
//! `redis+sentinel://user:password@host1:26379,host2/0?master=mymaster`.

use percent_encoding::percent_decode_str;
use sms_core::{Error, Result};
use url::form_urlencoded;

use crate::error::config;

/// Name or IP address of a server, and its port.
pub(crate) type Host = (String, u16);

/// The parameters of an address.
pub(crate) const PARAMETERS: [&str; 12] = [
    "prefix",
    "lease_seconds",
    "capacity",
    "connect_timeout_ms",
    "timeout_ms",
    "forget_seconds",
    "ca_file",
    "cert_file",
    "key_file",
    "master",
    "sentinel_username",
    "sentinel_password",
];

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// Parts of an address. The `url` crate accepts one host only, so it is parsed here.
pub(crate) struct Address {
    pub(crate) tls: bool,
    pub(crate) topology: Topology,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) database: u16,
    pub(crate) parameters: Vec<(String, String)>,
}

/// Kind of servers, which the scheme names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topology {
    Node,
    Sentinel,
    Cluster,
}

impl Address {
    /// Parses an address.
    ///
    /// # Errors
    ///
    /// `Config`, naming the part that is wrong. No error repeats the address, which may hold a
    /// password.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").ok_or_else(unknown_scheme)?;
        let (tls, topology) = match scheme {
            "redis" => (false, Topology::Node),
            "rediss" => (true, Topology::Node),
            "redis+sentinel" => (false, Topology::Sentinel),
            "rediss+sentinel" => (true, Topology::Sentinel),
            "redis+cluster" => (false, Topology::Cluster),
            "rediss+cluster" => (true, Topology::Cluster),
            _ => return Err(unknown_scheme()),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (user, rest) =
            rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (username, password) = user.map_or(Ok((None, None)), credentials)?;
        let port = if topology == Topology::Sentinel { SENTINEL_PORT } else { REDIS_PORT };
        Ok(Self {
            tls,
            topology,
            username,
            password,
            hosts: hosts.split(',').map(|text| host(text, port)).collect::<Result<_>>()?,
            database: database(path)?,
            parameters: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        })
    }
}

fn unknown_scheme() -> Error {
    config(
        "the address of Redis must start with redis://, rediss://, redis+sentinel://, \
         rediss+sentinel://, redis+cluster:// or rediss+cluster://",
    )
}

fn credentials(user: &str) -> Result<(Option<String>, Option<String>)> {
    let decode = |text: &str| -> Result<Option<String>> {
        let decoded = percent_decode_str(text).decode_utf8();
        let decoded =
            decoded.map_err(|_| config("the password of Redis must be UTF-8, percent-encoded"))?;
        Ok(Some(decoded.into_owned()).filter(|decoded| !decoded.is_empty()))
    };
    let (username, password) = user.split_once(':').unwrap_or((user, ""));
    Ok((decode(username)?, decode(password)?))
}

/// Parses a host: `name`, `name:port`, `[::1]` or `[::1]:port`.
pub(crate) fn host(text: &str, default_port: u16) -> Result<Host> {
    let (name, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((name, rest)) => (name, rest.strip_prefix(':')),
        None => text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
    };
    let port = port.map_or(Ok(default_port), str::parse);
    match port {
        Ok(port) if port > 0 && !name.is_empty() => Ok((name.to_owned(), port)),
        _ => Err(config(
            "each server of Redis must be a host name or address, with or without :port",
        )),
    }
}

fn database(path: &str) -> Result<u16> {
    match path {
        "" => Ok(0),
        number => number
            .parse()
            .map_err(|_| config("the path of the address must be a database number, as in /0")),
    }
}
