//! Each method of the client against the simulator.

use std::time::Duration;

use sms_core::provider::ProviderRef;
use sms_core::{
    Account, ErrorKind, ManualClock, Money, OutcomeClass, PhoneNumber, Provider, ReceiptState,
    Receipts, SendOptions, clock::datetime_from_ms,
};
use sms_smsru::code::CallCheckState;
use sms_smsru::simulator::{Delivery, Fault, Simulator, SimulatorConfig};
use sms_smsru::{CodeCall, CostRequest, Refusal, SendRequest, SmsRu};

use crate::support::{PHONE, message};

/// Noon in Moscow on a Wednesday.
const NOON_MS: i64 = 1_767_171_600_000;

struct Rig {
    simulator: Simulator,
    smsru: SmsRu,
}

impl Rig {
    async fn new(config: SimulatorConfig, parameters: &str) -> Self {
        let simulator = Simulator::start(config).await.unwrap();
        let smsru = SmsRu::from_url(&format!("{}?{parameters}", simulator.url())).unwrap();
        Self { simulator, smsru }
    }

    async fn plain() -> Self {
        Self::new(SimulatorConfig::default(), "").await
    }

    /// Starts a simulator with a stopped clock.
    async fn at_noon() -> Self {
        Self::new(SimulatorConfig::default().clock(ManualClock::new(NOON_MS)), "").await
    }
}

