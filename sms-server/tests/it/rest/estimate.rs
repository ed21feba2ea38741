//! `POST /v1/estimate`: the size of texts before they are sent.

use axum::http::StatusCode;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sms_server::{KeyKind, KeyScope, NewKey};

use crate::app::App;

/// The estimates of these texts, and their parts together.
async fn estimate(app: &App, texts: &[&str], translit: bool) -> (Vec<Value>, Value) {
    let body = json!({"texts": texts, "translit": translit}).to_string();
    let reply = app.post_to("/v1/estimate", body).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    (reply.body["data"].as_array().expect("a list").clone(), reply.body["parts"].clone())
}

#[tokio::test]
async fn an_estimate_is_what_the_message_is_accepted_with() {
    let app = App::new().await;
    let texts = ["hi", &"a".repeat(161), &"я".repeat(71), "€", "hi — there", "😀"];
    for translit in [false, true] {
        let (data, parts) = estimate(&app, &texts, translit).await;
        let mut total = 0;
        for (text, estimate) in texts.into_iter().zip(data) {
            let body = json!({"to": "+79251234567", "text": text, "translit": translit});
            let sent = app.post(body.to_string()).await.body;
            assert_eq!(estimate["parts"], sent["parts"], "{text}");
            assert_eq!(estimate["encoding"], sent["encoding"], "{text}");
            total += sent["parts"].as_u64().expect("a number");
        }
        assert_eq!(parts, json!(total));
    }
}

#[tokio::test]
async fn the_characters_that_make_a_text_longer_are_named_with_what_they_cost() {
    let app = App::new().await;
    let long = format!("{}—", "a".repeat(100));
    let extended = "€".repeat(81);
    let (data, _) = estimate(&app, &["a—b–a—", &long, &extended, "a€я", "plain"], false).await;
    let character = |c: char, count: usize, cost: &str| {
        json!({"character": c, "code_point": format!("U+{:04X}", u32::from(c)), "count": count,
            "cost": cost})
    };
    let dashes = [character('—', 2, "ucs2"), character('–', 1, "ucs2")];
    assert_eq!(data[0]["costly_characters"], json!(dashes));
    assert_eq!((&data[1]["parts"], &data[1]["parts_without_them"]), (&json!(2), &json!(1)));
    assert_eq!(data[2]["costly_characters"], json!([character('€', 81, "two_units")]));
    assert_eq!((&data[2]["parts"], &data[2]["parts_without_them"]), (&json!(2), &json!(1)));
    assert_eq!(data[3]["costly_characters"], json!([character('я', 1, "ucs2")]), "€ is one unit");
    assert_eq!((&data[4]["units"], &data[4]["left_in_part"]), (&json!(5), &json!(155)));
    assert_eq!(data[4]["costly_characters"], json!([]));
    assert_eq!(data[4]["parts_without_them"], Value::Null);
}

#[tokio::test]
async fn a_text_with_translit_is_measured_as_latin() {
    let app = App::new().await;
    let (data, _) = estimate(&app, &["Код"], true).await;
    assert_eq!((&data[0]["encoding"], &data[0]["units"]), (&json!("gsm7"), &json!(3)));
}

#[tokio::test]
async fn texts_are_one_to_a_hundred() {
    let app = App::new().await;
    for (count, code) in [(0, "texts_empty"), (101, "texts_too_many")] {
        let body = json!({"texts": vec!["hi"; count]}).to_string();
        let reply = app.post_to("/v1/estimate", body).await;
        assert_eq!((reply.status.as_u16(), &reply.body["code"]), (422, &json!(code)), "{count}");
    }
    assert_eq!(estimate(&app, &["hi"; 100], false).await.0.len(), 100);
}

/// The cost in an estimate.
async fn cost(app: &App, body: Value) -> Value {
    let reply = app.post_to("/v1/estimate", body.to_string()).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    reply.body["cost"].clone()
}

#[tokio::test]
async fn a_provider_that_tells_no_price_is_said_to_tell_none_and_the_sizes_are_there() {
    let app = App::new().await;
    let body = json!({"texts": ["hi"], "to": ["+79251234567"]});
    let reply = app.post_to("/v1/estimate", body.to_string()).await;
    assert_eq!((reply.status, &reply.body["parts"]), (StatusCode::OK, &json!(1)));
    let unknown = json!({"total": null, "unknown": "cannot_tell", "recipients": []});
    assert_eq!(reply.body["cost"], unknown);
    assert_eq!(cost(&app, json!({"texts": ["hi"]})).await, Value::Null, "without recipients");
}

#[tokio::test]
async fn a_test_key_gets_the_prices_of_the_sandbox() {
    let mut app = App::new().await;
    let new = NewKey::new("tests", &[KeyScope::Send]).kind(KeyKind::Test);
    let issued = app.keys.issue(None, new).await.expect("a key");
    app.key = issued.secret.expose_secret().to_owned();
    let to = ["+79251234567", "8 925 123-45-68"];
    let one = cost(&app, json!({"texts": ["я".repeat(71)], "to": to})).await;
    assert_eq!((&one["total"], &one["unknown"]), (&json!("4.00"), &Value::Null), "{one}");
    assert_eq!(one["recipients"][1], json!({"to": "+79251234568", "cost": "2.00", "parts": 2}));
    let each = json!({"texts": ["я".repeat(71), "hi"], "to": to});
    assert_eq!(cost(&app, each).await["total"], "3.00");
    let latin = json!({"texts": ["я".repeat(71)], "to": [to[0]], "translit": true});
    assert_eq!(cost(&app, latin).await["total"], "1.00");
}

#[tokio::test]
async fn recipients_of_an_estimate_that_cannot_be_used_are_named() {
    let app = App::new().await;
    let to = |count: usize| vec!["+79251234567"; count];
    for (body, code) in [
        (json!({"texts": ["hi"], "to": []}), "to_count_invalid"),
        (json!({"texts": ["hi"], "to": to(101)}), "to_count_invalid"),
        (json!({"texts": ["hi", "ho"], "to": to(1)}), "to_count_invalid"),
        (json!({"texts": ["hi", "ho"], "to": to(3)}), "to_count_invalid"),
        (json!({"texts": ["hi"], "to": ["+79251234567", "12"]}), "phone_invalid"),
        (json!({"texts": ["hi"], "to": to(1), "from": "much too long a name"}), "from_invalid"),
    ] {
        let reply = app.post_to("/v1/estimate", body.to_string()).await;
        assert_eq!((reply.status.as_u16(), &reply.body["code"]), (422, &json!(code)), "{body}");
    }
    let reply = app.post_to("/v1/estimate", r#"{"texts":["hi"],"to":["1","+79251234567"]}"#).await;
    assert_eq!(reply.body["errors"][0]["pointer"], "/to/0");
}
