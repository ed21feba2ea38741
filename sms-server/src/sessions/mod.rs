//! Sessions of people who use the web UI: begun with a one-time link or an API key, and checked
//! with every request. They are records of the registry, so every node knows them.

mod cache;
mod session;
mod sign_in_link;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sms_core::registry::{Expect, Record};
use sms_core::{CancellationToken, Registry, Result};
use tokio::time::{Instant, sleep};

use self::cache::{OpenSession, SessionCache};
use self::session::NewSession;
pub(crate) use self::session::{LIFETIME, Session};
use self::sign_in_link::SignInLink;
use crate::keys::principal::ADMIN;
use crate::keys::{KeyRing, KeyScope, NewKey, Principal, format, now};
use crate::secret_hash::SecretHash;

/// The kind of the records in the registry.
const KIND: &str = "session";
/// The first letters of a token.
const PREFIX: &str = "sms_session_";
/// The least time between two records of the use of a session, by one process.
const TOUCH_INTERVAL: Duration = Duration::from_mins(1);
/// Open sessions of one person or key at most. One more ends the one that was used least recently.
const MAX_OF_ONE: usize = 20;
/// The time between two removals of what is over.
const CLEAN_INTERVAL: Duration = Duration::from_mins(10);

/// The sessions of a server.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    keys: KeyRing,
    cache: Arc<SessionCache>,
}

/// A session with its token, which is in the cookie alone.
#[derive(Debug)]
pub(crate) struct OpenedSession {
    pub(crate) session: Session,
    pub(crate) token: SecretString,
    /// The caller that the token identifies.
    pub(crate) caller: Principal,
}

impl Sessions {
    /// The sessions in the registry of these keys.
    pub(crate) fn new(keys: KeyRing) -> Self {
        Self { keys, cache: Arc::default() }
    }

    fn registry(&self) -> &Arc<dyn Registry> {
        self.keys.registry()
    }

    /// Makes a link for a person, and returns its token. Without a client, the messages of the
    /// person belong to the client with the name of the person.
    ///
    /// # Errors
    ///
    /// `Invalid` for a bad name, no scope, or a client that does not exist; the registry's.
    pub(crate) async fn create_link(
        &self,
        name: &str,
        client: Option<&str>,
        scopes: &[KeyScope],
    ) -> Result<SecretString> {
        NewKey::new(name, scopes).check(now())?;
        sign_in_link::clean(&**self.registry()).await?;
        let client = match client {
            Some(client) => self.keys.find_client(client).await?,
            None => self.keys.client_named(name).await?,
        };
        sign_in_link::create(&**self.registry(), name, &client.id, scopes).await
    }

