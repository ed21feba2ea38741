//! Address and options of the store.

use std::net::IpAddr;
use std::str::FromStr as _;
use std::time::Duration;
use std::{env, fmt};

use sms_core::{Error, ErrorKind, NumberReader, Region, Result};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::{Host, Url};

/// The address and the options of a [`PgStore`](crate::PgStore).
///
/// ```
/// use sms_store_pg::PgConfig;
///
/// let url = "postgres://sms:secret@db.example/app?connections=20&sslmode=verify-full";
/// let config = PgConfig::from_url(url)?;
/// assert!(!format!("{config:?}").contains("secret"));
/// # Ok::<(), sms_core::Error>(())
/// ```
#[derive(Clone)]
pub struct PgConfig {
    pub(crate) server: PgConnectOptions,
    pub(crate) schema: String,
    pub(crate) connections: u32,
    pub(crate) timeout: Duration,
    pub(crate) migrate: bool,
    pub(crate) numbers: NumberReader,
}

/// Largest number of connections: each is a process of the server.
const MAX_CONNECTIONS: u32 = 1000;
const MAX_TIMEOUT: Duration = Duration::from_hours(1);
/// Length of the longest identifier of PostgreSQL, in bytes.
const MAX_SCHEMA: usize = 63;
/// A hint for the usual reason why an address cannot be read.
const ENCODED: &str = "; in user name and password, / : @ ? # are written %2F %3A %40 %3F %23";
/// The parameters that are read here.
const OWN: [&str; 4] = ["connections", "schema", "timeout_seconds", "migrate"];
/// The parameters that are passed on to sqlx.
const SERVERS_OWN: [&str; 6] =
    ["sslmode", "sslrootcert", "sslcert", "sslkey", "application_name", "host"];

impl PgConfig {
    /// The database at the address of `server`. Options that `server` does not set are taken from
    /// the environment, as `psql` does.
    pub fn new(server: PgConnectOptions) -> Self {
        Self {
            server,
            schema: "sms".to_owned(),
            connections: 10,
            timeout: Duration::from_secs(10),
            migrate: true,
            numbers: NumberReader::default(),
        }
    }

    /// Reads an address such as `postgres://user:password@host:5432/database?connections=20`.
    ///
    /// | parameter | option |
    /// | --- | --- |
    /// | `connections` | [`connections`](Self::connections) |
    /// | `schema` | [`schema`](Self::schema) |
    /// | `timeout_seconds` | [`timeout`](Self::timeout) |
    /// | `migrate` | [`migrate`](Self::migrate), `true` or `false` |
    /// | `sslmode` | `disable`, `allow`, `prefer`, `require`, `verify-ca`, `verify-full` |
    /// | `sslrootcert`, `sslcert`, `sslkey` | files with certificates and the key |
    /// | `application_name` | how `pg_stat_activity` shows the connections; defaults to `sms` |
    /// | `host` | the folder of a Unix socket |
    ///
    /// `sslmode` defaults to `disable` for a server on this machine, and to `prefer` for others.
    ///
    /// # Errors
    ///
    /// `Config`, naming the part that is wrong: another scheme, an unknown parameter, a value out
    /// of range.
    pub fn from_url(url: &str) -> Result<Self> {
        if url.contains('#') {
            return Err(config(
                "the address holds a #; one in the user name or password is written %23",
            ));
        }
        // Without the source of the error: it would show the address, and with it the password.
        let mut url =
            Url::parse(url).map_err(|_| config(format!("the address is not a URL{ENCODED}")))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(config("the address must start with postgres:"));
        }
        let parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let (passed_on, own): (Vec<_>, Vec<_>) =
            parameters.into_iter().partition(|(name, _)| SERVERS_OWN.contains(&name.as_str()));
        url.set_query(None);
        if !passed_on.is_empty() {
            url.query_pairs_mut().extend_pairs(&passed_on);
        }
        let server = PgConnectOptions::from_str(url.as_str());
        let mut server = server.map_err(|_| {
            config(format!("the address or one of its ssl parameters is malformed{ENCODED}"))
        })?;
        let says_how = passed_on.iter().any(|(name, _)| name == "sslmode")
            || env::var_os("PGSSLMODE").is_some();
        if !says_how && is_loopback(&url) {
            // TLS protects nothing on the machine itself, and a message of several records may wait
            // 40 ms between them.
            server = server.ssl_mode(PgSslMode::Disable);
        }
        own.iter()
            .try_fold(Self::new(server), |read, (name, value)| read.with_parameter(name, value))
    }

    fn with_parameter(self, name: &str, value: &str) -> Result<Self> {
        let number = || -> Result<u32> {
            value
                .parse()
                .map_err(|_| config(format!("the parameter {name} must be a whole number")))
        };
        let read = match name {
            "connections" => self.connections(number()?),
            "schema" => self.schema(value),
            "timeout_seconds" => self.timeout(Duration::from_secs(number()?.into())),
            "migrate" => {
                let yes = value
                    .parse()
                    .map_err(|_| config("the parameter migrate must be true or false"))?;
                self.migrate(yes)
            }
            _ => return Err(Error::unknown_parameter(name, &[&OWN[..], &SERVERS_OWN].concat())),
        };
        read.check()?;
        Ok(read)
    }

    /// Sets the region of the national formats in which numbers are read, by `insert_in` and by
    /// every sender and list over this store. Defaults to Russia.
    pub fn region(mut self, region: Region) -> Self {
        self.numbers = NumberReader::new(region);
        self
    }

    /// Sets the largest number of open connections, 1 to 1,000. Defaults to 10. Calls beyond that
    /// wait for a free one.
    pub fn connections(mut self, connections: u32) -> Self {
        self.connections = connections;
        self
    }

    /// Sets the schema of the tables, in lower case: letters, digits and `_`. Defaults to `sms`.
    /// Stores in different schemas share nothing.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// Sets the time limit of a call, with its wait for a connection, 1 s to an hour. A call that
    /// takes longer answers `Unavailable` and its connection is closed. Defaults to 10 s. The
    /// server cancels a statement after the same time, and a wait for a lock after half of it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets whether [`open`](crate::PgStore::open) creates the schema and brings it up to date.
    /// Defaults to true. If false, `open` only checks that the schema is up to date.
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    /// The schema of the tables.
    pub fn schema_name(&self) -> &str {
        &self.schema
    }

    pub(crate) fn check(&self) -> Result<()> {
        if !(1..=MAX_CONNECTIONS).contains(&self.connections) {
            return Err(config("connections must be 1 to 1000"));
        }
        if !(Duration::from_secs(1)..=MAX_TIMEOUT).contains(&self.timeout) {
            return Err(config("timeout_seconds must be 1 to 3600"));
        }
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let starts_well = self.schema.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        if !starts_well || self.schema.len() > MAX_SCHEMA || !self.schema.chars().all(is_plain) {
            return Err(config("schema must be up to 63 lower-case letters, digits and _"));
        }
        if self.schema.starts_with("pg_") {
            return Err(config("schema must not start with pg_"));
        }
        Ok(())
    }
}

