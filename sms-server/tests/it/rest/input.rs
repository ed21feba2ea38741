//! What people and their programs write, taken as they meant it or refused by name.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::App;
use crate::rest::bad_input::{assert_problem, assert_untouched};

fn message(field: &str, value: Value) -> String {
    let mut body = json!({"to": "+79251234567", "text": "hi"});
    body[field] = value;
    body.to_string()
}

async fn assert_refused(app: &App, field: &str, value: impl Into<Value>, code: &str) {
    let value = value.into();
    let reply = app.post(message(field, value.clone())).await;
    assert_problem(&reply, StatusCode::UNPROCESSABLE_ENTITY, code, &value.to_string());
    assert_untouched(app, &value.to_string()).await;
}

async fn found(app: &App, query: &str) -> Vec<String> {
    let reply = app.get(&format!("/v1/messages?{query}")).await;
    assert_eq!(reply.status, StatusCode::OK, "{query}: {}", reply.body);
    let data = reply.body["data"].as_array().expect("data");
    data.iter().map(|message| message["to"].as_str().expect("a number").to_owned()).collect()
}

#[tokio::test]
async fn a_text_in_which_nothing_is_visible_is_empty() {
    let app = App::new().await;
    for text in [
        " ",
        "\n\r\n",
        "\u{a0}\u{3000}",
        "\u{200b}\u{200d}",
        "\u{feff}",
        "\u{ad}",
        "\u{2060}\u{2064}",
        "\u{202a}\u{202c}",
        "\u{115f}\u{1160}\u{3164}\u{ffa0}",
        "\u{2800}",
        "\u{34f}",
        "\u{fe0f}",
        "\u{e0001}\u{e0020}",
        "\u{180e}",
        "\u{17b4}",
    ] {
        assert_refused(&app, "text", text, "text_empty").await;
    }
    for text in [".", "\u{200b}.", "👨\u{200d}👩", "ا"] {
        assert_eq!(
            app.post(message("text", text.into())).await.status,
            StatusCode::ACCEPTED,
            "{text:?}"
        );
    }
}

#[tokio::test]
async fn a_reason_in_which_nothing_is_visible_is_none() {
    let app = App::new().await;
    let id = app.attempted(sms_core::Outcome::unknown("timeout")).await;
    let body = json!({"resolution": "failed", "reason": "\u{200b}\u{3164}"});
    let reply = app.post_to(&format!("/v1/messages/{id}/resolve"), body.to_string()).await;
    assert_problem(&reply, StatusCode::BAD_REQUEST, "field_type", "invisible");
}

#[tokio::test]
async fn a_sender_has_eleven_characters_or_fifteen_digits() {
    let app = App::new().await;
    for from in ["ElevenChars", "123456789012345", "A"] {
        assert_eq!(
            app.post(message("from", from.into())).await.status,
            StatusCode::ACCEPTED,
            "{from}"
        );
    }
    let app = App::new().await;
    for from in ["TwelveChars!", "1234567890123456", "12345678901A", "+79251234567"] {
        assert_refused(&app, "from", from, "from_invalid").await;
    }
}

