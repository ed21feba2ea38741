//! The server's configuration: three addresses and a few settings.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sms_core::Region;

/// Every key, as it is written in a file; `SMS_` and upper case make the environment variable.
const KEYS: [&str; 11] = [
    "store",
    "queue",
    "provider",
    "listen",
    "roles",
    "admin_key",
    "region",
    "retention_days",
    "concurrency",
    "log",
    "log_format",
];
/// Keys whose value may hold a secret: each can be read from the file named by `SMS_…_FILE`.
const SECRETS: [&str; 4] = ["store", "queue", "provider", "admin_key"];
/// The environment variable that names the configuration file.
const FILE_VARIABLE: &str = "SMS_CONFIG";
/// Variables that begin like this are for tests, not for the server.
const FOREIGN_PREFIX: &str = "SMS_TEST_";
/// The shortest `admin_key`, in bytes.
const MIN_ADMIN_KEY: usize = 16;

/// What the server is told: defaults < file < environment < flags.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Config {
    /// Where messages are kept. Defaults to `sqlite:data/sms.db`.
    pub store: SecretString,
    /// How due messages reach the workers. Defaults to `memory:`.
    pub queue: SecretString,
    /// Who sends them. Defaults to `sandbox:`, which sends nothing.
    pub provider: SecretString,
    /// The address to serve on. Defaults to `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// What this process does. Defaults to everything.
    #[serde(deserialize_with = "roles")]
    pub roles: Vec<Role>,
    /// A key with every scope that is not in the store, of 16 characters at least. Defaults to none.
    pub admin_key: Option<SecretString>,
    /// The region whose national number formats are understood, e.g. `RU`. Defaults to `RU`.
    #[serde(deserialize_with = "region")]
    pub region: Region,
    /// How long ended messages are kept, in days; 3 at the least. Defaults to 90.
    pub retention_days: u32,
    /// Calls to the provider in flight at most. Defaults to 8.
    pub concurrency: std::num::NonZeroUsize,
    /// What is logged, as a `tracing` filter. Defaults to `info`.
    pub log: String,
    /// How it is logged. Defaults to `text`.
    pub log_format: LogFormat,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Serves the REST API.
    Api,
    /// Sends messages.
    Worker,
    /// Serves the web UI.
    Ui,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one object a line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        const CONCURRENCY: std::num::NonZeroUsize = std::num::NonZeroUsize::new(8).unwrap();
        Self {
            store: "sqlite:data/sms.db".into(),
            queue: "memory:".into(),
            provider: "sandbox:".into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            roles: vec![Role::Api, Role::Worker, Role::Ui],
            admin_key: None,
            region: Region::RU,
            retention_days: 90,
            concurrency: CONCURRENCY,
            log: "info".to_owned(),
            log_format: LogFormat::default(),
        }
    }
}

impl Config {
    /// Reads the file named by `file` or `SMS_CONFIG`, the environment and the flags.
    ///
    /// # Errors
    ///
    /// An unknown key, by name; a value that cannot be read; a file that is not there.
    pub fn load(
        file: Option<&Path>,
        environment: &BTreeMap<String, String>,
        flags: &BTreeMap<&'static str, String>,
    ) -> anyhow::Result<Self> {
        let mut builder = config::Config::builder();
        let named = environment.get(FILE_VARIABLE).map(Path::new);
        if let Some(path) = file.or(named) {
            builder = builder.add_source(config::File::from(path).format(config::FileFormat::Toml));
        }
        for (key, value) in from_environment(environment)? {
            builder = builder.set_override(key, value)?;
        }
        for (key, value) in flags {
            builder = builder.set_override(*key, value.as_str())?;
        }
        let config: Self = builder.build()?.try_deserialize().context("configuration")?;
        config.check()?;
        Ok(config)
    }

    /// How long ended messages are kept.
    pub fn retention(&self) -> Duration {
        Duration::from_hours(u64::from(self.retention_days) * 24)
    }

    /// Whether this process has the role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    fn check(&self) -> anyhow::Result<()> {
        let short = |key: &SecretString| key.expose_secret().len() < MIN_ADMIN_KEY;
        if self.admin_key.as_ref().is_some_and(short) {
            bail!("admin_key: must be at least {MIN_ADMIN_KEY} characters long");
        }
        if self.retention_days < 3 {
            bail!("retention_days: must be at least 3, the time an idempotency key is kept");
        }
        Ok(())
    }
}

