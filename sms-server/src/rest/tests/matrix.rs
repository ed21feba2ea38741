//! Every operation with every role: which key may call it, and what it does not find.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::Site;
use crate::http::operation::Access;
use crate::keys::KeyScope::{Admin, Read, Send};
use crate::keys::{KeyKind, KeyScope, NewKey};
use crate::rest::operations;

const MESSAGE: &str = r#"{"to":"+79251234567","text":"hi"}"#;
const BATCH: &str = r#"{"messages":[{"to":"+79251234567","text":"hi"}]}"#;
const RESOLVE: &str = r#"{"resolution":"failed","reason":"asked them"}"#;
const REASON: &str = r#"{"reason":"the phone was off"}"#;
const TEXTS: &str = r#"{"texts":["hi"]}"#;
const STOPPED: &str = "+79250000001";
const STOPS: &str = r#"{"numbers":["+79250000001"],"reason":"asked for it"}"#;
const RULES: &str = r#"{"rules":[{"action":"lose"}]}"#;
const ERASE: &str = r#"{"to":"+79250000001","reason":"asked for it"}"#;
const NAME: &str = r#"{"name":"shop"}"#;
const FILE: &str = "phone;text\n79251234567;hi\n";
const STOP_FILE: &str = "number;reason\n79250000001;asked for it\n";
const FILTER: &str = r#"{"filter":{}}"#;

/// Operations, the scope that each needs (`None` for any key), and a good body.
const OPERATIONS: [(&str, Option<KeyScope>, &str); 58] = [
    ("POST /v1/messages", Some(Send), MESSAGE),
    ("POST /v1/messages/batch", Some(Send), BATCH),
    ("GET /v1/messages", Some(Read), ""),
    ("GET /v1/messages/count", Some(Read), ""),
    ("GET /v1/messages.csv", Some(Read), ""),
    ("GET /v1/messages/{id}", Some(Read), ""),
    ("POST /v1/messages/{id}/cancel", Some(Send), ""),
    ("POST /v1/messages/{id}/resolve", Some(Send), RESOLVE),
    ("POST /v1/messages/{id}/resend", Some(Send), REASON),
    ("POST /v1/selections", Some(Read), FILTER),
    ("GET /v1/selections/{id}", Some(Read), ""),
    ("POST /v1/selections/{id}/cancel", Some(Send), ""),
    ("POST /v1/selections/{id}/resolve", Some(Send), RESOLVE),
    ("POST /v1/selections/{id}/resend", Some(Send), REASON),
    ("POST /v1/selections/{id}/erase", Some(Admin), REASON),
    ("POST /v1/imports", Some(Send), FILE),
    ("GET /v1/imports", Some(Read), ""),
    ("GET /v1/imports/{id}", Some(Read), ""),
    ("DELETE /v1/imports/{id}", Some(Send), ""),
    ("POST /v1/imports/{id}/send", Some(Send), ""),
    ("GET /v1/imports/{id}/errors", Some(Read), ""),
    ("GET /v1/imports/{id}/errors.csv", Some(Read), ""),
    ("GET /v1/imports/{id}/report.csv", Some(Read), ""),
    ("GET /v1/jobs", Some(Read), ""),
    ("GET /v1/jobs/{id}", Some(Read), ""),
    ("POST /v1/jobs/{id}/stop", Some(Send), ""),
    ("GET /v1/jobs/{id}/failures.csv", Some(Read), ""),
    ("POST /v1/estimate", Some(Send), TEXTS),
    ("GET /v1/receipts/unmatched", Some(Admin), ""),
    ("GET /v1/events", Some(Read), ""),
    ("GET /v1/stats", Some(Read), ""),
    ("GET /v1/stats/series", Some(Read), ""),
    ("GET /v1/queue", Some(Admin), ""),
    ("GET /v1/workers", Some(Read), ""),
    ("GET /v1/provider", Some(Read), ""),
    ("POST /v1/provider/pause", Some(Admin), ""),
    ("POST /v1/provider/resume", Some(Admin), ""),
    ("GET /v1/stoplist", Some(Admin), ""),
    ("GET /v1/stoplist.csv", Some(Admin), ""),
    ("POST /v1/stoplist", Some(Admin), STOPS),
    ("POST /v1/stoplist/import", Some(Admin), STOP_FILE),
    ("DELETE /v1/stoplist/{number}", Some(Admin), ""),
    ("POST /v1/numbers/erase", Some(Admin), ERASE),
    ("GET /v1/clients", Some(Admin), ""),
    ("POST /v1/clients", Some(Admin), NAME),
    ("GET /v1/clients/{id}", Some(Admin), ""),
    ("PATCH /v1/clients/{id}", Some(Admin), NAME),
    ("GET /v1/keys", Some(Admin), ""),
    ("POST /v1/keys", Some(Admin), NAME),
    ("GET /v1/keys/{id}", Some(Admin), ""),
    ("DELETE /v1/keys/{id}", Some(Admin), ""),
    ("POST /v1/keys/{id}/rotate", Some(Admin), ""),
    ("GET /v1/sandbox/messages", Some(Read), ""),
    ("GET /v1/sandbox/messages/latest", Some(Read), ""),
    ("GET /v1/sandbox/rules", Some(Read), ""),
    ("PUT /v1/sandbox/rules", Some(Send), RULES),
    ("GET /v1/me", None, ""),
    ("GET /v1/info", None, ""),
];

