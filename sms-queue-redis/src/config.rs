//! Configuration: the address of Redis, and the options of the queue.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use sms_core::{Error, Result};

use crate::address::{Address, Host, PARAMETERS, Topology};
use crate::certificate_files::{CertificateFiles, read_file};
use crate::error::config;

/// Address and options of a [`RedisQueue`](crate::RedisQueue).
///
/// ```
/// use sms_queue_redis::RedisConfig;
///
/// let url = "redis://:secret@queue.example:6379/0?prefix=sms&lease_seconds=60";
/// let config = RedisConfig::from_url(url)?;
/// assert!(!format!("{config:?}").contains("secret"));
/// # Ok::<(), sms_core::Error>(())
/// ```
#[derive(Clone)]
pub struct RedisConfig {
    pub(crate) topology: Topology,
    pub(crate) hosts: Vec<Host>,
    pub(crate) tls: bool,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<SecretString>,
    pub(crate) database: u16,
    pub(crate) master: String,
    pub(crate) sentinel_username: Option<String>,
    pub(crate) sentinel_password: Option<SecretString>,
    pub(crate) root_certificate: Option<Vec<u8>>,
    pub(crate) client_certificate: Option<(Vec<u8>, SecretString)>,
    pub(crate) prefix: String,
    pub(crate) lease: Duration,
    pub(crate) capacity: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) timeout: Duration,
    pub(crate) forget_after: Duration,
}

/// Lower limit of timeouts and leases. The scripts get whole milliseconds.
const MIN_DURATION: Duration = Duration::from_millis(1);
/// Limit of the timeouts.
const MAX_TIMEOUT: Duration = Duration::from_mins(5);
/// Limit of the lease.
const MAX_LEASE: Duration = Duration::from_hours(24);
/// Limit of the time after which an idle consumer is removed.
const MAX_FORGET_AFTER: Duration = Duration::from_hours(365 * 24);
/// Limit of the ids in a lane. Each takes about 135 bytes of memory in Redis, and about 100 more
/// while it is leased.
const MAX_CAPACITY: usize = 10_000_000;
/// Limit of the prefix, in bytes.
const MAX_PREFIX_LENGTH: usize = 100;

