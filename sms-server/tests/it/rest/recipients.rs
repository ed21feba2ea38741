//! Several recipients of one message of a batch.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::{App, Reply};

async fn post(app: &App, messages: Value) -> Reply {
    app.post_to("/v1/messages/batch", json!({ "messages": messages }).to_string()).await
}

async fn results(app: &App, messages: Value) -> Value {
    let reply = post(app, messages).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.body);
    reply.body["results"].clone()
}

#[tokio::test]
async fn each_recipient_gets_a_message_and_a_result_of_its_own() {
    let app = App::new().await;
    let results = results(
        &app,
        json!([
            {"to": "+79251234567", "text": "alone"},
            {"to": ["8 926 111-22-33", "nobody", "+79261112234"], "text": "hi", "reference": "r"},
            {"to": "+79251234568", "text": "alone, too"},
        ]),
    )
    .await;
    assert_eq!(results[0]["to"], "+79251234567");
    assert_eq!(results[2]["to"], "+79251234568");
    let recipients = &results[1]["recipients"];
    assert_eq!(recipients[0]["to"], "+79261112233");
    assert_eq!(recipients[1]["error"]["errors"][0]["pointer"], "/messages/1/to/1");
    assert_eq!(recipients[1]["error"]["code"], "phone_invalid");
    assert_eq!(
        (&recipients[2]["to"], &recipients[2]["reference"]),
        (&json!("+79261112234"), &json!("r"))
    );
    assert_eq!((app.stored().await, app.pushed().await), (4, 4));
}

#[tokio::test]
async fn one_key_holds_for_each_recipient_by_itself() {
    let app = App::new().await;
    let batch = json!([{"to": ["+79261112233", "+79261112234"], "text": "hi",
        "idempotency_key": "order-7"}]);
    let first = results(&app, batch.clone()).await;
    let again = results(&app, batch).await;
    for place in 0..2 {
        let (first, again) = (&first[0]["recipients"][place], &again[0]["recipients"][place]);
        assert_eq!(first["id"], again["id"]);
        assert_eq!(again["replayed"], true);
    }
    let more = json!([{"to": ["+79261112234", "+79261112235"], "text": "hi",
        "idempotency_key": "order-7"}]);
    let more = results(&app, more).await;
    assert_eq!(more[0]["recipients"][0]["id"], first[0]["recipients"][1]["id"]);
    assert_eq!(app.stored().await, 3, "one more recipient is one more message");
}

#[tokio::test]
async fn a_number_that_is_twice_in_a_list_gets_one_message() {
    let app = App::new().await;
    let batch = json!([{"to": ["+79261112233", "8 (926) 111-22-33"], "text": "hi"}]);
    let results = results(&app, batch).await;
    let refused = &results[0]["recipients"][1]["error"];
    assert_eq!(refused["code"], "recipient_repeated");
    assert_eq!(refused["errors"][0]["pointer"], "/messages/0/to/1");
    assert_eq!(app.stored().await, 1);
}

#[tokio::test]
async fn a_list_that_is_empty_or_holds_no_strings_is_refused() {
    let app = App::new().await;
    for (to, code) in [
        (json!([]), "recipients_empty"),
        (json!([79_261_112_233_u64]), "field_type"),
        (json!({"number": "+79261112233"}), "field_type"),
    ] {
        let results = results(&app, json!([{"to": to, "text": "hi"}])).await;
        assert_eq!(results[0]["error"]["code"], code, "{to}");
        assert_eq!(results[0]["error"]["errors"][0]["pointer"], "/messages/0/to");
    }
    let alone = json!({"to": ["+79261112233"], "text": "hi"});
    assert_eq!(app.post(alone.to_string()).await.body["code"], "field_type");
    assert_eq!(app.stored().await, 0);
}

#[tokio::test]
async fn recipients_count_as_messages_of_the_batch() {
    let app = App::new().await;
    let list: Vec<_> = (0..600).map(|n| format!("+7926{n:07}")).collect();
    let item = json!({"to": list, "text": "hi"});
    let reply = post(&app, json!([item, item])).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(reply.body["code"], "messages_too_many");
    assert_eq!(app.stored().await, 0);
    assert_eq!(post(&app, json!([item])).await.status, StatusCode::ACCEPTED);
    assert_eq!(app.stored().await, 600);
}