/// A site with a client that has sent one message with a live key and one with a test key.
struct World {
    site: Site,
    client: String,
    key: String,
    live_message: String,
    test_message: String,
    /// Of the live messages, without a job.
    selection: String,
    import: String,
    /// The job of another selection of them.
    job: String,
}

impl World {
    async fn new() -> Self {
        let site = Site::new();
        let client = site.keys.create_client("shop").await.expect("a client").id;
        let [key, live_message, test_message, selection, import, job] =
            [const { String::new() }; 6];
        let mut world =
            Self { site, client, key, live_message, test_message, selection, import, job };
        let live = world.key_of(Some("shop"), KeyKind::Live, &[Send]).await;
        let test = world.key_of(Some("shop"), KeyKind::Test, &[Send]).await;
        world.key = world.site.keys.list().await.expect("keys").remove(0).key.id;
        let live_key = live.clone();
        for (key, is_live) in [(live, true), (test, false)] {
            let (_, reply) = world.call(Some(&key), "POST /v1/messages", "", MESSAGE).await;
            let id = reply["id"].as_str().expect("an id").to_owned();
            if is_live { world.live_message = id } else { world.test_message = id }
        }
        world.import = world.id_of(&live_key, "POST /v1/imports", "", FILE).await;
        let reader = world.key_of(Some("shop"), KeyKind::Live, &[Read, Send]).await;
        world.selection = world.id_of(&reader, "POST /v1/selections", "", FILTER).await;
        let used = world.id_of(&reader, "POST /v1/selections", "", FILTER).await;
        world.job = world.id_of(&reader, "POST /v1/selections/{id}/cancel", &used, "").await;
        world
    }

    /// The id of what this call makes.
    async fn id_of(&self, key: &str, operation: &str, id: &str, body: &str) -> String {
        let (_, reply) = self.call(Some(key), operation, id, body).await;
        reply["id"].as_str().expect("an id").to_owned()
    }

    /// A key of the client with this name, else of a new client.
    async fn key_of(&self, client: Option<&str>, kind: KeyKind, scopes: &[KeyScope]) -> String {
        let key = NewKey::new("a key", scopes).kind(kind);
        let issued = match client {
            Some(name) => self.site.keys.issue_for(name, key).await,
            None => self.site.keys.issue(None, key).await,
        };
        issued.expect("a key").secret.expose_secret().to_owned()
    }

