//! Errors as replies: problem documents (RFC 9457).

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sms_core::{Error, ErrorKind, FieldError};
use utoipa::ToSchema;

/// The header with the id of a request, in requests and replies.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The header with the idempotency key of a message.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The name of that header in problems.
const IDEMPOTENCY_KEY_NAME: &str = "Idempotency-Key";
/// The name of the same key as a field of a message.
const IDEMPOTENCY_KEY_FIELD: &str = "idempotency_key";

/// A refusal or failure, on its way to becoming a [`ProblemDocument`].
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldProblem>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// A refusal or failure (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument<'a> {
    /// Always `about:blank`: the code says which problem it is.
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The stable name of the problem, for programs.
    code: &'static str,
    /// The problem in words, for people.
    detail: &'a str,
    /// Each wrong field, header or parameter.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<FieldProblem>)]
    errors: &'a [FieldProblem],
    /// The id of the request, as in the header `X-Request-Id`. Absent for an item of a
    /// batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// One wrong field, header or parameter.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// The place of the field in the body (RFC 6901); absent for headers and query parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// The name of the header or query parameter; absent for fields of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// The stable name of the problem, for programs.
    code: &'static str,
    /// The problem in words, for people.
    detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), headers: Vec::new() }
    }

    /// The problem of wrong fields. With only one, its code is that of the whole.
    pub(crate) fn fields(status: StatusCode, errors: Vec<FieldProblem>) -> Self {
        let (code, detail) = match errors.as_slice() {
            [one] => (one.code, format!("{}: {}", one.name(), one.detail)),
            _ => ("invalid_request", "several fields are invalid".to_owned()),
        };
        Self { errors, ..Self::new(status, code, detail) }
    }

    /// The same problem in an item of a list in the body.
    pub(crate) fn in_item(self, list: &str, index: usize) -> Self {
        self.with_each(|error| error.in_item(list, index))
    }

    /// The same problem in an object that is a field of the body.
    pub(crate) fn inside(self, field: &str) -> Self {
        self.with_each(|error| FieldProblem {
            pointer: error.pointer.map(|pointer| format!("/{field}{pointer}")),
            ..error
        })
    }

    /// The same problem in one of several recipients.
    pub(crate) fn in_recipient(self, index: usize) -> Self {
        self.with_each(|error| match error.pointer.as_deref() {
            Some("/to") => error.with_pointer_inside(&format!("/{index}")),
            _ => error,
        })
    }

    fn with_each(self, change: impl Fn(FieldProblem) -> FieldProblem) -> Self {
        if self.errors.is_empty() {
            return self;
        }
        let errors = self.errors.into_iter().map(change).collect();
        Self { headers: self.headers, ..Self::fields(self.status, errors) }
    }

    /// The stable name of the problem.
    pub(crate) const fn code(&self) -> &'static str {
        self.code
    }

    /// The problem in words, for people.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The problem of a field that is null, and so there, but must have a value.
    pub(crate) fn missing(name: &'static str) -> Self {
        let error = FieldProblem::field(name, "field_missing", "is required");
        Self::fields(StatusCode::BAD_REQUEST, vec![error])
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "not found")
    }

    pub(crate) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_such_path", "nothing is served at this path")
    }

    /// Adds a header to the reply.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The problem behind a status that the framework gave.
    pub(crate) fn of_framework(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::no_such_path(),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(
                status,
                "method_not_allowed",
                "this path does not support this method; see the header Allow",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => {
                Self::new(status, "body_too_large", "the body is larger than this path allows")
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => Self::new(
                status,
                "timeout",
                "the request took too long; repeat it with the same Idempotency-Key",
            ),
            _ if status.is_server_error() => Self::new(status, "internal", "internal error"),
            _ => Self::new(status, "bad_request", "the request cannot be understood"),
        }
    }

    pub(crate) fn document<'a>(&'a self, request_id: Option<&'a str>) -> ProblemDocument<'a> {
        ProblemDocument {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            errors: &self.errors,
            request_id,
        }
    }
}

impl FieldProblem {
    /// The problem of a field of the body.
    pub(crate) fn field(name: &str, code: &'static str, detail: impl Into<String>) -> Self {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        Self { pointer: Some(format!("/{escaped}")), parameter: None, code, detail: detail.into() }
    }

