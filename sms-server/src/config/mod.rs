//! Configuration of the server: three addresses and a few settings.

mod environment;
mod file;
mod keys;
mod log_files;
mod log_filter;
mod redact;
mod role;
mod setting;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use secrecy::{ExposeSecret, SecretString};
use sms_core::Region;

pub(crate) use self::keys::Key;
#[cfg(test)]
pub(crate) use self::keys::variable;
pub(crate) use self::log_files::LogFiles;
pub use self::log_files::LogRotation;
pub use self::log_filter::LogFilter;
pub(crate) use self::redact::redacted;
pub use self::role::Role;
pub(crate) use self::setting::Source;
use self::setting::{Setting, Value};
use crate::app::public_url::PublicUrl;
use crate::app::time_zone::TimeZone;
use crate::http::network::IpNetwork;
use crate::secrets;

/// The shortest `admin_key`, in bytes.
const MIN_ADMIN_KEY: usize = 16;
/// The longest wait for the store at the start, in seconds.
const MAX_STORE_WAIT: u32 = 3600;
/// The longest label, in characters.
const MAX_LABEL: usize = 40;
/// The least retention, in days: idempotency keys are kept for so long.
const MIN_RETENTION_DAYS: u32 = 3;

/// The configuration. Flags override the environment, which overrides the file, which overrides the
/// defaults.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The address of the store. Defaults to `sqlite:data/sms.db`.
    pub store: SecretString,
    /// Seconds for which the start waits for a store that cannot be reached, at most 3600. Defaults
    /// to 30.
    pub store_wait_seconds: u32,
    /// The address of the queue. Defaults to `memory:`.
    pub queue: SecretString,
    /// The address of the provider. Defaults to `sandbox:`, which sends nothing.
    pub provider: SecretString,
    /// The address to serve on. Defaults to `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// The address at which metrics and health probes are served without a key. Defaults to none.
    pub metrics_listen: Option<SocketAddr>,
    /// The address at which people and programs reach the server. Defaults to the one it serves on.
    pub public_url: Option<PublicUrl>,
    /// The name of the installation, for people who use several: up to 40 characters. Defaults to
    /// none.
    pub label: Option<String>,
    /// Tells whether pages hide the middle of phone numbers until a person asks for them. Defaults
    /// to true.
    pub mask_numbers: bool,
    /// The proxies that are believed when they say from where they were asked. Defaults to none.
    pub trusted_proxies: Vec<IpNetwork>,
    /// The roles of this process. Defaults to all.
    pub roles: Vec<Role>,
    /// A key with every scope that is not in the store, of at least 16 characters. Defaults to
    /// none.
    pub admin_key: Option<SecretString>,
    /// The keys that encrypt secrets in the store, newest first, separated by commas. Defaults to
    /// one in a file next to SQLite's.
    pub secret_key: Option<SecretString>,
    /// The region of national phone numbers, such as `RU`. Defaults to `RU`.
    pub region: Region,
    /// The time zone of what people type. Defaults to Europe/Moscow.
    pub time_zone: TimeZone,
    /// Days that ended messages are kept, at least 3. Defaults to 90.
    pub retention_days: u32,
    /// Days after which ended messages lose their text, at least 1. Defaults to none: texts are
    /// kept as long as their messages.
    pub text_retention_days: Option<u32>,
    /// Calls to the provider in flight at most. Defaults to 8.
    pub concurrency: NonZeroUsize,
    /// The filter of the log. Defaults to `info`.
    pub log: LogFilter,
    /// The format of the log. Defaults to `text`.
    pub log_format: LogFormat,
    /// The file of the log. Defaults to standard error.
    pub log_file: Option<PathBuf>,
    /// The time after which a new file begins. Defaults to a day.
    pub log_rotate: LogRotation,
    /// The largest number of log files, the current one included. Defaults to 14.
    pub log_max_files: NonZeroU32,
    /// The largest number of megabytes in all log files together. Defaults to 1000.
    pub log_max_mb: NonZeroU32,
    /// The source of each value that is not a default.
    sources: BTreeMap<Key, Source>,
}

/// The format of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one object a line.
    Json,
}