fn roubles(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn phone(more: u64) -> PhoneNumber {
    PhoneNumber::from_digits(PHONE + more).unwrap()
}

#[tokio::test]
async fn send_with_every_option_is_understood() {
    let rig = Rig::new(SimulatorConfig::default().senders(vec!["Acme".to_owned()]), "").await;
    let time = datetime_from_ms(rig.simulator.now_ms()) + Duration::from_hours(1);
    let request =
        SendRequest::each([(phone(0), "Привет".to_owned()), (phone(1), "two".to_owned())])
            .from("Acme")
            .time(time)
            .ttl(Duration::from_mins(30))
            .translit(true)
            .ip("203.0.113.7".parse().unwrap())
            .partner_id(7);
    let sent = rig.smsru.send(&request).await.unwrap();
    assert!(sent.outcomes.iter().all(|outcome| outcome.class == OutcomeClass::Accepted));
    assert_eq!(sent.balance, Some(rig.simulator.balance()));
    let accepted = rig.simulator.accepted();
    let ids: Vec<_> = accepted.iter().map(|message| Some(message.sms_id.clone())).collect();
    assert_eq!(
        sent.outcomes.iter().map(|outcome| outcome.provider_id.clone()).collect::<Vec<_>>(),
        ids
    );
    let first = &accepted[0];
    assert_eq!((first.text.as_str(), first.from.as_deref()), ("Привет", Some("Acme")));
    assert_eq!((first.ttl, first.time), (Some(30), Some(time.unix_timestamp())));
    assert_eq!(
        (first.ip.as_deref(), first.partner_id.as_deref()),
        (Some("203.0.113.7"), Some("7"))
    );
    assert!(first.translit && !first.daytime && !first.test);
}

#[tokio::test]
async fn what_is_not_asked_for_is_not_sent() {
    let rig = Rig::plain().await;
    rig.smsru.send(&SendRequest::new([phone(0)], "hi")).await.unwrap();
    let accepted = rig.simulator.accepted().remove(0);
    assert_eq!((accepted.from, accepted.ttl, accepted.time, accepted.ip), (None, None, None, None));
    assert_eq!((accepted.partner_id, accepted.translit), (None, false));
    assert!(!accepted.daytime && !accepted.test);
}

#[tokio::test]
async fn a_test_costs_nothing_and_has_ids() {
    let rig = Rig::new(SimulatorConfig::default(), "test=1").await;
    let before = rig.simulator.balance();
    let outcomes = rig.smsru.submit(&[message(PHONE, "hi")]).await;
    assert!(outcomes[0].provider_id.is_some());
    assert_eq!(rig.simulator.balance(), before);
    assert!(rig.simulator.accepted().iter().all(|accepted| accepted.test));
}

#[tokio::test]
async fn every_spelling_of_the_options_of_a_worker_arrives() {
    let rig = Rig::plain().await;
    let mut asked = message(PHONE, "hi");
    let mut options = SendOptions::default();
    (options.translit, options.daytime, options.pass_deadline) = (true, true, true);
    options.end_user_ip = Some("203.0.113.7".parse().unwrap());
    asked.options = options;
    asked.valid_until = datetime_from_ms(rig.simulator.now_ms()) + Duration::from_secs(150);
    rig.smsru.submit(&[asked]).await;
    let accepted = rig.simulator.accepted().remove(0);
    assert!(accepted.translit && accepted.daytime);
    assert_eq!((accepted.ttl, accepted.ip.as_deref()), (Some(2), Some("203.0.113.7")));
}

#[tokio::test]
async fn refusals_have_their_codes_and_the_others_pass() {
    let rig = Rig::plain().await;
    for (more, code) in [(1, 202), (2, 209), (3, 233), (4, 221)] {
        rig.simulator.refuse(&phone(more).digits().to_string(), code);
    }
    let batch: Vec<_> = (0..5).map(|more| message(PHONE + more, "hi")).collect();
    let outcomes = rig.smsru.submit(&batch).await;
    let seen: Vec<_> =
        outcomes.iter().map(|outcome| (outcome.class.as_str(), outcome.code)).collect();
    let expected = [
        ("accepted", Some(100)),
        ("rejected", Some(202)),
        ("rejected", Some(209)),
        ("deferred", Some(233)),
        ("blocked", Some(221)),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn status_follows_a_message_to_its_end() {
    let rig = Rig::at_noon().await;
    let outcomes = rig.smsru.submit(&[message(PHONE, "hi")]).await;
    let id = outcomes[0].provider_id.clone().unwrap();
    let mut codes = Vec::new();
    for _ in 0..4 {
        let [status] = &rig.smsru.status(&[&id]).await.unwrap()[..] else { panic!("one status") };
        codes.push(status.code);
        rig.simulator.advance(Duration::from_millis(100));
    }
    assert_eq!(codes, [100, 101, 102, 103]);
    let [unknown] = &rig.smsru.status(&["202626-9"]).await.unwrap()[..] else {
        panic!("one status")
    };
    assert_eq!((unknown.code, unknown.state), (-1, None));
}

#[tokio::test]
async fn receipts_that_are_asked_for_say_how_it_ended() {
    let rig = Rig::at_noon().await;
    rig.simulator.deliver_to(&phone(1).digits().to_string(), Delivery::Failed(105));
    let outcomes = rig.smsru.submit(&[message(PHONE, "a"), message(PHONE + 1, "b")]).await;
    rig.simulator.advance(Duration::from_secs(1));
    let id = |provider_id: String| ProviderRef::new("smsru".to_owned(), provider_id);
    let mut ids: Vec<_> = outcomes.iter().filter_map(|it| it.provider_id.clone()).map(id).collect();
    ids.push(id("202626-9".to_owned()));
    let receipts = rig.smsru.query(&ids).await.unwrap();
    let seen: Vec<_> = receipts.iter().map(|receipt| (receipt.state, receipt.code)).collect();
    assert_eq!(
        seen,
        [(ReceiptState::Delivered, Some(103)), (ReceiptState::Undelivered, Some(105))]
    );
}

#[tokio::test]
async fn cost_tells_price_and_parts_and_sends_nothing() {
    let rig = Rig::plain().await;
    rig.simulator.add_to_stop_list(&phone(1).digits().to_string());
    let cost =
        rig.smsru.cost(&CostRequest::new([phone(0), phone(1)], "я".repeat(71))).await.unwrap();
    assert_eq!((cost.recipients[0].price, cost.recipients[0].parts), (Some(roubles("1")), Some(2)));
    assert_eq!(cost.recipients[1].refusal.as_ref().and_then(|refusal| refusal.code), Some(209));
    assert_eq!((cost.total, cost.parts), (Some(roubles("1")), Some(2)));
    assert_eq!(rig.simulator.accepted_count(), 0);
}

#[tokio::test]
async fn the_account_tells_what_it_has_left() {
    let rig =
        Rig::new(SimulatorConfig::default().balance(roubles("4122.56")).daily_limit(Some(10)), "")
            .await;
    let none: [&str; 0] = [];
    assert_eq!(rig.smsru.senders().await.unwrap(), none, "the key is absent when there is none");
    rig.simulator.set_senders(vec!["Acme".to_owned(), "Other".to_owned()]);
    assert_eq!(rig.smsru.balance().await.unwrap(), roubles("4122.56"));
    rig.smsru.submit(&[message(PHONE, "hi")]).await;
    let (limit, free) = (rig.smsru.limit().await.unwrap(), rig.smsru.free().await.unwrap());
    assert_eq!(((limit.total, limit.used), (free.total, free.used)), ((Some(10), 1), (Some(5), 0)));
    let info = rig.smsru.info().await.unwrap();
    assert_eq!((info.daily_limit, info.used_today), (Some(10), Some(1)));
    assert_eq!((info.balance, info.senders.len()), (Some(rig.simulator.balance()), 2));
}

#[tokio::test]
async fn a_wrong_key_is_told_from_a_right_one() {
    let rig = Rig::plain().await;
    rig.smsru.check_auth().await.unwrap();
    let address = rig.simulator.address();
    let stranger = SmsRu::from_url(&format!("smsru+http://WRONG@{address}")).unwrap();
    let error = stranger.check_auth().await.unwrap_err();
    assert_eq!(
        (error.kind(), Refusal::of(&error).and_then(|refusal| refusal.code)),
        (ErrorKind::Config, Some(200))
    );
    let outcomes = stranger.submit(&[message(PHONE, "hi")]).await;
    assert_eq!((outcomes[0].class, outcomes[0].code), (OutcomeClass::Blocked, Some(200)));
}

#[tokio::test]
async fn a_login_with_its_password_opens_the_account_too() {
    let simulator =
        Simulator::start(SimulatorConfig::default().login("79250000000", "p@ss")).await.unwrap();
    let address = simulator.address();
    let smsru = SmsRu::from_url(&format!("smsru+http://79250000000:p%40ss@{address}")).unwrap();
    smsru.check_auth().await.unwrap();
    let wrong = SmsRu::from_url(&format!("smsru+http://79250000000:wrong@{address}")).unwrap();
    assert_eq!(wrong.check_auth().await.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn the_stop_list_takes_a_number_in_and_lets_it_go() {
    let rig = Rig::plain().await;
    assert_eq!(rig.smsru.stoplist_get().await.unwrap(), []);
    rig.smsru.stoplist_add(phone(0), "asked to").await.unwrap();
    let entries = rig.smsru.stoplist_get().await.unwrap();
    assert_eq!((entries[0].phone, entries[0].note.as_str()), (phone(0), "asked to"));
    assert_eq!(rig.smsru.submit(&[message(PHONE, "hi")]).await[0].code, Some(209));
    rig.smsru.stoplist_del(phone(0)).await.unwrap();
    assert_eq!(rig.smsru.submit(&[message(PHONE, "hi")]).await[0].code, Some(100));
}

#[tokio::test]
async fn callback_addresses_come_and_go() {
    let rig = Rig::plain().await;
    let (one, two) = ("http://127.0.0.1:9/a", "https://example.org/b?c=d");
    assert_eq!(rig.smsru.callback_add(one).await.unwrap(), [one]);
    assert_eq!(rig.smsru.callback_add(two).await.unwrap(), [one, two]);
    assert_eq!(rig.smsru.callback_get().await.unwrap(), [one, two]);
    assert_eq!(rig.smsru.callback_del(one).await.unwrap(), [two]);
    let none: [&str; 0] = [];
    assert_eq!(
        rig.smsru.callback_del(two).await.unwrap(),
        none,
        "the key is absent when there is none"
    );
    let error = rig.smsru.callback_del(two).await.unwrap_err();
    assert_eq!(Refusal::of(&error).and_then(|refusal| refusal.code), Some(902));
}

#[tokio::test]
async fn a_code_call_names_its_code_and_is_charged_once() {
    let rig = Rig::plain().await;
    let before = rig.simulator.balance();
    let CodeCall::Made(call) = rig.smsru.code_call(phone(0), None).await.unwrap() else {
        panic!("the call was made")
    };
    assert!(call.code.len() == 4 && call.call_id.is_some());
    assert_eq!((call.cost, call.balance), (Some(roubles("0.40")), Some(rig.simulator.balance())));
    assert_eq!(before.micros() - rig.simulator.balance().micros(), 400_000);
    rig.simulator.inject(Fault::ResetAfter.on("code/call"));
    assert!(matches!(rig.smsru.code_call(phone(0), None).await.unwrap(), CodeCall::Unknown(_)));
    assert_eq!(rig.simulator.calls_of("code/call"), 2, "it was repeated");
}

#[tokio::test]
async fn a_check_by_call_waits_and_is_confirmed() {
    let rig = Rig::at_noon().await;
    let check = rig.smsru.callcheck_add(phone(0), None).await.unwrap();
    assert!(check.call_phone.starts_with('7') && check.call_phone_pretty.is_some());
    assert_eq!(rig.smsru.callcheck_status(&check.id).await.unwrap().code, 400);
    assert!(rig.simulator.confirm_call(&check.id));
    let status = rig.smsru.callcheck_status(&check.id).await.unwrap();
    assert_eq!((status.code, status.state), (401, Some(CallCheckState::Confirmed)));
    let late = rig.smsru.callcheck_add(phone(1), None).await.unwrap();
    rig.simulator.advance(Duration::from_mins(6));
    assert_eq!(rig.smsru.callcheck_status(&late.id).await.unwrap().code, 402);
}

#[tokio::test]
async fn the_probe_finds_out_whether_the_reason_of_a_refusal_is_gone() {
    let rig = Rig::new(SimulatorConfig::default().balance(roubles("0.30")), "").await;
    assert_eq!(rig.smsru.submit(&[message(PHONE, "hi")]).await[0].code, Some(201));
    let error = rig.smsru.check().await.unwrap_err().to_string();
    assert!(error.contains("0.30") && error.contains("0.50"), "{error}");
    rig.simulator.add_money(roubles("0.20"));
    rig.smsru.check().await.unwrap();
    assert_eq!(rig.simulator.calls_of("sms/send"), 1, "a probe sends nothing");

    rig.simulator.add_money(roubles("100"));
    rig.simulator.set_daily_limit(Some(0));
    assert_eq!(rig.smsru.submit(&[message(PHONE, "hi")]).await[0].code, Some(206));
    assert!(rig.smsru.check().await.is_err());
    rig.simulator.set_daily_limit(Some(5));
    rig.smsru.check().await.unwrap();

    rig.simulator.set_sender_required(true);
    assert_eq!(rig.smsru.submit(&[message(PHONE, "hi")]).await[0].code, Some(221));
    assert!(rig.smsru.check().await.is_err());
    rig.simulator.set_senders(vec!["Acme".to_owned()]);
    rig.smsru.check().await.unwrap();
}

#[tokio::test]
async fn callbacks_of_the_simulator_are_genuine_to_the_client() {
    use tokio::io::AsyncWriteExt;
    let rig = Rig::new(SimulatorConfig::default().callback_heartbeat(None), "").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    rig.smsru.callback_add(&url).await.unwrap();
    let outcomes = rig.smsru.submit(&[message(PHONE, "hi")]).await;
    let reader = rig.smsru.callback_reader().unwrap();
    let mut records = Vec::new();
    while !records.iter().any(|record: &sms_smsru::Record| record.receipt().is_some()) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = crate::support::read_request(&mut stream).await.unwrap();
        let body = request.split_once("\r\n\r\n").unwrap().1;
        records.extend(reader.read(body.as_bytes()).unwrap());
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\n100")
            .await
            .unwrap();
    }
    let receipt = records.iter().find_map(sms_smsru::Record::receipt).unwrap();
    assert_eq!(Some(receipt.provider_id), outcomes[0].provider_id);
    assert_eq!((receipt.state, receipt.code), (ReceiptState::Delivered, Some(103)));
}
