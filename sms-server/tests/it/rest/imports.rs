//! Files of recipients: checked, sent by a job, reported.

use std::fmt::Write as _;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sms_core::stop_list::{NewStop, StopList as _};
use sms_core::store::ListRequest;
use sms_core::{Archive as _, PhoneNumber, SandboxAction, StoredMessage};
use sms_server::{KeyKind, KeyScope, NewKey};
use tokio::time::{Instant, sleep};

use crate::app::{App, Reply};

const FILE: &str = "Телефон;Имя\r\n8 (925) 123-45-67;Анна\r\n79261234567;Иван\r\n";
/// `{имя}, ваш заказ готов`.
const TEXT: &str = "text=%7B%D0%B8%D0%BC%D1%8F%7D%2C%20hi";

async fn upload(app: &App, query: &str, file: impl Into<Body>) -> Reply {
    let request = app.request("POST", &format!("/v1/imports?{query}"));
    let request = request.header("content-type", "text/csv; charset=utf-8");
    app.call(request.body(file.into()).expect("a request")).await
}

/// A good import; its path.
async fn import(app: &App, query: &str, file: impl Into<Body>) -> (String, Value) {
    let reply = upload(app, query, file).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
    (reply.headers["location"].to_str().expect("text").to_owned(), reply.body)
}

async fn delete(app: &App, path: &str) -> Reply {
    app.call(app.request("DELETE", path).body(Body::empty()).expect("a request")).await
}

/// Sends an import and waits for the end of its job.
async fn send(app: &App, import: &str) -> Value {
    let reply = app.post_to(&format!("{import}/send"), "").await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.body);
    let path = reply.headers["location"].to_str().expect("text").to_owned();
    app.run_jobs();
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let job = app.get(&path).await.body;
        if job["state"] != "running" {
            return job;
        }
        assert!(Instant::now() < deadline, "{job}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn progress(job: &Value) -> [u64; 4] {
    ["total", "done", "failed", "skipped"].map(|name| job[name].as_u64().expect("a number"))
}

async fn messages(app: &App) -> Vec<StoredMessage> {
    app.store.list(&ListRequest::new(1000)).await.expect("a list").messages
}

