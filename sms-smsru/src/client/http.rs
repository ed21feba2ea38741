//! One request to sms.ru and what came of it: an answer, or the class of the failure.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, redirect, retry};
use sms_core::{Error, ErrorKind, Outcome, Result};
use url::Url;

use crate::config::SmsRuConfig;

/// Common servers close an idle connection after 5 s or later (Apache's default is 5 s). Letting go
/// of it earlier keeps a request from meeting the close half way, which would be an unknown
/// outcome.
const POOL_IDLE: Duration = Duration::from_secs(4);
/// A reply about 100 recipients is some 20 KB.
const MAX_REPLY: usize = 1024 * 1024;

/// The way to sms.ru.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client,
    base: Url,
}

/// What came back.
pub(crate) enum Answer {
    /// An HTTP response, read to its end.
    Reply { status: u16, body: Vec<u8> },
    /// None, and what that means for every message of the request.
    Fault(Outcome),
}

impl Http {
    pub(crate) fn new(config: &SmsRuConfig) -> Result<Self> {
        let base = config.check()?;
        let client = Client::builder()
            // A repeat is the worker's to make, after it has put it on record.
            .retry(retry::never())
            .redirect(redirect::Policy::none())
            // HTTP/2 would put many requests on one connection, to be lost together.
            .http1_only()
            .https_only(base.scheme() == "https")
            // A proxy named in the environment of the process would be given the messages unasked.
            .no_proxy()
            .referer(false)
            .user_agent(concat!("sms-smsru/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(config.effective_connect_timeout())
            .pool_idle_timeout(POOL_IDLE)
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Config, "sms.ru: no HTTPS client").with_source(error)
            })?;
        Ok(Self { client, base })
    }

    /// Posts a form to a method. Ends within the timeout, which is longer than the connect timeout.
    pub(crate) async fn post(
        &self,
        method: &'static str,
        form: String,
        timeout: Duration,
    ) -> Answer {
        let Ok(url) = self.base.join(method) else {
            return Answer::Fault(Outcome::not_sent("the request could not be made"));
        };
        // In the body, never in the URL: URLs end up in the logs of proxies and servers.
        let request =
            self.client.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let mut response = match request.body(form).timeout(timeout).send().await {
            Ok(response) => response,
            Err(error) => return Answer::Fault(classify(&error)),
        };
        match read(&mut response).await {
            Ok(Some(body)) => Answer::Reply { status: response.status().as_u16(), body },
            Ok(None) => Answer::Fault(Outcome::unknown("the answer was too large to be sms.ru's")),
            Err(error) => Answer::Fault(classify(&error)),
        }
    }
}

/// The body; `None` when it is too large.
async fn read(response: &mut Response) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_REPLY {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// Could sms.ru have the messages?
///
/// `is_connect` is a proof that it has not (reqwest 0.13.5, hyper-util 0.1.21): the kind is given
/// to errors of the connector alone, that is name resolution, TCP connect, TLS handshake and the
/// connect timeout around the three, and no request is handed to a connection before the connector
/// has made it. TLS early data is off. The timeout of the whole request, set for each, is not of
/// the connector and never bears that kind. All else, though some of it also happens before the
/// first byte, cannot be told from the outside and is unknown: a timeout, a connection closed
/// before the reply, a reply that breaks off.
fn classify(error: &reqwest::Error) -> Outcome {
    if error.is_builder() {
        Outcome::not_sent("the request could not be made")
    } else if error.is_connect() && error.is_timeout() {
        Outcome::not_sent("no connection to sms.ru in time")
    } else if error.is_connect() {
        Outcome::not_sent(format!("no connection to sms.ru: {}", cause(error)))
    } else if error.is_timeout() {
        unanswered()
    } else {
        Outcome::unknown("the connection to sms.ru broke before the answer was complete")
    }
}

/// What becomes of a message whose request had no answer in time.
pub(crate) fn unanswered() -> Outcome {
    Outcome::unknown("sms.ru did not answer in time")
}

/// The innermost cause, such as "connection refused" or a fault of the certificate. That of a
/// connect error is older than the request and so cannot hold anything of it.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
