//! One test of each other method, on replies in the form of those recorded or documented, and of its errors.

use std::time::Duration;

use sms_core::clock::datetime_from_ms;
use sms_core::{ErrorKind, Money, OutcomeClass, PhoneNumber, ReceiptState};
use sms_smsru::code::CallCheckState;
use sms_smsru::{CodeCall, CostRequest, Refusal, SendRequest, SmsRu};

use crate::support::{Methods, PHONE, pairs, phone};

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn done(fields: &str) -> String {
    format!("{{\"status\":\"OK\",\"status_code\":100,{fields}}}")
}

const DONE: &str = r#"{"status":"OK","status_code":100}"#;
const TWO: [u64; 2] = [PHONE, 74_993_221_627];

fn two() -> [PhoneNumber; 2] {
    TWO.map(phone)
}

#[tokio::test]
async fn a_request_to_send_gives_each_recipient_an_outcome_and_the_balance() {
    let body = done(
        r#""sms":{"79255070602":{"status":"OK","status_code":100,"sms_id":"202626-1"},"74993221627":{"status":"ERROR","status_code":207,"sms_id":"202626-2"}},"balance":4122.56"#,
    );
    let methods = Methods::start(&[("sms/send", &body)]).await;
    let sent = methods.provider("").send(&SendRequest::new(two(), "hi")).await.unwrap();
    assert_eq!(sent.balance, Some(money("4122.56")));
    let [one, other] = &sent.outcomes[..] else { panic!("{sent:?}") };
    assert_eq!((one.class, one.provider_id.as_deref()), (OutcomeClass::Accepted, Some("202626-1")));
    assert_eq!((other.class, other.code), (OutcomeClass::Rejected, Some(207)));
    assert_eq!(methods.asked("sms/send").await, pairs(&[("to", "79255070602,74993221627"), ("msg", "hi")]));
}

#[tokio::test]
async fn every_option_of_a_request_to_send_has_its_field() {
    let methods = Methods::start(&[("sms/send", DONE)]).await;
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
    assert_eq!(methods.asked("sms/send").await, pairs(&expected));
    let methods = Methods::start(&[("sms/send", DONE)]).await;
    let request = SendRequest::new([phone(PHONE)], "hi").daytime(true);
    methods.provider("from=Other&partner_id=8&test=1").send(&request).await.unwrap();
    let expected = [("from", "Other"), ("daytime", "1"), ("partner_id", "8"), ("test", "1")];
    assert_eq!(methods.asked("sms/send").await[2..], pairs(&expected), "what is configured holds here too");
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
        let methods = Methods::start(&[("sms/send", DONE)]).await;
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
        let methods = Methods::start(&[("sms/send", body)]).await;
        let sent = methods.provider("").send(&SendRequest::new(two(), "hi")).await.unwrap();
        assert!(sent.outcomes.len() == 2 && sent.outcomes.iter().all(|outcome| outcome.class == class));
        assert_eq!(methods.called().await.len(), 1, "never repeated");
    }
    let sent = crate::support::provider(1, "").send(&SendRequest::new(two(), "hi")).await.unwrap();
    assert!(sent.outcomes.iter().all(|outcome| outcome.class == OutcomeClass::NotSent));
}

#[tokio::test]
async fn a_status_says_what_became_of_each_message_that_is_known() {
    let body = done(
        r#""sms":{"202626-2":{"status":"ERROR","status_code":-1,"status_text":"Сообщение не найдено"},"202626-1":{"status":"OK","status_code":103,"cost":0.50,"status_text":"Сообщение доставлено"},"202626-9":{"status":"OK","status_code":103}}"#,
    );
    let methods = Methods::start(&[("sms/status", &body)]).await;
    let ids = ["202626-1", "202626-2", "202626-3"];
    let statuses = methods.provider("").status(&ids).await.unwrap();
    let [known, unknown] = &statuses[..] else { panic!("{statuses:?}") };
    assert_eq!((&*known.id, known.code, known.state), ("202626-1", 103, Some(ReceiptState::Delivered)));
    assert_eq!((known.cost, known.text()), (Some(money("0.5")), "the message was delivered"));
    assert_eq!((&*unknown.id, unknown.code, unknown.state, unknown.cost), ("202626-2", -1, None, None));
    assert_eq!(methods.asked("sms/status").await, pairs(&[("sms_id", "202626-1,202626-2,202626-3")]));
}

