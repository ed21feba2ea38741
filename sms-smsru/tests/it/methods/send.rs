//! `sms/send`, as a direct call.

use std::time::Duration;

use sms_core::clock::datetime_from_ms;
use sms_core::{ErrorKind, OutcomeClass};
use sms_smsru::SendRequest;

use super::{DONE, done, money, two};
use crate::support::{MethodServer, PHONE, pairs, phone};

#[tokio::test]
async fn a_request_to_send_gives_each_recipient_an_outcome_and_the_balance() {
    let body = done(concat!(
        r#""sms":{"#,
        r#""79255070602":{"status":"OK","status_code":100,"sms_id":"202626-1"},"#,
        r#""74993221627":{"status":"ERROR","status_code":207,"sms_id":"202626-2"}},"#,
        r#""balance":4122.56"#,
    ));
    let methods = MethodServer::start(&[("sms/send", &body)]).await;
    let sent = methods.provider("").send(&SendRequest::new(two(), "hi")).await.unwrap();
    assert_eq!(sent.balance, Some(money("4122.56")));
    let [one, other] = &sent.outcomes[..] else { panic!("{sent:?}") };
    assert_eq!((one.class, one.provider_id.as_deref()), (OutcomeClass::Accepted, Some("202626-1")));
    assert_eq!((other.class, other.code), (OutcomeClass::Rejected, Some(207)));
    assert_eq!(
        methods.request_fields("sms/send").await,
        pairs(&[("to", "79255070602,74993221627"), ("msg", "hi")])
    );
}

#[tokio::test]
async fn every_option_of_a_request_to_send_has_its_field() {
    let methods = MethodServer::start(&[("sms/send", DONE)]).await;
    let request = SendRequest::each(two().into_iter().zip(["a".to_owned(), "b".to_owned()]))
        .from("Acme")
        .time(datetime_from_ms(1_000_000_000_999))
        .ttl(Duration::from_hours(24))
        .translit(true)
        .test(true)
        .ip("198.51.100.7".parse().unwrap())
        .partner_id(7);
    methods.provider("from=Other&partner_id=8").send(&request).await.unwrap();
    let expected = [
        ("to[79255070602]", "a"),
        ("to[74993221627]", "b"),
        ("from", "Acme"),
        ("time", "1000000000"),
        ("ttl", "1440"),
        ("translit", "1"),
        ("ip", "198.51.100.7"),
        ("partner_id", "7"),
        ("test", "1"),
    ];
    assert_eq!(methods.request_fields("sms/send").await, pairs(&expected));
    let methods = MethodServer::start(&[("sms/send", DONE)]).await;
    let request = SendRequest::new([phone(PHONE)], "hi").daytime(true);
    methods.provider("from=Other&partner_id=8&test=1").send(&request).await.unwrap();
    let expected = [("from", "Other"), ("daytime", "1"), ("partner_id", "8"), ("test", "1")];
    assert_eq!(
        methods.request_fields("sms/send").await[2..],
        pairs(&expected),
        "what is configured holds here too"
    );
}

#[tokio::test]
async fn a_request_sms_ru_cannot_be_asked_is_not_sent() {
    let one = || SendRequest::new([phone(PHONE)], "hi");
    let far = datetime_from_ms(i64::MAX);
    let many = (0..101).map(|n| phone(PHONE + n));
    for (request, code) in [
        (SendRequest::new([], "hi"), "recipients_count"),
        (SendRequest::new(many, "hi"), "recipients_count"),
        (SendRequest::new([phone(PHONE), phone(PHONE)], "hi"), "recipient_twice"),
        (SendRequest::new([phone(PHONE), phone(9_255_070_602)], "hi"), "recipient_twice"),
        (SendRequest::new([phone(PHONE)], " "), "text_empty"),
        (SendRequest::each([(phone(PHONE), String::new())]), "text_empty"),
        (one().from("sixteencharacter"), "from_invalid"),
        (one().from("Имя"), "from_invalid"),
        (one().ttl(Duration::ZERO), "ttl_range"),
        (one().ttl(Duration::from_secs(90)), "ttl_range"),
        (one().ttl(Duration::from_mins(1441)), "ttl_range"),
        (one().time(far), "time_range"),
        (one().time(datetime_from_ms(0)).daytime(true), "time_and_daytime"),
    ] {
        let methods = MethodServer::start(&[("sms/send", DONE)]).await;
        let error = methods.provider("").send(&request).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, code));
        assert!(methods.called().await.is_empty(), "{code}");
    }
}

#[tokio::test]
async fn a_request_to_send_that_fails_is_the_outcome_of_its_messages() {
    for (body, class) in [
        ("<html>", OutcomeClass::Unknown),
        (DONE, OutcomeClass::Unknown),
        (r#"{"status":"ERROR","status_code":201}"#, OutcomeClass::Blocked),
    ] {
        let methods = MethodServer::start(&[("sms/send", body)]).await;
        let sent = methods.provider("").send(&SendRequest::new(two(), "hi")).await.unwrap();
        assert!(
            sent.outcomes.len() == 2 && sent.outcomes.iter().all(|outcome| outcome.class == class)
        );
        assert_eq!(methods.called().await.len(), 1, "never repeated");
    }
    let sent = crate::support::provider(1, "").send(&SendRequest::new(two(), "hi")).await.unwrap();
    assert!(sent.outcomes.iter().all(|outcome| outcome.class == OutcomeClass::NotSent));
}