    /// Opens a session with the token of a link; `None` if the link is unknown, used or too old.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub(crate) async fn open_with_link(
        &self,
        token: &str,
        address: Option<IpAddr>,
    ) -> Result<Option<OpenedSession>> {
        let Some(link) = sign_in_link::redeem(&**self.registry(), token).await? else {
            return Ok(None);
        };
        let SignInLink { name, client, scopes, .. } = link;
        let session = NewSession { name, client, scopes, key: None, address };
        self.open(session, None).await.map(Some)
    }

    /// Opens a session for a caller with a key. It ends with the key.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub(crate) async fn open_with_key(
        &self,
        caller: Principal,
        address: Option<IpAddr>,
    ) -> Result<OpenedSession> {
        let name = match &*caller.key {
            ADMIN => ADMIN.to_owned(),
            id => self.keys.key(id).await?.key.name,
        };
        let (client, key) = (caller.client.to_string(), Some(caller.key.to_string()));
        let session = NewSession { name, client, scopes: Vec::new(), key, address };
        self.open(session, Some(caller)).await
    }

    async fn open(&self, session: NewSession, caller: Option<Principal>) -> Result<OpenedSession> {
        let (id, token) = format::generate_with(PREFIX)?;
        let sha256 = self.hash(token.expose_secret(), session.key.as_deref());
        let session = session.begin(id, sha256, now());
        self.make_room(&session).await?;
        self.registry().put(KIND, &session.id, &session.to_json()?, Expect::Absent).await?;
        let caller = caller
            .unwrap_or_else(|| Principal::person(&session.client, &session.id, &session.scopes))
            .in_session(&session.id, &session.name);
        Ok(OpenedSession { session, token, caller })
    }

    /// Ends the sessions of the same person that were used least recently, if there are too many.
    async fn make_room(&self, session: &Session) -> Result<()> {
        let mut open = self.list().await?;
        open.retain(|other| other.is_of_same_person(session));
        open.sort_by_key(|other| other.last_seen_at);
        for oldest in open.iter().take((open.len() + 1).saturating_sub(MAX_OF_ONE)) {
            self.end(&oldest.id).await?;
        }
        Ok(())
    }

    /// Finds the caller with this token; `None` for a session that is unknown or has ended, or that
    /// was begun with a key which is not valid any more.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub(crate) async fn authenticate(&self, token: &str) -> Result<Option<Principal>> {
        let Some(id) = format::id_after(PREFIX, token) else { return Ok(None) };
        let Some(session) = self.find(id).await? else { return Ok(None) };
        let hash = self.hash(token, session.key.as_deref());
        if session.sha256.matches(&hash) { self.caller(&session).await } else { Ok(None) }
    }

    /// Tells whether the session and the key of a caller are still valid, as of the last three
    /// seconds.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub(crate) async fn is_valid(&self, caller: &Principal) -> Result<bool> {
        let Some(id) = caller.session() else { return self.keys.is_valid(caller).await };
        match self.find(id).await? {
            Some(session) => Ok(self.caller(&session).await?.is_some()),
            None => Ok(false),
        }
    }

    /// The session with this id, as of the last three seconds; `None` if it has ended.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Arc<Session>>> {
        let known = match self.cache.get(id) {
            Some(entry) => entry.session,
            None => self.read(id).await?,
        };
        Ok(known.filter(OpenSession::is_open).map(|known| known.session))
    }

    /// Lists the open sessions.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub(crate) async fn list(&self) -> Result<Vec<Session>> {
        let at = Instant::now();
        let records = self.registry().list(KIND).await?;
        let mut open = Vec::with_capacity(records.len());
        for record in &records {
            if let Some(known) = OpenSession::read(record, at)? {
                open.push(Session::clone(&known.session));
            }
        }
        Ok(open)
    }

    /// Ends a session, on every node within five seconds. Returns true if it was there.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub(crate) async fn end(&self, id: &str) -> Result<bool> {
        let existed = self.registry().delete(KIND, id).await?;
        self.cache.remove(id);
        Ok(existed)
    }

    /// Removes sessions and links that are over, until the shutdown.
    pub(crate) async fn keep_clean(&self, shutdown: &CancellationToken) {
        let cleaning = async {
            loop {
                sleep(CLEAN_INTERVAL).await;
                if let Err(error) = self.clean().await {
                    tracing::debug!(reason = error.report(), "sessions not cleaned up");
                }
            }
        };
        shutdown.run_until_cancelled(cleaning).await;
    }

    async fn clean(&self) -> Result<()> {
        sign_in_link::clean(&**self.registry()).await?;
        for record in self.registry().list(KIND).await? {
            if OpenSession::read(&record, Instant::now())?.is_none() {
                self.end(&record.name).await?;
            }
        }
        Ok(())
    }

    /// The caller in a session; `None` if its key is not valid any more.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub(crate) async fn caller(&self, session: &Session) -> Result<Option<Principal>> {
        let caller = match &session.key {
            Some(key) => self.keys.principal(key).await?,
            None => Some(Principal::person(&session.client, &session.id, &session.scopes)),
        };
        Ok(caller.map(|caller| caller.in_session(&session.id, &session.name)))
    }

    /// Reads a session into the cache, and records its use.
    async fn read(&self, id: &str) -> Result<Option<OpenSession>> {
        let at = Instant::now();
        let record = self.registry().get(KIND, id).await?;
        let open = record.as_ref().map(|record| OpenSession::read(record, at)).transpose()?;
        let open = open.flatten();
        self.cache.insert(id, open.clone(), at);
        if let Some(record) = record.filter(|record| record.age >= TOUCH_INTERVAL && open.is_some())
        {
            self.touch(record);
        }
        Ok(open)
    }

    /// Writes a record again, which notes the use. In the background: a request neither waits for
    /// it nor fails with it. A session that has ended in between stays so.
    fn touch(&self, record: Record) {
        let registry = Arc::clone(self.registry());
        tokio::spawn(async move {
            let expect = Expect::Version(record.version);
            if let Err(error) = registry.put(KIND, &record.name, &record.value, expect).await {
                let (session, reason) = (record.name, error.report());
                tracing::debug!(session, reason, "use of a session not recorded");
            }
        });
    }

    /// The hash of a token. That of a session with the configured key has the hash of the key in
    /// it: with another key in the configuration the session is over.
    fn hash(&self, token: &str, key: Option<&str>) -> SecretHash {
        match (key, self.keys.configured_hash()) {
            (Some(ADMIN), Some(key)) => SecretHash::of_both(token, key),
            _ => SecretHash::of(token),
        }
    }
}

#[cfg(test)]
mod tests;
