//! The OpenAPI 3.1 document, made from the operations and the schemas of their types.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::http::catalog::{self, KnownProblem};
use crate::http::operation::{Access, Operation, Parameter, Reply};
use crate::http::problem::ProblemDocument;

/// The beginning of the document.
const DESCRIPTION: &str = "Sends SMS: accepts messages durably, sends each once, and shows what \
                           happened to it. Errors are problems (RFC 9457) with a stable `code`.";
/// Hint in the field for a key.
const KEY: &str = "An API key, without the word `Bearer`.";
/// The words for the cookie of a session.
const SESSION: &str = "The session of a person who has signed in to the web UI. Over TLS the name \
                       begins with `__Host-`, or with `__Secure-` where the server has a path. A \
                       request that changes something needs the header `X-Requested-With: sms-ui`.";
/// The words for the header of a replay.
const REPLAYED: &str = "`true` when an earlier request with the same key was accepted.";
/// The id of the request in examples.
const REQUEST_ID: &str = "01989c1e-7a52-7cc3-9d1f-2b8a5e6f7a11";
/// Problems of every operation with a key.
const OF_ALL: &[&str] = &["bad_request", "timeout", "internal", "unavailable"];
/// Problems of every operation with a body of fields.
const OF_BODIES: &[&str] =
    &["json_invalid", "field_type", "field_missing", "field_unknown", "invalid_request"];
/// Problems of every operation with a body, a file included.
const OF_FILES: &[&str] = &["body_too_large", "content_type", "content_encoding", "busy"];
/// Problems of every operation with parameters of a query.
const OF_QUERIES: &[&str] = &["parameter_invalid", "query_invalid", "invalid_request"];

/// The document of these operations.
pub(crate) fn document(operations: &[Operation]) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut schemas: BTreeMap<String, Value> = problem_schemas();
    for operation in operations {
        let method = operation.method.as_str().to_lowercase();
        paths.entry(operation.path).or_default().insert(method, describe(operation));
        schemas.extend(operation.docs.schemas.iter().cloned());
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "sms-server",
            "description": DESCRIPTION,
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        // Relative to the document, which may be under a prefix.
        "servers": [{"url": "."}],
        "security": [{"key": []}, {"session": []}],
        "tags": tags(operations),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "examples": problem_examples(operations),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": KEY},
                "session": {
                    "type": "apiKey", "in": "cookie", "name": "sms_session",
                    "description": SESSION,
                },
            },
        },
    })
}

fn problem_schemas() -> BTreeMap<String, Value> {
    let mut schemas = vec![(ProblemDocument::name().into_owned(), ProblemDocument::schema())];
    ProblemDocument::schemas(&mut schemas);
    let written = |schema| serde_json::to_value(schema).unwrap_or_default();
    schemas.into_iter().map(|(name, schema)| (name, written(schema))).collect()
}

fn describe(operation: &Operation) -> Value {
    let docs = &operation.docs;
    let needs = match operation.access {
        Access::Public => "Needs no key.".to_owned(),
        Access::AnyKey => "Any key will do.".to_owned(),
        Access::Scope(scope) => format!("Needs a key with the scope `{}`.", scope.as_str()),
        Access::Session => "Needs a session of the web UI.".to_owned(),
    };
    let mut described = json!({
        "operationId": operation_id(operation),
        "tags": [tag(operation.path)],
        "summary": docs.summary,
        "description": format!("{} {needs}", docs.description).trim(),
        "responses": responses(operation),
    });
    match operation.access {
        Access::Public => described["security"] = json!([]),
        Access::Session => described["security"] = json!([{"session": []}]),
        Access::AnyKey | Access::Scope(_) => {}
    }
    let parameters: Vec<Value> =
        path_parameters(operation.path).chain(docs.parameters.iter().map(parameter)).collect();
    if !parameters.is_empty() {
        described["parameters"] = json!(parameters);
    }
    if let Some(body) = &docs.body {
        let content = json!({"schema": body.schema, "example": body.example});
        described["requestBody"] =
            json!({"required": body.is_required, "content": { body.media_type: content }});
    }
    described
}

/// A name for generated clients: `post_messages_id_cancel`.
fn operation_id(operation: &Operation) -> String {
    let words = operation.path.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty() && *word != "v1");
    let method = operation.method.as_str().to_lowercase();
    std::iter::once(method.as_str()).chain(words).collect::<Vec<_>>().join("_")
}

/// The group of an operation: the first word of its path after the version.
fn tag(path: &str) -> &str {
    match path.strip_prefix("/v1/") {
        Some(rest) => rest.split(['/', '.']).next().unwrap_or_default(),
        None if path.starts_with("/ui/") => "ui",
        None => "health",
    }
}

