//! Signing in with a key, and what a session may do until it ends.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sms_server::KeyScope::{self, Admin, Read, Send};
use tokio::time::advance;

use super::Site;

#[tokio::test]
async fn a_person_signs_in_with_a_key_and_out_again() {
    let site = Site::new();
    let (key, _) = site.key("till", &[Send, Read]).await;
    let mut browser = site.browser();
    let signed_in = browser.sign_in(&json!({ "key": key })).await;
    assert_eq!(signed_in.status, StatusCode::OK, "{}", signed_in.text);
    let session = browser.session().await.json;
    assert_eq!(session["id"], signed_in.json["id"]);
    assert_eq!((&session["name"], &session["kind"]), (&json!("till"), &json!("live")));
    assert_eq!(session["client"]["name"], "till");
    assert_eq!(session["scopes"], json!(["send", "read"]));
    assert!(session["expires_at"].as_str() > session["signed_in_at"].as_str(), "{session}");
    assert!(!signed_in.text.contains(&key));
    assert_eq!(browser.call("GET", "/v1/messages").await.status, StatusCode::OK);
    let refused = browser.call("GET", "/v1/keys").await;
    assert_eq!(
        (refused.status, &refused.json["code"]),
        (StatusCode::FORBIDDEN, &json!("scope_missing"))
    );
    let out = browser.call("DELETE", "/ui/session").await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert!(out.headers["set-cookie"].to_str().expect("text").contains("=; Path=/; Max-Age=0;"));
    for path in ["/ui/session", "/ui/sessions", "/v1/me", "/v1/events"] {
        let reply = browser.call("GET", path).await;
        assert_eq!(reply.json["code"], "unauthorized", "{path}: {}", reply.text);
    }
}

#[tokio::test]
async fn a_person_signs_in_with_a_link() {
    let site = Site::at("https://example.org/sms");
    let link = site.app.sign_in_link("Olga", None, &[Read]).await.expect("a link");
    let (page, token) = link.expose_secret().split_once('#').expect("a token");
    assert_eq!(page, "https://example.org/sms/signin");
    let mut browser = site.browser();
    let signed_in = browser.sign_in(&json!({ "token": token })).await;
    assert_eq!(signed_in.json["name"], "Olga", "{}", signed_in.text);
    assert_eq!(signed_in.json["client"]["name"], "Olga", "{}", signed_in.text);
    let again = site.browser().sign_in(&json!({ "token": token })).await;
    assert_eq!(again.json["code"], "signin_link_invalid", "{}", again.text);
    let me = browser.call("GET", "/v1/me").await.json;
    assert_eq!((&me["key"]["name"], &me["scopes"]), (&json!("Olga"), &json!(["read"])));
    assert_eq!(browser.call("POST", "/v1/messages").await.json["code"], "scope_missing");
}

#[tokio::test]
async fn a_sign_in_that_is_not_one_is_refused() {
    let site = Site::new();
    let (key, _) = site.key("till", &[Read]).await;
    for (body, status, code) in [
        (json!({}), 400, "field_missing"),
        (json!({"key": key, "token": "x"}), 400, "field_missing"),
        (json!({"key": 7}), 400, "field_type"),
        (json!({"password": "x"}), 400, "invalid_request"),
        (json!({"key": "sms_live_x"}), 401, "unauthorized"),
        (json!({"key": ""}), 401, "unauthorized"),
        (json!({"token": "sms_link_x"}), 401, "signin_link_invalid"),
        (json!({"token": ""}), 401, "signin_link_invalid"),
    ] {
        let reply = site.browser().sign_in(&body).await;
        assert_eq!(reply.status.as_u16(), status, "{body}: {}", reply.text);
        let codes = reply.json["errors"].as_array().into_iter().flatten();
        let mut codes = codes.map(|error| &error["code"]).chain([&reply.json["code"]]);
        assert!(codes.any(|it| it == code || code == "invalid_request"), "{}", reply.text);
        assert!(reply.headers.get("set-cookie").is_none(), "{body}");
    }
}

