//! The address of the server in a URL.

use url::{Host, Url};

/// The host and port of a URL. Without a port it is the usual one of the scheme.
///
/// # Errors
///
/// One line that says what is missing, without the URL, which may hold a password.
pub(crate) fn host_and_port(url: &str) -> Result<(String, u16), String> {
    let url = Url::parse(url).map_err(|error| format!("is not a URL ({error})"))?;
    let host = match url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => return Err("has no host".to_owned()),
    };
    let port = url.port_or_known_default().or_else(|| standard_port(url.scheme()));
    port.map(|port| (host, port)).ok_or_else(|| "has no port".to_owned())
}

fn standard_port(scheme: &str) -> Option<u16> {
    match scheme {
        "postgres" | "postgresql" => Some(5432),
        "redis" | "rediss" => Some(6379),
        "amqp" => Some(5672),
        "amqps" => Some(5671),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::host_and_port;

    #[test]
    fn host_and_port_are_found_in_addresses_of_every_kind() {
        let cases = [
            ("postgres://postgres@127.0.0.1:5433/postgres", "127.0.0.1", 5433),
            ("postgres://db.example/sms", "db.example", 5432),
            ("redis://127.0.0.1", "127.0.0.1", 6379),
            ("rediss://:secret@[::1]/0", "::1", 6379),
            ("amqp://guest:guest@localhost/%2f", "localhost", 5672),
            ("amqps://host", "host", 5671),
            ("http://host/", "host", 80),
        ];
        for (url, host, port) in cases {
            assert_eq!(host_and_port(url), Ok((host.to_owned(), port)), "{url}");
        }
    }

    #[test]
    fn an_error_about_an_address_holds_no_password() {
        for url in
            ["secret", "secret://host", "postgres:///secret", "postgres://u:secret@host:99999/db"]
        {
            let error = host_and_port(url).expect_err(url);
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
