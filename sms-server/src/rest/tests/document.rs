//! The OpenAPI document, against the router that it describes.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use sms_core::clock::datetime_from_ms;
use sms_core::{Clock as _, SystemClock};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tower::ServiceExt as _;

use super::Site;
use crate::http::catalog::CATALOG;
use crate::http::timestamp::written;
use crate::keys::{KeyScope, format};
use crate::rest::agreement::misfit_in;
use crate::routes::openapi;

const SNAPSHOT: &str = include_str!("../../../../docs/openapi.json");
const API_MD: &str = include_str!("../../../../docs/API.md");
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// Paths that are not in the document: the document itself, and what only providers call.
const NOT_IN_IT: [&str; 6] = [
    "/openapi.json",
    "/docs",
    "/docs/start.js",
    "/docs/swagger-ui-bundle.js",
    "/docs/swagger-ui.css",
    "/callbacks/{provider}/{token}",
];
/// Problems that no operation of the document has as its own.
const OF_NO_OPERATION: [&str; 3] =
    ["callback_refused", "callback_unreadable", "method_not_allowed"];

fn document() -> Value {
    serde_json::from_str(openapi()).expect("JSON")
}

/// Each operation of the document: method, path, description.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods");
            methods.iter().map(|(method, it)| (method.as_str(), path.as_str(), it))
        })
        .collect()
}

/// The schema and the example of the content of a body or a reply.
fn content(of: &Value) -> Option<(&Value, &Value)> {
    let content = &of["content"]["application/json"];
    (!content.is_null()).then(|| (&content["schema"], &content["example"]))
}

/// The media type of the body of an operation, and its example as it is sent.
fn body_of(operation: &Value) -> (&str, String) {
    let content = operation["requestBody"]["content"].as_object();
    match content.and_then(|types| types.iter().next()) {
        Some((media_type, content)) => match &content["example"] {
            Value::String(file) => (media_type, file.clone()),
            example => (media_type, example.to_string()),
        },
        None => ("application/json", String::new()),
    }
}

/// The status and content of the reply to the examples of an operation.
fn success(operation: &Value) -> (u16, &Value) {
    let replies = operation["responses"].as_object().expect("responses");
    let mut good = replies.iter().filter(|(status, _)| status.starts_with('2'));
    let (status, reply) = good.next().expect("a reply that is no problem");
    (status.parse().expect("a status"), reply)
}

#[test]
fn the_document_is_the_one_in_docs() {
    assert!(
        openapi() == SNAPSHOT.trim_end(),
        "the API has changed: read the difference, then `sms-server openapi > docs/openapi.json`"
    );
}

#[tokio::test]
async fn every_route_of_the_router_is_in_the_document_and_the_other_way_round() {
    let (site, document) = (Site::new(), document());
    let shown = format!("{:?}", site.router);
    // What axum adds for the reply to a path that no route has.
    let is_fallback = |path: &&str| *path == "/" || path.contains("__private");
    let paths = shown.split('"').filter(|it| it.starts_with('/'));
    let paths: BTreeSet<&str> = paths.filter(|path| !is_fallback(path)).collect();
    let documented = operations(&document);
    let expected: BTreeSet<&str> =
        documented.iter().map(|(_, path, _)| *path).chain(NOT_IN_IT).collect();
    assert_eq!(paths, expected);
    for path in paths.into_iter().filter(|path| !NOT_IN_IT.contains(path)) {
        for method in METHODS {
            let request = Request::builder().method(&*method.to_uppercase()).uri(path);
            let (status, _) = site.answer(request.body(Body::empty()).expect("a request")).await;
            let is_served = status != StatusCode::METHOD_NOT_ALLOWED;
            let is_known = documented.iter().any(|it| (it.0, it.1) == (method, path));
            assert_eq!(is_served, is_known, "{method} {path}: {status}");
        }
    }
}

#[test]
fn every_operation_has_its_own_id_a_summary_examples_and_problems() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().expect("an id")), "{place}");
        assert!(!operation["summary"].as_str().expect("a summary").is_empty(), "{place}");
        let bodies = operation.get("requestBody").into_iter();
        let replies = operation["responses"].as_object().expect("responses").values();
        for (schema, example) in bodies.chain(replies).filter_map(content) {
            let misfit = misfit_in(&document, schema, example);
            assert_eq!(misfit, None, "{place}: {example}");
        }
        if operation["security"] != json!([]) {
            let problems = &operation["responses"]["401"]["content"]["application/problem+json"];
            let example = problems["examples"]["unauthorized"]["$ref"].as_str();
            assert_eq!(example, Some("#/components/examples/unauthorized"), "{place}");
        }
    }
}