impl LogFormat {
    /// The name used in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        const CONCURRENCY: NonZeroUsize = NonZeroUsize::new(8).unwrap();
        const LOG_MAX_FILES: NonZeroU32 = NonZeroU32::new(14).unwrap();
        const LOG_MAX_MB: NonZeroU32 = NonZeroU32::new(1000).unwrap();
        Self {
            store: "sqlite:data/sms.db".into(),
            store_wait_seconds: 30,
            queue: "memory:".into(),
            provider: "sandbox:".into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            metrics_listen: None,
            public_url: None,
            label: None,
            mask_numbers: true,
            trusted_proxies: Vec::new(),
            roles: Role::ALL.to_vec(),
            admin_key: None,
            secret_key: None,
            region: Region::RU,
            time_zone: TimeZone::default(),
            retention_days: 90,
            text_retention_days: None,
            concurrency: CONCURRENCY,
            log: LogFilter::default(),
            log_format: LogFormat::default(),
            log_file: None,
            log_rotate: LogRotation::default(),
            log_max_files: LOG_MAX_FILES,
            log_max_mb: LOG_MAX_MB,
            sources: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Reads the file named by `file` or `SMS_CONFIG`, the environment and the flags.
    ///
    /// # Errors
    ///
    /// An unknown key, by name; a value that cannot be read; a file that is not there. No error
    /// holds a secret.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        flags: &BTreeMap<&'static str, String>,
    ) -> anyhow::Result<Self> {
        let environment = environment::read(environment)?;
        let mut settings = match file {
            Some(path) => file::read(path, "--config")?,
            None => match &environment.file {
                Some(path) => file::read(path, keys::FILE_VARIABLE)?,
                None => BTreeMap::new(),
            },
        };
        settings.extend(environment.settings);
        for key in Key::ALL {
            if let Some(value) = flags.get(key.name()) {
                settings.insert(key, Setting::flag(key, value));
            }
        }
        let mut config = Self::default();
        for (key, setting) in settings {
            if let Err(rule) = config.set(key, &setting.value) {
                bail!("{}", setting.source.complaint(key, &rule));
            }
            config.sources.insert(key, setting.source);
        }
        Ok(config)
    }

    /// The time that ended messages are kept.
    pub fn retention(&self) -> Duration {
        Duration::from_hours(u64::from(self.retention_days) * 24)
    }

    /// The files of the log; `None` for standard error.
    pub(crate) fn log_files(&self) -> Option<LogFiles> {
        let path = self.log_file.clone()?;
        let (rotation, max_files) = (self.log_rotate, self.log_max_files);
        Some(LogFiles { path, rotation, max_files, max_mb: self.log_max_mb })
    }

    /// The time after which ended messages lose their text, if they do before they are removed.
    pub fn text_retention(&self) -> Option<Duration> {
        self.text_retention_days.map(|days| Duration::from_hours(u64::from(days) * 24))
    }

    /// The address at which people reach a server that serves on this one.
    pub(crate) fn public_url_at(&self, listen: SocketAddr) -> PublicUrl {
        self.public_url.clone().unwrap_or_else(|| PublicUrl::of_listener(listen))
    }

    /// Tells whether this process has the role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// The source of a value.
    pub(crate) fn source(&self, key: Key) -> &Source {
        self.sources.get(&key).unwrap_or(&Source::Default)
    }

    /// The setting to change, by the name at its source: `SMS_STORE`, `--store`, `store in
    /// sms.toml`.
    pub(crate) fn place(&self, key: Key) -> String {
        self.source(key).place(key)
    }

