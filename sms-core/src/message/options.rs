//! Options of a message that the provider carries out.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::sandbox_action::SandboxAction;
use super::trace_parent::TraceParent;

/// Options that a provider is asked to apply to a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SendOptions {
    /// Transliterates Cyrillic into Latin letters before sending.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub translit: bool,
    /// Restricts sending to the recipient's daytime; the provider holds the message overnight.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub daytime: bool,
    /// Passes the deadline on to the provider, so that the mobile operator discards a message that
    /// is not delivered by then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pass_deadline: bool,
    /// IP address of the person who caused the message, for the provider's fraud checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_user_ip: Option<IpAddr>,
    /// The end that the sandbox gives the message; `None` for that of its number. No part of the
    /// content under an idempotency key: a repeat may have drawn another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<SandboxAction>,
    /// The span in which the message was accepted. No part of the content either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<TraceParent>,
}
