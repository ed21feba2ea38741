//! The check of a blocked account: is the reason of the refusal gone?

use sms_core::{Account, ErrorKind, Provider};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer};

use crate::support::{PHONE, json, message, provider};

const OK: &str = r#"{"status":"OK","status_code":100}"#;

/// A server that refuses messages with `code` and gives these replies to other methods.
struct Refusing {
    server: MockServer,
    provider: sms_smsru::SmsRu,
}

impl Refusing {
    async fn with(code: i32, answers: &[(&str, &str)]) -> Self {
        let server = MockServer::start().await;
        let sms = format!(r#"{{"{PHONE}":{{"status":"ERROR","status_code":{code}}}}}"#);
        let refused = format!(r#"{{"status":"OK","status_code":100,"sms":{sms}}}"#);
        let mut answers = answers.to_vec();
        answers.push(("sms/send", &refused));
        if !answers.iter().any(|(method, _)| *method == "auth/check") {
            answers.push(("auth/check", OK));
        }
        for (method, body) in answers {
            Mock::given(path(format!("/{method}"))).respond_with(json(body)).mount(&server).await;
        }
        let provider = provider(server.address().port(), "from=Acme");
        let mut refused = message(PHONE, "Код 1234");
        refused.options.translit = true;
        provider.submit(&[refused]).await;
        Self { server, provider }
    }

    async fn check(&self) -> Result<(), (ErrorKind, String)> {
        self.provider
            .account()
            .unwrap()
            .check()
            .await
            .map_err(|error| (error.kind(), error.to_string()))
    }

    /// Returns the methods that were called after the refusal of the message.
    async fn called(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        let mut called: Vec<_> =
            requests[1..].iter().map(|request| request.url.path()[1..].to_owned()).collect();
        called.sort();
        called
    }
}

fn unavailable(reason: &str) -> Result<(), (ErrorKind, String)> {
    Err((ErrorKind::Unavailable, reason.to_owned()))
}

fn balance(amount: &str) -> String {
    format!(r#"{{"status":"OK","status_code":100,"balance":{amount}}}"#)
}

fn cost(of_one: &str) -> String {
    format!(r#"{{"status":"OK","status_code":100,"sms":{{"{PHONE}":{of_one}}}}}"#)
}

#[tokio::test]
async fn an_account_never_refused_is_asked_for_its_credentials_only() {
    let server = crate::support::server(json(OK)).await;
    provider(server.address().port(), "").check().await.unwrap();
    let requests = server.received_requests().await.unwrap();
    assert_eq!((requests.len(), requests[0].url.path()), (1, "/auth/check"));
}

#[tokio::test]
async fn bad_credentials_are_the_reason_whatever_it_was_before() {
    for code in [200, 201, 206, 221, 300, 301, 302, 299] {
        let answers = [("auth/check", r#"{"status":"ERROR","status_code":302}"#)];
        let refusing = Refusing::with(code, &answers).await;
        let reason = "the account is not confirmed yet (302)".to_owned();
        assert_eq!(refusing.check().await, Err((ErrorKind::Config, reason)), "{code}");
        assert_eq!(refusing.called().await, ["auth/check"]);
    }
}

#[tokio::test]
async fn good_credentials_end_a_pause_over_credentials() {
    for code in [200, 300, 301, 302, 303] {
        let refusing = Refusing::with(code, &[]).await;
        assert_eq!(refusing.check().await, Ok(()), "{code}");
        assert_eq!(refusing.called().await, ["auth/check"]);
    }
}

#[tokio::test]
async fn too_little_money_for_the_refused_message_is_named_in_figures() {
    let (balance, cost) =
        (balance("0.3"), cost(r#"{"status":"OK","status_code":100,"cost":5.1,"sms":1}"#));
    let refusing = Refusing::with(201, &[("my/balance", &balance), ("sms/cost", &cost)]).await;
    let reason = "not enough money on the account: 0.30, the message costs 5.10 (201)";
    assert_eq!(refusing.check().await, unavailable(reason));
    assert_eq!(refusing.called().await, ["auth/check", "my/balance", "sms/cost"]);
    let requests = refusing.server.received_requests().await.unwrap();
    let asked = requests.iter().find(|request| request.url.path() == "/sms/cost").unwrap();
    let expected =
        [("to", &*PHONE.to_string()), ("msg", "Код 1234"), ("from", "Acme"), ("translit", "1")];
    assert_eq!(crate::support::fields(asked)[2..], crate::support::pairs(&expected));
}

#[tokio::test]
async fn money_for_the_refused_message_ends_the_pause() {
    for amount in ["5.1", "5.10", "9"] {
        let (balance, cost) =
            (balance(amount), cost(r#"{"status":"OK","status_code":100,"cost":5.10}"#));
        let refusing = Refusing::with(201, &[("my/balance", &balance), ("sms/cost", &cost)]).await;
        assert_eq!(refusing.check().await, Ok(()), "{amount}");
    }
}

#[tokio::test]
async fn without_a_price_any_money_will_do() {
    let refused = cost(r#"{"status":"ERROR","status_code":207}"#);
    for cost in [&*refused, "<html>", r#"{"status":"ERROR","status_code":220}"#] {
        for (amount, ends) in [("0.01", true), ("0", false), ("-3.5", false)] {
            let balance = balance(amount);
            let refusing =
                Refusing::with(201, &[("my/balance", &balance), ("sms/cost", cost)]).await;
            assert_eq!(refusing.check().await.is_ok(), ends, "{amount} {cost}");
        }
    }
    let balance = balance("0");
    let refusing = Refusing::with(201, &[("my/balance", &balance)]).await;
    assert_eq!(refusing.check().await, unavailable("not enough money on the account: 0.00 (201)"));
}

#[tokio::test]
async fn a_balance_that_cannot_be_had_does_not_end_the_pause() {
    let refusing = Refusing::with(201, &[("my/balance", "<html>")]).await;
    assert_eq!(refusing.check().await, unavailable("the answer is not a JSON object"));
}

#[tokio::test]
async fn a_daily_limit_that_is_reached_is_named_in_figures() {
    let limit = |used: u32| {
        format!(r#"{{"status":"OK","status_code":100,"total_limit":"10","used_today":{used}}}"#)
    };
    for used in [10, 11] {
        let refusing = Refusing::with(206, &[("my/limit", &limit(used))]).await;
        let reason =
            format!("the account's daily limit of messages is reached: {used} of 10 (206)");
        assert_eq!(refusing.check().await, unavailable(&reason));
    }
    let refusing = Refusing::with(206, &[("my/limit", &limit(9))]).await;
    assert_eq!(refusing.check().await, Ok(()));
    assert_eq!(refusing.called().await, ["auth/check", "my/limit"]);
}

#[tokio::test]
async fn an_account_without_sender_names_stays_paused() {
    let refusing = Refusing::with(221, &[("my/senders", OK)]).await;
    let reason = "the account must first create a sender name: it has none (221)".to_owned();
    assert_eq!(refusing.check().await, Err((ErrorKind::Config, reason)));
    let one = r#"{"status":"OK","status_code":100,"senders":["Acme"]}"#;
    assert_eq!(Refusing::with(221, &[("my/senders", one)]).await.check().await, Ok(()));
}

#[tokio::test]
async fn the_reason_is_forgotten_when_a_message_is_accepted() {
    let refusing = Refusing::with(206, &[("my/limit", "<html>")]).await;
    assert!(refusing.check().await.is_err());
    refusing.server.reset().await;
    let answers = [("sms/send", crate::support::accepting_phone()), ("auth/check", OK.to_owned())];
    for (method, body) in answers {
        Mock::given(path(format!("/{method}")))
            .respond_with(json(&body))
            .mount(&refusing.server)
            .await;
    }
    refusing.provider.submit(&[message(PHONE, "hi")]).await;
    assert_eq!(refusing.check().await, Ok(()));
    assert_eq!(refusing.called().await, ["auth/check"]);
}

#[tokio::test]
async fn a_batch_accepted_in_part_is_still_refused_for_the_rest() {
    let server = MockServer::start().await;
    let refused = format!(r#""{PHONE}":{{"status":"ERROR","status_code":206}}"#);
    let other = PHONE + 1;
    let accepted = format!(r#""{other}":{{"status":"OK","status_code":100,"sms_id":"1"}}"#);
    let body = format!(r#"{{"status":"OK","status_code":100,"sms":{{{refused},{accepted}}}}}"#);
    let limit = r#"{"status":"OK","status_code":100,"total_limit":"10","used_today":10}"#;
    for (method, body) in [("sms/send", &*body), ("auth/check", OK), ("my/limit", limit)] {
        Mock::given(path(format!("/{method}"))).respond_with(json(body)).mount(&server).await;
    }
    let provider = provider(server.address().port(), "");
    provider.submit(&[message(PHONE, "a"), message(PHONE + 1, "b")]).await;
    assert!(provider.check().await.is_err());
}

#[tokio::test]
async fn a_probe_of_a_silent_service_ends_in_time() {
    let (port, _) = crate::support::raw(|mut stream| async move {
        crate::support::read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let provider = provider(port, "timeout_seconds=1");
    let checked = tokio::time::timeout(provider.limits().timeout, provider.check()).await.unwrap();
    assert_eq!(checked.unwrap_err().to_string(), "sms.ru did not answer in time");
}
