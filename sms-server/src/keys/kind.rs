//! Kinds of keys.

use serde::{Deserialize, Serialize};

/// The route of messages that are sent with a test key.
const SANDBOX: &str = "sandbox";

/// The kind of a key, which also shows in its first letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Sends messages through the configured provider.
    #[default]
    Live,
    /// Sends messages that never reach the provider: they take the route `sandbox`. Each test key,
    /// with those that it is rotated to, sees its own messages only: neither those of live keys nor
    /// those of other test keys of its client.
    Test,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Live, Self::Test];

    /// The name in requests and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// The kind of this name; `None` for an unknown name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The first characters of a key of this kind.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Live => "sms_live_",
            Self::Test => "sms_test_",
        }
    }

    /// The route of the messages of this kind; `None` for that of every other message.
    pub(super) const fn route(self) -> Option<&'static str> {
        match self {
            Self::Live => None,
            Self::Test => Some(SANDBOX),
        }
    }
}
