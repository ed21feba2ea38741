//! What is answered when something is wrong: RFC 9457 problems.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use sms_core::{Error, ErrorKind, FieldError};

/// The header that bears the id of a request, in requests and replies.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A refusal or failure, on its way to becoming a problem document.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldProblem>,
    header: Option<(HeaderName, &'static str)>,
}

/// One wrong field.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FieldProblem {
    /// Where it stands in the body (RFC 6901); absent for headers and query parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// Which header or query parameter it is; absent for fields of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    code: &'static str,
    detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), header: None }
    }

    /// The fields of the body that are wrong.
    pub(crate) fn fields(status: StatusCode, errors: Vec<FieldProblem>) -> Self {
        let (code, detail) = match errors.as_slice() {
            [one] => (one.code, format!("{}: {}", one.name(), one.detail)),
            _ => ("invalid_request", "several fields are invalid".to_owned()),
        };
        Self { errors, ..Self::new(status, code, detail) }
    }

    /// The same about an item of a list in the body.
    pub(crate) fn in_item(self, list: &str, index: usize) -> Self {
        if self.errors.is_empty() {
            return self;
        }
        let errors = self.errors.into_iter().map(|error| error.in_item(list, index)).collect();
        Self::fields(self.status, errors)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such thing here")
    }

    pub(crate) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_such_path", "nothing is served at this path")
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    /// The problem behind a status that the framework gave.
    pub(crate) fn of_framework(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Problem::no_such_path(),
            StatusCode::METHOD_NOT_ALLOWED => Problem::new(
                status,
                "method_not_allowed",
                "this path does not take this method; see Allow",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::new(status, "body_too_large", "the body is larger than this path takes")
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => Problem::new(
                status,
                "timeout",
                "the request took too long; repeat it with the same Idempotency-Key",
            ),
            _ if status.is_server_error() => {
                Problem::new(status, "internal", "something went wrong here")
            }
            _ => Problem::new(status, "bad_request", "the request cannot be understood"),
        }
    }

    /// The document, as it is answered.
    pub(crate) fn document(&self, request_id: Option<&str>) -> serde_json::Value {
        let mut document = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if !self.errors.is_empty() {
            document["errors"] = json!(self.errors);
        }
        if let Some(request_id) = request_id {
            document["request_id"] = json!(request_id);
        }
        document
    }
}

impl FieldProblem {
    /// A field of the body.
    pub(crate) fn field(name: &str, code: &'static str, detail: impl Into<String>) -> Self {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        Self { pointer: Some(format!("/{escaped}")), parameter: None, code, detail: detail.into() }
    }

    /// The same about a part of the field, by its own pointer.
    pub(crate) fn with_pointer_inside(mut self, pointer: &str) -> Self {
        self.pointer = self.pointer.map(|field| field + pointer);
        self
    }

    /// The object itself that the fields stand in.
    pub(crate) fn whole(code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: Some(String::new()), parameter: None, code, detail: detail.into() }
    }

    /// The key of a message is a header where it comes alone, and a field of it among others.
    fn in_item(self, list: &str, index: usize) -> Self {
        let inner = if self.parameter.is_some() { "/idempotency_key" } else { "" };
        let inner = self.pointer.as_deref().unwrap_or(inner);
        Self { pointer: Some(format!("/{list}/{index}{inner}")), parameter: None, ..self }
    }

    /// A header or query parameter.
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
            "idempotency_key" => {
                Self::parameter("Idempotency-Key", error.code, error.message.clone())
            }
            field => Self::field(field, error.code, error.message.clone()),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Invalid
                if error.fields().iter().any(|field| field.field == "idempotency_key") =>
            {
                StatusCode::BAD_REQUEST
            }
            ErrorKind::Invalid | ErrorKind::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::NotFound => return Self::not_found(),
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::Unavailable | ErrorKind::Closed => {
                log_cause(&error);
                let detail =
                    "the service cannot do this now; try again, with the same Idempotency-Key";
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
                    .with_header(header::RETRY_AFTER, "1");
            }
            _ => {
                log_cause(&error);
                let detail = "something went wrong here; the request id helps to find out what";
                return Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail);
            }
        };
        if error.fields().is_empty() {
            return Self::new(status, error.code(), error.to_string());
        }
        Self::fields(status, error.fields().iter().map(FieldProblem::from).collect())
    }
}

/// The one place where the cause of a failed request is logged.
fn log_cause(error: &Error) {
    if error.is_reported() {
        // Every request of an outage has the same.
        return tracing::debug!(kind = ?error.kind(), reason = error.report(), "request failed");
    }
    tracing::error!(kind = ?error.kind(), reason = error.report(), "request failed");
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some((name, value)) = &self.header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
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
        // A document that says more than its status does: what is not ready.
        return response;
    }
    let problem = problem.unwrap_or_else(|| Problem::of_framework(status));
    let mut rendered = (status, Json(problem.document(request_id.as_deref()))).into_response();
    for (name, value) in response.headers() {
        if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
            rendered.headers_mut().insert(name, value.clone());
        }
    }
    let content_type = HeaderValue::from_static("application/problem+json");
    rendered.headers_mut().insert(header::CONTENT_TYPE, content_type);
    rendered
}