    /// The same problem in a part of the field, at this pointer inside of it.
    pub(crate) fn with_pointer_inside(mut self, pointer: &str) -> Self {
        self.pointer = self.pointer.map(|field| field + pointer);
        self
    }

    /// The problem of the object that holds the fields.
    pub(crate) fn whole(code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: Some(String::new()), parameter: None, code, detail: detail.into() }
    }

    /// The problem of the header with the idempotency key.
    pub(crate) fn idempotency_key(detail: impl Into<String>) -> Self {
        Self::parameter(IDEMPOTENCY_KEY_NAME, "idempotency_key_invalid", detail)
    }

    /// The idempotency key of a single message is a header, and that of an item is a field of it.
    fn in_item(self, list: &str, index: usize) -> Self {
        let field = if self.parameter.is_some() {
            format!("/{IDEMPOTENCY_KEY_FIELD}")
        } else {
            self.pointer.unwrap_or_default()
        };
        Self { pointer: Some(format!("/{list}/{index}{field}")), parameter: None, ..self }
    }

    /// The problem of a header or query parameter.
    pub(crate) fn parameter(
        name: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self { pointer: None, parameter: Some(name.into()), code, detail: detail.into() }
    }

    fn name(&self) -> &str {
        match self.pointer.as_deref() {
            Some("") => "the body",
            Some(pointer) => pointer.trim_start_matches('/'),
            None => self.parameter.as_deref().unwrap_or_default(),
        }
    }
}

impl From<&FieldError> for FieldProblem {
    fn from(error: &FieldError) -> Self {
        match error.field {
            IDEMPOTENCY_KEY_FIELD => {
                Self::parameter(IDEMPOTENCY_KEY_NAME, error.code, error.message.clone())
            }
            field => Self::field(field, error.code, error.message.clone()),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let is_key = |field: &FieldError| field.field == IDEMPOTENCY_KEY_FIELD;
        let status = match error.kind() {
            ErrorKind::Invalid if error.fields().iter().any(is_key) => StatusCode::BAD_REQUEST,
            ErrorKind::Invalid | ErrorKind::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::NotFound => return Self::not_found(),
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::Unavailable | ErrorKind::Closed => {
                log_cause(&error);
                let detail = "the service is unavailable; try again, with the same Idempotency-Key";
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
                    .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            ErrorKind::Limited => {
                let wait = error.retry_after().unwrap_or_default();
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                return Self::new(StatusCode::TOO_MANY_REQUESTS, error.code(), error.to_string())
                    .with_header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
            }
            _ => {
                log_cause(&error);
                let detail = "internal error; the log has its cause under the request id";
                return Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail);
            }
        };
        if error.fields().is_empty() {
            return Self::new(status, error.code(), error.to_string());
        }
        Self::fields(status, error.fields().iter().map(FieldProblem::from).collect())
    }
}

/// Logs the cause of a failed request. No other place does.
fn log_cause(error: &Error) {
    let (kind, reason) = (error.kind(), error.report());
    if error.is_reported() {
        // The outage has been logged once; each request during it fails for the same reason.
        tracing::debug!(?kind, reason, "request failed");
    } else {
        tracing::error!(?kind, reason, "request failed");
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let mut response = self.status.into_response();
        response.headers_mut().extend(self.headers.drain(..));
        response.extensions_mut().insert(self);
        response
    }
}

/// Turns every refusal into a problem document: our own, and those of the framework (no such route,
/// wrong method, body too large), which come without one.
pub(crate) async fn render(request: Request, next: Next) -> Response {
    let request_id =
        request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
    let mut response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let problem = response.extensions_mut().remove::<Problem>();
    let is_json = |value: &HeaderValue| value.as_bytes() == b"application/json";
    if problem.is_none() && response.headers().get(header::CONTENT_TYPE).is_some_and(is_json) {
        // A handler's own document, which says more than the status: the reply of /readyz.
        return response;
    }
    let problem = problem.unwrap_or_else(|| Problem::of_framework(status));
    let mut rendered = (status, Json(problem.document(request_id.as_deref()))).into_response();
    for (name, value) in response.headers() {
        if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
            rendered.headers_mut().append(name, value.clone());
        }
    }
    let content_type = HeaderValue::from_static("application/problem+json");
    rendered.headers_mut().insert(header::CONTENT_TYPE, content_type);
    rendered
}
