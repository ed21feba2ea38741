use super::rig::{PHONE, Rig, config, rub};

#[tokio::test]
async fn the_log_keeps_every_option_of_a_message() {
    let rig = Rig::with(config().senders(vec!["Acme".to_owned()])).await;
    let fields = [
        ("from", "Acme"),
        ("ip", "1.1.1.1"),
        ("ttl", "60"),
        ("translit", "1"),
        ("partner_id", "7"),
        ("time", "1782392400"),
    ];
    let id = rig.accepted(&fields).await;
    let message = rig.sim.accepted().remove(0);
    assert_eq!((message.sms_id, message.to.as_str(), message.text.as_str()), (id, PHONE, "hi"));
    assert_eq!((message.from.as_deref(), message.ip.as_deref()), (Some("Acme"), Some("1.1.1.1")));
    assert_eq!((message.ttl, message.translit, message.daytime), (Some(60), true, false));
    assert_eq!((message.partner_id.as_deref(), message.time), (Some("7"), Some(1_782_392_400)));
    assert_eq!((message.parts, message.cost, message.test), (1, rub("0.50"), false));
    assert_eq!(message.at_ms, rig.sim.now_ms());
}

#[tokio::test]
async fn a_test_goes_through_the_checks_and_costs_nothing() {
    let rig = Rig::with(config().balance(rub("0")).daily_limit(Some(0))).await;
    let fields = [("to", "79255070602,123"), ("msg", "hi"), ("test", "1")];
    assert_eq!(rig.codes("sms/send", &fields).await, [100, 100, 202]);
    let messages = rig.sim.accepted();
    assert_eq!((messages.len(), messages[0].test, messages[0].cost), (1, true, rub("0")));
    assert_eq!(rig.sim.balance(), rub("0"));
    assert_eq!(rig.json("my/limit", &[]).await["used_today"], 0);
}

#[tokio::test]
async fn transliteration_shortens_a_message() {
    let rig = Rig::new().await;
    let text = "Съешь же ещё этих мягких французских булок, да выпей чаю. Съешь же ещё этих булок";
    let parts = async |translit: &str| {
        let reply =
            rig.json("sms/cost", &[("to", PHONE), ("text", text), ("translit", translit)]).await;
        reply["total_sms"].as_i64().unwrap()
    };
    assert_eq!((parts("0").await, parts("1").await), (2, 1));
}

#[tokio::test]
async fn without_a_text_the_price_is_that_of_one_part() {
    let rig = Rig::with(config().price(rub("8.5"))).await;
    let reply = rig.json("sms/cost", &[("to", "79255070602,74993221627")]).await;
    assert_eq!((reply["total_cost"].as_f64(), reply["total_sms"].as_i64()), (Some(17.0), Some(2)));
    assert_eq!(rig.sim.balance(), rub("1000"));
}

#[tokio::test]
async fn ids_are_never_given_twice_even_after_a_reset() {
    let rig = Rig::new().await;
    let first = rig.accepted(&[]).await;
    rig.sim.reset();
    assert_eq!(rig.sim.accepted(), []);
    assert_ne!(rig.accepted(&[]).await, first);
}
