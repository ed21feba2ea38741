//! API keys: made, shown once, kept as hashes.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sms_core::registry::{Expect, Record};
use sms_core::{Clock, Error, ErrorKind, Registry, Result, Scope, SystemClock};
use subtle::ConstantTimeEq;
use time::OffsetDateTime;
use tokio::time::Instant;

/// The kind of the records in the registry.
const KIND: &str = "api_key";
/// What every key begins with.
const PREFIX: &str = "sms_live_";
/// The parts of a key after the prefix, in characters: its public id, 130 bits of secret, a
/// checksum.
const ID: usize = 10;
const SECRET: usize = 26;
const CHECKSUM: usize = 6;
/// Letters without those that look alike (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// A revoked key is refused after this at the latest.
const CACHE_TIME: Duration = Duration::from_secs(3);
/// Keys remembered at most.
const CACHE_SIZE: usize = 10_000;
/// The longest name of a key, in characters.
const MAX_NAME: usize = 100;

/// What a key allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    /// To send messages.
    Send,
    /// To read one's own messages.
    Read,
    /// To see and steer everything.
    Admin,
}

impl KeyScope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Send, Self::Read, Self::Admin];

    /// The name used in requests and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }

    /// The scope of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// A key as the registry keeps it: without the key itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApiKey {
    /// The public part of the key; owner of the messages sent with it.
    #[serde(skip)]
    pub id: String,
    /// What it was made for.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<KeyScope>,
    /// SHA-256 of the whole key, in hexadecimal. The key has 130 random bits, so a slow hash would
    /// add nothing.
    sha256: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub revoked_at: Option<OffsetDateTime>,
}

/// Who makes a request.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The id of the key, or `admin` for the configured one.
    pub id: Arc<str>,
    scopes: Arc<[KeyScope]>,
}

impl Principal {
    /// Whether the request may do what `scope` allows; `admin` may do everything.
    pub fn may(&self, scope: KeyScope) -> bool {
        self.scopes.iter().any(|own| *own == scope || *own == KeyScope::Admin)
    }

    /// Whose messages it sees.
    pub fn scope(&self) -> Scope {
        if self.may(KeyScope::Admin) { Scope::All } else { Scope::Owner(self.id.to_string()) }
    }
}

/// The keys of a server.
#[derive(Clone)]
pub struct KeyRing(Arc<Inner>);

struct Inner {
    registry: Arc<dyn Registry>,
    /// SHA-256 of the key in the configuration.
    admin: Option<[u8; 32]>,
    cache: RwLock<HashMap<String, (Instant, Option<ApiKey>)>>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").finish_non_exhaustive()
    }
}

impl KeyRing {
    /// The keys in this registry, and the one in the configuration.
    pub fn new(registry: Arc<dyn Registry>, admin: Option<&SecretString>) -> Self {
        let admin = admin.map(|key| Sha256::digest(key.expose_secret()).into());
        Self(Arc::new(Inner { registry, admin, cache: RwLock::default() }))
    }

    /// The registry they are in.
    pub(crate) fn registry(&self) -> &Arc<dyn Registry> {
        &self.0.registry
    }

    /// Makes a key and answers with it: it is not kept and cannot be shown again.
    ///
    /// # Errors
    ///
    /// `Invalid` for a bad name or no scope; the registry's.
    pub async fn create(&self, name: &str, scopes: &[KeyScope]) -> Result<SecretString> {
        if name.trim().is_empty()
            || name.chars().count() > MAX_NAME
            || name.chars().any(char::is_control)
        {
            let rule = "must be 1 to 100 characters without control characters";
            return Err(sms_core::FieldError::new("name", "name_invalid", rule).into());
        }
        if scopes.is_empty() {
            return Err(sms_core::FieldError::new(
                "scopes",
                "scopes_empty",
                "must name at least one scope",
            )
            .into());
        }
        let (id, key) = generate()?;
        let record = ApiKey {
            id: id.clone(),
            name: name.to_owned(),
            scopes: scopes.to_vec(),
            sha256: hex(&Sha256::digest(key.expose_secret())),
            created_at: now(),
            revoked_at: None,
        };
        self.0.registry.put(KIND, &id, &to_json(&record)?, Expect::Absent).await?;
        Ok(key)
    }

    /// Every key ever made, by id.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub async fn list(&self) -> Result<Vec<ApiKey>> {
        self.0.registry.list(KIND).await?.iter().map(from_record).collect()
    }

    /// Revokes a key, everywhere within five seconds.
    ///
    /// # Errors
    ///
    /// `NotFound`; the registry's.
    pub async fn revoke(&self, id: &str) -> Result<()> {
        let unknown = || Error::new(ErrorKind::NotFound, "no key has this id");
        let record = self.0.registry.get(KIND, id).await?.ok_or_else(unknown)?;
        let mut key = from_record(&record)?;
        key.revoked_at.get_or_insert(now());
        self.0.registry.put(KIND, id, &to_json(&key)?, Expect::Version(record.version)).await?;
        self.0.cache.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        Ok(())
    }

    /// Whose key this is; `None` for a key that is malformed, unknown or revoked.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub async fn authenticate(&self, key: &str) -> Result<Option<Principal>> {
        let digest: [u8; 32] = Sha256::digest(key).into();
        if self.0.admin.is_some_and(|admin| admin.ct_eq(&digest).into()) {
            return Ok(Some(Principal { id: "admin".into(), scopes: [KeyScope::Admin].into() }));
        }
        let Some(id) = id_of(key) else { return Ok(None) };
        let known = self.lookup(id).await?.filter(|known| {
            known.revoked_at.is_none()
                && bool::from(known.sha256.as_bytes().ct_eq(hex(&digest).as_bytes()))
        });
        Ok(known.map(|known| Principal { id: known.id.into(), scopes: known.scopes.into() }))
    }

    async fn lookup(&self, id: &str) -> Result<Option<ApiKey>> {
        let fresh = |(at, key): &(Instant, Option<ApiKey>)| {
            (at.elapsed() < CACHE_TIME).then(|| key.clone())
        };
        let cached =
            self.0.cache.read().unwrap_or_else(PoisonError::into_inner).get(id).and_then(fresh);
        if let Some(key) = cached {
            return Ok(key);
        }
        let record = self.0.registry.get(KIND, id).await?;
        let key = record.as_ref().map(from_record).transpose()?;
        let mut cache = self.0.cache.write().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= CACHE_SIZE {
            cache.clear();
        }
        cache.insert(id.to_owned(), (Instant::now(), key.clone()));
        Ok(key)
    }
}