#[tokio::test]
async fn the_examples_of_the_document_are_answered_as_it_says() {
    let document = document();
    for (method, path, operation) in operations(&document) {
        let site = Site::new();
        let admin = site.key(&KeyScope::ALL).await;
        let session = site.sign_in(&admin).await;
        let is_of_sessions = path.starts_with("/ui/");
        let id =
            if is_of_sessions { session.id.clone() } else { id_for(&site, &admin, path).await };
        let call = async |query: &str| {
            let (content_type, body) = body_of(operation);
            // The example is a key that no server has.
            let body = if is_of_sessions && !body.is_empty() {
                json!({ "key": admin }).to_string()
            } else {
                body
            };
            let path = path.replace("{id}", &id).replace("{number}", &id);
            let path = format!("{path}{query}");
            let request = Request::builder()
                .method(&*method.to_uppercase())
                .uri(path)
                .header("content-type", content_type);
            let request = if is_of_sessions {
                session.add_to(request)
            } else {
                request.header("authorization", format!("Bearer {admin}"))
            };
            site.answer(request.body(Body::from(body)).expect("one")).await
        };
        let (status, reply) = call("").await;
        let (expected, described) = success(operation);
        assert_eq!(status.as_u16(), expected, "{method} {path}: {reply}");
        assert_times_sort(path, &reply);
        match content(described) {
            Some((schema, _)) => assert_eq!(misfit_in(&document, schema, &reply), None, "{path}"),
            None => assert_eq!(reply.is_string(), !described["content"].is_null(), "{path}"),
        }
        let soon = written(datetime_from_ms(SystemClock.now_ms()));
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "query" {
                let name = parameter["name"].as_str().expect("a name");
                let value = match name {
                    // That of a key which exists.
                    "key" => format::id_in(&admin).expect("well-formed"),
                    // Must be near.
                    "send_at" => &soon,
                    _ => parameter["example"].as_str().expect("an example"),
                };
                let value = value.replace('+', "%2B").replace(' ', "%20");
                let value = value.replace('{', "%7B").replace('}', "%7D");
                let (status, reply) = call(&format!("?{name}={value}")).await;
                assert_eq!(status.as_u16(), expected, "{path} with {name}: {reply}");
            }
        }
    }
}

/// Checks that every time has three digits after the second, so that times sort as text.
fn assert_times_sort(path: &str, value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| assert_times_sort(path, item)),
        Value::Object(fields) => fields.values().for_each(|field| assert_times_sort(path, field)),
        Value::String(text) if OffsetDateTime::parse(text, &Rfc3339).is_ok() => {
            let is_long = text.len() == "2026-01-01T00:00:00.000Z".len() && text.ends_with('Z');
            assert!(is_long, "{path}: {text}");
        }
        _ => {}
    }
}

/// The id of something that the example of this path can be used on.
async fn id_for(site: &Site, key: &str, path: &str) -> String {
    let (made_at, body) = match path {
        it if it.starts_with("/v1/clients/") => ("/v1/clients", json!({"name": "shop"})),
        it if it.starts_with("/v1/keys/") => ("/v1/keys", json!({"name": "till"})),
        it if it.starts_with("/v1/selections/") || it.starts_with("/v1/jobs/") => {
            ("/v1/selections", json!({"filter": {}}))
        }
        _ => ("/v1/messages", json!({"to": "+79251234567", "text": "hi"})),
    };
    if path.starts_with("/v1/imports/") {
        return site.import(key, "79251234567\n").await;
    }
    if path.starts_with("/v1/stoplist/") {
        let body = json!({"numbers": ["+79251234567"], "reason": "complained"});
        site.call(key, "POST", "/v1/stoplist", body).await;
        return "+79251234567".to_owned();
    }
    let made = site.call(key, "POST", made_at, body).await;
    let id = made["id"].as_str().expect("an id").to_owned();
    if path.starts_with("/v1/jobs/") {
        site.call(key, "POST", &format!("/v1/selections/{id}/cancel"), Value::Null).await;
    }
    if path.starts_with("/v1/selections/") || path.starts_with("/v1/jobs/") {
        return id;
    }
    if path.ends_with("/resolve") || path.starts_with("/v1/sandbox/messages") {
        site.interrupt(&id).await;
    }
    if path.ends_with("/resend") {
        site.call(key, "POST", &format!("/v1/messages/{id}/cancel"), Value::Null).await;
    }
    id
}

#[test]
fn every_problem_is_named_in_the_prose_and_by_an_operation() {
    let (document, errors) = (document(), API_MD.split("## Errors").nth(1).expect("a chapter"));
    let table = errors.split("\n## ").next().expect("a chapter");
    let (described, schema) = (document.to_string(), &document["components"]["schemas"]["Problem"]);
    for (_, code, _) in CATALOG {
        assert!(table.contains(&format!("`{code}`")), "API.md does not name {code}");
        let is_described = described.contains(&format!("#/components/examples/{code}\""));
        assert_eq!(is_described, !OF_NO_OPERATION.contains(code), "{code}");
        if is_described {
            let example = &document["components"]["examples"][code]["value"];
            assert_eq!(misfit_in(&document, schema, example), None, "{code}");
        }
    }
    let in_table = table.lines().filter(|line| line.starts_with("| "));
    for code in in_table.flat_map(|line| line.split('`').skip(1).step_by(2)) {
        let is_known = CATALOG.iter().any(|(_, known, _)| *known == code);
        assert!(is_known || code == "Retry-After", "{code} is in API.md and no problem");
    }
}

#[tokio::test]
async fn the_page_for_people_loads_only_what_the_server_has() {
    let site = Site::new();
    let get = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        site.router.clone().oneshot(request).await.expect("infallible")
    };
    let page = get("/docs").await;
    let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let page = axum::body::to_bytes(page.into_body(), 1 << 20).await.expect("a page");
    let page = String::from_utf8(page.to_vec()).expect("text");
    let links = page.split(['"']).filter(|it| it.contains('/') && !it.contains(['<', '\n']));
    let links: Vec<&str> = links.collect();
    assert_eq!(links, ["docs/swagger-ui.css", "docs/swagger-ui-bundle.js", "docs/start.js"]);
    for link in links {
        let reply = get(&format!("/{link}")).await;
        assert_eq!(reply.status(), StatusCode::OK, "{link}");
        let is_compressed = reply.headers().get(header::CONTENT_ENCODING).is_some();
        let content = axum::body::to_bytes(reply.into_body(), 1 << 20).await.expect("a file");
        assert_eq!(is_compressed, content.starts_with(&[0x1f, 0x8b]), "{link}");
    }
    let document = get("/openapi.json").await;
    assert_eq!(document.headers()[header::CONTENT_TYPE], "application/json");
}
