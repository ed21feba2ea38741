//! Configuration: the address of RabbitMQ, and the options of the queue.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use lapin::uri::{AMQPScheme, AMQPUri};
use secrecy::{ExposeSecret, SecretString};
use sms_core::{Error, ErrorKind, Result};

/// Address and options of an [`AmqpQueue`](crate::AmqpQueue).
///
/// ```
/// use sms_queue_amqp::AmqpConfig;
///
/// let config = AmqpConfig::from_url("amqp://sms:secret@rabbit:5672/%2f?prefix=shop")?;
/// assert!(!format!("{config:?}").contains("secret"));
/// # Ok::<(), sms_core::Error>(())
/// ```
#[derive(Clone)]
pub struct AmqpConfig {
    /// Without the password.
    address: AMQPUri,
    password: SecretString,
    pub(crate) prefix: String,
    pub(crate) lease: Duration,
    pub(crate) timeout: Duration,
    pub(crate) capacity: u32,
    pub(crate) ttl: Duration,
    pub(crate) delivery_limit: u32,
}

/// Limit of the lease. RabbitMQ closes a channel that has not settled a message after 30 min.
const MAX_LEASE: Duration = Duration::from_mins(15);
/// Limit of the timeout.
const MAX_TIMEOUT: Duration = Duration::from_mins(1);
/// Limit of the TTL. RabbitMQ stores it as milliseconds in 32 bits.
const MAX_TTL: Duration = Duration::from_hours(24);
/// Limit of the jobs in a lane.
const MAX_CAPACITY: u32 = 10_000_000;
/// Lower limit of the delivery limit. Each crash, expired lease or release counts as a delivery, so
/// a smaller one would dead-letter healthy jobs.
const MIN_DELIVERY_LIMIT: u32 = 20;
/// Limit of the prefix, in bytes. Names of queues have up to 255.
const MAX_PREFIX_LENGTH: usize = 200;
/// Interval of heartbeats, in seconds. A dead connection is noticed after two.
const HEARTBEAT_SECONDS: u16 = 10;
/// Limit of a frame, in bytes. A job takes less than 200. The client has two buffers for each
/// connection, each of 32 times this size.
const MAX_FRAME_BYTES: u32 = 16 * 1024;

/// The parameters of an address.
const PARAMETERS: [&str; 6] =
    ["prefix", "lease_ms", "timeout_ms", "capacity", "ttl_ms", "delivery_limit"];

impl AmqpConfig {
    /// Reads an address such as `amqp://user:password@host:5672/%2f?prefix=sms`, or `amqps://` for
    /// TLS. The path is the virtual host, percent-encoded; without one it is `/`. Without a user,
    /// it is `guest`.
    ///
    /// | parameter | option |
    /// | --- | --- |
    /// | `prefix` | [`prefix`](Self::prefix) |
    /// | `lease_ms` | [`lease`](Self::lease) |
    /// | `timeout_ms` | [`timeout`](Self::timeout) |
    /// | `capacity` | [`capacity`](Self::capacity) |
    /// | `ttl_ms` | [`ttl`](Self::ttl) |
    /// | `delivery_limit` | [`delivery_limit`](Self::delivery_limit) |
    ///
    /// # Errors
    ///
    /// `Config`, naming the part that is wrong: another scheme, no host, an unknown parameter, a
    /// value out of range.
    pub fn from_url(url: &str) -> Result<Self> {
        if url.contains('#') {
            return Err(config(
                "the address holds a #; one in the user name or password is written %23",
            ));
        }
        let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
        let rest = address.strip_prefix("amqp://").or_else(|| address.strip_prefix("amqps://"));
        let rest = rest.ok_or_else(|| config("the address must start with amqp:// or amqps://"))?;
        let authority = rest.split('/').next().unwrap_or_default();
        if authority.rsplit('@').next().is_none_or(|host| host.is_empty() || host.starts_with(':'))
        {
            return Err(config("the address names no host"));
        }
        // Without the cause, which may quote the address and with it the password.
        let unreadable = "the address cannot be read; in user name and password, / : @ ? # are \
                          written %2F %3A %40 %3F %23";
        let mut address: AMQPUri = address.parse().map_err(|_| config(unreadable))?;
        (address.query.heartbeat, address.query.frame_max) =
            (Some(HEARTBEAT_SECONDS), Some(MAX_FRAME_BYTES));
        let password = SecretString::from(std::mem::take(&mut address.authority.userinfo.password));
        let mut read = Self {
            address,
            password,
            prefix: "sms".to_owned(),
            lease: Duration::from_mins(1),
            timeout: Duration::from_secs(3),
            capacity: 20_000,
            ttl: Duration::from_secs(20),
            delivery_limit: 1000,
        };
        for (name, value) in url::form_urlencoded::parse(parameters.as_bytes()) {
            read = read.with_parameter(&name, &value)?;
        }
        read.check()?;
        Ok(read)
    }

