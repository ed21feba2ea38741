//! Where sms.ru is, who we are there, and how long to wait.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sms_core::{Error, ErrorKind, Result};
use url::{Host, Url};

/// The most recipients sms.ru documents for one request.
pub const MAX_BATCH: usize = 100;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than this a worker's lease would keep a message from everybody else for nothing.
const MAX_TIMEOUT: Duration = Duration::from_mins(5);

/// The configuration of [`SmsRu`](crate::SmsRu). Checked when the provider is made from it.
///
/// ```
/// use std::time::Duration;
/// use sms_smsru::{SmsRu, SmsRuConfig};
///
/// let config = SmsRuConfig::new("API_ID").from("Acme").timeout(Duration::from_secs(10));
/// let provider = SmsRu::new(config)?;
/// # Ok::<(), sms_core::Error>(())
/// ```
#[derive(Clone)]
pub struct SmsRuConfig {
    pub(crate) credentials: Credentials,
    pub(crate) address: String,
    pub(crate) from: Option<String>,
    pub(crate) timeout: Duration,
    connect_timeout: Option<Duration>,
    pub(crate) batch: usize,
    pub(crate) test: bool,
    pub(crate) partner_id: Option<u32>,
}

/// Who we are at sms.ru.
#[derive(Clone)]
pub(crate) enum Credentials {
    ApiId(SecretString),
    Login {
        login: SecretString,
        password: SecretString,
    },
}

impl Credentials {
    /// The form fields that say it, on every method.
    pub(crate) fn fields(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::ApiId(api_id) => vec![("api_id", api_id.expose_secret())],
            Self::Login { login, password } => {
                vec![
                    ("login", login.expose_secret()),
                    ("password", password.expose_secret()),
                ]
            }
        }
    }
}

impl SmsRuConfig {
    /// The account of this API id, at `https://sms.ru`.
    pub fn new(api_id: impl Into<SecretString>) -> Self {
        Self::with(Credentials::ApiId(api_id.into()))
    }

    /// The account of this login (its phone, in digits) and password, at `https://sms.ru`.
    pub fn with_login(login: impl Into<SecretString>, password: impl Into<SecretString>) -> Self {
        Self::with(Credentials::Login {
            login: login.into(),
            password: password.into(),
        })
    }

    fn with(credentials: Credentials) -> Self {
        Self {
            credentials,
            address: "https://sms.ru".to_owned(),
            from: None,
            timeout: DEFAULT_TIMEOUT,
            connect_timeout: None,
            batch: MAX_BATCH,
            test: false,
            partner_id: None,
        }
    }

