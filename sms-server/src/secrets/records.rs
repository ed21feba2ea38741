//! Secrets as records of the registry.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sms_core::registry::{Expect, Record};
use sms_core::{Error, ErrorKind, Registry, Result};

use super::key::SecretKey;

/// The kind and the name of the record with the fingerprint of the key that is in use.
const KIND: &str = "secret_key";
const NAME: &str = "current";
/// The kinds of records that hold a secret.
#[cfg(feature = "program")]
const KINDS: [&str; 1] = ["callback"];
/// The fields of a record with its secret, in clear and encrypted.
const CLEAR: &str = "token";
const SEALED: &str = "sealed";

/// The secrets in a registry.
#[derive(Clone, Debug)]
pub struct Secrets {
    registry: Arc<dyn Registry>,
    protection: Protection,
}

/// What protects the secrets.
#[derive(Clone, Debug)]
enum Protection {
    /// Nothing but the registry itself.
    None,
    /// A key that is not there, and must be before a secret can be kept.
    #[cfg_attr(not(feature = "program"), allow(dead_code, reason = "only the program needs a key"))]
    Missing,
    /// Keys, the one in use first.
    Keys(Vec<SecretKey>),
}

impl Secrets {
    /// Secrets that are kept in clear, by a registry that is protected otherwise.
    pub fn in_clear(registry: impl Registry) -> Self {
        Self { registry: Arc::new(registry), protection: Protection::None }
    }

    /// Secrets that are encrypted with these keys, each of at least 32 characters, separated by
    /// commas. The registry remembers the fingerprint of the key that is in use, which must be
    /// among them.
    ///
    /// # Errors
    ///
    /// `Config` for a key that is too short or not the one in use; the registry's.
    pub async fn encrypted(registry: impl Registry, keys: &SecretString) -> Result<Self> {
        let registry: Arc<dyn Registry> = Arc::new(registry);
        let mut keys = read(keys)?;
        let newest = keys[0].fingerprint().to_owned();
        let current = match fingerprint(&*registry).await? {
            Some(current) => current,
            None => remember(&*registry, &newest).await?,
        };
        let Some(at) = keys.iter().position(|key| key.fingerprint() == current) else {
            return Err(Error::new(
                ErrorKind::Config,
                "is not the key with which the secrets in the store are encrypted; give that one, \
                 or to change it both, the new one first, and run `sms-server secrets rotate`",
            ));
        };
        keys[..=at].rotate_right(1);
        Ok(Self { registry, protection: Protection::Keys(keys) })
    }

    /// Secrets of a program without a key. None can be added.
    ///
    /// # Errors
    ///
    /// `Config` if there are encrypted ones; the registry's.
    #[cfg(feature = "program")]
    pub(crate) async fn without_key(registry: Arc<dyn Registry>) -> Result<Self> {
        if is_encrypted(&*registry).await? {
            let rule = "is required: the secrets in the store are encrypted with a key";
            return Err(Error::new(ErrorKind::Config, rule));
        }
        Ok(Self { registry, protection: Protection::Missing })
    }

    /// The secret of a record, which `make` makes if there is none. Of several processes that do
    /// so at a time, all get the same.
    pub(crate) async fn get_or_make(
        &self,
        kind: &str,
        name: &str,
        make: impl Fn() -> Result<SecretString>,
    ) -> Result<SecretString> {
        loop {
            if let Some(record) = self.registry.get(kind, name).await? {
                return self.read(kind, &record).await;
            }
            let record = self.record(kind, name, &make()?)?;
            match self.registry.put(kind, name, &record, Expect::Absent).await {
                // Another process may have been faster: its record is read.
                Err(error) if error.kind() != ErrorKind::Conflict => return Err(error),
                _ => {}
            }
        }
    }

    /// The secret of a record. One that is in clear, from an earlier build, is encrypted.
    async fn read(&self, kind: &str, record: &Record) -> Result<SecretString> {
        let unreadable = || Error::new(ErrorKind::Internal, "a secret in the store cannot be read");
        if let Some(sealed) = record.value[SEALED].as_str() {
            return self.open(&place(kind, &record.name), sealed);
        }
        let clear: SecretString = record.value[CLEAR].as_str().ok_or_else(unreadable)?.into();
        if let Protection::Keys(_) = self.protection {
            let sealed = self.record(kind, &record.name, &clear)?;
            let expect = Expect::Version(record.version);
            match self.registry.put(kind, &record.name, &sealed, expect).await {
                // Another process was faster.
                Err(error) if error.kind() != ErrorKind::Conflict => return Err(error),
                _ => {}
            }
        }
        Ok(clear)
    }

