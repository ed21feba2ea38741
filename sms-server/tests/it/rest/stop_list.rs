//! `/v1/stoplist`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::keys::{admin, call};

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