/// The groups in the order of the operations, in which people should read them.
fn tags(operations: &[Operation]) -> Vec<Value> {
    let mut names = Vec::new();
    for name in operations.iter().map(|operation| tag(operation.path)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter().map(|name| json!({ "name": name })).collect()
}

fn path_parameters(path: &str) -> impl Iterator<Item = Value> {
    let names = path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| {
        let schema = json!({"type": "string"});
        json!({"name": name, "in": "path", "required": true, "schema": schema})
    })
}

fn parameter(parameter: &Parameter) -> Value {
    let Parameter { name, place, description, schema, example } = parameter;
    json!({
        "name": name, "in": place, "required": false, "description": description,
        "schema": schema, "example": example,
    })
}

fn responses(operation: &Operation) -> Value {
    let mut responses = Map::new();
    let takes_key = operation.docs.parameters.iter().any(|it| it.name == "Idempotency-Key");
    for reply in &operation.docs.replies {
        let mut response = response(reply);
        if takes_key {
            response["headers"]["Idempotency-Replayed"] = header(REPLAYED);
        }
        responses.insert(reply.status.as_u16().to_string(), response);
    }
    let mut by_status: BTreeMap<u16, Vec<KnownProblem>> = BTreeMap::new();
    for problem in codes(operation).into_iter().filter_map(catalog::find) {
        by_status.entry(problem.status.as_u16()).or_default().push(problem);
    }
    for (status, problems) in by_status {
        let mut response = problem_response(&problems);
        if matches!(status, 429 | 503) {
            response["headers"]["Retry-After"] = header("The seconds to wait before a repeat.");
        }
        responses.insert(status.to_string(), response);
    }
    Value::Object(responses)
}

fn response(reply: &Reply) -> Value {
    let mut response = json!({"description": reply.description});
    if let Some((schema, example)) = &reply.content {
        let content = json!({"schema": schema, "example": example});
        response["content"] = json!({ reply.media_type: content });
    }
    if let Some(example) = reply.stream {
        response["content"]["text/event-stream"] =
            json!({"schema": {"type": "string"}, "example": example});
    }
    if reply.has_location {
        response["headers"]["Location"] = header("The address of what was made.");
    }
    response
}

fn header(description: &str) -> Value {
    json!({"description": description, "schema": {"type": "string"}})
}

/// The codes of every problem that the operation can have, each once.
fn codes(operation: &Operation) -> Vec<&'static str> {
    let docs = &operation.docs;
    let mut codes = Vec::new();
    if operation.access != Access::Public {
        codes.extend_from_slice(OF_ALL);
        codes.push("unauthorized");
        if operation.access != Access::Session {
            codes.push("too_many_wrong_keys");
        }
        if !operation.method.is_safe() {
            codes.push("csrf");
        }
    }
    if matches!(operation.access, Access::Scope(_)) {
        codes.push("scope_missing");
    }
    if operation.path.contains('{') {
        codes.push("not_found");
    }
    if docs.parameters.iter().any(|parameter| parameter.place == "query") {
        codes.extend_from_slice(OF_QUERIES);
    }
    if let Some(body) = &docs.body {
        codes.extend_from_slice(OF_FILES);
        if body.is_json() {
            codes.extend_from_slice(OF_BODIES);
        }
    }
    codes.extend(&docs.problems);
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// The response of one status, with an example for each problem.
fn problem_response(problems: &[KnownProblem]) -> Value {
    let names: Vec<String> = problems.iter().map(|it| format!("`{}`", it.code)).collect();
    let example = |it: &KnownProblem| {
        (it.code.to_owned(), json!({ "$ref": format!("#/components/examples/{}", it.code) }))
    };
    let examples: Map<String, Value> = problems.iter().map(example).collect();
    let schema = json!({"$ref": "#/components/schemas/Problem"});
    json!({
        "description": names.join(", "),
        "content": {"application/problem+json": {"schema": schema, "examples": examples}},
    })
}

/// An example of each problem that an operation refers to.
fn problem_examples(operations: &[Operation]) -> Map<String, Value> {
    let known = operations.iter().flat_map(codes).filter_map(catalog::find);
    let example = |KnownProblem { code, status, detail }| {
        let problem = json!({
            "type": "about:blank", "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(), "code": code, "detail": detail, "request_id": REQUEST_ID,
        });
        (code.to_owned(), json!({ "value": problem }))
    };
    known.map(example).collect()
}