    /// A value without its secrets.
    pub(crate) fn shown(&self, key: Key) -> String {
        match key {
            Key::Store => redacted(self.store.expose_secret()),
            Key::StoreWaitSeconds => self.store_wait_seconds.to_string(),
            Key::Queue => redacted(self.queue.expose_secret()),
            Key::Provider => redacted(self.provider.expose_secret()),
            Key::Listen => self.listen.to_string(),
            Key::MetricsListen => {
                self.metrics_listen.map_or_else(|| "none".to_owned(), |at| at.to_string())
            }
            Key::PublicUrl => {
                self.public_url.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string)
            }
            Key::MaskNumbers => self.mask_numbers.to_string(),
            Key::Label => self.label.clone().unwrap_or_else(|| "none".to_owned()),
            Key::TrustedProxies if self.trusted_proxies.is_empty() => "none".to_owned(),
            Key::TrustedProxies => {
                let shown: Vec<String> =
                    self.trusted_proxies.iter().map(ToString::to_string).collect();
                shown.join(",")
            }
            Key::Roles => self.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(","),
            Key::Admin => self.admin_key.as_ref().map_or("none", |_| redact::REDACTED).to_owned(),
            Key::SecretKey => {
                self.secret_key.as_ref().map_or("none", |_| redact::REDACTED).to_owned()
            }
            Key::Region => self.region.to_string(),
            Key::TimeZone => self.time_zone.to_string(),
            Key::RetentionDays => self.retention_days.to_string(),
            Key::TextRetentionDays => {
                self.text_retention_days.map_or_else(|| "none".to_owned(), |days| days.to_string())
            }
            Key::Concurrency => self.concurrency.to_string(),
            Key::Log => self.log.to_string(),
            Key::LogFormat => self.log_format.as_str().to_owned(),
            Key::LogFile => {
                let path = self.log_file.as_ref();
                path.map_or("standard error".to_owned(), |path| path.display().to_string())
            }
            Key::LogRotate => self.log_rotate.as_str().to_owned(),
            Key::LogMaxFiles => self.log_max_files.to_string(),
            Key::LogMaxMb => self.log_max_mb.to_string(),
        }
    }

    /// Sets a value. The error is the rule that it breaks, without the value.
    fn set(&mut self, key: Key, value: &Value) -> Result<(), String> {
        match key {
            Key::Store => self.store = value.text()?.into(),
            Key::StoreWaitSeconds => {
                let seconds = u32::try_from(value.number()?).ok();
                let seconds = seconds.filter(|seconds| *seconds <= MAX_STORE_WAIT);
                self.store_wait_seconds = seconds.ok_or("must be at most 3600")?;
            }
            Key::Queue => self.queue = value.text()?.into(),
            Key::Provider => self.provider = value.text()?.into(),
            Key::Listen => {
                let rule = "must be an IP address and a port, such as 127.0.0.1:8080 or [::]:8080";
                self.listen = value.text()?.parse().map_err(|_| rule.to_owned())?;
            }
            Key::MetricsListen => {
                let rule = "must be an IP address and a port, such as 127.0.0.1:9464";
                self.metrics_listen = Some(value.text()?.parse().map_err(|_| rule.to_owned())?);
            }
            Key::PublicUrl => {
                let read = value.text()?.parse();
                self.public_url = Some(read.map_err(|error: sms_core::Error| error.to_string())?);
            }
            Key::MaskNumbers => self.mask_numbers = value.boolean()?,
            Key::Label => self.label = Some(label(value.text()?)?),
            Key::TrustedProxies => {
                let read =
                    |name: &&str| name.parse().map_err(|error: sms_core::Error| error.to_string());
                self.trusted_proxies = value.list()?.iter().map(read).collect::<Result<_, _>>()?;
            }
            Key::Roles => self.roles = roles(&value.list()?)?,
            Key::Admin => {
                let admin_key = value.text()?;
                if admin_key.len() < MIN_ADMIN_KEY {
                    return Err(format!("must be at least {MIN_ADMIN_KEY} characters long"));
                }
                self.admin_key = Some(admin_key.into());
            }
            Key::SecretKey => {
                let keys = SecretString::from(value.text()?);
                secrets::check(&keys).map_err(|error| error.to_string())?;
                self.secret_key = Some(keys);
            }
            Key::Region => {
                let rule = "must be the two letters of a country with phone numbers, such as RU";
                self.region = value.text()?.parse().map_err(|_| rule.to_owned())?;
            }
            Key::TimeZone => {
                let parsed = value.text()?.parse();
                self.time_zone = parsed.map_err(|error: sms_core::Error| error.to_string())?;
            }
            Key::RetentionDays => {
                let rule = "must be at least 3, the days an idempotency key is kept";
                let days = u32::try_from(value.number()?).map_err(|_| "is too large".to_owned())?;
                self.retention_days = (days >= MIN_RETENTION_DAYS).then_some(days).ok_or(rule)?;
            }
            Key::TextRetentionDays => {
                let days = u32::try_from(value.number()?).map_err(|_| "is too large".to_owned())?;
                self.text_retention_days = Some((days >= 1).then_some(days).ok_or(
                    "must be at least 1; leave it out to keep texts as long as their messages",
                )?);
            }
            Key::Concurrency => {
                let calls = usize::try_from(value.number()?).ok().and_then(NonZeroUsize::new);
                self.concurrency = calls.ok_or("must be at least 1")?;
            }
            Key::Log => self.log = value.text()?.parse()?,
            Key::LogFormat => {
                self.log_format = match value.text()? {
                    "text" => LogFormat::Text,
                    "json" => LogFormat::Json,
                    _ => return Err("must be text or json".to_owned()),
                }
            }
            Key::LogFile => self.log_file = Some(value.text()?.into()),
            Key::LogRotate => {
                let name = value.text()?;
                let known = LogRotation::ALL.into_iter().find(|known| known.as_str() == name);
                self.log_rotate = known.ok_or("must be daily or hourly")?;
            }
            Key::LogMaxFiles => self.log_max_files = positive(value)?,
            Key::LogMaxMb => self.log_max_mb = positive(value)?,
        }
        Ok(())
    }
}

fn positive(value: &Value) -> Result<NonZeroU32, String> {
    let number = u32::try_from(value.number()?).map_err(|_| "is too large".to_owned())?;
    NonZeroU32::new(number).ok_or_else(|| "must be at least 1".to_owned())
}

fn label(text: &str) -> Result<String, String> {
    let is_printable = !text.is_empty() && !text.chars().any(char::is_control);
    let fits = is_printable && text.chars().count() <= MAX_LABEL;
    let rule = || format!("must be 1 to {MAX_LABEL} characters without control characters");
    fits.then(|| text.to_owned()).ok_or_else(rule)
}

fn roles(names: &[&str]) -> Result<Vec<Role>, String> {
    let mut roles = Vec::new();
    for name in names {
        let Some(role) = Role::ALL.into_iter().find(|role| role.as_str() == *name) else {
            return Err(format!("holds the unknown role `{name}`; known are api, worker, ui"));
        };
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    if !roles.contains(&Role::Api) && !roles.contains(&Role::Worker) {
        return Err("must name api, worker or both: `ui` serves nothing by itself".to_owned());
    }
    if roles.contains(&Role::Ui) && !roles.contains(&Role::Api) {
        return Err("must name api where it names ui: the pages call the API".to_owned());
    }
    Ok(roles)
}

#[cfg(test)]
mod tests;
