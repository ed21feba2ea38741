//! Bad input: a 4xx problem that names the field, nothing stored, nothing pushed.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::Value;
use sms_server::KeyScope;

use crate::app::{App, Reply};

/// Checks that the reply is a problem document with this status and code.
pub(crate) fn assert_problem(reply: &Reply, status: StatusCode, code: &str, what: &str) {
    assert_eq!(reply.status, status, "{what}: {}", reply.body);
    assert_eq!(reply.headers["content-type"], "application/problem+json", "{what}");
    assert_eq!(reply.body["status"], status.as_u16(), "{what}");
    assert_eq!(reply.body["code"], code, "{what}: {}", reply.body);
    assert!(reply.body["request_id"].is_string(), "{what}");
}

pub(crate) async fn assert_untouched(app: &App, what: &str) {
    assert_eq!((app.stored().await, app.pushed().await), (0, 0), "{what}");
}

fn with(field: &str, value: &str) -> String {
    let mut fields = vec![("to", "\"+79251234567\""), ("text", "\"hi\"")];
    fields.retain(|(name, _)| *name != field);
    fields.push((field, value));
    let fields: Vec<String> =
        fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

#[tokio::test]
async fn a_field_with_an_impossible_value_is_named() {
    const CASES: &[(&str, &str, &str)] = &[
        ("to", r#""""#, "phone_invalid"),
        ("to", r#""not a phone""#, "phone_invalid"),
        ("to", r#""+7925123456""#, "phone_invalid"),
        ("to", r#""+792512345678901234""#, "phone_invalid"),
        ("to", r#""+79251234567,+79261234567""#, "phone_invalid"),
        ("to", r#""+٧٩٢٥١٢٣٤٥٦٧""#, "phone_invalid"),
        ("to", r#""+7925\u04301234567""#, "phone_invalid"),
        ("to", r#""+7925\u00001234567""#, "phone_invalid"),
        ("text", r#""""#, "text_empty"),
        ("text", r#""a\u0000b""#, "text_control"),
        ("text", r#""\u001b[31m""#, "text_control"),
        ("from", r#""""#, "from_invalid"),
        ("from", r#""Имя""#, "from_invalid"),
        ("from", r#""0123456789abcdef""#, "from_invalid"),
        ("deadline_seconds", "0", "deadline_invalid"),
        ("deadline_seconds", "99999999", "deadline_invalid"),
        ("max_attempts", "0", "max_attempts_invalid"),
        ("max_attempts", "21", "max_attempts_invalid"),
        ("end_user_ip", r#""256.1.1.1""#, "end_user_ip_invalid"),
        ("reference", r#""""#, "reference_invalid"),
        ("send_at", r#""9998-01-01T00:00:00Z""#, "send_at_invalid"),
    ];
    let app = App::new().await;
    for (field, value, code) in CASES {
        let body = with(field, value);
        let reply = app.post(body.clone()).await;
        assert_problem(&reply, StatusCode::UNPROCESSABLE_ENTITY, code, &body);
        assert_eq!(reply.body["errors"][0]["pointer"], format!("/{field}"), "{body}");
        assert_untouched(&app, &body).await;
    }
}

#[tokio::test]
async fn a_field_of_the_wrong_type_is_named() {
    const CASES: &[(&str, &str)] = &[
        ("to", "79251234567"),
        ("to", r#"["+79251234567"]"#),
        ("text", "{}"),
        ("class", r#""urgent""#),
        ("send_at", r#""tomorrow""#),
        ("send_at", "1700000000"),
        ("deadline_seconds", "-1"),
        ("deadline_seconds", "1e400"),
        ("deadline_seconds", "1.5"),
        ("max_attempts", "99999999999999999999"),
        ("metadata", "[]"),
        ("translit", "1"),
        ("on_unknown", r#""retry""#),
    ];
    let app = App::new().await;
    for (field, value) in CASES {
        let body = with(field, value);
        let reply = app.post(body.clone()).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}: {}", reply.body);
        // A number that no JSON parser of ours can hold is a syntax error.
        let code = if *value == "1e400" { "json_invalid" } else { "field_type" };
        assert_problem(&reply, StatusCode::BAD_REQUEST, code, &body);
        assert_eq!(reply.body["errors"][0]["pointer"], format!("/{field}"), "{body}");
        assert_untouched(&app, &body).await;
    }
}

#[tokio::test]
async fn unknown_and_missing_fields_are_named_all_at_once() {
    let app = App::new().await;
    let reply = app.post(r#"{"txt":"hi","a/b":1}"#).await;
    assert_problem(&reply, StatusCode::BAD_REQUEST, "invalid_request", "several");
    let named: Vec<&str> = reply.body["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .filter_map(|e| e["pointer"].as_str())
        .collect();
    assert_eq!(named, ["/to", "/text", "/a~1b", "/txt"]);
}

#[tokio::test]
async fn what_is_not_a_json_object_is_refused() {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let deep_field = with("metadata", &format!("{{\"a\":{deep}}}"));
    let cases: [&[u8]; 9] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\"text\"",
        b"{\"to\":\"+79251234567\",\"to\":\"+79251234568\",\"text\":\"hi\"}",
        b"{\"to\":\"+79251234567\",\"text\":\"\xff\xfe\"}",
        br#"{"to":"+79251234567","text":"\ud800"}"#,
        deep_field.as_bytes(),
    ];
    let app = App::new().await;
    for body in cases {
        let what = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let reply = app.post(body.to_vec()).await;
        assert_problem(&reply, StatusCode::BAD_REQUEST, "json_invalid", &what);
        assert_untouched(&app, &what).await;
    }
}

#[tokio::test]
async fn a_duplicate_field_is_named() {
    let app = App::new().await;
    let reply = app.post(r#"{"to":"+79251234567","to":"+79251234568","text":"hi"}"#).await;
    assert_problem(&reply, StatusCode::BAD_REQUEST, "json_invalid", "twice");
    assert_eq!(
        (&reply.body["detail"], &reply.body["errors"][0]["pointer"]),
        (&"to: duplicate field".into(), &"/to".into())
    );
}

#[tokio::test]
async fn a_text_over_eight_parts_or_a_body_over_64_kib_is_refused() {
    let app = App::new().await;
    let long = with("text", &format!("\"{}\"", "я".repeat(8 * 67 + 1)));
    assert_problem(
        &app.post(long).await,
        StatusCode::UNPROCESSABLE_ENTITY,
        "text_too_long",
        "nine parts",
    );
    let huge = with("text", &format!("\"{}\"", "a".repeat(1_000_000)));
    assert_problem(&app.post(huge).await, StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "1 MB");
    assert_untouched(&app, "too long").await;
}

#[tokio::test]
async fn a_body_that_is_not_called_json_is_refused() {
    let app = App::new().await;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""]
    {
        let request = app.request("POST", "/v1/messages").header("content-type", content_type);
        let reply = app.call(request.body(with("text", "\"hi\"").into()).expect("a request")).await;
        assert_problem(&reply, StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type", content_type);
    }
    assert_untouched(&app, "content types").await;
}

#[tokio::test]
async fn a_bad_idempotency_key_is_refused() {
    let app = App::new().await;
    for key in ["", "ключ", &"k".repeat(256)] {
        let reply = app.post_with_key(key, &with("text", "\"hi\"")).await;
        assert_problem(&reply, StatusCode::BAD_REQUEST, "idempotency_key_invalid", key);
        assert_eq!(reply.body["errors"][0]["parameter"], "Idempotency-Key");
    }
    assert_untouched(&app, "keys").await;
}

#[tokio::test]
async fn no_key_a_wrong_key_or_two_keys_open_nothing() {
    let app = App::new().await;
    let good = format!("Bearer {}", app.key);
    let cases: [&[&str]; 6] =
        [&[], &[""], &["Bearer"], &["Basic dXNlcg=="], &["Bearer sms_live_0000"], &[&good, &good]];
    for values in cases {
        let mut request = Request::post("/v1/messages").header("content-type", "application/json");
        for value in values {
            request = request.header("authorization", *value);
        }
        let reply =
            app.call(request.body(Body::from(with("text", "\"hi\""))).expect("a request")).await;
        assert_problem(&reply, StatusCode::UNAUTHORIZED, "unauthorized", &format!("{values:?}"));
        assert_eq!(reply.headers["www-authenticate"], "Bearer");
    }
    assert_untouched(&app, "keys").await;
}

#[tokio::test]
async fn a_key_without_the_scope_is_refused() {
    let mut app = App::new().await;
    app.key = app.key_with(&[KeyScope::Read]).await;
    assert_problem(
        &app.post(with("text", "\"hi\"")).await,
        StatusCode::FORBIDDEN,
        "scope_missing",
        "send",
    );
    app.key = app.key_with(&[KeyScope::Send]).await;
    assert_problem(&app.get("/v1/messages").await, StatusCode::FORBIDDEN, "scope_missing", "read");
    assert_untouched(&app, "scopes").await;
}

#[tokio::test]
async fn list_parameters_out_of_range_are_named() {
    let app = App::new().await;
    let cases = [
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "x"),
        ("status", "gone"),
        ("status", ""),
        ("to", "12"),
        ("q", ""),
        ("from_time", "yesterday"),
        ("class", "spam"),
        ("cursor", "forged"),
        ("page", "2"),
    ];
    for (name, value) in cases {
        let reply = app.get(&format!("/v1/messages?{name}={value}")).await;
        assert_problem(&reply, StatusCode::BAD_REQUEST, "parameter_invalid", name);
        assert_eq!(reply.body["errors"][0]["parameter"], name);
    }
    let twice = app.get("/v1/messages?limit=1&limit=2").await;
    assert_problem(&twice, StatusCode::BAD_REQUEST, "parameter_invalid", "twice");
}

#[tokio::test]
async fn wildcards_in_a_search_are_letters() {
    let app = App::new().await;
    app.post(with("text", "\"hi\"")).await;
    for search in ["%25", "_", "h_", "%25i"] {
        assert_eq!(
            app.get(&format!("/v1/messages?q={search}")).await.body["data"],
            Value::Array(Vec::new())
        );
    }
}

#[tokio::test]
async fn wrong_paths_and_methods_are_problems_too() {
    let app = App::new().await;
    for path in ["/v1", "/v1/message", "/v1/messages/", "/v2/messages", "/v1/messages/../messages"]
    {
        assert_problem(&app.get(path).await, StatusCode::NOT_FOUND, "no_such_path", path);
    }
    for id in ["x", "0198", "00000000-0000-0000-0000-000000000000", "%00"] {
        assert_problem(
            &app.get(&format!("/v1/messages/{id}")).await,
            StatusCode::NOT_FOUND,
            "not_found",
            id,
        );
    }
    let request = app.request("DELETE", "/v1/messages").body(Body::empty()).expect("a request");
    let reply = app.call(request).await;
    assert_problem(&reply, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "DELETE");
    assert_eq!(reply.headers["allow"], "GET,HEAD,POST");
}
