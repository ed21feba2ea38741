//! The cookie of a session of the web UI.

use axum::http::{HeaderMap, HeaderValue, header};
use sms_core::{Error, ErrorKind, Result};

use crate::app::site::Site;

/// The name without the prefix with which browsers guard it.
const NAME: &str = "sms_session";

/// The name of the cookie. Browsers accept one with a prefix over TLS only, and `__Host-` only for
/// the whole host: no page of a neighbouring host or path can set it.
fn name(site: &Site) -> String {
    let prefix = match (site.is_tls(), site.base()) {
        (true, "/") => "__Host-",
        (true, _) => "__Secure-",
        (false, _) => "",
    };
    format!("{prefix}{NAME}")
}

/// The value of the cookie in a request.
pub(crate) fn read<'a>(site: &Site, headers: &'a HeaderMap) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let name = name(site);
    cookies
        .flat_map(|value| value.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// The header that sets the cookie for this many seconds; 0 removes it.
///
/// # Errors
///
/// `Internal` for a value that no cookie can have.
pub(crate) fn set(site: &Site, value: &str, max_age: u64) -> Result<HeaderValue> {
    let (name, base) = (name(site), site.base());
    let secure = if site.is_tls() { "; Secure" } else { "" };
    let cookie = format!(
        "{name}={value}; Path={base}; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}"
    );
    let mut cookie = HeaderValue::try_from(cookie).map_err(|error| {
        Error::new(ErrorKind::Internal, "a cookie cannot be written").with_source(error)
    })?;
    cookie.set_sensitive(true);
    Ok(cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(url: &str) -> Site {
        Site { public_url: url.parse().ok(), ..Site::default() }
    }

    #[test]
    fn the_attributes_follow_the_address() {
        for (url, expected) in [
            ("", "sms_session=x; Path=/; Max-Age=7; HttpOnly; SameSite=Strict"),
            ("http://h/sms", "sms_session=x; Path=/sms/; Max-Age=7; HttpOnly; SameSite=Strict"),
            (
                "https://h",
                "__Host-sms_session=x; Path=/; Max-Age=7; HttpOnly; SameSite=Strict; Secure",
            ),
            (
                "https://h/sms",
                "__Secure-sms_session=x; Path=/sms/; Max-Age=7; HttpOnly; SameSite=Strict; Secure",
            ),
        ] {
            let site = site(url);
            let cookie = set(&site, "x", 7).unwrap();
            assert_eq!(cookie, expected);
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_static("a=b; c"));
            assert_eq!(read(&site, &headers), None);
            let pair = expected.split(';').next().unwrap();
            headers.append(header::COOKIE, format!("d=e; {pair}").parse().unwrap());
            assert_eq!(read(&site, &headers), Some("x"));
        }
    }

    #[test]
    fn over_tls_a_cookie_without_its_prefix_is_not_read() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("sms_session=x"));
        assert_eq!(read(&site("https://h"), &headers), None);
    }
}