#[tokio::test]
async fn a_time_long_past_is_refused_and_one_just_past_is_not() {
    let app = App::new().await;
    assert_refused(&app, "send_at", app.in_minutes(-11), "send_at_invalid").await;
    assert_refused(&app, "send_at", app.in_minutes(61 * 24 * 60), "send_at_invalid").await;
    assert_eq!(
        app.post(message("send_at", app.in_minutes(-9).into())).await.status,
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn an_address_nobody_on_the_internet_has_is_refused() {
    let app = App::new().await;
    for ip in [
        "10.0.0.1",
        "172.16.3.4",
        "192.168.1.10",
        "127.0.0.1",
        "169.254.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "::1",
        "::",
        "fc00::1",
        "fe80::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
    ] {
        assert_refused(&app, "end_user_ip", ip, "end_user_ip_invalid").await;
    }
    for ip in ["192.0.2.7", "8.8.8.8", "2001:db8::1"] {
        assert_eq!(
            app.post(message("end_user_ip", ip.into())).await.status,
            StatusCode::ACCEPTED,
            "{ip}"
        );
    }
}

#[tokio::test]
async fn parts_with_translit_are_those_of_what_is_sent() {
    let app = App::new().await;
    let text = "ы".repeat(160);
    let body = json!({"to": "+79251234567", "text": text, "translit": true});
    let reply = app.post(body.to_string()).await;
    assert_eq!((&reply.body["parts"], &reply.body["encoding"]), (&json!(1), &json!("gsm7")));
    let long = json!({"to": "+79251234567", "text": "ы".repeat(8 * 153), "translit": true});
    assert_eq!(app.post(long.to_string()).await.body["parts"], 8);
    let id = reply.body["id"].as_str().expect("an id");
    assert_eq!(
        app.get(&format!("/v1/messages/{id}")).await.body["text"],
        text,
        "the text stays as it was asked for"
    );
}

#[tokio::test]
async fn an_emoji_on_the_border_of_two_parts_costs_no_part() {
    let app = App::new().await;
    let text = format!("{}😀{}", "я".repeat(66), "я".repeat(8 * 67 - 68));
    let reply = app.post(message("text", text.into())).await;
    assert_eq!(
        (reply.status, &reply.body["parts"]),
        (StatusCode::ACCEPTED, &json!(8)),
        "{}",
        reply.body
    );
}

#[tokio::test]
async fn a_plus_in_a_query_is_a_plus_where_a_number_or_an_offset_is_expected() {
    let app = App::new().await;
    for to in ["+375291234567", "+79021234567"] {
        app.post(message("to", to.into())).await;
    }
    assert_eq!(found(&app, "to=+375291234567").await, ["+375291234567"]);
    assert_eq!(
        found(&app, "to=+8%20(902)%20123-45-67").await,
        ["+79021234567"],
        "a blank before a national number"
    );
    assert_eq!(found(&app, "q=+375291234567").await, ["+375291234567"]);
    assert_eq!(found(&app, "from_time=2020-01-01T00:00:00+03:00").await.len(), 2);
    assert_eq!(found(&app, "to_time=2020-01-01T00:00:00+03:00").await.len(), 0);
    let stats = app.get("/v1/stats?from_time=2020-01-01T00:00:00+03:00").await;
    assert_eq!((stats.status, &stats.body["total"]), (StatusCode::OK, &json!(2)));
}

#[tokio::test]
async fn a_search_finds_what_the_filter_finds() {
    let app = App::new().await;
    app.post(message("to", "+79021234567".into())).await;
    app.post(message("to", "+375291234567".into())).await;
    for number in [
        "8 (902) 123-45-67",
        "8902",
        "8 (902) 12",
        "89021234567",
        "+7902",
        "7902",
        "902123",
        "8\u{a0}902",
        "4567",
    ] {
        let query: String = url::form_urlencoded::byte_serialize(number.as_bytes()).collect();
        assert!(
            found(&app, &format!("q={query}")).await.contains(&"+79021234567".to_owned()),
            "{number}"
        );
    }
    assert_eq!(found(&app, "q=810375291234567").await, ["+375291234567"]);
    assert_eq!(found(&app, "q=8901").await.len(), 0);
}

#[tokio::test]
async fn a_number_means_the_same_in_a_message_and_in_a_list() {
    let app = App::of_region("DE".parse().expect("a region")).await;
    let reply = app.post(message("to", "0170 1234567".into())).await;
    assert_eq!(reply.body["to"], "+491701234567", "{}", reply.body);
    assert_eq!(found(&app, "to=0170%201234567").await, ["+491701234567"]);
    assert_eq!(found(&app, "q=0170%20123").await, ["+491701234567"]);
    assert_eq!(found(&app, "to=00491701234567").await, ["+491701234567"]);
}

#[tokio::test]
async fn a_body_in_an_encoding_that_is_not_read_is_refused() {
    let app = App::new().await;
    for encoding in ["gzip", "deflate", "br", "zstd", "identity, gzip"] {
        let request =
            app.request("POST", "/v1/messages").header("content-type", "application/json");
        let request =
            request.header("content-encoding", encoding).body("\u{1f}x".into()).expect("a request");
        let reply = app.call(request).await;
        assert_problem(&reply, StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_encoding", encoding);
        assert_eq!(reply.headers["accept-encoding"], "identity");
    }
    let request = app.request("POST", "/v1/messages").header("content-type", "application/json");
    let request =
        request.header("content-encoding", "identity").body(message("class", "otp".into()).into());
    assert_eq!(app.call(request.expect("a request")).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_byte_order_mark_before_the_body_is_dropped() {
    let app = App::new().await;
    let body = format!("\u{feff}{}", message("class", "otp".into()));
    let reply = app.post(body).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.body);
    let batch = format!("\u{feff}{{\"messages\":[{}]}}", message("class", "otp".into()));
    assert!(app.post_to("/v1/messages/batch", batch).await.body["results"][0]["id"].is_string());
}

#[tokio::test]
async fn format_characters_in_a_number_are_dropped_and_other_strangers_are_named() {
    let app = App::new().await;
    for to in [
        "\u{202a}+7 925 123-45-67\u{202c}",
        "+7\u{ad}925\u{200b}1234567",
        "\u{feff}89251234567",
        "\u{2068}+7\u{202f}9251234567\u{2069}",
    ] {
        let reply = app.post(message("to", to.into())).await;
        assert_eq!(reply.body["to"], "+79251234567", "{to:?}: {}", reply.body);
    }
    let app = App::new().await;
    let reply = app.post(message("to", "+7 9АЗ 1234567".into())).await;
    assert_problem(&reply, StatusCode::UNPROCESSABLE_ENTITY, "phone_invalid", "a letter");
    let detail = reply.body["errors"][0]["detail"].as_str().expect("a detail");
    assert!(detail.contains("character 5 is U+0410"), "{detail}");
    let reply = app.get("/v1/messages?to=%2B7%209%D0%90").await;
    assert_problem(&reply, StatusCode::BAD_REQUEST, "parameter_invalid", "a letter in a filter");
    let detail = reply.body["errors"][0]["detail"].as_str().expect("a detail");
    assert!(detail.contains("character 5 is U+0410"), "{detail}");
}