    /// Reads an address of the form `smsru://API_ID@sms.ru?from=Acme`; see the [crate's page](crate).
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config), in words that name the part that is wrong and hold no value of it.
    pub fn from_url(url: &str) -> Result<Self> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| wrong("the address must begin with smsru://"))?;
        let base = match scheme {
            "smsru" => "https",
            "smsru+http" => "http",
            _ => return Err(wrong("the address must begin with smsru:// or smsru+http://")),
        };
        // The parser reads hosts of http and https as such, and those of schemes it does not know as opaque text.
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
        let number = || {
            value
                .parse::<u32>()
                .map_err(|_| wrong(format!("{name} must be a whole number")))
        };
        let seconds = || number().map(|seconds| Duration::from_secs(seconds.into()));
        Ok(match name {
            "from" => self.from(value),
            "timeout_seconds" => self.timeout(seconds()?),
            "connect_timeout_seconds" => self.connect_timeout(seconds()?),
            "batch" => self.batch(number()? as usize),
            "partner_id" => self.partner_id(number()?),
            "test" => match value {
                "1" => self.test(true),
                "0" => self.test(false),
                _ => return Err(wrong("test must be 1 or 0")),
            },
            _ => return Err(wrong(format!("there is no parameter {}", shown(name)))),
        })
    }

    /// Where sms.ru is: `https://` and a host, or `http://` and a loopback address. Defaults to `https://sms.ru`.
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    /// The sender name of messages that have none of their own. Defaults to the account's own sender.
    pub fn from(mut self, from: impl Into<String>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// The longest a request may take, from connecting to the last byte of the reply. Defaults to 15 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The longest that name resolution, connecting and the TLS handshake may take together. Shorter than the
    /// timeout, so that what ends here is known not to have been sent. Defaults to 5 s, or half the timeout.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// The most recipients per request, 1 to 100. Defaults to 100.
    pub fn batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Uses sms.ru's own test mode: it answers as usual, sends nothing and charges nothing. Defaults to `false`.
    pub fn test(mut self, test: bool) -> Self {
        self.test = test;
        self
    }

    /// The number of a partner who gets a share of the price. Defaults to none.
    pub fn partner_id(mut self, partner_id: u32) -> Self {
        self.partner_id = Some(partner_id);
        self
    }

    pub(crate) fn effective_connect_timeout(&self) -> Duration {
        self.connect_timeout
            .unwrap_or_else(|| DEFAULT_CONNECT_TIMEOUT.min(self.timeout / 2))
    }

    /// Checks everything and gives the URL the methods' paths are joined to.
    pub(crate) fn check(&self) -> Result<Url> {
        if self
            .credentials
            .fields()
            .iter()
            .any(|(_, value)| value.is_empty() || value.contains(char::is_control))
        {
            return Err(wrong(
                "the API id, or the login or the password, is empty or holds control characters",
            ));
        }
        if self.timeout.is_zero() || self.timeout > MAX_TIMEOUT {
            return Err(wrong("timeout_seconds must be 1 to 300"));
        }
        let connect = self.effective_connect_timeout();
        if connect.is_zero() || connect >= self.timeout {
            return Err(wrong(
                "connect_timeout_seconds must be at least 1 and less than timeout_seconds",
            ));
        }
        if !(1..=MAX_BATCH).contains(&self.batch) {
            return Err(wrong("batch must be 1 to 100"));
        }
        let printable =
            |from: &str| from.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) && from.trim() == from;
        if self
            .from
            .as_deref()
            .is_some_and(|from| !(1..=15).contains(&from.len()) || !printable(from))
        {
            return Err(wrong("from must be 1 to 15 printable ASCII characters"));
        }
        self.endpoint()
    }

    fn endpoint(&self) -> Result<Url> {
        let url = Url::parse(&self.address)
            .map_err(|error| wrong("the address of sms.ru cannot be read").with_source(error))?;
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !bare || url.fragment().is_some() || url.path() != "/" {
            return Err(wrong(
                "the address of sms.ru must be a scheme, a host and a port, nothing else",
            ));
        }
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_loopback(&url) => Ok(url),
            "http" => Err(wrong(
                "smsru+http:// would send the API id unencrypted, so it takes a loopback host only \
                 (127.0.0.1, [::1], localhost); use smsru:// for any other",
            )),
            _ => Err(wrong("the address of sms.ru must begin with https:// or http://")),
        }
    }
}

impl fmt::Debug for SmsRuConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsRuConfig")
            .field("credentials", &format_args!("[redacted]"))
            // One that was not checked yet may hold a credential.
            .field(
                "address",
                &self
                    .endpoint()
                    .map_or_else(|_| "[not an address]".to_owned(), String::from),
            )
            .field("from", &self.from)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.effective_connect_timeout())
            .field("batch", &self.batch)
            .field("test", &self.test)
            .field("partner_id", &self.partner_id)
            .finish()
    }
}

fn wrong(message: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Config, format!("sms.ru: {message}"))
}

/// The name of a parameter, as far as it can be one: what stands there may be a credential with a & or ? in it.
fn shown(name: &str) -> &str {
    let plain = (1..=24).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if plain {
        name
    } else {
        "of that name (a & or ? in the API id or password is written %26 or %3F)"
    }
}

fn credentials(url: &Url) -> Result<Credentials> {
    let decoded = |part: &str| {
        percent_decode(part)
            .ok_or_else(|| wrong("the API id, or the login or the password, is not percent-encoded UTF-8"))
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

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).to_canonical().is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// `None` for a % without two hex digits and for what is not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    let mut hex = |byte: Option<u8>| char::from(byte?).to_digit(16);
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => u8::try_from(hex(bytes.next())? * 16 + hex(bytes.next())?).ok()?,
            plain => plain,
        });
    }
    String::from_utf8(decoded).ok()
}
