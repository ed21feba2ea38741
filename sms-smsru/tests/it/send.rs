use std::collections::HashSet;
use std::sync::Arc;

use sms_core::{Class, OutcomeClass, Provider, Submission};
use wiremock::{MockServer, Request, Respond};

use crate::support::{
    Accepting, CANARY, PHONE, classes, field, fields, json, message, provider, recipients, server,
};

async fn requests(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.unwrap()
}

/// Submits to a server that accepts everything, and returns its requests.
async fn sent(batch: &[Submission], parameters: &str) -> Vec<Request> {
    let server = server(Accepting::default()).await;
    let outcomes = provider(server.address().port(), parameters).submit(batch).await;
    assert!(outcomes.iter().all(|outcome| outcome.class == OutcomeClass::Accepted), "{outcomes:?}");
    requests(&server).await
}

#[tokio::test]
async fn one_message_is_one_post_with_everything_in_its_body() {
    let requests = sent(&[message(PHONE, "Привет & пока + 100%")], "").await;
    let [request] = &requests[..] else { panic!("{} requests", requests.len()) };
    assert_eq!(
        (request.method.as_str(), request.url.path(), request.url.query()),
        ("POST", "/sms/send", None)
    );
    assert_eq!(request.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(request.headers["user-agent"], concat!("sms-smsru/", env!("CARGO_PKG_VERSION")));
    assert_eq!(request.headers["accept-encoding"], "identity", "the client decompresses nothing");
    let expected =
        [("api_id", CANARY), ("json", "1"), ("to", "79255070602"), ("msg", "Привет & пока + 100%")];
    assert_eq!(fields(request), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn every_option_has_its_field_and_is_absent_when_not_asked_for() {
    let mut asked = message(PHONE, "hi");
    asked.from = Some("Own".to_owned());
    asked.options.translit = true;
    asked.options.daytime = true;
    asked.options.end_user_ip = Some("2001:db8::1".parse().unwrap());
    let requests = sent(&[asked], "from=Config&test=1&partner_id=7").await;
    let expected = [
        ("from", "Own"),
        ("translit", "1"),
        ("daytime", "1"),
        ("ip", "2001:db8::1"),
        ("partner_id", "7"),
        ("test", "1"),
    ];
    assert_eq!(
        fields(&requests[0])[4..],
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(
        field(&sent(&[message(PHONE, "hi")], "from=Config").await[0], "from").as_deref(),
        Some("Config")
    );
}

#[tokio::test]
async fn one_text_to_many_is_a_list_of_numbers_and_many_texts_are_a_map() {
    let same = [message(PHONE, "hi"), message(PHONE + 1, "hi")];
    let requests = sent(&same, "").await;
    assert_eq!(field(&requests[0], "to").as_deref(), Some("79255070602,79255070603"));
    assert_eq!(field(&requests[0], "msg").as_deref(), Some("hi"));

    let different = [message(PHONE, "hi"), message(PHONE + 1, "привет")];
    let requests = sent(&different, "").await;
    assert_eq!(field(&requests[0], "to[79255070602]").as_deref(), Some("hi"));
    assert_eq!(field(&requests[0], "to[79255070603]").as_deref(), Some("привет"));
    assert!(field(&requests[0], "msg").is_none() && field(&requests[0], "to").is_none());
}

#[tokio::test]
async fn a_thousand_numbers_with_texts_of_their_own_take_ten_requests() {
    let server = server(Accepting::default()).await;
    let provider = provider(server.address().port(), "");
    let batch: Vec<Submission> =
        (0..1000).map(|n| message(PHONE + n, &format!("Код {n}"))).collect();
    for call in batch.chunks(provider.limits().batch) {
        let outcomes = provider.submit(call).await;
        let ids: HashSet<_> =
            outcomes.iter().filter_map(|outcome| outcome.provider_id.clone()).collect();
        assert_eq!(ids.len(), 100);
    }
    let requests = requests(&server).await;
    assert_eq!(requests.len(), 10);
    assert!(requests.iter().all(|request| recipients(request).len() == 100));
}

#[tokio::test]
async fn one_number_is_never_twice_in_a_request() {
    let batch =
        [message(PHONE, "a"), message(PHONE, "b"), message(PHONE + 1, "c"), message(PHONE, "a")];
    let requests = sent(&batch, "").await;
    assert_eq!(requests.len(), 3);
    for request in &requests {
        let numbers = recipients(request);
        assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), numbers.len());
    }
}

#[tokio::test]
async fn messages_that_agree_share_a_request_and_others_do_not() {
    let mut batch: Vec<Submission> = (0..8).map(|n| message(PHONE + n, "hi")).collect();
    batch[1].from = Some("Acme".to_owned());
    batch[2].from = Some("Other".to_owned());
    batch[3].options.translit = true;
    batch[4].options.daytime = true;
    batch[5].options.end_user_ip = Some("198.51.100.7".parse().unwrap());
    batch[6].options.end_user_ip = Some("198.51.100.7".parse().unwrap());
    let requests = sent(&batch, "from=Acme").await;
    let mut sizes: Vec<usize> = requests.iter().map(|request| recipients(request).len()).collect();
    sizes.sort_unstable();
    // Numbers 0, 1 and 7 have the same sender name, two of them from the configuration.
    assert_eq!(sizes, [1, 1, 1, 2, 3]);
}

#[tokio::test]
async fn a_one_time_code_has_a_request_of_its_own() {
    let mut batch: Vec<Submission> = (0..3).map(|n| message(PHONE + n, "hi")).collect();
    batch[1].class = Class::Otp;
    let mut sizes: Vec<usize> =
        sent(&batch, "").await.iter().map(|request| recipients(request).len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 2]);
}

#[tokio::test]
async fn no_request_is_larger_than_configured() {
    let batch: Vec<Submission> = (0..7).map(|n| message(PHONE + n, "hi")).collect();
    let requests = sent(&batch, "batch=3").await;
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| recipients(request).len() <= 3));
}

#[tokio::test]
async fn credentials_are_decoded_once_and_sent_in_the_body() {
    for (userinfo, expected) in [
        ("a%2Fb%3F%40%25c+d", vec![("api_id", "a/b?@%c+d")]),
        ("79250000000:p%40ss%3Aw%D1%84", vec![("login", "79250000000"), ("password", "p@ss:wф")]),
    ] {
        let server = server(Accepting::default()).await;
        let url = format!("smsru+http://{userinfo}@127.0.0.1:{}", server.address().port());
        sms_smsru::SmsRu::from_url(&url).unwrap().submit(&[message(PHONE, "hi")]).await;
        let request = requests(&server).await.remove(0);
        let expected: Vec<_> =
            expected.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(fields(&request)[..expected.len()], expected);
    }
}

#[tokio::test]
async fn a_request_refused_for_one_message_fails_none_and_each_goes_alone_next() {
    let server = server(|request: &Request| {
        let bad = fields(request).iter().any(|(_, value)| value == "casino");
        if bad {
            json(r#"{"status":"ERROR","status_code":216}"#)
        } else {
            Accepting::default().respond(request)
        }
    })
    .await;
    let provider = Arc::new(provider(server.address().port(), ""));
    let batch = [message(PHONE, "hi"), message(PHONE + 1, "casino"), message(PHONE + 2, "hello")];
    assert_eq!(classes(&provider.submit(&batch).await), ["deferred", "deferred", "deferred"]);
    assert_eq!(classes(&provider.submit(&batch).await), ["accepted", "rejected", "accepted"]);
    assert_eq!(requests(&server).await.len(), 4);
}
