use sms_core::{Outcome, OutcomeClass, Provider, Submission};
use wiremock::ResponseTemplate;

use crate::support::{PHONE, ReplyServer, answered, classes, message, provider, server};

/// A reply in the format of the live server: indented by 4, slashes escaped, Cyrillic not escaped.
const RECORDED: &str = r#"{
    "status": "OK",
    "status_code": 100,
    "sms": {
        "79255070602": {
            "status": "OK",
            "status_code": 100,
            "sms_id": "202626-1000000"
        },
        "74993221627": {
            "status": "ERROR",
            "status_code": 207,
            "status_text": "На этот номер нельзя отправлять сообщения"
        },
        "79255070604": {
            "status": "ERROR",
            "status_code": 221,
            "status_text": "Создайте имя отправителя: https:\/\/sms.ru\/?panel=senders",
            "sms_id": "202626-1000001"
        }
    },
    "balance": 4122.56
}"#;

/// A reply that accepts one recipient, [`PHONE`].
const ONE_ACCEPTED: &str = concat!(
    r#"{"status":"OK","status_code":100,"sms":"#,
    r#"{"79255070602":{"status":"OK","status_code":100,"sms_id":"1"}}}"#,
);

fn three() -> [Submission; 3] {
    [message(79_255_070_604, "c"), message(PHONE, "a"), message(74_993_221_627, "b")]
}

