//! The one error type of the library.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The result of every fallible function of the library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn StdError + Send + Sync + 'static>;

/// An error of the library: a [kind](ErrorKind) that says what the caller should do, a one-line
/// message that never contains a phone number, a text or a secret, and the cause, if there is one.
///
/// It has the size of one pointer, so that `Result<T>` stays small.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    fields: Vec<FieldError>,
    fault: Option<StoreFault>,
    retry_after: Option<Duration>,
    is_reported: bool,
    source: Option<Cause>,
}

enum Cause {
    Own(Source),
    /// The error that several callers share, see [`Error::shared`]; its cause is the cause.
    Shared(Arc<Error>),
}

/// Kind of an [`Error`]: the reaction that it calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input is wrong; [`Error::fields`] names the fields. A retry fails again.
    Invalid,
    /// The item does not exist, or belongs to another owner.
    NotFound,
    /// The item is not in the state that the call needs: its version has changed, or a message is
    /// no longer queued.
    Conflict,
    /// The idempotency key was used before with different content.
    KeyReused,
    /// A service is down, busy or too slow. A later retry may succeed.
    Unavailable,
    /// A quota or a rate limit is used up. Repeating it after [`Error::retry_after`] may succeed.
    Limited,
    /// The component has been shut down.
    Closed,
    /// An address, option or credential is wrong; an operator has to correct it.
    Config,
    /// A bug: stored data that cannot be read, or a broken invariant.
    Internal,
}

impl ErrorKind {
    /// A stable name for machines, in `snake_case`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Invalid => "invalid_request",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::KeyReused => "idempotency_key_reused",
            Self::Unavailable => "unavailable",
            Self::Limited => "limited",
            Self::Closed => "closed",
            Self::Config => "config",
            Self::Internal => "internal",
        }
    }
}

/// Reason why a store cannot be read or written at present. It comes with an
/// [`ErrorKind::Unavailable`], for the operator to act on. Each of these conditions can end, so a
/// later retry may succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreFault {
    /// The store is read-only: a standby server, or a file or file system without write access.
    ReadOnly,
    /// The disk is full, or the quota is used up.
    Full,
    /// Another process or transaction holds a lock for longer than the call may wait.
    Locked,
    /// The server does not answer, or the files cannot be opened or are missing.
    Unreachable,
}

impl StoreFault {
    /// A stable name for machines, in `snake_case`; `Display` shows the same.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read_only",
            Self::Full => "full",
            Self::Locked => "locked",
            Self::Unreachable => "unreachable",
        }
    }
}

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One field of an input that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name as the caller wrote it: `to`, `text`, `send_at`.
    pub field: &'static str,
    /// A stable name of the broken rule, in `snake_case`: `phone_invalid`.
    pub code: &'static str,
    /// The rule in words. Never contains the value.
    pub message: Cow<'static, str>,
}

impl FieldError {
    /// An error of `field` that breaks the rule `code`.
    pub fn new(
        field: &'static str,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field, code, message: message.into() }
    }
}

