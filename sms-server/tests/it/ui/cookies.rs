//! The cookie of a session, and requests that other sites make with it.

use axum::body::Body;
use axum::http::{StatusCode, header};
use serde_json::json;
use sms_server::KeyScope::{Read, Send};

use super::Site;

const MESSAGE: &str = r#"{"to":"+79251234567","text":"hi"}"#;

#[tokio::test]
async fn the_cookie_follows_the_address() {
    for (url, name, attributes) in [
        ("http://h", "sms_session", "Path=/; Max-Age=604800; HttpOnly; SameSite=Strict"),
        (
            "https://h",
            "__Host-sms_session",
            "Path=/; Max-Age=604800; HttpOnly; SameSite=Strict; Secure",
        ),
        (
            "https://h/sms",
            "__Secure-sms_session",
            "Path=/sms/; Max-Age=604800; HttpOnly; SameSite=Strict; Secure",
        ),
    ] {
        let site = Site::at(url);
        let (key, _) = site.key("till", &[Read]).await;
        let mut browser = site.browser();
        let reply = browser.sign_in(&json!({ "key": key })).await;
        let set = reply.headers[header::SET_COOKIE].to_str().expect("text");
        let (value, rest) = set.split_once("; ").expect("attributes");
        assert_eq!((value.split('=').next(), rest), (Some(name), attributes));
        assert_eq!(browser.call("GET", "/v1/me").await.status, StatusCode::OK);
        // A cookie of another name is none of this server.
        browser.cookie = browser.cookie.map(|cookie| cookie.replace(name, "session"));
        assert_eq!(browser.call("GET", "/v1/me").await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let site = Site::new();
    let browser = site.signed_in("till", &[Send, Read]).await;
    let cookie = browser.cookie.clone().expect("a cookie");
    let post = |headers: &[(&'static str, &'static str)]| {
        let request = axum::http::Request::post("/v1/messages");
        let request = request.header("cookie", &cookie).header("content-type", "application/json");
        let request = headers.iter().fold(request, |it, (name, value)| it.header(*name, *value));
        site.call(request.body(Body::from(MESSAGE)).expect("a request"))
    };
    let ours = ("x-requested-with", "sms-ui");
    for headers in [
        &[][..],
        &[("x-requested-with", "XMLHttpRequest")],
        &[ours, ("sec-fetch-site", "cross-site")],
        &[ours, ("sec-fetch-site", "same-site")],
    ] {
        let reply = post(headers).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{headers:?}");
        assert_eq!(reply.json["code"], "csrf", "{headers:?}");
    }
    let count = browser.call("GET", "/v1/messages/count").await;
    assert_eq!(count.json["count"], 0, "{}", count.text);
    assert_eq!(post(&[ours, ("sec-fetch-site", "same-origin")]).await.status, 202);
    for (method, path) in [("DELETE", "/ui/session"), ("DELETE", "/ui/sessions/x")] {
        let request = axum::http::Request::builder().method(method).uri(path);
        let request = request.header("cookie", &cookie).body(Body::empty()).expect("a request");
        assert_eq!(site.call(request).await.json["code"], "csrf", "{path}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_signs_nobody_in() {
    let site = Site::new();
    let (key, _) = site.key("till", &[Read]).await;
    let body = json!({ "key": key }).to_string();
    for (name, value, status) in [
        ("sec-fetch-site", "cross-site", 403),
        // What a form can send.
        ("content-type", "text/plain", 415),
        ("content-type", "application/x-www-form-urlencoded", 415),
    ] {
        let request = axum::http::Request::post("/ui/session").header(name, value);
        let request = match name {
            "content-type" => request,
            _ => request.header("content-type", "application/json"),
        };
        let reply = site.call(request.body(Body::from(body.clone())).expect("a request")).await;
        assert_eq!(reply.status.as_u16(), status, "{value}: {}", reply.text);
        assert!(reply.headers.get(header::SET_COOKIE).is_none());
    }
}

#[tokio::test]
async fn a_key_goes_before_the_cookie_and_needs_no_other_header() {
    let site = Site::new();
    let browser = site.signed_in("reader", &[Read]).await;
    let (key, _) = site.key("sender", &[Send]).await;
    let request = axum::http::Request::post("/v1/messages")
        .header("cookie", browser.cookie.clone().expect("a cookie"))
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(Body::from(MESSAGE));
    assert_eq!(site.call(request.expect("a request")).await.status, StatusCode::ACCEPTED);
}