fn now() -> OffsetDateTime {
    sms_core::clock::datetime_from_ms(SystemClock.now_ms())
}

fn to_json(key: &ApiKey) -> Result<serde_json::Value> {
    let broken =
        |error| Error::new(ErrorKind::Internal, "a key cannot be written").with_source(error);
    serde_json::to_value(key).map_err(broken)
}

fn from_record(record: &Record) -> Result<ApiKey> {
    let broken = |error| {
        Error::new(ErrorKind::Internal, "a key in the registry cannot be read").with_source(error)
    };
    let key: ApiKey = serde_json::from_value(record.value.clone()).map_err(broken)?;
    Ok(ApiKey { id: record.name.clone(), ..key })
}

/// A new key and its public id.
fn generate() -> Result<(String, SecretString)> {
    let body = random_letters::<{ ID + SECRET }>()?;
    let key = format!("{PREFIX}{body}{}", checksum(&body));
    Ok((body[..ID].to_owned(), key.into()))
}

/// Letters of the key alphabet, five random bits in each.
pub(crate) fn random_letters<const N: usize>() -> Result<String> {
    let mut random = [0; N];
    let failed = |error| Error::unavailable("the system gave no random bytes", error);
    getrandom::fill(&mut random).map_err(failed)?;
    // 256 is a multiple of 32, so each letter is equally likely.
    Ok(random.iter().map(|byte| letter(*byte)).collect())
}

/// The id of a well-formed key: a mistyped one is refused without a look at the registry.
fn id_of(key: &str) -> Option<&str> {
    let rest = key
        .strip_prefix(PREFIX)
        .filter(|rest| rest.is_ascii() && rest.len() == ID + SECRET + CHECKSUM)?;
    let (body, sum) = rest.split_at(ID + SECRET);
    (checksum(body) == sum).then(|| &body[..ID])
}

fn checksum(body: &str) -> String {
    Sha256::digest(body)[..CHECKSUM].iter().map(|byte| letter(*byte)).collect()
}

fn letter(byte: u8) -> char {
    char::from(ALPHABET[usize::from(byte % 32)])
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use sms_core::MemoryRegistry;

    use super::*;

    fn ring() -> KeyRing {
        KeyRing::new(Arc::new(MemoryRegistry::new()), Some(&"an-admin-key-of-mine".into()))
    }

    #[tokio::test]
    async fn a_key_opens_what_its_scopes_say() {
        let ring = ring();
        let key = ring.create("shop", &[KeyScope::Send]).await.unwrap();
        let principal = ring.authenticate(key.expose_secret()).await.unwrap().expect("known");
        assert!(principal.may(KeyScope::Send));
        assert!(!principal.may(KeyScope::Read));
        assert_eq!(principal.scope(), Scope::Owner(principal.id.to_string()));
    }

    #[tokio::test]
    async fn a_mistyped_unknown_or_foreign_key_opens_nothing() {
        let ring = ring();
        let key = ring.create("shop", &[KeyScope::Send]).await.unwrap();
        let stranger = generate().unwrap().1;
        let mistyped = format!("{}0", &key.expose_secret()[..key.expose_secret().len() - 1]);
        // The id of a known key with another secret and a right checksum.
        let body = format!("{}{}", &key.expose_secret()[9..19], "0".repeat(SECRET));
        let forged = format!("{PREFIX}{body}{}", checksum(&body));
        for wrong in
            ["", "sms_live_", stranger.expose_secret(), &mistyped, &forged, "an-admin-key-of-min"]
        {
            assert!(ring.authenticate(wrong).await.unwrap().is_none(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_revoked_key_opens_nothing_here_at_once_and_elsewhere_within_five_seconds() {
        tokio::time::pause();
        let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
        let (here, elsewhere) =
            (KeyRing::new(registry.clone(), None), KeyRing::new(registry, None));
        let key = here.create("shop", &[KeyScope::Send]).await.unwrap();
        let id = elsewhere.authenticate(key.expose_secret()).await.unwrap().expect("known").id;
        here.revoke(&id).await.unwrap();
        assert!(here.authenticate(key.expose_secret()).await.unwrap().is_none());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(elsewhere.authenticate(key.expose_secret()).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn the_configured_key_opens_everything() {
        let principal = ring().authenticate("an-admin-key-of-mine").await.unwrap().expect("known");
        assert!(KeyScope::ALL.into_iter().all(|scope| principal.may(scope)));
        assert_eq!(principal.scope(), Scope::All);
    }

    #[tokio::test]
    async fn the_registry_never_holds_the_key() {
        let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
        let key =
            KeyRing::new(registry.clone(), None).create("shop", &[KeyScope::Send]).await.unwrap();
        let kept = format!("{:?}", registry.list(KIND).await.unwrap());
        assert!(!kept.contains(&key.expose_secret()[19..]));
    }
}
