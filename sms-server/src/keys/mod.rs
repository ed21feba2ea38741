//! API keys: made, rotated, revoked, and checked with every request.

mod cache;
mod client;
mod details;
pub(crate) mod format;
mod key;
mod kind;
mod new_key;
pub(crate) mod principal;
mod scope;
mod usage;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sms_core::registry::{Expect, Record};
use sms_core::{Error, ErrorKind, FieldError, Registry, Result};
use time::OffsetDateTime;
use tokio::time::Instant;

use self::cache::{KeyCache, ValidKey};
pub use self::client::Client;
use self::client::Clients;
pub(crate) use self::client::UNKNOWN_CLIENT;
pub use self::details::{IssuedKey, KeyDetails};
pub use self::key::ApiKey;
pub(crate) use self::key::now;
pub use self::kind::KeyKind;
pub use self::new_key::NewKey;
pub(crate) use self::new_key::{MAX_ALLOWED, MAX_NAME, MAX_OVERLAP};
pub use self::principal::Principal;
pub use self::scope::KeyScope;
use self::usage::Usage;
use crate::secret_hash::SecretHash;

/// The kind of the records in the registry.
const KIND: &str = "api_key";

/// The keys of a server.
#[derive(Clone)]
pub struct KeyRing(Arc<Inner>);

struct Inner {
    registry: Arc<dyn Registry>,
    /// The hash of the key in the configuration.
    admin: Option<SecretHash>,
    cache: KeyCache,
    usage: Usage,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").finish_non_exhaustive()
    }
}

impl KeyRing {
    /// The keys in this registry, and the one in the configuration.
    pub fn new(registry: Arc<dyn Registry>, admin: Option<&SecretString>) -> Self {
        let admin = admin.map(|key| SecretHash::of(key.expose_secret()));
        let (cache, usage) = (KeyCache::default(), Usage::default());
        Self(Arc::new(Inner { registry, admin, cache, usage }))
    }

    /// The registry that holds the keys.
    pub(crate) fn registry(&self) -> &Arc<dyn Registry> {
        &self.0.registry
    }

    /// Creates a live key for a new client that is named like the key. Returns the text of the key:
    /// only its hash is stored, so it cannot be shown again.
    ///
    /// # Errors
    ///
    /// `Invalid` for a bad name or no scope; the registry's.
    pub async fn create(&self, name: &str, scopes: &[KeyScope]) -> Result<SecretString> {
        Ok(self.issue(None, NewKey::new(name, scopes)).await?.secret)
    }

    /// Creates a key for the client with this id or name.
    ///
    /// # Errors
    ///
    /// Those of [`issue`](Self::issue) and of [`find_client`](Self::find_client).
    pub async fn issue_for(&self, client: &str, key: NewKey) -> Result<IssuedKey> {
        key.check(now())?;
        let client = self.find_client(client).await?;
        self.issue(&client, key).await
    }

    /// Creates a client of this name and a key for it. Two processes that do this at once make one
    /// client.
    ///
    /// # Errors
    ///
    /// Those of [`issue`](Self::issue); `Invalid` for a bad name, or one that a client has as its
    /// name or id.
    pub async fn issue_for_new_client(&self, client: &str, key: NewKey) -> Result<IssuedKey> {
        key.check(now())?;
        client::check_name("client", "client_invalid", client)?;
        let clients = Clients::read(&*self.0.registry, &self.keys().await?).await?;
        if clients.find(client)?.is_some() {
            let rule = "a client has this name or id already";
            return Err(FieldError::new("client", "client_exists", rule).into());
        }
        let client = client::create_named(&*self.0.registry, client, now()).await?;
        self.issue(&client, key).await
    }

    /// Creates a key for this client; `None` is a new client that is named like the key.
    ///
    /// # Errors
    ///
    /// `Invalid` for a key that breaks the rules of [`NewKey`]; the registry's.
    pub async fn issue(
        &self,
        client: impl Into<Option<&Client>>,
        key: NewKey,
    ) -> Result<IssuedKey> {
        let now = now();
        key.check(now)?;
        match client.into() {
            Some(client) => self.insert(client, key, now).await,
            None => self.insert(&Client::random(&key.name, now)?, key, now).await,
        }
    }

