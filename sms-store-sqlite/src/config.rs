//! Address and options of the store.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sms_core::{Error, ErrorKind, NumberReader, Region, Result};

/// The address and the options of a [`SqliteStore`](crate::SqliteStore).
///
/// ```
/// use sms_store_sqlite::SqliteConfig;
///
/// let config = SqliteConfig::from_url("sqlite:data/sms.db?readers=2")?;
/// assert_eq!(config.path().to_str(), Some("data/sms.db"));
/// # Ok::<(), sms_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteConfig {
    pub(crate) path: PathBuf,
    pub(crate) readers: u32,
    pub(crate) busy_timeout: Duration,
    pub(crate) timeout: Duration,
    pub(crate) numbers: NumberReader,
}

/// Largest number of connections that read: each holds up to 2 MB.
const MAX_READERS: u32 = 64;
/// Longest timeout. SQLite's own busy timeout is an `i32` of milliseconds, and an hour is more than
/// anybody waits.
const MAX_TIMEOUT: Duration = Duration::from_hours(1);

/// The parameters of an address.
const PARAMETERS: [&str; 3] = ["readers", "busy_timeout_ms", "timeout_ms"];

impl SqliteConfig {
    /// The database in this file. File and folders are created when the store is opened.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            readers: 4,
            busy_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            numbers: NumberReader::default(),
        }
    }

    /// Reads an address such as `sqlite:data/sms.db`, `sqlite:/var/lib/sms/sms.db` or
    /// `sqlite:sms.db?readers=2`. The path is everything up to the `?`, without decoding.
    ///
    /// | parameter | option |
    /// | --- | --- |
    /// | `readers` | [`readers`](Self::readers) |
    /// | `busy_timeout_ms` | [`busy_timeout`](Self::busy_timeout) |
    /// | `timeout_ms` | [`timeout`](Self::timeout) |
    ///
    /// # Errors
    ///
    /// `Config`, naming the part that is wrong: another scheme, no path, `:memory:`, an unknown
    /// parameter, a value out of range.
    pub fn from_url(url: &str) -> Result<Self> {
        if url.contains('#') {
            return Err(config(
                "the address holds a #, which is not taken as part of a file's name here",
            ));
        }
        let rest = url
            .strip_prefix("sqlite:")
            .ok_or_else(|| config("the address must start with sqlite:"))?;
        let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        // sqlite:///var/sms.db and sqlite://sms.db are common spellings of the same.
        let path = path.strip_prefix("//").unwrap_or(path);
        match path {
            "" => return Err(config("the address names no file")),
            ":memory:" => {
                return Err(config("the store needs a file: what is in memory is not durable"));
            }
            _ => {}
        }
        let mut read = Self::new(path);
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            read = read.with_parameter(name, value)?;
        }
        Ok(read)
    }

    fn with_parameter(self, name: &str, value: &str) -> Result<Self> {
        let number = || -> Result<u32> {
            value
                .parse()
                .map_err(|_| config(format!("the parameter {name} must be a whole number")))
        };
        let milliseconds = || -> Result<Duration> { Ok(Duration::from_millis(number()?.into())) };
        let read = match name {
            "readers" => self.readers(number()?),
            "busy_timeout_ms" => self.busy_timeout(milliseconds()?),
            "timeout_ms" => self.timeout(milliseconds()?),
            _ => return Err(Error::unknown_parameter(name, &PARAMETERS)),
        };
        read.check()?;
        Ok(read)
    }

    /// Sets the number of connections that read at once, 1 to 64. Defaults to 4. Lists and counts
    /// use half of them at most. One further connection writes.
    pub fn readers(mut self, readers: u32) -> Self {
        self.readers = readers;
        self
    }

    /// Sets how long SQLite waits for a write of another process, up to an hour. Defaults to 5 s.
    pub fn busy_timeout(mut self, busy_timeout: Duration) -> Self {
        self.busy_timeout = busy_timeout;
        self
    }

    /// Sets the time limit of a call, with its wait for the one connection that writes, 1 ms to an
    /// hour. A call that takes longer answers `Unavailable`. Defaults to 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the region of the national formats in which numbers are read, by `insert_in` and by
    /// every sender and list over this store. Defaults to Russia.
    pub fn region(mut self, region: Region) -> Self {
        self.numbers = NumberReader::new(region);
        self
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn check(&self) -> Result<()> {
        if !(1..=MAX_READERS).contains(&self.readers) {
            return Err(config("readers must be 1 to 64"));
        }
        if self.busy_timeout > MAX_TIMEOUT {
            return Err(config("busy_timeout_ms must be at most 3600000"));
        }
        if !(Duration::from_millis(1)..=MAX_TIMEOUT).contains(&self.timeout) {
            return Err(config("timeout_ms must be 1 to 3600000"));
        }
        Ok(())
    }
}

fn config(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        let error = SqliteConfig::from_url(url).expect_err("must be refused");
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    }

    #[test]
    fn the_usual_spellings_name_the_file() {
        for (url, path) in [
            ("sqlite:data/sms.db", "data/sms.db"),
            ("sqlite:/var/lib/sms.db", "/var/lib/sms.db"),
            ("sqlite:///var/lib/sms.db", "/var/lib/sms.db"),
            ("sqlite://sms.db", "sms.db"),
        ] {
            assert_eq!(SqliteConfig::from_url(url).expect("valid").path(), Path::new(path));
        }
    }

    #[test]
    fn parameters_set_their_options() {
        let config =
            SqliteConfig::from_url("sqlite:a.db?readers=7&busy_timeout_ms=20&timeout_ms=30")
                .expect("valid");
        let expected = SqliteConfig::new("a.db")
            .readers(7)
            .busy_timeout(Duration::from_millis(20))
            .timeout(Duration::from_millis(30));
        assert_eq!(config, expected);
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(
            refusal("sqlite:a.db?cache=shared"),
            "unknown parameter cache; known are readers, busy_timeout_ms, timeout_ms"
        );
        for name in PARAMETERS {
            let refusal = refusal(&format!("sqlite:a.db?{name}=x"));
            assert!(!refusal.contains("unknown"), "{refusal}");
        }
        assert_eq!(
            refusal("sqlite:a.db?readers=many"),
            "the parameter readers must be a whole number"
        );
        assert!(refusal("sqlite:a.db?readers=0").contains("readers"));
        assert!(refusal("postgres://h/db").contains("sqlite:"));
        assert!(refusal("sqlite:").contains("no file"));
        assert!(refusal("sqlite::memory:").contains("durable"));
    }
}
