//! The files of the pages, and the headers around them.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use super::Site;

const PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

#[tokio::test]
async fn every_address_that_a_person_opens_is_the_page() {
    let site = Site::new();
    let first = site.get("/", &[PAGE]).await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(first.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
    assert_eq!(first.headers[header::CACHE_CONTROL], "no-cache");
    for path in ["/signin", "/send", "/messages", "/messages/0198", "/settings/keys"] {
        assert_eq!(site.get(path, &[PAGE]).await.text, first.text, "{path}");
    }
    assert_eq!(site.get("/", &[]).await.text, first.text, "a program sees it at `/`, too");
}

#[tokio::test]
async fn what_is_no_page_is_a_problem() {
    let site = Site::new();
    let no_page = ("accept", "application/json");
    for (path, accept) in [
        ("/nowhere", no_page),
        ("/v1/nowhere", PAGE),
        ("/ui/nowhere", PAGE),
        ("/assets/nowhere.js", PAGE),
        ("/build.txt", no_page),
        ("/../Cargo.toml", no_page),
    ] {
        let reply = site.get(path, &[accept]).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(reply.json["code"], "no_such_path", "{path}");
    }
    let post = Request::post("/").header(PAGE.0, PAGE.1).body(Body::empty()).expect("a request");
    assert_eq!(site.call(post).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_reply_of_the_door_has_the_strict_headers() {
    let site = Site::new();
    for path in ["/", "/nowhere", "/ui/session"] {
        let reply = site.get(path, &[]).await;
        let policy = reply.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
        assert_eq!(
            policy,
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
             font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'self'; \
             form-action 'self'; frame-ancestors 'none'",
            "{path}"
        );
        assert_eq!(reply.headers[header::REFERRER_POLICY], "no-referrer", "{path}");
        assert_eq!(reply.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
    }
}

#[tokio::test]
async fn the_page_breaks_no_rule_of_its_own_policy() {
    let text = Site::new().get("/", &[]).await.text;
    for inline in ["<style", " style=", "javascript:", " onclick=", " onload="] {
        assert!(!text.contains(inline), "{inline}");
    }
    let scripts = text.match_indices("<script").map(|(at, _)| &text[at..]);
    for script in scripts {
        assert!(script.split('>').next().is_some_and(|tag| tag.contains(" src=")), "{script}");
    }
}

#[tokio::test]
async fn a_browser_that_has_the_page_is_not_sent_it_again_and_head_sends_none() {
    let site = Site::new();
    let page = site.get("/", &[PAGE]).await;
    let tag = page.headers[header::ETAG].to_str().expect("text").to_owned();
    let again = site.get("/send", &[PAGE, ("if-none-match", &tag)]).await;
    assert_eq!((again.status, &*again.text), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!(again.headers[header::ETAG], tag);
    let head = Request::head("/").body(Body::empty()).expect("a request");
    let head = site.call(head).await;
    assert_eq!((head.status, &*head.text), (StatusCode::OK, ""));
    assert_eq!(head.headers[header::CONTENT_LENGTH], page.text.len().to_string());
}

#[tokio::test]
async fn under_a_path_the_doors_answer_with_and_without_it() {
    let site = Site::at("https://example.org/tools/sms");
    // A proxy may strip the path or leave it.
    for prefix in ["", "/tools/sms"] {
        let page = site.get(&format!("{prefix}/send"), &[PAGE]).await;
        assert!(page.text.contains("<base href=\"/tools/sms/\">"), "{prefix}: {}", page.text);
        for (path, status) in [("/livez", 200), ("/v1/me", 401), ("/ui/session", 401)] {
            let reply = site.get(&format!("{prefix}{path}"), &[]).await;
            assert_eq!(reply.status.as_u16(), status, "{prefix}{path}");
        }
        let unknown = site.get(&format!("{prefix}/nowhere"), &[]).await;
        assert_eq!(unknown.json["code"], "no_such_path", "{prefix}");
    }
    assert_eq!(site.get("/tools/sms", &[PAGE]).await.status, StatusCode::OK);
    assert_eq!(site.get("/tools/sms/", &[PAGE]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_address_of_what_was_made_has_the_path() {
    for (url, base) in [("https://example.org/sms", "/sms"), ("https://example.org", "")] {
        let site = Site::at(url);
        let (key, _) = site.key("shop", &[sms_server::KeyScope::Send]).await;
        for prefix in ["", base] {
            let request = Request::post(format!("{prefix}/v1/messages"))
                .header("authorization", format!("Bearer {key}"))
                .header("content-type", "application/json")
                .body(Body::from(r#"{"to":"+79251234567","text":"hi"}"#));
            let reply = site.call(request.expect("a request")).await;
            let location = reply.headers[header::LOCATION].to_str().expect("text");
            let id = reply.json["id"].as_str().expect("an id");
            assert_eq!(location, format!("{base}/v1/messages/{id}"));
        }
    }
}
