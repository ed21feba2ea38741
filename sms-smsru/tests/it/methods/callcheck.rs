//! `callcheck/…`.

use sms_smsru::SmsRu;
use sms_smsru::code::CallCheckState;

use super::{DONE, done, money};
use crate::support::{MethodServer, PHONE, pairs, phone};

#[tokio::test]
async fn a_check_by_call_names_the_number_to_call() {
    let body = done(concat!(
        r#""check_id":"201737-542","call_phone":"78005008275","#,
        r#""call_phone_pretty":"+7 (800) 500-8275","#,
        r#""call_phone_html":"<a href=\"callto:78005008275\">+7 (800) 500-8275<\/a>""#,
    ));
    let methods = MethodServer::start(&[("callcheck/add", &body)]).await;
    let check = methods.provider("").callcheck_add(phone(PHONE), None).await.unwrap();
    assert_eq!((&*check.id, &*check.call_phone, check.cost), ("201737-542", "78005008275", None));
    assert_eq!(check.call_phone_pretty.as_deref(), Some("+7 (800) 500-8275"));
    assert!(check.call_phone_html.unwrap().starts_with("<a href=\"callto:"));
    assert_eq!(methods.request_fields("callcheck/add").await, pairs(&[("phone", "79255070602")]));
    let number = done(r#""check_id":"1","call_phone":78005008275,"cost":"0.4""#);
    let methods = MethodServer::start(&[("callcheck/add", &number)]).await;
    let ip = Some("198.51.100.7".parse().unwrap());
    let check = methods.provider("").callcheck_add(phone(PHONE), ip).await.unwrap();
    assert_eq!((&*check.call_phone, check.cost), ("78005008275", Some(money("0.4"))));
    let asked = [("phone", "79255070602"), ("ip", "198.51.100.7")];
    assert_eq!(methods.request_fields("callcheck/add").await, pairs(&asked));
    for body in [DONE, r#"{"status":"ERROR","status_code":202}"#] {
        let methods = MethodServer::start(&[("callcheck/add", body)]).await;
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
        let methods = MethodServer::start(&[("callcheck/status", &body)]).await;
        let check = methods.provider("").callcheck_status("201737-542").await.unwrap();
        assert_eq!((check.code, check.state), (code, state));
        assert_eq!(
            methods.request_fields("callcheck/status").await,
            pairs(&[("check_id", "201737-542")])
        );
    }
    let methods = MethodServer::start(&[("callcheck/status", DONE)]).await;
    assert!(methods.provider("").callcheck_status("201737-542").await.is_err());
    let error =
        SmsRu::from_url("smsru://ID@sms.ru").unwrap().callcheck_status("a b").await.unwrap_err();
    assert_eq!(error.code(), "id_invalid");
}
