//! A refusal by sms.ru, as the source of an error.

use std::fmt;

use sms_core::{Error, ErrorKind};

use crate::code::{self, BlockReason, Meaning};

/// A refusal by sms.ru: the request was not carried out. It is the
/// [source](std::error::Error::source) of the error that a method returns, and contains the code.
///
/// ```
/// use sms_smsru::Refusal;
///
/// fn is_out_of_money(error: &sms_core::Error) -> bool {
///     Refusal::of(error).is_some_and(|refusal| refusal.code == Some(201))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The code; `None` if sms.ru gave none, as `code/call` sometimes does. [`code::TABLE`] has the
    /// meanings.
    pub code: Option<i32>,
    /// The status text of sms.ru, cut to 200 characters; `None` if there is none, or if it repeats
    /// a phone number, a text of the request or a credential.
    pub text: Option<String>,
}

impl Refusal {
    /// Returns the refusal that caused an error, if there is one.
    pub fn of(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }

    /// Describes the reason in plain English, with the code.
    pub fn reason(&self) -> String {
        let Some(code) = self.code else {
            return "sms.ru refused without a code".to_owned();
        };
        let text = code::any_refusal(code).map_or(code::UNKNOWN_REFUSAL, |row| row.en);
        format!("{text} ({code})")
    }

    /// Returns the kind of the error, which says what the caller can do.
    pub fn kind(&self) -> ErrorKind {
        match self.code.and_then(code::any_refusal).map(|row| row.meaning) {
            Some(
                Meaning::Busy
                | Meaning::Throttled { .. }
                | Meaning::Repeated { .. }
                | Meaning::Blocked(BlockReason::Money | BlockReason::DailyLimit),
            ) => ErrorKind::Unavailable,
            Some(Meaning::Rejected) => ErrorKind::Invalid,
            Some(Meaning::NotFound | Meaning::CallCheck(_)) => ErrorKind::NotFound,
            // A person has to look at an unknown code.
            Some(Meaning::Blocked(_) | Meaning::Success | Meaning::Receipt(_)) | None => {
                ErrorKind::Config
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sms.ru refused")?;
        if let Some(code) = self.code {
            write!(f, " with code {code}")?;
        }
        match &self.text {
            Some(text) => write!(f, ": {text}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.kind(), refusal.reason()).with_source(refusal)
    }
}
