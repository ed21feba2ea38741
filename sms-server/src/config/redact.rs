//! Addresses without their secrets.

/// The text in the place of a secret.
pub(super) const REDACTED: &str = "[redacted]";
/// Schemes of addresses that hold no secret.
const WITHOUT_SECRETS: [&str; 3] = ["sqlite", "memory", "sandbox"];
/// Parameters that hold no secret, or only the name of a file.
const SHOWN: [&str; 27] = [
    "application_name",
    "batch",
    "ca_file",
    "capacity",
    "cert_file",
    "connect_timeout_ms",
    "connect_timeout_seconds",
    "connections",
    "costs",
    "delivery_limit",
    "forget_seconds",
    "from",
    "late_seconds",
    "lease_ms",
    "lease_seconds",
    "master",
    "migrate",
    "partner_id",
    "poll_first_seconds",
    "prefix",
    "schema",
    "sslmode",
    "sslrootcert",
    "test",
    "timeout_ms",
    "timeout_seconds",
    "ttl_ms",
];

/// An address without its secrets: the password, the API id, and the values of parameters that are
/// not known to be harmless. Only for addresses that were read without an error.
pub(crate) fn redacted(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once(':') else {
        // `memory` and `sandbox` may have no colon. Any other text without one may be a key.
        return if WITHOUT_SECRETS.contains(&address) { address } else { REDACTED }.to_owned();
    };
    if WITHOUT_SECRETS.contains(&scheme) {
        return address.to_owned();
    }
    let rest = rest.trim_start_matches('/');
    let (server, parameters) =
        rest.split_once('?').map_or((rest, None), |(server, rest)| (server, Some(rest)));
    let server = match server.rsplit_once('@') {
        Some((who, server)) => format!("{}@{server}", without_password(scheme, who)),
        None => server.to_owned(),
    };
    let parameters = parameters.map(|parameters| {
        let shown: Vec<String> = parameters.split('&').map(without_value).collect();
        format!("?{}", shown.join("&"))
    });
    format!("{scheme}://{server}{}", parameters.unwrap_or_default())
}

fn without_password(scheme: &str, who: &str) -> String {
    match who.split_once(':') {
        // The login at sms.ru is a phone number.
        _ if scheme.starts_with("smsru") => REDACTED.to_owned(),
        Some((user, _)) => format!("{user}:{REDACTED}"),
        None => who.to_owned(),
    }
}

fn without_value(parameter: &str) -> String {
    let name = parameter.split('=').next().unwrap_or_default();
    if SHOWN.contains(&name) { parameter.to_owned() } else { format!("{name}={REDACTED}") }
}
