use sms_smsru::simulator::{Fault, RefusalLevel};

use super::rig::{API_ID, OTHER, PHONE, Rig, config};

#[tokio::test]
async fn a_text_is_needed_and_may_have_eight_parts() {
    let rig = Rig::new().await;
    assert_eq!(rig.send(PHONE, "").await, [203]);
    assert_eq!(rig.send(PHONE, "  ").await, [203]);
    assert_eq!(rig.codes("sms/send", &[("to", PHONE)]).await, [203]);
    assert_eq!(
        rig.codes("sms/send", &[("to[79255070602]", ""), ("to[74993221627]", "a")]).await,
        [100, 203, 100]
    );
    assert_eq!(rig.send(PHONE, &"я".repeat(8 * 67)).await, [100, 100]);
    assert_eq!(rig.send(PHONE, &"я".repeat(8 * 67 + 1)).await, [100, 205]);
    assert_eq!(rig.sim.accepted().iter().map(|message| message.parts).collect::<Vec<_>>(), [1, 8]);
}

#[tokio::test]
async fn a_text_can_be_refused_for_the_whole_request() {
    let rig = Rig::with(config().text_level(RefusalLevel::Request)).await;
    assert_eq!(rig.send(PHONE, &"я".repeat(600)).await, [205]);
}

#[tokio::test]
async fn a_request_needs_recipients_and_not_too_many() {
    let rig = Rig::with(config().max_recipients(3)).await;
    assert_eq!(rig.codes("sms/send", &[("msg", "hi")]).await, [202]);
    assert_eq!(rig.send("79250000001,79250000002,79250000003", "hi").await.len(), 4);
    assert_eq!(rig.send("79250000001,79250000002,79250000003,79250000004", "hi").await, [213]);
    let ids = ["1-1"; 101].join(",");
    assert_eq!(rig.codes("sms/status", &[("sms_id", &ids)]).await, [213]);
}

#[tokio::test]
async fn five_thousand_recipients_are_taken_unless_configured() {
    let rig = Rig::new().await;
    let numbers: Vec<String> = (0..5001).map(|n| (79_250_000_000_u64 + n).to_string()).collect();
    assert_eq!(rig.send(&numbers[1..].join(","), "hi").await[0], 100);
    assert_eq!(rig.send(&numbers.join(","), "hi").await, [213]);
}

#[tokio::test]
async fn a_get_can_be_refused_for_what_a_post_may_carry() {
    let rig = Rig::with(config().max_get_recipients(Some(1))).await;
    let get = async |to: &str| {
        let query = format!("sms/send?api_id={API_ID}&to={to}&msg=hi");
        rig.client.get(rig.address(&query)).send().await.unwrap().text().await.unwrap()
    };
    assert!(get(PHONE).await.starts_with("100\n"));
    assert_eq!(get("79255070602,74993221627").await, "210");
    assert_eq!(rig.send("79255070602,74993221627", "hi").await, [100, 100, 100]);
}

#[tokio::test]
async fn what_is_not_utf8_is_refused() {
    let rig = Rig::new().await;
    let query = format!("sms/send?json=1&api_id={API_ID}&to={PHONE}&msg=%CF%F0%E8%E2%E5%F2");
    let text = rig.client.get(rig.address(&query)).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("212"), "{text}");
}

#[tokio::test]
async fn an_unknown_method_is_refused_whoever_asks() {
    let rig = Rig::new().await;
    for method in ["sms/sendall", "", "sms", "my/password"] {
        assert_eq!(rig.codes(method, &[("api_id", "wrong")]).await, [211], "{method}");
    }
}