/// The lines of a file without its first one.
async fn lines(app: &App, path: &str) -> Vec<String> {
    let reply = app.get(path).await;
    assert_eq!(reply.status, StatusCode::OK, "{path}");
    let text = String::from_utf8(reply.raw).expect("text");
    text.lines().skip(1).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_file_is_checked_and_sent_after_a_confirmation() {
    let app = App::new().await;
    let query = format!("{TEXT}&class=marketing&file_name=clients.csv");
    let (path, import) = import(&app, &query, FILE).await;
    let found = ["encoding", "separator", "header", "to_column", "rows", "valid", "parts"];
    let found = found.map(|name| import[name].clone());
    let expected = json!(["utf-8", "semicolon", true, "Телефон", 2, 2, 2]);
    assert_eq!(json!(found), expected);
    assert_eq!(import["preview"][0]["to"], "+79251234567");
    assert_eq!(import["preview"][1]["text"], "Иван, hi");
    assert_eq!(app.get(&path).await.body, import);
    assert_eq!(app.stored().await, 0, "nothing is sent before the confirmation");
    assert!(lines(&app, &format!("{path}/report.csv")).await[0].contains(";not_sent;"));

    let job = send(&app, &path).await;
    assert_eq!((&job["action"], progress(&job)), (&json!("send"), [2, 2, 0, 0]));
    assert_eq!(job["id"], import["id"]);
    let again = app.post_to(&format!("{path}/send"), "").await;
    assert_eq!((again.status, &again.body), (StatusCode::ACCEPTED, &job));
    let mut sent = messages(&app).await;
    sent.sort_by_key(|stored| stored.message.to);
    let texts: Vec<_> = sent.iter().map(|stored| stored.message.text.as_str()).collect();
    assert_eq!(texts, ["Анна, hi", "Иван, hi"]);
    assert_eq!(sent[0].message.class, sms_core::Class::Marketing);
    let id = import["id"].as_str().expect("an id");
    let found = app.get(&format!("/v1/messages?reference={id}")).await.body;
    assert_eq!(found["data"].as_array().map(Vec::len), Some(2));
    let report = lines(&app, &format!("{path}/report.csv")).await;
    let row = format!("2;79251234567;accepted;{};;", sent[0].message.id);
    assert_eq!((report.len(), &report[0]), (2, &row));
    let refused = delete(&app, &path).await;
    assert_eq!((refused.status, &refused.body["code"]), (StatusCode::CONFLICT, &json!("conflict")));
}

#[tokio::test]
async fn an_import_shows_its_options_its_cost_and_what_the_stop_list_refuses() {
    let app = App::new().await;
    let stopped = PhoneNumber::parse("+79260000001").expect("a number");
    let stop = NewStop::new(stopped, "complained", "tests");
    app.store.add(&[stop]).await.expect("stopped");
    let file = "phone;text\n79250000001;hi\n79260000001;hi\n79260000001;hi again\n7;hi\n";
    let query = "class=marketing&from=Acme&send_at=2099-01-01T00:00:00Z";
    let refused = upload(&app, query, file).await;
    assert_eq!(refused.body["errors"][0]["parameter"], "send_at", "{}", refused.body);
    let (path, shown) = import(&app, "class=marketing&from=Acme", file).await;
    let found = ["text_column", "class", "from", "valid", "invalid", "on_stop_list"];
    let found = found.map(|name| shown[name].clone());
    assert_eq!(json!(found), json!(["text", "marketing", "Acme", 3, 1, 2]));
    assert_eq!(shown["send_at"], Value::Null);
    // Nothing here tells prices.
    let cost = json!({
        "total": null, "exact": false, "asked": 1, "refused": 0, "unknown": "cannot_tell",
    });
    assert_eq!(shown["cost"], cost, "{shown}");
    assert_eq!(app.get(&path).await.body, shown);
    let job = send(&app, &path).await;
    assert_eq!(progress(&job), [4, 1, 2, 1], "those on the stop-list are not sent");
    assert_eq!(messages(&app).await.len(), 1);

    let (_, stopped) = import(&app, "", "phone;text\n79260000001;hi\n").await;
    assert_eq!((&stopped["on_stop_list"], &stopped["cost"]), (&json!(1), &Value::Null));
    let (_, plain) = import(&app, "text=hi", "79250000001\n").await;
    let found = ["text_column", "class", "from", "on_stop_list"].map(|name| plain[name].clone());
    assert_eq!(json!(found), json!([null, "service", null, 0]));
}

#[tokio::test]
async fn the_cost_of_a_large_file_is_that_of_a_sample() {
    let mut app = App::new().await;
    let key = NewKey::new("tests", &[KeyScope::Send, KeyScope::Read]).kind(KeyKind::Test);
    let issued = app.keys.issue(None, key).await.expect("a key");
    app.key = issued.secret.expose_secret().to_owned();
    let rows: Vec<String> = (0..150).map(|n| format!("7925{n:07};hi\n")).collect();
    let (_, large) = import(&app, "text_column=B", rows.concat()).await;
    let total = large["cost"]["total"].as_str().expect("a cost");
    let (_, small) = import(&app, "text_column=B", "79250000001;hi\n79250000002;hi\n").await;
    assert_eq!((&small["cost"]["exact"], &small["cost"]["asked"]), (&json!(true), &json!(2)));
    let of_two: f64 = small["cost"]["total"].as_str().expect("a cost").parse().expect("money");
    assert!(of_two > 0.0, "the sandbox tells prices: {small}");
    assert_eq!((&large["cost"]["exact"], &large["cost"]["asked"]), (&json!(false), &json!(75)));
    assert!((total.parse::<f64>().expect("money") - of_two * 75.0).abs() < 1e-6, "{large}");
}

#[tokio::test]
async fn rows_that_are_wrong_are_named_and_left_out() {
    let app = App::new().await;
    let file = "phone,text\n79251234567,hi\n7.92512E+10,hi\n89251234567,hi\nnobody,\n=1+1,x\n";
    let (path, import) = import(&app, "", file).await;
    let counts = ["rows", "valid", "invalid", "repeated"].map(|name| import[name].clone());
    assert_eq!(json!(counts), json!([5, 1, 4, 1]));
    assert_eq!(import["errors"][0]["row"], 3);
    let error = &import["errors"][0]["errors"][0];
    assert_eq!((&error["column"], &error["code"]), (&json!("phone"), &json!("phone_rounded")));
    assert_eq!(import["errors"][1]["errors"][0]["code"], "row_repeated");
    assert_eq!(import["errors"][2]["errors"].as_array().map(Vec::len), Some(2));

    let mut cursor = String::new();
    for row in [3, 4, 5, 6] {
        let page = app.get(&format!("{path}/errors?limit=1{cursor}")).await.body;
        assert_eq!(page["data"][0]["row"], row, "{page}");
        cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap_or_default());
        assert_eq!(page["next_cursor"].is_null(), row == 6);
    }
    let all = lines(&app, &format!("{path}/errors.csv")).await;
    assert_eq!(all.len(), 5, "{all:?}");
    assert!(all[4].starts_with("6;phone;'=1+1;phone_invalid;"), "{all:?}");

    assert_eq!(progress(&send(&app, &path).await), [5, 1, 0, 4]);
    assert_eq!(app.stored().await, 1);
    let report = lines(&app, &format!("{path}/report.csv?separator=comma")).await;
    assert_eq!(report.len(), 5);
    assert!(report[1].starts_with("3,7.92512E+10,invalid,,phone_rounded,"), "{report:?}");
}

