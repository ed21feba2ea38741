//! Prices of messages, by `sms/cost`.

use sms_core::{Price, PriceQuery, Prices as _, Provider as _};

use super::{DONE, done, money, two};
use crate::support::{MethodServer, pairs, phone};

#[tokio::test]
async fn one_call_tells_the_prices_of_messages_to_different_numbers() {
    let body = done(concat!(
        r#""sms":{"#,
        r#""74993221627":{"status":"ERROR","status_code":207,"status_text":"Нет маршрута"},"#,
        r#""79255070602":{"status":"OK","status_code":100,"cost":1.65,"sms":3}}"#,
    ));
    let methods = MethodServer::start(&[("sms/cost", &body)]).await;
    let [first, second] = two();
    let query = |to, text| PriceQuery::new(to, text).from("Acme".to_owned());
    let queries = [query(first, "a"), query(second, "b")];
    let provider = methods.provider("");
    let prices = provider.prices().unwrap().quote(&queries).await.unwrap();
    assert_eq!(prices, [Price::known(money("1.65"), Some(3)), Price::refused(207)]);
    let expected = [("to[79255070602]", "a"), ("to[74993221627]", "b"), ("from", "Acme")];
    assert_eq!(methods.request_fields("sms/cost").await, pairs(&expected));
}

#[tokio::test]
async fn a_number_that_comes_again_other_options_and_many_messages_take_further_calls() {
    let methods = MethodServer::start(&[("sms/cost", DONE)]).await;
    let provider = methods.provider("");
    let [first, second] = two();
    let calls = async |queries: &[PriceQuery]| {
        let before = methods.called().await.len();
        let prices = provider.quote(queries).await.unwrap();
        assert!(prices.len() == queries.len() && prices.iter().all(|it| *it == Price::unknown()));
        methods.called().await.len() - before
    };
    let query = |to| PriceQuery::new(to, "hi");
    assert_eq!(calls(&[]).await, 0);
    assert_eq!(calls(&[query(first), query(second), query(first)]).await, 2);
    assert_eq!(calls(&[query(first), query(second).translit(true)]).await, 2);
    let many: Vec<_> = (0..201).map(|n| query(phone(79_250_000_000 + n))).collect();
    assert_eq!(calls(&many).await, 3);
}

#[tokio::test]
async fn a_request_that_fails_is_an_error() {
    let refused = r#"{"status":"ERROR","status_code":220}"#;
    let methods = MethodServer::start(&[("sms/cost", refused)]).await;
    let [first, _] = two();
    let provider = methods.provider("");
    assert!(provider.quote(&[PriceQuery::new(first, "hi")]).await.is_err());
}
