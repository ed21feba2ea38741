//! The address at which people and programs reach the server.

use std::fmt;
#[cfg(feature = "program")]
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::http::Uri;
use secrecy::{ExposeSecret as _, SecretString};
use sms_core::{Error, ErrorKind};

/// First words of paths that are taken: under one of them the doors could not be told apart.
const TAKEN: [&str; 9] =
    ["v1", "ui", "assets", "callbacks", "docs", "openapi.json", "livez", "readyz", "metrics"];

/// The address at which people and programs reach the server: `https://sms.example.org` or, with a
/// path, `https://example.org/sms/`.
///
/// ```
/// use sms_server::PublicUrl;
///
/// let url: PublicUrl = "https://example.org/sms".parse()?;
/// assert_eq!(url.to_string(), "https://example.org/sms/");
/// assert_eq!(url.base(), "/sms/");
/// # Ok::<(), sms_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// The scheme and the host.
    origin: String,
    /// The path, with a slash at both ends.
    base: String,
}

impl PublicUrl {
    /// The path, with a slash at both ends: `/` or `/sms/`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The address of a server that serves on this one without a proxy. One that serves on every
    /// address of the machine is reached at the machine itself.
    #[cfg(feature = "program")]
    pub(crate) fn of_listener(listen: SocketAddr) -> Self {
        let host: IpAddr = match listen.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        let origin = format!("http://{}", SocketAddr::new(host, listen.port()));
        Self { origin, base: "/".to_owned() }
    }

    /// The link with which a person signs in. What comes after the `#` never leaves the browser.
    pub(crate) fn sign_in_link(&self, token: &SecretString) -> SecretString {
        format!("{}#{}", self.join("/signin"), token.expose_secret()).into()
    }

    /// The address of a path, which begins with a slash.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin, self.base.trim_end_matches('/'))
    }

    /// True if browsers reach the server over TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.origin.starts_with("https:")
    }
}

impl FromStr for PublicUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |rule: &'static str| Error::new(ErrorKind::Invalid, rule);
        let form = "must be an address such as https://sms.example.org or https://example.org/sms";
        if text.contains(['?', '#', '@']) {
            return Err(wrong("must have no user, no query and no fragment"));
        }
        let uri: Uri = text.parse().map_err(|_| wrong(form))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong(form));
        };
        if scheme != "http" && scheme != "https" {
            return Err(wrong("must begin with https:// or http://"));
        }
        let words: Vec<&str> = uri.path().split('/').filter(|word| !word.is_empty()).collect();
        // The path goes into cookies, headers and pages as it is.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let is_good = |word: &&str| word.bytes().all(is_plain) && !word.starts_with('.');
        if !words.iter().all(is_good) {
            return Err(wrong("must have a path of letters, digits, `-`, `_`, `.` and `~` only"));
        }
        if words.first().is_some_and(|first| TAKEN.contains(first)) {
            return Err(wrong("must not have a path that begins as one of the server's own"));
        }
        let base = words.iter().fold("/".to_owned(), |base, word| base + word + "/");
        Ok(Self { origin: format!("{scheme}://{authority}"), base })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PublicUrl, Error> {
        text.parse()
    }

    #[test]
    fn an_address_has_a_path_with_a_slash_at_both_ends() {
        for (text, shown, base, is_tls) in [
            ("https://sms.example.org", "https://sms.example.org/", "/", true),
            ("https://sms.example.org/", "https://sms.example.org/", "/", true),
            ("http://127.0.0.1:8080/a/b", "http://127.0.0.1:8080/a/b/", "/a/b/", false),
            ("https://[::1]:1//sms//", "https://[::1]:1/sms/", "/sms/", true),
        ] {
            let url = read(text).unwrap();
            assert_eq!((&*url.to_string(), url.base(), url.is_tls()), (shown, base, is_tls));
        }
        let url = read("https://example.org/sms").unwrap();
        assert_eq!(url.join("/signin"), "https://example.org/sms/signin");
        assert_eq!(read("http://h").unwrap().join("/signin"), "http://h/signin");
    }

    #[test]
    fn what_is_no_address_or_would_hide_a_door_is_refused() {
        for text in [
            "",
            "/sms",
            "sms.example.org",
            "ftp://example.org",
            "https://user@example.org",
            "https://example.org/?a=b",
            "https://example.org/#a",
            "https://example.org/a\"b",
            "https://example.org/a;b",
            "https://example.org/{a}",
            "https://example.org/..",
            "https://example.org/v1",
            "https://example.org/ui/x",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
