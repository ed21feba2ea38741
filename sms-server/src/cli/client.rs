//! A client of a running server, for commands that people type.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use axum::body::Bytes;
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;
use tokio::time::sleep;

/// The longest that one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that a request with a large file may take.
const FILE_TIMEOUT: Duration = Duration::from_mins(2);
/// Calls for one request at most. A request that may have been carried out has an idempotency key.
const MAX_CALLS: u32 = 4;
/// The pause before a repeat, which doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const USER_AGENT: &str = concat!("sms-server/", env!("CARGO_PKG_VERSION"));

/// A server, and a key for it.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    /// Without a slash at its end.
    url: String,
    key: String,
}

impl Client {
    /// The client of `SMS_URL` and `SMS_KEY`.
    pub(super) fn from_environment() -> anyhow::Result<Self> {
        let url = std::env::var("SMS_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned());
        let Ok(key) = std::env::var("SMS_KEY") else {
            bail!("SMS_KEY: is not set; it holds the API key, see `sms-server keys create`");
        };
        let http = reqwest::Client::builder().timeout(TIMEOUT).user_agent(USER_AGENT).build()?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned(), key })
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(|| self.http.get(format!("{}{path}", self.url))).await
    }

    /// Posts a body under this idempotency key.
    pub(super) async fn post(
        &self,
        path: &str,
        idempotency_key: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let request = || {
            let request = self.http.post(format!("{}{path}", self.url));
            request
                .header("content-type", "application/json")
                .header("idempotency-key", idempotency_key)
                .body(body.to_string())
        };
        self.call(request).await
    }

    /// Posts a file, with these parameters. It may be carried out twice.
    pub(super) async fn post_file(
        &self,
        path: &str,
        parameters: &[(&str, String)],
        file: Vec<u8>,
    ) -> anyhow::Result<Value> {
        let address = format!("{}{path}", self.url);
        let address = Url::parse_with_params(&address, parameters).context(address)?;
        let file = Bytes::from(file);
        let request = || {
            let request = self.http.post(address.clone()).timeout(FILE_TIMEOUT);
            request.header("content-type", "text/csv").body(file.clone())
        };
        self.call(request).await
    }

    /// Posts nothing to a path that does the same thing once, however often.
    pub(super) async fn post_empty(&self, path: &str) -> anyhow::Result<Value> {
        self.call(|| self.http.post(format!("{}{path}", self.url))).await
    }

    /// Removes what is at this path.
    pub(super) async fn delete(&self, path: &str) -> anyhow::Result<()> {
        let reply = self.reply(|| self.http.delete(format!("{}{path}", self.url))).await?;
        if reply.status().is_success() { Ok(()) } else { self.read(reply).await.map(drop) }
    }

    /// Downloads a file.
    pub(super) async fn get_file(&self, path: &str) -> anyhow::Result<Bytes> {
        let request = || self.http.get(format!("{}{path}", self.url)).timeout(FILE_TIMEOUT);
        let reply = self.reply(request).await?;
        if reply.status().is_success() {
            return reply
                .bytes()
                .await
                .map_err(reqwest::Error::without_url)
                .context(path.to_owned());
        }
        self.read(reply).await.and_then(|_| bail!("there is no file at {path}"))
    }

    async fn call(&self, request: impl Fn() -> RequestBuilder) -> anyhow::Result<Value> {
        let reply = self.reply(request).await?;
        self.read(reply).await
    }

    async fn read(&self, reply: Response) -> anyhow::Result<Value> {
        read(reply).await.with_context(|| self.url.clone())
    }

    /// Makes a request, again if there was no reply or the server was unavailable.
    async fn reply(&self, request: impl Fn() -> RequestBuilder) -> anyhow::Result<Response> {
        let mut pause = FIRST_PAUSE;
        let mut calls = 1;
        loop {
            let reply = request().bearer_auth(&self.key).send().await;
            let is_passing = match &reply {
                Ok(reply) => reply.status() == StatusCode::SERVICE_UNAVAILABLE,
                Err(error) => error.is_connect() || error.is_timeout() || error.is_request(),
            };
            if !is_passing || calls == MAX_CALLS {
                return reply.map_err(reqwest::Error::without_url).context(self.url.clone());
            }
            sleep(pause).await;
            (pause, calls) = (pause * 2, calls + 1);
        }
    }
}

/// The body of a good reply, or the words of a problem.
async fn read(reply: Response) -> anyhow::Result<Value> {
    let status = reply.status();
    let body = reply.bytes().await?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status.is_success() && body.is_object() {
        return Ok(body);
    }
    if status == StatusCode::UNAUTHORIZED {
        bail!("the key in SMS_KEY is not valid there");
    }
    let wrong = body["errors"].as_array().into_iter().flatten();
    let wrong: Vec<String> = wrong.filter_map(words_of_field).collect();
    match body["detail"].as_str() {
        _ if !wrong.is_empty() => Err(anyhow!("{}", wrong.join("; "))),
        Some(detail) => Err(anyhow!("{detail}")),
        None => Err(anyhow!("this is not an sms-server: it answers {status}")),
    }
}

fn words_of_field(error: &Value) -> Option<String> {
    let place = error["pointer"].as_str().or_else(|| error["parameter"].as_str())?;
    let place = Some(place.trim_start_matches('/')).filter(|place| !place.is_empty());
    Some(format!("{}: {}", place.unwrap_or("the body"), error["detail"].as_str()?))
}
