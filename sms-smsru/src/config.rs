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
    Login { login: SecretString, password: SecretString },
}

impl Credentials {
    /// The form fields that say it, on every method.
    pub(crate) fn fields(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::ApiId(api_id) => vec![("api_id", api_id.expose_secret())],
            Self::Login { login, password } => {
                vec![("login", login.expose_secret()), ("password", password.expose_secret())]
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
        Self::with(Credentials::Login { login: login.into(), password: password.into() })
    }

    pub(crate) fn with(credentials: Credentials) -> Self {
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
        self.connect_timeout.unwrap_or_else(|| DEFAULT_CONNECT_TIMEOUT.min(self.timeout / 2))
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
            return Err(wrong("connect_timeout_seconds must be at least 1 and less than timeout_seconds"));
        }
        if !(1..=MAX_BATCH).contains(&self.batch) {
            return Err(wrong("batch must be 1 to 100"));
        }
        let printable =
            |from: &str| from.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) && from.trim() == from;
        if self.from.as_deref().is_some_and(|from| !(1..=15).contains(&from.len()) || !printable(from)) {
            return Err(wrong("from must be 1 to 15 printable ASCII characters"));
        }
        self.endpoint()
    }

    fn endpoint(&self) -> Result<Url> {
        let url = Url::parse(&self.address)
            .map_err(|error| wrong("the address of sms.ru cannot be read").with_source(error))?;
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !bare || url.fragment().is_some() || url.path() != "/" {
            return Err(wrong("the address of sms.ru must be a scheme, a host and a port, nothing else"));
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
            .field("address", &self.endpoint().map_or_else(|_| "[not an address]".to_owned(), String::from))
            .field("from", &self.from)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.effective_connect_timeout())
            .field("batch", &self.batch)
            .field("test", &self.test)
            .field("partner_id", &self.partner_id)
            .finish()
    }
}

pub(crate) fn wrong(message: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Config, format!("sms.ru: {message}"))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).to_canonical().is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
