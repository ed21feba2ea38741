use std::time::Duration;

use super::rig::{Handler, NOON_MS, PHONE, Rig, config, rub, until};

#[tokio::test]
async fn a_call_with_a_code_is_json_without_a_status_code() {
    let rig = Rig::with(config().balance(rub("1"))).await;
    let text = rig.plain("code/call", &[("phone", PHONE), ("ip", "-1")]).await;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 7, "{text}");
    assert_eq!((lines[0], lines[1]), ("{", "    \"status\": \"OK\","));
    let code = lines[2].strip_prefix("    \"code\": \"").unwrap().strip_suffix("\",").unwrap();
    assert!(code.len() == 4 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    assert_eq!(
        lines[3..],
        ["    \"call_id\": \"202626-1000000\",", "    \"cost\": 0.4,", "    \"balance\": 0.6", "}"]
    );
    assert_eq!(rig.sim.balance(), rub("0.6"));
}

#[tokio::test]
async fn a_call_is_refused_with_a_code_and_costs_nothing_then() {
    let rig = Rig::with(config().balance(rub("0.5"))).await;
    assert_eq!(rig.codes("code/call", &[("phone", "12")]).await, [202]);
    assert_eq!(rig.codes("code/call", &[("phone", PHONE), ("ip", "10.0.0.1")]).await, [507]);
    rig.sim.refuse(PHONE, 508);
    assert_eq!(rig.codes("code/call", &[("phone", PHONE)]).await, [508]);
    rig.sim.allow(PHONE);
    assert_eq!(rig.sim.balance(), rub("0.5"));
    rig.codes("code/call", &[("phone", PHONE)]).await;
    assert_eq!(rig.codes("code/call", &[("phone", PHONE)]).await, [201]);
}

#[tokio::test]
async fn a_check_by_call_has_the_documented_fields() {
    let rig = Rig::new().await;
    let expected = r#"{
    "status": "OK",
    "status_code": 100,
    "check_id": "202626-1000000",
    "call_phone": "78005008275",
    "call_phone_pretty": "+7 (800) 500-8275",
    "call_phone_html": "<a href=\"callto:78005008275\">+7 (800) 500-8275<\/a>"
}"#;
    assert_eq!(rig.text("callcheck/add", &[("phone", PHONE)]).await, expected);
    assert_eq!(rig.codes("callcheck/add", &[("phone", "12")]).await, [202]);
}

#[tokio::test]
async fn a_check_is_confirmed_by_the_call_and_by_nothing_after_five_minutes() {
    let rig = Rig::new().await;
    let handler = Handler::new().await;
    rig.codes("callback/add", &[("url", &handler.url())]).await;
    let add = async || {
        rig.json("callcheck/add", &[("phone", PHONE)]).await["check_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (called, missed) = (add().await, add().await);
    let status = async |id: &str| {
        rig.json("callcheck/status", &[("check_id", id)]).await["check_status"].clone()
    };
    assert_eq!(status(&called).await, "400");
    rig.sim.advance(Duration::from_secs(299));
    assert!(rig.sim.confirm_call(&called));
    assert!(!rig.sim.confirm_call(&called));
    assert_eq!((status(&called).await, status(&missed).await), ("401".into(), "400".into()));
    rig.sim.advance(Duration::from_secs(1));
    assert!(!rig.sim.confirm_call(&missed));
    assert_eq!((status(&called).await, status(&missed).await), ("401".into(), "402".into()));
    assert_eq!(status("202626-1").await, "402");
    // The number alone is not the id.
    assert_eq!(status(&called.replace("202626", "202625")).await, "402");
    until("both records", async || handler.records("callcheck_status").await.len() == 2).await;
    let at = NOON_MS / 1000;
    assert_eq!(
        handler.records("callcheck_status").await,
        [
            format!("callcheck_status\n{called}\n401\n{}", at + 299),
            format!("callcheck_status\n{missed}\n402\n{}", at + 300),
        ]
    );
}
