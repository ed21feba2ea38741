//! Counts, files for spreadsheets, and lists without texts.

use axum::http::StatusCode;
use serde_json::{Value, json};
use sms_core::Outcome;
use sms_server::KeyScope;

use crate::app::App;

async fn send(app: &App, body: Value) -> String {
    let reply = app.post(body.to_string()).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.body);
    reply.body["id"].as_str().expect("an id").to_owned()
}

/// The rows of a file, each as its cells by the names of the columns.
async fn file(app: &App, query: &str) -> Vec<Value> {
    let reply = app.get(&format!("/v1/messages.csv?{query}")).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert!(reply.headers["content-type"].to_str().expect("text").starts_with("text/csv"));
    let text = reply.raw.strip_prefix(b"\xef\xbb\xbf").expect("a byte order mark");
    let separator = if query.contains("comma") { b',' } else { b';' };
    let mut rows = csv::ReaderBuilder::new().delimiter(separator).from_reader(text);
    let names = rows.headers().expect("names of columns").clone();
    let row = |row: csv::Result<csv::StringRecord>| {
        let cells = row.expect("a row");
        names.iter().map(str::to_owned).zip(cells.iter().map(Value::from)).collect()
    };
    rows.records().map(row).collect()
}

#[tokio::test]
async fn a_file_has_a_row_for_each_message_of_the_list() {
    let app = App::new().await;
    let text = "Кофе; \"латте\"\r\nдва";
    let id = send(&app, json!({"to": "+79251234567", "text": text, "reference": "r1"})).await;
    send(&app, json!({"to": "+79261111111", "text": "other"})).await;
    for separator in ["", "&separator=comma"] {
        let rows = file(&app, &format!("reference=r1{separator}")).await;
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!((&row["id"], &row["text"]), (&json!(id), &json!(text)));
        assert_eq!((&row["to"], &row["status"]), (&json!("79251234567"), &json!("queued")));
        assert_eq!((&row["charged"], &row["reference"]), (&json!("no"), &json!("r1")));
    }
}

#[tokio::test]
async fn a_file_has_every_page() {
    let app = App::new().await;
    for batch in 0..3 {
        let messages: Vec<_> = (0..400)
            .map(|n| json!({"to": "+79251234567", "text": format!("n{}", batch * 400 + n)}))
            .collect();
        let reply = app.post_to("/v1/messages/batch", json!({"messages": messages}).to_string());
        assert_eq!(reply.await.status, StatusCode::ACCEPTED);
    }
    let rows = file(&app, "").await;
    let texts: Vec<_> = rows.iter().map(|row| row["text"].as_str().expect("a text")).collect();
    let expected: Vec<_> = (0..1200).rev().map(|n| format!("n{n}")).collect();
    assert_eq!(texts, expected, "each once, newest first");
}

#[tokio::test]
async fn no_cell_of_a_file_is_a_formula() {
    let app = App::new().await;
    let formula = "=HYPERLINK(\"http://example.com\")";
    send(&app, json!({"to": "+79251234567", "text": formula, "reference": "-1"})).await;
    let rows = file(&app, "").await;
    assert_eq!(rows[0]["text"], format!("'{formula}"));
    assert_eq!(rows[0]["reference"], "'-1");
    for (name, cell) in rows[0].as_object().expect("a row") {
        let cell = cell.as_str().expect("a cell");
        assert!(!cell.starts_with(['=', '+', '-', '@']), "{name}: {cell}");
    }
}

#[tokio::test]
async fn texts_can_be_left_out() {
    let app = App::new().await;
    send(&app, json!({"to": "+79251234567", "text": "Код 1234"})).await;
    assert_eq!(file(&app, "content=false").await[0]["text"], "");
    let list = app.get("/v1/messages?content=false").await.body;
    assert_eq!(list["data"][0]["text"], Value::Null);
    assert_eq!(list["data"][0]["to"], "+79251234567");
}

#[tokio::test]
async fn a_count_counts_the_messages_of_the_list() {
    let app = App::new().await;
    for to in ["+79251234567", "+79251234567", "+79261111111"] {
        send(&app, json!({"to": to, "text": "hi"})).await;
    }
    let failed = app.attempted(Outcome::rejected(207, "no route")).await;
    for (query, count) in [
        ("", 4),
        ("?to=79251234567", 3),
        ("?status=queued", 3),
        ("?status=failed,queued&to=79251234567", 3),
        ("?code=207", 1),
        ("?code=208", 0),
    ] {
        let reply = app.get(&format!("/v1/messages/count{query}")).await.body;
        assert_eq!(reply, json!({"count": count}), "{query}");
    }
    let list = app.get("/v1/messages?code=207").await.body;
    assert_eq!(list["data"][0]["id"], failed.to_string());
    assert_eq!(list["data"][0]["charged"], "no");
    let stranger = app.becoming(&[KeyScope::Read]).await;
    assert_eq!(stranger.get("/v1/messages/count").await.body, json!({"count": 0}));
    assert_eq!(file(&stranger, "").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    let app = App::new().await;
    for (path, name) in [
        ("/v1/messages/count?limit=3", "limit"),
        ("/v1/messages/count?code=many", "code"),
        ("/v1/messages.csv?separator=tab", "separator"),
        ("/v1/messages.csv?cursor=x", "cursor"),
        ("/v1/messages?content=no", "content"),
        ("/v1/messages?resend_of=7", "resend_of"),
    ] {
        let reply = app.get(path).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(reply.body["errors"][0]["parameter"], name, "{path}: {}", reply.body);
    }
}
