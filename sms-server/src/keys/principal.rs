//! A caller as a key identifies them.

use std::sync::Arc;

use sms_core::{PhoneNumber, Scope};

use super::key::ApiKey;
use super::kind::KeyKind;
use super::scope::KeyScope;

/// What stands between the client and the partition in the owner of messages that were sent with a
/// test key. No id of a client has a colon.
const TEST_OWNER: &str = ":test:";

/// The name of the key in the configuration. Ids of other keys are longer.
pub(crate) const ADMIN: &str = "admin";

/// The caller of a request, as a key identifies them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Principal {
    /// The id of the client, which owns the messages; `admin` for the configured key.
    pub client: Arc<str>,
    /// The id of the key; `admin` for the configured key. A person who has signed in without a key
    /// has the id of the session here.
    pub key: Arc<str>,
    /// The kind of the key.
    pub kind: KeyKind,
    /// The session of the web UI that the caller came with; `None` for a caller with a key.
    session: Option<Arc<CallerSession>>,
    scopes: Arc<[KeyScope]>,
    owner: Arc<str>,
    allowed_numbers: Arc<[PhoneNumber]>,
}

/// The session of a caller who has signed in to the web UI.
#[derive(Debug)]
struct CallerSession {
    id: String,
    name: String,
}

impl Principal {
    /// The caller with the key in the configuration.
    pub(super) fn admin() -> Self {
        let name: Arc<str> = ADMIN.into();
        Self {
            client: Arc::clone(&name),
            key: Arc::clone(&name),
            kind: KeyKind::Live,
            session: None,
            scopes: [KeyScope::Admin].into(),
            owner: name,
            allowed_numbers: [].into(),
        }
    }

    /// A person of this client who has signed in without a key.
    pub(crate) fn person(client: &str, session: &str, scopes: &[KeyScope]) -> Self {
        let client: Arc<str> = client.into();
        Self {
            owner: Arc::clone(&client),
            client,
            key: session.into(),
            kind: KeyKind::Live,
            session: None,
            scopes: scopes.into(),
            allowed_numbers: [].into(),
        }
    }

    /// The same caller with a session of the web UI.
    pub(crate) fn in_session(mut self, id: &str, name: &str) -> Self {
        self.session = Some(Arc::new(CallerSession { id: id.to_owned(), name: name.to_owned() }));
        self
    }

    /// The id of the session that the caller came with; `None` for a caller with a key.
    pub(crate) fn session(&self) -> Option<&str> {
        self.session.as_ref().map(|session| &*session.id)
    }

    /// The caller in the record of who did something: the name of the session, or the id of the
    /// key.
    pub fn by(&self) -> &str {
        self.session.as_ref().map_or(&self.key, |session| &session.name)
    }

    /// True for the key in the configuration, which the registry does not know.
    pub(super) fn is_configured(&self) -> bool {
        &*self.key == ADMIN
    }

    /// Checks that the key has this scope; `admin` includes every other one.
    pub fn may(&self, scope: KeyScope) -> bool {
        self.scopes.iter().any(|own| *own == scope || *own == KeyScope::Admin)
    }

    /// The scopes of the key, as it was given them.
    pub fn scopes(&self) -> &[KeyScope] {
        &self.scopes
    }

    /// The owner of the messages that the caller sends: the client, or, for a test key, a partition
    /// of the client's that this key and its successors have for themselves.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The messages that the caller sees: all for `admin`, those of the [owner](Self::owner) for
    /// others.
    pub fn scope(&self) -> Scope {
        if self.may(KeyScope::Admin) { Scope::All } else { Scope::Owner(self.owner.to_string()) }
    }

    /// The route of the messages that the caller sends; `None` for that of every other message.
    pub(crate) fn route(&self) -> Option<&'static str> {
        self.kind.route()
    }

    /// Checks that the key may send to this number.
    pub fn may_send_to(&self, number: PhoneNumber) -> bool {
        self.allowed_numbers.is_empty() || self.allowed_numbers.contains(&number)
    }

    /// The only recipients that the key may send to; empty if it may send to every number.
    pub fn allowed_numbers(&self) -> &[PhoneNumber] {
        &self.allowed_numbers
    }
}

impl From<&ApiKey> for Principal {
    fn from(key: &ApiKey) -> Self {
        let client: Arc<str> = key.client.as_str().into();
        let owner = match key.kind {
            KeyKind::Live => Arc::clone(&client),
            KeyKind::Test => format!("{client}{TEST_OWNER}{}", key.partition()).into(),
        };
        Self {
            client,
            key: key.id.as_str().into(),
            kind: key.kind,
            session: None,
            scopes: key.scopes.as_slice().into(),
            owner,
            allowed_numbers: key.allowed_numbers.as_slice().into(),
        }
    }
}
