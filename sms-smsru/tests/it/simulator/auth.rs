use std::time::Duration;

use sha2::{Digest, Sha512};

use super::rig::{API_ID, Rig, config};

async fn code(rig: &Rig, fields: &[(&str, &str)]) -> String {
    rig.try_post("auth/check", fields).await.unwrap()
}

#[tokio::test]
async fn the_api_id_or_the_login_with_its_password_opens_every_method() {
    let rig = Rig::with(config().login("79250000000", "p@ss:wф")).await;
    let login = [("login", "79250000000"), ("password", "p@ss:wф")];
    assert_eq!(code(&rig, &[("api_id", API_ID)]).await, "100");
    assert_eq!(code(&rig, &login).await, "100");
    assert_eq!(code(&rig, &[&[("api_id", "none")], &login[..]].concat()).await, "100");
    assert_eq!(rig.try_post("my/balance", &login).await.unwrap(), "100\n1000.00");
}

#[tokio::test]
async fn a_wrong_key_gets_200_and_a_wrong_password_301() {
    let rig = Rig::with(config().login("79250000000", "secret")).await;
    for (fields, expected) in [
        (&[][..], "200"),
        (&[("api_id", "")], "200"),
        (&[("api_id", "none")], "200"),
        (&[("api_id", "0a1b2c3d")], "200"),
        (&[("login", "79250000000"), ("password", "Secret")], "301"),
        (&[("login", "79250000001"), ("password", "secret")], "301"),
    ] {
        assert_eq!(code(&rig, fields).await, expected, "{fields:?}");
    }
    let without = Rig::new().await;
    assert_eq!(code(&without, &[("login", ""), ("password", "")]).await, "200");
    assert_eq!(code(&without, &[("login", "1"), ("password", "1")]).await, "301");
}

#[tokio::test]
async fn every_method_asks_who_calls() {
    let rig = Rig::new().await;
    for method in [
        "sms/send",
        "sms/status",
        "sms/cost",
        "my/balance",
        "my/limit",
        "my/free",
        "my/senders",
        "auth/check",
        "stoplist/add",
        "stoplist/del",
        "stoplist/get",
        "callback/add",
        "callback/del",
        "callback/get",
        "callcheck/add",
        "callcheck/status",
    ] {
        assert_eq!(rig.try_post(method, &[("api_id", "wrong")]).await.unwrap(), "200", "{method}");
    }
    let call = rig.try_post("code/call", &[("api_id", "wrong")]).await.unwrap();
    assert!(call.contains("\"status_code\": 200"), "{call}");
}

#[tokio::test]
async fn an_account_that_is_not_confirmed_may_do_nothing() {
    let rig = Rig::with(config().confirmed(false)).await;
    assert_eq!(code(&rig, &[("api_id", API_ID)]).await, "302");
    assert_eq!(code(&rig, &[("api_id", "wrong")]).await, "200");
}

#[tokio::test]
async fn the_token_of_old_clients_works_for_ten_minutes() {
    let rig = Rig::with(config().login("79250000000", "secret")).await;
    let token =
        rig.client.get(rig.address("auth/get_token")).send().await.unwrap().text().await.unwrap();
    assert_eq!(token.len(), 32, "{token}");
    let digest = |text: &str| format!("{:x}", Sha512::digest(text));
    let plain = digest(&format!("secret{token}"));
    let strengthened = digest(&format!("secret{token}{API_ID}"));
    let check = async |token: &str, sha512: &str| {
        code(&rig, &[("login", "79250000000"), ("token", token), ("sha512", sha512)]).await
    };
    assert_eq!(check(&token, &plain).await, "100");
    assert_eq!(check(&token, &strengthened).await, "100");
    assert_eq!(check(&token, &digest("wrong")).await, "301");
    assert_eq!(check("another", &plain).await, "300");
    rig.sim.advance(Duration::from_mins(10));
    assert_eq!(check(&token, &plain).await, "300");
}
