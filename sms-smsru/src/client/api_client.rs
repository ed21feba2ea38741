//! Calls of API methods and the reading of their replies.

use std::time::Duration;

use sms_core::{Outcome, OutcomeClass, Result};

use crate::client::http::{HttpReply, Transport};
use crate::config::SmsRuConfig;
use crate::error::unavailable;
use crate::wire::form::Form;
use crate::wire::json::Node;
use crate::wire::method_reply::{self, MethodReply};

/// A client of the sms.ru API for one account.
pub(crate) struct ApiClient {
    config: SmsRuConfig,
    transport: Transport,
}

impl ApiClient {
    pub(crate) fn new(config: SmsRuConfig) -> Result<Self> {
        Ok(Self { transport: Transport::new(&config)?, config })
    }

    pub(crate) fn config(&self) -> &SmsRuConfig {
        &self.config
    }

    /// A form with the credentials, to which the fields of a method are added.
    pub(crate) fn form(&self) -> Form {
        Form::new(&self.config.credentials)
    }

    /// Calls a method that is safe to call again after a missing or unreadable reply. An error
    /// never quotes the sensitive `texts`.
    ///
    /// # Errors
    ///
    /// `Unavailable` without a readable reply; the [`Refusal`](crate::Refusal) as an error.
    pub(crate) async fn call(
        &self,
        method: &'static str,
        form: Form,
        texts: &[&str],
    ) -> Result<Node> {
        match self.call_once(method, form, texts).await {
            Ok(MethodReply::Done(reply)) => Ok(reply),
            Ok(MethodReply::Refused(refusal)) => Err(refusal.into()),
            Ok(MethodReply::Unreadable(reason)) => Err(unavailable(reason)),
            Err(failure) => Err(unavailable(failure.text.unwrap_or_default())),
        }
    }

    /// Calls a method that must not be called again after a missing or unreadable reply.
    ///
    /// # Errors
    ///
    /// A `NotSent` outcome: the request certainly did not reach sms.ru.
    pub(crate) async fn call_once(
        &self,
        method: &'static str,
        form: Form,
        texts: &[&str],
    ) -> Result<MethodReply, Outcome> {
        match self.post(method, form.finish(), self.config.timeout).await {
            Ok(HttpReply { status, body }) => {
                Ok(method_reply::read(status, &body, texts, &self.config.credentials))
            }
            Err(failure) if failure.class == OutcomeClass::NotSent => Err(failure),
            Err(failure) => Ok(MethodReply::Unreadable(failure.text.unwrap_or_default())),
        }
    }

    /// Posts a form to a method and returns the raw reply.
    ///
    /// # Errors
    ///
    /// Without a complete reply, the outcome for each message of the request: `NotSent` or
    /// `Unknown`.
    pub(crate) async fn post(
        &self,
        method: &'static str,
        form: String,
        timeout: Duration,
    ) -> Result<HttpReply, Outcome> {
        self.transport.post(method, form, timeout).await
    }
}
