//! API keys: made, rotated, revoked, and checked with every request.

mod cache;
mod client;
pub(crate) mod format;
mod key;
mod usage;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sms_core::registry::{Expect, Record};
use sms_core::{Clock, Error, ErrorKind, FieldError, Registry, Result, SystemClock};
use subtle::ConstantTimeEq;
use time::OffsetDateTime;
use tokio::time::Instant;

use self::cache::{KeyCache, ValidKey};
pub use self::client::Client;
use self::client::Clients;
pub use self::key::{ApiKey, KeyScope, Principal};
use self::usage::Usage;

/// The kind of the records in the registry.
const KIND: &str = "api_key";
/// The code of an error about a client that does not exist.
pub(crate) const UNKNOWN_CLIENT: &str = "client_unknown";
/// The longest name of a key or a client, in characters.
const MAX_NAME: usize = 100;
/// The longest time for which a rotated key stays valid.
const MAX_OVERLAP: Duration = Duration::from_hours(24 * 90);

/// The keys of a server.
#[derive(Clone)]
pub struct KeyRing(Arc<Inner>);

struct Inner {
    registry: Arc<dyn Registry>,
    /// The hash of the key in the configuration.
    admin: Option<String>,
    cache: KeyCache,
    usage: Usage,
}

/// A key with what belongs to it, for lists.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeyDetails {
    /// The key.
    pub key: ApiKey,
    /// The client that the key belongs to.
    pub client: Client,
    /// The time of the last use, up to ten minutes too early; `None` if the key was never used.
    pub last_used_at: Option<OffsetDateTime>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").finish_non_exhaustive()
    }
}

impl KeyRing {
    /// The keys in this registry, and the one in the configuration.
    pub fn new(registry: Arc<dyn Registry>, admin: Option<&SecretString>) -> Self {
        let admin = admin.map(|key| format::hash(key.expose_secret()));
        let (cache, usage) = (KeyCache::default(), Usage::default());
        Self(Arc::new(Inner { registry, admin, cache, usage }))
    }

    /// The registry that holds the keys.
    pub(crate) fn registry(&self) -> &Arc<dyn Registry> {
        &self.0.registry
    }

    /// Creates a key for a new client that is named like the key. Returns the text of the key: only
    /// its hash is stored, so it cannot be shown again.
    ///
    /// # Errors
    ///
    /// `Invalid` for a bad name or no scope; the registry's.
    pub async fn create(&self, name: &str, scopes: &[KeyScope]) -> Result<SecretString> {
        check_new(name, scopes)?;
        let (_, text) = self.insert(&Client::random(name, now())?, name, scopes).await?;
        Ok(text)
    }

    /// Creates a key for the client with this id or name. Returns the text of the key, as
    /// [`create`](Self::create) does.
    ///
    /// # Errors
    ///
    /// `Invalid` for a bad name, no scope, a client that does not exist, or a name that several
    /// clients have; the registry's.
    pub async fn create_for(
        &self,
        client: &str,
        name: &str,
        scopes: &[KeyScope],
    ) -> Result<SecretString> {
        check_new(name, scopes)?;
        let clients = Clients::read(&*self.0.registry, &self.keys().await?).await?;
        let unknown = || FieldError::new("client", UNKNOWN_CLIENT, "no client has this id or name");
        let client = clients.find(client)?.ok_or_else(unknown)?;
        let (_, text) = self.insert(&client, name, scopes).await?;
        Ok(text)
    }

    /// Creates a client of this name and a key for it. Returns the text of the key, as
    /// [`create`](Self::create) does. Two processes that do this at once make one client.
    ///
    /// # Errors
    ///
    /// `Invalid` for a bad name, no scope, or a name or id that a client has; the registry's.
    pub async fn create_client(
        &self,
        client: &str,
        name: &str,
        scopes: &[KeyScope],
    ) -> Result<SecretString> {
        check_new(name, scopes)?;
        check_name("client", "client_invalid", client)?;
        let clients = Clients::read(&*self.0.registry, &self.keys().await?).await?;
        if clients.find(client)?.is_some() {
            let rule = "a client has this name or id already";
            return Err(FieldError::new("client", "client_exists", rule).into());
        }
        let (_, text) = self.insert(&Client::named(client, now()), name, scopes).await?;
        Ok(text)
    }

