//! The one error type of the library.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The result of every fallible function of the library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn StdError + Send + Sync + 'static>;

/// What went wrong: a [kind](ErrorKind) that says what the caller should do, a one-line message
/// that never holds a phone number, a text or a secret, and the cause, if there is one.
///
/// One word wide, so that `Result<T>` stays small.
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
    /// The cause of this one: see [`Error::shared`].
    Shared(Arc<Error>),
}

/// What the caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input is wrong; [`Error::fields`] names what to mend. Repeating it fails again.
    Invalid,
    /// There is no such thing, or it is not the caller's.
    NotFound,
    /// The thing is not in the state this needs: a version moved on, a message is no longer queued.
    Conflict,
    /// The idempotency key was used before, for other content.
    KeyReused,
    /// A service is down, busy or too slow. Repeating it later may succeed.
    Unavailable,
    /// A quota or a rate limit is used up. Repeating it after [`Error::retry_after`] may succeed.
    Limited,
    /// The component has been shut down.
    Closed,
    /// An address, option or credential is wrong; a person has to mend it.
    Config,
    /// A defect: stored data that cannot be read, an invariant that does not hold.
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

/// Why a store cannot be read or written at present: the cause of an [`ErrorKind::Unavailable`]
/// that a person who runs it can act on. Each of them may pass, so the same call may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreFault {
    /// It can be read and not written: a standby server, a file or a file system without write
    /// access.
    ReadOnly,
    /// No space is left on its disk, or its quota is used up.
    Full,
    /// Another process or transaction holds what the call needs, for longer than the call may wait.
    Locked,
    /// It does not answer, or its files cannot be opened or are not where they were.
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
    /// The field's name, as the caller spelled it: `to`, `text`, `send_at`.
    pub field: &'static str,
    /// A stable name for the rule that was broken, in `snake_case`: `phone_invalid`.
    pub code: &'static str,
    /// The rule in words. Never holds the value.
    pub message: Cow<'static, str>,
}

impl FieldError {
    /// A refusal of `field` by the rule `code`, in words.
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

    /// An input in which these fields are wrong.
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

    /// A service that did not answer, with the cause.
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

    /// Adds the fault of the store that an [`ErrorKind::Unavailable`] comes from.
    pub fn with_fault(mut self, fault: impl Into<Option<StoreFault>>) -> Self {
        self.0.fault = fault.into();
        self
    }

    /// The same error for one of several callers who wait for one result.
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

    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Unavailable | ErrorKind::Limited)
    }

    /// The time until a repeat may succeed; `None` if it is not known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// A stable name for machines: that of the one refused field's rule, else that of the kind.
    pub fn code(&self) -> &'static str {
        match self.0.fields.as_slice() {
            [one] => one.code,
            _ => self.0.kind.code(),
        }
    }

    /// The refused fields of an [`ErrorKind::Invalid`] input; empty for other kinds.
    pub fn fields(&self) -> &[FieldError] {
        &self.0.fields
    }

    /// The same error, whose outage is in the log: who gets it need not log it again.
    pub(crate) fn into_reported(mut self) -> Self {
        self.0.is_reported = true;
        self
    }

    /// Whether it is a part of an outage that [`Watched`](crate::Watched) has logged.
    pub fn is_reported(&self) -> bool {
        self.0.is_reported
    }

    /// The error and its causes on one line, outermost first. A cause that the words before it
    /// already hold is left out: drivers repeat what they pass on.
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

    /// Why the store cannot be used at present, where a store has found that out; `None` for all
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
