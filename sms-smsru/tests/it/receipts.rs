//! Status queries as receipts.

use std::time::Duration;

use sms_core::provider::ProviderRef;
use sms_core::{Money, Provider, Receipt, ReceiptState, Receipts};
use sms_smsru::SmsRu;
use sms_smsru::code::{Level, find};

use crate::support::{MethodServer, pairs};

fn refs(ids: &[&str]) -> Vec<ProviderRef> {
    let id = |id: &&str| ProviderRef::new("smsru".to_owned(), (*id).to_owned());
    ids.iter().map(id).collect()
}

async fn receipts(sms: &str, ids: &[&str]) -> Vec<Receipt> {
    let body = format!(r#"{{"status":"OK","status_code":100,"sms":{sms}}}"#);
    let methods = MethodServer::start(&[("sms/status", &body)]).await;
    methods.provider("").receipts().unwrap().query(&refs(ids)).await.unwrap()
}

#[test]
fn the_schedule_is_the_documented_one_and_its_beginning_is_configured() {
    let polling = |url: &str| SmsRu::from_url(url).unwrap().polling();
    let default = polling("smsru://ID@sms.ru");
    assert_eq!((default.first, default.max), (Duration::from_secs(30), Duration::from_hours(1)));
    assert_eq!((default.give_up, default.batch), (Duration::from_hours(72), 100));
    assert_eq!(polling("smsru://ID@sms.ru?poll_first_seconds=5").first, Duration::from_secs(5));
    assert!(default.costs && polling("smsru://ID@sms.ru?costs=1").costs);
    assert!(!polling("smsru://ID@sms.ru?costs=0").costs);
}

#[tokio::test]
async fn each_delivery_code_becomes_what_the_table_says_in_its_words() {
    for (code, state) in [
        (100, ReceiptState::InTransit),
        (101, ReceiptState::InTransit),
        (102, ReceiptState::InTransit),
        (103, ReceiptState::Delivered),
        (104, ReceiptState::Undelivered),
        (105, ReceiptState::Undelivered),
        (106, ReceiptState::Undelivered),
        (107, ReceiptState::Undelivered),
        (108, ReceiptState::Undelivered),
        (110, ReceiptState::Delivered),
        (150, ReceiptState::Undelivered),
    ] {
        let sms = format!(r#"{{"202626-1":{{"status":"OK","status_code":{code},"cost":0.50}}}}"#);
        let words = find(code, Level::Delivery).unwrap().en;
        let expected = Receipt::new("smsru", "202626-1", state).code(code, words);
        let expected = expected.cost(Money::parse("0.50"));
        assert_eq!(receipts(&sms, &["202626-1"]).await, [expected]);
    }
}

#[tokio::test]
async fn a_code_nobody_knows_keeps_a_message_on_its_way() {
    let receipts = receipts(r#"{"1":{"status":"OK","status_code":199}}"#, &["1"]).await;
    assert_eq!((receipts[0].state, receipts[0].code), (ReceiptState::InTransit, Some(199)));
}

#[tokio::test]
async fn what_sms_ru_does_not_know_or_says_unclearly_is_left_out() {
    let sms = r#"{
        "1": {"status":"ERROR","status_code":-1,"status_text":"Сообщение не найдено"},
        "2": {"status":"ERROR","status_code":104},
        "3": {"status":"OK"},
        "4": null,
        "5": {"status":"OK","status_code":103}, "5": {"status":"OK","status_code":104},
        "6": {"status":"OK","status_code":"103"},
        "7": {"status":"OK","status_code":103}
    }"#;
    let receipts = receipts(sms, &["1", "2", "3", "4", "5", "6", "8"]).await;
    assert_eq!(receipts.iter().map(|receipt| &*receipt.provider_id).collect::<Vec<_>>(), ["6"]);
}

#[tokio::test]
async fn nothing_and_ids_that_are_none_are_not_asked_about() {
    let methods = MethodServer::start(&[]).await;
    let provider = methods.provider("");
    assert_eq!(provider.query(&[]).await.unwrap(), []);
    let bad = ["", "1,2", "a b", "ы", &"1".repeat(65)];
    assert_eq!(provider.query(&refs(&bad)).await.unwrap(), []);
    assert!(methods.called().await.is_empty());
}

#[tokio::test]
async fn an_id_is_asked_about_once_and_a_bad_one_does_not_spoil_the_query() {
    let body = r#"{"status":"OK","status_code":100,"sms":{"1":{"status":"OK","status_code":103}}}"#;
    let methods = MethodServer::start(&[("sms/status", body)]).await;
    let receipts = methods.provider("").query(&refs(&["1", "a b", "1"])).await.unwrap();
    assert_eq!(receipts.len(), 1);
    assert_eq!(methods.request_fields("sms/status").await, pairs(&[("sms_id", "1")]));
}

#[tokio::test]
async fn more_ids_than_one_request_takes_are_divided() {
    let body = r#"{"status":"OK","status_code":100,"sms":[]}"#;
    let methods = MethodServer::start(&[("sms/status", body)]).await;
    let ids: Vec<String> = (0..201).map(|n| n.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(methods.provider("").query(&refs(&ids)).await.unwrap(), []);
    assert_eq!(methods.called().await.len(), 3);
}

#[tokio::test]
async fn a_query_that_fails_is_an_error_and_no_silence() {
    for body in ["<html>", r#"{"status":"ERROR","status_code":220}"#] {
        let methods = MethodServer::start(&[("sms/status", body)]).await;
        assert!(methods.provider("").query(&refs(&["1"])).await.is_err());
    }
}