    /// Lists every key ever made, by id.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub async fn list(&self) -> Result<Vec<KeyDetails>> {
        let keys = self.keys().await?;
        let clients = Clients::read(&*self.0.registry, &keys).await?;
        let uses = usage::last_uses(&*self.0.registry).await?;
        let details = |key: ApiKey| KeyDetails {
            client: clients.of(&key),
            last_used_at: uses.get(&key.id).copied(),
            key,
        };
        Ok(keys.into_iter().map(details).collect())
    }

    /// Creates another key for the same client with the same scopes. The old key expires after the
    /// overlap, or at its own expiry if that is earlier. Returns the text of the new key, as
    /// [`create`](Self::create) does.
    ///
    /// A rotation that fails, even half-way, leaves the old key valid for the overlap at least: it
    /// can be rotated again.
    ///
    /// # Errors
    ///
    /// `NotFound`; `Conflict` for a key that is revoked or expired, and for one that is changed at
    /// the same time; `Invalid` for an overlap of more than 90 days; the registry's.
    pub async fn rotate(&self, id: &str, overlap: Duration) -> Result<SecretString> {
        if overlap > MAX_OVERLAP {
            let rule = "must be at most 90 days";
            return Err(FieldError::new("overlap", "overlap_invalid", rule).into());
        }
        let record = self.record(id).await?;
        let (mut old, now) = (ApiKey::read(&record)?, key::read_at(&record));
        if !old.is_valid_at(now) {
            let reason = "the key is revoked or expired; create another one";
            return Err(Error::new(ErrorKind::Conflict, reason));
        }
        // The new key is written before the expiry of the old one: a process that is killed in
        // between leaves the old key valid, and a new one that nobody has seen.
        let client = Client::of_key(&old);
        let (new_id, text) = self.insert(&client, &old.name, &old.scopes).await?;
        let end = now + overlap;
        old.expires_at = Some(old.expires_at.map_or(end, |earlier| earlier.min(end)));
        if let Err(error) = self.update(&old, record.version).await {
            // Nobody has seen the new key, so it does no harm where it cannot be removed.
            let _ = self.0.registry.delete(KIND, &new_id).await;
            return Err(error);
        }
        Ok(text)
    }

    /// Revokes a key, on every node within five seconds.
    ///
    /// # Errors
    ///
    /// `NotFound`; the registry's.
    pub async fn revoke(&self, id: &str) -> Result<()> {
        loop {
            let record = self.record(id).await?;
            let mut key = ApiKey::read(&record)?;
            key.revoked_at.get_or_insert(now());
            match self.update(&key, record.version).await {
                // A rotation at the same time must not cancel the revocation.
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                updated => return updated,
            }
        }
    }

    /// Finds the caller with this key; `None` for a key that is malformed, unknown, revoked or
    /// expired.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub async fn authenticate(&self, key: &str) -> Result<Option<Principal>> {
        let hash = format::hash(key);
        let is_it = |admin: &String| admin.as_bytes().ct_eq(hash.as_bytes()).into();
        if self.0.admin.as_ref().is_some_and(is_it) {
            return Ok(Some(Principal::admin()));
        }
        let Some(id) = format::id_in(key) else { return Ok(None) };
        let cached = self.0.cache.get(id);
        let is_cached = cached.is_some();
        let known = match cached {
            Some(entry) => entry.key,
            None => self.read(id).await?,
        };
        let known = known.filter(|known| known.admits(&hash));
        // Only with a read: the hot path takes no lock for it.
        if known.is_some() && !is_cached {
            self.0.usage.note(&self.0.registry, id);
        }
        Ok(known.map(|known| known.principal))
    }

    /// Reads a key into the cache.
    async fn read(&self, id: &str) -> Result<Option<ValidKey>> {
        let at = Instant::now();
        let record = self.0.registry.get(KIND, id).await?;
        let key = record.map(|record| ValidKey::read(&record, at)).transpose()?.flatten();
        self.0.cache.insert(id, key.clone(), at);
        Ok(key)
    }

    async fn keys(&self) -> Result<Vec<ApiKey>> {
        self.0.registry.list(KIND).await?.iter().map(ApiKey::read).collect()
    }

    async fn record(&self, id: &str) -> Result<Record> {
        let unknown = || Error::new(ErrorKind::NotFound, "no key has this id");
        self.0.registry.get(KIND, id).await?.ok_or_else(unknown)
    }

    /// Stores a new key, and its client first: a key always has one. Returns the key's id and text.
    async fn insert(
        &self,
        client: &Client,
        name: &str,
        scopes: &[KeyScope],
    ) -> Result<(String, SecretString)> {
        client::ensure(&*self.0.registry, client).await?;
        let (id, text) = format::generate()?;
        let sha256 = format::hash(text.expose_secret());
        let key = ApiKey::new(&id, name, &client.id, scopes, sha256, now());
        self.0.registry.put(KIND, &id, &key.to_json()?, Expect::Absent).await?;
        Ok((id, text))
    }

    /// Stores a key that was read at this version.
    async fn update(&self, key: &ApiKey, version: u64) -> Result<()> {
        let changed = |error: Error| match error.kind() {
            ErrorKind::Conflict => {
                Error::new(ErrorKind::Conflict, "the key was changed at the same time; try again")
            }
            _ => error,
        };
        let (value, expect) = (key.to_json()?, Expect::Version(version));
        self.0.registry.put(KIND, &key.id, &value, expect).await.map_err(changed)?;
        self.0.cache.remove(&key.id);
        Ok(())
    }
}

fn now() -> OffsetDateTime {
    sms_core::clock::datetime_from_ms(SystemClock.now_ms())
}

fn check_new(name: &str, scopes: &[KeyScope]) -> Result<()> {
    check_name("name", "name_invalid", name)?;
    if scopes.is_empty() {
        let rule = "must name at least one scope";
        return Err(FieldError::new("scopes", "scopes_empty", rule).into());
    }
    Ok(())
}

fn check_name(field: &'static str, code: &'static str, name: &str) -> Result<()> {
    let is_printable = !name.trim().is_empty() && !name.chars().any(char::is_control);
    if is_printable && name.chars().count() <= MAX_NAME {
        return Ok(());
    }
    let rule = "must be 1 to 100 characters without control characters";
    Err(FieldError::new(field, code, rule).into())
}

#[cfg(test)]
mod tests;