#[tokio::test]
async fn a_sender_name_has_to_be_approved() {
    let rig = Rig::with(config().senders(vec!["Acme".to_owned()]).sender_required(true)).await;
    assert_eq!(
        rig.codes("sms/send", &[("to", PHONE), ("msg", "hi"), ("from", "Acme")]).await,
        [100, 100]
    );
    assert_eq!(
        rig.codes("sms/send", &[("to", PHONE), ("msg", "hi"), ("from", "Other")]).await,
        [100, 204]
    );
    assert_eq!(rig.send(PHONE, "hi").await, [100, 100]);
    assert_eq!(rig.codes("sms/cost", &[("to", PHONE), ("from", "Other")]).await, [100, 204]);
    rig.sim.set_senders(Vec::new());
    assert_eq!(rig.send(PHONE, "hi").await, [100, 221]);
    assert_eq!(rig.sim.accepted()[0].from.as_deref(), Some("Acme"));
}

#[tokio::test]
async fn an_end_users_address_has_to_be_a_public_one() {
    let rig = Rig::new().await;
    let mut codes = Vec::new();
    for ip in [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "nonsense",
        "::1",
        "fe80::1",
        "1.1.1.1",
        "2a00:1450::1",
        "-1",
    ] {
        codes.push(rig.codes("sms/send", &[("to", PHONE), ("msg", "hi"), ("ip", ip)]).await[1]);
    }
    assert_eq!(codes, [507, 507, 507, 507, 507, 507, 100, 100, 100]);
    assert_eq!(rig.sim.accepted()[0].ip.as_deref(), Some("1.1.1.1"));
}

#[tokio::test]
async fn foreign_numbers_can_be_refused() {
    let rig = Rig::with(config().russia_only(true)).await;
    assert_eq!(rig.send("375291234567,79255070602,77012345678", "hi").await, [100, 214, 100, 214]);
}

#[tokio::test]
async fn the_stop_list_refuses_until_the_number_is_taken_off() {
    let rig = Rig::new().await;
    let add = [("stoplist_phone", "89255070602"), ("stoplist_text", "asked/by letter")];
    assert_eq!(rig.codes("stoplist/add", &add).await, [100]);
    assert_eq!(rig.json("stoplist/get", &[]).await["stoplist"][PHONE], "asked/by letter");
    assert_eq!(rig.send("79255070602,74993221627", "hi").await, [100, 209, 100]);
    assert_eq!(rig.codes("stoplist/del", &[("stoplist_phone", PHONE)]).await, [100]);
    assert_eq!(rig.send(PHONE, "hi").await, [100, 100]);
    assert_eq!(rig.json("stoplist/get", &[]).await["stoplist"], serde_json::json!([]));
    for method in ["stoplist/add", "stoplist/del"] {
        assert_eq!(rig.codes(method, &[("stoplist_phone", "12")]).await, [202], "{method}");
    }
    rig.sim.add_to_stop_list("+7 925 507-06-02");
    assert_eq!(rig.send(PHONE, "hi").await, [100, 209]);
    assert_eq!(rig.sim.accepted_count(), 2);
}

#[tokio::test]
async fn any_code_can_be_had_for_a_number_until_it_is_allowed_again() {
    let rig = Rig::new().await;
    for code in [207, 215, 216, 217, 220, 222, 233, 500, 501, 506, 550, 777] {
        rig.sim.refuse(PHONE, i32::try_from(code).unwrap());
        assert_eq!(rig.send("79255070602,74993221627", "hi").await, [100, code, 100]);
    }
    rig.sim.allow(PHONE);
    assert_eq!(rig.send(PHONE, "hi").await, [100, 100]);
}

#[tokio::test]
async fn any_code_can_be_had_for_one_request_or_one_recipient_of_it() {
    let rig = Rig::new().await;
    rig.sim.inject(Fault::Refuse(220).times(2));
    rig.sim.inject(Fault::RefuseRecipient(OTHER.to_owned(), 233));
    assert_eq!(rig.send(PHONE, "hi").await, [220]);
    assert_eq!(rig.send(PHONE, "hi").await, [220]);
    assert_eq!(rig.send(PHONE, "hi").await, [100, 100]);
    assert_eq!(rig.send("79255070602,74993221627", "hi").await, [100, 100, 233]);
    assert_eq!(rig.send(OTHER, "hi").await, [100, 100]);
    assert_eq!(rig.sim.accepted_count(), 3);
}
