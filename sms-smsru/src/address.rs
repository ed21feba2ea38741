//! The configuration as one address: `smsru://API_ID@sms.ru?from=Acme`.

use std::time::Duration;

use sms_core::Result;
use url::Url;

use crate::config::{Credentials, SmsRuConfig, wrong};

impl SmsRuConfig {
    /// Reads an address of the form `smsru://API_ID@sms.ru?from=Acme`; see the [crate's
    /// page](crate).
    ///
    /// # Errors
    ///
    /// [`Config`](sms_core::ErrorKind::Config), in words that name the part that is wrong and hold
    /// no value of it.
    pub fn from_url(url: &str) -> Result<Self> {
        let (scheme, rest) =
            url.split_once("://").ok_or_else(|| wrong("the address must begin with smsru://"))?;
        let base = match scheme {
            "smsru" => "https",
            "smsru+http" => "http",
            _ => return Err(wrong("the address must begin with smsru:// or smsru+http://")),
        };
        // The parser reads hosts of http and https as such, and those of schemes it does not know
        // as opaque text.
        let parsed = Url::parse(&format!("{base}://{rest}"))
            .map_err(|error| wrong("the address cannot be read").with_source(error))?;
        if parsed.fragment().is_some() {
            return Err(wrong(
                "the address holds a #; one in the API id or password is written %23",
            ));
        }
        if parsed.path() != "/" {
            return Err(wrong(
                "the address holds a path; a / in the API id or password is written %2F",
            ));
        }
        // The parser drops an empty password, and the login would pass for an API id.
        let userinfo =
            rest.split(['/', '?', '#']).next().and_then(|authority| authority.rsplit_once('@'));
        if userinfo.is_some_and(|(userinfo, _)| userinfo.ends_with(':')) {
            return Err(wrong("the address holds a login without a password"));
        }
        let mut config = Self::with(credentials(&parsed)?);
        config.address = address(&parsed)?;
        let mut seen = Vec::new();
        for (name, value) in parsed.query_pairs() {
            if seen.contains(&name) {
                return Err(wrong(format!("the parameter {} is given twice", shown(&name))));
            }
            config = config.parameter(&name, &value)?;
            seen.push(name);
        }
        config.check()?;
        Ok(config)
    }

    fn parameter(self, name: &str, value: &str) -> Result<Self> {
        let number =
            || value.parse::<u32>().map_err(|_| wrong(format!("{name} must be a whole number")));
        let seconds = || number().map(|seconds| Duration::from_secs(seconds.into()));
        Ok(match name {
            "from" => self.from(value),
            "timeout_seconds" => self.timeout(seconds()?),
            "connect_timeout_seconds" => self.connect_timeout(seconds()?),
            "batch" => self.batch(number()? as usize),
            "partner_id" => self.partner_id(number()?),
            "late_seconds" => self.late(seconds()?),
            "poll_first_seconds" => self.poll_first(seconds()?),
            "callback_api_id" => self.callback_api_id(value),
            "test" => match value {
                "1" => self.test(true),
                "0" => self.test(false),
                _ => return Err(wrong("test must be 1 or 0")),
            },
            _ => return Err(wrong(format!("there is no parameter {}", shown(name)))),
        })
    }
}

/// The name of a parameter, as far as it can be one: what stands there may be a credential with a &
/// or ? in it.
fn shown(name: &str) -> &str {
    let plain = (1..=24).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if plain {
        name
    } else {
        "of that name (a & or ? in the API id or password is written %26 or %3F)"
    }
}

fn credentials(url: &Url) -> Result<Credentials> {
    let decoded = |part: &str| {
        percent_decode(part).ok_or_else(|| {
            wrong("the API id, or the login or the password, is not percent-encoded UTF-8")
        })
    };
    match (url.username(), url.password()) {
        ("", _) => Err(wrong("the address holds no API id: smsru://API_ID@sms.ru")),
        (api_id, None) => Ok(Credentials::ApiId(decoded(api_id)?.into())),
        (login, Some(password)) => Ok(Credentials::Login {
            login: decoded(login)?.into(),
            password: decoded(password)?.into(),
        }),
    }
}

/// The address without credentials and parameters.
fn address(url: &Url) -> Result<String> {
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or_else(|| wrong("the address holds no host"))?;
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    Ok(format!("{}://{host}{port}", url.scheme()))
}

/// `None` for a % without two hex digits and for what is not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    let hex = |byte: Option<u8>| char::from(byte?).to_digit(16);
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => u8::try_from(hex(bytes.next())? * 16 + hex(bytes.next())?).ok()?,
            plain => plain,
        });
    }
    String::from_utf8(decoded).ok()
}