    fn with_parameter(self, name: &str, value: &str) -> Result<Self> {
        let number = || -> Result<u32> {
            value
                .parse()
                .map_err(|_| config(format!("the parameter {name} must be a whole number")))
        };
        let milliseconds = || -> Result<Duration> { Ok(Duration::from_millis(number()?.into())) };
        Ok(match name {
            "prefix" => self.prefix(value),
            "lease_ms" => self.lease(milliseconds()?),
            "timeout_ms" => self.timeout(milliseconds()?),
            "capacity" => self.capacity(number()?),
            "ttl_ms" => self.ttl(milliseconds()?),
            "delivery_limit" => self.delivery_limit(number()?),
            _ => return Err(Error::unknown_parameter(name, &PARAMETERS)),
        })
    }

    /// Prefix of the queues' names: letters, digits, `.`, `-` and `_`. Defaults to `sms`.
    /// Installations that share a virtual host need one each.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Time for which a pulled job is held for its worker, 100 ms to 15 min. Defaults to 1 min.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Time that an answer of RabbitMQ may take, connecting included, 10 ms to 1 min. After it the
    /// call answers `Unavailable` and the connection is replaced. Defaults to 3 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Limit of the jobs that wait in each lane, up to 10 million. A push beyond it answers
    /// `Unavailable`. Defaults to 20,000: the rest of a larger backlog waits in the store.
    pub fn capacity(mut self, capacity: u32) -> Self {
        self.capacity = capacity;
        self
    }

    /// Time after which a job that waits in a lane is dropped, 1 s to 24 h. Defaults to 20 s, which
    /// is when the caretaker offers a message again: with a longer TTL the lanes fill with copies
    /// of the same jobs.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Number of times that a job can be returned (a release, a lease that ended, a worker that
    /// died) before RabbitMQ dead-letters it, at least 20. Defaults to 1000.
    pub fn delivery_limit(mut self, limit: u32) -> Self {
        self.delivery_limit = limit;
        self
    }

    /// The address with the password.
    pub(crate) fn address(&self) -> AMQPUri {
        let mut address = self.address.clone();
        self.password.expose_secret().clone_into(&mut address.authority.userinfo.password);
        address
    }

    /// Host and port, for error messages.
    pub(crate) fn place(&self) -> String {
        let authority = &self.address.authority;
        format!("{}:{}", authority.host, authority.port)
    }

    pub(crate) fn user(&self) -> &str {
        &self.address.authority.userinfo.username
    }

    pub(crate) fn vhost(&self) -> &str {
        &self.address.vhost
    }

    /// Checks that each option is in its range.
    ///
    /// # Errors
    ///
    /// `Config`, naming the option that is not.
    pub(crate) fn check(&self) -> Result<()> {
        let is_allowed =
            |character: char| character.is_ascii_alphanumeric() || ".-_".contains(character);
        if self.prefix.is_empty()
            || self.prefix.len() > MAX_PREFIX_LENGTH
            || !self.prefix.chars().all(is_allowed)
        {
            return Err(config(
                "prefix must be 1 to 200 letters, digits, dots, hyphens or underscores",
            ));
        }
        if !(Duration::from_millis(100)..=MAX_LEASE).contains(&self.lease) {
            return Err(config("lease_ms must be 100 to 900000"));
        }
        if !(Duration::from_millis(10)..=MAX_TIMEOUT).contains(&self.timeout) {
            return Err(config("timeout_ms must be 10 to 60000"));
        }
        if !(1..=MAX_CAPACITY).contains(&self.capacity) {
            return Err(config("capacity must be 1 to 10000000"));
        }
        if !(Duration::from_secs(1)..=MAX_TTL).contains(&self.ttl) {
            return Err(config("ttl_ms must be 1000 to 86400000"));
        }
        if self.delivery_limit < MIN_DELIVERY_LIMIT {
            return Err(config("delivery_limit must be at least 20"));
        }
        Ok(())
    }
}

