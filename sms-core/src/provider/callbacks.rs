//! Callbacks: receipts that arrive over HTTP.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt::{self, Debug, Display};
use std::net::IpAddr;

use async_trait::async_trait;

use super::receipt::Receipt;
use crate::error::Result;

/// Callbacks: receipts that the provider sends to an HTTP address of ours.
///
/// # Contract
///
/// * `read` verifies before it parses, as far as the provider's format allows, and changes nothing.
///   The same callback may be read more than once.
/// * The [reply](Callback::reply) is sent after the receipts are committed. A provider that gets
///   another reply, or none, sends the callback again.
/// * `register` and `unregister` may be repeated.
#[async_trait]
pub trait Callbacks: Debug + Send + Sync {
    /// Checks that the settings allow callbacks to be verified.
    ///
    /// # Errors
    ///
    /// `Config`, which names the missing setting. Then `read` refuses every callback.
    fn can_verify(&self) -> Result<()> {
        Ok(())
    }

    /// Verifies and parses a callback.
    ///
    /// # Errors
    ///
    /// The reason why the whole callback is refused.
    fn read(&self, request: &CallbackRequest<'_>) -> Result<Callback, CallbackRefusal>;

    /// Lists the addresses that are registered at the provider.
    ///
    /// # Errors
    ///
    /// Any kind.
    async fn registered(&self) -> Result<Vec<String>>;

    /// Registers an address at the provider, and lists those that are registered then.
    ///
    /// # Errors
    ///
    /// Any kind.
    async fn register(&self, url: &str) -> Result<Vec<String>>;

    /// Removes an address at the provider, and lists those that remain.
    ///
    /// # Errors
    ///
    /// Any kind.
    async fn unregister(&self, url: &str) -> Result<Vec<String>>;
}

/// An HTTP request to a callback address, as plain data.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct CallbackRequest<'a> {
    /// Names and values of the headers. A name may occur more than once.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The query string, without its `?` and still encoded; empty if there is none.
    pub query: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// The IP address of the other end of the connection, which may be a proxy; `None` if it is
    /// not known.
    pub peer: Option<IpAddr>,
}

impl<'a> CallbackRequest<'a> {
    /// A request with this body, without headers and query, from an unknown peer.
    pub const fn new(body: &'a [u8]) -> Self {
        Self { headers: &[], query: "", body, peer: None }
    }

    /// Sets the headers.
    pub const fn headers(mut self, headers: &'a [(&'a str, &'a [u8])]) -> Self {
        self.headers = headers;
        self
    }

    /// Sets the query string.
    pub const fn query(mut self, query: &'a str) -> Self {
        self.query = query;
        self
    }

    /// Sets the IP address of the peer.
    pub const fn peer(mut self, peer: Option<IpAddr>) -> Self {
        self.peer = peer;
        self
    }

    /// The value of the first header of this name; upper and lower case are the same.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        let found = self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| *value)
    }
}

impl Debug for CallbackRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers, query and body may hold secrets and phone numbers.
        f.debug_struct("CallbackRequest").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// A callback that was verified and parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Callback {
    /// The receipts in it; none if it is about something else, such as a test of the address.
    pub receipts: Vec<Receipt>,
    /// The reply that tells the provider that the callback was accepted.
    pub reply: CallbackReply,
}

impl Callback {
    /// A callback with these receipts, to be answered with this reply.
    pub const fn new(receipts: Vec<Receipt>, reply: CallbackReply) -> Self {
        Self { receipts, reply }
    }
}

/// An HTTP reply to a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallbackReply {
    /// The HTTP status. Defaults to 200.
    pub status: u16,
    /// The content type. Defaults to plain text in UTF-8.
    pub content_type: Cow<'static, str>,
    /// The body.
    pub body: Cow<'static, str>,
}

impl CallbackReply {
    /// A reply with status 200 and this body in plain text.
    pub fn new(body: impl Into<Cow<'static, str>>) -> Self {
        let content_type = Cow::Borrowed("text/plain; charset=utf-8");
        Self { status: 200, content_type, body: body.into() }
    }

    /// Sets the HTTP status.
    pub const fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Sets the content type.
    pub fn content_type(mut self, content_type: impl Into<Cow<'static, str>>) -> Self {
        self.content_type = content_type.into();
        self
    }
}

/// The reason why a callback is refused. Its texts contain no value of the callback.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallbackRefusal {
    /// The provider did not send it, as its missing or wrong signature shows.
    NotGenuine(Cause),
    /// It does not have the format of the provider.
    Unreadable(Cause),
}

type Cause = Box<dyn StdError + Send + Sync>;

impl CallbackRefusal {
    /// A callback that the provider did not send, and the reason to think so.
    pub fn not_genuine(cause: impl Into<Cause>) -> Self {
        Self::NotGenuine(cause.into())
    }

    /// A callback that does not have the provider's format, and the difference.
    pub fn unreadable(cause: impl Into<Cause>) -> Self {
        Self::Unreadable(cause.into())
    }
}

impl Display for CallbackRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGenuine(cause) => write!(f, "the callback is not genuine: {cause}"),
            Self::Unreadable(cause) => write!(f, "the callback cannot be read: {cause}"),
        }
    }
}

impl StdError for CallbackRefusal {}