impl fmt::Debug for PgConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgConfig")
            .field("host", &self.server.get_host())
            .field("port", &self.server.get_port())
            .field("user", &self.server.get_username())
            .field("password", &"[redacted]")
            .field("database", &self.server.get_database())
            .field("schema", &self.schema)
            .field("connections", &self.connections)
            .field("timeout", &self.timeout)
            .field("migrate", &self.migrate)
            .field("numbers", &self.numbers)
            .finish()
    }
}

/// True if the server is on this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        // With a scheme such as `postgres:`, the URL parser keeps an address as a name.
        Some(Host::Domain(name)) => {
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn config(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> PgConfig {
        PgConfig::from_url(url).expect("valid")
    }

    fn refusal(url: &str) -> String {
        let error = PgConfig::from_url(url).expect_err("must be refused");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        error.to_string()
    }

    #[test]
    fn the_address_names_the_database() {
        let config = read("postgres://sms:secret@db.example:6432/app?sslmode=disable");
        assert_eq!((config.server.get_host(), config.server.get_port()), ("db.example", 6432));
        assert_eq!(
            (config.server.get_username(), config.server.get_database()),
            ("sms", Some("app"))
        );
        assert!(matches!(config.server.get_ssl_mode(), PgSslMode::Disable));
        assert_eq!(config.schema, "sms");
    }

    #[test]
    fn on_the_machine_itself_there_is_no_tls_unless_it_is_asked_for() {
        let mode = |url| read(url).server.get_ssl_mode();
        for url in ["postgres://localhost/db", "postgres://127.0.0.1/db", "postgres://u@[::1]/db"] {
            assert!(matches!(mode(url), PgSslMode::Disable), "{url}");
        }
        assert!(matches!(mode("postgres://localhost/db?sslmode=require"), PgSslMode::Require));
        assert!(matches!(mode("postgres://db.example/db"), PgSslMode::Prefer));
    }

    #[test]
    fn parameters_set_their_options() {
        let config =
            read("postgresql://h/db?connections=7&schema=sms_2&timeout_seconds=30&migrate=false");
        assert_eq!((config.connections, config.schema.as_str()), (7, "sms_2"));
        assert_eq!((config.timeout, config.migrate), (Duration::from_secs(30), false));
    }

    #[test]
    fn the_password_is_not_shown() {
        let shown = format!("{:?}", read("postgres://sms:secret@db.example/app"));
        assert!(shown.contains("db.example") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(
            refusal("postgres://u:secret@h/db?pool=3"),
            "unknown parameter pool; known are connections, schema, timeout_seconds, migrate, \
             sslmode, sslrootcert, sslcert, sslkey, application_name, host"
        );
        assert!(refusal("postgres://h/db?options=-c").starts_with("unknown parameter options"));
        for name in OWN {
            let refusal = refusal(&format!("postgres://h/db?{name}=-"));
            assert!(!refusal.contains("unknown"), "{refusal}");
        }
        assert_eq!(
            refusal("postgres://h/db?connections=many"),
            "the parameter connections must be a whole number"
        );
        assert!(refusal("postgres://h/db?connections=0").contains("connections"));
        assert!(refusal("postgres://h/db?timeout_seconds=0").contains("timeout_seconds"));
        assert!(refusal("postgres://h/db?migrate=maybe").contains("migrate"));
        assert!(refusal("postgres://u:secret@h/db?sslmode=maybe").contains("ssl"));
        assert!(refusal("sqlite:a.db").contains("postgres:"));
        assert!(refusal("secret").contains("URL"));
        for schema in ["", "Sms", "a-b", "1a", "a;b", "pg_temp", "a.b"] {
            assert!(
                refusal(&format!("postgres://h/db?schema={schema}")).contains("schema"),
                "{schema}"
            );
        }
    }
}
