//! Where sms.ru is, who we are there, and how long to wait.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sms_core::message::prepare::{SENDER_NAME_RULE, is_sender_name};
use sms_core::{Clock, Error, ErrorKind, Result, SystemClock};
use url::{Host, Url};

/// The most recipients sms.ru documents for one request.
pub const MAX_BATCH: usize = 100;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than this a worker's lease would keep a message from everybody else for nothing.
const MAX_TIMEOUT: Duration = Duration::from_mins(5);
const DEFAULT_LATE: Duration = Duration::from_mins(2);
const MAX_LATE: Duration = Duration::from_mins(10);
const DEFAULT_POLL_FIRST: Duration = Duration::from_secs(30);
/// The longest interval between two status queries.
pub(crate) const MAX_POLL: Duration = Duration::from_hours(1);

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
    pub(crate) late: Duration,
    pub(crate) poll_first: Duration,
    callback_api_id: Option<SecretString>,
    pub(crate) clock: Arc<dyn Clock>,
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
            late: DEFAULT_LATE,
            poll_first: DEFAULT_POLL_FIRST,
            callback_api_id: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Where sms.ru is: `https://` and a host, or `http://` and a loopback address. Defaults to
    /// `https://sms.ru`.
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    /// The sender name of messages that have none of their own. Defaults to the account's own
    /// sender.
    pub fn from(mut self, from: impl Into<String>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// The longest a request may take, from connecting to the last byte of the reply, 5 min at
    /// most. Defaults to 15 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The longest that name resolution, connecting and the TLS handshake may take together.
    /// Shorter than the timeout, so that what ends here is known not to have been sent. Defaults to
    /// 5 s, or half the timeout.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// The most recipients per request, 1 to 100. Defaults to 100.
    pub fn batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Uses sms.ru's own test mode: it answers as usual, sends nothing and charges nothing.
    /// Defaults to `false`.
    pub fn test(mut self, test: bool) -> Self {
        self.test = test;
        self
    }

    /// The number of a partner who gets a share of the price. Defaults to none.
    pub fn partner_id(mut self, partner_id: u32) -> Self {
        self.partner_id = Some(partner_id);
        self
    }

    /// How much longer a request of messages is listened to after its timeout, when its messages
    /// count as unknown: up to 10 min; zero for not at all. Defaults to 2 min.
    pub fn late(mut self, late: Duration) -> Self {
        self.late = late;
        self
    }

    /// The time from the acceptance of a message to the first query about it, up to 1 h. Defaults
    /// to 30 s.
    pub fn poll_first(mut self, first: Duration) -> Self {
        self.poll_first = first;
        self
    }

    /// The API id sms.ru signs its callbacks with, where it is not the one of [`new`](Self::new).
    pub fn callback_api_id(mut self, api_id: impl Into<SecretString>) -> Self {
        self.callback_api_id = Some(api_id.into());
        self
    }

    /// The clock by which what is left of a deadline is told. Defaults to the machine's own.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The API id callbacks are signed with, as far as it is known.
    pub(crate) fn callback_key(&self) -> Option<&SecretString> {
        match &self.credentials {
            _ if self.callback_api_id.is_some() => self.callback_api_id.as_ref(),
            Credentials::ApiId(api_id) => Some(api_id),
            Credentials::Login { .. } => None,
        }
    }

    pub(crate) fn effective_connect_timeout(&self) -> Duration {
        self.connect_timeout.unwrap_or_else(|| DEFAULT_CONNECT_TIMEOUT.min(self.timeout / 2))
    }

    /// Checks everything and gives the URL the methods' paths are joined to.
    pub(crate) fn check(&self) -> Result<Url> {
        let bad = |secret: &str| secret.is_empty() || secret.contains(char::is_control);
        if self.credentials.fields().iter().any(|(_, value)| bad(value)) {
            return Err(wrong(
                "the API id, or the login or the password, is empty or holds control characters",
            ));
        }
        if self.callback_api_id.as_ref().is_some_and(|api_id| bad(api_id.expose_secret())) {
            return Err(wrong("callback_api_id is empty or holds control characters"));
        }
        self.check_times()?;
        if !(1..=MAX_BATCH).contains(&self.batch) {
            return Err(wrong("batch must be 1 to 100"));
        }
        if self.from.as_deref().is_some_and(|from| !is_sender_name(from)) {
            return Err(wrong(format!("from must be {SENDER_NAME_RULE}")));
        }
        self.endpoint()
    }

    fn check_times(&self) -> Result<()> {
        if self.timeout.is_zero() || self.timeout > MAX_TIMEOUT {
            return Err(wrong("timeout_seconds must be 1 to 300"));
        }
        let connect = self.effective_connect_timeout();
        if connect.is_zero() || connect >= self.timeout {
            return Err(wrong(
                "connect_timeout_seconds must be at least 1 and less than timeout_seconds",
            ));
        }
        if self.late > MAX_LATE {
            return Err(wrong("late_seconds must be 0 to 600"));
        }
        if self.poll_first.is_zero() || self.poll_first > MAX_POLL {
            return Err(wrong("poll_first_seconds must be 1 to 3600"));
        }
        Ok(())
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
                &self.endpoint().map_or_else(|_| "[not an address]".to_owned(), String::from),
            )
            .field("from", &self.from)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.effective_connect_timeout())
            .field("batch", &self.batch)
            .field("test", &self.test)
            .field("partner_id", &self.partner_id)
            .field("late", &self.late)
            .field("poll_first", &self.poll_first)
            .field(
                "callback_api_id",
                &self.callback_api_id.as_ref().map(|_| format_args!("[redacted]")),
            )
            .finish_non_exhaustive()
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
