//! `sms/status`.

use sms_core::ReceiptState;

use super::{DONE, done, money};
use crate::support::{MethodServer, pairs};

#[tokio::test]
async fn a_status_says_what_became_of_each_message_that_is_known() {
    let body = done(concat!(
        r#""sms":{"202626-2":{"status":"ERROR","status_code":-1,"#,
        r#""status_text":"Сообщение не найдено"},"#,
        r#""202626-1":{"status":"OK","status_code":103,"cost":0.50,"#,
        r#""status_text":"Сообщение доставлено"},"#,
        r#""202626-9":{"status":"OK","status_code":103}}"#,
    ));
    let methods = MethodServer::start(&[("sms/status", &body)]).await;
    let ids = ["202626-1", "202626-2", "202626-3"];
    let statuses = methods.provider("").status(&ids).await.unwrap();
    let [known, unknown] = &statuses[..] else { panic!("{statuses:?}") };
    assert_eq!(
        (&*known.id, known.code, known.state),
        ("202626-1", 103, Some(ReceiptState::Delivered))
    );
    assert_eq!((known.cost, known.text()), (Some(money("0.5")), "the message was delivered"));
    assert_eq!(
        (&*unknown.id, unknown.code, unknown.state, unknown.cost),
        ("202626-2", -1, None, None)
    );
    assert_eq!(
        methods.request_fields("sms/status").await,
        pairs(&[("sms_id", "202626-1,202626-2,202626-3")])
    );
}

#[tokio::test]
async fn a_status_is_asked_of_one_to_a_hundred_ids() {
    let methods = MethodServer::start(&[("sms/status", DONE)]).await;
    let provider = methods.provider("");
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    for (ids, code) in
        [(&[][..], "ids_count"), (&many, "ids_count"), (&["1,2".to_owned()], "id_invalid")]
    {
        assert_eq!(provider.status(ids).await.unwrap_err().code(), code);
    }
    assert!(methods.called().await.is_empty());
    assert_eq!(provider.status(&many[..100]).await.unwrap(), []);
}