    /// The id that the path of an operation has.
    fn id_in(&self, operation: &str) -> &str {
        match operation {
            it if it.contains("/v1/clients/") => &self.client,
            it if it.contains("/v1/keys/") => &self.key,
            it if it.contains("/v1/stoplist/") => STOPPED,
            it if it.contains("/v1/selections/") => &self.selection,
            it if it.contains("/v1/imports/") => &self.import,
            it if it.contains("/v1/jobs/") => &self.job,
            _ => &self.live_message,
        }
    }

    async fn call(
        &self,
        key: Option<&str>,
        operation: &str,
        id: &str,
        body: &str,
    ) -> (StatusCode, Value) {
        let (method, path) = operation.split_once(' ').expect("a method and a path");
        let mut request =
            Request::builder().method(method).uri(path.replace("{id}", id).replace("{number}", id));
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let files = ["POST /v1/imports", "POST /v1/stoplist/import"];
        let is_file = files.contains(&operation);
        let content_type = if is_file { "text/csv" } else { "application/json" };
        let request = request.header("content-type", content_type);
        let request = request.body(Body::from(body.to_owned())).expect("a request");
        self.site.answer(request).await
    }
}

#[test]
fn every_operation_is_in_the_matrix_with_its_scope() {
    let name = |scope: Option<KeyScope>| scope.map_or("any", KeyScope::as_str);
    let needs = |access| match access {
        Access::Public => "none",
        Access::Session => "session",
        Access::AnyKey => "any",
        Access::Scope(scope) => scope.as_str(),
    };
    let known: BTreeSet<(String, &str)> = operations()
        .iter()
        .map(|it| (format!("{} {}", it.method, it.path), needs(it.access)))
        .collect();
    let tested =
        OPERATIONS.iter().map(|(operation, scope, _)| ((*operation).to_owned(), name(*scope)));
    assert_eq!(tested.collect::<BTreeSet<_>>(), known);
}

#[tokio::test]
async fn an_operation_is_open_to_keys_with_its_scope_and_to_no_other() {
    for (operation, needs, body) in OPERATIONS {
        for (kind, scope) in [
            (KeyKind::Live, Send),
            (KeyKind::Live, Read),
            (KeyKind::Live, Admin),
            (KeyKind::Test, Send),
            (KeyKind::Test, Read),
        ] {
            let world = World::new().await;
            let key = world.key_of(Some("shop"), kind, &[scope]).await;
            let (status, reply) =
                world.call(Some(&key), operation, world.id_in(operation), body).await;
            let cell =
                format!("{operation} as {} {}: {status} {reply}", kind.as_str(), scope.as_str());
            if needs.is_none_or(|needs| needs == scope || scope == Admin) {
                let is_refused = [401, 403, 405].contains(&status.as_u16());
                assert!(!is_refused && !status.is_server_error(), "{cell}");
            } else {
                assert_eq!(status, StatusCode::FORBIDDEN, "{cell}");
                assert_eq!(reply["code"], "scope_missing", "{cell}");
            }
        }
    }
}

#[tokio::test]
async fn no_operation_is_open_without_a_valid_key() {
    let world = World::new().await;
    let revoked = world.key_of(Some("shop"), KeyKind::Live, &KeyScope::ALL).await;
    let id = crate::keys::format::id_in(&revoked).expect("well-formed");
    world.site.keys.revoke(id).await.expect("revoked");
    for (operation, _, body) in OPERATIONS {
        for key in [None, Some("sms_live_nothing"), Some(&*revoked)] {
            let (status, reply) = world.call(key, operation, world.id_in(operation), body).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{operation}: {reply}");
        }
    }
}

