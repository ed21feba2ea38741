use serde_json::{Value, json};

use super::rig::{NOON_MS, PHONE, Rig, rub};

#[tokio::test]
async fn what_was_accepted_and_called_can_be_read_from_any_place_on() {
    let rig = Rig::new().await;
    rig.send("79255070602,74993221627", "Привет").await;
    let accepted = rig.get_json("simulator/accepted").await;
    assert_eq!(accepted["accepted"].as_array().unwrap().len(), 2);
    assert_eq!(accepted["accepted"][0]["to"], PHONE);
    assert_eq!(accepted["accepted"][0]["text"], "Привет");
    assert_eq!(accepted["accepted"][0]["cost"], "0.50");
    assert_eq!(
        rig.get_json("simulator/accepted?from=1").await["accepted"].as_array().unwrap().len(),
        1
    );
    assert_eq!(rig.get_json("simulator/accepted?from=9").await["accepted"], json!([]));
    let calls = rig.get_json("simulator/calls").await;
    assert_eq!(
        (&calls["calls"][0]["method"], &calls["calls"][0]["recipients"]),
        (&json!("sms/send"), &json!(2))
    );
    assert_eq!(
        calls["calls"].as_array().unwrap().len(),
        1,
        "the control API's own requests are not calls"
    );
}

#[tokio::test]
async fn the_overview_lists_the_state_and_every_path() {
    let rig = Rig::new().await;
    let overview = rig.get_json("simulator").await;
    assert_eq!((&overview["balance"], &overview["now_ms"]), (&json!("1000.00"), &json!(NOON_MS)));
    assert!(overview["paths"].as_array().unwrap().len() > 10);
}