    fn open(&self, place: &str, sealed: &str) -> Result<SecretString> {
        let keys: &[SecretKey] = match &self.protection {
            Protection::Keys(keys) => keys,
            _ => &[],
        };
        for key in keys {
            if let Some(secret) = key.open(place, sealed)? {
                return Ok(secret);
            }
        }
        let reason = "a secret in the store is encrypted with another secret key";
        Err(Error::new(ErrorKind::Config, reason))
    }

    /// The document of a record with this secret.
    fn record(&self, kind: &str, name: &str, secret: &SecretString) -> Result<Value> {
        match &self.protection {
            Protection::None => Ok(json!({ CLEAR: secret.expose_secret() })),
            Protection::Missing => Err(Error::new(
                ErrorKind::Config,
                "SMS_SECRET_KEY: is required with PostgreSQL, the same on every node: it encrypts \
                 what is kept secret in the store",
            )),
            Protection::Keys(keys) => {
                let key = keys.first().ok_or_else(no_key)?;
                Ok(json!({ SEALED: key.seal(&place(kind, name), secret)? }))
            }
        }
    }

    /// Encrypts every secret with the newest of these keys, which is the one in use from then on.
    /// May be repeated after an interruption. Returns the number of secrets.
    ///
    /// # Errors
    ///
    /// Those of [`encrypted`](Self::encrypted); the registry's.
    #[cfg(feature = "program")]
    pub(crate) async fn rotate(registry: Arc<dyn Registry>, keys: &SecretString) -> Result<usize> {
        let mut secrets = Self::encrypted(Arc::clone(&registry), keys).await?;
        let newest = read(keys)?.swap_remove(0);
        let fingerprint = newest.fingerprint().to_owned();
        if let Protection::Keys(keys) = &mut secrets.protection {
            keys.insert(0, newest);
        }
        let mut count = 0;
        for kind in KINDS {
            for record in registry.list(kind).await? {
                let secret = secrets.read(kind, &record).await?;
                let sealed = secrets.record(kind, &record.name, &secret)?;
                registry.put(kind, &record.name, &sealed, Expect::Anything).await?;
                count += 1;
            }
        }
        // Last: a process that starts before needs a key that reads everything, and has both.
        let document = json!({ "fingerprint": fingerprint });
        registry.put(KIND, NAME, &document, Expect::Anything).await?;
        Ok(count)
    }
}

/// True if the registry has secrets that are encrypted with a key.
#[cfg(feature = "program")]
pub(crate) async fn is_encrypted(registry: &dyn Registry) -> Result<bool> {
    Ok(fingerprint(registry).await?.is_some())
}

/// Reads keys, the newest first.
fn read(keys: &SecretString) -> Result<Vec<SecretKey>> {
    let texts = keys.expose_secret().split(',').map(str::trim).filter(|text| !text.is_empty());
    let keys: Vec<SecretKey> = texts.map(SecretKey::new).collect::<Result<_>>()?;
    if keys.is_empty() { Err(no_key()) } else { Ok(keys) }
}

/// Checks the form of a list of keys.
///
/// # Errors
///
/// `Config` for a key that is too short.
#[cfg(feature = "program")]
pub(crate) fn check(keys: &SecretString) -> Result<()> {
    read(keys).map(drop)
}

fn no_key() -> Error {
    Error::new(ErrorKind::Config, "must hold a key")
}

async fn fingerprint(registry: &dyn Registry) -> Result<Option<String>> {
    let record = registry.get(KIND, NAME).await?;
    Ok(record.and_then(|record| record.value["fingerprint"].as_str().map(str::to_owned)))
}

/// Writes the fingerprint of the first key. Returns the one that is there: another process may have
/// been faster.
async fn remember(registry: &dyn Registry, fingerprint_of_key: &str) -> Result<String> {
    let document = json!({ "fingerprint": fingerprint_of_key });
    match registry.put(KIND, NAME, &document, Expect::Absent).await {
        Err(error) if error.kind() != ErrorKind::Conflict => Err(error),
        _ => Ok(fingerprint(registry).await?.unwrap_or_default()),
    }
}

/// The place of a secret: in another record it cannot be read.
fn place(kind: &str, name: &str) -> String {
    format!("{kind}/{name}")
}

#[cfg(all(test, feature = "program"))]
mod tests;
