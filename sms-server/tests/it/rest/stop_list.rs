//! `/v1/stoplist`.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::keys::{admin, call};
use crate::app::{App, Reply};

#[tokio::test]
async fn a_number_on_the_list_is_refused_until_it_is_off_again() {
    let app = admin().await;
    let body = json!({"numbers": ["8 (925) 123-45-67", "+79257654321"], "reason": "complained"});
    let added = call(&app, &app.key, "POST", "/v1/stoplist", &body).await;
    assert_eq!((added.status, &added.body), (StatusCode::OK, &json!({"added": 2})));
    let message = r#"{"to":"+79251234567","text":"hi"}"#;
    let refused = app.post_to("/v1/messages", message).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    assert_eq!(refused.body["code"], "recipient_on_stop_list");
    assert_eq!(refused.body["errors"][0]["pointer"], "/to");
    let batch =
        r#"{"messages":[{"to":"+79250000001","text":"hi"},{"to":["+79251234567"],"text":"hi"}]}"#;
    let results = app.post_to("/v1/messages/batch", batch).await.body["results"].clone();
    assert!(results[0]["id"].is_string(), "{results}");
    let error = &results[1]["recipients"][0]["error"];
    assert_eq!(error["code"], "recipient_on_stop_list", "{results}");
    let removed = call(&app, &app.key, "DELETE", "/v1/stoplist/+79251234567", &Value::Null).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT, "{}", removed.body);
    assert_eq!(app.post_to("/v1/messages", message).await.status, StatusCode::ACCEPTED);
    let again = call(&app, &app.key, "DELETE", "/v1/stoplist/+79251234567", &Value::Null).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_list_is_read_page_by_page_and_by_number() {
    let app = admin().await;
    let numbers: Vec<String> = (0..7).map(|n| format!("+7925000000{n}")).collect();
    let body = json!({"numbers": numbers, "reason": "complained"});
    call(&app, &app.key, "POST", "/v1/stoplist", &body).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for _ in 0..4 {
        let page = app.get(&format!("/v1/stoplist?limit=3{cursor}")).await.body;
        let data = page["data"].as_array().expect("a page").clone();
        seen.extend(data.iter().map(|stop| stop["number"].as_str().expect("text").to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, numbers);
    let one = app.get("/v1/stoplist?to=%2B79250000003").await.body;
    assert_eq!(one["data"].as_array().map(Vec::len), Some(1), "{one}");
    assert_eq!(one["data"][0]["reason"], "complained");
    assert!(one["data"][0]["by"].is_string() && one["data"][0]["added_at"].is_string(), "{one}");
}

#[tokio::test]
async fn what_is_no_list_of_numbers_is_refused_whole() {
    let app = admin().await;
    for (body, pointer, code) in [
        (json!({"numbers": [], "reason": "x"}), "/numbers", "numbers_empty"),
        (json!({"numbers": ["+79251234567", "7"], "reason": "x"}), "/numbers/1", "phone_invalid"),
        (json!({"numbers": ["+79251234567"]}), "/reason", "field_missing"),
        (
            json!({"numbers": vec!["+79251234567"; 1001], "reason": "x"}),
            "/numbers",
            "numbers_too_many",
        ),
    ] {
        let refused = call(&app, &app.key, "POST", "/v1/stoplist", &body).await;
        assert!(refused.status.is_client_error(), "{}", refused.body);
        let error = &refused.body["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)));
    }
    assert_eq!(app.get("/v1/stoplist").await.body["data"], json!([]));
}

#[tokio::test]
async fn the_list_is_a_file_for_spreadsheets() {
    let app = admin().await;
    let numbers: Vec<String> = (0..1001).map(|n| format!("+7925{:07}", 1_000_000 + n)).collect();
    for (numbers, reason) in [(&numbers[..1000], "asked; by phone"), (&numbers[1000..], "=1+1")] {
        let body = json!({"numbers": numbers, "reason": reason}).to_string();
        assert_eq!(app.post_to("/v1/stoplist", body).await.status, StatusCode::OK);
    }
    for (query, separator) in [("", ";"), ("?separator=comma", ",")] {
        let reply = app.get(&format!("/v1/stoplist.csv{query}")).await;
        assert_eq!(reply.status, StatusCode::OK);
        let text = String::from_utf8(reply.raw).expect("UTF-8");
        let rows: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
        assert_eq!(rows.len(), 1002, "each once, with a head");
        assert_eq!(rows[0], ["number", "reason", "by", "added_at"].join(separator));
        assert!(rows[1].starts_with(&format!("79251000000{separator}")), "{}", rows[1]);
        assert!(rows[1001].contains("'=1+1"), "{}", rows[1001]);
    }
}

async fn import(app: &App, query: &str, file: impl Into<Body>) -> Reply {
    let request = app.request("POST", &format!("/v1/stoplist/import{query}"));
    let request = request.header("content-type", "text/csv; charset=utf-8");
    app.call(request.body(file.into()).expect("a request")).await
}

/// The numbers of the list with their reasons.
async fn listed(app: &App) -> Vec<(String, String)> {
    let list = app.get("/v1/stoplist?limit=200").await.body;
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let stops = list["data"].as_array().expect("a list").iter();
    stops.map(|stop| (text(&stop["number"]), text(&stop["reason"]))).collect()
}

fn counts(reply: &Value) -> [u64; 5] {
    ["rows", "added", "already_listed", "invalid", "repeated"]
        .map(|name| reply[name].as_u64().expect("a number"))
}

#[tokio::test]
async fn a_file_puts_its_numbers_on_the_list_and_names_what_is_wrong_in_it() {
    let app = admin().await;
    let body = json!({"numbers": ["+79251234567"], "reason": "complained"});
    call(&app, &app.key, "POST", "/v1/stoplist", &body).await;
    let file = "Причина;Телефон\r\nпросил;8 (925) 123-45-67\r\n\
                просил;79261234567\r\n;79271234567\r\nx;7,92512E+10\r\nx;+79261234567\r\n";
    let (file, ..) = encoding_rs::WINDOWS_1251.encode(file);
    let reply = import(&app, "", file.into_owned()).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert_eq!(counts(&reply.body), [5, 1, 1, 3, 1], "{}", reply.body);
    let errors = reply.body["errors"].as_array().expect("a list");
    let found =
        errors.iter().map(|it| (&it["row"], &it["errors"][0]["column"], &it["errors"][0]["code"]));
    let found = json!(found.collect::<Vec<_>>());
    let expected = json!([
        [4, "Причина", "reason_missing"],
        [5, "Телефон", "phone_rounded"],
        [6, null, "row_repeated"],
    ]);
    assert_eq!(found, expected);
    let asked = |number: &str| (number.to_owned(), "просил".to_owned());
    assert_eq!(listed(&app).await, [asked("+79251234567"), asked("+79261234567")]);
    let message = r#"{"to":"+79261234567","text":"hi"}"#;
    let refused = app.post_to("/v1/messages", message).await;
    assert_eq!(refused.body["code"], "recipient_on_stop_list", "{}", refused.body);
    let given = import(&app, "?reason=asked", "79271234567\n").await;
    assert_eq!(counts(&given.body), [1, 1, 0, 0, 0], "{}", given.body);
    assert_eq!(listed(&app).await[2], ("+79271234567".to_owned(), "asked".to_owned()));
}

#[tokio::test]
async fn the_exported_list_can_be_given_back_as_it_is() {
    let app = admin().await;
    let mut numbers: Vec<String> = (0..999).map(|n| format!("+7925{n:07}")).collect();
    // Without its plus sign it would be a number of another country.
    numbers.push("+84912345678".to_owned());
    let body = json!({"numbers": numbers, "reason": "=1+1; \"asked\""});
    assert_eq!(call(&app, &app.key, "POST", "/v1/stoplist", &body).await.status, StatusCode::OK);
    let (before, file) = (listed(&app).await, app.get("/v1/stoplist.csv").await.raw);
    let again = import(&app, "", file.clone()).await;
    assert_eq!(counts(&again.body), [1000, 0, 1000, 0, 0], "{}", again.body);
    assert_eq!(listed(&app).await, before);

    let other = admin().await;
    let moved = import(&other, "", file.clone()).await;
    assert_eq!(counts(&moved.body), [1000, 1000, 0, 0, 0], "{}", moved.body);
    assert_eq!(listed(&other).await, before);
    let last = other.get("/v1/stoplist?to=%2B84912345678").await.body;
    assert_eq!(last["data"][0]["reason"], "=1+1; \"asked\"", "{last}");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_adds_nothing() {
    let app = admin().await;
    let good = "79251234567;asked\n";
    let row = |n: u64| format!("{};x\n", 79_250_000_000 + n);
    let rows = |count: u64| (0..count).map(row).collect::<Vec<_>>().concat();
    for (query, file, code, parameter) in [
        ("", Vec::new(), "file_empty", json!(null)),
        ("", b"PK\x03\x04...".to_vec(), "file_unreadable", json!(null)),
        ("", b"name;reason\nAnna;x\n".to_vec(), "number_column_unclear", json!("to_column")),
        ("", b"number\n79251234567\n".to_vec(), "reason_missing", json!("reason")),
        ("?reason_column=why", good.into(), "column_unknown", json!("reason_column")),
        ("?to_column=Z", good.into(), "column_unknown", json!("to_column")),
        ("", rows(100_001).into_bytes(), "rows_too_many", json!(null)),
        ("?reason=%20", good.into(), "parameter_invalid", json!("reason")),
        ("?why=x", good.into(), "parameter_invalid", json!("why")),
    ] {
        let refused = import(&app, query, file).await;
        assert!(refused.status.is_client_error(), "{query}: {}", refused.body);
        let error = &refused.body["errors"][0];
        assert_eq!((&error["code"], &error["parameter"]), (&json!(code), &parameter), "{query}");
    }
    let form = app.request("POST", "/v1/stoplist/import").header("content-type", "text/html");
    let refused = app.call(form.body(Body::from(good)).expect("a request")).await;
    assert_eq!(refused.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{}", refused.body);
    assert_eq!(listed(&app).await, []);
}
