//! A refusal by sms.ru, as the cause of an error.

use std::fmt;

use sms_core::{Error, ErrorKind};

use crate::code::{self, Block, Meaning};

/// sms.ru refused: what was asked for was not done. The [source](std::error::Error::source) of the
/// errors that say so, for those who want to know the code.
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
    /// The code; `None` where sms.ru gave none, as `code/call` may. [`code::TABLE`] says what it
    /// means.
    pub code: Option<i32>,
    /// sms.ru's own words, cut to 200 characters; `None` where there are none or they repeat a
    /// number, a text or a credential.
    pub words: Option<String>,
}

impl Refusal {
    /// The refusal that caused this error, if one did.
    pub fn of(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }

    /// The reason in plain English, with the code.
    pub fn reason(&self) -> String {
        let Some(code) = self.code else {
            return "sms.ru refused without a code".to_owned();
        };
        let words = code::of_refusal(code).map_or(code::UNKNOWN, |row| row.en);
        format!("{words} ({code})")
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self.code.and_then(code::of_refusal).map(|row| row.meaning) {
            Some(Meaning::Busy | Meaning::Throttled { .. } | Meaning::Repeated { .. }) => {
                ErrorKind::Unavailable
            }
            Some(Meaning::Blocked(Block::Money | Block::DailyLimit)) => ErrorKind::Unavailable,
            Some(Meaning::Rejected) => ErrorKind::Invalid,
            Some(Meaning::NotFound | Meaning::CallCheck(_)) => ErrorKind::NotFound,
            // Whatever a code says that nobody has seen yet, a person has to read it.
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
        match &self.words {
            Some(words) => write!(f, ": {words}"),
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