#[tokio::test]
async fn a_new_sign_in_ends_the_session_of_the_same_browser_only() {
    let site = Site::new();
    let (key, _) = site.key("till", &[Read]).await;
    let (mut browser, mut other) = (site.browser(), site.browser());
    browser.sign_in(&json!({ "key": key })).await;
    other.sign_in(&json!({ "key": key })).await;
    let earlier = browser.cookie.clone();
    browser.sign_in(&json!({ "key": key })).await;
    assert_ne!(browser.cookie, earlier);
    assert_eq!(browser.session().await.status, StatusCode::OK);
    assert_eq!(other.session().await.status, StatusCode::OK);
    browser.cookie = earlier;
    assert_eq!(browser.session().await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_key_ends_its_sessions_within_five_seconds() {
    let site = Site::new();
    let (key, id) = site.key("till", &[Read]).await;
    let mut browser = site.browser();
    browser.sign_in(&json!({ "key": key })).await;
    let request = browser.request("GET", "/v1/events").header("accept", "text/event-stream");
    let request = request.body(Body::empty()).expect("a request");
    let stream = tower::ServiceExt::oneshot(site.router.clone(), request).await.expect("a reply");
    assert_eq!(stream.status(), StatusCode::OK);
    site.keys.revoke(&id).await.expect("revoked");
    advance(Duration::from_secs(5)).await;
    assert_eq!(browser.session().await.status, StatusCode::UNAUTHORIZED);
    // The stream ends, too.
    axum::body::to_bytes(stream.into_body(), 1 << 16).await.expect("the end of the stream");
}

#[tokio::test]
async fn a_person_sees_and_ends_the_own_sessions_and_admin_all() {
    let site = Site::new();
    let (key, _) = site.key("till", &[Read]).await;
    let (mut here, mut there) = (site.browser(), site.browser());
    here.sign_in(&json!({ "key": key })).await;
    there.sign_in(&json!({ "key": key })).await;
    let (stranger, admin) =
        (site.signed_in("stranger", &[Read]).await, site.signed_in("boss", &[Admin]).await);
    let listed = here.call("GET", "/ui/sessions").await.json;
    let ids = |listed: &Value| -> Vec<String> {
        let data = listed["data"].as_array().expect("a list");
        data.iter().map(|it| it["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(ids(&listed).len(), 2, "{listed}");
    let own = here.session().await.json["id"].as_str().expect("an id").to_owned();
    let other = there.session().await.json["id"].as_str().expect("an id").to_owned();
    for session in listed["data"].as_array().expect("a list") {
        assert_eq!(session["current"], json!(session["id"] == own), "{session}");
        assert!(session["last_seen_at"].is_string(), "{session}");
    }
    assert_eq!(ids(&admin.call("GET", "/ui/sessions").await.json).len(), 4);
    let end = async |by: &super::Browser<'_>, id: &str| {
        by.call("DELETE", &format!("/ui/sessions/{id}")).await.status
    };
    assert_eq!(end(&stranger, &own).await, StatusCode::NOT_FOUND);
    assert_eq!(end(&here, &other).await, StatusCode::NO_CONTENT);
    assert_eq!(there.session().await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(end(&here, &other).await, StatusCode::NOT_FOUND);
    assert_eq!(end(&admin, &own).await, StatusCode::NO_CONTENT);
    assert_eq!(here.session().await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_session_does_what_its_key_does_and_its_name_is_in_the_record() {
    let site = Site::new();
    let browser = site.signed_in("front desk", &KeyScope::ALL).await;
    let message = json!({"to": "+79251234567", "text": "hi"});
    let sent = browser.send("POST", "/v1/messages", &message).await;
    assert_eq!(sent.status, StatusCode::ACCEPTED, "{}", sent.text);
    let id = sent.json["id"].as_str().expect("an id");
    let cancelled = browser.send("POST", &format!("/v1/messages/{id}/cancel"), &json!({})).await;
    let step = &cancelled.json["timeline"][1];
    assert_eq!((&step["kind"], &step["by"]), (&json!("cancelled"), &json!("front desk")));
    let me = browser.call("GET", "/v1/me").await.json;
    assert_eq!(me["key"]["name"], "front desk", "{me}");
}

#[tokio::test]
async fn sessions_are_for_browsers_and_not_for_keys() {
    let site = Site::new();
    let (key, _) = site.key("till", &KeyScope::ALL).await;
    for path in ["/ui/session", "/ui/sessions"] {
        let reply = site.get(path, &[("authorization", &format!("Bearer {key}"))]).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}