impl fmt::Debug for AmqpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.address.scheme == AMQPScheme::AMQPS { "amqps" } else { "amqp" };
        let authority = &self.address.authority;
        f.debug_struct("AmqpConfig")
            .field("scheme", &scheme)
            .field("host", &authority.host)
            .field("port", &authority.port)
            .field("vhost", &self.address.vhost)
            .field("user", &authority.userinfo.username)
            .field("password", &"[redacted]")
            .field("prefix", &self.prefix)
            .field("lease", &self.lease)
            .field("timeout", &self.timeout)
            .field("capacity", &self.capacity)
            .field("ttl", &self.ttl)
            .field("delivery_limit", &self.delivery_limit)
            .finish()
    }
}

fn config(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> AmqpConfig {
        AmqpConfig::from_url(url).expect("valid")
    }

    fn refusal(url: &str) -> String {
        let error = AmqpConfig::from_url(url).expect_err("must be refused");
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    }

    #[test]
    fn every_part_of_the_address_is_read() {
        let address = read("amqps://us%40er:p%2fw@rabbit:5673/my%2fhost").address();
        assert_eq!(address.scheme, AMQPScheme::AMQPS);
        assert_eq!((address.authority.host.as_str(), address.authority.port), ("rabbit", 5673));
        assert_eq!(address.authority.userinfo.username, "us@er");
        assert_eq!(address.authority.userinfo.password, "p/w");
        assert_eq!(address.vhost, "my/host");
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let config = read("amqp://rabbit");
        let address = config.address();
        assert_eq!((address.authority.port, address.vhost.as_str()), (5672, "/"));
        assert_eq!(address.authority.userinfo.username, "guest");
        assert_eq!(
            (config.prefix.as_str(), config.capacity, config.delivery_limit),
            ("sms", 20_000, 1000)
        );
        assert_eq!(read("amqps://rabbit").address().authority.port, 5671);
    }

    #[test]
    fn parameters_set_their_options() {
        let config = read(
            "amqp://h/%2f?prefix=shop.a&lease_ms=500&timeout_ms=600&capacity=7&ttl_ms=8000\
             &delivery_limit=90",
        );
        assert_eq!(
            (config.prefix.as_str(), config.capacity, config.delivery_limit),
            ("shop.a", 7, 90)
        );
        assert_eq!(
            (config.lease, config.timeout),
            (Duration::from_millis(500), Duration::from_millis(600))
        );
        assert_eq!(config.ttl, Duration::from_secs(8));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(
            refusal("amqp://h/%2f?heartbeat=10"),
            "unknown parameter heartbeat; known are prefix, lease_ms, timeout_ms, capacity, \
             ttl_ms, delivery_limit"
        );
        for name in PARAMETERS {
            let refusal = refusal(&format!("amqp://h?{name}=/"));
            assert!(!refusal.contains("unknown"), "{refusal}");
        }
        assert_eq!(
            refusal("amqp://h?lease_ms=long"),
            "the parameter lease_ms must be a whole number"
        );
        for name in
            ["prefix=a/b", "prefix=", "lease_ms=1", "timeout_ms=0", "capacity=0", "ttl_ms=1"]
        {
            let (parameter, _) = name.split_once('=').expect("a parameter");
            assert!(refusal(&format!("amqp://h?{name}")).contains(parameter), "{name}");
        }
        assert!(refusal("amqp://h?delivery_limit=3").contains("delivery_limit"));
        assert!(refusal("redis://h").contains("amqp://"));
        for nowhere in
            ["amqp://", "amqp:///%2f", "amqp://user:pass@/%2f", "amqp://:5672/%2f?prefix=a"]
        {
            assert!(refusal(nowhere).contains("no host"), "{nowhere}");
        }
    }

    #[test]
    fn no_message_and_no_debug_output_holds_the_password() {
        let config = read("amqp://user:canary@h/%2f");
        assert!(!format!("{config:?}").contains("canary"));
        assert!(!refusal("amqp://user:canary@h:port/").contains("canary"));
        assert!(!refusal("amqp://user:canary@h/?x=1").contains("canary"));
    }
}
