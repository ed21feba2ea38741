//! The methods about the account, with replies in recorded formats.

use sms_core::{Account, ErrorKind, Money, Provider};
use sms_smsru::{Refusal, SmsRu};

use crate::support::MethodServer;

const BALANCE: (&str, &str) = (
    "my/balance",
    "{\n    \"status\": \"OK\",\n    \"status_code\": 100,\n    \"balance\": 4122.56\n}",
);
const LIMIT: (&str, &str) =
    ("my/limit", r#"{"status":"OK","status_code":100,"total_limit":"10","used_today":0}"#);
const SENDERS: (&str, &str) =
    ("my/senders", r#"{"status":"OK","status_code":100,"senders":["Acme","Other"]}"#);

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

/// A provider with a server that gives this reply to this method.
async fn one(method: &str, fields: &str) -> (MethodServer, SmsRu) {
    let separator = if fields.is_empty() { "" } else { "," };
    let body = format!("{{\"status\":\"OK\",\"status_code\":100{separator}{fields}}}");
    let methods = MethodServer::start(&[(method, &body)]).await;
    let provider = methods.provider("");
    (methods, provider)
}

#[tokio::test]
async fn a_balance_is_read_exactly_however_it_is_written() {
    for (written, amount) in [
        ("4122.56", "4122.56"),
        ("10", "10"),
        ("0.1", "0.1"),
        ("-0.3", "-0.3"),
        ("\"0.30\"", "0.3"),
        ("1234567.89", "1234567.89"),
        ("0.000001", "0.000001"),
    ] {
        let (methods, provider) = one("my/balance", &format!("\"balance\":{written}")).await;
        assert_eq!(provider.balance().await.unwrap(), money(amount), "{written}");
        assert_eq!(methods.request_fields("my/balance").await, []);
    }
}

#[tokio::test]
async fn a_balance_that_cannot_be_read_is_no_balance_of_nothing() {
    for fields in
        ["", "\"balance\":null", "\"balance\":\"much\"", "\"balance\":[]", "\"balance\":1e300"]
    {
        let (_methods, provider) = one("my/balance", fields).await;
        assert_eq!(
            provider.balance().await.unwrap_err().kind(),
            ErrorKind::Unavailable,
            "{fields}"
        );
    }
}

#[tokio::test]
async fn quotas_are_read_as_numbers_texts_and_null() {
    for (fields, total, used) in [
        (r#""total_limit":"10","used_today":0"#, Some(10), 0),
        (r#""total_limit":10,"used_today":"7""#, Some(10), 7),
        (r#""total_limit":10,"used_today":null"#, Some(10), 0),
        (r#""total_limit":null,"used_today":3"#, None, 3),
    ] {
        let (methods, provider) = one("my/limit", fields).await;
        let limit = provider.limit().await.unwrap();
        assert_eq!((limit.total, limit.used), (total, used), "{fields}");
        assert_eq!(methods.request_fields("my/limit").await, []);
    }
    let (methods, provider) = one("my/free", r#""total_free":5,"used_today":null"#).await;
    let free = provider.free().await.unwrap();
    assert_eq!((free.total, free.used), (Some(5), 0));
    assert_eq!(methods.request_fields("my/free").await, []);
    for method in ["my/limit", "my/free"] {
        let (_methods, provider) = one(method, "").await;
        assert!(provider.limit().await.is_err() && provider.free().await.is_err());
    }
}

#[tokio::test]
async fn no_sender_names_are_an_empty_list_and_no_error() {
    for (fields, senders) in [
        (r#""senders":["Acme","79250000000"]"#, &["Acme", "79250000000"][..]),
        (r#""senders":{"1":"Acme"}"#, &["Acme"]),
        ("", &[]),
        (r#""senders":null"#, &[]),
        (r#""senders":[]"#, &[]),
        (r#""senders":{}"#, &[]),
        (r#""senders":"""#, &[]),
    ] {
        let (methods, provider) = one("my/senders", fields).await;
        assert_eq!(provider.senders().await.unwrap(), senders, "{fields}");
        assert_eq!(methods.request_fields("my/senders").await, []);
    }
}

#[tokio::test]
async fn credentials_are_good_only_if_sms_ru_says_so() {
    let (methods, provider) = one("auth/check", "").await;
    provider.check_auth().await.unwrap();
    assert_eq!(methods.request_fields("auth/check").await, []);
    for body in
        ["{}", "[]", r#"{"status":"ERROR","status_code":100}"#, "<html>maintenance</html>", ""]
    {
        let methods = MethodServer::start(&[("auth/check", body)]).await;
        let error = methods.provider("").check_auth().await.unwrap_err();
        assert_eq!((error.kind(), Refusal::of(&error)), (ErrorKind::Unavailable, None), "{body}");
    }
}

#[tokio::test]
async fn the_kind_of_a_refusal_says_what_to_do_and_its_source_the_code() {
    for (code, kind) in [
        (200, ErrorKind::Config),
        (300, ErrorKind::Config),
        (301, ErrorKind::Config),
        (302, ErrorKind::Config),
        (221, ErrorKind::Config),
        (299, ErrorKind::Config),
        (201, ErrorKind::Unavailable),
        (206, ErrorKind::Unavailable),
        (220, ErrorKind::Unavailable),
        (500, ErrorKind::Unavailable),
        (508, ErrorKind::Unavailable),
        (231, ErrorKind::Unavailable),
        (202, ErrorKind::Invalid),
        (901, ErrorKind::Invalid),
        (902, ErrorKind::NotFound),
    ] {
        let body = format!(
            r#"{{"status":"ERROR","status_code":{code},"status_text":"{}"}}"#,
            r"Номер 79255070602: https:\/\/sms.ru"
        );
        let methods = MethodServer::start(&[("my/balance", &body)]).await;
        let error = methods.provider("").balance().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{code}");
        assert_eq!(Refusal::of(&error).unwrap().code, Some(code));
        let printed = format!("{error} {error:?} {}", Refusal::of(&error).unwrap());
        assert!(
            error.to_string().ends_with(&format!(" ({code})")) && !printed.contains("79255070602")
        );
    }
}

#[tokio::test]
async fn harmless_words_of_a_refusal_are_passed_on_in_its_source() {
    let body = r#"{"status":"ERROR","status_code":301,"status_text":"Неправильный пароль"}"#;
    let methods = MethodServer::start(&[("my/balance", body)]).await;
    let error = methods.provider("").balance().await.unwrap_err();
    assert_eq!(error.to_string(), "the API id, or the login and password, are wrong (301)");
    assert_eq!(
        Refusal::of(&error).unwrap().to_string(),
        "sms.ru refused with code 301: Неправильный пароль"
    );
}

#[tokio::test]
async fn no_connection_and_no_answer_are_unavailable_within_the_timeout() {
    let error = crate::support::provider(1, "").balance().await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::Unavailable && error.to_string().contains("refused"),
        "{error}"
    );
    let (port, _) = crate::support::raw(|mut stream| async move {
        crate::support::read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let provider = crate::support::provider(port, "timeout_seconds=1");
    let answer = tokio::time::timeout(provider.limits().timeout, provider.balance()).await.unwrap();
    assert_eq!(answer.unwrap_err().to_string(), "sms.ru did not answer in time");
}

#[tokio::test]
async fn the_account_tells_what_it_has_left() {
    let methods = MethodServer::start(&[BALANCE, LIMIT, SENDERS]).await;
    let info = methods.provider("").account().unwrap().info().await.unwrap();
    assert_eq!(info.balance, Some(money("4122.56")));
    assert_eq!((info.daily_limit, info.used_today), (Some(10), Some(0)));
    assert_eq!(info.senders, ["Acme", "Other"]);
}

#[tokio::test]
async fn a_part_that_fails_does_not_spoil_the_others() {
    let methods = MethodServer::start(&[BALANCE]).await;
    let info = methods.provider("").info().await.unwrap();
    assert_eq!(
        (info.balance, info.daily_limit, info.used_today),
        (Some(money("4122.56")), None, None)
    );
    let methods = MethodServer::start(&[SENDERS]).await;
    assert_eq!(methods.provider("").info().await.unwrap().senders.len(), 2);
    let refused = r#"{"status":"ERROR","status_code":200}"#;
    let all = ["my/balance", "my/limit", "my/senders"].map(|method| (method, refused));
    let error = MethodServer::start(&all).await.provider("").info().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn an_http_status_other_than_200_is_a_refusal_only_where_a_known_one_says_so() {
    const REFUSED: &str = r#"{"status":"ERROR","status_code":200}"#;
    const OK: &str = r#"{"status":"OK","status_code":100,"balance":1}"#;
    for (status, body, refused) in [
        (401, REFUSED, true),
        (403, r#"{"status":"ERROR","status_code":299}"#, false),
        (500, REFUSED, false),
        (404, OK, false),
        (201, OK, false),
        (502, "<html>Bad Gateway</html>", false),
    ] {
        let answer = wiremock::ResponseTemplate::new(status).set_body_raw(body, "application/json");
        let server = crate::support::server(answer).await;
        let error =
            crate::support::provider(server.address().port(), "").balance().await.unwrap_err();
        assert_eq!(Refusal::of(&error).is_some(), refused, "{status} {body}");
        assert_eq!(error.kind() == ErrorKind::Unavailable, !refused, "{status} {body}");
    }
}
