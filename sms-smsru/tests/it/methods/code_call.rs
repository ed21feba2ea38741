//! `code/call`.

use sms_core::ErrorKind;
use sms_smsru::{CodeCall, Refusal};

use super::money;
use crate::support::{MethodServer, PHONE, pairs, phone};

async fn called(body: &str) -> Result<CodeCall, sms_core::Error> {
    let methods = MethodServer::start(&[("code/call", body)]).await;
    let call = methods.provider("").code_call(phone(PHONE), None).await;
    assert_eq!(methods.called().await.len(), 1, "never repeated");
    call
}

#[tokio::test]
async fn a_call_with_a_code_is_asked_for_once_and_gives_the_code() {
    // The documented sample has no status_code.
    let body =
        r#"{"status":"OK","code":"0435","call_id":"000000-10000000","cost":0.4,"balance":4122.56}"#;
    let methods = MethodServer::start(&[("code/call", body)]).await;
    let ip = Some("198.51.100.7".parse().unwrap());
    let call = methods.provider("partner_id=7").code_call(phone(PHONE), ip).await.unwrap();
    assert!(!format!("{call:?}").contains("0435"));
    let CodeCall::Made(made) = call else { panic!("{call:?}") };
    assert_eq!((&*made.code, made.call_id.as_deref()), ("0435", Some("000000-10000000")));
    assert_eq!((made.cost, made.balance), (Some(money("0.4")), Some(money("4122.56"))));
    let asked = [("phone", "79255070602"), ("ip", "198.51.100.7"), ("partner_id", "7")];
    assert_eq!(methods.request_fields("code/call").await, pairs(&asked));
    let methods =
        MethodServer::start(&[("code/call", r#"{"status":"OK","status_code":100,"code":35}"#)])
            .await;
    let call = methods.provider("").code_call(phone(PHONE), None).await.unwrap();
    assert!(matches!(call, CodeCall::Made(made) if made.code == "0035"));
    assert_eq!(
        methods.request_fields("code/call").await,
        pairs(&[("phone", "79255070602"), ("ip", "-1")])
    );
}

#[tokio::test]
async fn a_refused_call_is_an_error_and_proven_not_made() {
    for (body, kind, code) in [
        (r#"{"status":"ERROR","status_code":201}"#, ErrorKind::Unavailable, Some(201)),
        (
            r#"{"status":"ERROR","status_code":507,"status_text":"IP"}"#,
            ErrorKind::Invalid,
            Some(507),
        ),
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
    let methods = MethodServer::start(&[("code/call", r#"{"status":"OK","code":"1435"}"#)]).await;
    let error = methods.provider("test=1").code_call(phone(PHONE), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(methods.called().await.is_empty());
}