impl RedisConfig {
    /// One server at `host` (a name or an IP address) and `port`, without TLS or a password.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self::of(Topology::Node, vec![(host.into(), port)])
    }

    /// The master that these sentinels (`host` or `host:port`) know by this name.
    ///
    /// # Errors
    ///
    /// `Config` when there is no host, or one cannot be parsed.
    #[cfg(feature = "sentinel")]
    pub fn sentinel<H: AsRef<str>>(
        sentinels: impl IntoIterator<Item = H>,
        master: impl Into<String>,
    ) -> Result<Self> {
        let mut config = Self::of(Topology::Sentinel, hosts(sentinels, 26379)?);
        config.master = master.into();
        Ok(config)
    }

    /// The cluster that these nodes (`host` or `host:port`) belong to; not all of its nodes are
    /// needed. All keys are in one hash slot, so one node does the work.
    ///
    /// # Errors
    ///
    /// `Config` when there is no host, or one cannot be parsed.
    #[cfg(feature = "cluster")]
    pub fn cluster<H: AsRef<str>>(nodes: impl IntoIterator<Item = H>) -> Result<Self> {
        Ok(Self::of(Topology::Cluster, hosts(nodes, 6379)?))
    }

    fn of(topology: Topology, hosts: Vec<Host>) -> Self {
        Self {
            topology,
            hosts,
            tls: false,
            username: None,
            password: None,
            database: 0,
            master: String::new(),
            sentinel_username: None,
            sentinel_password: None,
            root_certificate: None,
            client_certificate: None,
            prefix: "sms".to_owned(),
            lease: Duration::from_mins(1),
            capacity: 100_000,
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(2),
            forget_after: Duration::from_hours(24),
        }
    }

    /// Reads an address such as `redis://:password@host:6379/0?prefix=sms`. User name and password
    /// are percent-encoded.
    ///
    /// | address | servers | feature |
    /// | --- | --- | --- |
    /// | `redis://host` | one | |
    /// | `rediss://host` | one, with TLS | `tls` |
    /// | `redis+sentinel://host1:26379,host2/0?master=m` | master named by sentinels | `sentinel` |
    /// | `redis+cluster://host1,host2:7000` | a cluster | `cluster` |
    /// | `rediss+sentinel://…`, `rediss+cluster://…` | the same, with TLS to all | both |
    ///
    /// | parameter | option |
    /// | --- | --- |
    /// | `prefix` | [`prefix`](Self::prefix) |
    /// | `lease_seconds` | [`lease`](Self::lease) |
    /// | `capacity` | [`capacity`](Self::capacity) |
    /// | `connect_timeout_ms` | [`connect_timeout`](Self::connect_timeout) |
    /// | `timeout_ms` | [`timeout`](Self::timeout) |
    /// | `forget_seconds` | [`forget_after`](Self::forget_after) |
    /// | `ca_file` | file of the [`root_certificate`](Self::root_certificate) |
    /// | `cert_file`, `key_file` | files of the [`client_certificate`](Self::client_certificate) |
    /// | `master` | name that the sentinels know the master by |
    /// | `sentinel_username`, `sentinel_password` | credentials for the sentinels |
    ///
    /// # Errors
    ///
    /// `Config`, naming the part that is wrong: another scheme, a feature that is off, no
    /// host, an unknown parameter, a value out of range, a file that cannot be read.
    pub fn from_url(url: &str) -> Result<Self> {
        if url.contains('#') {
            return Err(config(
                "the address holds a #; one in the user name or password is written %23",
            ));
        }
        let address = Address::parse(url)?;
        let mut read = Self::of(address.topology, address.hosts);
        read.tls = address.tls;
        read.username = address.username;
        read.password = address.password.map(SecretString::from);
        read.database = address.database;
        let mut files = CertificateFiles::default();
        for (name, value) in address.parameters {
            read = read.with_parameter(&name, value, &mut files)?;
        }
        read.client_certificate = files.into_pem()?;
        read.check()?;
        Ok(read)
    }

    fn with_parameter(
        mut self,
        name: &str,
        value: String,
        files: &mut CertificateFiles,
    ) -> Result<Self> {
        let number = || -> Result<u64> {
            value
                .parse()
                .map_err(|_| config(format!("the parameter {name} must be a whole number")))
        };
        match name {
            "prefix" => self.prefix = value,
            "lease_seconds" => self.lease = Duration::from_secs(number()?),
            "capacity" => self.capacity = usize::try_from(number()?).unwrap_or(usize::MAX),
            "connect_timeout_ms" => self.connect_timeout = Duration::from_millis(number()?),
            "timeout_ms" => self.timeout = Duration::from_millis(number()?),
            "forget_seconds" => self.forget_after = Duration::from_secs(number()?),
            "ca_file" => self.root_certificate = Some(read_file(name, &value)?),
            "cert_file" => files.certificate = Some(read_file(name, &value)?),
            "key_file" => files.key = Some(read_file(name, &value)?),
            "master" => self.master = value,
            "sentinel_username" => self.sentinel_username = Some(value),
            "sentinel_password" => self.sentinel_password = Some(value.into()),
            _ => return Err(Error::unknown_parameter(name, &PARAMETERS)),
        }
        Ok(self)
    }

    /// Use of TLS. Defaults to no, and for `rediss://` to yes. Needs the feature `tls`.
    pub fn tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// User name. Defaults to the default user of Redis.
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// Password. Defaults to none.
    pub fn password(mut self, password: impl Into<SecretString>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Number of the database. Defaults to 0, the only one that a cluster has.
    pub fn database(mut self, database: u16) -> Self {
        self.database = database;
        self
    }

    /// Credentials for the sentinels, which do not share the master's password. Defaults to none.
    #[cfg(feature = "sentinel")]
    pub fn sentinel_credentials(
        mut self,
        username: Option<String>,
        password: impl Into<SecretString>,
    ) -> Self {
        (self.sentinel_username, self.sentinel_password) = (username, Some(password.into()));
        self
    }

    /// Certificate authorities to trust, in PEM. Defaults to those of the system.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificate = Some(pem.into());
        self
    }

    /// Client certificate with its chain, and its key, both in PEM. Defaults to none. Redis
    /// requires one unless its `tls-auth-clients` is `no`.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<Vec<u8>>,
        key: impl Into<SecretString>,
    ) -> Self {
        self.client_certificate = Some((certificate.into(), key.into()));
        self
    }

    /// Prefix of every key: 1 to 100 printable ASCII characters, no spaces or braces. Defaults to
    /// `sms`. Queues with the same prefix are one queue.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Time for which a pulled id is held, 1 ms to 24 h. Defaults to 60 s. All processes that share
    /// a prefix must set the same: the shortest one takes effect.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Limit of the ids in a lane, ready and leased together, 1 to 10,000,000. Defaults to 100,000,
    /// which take 14 to 24 MB of memory in Redis. An id that does not fit is dropped, and the
    /// caretaker pushes it again when there is room.
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// Time that connecting may take, 1 ms to 5 min. Defaults to 2 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Time that an answer of Redis may take, 1 ms to 5 min. After it the call answers
    /// `Unavailable`. For a pull, its wait is added. Defaults to 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Time after which an idle consumer is removed, 1 s to a year. Defaults to a day. Every
    /// process is a consumer; the consumer of one that ended stays in Redis for this time.
    pub fn forget_after(mut self, idle: Duration) -> Self {
        self.forget_after = idle;
        self
    }

    /// Hosts and ports of the servers, for error messages.
    pub(crate) fn place(&self) -> String {
        let hosts: Vec<String> =
            self.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        hosts.join(",")
    }

    /// Checks that each option is in its range and fits the others.
    ///
    /// # Errors
    ///
    /// `Config`, naming the option that does not.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_servers()?;
        let printable =
            self.prefix.bytes().all(|byte| byte.is_ascii_graphic() && !b"{}".contains(&byte));
        if !printable || !(1..=MAX_PREFIX_LENGTH).contains(&self.prefix.len()) {
            return Err(config(
                "prefix must be 1 to 100 printable ASCII characters, no spaces or braces",
            ));
        }
        if !(MIN_DURATION..=MAX_LEASE).contains(&self.lease) {
            return Err(config("lease_seconds must be 1 to 86400"));
        }
        if !(1..=MAX_CAPACITY).contains(&self.capacity) {
            return Err(config("capacity must be 1 to 10000000"));
        }
        if !(MIN_DURATION..=MAX_TIMEOUT).contains(&self.connect_timeout) {
            return Err(config("connect_timeout_ms must be 1 to 300000"));
        }
        if !(MIN_DURATION..=MAX_TIMEOUT).contains(&self.timeout) {
            return Err(config("timeout_ms must be 1 to 300000"));
        }
        if !(Duration::from_secs(1)..=MAX_FORGET_AFTER).contains(&self.forget_after) {
            return Err(config("forget_seconds must be 1 to 31536000"));
        }
        Ok(())
    }

    fn check_servers(&self) -> Result<()> {
        let sentinel = self.topology == Topology::Sentinel;
        match self.topology {
            Topology::Node if self.hosts.len() > 1 => {
                return Err(config("several hosts need redis+sentinel:// or redis+cluster://"));
            }
            Topology::Sentinel if !cfg!(feature = "sentinel") => return Err(lacks("sentinel")),
            Topology::Cluster if !cfg!(feature = "cluster") => return Err(lacks("cluster")),
            Topology::Cluster if self.database != 0 => {
                return Err(config("a cluster has no database but 0"));
            }
            _ => {}
        }
        if sentinel && self.master.is_empty() {
            return Err(config(
                "redis+sentinel:// needs the parameter master, the name the sentinels know",
            ));
        }
        let of_sentinels = !self.master.is_empty()
            || self.sentinel_username.is_some()
            || self.sentinel_password.is_some();
        if !sentinel && of_sentinels {
            return Err(config("master and sentinel_… are parameters of redis+sentinel:// only"));
        }
        if self.username.is_some() && self.password.is_none() {
            return Err(config("a user name needs a password"));
        }
        if self.tls && !cfg!(feature = "tls") {
            return Err(lacks("tls"));
        }
        if !self.tls && (self.root_certificate.is_some() || self.client_certificate.is_some()) {
            return Err(config("certificates need TLS: rediss://"));
        }
        Ok(())
    }
}