#[tokio::test]
async fn a_file_of_windows_is_read_as_one_of_any_other_system() {
    let app = App::new().await;
    let bytes = encoding_rs_1251(FILE);
    let (_, import) = import(&app, TEXT, bytes).await;
    assert_eq!((&import["encoding"], &import["valid"]), (&json!("windows-1251"), &json!(2)));
    assert_eq!(import["preview"][1]["text"], "Иван, hi");
}

/// The bytes of Russian text in windows-1251.
fn encoding_rs_1251(text: &str) -> Vec<u8> {
    let byte = |c: char| match u32::from(c) {
        code @ 0x410..=0x44f => code - 0x410 + 0xc0,
        code => code,
    };
    text.chars().map(|c| u8::try_from(byte(c)).expect("in 1251")).collect()
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_named() {
    let app = App::new().await;
    for (query, file, code, place) in [
        ("text=hi", "", "file_empty", "/pointer"),
        ("text=hi", "phone;name\n", "file_empty", ""),
        ("text=hi", "PK\u{3}\u{4}", "file_unreadable", ""),
        ("text=hi", "a;b\nx;y\n", "number_column_unclear", "to_column"),
        ("", "79251234567\n", "text_missing", "text"),
        ("text=%7Bsum%7D", FILE, "column_unknown", "text"),
        ("text=%7Ba%7D", "phone;a;a\n79251234567;1;2\n", "column_repeated", "text"),
        ("text=%7B", FILE, "template_invalid", "text"),
        ("text=hi&to_column=sum", FILE, "column_unknown", "to_column"),
        ("text_column=sum", FILE, "column_unknown", "text_column"),
        ("text=hi&from=%D0%AF", FILE, "from_invalid", "from"),
        ("text=hi&deadline_seconds=0", FILE, "deadline_invalid", "deadline_seconds"),
        ("text=hi&send_at=2020-01-01T00:00:00Z", FILE, "send_at_invalid", "send_at"),
        ("text=hi&reference=", FILE, "reference_invalid", "reference"),
    ] {
        let reply = upload(&app, query, file).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}: {}", reply.body);
        assert_eq!(reply.body["code"], code, "{query}: {}", reply.body);
        if !place.is_empty() && !place.starts_with('/') {
            assert_eq!(reply.body["errors"][0]["parameter"], place, "{}", reply.body);
        }
    }
    for query in ["text=hi&text_column=A", "limit=1", "header=1", "separator=x", "class=x"] {
        let reply = upload(&app, query, FILE).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{query}: {}", reply.body);
        assert_eq!(reply.body["code"], "parameter_invalid", "{query}");
    }
    let list = app.get("/v1/imports").await.body;
    assert_eq!(list["data"], json!([]), "no refused file leaves an import");
}

