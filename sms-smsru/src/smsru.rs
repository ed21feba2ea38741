//! The account at sms.ru, and how its methods are called.

use std::fmt;
use std::sync::Arc;

use sms_core::{Error, ErrorKind, Outcome, OutcomeClass, Result};

use crate::callback::Callbacks;
use crate::client::http::Answer;
use crate::client::session::Line;
use crate::config::SmsRuConfig;
use crate::submit::late::Late;
use crate::wire::form::Form;
use crate::wire::json::Node;
use crate::wire::method_reply::{self as said, Said};

/// An account at sms.ru: a [`Provider`](sms_core::Provider), and all other methods sms.ru
/// documents.
///
/// No method repeats a request, and every request ends within the configured timeout, however it
/// goes.
///
/// The errors of all methods but `submit` and [`send`](Self::send):
/// [`Invalid`](sms_core::ErrorKind::Invalid) for input sms.ru cannot be asked, and nothing was
/// sent; `Unavailable` when there was no answer, or one that is no answer of sms.ru; a
/// [`Refusal`](crate::Refusal) as the source when it refused.
pub struct SmsRu {
    pub(crate) line: Arc<Line>,
    pub(crate) late: Late,
}

impl SmsRu {
    /// The account of this configuration. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`Config`](sms_core::ErrorKind::Config) when a part of the configuration is wrong.
    pub fn new(config: SmsRuConfig) -> Result<Self> {
        let line = Arc::new(Line::new(config)?);
        Ok(Self { late: Late::new(Arc::clone(&line)), line })
    }

    /// The account of an address of the form `smsru://API_ID@sms.ru?from=Acme`.
    ///
    /// # Errors
    ///
    /// [`Config`](sms_core::ErrorKind::Config), in words that name the part that is wrong and hold
    /// no value of it.
    pub fn from_url(url: &str) -> Result<Self> {
        Self::new(SmsRuConfig::from_url(url)?)
    }

    /// The reader of this account's callbacks; `None` when the account is known by login and
    /// password alone, without the [API id](SmsRuConfig::callback_api_id) that callbacks are signed
    /// with.
    pub fn callbacks(&self) -> Option<Callbacks> {
        Callbacks::new(self.config().callback_key()?.clone()).ok()
    }

    pub(crate) fn config(&self) -> &SmsRuConfig {
        &self.line.config
    }

    pub(crate) fn form(&self) -> Form {
        Form::new(&self.config().credentials)
    }

    /// Calls a method that may be called again after an answer that did not come or could not be
    /// read. `texts` are those of ours that the words of an error must not repeat.
    pub(crate) async fn ask(
        &self,
        method: &'static str,
        form: Form,
        texts: &[&str],
    ) -> Result<Node> {
        match self.call(method, form, texts).await {
            Ok(Said::Done(reply)) => Ok(reply),
            Ok(Said::Refused(refusal)) => Err(refusal.into()),
            Ok(Said::Unclear(reason)) => Err(unavailable(reason)),
            Err(fault) => Err(unavailable(fault.text.unwrap_or_default())),
        }
    }

    /// Calls a method once. The error is `NotSent`: the request certainly did not reach sms.ru.
    pub(crate) async fn call(
        &self,
        method: &'static str,
        form: Form,
        texts: &[&str],
    ) -> Result<Said, Outcome> {
        match self.line.http.post(method, form.finish(), self.config().timeout).await {
            Answer::Reply { status, body } => {
                Ok(said::read(status, &body, texts, &self.config().credentials))
            }
            Answer::Fault(fault) if fault.class == OutcomeClass::NotSent => Err(fault),
            Answer::Fault(fault) => Ok(Said::Unclear(fault.text.unwrap_or_default())),
        }
    }
}

impl fmt::Debug for SmsRu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsRu").field("config", self.config()).finish_non_exhaustive()
    }
}

/// sms.ru did not answer, or with something else.
pub(crate) fn unavailable(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unavailable, reason.into())
}

/// sms.ru said it carried the request out, and left out what was asked for.
pub(crate) fn incomplete(what: &'static str) -> Error {
    unavailable(format!("the answer of sms.ru holds no {what}"))
}
