//! The secrets of the program: with the key in its configuration, or with that in a file.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use secrecy::{ExposeSecret as _, SecretString};
use sms_core::Registry;

use super::file::{KeyFile, new_key};
use super::records::{Secrets, is_encrypted};

/// The key in the configuration.
#[derive(Debug)]
pub(crate) struct Configured<'a> {
    /// The keys, newest first.
    pub(crate) keys: Option<&'a SecretString>,
    /// The name of the setting, for errors.
    pub(crate) place: String,
}

/// The secrets in this registry. Without a key in the configuration it is the one in the file,
/// which the first start makes.
///
/// # Errors
///
/// A key that is missing or another one; the registry's; those of the file.
pub(crate) async fn open(
    configured: Configured<'_>,
    file: Option<KeyFile>,
    registry: Arc<dyn Registry>,
) -> anyhow::Result<Secrets> {
    match (configured.keys, file) {
        (Some(keys), _) => {
            Secrets::encrypted(registry, keys).await.with_context(|| configured.place)
        }
        (None, Some(file)) => {
            let keys = match file.read()? {
                Some(keys) => keys,
                None if is_encrypted(&*registry).await? => bail!(
                    "{} is missing: the secrets in the store are encrypted with the key in it. \
                     Restore it from a backup, or set {}",
                    file.path().display(),
                    configured.place
                ),
                None => file.create()?,
            };
            let place = || format!("the key in {}", file.path().display());
            Secrets::encrypted(registry, &keys).await.with_context(place)
        }
        (None, None) => Secrets::without_key(registry).await.with_context(|| configured.place),
    }
}

/// Checks that a server with this key, or with the one in this file, can read the secrets in a
/// registry.
///
/// # Errors
///
/// A key that is missing or another one; the registry's; those of the file.
pub(crate) async fn check_key(
    configured: Configured<'_>,
    file: Option<KeyFile>,
    registry: Arc<dyn Registry>,
) -> anyhow::Result<()> {
    let Configured { keys, place } = configured;
    if !is_encrypted(&*registry).await? {
        return Ok(());
    }
    let (keys, place) = match (keys.cloned(), file) {
        (None, Some(file)) => (file.read()?, file.path().display().to_string()),
        (keys, _) => (keys, place),
    };
    let Some(keys) = keys else {
        bail!(
            "{place}: is not there. It must be the key of the store that is copied: that in \
             SMS_SECRET_KEY of its servers, or in the file next to SQLite's that ends in .secret"
        );
    };
    Secrets::encrypted(registry, &keys).await.map(drop).context(place)
}

/// Encrypts every secret with a new key: the newest in the configuration or, for a file, one that
/// is made. Returns the number of secrets.
///
/// # Errors
///
/// Those of [`open`]; a configuration without a new key.
pub(crate) async fn rotate(
    configured: Configured<'_>,
    file: Option<KeyFile>,
    registry: Arc<dyn Registry>,
) -> anyhow::Result<usize> {
    let Configured { keys, place } = configured;
    if let Some(keys) = keys {
        if !keys.expose_secret().contains(',') {
            bail!("{place}: must hold the new key and the old one, separated by a comma");
        }
        return Secrets::rotate(registry, keys).await.context(place);
    }
    let Some(file) = file else { bail!("{place}: is not set: nothing is encrypted") };
    let keys = match file.read()? {
        // An earlier rotation did not come to its end.
        Some(keys) if keys.expose_secret().contains(',') => keys,
        Some(old) => {
            let new = new_key()?;
            let both = format!("{},{}", new.expose_secret(), old.expose_secret()).into();
            file.replace(&both)?;
            both
        }
        None => bail!("{} is missing: there is no key to change", file.path().display()),
    };
    let count = Secrets::rotate(registry, &keys).await?;
    let newest = keys.expose_secret().split(',').next().unwrap_or_default();
    file.replace(&newest.into())?;
    Ok(count)
}
