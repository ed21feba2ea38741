use super::rig::{API_ID, OTHER, PHONE, Rig, config, rub};

/// The recorded text of 221, with escaped slashes.
const SENDER_REQUIRED: &str = concat!(
    "Для работы с нашим сервисом, необходимо создать буквенного отправителя, ",
    "соответствующего вашему сайту, названию юр. лица или товарному знаку - ",
    r"https:\/\/sms.ru\/?panel=senders",
);

#[tokio::test]
async fn an_accepted_message_is_answered_byte_for_byte_like_the_live_server_does() {
    let rig = Rig::with(config().balance(rub("4123.06"))).await;
    let expected = r#"{
    "status": "OK",
    "status_code": 100,
    "sms": {
        "79255070602": {
            "status": "OK",
            "status_code": 100,
            "sms_id": "202626-1000000"
        },
        "123": {
            "status": "ERROR",
            "status_code": 202,
            "status_text": "Неправильный номер получателя, или до него нет маршрута"
        }
    },
    "balance": 4122.56
}"#;
    let fields = [("to", "79255070602,123"), ("msg", "hello")];
    assert_eq!(rig.text("sms/send", &fields).await, expected);
}

#[tokio::test]
async fn an_account_without_a_sender_gets_the_recorded_reply_with_an_id_in_every_refusal() {
    let rig = Rig::with(config().sender_required(true)).await;
    let expected = r#"{
    "status": "OK",
    "status_code": 100,
    "sms": {
        "79255070602": {
            "status": "ERROR",
            "status_code": 221,
            "status_text": "TEXT",
            "sms_id": "202626-1000000"
        },
        "74993221627": {
            "status": "ERROR",
            "status_code": 221,
            "status_text": "TEXT",
            "sms_id": "202626-1000001"
        }
    },
    "balance": 1000.0
}"#
    .replace("TEXT", SENDER_REQUIRED);
    let fields = [("test", "1"), ("multi[79255070602]", "First"), ("multi[74993221627]", "Second")];
    assert_eq!(rig.text("sms/send", &fields).await, expected);
    assert_eq!(rig.sim.accepted(), []);
}

#[tokio::test]
async fn a_refused_request_has_neither_recipients_nor_balance() {
    let rig = Rig::new().await;
    let fields = [("api_id", "wrong"), ("json", "1"), ("to", PHONE), ("msg", "hi")];
    let text = rig.try_post("sms/send", &fields).await.unwrap();
    let expected = r#"{
    "status": "ERROR",
    "status_code": 200,
    "status_text": "Неправильный api_id"
}"#;
    assert_eq!(text, expected);
}

#[tokio::test]
async fn an_unknown_message_has_the_recorded_status() {
    let rig = Rig::new().await;
    let expected = r#"{
    "status": "OK",
    "status_code": 100,
    "sms": {
        "000000-10000000": {
            "status": "ERROR",
            "status_code": -1,
            "status_text": "Сообщение не найдено"
        }
    }
}"#;
    assert_eq!(rig.text("sms/status", &[("sms_id", "000000-10000000")]).await, expected);
}

#[tokio::test]
async fn a_known_message_has_a_cost_and_words_and_no_balance() {
    let rig = Rig::new().await;
    let id = rig.accepted(&[]).await;
    let expected = format!(
        r#"{{
    "status": "OK",
    "status_code": 100,
    "sms": {{
        "{id}": {{
            "status": "OK",
            "status_code": 100,
            "cost": 0.5,
            "status_text": "Сообщение в очереди sms.ru"
        }}
    }}
}}"#
    );
    assert_eq!(rig.text("sms/status", &[("sms_id", &id)]).await, expected);
}

#[tokio::test]
async fn a_price_has_totals_unless_every_recipient_was_refused() {
    let rig = Rig::new().await;
    let expected = r#"{
    "status": "OK",
    "status_code": 100,
    "sms": {
        "79255070602": {
            "status": "OK",
            "status_code": 100,
            "cost": 1.0,
            "sms": 2
        }
    },
    "total_cost": 1.0,
    "total_sms": 2
}"#;
    let long = "я".repeat(71);
    assert_eq!(rig.text("sms/cost", &[("to", PHONE), ("text", &long)]).await, expected);

    rig.sim.set_sender_required(true);
    let refused = rig.json("sms/cost", &[("to", PHONE), ("text", "hi")]).await;
    assert_eq!(refused["sms"][PHONE]["status_code"], 221);
    assert!(refused.get("total_cost").is_none() && refused.get("total_sms").is_none(), "{refused}");
    assert!(refused["sms"][PHONE].get("sms_id").is_none(), "recorded without one: {refused}");
}

#[tokio::test]
async fn the_account_is_answered_in_the_types_of_the_recordings() {
    let rig = Rig::with(config().daily_limit(Some(10))).await;
    let reply =
        |fields: &str| format!("{{\n    \"status\": \"OK\",\n    \"status_code\": 100{fields}\n}}");
    for (method, fields) in [
        ("my/balance", ",\n    \"balance\": 1000.0"),
        ("my/limit", ",\n    \"total_limit\": \"10\",\n    \"used_today\": 0"),
        ("my/free", ",\n    \"total_free\": 5,\n    \"used_today\": null"),
        ("my/senders", ""),
        ("auth/check", ""),
        ("callback/get", ""),
    ] {
        assert_eq!(rig.text(method, &[]).await, reply(fields), "{method}");
    }
}

