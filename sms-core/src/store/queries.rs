//! Requests and results of the methods of an [`Archive`](crate::Archive).

use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

use super::event::{Event, EventKind};
use super::inference::UnmatchedId;
use super::status::Status;
use crate::message::phone::PhoneNumber;
use crate::message::{Class, MessageId, Route};

/// Messages that a call may see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All messages.
    #[default]
    All,
    /// The messages of this owner.
    Owner(String),
}

impl Scope {
    /// True if messages of this owner are in the scope.
    pub fn admits(&self, owner: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Owner(own) => owner == Some(own),
        }
    }
}

/// Request for one message: of [`Archive::get`](crate::Archive::get) and
/// [`Archive::timeline`](crate::Archive::timeline).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageRequest {
    /// Id of the message.
    pub id: MessageId,
    /// Messages that the caller may see. All by default.
    pub scope: Scope,
}

impl MessageRequest {
    /// Reads the message with this id.
    pub const fn new(id: MessageId) -> Self {
        Self { id, scope: Scope::All }
    }

    /// Sets [`scope`](Self::scope).
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }
}

/// Request of [`Archive::list`](crate::Archive::list). A message must match all filters; an empty
/// filter matches every message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListRequest {
    /// Messages that the caller may see. All by default.
    pub scope: Scope,
    /// States, any of them.
    pub statuses: Vec<Status>,
    /// Recipient.
    pub to: Option<PhoneNumber>,
    /// Part of the text, letter by letter, or of the recipient's number, see
    /// [`NumberReader::search_digits`](crate::NumberReader::search_digits).
    pub search: Option<String>,
    /// Class.
    pub class: Option<Class>,
    /// Reference of the caller.
    pub reference: Option<String>,
    /// The provider's last code.
    pub code: Option<i32>,
    /// The earlier message that they send again.
    pub resend_of: Option<MessageId>,
    /// The route that they take.
    pub route: Option<Route>,
    /// The provider that accepted them, or was asked last.
    pub provider: Option<String>,
    /// Earliest time of acceptance, included.
    pub from_time: Option<OffsetDateTime>,
    /// Latest time of acceptance, not included.
    pub to_time: Option<OffsetDateTime>,
    /// Only messages older than this one: the last of the page before, or the last one that was
    /// [searched](crate::MessagePage::searched_to).
    pub after: Option<MessageId>,
    /// Largest number of messages.
    pub limit: usize,
    /// Time that the store may spend, give or take some milliseconds. By default there is no limit:
    /// the search ends when the page is full or every message was looked at, which takes seconds
    /// over millions of messages.
    pub budget: Option<Duration>,
}

impl ListRequest {
    /// Lists up to `limit` messages, newest first.
    pub fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Sets [`scope`](Self::scope).
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Sets [`statuses`](Self::statuses).
    pub fn statuses(mut self, statuses: impl Into<Vec<Status>>) -> Self {
        self.statuses = statuses.into();
        self
    }

    /// Sets [`to`](Self::to).
    pub fn to(mut self, to: impl Into<Option<PhoneNumber>>) -> Self {
        self.to = to.into();
        self
    }

    /// Sets [`search`](Self::search).
    pub fn search(mut self, search: impl Into<Option<String>>) -> Self {
        self.search = search.into();
        self
    }

    /// Sets [`class`](Self::class).
    pub fn class(mut self, class: impl Into<Option<Class>>) -> Self {
        self.class = class.into();
        self
    }

    /// Sets [`reference`](Self::reference).
    pub fn reference(mut self, reference: impl Into<Option<String>>) -> Self {
        self.reference = reference.into();
        self
    }

    /// Sets [`code`](Self::code).
    pub fn code(mut self, code: impl Into<Option<i32>>) -> Self {
        self.code = code.into();
        self
    }

    /// Sets [`resend_of`](Self::resend_of).
    pub fn resend_of(mut self, id: impl Into<Option<MessageId>>) -> Self {
        self.resend_of = id.into();
        self
    }

    /// Sets [`route`](Self::route).
    pub fn route(mut self, route: impl Into<Option<Route>>) -> Self {
        self.route = route.into();
        self
    }

    /// Sets [`provider`](Self::provider).
    pub fn provider(mut self, provider: impl Into<Option<String>>) -> Self {
        self.provider = provider.into();
        self
    }

    /// Sets [`from_time`](Self::from_time).
    pub fn from_time(mut self, from_time: impl Into<Option<OffsetDateTime>>) -> Self {
        self.from_time = from_time.into();
        self
    }

    /// Sets [`to_time`](Self::to_time).
    pub fn to_time(mut self, to_time: impl Into<Option<OffsetDateTime>>) -> Self {
        self.to_time = to_time.into();
        self
    }

    /// Sets [`limit`](Self::limit).
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Sets [`after`](Self::after).
    pub fn after(mut self, after: impl Into<Option<MessageId>>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets [`budget`](Self::budget).
    pub fn budget(mut self, budget: impl Into<Option<Duration>>) -> Self {
        self.budget = budget.into();
        self
    }
}

/// Request of [`Archive::events`](crate::Archive::events).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventsRequest {
    /// Position to continue after: [`EventPage::read_to`] of the page before; 0 for the start.
    pub after: u64,
    /// Messages that the caller may see. All by default.
    pub scope: Scope,
    /// Kinds, any of them. Empty, the default, for all.
    pub kinds: Vec<EventKind>,
    /// Largest number of events.
    pub limit: usize,
}

