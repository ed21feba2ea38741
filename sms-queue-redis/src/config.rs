//! Where Redis is, and how it is used.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use sms_core::{Error, Result};

use crate::address::{Address, Host, Topology};
use crate::error::config;

/// The address and the options of a [`RedisQueue`](crate::RedisQueue).
///
/// ```
/// use sms_queue_redis::RedisConfig;
///
/// let config = RedisConfig::from_url("redis://:secret@queue.example:6379/0?prefix=sms&lease_seconds=60")?;
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

/// Timeouts and leases are whole milliseconds in this range.
const LEAST: Duration = Duration::from_millis(1);
const MAX_TIMEOUT: Duration = Duration::from_mins(5);
const MAX_LEASE: Duration = Duration::from_hours(24);
const MAX_FORGET: Duration = Duration::from_hours(365 * 24);
/// Each id takes about 135 bytes of Redis's memory, and some 100 more while it is leased.
const MAX_CAPACITY: usize = 10_000_000;
const MAX_PREFIX: usize = 100;

impl RedisConfig {
    /// The server at `host` (a name or an IP address) and `port`, without TLS or a password.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self::of(Topology::Node, vec![(host.into(), port)])
    }

    /// The master that these sentinels (`host` or `host:port`) know under this name.
    ///
    /// # Errors
    ///
    /// `Config` when a host cannot be read, or there is none.
    #[cfg(feature = "sentinel")]
    pub fn sentinel<H: AsRef<str>>(
        sentinels: impl IntoIterator<Item = H>,
        master: impl Into<String>,
    ) -> Result<Self> {
        let mut config = Self::of(Topology::Sentinel, hosts(sentinels, 26379)?);
        config.master = master.into();
        Ok(config)
    }

    /// The cluster some of whose nodes (`host` or `host:port`) these are. All keys lie in one hash
    /// slot, so one node does the work.
    ///
    /// # Errors
    ///
    /// `Config` when a host cannot be read, or there is none.
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
    /// | scheme | servers |
    /// | --- | --- |
    /// | `redis://` | one |
    /// | `rediss://` | one, with TLS (feature `tls`) |
    /// | `redis+sentinel://host1:26379,host2/0?master=mymaster` | the master the sentinels name (feature `sentinel`) |
    /// | `redis+cluster://host1,host2:7000` | a cluster (feature `cluster`) |
    /// | `rediss+sentinel://`, `rediss+cluster://` | the same, with TLS to every server |
    ///
    /// | parameter | option |
    /// | --- | --- |
    /// | `prefix` | [`prefix`](Self::prefix) |
    /// | `lease_seconds` | [`lease`](Self::lease) |
    /// | `capacity` | [`capacity`](Self::capacity) |
    /// | `connect_timeout_ms` | [`connect_timeout`](Self::connect_timeout) |
    /// | `timeout_ms` | [`timeout`](Self::timeout) |
    /// | `forget_seconds` | [`forget_after`](Self::forget_after) |
    /// | `ca_file` | [`root_certificate`](Self::root_certificate), read from this file |
    /// | `cert_file`, `key_file` | [`client_certificate`](Self::client_certificate), read from these files |
    /// | `master` | the name the sentinels know the master by |
    /// | `sentinel_username`, `sentinel_password` | how to sign in to the sentinels, which do not share the master's password |
    ///
    /// # Errors
    ///
    /// `Config`, naming the part that is wrong: another scheme or one whose feature is off, no
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
        let mut files = Files::default();
        for (name, value) in address.parameters {
            read = read.with_parameter(&name, value, &mut files)?;
        }
        read.client_certificate = files.client_certificate()?;
        read.check()?;
        Ok(read)
    }

    fn with_parameter(mut self, name: &str, value: String, files: &mut Files) -> Result<Self> {
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
            _ => return Err(config(format!("unknown parameter {name}"))),
        }
        Ok(self)
    }

    /// Whether to talk TLS. Defaults to no, with `rediss://` to yes. Needs the feature `tls`.
    pub fn tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// The user to sign in as. Defaults to Redis's own default user.
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The password to sign in with. Defaults to none.
    pub fn password(mut self, password: impl Into<SecretString>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// The number of the database. Defaults to 0, the only one a cluster has.
    pub fn database(mut self, database: u16) -> Self {
        self.database = database;
        self
    }

    /// How to sign in to the sentinels, which do not share the master's password. Defaults to not
    /// at all.
    #[cfg(feature = "sentinel")]
    pub fn sentinel_credentials(
        mut self,
        username: Option<String>,
        password: impl Into<SecretString>,
    ) -> Self {
        (self.sentinel_username, self.sentinel_password) = (username, Some(password.into()));
        self
    }

    /// The certificate authorities to trust, in PEM, instead of the system's.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificate = Some(pem.into());
        self
    }

    /// The certificate to show, with its chain, and its key, both in PEM. Defaults to none; Redis
    /// asks for one unless its `tls-auth-clients` says no.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<Vec<u8>>,
        key: impl Into<SecretString>,
    ) -> Self {
        self.client_certificate = Some((certificate.into(), key.into()));
        self
    }

    /// The beginning of every key: 1 to 100 printable ASCII characters, no spaces or braces.
    /// Defaults to `sms`. Queues of one prefix are one queue.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a pulled id is held, 1 ms to 24 h. Defaults to 60 s. All that share a prefix must
    /// set the same: the shortest counts.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How many ids a lane holds, ready and leased together, 1 to 10,000,000. Defaults to 100,000:
    /// 14 to 24 MB of Redis's memory. What does not fit is dropped, and offered again by the
    /// caretaker when there is room.
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// How long connecting may take, 1 ms to 5 min. Defaults to 2 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long Redis may take to answer, 1 ms to 5 min; then the call is `Unavailable`. A pull's
    /// wait comes on top. Defaults to 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long a consumer is idle until it is forgotten, 1 s to a year. Defaults to a day. Every
    /// process is a consumer of its own; one that ended stays in Redis for this long.
    pub fn forget_after(mut self, idle: Duration) -> Self {
        self.forget_after = idle;
        self
    }

    /// The servers' hosts and ports.
    pub(crate) fn place(&self) -> String {
        let hosts: Vec<String> =
            self.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        hosts.join(",")
    }

    pub(crate) fn check(&self) -> Result<()> {
        self.check_servers()?;
        let printable =
            self.prefix.bytes().all(|byte| byte.is_ascii_graphic() && !b"{}".contains(&byte));
        if !printable || !(1..=MAX_PREFIX).contains(&self.prefix.len()) {
            return Err(config(
                "prefix must be 1 to 100 printable ASCII characters, no spaces or braces",
            ));
        }
        if !(LEAST..=MAX_LEASE).contains(&self.lease) {
            return Err(config("lease_seconds must be 1 to 86400"));
        }
        if !(1..=MAX_CAPACITY).contains(&self.capacity) {
            return Err(config("capacity must be 1 to 10000000"));
        }
        if !(LEAST..=MAX_TIMEOUT).contains(&self.connect_timeout) {
            return Err(config("connect_timeout_ms must be 1 to 300000"));
        }
        if !(LEAST..=MAX_TIMEOUT).contains(&self.timeout) {
            return Err(config("timeout_ms must be 1 to 300000"));
        }
        if !(Duration::from_secs(1)..=MAX_FORGET).contains(&self.forget_after) {
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

fn read_file(name: &str, path: &str) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| {
        config(format!("the file of the parameter {name} cannot be read")).with_source(error)
    })
}

/// The two files of a client certificate: one is of no use without the other.
#[derive(Default)]
struct Files {
    certificate: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
}

impl Files {
    fn client_certificate(self) -> Result<Option<(Vec<u8>, SecretString)>> {
        match (self.certificate, self.key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => {
                let key = String::from_utf8(key).map_err(|_| config("key_file must be in PEM"))?;
                Ok(Some((certificate, key.into())))
            }
            _ => Err(config("cert_file and key_file need each other")),
        }
    }
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