#[tokio::test]
async fn a_status_is_asked_of_one_to_a_hundred_ids() {
    let methods = Methods::start(&[("sms/status", DONE)]).await;
    let provider = methods.provider("");
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    for (ids, code) in [(&[][..], "ids_count"), (&many, "ids_count"), (&["1,2".to_owned()], "id_invalid")] {
        assert_eq!(provider.status(ids).await.unwrap_err().code(), code);
    }
    assert!(methods.called().await.is_empty());
    assert_eq!(provider.status(&many[..100]).await.unwrap(), []);
}

#[tokio::test]
async fn a_price_is_told_for_each_recipient_and_all() {
    let body = done(
        r#""sms":{"74993221627":{"status":"ERROR","status_code":207,"status_text":"Нет маршрута"},"79255070602":{"status":"OK","status_code":100,"cost":1.65,"sms":3}},"total_cost":1.65,"total_sms":3"#,
    );
    let methods = Methods::start(&[("sms/cost", &body)]).await;
    let request = CostRequest::new(two(), "Привет").from("Acme").translit(true);
    let cost = methods.provider("").cost(&request).await.unwrap();
    assert_eq!((cost.total, cost.parts), (Some(money("1.65")), Some(3)));
    let [one, other] = &cost.recipients[..] else { panic!("{cost:?}") };
    assert_eq!((one.to, one.price, one.parts), (phone(PHONE), Some(money("1.65")), Some(3)));
    assert_eq!((other.price, other.refusal.as_ref().and_then(|refusal| refusal.code)), (None, Some(207)));
    let expected =
        [("to", "79255070602,74993221627"), ("msg", "Привет"), ("from", "Acme"), ("translit", "1")];
    assert_eq!(methods.asked("sms/cost").await, pairs(&expected));
}