#[tokio::test]
async fn a_body_that_is_no_file_of_text_is_refused() {
    let app = App::new().await;
    let send = async |name: &str, value: &str, body: Vec<u8>| {
        let request = app.request("POST", "/v1/imports?text=hi").header(name, value);
        app.call(request.body(body.into()).expect("a request")).await
    };
    for content_type in ["application/json", "multipart/form-data; boundary=x"] {
        let reply = send("content-type", content_type, b"{}".to_vec()).await;
        let (status, code) = (reply.status.as_u16(), &reply.body["code"]);
        assert_eq!((status, code), (415, &json!("content_type")));
    }
    let request = app.request("POST", "/v1/imports").header("content-type", "text/csv");
    let request = request.header("content-encoding", "gzip");
    let reply = app.call(request.body("x".into()).expect("a request")).await;
    assert_eq!(reply.body["code"], "content_encoding");
    let large = vec![b'1'; 10 * 1024 * 1024 + 1];
    let reply = send("content-type", "text/csv", large).await;
    assert_eq!((reply.status.as_u16(), &reply.body["code"]), (413, &json!("body_too_large")));
    let mut rows = String::from("phone\n");
    for n in 0..=100_000 {
        let _ = writeln!(rows, "7925{n:07}");
    }
    let reply = upload(&app, "text=hi", rows).await;
    assert_eq!(reply.body["code"], "rows_too_many", "{}", reply.body);
    assert_eq!(app.get("/v1/imports").await.body["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_is_checked_in_seconds_and_holds_up_nobody() {
    let app = App::new().await;
    let mut rows = String::from("phone;name\n");
    for n in 0..50_000 {
        let _ = writeln!(rows, "7925{n:07};Name {n}");
    }
    let started = Instant::now();
    let check = async {
        let reply = upload(&app, "text=hi%20%7Bname%7D", rows).await;
        (reply, started.elapsed())
    };
    let others = async {
        let mut longest = Duration::ZERO;
        for _ in 0..20 {
            let asked = Instant::now();
            app.get("/v1/me").await;
            longest = longest.max(asked.elapsed());
            sleep(Duration::from_millis(20)).await;
        }
        longest
    };
    let ((reply, took), longest) = tokio::join!(check, others);
    assert_eq!(reply.body["valid"], 50_000, "{}", reply.body);
    println!("50,000 rows in {took:?}; others waited {longest:?} at most");
    // Without optimisation and next to other tests; the time limit of the request is 90 s.
    assert!(took < Duration::from_mins(1), "{took:?}");
    assert!(longest < Duration::from_secs(1), "{longest:?}");
}

#[tokio::test]
async fn a_key_sends_only_to_its_numbers_and_a_test_key_only_to_the_sandbox() {
    let mut app = App::new().await;
    let allowed = PhoneNumber::parse("+79251234567").expect("a number");
    let scopes = [KeyScope::Send, KeyScope::Read];
    let key = NewKey::new("staging", &scopes).allowed_numbers([allowed]);
    let issued = app.keys.issue(None, key).await.expect("a key");
    app.key = issued.secret.expose_secret().to_owned();
    let (_, import) = self::import(&app, TEXT, FILE).await;
    assert_eq!((&import["valid"], &import["invalid"]), (&json!(1), &json!(1)));
    let error = &import["errors"][0]["errors"][0];
    assert_eq!(error["code"], "recipient_not_allowed", "{import}");

    let key = NewKey::new("tests", &scopes).kind(KeyKind::Test);
    let issued = app.keys.issue(None, key).await.expect("a key");
    app.key = issued.secret.expose_secret().to_owned();
    let rules = json!({"rules": [{"action": "lose"}]}).to_string();
    let request =
        app.request("PUT", "/v1/sandbox/rules").header("content-type", "application/json");
    app.call(request.body(rules.into()).expect("a request")).await;
    let (path, _) = self::import(&app, TEXT, FILE).await;
    assert_eq!(progress(&send(&app, &path).await), [2, 2, 0, 0]);
    let sent = messages(&app).await;
    for StoredMessage { message, .. } in &sent {
        assert_eq!(message.route.as_str(), "sandbox");
        assert_eq!(message.options.sandbox, Some(SandboxAction::Lose));
    }
    assert_eq!(sent.len(), 2);
}

#[tokio::test]
async fn a_number_on_the_stop_list_is_a_failure_of_the_job() {
    let app = App::new().await;
    let number = PhoneNumber::parse("+79261234567").expect("a number");
    let (path, _) = import(&app, TEXT, FILE).await;
    app.store.add(&[NewStop::new(number, "asked", "me")]).await.expect("added");
    let job = send(&app, &path).await;
    assert_eq!(progress(&job), [2, 1, 1, 0]);
    let report = lines(&app, &format!("{path}/report.csv")).await;
    assert!(report[1].starts_with("3;79261234567;refused;;recipient_on_stop_list;"), "{report:?}");
    let id = job["id"].as_str().expect("an id");
    let failures = lines(&app, &format!("/v1/jobs/{id}/failures.csv")).await;
    assert!(failures[0].starts_with(";79261234567;recipient_on_stop_list;"), "{failures:?}");
}

#[tokio::test]
async fn the_same_file_is_noticed_once_it_was_sent() {
    let app = App::new().await;
    let (path, _) = import(&app, TEXT, FILE).await;
    let (_, second) = import(&app, TEXT, FILE).await;
    assert!(second["same_file"].is_null(), "it was not sent: {second}");
    let job = send(&app, &path).await;
    let (_, third) = import(&app, "text=other", FILE).await;
    assert_eq!(third["same_file"]["import"], job["id"]);
    let (_, other) = import(&app, TEXT, "phone;имя\n79251234567;x\n").await;
    assert!(other["same_file"].is_null(), "{other}");
}

#[tokio::test]
async fn an_import_can_be_removed_and_a_client_has_few_of_them() {
    let app = App::new().await;
    let (path, _) = import(&app, TEXT, FILE).await;
    assert_eq!(delete(&app, &path).await.status, StatusCode::NO_CONTENT);
    for path in [path.clone(), format!("{path}/errors"), format!("{path}/report.csv")] {
        assert_eq!(app.get(&path).await.status, StatusCode::NOT_FOUND);
    }
    let reply = app.post_to(&format!("{path}/send"), "").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert_eq!(delete(&app, &path).await.status, StatusCode::NOT_FOUND);
    for _ in 0..20 {
        import(&app, TEXT, FILE).await;
    }
    let refused = upload(&app, TEXT, FILE).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (429, &json!("imports_too_many")));
    assert!(refused.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn an_import_without_a_good_row_is_not_sent() {
    let app = App::new().await;
    let (path, import) = import(&app, "text=hi", "phone\nnobody\n").await;
    assert_eq!((&import["valid"], &import["preview"]), (&json!(0), &json!([])));
    let reply = app.post_to(&format!("{path}/send"), "").await;
    assert_eq!((reply.status.as_u16(), &reply.body["code"]), (422, &json!("import_empty")));
}

#[tokio::test]
async fn an_import_with_an_erased_number_is_still_shown() {
    let app = App::with_scopes(&KeyScope::ALL).await;
    let file = "phone\n79251234567\n79251234567\n79261234567\n";
    let import = upload(&app, "text=hi", file).await;
    assert_eq!(import.status, 201, "{}", import.body);
    let id = import.body["id"].as_str().expect("an id");
    let erase = r#"{"to":"+79251234567","reason":"asked for it"}"#;
    assert_eq!(app.post_to("/v1/numbers/erase", erase).await.status, 200);
    let shown = app.get(&format!("/v1/imports/{id}")).await;
    assert_eq!((shown.status.as_u16(), &shown.body["errors"]), (200, &json!([])), "{}", shown.body);
    for path in ["errors", "errors.csv", "report.csv"] {
        assert_eq!(app.get(&format!("/v1/imports/{id}/{path}")).await.status, 200, "{path}");
    }
}