#[tokio::test]
async fn money_limits_and_senders_can_be_set() {
    let rig = Rig::new().await;
    assert_eq!(rig.control("simulator/balance", r#"{"balance": "12.5"}"#).await.0, 200);
    assert_eq!(rig.control("simulator/balance", r#"{"add": 0.25}"#).await.1["balance"], "12.75");
    assert_eq!(rig.sim.balance(), rub("12.75"));
    let limits = r#"{"daily_limit": 3, "identical_per_minute": 1}"#;
    assert_eq!(rig.control("simulator/limit", limits).await.1["identical_per_minute"], 1);
    assert_eq!(rig.send(PHONE, "hi").await, [100, 100]);
    assert_eq!(rig.send(PHONE, "hi").await, [100, 231]);
    let limits = rig.control("simulator/limit", r#"{"identical_per_minute": null}"#).await.1;
    assert_eq!(
        (&limits["identical_per_minute"], &limits["daily_limit"]),
        (&json!(null), &json!(3))
    );
    rig.control("simulator/senders", r#"{"senders": [], "required": true}"#).await;
    assert_eq!(rig.send(PHONE, "hi").await, [100, 221]);
}

#[tokio::test]
async fn refusals_faults_and_fates_can_be_set() {
    let rig = Rig::new().await;
    let refuse = |code: &str| format!("{{\"phone\": \"{PHONE}\", \"code\": {code}}}");
    rig.control("simulator/refusals", &refuse("207")).await;
    assert_eq!(rig.send(PHONE, "hi").await, [100, 207]);
    assert_eq!(rig.control("simulator/refusals", &refuse("null")).await.0, 200);

    let fault = r#"{"fault": "refuse", "code": 220, "times": 2, "on": "my/balance"}"#;
    assert_eq!(rig.control("simulator/faults", fault).await.1["left"], 2);
    assert_eq!(rig.codes("my/balance", &[]).await, [220]);
    assert_eq!(rig.get_json("simulator/faults").await["faults"][0]["left"], 1);
    let cleared = rig.client.delete(rig.address("simulator/faults")).send().await.unwrap();
    assert_eq!((cleared.status().as_u16(), rig.codes("my/balance", &[]).await), (200, vec![100]));

    rig.control("simulator/delivery", r#"{"delivery": "failed", "code": 150}"#).await;
    let id = rig.accepted(&[]).await;
    assert_eq!(
        rig.control("simulator/clock", r#"{"advance_seconds": 60}"#).await.1["now_ms"],
        NOON_MS + 60_000
    );
    assert_eq!(rig.status(&id).await, 150);
    assert_eq!(rig.control("simulator/reset", "").await.0, 200);
    assert_eq!(rig.status(&id).await, -1);
}

#[tokio::test]
async fn every_fault_has_a_name() {
    let rig = Rig::new().await;
    let faults = [
        r#"{"fault": "silent_after_accept"}"#,
        r#"{"fault": "silent_before_accept"}"#,
        r#"{"fault": "reset_before"}"#,
        r#"{"fault": "reset_after"}"#,
        r#"{"fault": "html", "after_accept": true}"#,
        r#"{"fault": "truncated"}"#,
        r#"{"fault": "broken"}"#,
        r#"{"fault": "huge", "bytes": 100000}"#,
        r#"{"fault": "empty"}"#,
        r#"{"fault": "status", "status": 502}"#,
        r#"{"fault": "slow", "milliseconds": 5}"#,
        r#"{"fault": "delay_reply", "milliseconds": 5, "forever": true}"#,
        r#"{"fault": "missing", "count": 1}"#,
        r#"{"fault": "refuse", "code": 220}"#,
        r#"{"fault": "refuse_recipient", "code": 207, "phone": "79255070602"}"#,
    ];
    for fault in faults {
        assert_eq!(rig.control("simulator/faults", fault).await.0, 200, "{fault}");
    }
    let listed = rig.get_json("simulator/faults").await;
    let listed: Vec<String> = listed["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["fault"].to_string())
        .collect();
    let named: Vec<String> = faults
        .iter()
        .map(|fault| serde_json::from_str::<Value>(fault).unwrap()["fault"].to_string())
        .collect();
    assert_eq!(listed, named);
}

#[tokio::test]
async fn callbacks_and_calls_can_be_moved() {
    let rig = Rig::new().await;
    let handler = super::rig::Handler::new().await;
    rig.codes("callback/add", &[("url", &handler.url())]).await;
    let sent = rig.control("simulator/callbacks", r#"{"send_now": true, "shuffle": false}"#).await;
    assert_eq!(sent.1["pending"], 0);
    let id = rig.json("callcheck/add", &[("phone", PHONE)]).await["check_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let confirm = format!("{{\"check_id\": \"{id}\"}}");
    assert_eq!(rig.control("simulator/confirm", &confirm).await.0, 200);
    assert_eq!(rig.control("simulator/confirm", &confirm).await.1["error"]["field"], "check_id");
}

#[tokio::test]
async fn bad_input_names_the_field_and_changes_nothing() {
    let rig = Rig::new().await;
    for (path, body, field) in [
        ("balance", "{}", "balance"),
        ("balance", r#"{"balance": "much"}"#, "balance"),
        ("balance", r#"{"balance": null}"#, "balance"),
        ("balance", r#"{"balance": 1, "ballance": 2}"#, "ballance"),
        ("balance", "[1]", "body"),
        ("balance", "{", "body"),
        ("limit", r#"{"daily_limit": -1}"#, "daily_limit"),
        ("limit", r#"{"number_per_day": 4294967296}"#, "number_per_day"),
        ("senders", r#"{"senders": "Acme"}"#, "senders"),
        ("senders", r#"{"required": 1}"#, "required"),
        ("refusals", r#"{"code": 207}"#, "phone"),
        ("refusals", r#"{"phone": "12", "code": 207}"#, "phone"),
        ("refusals", r#"{"phone": "79255070602"}"#, "code"),
        ("refusals", r#"{"phone": "79255070602", "code": 7}"#, "code"),
        ("faults", r#"{"fault": "meteor"}"#, "fault"),
        ("faults", r#"{"fault": "status", "status": 99}"#, "status"),
        ("faults", r#"{"fault": "slow"}"#, "milliseconds"),
        ("faults", r#"{"fault": "huge", "bytes": 99999999999}"#, "bytes"),
        ("faults", r#"{"fault": "html", "times": "2"}"#, "times"),
        ("delivery", r#"{"delivery": "failed", "code": 103}"#, "code"),
        ("delivery", r#"{"delivery": "failed_sometimes", "code": 104, "percent": 101}"#, "percent"),
        ("delivery", r#"{"delivery": "steps", "steps": [1]}"#, "steps"),
        ("clock", r#"{"advance_seconds": -5}"#, "advance_seconds"),
        ("clock", "", "advance_seconds"),
        ("reset", r#"{"all": true}"#, "all"),
    ] {
        let (status, answer) = rig.control(&format!("simulator/{path}"), body).await;
        assert_eq!((status, &answer["error"]["field"]), (400, &json!(field)), "{path} {body}");
    }
    assert_eq!(rig.control("simulator/nothing", "").await.0, 404);
    assert_eq!(rig.get_json("simulator/accepted?form=1").await["error"]["field"], "form");
    assert_eq!((rig.sim.balance(), rig.sim.now_ms()), (rub("1000"), NOON_MS));
    assert_eq!(rig.get_json("simulator/faults").await["faults"], json!([]));
}

#[tokio::test]
async fn a_clock_moved_to_the_end_of_time_still_serves() {
    let rig = Rig::new().await;
    for _ in 0..2 {
        assert_eq!(
            rig.control("simulator/clock", r#"{"advance_seconds": 18446744073709551615}"#).await.0,
            200
        );
    }
    assert_eq!(rig.send(PHONE, "hi").await, [100, 100]);
}
