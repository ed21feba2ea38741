//! Credentials, numbers and texts do not appear in anything that is printed or stored.

use sms_core::{Outcome, Provider, Submission};
use sms_smsru::{CostRequest, SendRequest, SmsRu, SmsRuConfig};
use wiremock::ResponseTemplate;

use crate::support::{
    CANARY, MethodServer, PHONE, ReplyServer, answered, message, phone, provider, server,
};

const TEXT: &str = "Ваш код 4821, никому его не говорите";

fn batch() -> [Submission; 2] {
    [message(PHONE, TEXT), message(PHONE + 1, "Приём у врача завтра")]
}

fn assert_clean(outcomes: &[Outcome]) {
    for outcome in outcomes {
        let text = outcome.text.as_deref().unwrap_or_default();
        for secret in [CANARY, "4821", "никому его", "5070602", "507-06-02", "врача завтра"]
        {
            assert!(!text.to_lowercase().contains(&secret.to_lowercase()), "{secret} in {text}");
        }
        assert!(text.chars().count() <= 200 && !text.contains(char::is_control), "{text}");
    }
}

#[test]
fn credentials_are_in_no_debug_output_and_no_error() {
    let good = format!("smsru://{CANARY}@sms.ru?from=Acme");
    let login = format!("smsru://LOGIN{CANARY}:{CANARY}@sms.ru");
    for url in [&good, &login] {
        let (config, provider) =
            (SmsRuConfig::from_url(url).unwrap(), SmsRu::from_url(url).unwrap());
        let printed = format!("{config:?} {config:#?} {provider:?} {provider:#?}");
        assert!(!printed.contains("CANARY") && printed.contains("[redacted]"), "{printed}");
    }
    for url in [
        CANARY.to_owned(),
        format!("smsru://{CANARY}"),
        format!("smsru://{CANARY}:{CANARY}"),
        format!("smsru://sms.ru?{CANARY}"),
        format!("smsru://ID@sms.ru?{CANARY}={CANARY}"),
        format!("smsru://ID@sms.ru?api_id={CANARY}"),
        format!("smsru://ID@sms.ru?batch={CANARY}"),
        format!("smsru://ID@sms.ru?test={CANARY}"),
        format!("smsru://ID@sms.ru/{CANARY}"),
        format!("smsru://ID@sms.ru#{CANARY}"),
        format!("smsru://{CANARY}%zz@sms.ru"),
        format!("smsru+http://{CANARY}@sms.ru"),
        format!("{CANARY}://x@sms.ru"),
    ] {
        let error = SmsRu::from_url(&url).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
    }
    let wrong = SmsRuConfig::new(CANARY).base_url(format!("https://{CANARY}@sms.ru"));
    assert!(!format!("{wrong:?} {:?}", SmsRu::new(wrong.clone()).unwrap_err()).contains("CANARY"));
}

#[tokio::test]
async fn words_of_sms_ru_that_repeat_a_secret_are_replaced_by_ours() {
    let server = ReplyServer::start().await;
    let cut = "Ограничение. ".repeat(40);
    for words in [
        format!("api_id {CANARY} не найден"),
        format!("api_id {} не найден", CANARY.to_lowercase()),
        "Номер 79255070602 заблокирован".to_owned(),
        "Номер +7 (925) 507-06-02 заблокирован".to_owned(),
        "Номер 925.507.06.02 заблокирован".to_owned(),
        format!("Запрещено: {TEXT}"),
        "Запрещено: «никому его не говорите»".to_owned(),
        "Запрещено: 4821".to_owned(),
        "Строка\\nвторая\\t\\u0000третья".to_owned(),
        cut,
    ] {
        let one = format!(r#"{{"status":"ERROR","status_code":216,"status_text":"{words}"}}"#);
        let all = format!(
            r#"{{"status":"OK","status_code":100,"sms":{{"{PHONE}":{one},"{}":{one}}}}}"#,
            PHONE + 1
        );
        for body in [&one, &all] {
            let outcomes = server.submit(body, &batch()[..1]).await;
            assert_eq!(outcomes[0].code, Some(216), "{body}");
            assert!(outcomes[0].text.as_deref().is_some_and(|text| !text.is_empty()));
            assert_clean(&outcomes);
        }
    }
}

#[tokio::test]
async fn a_refusal_of_many_does_not_carry_the_text_of_one_to_the_others() {
    let body =
        r#"{"status":"ERROR","status_code":216,"status_text":"Запрещено: Приём у врача завтра"}"#;
    assert_clean(&answered(body, &batch()).await);
}

#[tokio::test]
async fn reasons_of_failures_repeat_nothing_of_the_request_or_the_answer() {
    for status in [200, 302, 400, 500] {
        let body = format!("{CANARY} {PHONE} {TEXT}");
        let server = server(ResponseTemplate::new(status).set_body_string(body)).await;
        assert_clean(&provider(server.address().port(), "").submit(&batch()).await);
    }
    assert_clean(&provider(1, "").submit(&batch()).await);
}

#[test]
fn numbers_and_texts_are_in_no_debug_output_of_a_request() {
    let (send, cost) =
        (SendRequest::new([phone(PHONE)], TEXT), CostRequest::new([phone(PHONE)], TEXT));
    let printed = format!("{send:?} {cost:?}");
    assert!(!printed.contains("5070602") && !printed.contains("4821"), "{printed}");
}

#[tokio::test]
async fn errors_of_the_other_methods_repeat_nothing_of_the_request() {
    let url = "https://example.com/callbacks/CANARY";
    let words = format!("{CANARY} 79255070602 {TEXT} заметка о клиенте {url}");
    let refused = format!(r#"{{"status":"ERROR","status_code":202,"status_text":"{words}"}}"#);
    let refused_one =
        format!(r#"{{"status":"OK","status_code":100,"sms":{{"{PHONE}":{refused}}}}}"#);
    let answers = [
        ("sms/cost", &*refused_one),
        ("stoplist/add", &refused),
        ("callback/add", &refused),
        ("code/call", &refused),
        ("callcheck/add", &refused),
        ("my/balance", &refused),
    ];
    let methods = MethodServer::start(&answers).await;
    let provider = methods.provider("");
    let cost = provider.cost(&CostRequest::new([phone(PHONE)], TEXT)).await.unwrap();
    let printed = format!(
        "{cost:?} {:?} {:?} {:?} {:?} {:?}",
        provider.stoplist_add(phone(PHONE), "заметка о клиенте").await.unwrap_err(),
        provider.callback_add(url).await.unwrap_err(),
        provider.code_call(phone(PHONE), None).await.unwrap_err(),
        provider.callcheck_add(phone(PHONE), None).await.unwrap_err(),
        provider.balance().await.unwrap_err(),
    );
    for secret in ["CANARY", "5070602", "4821", "заметка о клиенте"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}