impl Error {
    /// An error of this kind, with a lower-case, one-line message.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self(Box::new(Inner {
            kind,
            message,
            fields: Vec::new(),
            fault: None,
            retry_after: None,
            is_reported: false,
            source: None,
        }))
    }

    /// An error of kind `Config` about a parameter of an address that is none of the known ones.
    pub fn unknown_parameter(name: &str, known: &[&str]) -> Self {
        let known = known.join(", ");
        Self::new(ErrorKind::Config, format!("unknown parameter {name}; known are {known}"))
    }

    /// An error of kind `Invalid` with these fields.
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        let message = match fields.as_slice() {
            [one] => Cow::Owned(format!("{}: {}", one.field, one.message)),
            _ => Cow::Borrowed("several fields are invalid"),
        };
        Self(Box::new(Inner {
            kind: ErrorKind::Invalid,
            message,
            fields,
            fault: None,
            retry_after: None,
            is_reported: false,
            source: None,
        }))
    }

    /// An error of kind `Unavailable` with its cause.
    pub fn unavailable(message: impl Into<Cow<'static, str>>, source: impl Into<Source>) -> Self {
        Self::new(ErrorKind::Unavailable, message).with_source(source)
    }

    /// A quota or a rate limit that is used up, with the time until a repeat may succeed.
    pub fn limited(message: impl Into<Cow<'static, str>>, retry_after: Duration) -> Self {
        let mut error = Self::new(ErrorKind::Limited, message);
        error.0.retry_after = Some(retry_after);
        error
    }

    /// Adds the cause.
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(Cause::Own(source.into()));
        self
    }

    /// Adds the fault of the store that causes an [`ErrorKind::Unavailable`].
    pub fn with_fault(mut self, fault: impl Into<Option<StoreFault>>) -> Self {
        self.0.fault = fault.into();
        self
    }

    /// A copy of the error for one of several callers that wait for the same result.
    pub fn shared(self: &Arc<Self>) -> Self {
        Self(Box::new(Inner {
            kind: self.0.kind,
            message: self.0.message.clone(),
            fields: self.0.fields.clone(),
            fault: self.0.fault,
            retry_after: self.0.retry_after,
            is_reported: self.0.is_reported,
            source: Some(Cause::Shared(Arc::clone(self))),
        }))
    }

    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns true if a later retry may succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Unavailable | ErrorKind::Limited)
    }

    /// The time until a repeat may succeed; `None` if it is not known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// A stable name for machines: the code of the field if exactly one is wrong, else that of the
    /// kind.
    pub fn code(&self) -> &'static str {
        match self.0.fields.as_slice() {
            [one] => one.code,
            _ => self.0.kind.code(),
        }
    }

    /// The wrong fields of an [`ErrorKind::Invalid`]; empty for other kinds.
    pub fn fields(&self) -> &[FieldError] {
        &self.0.fields
    }

    /// Marks the error as part of an outage that is already in the log, so that callers need not
    /// log it again.
    pub(crate) fn into_reported(mut self) -> Self {
        self.0.is_reported = true;
        self
    }

    /// Returns true if [`Watched`](crate::Watched) has logged the outage that this error is part
    /// of.
    pub fn is_reported(&self) -> bool {
        self.0.is_reported
    }

    /// The error and its causes on one line, outermost first. A cause is left out if the text
    /// before it already contains it, because drivers repeat the errors they wrap.
    pub fn report(&self) -> String {
        let mut line = self.to_string();
        let mut next = self.source();
        while let Some(cause) = next {
            let words = cause.to_string();
            let words: String =
                words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            if !line.contains(&words) {
                line.push_str(": ");
                line.push_str(&words);
            }
            next = cause.source();
        }
        line
    }

    /// The reason why the store cannot be used at present, if the store found one; `None` for all
    /// other errors.
    pub fn fault(&self) -> Option<StoreFault> {
        self.0.fault
    }
}

impl From<FieldError> for Error {
    fn from(field: FieldError) -> Self {
        Self::invalid(vec![field])
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("message", &self.0.message);
        if !self.0.fields.is_empty() {
            debug.field("fields", &self.0.fields);
        }
        if let Some(fault) = &self.0.fault {
            debug.field("fault", fault);
        }
        if let Some(retry_after) = &self.0.retry_after {
            debug.field("retry_after", retry_after);
        }
        if let Some(source) = StdError::source(self) {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self.0.source.as_ref()? {
            Cause::Own(source) => Some(source.as_ref()),
            Cause::Shared(error) => error.source(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn one_refused_field_lends_its_code_and_message() {
        let error = Error::from(FieldError::new("to", "phone_invalid", "not a phone number"));
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            ("phone_invalid", "to: not a phone number")
        );
    }

    #[test]
    fn display_does_not_repeat_the_source() {
        let error = Error::unavailable("store is down", "disk full");
        assert_eq!(error.to_string(), "store is down");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("disk full"));
    }

    #[test]
    fn an_error_that_several_callers_share_keeps_what_it_says() {
        let full = Error::unavailable("store is down", "disk full").with_fault(StoreFault::Full);
        let shared = Arc::new(full).shared();
        assert_eq!(
            (shared.kind(), shared.fault()),
            (ErrorKind::Unavailable, Some(StoreFault::Full))
        );
        assert_eq!(shared.to_string(), "store is down");
        let cause = shared.source().expect("a cause");
        assert_eq!(
            (cause.to_string().as_str(), cause.source().is_none()),
            ("disk full", true),
            "nothing is said twice"
        );
        let refused = Error::from(FieldError::new("to", "phone_invalid", "not a phone number"));
        assert_eq!(Arc::new(refused).shared().code(), "phone_invalid");
    }

    #[test]
    fn a_used_up_limit_says_when_to_repeat() {
        let limited = Error::limited("too many messages", Duration::from_secs(30));
        assert!(limited.is_retryable());
        let shared = Arc::new(limited).shared();
        assert_eq!((shared.kind(), shared.code()), (ErrorKind::Limited, "limited"));
        assert_eq!(shared.retry_after(), Some(Duration::from_secs(30)));
    }

    #[test]
    fn a_report_says_each_cause_once_and_on_one_line() {
        #[derive(Debug)]
        struct Driver(std::io::Error);
        impl fmt::Display for Driver {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "error communicating with database: {}", self.0)
            }
        }
        impl StdError for Driver {
            fn source(&self) -> Option<&(dyn StdError + 'static)> {
                Some(&self.0)
            }
        }
        let error = Error::unavailable(
            "the store is away",
            Driver(std::io::Error::other("connection\nrefused")),
        );
        assert_eq!(
            error.report(),
            "the store is away: error communicating with database: connection refused"
        );
    }
}
