//! One HTTP request to sms.ru, and the outcome of a request without a complete reply.

use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE};
use reqwest::{Client, Response, redirect, retry};
use sms_core::{Outcome, Result};
use url::Url;

use crate::config::SmsRuConfig;
use crate::error::config_error;

/// The lifetime of an idle connection. Common servers close an idle connection after 5 s or more
/// (5 s is the default of Apache). A request that is sent while the server closes the connection
/// has an unknown outcome, so the client closes it first.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// The maximum size of a reply in bytes. A reply about 100 recipients has about 20 KB.
const MAX_REPLY: usize = 1024 * 1024;

/// A complete HTTP response.
pub(crate) struct HttpReply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// An HTTP client with the base URL of the API.
pub(crate) struct Transport {
    client: Client,
    base_url: Url,
}

impl Transport {
    pub(crate) fn new(config: &SmsRuConfig) -> Result<Self> {
        let base_url = config.validate()?;
        let client = Client::builder()
            // Only the worker may repeat a request, because it records each attempt first.
            .retry(retry::never())
            .redirect(redirect::Policy::none())
            // With HTTP/2 many requests share a connection, and all of them would fail with it.
            .http1_only()
            .https_only(base_url.scheme() == "https")
            // A proxy from the environment of the process would see credentials and messages.
            .no_proxy()
            .referer(false)
            .user_agent(concat!("sms-smsru/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(config.effective_connect_timeout())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build()
            .map_err(|error| config_error("no HTTPS client").with_source(error))?;
        Ok(Self { client, base_url })
    }

    /// Posts a form to a method. `timeout` covers the whole request and must be longer than the
    /// connect timeout.
    ///
    /// # Errors
    ///
    /// The outcome for each message of the request: `NotSent` or `Unknown`.
    pub(crate) async fn post(
        &self,
        method: &'static str,
        form: String,
        timeout: Duration,
    ) -> Result<HttpReply, Outcome> {
        let Ok(url) = self.base_url.join(method) else {
            return Err(Outcome::not_sent("the request could not be built"));
        };
        // Parameters go in the body, because proxies and servers log URLs.
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            // Without this header a server may compress a reply, which then could not be read.
            .header(ACCEPT_ENCODING, "identity");
        let mut response =
            request.body(form).timeout(timeout).send().await.map_err(|error| classify(&error))?;
        match read_body(&mut response).await {
            Ok(Some(body)) => Ok(HttpReply { status: response.status().as_u16(), body }),
            Ok(None) => Err(Outcome::unknown("the answer is too large")),
            Err(error) => Err(classify(&error)),
        }
    }
}

/// Reads the body; `None` if it is too large.
async fn read_body(response: &mut Response) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_REPLY {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// Classifies a failed request: `NotSent` if sms.ru certainly has not received it, else `Unknown`.
///
/// `is_connect` is proof that it was not sent (reqwest 0.13.5, hyper-util 0.1.21). Only errors of
/// the connector have this kind: name resolution, TCP connect, TLS handshake and the connect
/// timeout. A request is not given to a connection before the connector has made it, and TLS early
/// data is off. The timeout of the whole request never has this kind. Some of the other errors also
/// happen before the first byte is sent, but they cannot be told apart from those that happen
/// later: a timeout, a connection closed before the reply, an incomplete reply.
fn classify(error: &reqwest::Error) -> Outcome {
    if error.is_builder() {
        Outcome::not_sent("the request could not be built")
    } else if error.is_connect() && error.is_timeout() {
        Outcome::not_sent("no connection to sms.ru in time")
    } else if error.is_connect() {
        Outcome::not_sent(format!("no connection to sms.ru: {}", root_cause(error)))
    } else if error.is_timeout() {
        timed_out()
    } else {
        Outcome::unknown("the connection to sms.ru broke before the answer was complete")
    }
}

/// The outcome of a message when the request had no reply in time.
pub(crate) fn timed_out() -> Outcome {
    Outcome::unknown("sms.ru did not answer in time")
}

/// The text of the innermost source, such as "connection refused" or a certificate error. A connect
/// error happens before the request is sent, so its text contains nothing of the request.
fn root_cause(error: &reqwest::Error) -> String {
    let mut source: &dyn std::error::Error = error;
    while let Some(inner) = source.source() {
        source = inner;
    }
    source.to_string()
}
