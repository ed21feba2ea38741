//! Parser of addresses such as `smsru://API_ID@sms.ru?from=Acme`.

use sms_core::Result;
use url::Url;

use crate::credentials::Credentials;
use crate::error::config_error;

/// The parts of an address.
pub(crate) struct Address {
    pub(crate) credentials: Credentials,
    /// Scheme, host and port, as a URL.
    pub(crate) base_url: String,
    /// Names and values, decoded, in their order. A name can occur more than once.
    pub(crate) parameters: Vec<(String, String)>,
}

impl Address {
    /// Parses an address.
    ///
    /// # Errors
    ///
    /// [`Config`](sms_core::ErrorKind::Config). The message names the part that is wrong and
    /// contains no value of it.
    pub(crate) fn parse(address: &str) -> Result<Self> {
        let (scheme, rest) = address
            .split_once("://")
            .ok_or_else(|| config_error("the address must begin with smsru://"))?;
        let base = match scheme {
            "smsru" => "https",
            "smsru+http" => "http",
            _ => return Err(config_error("the address must begin with smsru:// or smsru+http://")),
        };
        // The URL parser validates hosts of the schemes http and https only.
        let url = Url::parse(&format!("{base}://{rest}"))
            .map_err(|error| config_error("the address cannot be read").with_source(error))?;
        if url.fragment().is_some() {
            return Err(config_error(
                "the address contains a #; write %23 for a # in the API id or password",
            ));
        }
        if url.path() != "/" {
            return Err(config_error(
                "the address contains a path; write %2F for a / in the API id or password",
            ));
        }
        // The URL parser drops an empty password. The login would then be taken for an API id.
        let userinfo =
            rest.split(['/', '?', '#']).next().and_then(|authority| authority.rsplit_once('@'));
        if userinfo.is_some_and(|(userinfo, _)| userinfo.ends_with(':')) {
            return Err(config_error("the address has a login without a password"));
        }
        let parameters = url.query_pairs();
        let parameters = parameters.map(|(name, value)| (name.into_owned(), value.into_owned()));
        Ok(Self {
            credentials: credentials(&url)?,
            base_url: base_url(&url)?,
            parameters: parameters.collect(),
        })
    }
}

/// The name of a parameter for an error message. Text that cannot be a name is not shown: a `&` or
/// `?` in a credential splits it, and the rest of the credential then looks like a parameter.
pub(crate) fn printable_name(name: &str) -> &str {
    let plain = (1..=24).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if plain {
        name
    } else {
        "of that name (write %26 or %3F for a & or ? in the API id or password)"
    }
}

fn credentials(url: &Url) -> Result<Credentials> {
    let decoded = |part: &str| {
        percent_decode(part).ok_or_else(|| {
            config_error("the API id, the login or the password is not percent-encoded UTF-8")
        })
    };
    match (url.username(), url.password()) {
        ("", _) => Err(config_error("the address has no API id; write smsru://API_ID@sms.ru")),
        (api_id, None) => Ok(Credentials::ApiId(decoded(api_id)?.into())),
        (login, Some(password)) => Ok(Credentials::Login {
            login: decoded(login)?.into(),
            password: decoded(password)?.into(),
        }),
    }
}

/// The URL without credentials and parameters.
fn base_url(url: &Url) -> Result<String> {
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or_else(|| config_error("the address has no host"))?;
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    Ok(format!("{}://{host}{port}", url.scheme()))
}

/// Decodes percent-encoded text. `None` for a `%` without two hex digits, and for bytes that are
/// not UTF-8.
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