impl EventsRequest {
    /// Reads up to `limit` events after position `after`.
    pub const fn new(after: u64, limit: usize) -> Self {
        Self { after, scope: Scope::All, kinds: Vec::new(), limit }
    }

    /// Sets [`scope`](Self::scope).
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Sets [`kinds`](Self::kinds).
    pub fn kinds(mut self, kinds: impl Into<Vec<EventKind>>) -> Self {
        self.kinds = kinds.into();
        self
    }
}

/// Result of [`Archive::events`](crate::Archive::events).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventPage {
    /// Events that match, oldest first.
    pub events: Vec<Event>,
    /// Position up to which every event was looked at; the next page begins after it.
    pub read_to: u64,
}

impl EventPage {
    /// These events, and the position up to which the log was read.
    pub const fn new(events: Vec<Event>, read_to: u64) -> Self {
        Self { events, read_to }
    }

    /// The page of a call that looked at every event up to `read_to`, and found these, unless it
    /// stopped earlier because the page was full.
    pub fn scanned(events: Vec<Event>, request: &EventsRequest, read_to: u64) -> Self {
        let is_full = events.len() >= request.limit;
        let last = events.last().map_or(request.after, |event| event.seq);
        Self::new(events, if is_full { last } else { read_to })
    }
}

/// Request of [`Archive::log_end`](crate::Archive::log_end).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEndRequest {}

impl LogEndRequest {
    /// Asks for the end of the log of all messages.
    pub const fn new() -> Self {
        Self {}
    }
}

/// Result of [`Archive::log_end`](crate::Archive::log_end).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEnd {
    /// Position for [`EventsRequest::after`]: every event that is committed later comes after it.
    pub position: u64,
}

impl LogEnd {
    /// The end at this position.
    pub const fn new(position: u64) -> Self {
        Self { position }
    }
}

/// Request of [`Archive::unmatched`](crate::Archive::unmatched).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnmatchedRequest {
    /// Name of the provider.
    pub provider: Option<String>,
    /// Earliest time of the first receipt, included.
    pub from_time: Option<OffsetDateTime>,
    /// Latest time of the first receipt, included.
    pub to_time: Option<OffsetDateTime>,
    /// Largest number of ids.
    pub limit: usize,
}

impl UnmatchedRequest {
    /// Lists up to `limit` ids of all providers.
    pub const fn new(limit: usize) -> Self {
        Self { provider: None, from_time: None, to_time: None, limit }
    }

    /// Sets [`provider`](Self::provider).
    pub fn provider(mut self, provider: impl Into<Option<String>>) -> Self {
        self.provider = provider.into();
        self
    }

    /// Sets [`from_time`](Self::from_time).
    pub fn from_time(mut self, from_time: impl Into<Option<OffsetDateTime>>) -> Self {
        self.from_time = from_time.into();
        self
    }

    /// Sets [`to_time`](Self::to_time).
    pub fn to_time(mut self, to_time: impl Into<Option<OffsetDateTime>>) -> Self {
        self.to_time = to_time.into();
        self
    }

    /// True if this id matches.
    pub fn admits(&self, id: &UnmatchedId) -> bool {
        self.provider.as_ref().is_none_or(|provider| *provider == id.provider)
            && self.from_time.is_none_or(|from| id.made_at >= from)
            && self.to_time.is_none_or(|to| id.made_at <= to)
    }

    /// The answer, from all ids in the order in which they came.
    pub fn select(&self, mut ids: Vec<UnmatchedId>) -> Vec<UnmatchedId> {
        ids.retain(|id| self.admits(id));
        ids.reverse();
        ids.truncate(self.limit);
        ids
    }
}

/// Request of [`Archive::stats`](crate::Archive::stats): a range of times of acceptance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatsRequest {
    /// Messages that the caller may see. All by default.
    pub scope: Scope,
    /// Earliest time, included.
    pub from_time: Option<OffsetDateTime>,
    /// Latest time, not included.
    pub to_time: Option<OffsetDateTime>,
}

impl StatsRequest {
    /// Counts all messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`scope`](Self::scope).
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Sets [`from_time`](Self::from_time).
    pub fn from_time(mut self, from_time: impl Into<Option<OffsetDateTime>>) -> Self {
        self.from_time = from_time.into();
        self
    }

    /// Sets [`to_time`](Self::to_time).
    pub fn to_time(mut self, to_time: impl Into<Option<OffsetDateTime>>) -> Self {
        self.to_time = to_time.into();
        self
    }
}

/// Counts by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Counts by [`Status::number`].
    pub counts: [u64; Status::ALL.len()],
}

impl Stats {
    /// Number of messages in this state.
    pub const fn count(&self, status: Status) -> u64 {
        self.counts[status.number() as usize]
    }
}