/// Returns the outcome of one message to [`PHONE`] for a reply with this map of recipients.
async fn one(server: &ReplyServer, sms: &str) -> Outcome {
    let body = format!(r#"{{"status":"OK","status_code":100,"sms":{sms}}}"#);
    server.submit(&body, &[message(PHONE, "hi")]).await.remove(0)
}

#[tokio::test]
async fn a_recorded_reply_gives_each_message_its_own_outcome() {
    let outcomes = answered(RECORDED, &three()).await;
    assert_eq!(classes(&outcomes), ["blocked", "accepted", "rejected"]);
    assert_eq!(outcomes[1].provider_id.as_deref(), Some("202626-1000000"));
    assert_eq!(
        outcomes.iter().map(|outcome| outcome.code).collect::<Vec<_>>(),
        [Some(221), Some(100), Some(207)]
    );
    assert_eq!(outcomes[0].provider_id, None, "an id on a refusal is not an acceptance");
    assert_eq!(outcomes[2].text.as_deref(), Some("На этот номер нельзя отправлять сообщения"));
}

#[tokio::test]
async fn an_acceptance_is_recognised_in_every_spelling() {
    const OK: &str = r#"{"status":"OK","status_code":100,"sms_id":"1"}"#;
    let server = ReplyServer::start().await;
    for sms in [
        format!(r#"{{"79255070602":{OK}}}"#),
        format!(r#"{{"+79255070602":{OK}}}"#),
        format!(r#"{{"89255070602":{OK}}}"#),
        format!(r#"{{"9255070602":{OK}}}"#),
        format!(r#"{{"8 (925) 507-06-02":{OK}}}"#),
        format!(r#"{{"79255070602":{OK},"79255070602":{OK}}}"#),
        format!(r#"{{"79255070602":{OK},"79999999999":{OK}}}"#),
        format!(r#"{{"0":{OK}}}"#),
        format!("[{OK}]"),
        r#"{"79255070602":{"status":"ok ","status_code":"100","sms_id":"1","new":[{}]}}"#
            .to_owned(),
        r#"{"79255070602":{"status":"OK","status_code":100.0,"sms_id":1}}"#.to_owned(),
    ] {
        let outcome = one(&server, &sms).await;
        assert_eq!(
            (outcome.class, outcome.provider_id.as_deref()),
            (OutcomeClass::Accepted, Some("1")),
            "{sms}"
        );
    }
}

#[tokio::test]
async fn an_acceptance_without_a_usable_id_is_one_that_cannot_be_followed() {
    let server = ReplyServer::start().await;
    for id in ["", r#","sms_id":null"#, r#","sms_id":"""#, r#","sms_id":{}"#, r#","sms_id":"a b""#]
    {
        let outcome =
            one(&server, &format!(r#"{{"79255070602":{{"status":"OK","status_code":100{id}}}}}"#))
                .await;
        assert_eq!((outcome.class, outcome.provider_id), (OutcomeClass::Accepted, None), "{id}");
        assert!(outcome.text.is_some());
    }
}

#[tokio::test]
async fn an_id_given_to_two_messages_follows_neither() {
    const OK: &str = r#"{"status":"OK","status_code":100,"sms_id":"1"}"#;
    let body = format!(
        r#"{{"status":"OK","status_code":100,"sms":{{"79255070602":{OK},"79255070603":{OK}}}}}"#
    );
    let outcomes = answered(&body, &[message(PHONE, "a"), message(PHONE + 1, "b")]).await;
    assert_eq!(classes(&outcomes), ["accepted", "accepted"]);
    assert!(outcomes.iter().all(|outcome| outcome.provider_id.is_none()));
}

#[tokio::test]
async fn whatever_is_not_a_clear_answer_about_the_recipient_is_unknown() {
    let server = ReplyServer::start().await;
    for sms in [
        "{}",
        "[]",
        "null",
        "7",
        r#"{"79255070602":null}"#,
        r#"{"79255070602":[]}"#,
        r#"{"79255070602":100}"#,
        r#"{"79255070602":{}}"#,
        r#"{"79255070602":{"status":"OK"}}"#,
        r#"{"79255070602":{"status":"OK","status_code":null}}"#,
        r#"{"79255070602":{"status":"OK","status_code":207}}"#,
        r#"{"79255070602":{"status":"ERROR","status_code":100}}"#,
        r#"{"79255070602":{"status":"ERROR"}}"#,
        r#"{"79255070602":{"status_code":100,"sms_id":"1"}}"#,
        r#"{"79255070602":{"status":"OK","status":"ERROR","status_code":202}}"#,
        r#"{"79255070602":{"status":"ERROR","status_code":202,"status_code":100}}"#,
        r#"{"79255070602":{"status":1,"status_code":202}}"#,
        r#"{"79255070602":{"status":"ERROR","status_code":"two"}}"#,
        r#"{"79255070602":{"status":"ERROR","status_code":99999999999}}"#,
        concat!(
            r#"{"79255070602":{"status":"ERROR","status_code":202},"#,
            r#""89255070602":{"status":"OK","status_code":100}}"#,
        ),
        r#"{"79999999999":{"status":"OK","status_code":100,"sms_id":"1"}}"#,
        r#"{"792550706021":{"status":"OK","status_code":100,"sms_id":"1"}}"#,
        r#"{"0":{"status":"OK","status_code":100},"1":{"status":"OK","status_code":100}}"#,
    ] {
        let outcome = one(&server, sms).await;
        assert_eq!((outcome.class, outcome.code), (OutcomeClass::Unknown, None), "{sms}");
    }
}

#[tokio::test]
async fn a_recipient_left_out_is_unknown_and_the_others_are_not() {
    assert_eq!(
        classes(&answered(ONE_ACCEPTED, &three()).await),
        ["unknown", "accepted", "unknown"]
    );
}

#[tokio::test]
async fn the_top_of_a_reply_may_be_left_out_but_not_contradict() {
    const SMS: &str = r#""sms":{"79255070602":{"status":"OK","status_code":100,"sms_id":"1"}}"#;
    let server = ReplyServer::start().await;
    for (top, class) in [
        (r#""status":"OK","status_code":"100","#, "accepted"),
        (r#""status":"OK","status_code":null,"#, "accepted"),
        (r#""status":"OK","#, "accepted"),
        (r#""status_code":100,"#, "accepted"),
        ("", "accepted"),
        (r#""status":"ERROR","status_code":200,"#, "unknown"),
        (r#""status":"OK","status_code":200,"#, "unknown"),
        (r#""status":"ERROR","status_code":100,"#, "unknown"),
        (r#""status":"ERROR","#, "unknown"),
        (r#""status":true,"status_code":100,"#, "unknown"),
        (r#""sms":[],"#, "unknown"),
    ] {
        let outcomes = server.submit(&format!("{{{top}{SMS}}}"), &[message(PHONE, "hi")]).await;
        assert_eq!(classes(&outcomes), [class], "{top}");
    }
}

#[tokio::test]
async fn a_refused_request_blocks_all_its_messages_or_lets_them_wait() {
    let server = ReplyServer::start().await;
    for (body, class, code) in [
        (
            r#"{"status":"ERROR","status_code":200,"status_text":"Неправильный api_id"}"#,
            OutcomeClass::Blocked,
            200,
        ),
        (r#"{"status":"ERROR","status_code":"201"}"#, OutcomeClass::Blocked, 201),
        (r#"{"status_code":301,"sms":[]}"#, OutcomeClass::Blocked, 301),
        (r#"{"status":"ERROR","status_code":220,"sms":{}}"#, OutcomeClass::Deferred, 220),
        (r#"{"status":"ERROR","status_code":299}"#, OutcomeClass::Blocked, 299),
        (r#"{"status":"ERROR","status_code":202}"#, OutcomeClass::Deferred, 202),
    ] {
        for outcome in server.submit(body, &three()).await {
            assert_eq!((outcome.class, outcome.code), (class, Some(code)), "{body}");
        }
    }
}

#[tokio::test]
async fn a_client_error_counts_as_the_refusal_it_repeats_and_nothing_else_but_200_counts() {
    const REFUSED: &str = r#"{"status":"ERROR","status_code":200}"#;
    for (status, body, class) in [
        (401, REFUSED, "blocked"),
        (429, r#"{"status":"ERROR","status_code":220}"#, "deferred"),
        (403, r#"{"status":"ERROR","status_code":299}"#, "unknown"),
        (403, "{}", "unknown"),
        (429, "slow down", "unknown"),
        (404, ONE_ACCEPTED, "unknown"),
        (201, ONE_ACCEPTED, "unknown"),
        (204, "", "unknown"),
        (500, REFUSED, "unknown"),
        (503, ONE_ACCEPTED, "unknown"),
    ] {
        let server =
            server(ResponseTemplate::new(status).set_body_raw(body, "application/json")).await;
        let outcomes = provider(server.address().port(), "").submit(&[message(PHONE, "hi")]).await;
        assert_eq!(classes(&outcomes), [class], "{status} {body}");
    }
}