    /// Lists every client, by id.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub async fn clients(&self) -> Result<Vec<Client>> {
        Ok(Clients::read(&*self.0.registry, &self.keys().await?).await?.into_vec())
    }

    /// Finds the client with this id.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub async fn client(&self, id: &str) -> Result<Option<Client>> {
        if let Some(client) = client::find(&*self.0.registry, id).await? {
            return Ok(Some(client));
        }
        // Keys of early builds have a client without a record.
        Ok(self.clients().await?.into_iter().find(|client| client.id == id))
    }

    /// Finds the client with this id or, if none has it, this name.
    ///
    /// # Errors
    ///
    /// `Invalid` for one that does not exist, and for a name that several clients have; the
    /// registry's.
    pub async fn find_client(&self, id_or_name: &str) -> Result<Client> {
        let clients = Clients::read(&*self.0.registry, &self.keys().await?).await?;
        let unknown = || FieldError::new("client", UNKNOWN_CLIENT, "no client has this id or name");
        Ok(clients.find(id_or_name)?.ok_or_else(unknown)?)
    }

    /// Makes a client. Several may have the same name.
    ///
    /// # Errors
    ///
    /// `Invalid` for a bad name; the registry's.
    pub async fn create_client(&self, name: &str) -> Result<Client> {
        client::check_name("name", "name_invalid", name)?;
        let client = Client::random(name, now())?;
        client::ensure(&*self.0.registry, &client).await?;
        Ok(client)
    }

    /// Renames a client. Its keys and messages stay as they are.
    ///
    /// # Errors
    ///
    /// `NotFound`; `Invalid` for a bad name; the registry's.
    pub async fn rename_client(&self, id: &str, name: &str) -> Result<Client> {
        client::check_name("name", "name_invalid", name)?;
        let unknown = || Error::new(ErrorKind::NotFound, "no client has this id");
        let client = self.client(id).await?.ok_or_else(unknown)?;
        let client = Client { name: name.to_owned(), ..client };
        client::write(&*self.0.registry, &client).await?;
        Ok(client)
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

    /// Finds the key with this id, with what belongs to it.
    ///
    /// # Errors
    ///
    /// `NotFound`; the registry's.
    pub async fn key(&self, id: &str) -> Result<KeyDetails> {
        let key = ApiKey::read(&self.record(id).await?)?;
        let found = client::find(&*self.0.registry, &key.client).await?;
        let client = found.unwrap_or_else(|| Client::of_key(&key));
        let last_used_at = usage::last_use(&*self.0.registry, id).await?;
        Ok(KeyDetails { key, client, last_used_at })
    }

    /// The owner of the messages that are sent with the key with this id; `None` if there is none.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub(crate) async fn owner(&self, id: &str) -> Result<Option<String>> {
        let record = self.0.registry.get(KIND, id).await?;
        let key = record.as_ref().map(ApiKey::read).transpose()?;
        Ok(key.map(|key| Principal::from(&key).owner().to_owned()))
    }

    /// Creates another key like this one: for the same client, of the same kind, with the same
    /// scopes and allowed numbers, valid for as long as the old one was made for. The old key
    /// expires after the overlap, or at its own expiry if that is earlier.
    ///
    /// A rotation that fails, even half-way, leaves the old key valid for the overlap at least: it
    /// can be rotated again.
    ///
    /// # Errors
    ///
    /// `NotFound`; `Conflict` for a key that is revoked or expired, and for one that is changed at
    /// the same time; `Invalid` for an overlap of more than 90 days; the registry's.
    pub async fn rotate(&self, id: &str, overlap: Duration) -> Result<IssuedKey> {
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
        let issued = self.insert(&client, NewKey::successor(&old, now), now).await?;
        let end = now + overlap;
        old.expires_at = Some(old.expires_at.map_or(end, |earlier| earlier.min(end)));
        if let Err(error) = self.update(&old, record.version).await {
            // Nobody has seen the new key, so it does no harm where it cannot be removed.
            let _ = self.0.registry.delete(KIND, &issued.details.key.id).await;
            return Err(error);
        }
        Ok(issued)
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
        let hash = SecretHash::of(key);
        if self.0.admin.as_ref().is_some_and(|admin| admin.matches(&hash)) {
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

    /// Tells whether the key of a caller is still valid, as of the last three seconds.
    pub(crate) async fn is_valid(&self, caller: &Principal) -> Result<bool> {
        Ok(caller.is_configured() || self.principal(&caller.key).await?.is_some())
    }

    /// The caller with the key with this id, as of the last three seconds; `None` if the key is
    /// unknown, revoked or expired. For sessions that were begun with the key.
    pub(crate) async fn principal(&self, id: &str) -> Result<Option<Principal>> {
        if id == principal::ADMIN {
            return Ok(self.0.admin.as_ref().map(|_| Principal::admin()));
        }
        let known = match self.0.cache.get(id) {
            Some(entry) => entry.key,
            None => self.read(id).await?,
        };
        Ok(known.filter(|known| !known.is_expired()).map(|known| known.principal))
    }

    /// The hash of the key in the configuration.
    pub(crate) fn configured_hash(&self) -> Option<&SecretHash> {
        self.0.admin.as_ref()
    }

    /// The client with this valid name. Creates it if there is none.
    ///
    /// # Errors
    ///
    /// `Invalid` for a name that several clients have; the registry's.
    pub(crate) async fn client_named(&self, name: &str) -> Result<Client> {
        match self.find_client(name).await {
            Err(error) if error.code() == UNKNOWN_CLIENT => {
                client::create_named(&*self.0.registry, name, now()).await
            }
            found => found,
        }
    }

    /// Tells whether this process has seen that the key is valid. It may have been revoked since.
    pub(crate) fn is_known(&self, key: &str) -> bool {
        let hash = || SecretHash::of(key);
        format::id_in(key).is_some_and(|id| self.0.cache.has_admitted(id, &hash()))
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

    /// Stores a new key, and its client first: a key always has one.
    async fn insert(&self, client: &Client, key: NewKey, now: OffsetDateTime) -> Result<IssuedKey> {
        let client = client::ensure(&*self.0.registry, client).await?;
        let (id, secret) = format::generate(key.kind)?;
        let sha256 = SecretHash::of(secret.expose_secret());
        let key = key.into_key(id, client.id.clone(), sha256, now);
        self.0.registry.put(KIND, &key.id, &key.to_json()?, Expect::Absent).await?;
        Ok(IssuedKey { details: KeyDetails { key, client, last_used_at: None }, secret })
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

#[cfg(test)]
mod tests;