#[tokio::test]
async fn callback_addresses_are_listed_with_escaped_slashes() {
    let rig = Rig::new().await;
    let url = "https://example.com/sms/callback";
    let expected = r#"{
    "status": "OK",
    "status_code": 100,
    "callback": [
        "https:\/\/example.com\/sms\/callback"
    ]
}"#;
    assert_eq!(rig.text("callback/add", &[("url", url)]).await, expected);
    assert_eq!(rig.text("callback/get", &[]).await, expected);
    let emptied = "{\n    \"status\": \"OK\",\n    \"status_code\": 100\n}";
    assert_eq!(rig.text("callback/del", &[("url", url)]).await, emptied);
}

#[tokio::test]
async fn without_the_quirks_every_field_is_there_in_its_documented_type() {
    let rig = Rig::with(config().quirks(false).daily_limit(Some(10)).sender_required(true)).await;
    assert_eq!(rig.json("my/limit", &[]).await["total_limit"], 10);
    assert_eq!(rig.json("my/free", &[]).await["used_today"], 0);
    assert_eq!(rig.json("my/senders", &[]).await["senders"], serde_json::json!([]));
    assert_eq!(rig.json("sms/status", &[("sms_id", "1-1")]).await["balance"], 1000.0);
    assert_eq!(rig.json("callcheck/status", &[("check_id", "1-1")]).await["check_status"], 402);
    let sent = rig.json("sms/send", &[("to", PHONE), ("msg", "hi")]).await;
    assert!(sent["sms"][PHONE].get("sms_id").is_none(), "{sent}");
}

#[tokio::test]
async fn the_headers_are_those_of_the_live_server() {
    let rig = Rig::new().await;
    let answer =
        rig.client.post(rig.address("my/balance?json=1")).form(&[("api_id", API_ID)]).send().await;
    let answer = answer.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(answer.status(), 200);
    assert_eq!(header("content-type"), "application/json; charset=utf-8");
    assert_eq!(header("transfer-encoding"), "chunked");
    assert_eq!(header("vary"), "Accept-Encoding");
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("sms-api"), "1");
    assert_eq!(header("server"), "CERN/3.0");
    let cookie = header("set-cookie");
    let (id, rest) = cookie.split_once("; ").unwrap();
    assert_eq!(id.len(), "dev_id=21F5BE71-9B8A-0EAC-E2EC-5161D1923D3B".len());
    assert_eq!(
        rest,
        "expires=Sat, 03-May-2036 12:00:00 GMT; Max-Age=311040000; path=/; domain=.sms.ru"
    );
}

#[tokio::test]
async fn without_json_the_reply_is_the_old_lines_of_text() {
    let rig = Rig::with(
        config().balance(rub("10")).daily_limit(Some(9)).senders(vec!["Acme".to_owned()]),
    )
    .await;
    let to = format!("{PHONE},123,{OTHER}");
    let sent = rig.plain("sms/send", &[("to", &to), ("msg", "hi")]).await;
    assert_eq!(sent, "100\n202626-1000000\n202\n202626-1000001\nbalance=9.00");
    assert_eq!(rig.plain("sms/send", &[("to", PHONE)]).await, "203");
    assert_eq!(rig.plain("sms/status", &[("id", "202626-1000000")]).await, "100");
    assert_eq!(rig.plain("sms/status", &[("id", "1-1")]).await, "-1");
    assert_eq!(rig.plain("sms/cost", &[("to", PHONE), ("text", "hi")]).await, "100\n0.50\n1");
    assert_eq!(rig.plain("sms/cost", &[("to", "123"), ("text", "hi")]).await, "202");
    assert_eq!(rig.plain("my/balance", &[]).await, "100\n9.00");
    assert_eq!(rig.plain("my/limit", &[]).await, "100\n9\n2");
    assert_eq!(rig.plain("my/senders", &[]).await, "100\nAcme");
    assert_eq!(rig.plain("auth/check", &[]).await, "100");
    rig.plain("stoplist/add", &[("stoplist_phone", PHONE), ("stoplist_text", "asked")]).await;
    assert_eq!(rig.plain("stoplist/get", &[]).await, format!("100\n{PHONE};asked"));
    assert_eq!(rig.plain("no/method", &[]).await, "211");
}

#[tokio::test]
async fn recipients_are_answered_in_the_order_of_the_request() {
    let rig = Rig::new().await;
    let numbers: Vec<String> =
        (0..50).rev().map(|n| (79_250_000_000_u64 + n * 7919).to_string()).collect();
    let text = rig.text("sms/send", &[("to", &numbers.join(",")), ("msg", "hi")]).await;
    let keys: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("\"7")?.strip_suffix("\": {"))
        .collect();
    assert_eq!(keys, numbers.iter().map(|number| &number[1..]).collect::<Vec<_>>());
}
