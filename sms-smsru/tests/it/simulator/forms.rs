use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::rig::{API_ID, OTHER, PHONE, Rig};

/// Returns the numbers and texts of all accepted messages.
fn accepted(rig: &Rig) -> Vec<(String, String)> {
    rig.sim.accepted().into_iter().map(|message| (message.to, message.text)).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(to, text)| ((*to).to_owned(), (*text).to_owned())).collect()
}

#[tokio::test]
async fn the_query_the_body_and_both_together_are_one_form() {
    let rig = Rig::new().await;
    let query = format!("sms/send?json=1&api_id={API_ID}&to={PHONE}&msg=%D0%B4%D0%B0+1");
    let text = rig.client.get(rig.address(&query)).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("202626-1000000"), "{text}");
    let mixed = rig
        .try_post(&format!("sms/send?json=1&to={PHONE}"), &[("api_id", API_ID), ("msg", "да 2")])
        .await;
    assert!(mixed.unwrap().contains("202626-1000001"));
    assert_eq!(accepted(&rig), pairs(&[(PHONE, "да 1"), (PHONE, "да 2")]));
    let calls: Vec<_> =
        rig.sim.calls().into_iter().map(|call| (call.http_method, call.recipients)).collect();
    assert_eq!(calls, [("GET".to_owned(), 1), ("POST".to_owned(), 1)]);
}

#[tokio::test]
async fn clients_behind_a_proxy_setting_and_of_old_http_are_served() {
    let rig = Rig::new().await;
    for (version, target) in [
        ("1.1", "http://sms.ru/sms/send"),
        ("1.0", "/sms/send/"),
        ("1.0", "http://sms.ru:80/sms/send"),
    ] {
        let mut stream = TcpStream::connect(rig.sim.address()).await.unwrap();
        let request = format!(
            "GET {target}?api_id={API_ID}&to={PHONE}&msg=hi HTTP/{version}\r\n\
             Host: sms.ru\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(Duration::from_secs(10), stream.read_to_string(&mut answer))
            .await
            .unwrap()
            .unwrap();
        assert!(answer.contains(" 200 OK\r\n") && answer.contains("balance="), "{answer}");
        assert!(answer.contains("\r\nSms-Api: 1\r\n"), "{answer}");
    }
    assert_eq!(rig.sim.calls_of("sms/send"), 3);
}

#[tokio::test]
async fn old_php_clients_that_send_multipart_are_understood() {
    let rig = Rig::new().await;
    let body = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"api_id\"\r\n\r\n{API_ID}\r\n--XX\r\n\
         Content-Disposition: form-data; name=\"to\"\r\n\r\n{PHONE}\r\n--XX\r\n\
         Content-Disposition: form-data; name=\"text\"\r\n\r\nдва\r\nряда\r\n--XX--\r\n"
    );
    let request = rig.client.post(rig.address("sms/send")).body(body);
    let answer =
        request.header("content-type", "multipart/form-data; boundary=XX").send().await.unwrap();
    assert!(answer.text().await.unwrap().starts_with("100\n"));
    assert_eq!(accepted(&rig), pairs(&[(PHONE, "два\r\nряда")]));
}

#[tokio::test]
async fn every_name_a_field_ever_had_is_accepted() {
    let rig = Rig::new().await;
    for fields in [
        [("to", PHONE), ("msg", "a")],
        [("to", PHONE), ("text", "a")],
        [("to[]", PHONE), ("msg", "a")],
        [("to[79255070602]", "a"), ("from", "")],
        [("multi[79255070602]", "a"), ("from", "")],
    ] {
        assert_eq!(rig.codes("sms/send", &fields).await, [100, 100], "{fields:?}");
    }
    assert_eq!(accepted(&rig), vec![(PHONE.to_owned(), "a".to_owned()); 5]);
    for name in ["sms_id", "id"] {
        assert_eq!(
            rig.codes("sms/status", &[(name, "202626-1000000")]).await,
            [100, 100],
            "{name}"
        );
    }
}

#[tokio::test]
async fn each_recipient_can_have_a_text_of_its_own() {
    let rig = Rig::new().await;
    let fields = [("to[79255070602]", "one"), ("to[74993221627]", "два")];
    assert_eq!(rig.codes("sms/send", &fields).await, [100, 100, 100]);
    assert_eq!(accepted(&rig), pairs(&[(PHONE, "one"), (OTHER, "два")]));
}

#[tokio::test]
async fn every_spelling_of_a_number_is_that_number_and_its_key_is_the_digits_sent() {
    let rig = Rig::new().await;
    for (spelled, key) in [
        ("79255070602", "79255070602"),
        ("+79255070602", "79255070602"),
        ("89255070602", "89255070602"),
        ("9255070602", "9255070602"),
        ("+89255070602", "89255070602"),
        ("8 (925) 507-06-02", "89255070602"),
    ] {
        let reply = rig.json("sms/send", &[("to", spelled), ("msg", "hi")]).await;
        assert_eq!(reply["sms"][key]["status_code"], 100, "{spelled}: {reply}");
        assert_eq!(rig.sim.accepted().pop().unwrap().to, PHONE, "{spelled}");
    }
    assert_eq!(rig.codes("sms/send", &[("to[+79255070602]", "hi")]).await, [100, 100]);
    assert_eq!(rig.codes("sms/send", &[("to", "375291234567"), ("msg", "hi")]).await, [100, 100]);
}

#[tokio::test]
async fn what_is_no_number_is_refused_under_its_own_key() {
    let rig = Rig::new().await;
    for bad in [
        "123",
        "abc",
        "7925507060",
        "792550706021",
        "79255070602x",
        "71255070602",
        "0000000000000",
        "7925+5070602",
    ] {
        assert_eq!(rig.send(bad, "hi").await, [100, 202], "{bad}");
    }
    let reply = rig.json("sms/send", &[("to", "abc"), ("msg", "hi")]).await;
    assert_eq!(reply["sms"]["abc"]["status_code"], 202);
}

#[tokio::test]
async fn a_number_spelled_the_same_way_twice_gets_one_message() {
    let rig = Rig::new().await;
    assert_eq!(rig.send("79255070602,79255070602", "hi").await, [100, 100]);
    assert_eq!(rig.send("79255070602,89255070602", "hi").await, [100, 100, 100]);
    assert_eq!(rig.sim.accepted_count(), 3);
}
