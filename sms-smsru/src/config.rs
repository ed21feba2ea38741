//! The configuration of the client: address, credentials, timeouts and defaults.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sms_core::message::prepare::{SENDER_NAME_RULE, is_sender_name};
use sms_core::{Clock, Error, Result, SystemClock};
use url::{Host, Url};

use crate::address::{Address, printable_name};
use crate::credentials::Credentials;
use crate::error::config_error;

/// The parameters of an address.
const PARAMETERS: [&str; 10] = [
    "from",
    "timeout_seconds",
    "connect_timeout_seconds",
    "batch",
    "partner_id",
    "late_seconds",
    "poll_first_seconds",
    "costs",
    "callback_api_id",
    "test",
];
/// The documented maximum of recipients, or of ids, in one request.
pub const MAX_BATCH: usize = 100;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A worker's lease is longer than the timeout. After a crash of the worker, a longer lease only
/// delays the takeover of its messages.
const MAX_TIMEOUT: Duration = Duration::from_mins(5);
const DEFAULT_LATE: Duration = Duration::from_mins(2);
const MAX_LATE: Duration = Duration::from_mins(10);
const DEFAULT_POLL_FIRST: Duration = Duration::from_secs(30);
/// The longest interval between two status queries about a message.
pub(crate) const MAX_POLL_INTERVAL: Duration = Duration::from_hours(1);

