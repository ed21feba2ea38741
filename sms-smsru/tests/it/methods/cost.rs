//! `sms/cost`.

use sms_smsru::CostRequest;

use super::{DONE, done, money, two};
use crate::support::{MethodServer, PHONE, pairs, phone};

#[tokio::test]
async fn a_price_is_told_for_each_recipient_and_all() {
    let body = done(concat!(
        r#""sms":{"#,
        r#""74993221627":{"status":"ERROR","status_code":207,"status_text":"Нет маршрута"},"#,
        r#""79255070602":{"status":"OK","status_code":100,"cost":1.65,"sms":3}},"#,
        r#""total_cost":1.65,"total_sms":3"#,
    ));
    let methods = MethodServer::start(&[("sms/cost", &body)]).await;
    let request = CostRequest::new(two(), "Привет").from("Acme").translit(true);
    let cost = methods.provider("").cost(&request).await.unwrap();
    assert_eq!((cost.total, cost.parts), (Some(money("1.65")), Some(3)));
    let [one, other] = &cost.recipients[..] else { panic!("{cost:?}") };
    assert_eq!((one.to, one.price, one.parts), (phone(PHONE), Some(money("1.65")), Some(3)));
    assert_eq!(
        (other.price, other.refusal.as_ref().and_then(|refusal| refusal.code)),
        (None, Some(207))
    );
    let expected =
        [("to", "79255070602,74993221627"), ("msg", "Привет"), ("from", "Acme"), ("translit", "1")];
    assert_eq!(methods.request_fields("sms/cost").await, pairs(&expected));
}

#[tokio::test]
async fn a_price_of_messages_all_refused_has_no_total_and_one_without_a_text_is_of_a_part() {
    let body = done(r#""sms":{"79255070602":{"status":"ERROR","status_code":221}}"#);
    let methods = MethodServer::start(&[("sms/cost", &body)]).await;
    let cost = methods.provider("").cost(&CostRequest::new([phone(PHONE)], "")).await.unwrap();
    assert_eq!((cost.total, cost.parts, cost.recipients[0].price), (None, None, None));
    assert_eq!(methods.request_fields("sms/cost").await, pairs(&[("to", "79255070602")]));
    let methods = MethodServer::start(&[("sms/cost", DONE)]).await;
    let texts = ["a".to_owned(), "b".to_owned()];
    let cost =
        methods.provider("").cost(&CostRequest::each(two().into_iter().zip(texts))).await.unwrap();
    assert!(cost.recipients.iter().all(|one| one.price.is_none() && one.refusal.is_none()));
    let expected = [("to[79255070602]", "a"), ("to[74993221627]", "b")];
    assert_eq!(methods.request_fields("sms/cost").await, pairs(&expected));
    let error = methods.provider("").cost(&CostRequest::new([], "hi")).await.unwrap_err();
    assert_eq!(error.code(), "recipients_count");
}