#[tokio::test]
async fn a_session_may_call_what_its_key_may_and_changes_nothing_for_another_site() {
    for (operation, needs, body) in OPERATIONS {
        for scope in [Send, Read, Admin] {
            let world = World::new().await;
            let key = world.key_of(Some("shop"), KeyKind::Live, &[scope]).await;
            let session = world.site.sign_in(&key).await;
            let (method, path) = operation.split_once(' ').expect("a method and a path");
            let path = path.replace("{id}", world.id_in(operation));
            let path = path.replace("{number}", world.id_in(operation));
            let request = || {
                Request::builder()
                    .method(method)
                    .uri(&path)
                    .header("content-type", "application/json")
            };
            let request_of = |builder: axum::http::request::Builder| {
                builder.body(Body::from(body)).expect("a request")
            };
            let cell = format!("{operation} as {}", scope.as_str());
            let foreign = request().header("cookie", &session.cookie);
            if method != "GET" {
                let (status, reply) = world.site.answer(request_of(foreign)).await;
                assert_eq!((status.as_u16(), &reply["code"]), (403, &"csrf".into()), "{cell}");
            }
            let (status, reply) = world.site.answer(request_of(session.add_to(request()))).await;
            let cell = format!("{cell}: {status} {reply}");
            if needs.is_none_or(|needs| needs == scope || scope == Admin) {
                let is_refused = [401, 403, 405].contains(&status.as_u16());
                assert!(!is_refused && !status.is_server_error(), "{cell}");
            } else {
                assert_eq!(reply["code"], "scope_missing", "{cell}");
            }
        }
    }
}

#[tokio::test]
async fn what_belongs_to_another_client_is_not_found() {
    let world = World::new().await;
    let stranger = world.key_of(None, KeyKind::Live, &[Send, Read]).await;
    let live = world.key_of(Some("shop"), KeyKind::Live, &[Send, Read]).await;
    let test = world.key_of(Some("shop"), KeyKind::Test, &[Send, Read]).await;
    let of_messages = OPERATIONS.iter().filter(|(it, ..)| it.contains("/v1/messages/{id}"));
    for (operation, _, body) in of_messages {
        for (key, id) in [
            (&stranger, &world.live_message),
            (&stranger, &world.test_message),
            (&live, &world.test_message),
            (&test, &world.live_message),
            // Another test key of the same client.
            (&test, &world.test_message),
        ] {
            let (status, reply) = world.call(Some(key), operation, id, body).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{operation}: {reply}");
        }
    }
    let of_lists = ["/v1/selections/{id}", "/v1/imports/{id}", "/v1/jobs/{id}"];
    let is_of_list = |it: &str| of_lists.iter().any(|path| it.contains(path));
    // Keys with the scope `admin` see every list.
    let of_lists =
        OPERATIONS.iter().filter(|(it, needs, _)| is_of_list(it) && *needs != Some(Admin));
    for (operation, _, body) in of_lists {
        for key in [&stranger, &test] {
            let id = world.id_in(operation);
            let (status, reply) = world.call(Some(key), operation, id, body).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{operation}: {reply}");
        }
        let world = World::new().await;
        let live = world.key_of(Some("shop"), KeyKind::Live, &[Send, Read]).await;
        let (status, reply) =
            world.call(Some(&live), operation, world.id_in(operation), body).await;
        assert_ne!(status, StatusCode::NOT_FOUND, "{operation}: {reply}");
    }
    let (_, imports) = world.call(Some(&stranger), "GET /v1/imports", "", "").await;
    assert_eq!(imports["data"], serde_json::json!([]));
    let (_, jobs) = world.call(Some(&stranger), "GET /v1/jobs", "", "").await;
    assert_eq!(jobs["data"], serde_json::json!([]));
}

#[tokio::test]
async fn an_id_that_nothing_has_is_not_found() {
    let world = World::new().await;
    let admin = world.key_of(None, KeyKind::Live, &[Admin]).await;
    for (operation, _, body) in OPERATIONS.iter().filter(|(it, ..)| it.contains('{')) {
        let (status, reply) = world.call(Some(&admin), operation, "nothing", body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{operation}: {reply}");
    }
}