/// The configuration of [`SmsRu`](crate::SmsRu). [`SmsRu::new`](crate::SmsRu::new) validates it.
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
    base_url: String,
    pub(crate) from: Option<String>,
    pub(crate) timeout: Duration,
    connect_timeout: Option<Duration>,
    pub(crate) batch: usize,
    pub(crate) test: bool,
    pub(crate) partner_id: Option<u32>,
    pub(crate) late: Duration,
    pub(crate) poll_first: Duration,
    pub(crate) costs: bool,
    callback_api_id: Option<SecretString>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl SmsRuConfig {
    /// A configuration for the account with this API id, at `https://sms.ru`.
    pub fn new(api_id: impl Into<SecretString>) -> Self {
        Self::with_credentials(Credentials::ApiId(api_id.into()))
    }

    /// A configuration for the account with this login (its phone number, in digits) and password,
    /// at `https://sms.ru`.
    pub fn from_login(login: impl Into<SecretString>, password: impl Into<SecretString>) -> Self {
        Self::with_credentials(Credentials::Login {
            login: login.into(),
            password: password.into(),
        })
    }

    /// Reads an address such as `smsru://API_ID@sms.ru?from=Acme`. The [crate documentation](crate)
    /// lists its parameters.
    ///
    /// # Errors
    ///
    /// [`Config`](sms_core::ErrorKind::Config). The message names the part that is wrong and
    /// contains no value of it.
    pub fn from_url(url: &str) -> Result<Self> {
        let address = Address::parse(url)?;
        let mut config = Self::with_credentials(address.credentials).base_url(address.base_url);
        let mut seen = Vec::new();
        for (name, value) in address.parameters {
            if seen.contains(&name) {
                let name = printable_name(&name);
                return Err(config_error(format!("the parameter {name} is given twice")));
            }
            config = config.parameter(&name, &value)?;
            seen.push(name);
        }
        config.validate()?;
        Ok(config)
    }

    fn parameter(self, name: &str, value: &str) -> Result<Self> {
        let number = || {
            value.parse::<u32>().map_err(|_| config_error(format!("{name} must be a whole number")))
        };
        let seconds = || number().map(|seconds| Duration::from_secs(seconds.into()));
        Ok(match name {
            "from" => self.from(value),
            "timeout_seconds" => self.timeout(seconds()?),
            "connect_timeout_seconds" => self.connect_timeout(seconds()?),
            "batch" => self.batch(number()? as usize),
            "partner_id" => self.partner_id(number()?),
            "late_seconds" => self.late(seconds()?),
            "poll_first_seconds" => self.poll_first(seconds()?),
            "costs" => match value {
                "1" => self.costs(true),
                "0" => self.costs(false),
                _ => return Err(config_error("costs must be 1 or 0")),
            },
            "callback_api_id" => self.callback_api_id(value),
            "test" => match value {
                "1" => self.test(true),
                "0" => self.test(false),
                _ => return Err(config_error("test must be 1 or 0")),
            },
            _ => return Err(Error::unknown_parameter(printable_name(name), &PARAMETERS)),
        })
    }

    fn with_credentials(credentials: Credentials) -> Self {
        Self {
            credentials,
            base_url: "https://sms.ru".to_owned(),
            from: None,
            timeout: DEFAULT_TIMEOUT,
            connect_timeout: None,
            batch: MAX_BATCH,
            test: false,
            partner_id: None,
            late: DEFAULT_LATE,
            poll_first: DEFAULT_POLL_FIRST,
            costs: true,
            callback_api_id: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// The base URL of the API: `https://` and a host, or `http://` and a loopback address.
    /// Defaults to `https://sms.ru`.
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// The sender name of messages without a sender name. Defaults to the default sender of the
    /// account.
    pub fn from(mut self, from: impl Into<String>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// The timeout of a request, from connecting to the last byte of the reply, up to 5 min.
    /// Defaults to 15 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The timeout of name resolution, connecting and the TLS handshake together. It must be
    /// shorter than the timeout of the request: a request that ends here was certainly not sent.
    /// Defaults to 5 s or half the timeout, whichever is shorter.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// The maximum of recipients per request, 1 to 100. Defaults to 100.
    pub fn batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// The test mode of sms.ru: it replies as usual, sends nothing and charges nothing. Defaults to
    /// `false`.
    pub fn test(mut self, test: bool) -> Self {
        self.test = test;
        self
    }

    /// The id of a partner who gets a share of the price. Defaults to none.
    pub fn partner_id(mut self, partner_id: u32) -> Self {
        self.partner_id = Some(partner_id);
        self
    }

    /// The time to keep waiting for the reply to a timed-out request of messages, up to 10 min. The
    /// messages count as unknown meanwhile. Zero closes the connection at the timeout. Defaults to
    /// 2 min.
    pub fn late(mut self, late: Duration) -> Self {
        self.late = late;
        self
    }

    /// The time from the acceptance of a message to the first status query about it, up to 1 h.
    /// Defaults to 30 s.
    pub fn poll_first(mut self, first: Duration) -> Self {
        self.poll_first = first;
        self
    }

    /// True to ask for the cost of messages that a callback ended, 100 at a time: callbacks do not
    /// contain it. A status query contains it anyway. Defaults to `true`.
    pub fn costs(mut self, costs: bool) -> Self {
        self.costs = costs;
        self
    }

    /// The API id that signs callbacks. Defaults to the API id given to [`new`](Self::new).
    /// Callbacks of a configuration made by [`from_login`](Self::from_login) need it.
    pub fn callback_api_id(mut self, api_id: impl Into<SecretString>) -> Self {
        self.callback_api_id = Some(api_id.into());
        self
    }

    /// The clock for the time that is left until a deadline. Defaults to the system clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The API id that signs callbacks; `None` if it is not known.
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

    /// Validates all settings and returns the parsed base URL.
    pub(crate) fn validate(&self) -> Result<Url> {
        let bad = |secret: &str| secret.is_empty() || secret.contains(char::is_control);
        if self.credentials.fields().iter().any(|(_, value)| bad(value)) {
            return Err(config_error(
                "the API id, the login or the password is empty or contains control characters",
            ));
        }
        if self.callback_api_id.as_ref().is_some_and(|api_id| bad(api_id.expose_secret())) {
            return Err(config_error("callback_api_id is empty or contains control characters"));
        }
        self.validate_times()?;
        if !(1..=MAX_BATCH).contains(&self.batch) {
            return Err(config_error("batch must be 1 to 100"));
        }
        if self.from.as_deref().is_some_and(|from| !is_sender_name(from)) {
            return Err(config_error(format!("from must be {SENDER_NAME_RULE}")));
        }
        self.parse_base_url()
    }

    fn validate_times(&self) -> Result<()> {
        if self.timeout.is_zero() || self.timeout > MAX_TIMEOUT {
            return Err(config_error("timeout_seconds must be 1 to 300"));
        }
        let connect = self.effective_connect_timeout();
        if connect.is_zero() || connect >= self.timeout {
            return Err(config_error(
                "connect_timeout_seconds must be at least 1 and less than timeout_seconds",
            ));
        }
        if self.late > MAX_LATE {
            return Err(config_error("late_seconds must be 0 to 600"));
        }
        if self.poll_first.is_zero() || self.poll_first > MAX_POLL_INTERVAL {
            return Err(config_error("poll_first_seconds must be 1 to 3600"));
        }
        Ok(())
    }

    fn parse_base_url(&self) -> Result<Url> {
        let url = Url::parse(&self.base_url)
            .map_err(|error| config_error("the base URL cannot be read").with_source(error))?;
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !bare || url.fragment().is_some() || url.path() != "/" {
            return Err(config_error("the base URL must consist of a scheme, a host and a port"));
        }
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_loopback(&url) => Ok(url),
            "http" => Err(config_error(
                "smsru+http:// sends the API id unencrypted, so it requires a loopback host \
                 (127.0.0.1, [::1], localhost); use smsru:// for any other host",
            )),
            _ => Err(config_error("the base URL must begin with https:// or http://")),
        }
    }
}

impl fmt::Debug for SmsRuConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsRuConfig")
            .field("credentials", &format_args!("[redacted]"))
            // A base URL that is not validated yet can contain a credential.
            .field(
                "base_url",
                &self.parse_base_url().map_or_else(|_| "[invalid]".to_owned(), String::from),
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

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).to_canonical().is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