#[tokio::test]
async fn a_price_of_messages_all_refused_has_no_total_and_one_without_a_text_is_of_a_part() {
    let body = done(r#""sms":{"79255070602":{"status":"ERROR","status_code":221}}"#);
    let methods = Methods::start(&[("sms/cost", &body)]).await;
    let cost = methods.provider("").cost(&CostRequest::new([phone(PHONE)], "")).await.unwrap();
    assert_eq!((cost.total, cost.parts, cost.recipients[0].price), (None, None, None));
    assert_eq!(methods.asked("sms/cost").await, pairs(&[("to", "79255070602")]));
    let methods = Methods::start(&[("sms/cost", DONE)]).await;
    let texts = ["a".to_owned(), "b".to_owned()];
    let cost = methods.provider("").cost(&CostRequest::each(two().into_iter().zip(texts))).await.unwrap();
    assert!(cost.recipients.iter().all(|one| one.price.is_none() && one.refusal.is_none()));
    let expected = [("to[79255070602]", "a"), ("to[74993221627]", "b")];
    assert_eq!(methods.asked("sms/cost").await, pairs(&expected));
    let error = methods.provider("").cost(&CostRequest::new([], "hi")).await.unwrap_err();
    assert_eq!(error.code(), "recipients_count");
}

#[tokio::test]
async fn the_stop_list_is_added_to_and_taken_from() {
    let methods = Methods::start(&[("stoplist/add", DONE), ("stoplist/del", DONE)]).await;
    methods.provider("").stoplist_add(phone(PHONE), "asked to").await.unwrap();
    methods.provider("").stoplist_del(phone(PHONE)).await.unwrap();
    let added = [("stoplist_phone", "79255070602"), ("stoplist_text", "asked to")];
    assert_eq!(methods.asked("stoplist/add").await, pairs(&added));
    assert_eq!(methods.asked("stoplist/del").await, pairs(&added[..1]));
    let refused = r#"{"status":"ERROR","status_code":202,"status_text":"asked to 79255070602"}"#;
    let methods = Methods::start(&[("stoplist/add", refused), ("stoplist/del", refused)]).await;
    let error = methods.provider("").stoplist_add(phone(PHONE), "asked to").await.unwrap_err();
    assert_eq!((error.kind(), Refusal::of(&error).unwrap().words.as_deref()), (ErrorKind::Invalid, None));
    assert!(methods.provider("").stoplist_del(phone(PHONE)).await.is_err());
}

#[tokio::test]
async fn the_stop_list_is_read_in_every_form_php_gives_it() {
    for (fields, expected) in [
        (
            r#""stoplist":{"79255070602":"asked to","74993221627":"","89990000001":null}"#,
            &[(PHONE, "asked to"), (74_993_221_627, ""), (79_990_000_001, "")][..],
        ),
        (r#""stoplist":["79255070602"]"#, &[(PHONE, "")]),
        (r#""stoplist":[]"#, &[]),
        (r#""stoplist":{}"#, &[]),
        (r#""stoplist":null"#, &[]),
        (r#""x":1"#, &[]),
    ] {
        let methods = Methods::start(&[("stoplist/get", &done(fields))]).await;
        let list = methods.provider("").stoplist_get().await.unwrap();
        let list: Vec<_> = list.iter().map(|entry| (entry.phone.digits(), &*entry.note)).collect();
        assert_eq!(list, expected, "{fields}");
        assert_eq!(methods.asked("stoplist/get").await, []);
    }
}

#[tokio::test]
async fn callback_addresses_are_registered_and_listed() {
    const URL: &str = "https://example.com/callbacks/smsru/token";
    let one = done(r#""callback":["https:\/\/example.com\/callbacks\/smsru\/token"]"#);
    let methods = Methods::start(&[
        ("callback/add", &one),
        ("callback/get", &one),
        // Recorded: the key is absent when the list became empty.
        ("callback/del", DONE),
    ])
    .await;
    let provider = methods.provider("");
    assert_eq!(provider.callback_add(URL).await.unwrap(), [URL]);
    assert_eq!(provider.callback_get().await.unwrap(), [URL]);
    assert_eq!(provider.callback_del(URL).await.unwrap(), [""; 0]);
    assert_eq!(methods.asked("callback/add").await, pairs(&[("url", URL)]));
    assert_eq!(methods.asked("callback/del").await, pairs(&[("url", URL)]));
    assert_eq!(methods.asked("callback/get").await, []);
    for url in ["", "example.com", "ftp://example.com", "https://"] {
        assert_eq!(provider.callback_add(url).await.unwrap_err().code(), "url_invalid", "{url}");
    }
    let refused = r#"{"status":"ERROR","status_code":902}"#;
    let methods = Methods::start(&[("callback/del", refused)]).await;
    assert_eq!(methods.provider("").callback_del(URL).await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn called(body: &str) -> Result<CodeCall, sms_core::Error> {
    let methods = Methods::start(&[("code/call", body)]).await;
    let call = methods.provider("").code_call(phone(PHONE), None).await;
    assert_eq!(methods.called().await.len(), 1, "never repeated");
    call
}

#[tokio::test]
async fn a_call_with_a_code_is_asked_for_once_and_gives_the_code() {
    // The documented sample has no status_code.
    let body = r#"{"status":"OK","code":"0435","call_id":"000000-10000000","cost":0.4,"balance":4122.56}"#;
    let methods = Methods::start(&[("code/call", body)]).await;
    let ip = Some("198.51.100.7".parse().unwrap());
    let call = methods.provider("partner_id=7").code_call(phone(PHONE), ip).await.unwrap();
    assert!(!format!("{call:?}").contains("0435"));
    let CodeCall::Made(made) = call else { panic!("{call:?}") };
    assert_eq!((&*made.code, made.call_id.as_deref()), ("0435", Some("000000-10000000")));
    assert_eq!((made.cost, made.balance), (Some(money("0.4")), Some(money("4122.56"))));
    let asked = [("phone", "79255070602"), ("ip", "198.51.100.7"), ("partner_id", "7")];
    assert_eq!(methods.asked("code/call").await, pairs(&asked));
    let methods = Methods::start(&[("code/call", r#"{"status":"OK","status_code":100,"code":35}"#)]).await;
    let call = methods.provider("").code_call(phone(PHONE), None).await.unwrap();
    assert!(matches!(call, CodeCall::Made(made) if made.code == "0035"));
    assert_eq!(methods.asked("code/call").await, pairs(&[("phone", "79255070602"), ("ip", "-1")]));
}

#[tokio::test]
async fn a_refused_call_is_an_error_and_proven_not_made() {
    for (body, kind, code) in [
        (r#"{"status":"ERROR","status_code":201}"#, ErrorKind::Unavailable, Some(201)),
        (r#"{"status":"ERROR","status_code":507,"status_text":"IP"}"#, ErrorKind::Invalid, Some(507)),
        (r#"{"status":"ERROR","status_code":508}"#, ErrorKind::Unavailable, Some(508)),
        (r#"{"status":"ERROR","status_code":202}"#, ErrorKind::Invalid, Some(202)),
        (r#"{"status":"ERROR","status_text":"Нельзя"}"#, ErrorKind::Config, None),
    ] {
        let error = called(body).await.unwrap_err();
        assert_eq!((error.kind(), Refusal::of(&error).unwrap().code), (kind, code), "{body}");
    }
    let error = crate::support::provider(1, "").code_call(phone(PHONE), None).await.unwrap_err();
    assert_eq!((error.kind(), Refusal::of(&error)), (ErrorKind::Unavailable, None));
}

#[tokio::test]
async fn a_call_that_may_have_been_made_is_no_error_to_repeat() {
    for body in [
        "",
        "<html>maintenance</html>",
        r#"{"status":"OK"}"#,
        r#"{"status":"OK","code":"ABCD"}"#,
        r#"{"code":"1435"}"#,
        r#"{"status":"ERROR","status_code":100}"#,
        r#"{"status":"ERROR","status_code":{}}"#,
        r#"{"status":"OK","status_code":201,"code":"1435"}"#,
    ] {
        assert!(matches!(called(body).await, Ok(CodeCall::Unknown(_))), "{body}");
    }
    let (port, _) = crate::support::raw(|mut stream| async move {
        crate::support::read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let provider = crate::support::provider(port, "timeout_seconds=1");
    let call = provider.code_call(phone(PHONE), None).await.unwrap();
    assert_eq!(call, CodeCall::Unknown("sms.ru did not answer in time".to_owned()));
}

#[tokio::test]
async fn test_mode_makes_no_paid_call() {
    let methods = Methods::start(&[("code/call", r#"{"status":"OK","code":"1435"}"#)]).await;
    let error = methods.provider("test=1").code_call(phone(PHONE), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(methods.called().await.is_empty());
}

#[tokio::test]
async fn a_check_by_call_names_the_number_to_call() {
    let body = done(
        r#""check_id":"201737-542","call_phone":"78005008275","call_phone_pretty":"+7 (800) 500-8275","call_phone_html":"<a href=\"callto:78005008275\">+7 (800) 500-8275<\/a>""#,
    );
    let methods = Methods::start(&[("callcheck/add", &body)]).await;
    let check = methods.provider("").callcheck_add(phone(PHONE), None).await.unwrap();
    assert_eq!((&*check.id, &*check.call_phone, check.cost), ("201737-542", "78005008275", None));
    assert_eq!(check.call_phone_pretty.as_deref(), Some("+7 (800) 500-8275"));
    assert!(check.call_phone_html.unwrap().starts_with("<a href=\"callto:"));
    assert_eq!(methods.asked("callcheck/add").await, pairs(&[("phone", "79255070602")]));
    let number = done(r#""check_id":"1","call_phone":78005008275,"cost":"0.4""#);
    let methods = Methods::start(&[("callcheck/add", &number)]).await;
    let ip = Some("198.51.100.7".parse().unwrap());
    let check = methods.provider("").callcheck_add(phone(PHONE), ip).await.unwrap();
    assert_eq!((&*check.call_phone, check.cost), ("78005008275", Some(money("0.4"))));
    let asked = [("phone", "79255070602"), ("ip", "198.51.100.7")];
    assert_eq!(methods.asked("callcheck/add").await, pairs(&asked));
    for body in [DONE, r#"{"status":"ERROR","status_code":202}"#] {
        let methods = Methods::start(&[("callcheck/add", body)]).await;
        assert!(methods.provider("").callcheck_add(phone(PHONE), None).await.is_err(), "{body}");
    }
}

#[tokio::test]
async fn a_check_by_call_stands_as_its_code_says_in_text_or_number() {
    for (status, code, state) in [
        (r#""400""#, 400, Some(CallCheckState::Waiting)),
        (r#""401""#, 401, Some(CallCheckState::Confirmed)),
        ("401", 401, Some(CallCheckState::Confirmed)),
        (r#""402""#, 402, Some(CallCheckState::Expired)),
        ("403", 403, None),
    ] {
        let body = done(&format!(r#""check_status":{status},"check_status_text":"…""#));
        let methods = Methods::start(&[("callcheck/status", &body)]).await;
        let check = methods.provider("").callcheck_status("201737-542").await.unwrap();
        assert_eq!((check.code, check.state), (code, state));
        assert_eq!(methods.asked("callcheck/status").await, pairs(&[("check_id", "201737-542")]));
    }
    let methods = Methods::start(&[("callcheck/status", DONE)]).await;
    assert!(methods.provider("").callcheck_status("201737-542").await.is_err());
    let error = SmsRu::from_url("smsru://ID@sms.ru").unwrap().callcheck_status("a b").await.unwrap_err();
    assert_eq!(error.code(), "id_invalid");
}