fn lacks(feature: &str) -> Error {
    config(format!(
        "this build of sms-queue-redis lacks the feature {feature}, which the address needs"
    ))
}

#[cfg(any(feature = "sentinel", feature = "cluster"))]
fn hosts<H: AsRef<str>>(texts: impl IntoIterator<Item = H>, port: u16) -> Result<Vec<Host>> {
    let hosts: Vec<Host> = texts
        .into_iter()
        .map(|text| crate::address::host(text.as_ref(), port))
        .collect::<Result<_>>()?;
    if hosts.is_empty() { Err(config("at least one host is needed")) } else { Ok(hosts) }
}

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let redacted =
            |secret: &Option<SecretString>| secret.as_ref().map(|_| format_args!("[redacted]"));
        f.debug_struct("RedisConfig")
            .field("topology", &self.topology)
            .field("hosts", &self.hosts)
            .field("tls", &self.tls)
            .field("username", &self.username)
            .field("password", &redacted(&self.password))
            .field("database", &self.database)
            .field("master", &self.master)
            .field("sentinel_username", &self.sentinel_username)
            .field("sentinel_password", &redacted(&self.sentinel_password))
            .field("prefix", &self.prefix)
            .field("lease", &self.lease)
            .field("capacity", &self.capacity)
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("forget_after", &self.forget_after)
            .finish_non_exhaustive()
    }
}