/// The settings in the environment, under their keys; secrets may stand in files.
fn from_environment(
    environment: &BTreeMap<String, String>,
) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let mut values = BTreeMap::new();
    for (variable, value) in environment {
        let Some(name) = variable.strip_prefix("SMS_").map(str::to_lowercase) else {
            continue;
        };
        if variable == FILE_VARIABLE || variable.starts_with(FOREIGN_PREFIX) {
            continue;
        }
        let secret = SECRETS.into_iter().find(|key| name.strip_suffix("_file") == Some(key));
        let (key, value) = if let Some(key) = secret {
            let read =
                fs::read_to_string(value).with_context(|| format!("{variable}: cannot read the file"))?;
            // What Windows puts before a text in UTF-8 is no part of a secret.
            (key, read.trim_start_matches('\u{feff}').trim_end().to_owned())
        } else if let Some(key) = KEYS.into_iter().find(|key| *key == name) {
            (key, value.clone())
        } else {
            bail!(
                "{variable}: unknown key; known are {}",
                KEYS.map(|key| format!("SMS_{}", key.to_uppercase())).join(", ")
            );
        };
        if values.insert(key, value).is_some() {
            bail!("{variable}: set twice, by itself and by the variable with _FILE");
        }
    }
    Ok(values)
}

/// `"api,worker"` or `["api", "worker"]`.
fn roles<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Role>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        List(Vec<String>),
        Text(String),
    }
    let names = match Form::deserialize(deserializer)? {
        Form::List(names) => names,
        Form::Text(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
    };
    let role = |name: &String| match name.as_str() {
        "api" => Ok(Role::Api),
        "worker" => Ok(Role::Worker),
        "ui" => Ok(Role::Ui),
        _ => {
            Err(serde::de::Error::custom(format!("roles: unknown role `{name}`; known are api, worker, ui")))
        }
    };
    names.iter().map(role).collect()
}

fn region<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Region, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(
        file: &str,
        environment: &[(&str, &str)],
        flags: &[(&'static str, &str)],
    ) -> anyhow::Result<Config> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("sms.toml");
        fs::write(&path, file)?;
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let flags = flags.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        Config::load(Some(&path), &environment, &flags)
    }

    fn refusal(file: &str, environment: &[(&str, &str)]) -> String {
        format!("{:#}", load(file, environment, &[]).expect_err("must be refused"))
    }

    #[test]
    fn flags_go_before_environment_before_file_before_defaults() {
        let file = "listen = '127.0.0.1:1'\nlog = 'debug'\nroles = ['api']";
        let environment = [("SMS_LISTEN", "127.0.0.1:2"), ("SMS_ROLES", "api,worker")];
        let config = load(file, &environment, &[("listen", "127.0.0.1:3")]).expect("valid");
        assert_eq!(config.listen.port(), 3);
        assert_eq!(config.roles, [Role::Api, Role::Worker]);
        assert_eq!(config.log, "debug");
        assert_eq!(config.provider.expose_secret(), "sandbox:");
    }

    #[test]
    fn an_unknown_key_is_named() {
        assert!(refusal("lissten = '127.0.0.1:1'", &[]).contains("lissten"));
        assert!(refusal("", &[("SMS_LISSTEN", "x")]).contains("SMS_LISSTEN"));
        assert!(refusal("roles = ['api', 'cook']", &[]).contains("cook"));
    }

    #[test]
    fn a_secret_can_stand_in_a_file_and_not_in_both_places() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        fs::write(&path, "0123456789abcdef\n").expect("written");
        let path = path.to_str().expect("UTF-8");
        let config = load("", &[("SMS_ADMIN_KEY_FILE", path)], &[]).expect("valid");
        assert_eq!(config.admin_key.expect("read").expose_secret(), "0123456789abcdef");
        fs::write(path, "\u{feff}0123456789abcdef\r\n").expect("written");
        let config = load("", &[("SMS_ADMIN_KEY_FILE", path)], &[]).expect("valid");
        assert_eq!(config.admin_key.expect("read").expose_secret(), "0123456789abcdef", "a byte order mark");
        assert_eq!(
            load("\u{feff}log = 'debug'", &[], &[]).expect("valid").log,
            "debug",
            "and one in the file"
        );
        let both = [("SMS_ADMIN_KEY", "0123456789abcdef"), ("SMS_ADMIN_KEY_FILE", path)];
        assert!(refusal("", &both).contains("set twice"));
    }

    #[test]
    fn a_short_admin_key_is_refused() {
        assert!(refusal("admin_key = 'short'", &[]).contains("admin_key"));
    }

    #[test]
    fn debug_shows_no_secret() {
        let config = load("provider = 'smsru://CANARY@sms.ru'", &[], &[]).expect("valid");
        assert!(!format!("{config:?}").contains("CANARY"));
    }
}
